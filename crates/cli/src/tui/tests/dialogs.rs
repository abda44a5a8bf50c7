//! Everything that is asked and said over the conversation.

use super::world::{BOB, CHOIR, IDA, ME, WITH_IDA, World, entry, row};
use crate::tui::dialog::Dialog;
use crate::tui::event::{Action, Event, Hit, Purpose};
use client::timeline::{Person, SearchHit, StoredAlert, Window};
use protocol::content::Kind;
use protocol::event::{Intent, Outcome};
use ratatui::crossterm::event::KeyCode;

fn world() -> World {
    World::open(100, 36, vec![entry(1, IDA, "Flour?"), entry(2, ME, "Butter"), entry(3, IDA, "Lemons")])
}

fn intent(world: &mut World) -> Option<(Purpose, Intent)> {
    world.asked().into_iter().find_map(|action| match action {
        Action::Intend(purpose, intent) => Some((purpose, *intent)),
        _ => None,
    })
}

#[test]
fn the_quick_switcher_goes_anywhere() {
    let mut world = world();
    world.control('k');
    world.sees("Go to");
    world.write("cho");
    world.sees_not("Make a group");
    world.press(KeyCode::Enter);
    assert!(world.asked().iter().any(|action| matches!(action, Action::Open(CHOIR, None))));
    assert!(world.model.dialogs.is_empty());
    world.control('k');
    world.write("nowhere at all");
    world.sees("Nothing found.");
    world.press(KeyCode::Enter);
    world.press(KeyCode::Esc);
    assert!(world.model.dialogs.is_empty());
}

#[test]
fn an_invite_shows_its_link_and_a_code() {
    let mut world = world();
    world.control('n');
    world.press(KeyCode::Enter);
    assert!(matches!(intent(&mut world), Some((Purpose::Invite, Intent::Invite { group: None, .. }))));
    world.sees("One moment…");
    let link = format!("http://localhost:4430/i#{}", "a1B2".repeat(12));
    world.take(Event::Outcome(Purpose::Invite, Ok(Outcome::Link(link.clone()))));
    world.sees("http://localhost:4430/i#");
    world.sees("▄▄▄▄▄");
    world.press(KeyCode::Char('c'));
    assert!(world.asked().iter().any(|action| matches!(action, Action::Copy(text) if *text == link)));
    world.sees("Copied.");
    world.take(Event::Resize(60, 16));
    world.sees("A larger window shows a code to scan.");
}

#[test]
fn a_link_and_an_address_are_followed() {
    let mut world = world();
    world.control('n');
    world.press(KeyCode::Down);
    world.press(KeyCode::Enter);
    world.take(Event::Paste("  https://node/i#abc\n".into()));
    world.sees("https://node/i#abc");
    world.press(KeyCode::Enter);
    let (purpose, asked) = intent(&mut world).unwrap();
    assert_eq!(purpose, Purpose::Enter);
    assert!(matches!(asked, Intent::Accept { link, .. } if link == "https://node/i#abc"));
    world.take(Event::Outcome(purpose, Ok(Outcome::Conversation(CHOIR))));
    assert!(world.asked().iter().any(|action| matches!(action, Action::Open(CHOIR, None))));
    world.take(Event::Outcome(Purpose::Enter, Err("this invite is used up\u{1b}[m".into())));
    world.sees("This did not work");
    world.sees("this invite is used up");
}

#[test]
fn search_finds_everywhere_and_jumps_to_the_place() {
    let mut world = world();
    world.control('f');
    world.write("lem");
    let asked = world.asked();
    assert!(matches!(asked.last(), Some(Action::Search(words, None)) if words == "lem"), "{asked:?}");
    let mut found = entry(77, IDA, "two lemons");
    found.conversation = CHOIR;
    let hit = SearchHit { entry: found, snippet: "two lemons".into(), highlights: std::iter::once(4..10).collect() };
    world.take(Event::Found("le".into(), Vec::new()));
    world.sees_not("Nothing found.");
    world.take(Event::Found("lem".into(), vec![Hit { hit, title: "Choir".into() }]));
    world.sees("two lemons");
    world.sees("Choir");
    world.press(KeyCode::Enter);
    let asked = world.asked();
    assert!(
        asked.iter().any(|action| matches!(action, Action::Open(CHOIR, Some(entry)) if entry.0 == 77)),
        "{asked:?}"
    );
}

#[test]
fn a_jump_within_the_conversation_shows_the_message() {
    let history: Vec<_> = (1..=900).map(|id| entry(id, IDA, &format!("message {id}."))).collect();
    let mut world = World::open(100, 30, history);
    world.sees("message 900.");
    let hit = SearchHit { entry: entry(100, IDA, "message 100."), snippet: "message 100.".into(), highlights: vec![] };
    world.control('f');
    world.write("100");
    world.take(Event::Found("100".into(), vec![Hit { hit, title: "Ida".into() }]));
    world.press(KeyCode::Enter);
    world.sees("message 100.");
    assert_eq!(world.model.chat.as_ref().unwrap().selected.map(|entry| entry.0), Some(100));
}

#[test]
fn deleting_for_everyone_is_asked_first() {
    let mut world = world();
    world.press(KeyCode::Tab);
    world.press(KeyCode::Up);
    world.press(KeyCode::Delete);
    world.sees("Delete for everyone?");
    world.press(KeyCode::Esc);
    assert!(!world.asked().iter().any(|action| matches!(action, Action::Send(..))));
    world.press(KeyCode::Delete);
    world.press(KeyCode::Enter);
    let deleted = entry(2, ME, "").msg_id;
    let sent = world
        .asked()
        .into_iter()
        .any(|action| matches!(action, Action::Send(WITH_IDA, Kind::Delete { msg_id }) if msg_id == deleted));
    assert!(sent);
    world.press(KeyCode::Down);
    world.press(KeyCode::Delete);
    world.sees("This is no text of yours.");
}

