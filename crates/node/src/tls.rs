//! TLS: a certificate from files, read again when they change, or one fetched and renewed by ACME.

use anyhow::{Context as _, bail};
use futures_util::StreamExt;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use rustls_acme::caches::DirCache;
use rustls_acme::{AcmeConfig, is_tls_alpn_challenge};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// How often the files are looked at.
const RELOAD_EVERY: Duration = Duration::from_secs(2);

/// How the node proves its name.
pub struct Tls {
    config: Arc<ServerConfig>,
    challenge: Option<Arc<ServerConfig>>,
}

#[derive(Debug)]
struct FromFiles {
    certificate: PathBuf,
    key: PathBuf,
    current: RwLock<Arc<CertifiedKey>>,
}

impl ResolvesServerCert for FromFiles {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner)))
    }
}

fn load(certificate: &Path, key: &Path) -> anyhow::Result<Arc<CertifiedKey>> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .with_context(|| format!("tls_cert: cannot read {}", certificate.display()))?
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("tls_cert: {} is not PEM", certificate.display()))?;
    if chain.is_empty() {
        bail!("tls_cert: {} holds no certificate", certificate.display());
    }
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("tls_key: cannot read a private key from {}", key.display()))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let certified =
        CertifiedKey::from_der(chain, private, &provider).context("tls_cert and tls_key do not belong together")?;
    Ok(Arc::new(certified))
}

fn modified(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).and_then(|metadata| metadata.modified()).ok()
}

fn server_config(resolver: Arc<dyn ResolvesServerCert>) -> anyhow::Result<Arc<ServerConfig>> {
    // The provider offers X25519MLKEM768 first.
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// Trusts what the roots in a PEM file signed, and nothing else.
fn client_config(ca: &Path) -> anyhow::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    let read = || format!("acme_ca: cannot read certificates from {}", ca.display());
    for root in CertificateDer::pem_file_iter(ca).with_context(read)? {
        roots.add(root.with_context(read)?).with_context(read)?;
    }
    if roots.is_empty() {
        bail!("acme_ca: {} holds no certificate", ca.display());
    }
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    let config = ClientConfig::builder_with_provider(Arc::new(provider)).with_safe_default_protocol_versions()?;
    Ok(Arc::new(config.with_root_certificates(roots).with_no_client_auth()))
}

impl Tls {
    /// From files; a changed pair is taken over while running, a broken one is reported and the old one kept.
    ///
    /// # Errors
    /// Names the file that cannot be used.
    pub fn from_files(certificate: &Path, key: &Path) -> anyhow::Result<Self> {
        let current = RwLock::new(load(certificate, key)?);
        let files = Arc::new(FromFiles { certificate: certificate.into(), key: key.into(), current });
        let resolver: Arc<dyn ResolvesServerCert> = files.clone();
        tokio::spawn(reload(files));
        Ok(Self { config: server_config(resolver)?, challenge: None })
    }

    /// By ACME (TLS-ALPN-01 on the node's own port), cached in `cache`; `ca` is the root of the directory's own
    /// certificate, where it is not one of the web's.
    ///
    /// # Errors
    /// If TLS cannot be set up or `ca` cannot be used.
    pub fn from_acme(
        domain: &str,
        contact: Option<&str>,
        directory: &str,
        ca: Option<&Path>,
        cache: PathBuf,
    ) -> anyhow::Result<Self> {
        let contact = contact.map(|mail| format!("mailto:{mail}"));
        let acme = match ca {
            Some(ca) => AcmeConfig::new_with_client_config([domain], client_config(ca)?),
            None => AcmeConfig::new([domain]),
        };
        let acme = acme.contact(contact).cache(DirCache::new(cache)).directory(directory);
        let mut state = acme.state();
        let config = server_config(state.resolver())?;
        let challenge = Some(state.challenge_rustls_config());
        tokio::spawn(async move {
            while let Some(event) = state.next().await {
                match event {
                    Ok(_) => tracing::info!("ACME: a step was done"),
                    Err(error) => tracing::warn!(%error, "ACME: a step failed and will be tried again"),
                }
            }
        });
        Ok(Self { config, challenge })
    }

    /// Does the handshake; `None` if it failed or was only ACME asking.
    pub async fn accept(&self, tcp: TcpStream) -> Option<TlsStream<TcpStream>> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), tcp).await.ok()?;
        if let Some(challenge) = &self.challenge
            && is_tls_alpn_challenge(&start.client_hello())
        {
            let mut stream = start.into_stream(Arc::clone(challenge)).await.ok()?;
            let _ = stream.shutdown().await;
            return None;
        }
        start.into_stream(Arc::clone(&self.config)).await.ok()
    }
}

async fn reload(files: Arc<FromFiles>) {
    let stamp = |files: &FromFiles| (modified(&files.certificate), modified(&files.key));
    let mut seen = stamp(&files);
    loop {
        tokio::time::sleep(RELOAD_EVERY).await;
        let now = stamp(&files);
        if now == seen {
            continue;
        }
        match load(&files.certificate, &files.key) {
            Ok(certified) => {
                *files.current.write().unwrap_or_else(PoisonError::into_inner) = certified;
                tracing::info!("the TLS certificate was read again");
                seen = now;
            }
            Err(error) => tracing::warn!("the changed TLS certificate is not used: {error:#}"),
        }
    }
}
