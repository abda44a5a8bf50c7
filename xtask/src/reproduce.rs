//! `reproduce`: builds the web app of this commit in two fresh folders and compares every byte.
//!
//! It takes two builds from nothing, so it is no step of `test`.

use crate::process;
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use std::collections::BTreeMap;
use std::path::Path;

/// Two folders of different depth and length.
const FOLDERS: [&str; 2] = ["reproduce/one", "reproduce/elsewhere/the-second"];

/// Builds twice and fails with the names of the files that differ.
pub fn run(workspace: &Workspace) -> Result<()> {
    let mut builds = Vec::new();
    for name in FOLDERS {
        let folder = workspace.target_folder.join(name);
        let checkout = folder.join("sottovoce");
        remove(&folder)?;
        std::fs::create_dir_all(&folder)?;
        println!("\n=== building in {}", folder.display());
        process::program("git", &workspace.root)
            .args(["clone", "--quiet", "--no-hardlinks", "."])
            .args([&checkout])
            .run()
            .context("what is built is the last commit, cloned")?;
        // The checkout's own task, so that nothing of this folder is in what it builds.
        process::cargo(&checkout)
            .args(["run", "--quiet", "--package", "xtask", "--", "web"])
            .env("CARGO_TARGET_DIR", folder.join("target"))
            .run()?;
        builds.push(read(&checkout.join("apps/web/dist"))?);
        remove(&folder)?;
    }
    let differing = differing(&builds[0], &builds[1]);
    if !differing.is_empty() {
        bail!("two builds of one commit differ in:\n  {}", differing.join("\n  "));
    }
    println!("{} files are the same in both builds", builds[0].len());
    Ok(())
}

fn remove(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let mut files = BTreeMap::new();
    let mut waiting = vec![folder.to_owned()];
    while let Some(next) = waiting.pop() {
        for entry in std::fs::read_dir(&next).with_context(|| format!("cannot read {}", next.display()))? {
            let path = entry?.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                let name = path.strip_prefix(folder)?.display().to_string();
                files.insert(name, std::fs::read(&path)?);
            }
        }
    }
    Ok(files)
}

fn differing(one: &BTreeMap<String, Vec<u8>>, other: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    let mut names: Vec<&String> = one.keys().chain(other.keys()).collect();
    names.sort();
    names.dedup();
    names.into_iter().filter(|name| one.get(*name) != other.get(*name)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_that_differ_or_are_in_one_build_alone_are_named() {
        let build = |files: &[(&str, &str)]| {
            files.iter().map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec())).collect::<BTreeMap<_, _>>()
        };
        let one = build(&[("a", "1"), ("b", "2"), ("c", "3")]);
        assert!(differing(&one, &one).is_empty());
        assert_eq!(differing(&one, &build(&[("a", "1"), ("b", "x"), ("d", "3")])), ["b", "c", "d"]);
    }
}