#[test]
fn reactions_are_chosen_or_typed() {
    let mut world = world();
    world.press(KeyCode::Tab);
    world.press(KeyCode::Char('+'));
    world.press(KeyCode::Down);
    world.press(KeyCode::Enter);
    let reacted = |world: &mut World| {
        world.asked().into_iter().find_map(|action| match action {
            Action::Send(_, Kind::Reaction { emoji, .. }) => emoji,
            _ => None,
        })
    };
    assert_eq!(reacted(&mut world).as_deref(), Some("❤"));
    world.press(KeyCode::Char('+'));
    world.press(KeyCode::Char('s'));
    world.press(KeyCode::Enter);
    world.write("🍞");
    world.press(KeyCode::Enter);
    assert_eq!(reacted(&mut world).as_deref(), Some("🍞"));
}

#[test]
fn the_safety_number_is_twelve_groups_of_five() {
    let mut world = world();
    world.control('o');
    world.sees("Safety number");
    world.press(KeyCode::Enter);
    world.sees("Same on both screens?");
    let groups: Vec<String> = world
        .screen()
        .iter()
        .flat_map(|row| row.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
        .filter(|word| word.len() == 5 && word.bytes().all(|byte| byte.is_ascii_digit()))
        .collect();
    assert_eq!(groups.len(), 12, "{groups:?}");
}

#[test]
fn a_timer_is_set_from_the_menu() {
    let mut world = world();
    world.control('o');
    world.press(KeyCode::Char('d'));
    world.press(KeyCode::Enter);
    world.sees("5 minutes");
    world.press(KeyCode::Down);
    world.press(KeyCode::Down);
    world.press(KeyCode::Enter);
    let set = world.asked().into_iter().any(|action| matches!(action, Action::Send(_, Kind::Timer { seconds: 300 })));
    assert!(set);
}

#[test]
fn a_groups_people_are_added_named_and_removed() {
    let mut world = World::new(100, 36);
    world.history = vec![entry(1, IDA, "la")];
    world.enter(row(CHOIR, "Choir"), Window::Latest(10));
    world.control('o');
    world.press(KeyCode::Char('a'));
    world.press(KeyCode::Enter);
    assert!(matches!(world.asked().last(), Some(Action::People)));
    let person = |byte: u8, name: &str| Person {
        account: wire::id::AccountId([byte; 32]),
        name: name.into(),
        petname: None,
        picture: None,
        address: Some("svc1x@http://localhost:1".into()),
        is_blocked: false,
        verified_ms: None,
        picture_id: None,
    };
    world.take(Event::People(vec![person(0xb0, "Bob"), person(0xca, "Carla"), person(0xda, "Dan")]));
    world.sees_not("○ Bob");
    world.press(KeyCode::Char(' '));
    world.press(KeyCode::Char(' '));
    world.press(KeyCode::Enter);
    let (_, asked) = intent(&mut world).unwrap();
    assert!(matches!(asked, Intent::AddMembers { conversation: CHOIR, accounts } if accounts.len() == 2));
    // Remove Bob.
    world.control('o');
    world.press(KeyCode::Char('p'));
    world.press(KeyCode::Enter);
    world.press(KeyCode::Char('b'));
    world.press(KeyCode::Enter);
    world.press(KeyCode::Char('r'));
    world.press(KeyCode::Enter);
    world.sees("Remove Bob?");
    world.press(KeyCode::Enter);
    let (_, asked) = intent(&mut world).unwrap();
    assert!(matches!(asked, Intent::RemoveMembers { accounts, .. } if accounts == [BOB]));
}

#[test]
fn alerts_are_said_in_words_and_give_their_proof() {
    let mut world = world();
    world.control('k');
    world.write("went wrong");
    world.press(KeyCode::Enter);
    assert!(matches!(world.asked().last(), Some(Action::Alerts)));
    let alert = StoredAlert {
        id: 4,
        conversation: Some(WITH_IDA),
        code: "two_histories".into(),
        text: "The node showed members different histories".into(),
        evidence: Some(vec![1]),
        at_ms: super::world::NOW_MS,
        account: None,
        is_seen: false,
    };
    world.take(Event::Alerts(vec![alert]));
    world.sees("! The node told you and others two different stories");
    world.sees("What you wrote is still secret");
    world.sees("x Write the proof to a file");
    world.press(KeyCode::Char('x'));
    assert!(matches!(world.asked().last(), Some(Action::Export(4))));
}

#[test]
fn help_lists_the_keys_and_any_click_beside_it_closes_it() {
    let mut world = world();
    world.press(KeyCode::F(1));
    world.sees("search all conversations");
    assert!(matches!(world.model.dialogs.last(), Some(Dialog::Tell(_))));
    world.click(0, 35);
    assert!(world.model.dialogs.is_empty());
}

#[test]
fn lists_are_clicked() {
    let mut world = world();
    let at = world.sees("Choir");
    world.click(4, u16::try_from(at).unwrap());
    assert!(world.asked().iter().any(|action| matches!(action, Action::Open(CHOIR, None))));
    world.control('n');
    let at = world.sees("Make a group");
    world.click(40, u16::try_from(at).unwrap());
    world.sees("The group’s name");
}
