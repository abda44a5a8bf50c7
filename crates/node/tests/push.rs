//! Bells (LANE.md N15) at a real node, rung at a push service on loopback that opens what it gets.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use aws_lc_rs::signature::{self, ECDSA_P256_SHA256_FIXED};
use data_encoding::BASE64URL_NOPAD;
use process::{Client, Node, PATIENCE, append, body, lane};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use wire::bell::Bell;
use wire::lane::CellKind;
use wire::node::{Event, PUSH_KEY_PATH, Refusal, Request};

/// A push service with one subscription.
struct Service {
    listener: TcpListener,
    key: PrivateKey,
}

struct Message {
    head: String,
    body: Vec<u8>,
}

impl Service {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        Self { listener, key: PrivateKey::generate(&ECDH_P256).unwrap() }
    }

    fn origin(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    fn bell(&self) -> Request {
        let endpoint = format!("{}/push/secret", self.origin());
        let point = self.key.compute_public_key().unwrap();
        Request::Bell(Some(Box::new(Bell::parse(endpoint.as_bytes(), point.as_ref(), &[9; 16]).unwrap())))
    }

    /// Takes the next message and answers it with a status.
    async fn next(&self, status: &str) -> Message {
        let next = async {
            let (mut stream, _) = self.listener.accept().await.unwrap();
            let mut head = Vec::new();
            while !head.ends_with(b"\r\n\r\n") {
                head.push(stream.read_u8().await.unwrap());
            }
            let head = String::from_utf8(head).unwrap();
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: ")).unwrap();
            let mut body = vec![0; length.parse().unwrap()];
            stream.read_exact(&mut body).await.unwrap();
            stream.write_all(format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n").as_bytes()).await.unwrap();
            Message { head, body }
        };
        tokio::time::timeout(PATIENCE, next).await.expect("a message in time")
    }

    /// What a browser's push library does (RFC 8291 s.3.4).
    fn open(&self, body: &[u8]) -> Vec<u8> {
        let (salt, rest) = body.split_at(16);
        assert_eq!(rest[..5], [0, 0, 16, 0, 65], "record size 4,096, a key of 65 bytes");
        let (sender, record) = rest[5..].split_at(65);
        let own = self.key.compute_public_key().unwrap();
        let info = |ecdh: &[u8]| Ok(derive::<32>(&[9; 16], ecdh, &[b"WebPush: info\0", own.as_ref(), sender]));
        let ikm = agree(&self.key, UnparsedPublicKey::new(&ECDH_P256, sender), (), info).unwrap();
        let key =
            UnboundKey::new(&AES_128_GCM, &derive::<16>(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"])).unwrap();
        let nonce = Nonce::assume_unique_for_key(derive(salt, &ikm, &[b"Content-Encoding: nonce\0"]));
        let mut record = record.to_vec();
        LessSafeKey::new(key).open_in_place(nonce, Aad::empty(), &mut record).unwrap().to_vec()
    }
}

struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

fn derive<const N: usize>(salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> [u8; N] {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(ikm).expand(info, Length(N)).unwrap().fill(&mut out).unwrap();
    out
}

fn start(data: &tempfile::TempDir) -> Node {
    Node::start(data.path(), &["--push", "private", "--web", "off"])
}

#[tokio::test]
async fn reader_that_left_is_told_once_and_without_content() {
    let data = tempfile::tempdir().unwrap();
    let (node, service) = (start(&data), Service::start().await);
    let (mut writer, mut reader) = (Client::connect(&node).await, Client::connect(&node).await);
    let (handle, _) = writer.open(lane(1).open(0)).await;
    reader.open(lane(1).open(0)).await;
    assert_eq!(reader.ask(service.bell()).await, Event::Done);
    writer.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();
    assert!(matches!(reader.next().await, Some((0, Event::Push { .. }))), "pushed where it is connected");
    drop(reader);
    // It says no goodbye, and something was sent since it was last heard.
    let message = service.next("201 Created").await;
    assert!(message.head.starts_with("POST /push/secret HTTP/1.1\r\n"), "{}", message.head);
    for line in ["content-encoding: aes128gcm", "urgency: high", "ttl: 2592000"] {
        assert!(message.head.contains(&format!("\r\n{line}\r\n")), "{line} is not in {}", message.head);
    }
    assert_eq!(service.open(&message.body), [1, 2], "a version and the delimiter, nothing else");

    let (status, public) = node.http(&format!("GET {PUSH_KEY_PATH} HTTP/1.1\r\nHost: node\r\n"), b"").await;
    let public = String::from_utf8(public).unwrap();
    let token = message.head.lines().find_map(|line| line.strip_prefix("authorization: vapid t=")).unwrap();
    let (token, key) = token.split_once(", k=").unwrap();
    assert_eq!((status, key), (200, public.as_str()));
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).unwrap();
    let key = signature::UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(key));
    key.verify(signed.as_bytes(), &decode(signature)).unwrap();
    let claims = String::from_utf8(decode(signed.split_once('.').unwrap().1)).unwrap();
    assert!(claims.starts_with(&format!("{{\"aud\":\"{}\",\"exp\":", service.origin())), "{claims}");
    let log = node.stop_and_read_log().await;
    assert!(!log.contains("/push/secret") && !log.contains(&service.origin()), "{log}");
}

#[tokio::test]
async fn reader_that_said_goodbye_is_told_of_the_next_cell_and_a_gone_endpoint_is_refused() {
    let data = tempfile::tempdir().unwrap();
    let (node, service) = (start(&data), Service::start().await);
    let (mut writer, mut reader) = (Client::connect(&node).await, Client::connect(&node).await);
    let (handle, _) = writer.open(lane(1).open(0)).await;
    reader.open(lane(1).open(0)).await;
    assert_eq!(reader.ask(service.bell()).await, Event::Done);
    reader.send_message(tokio_tungstenite::tungstenite::Message::Close(None)).await;
    assert_eq!(reader.closed().await, Some(1_000));
    drop(reader);
    // Appended until the node has noticed: cells that come before are pushed into the closed connection.
    let mut nth = 0;
    let rung = service.next("410 Gone");
    let mut rung = std::pin::pin!(rung);
    let message = loop {
        writer.append(append(handle, nth, 0, CellKind::App, body(nth))).await.unwrap();
        nth += 1;
        tokio::select! {
            message = &mut rung => break message,
            () = tokio::time::sleep(std::time::Duration::from_millis(20)) => {}
        }
    };
    assert_eq!(service.open(&message.body), [1, 2]);
    let refused = async {
        while writer.ask(service.bell()).await != Event::Refused(Refusal::Denied) {
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused).await.expect("the node takes in that it is gone");
}

#[tokio::test]
async fn node_without_push_takes_no_bell_and_has_no_key() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &["--push", "off"]);
    let mut client = Client::connect(&node).await;
    assert_eq!(client.ask(Service::start().await.bell()).await, Event::Refused(Refusal::Denied));
    assert_eq!(client.ask(Request::Bell(None)).await, Event::Done);
    assert_eq!(node.http(&format!("GET {PUSH_KEY_PATH} HTTP/1.1\r\nHost: node\r\n"), b"").await.0, 404);
    assert!(!data.path().join("push.key").exists());
}

#[tokio::test]
async fn nobody_is_sent_into_a_private_network() {
    let data = tempfile::tempdir().unwrap();
    let node = Node::start(data.path(), &["--push", "on", "--admin-listen", "127.0.0.1:0"]);
    let admin = node.first_lines.iter().find_map(|line| line.strip_prefix("metrics on http://")).unwrap();
    let admin = admin.trim_end_matches("/metrics").parse().unwrap();
    let service = Service::start().await;
    let (mut writer, mut reader) = (Client::connect(&node).await, Client::connect(&node).await);
    let (handle, _) = writer.open(lane(1).open(0)).await;
    reader.open(lane(1).open(0)).await;
    assert_eq!(reader.ask(service.bell()).await, Event::Done);
    drop(reader);
    let failed = async {
        for nth in 0.. {
            writer.append(append(handle, nth, 0, CellKind::App, body(nth))).await.unwrap();
            let (_, text) = process::http(admin, "GET /metrics HTTP/1.1\r\nHost: node\r\n", b"").await;
            if String::from_utf8(text).unwrap().contains("sottovoce_pushes_failed_total 1\n") {
                return;
            }
        }
    };
    tokio::select! {
        () = failed => {}
        _ = service.listener.accept() => panic!("a private address was asked"),
        () = tokio::time::sleep(PATIENCE) => panic!("the message was neither sent nor refused"),
    }
}
