//! The builds for the browser: the client's crates for `wasm32-unknown-unknown`.
//!
//! Needed beside Rust: its standard library for that target (rustup brings it), and a clang that knows
//! the target, where a crate has C code (SQLite).

use crate::workspace::Workspace;
use crate::{apt, process};
use anyhow::{Context, Result, bail};
use std::path::PathBuf;

/// The browser's target.
pub const TARGET: &str = "wasm32-unknown-unknown";
/// The crates that a browser runs.
const CRATES: &[&str] = &["wire", "transparency", "protocol", "client", "wasm"];
/// How SQLite is compiled for the browser: as natively (`crates/sqlite/build.rs`), and without what no statement of ours
/// uses, a quarter of its size. `sqlite-wasm-rs` has a fuller default, which these words take back.
const SQLITE_FLAGS: &[&str] = &[
    "-DSQLITE_SECURE_DELETE=1",
    "-USQLITE_TEMP_STORE",
    "-DSQLITE_TEMP_STORE=3",
    "-DSQLITE_DQS=0",
    "-DSQLITE_DEFAULT_FOREIGN_KEYS=1",
    "-DSQLITE_DEFAULT_MEMSTATUS=0",
    "-DSQLITE_DEFAULT_WAL_SYNCHRONOUS=2",
    "-USQLITE_USE_URI",
    // Ciphers of other programs' files. Ours is ChaCha20-Poly1305.
    "-DCODEC_TYPE=CODEC_TYPE_CHACHA20",
    "-DHAVE_CIPHER_AES_128_CBC=0",
    "-DHAVE_CIPHER_AES_256_CBC=0",
    "-DHAVE_CIPHER_SQLCIPHER=0",
    "-DHAVE_CIPHER_RC4=0",
    "-DHAVE_CIPHER_ASCON128=0",
    "-DHAVE_CIPHER_AEGIS=0",
    "-USQLITE_ENABLE_BYTECODE_VTAB",
    "-USQLITE_ENABLE_DBPAGE_VTAB",
    "-USQLITE_ENABLE_DBSTAT_VTAB",
    "-USQLITE_ENABLE_MATH_FUNCTIONS",
    "-USQLITE_ENABLE_OFFSET_SQL_FUNC",
    "-USQLITE_ENABLE_PREUPDATE_HOOK",
    "-USQLITE_ENABLE_RTREE",
    "-USQLITE_ENABLE_SESSION",
    "-USQLITE_ENABLE_STMTVTAB",
    "-USQLITE_ENABLE_UNKNOWN_SQL_FUNCTION",
    "-USQLITE_ENABLE_UNLOCK_NOTIFY",
    "-DSQLITE_OMIT_JSON",
    "-DSQLITE_OMIT_DESERIALIZE",
    "-DSQLITE_OMIT_PROGRESS_CALLBACK",
    "-DSQLITE_OMIT_COMPLETE",
    "-DSQLITE_OMIT_TCL_VARIABLE",
];
/// Suffixes under which Debian and others install clang, newest first.
const CLANG_SUFFIXES: &[&str] = &["-22", "-21", "-20", "-19", "-18", "-17", "-16", "-15", "-14", ""];

/// Debian's packages with a clang and its archiver, the one that is used here first.
const DEBIAN_CLANGS: [[&str; 2]; 3] = [["clang-22", "llvm-22"], ["clang-19", "llvm-19"], ["clang", "llvm"]];

/// Builds those of [`CRATES`] that exist.
pub fn run(workspace: &Workspace) -> Result<()> {
    let crates: Vec<&str> = CRATES.iter().copied().filter(|name| workspace.member(name).is_some()).collect();
    let mut build = cargo_for_wasm(workspace, "build")?.args(["--profile", "ci"]);
    for name in &crates {
        build = build.args(["--package", name]);
    }
    build.run()?;
    println!("built for {TARGET}: {}", crates.join(", "));
    Ok(())
}

