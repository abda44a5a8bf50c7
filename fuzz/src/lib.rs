//! Every decoder that takes a peer's, a node's, a user's or the disk's bytes, as a fuzz target.
//!
//! A target is a function that may do anything but panic. `tests/corpus.rs` replays the committed corpus, with
//! mutations, on stable Rust; `cargo xtask fuzz TARGET` gives the same function to libFuzzer.
//!
//! | module | holds |
//! |---|---|
//! | [`frames`] | what client and node send each other; receipts and evidence |
//! | [`members`] | what members send each other through a node |
//! | [`calls`] | sealed frames of calls, STUN, TURN, rooms |
//! | [`contacts`] | first contact and groups: links, bundles, doors, knocks, KeyPackages |
//! | [`devices`] | a whole device behind a node that says anything |
//! | [`identities`] | certificates, addresses, words |
//! | [`files`] | files and their names |
//! | [`disk`] | what a node reads back |
//! | [`streams`] | framing below the frames |
//! | [`settings`] | a node's settings, a profile's key file |
//! | [`mutate`] | deterministic mutations for the replay |

pub mod calls;
pub mod contacts;
pub mod devices;
pub mod disk;
pub mod files;
pub mod frames;
pub mod identities;
pub mod members;
pub mod mutate;
pub mod settings;
pub mod streams;

/// A decoder under test.
pub struct Target {
    /// Its name, also that of its folder in `corpus/`.
    pub name: &'static str,
    /// Gives the bytes to the decoder and checks what must hold of the result; whether they were accepted.
    pub run: fn(&[u8]) -> bool,
    /// Inputs made by the real encoders; each is accepted.
    pub seeds: fn() -> Vec<Seed>,
    /// Places of an input that the replay mutates: few where a run costs milliseconds. libFuzzer knows no such bound.
    pub places: usize,
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

/// Places of an input that are mutated where a run costs microseconds.
const PLACES: usize = 96;

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "client_frame", run: frames::client_frame, seeds: frames::client_frame_seeds, places: PLACES },
    Target { name: "node_frame", run: frames::node_frame, seeds: frames::node_frame_seeds, places: PLACES },
    Target { name: "evidence", run: frames::evidence, seeds: frames::evidence_seeds, places: PLACES },
    Target { name: "receipt_path", run: frames::receipt_path, seeds: frames::receipt_path_seeds, places: PLACES },
    Target { name: "app_content", run: members::app_content, seeds: members::app_content_seeds, places: PLACES },
    Target { name: "content", run: members::content, seeds: members::content_seeds, places: PLACES },
    Target { name: "whisper", run: members::whisper, seeds: members::whisper_seeds, places: PLACES },
    Target { name: "cell", run: members::cell, seeds: members::cell_seeds, places: PLACES },
    Target { name: "cell_blob", run: members::cell_blob, seeds: members::cell_blob_seeds, places: PLACES },
    Target { name: "file_group", run: files::file_group, seeds: files::file_group_seeds, places: PLACES },
    Target { name: "file_leaves", run: files::file_leaves, seeds: files::file_leaves_seeds, places: PLACES },
    Target { name: "file_name", run: files::file_name, seeds: files::file_name_seeds, places: PLACES },
    Target { name: "certificate", run: identities::certificate, seeds: identities::certificate_seeds, places: 24 },
    Target { name: "address", run: identities::address, seeds: identities::address_seeds, places: PLACES },
    Target { name: "node_url", run: identities::node_url, seeds: identities::node_url_seeds, places: PLACES },
    Target { name: "phrase", run: identities::phrase, seeds: identities::phrase_seeds, places: PLACES },
    Target {
        name: "safety_number",
        run: identities::safety_number,
        seeds: identities::safety_number_seeds,
        places: PLACES,
    },
    Target { name: "invite_link", run: contacts::invite_link, seeds: contacts::invite_link_seeds, places: PLACES },
    Target { name: "invite_bundle", run: contacts::invite_bundle, seeds: contacts::invite_bundle_seeds, places: 10 },
    Target { name: "door_record", run: contacts::door_record, seeds: contacts::door_record_seeds, places: 16 },
    Target { name: "key_package", run: contacts::key_package, seeds: contacts::key_package_seeds, places: 24 },
    Target { name: "knock", run: contacts::knock, seeds: contacts::knock_seeds, places: 8 },
    Target { name: "knock_body", run: contacts::knock_body, seeds: contacts::knock_body_seeds, places: 8 },
    Target { name: "welcome_blob", run: contacts::welcome_blob, seeds: contacts::welcome_blob_seeds, places: 12 },
    Target { name: "policy", run: contacts::policy, seeds: contacts::policy_seeds, places: PLACES },
    Target { name: "device", run: devices::device, seeds: devices::device_seeds, places: 8 },
    Target { name: "lane_record", run: disk::lane_record, seeds: disk::lane_record_seeds, places: PLACES },
    Target { name: "websocket", run: streams::websocket, seeds: streams::websocket_seeds, places: 24 },
    Target { name: "node_config", run: settings::node_config, seeds: settings::node_config_seeds, places: PLACES },
    Target { name: "key_file", run: settings::key_file, seeds: settings::key_file_seeds, places: PLACES },
    Target { name: "sframe_header", run: calls::header, seeds: calls::header_seeds, places: PLACES },
    Target { name: "sframe", run: calls::frame, seeds: calls::frame_seeds, places: PLACES },
    Target { name: "room_channel", run: calls::room_channel, seeds: calls::room_channel_seeds, places: PLACES },
    Target { name: "room_offer", run: calls::room_offer, seeds: calls::room_offer_seeds, places: 12 },
    Target { name: "stun", run: calls::stun, seeds: calls::stun_seeds, places: PLACES },
    Target { name: "turn", run: calls::turn, seeds: calls::turn_seeds, places: PLACES },
    Target { name: "stored_cell", run: disk::stored_cell, seeds: disk::stored_cell_seeds, places: PLACES },
];

/// The target of a name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}
