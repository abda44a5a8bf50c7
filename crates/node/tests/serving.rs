//! What a node says to clients over the network: answers, refusals, closings, blobs.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use bytes::Bytes;
use process::{Client, Node, append, blob_id, body, http, lane, sized_body};
use tokio_tungstenite::tungstenite::Message;
use wire::id::Hash;
use wire::lane::CellKind;
use wire::limit::{FRAME_BYTES_MAX, FRAME_REQUESTS_MAX};
use wire::node::{Append, Event, Open, Refusal, Request, encode_requests};

fn data() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

#[tokio::test]
async fn node_serves_health_and_hello_once_it_says_that_it_listens() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let (status, text) = node.http("GET /healthz HTTP/1.1\r\nHost: node\r\n", b"").await;
    assert_eq!((status, text.as_slice()), (200, b"ok\n".as_slice()));
    let client = Client::connect(&node).await;
    assert_eq!((client.hello.version, client.hello.limits.lanes), (1, 2_048));
    let (status, text) = node.http("GET /i HTTP/1.1\r\nHost: node\r\n", b"").await;
    assert_eq!((status, text.starts_with(b"This is an invitation")), (200, true));
    assert_eq!(node.http("GET /metrics HTTP/1.1\r\nHost: node\r\n", b"").await.0, 404);
    assert_eq!(node.http("GET /v1/socket HTTP/1.1\r\nHost: node\r\n", b"").await.0, 426);
}

#[tokio::test]
async fn metrics_are_on_the_admin_listener_alone() {
    let data = data();
    let node = Node::start(data.path(), &["--admin-listen", "127.0.0.1:0"]);
    let admin = node.first_lines.iter().find_map(|line| line.strip_prefix("metrics on http://")).unwrap();
    let admin = admin.trim_end_matches("/metrics").parse().unwrap();
    let _client = Client::connect(&node).await;
    let (status, text) = http(admin, "GET /metrics HTTP/1.1\r\nHost: node\r\n", b"").await;
    let text = String::from_utf8(text).unwrap();
    assert_eq!(status, 200);
    assert!(text.contains("sottovoce_connections 1\n"), "{text}");
}

#[tokio::test]
async fn appended_cell_is_answered_pushed_and_read_back() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let lane = lane(1);
    let (mut writer, mut reader) = (Client::connect(&node).await, Client::connect(&node).await);
    let (handle, page) = writer.open(lane.open(0)).await;
    assert_eq!(page.next_seq, 1);
    let (read_handle, _) = reader.open(lane.open(0)).await;
    let receipt = writer.append(append(handle, 0, 0, CellKind::Handshake, body(1))).await.unwrap();
    receipt.verify(&writer.hello.node_key, &lane.id).unwrap();
    let (0, Event::Push { handle, cell }) = reader.next().await.unwrap() else { panic!("no push") };
    assert_eq!((handle, cell.seq, &cell.body), (read_handle, 1, &body(1)));
    let (_, page) = reader.open(lane.open(0)).await;
    assert_eq!((page.cells.len(), page.gen_now), (1, 1));
    page.receipt.unwrap().verify(&writer.hello.node_key, &lane.id).unwrap();
}

#[tokio::test]
async fn reconnect_resumes_all_lanes_in_one_frame_each_way() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let lanes: Vec<_> = (0..20).map(lane).collect();
    let mut client = Client::connect(&node).await;
    for lane in &lanes {
        let (handle, _) = client.open(lane.open(0)).await;
        client.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();
    }
    let mut again = Client::connect(&node).await;
    let frames = again.frames;
    let first = again.send(lanes.iter().map(|lane| Request::Open(lane.open(0))).collect()).await;
    for (id, lane) in (first..).zip(&lanes) {
        let Some((answers, Event::Opened { page, .. })) = again.next().await else { panic!("not opened") };
        assert_eq!((answers, page.cells.len()), (id, 1));
        page.receipt.unwrap().verify(&again.hello.node_key, &lane.id).unwrap();
    }
    assert_eq!(again.frames - frames, 1);
}

