//! HTTP to an object store: the crate `object_store` signs and retries, this sends. No other HTTP client comes into
//! the node (docs/decisions/0022).

use anyhow::{Context as _, bail};
use axum::http::header::HOST;
use axum::http::uri::{Authority, PathAndQuery};
use axum::http::{HeaderValue, Uri};
use http_body_util::BodyExt;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpRequestBody, HttpResponse, HttpResponseBody,
    HttpService,
};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long connecting may take, TLS included.
const CONNECT_MAX: Duration = Duration::from_secs(10);
/// How long an answer's head may take: the body of the request is sent within it.
const ANSWER_MAX: Duration = Duration::from_secs(60);
/// Idle connections that are kept, in all.
const IDLE_MAX: usize = 16;

type Sender = SendRequest<HttpRequestBody>;

/// Makes clients that share connections.
#[derive(Clone)]
pub struct Connector {
    tls: TlsConnector,
    idle: Arc<Mutex<HashMap<Authority, Vec<Sender>>>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector(..)")
    }
}

impl Connector {
    /// Trusts the web's roots, or those of a PEM file instead.
    ///
    /// # Errors
    /// If the file cannot be used or TLS cannot be set up.
    pub fn new(ca: Option<&Path>) -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        match ca {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(ca) => {
                let read = || format!("files_s3_ca: cannot read certificates from {}", ca.display());
                for root in CertificateDer::pem_file_iter(ca).with_context(read)? {
                    roots.add(root.with_context(read)?).with_context(read)?;
                }
            }
        }
        if roots.is_empty() {
            bail!("files_s3_ca: no certificate in it");
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .context("no TLS for the object store")?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { tls: TlsConnector::from(Arc::new(config)), idle: Arc::default() })
    }

    fn take_idle(&self, authority: &Authority) -> Option<Sender> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        let senders = idle.get_mut(authority)?;
        std::iter::from_fn(|| senders.pop()).find(Sender::is_ready)
    }

    fn keep_idle(&self, authority: Authority, sender: Sender) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if idle.values().map(Vec::len).sum::<usize>() < IDLE_MAX {
            idle.entry(authority).or_default().push(sender);
        }
    }

    async fn open(&self, uri: &Uri, authority: &Authority) -> Result<Sender, HttpError> {
        let failed = |error: std::io::Error| HttpError::new(HttpErrorKind::Connect, error);
        let is_secure = uri.scheme_str() == Some("https");
        let host = authority.host().trim_start_matches('[').trim_end_matches(']');
        let port = authority.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let tcp = TcpStream::connect((host, port)).await.map_err(failed)?;
        // Delays of small packets are worse than their number.
        let _ = tcp.set_nodelay(true);
        if !is_secure {
            return handshake(tcp).await;
        }
        let name =
            ServerName::try_from(host.to_owned()).map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?;
        handshake(self.tls.connect(name, tcp).await.map_err(failed)?).await
    }

    async fn send(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let (mut parts, body) = request.into_parts();
        let no_host = || HttpError::new(HttpErrorKind::Unknown, std::io::Error::other("a URL without a host"));
        let authority = parts.uri.authority().cloned().ok_or_else(no_host)?;
        let mut sender = match self.take_idle(&authority) {
            Some(sender) => sender,
            None => match tokio::time::timeout(CONNECT_MAX, self.open(&parts.uri, &authority)).await {
                Ok(opened) => opened?,
                Err(late) => return Err(HttpError::new(HttpErrorKind::Connect, late)),
            },
        };
        let host = HeaderValue::from_str(authority.as_str());
        parts.headers.insert(HOST, host.map_err(|error| HttpError::new(HttpErrorKind::Unknown, error))?);
        parts.uri = parts.uri.path_and_query().cloned().unwrap_or(PathAndQuery::from_static("/")).into();
        let sending = sender.send_request(HttpRequest::from_parts(parts, body));
        let response = match tokio::time::timeout(ANSWER_MAX, sending).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => return Err(HttpError::new(HttpErrorKind::Request, error)),
            Err(late) => return Err(HttpError::new(HttpErrorKind::Timeout, late)),
        };
        let connector = self.clone();
        tokio::spawn(async move {
            // Ready once the answer's body is read; never if it is given up.
            if sender.ready().await.is_ok() {
                connector.keep_idle(authority, sender);
            }
        });
        let (parts, body) = response.into_parts();
        let body = body.map_err(|error| HttpError::new(HttpErrorKind::Interrupted, error));
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::new(body)))
    }
}

async fn handshake(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static) -> Result<Sender, HttpError> {
    let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|error| HttpError::new(HttpErrorKind::Connect, error))?;
    // It works beside the requests and ends with the last of them.
    tokio::spawn(connection);
    Ok(sender)
}

#[async_trait::async_trait]
impl HttpService for Connector {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        self.send(request).await
    }
}

impl HttpConnector for Connector {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.clone()))
    }
}
