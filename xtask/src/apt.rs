//! Debian's packages for the peers that tests talk to and the tools that builds need.

use crate::process;
use anyhow::{Context, Result};
use std::path::Path;

/// Whether a program is on the PATH.
pub fn has(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

/// Installs packages. A bare machine's lists may be old or empty; one without a network may still have the packages
/// at hand, so lists that cannot be read again are no failure.
pub fn install(root: &Path, packages: &[&str]) -> Result<()> {
    let apt = |arguments: &[&str]| {
        process::program("apt-get", root).args(arguments).env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    if let Err(error) = apt(&["update"]) {
        println!("apt's lists are as they were ({error:#})");
    }
    apt(&[&["install", "--yes", "--no-install-recommends"], packages].concat())
}

/// Installs the package of a program that is missing.
pub fn need(root: &Path, program: &str, package: &str) -> Result<()> {
    if has(program) {
        return Ok(());
    }
    println!("no {program} here: asking apt for Debian's {package}");
    install(root, &[package]).with_context(|| format!("install {program} by hand; Debian's package is {package}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_on_the_path_and_an_absent_one_is_not() {
        assert!(has("sh"));
        assert!(!has("a-program-that-nobody-has"));
    }
}