#[tokio::test]
async fn refusals_are_typed_and_say_when_to_try_again() {
    let data = data();
    let limits = ["lane_appends_per_s=1", "lane_appends_burst=2", "connection_lanes=2", "lane_bytes=65536"];
    let limits: Vec<&str> = limits.iter().flat_map(|limit| ["--limit", limit]).collect();
    let node = Node::start(data.path(), &limits);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane(1).open(0)).await;
    let app = |nth, name| append(handle, nth, 0, CellKind::App, body(name));
    client.append(app(0, 0)).await.unwrap();
    client.append(app(1, 1)).await.unwrap();
    let busy = client.append(app(2, 2)).await;
    assert!(matches!(busy, Err(Refusal::Busy { retry_after_ms: 1..=1_000 })), "{busy:?}");
    let large = Append { body: sized_body(3, 65_536), ..app(2, 3) };
    assert_eq!(client.append(large).await, Err(Refusal::Full { retry_after_ms: 60_000 }));
    let stale = Append { if_gen: 7, kind: CellKind::Handshake, ..app(2, 4) };
    assert_eq!(client.append(stale).await, Err(Refusal::Stale { gen_now: 0, next_seq: 3 }));
    assert_eq!(client.append(app(9, 5)).await, Err(Refusal::OutOfOrder));
    client.open(lane(2).open(0)).await;
    let third = client.ask(Request::Open(lane(3).open(0))).await;
    assert_eq!(third, Event::Refused(Refusal::TooMany));
    let wrong = Open { write_cap: None, ..lane(9).open(0) };
    assert_eq!(client.ask(Request::Open(wrong)).await, Event::Refused(Refusal::Denied));
}

#[tokio::test]
async fn connection_over_the_limit_is_told_so_and_closed() {
    let data = data();
    let node = Node::start(data.path(), &["--limit", "connections=2"]);
    let first = Client::connect(&node).await;
    let _second = Client::connect(&node).await;
    let mut third = Client::connect_raw(node.address).await;
    let event = third.next().await;
    assert_eq!(event, Some((0, Event::Refused(Refusal::Busy { retry_after_ms: 10_000 }))));
    assert_eq!(third.closed().await, Some(1_013));
    drop(first);
    // The place is free once the node has noticed.
    let hello = async {
        loop {
            let mut next = Client::connect_raw(node.address).await;
            if let Some((0, Event::Hello(_))) = next.next().await {
                return;
            }
        }
    };
    tokio::time::timeout(process::PATIENCE, hello).await.unwrap();
}

#[tokio::test]
async fn only_what_is_no_frame_closes_the_connection() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane(1).open(0)).await;
    let odd = append(handle, 0, 0, CellKind::App, Bytes::from_static(b"odd"));
    assert_eq!(client.append(odd).await, Err(Refusal::Malformed));
    // As many requests as a frame may hold.
    let attest = || Request::Attest { handle: 99 };
    let first = client.send((0..FRAME_REQUESTS_MAX).map(|_| attest()).collect()).await;
    let last = first + FRAME_REQUESTS_MAX as u32 - 1;
    assert_eq!(client.answer(last).await, Some(Event::Refused(Refusal::Denied)));
    client.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();

    let too_many = encode_requests((1..=FRAME_REQUESTS_MAX as u32 + 1).map(|id| (id, attest())).collect());
    let cases = [
        (Message::Binary(too_many), 1_007),
        (Message::Binary(Bytes::from_static(b"\xff\xff\xff")), 1_007),
        (Message::Text("hello".into()), 1_003),
        (Message::Binary(vec![0; FRAME_BYTES_MAX + 1].into()), 1_009),
    ];
    for (message, code) in cases {
        let mut client = Client::connect(&node).await;
        client.send_message(message).await;
        assert_eq!(client.closed().await, Some(code));
    }
    // Others are not touched.
    client.append(append(handle, 1, 0, CellKind::App, body(2))).await.unwrap();
}

