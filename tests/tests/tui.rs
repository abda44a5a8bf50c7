//! The chat in a terminal: two people, their keys and their screens.

use tests::terminal::Terminal;
use tests::{Node, Person, meet};

const ENTER: &str = "\r";
const ESCAPE: &str = "\u{1b}";
const CONTROL_F: &str = "\u{6}";
const CONTROL_K: &str = "\u{b}";
const CONTROL_Q: &str = "\u{11}";
const CONTROL_R: &str = "\u{12}";
const DOWN: &str = "\u{1b}[B";

fn world() -> (tempfile::TempDir, Node) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    (folder, node)
}

#[test]
fn two_people_chat_reply_search_resize_and_leave() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    meet(&ada, &bob);
    let at_ada = Terminal::start(&ada, 100, 30);
    let at_bob = Terminal::start(&bob, 100, 30);
    at_ada.sees("Bob");
    at_ada.press(ENTER);
    at_ada.sees("Write a message");
    at_bob.sees("Ada");
    at_bob.press(ENTER);
    at_bob.sees("Write a message");

    at_ada.press("Flour and butter");
    at_ada.press(ENTER);
    at_bob.until("the message in the timeline", |screen| screen.contains("▌ Flour and butter"));
    at_ada.sees("delivered");
    at_bob.press(CONTROL_R);
    at_bob.sees("Reply to Ada: Flour and butter");
    at_bob.press("and two lemons");
    at_ada.sees("Bob is writing…");
    at_bob.press(ENTER);
    at_ada.sees("╭ you: Flour and butter");
    at_ada.sees("▌ and two lemons");

    at_ada.press("unsaid");
    at_ada.sees("› unsaid");
    at_ada.resize(60, 20);
    at_ada.until("one pane", |screen| screen.contains("‹ Bob") && screen.contains("› unsaid"));
    at_ada.resize(40, 12);
    at_ada.until("a tiny pane", |screen| screen.contains("‹ Bob") && screen.contains("two lemons"));
    at_ada.resize(120, 40);
    at_ada.until("two panes", |screen| screen.contains("Sottovoce") && screen.contains("› unsaid"));

    at_ada.press(CONTROL_F);
    at_ada.sees("words or their beginnings");
    at_ada.press("lem");
    // The hit stands below the words, with its sender.
    at_ada.until("a hit", |screen| screen.contains("› lem") && screen.matches("and two lemons").count() >= 1);
    at_ada.press(ENTER);
    at_ada.until("the place", |screen| !screen.contains("› lem") && screen.contains("r reply"));

    at_ada.press(CONTROL_Q);
    assert_eq!(at_ada.ends(), Some(0));
    // What was begun waits for the next time.
    let again = Terminal::start(&ada, 100, 30);
    again.sees("Draft: unsaid");
    again.press(ENTER);
    again.sees("› unsaid");
    again.terminate();
    assert_eq!(again.ends(), Some(0), "whoever stops it gets the terminal back");
    at_bob.press(CONTROL_Q);
    assert_eq!(at_bob.ends(), Some(0));
}

#[test]
fn a_newcomer_pastes_a_link_and_writes() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let link = ada.run(&["invite"]).ok().field("invite", "link");
    let at_bob = Terminal::start(&bob, 80, 24);
    at_bob.sees("Nobody here yet");
    at_bob.press("n");
    at_bob.sees("Follow an invite link");
    at_bob.press(DOWN);
    at_bob.press(ENTER);
    at_bob.sees("The whole link");
    at_bob.paste(&link);
    at_bob.until("the end of the link", |screen| screen.contains(&link[link.len() - 12..]));
    at_bob.press(ENTER);
    at_bob.sees("Write a message");
    at_bob.press("I am here");
    at_bob.press(ENTER);
    let got = ada.receive_until("Bob's voice", |said| !said.texts().is_empty());
    assert_eq!(got, ["I am here"]);
    at_bob.press(CONTROL_K);
    at_bob.sees("Go to");
    at_bob.press("leave sotto");
    at_bob.until("one way", |screen| screen.contains("Leave Sottovoce") && !screen.contains("Make a group"));
    at_bob.press(ENTER);
    assert_eq!(at_bob.ends(), Some(0));
}

#[test]
fn what_a_peer_writes_cannot_steer_the_terminal() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    bob.run(&["send", &conversation, "a\u{1b}[2J\u{1b}]0;owned\u{7}b\u{9b}31m\u{202e}c"]).ok();
    bob.run(&["send", &conversation, "still here"]).ok();
    let at_ada = Terminal::start(&ada, 100, 30);
    at_ada.sees("Bob");
    at_ada.press(ENTER);
    let screen = at_ada.until("both messages", |screen| screen.contains("│▌ still here"));
    assert!(screen.contains("a\u{241b}[2J\u{241b}]0;owned\u{2407}b\u{2426}31m\u{2426}c"), "{screen}");
    assert!(screen.contains("Sottovoce") && screen.contains("Write a message"), "{screen}");
    at_ada.press(ESCAPE);
    at_ada.sees("Enter open");
    at_ada.press("q");
    assert_eq!(at_ada.ends(), Some(0));
}

#[test]
fn without_a_terminal_it_says_so() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let said = ada.run(&["tui"]);
    assert_eq!(said.status, Some(2), "{said:?}");
}
