//! Files over HTTP (FILES.md s.5): what is stored, read, resumed, refused.
#![allow(clippy::unwrap_used, missing_docs, dead_code)]

mod process;

use process::files::{Blob, Unfinished, work};
use process::{Answer, Node, exchange};
use tokio::io::AsyncReadExt;
use wire::file::{FileWork, TERMS_PATH, file_path, parse_challenge};
use wire::id::FileId;

const PART: usize = wire::limit::FILE_PART_BYTES;

fn data() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn offset(answer: &Answer) -> Option<usize> {
    answer.header("upload-offset").map(|offset| offset.parse().unwrap())
}

fn limits<'a>(limits: &[&'a str]) -> Vec<&'a str> {
    limits.iter().flat_map(|limit| ["--limit", limit]).collect()
}

#[tokio::test]
async fn file_is_stored_in_one_request_and_read_whole_or_by_range() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(1, 2 * PART + 77_777);
    node.store_file(&blob).await;
    let whole = node.get_file(&blob.id, "").await;
    assert_eq!((whole.status, whole.header("content-length")), (200, Some(blob.len().to_string().as_str())));
    assert!(whole.body == blob.bytes);
    assert_eq!((whole.header("accept-ranges"), whole.header("cache-control")), (Some("bytes"), Some("no-store")));
    assert_eq!(whole.header("access-control-allow-origin"), Some("*"));
    let last = blob.len() - 1;
    let ranges = [
        ("bytes=0-0", 0, 1),
        (&format!("bytes={}-{}", PART - 1, PART), PART - 1, PART + 1),
        (&format!("bytes={}-{}", PART, 2 * PART - 1), PART, 2 * PART),
        ("bytes=1000-", 1_000, blob.len()),
        ("bytes=-5", blob.len() - 5, blob.len()),
        (&format!("bytes={last}-999999999999"), last, blob.len()),
    ];
    for (range, first, end) in ranges {
        let part = node.get_file(&blob.id, &format!("Range: {range}\r\n")).await;
        let expected = format!("bytes {first}-{}/{}", end - 1, blob.len());
        assert_eq!((part.status, part.header("content-range")), (206, Some(expected.as_str())), "{range}");
        assert!(part.body == blob.bytes[first..end], "{range}");
    }
    for (range, status) in [
        (format!("bytes={}-", blob.len()), 416),
        ("bytes=-0".to_owned(), 416),
        ("bytes=0-1,5-6".to_owned(), 200),
        ("lines=0-1".to_owned(), 200),
        ("bytes=0-1\r\nIf-Range: \"x\"".to_owned(), 200),
    ] {
        let answer = node.get_file(&blob.id, &format!("Range: {range}\r\n")).await;
        assert_eq!(answer.status, status, "{range}");
        if status == 416 {
            assert_eq!(answer.header("content-range"), Some(format!("bytes */{}", blob.len()).as_str()));
        }
    }
}

#[tokio::test]
async fn file_is_resumed_from_its_offset_and_unreadable_until_it_is_whole() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(2, PART + 500_000);
    let begun = node.post_file(&blob, false, b"").await;
    assert_eq!((begun.status, offset(&begun), begun.header("upload-complete")), (201, Some(0), Some("?0")));
    let again = node.post_file(&blob, false, b"").await;
    assert_eq!((again.status, offset(&again)), (200, Some(0)), "begun already by the same owner");
    let mut at = 0;
    for (end, completes) in [(100_000, false), (PART + 400_000, false), (blob.len(), true)] {
        assert_eq!(node.get_file(&blob.id, "").await.status, 404, "half a blob");
        let answer = node.patch_file(&blob, at, completes, &blob.bytes[at..end]).await;
        assert_eq!((answer.status, offset(&answer)), (204, Some(end)));
        at = end;
    }
    let head = node.file_offset(&blob).await;
    assert_eq!((head.status, offset(&head), head.header("upload-complete")), (204, Some(at), Some("?1")));
    assert_eq!(head.header("upload-length"), Some(at.to_string().as_str()));
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
    let last = node.patch_file(&blob, at, true, b"").await;
    assert_eq!(last.status, 204, "said again, because the answer was lost");
    let more = node.patch_file(&blob, at, false, b"").await;
    assert_eq!((more.status, more.header("upload-complete")), (409, Some("?1")), "a complete blob is immutable");
    let again = node.post_file(&blob, false, b"").await;
    assert_eq!((again.status, again.header("upload-complete")), (200, Some("?1")));
}

