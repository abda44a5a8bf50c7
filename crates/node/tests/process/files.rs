//! A sender and a reader of files, as FILES.md s.5 has them.

use super::{Answer, Node, PATIENCE, exchange};
use std::net::SocketAddr;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use wire::file::{FileWork, TERMS_PATH, file_path, keep_path, parse_challenge};
use wire::id::{FileId, FileOwner, Hash};

/// `length` bytes that nobody would guess.
pub fn noise(seed: u64, length: usize) -> Vec<u8> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_be_bytes());
    }
    bytes.truncate(length);
    bytes
}

/// A blob with its id and its owner's secret.
pub struct Blob {
    pub id: FileId,
    pub owner: FileOwner,
    pub bytes: Vec<u8>,
}

impl Blob {
    pub fn new(seed: u64, length: usize) -> Self {
        let id = FileId(Hash::of(&[b"id", &seed.to_be_bytes()]).0);
        let owner = FileOwner(Hash::of(&[b"owner", &seed.to_be_bytes()]).0);
        Self { id, owner, bytes: noise(seed + 1, length) }
    }

    pub fn bearer(&self) -> String {
        format!("Authorization: Bearer {}\r\n", data_encoding::HEXLOWER.encode(&self.owner.0))
    }

    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The head of a POST without work, with these bytes to come.
    pub fn post_head(&self, completes: bool, content_length: usize) -> String {
        format!(
            "POST {} HTTP/1.1\r\nHost: node\r\nUpload-Length: {}\r\nUpload-Complete: ?{}\r\nFile-Owner: {}\r\n\
             File-Ttl: 86400\r\nContent-Length: {content_length}\r\n",
            file_path(&self.id),
            self.len(),
            u8::from(completes),
            self.owner.hash().to_hex(),
        )
    }

    pub fn patch_head(&self, offset: usize, completes: bool, content_length: usize) -> String {
        format!(
            "PATCH {} HTTP/1.1\r\nHost: node\r\n{}Content-Type: application/partial-upload\r\nUpload-Offset: {offset}\r\n\
             Upload-Complete: ?{}\r\nContent-Length: {content_length}\r\n",
            file_path(&self.id),
            self.bearer(),
            u8::from(completes),
        )
    }
}

/// `file-work` for a blob, at the price that the node names.
pub async fn work(node: &Node, id: &FileId, length: u64) -> String {
    let text = node.http(&format!("GET {TERMS_PATH} HTTP/1.1\r\nHost: node\r\n"), b"").await.1;
    let text = String::from_utf8(text).expect("text");
    let after = |name: &str| text.split_once(&format!("\"{name}\":")).expect("named").1;
    let challenge = parse_challenge(&after("challenge")[1..97]).expect("a challenge");
    let bits = after("work_bits").split(',').next().expect("a number").parse().expect("a number");
    let work = FileWork::search(&challenge, id, length, bits, 0, 1 << 40).expect("done");
    format!("File-Work: {}\r\n", work.to_text())
}

impl Node {
    /// Begins a file with its first bytes.
    pub async fn post_file(&self, blob: &Blob, completes: bool, first: &[u8]) -> Answer {
        let work = work(self, &blob.id, blob.len() as u64).await;
        exchange(self.address, &format!("{}{work}", blob.post_head(completes, first.len())), first).await
    }

    /// Appends from `offset` on.
    pub async fn patch_file(&self, blob: &Blob, offset: usize, completes: bool, bytes: &[u8]) -> Answer {
        exchange(self.address, &blob.patch_head(offset, completes, bytes.len()), bytes).await
    }

    /// How far it is.
    pub async fn file_offset(&self, blob: &Blob) -> Answer {
        let head = format!("HEAD {} HTTP/1.1\r\nHost: node\r\n{}", file_path(&blob.id), blob.bearer());
        exchange(self.address, &head, b"").await
    }

    /// Stores the whole of it in one request.
    pub async fn store_file(&self, blob: &Blob) {
        let answer = self.post_file(blob, true, &blob.bytes).await;
        assert_eq!((answer.status, answer.header("upload-complete")), (201, Some("?1")));
    }

    pub async fn get_file(&self, id: &FileId, more: &str) -> Answer {
        exchange(self.address, &format!("GET {} HTTP/1.1\r\nHost: node\r\n{more}", file_path(id)), b"").await
    }

    pub async fn delete_file(&self, blob: &Blob) -> Answer {
        let head = format!("DELETE {} HTTP/1.1\r\nHost: node\r\n{}", file_path(&blob.id), blob.bearer());
        exchange(self.address, &head, b"").await
    }

    pub async fn keep_file(&self, id: &FileId, length: u64, ttl_s: u64) -> Answer {
        let work = work(self, id, length).await;
        let head = format!(
            "POST {} HTTP/1.1\r\nHost: node\r\nFile-Ttl: {ttl_s}\r\n{work}Content-Length: 0\r\n",
            keep_path(id)
        );
        exchange(self.address, &head, b"").await
    }
}

/// A request whose body goes on until it is dropped.
pub struct Unfinished {
    pub stream: TcpStream,
}

impl Unfinished {
    /// Sends a head that promises more, and some bytes.
    pub async fn begin(address: SocketAddr, head: &str, bytes: &[u8]) -> Self {
        let begin = async {
            let mut stream = TcpStream::connect(address).await.expect("connected");
            stream.write_all(format!("{head}\r\n").as_bytes()).await.expect("sent");
            stream.write_all(bytes).await.expect("sent");
            stream
        };
        Self { stream: tokio::time::timeout(PATIENCE, begin).await.expect("sent in time") }
    }
}
