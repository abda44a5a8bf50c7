//! What may come in from outside: licences, banned packages, sources; duplicate versions are shown.
//!
//! The same questions as `cargo deny` asks, answered from what cargo knows
//! (docs/decisions/0010-dependency-checks.md says why, and what this does not see).

use crate::process;
use crate::workspace::{Package, Workspace};
use anyhow::{Result, bail};
use std::collections::{BTreeMap, BTreeSet};

/// Licences that may be combined with AGPL-3.0-or-later.
const LICENCES: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-1-Clause",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",
    "OpenSSL",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// A package that may not be in the graph.
struct Ban {
    name: &'static str,
    /// Versions below this one are banned; none bans all.
    below: Option<(u64, u64, u64)>,
    why: &'static str,
}

const BANS: &[Ban] = &[
    Ban { name: "ring", below: None, why: "one TLS provider: aws-lc-rs" },
    Ban { name: "openssl", below: None, why: "one TLS provider: aws-lc-rs" },
    Ban { name: "openssl-sys", below: None, why: "one TLS provider: aws-lc-rs" },
    Ban { name: "native-tls", below: None, why: "one TLS provider: aws-lc-rs" },
    Ban { name: "bincode", below: None, why: "unmaintained, RUSTSEC-2025-0141" },
    Ban { name: "akd", below: Some((0, 13, 0)), why: "an auditor accepts rewritten values before 0.13.0" },
    Ban { name: "curve25519-dalek", below: Some((4, 1, 3)), why: "timing, RUSTSEC-2024-0344" },
    Ban { name: "ed25519-dalek", below: Some((2, 0, 0)), why: "double public key signing, RUSTSEC-2022-0093" },
    Ban { name: "rustls", below: Some((0, 23, 18)), why: "panic on a fragmented ClientHello, RUSTSEC-2024-0399" },
    Ban { name: "atty", below: None, why: "unmaintained, RUSTSEC-2024-0375" },
    Ban { name: "instant", below: None, why: "unmaintained, RUSTSEC-2024-0384" },
];

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

/// Fails with every package that may not be here; prints packages that are here twice.
pub fn run(workspace: &Workspace) -> Result<()> {
    // `cargo metadata` and the lock file also name packages that no feature brings in; `cargo tree` does not.
    let tree = process::cargo(&workspace.root)
        .args(["tree", "--quiet", "--workspace", "--target", "all", "--edges", "normal,build,dev"])
        .args(["--prefix", "none", "--format", "{p}"])
        .output_text()?;
    let built = built(&tree);
    let foreign: Vec<&Package> = workspace
        .packages
        .values()
        .filter(|package| package.source.is_some())
        .filter(|package| built.contains(&(package.name.as_str(), package.version.as_str())))
        .collect();
    for line in duplicates(&foreign) {
        println!("warning: {line}");
    }
    let refused: Vec<String> = foreign.iter().copied().flat_map(check).collect();
    if !refused.is_empty() {
        bail!("dependencies that may not be here:\n  {}", refused.join("\n  "));
    }
    println!("{} packages from outside are allowed", foreign.len());
    Ok(())
}

/// Names and versions of a tree that has one package a line: `name v1.2.3 ...`.
fn built(tree: &str) -> BTreeSet<(&str, &str)> {
    tree.lines()
        .filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?, words.next()?.strip_prefix('v')?))
        })
        .collect()
}

fn check(package: &Package) -> Vec<String> {
    let at = format!("{} {}", package.name, package.version);
    let mut refused = Vec::new();
    if package.source.as_deref() != Some(CRATES_IO) {
        refused.push(format!("{at}: comes from elsewhere than crates.io"));
    }
    match &package.license {
        None => refused.push(format!("{at}: names no licence")),
        Some(expression) if !is_allowed(expression) => {
            refused.push(format!("{at}: licence `{expression}` is not on the list"));
        }
        Some(_) => {}
    }
    for ban in BANS.iter().filter(|ban| ban.name == package.name) {
        match (ban.below, version(&package.version)) {
            (Some(below), Some(found)) if found >= below => {}
            _ => refused.push(format!("{at}: banned ({})", ban.why)),
        }
    }
    refused
}

