//! `web-bindings FILE.wasm FOLDER`: writes the JavaScript face of a wasm file and what is left of the file.
//!
//! A program of its own, so that the tasks that need no browser do not wait for its compilation. Cargo lets no second
//! version of `wasm-bindgen-shared` into the tree, so that tool and library always fit each other.

use anyhow::{Context, Result, bail};
use std::path::PathBuf;
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<PathBuf> = std::env::args_os().skip(1).map(PathBuf::from).collect();
    let [input, folder] = arguments.as_slice() else { bail!("usage: web-bindings FILE.wasm FOLDER") };
    let mut bindgen = Bindgen::new();
    // Names and producers would tell two builds apart that do the same.
    bindgen
        .input_path(input)
        .out_name("sottovoce")
        .web(true)?
        .typescript(true)
        .remove_name_section(true)
        .remove_producers_section(true);
    bindgen.generate(folder).with_context(|| format!("cannot make bindings of {}", input.display()))
}