#[tokio::test]
async fn all_bytes_are_a_file_only_once_its_owner_says_so() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(3, 5_000);
    assert_eq!(node.post_file(&blob, false, &blob.bytes).await.status, 201);
    assert_eq!(node.get_file(&blob.id, "").await.status, 404);
    let done = node.patch_file(&blob, 5_000, true, b"").await;
    assert_eq!((done.status, done.header("upload-complete")), (204, Some("?1")));
    assert_eq!(node.get_file(&blob.id, "").await.status, 200);
}

#[tokio::test]
async fn wrong_owner_reads_404_and_a_wrong_offset_409_with_the_right_one() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(4, 5_000);
    node.post_file(&blob, false, &blob.bytes[..1_000]).await;
    let stranger = Blob { owner: Blob::new(5, 0).owner, bytes: blob.bytes.clone(), id: blob.id };
    assert_eq!(node.file_offset(&stranger).await.status, 404);
    assert_eq!(node.patch_file(&stranger, 1_000, true, &blob.bytes[1_000..]).await.status, 404);
    assert_eq!(node.delete_file(&stranger).await.status, 204, "as for what never was");
    let taken = node.post_file(&stranger, false, b"").await;
    assert_eq!((taken.status, offset(&taken)), (409, None));
    let head = format!("HEAD {} HTTP/1.1\r\nHost: node\r\n", file_path(&blob.id));
    assert_eq!(exchange(node.address, &head, b"").await.status, 404, "without a secret");
    for wrong in [0, 999, 1_001, 5_000] {
        let answer = node.patch_file(&blob, wrong, false, b"x").await;
        assert_eq!((answer.status, offset(&answer)), (409, Some(1_000)), "{wrong}");
    }
    let typed = blob.patch_head(1_000, false, 1).replace("application/partial-upload", "text/plain");
    assert_eq!(exchange(node.address, &typed, b"x").await.status, 415);
    let done = node.patch_file(&blob, 1_000, true, &blob.bytes[1_000..]).await;
    assert_eq!((done.status, offset(&done)), (204, Some(5_000)), "nothing of all that did harm");
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
}

