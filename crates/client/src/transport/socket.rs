//! One WebSocket for each link: connect, say what happened, send what is asked, try again.
//!
//! Each connection has a request queue of its own, handed over when it stands: what was meant for a connection
//! that is gone dies with it, and the device sends it again on the next.

use crate::transport::backoff::Backoff;
use crate::transport::frames::{Frames, socket_url};
use crate::transport::stream::{ConnectError, Stream, Target, Tls, connect};
use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use protocol::event::Link;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use wire::limit::FRAME_BYTES_MAX;
use wire::node::{Event, Request, RequestId, parse_events};

/// Calls of the engine that wait for one connection at most; over it the connection is given up.
pub const QUEUE_MAX: usize = 1_024;
/// A ping goes out after so long without a word of ours.
const PING_EVERY: Duration = Duration::from_secs(30);
/// A connection without a word of the node for so long is dead.
const SILENCE_MAX: Duration = Duration::from_secs(75);
/// How long one frame may take to be sent.
const SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Requests of one call of the engine.
pub type Requests = Vec<(RequestId, Request)>;

/// What happened on a link.
#[derive(Debug)]
pub enum LinkEvent {
    /// A connection stands; requests for it go into this queue.
    Connected(Link, mpsc::Sender<Requests>),
    /// The node said something.
    Events(Link, Vec<(RequestId, Event)>),
    /// The connection is gone, or could not be made; another attempt follows by itself.
    Disconnected(Link, LinkFailure),
}

/// Why a link has no connection.
#[derive(Debug, thiserror::Error)]
pub enum LinkFailure {
    /// It could not be made.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// It broke.
    #[error("the connection to the node broke")]
    Broken,
    /// The node has said nothing for too long.
    #[error("the node does not answer")]
    Silent,
    /// The node said what no node says.
    #[error("the node's answer is malformed")]
    Malformed,
    /// More was asked of it than it takes.
    #[error("the node is too slow")]
    Overrun,
}

/// Keeps a link connected until `events` is closed.
pub async fn run(link: Link, tls: Tls, events: mpsc::Sender<LinkEvent>) {
    let target = Target::of(&link.node_url);
    let mut backoff = Backoff::default();
    while !events.is_closed() {
        let failure = match open(&link, &target, &tls).await {
            Ok(socket) => {
                let (requests_tx, requests) = mpsc::channel(QUEUE_MAX);
                if events.send(LinkEvent::Connected(link.clone(), requests_tx)).await.is_err() {
                    return;
                }
                let began = Instant::now();
                let failure = serve(socket, &link, requests, &events).await;
                // One that stood for a while was a success; one that breaks at once waits longer each time.
                if began.elapsed() > PING_EVERY {
                    backoff.succeeded();
                }
                failure
            }
            Err(error) => error.into(),
        };
        if events.send(LinkEvent::Disconnected(link.clone(), failure)).await.is_err() {
            return;
        }
        let wait = Duration::from_millis(backoff.failed(&mut SystemRng));
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = events.closed() => return,
        }
    }
}

/// The operating system's randomness, for jitter only: should it fail, the wait is the longest.
struct SystemRng;

impl rand_core::TryRng for SystemRng {
    type Error = std::convert::Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Self::Error> {
        Ok(getrandom::u32().unwrap_or(u32::MAX))
    }

    fn try_next_u64(&mut self) -> Result<u64, Self::Error> {
        Ok(getrandom::u64().unwrap_or(u64::MAX))
    }

    fn try_fill_bytes(&mut self, dst: &mut [u8]) -> Result<(), Self::Error> {
        dst.chunks_mut(8).for_each(|chunk| {
            let bytes = getrandom::u64().unwrap_or(u64::MAX).to_le_bytes();
            chunk.copy_from_slice(&bytes[..chunk.len()]);
        });
        Ok(())
    }
}

async fn open(link: &Link, target: &Target, tls: &Tls) -> Result<WebSocketStream<Stream>, ConnectError> {
    let stream = connect(target, tls).await?;
    let uri = socket_url(&link.node_url);
    let config = WebSocketConfig::default()
        .max_message_size(Some(FRAME_BYTES_MAX))
        .max_frame_size(Some(FRAME_BYTES_MAX))
        .read_buffer_size(64 << 10)
        .write_buffer_size(0);
    let opened = tokio::time::timeout(
        crate::transport::stream::CONNECT_TIMEOUT,
        client_async_with_config(uri, stream, Some(config)),
    );
    match opened.await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Io(error))) => Err(ConnectError::Unreachable(error)),
        Ok(Err(_)) => Err(ConnectError::NotANode),
        Err(_) => Err(ConnectError::Timeout),
    }
}

