//! `sottovoce-node`: see `docs/operating/node.md`.

use clap::Parser;
use node::config::{Config, Flags};
use std::process::ExitCode;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

fn main() -> ExitCode {
    let flags = Flags::parse();
    // What is not text cannot be a setting of ours.
    let environment =
        std::env::vars_os().filter_map(|(key, value)| key.into_string().ok().zip(value.into_string().ok()));
    let config = match Config::load(flags, environment) {
        Ok(config) => config,
        Err(error) => {
            say(&format!("{error:#}"));
            return ExitCode::from(2);
        }
    };
    // Libraries are heard only when something is wrong: they know addresses that the log must not.
    let levels = Targets::new().with_default(tracing::Level::ERROR).with_target("node", config.log);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_ansi(false);
    tracing_subscriber::registry().with(levels).with(lines).init();
    match node::run::run(&config) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}

#[expect(clippy::print_stderr, reason = "the one place that speaks to whoever started the program")]
fn say(error: &str) {
    eprintln!("sottovoce-node: {error}");
}
