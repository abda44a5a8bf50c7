//! Writing: lines, words, replies, edits, drafts.

use super::world::{CHOIR, IDA, ME, NOW_MS, WITH_IDA, World, entry};
use crate::tui::chat::Mode;
use crate::tui::event::{Action, Event};
use crate::tui::model::Focus;
use protocol::content::Kind;
use ratatui::crossterm::event::{KeyCode, KeyModifiers};

fn sent(world: &mut World) -> Vec<Kind> {
    let sent = world.asked().into_iter().filter_map(|action| match action {
        Action::Send(WITH_IDA, kind) => Some(kind),
        _ => None,
    });
    sent.collect()
}

fn world() -> World {
    World::open(100, 30, vec![entry(1, IDA, "Flour?"), entry(2, ME, "Butter"), entry(3, IDA, "Lemons")])
}

#[test]
fn enter_sends_and_other_enters_break_the_line() {
    let mut world = world();
    world.write("one");
    world.press_with(KeyCode::Enter, KeyModifiers::ALT);
    world.write("two");
    world.press_with(KeyCode::Enter, KeyModifiers::SHIFT);
    world.write("three");
    world.sees("› one");
    world.sees("three");
    world.press(KeyCode::Enter);
    assert_eq!(sent(&mut world), [Kind::Text { text: "one\ntwo\nthree".into(), reply_to: None, is_forwarded: false }]);
    world.sees("Write a message");
    world.press(KeyCode::Enter);
    world.write("   ");
    world.press(KeyCode::Enter);
    assert_eq!(sent(&mut world), [], "nothing is not sent");
}

#[test]
fn words_are_edited() {
    let mut world = world();
    world.write("flour and buter");
    world.control('w');
    world.write("butter");
    world.press_with(KeyCode::Left, KeyModifiers::CONTROL);
    world.press_with(KeyCode::Left, KeyModifiers::CONTROL);
    world.press_with(KeyCode::Char('d'), KeyModifiers::ALT);
    world.write("with");
    world.press(KeyCode::Enter);
    assert_eq!(
        sent(&mut world),
        [Kind::Text { text: "flour with butter".into(), reply_to: None, is_forwarded: false }]
    );
}

#[test]
fn what_is_pasted_is_written_not_obeyed() {
    let mut world = world();
    world.take(Event::Paste("one\r\ntwo\u{1b}[A\n".into()));
    assert_eq!(sent(&mut world), [], "a pasted line break sends nothing");
    assert_eq!(world.model.chat.as_ref().unwrap().editor.text(), "one\ntwo[A\n");
}

#[test]
fn up_edits_what_was_written_last_and_esc_gives_the_draft_back() {
    let mut world = world();
    world.press(KeyCode::Up);
    world.sees("Edit your message");
    world.sees("› Butter");
    world.write("!");
    world.press(KeyCode::Enter);
    assert_eq!(sent(&mut world), [Kind::Edit { msg_id: entry(2, ME, "").msg_id, text: "Butter!".into() }]);
    world.write("draft");
    world.press_with(KeyCode::Up, KeyModifiers::CONTROL);
    world.press(KeyCode::Up);
    world.press(KeyCode::Char('e'));
    world.sees("› Butter");
    world.press(KeyCode::Esc);
    world.sees("› draft");
    assert_eq!(world.model.chat.as_ref().unwrap().mode, Mode::Plain);
}

#[test]
fn a_reply_names_what_it_answers() {
    let mut world = world();
    world.control('r');
    world.sees("Reply to Ida: Lemons");
    assert_eq!(world.model.focus, Focus::Composer);
    world.write("two");
    world.press(KeyCode::Enter);
    assert_eq!(
        sent(&mut world),
        [Kind::Text { text: "two".into(), reply_to: Some(entry(3, IDA, "").msg_id), is_forwarded: false }]
    );
    world.sees_not("Reply to");
}

#[test]
fn what_cannot_be_sent_comes_back() {
    let mut world = world();
    world.write("into the dark");
    world.press(KeyCode::Enter);
    let [kind] = &sent(&mut world)[..] else { panic!("one is sent") };
    world.take(Event::Refused(WITH_IDA, kind.clone(), "the disk is full".into()));
    world.sees("› into the dark");
    world.sees("the disk is full");
}

#[test]
fn what_was_begun_is_kept() {
    let mut world = world();
    world.write("half a th");
    world.asked();
    world.take(Event::Tick(NOW_MS + 1_000));
    let asked = world.asked();
    assert!(matches!(&asked[..], [Action::Draft(WITH_IDA, text, None)] if text == "half a th"), "{asked:?}");
    world.take(Event::Tick(NOW_MS + 2_000));
    assert!(world.asked().is_empty(), "once");
    world.write("ought");
    world.asked();
    world.press_with(KeyCode::Down, KeyModifiers::ALT);
    let asked = world.asked();
    assert!(matches!(&asked[0], Action::Draft(WITH_IDA, text, None) if text == "half a thought"), "{asked:?}");
    assert!(asked.iter().any(|action| matches!(action, Action::Open(CHOIR, None))), "{asked:?}");
}

#[test]
fn typing_is_said_now_and_then() {
    let mut world = world();
    world.write("hello");
    let said =
        |asked: Vec<Action>| asked.iter().filter(|action| matches!(action, Action::Typing(WITH_IDA, true))).count();
    assert_eq!(said(world.asked()), 1);
    world.take(Event::Tick(NOW_MS + 3_500));
    world.write("x");
    assert_eq!(said(world.asked()), 1);
}

#[test]
fn leaving_keeps_the_draft_first() {
    let mut world = world();
    world.write("unsaid");
    world.asked();
    world.control('q');
    let asked = world.asked();
    assert!(matches!(asked.first(), Some(Action::Draft(_, text, _)) if text == "unsaid"), "{asked:?}");
    assert!(matches!(asked.last(), Some(Action::Quit)), "{asked:?}");
}
