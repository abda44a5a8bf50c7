//! What happens to the model when something comes in, and what it then asks for.

use crate::tui::areas::{Areas, areas, item_rows};
use crate::tui::chat::{Chat, Mode, Place};
use crate::tui::command::{self, Command};
use crate::tui::dialog::{self, Dialog, Item, Pick, Tell, Told};
use crate::tui::editor::Editor;
use crate::tui::event::{Action, Event, Loaded, Opened, Purpose};
use crate::tui::model::{Focus, ListItem, Model};
use crate::tui::{blocks, keys, mouse, safe, says, words};
use client::timeline::{EntryId, Person, StoredAlert};
use protocol::content::Kind;
use protocol::event::{ConversationId, Outcome};
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use wire::limit::TEXT_BYTES_MAX;

/// How often we say at most that we type, milliseconds.
const TYPING_EVERY_MS: u64 = 3_000;

/// Takes what happened.
pub fn update(model: &mut Model, event: Event) -> Vec<Action> {
    let mut actions = match event {
        Event::Key(key) if key.kind == KeyEventKind::Release => Vec::new(),
        Event::Key(key) => keys::key(model, key),
        Event::Mouse(mouse) => mouse::mouse(model, mouse),
        Event::Paste(text) => paste(model, &text),
        Event::Resize(width, height) => {
            model.size = (width, height);
            Vec::new()
        }
        Event::Focused(is_focused) => {
            model.is_focused = is_focused;
            Vec::new()
        }
        Event::Tick(now_ms) => tick(model, now_ms),
        Event::Names(names) => {
            model.names = names;
            if let Some(chat) = model.chat.as_mut() {
                chat.layout_key = None;
            }
            Vec::new()
        }
        Event::List(rows) => {
            take_list(model, |model| model.rows = rows);
            Vec::new()
        }
        Event::Requests(requests) => {
            take_list(model, |model| model.requests = requests);
            Vec::new()
        }
        Event::Opened(opened) => {
            take_opened(model, *opened);
            Vec::new()
        }
        Event::Loaded(conversation, loaded) => {
            take_loaded(model, &conversation, loaded);
            Vec::new()
        }
        Event::Typing(conversation, names) => {
            if let Some(chat) = model.chat.as_mut().filter(|chat| chat.row.summary.id == conversation) {
                chat.typing = names;
            }
            Vec::new()
        }
        Event::Found(words, hits) => {
            if let Some(Dialog::Search(search)) = model.dialogs.last_mut()
                && search.editor.text() == words
            {
                search.hits = hits;
                search.answered = Some(words);
            }
            Vec::new()
        }
        Event::People(people) => {
            pick_people(model, people);
            Vec::new()
        }
        Event::Alerts(alerts) => {
            tell_alerts(model, alerts);
            Vec::new()
        }
        Event::Outcome(purpose, outcome) => take_outcome(model, purpose, outcome),
        Event::Refused(conversation, kind, why) => {
            give_back(model, &conversation, kind);
            model.say(why);
            Vec::new()
        }
        Event::Failed(text) => {
            model.say(text);
            Vec::new()
        }
        Event::Network(network) => {
            model.network = network;
            Vec::new()
        }
        Event::Drawn(id, is_sharp, pixels) => {
            model.pictures.take(id, is_sharp, pixels);
            if let Some(chat) = model.chat.as_mut() {
                chat.layout_key = None;
            }
            Vec::new()
        }
    };
    actions.extend(settle(model));
    actions
}

fn tick(model: &mut Model, now_ms: u64) -> Vec<Action> {
    model.now_ms = now_ms;
    if model.toast.as_ref().is_some_and(|toast| toast.until_ms <= now_ms) {
        model.toast = None;
    }
    let chat = model.chat.as_mut();
    chat.and_then(command::keep_draft).into_iter().collect()
}

/// Changes the list; the same item stays chosen.
fn take_list(model: &mut Model, change: impl FnOnce(&mut Model)) {
    let chosen = match model.item(model.cursor) {
        Some(ListItem::Conversation(row)) => model.rows.get(row).map(|row| row.summary.id),
        Some(ListItem::Request(_)) | None => None,
    };
    let open = model.chat.as_ref().map(|chat| chat.row.summary.id);
    change(model);
    if let Some(index) = chosen.and_then(|chosen| model.index_of(&chosen)) {
        model.cursor = index;
    } else if let Some(index) = open.and_then(|open| model.index_of(&open)) {
        model.cursor = index;
    }
    model.cursor = model.cursor.min(model.items().saturating_sub(1));
    let row = open.and_then(|open| model.row(&open)).cloned();
    if let (Some(row), Some(chat)) = (row, model.chat.as_mut()) {
        if chat.row.summary.state != row.summary.state {
            chat.layout_key = None;
        }
        chat.row = row;
    }
}

fn take_opened(model: &mut Model, opened: Opened) {
    let id = opened.row.summary.id;
    let at = opened.at;
    model.chat = Some(Chat::new(opened));
    model.focus = if at.is_some() { Focus::Timeline } else { Focus::Composer };
    if let Some(index) = model.index_of(&id) {
        model.cursor = index;
    }
}

