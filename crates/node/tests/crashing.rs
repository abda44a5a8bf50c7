//! What a node keeps when it is killed, stopped or started twice; what it writes to its log.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use process::{Client, Lane, Node, append, blob_id, body, command, lane, sized_body};
use std::collections::BTreeMap;
use wire::id::Hash;
use wire::lane::{CellKind, Gen, Seq, head_next, head_zero};
use wire::node::{Append, Event, Request};
use wire::receipt::Receipt;

fn data() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

/// Reads the whole lane and returns the head and `gen` at each position.
async fn chain(client: &mut Client, lane: &Lane) -> BTreeMap<Seq, (Gen, Hash, bytes::Bytes)> {
    let (handle, mut page) = client.open(lane.open(0)).await;
    let (mut head, mut gen_now, mut chain) = (head_zero(&lane.id), 0, BTreeMap::new());
    loop {
        for cell in &page.cells {
            assert_eq!(cell.seq, chain.len() as u64 + 1, "no gap");
            assert_eq!(cell.gen_before, gen_now);
            head = head_next(&head, cell.seq, cell.kind, &cell.attach, &cell.body_hash());
            chain.insert(cell.seq, (cell.gen_before, head, cell.body.clone()));
            gen_now += u32::from(cell.kind == CellKind::Handshake);
        }
        if let Some(receipt) = &page.receipt {
            assert_eq!((receipt.seq, receipt.head), (chain.len() as u64, head));
            return chain;
        }
        if page.next_seq == 1 {
            return chain;
        }
        let after = chain.len() as u64;
        let Event::Page(next) = client.ask(Request::Read { handle, after }).await else { panic!("no page") };
        page = next;
    }
}

/// Sixteen in flight on each connection until the node is gone; every receipt that came.
async fn append_until_killed(mut client: Client, handle: u32, first: u32) -> Vec<(u32, Receipt)> {
    let (mut nth, mut receipts) = (0_u32, Vec::new());
    let request = |nth: u32| Request::Append(append(handle, nth, 0, CellKind::App, body(first + nth)));
    let mut asked = BTreeMap::new();
    for _ in 0..16 {
        asked.insert(client.send(vec![request(nth)]).await, first + nth);
        nth += 1;
    }
    while let Some((id, event)) = client.next().await {
        match event {
            Event::Receipt(receipt) => {
                receipts.push((asked.remove(&id).unwrap(), receipt));
                asked.insert(client.send(vec![request(nth)]).await, first + nth);
                nth += 1;
            }
            Event::Push { .. } | Event::Lag { .. } => {}
            other => panic!("{other:?}"),
        }
    }
    receipts
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_keeps_every_acknowledged_cell_and_contradicts_no_receipt() {
    let data = data();
    let lanes: Vec<Lane> = (1..=4).map(lane).collect();
    let mut acknowledged: Vec<BTreeMap<u32, Receipt>> = vec![BTreeMap::new(); lanes.len()];
    let mut node_key = None;
    for round in 0..4_u32 {
        let limits = ["--limit", "lane_appends_per_s=1000000", "--limit", "lane_appends_burst=1000000"];
        let node = Node::start(data.path(), &limits);
        let mut tasks = Vec::new();
        for lane in &lanes {
            let mut client = Client::connect(&node).await;
            assert_eq!(*node_key.get_or_insert(client.hello.node_key), client.hello.node_key);
            let (handle, _) = client.open(lane.open(u64::MAX - 1)).await;
            tasks.push(tokio::spawn(append_until_killed(client, handle, round * 1_000_000)));
        }
        // A different moment in each round, and always in the middle of appends.
        let mut watcher = Client::connect(&node).await;
        let (handle, _) = watcher.open(lanes[0].open(u64::MAX - 1)).await;
        for _ in 0..40 + 37 * round {
            while !matches!(watcher.next().await, Some((0, Event::Push { .. } | Event::Lag { .. }))) {}
        }
        let _ = handle;
        node.kill();
        for (task, acknowledged) in tasks.into_iter().zip(&mut acknowledged) {
            acknowledged.extend(task.await.unwrap());
        }
        let node = Node::start(data.path(), &limits);
        let mut client = Client::connect(&node).await;
        for (lane, acknowledged) in lanes.iter().zip(&acknowledged) {
            assert!(!acknowledged.is_empty());
            let chain = chain(&mut client, lane).await;
            for (name, receipt) in acknowledged {
                receipt.verify(&client.hello.node_key, &lane.id).unwrap();
                let (gen_before, head, stored) = &chain[&receipt.seq];
                assert_eq!((receipt.gen_before, receipt.head), (*gen_before, *head));
                assert_eq!(*stored, body(*name));
            }
            let mut bodies: Vec<_> = chain.values().map(|(_, _, body)| body.clone()).collect();
            bodies.sort();
            bodies.dedup();
            assert_eq!(bodies.len(), chain.len(), "no body twice");
        }
        node.kill();
    }
}

#[tokio::test]
async fn append_repeated_after_a_crash_returns_the_original_position() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let lane = lane(1);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane.open(0)).await;
    let original = client.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();
    client.append(append(handle, 1, 0, CellKind::Handshake, body(2))).await.unwrap();
    node.kill();
    let node = Node::start(data.path(), &[]);
    let mut client = Client::connect(&node).await;
    let (handle, page) = client.open(lane.open(2)).await;
    assert_eq!(page.next_seq, 3);
    let again = client.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();
    assert_eq!((again.seq, again.gen_before, again.head), (1, 0, original.head));
    again.verify(&client.hello.node_key, &lane.id).unwrap();
    let next = client.append(append(handle, 1, 1, CellKind::App, body(3))).await.unwrap();
    assert_eq!(next.seq, 3);
}

