//! A real node process, and a client that speaks as any client does.

pub mod files;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use wire::id::{BlobId, Hash, LaneId, NodeKey, ReadCap, WriteCap};
use wire::lane::{CellKind, Gen, LaneClass, Seq, derive_lane_id_from_caps};
use wire::node::{
    Append, Event, Handle, Hello, Open, Page, Refusal, Request, RequestId, encode_requests, parse_events,
};
use wire::receipt::Receipt;

/// Longer than anything here takes on a crowded machine, and shorter than the silence after which the node pings: what
/// only a ping wakes has hung.
pub const PATIENCE: Duration = Duration::from_secs(45);

/// A node that ends with the test.
pub struct Node {
    child: Child,
    stderr: Option<ChildStderr>,
    pub address: SocketAddr,
    pub first_lines: Vec<String>,
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn command(data: &Path, more: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sottovoce-node"));
    command.arg("--data").arg(data).args(["--listen", "127.0.0.1:0"]).args(more);
    command
}

impl Node {
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::start_command(command(data, more))
    }

    pub fn start_command(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the node starts");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut first_lines = Vec::new();
        let address = loop {
            let line = lines.next().expect("the node says where it listens").expect("text");
            let address = line.strip_prefix("listening on http").map(|rest| rest.trim_start_matches("s://"));
            let address = address.map(|rest| rest.trim_start_matches("://").parse());
            first_lines.push(line);
            if let Some(address) = address {
                break address.expect("an address");
            }
        };
        if command.get_args().any(|arg| arg == "--admin-listen") {
            first_lines.push(lines.next().expect("the node says where metrics are").expect("text"));
        }
        let stderr = child.stderr.take();
        Self { child, stderr, address, first_lines }
    }

    /// kill -9.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("ended");
    }

    pub fn send_sigterm(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("signalled");
    }

    pub async fn wait(&mut self) -> ExitStatus {
        let started = std::time::Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("a status") {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "the node does not end");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    /// Ends it and returns everything that it logged.
    pub async fn stop_and_read_log(mut self) -> String {
        self.send_sigterm();
        assert!(self.wait().await.success());
        let mut log = String::new();
        self.stderr.take().expect("piped").read_to_string(&mut log).expect("text");
        log
    }

    pub fn rss_bytes(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).expect("status");
        let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("VmRSS");
        line.split_whitespace().nth(1).expect("a number").parse::<u64>().expect("a number") * 1024
    }

    /// One HTTP request; the status and the body.
    pub async fn http(&self, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
        http(self.address, head, body).await
    }

    pub async fn put_blob(&self, id: &BlobId, bytes: &[u8]) -> u16 {
        let path = wire::node::blob_path(id);
        let head = format!("PUT {path}?ttl_s=86400 HTTP/1.1\r\nHost: node\r\nContent-Length: {}\r\n", bytes.len());
        self.http(&head, bytes).await.0
    }
}

pub async fn http(address: SocketAddr, head: &str, body: &[u8]) -> (u16, Vec<u8>) {
    let answer = exchange(address, head, body).await;
    (answer.status, answer.body)
}

/// What came back for one HTTP request.
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Answer {
    /// The one value of a header; none may be there twice.
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut found = self.headers.iter().filter(|(found, _)| found == name).map(|(_, value)| value.as_str());
        let first = found.next();
        assert_eq!(found.next(), None, "{name} is there twice");
        first
    }
}

pub async fn exchange(address: SocketAddr, head: &str, body: &[u8]) -> Answer {
    let exchange = async {
        let mut stream = TcpStream::connect(address).await.expect("connected");
        stream.write_all(format!("{head}Connection: close\r\n\r\n").as_bytes()).await.expect("sent");
        // A refusal may come before the body is through.
        let _ = stream.write_all(body).await;
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer).await;
        answer
    };
    let answer = tokio::time::timeout(PATIENCE, exchange).await.expect("answered in time");
    let head_end = answer.windows(4).position(|window| window == b"\r\n\r\n").expect("a head") + 4;
    let head = std::str::from_utf8(&answer[..head_end]).expect("a head of text");
    let status = head[9..12].parse().expect("a number");
    let headers = head.lines().skip(1).filter_map(|line| line.split_once(": "));
    let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    Answer { status, headers, body: answer[head_end..].to_vec() }
}

pub fn blob_id(bytes: &[u8]) -> BlobId {
    BlobId(Hash::of(&[bytes]).0)
}

/// A lane with both capabilities.
#[derive(Clone)]
pub struct Lane {
    pub class: LaneClass,
    pub read: ReadCap,
    pub write: WriteCap,
    pub id: LaneId,
}

pub fn lane(name: u8) -> Lane {
    let (class, read, write) = (LaneClass::Group, ReadCap([name; 32]), WriteCap([name ^ 0xff; 32]));
    let id = derive_lane_id_from_caps(class, &read, &write);
    Lane { class, read, write, id }
}

