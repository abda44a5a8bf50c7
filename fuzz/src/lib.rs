//! Every decoder that takes a peer's, a node's, a user's or the disk's bytes, as a fuzz target.
//!
//! A target is a function that may do anything but panic. `tests/corpus.rs` replays the committed corpus, with
//! mutations, on stable Rust; `cargo xtask fuzz TARGET` gives the same function to libFuzzer.
//!
//! | module | holds |
//! |---|---|
//! | [`frames`] | what client and node send each other; receipts and evidence |
//! | [`members`] | what members send each other through a node |
//! | [`identities`] | certificates, addresses, words |
//! | [`disk`] | what a node reads back |
//! | [`mutate`] | deterministic mutations for the replay |

pub mod disk;
pub mod frames;
pub mod identities;
pub mod members;
pub mod mutate;

/// A decoder under test.
pub struct Target {
    /// Its name, also that of its folder in `corpus/`.
    pub name: &'static str,
    /// Gives the bytes to the decoder and checks what must hold of the result; whether they were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Inputs made by the real encoders; each is accepted.
    pub seeds: fn() -> Vec<Seed>,
}

/// An input with the name of its file.
pub struct Seed {
    /// The file's name.
    pub name: &'static str,
    /// The input.
    pub bytes: Vec<u8>,
}

impl Seed {
    fn new(name: &'static str, bytes: impl Into<Vec<u8>>) -> Self {
        Self { name, bytes: bytes.into() }
    }
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "client_frame", run: frames::client_frame, seeds: frames::client_frame_seeds },
    Target { name: "node_frame", run: frames::node_frame, seeds: frames::node_frame_seeds },
    Target { name: "evidence", run: frames::evidence, seeds: frames::evidence_seeds },
    Target { name: "receipt_path", run: frames::receipt_path, seeds: frames::receipt_path_seeds },
    Target { name: "app_content", run: members::app_content, seeds: members::app_content_seeds },
    Target { name: "content", run: members::content, seeds: members::content_seeds },
    Target { name: "whisper", run: members::whisper, seeds: members::whisper_seeds },
    Target { name: "cell", run: members::cell, seeds: members::cell_seeds },
    Target { name: "cell_blob", run: members::cell_blob, seeds: members::cell_blob_seeds },
    Target { name: "certificate", run: identities::certificate, seeds: identities::certificate_seeds },
    Target { name: "address", run: identities::address, seeds: identities::address_seeds },
    Target { name: "node_url", run: identities::node_url, seeds: identities::node_url_seeds },
    Target { name: "phrase", run: identities::phrase, seeds: identities::phrase_seeds },
    Target { name: "safety_number", run: identities::safety_number, seeds: identities::safety_number_seeds },
    Target { name: "lane_record", run: disk::lane_record, seeds: disk::lane_record_seeds },
    Target { name: "stored_cell", run: disk::stored_cell, seeds: disk::stored_cell_seeds },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
