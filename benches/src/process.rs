//! Starting a server under measurement, its CPU time and memory from `/proc`, where it may run.

use anyhow::{Context, bail};
use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::ffi::OsStr;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long a server may take to open its port or to end.
const PATIENCE: Duration = Duration::from_secs(120);

/// Raises the limit on open files as far as allowed; children inherit it.
pub fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    // A refusal shows later, as a connection that cannot be opened.
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Keeps this thread, and what it starts from now on, on one core; without a second core, anywhere.
pub fn pin_to_core(core: usize) {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    if cores >= 2 || core == 0 {
        let mut set = CpuSet::new();
        set.set(core);
        // Unpinned numbers are noisier, not wrong.
        let _ = sched_setaffinity(None, &set);
    }
}

/// Lets this thread, and what it starts from now on, run on every core again.
pub fn unpin() {
    let mut set = CpuSet::new();
    // Cores that are not there count for nothing.
    (0..64).for_each(|core| set.set(core));
    // Unpinned or not, the numbers are those of this machine.
    let _ = sched_setaffinity(None, &set);
}

/// Resident bytes of this process at most so far, over `before`.
pub fn peak_growth(before: u64) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).context("no VmHWM in status")?;
    let kib: u64 = line.trim().trim_end_matches(" kB").trim().parse()?;
    Ok((kib * 1024).saturating_sub(before))
}

/// The folder that cargo builds into: big data folders live below it, on the real disk.
pub fn target_folder() -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let profile = own.parent().context("the bench binary lies in no folder")?;
    let profile = if profile.ends_with("deps") { profile.parent().unwrap_or(profile) } else { profile };
    Ok(profile.parent().unwrap_or(profile).to_owned())
}

/// The release binary of the node: `SOTTOVOCE_BENCH_NODE`, else built beside this one.
pub fn node_binary() -> anyhow::Result<PathBuf> {
    if let Some(path) = std::env::var_os("SOTTOVOCE_BENCH_NODE") {
        return Ok(path.into());
    }
    let path = target_folder()?.join("release/sottovoce-node");
    let status = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--release", "--package", "node", "--bin", "sottovoce-node"])
        .env("CARGO_TARGET_DIR", target_folder()?)
        .status()
        .context("cargo did not start")?;
    if !status.success() || !path.exists() {
        bail!("the node's release binary was not built");
    }
    Ok(path)
}

/// A temporary folder on the disk that holds the target folder.
pub fn data_folder() -> anyhow::Result<TempDir> {
    let parent = target_folder()?.join("bench-data");
    std::fs::create_dir_all(&parent)?;
    Ok(tempfile::Builder::new().prefix("run-").tempdir_in(parent)?)
}

/// An address on loopback that was free a moment ago.
pub fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// User and system time of a process so far, of all its threads; `self` is this one.
pub fn cpu_seconds_of(process: &str) -> anyhow::Result<f64> {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat"))?;
    // The second field, the name, may hold spaces; the rest counts from after its bracket.
    let rest = stat.rsplit(')').next().context("stat without a name")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    let ticks: u64 = [11, 12].iter().filter_map(|&at| fields.get(at)?.parse::<u64>().ok()).sum();
    Ok(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

/// A running server process; stopped when dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    /// Where it listens.
    pub address: SocketAddr,
    /// From before the start to the open port.
    pub opened_after: Duration,
    folder: Option<TempDir>,
}

impl Server {
    /// Starts `program` on core 0 and waits for its port.
    pub fn start<S: AsRef<OsStr>>(
        program: &Path,
        args: impl IntoIterator<Item = S>,
        address: SocketAddr,
    ) -> anyhow::Result<Self> {
        pin_to_core(0);
        let started = Instant::now();
        let child = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .with_context(|| format!("{} did not start", program.display()))?;
        pin_to_core(1);
        let mut server = Self { child, address, opened_after: Duration::ZERO, folder: None };
        while TcpStream::connect(address).is_err() {
            if let Some(status) = server.child.try_wait()? {
                bail!("the server ended before it listened: {status}");
            }
            if started.elapsed() > PATIENCE {
                bail!("the server did not listen in time");
            }
            std::thread::sleep(Duration::from_micros(500));
        }
        server.opened_after = started.elapsed();
        Ok(server)
    }

    /// The floor, in a folder of its own.
    pub fn start_floor() -> anyhow::Result<Self> {
        let folder = data_folder()?;
        let address = free_address()?;
        let file = folder.path().join("log");
        let args = ["floor-server".as_ref(), OsStr::new(&address.to_string()), file.as_os_str()].map(OsStr::to_owned);
        let mut server = Self::start(&std::env::current_exe()?, args, address)?;
        server.folder = Some(folder);
        Ok(server)
    }

    /// The node, in a folder of its own.
    pub fn start_node(binary: &Path, more: &[&OsStr]) -> anyhow::Result<Self> {
        let folder = data_folder()?;
        let mut server = Self::start_node_in(binary, folder.path(), more)?;
        server.folder = Some(folder);
        Ok(server)
    }

    /// The node, in a folder that outlives it.
    pub fn start_node_in(binary: &Path, folder: &Path, more: &[&OsStr]) -> anyhow::Result<Self> {
        let address = free_address()?;
        let listen = address.to_string();
        let mut args = vec![OsStr::new("--data"), folder.as_os_str(), OsStr::new("--listen"), OsStr::new(&listen)];
        args.extend_from_slice(more);
        Self::start(binary, args, address)
    }

    /// User and system time so far, of all its threads.
    pub fn cpu_seconds(&self) -> anyhow::Result<f64> {
        cpu_seconds_of(&self.child.id().to_string())
    }

    fn status_bytes(&self, field: &str) -> anyhow::Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find_map(|line| line.strip_prefix(field)).context("no such field in status")?;
        let kib: u64 = line.trim_start_matches(':').trim().trim_end_matches(" kB").trim().parse()?;
        Ok(kib * 1024)
    }

    /// Resident bytes now.
    pub fn rss_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmRSS")
    }

    /// Resident bytes at most so far.
    pub fn rss_peak_bytes(&self) -> anyhow::Result<u64> {
        self.status_bytes("VmHWM")
    }

    /// Asks it to end and waits.
    pub fn stop(mut self) -> anyhow::Result<()> {
        self.terminate()
    }

    fn terminate(&mut self) -> anyhow::Result<()> {
        if self.child.try_wait()?.is_some() {
            return Ok(());
        }
        let pid = Pid::from_child(&self.child);
        kill_process(pid, Signal::TERM)?;
        let asked = Instant::now();
        while self.child.try_wait()?.is_none() {
            if asked.elapsed() > PATIENCE {
                self.child.kill()?;
                self.child.wait()?;
                bail!("the server did not end when asked to");
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // A failed case has already said why; nothing is left to tell.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
