//! A node that lies, against the client that downloads from it: every lie is found, named, and costs one file.

use super::folder::{Folder, path_bytes};
use super::upload::Shell;
use super::*;
use crate::transport::stream::Tls;
use protocol::file::{CHUNK_BYTES, FileKey, GROUP_BYTES, Leaves, Look, Reference, Root, Sealer, Shape};
use protocol::identity::NodeUrl;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use wire::id::FileId;

/// A file of a bit more than three groups, as its sender has it and as it lies at a node.
struct Sample {
    text: Vec<u8>,
    blob: Vec<u8>,
    key: FileKey,
    root: Root,
}

fn sample() -> Sample {
    let text: Vec<u8> = (0..3 * CHUNK_BYTES + 999).map(|at| (at.wrapping_mul(2_654_435_761) >> 11) as u8).collect();
    let shape = Shape::of(text.len() as u64).unwrap();
    let key = FileKey::new([3; 32]);
    let sealer = Sealer::new(&key, shape);
    let (mut blob, mut leaves) = (Vec::new(), Leaves::default());
    for group in 0..shape.groups() {
        let mut buffer = vec![0; shape.group_bytes(group)];
        let start = shape.chunk_start(group) as usize;
        let bytes = shape.chunk_bytes(group);
        buffer[..bytes].copy_from_slice(&text[start..start + bytes]);
        leaves.push(sealer.seal(group, &mut buffer).unwrap());
        blob.extend_from_slice(&buffer);
    }
    blob.extend_from_slice(leaves.as_bytes());
    Sample { text, blob, key, root: leaves.root().unwrap() }
}

/// What comes back for a range, and whether the connection ends after it.
struct Reply {
    bytes: Vec<u8>,
    closes: bool,
}

fn partial(blob: &[u8], range: Range<usize>) -> Reply {
    let (first, last) = (range.start, range.end - 1);
    let head = format!(
        "HTTP/1.1 206 Partial Content\r\nContent-Length: {}\r\nContent-Range: bytes {first}-{last}/{}\r\n\r\n",
        range.len(),
        blob.len()
    );
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(&blob[range]);
    Reply { bytes, closes: false }
}

fn status(line: &str) -> Reply {
    Reply { bytes: format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n").into_bytes(), closes: false }
}

/// Answers requests on loopback until its process ends.
fn node(answer: impl Fn(Range<usize>) -> Reply + Send + Sync + 'static) -> NodeUrl {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let answer = answer.clone();
            std::thread::spawn(move || serve(stream, &*answer));
        }
    });
    NodeUrl::parse(&url).unwrap()
}

fn serve(mut stream: TcpStream, answer: &dyn Fn(Range<usize>) -> Reply) {
    let lines = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
    let mut range = 0..0;
    for line in lines {
        if let Some(asked) = line.to_lowercase().strip_prefix("range: bytes=")
            && let Some((first, last)) = asked.split_once('-')
        {
            range = first.parse().unwrap()..last.parse::<usize>().unwrap() + 1;
        }
        if line.is_empty() {
            let reply = answer(range.clone());
            if stream.write_all(&reply.bytes).is_err() || reply.closes {
                break;
            }
        }
    }
    let _ = stream.shutdown(std::net::Shutdown::Both);
}

struct Place {
    folder: tempfile::TempDir,
    sample: Sample,
}

