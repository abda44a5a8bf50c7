//! `test`: every check and every test as named, timed steps; stops at the first that fails.
//!
//! Steps of crates that do not exist are not in the list: it is made from the workspace.

use crate::workspace::{Package, Workspace};
use crate::{apt, deny, deps, process, tidy, wasm, web};
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The cargo profile of everything that is run here.
const PROFILE: &str = "ci";
/// Seeds of the simulator in each run.
const SEEDS: u32 = 500;
/// Tests append a line to the file that this variable names when this machine lacks what they need.
const SKIPPED_VARIABLE: &str = "SOTTOVOCE_SKIPPED";

type Action<'a> = Box<dyn Fn(&Run<'a>) -> Result<()> + 'a>;

struct Step<'a> {
    name: String,
    /// What to do when it fails.
    advice: &'static str,
    action: Action<'a>,
}

/// What the steps share.
struct Run<'a> {
    workspace: &'a Workspace,
    has_nextest: bool,
    skipped: PathBuf,
}

/// Runs all steps, or those whose names are given.
pub fn run(workspace: &Workspace, names: &[String]) -> Result<()> {
    let all = steps(workspace);
    if let Some(unknown) = names.iter().find(|name| all.iter().all(|step| step.name != **name)) {
        let known: Vec<&str> = all.iter().map(|step| step.name.as_str()).collect();
        bail!("there is no step `{unknown}`; the steps are: {}", known.join(", "));
    }
    let chosen: Vec<&Step> = all.iter().filter(|step| names.is_empty() || names.contains(&step.name)).collect();

    let skipped = workspace.target_folder.join("skipped-tests.txt");
    std::fs::create_dir_all(&workspace.target_folder)?;
    std::fs::write(&skipped, "").with_context(|| format!("cannot write {}", skipped.display()))?;
    let context = Run { workspace, has_nextest: process::answers("cargo-nextest", &["nextest", "--version"]), skipped };
    if !context.has_nextest {
        println!("cargo-nextest is not installed: `cargo test` runs the same tests, more slowly");
    }

    let started = Instant::now();
    let mut times = Vec::new();
    for step in chosen {
        println!("\n=== {}", step.name);
        let began = Instant::now();
        let outcome = (step.action)(&context);
        times.push((step.name.as_str(), began.elapsed()));
        if let Err(error) = outcome {
            print_times(&times);
            bail!(
                "step `{}` failed: {error:#}\n{}\nrun it alone: cargo xtask test {}",
                step.name,
                step.advice,
                step.name
            );
        }
    }
    print_times(&times);
    println!("all steps passed in {}", seconds(started.elapsed()));
    report_skipped(&context.skipped, is_ci())
}

fn steps(workspace: &Workspace) -> Vec<Step<'_>> {
    let has = |name: &str| workspace.member(name).is_some();
    let mut steps = vec![
        step("fmt", "`cargo fmt --all` mends it.", |run| cargo(run, &["fmt", "--all", "--check"])),
        step("tidy", "The message names the file and the rule (xtask/src/tidy).", |run| tidy::run(run.workspace)),
        step("deps", "ARCHITECTURE.md, \"Rules of dependency\", says which way to turn.", |run| {
            deps::run(run.workspace)
        }),
        step("deny", "Take another package, or argue for it in xtask/src/deny.rs and docs/decisions.", |run| {
            deny::run(run.workspace)
        }),
        step("clippy", "Mend what clippy names; `#[expect(.., reason = \"..\")]` where it is wrong.", |run| {
            cargo(run, &["clippy", "--workspace", "--all-targets", "--locked", "--", "--deny", "warnings"])
        }),
        step("build", "The compiler's message says where.", |run| {
            cargo(run, &["build", "--workspace", "--bins", "--locked", "--profile", PROFILE])
        }),
        step("unit", "The failing test's name is a claim that no longer holds.", |run| {
            test_workspace(run, &["fuzz", "tests"])
        }),
        step("doc", "An example or a link in a doc comment is wrong.", |run| {
            cargo(run, &["test", "--doc", "--workspace", "--locked", "--profile", PROFILE])
        }),
    ];
    if has("fuzz") {
        steps.push(step(
            "corpus",
            "A decoder panicked on a file that the message names: keep the file, mend the decoder.",
            |run| test_package(run, "fuzz"),
        ));
    }
    steps.push(step("wasm", "The crates of the browser must build without threads, files and sockets.", |run| {
        wasm::run(run.workspace)
    }));
    if web::App::find(workspace).is_some() {
        steps.push(step("web-checks", "`npm run check` and `npm test` in apps/web say the same.", |run| {
            web::check(&app(run)?)
        }));
    }
    if has("sim") {
        steps.push(step("sim", "Replay the seed: `cargo xtask sim --seeds 1 --from SEED`.", |run| {
            let program = run.workspace.target_folder.join(PROFILE).join("sim");
            process::program(&program.to_string_lossy(), &run.workspace.root)
                .args(["--seeds", &SEEDS.to_string(), "--from", "1"])
                .run()
        }));
    }
    if has("tests") {
        steps.push(step("black-box", "Real programs disagree with the contract; their logs are above.", |run| {
            for (program, package) in
                [("pebble", "pebble"), ("dbus-daemon", "dbus-daemon"), ("gnome-keyring-daemon", "gnome-keyring")]
            {
                apt::need(&run.workspace.root, program, package)?;
            }
            apt::need(&run.workspace.root, "turnutils_uclient", "coturn")?;
            test_package(run, "tests")
        }));
    }
    if web::App::find(workspace).is_some_and(|app| web::has_end_to_end(&app)) {
        steps.push(step("web-views", "A screen disagrees with its test; see apps/web/test-results.", |run| {
            web::views(&app(run)?)
        }));
        steps.push(step(
            "web-e2e",
            "The app in a browser disagrees with its tests; see apps/web/test-results.",
            |run| web::end_to_end(&app(run)?),
        ));
    }
    steps
}

