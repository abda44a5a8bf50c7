//! Files of any size arrive as they were sent, out of files and streams, and go when they are deleted.

use protocol::file::CHUNK_BYTES;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Instant;
use tests::{Dice, Node, PATIENCE, Person, free_port, meet};

/// A file of bytes that do not repeat.
fn make(folder: &Path, name: &str, bytes: usize) -> PathBuf {
    let mut dice = Dice::new(bytes as u64 + 77);
    let mut content = Vec::with_capacity(bytes + 8);
    while content.len() < bytes {
        content.extend_from_slice(&dice.below(u64::MAX).to_be_bytes());
        content.extend_from_slice(&(content.len() as u64).to_be_bytes());
    }
    content.truncate(bytes);
    let path = folder.join(name);
    std::fs::write(&path, content).expect("a file");
    path
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of this test").to_owned()
}

fn is_same(left: &Path, right: &Path) -> bool {
    std::fs::read(left).expect("the source") == std::fs::read(right).expect("the copy")
}

/// Waits until a message with files has come; its id.
fn message_with_files(person: &Person, conversation: &str, name: &str) -> String {
    let started = Instant::now();
    loop {
        person.run(&["receive"]);
        let said = person.run(&["history", conversation]).ok();
        let has_it = |object: &&&Value| object["files"][0]["name"] == name && object["state"] == "received";
        if let Some(found) = said.of("message").iter().find(has_it) {
            return found["id"].as_str().expect("an id").to_owned();
        }
        assert!(started.elapsed() < PATIENCE, "{name} did not come: {said:?}");
    }
}

struct World {
    folder: tempfile::TempDir,
    _node: Node,
    ada: Person,
    bob: Person,
    conversation: String,
}

fn world() -> World {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    World { folder, _node: node, ada, bob, conversation }
}

#[test]
fn files_of_every_size_arrive_as_they_were() {
    let world = world();
    let folder = world.folder.path();
    let sizes = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 64 << 20];
    let sources: Vec<PathBuf> =
        sizes.iter().enumerate().map(|(at, bytes)| make(folder, &format!("file-{at}.bin"), *bytes)).collect();
    let mut arguments = vec!["send-file".to_owned(), world.conversation.clone()];
    arguments.extend(sources.iter().map(|path| text(path)));
    arguments.extend(["--caption".to_owned(), "all of them".to_owned()]);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let sent = world.ada.run(&arguments).ok();
    assert_eq!(sent.field("message", "state"), "stored");
    let message = message_with_files(&world.bob, &world.conversation, "file-0.bin");
    let target = folder.join("target");
    std::fs::create_dir(&target).expect("a folder");
    let saved = world.bob.run(&["save", &message, "--to", &text(&target)]).ok();
    assert_eq!(saved.of("saved").len(), sizes.len());
    for (source, object) in sources.iter().zip(saved.of("saved")) {
        let path = object["path"].as_str().expect("a path");
        assert!(is_same(source, Path::new(path)), "{path}");
    }
    let left: Vec<_> = std::fs::read_dir(&target).expect("a folder").map_while(Result::ok).collect();
    assert_eq!(left.len(), sizes.len(), "no part is left: {left:?}");
    assert_eq!(world.bob.history(&world.conversation), ["all of them"]);
    // Saved once more beside the first; a path that is there is refused.
    world.bob.run(&["save", &message, "--to", &text(&target)]).ok();
    assert!(is_same(&sources[1], &target.join("file-1 (2).bin")));
    let single = make(folder, "single.txt", 100);
    world.ada.run(&["send-file", &world.conversation, &text(&single)]).ok();
    let message = message_with_files(&world.bob, &world.conversation, "single.txt");
    assert_eq!(world.bob.run(&["save", &message, "--to", &text(&single)]).status, Some(2));
}

