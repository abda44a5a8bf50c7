//! Who may depend on whom (ARCHITECTURE.md, "Rules of dependency").
//!
//! The shape of the workspace is a table here; a new crate needs a line in it.

use crate::process;
use crate::workspace::{Package, Workspace};
use anyhow::{Result, bail};

/// A crate and the crates of this workspace that it may name, dev-dependencies included.
struct Rule {
    name: &'static str,
    may_use: &'static [&'static str],
}

/// Crates of the product. What is missing here and in [`PROOF`] is refused.
const PRODUCT: &[Rule] = &[
    Rule { name: "wire", may_use: &[] },
    Rule { name: "transparency", may_use: &["wire"] },
    Rule { name: "protocol", may_use: &["wire", "transparency"] },
    Rule { name: "delivery", may_use: &["wire"] },
    Rule { name: "calls", may_use: &["wire"] },
    Rule { name: "sqlite", may_use: &[] },
    Rule { name: "store", may_use: &["wire"] },
    Rule { name: "store-cluster", may_use: &["wire", "store"] },
    Rule { name: "node", may_use: &["wire", "delivery", "calls", "store", "transparency"] },
    Rule { name: "peer", may_use: &["wire", "calls"] },
    Rule { name: "client", may_use: &["wire", "transparency", "protocol", "sqlite", "calls", "peer"] },
    Rule { name: "wasm", may_use: &["wire", "transparency", "protocol", "client", "calls"] },
    Rule { name: "cli", may_use: &["wire", "transparency", "protocol", "client", "calls", "peer"] },
];

/// Crates that prove something about the product: they may name anything, nothing of the product names them.
const PROOF: &[&str] = &["sim", "xtask", "web-bindings", "benches", "tests", "fuzz"];

/// Crates without I/O, async, clock and global randomness.
pub const PURE: &[&str] = &["wire", "transparency", "protocol", "delivery", "calls"];

/// Packages that would bring I/O or a runtime into a pure crate.
const IMPURE: &[&str] = &[
    "tokio",
    "async-std",
    "smol",
    "mio",
    "socket2",
    "hyper",
    "axum",
    "reqwest",
    "tungstenite",
    "tokio-tungstenite",
    "rustls",
    "rusqlite",
    "libsqlite3-sys",
    "lsm-tree",
    "tempfile",
    "tracing-subscriber",
    "metrics",
];

/// Crates that may use `anyhow`: those whose errors only a person reads.
const ANYHOW: &[&str] = &["node", "cli", "sim", "xtask", "web-bindings", "benches", "tests", "fuzz"];

/// Fails with every broken rule.
pub fn run(workspace: &Workspace) -> Result<()> {
    let members: Vec<Package> = workspace.members().cloned().collect();
    let mut broken = check_edges(&members);
    broken.extend(check_anyhow(&members));
    broken.extend(check_halves(&members));
    for package in members.iter().filter(|package| PURE.contains(&package.name.as_str())) {
        let tree = process::cargo(&workspace.root)
            .args(["tree", "--quiet", "--package", &package.name, "--edges", "normal", "--prefix", "none"])
            .args(["--format", "{p}", "--target", "all"])
            .output_text()?;
        broken.extend(check_purity(&package.name, &tree));
    }
    if !broken.is_empty() {
        bail!("dependency rules are broken:\n  {}", broken.join("\n  "));
    }
    println!("{} crates keep the dependency rules", members.len());
    Ok(())
}

fn check_edges(members: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    for package in members {
        if PROOF.contains(&package.name.as_str()) {
            continue;
        }
        let Some(rule) = PRODUCT.iter().find(|rule| rule.name == package.name) else {
            broken.push(format!("`{}` is in no table of xtask/src/deps.rs: say what it may depend on", package.name));
            continue;
        };
        for dependency in &package.dependencies {
            let is_ours = members.iter().any(|member| member.name == dependency.name);
            if is_ours && dependency.name != package.name && !rule.may_use.contains(&dependency.name.as_str()) {
                broken.push(format!("`{}` may not depend on `{}`", package.name, dependency.name));
            }
        }
    }
    broken
}

/// `calls` has a half for each side: a node that asks for the other one could name the key of a frame.
fn check_halves(members: &[Package]) -> Vec<String> {
    let mut broken = Vec::new();
    for package in members.iter().filter(|package| !PROOF.contains(&package.name.as_str()) && package.name != "calls") {
        let half: &[&str] = match package.name.as_str() {
            "node" => &["relay"],
            // Native, so that a browser's build gets no heavier.
            "peer" => &["endpoint", "stun"],
            _ => &["endpoint"],
        };
        let is_for_tests = |kind: &Option<String>| kind.as_deref() == Some("dev");
        let named = package.dependencies.iter().filter(|dependency| dependency.name == "calls");
        for dependency in named.filter(|dependency| !is_for_tests(&dependency.kind)) {
            if dependency.uses_default_features || dependency.features != half {
                let half = half.join("`, `");
                broken.push(format!("`{}` may have of `calls` the feature `{half}` alone", package.name));
            }
        }
    }
    broken
}

