//! The bench measures something: the floor relays every message, in each case that uses it.

use std::process::Command;

#[test]
fn every_case_with_a_floor_prints_what_it_measured() {
    for case in ["pair16", "pair", "open"] {
        let output =
            Command::new(env!("CARGO_BIN_EXE_benches")).args([case, "--tiny", "--floor-only"]).output().unwrap();
        assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        let lines: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert!(!lines.is_empty(), "{case}");
        for line in lines {
            assert_eq!((line["case"].as_str(), line["subject"].as_str()), (Some(case), Some("floor")));
            assert!(line["p50_ms"].as_f64() > Some(0.0), "{line}");
        }
    }
}

#[test]
fn unknown_case_is_refused_by_name() {
    let output = Command::new(env!("CARGO_BIN_EXE_benches")).arg("no-such-case").output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("no-such-case"));
}

#[test]
fn cases_without_a_server_print_what_they_measured() {
    for case in ["disk", "mls", "crowd"] {
        let output = Command::new(env!("CARGO_BIN_EXE_benches")).args([case, "--tiny"]).output().unwrap();
        assert!(output.status.success(), "{case}: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().count() > 0, "{case}");
        for line in text.lines() {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            assert!(line["p50_ms"].as_f64() > Some(0.0), "{line}");
        }
    }
}
