//! `sottovoce`, the command-line client (docs/cli.md).
//!
//! | module | holds |
//! |---|---|
//! | `args` | what can be typed |
//! | `commands` | what each command does |
//! | `output` | lines for people and JSON objects for programs |
//! | `progress` | how files move |
//! | `picture` | decodes pictures, in a process of its own |
//! | `session` | a profile with its engine and connections, and how long a command waits |
//! | `failure` | what goes wrong, and the exit status |
//! | `language` | the words of `locales/`, which the chat speaks |
//! | `text` | every word that a user reads |
//! | `tui` | the chat in the terminal |

mod args;
mod commands;
mod failure;
mod language;
mod output;
mod picture;
mod progress;
mod session;
mod text;
mod tui;

use clap::Parser;
use std::process::ExitCode;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == picture::WORD) {
        return picture::run(words);
    }
    let args = args::Args::parse();
    let output = output::Output::new(args.json);
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return output.failure(&failure::Failure::internal(error.to_string())),
    };
    let result = runtime.block_on(commands::run(&args, &output));
    // Work that is still being searched for is nobody's any more.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => output.failure(&failure),
    }
}
