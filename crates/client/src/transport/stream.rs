//! A byte stream to a node: TLS with the platform's roots and Mozilla's, or plain TCP to this machine itself.

use protocol::identity::NodeUrl;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// How long a connection may take to stand, names, TCP and TLS together.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Why there is no connection; names neither the node nor its address.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// The name does not resolve, or nobody answers.
    #[error("the node cannot be reached")]
    Unreachable(#[source] io::Error),
    /// Too slow.
    #[error("the node does not answer")]
    Timeout,
    /// `http://` that leads off this machine.
    #[error("an address without TLS must be on this machine")]
    Insecure,
    /// The certificate is not for this node, or the handshake failed.
    #[error("the node's TLS certificate or handshake is not in order: {0}")]
    Tls(#[source] io::Error),
    /// TLS could not be set up here.
    #[error("TLS is not available: {0}")]
    Setup(#[from] rustls::Error),
    /// It answers, but not as a node does.
    #[error("there is no node at this address")]
    NotANode,
}

/// The parts of a node's URL that a connection needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name, or an address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
    /// `https`.
    pub is_secure: bool,
    /// The `Host` header: the host with brackets and port as they stand in the URL.
    pub authority: String,
    /// What stands before every path, without a slash at its end.
    pub base_path: String,
}

impl Target {
    /// Takes a node's URL apart; [`NodeUrl`] is normalised, so nothing is left to refuse.
    pub fn of(url: &NodeUrl) -> Self {
        let (scheme, rest) = url.as_str().split_once("://").unwrap_or(("https", url.as_str()));
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_secure = scheme == "https";
        let default_port = if is_secure { 443 } else { 80 };
        let (host, port) = match authority.strip_prefix('[') {
            Some(rest) => {
                let (host, rest) = rest.split_once(']').unwrap_or((rest, ""));
                (host, rest.strip_prefix(':'))
            }
            None => match authority.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (authority, None),
            },
        };
        Self {
            host: host.into(),
            port: port.and_then(|port| port.parse().ok()).unwrap_or(default_port),
            is_secure,
            authority: authority.into(),
            base_path: path.trim_end_matches('/').into(),
        }
    }
}

impl Target {
    /// A server that is no node: a relay.
    pub(crate) fn to_server(host: String, port: u16, is_secure: bool) -> Self {
        Self { authority: host.clone(), host, port, is_secure, base_path: String::new() }
    }
}

/// TLS settings, made once: reading the platform's roots takes milliseconds.
#[derive(Clone)]
pub struct Tls(Arc<ClientConfig>);

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Tls(..)")
    }
}

impl Tls {
    /// Trusts the platform's roots and Mozilla's: a bare machine has no roots, a company's has its own.
    ///
    /// # Errors
    /// [`ConnectError::Setup`] where the TLS library does not offer what is asked.
    pub fn new() -> Result<Self, ConnectError> {
        let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        let platform = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(platform.certs);
        Self::with_roots(roots)
    }

    /// Trusts exactly `roots`.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_roots(roots: RootCertStore) -> Result<Self, ConnectError> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self(Arc::new(config)))
    }
}

/// An open stream.
#[derive(Debug)]
pub enum Stream {
    /// To this machine itself.
    Plain(TcpStream),
    /// To anywhere.
    Tls(Box<TlsStream<TcpStream>>),
}

/// Connects to a node.
///
/// # Errors
/// [`ConnectError`], within [`CONNECT_TIMEOUT`].
pub async fn connect(target: &Target, tls: &Tls) -> Result<Stream, ConnectError> {
    tokio::time::timeout(CONNECT_TIMEOUT, connect_untimed(target, tls)).await.map_err(|_| ConnectError::Timeout)?
}

async fn connect_untimed(target: &Target, tls: &Tls) -> Result<Stream, ConnectError> {
    let tcp = TcpStream::connect((target.host.as_str(), target.port)).await.map_err(ConnectError::Unreachable)?;
    tcp.set_nodelay(true).map_err(ConnectError::Unreachable)?;
    if !target.is_secure {
        let peer = tcp.peer_addr().map_err(ConnectError::Unreachable)?;
        // `localhost` is a name like any other: what it resolved to counts.
        if !peer.ip().to_canonical().is_loopback() {
            return Err(ConnectError::Insecure);
        }
        return Ok(Stream::Plain(tcp));
    }
    let name = ServerName::try_from(target.host.clone())
        .map_err(|_| ConnectError::Unreachable(io::Error::from(io::ErrorKind::InvalidInput)))?;
    let stream = TlsConnector::from(tls.0.clone()).connect(name, tcp).await.map_err(ConnectError::Tls)?;
    Ok(Stream::Tls(Box::new(stream)))
}

/// The address at the other end.
pub(crate) fn peer_address(stream: &Stream) -> io::Result<std::net::SocketAddr> {
    match stream {
        Stream::Plain(stream) => stream.peer_addr(),
        Stream::Tls(stream) => stream.get_ref().0.peer_addr(),
    }
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Tls(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Tls(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Tls(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Tls(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> (String, u16, bool, String, String) {
        let target = Target::of(&NodeUrl::parse(url).unwrap());
        (target.host, target.port, target.is_secure, target.authority, target.base_path)
    }

    #[test]
    fn url_comes_apart() {
        let expect = |host: &str, port, is_secure, authority: &str, path: &str| {
            (host.to_owned(), port, is_secure, authority.to_owned(), path.to_owned())
        };
        assert_eq!(target("https://node.example"), expect("node.example", 443, true, "node.example", ""));
        assert_eq!(
            target("https://node.example:8443/a/b"),
            expect("node.example", 8443, true, "node.example:8443", "/a/b")
        );
        assert_eq!(target("http://127.0.0.1:4430"), expect("127.0.0.1", 4430, false, "127.0.0.1:4430", ""));
        assert_eq!(target("http://[::1]:4430"), expect("::1", 4430, false, "[::1]:4430", ""));
    }

    #[tokio::test]
    async fn nobody_there_is_unreachable() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let target = Target::of(&NodeUrl::parse(&format!("http://127.0.0.1:{port}")).unwrap());
        let tls = Tls::with_roots(RootCertStore::empty()).unwrap();
        assert!(matches!(connect(&target, &tls).await, Err(ConnectError::Unreachable(_))));
    }

    #[tokio::test]
    async fn plain_server_is_no_tls_server() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 400 Bad Request\r\n\r\n").await.unwrap();
        });
        let target = Target::of(&NodeUrl::parse(&format!("https://127.0.0.1:{port}")).unwrap());
        let tls = Tls::new().unwrap();
        assert!(matches!(connect(&target, &tls).await, Err(ConnectError::Tls(_))));
        server.await.unwrap();
    }
}
