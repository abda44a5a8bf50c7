//! What `cargo metadata` says about the workspace: its crates, their targets, the resolved graph.

use crate::process;
use anyhow::{Context, Result};
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The workspace and everything it is built from.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Where cargo builds.
    pub target_folder: PathBuf,
    /// Every package of the resolved graph by its id.
    pub packages: BTreeMap<String, Package>,
    members: BTreeSet<String>,
}

/// One package.
#[derive(Debug, Clone, Deserialize)]
pub struct Package {
    /// Its name in `Cargo.toml`.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The SPDX expression.
    pub license: Option<String>,
    /// Where it was downloaded from; none for a folder.
    pub source: Option<String>,
    /// What it builds.
    pub targets: Vec<Target>,
    /// What its `Cargo.toml` names.
    pub dependencies: Vec<Dependency>,
    manifest_path: PathBuf,
}

/// One thing that a package builds.
#[derive(Debug, Clone, Deserialize)]
pub struct Target {
    /// The name of the binary, test, ...
    pub name: String,
    /// `lib`, `bin`, `test`, `bench`, ...
    pub kind: Vec<String>,
}

/// One line of a `[dependencies]` table.
#[derive(Debug, Clone, Deserialize)]
pub struct Dependency {
    /// The package depended on.
    pub name: String,
    /// `dev` or `build`; none for what the product itself stands on.
    #[serde(default)]
    pub kind: Option<String>,
    /// The features asked for.
    #[serde(default)]
    pub features: Vec<String>,
    /// Whether its default features come too.
    #[serde(default = "yes")]
    pub uses_default_features: bool,
}

fn yes() -> bool {
    true
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<IdentifiedPackage>,
    workspace_members: Vec<String>,
    workspace_root: PathBuf,
    target_directory: PathBuf,
}

#[derive(Deserialize)]
struct IdentifiedPackage {
    id: String,
    #[serde(flatten)]
    package: Package,
}

impl Workspace {
    /// Asks cargo. The lock file is not changed where it is complete.
    pub fn load() -> Result<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().context("xtask lies in the workspace")?;
        let text = process::cargo(root).args(["metadata", "--format-version", "1"]).output_text()?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        let metadata: Metadata = serde_json::from_str(text).context("cargo metadata is not as expected")?;
        Ok(Self {
            root: metadata.workspace_root,
            target_folder: metadata.target_directory,
            packages: metadata.packages.into_iter().map(|found| (found.id, found.package)).collect(),
            members: metadata.workspace_members.into_iter().collect(),
        })
    }

    /// The crates of this repository.
    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|(id, _)| self.members.contains(*id)).map(|(_, package)| package)
    }

    /// A crate of this repository by name, if it exists yet.
    pub fn member(&self, name: &str) -> Option<&Package> {
        self.members().find(|package| package.name == name)
    }
}

impl Package {
    /// The folder of its `Cargo.toml`.
    pub fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// The names of its targets of one kind.
    pub fn targets_of(&self, kind: &str) -> Vec<&str> {
        self.targets
            .iter()
            .filter(|target| target.kind.iter().any(|found| found == kind))
            .map(|target| target.name.as_str())
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_workspace_has_a_wire_crate_and_foreign_packages() {
        let workspace = Workspace::load().unwrap();
        assert!(workspace.member("wire").is_some());
        assert!(workspace.member("prost").is_none(), "prost is a dependency, not a member");
        assert!(workspace.packages.values().any(|package| package.name == "prost"));
        assert_eq!(workspace.member("xtask").unwrap().targets_of("bin"), ["xtask"]);
    }
}