#[tokio::test]
async fn blob_outlives_a_kill_once_it_was_acknowledged() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let bytes = sized_body(9, 300_000);
    let id = blob_id(&bytes);
    assert_eq!(node.put_blob(&id, &bytes).await, 201);
    node.kill();
    let node = Node::start(data.path(), &[]);
    let head = format!("GET {} HTTP/1.1\r\nHost: node\r\n", wire::node::blob_path(&id));
    let (status, got) = node.http(&head, b"").await;
    assert_eq!((status, blob_id(&got)), (200, id));
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane(1).open(0)).await;
    let pinned = Append { attach: Hash(id.0), ..append(handle, 0, 0, CellKind::Handshake, body(1)) };
    client.append(pinned).await.unwrap();
}

#[tokio::test]
async fn sigterm_answers_what_was_asked_closes_and_exits_with_zero() {
    let data = data();
    let mut node = Node::start(data.path(), &[]);
    let lane = lane(1);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane.open(0)).await;
    let request = |nth: u32| Request::Append(append(handle, nth, 0, CellKind::App, body(nth)));
    let first = client.send((0..100).map(request).collect()).await;
    // The first receipt says that the frame was handled; the others are on their way when the signal comes.
    assert!(matches!(client.answer(first).await, Some(Event::Receipt(_))));
    node.send_sigterm();
    let mut receipts = 1;
    while let Some((_, event)) = client.next().await {
        receipts += u32::from(matches!(event, Event::Receipt(_)));
    }
    assert_eq!(receipts, 100);
    assert_eq!(client.close.map(|close| u16::from(close.code)), Some(1_001));
    assert_eq!(node.wait().await.code(), Some(0));
    let node = Node::start(data.path(), &[]);
    let mut client = Client::connect(&node).await;
    assert_eq!(chain(&mut client, &lane).await.len(), 100);
}

#[tokio::test]
async fn sigterm_ends_idle_connections_and_refuses_new_ones() {
    let data = data();
    let mut node = Node::start(data.path(), &[]);
    let mut clients = Vec::new();
    for _ in 0..20 {
        clients.push(Client::connect(&node).await);
    }
    node.send_sigterm();
    for client in &mut clients {
        assert_eq!(client.closed().await, Some(1_001));
    }
    assert_eq!(node.wait().await.code(), Some(0));
}

#[test]
fn second_process_on_a_data_folder_is_refused_with_a_clear_error() {
    let data = data();
    let _node = Node::start(data.path(), &[]);
    let output = command(data.path(), &[]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(error.contains("another process uses the data folder"), "{error}");
}

#[test]
fn bad_setting_is_refused_with_its_key_and_place() {
    let data = data();
    let output = command(data.path(), &["--limit", "lane_bytes=1"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("`limits.lane_bytes` (flag --limit)"), "{error}");
    let output = command(data.path(), &[]).env("SOTTOVOCE_THREADS", "none").output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("`threads` (environment SOTTOVOCE_THREADS)"), "{error}");
    let output = command(data.path(), &["--tls-cert", "/nowhere", "--tls-key", "/nowhere"]).output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(error.contains("tls_cert") && error.contains("/nowhere"), "{error}");
}

#[tokio::test]
async fn flag_wins_over_environment_wins_over_file() {
    let data = data();
    let file = data.path().join("node.toml");
    std::fs::write(&file, "[limits]\nconnection_lanes = 3\nconnection_appends = 5\nclaim_bits = 7\n").unwrap();
    let file = file.to_str().unwrap();
    let mut command = command(data.path(), &["--config", file, "--limit", "connection_lanes=11"]);
    command.env("SOTTOVOCE_LIMITS_CONNECTION_LANES", "9").env("SOTTOVOCE_LIMITS_CONNECTION_APPENDS", "10");
    let node = Node::start_command(command);
    let client = Client::connect(&node).await;
    let limits = client.hello.limits;
    assert_eq!((limits.lanes, limits.appends_unanswered, client.hello.claim_bits), (11, 10, 7));
}

#[tokio::test]
async fn log_at_the_default_level_names_no_address_lane_path_or_query() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let lane = lane(5);
    let mut client = Client::connect(&node).await;
    let (handle, _) = client.open(lane.open(0)).await;
    client.append(append(handle, 0, 0, CellKind::App, body(1))).await.unwrap();
    let bytes = sized_body(3, 5_000);
    let blob = blob_id(&bytes);
    assert_eq!(node.put_blob(&blob, &bytes).await, 201);
    assert_eq!(node.put_blob(&blob_id(b"x"), &bytes).await, 400);
    let mut bad = Client::connect(&node).await;
    bad.send_message(tokio_tungstenite::tungstenite::Message::Text("hello".into())).await;
    bad.closed().await;
    node.http("GET /secret/path?query=1 HTTP/1.1\r\nHost: node\r\n", b"").await;
    let port = node.address.port().to_string();
    drop(client);
    let log = node.stop_and_read_log().await;
    let hex = data_encoding::HEXLOWER.encode(&lane.id.0);
    for forbidden in ["127.0.0.1", &port, &hex[..12], &blob.to_hex()[..12], "/v1/", "secret", "query", "ttl"] {
        assert!(!log.contains(forbidden), "{forbidden} is in the log:\n{log}");
    }
    assert!(log.contains("stopping"), "the log is heard at all:\n{log}");
}
