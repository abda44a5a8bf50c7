//! Start, serve, stop.

use crate::blob::Blobs;
use crate::calls::terms::{Issuer, credential_secret, urls};
use crate::calls::{Relay, config::RelayConfig};
use crate::config::{Config, PushRule, TlsConfig};
use crate::file::{self, Files, Place};
use crate::folder::Folder;
use crate::listen::{Places, serve};
use crate::push::post::Poster;
use crate::shared::{Shared, now_ms};
use crate::storage::Engine;
use crate::tls::Tls;
use crate::{http, metrics, push, web, writer};
use anyhow::Context as _;
use ed25519_dalek::SigningKey;
use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use store::{Disk, DiskOptions};
use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// How often silent connections, the disk and the store are looked after.
const KEEP_EVERY: Duration = Duration::from_secs(5);
/// Connections besides the WebSockets that are counted by the machine.
const HTTP_CONNECTIONS: u32 = 1_024;

/// Runs a node until it is told to stop.
///
/// # Errors
/// Whatever keeps it from starting, or a store that failed: the process must end, and start again over what is
/// durable.
pub fn run(config: &Config) -> anyhow::Result<()> {
    raise_descriptor_limit();
    let folder = Folder::open(&config.data)?;
    let key = folder.key()?;
    let store = open_store(folder.path(), config.shell.store_cache_bytes)?;
    let mut seed = [0; 16];
    getrandom::fill(&mut seed).context("no randomness")?;
    let [low, high] = [0, 8].map(|at| u64::from_le_bytes(std::array::from_fn(|i| seed[at + i])));
    let engine = Engine::new(store);
    let relay_key = key.clone();
    let shared = Arc::new(Shared::new(engine, key, config.policy.clone(), config.shell.inbound_bytes, [low, high]));
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(config.threads)
        .max_blocking_threads(16)
        .enable_all()
        .build()
        .context("cannot start threads")?;
    let writing = Arc::clone(&shared);
    let writer = std::thread::Builder::new()
        .name("writer".to_owned())
        .spawn(move || writer::run(&writing))
        .context("cannot start the writer")?;
    let served = runtime.block_on(serve_until_stopped(config, &folder, &shared, &relay_key));
    // In every case the writer ends after what it was given is durable.
    shared.stop();
    let writer_ended = writer.join();
    runtime.shutdown_timeout(Duration::from_secs(2));
    served?;
    if writer_ended.is_err() {
        anyhow::bail!("the writer failed");
    }
    if shared.engine.is_broken() {
        anyhow::bail!("the store failed; start again over what is durable");
    }
    drop(shared);
    drop(folder);
    Ok(())
}

fn open_store(folder: &Path, cache_bytes: u64) -> anyhow::Result<Arc<dyn store::Store>> {
    let disk = Disk::open(&folder.join("store"), DiskOptions { cache_bytes, ..DiskOptions::default() })
        .context("cannot open the store")?;
    Ok(Arc::new(disk))
}

/// Each connection needs a descriptor: take all that the system allows.
fn raise_descriptor_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    if setrlimit(Resource::Nofile, limit).is_err() {
        tracing::warn!("the limit of open files stays as it is");
    }
}

