//! `web`: builds the web app into `apps/web/dist`, doing nothing twice.
//!
//! | step | is done again when |
//! |---|---|
//! | the engine: crate `wasm` for the browser | cargo says so |
//! | its bindings, into `apps/web/src/worker/pkg` | the engine's bytes or the tool changed |
//! | `npm ci` | `package-lock.json` changed |
//! | `npm run build`, packed copies | a file of the app, its words or its bindings changed |
//!
//! What was done is noted in stamps beside the results, by the hash of what went in.

mod checks;
mod node_js;
mod stamp;

pub use checks::{bench, check, end_to_end, has_end_to_end, views};

use crate::process;
use crate::wasm::{self, TARGET};
use crate::workspace::Workspace;
use anyhow::{Context, Result, bail};
use stamp::{Inputs, Stamp};
use std::path::{Path, PathBuf};

/// The crate that a browser's worker runs.
const ENGINE: &str = "wasm";
/// Where wasm-bindgen's output goes, below the app.
const BINDINGS: &str = "src/worker/pkg";
/// Folders of the app that are made, not written.
const MADE: &[&str] = &["node_modules", "dist", "test-results", "playwright-report"];

/// How the engine is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// For people: small and fast.
    Web,
    /// For tests: quick to compile, every check on.
    Ci,
}

impl Profile {
    fn name(self) -> &'static str {
        match self {
            Self::Web => "web",
            Self::Ci => "ci",
        }
    }
}

/// The folder of the web app.
pub struct App<'a> {
    workspace: &'a Workspace,
    folder: PathBuf,
}

impl<'a> App<'a> {
    /// The app of this tree, if it has one.
    pub fn find(workspace: &'a Workspace) -> Option<Self> {
        let folder = workspace.root.join("apps/web");
        folder.join("package.json").is_file().then_some(Self { workspace, folder })
    }

    /// What is served.
    pub fn dist(&self) -> PathBuf {
        self.folder.join("dist")
    }

    /// Builds all that changed.
    pub fn build(&self, profile: Profile) -> Result<()> {
        node_js::ensure(self.workspace)?;
        self.build_bindings(profile)?;
        self.install_packages()?;
        self.build_app()
    }

    fn npm(&self, arguments: &[&str]) -> process::Program {
        process::program("npm", &self.folder).args(arguments).env("PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD", "1")
    }

    fn stamp(&self, name: &str) -> Stamp {
        Stamp::new(self.workspace.target_folder.join("web").join(name))
    }

    fn build_bindings(&self, profile: Profile) -> Result<()> {
        if self.workspace.member(ENGINE).is_none() {
            println!("this tree has no crate `{ENGINE}` yet: the app is built without an engine");
            return Ok(());
        }
        let engine = self.build_engine(profile)?;
        let out = self.folder.join(BINDINGS);
        let mut inputs = Inputs::default();
        inputs.add_file("engine", &engine)?;
        inputs.add_text("lock", &bindgen_version(&self.workspace.root)?);
        let stamp = self.stamp("bindings");
        if stamp.is(&inputs) && out.is_dir() {
            return Ok(());
        }
        stamp.forget()?;
        remove_folder(&out)?;
        let tool = ["build", "--quiet", "--package", "web-bindings", "--profile", "ci"];
        process::cargo(&self.workspace.root).args(tool).run()?;
        let tool = self.workspace.target_folder.join("ci/web-bindings");
        process::program(&tool.to_string_lossy(), &self.workspace.root).args([&engine, &out]).run()?;
        stamp.set(&inputs)
    }

    fn build_engine(&self, profile: Profile) -> Result<PathBuf> {
        let name = profile.name();
        wasm::cargo_for_wasm(self.workspace, "build")?
            .args(["--package", ENGINE, "--lib", "--profile", name])
            .run()
            .context("the engine could not be built for the browser")?;
        Ok(self.workspace.target_folder.join(TARGET).join(name).join(format!("{ENGINE}.wasm")))
    }

    /// Installs exactly what the lock file names.
    pub fn install_packages(&self) -> Result<()> {
        let mut inputs = Inputs::default();
        for name in ["package.json", "package-lock.json", ".npmrc"] {
            inputs.add_file(name, &self.folder.join(name))?;
        }
        let modules = self.folder.join("node_modules");
        // Beside what was installed: whoever removes that removes the stamp.
        let stamp = Stamp::new(modules.join(".sottovoce-installed"));
        if stamp.is(&inputs) {
            return Ok(());
        }
        self.npm(&["ci", "--no-audit", "--no-fund"]).run().context("npm could not install the app's packages")?;
        stamp.set(&inputs)
    }

    fn build_app(&self) -> Result<()> {
        let mut inputs = Inputs::default();
        inputs.add_folder("app", &self.folder, MADE)?;
        inputs.add_folder("words", &self.workspace.root.join("locales"), &[])?;
        inputs.add_text("pack", PACK);
        let stamp = self.stamp("dist");
        let index = self.dist().join("index.html");
        if stamp.is(&inputs) && index.is_file() {
            return self.put_beside_programs();
        }
        stamp.forget()?;
        remove_folder(&self.dist())?;
        self.npm(&["run", "build"]).run().context("the web app could not be built")?;
        if !index.is_file() {
            bail!("`npm run build` made no {}", index.display());
        }
        let dist = self.dist();
        process::program("node", &self.folder)
            .args(["--input-type=module", "--eval", PACK, "--"])
            .args([&dist])
            .run()?;
        stamp.set(&inputs)?;
        self.put_beside_programs()
    }

    /// Lets `target/release/sottovoce-node` find the app, however it is started.
    fn put_beside_programs(&self) -> Result<()> {
        let release = self.workspace.target_folder.join("release");
        std::fs::create_dir_all(&release)?;
        let link = release.join("web");
        if std::fs::read_link(&link).is_ok_and(|to| to == self.dist()) {
            return Ok(());
        }
        if link.is_symlink() {
            std::fs::remove_file(&link)?;
        }
        std::os::unix::fs::symlink(self.dist(), &link).with_context(|| format!("cannot link {}", link.display()))
    }
}

/// Makes the packed copies.
const PACK: &str = include_str!("pack.mjs");

fn remove_folder(folder: &Path) -> Result<()> {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", folder.display()))
        }
        _ => Ok(()),
    }
}

/// The version of wasm-bindgen's tool that the lock file holds.
fn bindgen_version(root: &Path) -> Result<String> {
    let lock = std::fs::read_to_string(root.join("Cargo.lock"))?;
    let mut lines = lock.lines().skip_while(|line| *line != "name = \"wasm-bindgen-cli-support\"");
    lines.nth(1).map(str::to_owned).context("Cargo.lock has no wasm-bindgen-cli-support")
}

/// `cargo xtask web`.
pub fn run(workspace: &Workspace) -> Result<()> {
    let Some(app) = App::find(workspace) else { bail!("this tree has no web app (apps/web)") };
    app.build(Profile::Web)?;
    println!("the web app is in {}", app.dist().display());
    Ok(())
}