#[tokio::test]
async fn slow_reader_gets_lag_and_the_node_stays_small() {
    let data = data();
    let limits = ["connection_outbound_bytes=131072", "connection_append_bytes_burst=200000000"];
    let limits: Vec<&str> = limits.iter().flat_map(|limit| ["--limit", limit]).collect();
    let node = Node::start(data.path(), &limits);
    let lane = lane(1);
    let (mut writer, mut reader) = (Client::connect(&node).await, Client::connect(&node).await);
    reader.open(lane.open(0)).await;
    let (handle, _) = writer.open(lane.open(0)).await;
    writer.append(append(handle, 0, 0, CellKind::App, body(u32::MAX))).await.unwrap();
    drop(writer);
    // Now that the lane is stored: a writer that hears nothing of what it sends.
    let mut writer = Client::connect(&node).await;
    let (handle, _) = writer.open(Open { read_cap: None, ..lane.open(0) }).await;
    let before = node.rss_bytes();
    // Far more than sockets and outbox hold, with nobody reading.
    let cells = 1_500_u32;
    for nth in 0..cells {
        let large = append(handle, nth, 0, CellKind::App, sized_body(nth, 65_536));
        writer.append(large).await.unwrap();
    }
    let grown = node.rss_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{grown} bytes more for {} bytes unread", u64::from(cells) * 65_536);
    let mut pushed = 0;
    let next_seq = loop {
        match reader.next().await.unwrap() {
            (0, Event::Push { cell, .. }) => {
                pushed += 1;
                assert_eq!(cell.seq, pushed, "in order, without a gap before the Lag");
            }
            (0, Event::Lag { next_seq, .. }) => break next_seq,
            other => panic!("{other:?}"),
        }
    };
    assert!(pushed <= u64::from(cells));
    assert_eq!(next_seq, u64::from(cells) + 2);
    let Event::Page(page) = reader.ask(Request::Read { handle: 1, after: pushed }).await else { panic!("no page") };
    assert_eq!(page.cells[0].seq, pushed + 1);
}

#[tokio::test]
async fn blobs_are_stored_under_their_hash_alone_and_pinned_by_cells() {
    let data = data();
    let node = Node::start(data.path(), &["--limit", "blob_bytes=1000000"]);
    let bytes = sized_body(1, 1_000_000);
    let id = blob_id(&bytes);
    let path = wire::node::blob_path(&id);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane(1).open(0)).await;
    let with_blob = Append { attach: Hash(id.0), ..append(handle, 0, 0, CellKind::Handshake, body(1)) };
    assert_eq!(client.append(with_blob.clone()).await, Err(Refusal::NoBlob));
    assert_eq!(node.http(&format!("GET {path} HTTP/1.1\r\nHost: node\r\n"), b"").await.0, 404);

    assert_eq!(node.put_blob(&blob_id(b"another"), &bytes).await, 400, "not the hash of the body");
    assert_eq!(node.put_blob(&blob_id(b""), b"").await, 400, "empty");
    let over = sized_body(1, 1_000_001);
    assert_eq!(node.put_blob(&blob_id(&over), &over).await, 413);
    let no_length = format!("PUT {path}?ttl_s=9 HTTP/1.1\r\nHost: node\r\nTransfer-Encoding: chunked\r\n");
    assert_eq!(node.http(&no_length, b"0\r\n\r\n").await.0, 411);
    for query in ["", "?ttl_s=0", "?ttl_s=many", "?ttl_s=99999999999"] {
        let head = format!("PUT {path}{query} HTTP/1.1\r\nHost: node\r\nContent-Length: 7\r\n");
        assert_eq!(node.http(&head, b"1234567").await.0, 400, "{query}");
    }
    assert_eq!(node.http("GET /v1/blob/xyz HTTP/1.1\r\nHost: node\r\n", b"").await.0, 400);
    assert_eq!(client.append(with_blob.clone()).await, Err(Refusal::NoBlob), "nothing of all that was kept");

    assert_eq!(node.put_blob(&id, &bytes).await, 201);
    assert_eq!(node.put_blob(&id, &bytes).await, 201, "again is no error");
    let (status, got) = node.http(&format!("GET {path} HTTP/1.1\r\nHost: node\r\n"), b"").await;
    assert_eq!((status, got.len(), blob_id(&got)), (200, bytes.len(), id));
    client.append(with_blob).await.unwrap();
}
