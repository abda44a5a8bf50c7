//! Every main screen, wide, narrow and tiny.

use super::world::{BOB, CHOIR, IDA, ME, MINUTE_MS, NOW_MS, WITH_IDA, World, entry, row};
use crate::tui::event::{Action, Event, Network};
use crate::tui::model::{Focus, Quote};
use client::timeline::{EntryId, EntryKind, MessageState, Notice, Reaction, Window};
use protocol::event::{ContactRequest, ConversationState, RequestKind};
use ratatui::crossterm::event::KeyCode;
use wire::id::Hash;

#[test]
fn an_empty_profile_says_what_to_do() {
    let mut world = World::new(100, 24);
    world.take(Event::List(Vec::new()));
    world.sees("Sottovoce");
    world.sees("Nobody here yet");
    world.sees("Say it softly. Only they will hear.");
    world.press(KeyCode::Enter);
    world.sees("Make an invite link");
}

#[test]
fn the_list_shows_what_is_new_who_writes_and_what_was_begun() {
    let mut world = World::new(100, 24);
    let mut ida = row(WITH_IDA, "Ida");
    ida.summary.unread = 3;
    ida.summary.last = Some(entry(1, IDA, "Flour and butter"));
    let mut choir = row(CHOIR, "Choir");
    choir.typing = vec!["Bob".into()];
    world.take(Event::List(vec![ida.clone(), choir.clone()]));
    let at = world.sees("Ida");
    assert!(world.screen()[at + 1].contains("Flour and butter"));
    assert!(world.screen()[at + 1].contains(" 3 "));
    world.sees("Bob is writing…");
    assert_eq!(world.model.title(), "(3) Sottovoce");
    choir.typing.clear();
    choir.summary.draft = Some("la la".into());
    world.take(Event::List(vec![ida, choir]));
    world.sees("Draft: la la");
}

#[test]
fn requests_stand_on_top_and_are_answered() {
    let mut world = World::new(100, 24);
    let request = ContactRequest {
        request: Hash([7; 32]),
        account: BOB,
        name: "Bob\u{202e}".into(),
        note: "we met on the train".into(),
        kind: RequestKind::Talk,
        at_ms: NOW_MS,
    };
    world.take(Event::Requests(vec![request]));
    assert!(world.sees("Bob\u{2426} would like to write") < world.sees("Ida"));
    world.press(KeyCode::Home);
    world.press(KeyCode::Enter);
    world.sees("we met on the train");
    world.sees("They learn nothing until you accept.");
    world.press(KeyCode::Down);
    world.press(KeyCode::Down);
    world.press(KeyCode::Enter);
    let asked = format!("{:?}", world.asked());
    assert!(asked.contains("answer: Block"), "{asked}");
}

#[test]
fn a_conversation_shows_everything_that_a_message_can_be() {
    let mut reply = entry(6, ME, "I'll bring them");
    reply.reply_to = Some(entry(5, IDA, "").msg_id);
    reply.state = MessageState::Read;
    let mut failed = entry(7, ME, "into the dark");
    failed.state = MessageState::Failed;
    let mut pending = entry(8, ME, "and eggs?");
    pending.state = MessageState::Pending;
    let mut edited = entry(9, IDA, "yes, six");
    edited.edited_ms = Some(NOW_MS);
    edited.expires_ms = Some(NOW_MS + 5 * MINUTE_MS);
    edited.reactions =
        vec![Reaction { account: ME, emoji: "👍".into() }, Reaction { account: BOB, emoji: "👍".into() }];
    let mut deleted = entry(10, IDA, "");
    deleted.kind = EntryKind::Deleted;
    let mut timer = entry(11, IDA, "");
    timer.kind = EntryKind::Timer(300);
    let mut began = entry(1, IDA, "");
    began.kind = EntryKind::Notice(Notice::Began);
    let mut newer = entry(12, IDA, "");
    newer.kind = EntryKind::Unknown;
    let history = vec![
        began,
        entry(5, IDA, "Flour and https://lemons.example now"),
        reply,
        failed,
        pending,
        edited,
        deleted,
        timer,
        newer,
    ];
    let mut world = World::open(110, 40, history);
    let quote = Quote { entry: EntryId(5), sender: IDA, is_own: false, text: Some("Flour and butter".into()) };
    let chat = world.model.chat.as_mut().unwrap();
    chat.quotes.insert(entry(5, IDA, "").msg_id, quote);
    chat.layout_key = None;
    world.take(Event::Tick(NOW_MS));
    world.sees("Yesterday");
    world.sees("Say it softly");
    world.sees("Flour and https://lemons.example now");
    world.sees("╭ Ida: Flour and butter");
    world.sees("I'll bring them");
    world.sees("(◉)");
    world.sees("Not sent. Choose it and press Enter");
    world.sees("○ waiting");
    world.sees("edited ◷ 5 min");
    world.sees("‹👍");
    world.sees("deleted");
    world.sees("Ida lets messages disappear 5 minutes after reading");
    world.sees("this message needs a newer version");
}

