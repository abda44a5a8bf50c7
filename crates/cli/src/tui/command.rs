//! What can be done, whether it was a key, a click or a line of a list that asked for it.

use crate::tui::chat::{Chat, Mode, Place};
use crate::tui::dialog::{Confirm, Dialog, Invite, Search, Submit};
use crate::tui::editor::Editor;
use crate::tui::event::{Action, Purpose};
use crate::tui::model::{Focus, Model};
use crate::tui::{blocks, menus, safe, says, words};
use client::files::Turn;
use client::timeline::{Entry, EntryId, EntryKind, MessageState};
use protocol::content::Kind;
use protocol::event::{Answer, ConversationId, Intent};
use wire::id::{AccountId, Hash, MsgId};

/// How long an invite link works.
const INVITE_S: u64 = 7 * 86_400;

/// Something to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Open a conversation.
    Open(ConversationId),
    /// Open it at a message.
    OpenAt(ConversationId, EntryId),
    /// Show a request.
    Request(Hash),
    /// Answer it.
    Answer(Hash, Answer),
    /// The list of everything.
    GoTo,
    /// Search, everywhere or in the open conversation.
    Search {
        /// Here only.
        is_here: bool,
    },
    /// What begins something new.
    Begin,
    /// Make a link: to us, or to the open group.
    Invite {
        /// The group.
        group: Option<ConversationId>,
        /// We are asked first.
        needs_approval: bool,
    },
    /// Ask for something to fill in.
    Ask(Submit),
    /// What can be done with the open conversation.
    Conversation,
    /// Its people.
    People,
    /// One of them.
    Person(AccountId),
    /// Contacts to add.
    AddPeople,
    /// Remove a member, after asking.
    Remove(AccountId, bool),
    /// Make an admin or none.
    Admin(AccountId, bool),
    /// Block, after asking.
    Block(AccountId, bool),
    /// The safety number.
    Safety(AccountId),
    /// Timers to choose from.
    Timers,
    /// Set one.
    Timer(u32),
    /// Leave, after asking.
    Leave(bool),
    /// Restart a broken conversation.
    Restart,
    /// What can be done with the chosen message.
    Message,
    /// Answer it.
    Reply,
    /// Reactions to choose from.
    React,
    /// React, or take it back.
    ReactWith(Option<String>),
    /// Edit it.
    Edit,
    /// Delete it, after asking.
    Delete(bool),
    /// Send it again.
    SendAgain,
    /// Copy its text.
    CopyText,
    /// Save its files.
    Save,
    /// Fetch its files, to show them.
    Fetch,
    /// Let its files pause, or go on.
    Turn(Turn),
    /// Cancel its files.
    Cancel,
    /// Who has it.
    Info,
    /// Go to what it answers.
    ToOriginal,
    /// What went wrong.
    Alerts,
    /// The keys.
    Help,
    /// Our address to the clipboard.
    CopyAddress,
    /// Receipts or not.
    Receipts(bool),
    /// End.
    Quit,
}