/// Carries frames both ways until the connection ends.
async fn serve(
    mut socket: WebSocketStream<Stream>,
    link: &Link,
    mut requests: mpsc::Receiver<Requests>,
    events: &mpsc::Sender<LinkEvent>,
) -> LinkFailure {
    let mut ping = tokio::time::interval(PING_EVERY);
    ping.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ping.reset();
    let mut heard = Instant::now();
    loop {
        let step = tokio::select! {
            message = socket.next() => match message {
                Some(Ok(message)) => {
                    heard = Instant::now();
                    receive(message, link, events).await
                }
                Some(Err(tungstenite::Error::Capacity(_))) => Err(LinkFailure::Malformed),
                Some(Err(_)) | None => Err(LinkFailure::Broken),
            },
            wanted = requests.recv() => match wanted {
                Some(first) => {
                    ping.reset();
                    send(&mut socket, collect(first, &mut requests)).await
                }
                // The engine let the queue go: it wants this connection no longer.
                None => Err(LinkFailure::Overrun),
            },
            _ = ping.tick() => {
                if heard.elapsed() > SILENCE_MAX {
                    Err(LinkFailure::Silent)
                } else {
                    write(&mut socket, Message::Ping(Bytes::new())).await
                }
            }
            () = events.closed() => Err(LinkFailure::Broken),
        };
        if let Err(failure) = step {
            // A courtesy; the node sees the end of the stream in any case.
            let _ = tokio::time::timeout(Duration::from_millis(200), socket.close(None)).await;
            return failure;
        }
    }
}

async fn receive(message: Message, link: &Link, events: &mpsc::Sender<LinkEvent>) -> Result<(), LinkFailure> {
    match message {
        Message::Binary(frame) => {
            let parsed = parse_events(frame).map_err(|_| LinkFailure::Malformed)?;
            // A full queue makes this wait, so that TCP slows the node down.
            events.send(LinkEvent::Events(link.clone(), parsed)).await.map_err(|_| LinkFailure::Broken)
        }
        Message::Ping(_) | Message::Pong(_) => Ok(()),
        Message::Close(_) => Err(LinkFailure::Broken),
        Message::Text(_) | Message::Frame(_) => Err(LinkFailure::Malformed),
    }
}

/// What waits behind the first call goes into the same frames.
fn collect(first: Requests, requests: &mut mpsc::Receiver<Requests>) -> Frames {
    let mut frames = Frames::default();
    frames.add(first);
    while !frames.is_full() {
        let Ok(wanted) = requests.try_recv() else { break };
        frames.add(wanted);
    }
    frames
}

async fn send(socket: &mut WebSocketStream<Stream>, frames: Frames) -> Result<(), LinkFailure> {
    for frame in frames.encode() {
        write(socket, Message::Binary(frame)).await?;
    }
    Ok(())
}

