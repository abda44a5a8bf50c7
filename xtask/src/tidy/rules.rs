//! The rules. Each has a test below that shows it failing.

use super::code::{code_of, production_of};
use super::{Finding, Source};
use crate::deps::PURE;

/// Lines that no file may exceed.
const LINES_MAX: usize = 800;
/// Longer files; this list only shrinks.
const LONG_FILES: &[&str] = &[];
/// Names that say nothing about where the next line goes.
const EMPTY_NAMES: &[&str] = &["util", "utils", "common", "helper", "helpers", "misc"];
/// Crates that talk on their output.
const TALKING: &[&str] = &["cli", "xtask", "benches", "tests", "sim", "fuzz"];

/// Words that no finished code holds, with the reason.
const UNFINISHED: &[(&str, &str)] = &[
    ("todo!", "unfinished code does not land"),
    ("unimplemented!", "unfinished code does not land"),
    ("dbg!", "left over from debugging"),
    ("#[ignore", "a test is run or it is deleted"),
];

const PRINTING: &[&str] = &["println!", "print!", "eprintln!", "eprint!"];

/// What a pure crate never names: time, randomness, threads and files come in as arguments.
const IMPURE: &[&str] = &[
    "std::time::Instant",
    "time::Instant",
    "Instant::now",
    "SystemTime",
    "std::thread",
    "std::fs",
    "std::net",
    "std::process",
    "std::env",
    "tokio",
    "thread_rng",
    "rand::rng",
    "OsRng",
    "SysRng",
    "getrandom::",
    "HashMap",
    "HashSet",
];

/// Folders that exist on one machine only.
const MACHINE_FOLDERS: &[&str] = &["/root/", "/home/", "/Users/", ".cargo/registry"];
/// Where lock files may point.
const REGISTRIES: &[&str] = &["https://github.com/rust-lang/crates.io-index", "https://registry.npmjs.org/"];

/// Every rule over every file.
pub fn check_all(sources: &[Source]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = sources.iter().flat_map(check_file).collect();
    findings.extend(check_golden(sources));
    findings
}

fn check_file(source: &Source) -> Vec<Finding> {
    let mut findings = check_length(source);
    findings.extend(check_name(source));
    findings.extend(check_places(source));
    if source.is_rust() {
        let code = code_of(&source.text);
        findings.extend(check_module_doc(source));
        findings.extend(check_unfinished(source, &code));
        findings.extend(check_printing(source, &code));
        findings.extend(check_purity(source, &code));
    }
    findings
}

fn finding(path: &str, line: usize, message: String) -> Finding {
    Finding { at: format!("{path}:{line}"), message }
}

/// The lines, from 1, on which a word stands that no name continues to the left.
fn lines_with<'a>(code: &'a str, word: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.lines().enumerate().filter(move |(_, line)| holds_word(line, word)).map(|(at, _)| at + 1)
}

fn holds_word(line: &str, word: &str) -> bool {
    let is_name = |found: char| found.is_alphanumeric() || found == '_';
    line.match_indices(word).any(|(at, _)| {
        let before_ok = !word.starts_with(is_name) || !line[..at].chars().next_back().is_some_and(is_name);
        let after_ok = !word.ends_with(is_name) || !line[at + word.len()..].chars().next().is_some_and(is_name);
        before_ok && after_ok
    })
}

fn check_length(source: &Source) -> Vec<Finding> {
    let lines = source.text.lines().count();
    if !source.is_program() || lines <= LINES_MAX || LONG_FILES.contains(&source.path.as_str()) {
        return Vec::new();
    }
    vec![finding(&source.path, lines, format!("{lines} lines, over the limit of {LINES_MAX}: one noun, one file"))]
}

fn check_name(source: &Source) -> Vec<Finding> {
    let is_empty = |part: &str| EMPTY_NAMES.contains(&part.split('.').next().unwrap_or_default());
    if !source.is_program() || !source.path.split('/').any(is_empty) {
        return Vec::new();
    }
    vec![finding(&source.path, 1, "name the noun that the file is about".to_owned())]
}

fn check_module_doc(source: &Source) -> Vec<Finding> {
    let first = source.text.lines().find(|line| !line.trim().is_empty() && !line.starts_with("#!["));
    if first.is_some_and(|line| line.starts_with("//!")) {
        return Vec::new();
    }
    vec![finding(&source.path, 1, "begins without a module doc (`//!`)".to_owned())]
}

fn check_unfinished(source: &Source, code: &str) -> Vec<Finding> {
    UNFINISHED
        .iter()
        .flat_map(|(word, why)| lines_with(code, word).map(move |line| (line, format!("`{word}`: {why}"))))
        .map(|(line, message)| finding(&source.path, line, message))
        .collect()
}

