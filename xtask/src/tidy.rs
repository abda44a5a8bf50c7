//! House style as a test: rules over the text of the tracked files, each shown able to fail.

mod code;
mod rules;

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::path::{Path, PathBuf};

/// Above this many lines a file is listed.
const LINES_SHOWN: usize = 400;

/// One text file of the repository.
pub struct Source {
    /// Its path below the root, with `/`.
    pub path: String,
    /// Its text.
    pub text: String,
}

/// A broken rule: where, and what is wrong.
#[derive(Debug, PartialEq, Eq)]
pub struct Finding {
    /// `path` or `path:line`.
    pub at: String,
    /// What is wrong and what to do.
    pub message: String,
}

/// Fails with every finding.
pub fn run(workspace: &Workspace) -> Result<()> {
    let sources = read_sources(&workspace.root)?;
    let findings = rules::check_all(&sources);
    for (lines, path) in long_files(&sources) {
        println!("long: {path} has {lines} lines");
    }
    if !findings.is_empty() {
        let lines: Vec<String> = findings.iter().map(|found| format!("{}: {}", found.at, found.message)).collect();
        bail!("not tidy:\n  {}", lines.join("\n  "));
    }
    println!("{} files are tidy", sources.len());
    Ok(())
}

/// Files that git tracks or would track, read as text; what is no UTF-8 is no source.
fn read_sources(root: &Path) -> Result<Vec<Source>> {
    let list = process::program("git", root)
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .output_text()
        .context("tidy reads the files that git knows")?;
    let mut sources = Vec::new();
    for path in list.split('\0').filter(|path| !path.is_empty()) {
        let file: PathBuf = root.join(path);
        // A file deleted in the work tree is still listed.
        if !file.is_file() {
            continue;
        }
        let bytes = std::fs::read(&file).with_context(|| format!("cannot read {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            sources.push(Source { path: path.to_owned(), text });
        }
    }
    sources.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(sources)
}

fn long_files(sources: &[Source]) -> Vec<(usize, &str)> {
    let mut long: Vec<(usize, &str)> = sources
        .iter()
        .filter(|source| source.is_program())
        .map(|source| (source.text.lines().count(), source.path.as_str()))
        .filter(|(lines, _)| *lines > LINES_SHOWN)
        .collect();
    long.sort_by(|one, other| other.cmp(one));
    long
}

impl Source {
    /// A file that people write in a programming or interface language.
    pub fn is_program(&self) -> bool {
        [".rs", ".proto", ".ts", ".svelte"].iter().any(|ending| self.path.ends_with(ending))
    }

    /// A Rust file.
    pub fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// The folder that holds the crate: `crates/wire` for `crates/wire/src/id.rs`, `xtask`, `sim`.
    pub fn crate_name(&self) -> &str {
        let mut parts = self.path.split('/');
        match parts.next() {
            Some("crates") => parts.next().unwrap_or_default(),
            first => first.unwrap_or_default(),
        }
    }

    /// Code that only tests run.
    pub fn is_test_file(&self) -> bool {
        self.path.contains("/tests/") || self.path.contains("/benches/") || self.path.ends_with("/tests.rs")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_over_the_soft_limit_is_shown_longest_first() {
        let file = |path: &str, lines: usize| Source { path: path.to_owned(), text: "//\n".repeat(lines) };
        let sources = [file("a.rs", 401), file("b.rs", 400), file("c.rs", 500), file("d.md", 900)];
        assert_eq!(long_files(&sources), [(500, "c.rs"), (401, "a.rs")]);
    }

    #[test]
    fn this_repository_is_read() {
        let sources = read_sources(&Workspace::load().unwrap().root).unwrap();
        let this = sources.iter().find(|source| source.path == "xtask/src/tidy.rs").unwrap();
        assert!(this.is_rust() && this.is_program());
        assert_eq!(this.crate_name(), "xtask");
        assert!(sources.iter().any(|source| source.crate_name() == "wire"));
    }
}
