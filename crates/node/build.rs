//! With the feature `web-embedded`: lists the files of the built web app, so that the program holds them.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=SOTTOVOCE_WEB_DIST");
    if std::env::var_os("CARGO_FEATURE_WEB_EMBEDDED").is_none() {
        return;
    }
    let folder =
        std::env::var_os("SOTTOVOCE_WEB_DIST").map_or_else(|| PathBuf::from("../../apps/web/dist"), PathBuf::from);
    println!("cargo::rerun-if-changed={}", folder.display());
    let Ok(folder) = folder.canonicalize() else {
        println!("cargo::error=there is no built web app in {}: run `cargo xtask web` first", folder.display());
        return;
    };
    let mut files = Vec::new();
    list(&folder, "", &mut files);
    files.sort();
    let mut code = String::from("const EMBEDDED: &[(&str, &[u8])] = &[\n");
    for path in files {
        let file = folder.join(&path);
        // Writing to a String does not fail.
        let _ = writeln!(code, "    ({path:?}, include_bytes!({file:?})),");
    }
    code.push_str("];\n");
    let out = PathBuf::from(std::env::var_os("OUT_DIR").expect("cargo sets it")).join("embedded.rs");
    std::fs::write(out, code).expect("the build's own folder can be written");
}

fn list(folder: &Path, prefix: &str, files: &mut Vec<String>) {
    let entries = std::fs::read_dir(folder).expect("the built web app can be read");
    for entry in entries.map_while(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        if entry.path().is_dir() {
            list(&entry.path(), &format!("{prefix}{name}/"), files);
        } else {
            files.push(format!("{prefix}{name}"));
        }
    }
}