impl Place {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), sample: sample() }
    }

    fn target(&self) -> PathBuf {
        self.folder.path().join("saved")
    }

    /// Downloads the sample from a node; why it did not come.
    async fn fetch(&self, node_url: NodeUrl) -> Option<Problem> {
        let Sample { text, key, root, .. } = &self.sample;
        let reference = Reference {
            file_id: FileId([7; 32]),
            node_url: Some(node_url),
            key: key.clone(),
            commit: key.commit(),
            root: *root,
            size: text.len() as u64,
            name: "a".into(),
            media_type: String::new(),
            look: Look::default(),
        };
        let (reports, mut told) = tokio::sync::mpsc::channel(64);
        let folder = Folder::below(self.folder.path());
        let shell = Shell { tls: Tls::new().unwrap(), folder, reports, run: 1 };
        let target = Some(path_bytes(&self.target()));
        download::run(Fetch { id: AttachmentId(1), reference, target, is_here: false, may_direct: false }, shell).await;
        loop {
            match told.recv().await.expect("it ends with a report").event {
                FileEvent::Fetched { .. } => return None,
                FileEvent::Stopped { problem, .. } => return Some(problem),
                _ => {}
            }
        }
    }

    fn is_whole(&self) -> bool {
        std::fs::read(self.target()).is_ok_and(|saved| saved == self.sample.text)
    }
}

fn others_than(path: &Path) -> usize {
    std::fs::read_dir(path.parent().unwrap()).unwrap().map_while(Result::ok).filter(|file| file.path() != path).count()
}

/// What an honest node has, changed.
fn changed(change: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut blob = sample().blob;
    change(&mut blob);
    blob
}

#[tokio::test]
async fn honest_node_is_believed() {
    let place = Place::new();
    let blob = place.sample.blob.clone();
    assert_eq!(place.fetch(node(move |range| partial(&blob, range))).await, None);
    assert!(place.is_whole());
    assert_eq!(others_than(&place.target()), 0, "no part is left");
    let other = Place::new();
    let blob = other.sample.blob.clone();
    // Who answers with all of it where its beginning was asked for does as well.
    let whole = move |range: Range<usize>| match range.start {
        0 => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n", blob.len());
            Reply { bytes: [head.as_bytes(), &blob].concat(), closes: true }
        }
        _ => partial(&blob, range),
    };
    assert_eq!(other.fetch(node(whole)).await, None);
    assert!(other.is_whole());
}

#[tokio::test]
async fn altered_swapped_and_exchanged_bytes_are_found() {
    let sealed = sample().blob.len() - 4 * 32;
    let lies = [
        changed(|blob| blob[5] ^= 1),
        changed(|blob| blob[2 * GROUP_BYTES + 77] ^= 128),
        changed(|blob| blob[sealed..].reverse()),
        changed(|blob| {
            let (first, second) = blob.split_at_mut(GROUP_BYTES);
            first.swap_with_slice(&mut second[..GROUP_BYTES]);
        }),
        // Groups and leaves swapped alike: the root does not follow.
        changed(|blob| {
            let (first, second) = blob.split_at_mut(GROUP_BYTES);
            first.swap_with_slice(&mut second[..GROUP_BYTES]);
            let at = blob.len() - 4 * 32;
            let (first, second) = blob[at..].split_at_mut(32);
            first.swap_with_slice(&mut second[..32]);
        }),
        changed(|blob| blob.iter_mut().for_each(|byte| *byte = 0)),
    ];
    for (number, blob) in lies.into_iter().enumerate() {
        let place = Place::new();
        assert_eq!(place.fetch(node(move |range| partial(&blob, range))).await, Some(Problem::Damaged), "{number}");
        assert!(!place.target().exists(), "{number}");
        // Another answer, at another time: what was whole is kept, what was not comes again.
        let honest = place.sample.blob.clone();
        assert_eq!(place.fetch(node(move |range| partial(&honest, range))).await, None, "{number}");
        assert!(place.is_whole(), "{number}");
    }
}