async fn write(socket: &mut WebSocketStream<Stream>, message: Message) -> Result<(), LinkFailure> {
    match tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(LinkFailure::Broken),
        Err(_) => Err(LinkFailure::Overrun),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::event::LinkKind;
    use protocol::identity::NodeUrl;
    use rustls::RootCertStore;
    use tokio::net::{TcpListener, TcpStream};
    use wire::limit::FRAME_REQUESTS_MAX;
    use wire::node::{encode_events, parse_requests};

    async fn listen() -> (TcpListener, Link) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/base", listener.local_addr().unwrap());
        (listener, Link { node_url: NodeUrl::parse(&url).unwrap(), kind: LinkKind::Lanes })
    }

    fn start(link: &Link) -> mpsc::Receiver<LinkEvent> {
        let (events_tx, events) = mpsc::channel(16);
        let tls = Tls::with_roots(RootCertStore::empty()).unwrap();
        tokio::spawn(run(link.clone(), tls, events_tx));
        events
    }

    async fn accept(listener: &TcpListener) -> WebSocketStream<TcpStream> {
        let (stream, _) = listener.accept().await.unwrap();
        tokio_tungstenite::accept_async(stream).await.unwrap()
    }

    fn done(id: RequestId) -> Message {
        Message::Binary(encode_events(vec![(id, Event::Done)]))
    }

    #[tokio::test]
    async fn requests_and_events_pass_and_a_broken_connection_is_made_again() {
        let (listener, link) = listen().await;
        let mut events = start(&link);
        for round in 1..=2 {
            let mut node = accept(&listener).await;
            let Some(LinkEvent::Connected(connected, requests)) = events.recv().await else { panic!("not connected") };
            assert_eq!(connected, link);
            requests.send(vec![(round, Request::Attest { handle: 7 })]).await.unwrap();
            let Some(Ok(Message::Binary(frame))) = node.next().await else { panic!("no frame") };
            assert_eq!(parse_requests(frame).unwrap(), [(round, Ok(Request::Attest { handle: 7 }))]);
            node.send(done(round)).await.unwrap();
            let Some(LinkEvent::Events(_, said)) = events.recv().await else { panic!("no event") };
            assert_eq!(said, [(round, Event::Done)]);
            drop(node);
            assert!(matches!(events.recv().await, Some(LinkEvent::Disconnected(_, LinkFailure::Broken))));
            assert!(requests.is_closed(), "what waits for a gone connection dies with it");
        }
    }

    #[tokio::test]
    async fn malformed_frame_and_text_end_the_connection() {
        let (listener, link) = listen().await;
        let mut events = start(&link);
        for message in [Message::Binary(Bytes::from_static(b"\xff\xff")), Message::Text("hello".into())] {
            let mut node = accept(&listener).await;
            let connected = events.recv().await;
            assert!(matches!(connected, Some(LinkEvent::Connected(..))));
            node.send(message).await.unwrap();
            let event = events.recv().await;
            assert!(matches!(event, Some(LinkEvent::Disconnected(_, LinkFailure::Malformed))), "{event:?}");
        }
    }

    #[tokio::test]
    async fn frame_over_the_limit_ends_the_connection() {
        let (listener, link) = listen().await;
        let mut events = start(&link);
        let mut node = accept(&listener).await;
        let connected = events.recv().await;
        assert!(matches!(connected, Some(LinkEvent::Connected(..))));
        // The client may hang up before the last byte is written.
        let _ = node.send(Message::Binary(vec![0; FRAME_BYTES_MAX + 1].into())).await;
        let event = events.recv().await;
        assert!(matches!(event, Some(LinkEvent::Disconnected(_, LinkFailure::Malformed))), "{event:?}");
    }

    #[tokio::test]
    async fn server_that_is_no_node_is_told_apart() {
        let (listener, link) = listen().await;
        let mut events = start(&link);
        let (mut stream, _) = listener.accept().await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut stream, b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n")
            .await
            .unwrap();
        assert!(matches!(
            events.recv().await,
            Some(LinkEvent::Disconnected(_, LinkFailure::Connect(ConnectError::NotANode)))
        ));
    }

    #[tokio::test]
    async fn queue_that_the_engine_lets_go_hangs_up() {
        let (listener, link) = listen().await;
        let mut events = start(&link);
        let mut node = accept(&listener).await;
        let Some(LinkEvent::Connected(_, requests)) = events.recv().await else { panic!("not connected") };
        drop(requests);
        assert!(matches!(events.recv().await, Some(LinkEvent::Disconnected(_, LinkFailure::Overrun))));
        assert!(matches!(node.next().await, Some(Ok(Message::Close(_))) | None));
    }

    #[test]
    fn calls_that_wait_share_frames_within_both_limits() {
        let (requests_tx, mut requests) = mpsc::channel(16);
        let attest = |count: usize| vec![(1, Request::Attest { handle: 1 }); count];
        requests_tx.try_send(attest(2)).unwrap();
        requests_tx.try_send(attest(FRAME_REQUESTS_MAX)).unwrap();
        requests_tx.try_send(attest(5)).unwrap();
        let sizes = |frames: Frames| -> Vec<usize> {
            frames.encode().map(|frame| wire::node::parse_requests(frame).unwrap().len()).collect()
        };
        assert_eq!(sizes(collect(attest(1), &mut requests)), [FRAME_REQUESTS_MAX, 3]);
        assert_eq!(sizes(collect(attest(1), &mut requests)), [6]);

        let big = |count: usize| vec![(1, Request::Whisper { handle: 1, body: vec![0; 60 << 10].into() }); count];
        let frames: Vec<Bytes> = collect(big(100), &mut requests).encode().collect();
        assert!(frames.len() > 1);
        assert!(frames.iter().all(|frame| frame.len() <= FRAME_BYTES_MAX));
    }
}
