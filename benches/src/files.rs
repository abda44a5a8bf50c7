//! Cases `file-send` and `file-receive`: one file through a real node, beside curl with the same file and node.
//!
//! Ours reads, seals, hashes, stores leaves, sends, and is done when the node has it durably and the message after it;
//! or fetches, checks, opens, writes and syncs. curl sends the plain bytes, and receives them without a sync.

use crate::engine::{Person, introduce, is_stored, wait};
use crate::process::{Server, data_folder, node_binary, peak_growth, unpin};
use crate::report::{Measurement, Subject, median, rounded};
use crate::{STALL, Scale};
use anyhow::{Context, bail, ensure};
use client::files::folder::{path_bytes, stamp};
use client::files::{AttachmentState, FileMessage, NewFile, Origin, OwnPath};
use client::timeline::EntryId;
use client::transport::file::Session;
use client::transport::stream::{Target, Tls};
use protocol::event::ConversationId;
use protocol::identity::NodeUrl;
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::ffi::OsStr;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;
use wire::file::{FILE_OWNER, FILE_TTL, FILE_WORK, FileWork, UPLOAD_COMPLETE, UPLOAD_LENGTH, file_path};
use wire::id::{FileId, Hash};

const BYTES: u64 = 1 << 30;
const MIB: f64 = (1 << 20) as f64;

fn make_file(path: &Path, bytes: u64) -> anyhow::Result<()> {
    let mut file = std::fs::File::create(path)?;
    let mut rng = ChaCha20Rng::from_seed([5; 32]);
    let mut buffer = vec![0; 1 << 20];
    for _ in 0..bytes.div_ceil(1 << 20) {
        rng.fill_bytes(&mut buffer);
        file.write_all(&buffer)?;
    }
    Ok(file.sync_all()?)
}

fn curl(args: &[&OsStr]) -> anyhow::Result<()> {
    let output = Command::new("curl")
        .args(["--silent", "--show-error", "--fail", "-H", "Expect:"])
        .args(args)
        .stdout(Stdio::null())
        .output()
        .context("curl did not start")?;
    ensure!(output.status.success(), "curl failed: {}", String::from_utf8_lossy(&output.stderr));
    Ok(())
}

/// Uploads the plain file as one blob; seconds, and where it is.
async fn curl_send(node_url: &NodeUrl, file: &Path, number: u8) -> anyhow::Result<(f64, String)> {
    let mut session = Session::open(&Target::of(node_url), &Tls::new()?).await?;
    let terms = session.terms().await?;
    let (id, length) = (FileId([number; 32]), std::fs::metadata(file)?.len());
    let work = FileWork::search(&terms.challenge, &id, length, terms.work_bits, 0, u64::MAX).context("no work")?;
    let url = format!("{}{}", node_url.as_str(), file_path(&id));
    let fields: Vec<String> = [
        (UPLOAD_LENGTH, length.to_string()),
        (UPLOAD_COMPLETE, "?1".into()),
        (FILE_OWNER, Hash::of(&[&[number; 32]]).to_hex()),
        (FILE_TTL, "86400".into()),
        (FILE_WORK, work.to_text()),
    ]
    .iter()
    .map(|(name, value)| format!("{name}: {value}"))
    .collect();
    let mut args: Vec<&OsStr> = fields.iter().flat_map(|field| [OsStr::new("-H"), OsStr::new(field)]).collect();
    args.extend([OsStr::new("-X"), OsStr::new("POST"), OsStr::new("-T"), file.as_os_str(), OsStr::new(&url)]);
    let started = Instant::now();
    curl(&args)?;
    Ok((started.elapsed().as_secs_f64(), url))
}

async fn send(person: &mut Person, conversation: ConversationId, file: &Path) -> anyhow::Result<(f64, EntryId)> {
    let found = std::fs::metadata(file)?;
    let new = NewFile {
        origin: Origin::Path(OwnPath { path: path_bytes(file), stamp: stamp(&found), is_covered: false }),
        size: found.len(),
        name: "file".into(),
        media_type: String::new(),
        look: Default::default(),
    };
    let started = Instant::now();
    let message = FileMessage { conversation, files: vec![new], caption: String::new(), reply_to: None };
    let entry = person.runner.send_files(message)?;
    wait(person, |runner| is_stored(runner, entry)).await?;
    Ok((started.elapsed().as_secs_f64(), entry))
}