fn check_printing(source: &Source, code: &str) -> Vec<Finding> {
    let is_program = TALKING.contains(&source.crate_name())
        || ["build.rs", "/main.rs"].iter().any(|ending| source.path.ends_with(ending))
        || ["/bin/", "/examples/"].iter().any(|folder| source.path.contains(folder));
    if is_program || source.is_test_file() {
        return Vec::new();
    }
    let code = production_of(code);
    PRINTING
        .iter()
        .flat_map(|word| lines_with(code, word).map(move |line| (line, word)))
        .map(|(line, word)| finding(&source.path, line, format!("`{word}` in a library: return it, or trace it")))
        .collect()
}

/// Where HPKE's library asks for randomness by a function without arguments (decision 25).
const ENCAPSULATES: &str = "crates/protocol/src/mls/crypto.rs";
/// Stands on a library that takes time as an `Instant`; it is an argument there too, and never asked for.
const TAKES_INSTANTS: &str = "crates/calls/src/room/";

fn check_purity(source: &Source, code: &str) -> Vec<Finding> {
    let is_pure = PURE.contains(&source.crate_name()) && source.path.contains("/src/") && !source.is_test_file();
    if !is_pure {
        return Vec::new();
    }
    let code = production_of(code);
    IMPURE
        .iter()
        .filter(|word| source.path != ENCAPSULATES || !word.contains("SysRng") && !word.contains("getrandom"))
        .filter(|word| !source.path.starts_with(TAKES_INSTANTS) || !word.ends_with("time::Instant"))
        .flat_map(|word| lines_with(code, word).map(move |line| (line, word)))
        .map(|(line, word)| {
            finding(&source.path, line, format!("`{word}` in a pure crate: let it come in as an argument"))
        })
        .collect()
}

/// Paths of one machine anywhere; foreign registries in lock files.
fn check_places(source: &Source) -> Vec<Finding> {
    // This file names them.
    if source.path == "xtask/src/tidy/rules.rs" {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, line) in source.text.lines().enumerate() {
        for folder in MACHINE_FOLDERS.iter().filter(|folder| names_folder(line, folder)) {
            findings.push(finding(&source.path, at + 1, format!("`{folder}` is a folder of one machine")));
        }
        if is_lock_file(&source.path) && names_foreign_registry(line) {
            findings.push(finding(&source.path, at + 1, "points at a registry that not everybody has".to_owned()));
        }
    }
    findings
}

/// `/home/` at the start of a path, not inside one such as `docs/home/`.
fn names_folder(line: &str, folder: &str) -> bool {
    let continues = |found: char| found.is_alphanumeric() || matches!(found, '_' | '-' | '.' | '}');
    line.match_indices(folder).any(|(at, _)| !line[..at].chars().next_back().is_some_and(continues))
}

fn is_lock_file(path: &str) -> bool {
    ["Cargo.lock", "package-lock.json"].iter().any(|name| path.ends_with(name))
}

fn names_foreign_registry(line: &str) -> bool {
    let is_source = line.contains("source = ") || line.contains("\"resolved\":");
    is_source && !REGISTRIES.iter().any(|registry| line.contains(registry))
}