#[test]
fn a_group_names_its_speakers_once_a_run() {
    let mut world = World::new(100, 30);
    let mut entries = vec![entry(1, IDA, "one"), entry(2, IDA, "two"), entry(3, BOB, "three"), entry(900, BOB, "late")];
    entries.iter_mut().for_each(|entry| entry.conversation = CHOIR);
    world.history = entries;
    world.enter(row(CHOIR, "Choir"), Window::Latest(100));
    world.sees("3 people");
    let screen = world.screen();
    let named = |name: &str| screen.iter().filter(|row| row.split('│').nth(1).unwrap_or("").trim() == name).count();
    assert_eq!((named("Ida"), named("Bob")), (1, 2), "{}", screen.join("\n"));
}

#[test]
fn a_narrow_screen_shows_one_pane_and_esc_goes_back() {
    let mut world = World::open(60, 20, vec![entry(1, IDA, "Flour and butter")]);
    world.sees("Flour and butter");
    world.sees("‹ Ida");
    world.sees_not("Choir");
    world.press(KeyCode::Esc);
    world.sees("Choir");
    world.sees_not("‹ Ida");
    world.press(KeyCode::Enter);
    assert_eq!(world.model.focus, Focus::Composer);
}

#[test]
fn nothing_breaks_at_any_size() {
    for (width, height) in [(40, 12), (24, 8), (23, 30), (80, 7), (1, 1), (200, 70), (84, 9)] {
        let mut world = World::open(120, 40, vec![entry(1, IDA, "Flour and butter"), entry(2, ME, "yes")]);
        world.take(Event::Resize(width, height));
        assert_eq!(world.screen().len(), usize::from(height));
        for key in [KeyCode::F(1), KeyCode::Esc, KeyCode::Tab, KeyCode::Enter, KeyCode::Esc, KeyCode::Tab] {
            world.press(key);
            world.screen();
        }
        for letter in ['k', 'f', 'n', 'o'] {
            world.control(letter);
            world.screen();
            world.press(KeyCode::Esc);
        }
        world.wheel(width / 2, height / 2, false);
        world.click(width / 2, height / 2);
        world.screen();
    }
    let mut world = World::open(40, 12, vec![entry(1, IDA, "Flour and butter")]);
    world.sees("Flour and butter");
    world.sees("‹ Ida");
    world.write("hello");
    world.sees("› hello");
}

#[test]
fn hostile_text_stays_in_its_cells() {
    let hostile = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{9b}31m\u{202e}evil\u{2066}\u{0}\u{61c}";
    let mut bad = row(WITH_IDA, hostile);
    bad.typing = vec![hostile.into()];
    bad.summary.last = Some(entry(1, IDA, hostile));
    let zalgo = format!("z{}", "\u{301}\u{20dd}".repeat(2_000));
    let mut world = World::open(
        100,
        30,
        vec![entry(1, IDA, hostile), entry(2, IDA, &zalgo), entry(3, IDA, &"w".repeat(60_000)), entry(4, ME, hostile)],
    );
    world.take(Event::List(vec![bad]));
    world.take(Event::Typing(WITH_IDA, vec![hostile.into()]));
    world.take(Event::Failed(hostile.into()));
    world.take(Event::Paste(hostile.into()));
    for row in world.screen() {
        let steers = |character: char| {
            character.is_control()
                || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' | '\u{200e}' | '\u{200f}')
        };
        assert!(!row.chars().any(steers), "{row:?}");
    }
    assert!(!world.model.chat.as_ref().unwrap().editor.text().contains('\u{1b}'));
}

#[test]
fn network_and_state_are_said_in_words() {
    let mut world = World::open(100, 24, vec![entry(1, IDA, "hi")]);
    world.take(Event::Network(Network::Offline));
    world.sees("No network. You can read and write; it leaves later.");
    world.take(Event::Network(Network::Online));
    world.sees_not("No network");
    world.sees("Enter send");
    let mut broken = row(WITH_IDA, "Ida");
    broken.summary.state = ConversationState::Disputed;
    world.take(Event::List(vec![broken]));
    world.sees("the node contradicts itself");
    assert!(!world.asked().iter().any(|action| matches!(action, Action::Quit)));
}
