//! Files of any size arrive as they were sent, whoever is killed on the way, and leave only noise at the node.

use protocol::file::{CHUNK_BYTES, Shape};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};
use tests::tap::Tap;
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

/// What a kill may cost at most: what was under way between two programs, in their buffers and their sockets'.
const IN_FLIGHT_BYTES: u64 = 16 << 20;
/// Kills of each direction.
const KILLS: u64 = 6;

/// Where the one message with files stands; none before it was written down.
fn state(person: &Person, conversation: &str) -> Option<String> {
    let said = person.run(&["history", conversation]).ok();
    let found = said.of("message").into_iter().find(|object| object["kind"] == "files")?["state"].as_str()?.to_owned();
    Some(found)
}

/// Lets a command run until it ends or its time is over, then ends it.
fn run_for(mut child: std::process::Child, limit: Duration) {
    let started = Instant::now();
    while started.elapsed() < limit && child.try_wait().expect("a child").is_none() {
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
}

#[test]
fn kills_of_anybody_at_any_moment_leave_the_file_whole_and_send_little_twice() {
    let bytes = 48 << 20;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let mut node = Node::start_on(&folder.path().join("data"), port, &[]);
    let tap = Tap::start(port);
    let ada = Person::new(folder.path(), "Ada", &tap.url());
    let bob = Person::new(folder.path(), "Bob", &tap.url());
    let conversation = meet(&ada, &bob);
    let source = make(folder.path(), "big.bin", bytes);
    let blob = Shape::of(bytes as u64).expect("small").blob_bytes();
    let mut dice = Dice::new(4_711);
    let started = Instant::now();
    let mut limit = |kills: u64| {
        assert!(started.elapsed() < 5 * PATIENCE, "it does not come to an end");
        if kills < KILLS { Duration::from_millis(50 + dice.below(400)) } else { PATIENCE }
    };

    let (before, mut kills) = (tap.passed(), 0);
    loop {
        let child = match state(&ada, &conversation).as_deref() {
            None => ada.start(&["send-file", &conversation, &text(&source)]),
            Some("pending") => ada.start(&["receive", "--follow", "--timeout", "5"]),
            Some(_) => break,
        };
        run_for(child, limit(kills));
        kills += 1;
        if kills < KILLS && kills % 3 == 0 {
            node.kill_and_restart();
        }
    }
    let sent = tap.passed() - before;
    let most = blob + blob / 5 + KILLS / 3 * IN_FLIGHT_BYTES;
    assert!(sent <= most, "{sent} bytes for a blob of {blob}, {kills} runs");

    let message = message_with_files(&bob, &conversation, "big.bin");
    let target = folder.path().join("copy.bin");
    let (before, mut kills) = (tap.passed(), 0);
    while !target.exists() {
        run_for(bob.start(&["save", &message, "--to", &text(&target)]), limit(kills));
        kills += 1;
        if kills < KILLS && kills % 3 == 0 {
            node.kill_and_restart();
        }
    }
    let got = tap.passed() - before;
    assert!(is_same(&source, &target), "{kills} runs");
    let most = blob + blob / 5 + KILLS * IN_FLIGHT_BYTES;
    assert!(got <= most, "{got} bytes for a blob of {blob}, {kills} runs");
}
