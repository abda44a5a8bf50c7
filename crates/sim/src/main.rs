//! `sim --seeds N --from S [--scenario NAME] [--verbose]`: random runs and named scenarios of the virtual world.

#![allow(clippy::print_stdout, reason = "its output is what it is for")]

use sim::book::Counts;
use sim::ground::Ground;
use sim::{scenario, storm};
use std::process::ExitCode;

struct Arguments {
    seeds: u64,
    from: u64,
    scenario: Option<String>,
    is_verbose: bool,
}

fn arguments() -> Result<Arguments, String> {
    let mut found = Arguments { seeds: 100, from: 0, scenario: None, is_verbose: false };
    let mut rest = std::env::args().skip(1);
    while let Some(name) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{name} needs a value"));
        let number = |text: String| text.parse::<u64>().map_err(|_| format!("{text} is no number"));
        match name.as_str() {
            "--seeds" => found.seeds = number(value()?)?,
            "--from" => found.from = number(value()?)?,
            "--scenario" => found.scenario = Some(value()?),
            "--verbose" => found.is_verbose = true,
            _ => return Err(format!("unknown argument {name}; sim --seeds N --from S [--scenario NAME] [--verbose]")),
        }
    }
    Ok(found)
}

fn main() -> ExitCode {
    match arguments() {
        Ok(arguments) => run(&arguments),
        Err(error) => {
            println!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &Arguments) -> ExitCode {
    let failures = match &arguments.scenario {
        Some(name) => run_scenarios(name, arguments.is_verbose),
        None => run_seeds(arguments),
    };
    if failures == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_scenarios(name: &str, is_verbose: bool) -> u64 {
    let ground = Ground::new(4, 2);
    let mut failures = 0;
    for (each, play) in scenario::ALL.iter().filter(|(each, _)| name == "all" || *each == name) {
        let report = play(&ground, is_verbose);
        report.log.iter().for_each(|line| println!("{line}"));
        println!("scenario {each}: {}", if report.wrongs.is_empty() { "ok" } else { "FAILED" });
        report.wrongs.iter().for_each(|wrong| println!("  {wrong}"));
        failures += u64::from(!report.wrongs.is_empty());
    }
    failures
}

fn run_seeds(arguments: &Arguments) -> u64 {
    let started = std::time::Instant::now();
    let ground = Ground::new(storm::PEOPLE_MAX, 2);
    let (mut counts, mut cells, mut commits, mut failures) = (Counts::default(), 0, 0, 0);
    for seed in arguments.from..arguments.from.saturating_add(arguments.seeds) {
        let report = storm::run(&ground, seed, arguments.is_verbose);
        report.log.iter().for_each(|line| println!("{line}"));
        if !report.wrongs.is_empty() {
            failures += 1;
            println!("seed {seed}: {} (replay: sim --seeds 1 --from {seed} --verbose)", report.wrongs.join(" | "));
        }
        counts.add(&report.counts);
        cells += report.cells;
        commits += report.commits;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "{} seeds, {failures} failed; {cells} cells, {commits} handshakes, {} messages, {} shown, {} epochs and {} moves \
         entered, {} device crashes, {} disk errors, {} node crashes, {} broken connections, {} ghosts, {} alerts; \
         {seconds:.1} s, {:.1} seeds/s",
        arguments.seeds,
        counts.messages,
        counts.shown,
        counts.epochs,
        counts.moves,
        counts.crashes,
        counts.disk_errors,
        counts.node_crashes,
        counts.breaks,
        counts.ghosts,
        counts.alerts,
        arguments.seeds as f64 / seconds,
    );
    failures
}
