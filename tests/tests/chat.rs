//! What a new user does: meet, chat, be away, make groups, leave them.

use tests::{Node, Person, meet};

fn world() -> (tempfile::TempDir, Node) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let node = Node::start(&folder.path().join("data"));
    (folder, node)
}

fn numbered(prefix: &str, count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{prefix} {number}")).collect()
}

#[test]
fn two_people_meet_by_link_and_ten_messages_wait_for_whoever_is_away() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    for text in numbered("while you were away", 10) {
        bob.run(&["send", &conversation, &text]).ok();
    }
    let got = ada.receive_until("the tenth message", |said| said.texts().iter().any(|text| text.ends_with(" 10")));
    assert_eq!(got, numbered("while you were away", 10), "in order, once");
    // And back, by name.
    ada.run(&["send", "Bob", "thanks"]).ok();
    assert_eq!(bob.receive_until("the answer", |said| !said.texts().is_empty()), ["thanks"]);
    assert_eq!(ada.history(&conversation).len(), 11);
}

#[test]
fn a_link_for_one_person_works_once() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let eve = Person::new(folder.path(), "Eve", &node.url());
    let link = ada.run(&["invite"]).ok().field("invite", "link");
    let first = bob.run(&["accept", &link]).ok().field("conversation", "id");
    ada.receive_until("Bob", |_| !ada.run(&["conversations"]).ok().of("conversation").is_empty());
    eve.run(&["accept", &link]);
    ada.run(&["receive"]);
    let conversations = ada.run(&["conversations"]).ok();
    let ids: Vec<_> = conversations.of("conversation").iter().map(|object| object["id"].clone()).collect();
    assert_eq!(ids, [first]);
}

#[test]
fn a_stranger_who_knows_the_address_waits_to_be_accepted() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    ada.run(&["receive"]).ok();
    let conversation =
        bob.run(&["add", &ada.address(), "--note", "we met on the train"]).ok().field("conversation", "id");
    bob.run(&["send", &conversation, "hello?"]).ok();
    ada.receive_until("the request", |_| !ada.run(&["requests"]).ok().of("request").is_empty());
    assert!(ada.run(&["conversations"]).ok().of("conversation").is_empty(), "not before it is accepted");
    let requests = ada.run(&["requests"]).ok();
    assert_eq!(requests.field("request", "note"), "we met on the train");
    ada.run(&["requests", "accept", &requests.field("request", "id")]).ok();
    assert_eq!(ada.receive_until("the first message", |said| !said.texts().is_empty()), ["hello?"]);
}

#[test]
fn whoever_is_removed_from_a_group_reads_nothing_sent_later() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let eve = Person::new(folder.path(), "Eve", &node.url());
    meet(&ada, &bob);
    meet(&ada, &eve);
    let group = ada.run(&["group", "new", "Friends"]).ok().field("conversation", "id");
    ada.run(&["group", "add", &group, "Bob", "Eve"]).ok();
    for person in [&bob, &eve] {
        person.receive_until("the group", |_| {
            person.run(&["conversations"]).ok().of("conversation").iter().any(|object| object["id"] == group)
        });
    }
    ada.run(&["send", &group, "for all"]).ok();
    for person in [&bob, &eve] {
        let got = person.receive_until("the first", |said| said.texts().contains(&"for all".to_owned()));
        assert!(got.contains(&"for all".to_owned()));
    }
    ada.run(&["group", "rename", &group, "Close friends"]).ok();
    ada.run(&["group", "remove", &group, "Eve"]).ok();
    ada.run(&["send", &group, "not for Eve"]).ok();
    bob.receive_until("the second", |said| said.texts().contains(&"not for Eve".to_owned()));
    eve.run(&["receive"]);
    assert!(!eve.history(&group).contains(&"not for Eve".to_owned()));
    assert_ne!(eve.run(&["send", &group, "let me in"]).status, Some(0));
    bob.run(&["group", "leave", &group]).ok();
    ada.receive_until("Bob's leaving", |_| ada.run(&["group", "info", &group]).ok().of("member").len() == 1);
}

#[test]
fn a_group_link_asks_the_admin_first_when_it_says_so() {
    let (folder, node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let group = ada.run(&["group", "new", "Choir"]).ok().field("conversation", "id");
    let link = ada.run(&["invite", "--group", &group, "--approve"]).ok().field("invite", "link");
    bob.run(&["accept", &link]).ok();
    ada.receive_until("the request", |_| !ada.run(&["requests"]).ok().of("request").is_empty());
    ada.run(&["requests", "accept", "Bob"]).ok();
    bob.receive_until("the group", |_| {
        ada.run(&["receive"]);
        bob.run(&["conversations"]).ok().of("conversation").iter().any(|object| object["id"] == group)
    });
    bob.run(&["send", &group, "la"]).ok();
    ada.receive_until("Bob's voice", |said| said.texts().contains(&"la".to_owned()));
}

#[test]
fn a_message_written_without_a_network_goes_out_later() {
    let (folder, mut node) = world();
    let ada = Person::new(folder.path(), "Ada", &node.url());
    let bob = Person::new(folder.path(), "Bob", &node.url());
    let conversation = meet(&ada, &bob);
    node.kill();
    let said = ada.run(&["send", &conversation, "into the dark"]);
    assert_eq!(said.status, Some(3), "the network's exit status: {said:?}");
    node.kill_and_restart();
    ada.run(&["receive"]).ok();
    assert_eq!(bob.receive_until("it", |said| !said.texts().is_empty()), ["into the dark"]);
}