impl Lane {
    pub fn open(&self, after: Seq) -> Open {
        Open {
            class: self.class,
            lane_id: self.id,
            read_cap: Some(self.read.clone()),
            write_cap: Some(self.write.clone()),
            after,
            expires_s: 0,
        }
    }
}

pub fn body(name: u32) -> Bytes {
    sized_body(name, 1_024)
}

pub fn sized_body(name: u32, bytes: usize) -> Bytes {
    let mut body = vec![7; bytes];
    body[..4].copy_from_slice(&name.to_be_bytes());
    body.into()
}

pub fn append(handle: Handle, nth: u32, if_gen: Gen, kind: CellKind, body: Bytes) -> Append {
    Append { handle, nth, kind, if_gen, attach: Hash::ZERO, body, work: 0 }
}

/// One connection.
pub struct Client {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    pub hello: Hello,
    events: VecDeque<(RequestId, Event)>,
    next_id: RequestId,
    /// Frames read so far.
    pub frames: usize,
    pub close: Option<CloseFrame>,
}

impl Client {
    pub async fn connect(node: &Node) -> Self {
        let mut client = Self::connect_raw(node.address).await;
        let Some((0, Event::Hello(hello))) = client.next().await else { panic!("no Hello") };
        client.hello = hello;
        client
    }

    /// Without waiting for a Hello.
    pub async fn connect_raw(address: SocketAddr) -> Self {
        let url = format!("ws://{address}{}", wire::node::SOCKET_PATH);
        let connecting = tokio_tungstenite::connect_async(url);
        let (stream, _) = tokio::time::timeout(PATIENCE, connecting).await.expect("in time").expect("upgraded");
        let hello = Hello {
            version: 0,
            node_key: NodeKey([0; 32]),
            nonce: [0; 32],
            claim_bits: 0,
            knock_bits: 0,
            limits: wire::node::Limits {
                lanes: 0,
                appends_unanswered: 0,
                blob_bytes: 0,
                frame_bytes: 0,
                retention_days: 0,
                file_bytes: 0,
            },
        };
        Self { stream, hello, events: VecDeque::new(), next_id: 0, frames: 0, close: None }
    }

    pub async fn send_message(&mut self, message: Message) {
        // The node may have closed already; what it said is then read.
        let _ = self.stream.send(message).await;
    }

    /// Sends requests in one frame; the id of the first, the others follow.
    pub async fn send(&mut self, requests: Vec<Request>) -> RequestId {
        let first = self.next_id + 1;
        self.next_id += requests.len() as u32;
        let requests = requests.into_iter().zip(first..).map(|(request, id)| (id, request)).collect();
        self.send_message(Message::Binary(encode_requests(requests))).await;
        first
    }

    /// The next event, or `None` once the connection is over.
    pub async fn next(&mut self) -> Option<(RequestId, Event)> {
        tokio::time::timeout(PATIENCE, self.next_forever()).await.expect("an event in time")
    }

    async fn next_forever(&mut self) -> Option<(RequestId, Event)> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            match self.stream.next().await? {
                Ok(Message::Binary(frame)) => {
                    self.frames += 1;
                    self.events.extend(parse_events(frame).expect("the node's frames parse"));
                }
                Ok(Message::Close(close)) => self.close = close,
                Ok(_) => {}
                Err(_) => return None,
            }
        }
    }

    /// The answer to `id`; other events are kept.
    pub async fn answer(&mut self, id: RequestId) -> Option<Event> {
        let mut kept = VecDeque::new();
        let answer = loop {
            match self.next().await {
                Some((answers, event)) if answers == id => break Some(event),
                Some(other) => kept.push_back(other),
                None => break None,
            }
        };
        kept.append(&mut self.events);
        self.events = kept;
        answer
    }

    pub async fn ask(&mut self, request: Request) -> Event {
        let id = self.send(vec![request]).await;
        self.answer(id).await.expect("an answer")
    }

    pub async fn open(&mut self, open: Open) -> (Handle, Page) {
        match self.ask(Request::Open(open)).await {
            Event::Opened { handle, page } => (handle, page),
            other => panic!("not opened: {other:?}"),
        }
    }

    pub async fn append(&mut self, append: Append) -> Result<Receipt, Refusal> {
        match self.ask(Request::Append(append)).await {
            Event::Receipt(receipt) => Ok(receipt),
            Event::Refused(refusal) => Err(refusal),
            other => panic!("neither receipt nor refusal: {other:?}"),
        }
    }

    /// Reads on until the node closes, and returns its code.
    pub async fn closed(&mut self) -> Option<u16> {
        while self.next().await.is_some() {}
        self.close.as_ref().map(|close| close.code.into())
    }
}