#[tokio::test]
async fn lengths_that_lie_end_and_never_fill_a_disk() {
    let cut = |range: Range<usize>, blob: &[u8]| {
        let mut reply = partial(blob, range);
        reply.bytes.truncate(reply.bytes.len() - 7);
        Reply { closes: true, ..reply }
    };
    let elsewhere = |range: Range<usize>, blob: &[u8]| partial(blob, range.start..range.end - 1);
    let moved = |range: Range<usize>, blob: &[u8]| match range.start {
        0 => partial(blob, 1..range.end + 1),
        _ => partial(blob, range),
    };
    // Leaves without an end: what is announced is not what is sent.
    let endless = |range: Range<usize>, blob: &[u8]| {
        let head = format!(
            "HTTP/1.1 206 Partial Content\r\nTransfer-Encoding: chunked\r\nContent-Range: bytes {}-{}/{}\r\n\r\n",
            range.start,
            range.end - 1,
            blob.len()
        );
        let chunk = [b"100000\r\n".as_slice(), &vec![7; 1 << 20], b"\r\n"].concat();
        Reply { bytes: [head.as_bytes(), &chunk.repeat(8)].concat(), closes: false }
    };
    type Lie = fn(Range<usize>, &[u8]) -> Reply;
    let lies: [(Lie, Problem); 4] = [
        (cut, Problem::Network),
        (elsewhere, Problem::Damaged),
        (moved, Problem::Damaged),
        (endless, Problem::Damaged),
    ];
    for (number, (lie, problem)) in lies.into_iter().enumerate() {
        let place = Place::new();
        let blob = place.sample.blob.clone();
        assert_eq!(place.fetch(node(move |range| lie(range, &blob))).await, Some(problem), "{number}");
        let honest = place.sample.blob.clone();
        assert_eq!(place.fetch(node(move |range| partial(&honest, range))).await, None, "{number}");
        assert!(place.is_whole(), "{number}");
    }
}

#[tokio::test]
async fn what_is_no_answer_is_told_from_a_refusal() {
    for (reply, problem) in [
        ("404 Not Found", Problem::Gone),
        ("410 Gone", Problem::Gone),
        ("416 Range Not Satisfiable", Problem::Damaged),
        ("429 Too Many Requests", Problem::Busy),
        ("503 Service Unavailable", Problem::Busy),
        ("500 Internal Server Error", Problem::Network),
        ("302 Found", Problem::Refused),
        ("200 OK", Problem::Refused),
    ] {
        let place = Place::new();
        assert_eq!(place.fetch(node(move |_| status(reply))).await, Some(problem), "{reply}");
    }
    let rubbish = || Reply { bytes: b"SSH-2.0-OpenSSH_9.2\r\n".repeat(50_000), closes: true };
    assert_eq!(Place::new().fetch(node(move |_| rubbish())).await, Some(Problem::Network));
    let head = || Reply {
        bytes: [b"HTTP/1.1 206 Partial\r\n".as_slice(), &b"x: y\r\n".repeat(500_000)].concat(),
        closes: true,
    };
    assert_eq!(Place::new().fetch(node(move |_| head())).await, Some(Problem::Network));
    // Nobody is there.
    let gone = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let nobody = NodeUrl::parse(&format!("http://{gone}")).unwrap();
    assert_eq!(Place::new().fetch(nobody).await, Some(Problem::Network));
}

#[tokio::test]
async fn taken_path_is_left_alone_and_so_is_a_part_that_somebody_spoiled() {
    let place = Place::new();
    let blob = place.sample.blob.clone();
    let half = node(move |range| match range.start {
        0 => Reply { closes: true, bytes: partial(&blob, range).bytes[..2 * GROUP_BYTES + 300].to_vec() },
        _ => partial(&blob, range),
    });
    assert_eq!(place.fetch(half).await, Some(Problem::Network));
    let part = std::fs::read_dir(place.folder.path()).unwrap().map_while(Result::ok).next().unwrap().path();
    let mut spoiled = std::fs::read(&part).unwrap();
    assert!(spoiled.len() >= CHUNK_BYTES, "the first groups are kept");
    spoiled[100] ^= 4;
    std::fs::write(&part, spoiled).unwrap();
    let honest = place.sample.blob.clone();
    assert_eq!(place.fetch(node(move |range| partial(&honest, range))).await, None);
    assert!(place.is_whole());
    let honest = place.sample.blob.clone();
    assert_eq!(place.fetch(node(move |range| partial(&honest, range))).await, Some(Problem::Unwritable));
    assert!(place.is_whole(), "what was there is there");
}