#[test]
fn streams_go_in_and_come_out() {
    let world = world();
    let source = make(world.folder.path(), "stream", 3 * CHUNK_BYTES + 17);
    let mut child = world
        .ada
        .command(&["send-file", &world.conversation, "-"])
        .stdin(Stdio::from(std::fs::File::open(&source).expect("the source")))
        .stdout(Stdio::null())
        .spawn()
        .expect("the command line starts");
    assert!(child.wait().expect("ended").success());
    let message = message_with_files(&world.bob, &world.conversation, "file");
    let output = world.bob.command(&["save", &message, "--to", "-"]).output().expect("the command line starts");
    assert!(output.status.success());
    assert!(output.stdout == std::fs::read(&source).expect("the source"));
}

#[test]
fn file_that_changes_while_it_waits_is_not_sent_under_its_old_name() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let source = make(folder.path(), "source", 300_000);
    node.kill();
    let waits = ada.run(&["send-file", &conversation, &text(&source)]);
    assert_eq!(waits.status, Some(3), "{waits:?}");
    std::fs::OpenOptions::new()
        .append(true)
        .open(&source)
        .and_then(|mut file| file.write_all(b"more"))
        .expect("written");
    node.kill_and_restart();
    let started = Instant::now();
    loop {
        ada.run(&["receive", "--timeout", "2"]);
        let said = ada.run(&["history", &conversation]).ok();
        let file = said.of("message").iter().find_map(|object| object["files"].get(0).cloned()).expect("its entry");
        if file["state"] == "upload_failed" {
            assert_eq!(file["problem"], "changed");
            break;
        }
        assert!(started.elapsed() < PATIENCE, "{said:?}");
    }
    // The conversation does not suffer.
    ada.run(&["send", &conversation, "still here"]).ok();
    bob.receive_until("the text", |said| said.texts().contains(&"still here".to_owned()));
}

#[test]
fn deleted_file_is_gone_for_whoever_did_not_save_it() {
    let world = world();
    let source = make(world.folder.path(), "secret.txt", 5_000);
    let sent = world.ada.run(&["send-file", &world.conversation, &text(&source)]).ok().field("message", "id");
    let message = message_with_files(&world.bob, &world.conversation, "secret.txt");
    world.ada.run(&["delete", &sent]).ok();
    // Bob has not heard of it and asks the node for the bytes: soon there are none.
    let started = Instant::now();
    let mut number = 0;
    loop {
        world.ada.run(&["receive"]);
        number += 1;
        let target = world.folder.path().join(format!("late-{number}"));
        let late = world.bob.run(&["save", &message, "--to", &text(&target)]);
        if late.status != Some(0) {
            assert!(matches!(late.status, Some(2 | 4)), "{late:?}");
            assert!(!target.exists());
            break;
        }
        assert!(started.elapsed() < PATIENCE, "the blob is still there");
    }
}

/// A command line that may write no file longer than 8 or 16 MiB, by what the shell takes for a block.
#[cfg(unix)]
fn in_little_room(person: &Person, arguments: &[&str]) -> std::process::Command {
    let command = person.command(arguments);
    let mut shell = std::process::Command::new("/bin/sh");
    // Ignored, the signal becomes an error of the write, as a full disk is.
    shell.args(["-c", "trap '' XFSZ; ulimit -f 16384; exec \"$0\" \"$@\""]);
    shell.arg(command.get_program()).args(command.get_args());
    shell
}

#[cfg(unix)]
#[test]
fn disk_that_is_full_here_is_said_and_the_file_comes_once_there_is_room() {
    let world = world();
    let source = make(world.folder.path(), "large.bin", 24 << 20);
    let spooled = in_little_room(&world.ada, &["send-file", &world.conversation, "-"])
        .stdin(Stdio::from(std::fs::File::open(&source).expect("the source")))
        .output()
        .expect("the command line starts");
    assert_eq!(spooled.status.code(), Some(1), "{spooled:?}");
    assert!(String::from_utf8_lossy(&spooled.stdout).contains("disk is full"), "{spooled:?}");
    assert!(world.ada.history(&world.conversation).is_empty(), "nothing was written down");

    world.ada.run(&["send-file", &world.conversation, &text(&source)]).ok();
    let message = message_with_files(&world.bob, &world.conversation, "large.bin");
    let target = world.folder.path().join("large.copy");
    let save = ["save", &message, "--to", &text(&target)];
    let full = in_little_room(&world.bob, &save).stdin(Stdio::null()).output().expect("the command line starts");
    assert_eq!(full.status.code(), Some(1), "{full:?}");
    assert!(String::from_utf8_lossy(&full.stdout).contains("disk is full"), "{full:?}");
    assert!(!target.exists());
    world.bob.run(&["send", &world.conversation, "no room here"]).ok();
    world.bob.run(&save).ok();
    assert!(is_same(&source, &target));
}

