//! A node that fetches its own certificate: Pebble, the ACME working group's test authority, on loopback.

use client::transport::stream::{Target, Tls, connect};
use protocol::identity::NodeUrl;
use rustls::RootCertStore;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tests::{Node, PATIENCE, Person, free_port};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Between two looks at whether something is there.
const POLL: Duration = Duration::from_millis(50);

/// An authority on loopback, killed at the end.
struct Authority {
    child: Child,
    /// Where orders go.
    port: u16,
    /// Where its root can be asked for.
    management_port: u16,
    /// The certificate of its own pages.
    ca: PathBuf,
}

impl Authority {
    fn start(folder: &Path, node_port: u16) -> Self {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let (ca, key) = (folder.join("authority.pem"), folder.join("authority.key"));
        std::fs::write(&ca, own.cert.pem()).expect("writes");
        std::fs::write(&key, own.signing_key.serialize_pem()).expect("writes");
        let (port, management_port) = (free_port(), free_port());
        let config = serde_json::json!({ "pebble": {
            "listenAddress": format!("127.0.0.1:{port}"),
            "managementListenAddress": format!("127.0.0.1:{management_port}"),
            "certificate": ca, "privateKey": key,
            "httpPort": 1, "tlsPort": node_port, "ocspResponderURL": "", "externalAccountBindingRequired": false,
        }});
        let file = folder.join("authority.json");
        std::fs::write(&file, config.to_string()).expect("writes");
        let child = Command::new("pebble")
            .arg("-config")
            .arg(file)
            // No naps between the steps; a share of good nonces is refused, as it does by itself.
            .env("PEBBLE_VA_NOSLEEP", "1")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("pebble starts: `cargo xtask test` installs it");
        Self { child, port, management_port, ca }
    }

    fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        self.stop();
    }
}

/// The body of a page, or nothing while it cannot be had.
async fn get(port: u16, path: &str, trusted: &Path) -> Option<String> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(trusted).expect("a root in PEM")).expect("a usable root");
    let tls = Tls::with_roots(roots).expect("TLS");
    let url = NodeUrl::parse(&format!("https://localhost:{port}")).expect("a URL");
    let mut stream = connect(&Target::of(&url), &tls).await.ok()?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.ok()?;
    let (head, body) = answer.split_once("\r\n\r\n")?;
    head.starts_with("HTTP/1.1 200").then(|| body.to_owned())
}

/// Asks until there is an answer.
fn get_in_time(port: u16, path: &str, trusted: &Path) -> String {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let started = Instant::now();
    loop {
        if let Some(body) = runtime.block_on(get(port, path, trusted)) {
            return body;
        }
        assert!(started.elapsed() < PATIENCE, "no answer from https://localhost:{port}{path}");
        std::thread::sleep(POLL);
    }
}

#[test]
fn a_node_fetches_its_certificate_and_keeps_it_over_a_restart() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let mut authority = Authority::start(folder.path(), port);
    let root = folder.path().join("root.pem");
    std::fs::write(&root, get_in_time(authority.management_port, "/roots/0", &authority.ca)).expect("writes");

    let directory = format!("https://localhost:{}/dir", authority.port);
    let ca = authority.ca.to_str().expect("a plain path").to_owned();
    let acme = ["--acme-domain", "localhost", "--acme-contact", "it@example.org", "--acme-directory", &directory];
    let arguments = [&acme[..], &["--acme-ca", &ca]].concat();
    let data = folder.path().join("data");
    let node = Node::start_on(&data, port, &arguments);
    assert_eq!(get_in_time(port, "/healthz", &root).trim(), "ok");
    drop(node);

    // The authority is gone: what was fetched is enough.
    authority.stop();
    let _node = Node::start_on(&data, port, &arguments);
    assert_eq!(get_in_time(port, "/healthz", &root).trim(), "ok");
    let url = format!("https://localhost:{port}");
    let trusting = Person::new_trusting(folder.path(), "Ada", &url, &root);
    assert!(trusting.run(&["invite"]).ok().field("invite", "link").starts_with(&url), "over TLS");
    // Whoever does not trust the root is not served over anything less.
    let distrusting = Person::new(folder.path(), "Bob", &url);
    assert_eq!(distrusting.run(&["invite"]).status, Some(3));
}