async fn save(person: &mut Person, entry: EntryId, target: &Path) -> anyhow::Result<f64> {
    let file = person.runner.engine().timeline().entry(entry)?.context("no message")?.files.remove(0);
    let started = Instant::now();
    person.runner.fetch_file(file.id, Some(path_bytes(target)))?;
    wait(person, |runner| {
        let found = runner.engine().timeline().attachment(file.id)?.context("no file")?;
        match found.state {
            AttachmentState::Fetching => Ok(false),
            AttachmentState::FetchFailed => bail!("the file cannot be saved: {:?}", found.problem),
            _ => Ok(true),
        }
    })
    .await?;
    Ok(started.elapsed().as_secs_f64())
}

/// The message with a file that the other side has.
async fn arrived(person: &mut Person, conversation: ConversationId) -> anyhow::Result<EntryId> {
    let begun = Instant::now();
    loop {
        person.runner.step(tokio::time::Instant::now() + std::time::Duration::from_millis(50)).await?;
        let latest = client::timeline::Window::Latest(1);
        let entries = person.runner.engine().timeline().snapshot(&conversation, latest)?.entries;
        if let Some(entry) = entries.iter().find(|entry| !entry.is_own() && !entry.files.is_empty()) {
            return Ok(entry.id);
        }
        ensure!(begun.elapsed() < STALL, "a message with a file does not arrive");
    }
}

fn same(left: &Path, right: &Path) -> anyhow::Result<bool> {
    let status = Command::new("cmp").arg(left).arg(right).status().context("cmp did not start")?;
    Ok(status.success())
}

fn measured(
    case: &'static str,
    bytes: u64,
    ours: &[f64],
    curls: &[f64],
    growth: u64,
    server: &Server,
) -> anyhow::Result<Measurement> {
    let speed = |seconds: &[f64]| median(seconds.iter().map(|seconds| bytes as f64 / seconds / MIB));
    let ratios = ours.iter().zip(curls).map(|(ours, curl)| curl / ours);
    Ok(Measurement::new(case, Subject::Client)
        .with("bytes", bytes)
        .with("mib_per_s", speed(ours).map(f64::round))
        .with("curl_mib_per_s", speed(curls).map(f64::round))
        .with("ratio_to_curl", median(ratios).map(rounded))
        .with("peak_growth_bytes", growth)
        .with("node_rss_peak_bytes", server.rss_peak_bytes()?))
}

async fn measure(scale: &Scale, server: &Server) -> anyhow::Result<()> {
    let bytes = scale.of(BYTES);
    let folder = data_folder()?;
    let file = folder.path().join("file");
    make_file(&file, bytes)?;
    let node_url = NodeUrl::parse(&format!("http://{}", server.address))?;
    let mut alice = Person::new(folder.path(), "alice", &node_url)?;
    let mut bob = Person::new(folder.path(), "bob", &node_url)?;
    let conversation = introduce(&mut alice, &mut bob).await?;
    let (mut sent, mut got, mut curl_sent, mut curl_got) = (vec![], vec![], vec![], vec![]);
    let mut curl_synced = vec![];
    let before = peak_growth(0)?;
    for round in 0..scale.rounds.max(1) {
        let (seconds, url) = curl_send(&node_url, &file, u8::try_from(round + 1)?).await?;
        curl_sent.push(seconds);
        sent.push(send(&mut alice, conversation, &file).await?.0);
        let there = folder.path().join(format!("curl-{round}"));
        let started = Instant::now();
        curl(&["-o".as_ref(), there.as_os_str(), url.as_ref()])?;
        curl_got.push(started.elapsed().as_secs_f64());
        // What ours does as well.
        std::fs::File::open(&there)?.sync_all()?;
        curl_synced.push(started.elapsed().as_secs_f64());
        let entry = arrived(&mut bob, conversation).await?;
        let here = folder.path().join(format!("ours-{round}"));
        got.push(save(&mut bob, entry, &here).await?);
        ensure!(same(&file, &here)? && same(&file, &there)?, "a file changed on its way");
        std::fs::remove_file(here)?;
        std::fs::remove_file(there)?;
    }
    let growth = peak_growth(before)?;
    measured("file-send", bytes, &sent, &curl_sent, growth, server)?.print()?;
    let synced = got.iter().zip(&curl_synced).map(|(ours, curl)| curl / ours);
    measured("file-receive", bytes, &got, &curl_got, growth, server)?
        .with("ratio_to_synced_curl", median(synced).map(rounded))
        .print()
}

/// Both cases; rounds take turns.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let server = Server::start_node(&node_binary()?, &[])?;
    // A client is no generator: it may use every core, as curl may.
    unpin();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let result = runtime.block_on(measure(scale, &server));
    crate::process::pin_to_core(1);
    result?;
    server.stop()
}
