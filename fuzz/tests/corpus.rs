//! The committed corpus and its mutations make no decoder panic; what the real encoders make is accepted.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus")
}

/// The inputs of a target, in the order of their names.
fn inputs(name: &str) -> Vec<(String, Vec<u8>)> {
    let mut inputs: Vec<(String, Vec<u8>)> = std::fs::read_dir(corpus().join(name))
        .unwrap_or_else(|error| panic!("{name} has no corpus ({error}): cargo run -p fuzz -- seed"))
        .map(|entry| {
            let path = entry.expect("a readable folder").path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            (name, std::fs::read(&path).expect("a readable file"))
        })
        .collect();
    inputs.sort();
    inputs
}

/// Runs one input; a panic names the target and shows the input.
fn run(target: &fuzz::Target, from: &str, input: &[u8]) -> bool {
    catch_unwind(|| (target.run)(input)).unwrap_or_else(|_| {
        let hex: String = input.iter().map(|byte| format!("{byte:02x}")).collect();
        panic!("{} panicked on a mutation of {from}: {hex}", target.name)
    })
}

#[test]
fn what_the_real_encoders_make_is_accepted() {
    for target in fuzz::TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{} has no seeds", target.name);
        for seed in seeds {
            assert!(run(target, seed.name, &seed.bytes), "{} refuses its seed {}", target.name, seed.name);
        }
    }
}

#[test]
fn no_target_accepts_everything() {
    for target in fuzz::TARGETS {
        assert!(!run(target, "nothing", &[]) || !run(target, "noise", &[0xFF; 40]), "{}", target.name);
    }
}

#[test]
fn every_corpus_folder_belongs_to_a_target_and_holds_its_seeds() {
    let targets: BTreeSet<String> = fuzz::TARGETS.iter().map(|target| target.name.to_owned()).collect();
    assert_eq!(targets.len(), fuzz::TARGETS.len(), "two targets of one name");
    let folders: BTreeSet<String> = std::fs::read_dir(corpus())
        .expect("the corpus is committed")
        .map(|entry| entry.expect("a readable folder").file_name().to_string_lossy().into_owned())
        .collect();
    assert_eq!(folders, targets, "cargo run -p fuzz -- seed");
    for target in fuzz::TARGETS {
        let names: BTreeSet<String> = inputs(target.name).into_iter().map(|(name, _)| name).collect();
        for seed in (target.seeds)() {
            assert!(names.contains(&format!("seed-{}", seed.name)), "{}: cargo run -p fuzz -- seed", target.name);
        }
    }
}

#[test]
fn every_target_can_be_given_to_libfuzzer() {
    let manifest = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("cargo-fuzz/Cargo.toml"));
    let manifest = manifest.expect("the manifest of the libFuzzer programs");
    for target in fuzz::TARGETS {
        let line = format!("name = \"{}\"", target.name);
        assert!(manifest.contains(&line), "{} is missing in cargo-fuzz/Cargo.toml", target.name);
    }
}

/// One test for each target, so that they run side by side and a failure names its target.
macro_rules! replay {
    ($($name:ident)*) => {
        $(
            #[test]
            fn $name() {
                replay(stringify!($name));
            }
        )*

        #[test]
        fn every_target_is_replayed() {
            let replayed: BTreeSet<&str> = [$(stringify!($name)),*].into();
            let targets: BTreeSet<&str> = fuzz::TARGETS.iter().map(|target| target.name).collect();
            assert_eq!(replayed, targets);
        }
    };
}

fn replay(name: &str) {
    let target = fuzz::target(name).expect("a target of this name");
    let inputs = inputs(name);
    for (at, (file, input)) in inputs.iter().enumerate() {
        run(target, file, input);
        let (_, other) = &inputs[(at + 1) % inputs.len()];
        fuzz::mutate::each(input, other, target.places, |mutated| {
            run(target, file, mutated);
        });
    }
}

replay! {
    client_frame node_frame evidence receipt_path app_content content whisper cell cell_blob file_group file_leaves file_name
    certificate address
    node_url phrase safety_number invite_link invite_bundle door_record key_package knock knock_body welcome_blob policy
    device lane_record stored_cell websocket node_config key_file sframe_header sframe stun turn room_channel room_offer
}
