//! The project's tasks. `cargo xtask help` lists them.
//!
//! | module | holds |
//! |---|---|
//! | [`workspace`] | what `cargo metadata` says about the workspace |
//! | [`process`] | starting other programs |
//! | [`checks`] | the steps of `test`, timed and named |
//! | [`tidy`] | house style as a test |
//! | [`deps`] | who may depend on whom |
//! | [`deny`] | licences, banned crates, sources |
//! | [`wasm`] | the builds for the browser |
//! | [`web`] | the web app |
//! | [`reproduce`] | two builds of the web app, byte for byte |
//! | [`apt`] | Debian's packages for what a bare machine lacks |
//! | [`launch`] | `run`: a node on this machine |
//! | [`forward`] | `bench`, `sim`, `fuzz`: other crates' programs |

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool talks on its output")]

mod apt;
mod checks;
mod deny;
mod deps;
mod forward;
mod launch;
mod process;
mod reproduce;
mod tidy;
mod wasm;
mod web;
mod workspace;

use anyhow::{Result, bail};
use workspace::Workspace;

const HELP: &str = "\
cargo xtask TASK

  run [--listen ADDR:PORT] [--data DIR] [--web off]
                                          build all, start a node on this machine, and say how to chat
  test                                    every check and every test; `ci` is the same
  tidy                                    house style
  deps                                    which crate may depend on which
  deny                                    licences, banned crates and sources of dependencies
  wasm                                    build the client's crates for the browser
  web                                     build the web app into apps/web/dist
  reproduce                               build the web app twice, in two folders, and compare
  bench [CASE ...]                        measure; one JSON line for each case
  bench web [WORDS]                       measure the web app in Chromium
  sim [--seeds N] [--from S]              replay seeds of the simulator
  fuzz                                    list the fuzz targets
  fuzz TARGET [--seconds N | --minimise]  fuzz one (nightly and cargo-fuzz)
";

fn main() {
    if let Err(error) = task(std::env::args().skip(1).collect()) {
        eprintln!("\nerror: {error:#}");
        std::process::exit(1);
    }
}

fn task(arguments: Vec<String>) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print!("{HELP}");
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "--help" | "-h") {
        print!("{HELP}");
        return Ok(());
    }
    let workspace = Workspace::load()?;
    match name.as_str() {
        "run" => launch::run(&workspace, rest),
        "test" | "ci" => checks::run(&workspace, rest),
        "tidy" => tidy::run(&workspace),
        "deps" => deps::run(&workspace),
        "deny" => deny::run(&workspace),
        "wasm" => wasm::run(&workspace),
        "web" => web::run(&workspace),
        "reproduce" => reproduce::run(&workspace),
        "bench" => forward::bench(&workspace, rest),
        "sim" => forward::sim(&workspace, rest),
        "fuzz" => forward::fuzz(&workspace, rest),
        other => bail!("there is no task `{other}`\n\n{HELP}"),
    }
}
