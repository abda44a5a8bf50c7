//! `list` names the targets; `seed` writes the inputs of the real encoders into the corpus; `replay TARGET FILE ...`
//! runs single inputs, such as one that libFuzzer found.

#![allow(clippy::print_stdout, reason = "a command line tool talks on its output")]

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match words.as_slice() {
        ["list"] => {
            list();
            Ok(())
        }
        ["seed"] => seed(&Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")),
        ["replay", target, files @ ..] => replay(target, files),
        _ => Err("usage: list | seed | replay TARGET FILE ...".to_owned()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            println!("{message}");
            ExitCode::FAILURE
        }
    }
}

fn list() {
    for target in fuzz::TARGETS {
        println!("{}", target.name);
    }
}

fn seed(corpus: &Path) -> Result<(), String> {
    for target in fuzz::TARGETS {
        let folder = corpus.join(target.name);
        std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        for seed in (target.seeds)() {
            let file = folder.join(format!("seed-{}", seed.name));
            std::fs::write(&file, seed.bytes).map_err(|error| format!("{}: {error}", file.display()))?;
        }
    }
    Ok(())
}

fn replay(name: &str, files: &[&str]) -> Result<(), String> {
    let target = fuzz::target(name).ok_or_else(|| format!("there is no target `{name}`"))?;
    for file in files {
        let bytes = std::fs::read(file).map_err(|error| format!("{file}: {error}"))?;
        let accepted = (target.run)(&bytes);
        println!("{file}: {}", if accepted { "accepted" } else { "refused" });
    }
    Ok(())
}