/// Does it.
pub fn run(model: &mut Model, command: Command) -> Vec<Action> {
    match command {
        Command::Open(conversation) => return open(model, conversation, None),
        Command::OpenAt(conversation, entry) => return open(model, conversation, Some(entry)),
        Command::Request(request) => menus::request_menu(model, &request),
        Command::Answer(request, answer) => {
            let purpose = match answer {
                Answer::Accept => Purpose::Enter,
                Answer::Delete => Purpose::Change(words::DONE.into()),
                Answer::Block => Purpose::Change(words::BLOCKED.into()),
            };
            return vec![intend(purpose, Intent::Answer { request, answer })];
        }
        Command::GoTo => menus::go_to(model),
        Command::Search { is_here } => {
            let here = model.chat.as_ref().filter(|_| is_here);
            let within = here.map(|chat| (chat.row.summary.id, safe::line(&chat.row.summary.title)));
            model.dialogs.push(Dialog::Search(Search { within, ..Search::default() }));
        }
        Command::Begin => menus::begin(model),
        Command::Invite { group, needs_approval } => {
            let body = if group.is_some() { words::INVITE_GROUP } else { words::INVITE_ONE };
            model.dialogs.push(Dialog::Invite(Invite { body: body.into(), link: None }));
            return vec![intend(Purpose::Invite, Intent::Invite { group, needs_approval, valid_s: INVITE_S })];
        }
        Command::Ask(submit) => menus::ask(model, submit),
        Command::Conversation => menus::conversation_menu(model),
        Command::People => menus::people(model),
        Command::Person(account) => menus::person_menu(model, account),
        Command::AddPeople => return vec![Action::People],
        Command::Remove(..)
        | Command::Admin(..)
        | Command::Block(..)
        | Command::Timer(_)
        | Command::Leave(_)
        | Command::Restart => return change(model, command),
        Command::Safety(account) => menus::safety(model, &account),
        Command::Timers => menus::timers(model),
        Command::Message => menus::message_menu(model),
        Command::Reply
        | Command::ReactWith(_)
        | Command::Edit
        | Command::Delete(_)
        | Command::SendAgain
        | Command::CopyText
        | Command::Save
        | Command::Fetch
        | Command::Turn(_)
        | Command::Cancel
        | Command::ToOriginal => return with_message(model, command),
        Command::React => menus::react(model),
        Command::Info => menus::info(model),
        Command::Alerts => return vec![Action::Alerts],
        Command::Help => menus::help(model),
        Command::CopyAddress => {
            model.say(words::COPIED);
            return vec![Action::Copy(model.own.address.clone())];
        }
        Command::Receipts(is_on) => {
            model.own.sends_receipts = is_on;
            model.say(if is_on { words::RECEIPTS_ARE_ON } else { words::RECEIPTS_ARE_OFF });
            return vec![Action::Receipts(is_on)];
        }
        Command::Quit => return leave_chat(model).into_iter().chain([Action::Quit]).collect(),
    }
    Vec::new()
}

fn intend(purpose: Purpose, intent: Intent) -> Action {
    Action::Intend(purpose, Box::new(intent))
}

fn changed(intent: Intent) -> Vec<Action> {
    vec![intend(Purpose::Change(words::DONE.into()), intent)]
}

/// Keeps what was being written before another conversation opens.
pub fn leave_chat(model: &mut Model) -> Vec<Action> {
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    let mut actions = Vec::new();
    actions.extend(keep_draft(chat));
    if model.typed_ms > 0 && !chat.editor.is_empty() {
        actions.push(Action::Typing(chat.row.summary.id, false));
    }
    model.typed_ms = 0;
    actions
}

/// The draft, if it changed since it was kept.
pub fn keep_draft(chat: &mut Chat) -> Option<Action> {
    let (text, reply_to) = chat.draft();
    let (text, reply_to) = (text.to_owned(), reply_to);
    if text == chat.saved_draft {
        return None;
    }
    chat.saved_draft = text.clone();
    Some(Action::Draft(chat.row.summary.id, text, reply_to))
}

fn open(model: &mut Model, conversation: ConversationId, at: Option<EntryId>) -> Vec<Action> {
    let is_open = model.chat.as_ref().is_some_and(|chat| chat.row.summary.id == conversation);
    if is_open && at.is_none() {
        model.focus = Focus::Composer;
        return Vec::new();
    }
    if let (true, Some(entry), Some(chat)) = (is_open, at, model.chat.as_mut()) {
        model.focus = Focus::Timeline;
        return chat.jump(entry).into_iter().collect();
    }
    let mut actions = leave_chat(model);
    actions.push(Action::Open(conversation, at));
    actions
}

/// What changes the open conversation; the irrevocable asks first.
fn change(model: &mut Model, command: Command) -> Vec<Action> {
    let Some(conversation) = model.chat.as_ref().map(|chat| chat.row.summary.id) else { return Vec::new() };
    let confirm = |title: String, body: &str, verb: &str, command| {
        Dialog::Confirm(Confirm { title, body: body.into(), verb: verb.into(), command })
    };
    match command {
        Command::Remove(account, true) => {
            return changed(Intent::RemoveMembers { conversation, accounts: vec![account] });
        }
        Command::Remove(account, false) => {
            let title = says::remove_title(&model.name(&account));
            model.dialogs.push(confirm(title, "", &words::REMOVE, Command::Remove(account, true)));
        }
        Command::Admin(account, is_admin) => return changed(Intent::SetAdmin { conversation, account, is_admin }),
        Command::Block(account, true) => {
            let intent = Intent::Block { account, is_blocked: true };
            return vec![intend(Purpose::Change(words::BLOCKED.into()), intent)];
        }
        Command::Block(account, false) => {
            let title = says::block_title(&model.name(&account));
            model.dialogs.push(confirm(title, &words::BLOCK_BODY, &words::BLOCK, Command::Block(account, true)));
        }
        Command::Timer(seconds) => return vec![Action::Send(conversation, Kind::Timer { seconds })],
        Command::Leave(true) => return changed(Intent::Leave { conversation }),
        Command::Leave(false) => {
            let title = words::LEAVE_TITLE.into();
            model.dialogs.push(confirm(title, &words::LEAVE_BODY, &words::LEAVE, Command::Leave(true)));
        }
        Command::Restart => return vec![intend(Purpose::Enter, Intent::Reboot { conversation })],
        _ => {}
    }
    Vec::new()
}