async fn serve_until_stopped(
    config: &Config,
    folder: &Folder,
    shared: &Arc<Shared>,
    key: &SigningKey,
) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot hear SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot hear SIGINT")?;
    let tls = match &config.tls {
        TlsConfig::None => None,
        TlsConfig::Files { certificate, key } => Some(Arc::new(Tls::from_files(certificate, key)?)),
        TlsConfig::Acme { domain, contact, directory, ca } => {
            let cache = folder.path().join("acme");
            Some(Arc::new(Tls::from_acme(domain, contact.as_deref(), directory, ca.as_deref(), cache)?))
        }
    };
    let listener =
        TcpListener::bind(config.listen).await.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    let (stop, stopped) = watch::channel(false);
    // Some more than WebSockets: for blobs, and to tell those for whom there is no room.
    let all = config.policy.connections_max.saturating_add(HTTP_CONNECTIONS);
    let places = Places::new(all, config.shell.connections_per_address);
    let blobs = Arc::new(Blobs::new(Arc::clone(shared), config.blobs.clone()));
    let place =
        Place { data: folder.path().to_owned(), disk_free_bytes: config.shell.disk_free_bytes, s3: config.s3.clone() };
    let files = {
        let (shared, limits, stopped) = (Arc::clone(shared), config.files.clone(), stopped.clone());
        let opened = tokio::task::spawn_blocking(move || Files::open(shared, limits, place, stopped));
        opened.await.context("cannot open the files")??
    };
    tokio::spawn(file::collect::run(Arc::clone(&files)));
    let site = Arc::new(web::folder::open(&config.web)?);
    if let Some(site) = site.as_ref() {
        tracing::info!(files = site.file_count(), hash = site.hash().to_hex(), "serving the web app");
    }
    let push_key = match config.push {
        PushRule::Off => None,
        PushRule::On | PushRule::Private => Some(Arc::new(folder.push_key(config.push_contact.clone())?)),
    };
    if let Some(key) = &push_key {
        let poster = Poster::new(Arc::clone(key), config.push)?;
        tokio::spawn(push::run(Arc::clone(shared), poster, config.shell.pushes_per_min, stopped.clone()));
    }
    let relay = open_relay(config, key, address, shared).await?;
    if let Some(relay) = &relay {
        tokio::spawn(Arc::clone(relay).run(stopped.clone()));
    }
    let scheme = if tls.is_some() { "https" } else { "http" };
    let serving = tokio::spawn(serve(
        listener,
        tls,
        places,
        relay.clone(),
        http::router(blobs, files, site, push_key.map(|key| key.public())),
        stopped.clone(),
    ));
    announce(&format!("listening on {scheme}://{address}"));
    if let Some(url) = &config.public_url {
        announce(&format!("reachable as {url}"));
    }
    if let Some(admin) = config.admin_listen {
        let listener = TcpListener::bind(admin).await.with_context(|| format!("cannot listen on {admin}"))?;
        announce(&format!("metrics on http://{}/metrics", listener.local_addr()?));
        let places = Places::new(64, 64);
        tokio::spawn(serve(listener, None, places, None, metrics::router(Arc::clone(shared), relay), stopped));
    }
    keep(config, folder, shared, &mut terminate, &mut interrupt).await;
    tracing::info!("stopping");
    stop.send_replace(true);
    shared.stop();
    drain(shared, Duration::from_secs(config.shell.drain_s)).await;
    let _ = tokio::time::timeout(Duration::from_secs(config.shell.drain_s.max(1)), serving).await;
    Ok(())
}

/// Opens the relay of calls and lets clients ask for credentials, unless it is off.
async fn open_relay(
    config: &Config,
    key: &SigningKey,
    http: SocketAddr,
    shared: &Arc<Shared>,
) -> anyhow::Result<Option<Arc<Relay>>> {
    let RelayConfig { is_on, credential_s, .. } = config.relay;
    if !is_on {
        return Ok(None);
    }
    let relay = Relay::open(&config.relay, http, config.listen.port() == 0, credential_secret(key)).await?;
    if let Some(relay) = &relay {
        let mut random = [0; 32];
        getrandom::fill(&mut random).context("no randomness")?;
        // Where HTTP listens everywhere, clients are told of the address that peers are told of.
        let reached = relay.reached_at(http);
        let is_tls = config.tls != TlsConfig::None;
        let urls = urls(config.public_url.as_deref(), reached, is_tls, relay.udp_address()?.port());
        let issuer = Issuer::new(key, random, credential_s, urls);
        let rooms = Arc::clone(relay);
        let mut inner = shared.lock();
        inner.node.set_relay(Box::new(move |now_s, nth| issuer.issue(now_s, nth)));
        inner.node.set_rooms(Box::new(move |ask| rooms.ask_room(ask)));
    }
    Ok(relay)
}

/// Says to whoever started the node that it serves.
fn announce(line: &str) {
    let mut stdout = std::io::stdout().lock();
    // Nobody may be listening.
    let _ = writeln!(stdout, "{line}").and_then(|()| stdout.flush());
}

/// Looks after what time brings, until a signal comes or the store fails.
async fn keep(config: &Config, folder: &Folder, shared: &Arc<Shared>, terminate: &mut Signal, interrupt: &mut Signal) {
    let mut every = tokio::time::interval(KEEP_EVERY);
    loop {
        tokio::select! {
            _ = terminate.recv() => return,
            _ = interrupt.recv() => return,
            _ = every.tick() => {}
        }
        shared.call_silent(now_ms() / 1_000);
        if shared.engine.is_broken() {
            tracing::error!("the store failed: the node stops, nothing that was acknowledged is lost");
            return;
        }
        let free = rustix::fs::statvfs(folder.path()).map(|stat| stat.f_bavail.saturating_mul(stat.f_frsize));
        let is_full = free.is_ok_and(|free| free < config.shell.disk_free_bytes);
        if shared.is_disk_full.swap(is_full, Ordering::Relaxed) != is_full {
            tracing::warn!(is_full, "the disk's room changed");
        }
    }
}

/// Waits until every connection has what it was promised, or gives up on them.
async fn drain(shared: &Shared, patience: Duration) {
    let until = Instant::now() + patience;
    while shared.counts().connections > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