fn take_loaded(model: &mut Model, conversation: &ConversationId, loaded: Loaded) {
    if let Some(chat) = model.chat.as_mut().filter(|chat| chat.row.summary.id == *conversation) {
        chat.replace(loaded);
    }
}

/// What could not be sent is in the composer again.
fn give_back(model: &mut Model, conversation: &ConversationId, kind: Kind) {
    let chat = model.chat.as_mut().filter(|chat| chat.row.summary.id == *conversation);
    let (Some(chat), Kind::Text { text, .. } | Kind::Edit { text, .. }) = (chat, kind) else { return };
    if chat.editor.is_empty() {
        chat.editor = Editor::with(&text);
    }
}

fn pick_people(model: &mut Model, people: Vec<Person>) {
    let Some(chat) = model.chat.as_ref() else { return };
    let is_member = |person: &Person| chat.members.iter().any(|member| member.account == person.account);
    let items: Vec<Item> = people
        .into_iter()
        .filter(|person| person.address.is_some() && person.account != model.own.account && !is_member(person))
        .map(|person| Item::new(safe::line(&person.display_name()), Command::Person(person.account)))
        .collect();
    if items.is_empty() {
        model.say(words::NO_CONTACTS);
        return;
    }
    let adds_to = Some(chat.row.summary.id);
    let keys = Some(words::KEYS_ADD.into());
    model.dialogs.push(Dialog::Pick(Pick { adds_to, keys, ..Pick::of(words::ADD_PEOPLE, items) }));
}

fn tell_alerts(model: &mut Model, alerts: Vec<StoredAlert>) {
    let mut tell = Tell { title: words::ALERTS.into(), ..Tell::default() };
    for alert in &alerts {
        let title = alert.conversation.and_then(|id| model.row(&id)).map(|row| safe::line(&row.summary.title));
        let when = says::moment(&model.zone, alert.at_ms, model.now_ms);
        let (what, is_safe, to_do) = says::alert(&alert.code, &alert.text);
        tell.lines.push(Told::Alarm(format!("! {what}")));
        tell.lines.extend([is_safe, to_do].into_iter().flatten().map(Told::Talk));
        tell.lines.push(Told::Voice(format!("{when} {}", title.unwrap_or_default())));
        tell.lines.push(Told::Air);
        if alert.evidence.is_some() && tell.exports.is_none() {
            tell.exports = Some(alert.id);
            tell.keys = Some(says::keys("keys-export", &words::EXPORT));
        }
    }
    if alerts.is_empty() {
        tell.lines.push(Told::Voice(words::NO_ALERTS.into()));
    }
    model.alerts = alerts;
    model.dialogs.push(Dialog::Tell(tell));
}

fn take_outcome(model: &mut Model, purpose: Purpose, outcome: Result<Outcome, String>) -> Vec<Action> {
    match (outcome, purpose) {
        (Ok(Outcome::Link(made)), _) => {
            if let Some(Dialog::Invite(invite)) = model.dialogs.last_mut() {
                invite.link = Some(made);
            }
        }
        (Ok(Outcome::Conversation(conversation)), Purpose::Enter) => {
            let mut actions = command::leave_chat(model);
            actions.push(Action::Open(conversation, None));
            return actions;
        }
        (Ok(Outcome::Asked), _) => model.say(words::ASKED),
        (Ok(Outcome::Done | Outcome::Conversation(_)), Purpose::Change(done)) => model.say(done),
        (Ok(Outcome::Done), Purpose::Enter) => model.say(words::DONE),
        (Ok(Outcome::Done | Outcome::Conversation(_)), Purpose::Invite) => {}
        (Err(error), purpose) => {
            if purpose == Purpose::Invite && matches!(model.dialogs.last(), Some(Dialog::Invite(_))) {
                model.dialogs.pop();
            }
            let lines = vec![Told::Alarm(safe::line(&error))];
            model.dialogs.push(Dialog::Tell(Tell { title: words::NOT_DONE.into(), lines, ..Tell::default() }));
        }
    }
    Vec::new()
}

/// Lays out what changed, keeps everything within bounds, and asks for what is missing.
fn settle(model: &mut Model) -> Vec<Action> {
    let areas = areas(model);
    keep_cursor_seen(model, &areas);
    let (width, height) = (usize::from(areas.timeline.width), usize::from(areas.timeline.height));
    if width == 0 || height == 0 {
        return Vec::new();
    }
    let Some(mut chat) = model.chat.take() else { return Vec::new() };
    let key = (width, model.now_ms / 60_000);
    let has_timers = chat.entries.iter().any(|entry| entry.expires_ms.is_some());
    if chat.layout_key != Some(key) || has_timers {
        let is_new = chat.layout_key.is_none();
        chat.layout = blocks::lay_out(model, &chat, width);
        chat.layout_key = Some(key);
        let is_loaded = |entry: EntryId| chat.index(entry).is_some();
        if is_new || matches!(chat.place, Place::Centred(entry) if is_loaded(entry)) {
            let top = chat.top(height);
            match chat.place {
                Place::Centred(entry) if !is_loaded(entry) => {}
                Place::Centred(_) | Place::At(..) => chat.show_from(top, height),
                Place::Following => {}
            }
        }
    }
    let mut actions = Vec::new();
    if chat.wants_more(height) {
        chat.is_loading = true;
        actions.push(Action::Load(chat.row.summary.id, chat.windows(height)));
    }
    if model.is_focused && model.dialogs.is_empty() && areas.page.is_some() {
        actions.extend(read(&mut chat, height));
    }
    if model.theme.has_colours() {
        actions.extend(model.pictures.wanted(&chat, height));
    }
    model.chat = Some(chat);
    actions
}

