//! Compiles the SQLite3 Multiple Ciphers amalgamation natively; in a browser `sqlite-wasm-rs` does it.

/// What is on: full-text search, secure deletion, memory for temporary files. What is off: everything
/// that reads code or another file format.
const DEFINES: [(&str, &str); 15] = [
    ("SQLITE_THREADSAFE", "1"),
    ("SQLITE_ENABLE_FTS5", "1"),
    ("SQLITE_ENABLE_API_ARMOR", "1"),
    ("SQLITE_DEFAULT_FOREIGN_KEYS", "1"),
    ("SQLITE_DEFAULT_MEMSTATUS", "0"),
    ("SQLITE_DEFAULT_WAL_SYNCHRONOUS", "2"),
    ("SQLITE_SECURE_DELETE", "1"),
    ("SQLITE_TEMP_STORE", "3"),
    ("SQLITE_DQS", "0"),
    ("SQLITE_USE_URI", "0"),
    ("SQLITE_OMIT_LOAD_EXTENSION", "1"),
    ("SQLITE_OMIT_SHARED_CACHE", "1"),
    ("SQLITE3MC_OMIT_AES_HARDWARE_SUPPORT", "1"),
    ("CODEC_TYPE", "CODEC_TYPE_CHACHA20"),
    ("ARGON2_NO_THREADS", "1"),
];

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    if std::env::var("CARGO_CFG_TARGET_ARCH").is_ok_and(|arch| arch == "wasm32") {
        return;
    }
    let directory = sqlite3mc_src::source_dir();
    let mut build = cc::Build::new();
    build.file(directory.join(sqlite3mc_src::SOURCE_FILE)).include(directory).warnings(false);
    // An unoptimised SQLite makes every test slow, and nobody debugs into it here.
    build.opt_level(2);
    for (name, value) in DEFINES {
        build.define(name, value);
    }
    build.cargo_metadata(false).compile("sqlite3mc");
    let out = std::env::var("OUT_DIR").unwrap_or_default();
    println!("cargo::rustc-link-search=native={out}");
    // Whole: the symbols are asked for by libsqlite3-sys, which comes later on a linker's command line.
    println!("cargo::rustc-link-lib=static:+whole-archive=sqlite3mc");
}