fn app<'a>(run: &Run<'a>) -> Result<web::App<'a>> {
    web::App::find(run.workspace).context("the tree has no web app")
}

fn step<'a>(name: &str, advice: &'static str, action: impl Fn(&Run<'a>) -> Result<()> + 'a) -> Step<'a> {
    Step { name: name.to_owned(), advice, action: Box::new(action) }
}

fn cargo(run: &Run<'_>, arguments: &[&str]) -> Result<()> {
    ensure_component(run.workspace, arguments[0])?;
    process::cargo(&run.workspace.root).args(arguments).env(SKIPPED_VARIABLE, &run.skipped).run()
}

/// rustup's minimal profile brings neither rustfmt nor clippy.
fn ensure_component(workspace: &Workspace, subcommand: &str) -> Result<()> {
    let component = match subcommand {
        "fmt" => "rustfmt",
        "clippy" => "clippy",
        _ => return Ok(()),
    };
    if process::answers("cargo", &[subcommand, "--version"]) {
        return Ok(());
    }
    process::program("rustup", &workspace.root).args(["component", "add", component]).run()
}

/// The tests of all crates but some. The whole workspace is always built together, so that features,
/// and with them the built dependencies, are the same in every step.
fn test_workspace(run: &Run<'_>, except: &[&str]) -> Result<()> {
    let except: Vec<&str> = except.iter().copied().filter(|name| run.workspace.member(name).is_some()).collect();
    if run.has_nextest {
        let filter: Vec<String> = except.iter().map(|name| format!("not package({name})")).collect();
        let filter = if filter.is_empty() { "all()".to_owned() } else { filter.join(" and ") };
        return cargo(run, &nextest(&filter));
    }
    cargo_tests(run, run.workspace.members().filter(|package| !except.contains(&package.name.as_str())))
}

fn test_package(run: &Run<'_>, name: &str) -> Result<()> {
    if run.has_nextest {
        return cargo(run, &nextest(&format!("package({name})")));
    }
    cargo_tests(run, run.workspace.member(name).into_iter())
}

fn nextest(filter: &str) -> [&str; 9] {
    ["nextest", "run", "--workspace", "--locked", "--no-fail-fast", "--cargo-profile", PROFILE, "--filter-expr", filter]
}

/// Without nextest each package's tests are run by `cargo test`.
fn cargo_tests<'p>(run: &Run<'_>, packages: impl Iterator<Item = &'p Package>) -> Result<()> {
    for package in packages {
        cargo(
            run,
            &["test", "--locked", "--profile", PROFILE, "--package", &package.name, "--lib", "--bins", "--tests"],
        )?;
    }
    Ok(())
}

fn is_ci() -> bool {
    std::env::var_os("CI").is_some_and(|value| !value.is_empty() && value != "false" && value != "0")
}

/// A skipped test is shown to a person and an error to a machine.
fn report_skipped(file: &Path, is_ci: bool) -> Result<()> {
    let text = std::fs::read_to_string(file)?;
    if text.trim().is_empty() {
        return Ok(());
    }
    println!("\n!!! SKIPPED, not passed:\n{text}");
    if is_ci {
        bail!("tests were skipped; on CI the machine must bring what they need");
    }
    Ok(())
}

fn print_times(times: &[(&str, Duration)]) {
    println!();
    for (name, time) in times {
        println!("{name:<10} {:>9}", seconds(*time));
    }
}

fn seconds(time: Duration) -> String {
    format!("{:.1} s", time.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_those_of_the_crates_that_exist() {
        let workspace = Workspace::load().unwrap();
        let steps: Vec<String> = steps(&workspace).into_iter().map(|step| step.name).collect();
        for (crate_name, step) in [("sim", "sim"), ("tests", "black-box"), ("fuzz", "corpus"), ("wire", "unit")] {
            let exists = workspace.member(crate_name).is_some();
            assert_eq!(steps.contains(&step.to_owned()), exists, "{step}");
        }
    }

    #[test]
    fn an_unknown_step_is_refused() {
        let error = run(&Workspace::load().unwrap(), &["nonsense".to_owned()]).unwrap_err();
        assert!(error.to_string().contains("nonsense"));
    }

    #[test]
    fn a_skipped_test_fails_a_machine_and_not_a_person() {
        let file = std::env::temp_dir().join(format!("sottovoce-skipped-{}", std::process::id()));
        std::fs::write(&file, "keyring: no session bus\n").unwrap();
        assert!(report_skipped(&file, true).is_err());
        assert!(report_skipped(&file, false).is_ok());
        std::fs::write(&file, "").unwrap();
        assert!(report_skipped(&file, true).is_ok());
        std::fs::remove_file(&file).unwrap();
    }
}