/// What is seen is read.
fn read(chat: &mut Chat, height: usize) -> Option<Action> {
    let last = chat.last_seen(height)?.id;
    let index = chat.index(last)?;
    let newest = chat.entries.get(..=index)?.iter().rev().find(|entry| entry.is_unread)?.id;
    // At once, so that it is not asked for twice; the engine says the same a moment later.
    for entry in chat.entries.iter_mut().take(index + 1) {
        entry.is_unread = false;
    }
    Some(Action::Read(chat.row.summary.id, newest))
}

fn keep_cursor_seen(model: &mut Model, areas: &Areas) {
    let shown = usize::from(areas.items.height / item_rows(model)).max(1);
    model.cursor = model.cursor.min(model.items().saturating_sub(1));
    if model.cursor < model.top {
        model.top = model.cursor;
    } else if model.cursor >= model.top + shown {
        model.top = model.cursor + 1 - shown;
    }
    model.top = model.top.min(model.items().saturating_sub(shown));
}

fn paste(model: &mut Model, text: &str) -> Vec<Action> {
    if !model.dialogs.is_empty() {
        return dialog::paste(model, text);
    }
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    model.focus = Focus::Composer;
    chat.editor.insert(text);
    typed(model)
}

/// Says that we type, not too often.
pub fn typed(model: &mut Model) -> Vec<Action> {
    let Some(chat) = model.chat.as_ref() else { return Vec::new() };
    if chat.editor.is_empty() || model.now_ms < model.typed_ms.saturating_add(TYPING_EVERY_MS) {
        return Vec::new();
    }
    model.typed_ms = model.now_ms;
    vec![Action::Typing(chat.row.summary.id, true)]
}

/// Sends what was written.
pub fn send(model: &mut Model) -> Vec<Action> {
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    let text = chat.editor.text().trim_end().to_owned();
    if text.trim().is_empty() {
        return Vec::new();
    }
    if text.len() > TEXT_BYTES_MAX {
        model.say(words::TOO_LONG);
        return Vec::new();
    }
    let conversation = chat.row.summary.id;
    let kind = match &chat.mode {
        Mode::Plain => Kind::Text { text, reply_to: None, is_forwarded: false },
        Mode::Reply(_, msg_id) => Kind::Text { text, reply_to: Some(*msg_id), is_forwarded: false },
        Mode::Edit(msg_id, _) => Kind::Edit { msg_id: *msg_id, text },
    };
    let is_edit = matches!(chat.mode, Mode::Edit(..));
    chat.editor.take();
    chat.leave_mode();
    model.typed_ms = 0;
    let mut actions = vec![Action::Send(conversation, kind)];
    if !is_edit {
        chat.selected = None;
        chat.place = Place::Following;
        if chat.has_newer {
            chat.is_loading = true;
            actions.push(Action::Load(conversation, chat.windows(1)));
        }
    }
    actions.extend(command::keep_draft(chat));
    actions
}

/// A key in a text of one line; whether it changed something.
pub fn edit_line(editor: &mut Editor, key: KeyEvent) -> bool {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let is_alt = key.modifiers.contains(KeyModifiers::ALT);
    let is_word = is_control || is_alt;
    match key.code {
        KeyCode::Left if is_word => editor.word_left(),
        KeyCode::Right if is_word => editor.word_right(),
        KeyCode::Char('b') if is_alt => editor.word_left(),
        KeyCode::Char('f') if is_alt => editor.word_right(),
        KeyCode::Char('d') if is_alt => editor.delete_word_after(),
        KeyCode::Delete if is_word => editor.delete_word_after(),
        KeyCode::Backspace if is_word => editor.delete_word(),
        KeyCode::Char('w' | 'h') if is_control => editor.delete_word(),
        KeyCode::Char('u') if is_control => editor.delete_to_start(),
        KeyCode::Char('a') if is_control => editor.home(),
        KeyCode::Char('e') if is_control => editor.end(),
        KeyCode::Char(_) if is_control || is_alt => return false,
        KeyCode::Left => editor.left(),
        KeyCode::Right => editor.right(),
        KeyCode::Home => editor.home(),
        KeyCode::End => editor.end(),
        KeyCode::Backspace => editor.backspace(),
        KeyCode::Delete => editor.delete(),
        KeyCode::Char(character) => editor.insert(character.encode_utf8(&mut [0; 4])),
        _ => return false,
    }
    true
}