fn check_anyhow(members: &[Package]) -> Vec<String> {
    members
        .iter()
        .filter(|package| !ANYHOW.contains(&package.name.as_str()))
        .filter(|package| package.dependencies.iter().any(|dependency| dependency.name == "anyhow"))
        .map(|package| format!("`{}` is a library with callers: typed errors instead of `anyhow`", package.name))
        .collect()
}

/// `tree` has one package a line: `name v1.2.3 ...`.
fn check_purity(name: &str, tree: &str) -> Vec<String> {
    let mut broken: Vec<String> = tree
        .lines()
        .filter_map(|line| line.split_whitespace().next())
        .filter(|found| IMPURE.contains(found))
        .map(|found| format!("`{name}` is pure and may not bring in `{found}`"))
        .collect();
    broken.sort();
    broken.dedup();
    broken
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, dependencies: &[(&str, Option<&str>)]) -> Package {
        let dependencies: Vec<_> =
            dependencies.iter().map(|(name, kind)| serde_json::json!({ "name": name, "kind": kind })).collect();
        serde_json::from_value(serde_json::json!({
            "name": name, "version": "0.1.0", "targets": [], "dependencies": dependencies,
            "manifest_path": "/x/Cargo.toml",
        }))
        .unwrap()
    }

    #[test]
    fn a_node_that_names_protocol_is_refused_even_for_its_tests() {
        for kind in [None, Some("dev"), Some("build")] {
            let members = [package("node", &[("protocol", kind)]), package("protocol", &[("wire", None)])];
            assert_eq!(check_edges(&members), ["`node` may not depend on `protocol`"]);
        }
    }

    #[test]
    fn a_client_that_names_the_servers_crates_is_refused() {
        for server in ["delivery", "store", "node"] {
            let members = [package("client", &[(server, None)]), package(server, &[])];
            assert_eq!(check_edges(&members), [format!("`client` may not depend on `{server}`")]);
        }
    }

    #[test]
    fn the_intended_edges_and_foreign_packages_pass() {
        let members = [
            package("wire", &[("prost", None)]),
            package("protocol", &[("wire", None)]),
            package("client", &[("protocol", None), ("wire", None), ("store", None)]),
            package("sim", &[("client", None), ("protocol", None)]),
        ];
        assert!(check_edges(&members).is_empty(), "a foreign package called `store` is nobody's business");
    }

    #[test]
    fn a_crate_without_a_line_in_the_table_is_refused() {
        assert_eq!(check_edges(&[package("surprise", &[])]).len(), 1);
    }

    #[test]
    fn a_product_crate_that_names_a_proof_crate_is_refused() {
        let members = [package("protocol", &[("sim", Some("dev"))]), package("sim", &[])];
        assert_eq!(check_edges(&members).len(), 1);
    }

    #[test]
    fn anyhow_in_a_library_is_refused_and_in_a_program_allowed() {
        assert_eq!(check_anyhow(&[package("wire", &[("anyhow", Some("dev"))])]).len(), 1);
        assert!(check_anyhow(&[package("cli", &[("anyhow", None)])]).is_empty());
    }

    #[test]
    fn a_node_that_asks_for_the_devices_half_of_calls_is_refused_and_the_other_way_round() {
        let asks = |name: &str, features: &[&str], defaults: bool| {
            let mut package = package(name, &[("calls", None)]);
            package.dependencies[0].features = features.iter().map(|feature| (*feature).to_owned()).collect();
            package.dependencies[0].uses_default_features = defaults;
            check_halves(&[package]).is_empty()
        };
        assert!(asks("node", &["relay"], false) && asks("client", &["endpoint"], false));
        assert!(!asks("node", &["endpoint"], false) && !asks("node", &["relay"], true));
        assert!(!asks("client", &["relay"], false) && !asks("wasm", &["endpoint", "relay"], false));
        assert!(asks("fuzz", &["endpoint", "relay"], true));
    }

    #[test]
    fn a_runtime_anywhere_below_a_pure_crate_is_refused() {
        let tree = "wire v0.1.0 (/x)\nprost v0.14.1\ntokio v1.54.0\ntokio v1.54.0 (*)\n";
        assert_eq!(check_purity("wire", tree), ["`wire` is pure and may not bring in `tokio`"]);
        assert!(check_purity("wire", "wire v0.1.0\nprost v0.14.1\n").is_empty());
    }
}
