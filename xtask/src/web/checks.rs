//! What `cargo xtask test` does with the web app: its own checks, and the app in a browser at a real node.

use super::{App, Profile, node_js};
use crate::apt;
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// Names under which Chromium is installed.
const CHROMIUMS: &[&str] = &["chromium", "chromium-browser", "google-chrome"];

/// Types, styles, components: what needs neither node nor browser.
pub fn check(app: &App<'_>) -> Result<()> {
    node_js::ensure(app.workspace)?;
    // The engine's types come with its bindings.
    app.build(Profile::Ci)?;
    for script in ["check", "lint", "test"] {
        if app.has_script(script)? {
            app.npm(&["run", script]).run()?;
        }
    }
    Ok(())
}

/// Whether there are tests in a browser.
pub fn has_end_to_end(app: &App<'_>) -> bool {
    app.folder.join("playwright.config.ts").is_file()
}

/// Playwright in Debian's Chromium against the real programs, which the step `build` made.
///
/// | variable | tells the tests |
/// |---|---|
/// | `SOTTOVOCE_BIN` | the folder with `sottovoce-node` and `sottovoce` |
/// | `SOTTOVOCE_WEB` | what the node is to serve |
/// | `CHROMIUM` | the browser |
pub fn end_to_end(app: &App<'_>) -> Result<()> {
    app.build(Profile::Ci)?;
    let programs = app.workspace.target_folder.join(Profile::Ci.name());
    for name in ["sottovoce-node", "sottovoce"] {
        if !programs.join(name).is_file() {
            bail!("`{name}` is not built: run `cargo xtask test build` first");
        }
    }
    let chromium = find_or_install_chromium(app)?;
    app.npm(&["run", "e2e"])
        .env("SOTTOVOCE_BIN", &programs)
        .env("SOTTOVOCE_WEB", app.dist())
        .env("CHROMIUM", &chromium)
        .run()
}

/// Every screen in Chromium on an engine that is made up: looks, keys, touch, axe. Needs neither node nor real engine.
pub fn views(app: &App<'_>) -> Result<()> {
    node_js::ensure(app.workspace)?;
    app.install_packages()?;
    let chromium = find_or_install_chromium(app)?;
    app.npm(&["run", "e2e:views"]).env("CHROMIUM", &chromium).run()
}

/// The figures of the app as people get it, in Chromium at a node of the release profile: all rows, or those whose names
/// hold the given words.
pub fn bench(app: &App<'_>, words: &[String]) -> Result<()> {
    app.build(Profile::Web)?;
    let chromium = find_or_install_chromium(app)?;
    let mut bench = app
        .npm(&["run", "bench"])
        .env("SOTTOVOCE_BIN", app.workspace.target_folder.join("release"))
        .env("SOTTOVOCE_WEB", app.dist())
        .env("CHROMIUM", &chromium);
    if !words.is_empty() {
        bench = bench.args(["--", "-g", &words.join(" ")]);
    }
    bench.run()
}

fn find_or_install_chromium(app: &App<'_>) -> Result<PathBuf> {
    if let Some(found) = find_chromium() {
        return Ok(found);
    }
    println!("no Chromium here: asking apt for Debian's");
    if let Err(error) = apt::install(&app.workspace.root, &["chromium"]) {
        println!("chromium could not be installed ({error:#})");
    }
    find_chromium().context(
        "the tests of the web app need Chromium, which is not here: install it (Debian: `apt-get install chromium`), or \
         name it in CHROMIUM",
    )
}

fn find_chromium() -> Option<PathBuf> {
    if let Some(named) = std::env::var_os("CHROMIUM") {
        return Some(PathBuf::from(named)).filter(|path| path.is_file());
    }
    let path = std::env::var_os("PATH")?;
    CHROMIUMS
        .iter()
        .find_map(|name| std::env::split_paths(&path).map(|folder| folder.join(name)).find(|it| it.is_file()))
}

impl App<'_> {
    fn has_script(&self, name: &str) -> Result<bool> {
        let package = std::fs::read_to_string(self.folder.join("package.json"))?;
        let package: serde_json::Value = serde_json::from_str(&package).context("package.json is not JSON")?;
        Ok(package["scripts"][name].is_string())
    }
}
