//! Cases `idle` and `login`: what a connection costs while it waits, and to come back.

use crate::Scale;
use crate::drive::Driver;
use crate::peer::{Lane, NodeLink, Random, append};
use crate::process::{Server, data_folder, node_binary};
use crate::report::{Latencies, Measurement, Subject, rounded};
use anyhow::{Context, ensure};
use std::ffi::OsStr;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use wire::node::Request;

const LANES_EACH: usize = 20;
const IDLE_CONNECTIONS: u64 = 5_000;
const LOGINS: u64 = 5_000;
/// Connections that are open at once while logins are counted.
const LOGINS_AT_ONCE: usize = 100;
/// Lanes that one loading connection opens; a connection may hold 2,048.
const LANES_PER_LOADER: usize = 1_000;
/// Cells under way on a loading connection.
const LOADING_AT_ONCE: usize = 100;

/// Stores one cell in each lane, so that none is unknown afterwards.
fn store_one_cell_each(server: &Server, lanes: &[Lane], random: &mut Random) -> anyhow::Result<()> {
    for lanes in lanes.chunks(LANES_PER_LOADER) {
        let mut driver = Driver::new()?;
        let mut link = NodeLink::connect(&mut driver, server.address, None)?;
        for lanes in lanes.chunks(LOADING_AT_ONCE) {
            let handles = link.open(&mut driver, lanes.iter().map(|lane| lane.open(0)).collect())?;
            let appends = handles.into_iter().map(|handle| append(handle, 0, random.body())).collect();
            link.ask(&mut driver, appends)?;
        }
    }
    Ok(())
}

/// A self-signed certificate in `folder`, and a client that trusts it.
fn self_signed(folder: &Path) -> anyhow::Result<Arc<rustls::ClientConfig>> {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    std::fs::write(folder.join("cert.pem"), certified.cert.pem())?;
    std::fs::write(folder.join("key.pem"), certified.signing_key.serialize_pem())?;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(certified.cert.der().clone())?;
    Ok(Arc::new(rustls::ClientConfig::builder().with_root_certificates(roots).with_no_client_auth()))
}

/// Whether connections are encrypted, and how.
struct Transport {
    name: &'static str,
    tls: Option<Arc<rustls::ClientConfig>>,
}

fn start(folder: &Path, keys: &Path, transport: &Transport) -> anyhow::Result<Server> {
    let (cert, key) = (keys.join("cert.pem"), keys.join("key.pem"));
    let args = [OsStr::new("--tls-cert"), cert.as_os_str(), OsStr::new("--tls-key"), key.as_os_str()];
    let args = if transport.tls.is_some() { &args[..] } else { &[] };
    Server::start_node_in(&node_binary()?, folder, args)
}

fn resume(lanes: &[Lane]) -> Vec<Request> {
    lanes.iter().map(|lane| lane.open(1)).collect()
}

/// Runs `measure` without and with TLS over one folder of stored lanes.
fn over_both(
    lanes: usize,
    mut measure: impl FnMut(&Server, &[Lane], &Transport) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let (folder, keys) = (data_folder()?, data_folder()?);
    let mut random = Random::new();
    let lanes: Vec<Lane> = std::iter::repeat_with(|| Lane::new(&mut random)).take(lanes).collect();
    let config = self_signed(keys.path())?;
    let plain = Transport { name: "tcp", tls: None };
    let loader = start(folder.path(), keys.path(), &plain)?;
    store_one_cell_each(&loader, &lanes, &mut random)?;
    loader.stop()?;
    for transport in [plain, Transport { name: "tls", tls: Some(config) }] {
        let server = start(folder.path(), keys.path(), &transport)?;
        measure(&server, &lanes, &transport)?;
        server.stop()?;
    }
    Ok(())
}

/// `idle`: resident bytes of a connection with 20 open lanes.
pub fn idle(scale: &Scale) -> anyhow::Result<()> {
    let connections = scale.of(IDLE_CONNECTIONS) as usize;
    over_both(connections * LANES_EACH, |server, lanes, transport| {
        let mut driver = Driver::new()?;
        let before = server.rss_bytes()?;
        let mut links = Vec::new();
        for lanes in lanes.chunks(LANES_EACH) {
            let mut link = NodeLink::connect(&mut driver, server.address, transport.tls.as_ref())?;
            ensure!(link.open(&mut driver, resume(lanes))?.len() == LANES_EACH, "an open was not answered");
            links.push(link);
        }
        let cpu = server.cpu_seconds()?;
        let mut ready = Vec::new();
        let until = Instant::now() + Duration::from_secs(if scale.is_tiny { 0 } else { 5 });
        while let Some(left) = until.checked_duration_since(Instant::now()) {
            driver.poll(left, &mut ready)?;
            for &id in &ready {
                while links[id].events(&mut driver)?.is_some() {}
                driver.flush(id)?;
            }
        }
        let after = server.rss_bytes()?;
        let each = after.saturating_sub(before) / links.len() as u64;
        let mut measurement = Measurement::new("idle", Subject::Node)
            .with("transport", transport.name)
            .with("connections", links.len())
            .with("lanes_each", LANES_EACH)
            .with("rss_before_bytes", before)
            .with("rss_per_connection_bytes", each)
            .with("rss_per_connection_kib", rounded(each as f64 / 1024.0))
            .with("idle_core_seconds_in_5_s", rounded(server.cpu_seconds()? - cpu));
        measurement.rss_bytes = Some(after);
        measurement.print()
    })
}

/// `login`: CPU time of a connect that resumes 20 lanes.
pub fn login(scale: &Scale) -> anyhow::Result<()> {
    let logins = scale.of(LOGINS) as usize;
    over_both(logins * LANES_EACH, |server, lanes, transport| {
        let mut latencies = Latencies::default();
        let (started, cpu) = (Instant::now(), server.cpu_seconds()?);
        let mut count = 0;
        let lanes: Vec<&[Lane]> = lanes.chunks(LANES_EACH).collect();
        for together in lanes.chunks(LOGINS_AT_ONCE) {
            let mut driver = Driver::new()?;
            for lanes in together {
                let begun = Instant::now();
                let mut link = NodeLink::connect(&mut driver, server.address, transport.tls.as_ref())?;
                let handles = link.open(&mut driver, resume(lanes))?;
                handles.last().context("no handle")?;
                latencies.add(begun.elapsed());
                count += 1;
            }
        }
        let core_seconds = server.cpu_seconds()? - cpu;
        let mut measurement = Measurement::new("login", Subject::Node)
            .with_work(count, started.elapsed().as_secs_f64(), core_seconds)
            .with_latencies(&mut latencies)
            .with("transport", transport.name)
            .with("cpu_ms_each", rounded(core_seconds * 1_000.0 / count as f64));
        measurement.rss_bytes = Some(server.rss_bytes()?);
        measurement.print()
    })
}