/// Cargo with all that a build for the browser needs. No path of this machine gets into what it builds: two builds in
/// different folders give the same bytes.
pub fn cargo_for_wasm(workspace: &Workspace, subcommand: &str) -> Result<process::Program> {
    ensure_target(workspace)?;
    let places = places(workspace)?;
    let rust: Vec<String> = places.iter().map(|(from, to)| format!("--remap-path-prefix={from}={to}")).collect();
    let c: Vec<String> = places.iter().map(|(from, to)| format!("-ffile-prefix-map={from}={to}")).collect();
    let mut cargo = process::cargo(&workspace.root)
        .args([subcommand, "--target", TARGET])
        .env("CARGO_ENCODED_RUSTFLAGS", rust.join("\u{1f}"))
        .env("CFLAGS_wasm32_unknown_unknown", c.join(" "))
        .env("SQLITE_WASM_RS_FLAGS", SQLITE_FLAGS.join(" "));
    if let Some(clang) = find_or_install_clang(workspace) {
        cargo = cargo
            .env("CC_wasm32_unknown_unknown", format!("clang{}", clang.suffix))
            .env("AR_wasm32_unknown_unknown", format!("llvm-ar{}", clang.suffix));
    }
    Ok(cargo)
}

/// Folders of this machine whose names a compiler might write down, and what it shall write instead.
fn places(workspace: &Workspace) -> Result<Vec<(String, &'static str)>> {
    let rust = process::program(&rustc(), &workspace.root).args(["--print", "sysroot"]).output_text()?;
    let cargo = std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME").map(|home| format!("{home}/.cargo")));
    // The last that fits wins: the target folder often lies in the root.
    Ok(vec![
        (rust.trim().to_owned(), "/rust"),
        (cargo.context("neither CARGO_HOME nor HOME is set")?, "/cargo"),
        (workspace.root.display().to_string(), "/sottovoce"),
        (workspace.target_folder.display().to_string(), "/target"),
    ])
}

fn has_target(workspace: &Workspace) -> Result<bool> {
    let folder = process::program(&rustc(), &workspace.root)
        .args(["--print", "target-libdir", "--target", TARGET])
        .output_text()?;
    Ok(PathBuf::from(folder.trim()).is_dir())
}

fn rustc() -> String {
    std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned())
}

fn ensure_target(workspace: &Workspace) -> Result<()> {
    if has_target(workspace)? {
        return Ok(());
    }
    let added = process::program("rustup", &workspace.root).args(["target", "add", TARGET]).run();
    if has_target(workspace)? {
        return Ok(());
    }
    added.with_context(|| {
        format!("the standard library for {TARGET} is missing; DEPENDENCIES in docs say how to use Debian's")
    })?;
    bail!("`rustup target add {TARGET}` changed another toolchain than the one in use")
}

/// A clang that can compile for the target, with an archiver of the same version.
struct Clang {
    suffix: &'static str,
}

fn find_clang() -> Option<Clang> {
    CLANG_SUFFIXES.iter().map(|suffix| Clang { suffix }).find(|clang| {
        let clang_name = format!("clang{}", clang.suffix);
        process::answers(
            &clang_name,
            &["--target=wasm32-unknown-unknown", "-x", "c", "-c", "/dev/null", "-o", "/dev/null"],
        ) && process::answers(&format!("llvm-ar{}", clang.suffix), &["--version"])
    })
}

/// Without one, crates that have no C code still build: the compiler is asked for only when needed.
fn find_or_install_clang(workspace: &Workspace) -> Option<Clang> {
    if let Some(clang) = find_clang() {
        return Some(clang);
    }
    println!("no clang for {TARGET} here: asking apt for Debian's");
    for packages in DEBIAN_CLANGS {
        match apt::install(&workspace.root, packages.as_slice()) {
            Ok(()) if find_clang().is_some() => break,
            Ok(()) => println!("{} do not know {TARGET}", packages.join(" and ")),
            Err(error) => println!("{} could not be installed ({error:#})", packages.join(" and ")),
        }
    }
    find_clang()
}
