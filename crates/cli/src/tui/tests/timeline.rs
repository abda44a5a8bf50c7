//! Reading: nothing jumps, more is loaded before one gets there, what is seen is read.

use super::world::{IDA, ME, WITH_IDA, World, entry};
use crate::tui::event::{Action, Event};
use crate::tui::model::Focus;
use client::timeline::{Entry, EntryId, Window};
use ratatui::crossterm::event::KeyCode;

fn long(count: i64) -> Vec<Entry> {
    (1..=count).map(|id| entry(id, if id % 3 == 0 { ME } else { IDA }, &format!("message {id} of many"))).collect()
}

/// The first message on the screen.
fn first(world: &World) -> String {
    let screen = world.screen();
    let row = screen.iter().find(|row| row.contains("message ")).expect("a message is seen");
    row[row.find("message ").unwrap()..].split(" of many").next().unwrap().to_owned()
}

#[test]
fn history_loads_above_and_nothing_jumps() {
    let mut world = World::open(100, 30, long(2_000));
    world.sees("message 2000 of many");
    let mut seen = Vec::new();
    for _ in 0..200 {
        world.wheel(60, 10, false);
        seen.push(first(&world));
    }
    // Every step shows what stood right above: no message is passed over, none comes again.
    let numbers: Vec<i64> = seen.iter().map(|text| text["message ".len()..].parse().unwrap()).collect();
    assert!(numbers.windows(2).all(|pair| pair[1] <= pair[0] && pair[0] - pair[1] <= 3), "{numbers:?}");
    assert!(numbers[199] < 1_700, "{numbers:?}");
    let chat = world.model.chat.as_ref().unwrap();
    assert!(chat.entries.len() <= 301, "what is far away is let go: {}", chat.entries.len());
    assert!(world.asked().iter().any(|action| matches!(action, Action::Load(..))));
    for _ in 0..400 {
        world.wheel(60, 10, true);
    }
    world.sees("message 2000 of many");
}

#[test]
fn what_arrives_moves_nothing_that_is_being_read() {
    let mut world = World::open(100, 30, long(500));
    world.press(KeyCode::PageUp);
    world.press(KeyCode::PageUp);
    let before = world.screen();
    for id in 501..=1_500 {
        let mut new = entry(id, IDA, "new");
        new.is_unread = true;
        world.history.push(new);
    }
    world.refresh();
    let after = world.screen();
    assert_eq!(before[..20], after[..20]);
    world.sees("End: newest");
    world.press(KeyCode::End);
    world.sees("new");
    assert!(world.model.chat.as_ref().unwrap().entry(EntryId(1_500)).is_some());
}

#[test]
fn what_disappears_while_it_is_read_leaves_the_rest_in_place() {
    let mut world = World::open(100, 30, long(400));
    for _ in 0..20 {
        world.wheel(60, 10, false);
    }
    let number: i64 = first(&world)["message ".len()..].parse().unwrap();
    world.history.retain(|entry| entry.id != EntryId(number) && entry.id != EntryId(number - 1));
    world.refresh();
    let now: i64 = first(&world)["message ".len()..].parse().unwrap();
    assert!(now > number && now <= number + 2, "{number} became {now}");
}

#[test]
fn unread_begin_with_a_line_that_stays() {
    let mut history = long(300);
    history.iter_mut().skip(200).for_each(|entry| entry.is_unread = entry.sender == IDA);
    let mut world = World::new(100, 30);
    world.history = history;
    let mut row = super::world::row(WITH_IDA, "Ida");
    row.summary.unread = 66;
    world.enter(row, Window::Latest(216));
    world.sees("66 new messages");
    world.sees("message 202 of many");
    world.sees_not("message 300 of many");
    let read: Vec<_> = world.asked().into_iter().filter(|action| matches!(action, Action::Read(..))).collect();
    let [Action::Read(WITH_IDA, EntryId(up_to))] = read[..] else { panic!("{read:?}") };
    assert!((202..240).contains(&up_to), "only what is seen is read: {up_to}");
    world.press(KeyCode::End);
    let read = world.asked().into_iter().find(|action| matches!(action, Action::Read(..)));
    assert!(matches!(read, Some(Action::Read(WITH_IDA, EntryId(299)))), "{read:?}");
    for _ in 0..20 {
        if !world.screen().iter().any(|row| row.contains("66 new messages")) {
            world.press(KeyCode::PageUp);
        }
    }
    world.sees("66 new messages");
}

#[test]
fn nothing_is_read_that_nobody_looks_at() {
    let mut world = World::open(100, 30, long(10));
    world.asked();
    world.take(Event::Focused(false));
    let mut new = entry(11, IDA, "psst");
    new.is_unread = true;
    world.history.push(new);
    world.refresh();
    world.sees("psst");
    assert!(!world.asked().iter().any(|action| matches!(action, Action::Read(..))));
    world.take(Event::Focused(true));
    assert!(world.asked().iter().any(|action| matches!(action, Action::Read(_, EntryId(11)))));
}

#[test]
fn messages_are_chosen_with_the_arrows_and_by_clicks() {
    let mut world = World::open(100, 30, long(100));
    world.press(KeyCode::Tab);
    assert_eq!(world.model.focus, Focus::Timeline);
    assert_eq!(world.model.chat.as_ref().unwrap().selected, Some(EntryId(100)));
    for _ in 0..60 {
        world.press(KeyCode::Up);
    }
    assert_eq!(world.model.chat.as_ref().unwrap().selected, Some(EntryId(40)));
    world.sees("message 40 of many");
    let row = world.sees("message 41 of many");
    world.click(50, u16::try_from(row).unwrap());
    assert_eq!(world.model.chat.as_ref().unwrap().selected, Some(EntryId(41)));
    world.click(50, u16::try_from(row).unwrap());
    world.sees("This message");
}

#[test]
fn a_long_text_is_folded_until_it_is_opened() {
    let text: String = (1..=40).map(|line| format!("line {line}\n")).collect();
    let mut world = World::open(100, 60, vec![entry(1, IDA, &text)]);
    world.sees("line 12");
    world.sees_not("line 14");
    world.sees("Enter shows all of it");
    world.press_with(KeyCode::Up, ratatui::crossterm::event::KeyModifiers::CONTROL);
    world.press(KeyCode::Enter);
    world.sees("line 40");
    assert!(world.model.dialogs.is_empty());
}
