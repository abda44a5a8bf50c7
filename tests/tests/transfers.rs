//! Files arrive as they were sent whoever is killed on the way, and little of them goes over the wire twice.
//!
//! `SOTTOVOCE_TRANSFERS=200` lets this run as long as one likes: each transfer is one file sent, or one saved.

use protocol::file::Shape;
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Child;
use std::time::{Duration, Instant};
use tests::tap::Tap;
use tests::{Dice, Node, PATIENCE, Person, free_port, meet};

/// Transfers where nobody asks for another number.
const TRANSFERS: u64 = 4;
/// From so many files on the share that moves twice is held to alone; of few files one kill is too much of it.
const MANY_FILES: u64 = 50;
/// What a kill may cost in a run of few: what was under way between two programs, in their buffers and their sockets'.
const IN_FLIGHT_BYTES: u64 = 16 << 20;
/// Bytes of a file: from, to.
const BYTES: (u64, u64) = (8 << 20, 48 << 20);

struct World {
    node: Node,
    tap: Tap,
    ada: Person,
    bob: Person,
    conversation: String,
    dice: Dice,
}

/// Who is killed, and after how many bytes of this transfer went by.
struct Kill {
    is_node: bool,
    after: u64,
}

/// A file of bytes that do not repeat.
fn make(dice: &mut Dice, path: PathBuf) -> PathBuf {
    let bytes = BYTES.0 + dice.below(BYTES.1 - BYTES.0);
    let mut content = Vec::with_capacity(bytes as usize + 8);
    while (content.len() as u64) < bytes {
        content.extend_from_slice(&dice.below(u64::MAX).to_be_bytes());
    }
    content.truncate(bytes as usize);
    std::fs::write(&path, content).expect("a file");
    path
}

fn text(path: &Path) -> String {
    path.to_str().expect("a path of this test").to_owned()
}

impl World {
    /// One kill, of either side, anywhere in a transfer.
    fn kill(&mut self, bytes: u64) -> Option<Kill> {
        Some(Kill { is_node: self.dice.below(2) == 0, after: self.dice.below(bytes) })
    }

    /// Lets a command of the client run to its end, which may come early by a kill of it.
    fn disturb(&mut self, mut child: Child, begun_at: u64, kill: &mut Option<Kill>) {
        let started = Instant::now();
        loop {
            if child.try_wait().expect("a child").is_some() {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "a command does not come to its end");
            match kill.take_if(|kill| self.tap.passed() - begun_at >= kill.after) {
                Some(Kill { is_node: true, .. }) => self.node.kill_and_restart(),
                Some(Kill { is_node: false, .. }) => {
                    let _ = child.kill();
                    let _ = child.wait();
                    return;
                }
                // Looks so often that a kill comes where it is wanted, and leaves the processor to those who work.
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        }
    }

    /// The entry of a file at somebody: its id and its message's state.
    fn entry(&self, person: &Person, name: &str) -> Option<(String, String)> {
        let said = person.run(&["history", &self.conversation, "--limit", "1000"]).ok();
        let is_it = |object: &&&Value| object["files"][0]["name"] == name;
        let found = said.of("message").iter().find(is_it).copied().cloned()?;
        Some((found["id"].as_str()?.to_owned(), found["state"].as_str()?.to_owned()))
    }

    /// Sends a file; the bytes that went over the wire.
    fn send(&mut self, source: &Path, blob: u64) -> u64 {
        let name = source.file_name().and_then(|name| name.to_str()).expect("a name").to_owned();
        let (before, mut kill) = (self.tap.passed(), self.kill(blob));
        let started = Instant::now();
        loop {
            let child = match self.entry(&self.ada, &name).as_ref().map(|(_, state)| state.as_str()) {
                None => self.ada.start(&["send-file", &self.conversation, &text(source)]),
                Some("pending") => self.ada.start(&["receive", "--follow", "--timeout", "2"]),
                Some(_) => return self.tap.passed() - before,
            };
            self.disturb(child, before, &mut kill);
            assert!(started.elapsed() < PATIENCE, "{name} is not sent");
        }
    }

    /// Saves a file; the bytes that went over the wire.
    fn save(&mut self, name: &str, target: &Path, blob: u64) -> u64 {
        let started = Instant::now();
        let message = loop {
            self.bob.run(&["receive"]);
            if let Some((id, _)) = self.entry(&self.bob, name) {
                break id;
            }
            assert!(started.elapsed() < PATIENCE, "{name} does not come");
        };
        let (before, mut kill) = (self.tap.passed(), self.kill(blob));
        while !target.exists() {
            let child = self.bob.start(&["save", &message, "--to", &text(target)]);
            self.disturb(child, before, &mut kill);
            assert!(started.elapsed() < PATIENCE, "{name} is not saved");
        }
        self.tap.passed() - before
    }
}

#[test]
fn kills_of_anybody_at_any_moment_leave_files_whole_and_send_little_twice() {
    let asked = std::env::var("SOTTOVOCE_TRANSFERS").ok().and_then(|count| count.parse().ok());
    let files = asked.unwrap_or(TRANSFERS).div_ceil(2);
    let folder = tempfile::tempdir().expect("a temporary folder");
    let port = free_port();
    let node = Node::start_on(&folder.path().join("data"), port, &[]);
    let tap = Tap::counting(port);
    let ada = Person::new(folder.path(), "Ada", &tap.url());
    let bob = Person::new(folder.path(), "Bob", &tap.url());
    let conversation = meet(&ada, &bob);
    let mut world = World { node, tap, ada, bob, conversation, dice: Dice::new(4_711) };
    let (mut blobs, mut sent, mut got) = (0, 0, 0);
    for number in 0..files {
        let name = format!("file-{number}");
        let source = make(&mut world.dice, folder.path().join(&name));
        let bytes = std::fs::metadata(&source).expect("a file").len();
        let blob = Shape::of(bytes).expect("small").blob_bytes();
        let there = world.send(&source, blob);
        let target = folder.path().join("copy");
        let back = world.save(&name, &target, blob);
        assert!(std::fs::read(&source).expect("it") == std::fs::read(&target).expect("its copy"), "{name} differs");
        (blobs, sent, got) = (blobs + blob, sent + there, got + back);
        let share = |moved: u64| moved as f64 / blob as f64;
        // Whoever runs many looks at them.
        let _ = writeln!(std::io::stderr(), "{name}: {blob} bytes, {:.3} sent, {:.3} saved", share(there), share(back));
        std::fs::remove_file(&source).and_then(|()| std::fs::remove_file(&target)).expect("removed");
    }
    let slack = if files >= MANY_FILES { 0 } else { files * IN_FLIGHT_BYTES };
    let most = blobs + blobs / 5 + slack;
    assert!(sent <= most && got <= most, "{sent} sent and {got} saved of {blobs} bytes in {files} files");
    let (sent, got) = (sent as f64 / blobs as f64, got as f64 / blobs as f64);
    let _ = writeln!(std::io::stderr(), "{blobs} bytes in {files} files: {sent:.4} times sent, {got:.4} times saved");
}
