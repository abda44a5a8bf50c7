//! Case `file`: bytes a second into and out of the node, as plain HTTP on one connection without sealing; beside the
//! disk, which the same bytes are written to and synced.

use crate::Scale;
use crate::peer::Random;
use crate::process::{Server, data_folder, node_binary};
use crate::report::{Measurement, Subject, rounded};
use anyhow::{Context, bail};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};
use wire::file::{FileWork, TERMS_PATH, file_path, parse_challenge};
use wire::id::{FileId, FileOwner};
use wire::limit::FILE_PART_BYTES;

/// Bytes of the file.
const FILE_BYTES: u64 = 256 << 20;
/// Nothing moves for this long: something hangs.
const STALL: Duration = Duration::from_secs(60);

/// Disk and node take turns.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let length = scale.of(FILE_BYTES);
    let mut bytes = vec![0; usize::try_from(length)?];
    Random::new().fill(&mut bytes);
    for round in 1..=scale.rounds {
        disk(round, &bytes)?;
        if scale.with_node {
            node(round, &bytes)?;
        }
    }
    Ok(())
}

fn measured(subject: Subject, round: u32, what: &str, bytes: usize, took: Duration) -> Measurement {
    let mut measurement = Measurement::new("file", subject)
        .with("does", what)
        .with("bytes", bytes)
        .with("bytes_per_s", rounded(bytes as f64 / took.as_secs_f64().max(1e-9)));
    measurement.round = Some(round);
    measurement.seconds = Some(rounded(took.as_secs_f64()));
    measurement
}

/// Parts as long as the node's, each a file that is synced: what an upload waits for at least.
fn disk(round: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let folder = data_folder()?;
    let begun = Instant::now();
    for (number, part) in bytes.chunks(FILE_PART_BYTES).enumerate() {
        let mut file = std::fs::File::create(folder.path().join(number.to_string()))?;
        file.write_all(part)?;
        file.sync_all()?;
    }
    measured(Subject::Machine, round, "write", bytes.len(), begun.elapsed()).print()
}

fn node(round: u32, bytes: &[u8]) -> anyhow::Result<()> {
    let server = Server::start_node(&node_binary()?, &[])?;
    let mut random = Random::new();
    let (mut id, mut owner) = ([0; 32], [0; 32]);
    random.fill(&mut id);
    random.fill(&mut owner);
    let (id, owner) = (FileId(id), FileOwner(owner));
    let bearer = owner.0.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    begin(&server, &id, &owner, bytes.len() as u64)?;
    let (idle_rss, idle_cpu) = (server.rss_bytes()?, server.cpu_seconds()?);

    let begun = Instant::now();
    let head = format!(
        "PATCH {} HTTP/1.1\r\nHost: node\r\nAuthorization: Bearer {bearer}\r\nContent-Type: application/partial-upload\r\n\
         Upload-Offset: 0\r\nUpload-Complete: ?1\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        file_path(&id),
        bytes.len()
    );
    let answer = exchange(&server, &head, bytes, &mut |_| Ok(()))?;
    if !answer.starts_with("HTTP/1.1 204") {
        bail!("the upload was answered with {answer}");
    }
    let took = begun.elapsed();
    let (rss, cpu) = (server.rss_bytes()?, server.cpu_seconds()?);
    let mut upload = measured(Subject::Node, round, "upload", bytes.len(), took);
    upload.core_seconds = Some(rounded(cpu - idle_cpu));
    upload.rss_bytes = Some(rss);
    upload.with("rss_growth_bytes", rss.saturating_sub(idle_rss)).print()?;

    let begun = Instant::now();
    let head = format!("GET {} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n", file_path(&id));
    let mut at = 0;
    exchange(&server, &head, &[], &mut |read| {
        let end = at + read.len();
        if bytes.get(at..end) != Some(read) {
            bail!("other bytes came back");
        }
        at = end;
        Ok(())
    })?;
    if at != bytes.len() {
        bail!("{at} of {} bytes came back", bytes.len());
    }
    let took = begun.elapsed();
    let rss = server.rss_bytes()?;
    let mut download = measured(Subject::Node, round, "download", bytes.len(), took);
    download.core_seconds = Some(rounded(server.cpu_seconds()? - cpu));
    download.rss_bytes = Some(rss);
    download.with("rss_growth_bytes", rss.saturating_sub(idle_rss)).print()?;
    server.stop()?;
    Ok(())
}

/// Pays for the upload.
fn begin(server: &Server, id: &FileId, owner: &FileOwner, length: u64) -> anyhow::Result<()> {
    let mut terms = Vec::new();
    let head = format!("GET {TERMS_PATH} HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n");
    exchange(server, &head, &[], &mut |read| {
        terms.extend_from_slice(read);
        Ok(())
    })?;
    let terms: serde_json::Value = serde_json::from_slice(&terms)?;
    let challenge = parse_challenge(terms["challenge"].as_str().context("no challenge")?)?;
    let bits = u32::try_from(terms["work_bits"].as_u64().context("no bits")?)?;
    let work = FileWork::search(&challenge, id, length, bits, 0, u64::MAX).context("no work")?;
    let head = format!(
        "POST {} HTTP/1.1\r\nHost: node\r\nUpload-Length: {length}\r\nUpload-Complete: ?0\r\nFile-Owner: {}\r\n\
         File-Ttl: 3600\r\nFile-Work: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        file_path(id),
        owner.hash().to_hex(),
        work.to_text()
    );
    let answer = exchange(server, &head, &[], &mut |_| Ok(()))?;
    if !answer.starts_with("HTTP/1.1 201") {
        bail!("the upload was not begun: {answer}");
    }
    Ok(())
}

/// Sends a request and hands the answer's body on as it comes; the answer's head.
fn exchange(
    server: &Server,
    head: &str,
    body: &[u8],
    take: &mut dyn FnMut(&[u8]) -> anyhow::Result<()>,
) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server.address)?;
    stream.set_read_timeout(Some(STALL))?;
    stream.set_write_timeout(Some(STALL))?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let (mut read, mut buffer) = (Vec::new(), vec![0; 256 << 10]);
    let head_end = loop {
        let count = stream.read(&mut buffer)?;
        read.extend_from_slice(&buffer[..count]);
        if let Some(end) = read.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        if count == 0 {
            bail!("no answer");
        }
    };
    take(&read[head_end..])?;
    loop {
        match stream.read(&mut buffer)? {
            0 => return Ok(String::from_utf8_lossy(&read[..head_end]).into_owned()),
            count => take(&buffer[..count])?,
        }
    }
}