/// What needs a chosen message.
fn with_message(model: &mut Model, command: Command) -> Vec<Action> {
    let Some(chat) = model.chat.as_mut() else { return Vec::new() };
    let conversation = chat.row.summary.id;
    let Some(entry) = chat.selected_entry().cloned() else {
        model.say(words::NOTHING_CHOSEN);
        return Vec::new();
    };
    let msg_id = entry.msg_id;
    match command {
        Command::Reply if blocks::is_bubble(&entry) && entry.kind != EntryKind::Deleted => {
            chat.leave_mode();
            chat.mode = Mode::Reply(entry.id, msg_id);
            model.focus = Focus::Composer;
        }
        Command::ReactWith(emoji) if blocks::is_bubble(&entry) && entry.kind != EntryKind::Deleted => {
            return vec![Action::Send(conversation, Kind::Reaction { msg_id, emoji })];
        }
        Command::Edit if own_text(&entry).is_some() => {
            begin_edit(chat, msg_id, own_text(&entry).unwrap_or_default());
            model.focus = Focus::Composer;
        }
        Command::Delete(true) if is_own_word(&entry) => {
            return vec![Action::Send(conversation, Kind::Delete { msg_id })];
        }
        Command::Delete(false) if is_own_word(&entry) => {
            let file = entry.files.first().map(|file| file.shown_name().text).unwrap_or_default();
            let what = own_text(&entry).unwrap_or(&file);
            let body = format!("„{}“ {}", safe::fit(what, 40), words::DELETE_BODY);
            let title = words::DELETE_TITLE.into();
            let (verb, command) = (words::DELETE.into(), Command::Delete(true));
            model.dialogs.push(Dialog::Confirm(Confirm { title, body, verb, command }));
        }
        Command::SendAgain => {
            let text = own_text(&entry).unwrap_or_default().to_owned();
            if entry.state == MessageState::Failed && !text.is_empty() && entry.files.is_empty() {
                chat.place = Place::Following;
                return vec![Action::Send(
                    conversation,
                    Kind::Text { text, reply_to: entry.reply_to, is_forwarded: entry.is_forwarded },
                )];
            }
        }
        Command::Save if !entry.files.is_empty() => {
            model.say(words::SAVING);
            return vec![Action::Save(entry.id)];
        }
        Command::Fetch if !entry.files.is_empty() => return vec![Action::Fetch(entry.id)],
        Command::Turn(turn) if !entry.files.is_empty() => return vec![Action::Turn(entry.id, turn)],
        Command::Cancel if !entry.files.is_empty() => return vec![Action::Cancel(entry.id)],
        Command::Save | Command::Fetch | Command::Turn(_) | Command::Cancel => model.say(words::NO_FILES),
        Command::CopyText if entry.text().is_some() => {
            let text = entry.text().unwrap_or_default().to_owned();
            model.say(words::COPIED);
            return vec![Action::Copy(text)];
        }
        Command::ToOriginal => {
            let quote = entry.reply_to.and_then(|reply_to| chat.quotes.get(&reply_to));
            let original = quote.map(|quote| quote.entry);
            return original.and_then(|original| chat.jump(original)).into_iter().collect();
        }
        _ => model.say(words::NOT_TEXT),
    }
    Vec::new()
}

/// Ours, with words or files: what can be deleted for everyone.
fn is_own_word(entry: &Entry) -> bool {
    entry.is_own() && matches!(entry.kind, EntryKind::Text(_) | EntryKind::Files(_))
}

/// The text of an own message.
fn own_text(entry: &Entry) -> Option<&str> {
    entry.text().filter(|_| entry.is_own())
}

/// Puts an own message into the composer; what was being written waits.
pub fn begin_edit(chat: &mut Chat, msg_id: MsgId, text: &str) {
    chat.leave_mode();
    let aside = std::mem::replace(&mut chat.editor, Editor::with(text));
    chat.mode = Mode::Edit(msg_id, aside);
}