/// Every message of the wire's protobuf files is named in the golden test, as `"file.Message"`.
fn check_golden(sources: &[Source]) -> Vec<Finding> {
    let golden = sources.iter().find(|source| source.path == "crates/wire/tests/golden.rs");
    let golden = golden.map_or("", |source| source.text.as_str());
    let mut findings = Vec::new();
    for source in sources.iter().filter(|source| source.path.starts_with("crates/wire/proto/")) {
        let file = source.path.rsplit('/').next().and_then(|name| name.strip_suffix(".proto")).unwrap_or_default();
        for (at, line) in source.text.lines().enumerate() {
            let Some(rest) = line.trim_start().strip_prefix("message ") else { continue };
            let message = rest.split([' ', '{']).next().unwrap_or_default();
            if !golden.contains(&format!("\"{file}.{message}\"")) {
                let text = format!("{file}.{message} has no golden bytes in crates/wire/tests/golden.rs");
                findings.push(finding(&source.path, at + 1, text));
            }
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    fn source(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// The lines of the findings in one file.
    fn found(path: &str, text: &str) -> Vec<String> {
        check_file(&source(path, text)).into_iter().map(|found| format!("{} {}", found.at, found.message)).collect()
    }

    fn assert_found(path: &str, text: &str, part: &str) {
        let found = found(path, text);
        assert!(found.iter().any(|line| line.contains(part)), "{path}: {part:?} not in {found:?}");
    }

    fn assert_clean(path: &str, text: &str) {
        assert_eq!(found(path, text), Vec::<String>::new(), "{path}");
    }

    #[test]
    fn a_file_of_800_lines_passes_and_of_801_fails() {
        assert_clean("crates/store/src/a.rs", &"//! x\n".repeat(800));
        assert_found("crates/store/src/a.rs", &"//! x\n".repeat(801), "over the limit");
        assert_clean("docs/spec/a.md", &"x\n".repeat(801));
    }

    #[test]
    fn an_empty_name_fails_as_a_file_and_as_a_folder() {
        for path in ["crates/store/src/utils.rs", "crates/store/src/common/mod.rs", "apps/web/helpers.ts"] {
            assert_found(path, "//! x\n", "name the noun");
        }
        assert_clean("crates/store/src/commonplace.rs", "//! x\n");
    }

    #[test]
    fn a_rust_file_without_a_module_doc_fails() {
        assert_found("crates/store/src/a.rs", "use x;\n", "module doc");
        assert_found("crates/store/src/a.rs", "", "module doc");
        assert_clean("crates/store/src/a.rs", "#![no_std]\n\n//! x\nuse x;\n");
    }

    #[test]
    fn unfinished_code_fails_and_a_string_or_comment_about_it_does_not() {
        for word in ["todo!()", "unimplemented!()", "dbg!(x)", "#[ignore]", "#[ignore = \"slow\"]"] {
            assert_found("crates/store/src/a.rs", &format!("//! x\n{word}\n"), "a.rs:2");
            assert_clean("crates/store/src/a.rs", &format!("//! x\n// {word}\nlet x = r#\"{word}\"#;\n"));
        }
    }

    #[test]
    fn printing_fails_in_a_library_and_passes_in_programs_and_tests() {
        for word in PRINTING {
            let text = format!("//! x\nfn f() {{ {word}(\"x\") }}\n");
            assert_found("crates/client/src/lib.rs", &text, "in a library");
            for path in ["crates/cli/src/show.rs", "crates/node/src/main.rs", "crates/wire/build.rs", "xtask/src/a.rs"]
            {
                assert_clean(path, &text);
            }
            assert_clean("crates/client/tests/a.rs", &text);
        }
        assert_clean("crates/client/src/lib.rs", "//! x\n#[cfg(test)]\nmod tests { fn f() { println!() } }\n");
    }

    #[test]
    fn time_randomness_threads_files_and_hash_maps_fail_in_pure_crates_alone() {
        for word in IMPURE {
            let text = format!("//! x\nfn f() {{ {word} }}\n");
            for name in PURE {
                assert_found(&format!("crates/{name}/src/a.rs"), &text, "pure crate");
            }
            assert_clean("crates/node/src/a.rs", &text);
            assert_clean("crates/protocol/tests/a.rs", &text);
        }
        assert_clean("crates/wire/src/a.rs", "//! x\nuse std::time::Duration;\nstruct MyHashMapLike;\n");
    }

    #[test]
    fn a_folder_of_one_machine_fails_in_any_file() {
        for folder in MACHINE_FOLDERS {
            assert_found("docs/a.md", &format!("see {folder}x\n"), "one machine");
        }
        assert_clean("docs/a.md", "docs/work/plan, a/home/b, https://example.org/home/\n");
    }

    #[test]
    fn a_lock_file_that_points_at_another_registry_fails() {
        assert_found("Cargo.lock", "source = \"registry+https://mirror.example/index\"\n", "registry");
        assert_found("apps/web/package-lock.json", "\"resolved\": \"https://npm.example/x.tgz\",\n", "registry");
        assert_clean("Cargo.lock", "source = \"registry+https://github.com/rust-lang/crates.io-index\"\n");
        assert_clean("apps/web/package-lock.json", "\"resolved\": \"https://registry.npmjs.org/x/x.tgz\",\n");
    }

    #[test]
    fn a_message_without_golden_bytes_fails() {
        let proto = source("crates/wire/proto/node.proto", "message Open { uint32 class = 1; }\n  message Inner {}\n");
        let both = source("crates/wire/tests/golden.rs", "\"node.Open\" \"node.Inner\"");
        let one = source("crates/wire/tests/golden.rs", "\"node.Open\"");
        assert!(check_golden(&[source(&proto.path, &proto.text), both]).is_empty());
        let findings = check_golden(&[source(&proto.path, &proto.text), one]);
        assert_eq!(findings.len(), 1);
        assert!(findings[0].message.contains("node.Inner"));
        assert_eq!(check_golden(&[proto]).len(), 2, "no golden file at all");
    }
}