#[test]
fn node_without_room_is_said_and_nothing_else_suffers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start_on(&folder.path().join("data"), free_port(), &["--limit", "file_bytes_total=3000000"]);
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let small = make(folder.path(), "small.bin", 1_000_000);
    let large = make(folder.path(), "large.bin", 2_500_000);
    ada.run(&["send-file", &conversation, &text(&small)]).ok();
    let said = ada.run(&["send-file", &conversation, &text(&large)]);
    assert_eq!(said.status, Some(4), "{said:?}");
    assert!(said.field("error", "text").contains("no room"), "{said:?}");
    let history = ada.run(&["history", &conversation]).ok();
    let file = history
        .of("message")
        .iter()
        .find_map(|object| object["files"].get(0).filter(|file| file["name"] == "large.bin").cloned());
    assert_eq!(file.expect("its entry")["problem"], "node_full");
    ada.run(&["send", &conversation, "it does not fit"]).ok();
    let message = message_with_files(&bob, &conversation, "small.bin");
    let target = folder.path().join("copy.bin");
    bob.run(&["save", &message, "--to", &text(&target)]).ok();
    assert!(is_same(&small, &target));
    let started = Instant::now();
    while !bob.history(&conversation).contains(&"it does not fit".to_owned()) {
        bob.run(&["receive"]);
        assert!(started.elapsed() < PATIENCE, "the text does not come");
    }
}

#[test]
fn files_pause_go_on_are_cancelled_and_passed_on() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut node = Node::start(&folder.path().join("data"));
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    let [kept, dropped] = ["kept.bin", "dropped.bin"].map(|name| make(folder.path(), name, 300_000));
    node.kill();
    let waits = |path: &Path| {
        let said = ada.run(&["send-file", &conversation, &text(path)]);
        assert_eq!(said.status, Some(3), "{said:?}");
        let name = path.file_name().and_then(|name| name.to_str()).expect("a name");
        let history = ada.run(&["history", &conversation]).ok();
        let found = history.of("message").into_iter().find(|object| object["files"][0]["name"] == name).cloned();
        found.expect("its entry")["id"].as_str().expect("an id").to_owned()
    };
    let (kept_id, dropped_id) = (waits(&kept), waits(&dropped));
    assert_eq!(ada.run(&["pause", &kept_id]).ok().of("message")[0]["files"][0]["state"], "upload_paused");
    ada.run(&["cancel", &dropped_id]).ok();
    node.kill_and_restart();
    ada.run(&["receive"]).ok();
    let history = ada.run(&["history", &conversation]).ok();
    let states: Vec<&Value> = history.of("message").iter().map(|object| &object["files"][0]["state"]).collect();
    assert_eq!(states, ["upload_paused"], "the other is gone: {history:?}");
    let sent = ada.run(&["resume", &kept_id]).ok();
    assert_eq!(sent.field("message", "state"), "stored");
    let message = message_with_files(&bob, &conversation, "kept.bin");
    // To and fro: the same bytes at the node, named twice.
    let passed = bob.run(&["forward", &message, &conversation]).ok();
    assert_eq!(passed.of("message")[0]["is_forwarded"], true);
    let started = Instant::now();
    let back = loop {
        ada.run(&["receive"]);
        let history = ada.run(&["history", &conversation]).ok();
        let found = history.of("message").into_iter().find(|object| object["state"] == "received").cloned();
        match found {
            Some(found) => break found["id"].as_str().expect("an id").to_owned(),
            None => assert!(started.elapsed() < PATIENCE, "{history:?}"),
        }
    };
    let target = folder.path().join("back.bin");
    ada.run(&["save", &back, "--to", &text(&target)]).ok();
    assert!(is_same(&kept, &target));
}