#[tokio::test]
async fn length_that_lies_is_refused_and_does_no_harm() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(6, 5_000);
    node.post_file(&blob, false, &blob.bytes[..1_000]).await;
    let long = node.patch_file(&blob, 1_000, false, &[0; 4_001]).await;
    assert_eq!((long.status, offset(&long)), (400, Some(1_000)), "over its end");
    let short = node.patch_file(&blob, 1_000, true, &[0; 3_999]).await;
    assert_eq!((short.status, offset(&short)), (400, Some(1_000)), "complete too early");
    let chunked = |completes| {
        let head = blob.patch_head(1_000, completes, 0).replace("Content-Length: 0", "Transfer-Encoding: chunked");
        let mut body = format!("{:x}\r\n", 4_001).into_bytes();
        body.extend_from_slice(&blob.bytes[1_000..]);
        body.extend_from_slice(b"!\r\n0\r\n\r\n");
        (head, body)
    };
    let (head, body) = chunked(true);
    let long = exchange(node.address, &head, &body).await;
    assert_eq!((long.status, long.header("upload-complete")), (400, Some("?0")), "over its end, known only there");
    let at = offset(&node.file_offset(&blob).await).unwrap();
    let done = node.patch_file(&blob, at, true, &blob.bytes[at..]).await;
    assert_eq!(done.status, 204);
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);

    let empty = Blob::new(7, 0);
    assert_eq!(node.post_file(&empty, true, b"").await.status, 400);
    let head = Blob::new(8, 10).post_head(true, 11);
    assert_eq!(exchange(node.address, &head, b"12345678901").await.status, 400);
    let good = Blob::new(9, 10).post_head(false, 0);
    for (field, wrong) in [
        ("Upload-Length: 10", "Upload-Length: +10"),
        ("Upload-Length: 10", "Upload-Length: 99999999999999999999"),
        ("Upload-Length: 10\r\n", ""),
        ("Upload-Complete: ?0", "Upload-Complete: 0"),
        ("File-Ttl: 86400", "File-Ttl: 0"),
        ("File-Ttl: 86400", "File-Ttl: 999999999"),
        ("File-Owner: ", "File-Owner: 00"),
        ("/v1/file/", "/v1/file/0"),
    ] {
        assert!(good.contains(field));
        assert_eq!(exchange(node.address, &good.replace(field, wrong), b"").await.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn broken_connection_keeps_what_came_and_a_later_writer_ends_the_one_before() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(10, 5 * PART);
    node.post_file(&blob, false, b"").await;
    // A part on disk says that the request is being served, and not only on its way.
    let parts = async |count: usize| {
        let are_there = async {
            while walk(&data.path().join("files")).len() < count {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(process::PATIENCE, are_there).await.unwrap();
    };
    let write = async |at: usize, more: usize| {
        let head = blob.patch_head(at, true, blob.len() - at);
        Unfinished::begin(node.address, &head, &blob.bytes[at..at + more]).await
    };
    // The shortest part there is.
    let least = PART / 8;
    let broken = write(0, PART + 300_000).await;
    parts(1).await;
    drop(broken);
    // The node may not have read all of it before it noticed: what it has is a beginning.
    let kept = offset(&node.file_offset(&blob).await).unwrap();
    assert!((least..=PART + 300_000).contains(&kept), "{kept}");

    let before = walk(&data.path().join("files")).len();
    let mut first = write(kept, PART + 200_000).await;
    parts(before + 1).await;
    // Asking how far it is ends the first: the answer is true from then on.
    let asked = offset(&node.file_offset(&blob).await).unwrap();
    assert!((kept + least..=kept + PART + 200_000).contains(&asked), "{asked}");
    let mut answer = [0; 12];
    let read = first.stream.read_exact(&mut answer);
    tokio::time::timeout(process::PATIENCE, read).await.unwrap().unwrap();
    assert_eq!(std::str::from_utf8(&answer), Ok("HTTP/1.1 409"));

    let before = walk(&data.path().join("files")).len();
    let _second = write(asked, PART + 100_000).await;
    parts(before + 1).await;
    let head = blob.patch_head(asked, true, blob.len() - asked);
    let third = exchange(node.address, &head, b"").await;
    let at = offset(&third).unwrap();
    assert_eq!(third.status, 409, "what the second had sent is kept");
    assert!((asked + least..=asked + PART + 100_000).contains(&at), "{at}");
    assert_eq!(node.patch_file(&blob, at, true, &blob.bytes[at..]).await.status, 204);
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
}

#[tokio::test]
async fn upload_without_new_paid_work_is_refused() {
    let data = data();
    let node = Node::start(data.path(), &limits(&["file_work_bits=12"]));
    let (blob, other) = (Blob::new(11, 5_000), Blob::new(12, 5_000));
    let post = async |blob: &Blob, work: &str| {
        exchange(node.address, &format!("{}{work}", blob.post_head(false, 0)), b"").await.status
    };
    assert_eq!(post(&blob, "").await, 400, "no work at all");
    assert_eq!(post(&blob, "File-Work: 00:1\r\n").await, 400);
    let good = work(&node, &blob.id, 5_000).await;
    assert_eq!(post(&other, &good).await, 403, "another file's");
    let text = good.trim_start_matches("File-Work: ").trim_end();
    let work = FileWork::parse(text).unwrap();
    let idle = (0..).map(|nonce| FileWork { nonce, ..work }).find(|idle| !idle.is_done(&blob.id, 5_000, 12)).unwrap();
    assert_eq!(post(&blob, &format!("File-Work: {}\r\n", idle.to_text())).await, 403, "not done");
    let forged = FileWork::search(&[7; 48], &blob.id, 5_000, 12, 0, 1 << 40).unwrap();
    assert_eq!(post(&blob, &format!("File-Work: {}\r\n", forged.to_text())).await, 403, "not our challenge");
    assert_eq!(post(&blob, &good).await, 201);
    assert_eq!(node.delete_file(&blob).await.status, 204);
    assert_eq!(post(&blob, &good).await, 403, "used up");
}

#[tokio::test]
async fn terms_name_the_limits_and_hello_the_longest_file() {
    let data = data();
    let node = Node::start(data.path(), &limits(&["file_bytes=100000", "file_work_bits=3", "file_ttl_s=7200"]));
    let answer = exchange(node.address, &format!("GET {TERMS_PATH} HTTP/1.1\r\nHost: node\r\n"), b"").await;
    let text = String::from_utf8(answer.body.clone()).unwrap();
    let (challenge, rest) = text.strip_prefix("{\"challenge\":\"").unwrap().split_at(96);
    parse_challenge(challenge).unwrap();
    let named = "\",\"work_bits\":3,\"bytes_max\":100000,\"ttl_s_max\":7200,\"part_bytes\":4194304}\n";
    assert_eq!((answer.status, answer.header("content-type"), rest), (200, Some("application/json"), named));
    assert_eq!(process::Client::connect(&node).await.hello.limits.file_bytes, 100_000);
    let preflight = format!("OPTIONS {} HTTP/1.1\r\nHost: node\r\n", file_path(&FileId([1; 32])));
    let answer = exchange(node.address, &preflight, b"").await;
    let allowed = answer.header("access-control-allow-headers").unwrap();
    assert_eq!((answer.status, answer.header("access-control-allow-origin")), (204, Some("*")));
    for name in ["authorization", "upload-offset", "upload-complete", "file-work", "range", "content-type"] {
        assert!(allowed.split(", ").any(|found| found.trim() == name), "{name}");
    }
}

#[tokio::test]
async fn limits_hold_and_say_when_to_try_again() {
    let data = data();
    let set = ["file_bytes=12000000", "file_bytes_total=26000000", "file_bytes_per_h=17825792", "file_uploads=2"];
    let node = Node::start(data.path(), &limits(&set));
    assert_eq!(node.post_file(&Blob::new(20, 12_000_001), false, b"").await.status, 413);
    let blobs: Vec<Blob> = (21..26).map(|seed| Blob::new(seed, 12_000_000)).collect();
    node.store_file(&blobs[0]).await;
    assert_eq!(node.post_file(&blobs[1], false, b"").await.status, 201);
    assert_eq!(node.post_file(&blobs[2], false, b"").await.status, 201);
    let third = node.post_file(&blobs[3], false, b"").await;
    assert_eq!((third.status, third.header("retry-after")), (503, Some("5")), "two are open");
    assert_eq!(node.delete_file(&blobs[2]).await.status, 204);
    let slow = node.patch_file(&blobs[1], 0, true, &blobs[1].bytes).await;
    assert_eq!(slow.status, 429, "more than 17 MiB an hour");
    assert!(slow.header("retry-after").unwrap().parse::<u32>().unwrap() > 0);
    let at = offset(&slow).unwrap();
    assert!((PART..6_000_000).contains(&at), "what is paid for is kept: {at}");
    drop(node);
    let node = Node::start(data.path(), &limits(&set));
    let done = node.patch_file(&blobs[1], at, true, &blobs[1].bytes[at..]).await;
    assert_eq!(done.status, 204);
    let full = node.post_file(&blobs[3], false, b"").await;
    assert_eq!((full.status, full.header("retry-after")), (507, Some("60")), "24 of 26 MB are stored");
    assert_eq!(node.delete_file(&blobs[0]).await.status, 204);
    // Room comes once the parts are deleted, a moment later.
    let begun = async { while node.post_file(&blobs[3], false, b"").await.status != 201 {} };
    tokio::time::timeout(process::PATIENCE, begun).await.unwrap();
}

#[tokio::test]
async fn nothing_is_taken_below_the_disk_floor() {
    let data = data();
    let node = Node::start(data.path(), &limits(&["disk_free_bytes=1125899906842624"]));
    assert_eq!(node.post_file(&Blob::new(30, 5_000), false, b"").await.status, 507);
}

#[tokio::test]
async fn deleted_file_is_gone_with_its_parts_and_its_id_is_free() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(31, PART + 5);
    node.store_file(&blob).await;
    let parts = || walk(&data.path().join("files"));
    assert!(parts().len() > 1);
    assert_eq!(node.delete_file(&blob).await.status, 204);
    assert_eq!(node.get_file(&blob.id, "").await.status, 404);
    assert_eq!(node.file_offset(&blob).await.status, 404);
    assert_eq!(node.delete_file(&blob).await.status, 204, "the same answer");
    let anonymous = format!("DELETE {} HTTP/1.1\r\nHost: node\r\n", file_path(&blob.id));
    assert_eq!(exchange(node.address, &anonymous, b"").await.status, 401);
    let gone = async {
        while !parts().is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(process::PATIENCE, gone).await.unwrap();
    node.store_file(&blob).await;
    assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
}

#[tokio::test]
async fn anybody_with_the_id_keeps_a_file_longer_for_the_same_work() {
    let data = data();
    let node = Node::start(data.path(), &[]);
    let blob = Blob::new(32, 5_000);
    assert_eq!(node.keep_file(&blob.id, 5_000, 86_400).await.status, 404, "not here");
    node.post_file(&blob, false, b"").await;
    assert_eq!(node.keep_file(&blob.id, 5_000, 86_400).await.status, 404, "not complete");
    node.patch_file(&blob, 0, true, &blob.bytes).await;
    assert_eq!(node.keep_file(&blob.id, 5_000, 2 * 86_400).await.status, 204);
    assert_eq!(node.keep_file(&blob.id, 5_000, 46 * 86_400).await.status, 400, "over the limit");
    let longer = Blob::new(33, 40 << 20);
    assert_eq!(node.keep_file(&blob.id, longer.len() as u64, 86_400).await.status, 403, "work for another length");
}

#[tokio::test]
async fn memory_stays_within_its_bound_however_many_send() {
    let data = data();
    let node = Node::start(data.path(), &limits(&["file_upload_bytes=8388608"]));
    let blobs: Vec<Blob> = (40..48).map(|seed| Blob::new(seed, 3 * PART)).collect();
    for blob in &blobs {
        node.post_file(blob, false, b"").await;
    }
    let before = node.rss_bytes();
    let sends = blobs.iter().map(|blob| node.patch_file(blob, 0, true, &blob.bytes));
    let answers = futures_util::future::join_all(sends).await;
    assert!(answers.iter().all(|answer| answer.status == 204));
    let grown = node.rss_bytes().saturating_sub(before);
    assert!(grown < 40 << 20, "{grown} bytes more after 96 MiB with 8 MiB allowed");
    for blob in &blobs {
        assert!(node.get_file(&blob.id, "").await.body == blob.bytes);
    }
}

#[tokio::test]
async fn neither_log_nor_metrics_nor_data_tell_of_a_file_more_than_they_must() {
    let data = data();
    let node = Node::start(data.path(), &["--admin-listen", "127.0.0.1:0"]);
    let blob = Blob::new(34, 123_457);
    node.store_file(&blob).await;
    node.get_file(&blob.id, "Range: bytes=5-\r\n").await;
    node.patch_file(&blob, 7, true, b"bad").await;
    let half = Blob::new(35, 234_567);
    node.post_file(&half, false, &half.bytes[..5_000]).await;
    node.delete_file(&half).await;
    let admin = node.first_lines.iter().find_map(|line| line.strip_prefix("metrics on http://")).unwrap();
    let admin = admin.trim_end_matches("/metrics").parse().unwrap();
    let metrics = process::http(admin, "GET /metrics HTTP/1.1\r\nHost: node\r\n", b"").await.1;
    let metrics = String::from_utf8(metrics).unwrap();
    assert!(metrics.contains("sottovoce_files_kept 1\n") && metrics.contains("sottovoce_files_open 0\n"), "{metrics}");
    let log = node.stop_and_read_log().await;
    let hex = data_encoding::HEXLOWER.encode(&blob.owner.0);
    for forbidden in [&blob.id.to_hex()[..12], &hex[..12], "123457", "234567", "127.0.0.1", "/v1/", "Bearer"] {
        assert!(!log.contains(forbidden), "{forbidden} is in the log:\n{log}");
    }
    for path in walk(data.path()) {
        let bytes = std::fs::read(&path).unwrap();
        let holds = |needle: &[u8]| bytes.windows(needle.len()).any(|window| window == needle);
        assert!(!holds(&blob.owner.0) && !holds(hex.as_bytes()), "the owner's secret is in {}", path.display());
        assert!(!path.to_str().unwrap().contains(&blob.id.to_hex()[..12]), "the id is in a name");
    }
}

fn walk(folder: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    let Ok(entries) = std::fs::read_dir(folder) else { return files };
    for entry in entries.flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => files.extend(walk(&entry.path())),
            _ => files.push(entry.path()),
        }
    }
    files
}
