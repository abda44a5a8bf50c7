//! One program for each target: its name says which.

#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<&fuzz::Target> =
    LazyLock::new(|| fuzz::target(env!("CARGO_BIN_NAME")).expect("each program has the name of a target"));

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    (TARGET.run)(data);
});
