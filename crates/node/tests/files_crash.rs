//! Uploads through kills: every byte identical, little of it sent twice.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use process::files::Blob;
use process::{Node, PATIENCE};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const MIB: usize = 1 << 20;

async fn offset(node: &Node, blob: &Blob) -> usize {
    let answer = node.file_offset(blob).await;
    assert_eq!(answer.status, 204);
    answer.header("upload-offset").unwrap().parse().unwrap()
}

/// Sends from `at` until `stop_at` bytes of the blob are sent, or to the end and an answer; how many were sent.
async fn send(node: &Node, blob: &Blob, at: usize, stop_at: usize) -> usize {
    let sending = async {
        let socket = TcpSocket::new_v4().unwrap();
        // What lies in the system's buffers at a kill was sent too.
        socket.set_send_buffer_size(512 << 10).unwrap();
        let mut stream = socket.connect(node.address).await.unwrap();
        let head = format!("{}\r\n", blob.patch_head(at, true, blob.len() - at));
        stream.write_all(head.as_bytes()).await.unwrap();
        let end = stop_at.min(blob.len());
        for chunk in blob.bytes[at..end].chunks(256 << 10) {
            stream.write_all(chunk).await.unwrap();
        }
        if end == blob.len() {
            let mut answer = [0; 12];
            stream.read_exact(&mut answer).await.unwrap();
            assert_eq!(std::str::from_utf8(&answer), Ok("HTTP/1.1 204"));
        }
        end - at
    };
    tokio::time::timeout(PATIENCE, sending).await.expect("sent in time")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_node_goes_on_where_it_was_and_little_is_sent_twice() {
    let data = tempfile::tempdir().unwrap();
    // What a kill may cost: a part that fills, one that is being stored, and what the system's buffers hold.
    for (seed, kill_at) in [(1, 37 * MIB + 5), (2, 90 * MIB)] {
        let blob = Blob::new(seed, 96 * MIB + 12_345);
        let node = Node::start(data.path(), &[]);
        assert_eq!(node.post_file(&blob, false, b"").await.status, 201);
        let mut sent = send(&node, &blob, 0, kill_at).await;
        node.kill();
        let node = Node::start(data.path(), &[]);
        let at = offset(&node, &blob).await;
        assert!(at <= kill_at);
        assert_eq!(node.get_file(&blob.id, "").await.status, 404, "half a blob");
        sent += send(&node, &blob, at, usize::MAX).await;
        assert!(sent * 10 <= blob.len() * 12, "{sent} bytes were sent for {}", blob.len());
        node.kill();
        let node = Node::start(data.path(), &[]);
        assert!(node.get_file(&blob.id, "").await.body == blob.bytes, "complete, because it said so");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_kills_at_any_moment_lose_nothing_that_was_acknowledged() {
    let data = tempfile::tempdir().unwrap();
    let blob = Blob::new(3, 24 * MIB + 1);
    let mut node = Node::start(data.path(), &[]);
    assert_eq!(node.post_file(&blob, false, b"").await.status, 201);
    let (mut at, mut kills) = (0, 0_usize);
    while at < blob.len() {
        // Another moment each time: in the first part, at a boundary, just behind one.
        let stop_at = at + [100_000, 5 * MIB, 4 * MIB, 9 * MIB + 77, 4 * MIB + 1, 7 * MIB][kills % 6];
        let answered = stop_at >= blob.len();
        send(&node, &blob, at, stop_at).await;
        node.kill();
        kills += 1;
        node = Node::start(data.path(), &[]);
        let now = offset(&node, &blob).await;
        assert!(now >= at && (!answered || now == blob.len()), "from {at} to {now}");
        if now == at {
            // Whatever is too little to be written before the kill is sent with patience.
            let end = blob.len().min(at + 4 * MIB);
            let answer = node.patch_file(&blob, at, end == blob.len(), &blob.bytes[at..end]).await;
            assert_eq!(answer.status, 204);
            assert_eq!(offset(&node, &blob).await, end);
            at = end;
        } else {
            at = now;
        }
    }
    assert!(kills >= 3);
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_in_an_upload_keeps_what_came_and_ends_with_zero() {
    let data = tempfile::tempdir().unwrap();
    let blob = Blob::new(4, 20 * MIB);
    let mut node = Node::start(data.path(), &[]);
    assert_eq!(node.post_file(&blob, false, b"").await.status, 201);
    let mut stream = TcpStream::connect(node.address).await.unwrap();
    let head = format!("{}\r\n", blob.patch_head(0, true, blob.len()));
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&blob.bytes[..9 * MIB]).await.unwrap();
    // A part on disk: the request is being served.
    let begun = async {
        while std::fs::read_dir(data.path().join("files")).unwrap().next().is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, begun).await.unwrap();
    node.send_sigterm();
    assert_eq!(node.wait().await.code(), Some(0));
    drop(stream);
    let node = Node::start(data.path(), &[]);
    let at = offset(&node, &blob).await;
    assert!((MIB / 2..=9 * MIB).contains(&at), "{at}");
    send(&node, &blob, at, usize::MAX).await;
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
}
