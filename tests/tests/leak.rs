//! Nothing of what people say, or of who they are, reaches the node's disk, its log or the wire.

use std::path::Path;
use tests::tap::Tap;
use tests::{Node, Person, meet};
use wire::limit::{CELL_SIZES, DOOR_KEY_PACKAGE_BYTES_MAX, DOOR_RECORD_BYTES_MAX};

fn files(folder: &Path, into: &mut Vec<(String, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).expect("a readable folder").map_while(Result::ok) {
        let path = entry.path();
        if path.is_dir() {
            files(&path, into);
        } else if let Ok(bytes) = std::fs::read(&path) {
            into.push((path.display().to_string(), bytes));
        }
    }
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

/// A cell's size, or the next that Padmé allows: as many significant bits of the length as its magnitude has bits.
fn is_padded(bytes: usize) -> bool {
    let exponent = bytes.max(1).ilog2();
    let free = exponent - (exponent.max(1).ilog2() + 1).min(exponent);
    CELL_SIZES.contains(&bytes) || (bytes > CELL_SIZES[3] && bytes.is_multiple_of(1 << free))
}

/// How much was said shows in no length: every cell, blob, door record and KeyPackage has one of few sizes.
fn check_sizes(data: &Path) {
    let stored = tests::log::read(data);
    assert!(stored.cells.len() > 2 && !stored.blobs.is_empty(), "the store was read");
    for bytes in &stored.cells {
        assert!(CELL_SIZES.contains(bytes), "a cell of {bytes} bytes");
    }
    for bytes in &stored.blobs {
        assert!(is_padded(*bytes), "a blob of {bytes} bytes");
    }
    let (mut doors, mut key_packages) = (0, 0);
    for (key, bytes) in &stored.values {
        if contains(key, b"door key package 1") {
            key_packages += 1;
            assert_eq!(*bytes, DOOR_KEY_PACKAGE_BYTES_MAX, "a KeyPackage");
        } else if contains(key, b"door 1") {
            doors += 1;
            // Version, owner, counter, length; then the record and the last KeyPackage, of one size each.
            assert_eq!(*bytes, 45 + DOOR_RECORD_BYTES_MAX + DOOR_KEY_PACKAGE_BYTES_MAX, "a door");
        } else if contains(key, b"file/") {
            // Lengths, hashes, times and places: no room for more.
            assert!(*bytes <= 160, "a file's record of {bytes} bytes");
        } else {
            assert!(*bytes <= 64, "a value of {bytes} bytes that is neither a door's nor the node's own bookkeeping");
        }
    }
    assert!(doors >= 2 && key_packages >= 2, "two people have doors with KeyPackages: {doors}, {key_packages}");
}

#[test]
fn only_padded_sizes_pass_for_padded() {
    for bytes in [1_024, 4_096, 16_384, 65_536, 67_584, 69_632, 1 << 20, 16 << 20] {
        assert!(is_padded(bytes), "{bytes}");
    }
    for bytes in [0, 1, 1_000, 1_025, 8_192, 65_537, 66_000, (1 << 20) + 1_024] {
        assert!(!is_padded(bytes), "{bytes}");
    }
}

#[test]
fn node_disk_log_and_wire_hold_no_text_name_address_or_group() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let data = folder.path().join("data");
    let node = Node::start(&data);
    let tap = Tap::start(node.port());
    let ada = Person::new(folder.path(), "Adalberta-Unmistakable", &tap.url());
    let bob = Person::new(folder.path(), "Bartholomew-Unmistakable", &tap.url());
    let conversation = meet(&ada, &bob);
    bob.run(&["send", &conversation, "the cormorant flies at midnight"]).ok();
    ada.receive_until("the text", |said| !said.texts().is_empty());
    let group = ada.run(&["group", "new", "Conspicuous-Title"]).ok().field("conversation", "id");
    ada.run(&["group", "add", &group, "Bartholomew-Unmistakable"]).ok();
    ada.run(&["send", &group, "second cormorant"]).ok();
    bob.receive_until("the group's text", |said| said.texts().contains(&"second cormorant".to_owned()));

    // A file: its name, what it is, what is in it, and how long it is.
    let page = "the cormorant dives at noon ".repeat(1_000);
    let path = folder.path().join("unmistakable-minutes.odt");
    std::fs::write(&path, &page).expect("a file");
    bob.run(&["send-file", &conversation, path.to_str().expect("a path"), "--caption", "third cormorant"]).ok();
    ada.receive_until("the caption", |said| said.texts().contains(&"third cormorant".to_owned()));
    let message = ada.run(&["history", &conversation]).ok().of("message").last().expect("a message")["id"].to_string();
    let copy = folder.path().join("copy.odt");
    ada.run(&["save", message.trim_matches('"'), "--to", copy.to_str().expect("a path")]).ok();
    assert!(std::fs::read(&copy).expect("the copy") == page.as_bytes());

    let mut places = vec![
        ("the wire".to_owned(), tap.recorded()),
        ("the log".to_owned(), std::fs::read(node.log_file()).expect("a log")),
    ];
    files(&data, &mut places);
    let account_of = |person: &Person| person.account();
    let mut secrets: Vec<(String, Vec<u8>)> = Vec::new();
    for text in [
        "Adalberta-Unmistakable",
        "Bartholomew-Unmistakable",
        "the cormorant flies at midnight",
        "second cormorant",
        "third cormorant",
        "the cormorant dives at noon",
        "unmistakable-minutes",
        "vnd.oasis.opendocument",
        "content-length: 28000",
        "Conspicuous-Title",
    ] {
        secrets.push((text.to_owned(), text.as_bytes().to_vec()));
    }
    for account in [account_of(&ada), account_of(&bob)] {
        let raw = protocol::identity::address::parse_account(&account).expect("an account").0.to_vec();
        secrets.push(("an account's id".into(), raw));
        secrets.push(("an account's text".into(), account.into_bytes()));
    }
    for id in [&conversation, &group] {
        let raw: Vec<u8> =
            (0..id.len() / 2).map(|at| u8::from_str_radix(&id[2 * at..2 * at + 2], 16).expect("hexadecimal")).collect();
        secrets.push(("a group id".into(), raw));
        secrets.push(("a group id's text".into(), id.as_bytes().to_vec()));
    }
    for (place, bytes) in &places[2..] {
        assert!(!(page.len()..=page.len() + 64).contains(&bytes.len()), "{place} is as long as the file");
    }
    assert!(places.iter().map(|(_, bytes)| bytes.len()).sum::<usize>() > 100_000, "something was recorded");
    for (place, bytes) in &places {
        for (what, secret) in &secrets {
            assert!(!contains(bytes, secret), "{what} lies in {place}");
        }
    }
    check_sizes(&data);
    let log = String::from_utf8_lossy(&places[1].1).into_owned();
    for line in log.lines().filter(|line| !line.starts_with("listening on ")) {
        assert!(!line.contains("127.0.0.1"), "an address is logged: {line}");
    }
}
