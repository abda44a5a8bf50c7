//! The relay of calls, used by coturn's own client as it comes: by UDP, TCP and TLS, as indications and channel data.

use futures_util::{SinkExt, StreamExt};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tests::{Node, PATIENCE, free_port};
use tokio_tungstenite::tungstenite::Message;
use wire::node::{Event, Request, SOCKET_PATH, encode_requests, parse_events};
use wire::relay::RelayTerms;

/// Asks a node as any client does: over a connection on which nobody said who it is.
async fn ask(port: u16) -> Event {
    let asked = async {
        let (mut socket, _) =
            tokio_tungstenite::connect_async(format!("ws://127.0.0.1:{port}{SOCKET_PATH}")).await.expect("connects");
        let request = encode_requests(vec![(7, Request::Relay)]);
        socket.send(Message::Binary(request)).await.expect("sends");
        loop {
            let Some(Ok(Message::Binary(frame))) = socket.next().await else { continue };
            let events = parse_events(frame).expect("events");
            if let Some((_, event)) = events.into_iter().find(|(id, _)| *id == 7) {
                return event;
            }
        }
    };
    tokio::time::timeout(PATIENCE, asked).await.expect("an answer in time")
}

fn terms(port: u16) -> RelayTerms {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(ask(port)) {
        Event::Relay(terms) => *terms,
        other => panic!("no terms but {other:?}"),
    }
}

/// What a run of coturn's client said, and how it ended.
struct Ran {
    is_success: bool,
    output: String,
}

/// Runs coturn's client against a node. It gives up by itself; `timeout` ends what hangs.
fn uclient(port: u16, terms: &RelayTerms, more: &[&str]) -> Ran {
    let output = Command::new("timeout")
        .arg(PATIENCE.as_secs().to_string())
        .args(["turnutils_uclient", "-u", &terms.username, "-w", &terms.password, "-p", &port.to_string()])
        // 171 bytes: no attribute of STUN ends so without padding.
        .args(["-n", "20", "-z", "10", "-c", "-l", "171"])
        .args(more)
        .arg("127.0.0.1")
        .stdin(Stdio::null())
        .output()
        .expect("turnutils_uclient runs: `cargo xtask test` installs it");
    let text = [output.stdout, output.stderr].concat();
    Ran { is_success: output.status.success(), output: String::from_utf8_lossy(&text).into_owned() }
}

/// Echoes came back: most of them, for a crowded machine may lose a datagram, as any network may.
fn assert_relayed(ran: &Ran, how: &str) {
    assert!(ran.is_success, "{how}: {}", ran.output);
    let count = |name: &str| {
        let mut lines = ran.output.lines().filter(|line| line.contains("start_mclient: tot_send_msgs="));
        let number = lines.next_back().and_then(|line| line.split_once(name)).map(|(_, rest)| rest);
        let digits = number.map(|rest| rest.chars().take_while(char::is_ascii_digit).collect::<String>());
        digits.and_then(|digits| digits.parse::<u32>().ok()).unwrap_or(0)
    };
    let (sent, received) = (count("tot_send_msgs="), count("tot_recv_msgs="));
    assert!(sent >= 20 && received * 2 >= sent, "{how}: {}", ran.output);
}

/// coturn's echo, killed at the end.
struct Peer(Child);

impl Peer {
    fn start(port: u16) -> Self {
        let child = Command::new("turnutils_peer")
            .args(["-L", "127.0.0.1", "-p", &port.to_string()])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("turnutils_peer starts: `cargo xtask test` installs it");
        let peer = Self(child);
        peer.wait(port);
        peer
    }

    /// Until it echoes.
    fn wait(&self, port: u16) {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(Duration::from_millis(100))).expect("a timeout");
        let began = std::time::Instant::now();
        while began.elapsed() < PATIENCE {
            let sent = socket.send_to(b"are you there?", ("127.0.0.1", port));
            if sent.is_ok() && socket.recv_from(&mut [0; 64]).is_ok() {
                return;
            }
        }
        panic!("the peer does not echo");
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The UDP port of the relay, as the node says it.
fn udp_port(terms: &RelayTerms) -> u16 {
    let url = terms.urls.iter().find(|url| url.ends_with("transport=udp")).expect("a URL for UDP");
    let port = url.split([':', '?']).nth(2).and_then(|port| port.parse().ok());
    port.expect("turn:HOST:PORT?transport=udp")
}

#[test]
fn coturns_client_is_relayed_by_udp_and_tcp() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start_on(&folder.path().join("node"), free_port(), &["--relay", "private", "--web", "off"]);
    let peer_port = free_port();
    let _peer = Peer::start(peer_port);
    let to_peer = ["-e", "127.0.0.1", "-r", &peer_port.to_string()];
    let terms = terms(node.port());
    let udp = udp_port(&terms);
    std::thread::scope(|scope| {
        let run = |port, how: &'static [&'static str]| {
            let (terms, to_peer) = (&terms, &to_peer);
            scope.spawn(move || assert_relayed(&uclient(port, terms, &[how, to_peer].concat()), how[0]))
        };
        let runs = [run(udp, &["-X"]), run(udp, &["-s"]), run(node.port(), &["-t"]), run(node.port(), &["-t", "-s"])];
        runs.into_iter().for_each(|run| run.join().expect("relayed"));
    });
    let log = std::fs::read_to_string(node.log_file()).expect("a log");
    let is_silent = !log.contains(&terms.username) && !log.contains(&terms.password);
    assert!(is_silent, "a credential in the log");
}

#[test]
fn coturns_client_is_relayed_by_tls_on_the_port_of_https_and_private_peers_are_not() {
    let folder = tempfile::tempdir().expect("a folder");
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let (certificate, key) = (folder.path().join("cert.pem"), folder.path().join("key.pem"));
    std::fs::write(&certificate, own.cert.pem()).expect("writes");
    std::fs::write(&key, own.signing_key.serialize_pem()).expect("writes");
    let data = folder.path().join("node");
    // Credentials are made from the node's key: those of before a restart are still good.
    let plain = Node::start_on(&data, free_port(), &["--web", "off"]);
    let terms = terms(plain.port());
    let peer_port = free_port();
    let _peer = Peer::start(peer_port);
    let refused = uclient(udp_port(&terms), &terms, &["-e", "127.0.0.2", "-r", &peer_port.to_string()]);
    assert!(!refused.is_success && refused.output.contains("403"), "{}", refused.output);
    drop(plain);
    let files = [certificate.to_string_lossy().into_owned(), key.to_string_lossy().into_owned()];
    let node = Node::start_on(
        &data,
        free_port(),
        &["--web", "off", "--relay", "private", "--tls-cert", &files[0], "--tls-key", &files[1]],
    );
    let ran = uclient(node.port(), &terms, &["-t", "-S", "-e", "127.0.0.1", "-r", &peer_port.to_string()]);
    assert_relayed(&ran, "TLS");
}

#[test]
fn a_wrong_password_gets_nothing_and_a_node_without_a_relay_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start(&folder.path().join("on"));
    let terms = terms(node.port());
    let wrong = RelayTerms { password: "wrong".to_owned(), ..terms };
    let ran = uclient(udp_port(&wrong), &wrong, &["-y"]);
    assert!(!ran.is_success && ran.output.contains("Cannot complete Allocation"), "{}", ran.output);
    let off = Node::start_on(&folder.path().join("off"), free_port(), &["--relay", "off"]);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    assert_eq!(runtime.block_on(ask(off.port())), Event::Refused(wire::node::Refusal::Denied));
}
