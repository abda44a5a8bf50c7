//! TLS from files: post-quantum by preference, and a changed certificate taken over while running.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use process::{Node, PATIENCE};
use rustls::{ClientConfig, NamedGroup, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Writes a new certificate for `localhost` and its key, and returns the certificate.
fn write_certificate(folder: &Path) -> CertificateDer<'static> {
    let rcgen::CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("key.pem"), signing_key.serialize_pem()).unwrap();
    std::fs::write(folder.join("chain.pem"), cert.pem()).unwrap();
    cert.der().clone()
}

/// Asks for `/healthz` of a node that must prove itself by `certificate`; the group of the key exchange.
async fn healthz(node: &Node, certificate: &CertificateDer<'static>) -> std::io::Result<NamedGroup> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = config.with_root_certificates(roots).with_no_client_auth();
    let tcp = TcpStream::connect(node.address).await?;
    let name = ServerName::try_from("localhost").unwrap();
    let mut tls = TlsConnector::from(Arc::new(config)).connect(name, tcp).await?;
    let group = tls.get_ref().1.negotiated_key_exchange_group().unwrap().name();
    tls.write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await?;
    let mut answer = Vec::new();
    tls.read_to_end(&mut answer).await?;
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
    Ok(group)
}

#[tokio::test]
async fn tls_prefers_the_post_quantum_hybrid_and_takes_over_a_changed_certificate() {
    let data = tempfile::tempdir().unwrap();
    let files = tempfile::tempdir().unwrap();
    let first = write_certificate(files.path());
    let (chain, key) = (files.path().join("chain.pem"), files.path().join("key.pem"));
    let flags = ["--tls-cert", chain.to_str().unwrap(), "--tls-key", key.to_str().unwrap()];
    let node = Node::start(data.path(), &flags);
    assert!(node.first_lines[0].starts_with("listening on https://127.0.0.1:"), "{:?}", node.first_lines);
    assert_eq!(healthz(&node, &first).await.unwrap(), NamedGroup::X25519MLKEM768);

    // A broken pair changes nothing.
    std::fs::write(&chain, "no certificate").unwrap();
    assert!(healthz(&node, &first).await.is_ok());
    let second = write_certificate(files.path());
    let taken_over = async {
        while healthz(&node, &second).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, taken_over).await.unwrap();
    assert!(healthz(&node, &first).await.is_err());
}
