//! The figures: `cargo xtask bench [case]`. See `benches/README.md`.

mod crowd;
mod drive;
mod engine;
mod fanout;
mod file;
mod files;
mod floor;
mod mls;
mod offline;
mod pairs;
mod peer;
mod presence;
mod process;
mod report;
mod restart;
mod seal;
mod sfu;
mod socket;
mod start;
mod turn;
mod udp;

use anyhow::{Context, bail};
use std::time::Duration;

/// A server that sends nothing for this long has stalled.
const STALL: Duration = Duration::from_secs(30);

/// How much of a case to run.
#[derive(Debug)]
pub struct Scale {
    /// Full size, or about a hundredth, to see that a case works.
    is_tiny: bool,
    /// Rounds of a case that alternates between subjects.
    rounds: u32,
    /// False measures the floor alone.
    with_node: bool,
}

impl Scale {
    /// A case's count at this scale.
    fn of(&self, full: u64) -> u64 {
        if self.is_tiny { full.div_ceil(100) } else { full }
    }
}

/// Every case, in the order of the table.
const CASES: &[&str] = &[
    "disk",
    "pair16",
    "pair",
    "open",
    "offline",
    "fanout",
    "idle",
    "login",
    "restart",
    "engine",
    "mls",
    "crowd",
    "file",
    "binary",
    "seal",
    "files",
    "turn",
    "sfu",
    "sfu-speaker",
    "sfu-memory",
];

fn run(case: &str, scale: &Scale) -> anyhow::Result<()> {
    match case {
        "disk" => start::disk(scale),
        "pair16" => pairs::closed("pair16", 16, scale),
        "pair" => pairs::closed("pair", 1, scale),
        "open" => pairs::open(scale),
        "offline" => offline::run(scale),
        "fanout" => fanout::run(scale),
        "idle" => presence::idle(scale),
        "login" => presence::login(scale),
        "restart" => restart::run(scale),
        "engine" => engine::run(scale),
        "mls" => mls::run(scale),
        "crowd" => crowd::run(scale),
        "file" => file::run(scale),
        "binary" => start::binary(scale),
        "seal" => seal::run(scale),
        "turn" => turn::run(scale),
        "sfu" => sfu::run(scale),
        "sfu-speaker" => sfu::speaker(scale),
        "sfu-memory" => sfu::memory(scale),
        "files" | "file-send" | "file-receive" => files::run(scale),
        other => bail!("no case `{other}`; there are {}", CASES.join(", ")),
    }
}

fn main() -> anyhow::Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    if let [first, address, file] = &args[..]
        && first == "floor-server"
    {
        return floor::serve(address.parse()?, file.as_ref());
    }
    if let [first, address] = &args[..]
        && first == "udp-floor"
    {
        return udp::echo(address.parse()?);
    }
    let mut scale = Scale { is_tiny: false, rounds: 3, with_node: true };
    let mut cases = Vec::new();
    let mut args = args.iter();
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--tiny" => (scale.is_tiny, scale.rounds) = (true, 1),
            "--rounds" => scale.rounds = args.next().context("--rounds needs a number")?.parse()?,
            "--floor-only" => scale.with_node = false,
            flag if flag.starts_with('-') => bail!("no option `{flag}`"),
            case => cases.push(case),
        }
    }
    process::raise_file_limit();
    process::pin_to_core(1);
    if cases.is_empty() {
        cases.extend_from_slice(CASES);
    }
    for case in cases {
        run(case, &scale).with_context(|| format!("case {case}"))?;
    }
    Ok(())
}
