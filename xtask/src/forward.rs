//! `bench`, `sim`, `fuzz`: programs of other crates, found in the workspace rather than assumed.

use crate::process;
use crate::web::{self, App};
use crate::workspace::{Package, Workspace};
use anyhow::{Context, Result, bail};

fn member<'a>(workspace: &'a Workspace, name: &str) -> Result<&'a Package> {
    workspace.member(name).with_context(|| format!("the crate `{name}` does not exist in this tree"))
}

/// `cargo run --release -p benches -- CASE ...`; `web`, with words of a row's name, is measured in Chromium.
pub fn bench(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    member(workspace, "benches")?;
    // The node and the command line are measured as programs.
    let mut build = process::cargo(&workspace.root).args(["build", "--quiet", "--release", "--bins"]);
    for name in ["node", "cli"].into_iter().filter(|name| workspace.member(name).is_some()) {
        build = build.args(["--package", name]);
    }
    build.run()?;
    if arguments.first().is_some_and(|case| case == "web") {
        let app = App::find(workspace).context("this tree has no web app (apps/web)")?;
        return web::bench(&app, &arguments[1..]);
    }
    run_release(workspace, "benches", arguments)
}

/// `cargo run --release -p sim -- --seeds N --from S`
pub fn sim(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    member(workspace, "sim")?;
    run_release(workspace, "sim", arguments)
}

fn run_release(workspace: &Workspace, package: &str, arguments: &[String]) -> Result<()> {
    process::cargo(&workspace.root)
        .args(["run", "--quiet", "--release", "--package", package, "--"])
        .args(arguments)
        .run()
}

/// `cargo +nightly fuzz run TARGET`, or the list of targets.
///
/// What libFuzzer finds goes to a folder below the target folder; `--minimise` adds to the committed corpus
/// what reaches something new.
pub fn fuzz(workspace: &Workspace, arguments: &[String]) -> Result<()> {
    let package = member(workspace, "fuzz")?;
    let Some((target, rest)) = arguments.split_first() else {
        return process::cargo(&workspace.root).args(["run", "--quiet", "--package", "fuzz", "--", "list"]).run();
    };
    let committed = package.folder().join("corpus").join(target);
    if !committed.is_dir() {
        bail!("there is no target `{target}`; `cargo xtask fuzz` lists them");
    }
    let found = workspace.target_folder.join("fuzz-corpus").join(target);
    std::fs::create_dir_all(&found)?;
    let words: Vec<&str> = rest.iter().map(String::as_str).collect();
    let (folders, option) = match words.as_slice() {
        [] => ([found, committed], "-max_total_time=60".to_owned()),
        ["--seconds", seconds] => ([found, committed], format!("-max_total_time={seconds}")),
        // libFuzzer merges the later folders into the first.
        ["--minimise"] => ([committed, found], "-merge=1".to_owned()),
        _ => bail!("usage: cargo xtask fuzz TARGET [--seconds N | --minimise]"),
    };
    process::program("cargo", package.folder())
        // The nightly toolchain is to be chosen by the argument, not by the one that runs this task.
        .env_remove("RUSTUP_TOOLCHAIN")
        .env_remove("CARGO")
        .args(["+nightly", "fuzz", "run", "--fuzz-dir", "cargo-fuzz", target])
        .args(folders)
        .args(["--", &option, "-max_len=70000", "-timeout=10"])
        .run()
        .context("fuzzing needs a nightly toolchain and cargo-fuzz (`cargo install cargo-fuzz --locked`)")
}