/// The three numbers of a version; a pre-release counts as the release before it would: not at all.
fn version(text: &str) -> Option<(u64, u64, u64)> {
    if text.contains('-') {
        return None;
    }
    let mut numbers = text.split('+').next()?.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

/// Packages in several versions that are incompatible for semver.
fn duplicates(packages: &[&Package]) -> Vec<String> {
    let mut found: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in packages {
        found.entry(&package.name).or_default().insert(&package.version);
    }
    found
        .into_iter()
        .filter(|(_, versions)| versions.len() > 1)
        .map(|(name, versions)| format!("{name} is here as {}", versions.into_iter().collect::<Vec<_>>().join(", ")))
        .collect()
}

/// Whether an SPDX expression can be met with licences from the list alone.
fn is_allowed(expression: &str) -> bool {
    // Before SPDX, `/` meant OR.
    let text = expression.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let words: Vec<&str> = text.split_whitespace().collect();
    let mut reader = Expression { words: &words, at: 0 };
    let allowed = reader.any();
    allowed == Some(true) && reader.at == words.len()
}

/// Recursive descent over `OR`, `AND`, `WITH`, brackets; `None` for what is no expression.
struct Expression<'a> {
    words: &'a [&'a str],
    at: usize,
}

impl Expression<'_> {
    fn next(&mut self, word: &str) -> bool {
        let found = self.words.get(self.at).is_some_and(|found| *found == word);
        self.at += usize::from(found);
        found
    }

    fn any(&mut self) -> Option<bool> {
        let mut allowed = self.all()?;
        while self.next("OR") {
            allowed |= self.all()?;
        }
        Some(allowed)
    }

    fn all(&mut self) -> Option<bool> {
        let mut allowed = self.one()?;
        while self.next("AND") {
            allowed &= self.one()?;
        }
        Some(allowed)
    }

    fn one(&mut self) -> Option<bool> {
        if self.next("(") {
            let inner = self.any()?;
            return self.next(")").then_some(inner);
        }
        let licence = *self.words.get(self.at)?;
        self.at += 1;
        if matches!(licence, "OR" | "AND" | "WITH" | ")") {
            return None;
        }
        if self.next("WITH") {
            let exception = *self.words.get(self.at)?;
            self.at += 1;
            return Some(LICENCES.contains(&format!("{licence} WITH {exception}").as_str()));
        }
        Some(LICENCES.contains(&licence))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, version: &str, licence: Option<&str>, source: &str) -> Package {
        serde_json::from_value(serde_json::json!({
            "name": name, "version": version, "license": licence, "source": source,
            "targets": [], "dependencies": [], "manifest_path": "/x/Cargo.toml",
        }))
        .unwrap()
    }

    #[test]
    fn licence_expressions_are_met_or_not() {
        for allowed in ["MIT", "MIT OR GPL-2.0", "MIT/Apache-2.0", "(MIT OR X) AND BSD-3-Clause", "ISC AND (MIT)"] {
            assert!(is_allowed(allowed), "{allowed}");
        }
        let refused =
            ["GPL-2.0", "MIT AND GPL-2.0", "", "MIT OR", "(MIT", "MIT)", "MIT MIT", "Apache-2.0 WITH X", "OR"];
        for refused in refused {
            assert!(!is_allowed(refused), "{refused}");
        }
        assert!(is_allowed("Apache-2.0 WITH LLVM-exception OR GPL-2.0"));
    }

    #[test]
    fn a_clean_package_passes() {
        assert!(check(&package("prost", "0.14.1", Some("Apache-2.0"), CRATES_IO)).is_empty());
    }

    #[test]
    fn a_banned_package_is_refused() {
        assert_eq!(check(&package("ring", "0.17.0", Some("MIT"), CRATES_IO)).len(), 1);
        assert_eq!(check(&package("bincode", "2.0.0", Some("MIT"), CRATES_IO)).len(), 1);
    }

    #[test]
    fn a_ban_below_a_version_ends_at_that_version() {
        for (version, refused) in [("0.12.9", 1), ("0.13.0", 0), ("0.13.0-pre.1", 1), ("1.0.0", 0), ("x", 1)] {
            assert_eq!(check(&package("akd", version, Some("MIT"), CRATES_IO)).len(), refused, "{version}");
        }
    }

    #[test]
    fn a_package_without_a_licence_or_from_elsewhere_is_refused() {
        assert_eq!(check(&package("a", "1.0.0", None, CRATES_IO)).len(), 1);
        assert_eq!(check(&package("a", "1.0.0", Some("MIT"), "git+https://example.org/a")).len(), 1);
    }

    #[test]
    fn what_is_built_is_read_from_the_tree() {
        let tree = "wire v0.1.0 (/x)\nserde_derive v1.0.2 (proc-macro) (*)\n\nprost v0.14.1\n";
        let expected = [("wire", "0.1.0"), ("serde_derive", "1.0.2"), ("prost", "0.14.1")];
        assert_eq!(built(tree), expected.into());
    }

    #[test]
    fn a_package_in_two_versions_is_shown() {
        let (old, new) = (package("a", "1.0.0", None, CRATES_IO), package("a", "2.0.0", None, CRATES_IO));
        assert_eq!(duplicates(&[&old, &new]), ["a is here as 1.0.0, 2.0.0"]);
        assert!(duplicates(&[&old]).is_empty());
    }
}
