//! What can be done, whether it was a key, a click or a line of a list that asked for it.

use crate::text;
use crate::tui::chat::{Chat, Mode, Place};
use crate::tui::dialog::{Ask, Confirm, Dialog, Invite, Item, Pick, Search, Submit, Tell, Told};
use crate::tui::editor::Editor;
use crate::tui::event::{Action, Purpose};
use crate::tui::model::{Focus, Model};
use crate::tui::{blocks, clock, safe, words};
use client::timeline::{Entry, EntryId, EntryKind, MessageState};
use protocol::content::Kind;
use protocol::event::{Answer, ConversationId, ConversationState, Intent, RequestKind};
use protocol::identity::SafetyNumber;
use protocol::identity::address::account_text;
use wire::id::{AccountId, Hash, MsgId};

/// How long an invite link works.
const INVITE_S: u64 = 7 * 86_400;
/// What is offered to react with.
const REACTIONS: [&str; 8] = ["👍", "❤", "😂", "😮", "😢", "🙏", "🎉", "🍋"];
/// Timers that are offered, seconds.
const TIMERS: [u32; 8] = [0, 30, 300, 3_600, 28_800, 86_400, 604_800, 2_419_200];

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
        Command::Request(request) => request_menu(model, &request),
        Command::Answer(request, answer) => {
            let purpose = match answer {
                Answer::Accept => Purpose::Enter,
                Answer::Delete => Purpose::Change(words::DONE.into()),
                Answer::Block => Purpose::Change(words::BLOCKED.into()),
            };
            return vec![intend(purpose, Intent::Answer { request, answer })];
        }
        Command::GoTo => go_to(model),
        Command::Search { is_here } => {
            let here = model.chat.as_ref().filter(|_| is_here);
            let within = here.map(|chat| (chat.row.summary.id, safe::line(&chat.row.summary.title)));
            model.dialogs.push(Dialog::Search(Search { within, ..Search::default() }));
        }
        Command::Begin => begin(model),
        Command::Invite { group, needs_approval } => {
            let body = if group.is_some() { words::INVITE_GROUP } else { words::INVITE_ONE };
            model.dialogs.push(Dialog::Invite(Invite { body: body.into(), link: None }));
            return vec![intend(Purpose::Invite, Intent::Invite { group, needs_approval, valid_s: INVITE_S })];
        }
        Command::Ask(submit) => ask(model, submit),
        Command::Conversation => conversation_menu(model),
        Command::People => people(model),
        Command::Person(account) => person_menu(model, account),
        Command::AddPeople => return vec![Action::People],
        Command::Remove(..)
        | Command::Admin(..)
        | Command::Block(..)
        | Command::Timer(_)
        | Command::Leave(_)
        | Command::Restart => return change(model, command),
        Command::Safety(account) => safety(model, &account),
        Command::Timers => timers(model),
        Command::Message => message_menu(model),
        Command::Reply
        | Command::ReactWith(_)
        | Command::Edit
        | Command::Delete(_)
        | Command::SendAgain
        | Command::CopyText
        | Command::ToOriginal => return with_message(model, command),
        Command::React => react(model),
        Command::Info => info(model),
        Command::Alerts => return vec![Action::Alerts],
        Command::Help => help(model),
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

fn ask(model: &mut Model, submit: Submit) {
    let title = model.chat.as_ref().map(|chat| chat.row.summary.title.clone()).unwrap_or_default();
    let own = model.own.name.clone();
    let (name, field, verb, text) = match &submit {
        Submit::Accept => (words::ACCEPT, words::ACCEPT_FIELD, words::ACCEPT_VERB, String::new()),
        Submit::Add => (words::ADD, words::ADD_FIELD, words::ADD_VERB, String::new()),
        Submit::Group => (words::NEW_GROUP, words::GROUP_FIELD, words::GROUP_VERB, String::new()),
        Submit::Rename(_) => (words::RENAME, words::GROUP_FIELD, words::RENAME_VERB, title),
        Submit::OwnName => (words::OWN_NAME, words::OWN_NAME_FIELD, words::OWN_NAME_VERB, own),
        Submit::Reaction => (words::REACT, words::REACT_FIELD, words::REACT, String::new()),
    };
    model.dialogs.push(Dialog::Ask(Ask::new(name, field, verb, submit, &text)));
}

fn begin(model: &mut Model) {
    model.dialogs.push(Dialog::Pick(Pick::of(words::BEGIN, begin_items())));
}

fn begin_items() -> Vec<Item> {
    vec![
        Item::new(words::INVITE, Command::Invite { group: None, needs_approval: false }),
        Item::new(words::ACCEPT, Command::Ask(Submit::Accept)),
        Item::new(words::ADD, Command::Ask(Submit::Add)),
        Item::new(words::NEW_GROUP, Command::Ask(Submit::Group)),
    ]
}

fn go_to(model: &mut Model) {
    let mut items: Vec<Item> = Vec::new();
    for request in &model.requests {
        let name = safe::line(&request.name);
        items.push(Item::new(words::request(request, &name, None), Command::Request(request.request)));
    }
    for row in &model.rows {
        let unread = if row.summary.unread > 0 { words::new_messages(row.summary.unread) } else { String::new() };
        items.push(Item::new(safe::line(&row.summary.title), Command::Open(row.summary.id)).with(unread));
    }
    items.extend(begin_items());
    if model.chat.is_some() {
        items.push(Item::new(words::CONVERSATION, Command::Conversation).with("Ctrl-O"));
    }
    let receipts = if model.own.sends_receipts {
        Item::new(words::RECEIPTS_OFF, Command::Receipts(false))
    } else {
        Item::new(words::RECEIPTS_ON, Command::Receipts(true))
    };
    items.extend([
        Item::new(words::SEARCH, Command::Search { is_here: false }).with("Ctrl-F"),
        Item::new(words::OWN_NAME, Command::Ask(Submit::OwnName)).with(safe::line(&model.own.name)),
        Item::new(words::OWN_ADDRESS, Command::CopyAddress),
        receipts,
        Item::new(words::ALERTS, Command::Alerts),
        Item::new(words::HELP, Command::Help).with("F1"),
        Item::new(words::QUIT, Command::Quit).with("Ctrl-Q"),
    ]);
    let filter = Some((Editor::default(), words::GO_TO_HINT.into()));
    model.dialogs.push(Dialog::Pick(Pick { filter, ..Pick::of(words::GO_TO, items) }));
}

fn request_menu(model: &mut Model, wanted: &Hash) {
    let Some(request) = model.requests.iter().find(|request| request.request == *wanted) else { return };
    let name = safe::line(&request.name);
    let group = match &request.kind {
        RequestKind::EnterGroup(group) => model.row(group).map(|row| safe::line(&row.summary.title)),
        RequestKind::Talk | RequestKind::JoinGroup => None,
    };
    let mut body = vec![account_text(&request.account)];
    if !request.note.is_empty() {
        body.push(format!("„{}“", safe::line(&request.note)));
    }
    body.push(words::REQUEST_SAFE.into());
    let answer = |answer| Command::Answer(*wanted, answer);
    let items = vec![
        Item::new(words::REQUEST_ACCEPT, answer(Answer::Accept)),
        Item::new(words::REQUEST_DELETE, answer(Answer::Delete)),
        Item::new(words::REQUEST_BLOCK, answer(Answer::Block)),
    ];
    let title = words::request(request, &name, group.as_deref());
    model.dialogs.push(Dialog::Pick(Pick { body, ..Pick::of(title, items) }));
}

fn conversation_menu(model: &mut Model) {
    let Some(chat) = &model.chat else { return };
    let summary = &chat.row.summary;
    let mut items = Vec::new();
    if let (true, Some(peer)) = (summary.is_direct, summary.peer) {
        items.push(Item::new(words::SAFETY, Command::Safety(peer)));
    }
    items.push(Item::new(words::PEOPLE, Command::People).with(words::members(summary.members)));
    items.push(Item::new(words::SEARCH_HERE, Command::Search { is_here: true }));
    let timer = if summary.timer_s == 0 { words::TIMER_OFF.to_owned() } else { text::duration(summary.timer_s) };
    items.push(Item::new(words::TIMER, Command::Timers).with(timer));
    if !summary.is_direct {
        let is_admin = chat.members.iter().any(|member| member.is_self && member.is_admin);
        let invite = |needs_approval| Command::Invite { group: Some(summary.id), needs_approval };
        if is_admin {
            items.push(Item::new(words::ADD_PEOPLE, Command::AddPeople));
            items.push(Item::new(words::INVITE_GROUP_OPEN, invite(false)));
            items.push(Item::new(words::INVITE_GROUP_ASK, invite(true)));
            items.push(Item::new(words::RENAME, Command::Ask(Submit::Rename(summary.id))));
        }
        items.push(Item::new(words::LEAVE, Command::Leave(false)));
    }
    if let (true, Some(peer)) = (summary.is_direct, summary.peer) {
        items.push(Item::new(words::BLOCK, Command::Block(peer, false)));
    }
    if matches!(summary.state, ConversationState::Disputed | ConversationState::Left | ConversationState::Suspect) {
        items.push(Item::new(words::RESTART, Command::Restart));
    }
    let title = safe::line(&summary.title);
    model.dialogs.push(Dialog::Pick(Pick::of(title, items)));
}

fn people(model: &mut Model) {
    let Some(chat) = &model.chat else { return };
    let mut members: Vec<_> = chat.members.iter().collect();
    members.sort_by_key(|member| (!member.is_self, !member.is_admin, member.name.to_lowercase()));
    let items = members
        .into_iter()
        .map(|member| {
            let name = if member.is_self { words::YOU.to_owned() } else { safe::line(&member.name) };
            let role = if member.is_admin && !chat.row.summary.is_direct { words::ADMIN } else { "" };
            Item::new(name, Command::Person(member.account)).with(role)
        })
        .collect();
    model.dialogs.push(Dialog::Pick(Pick::of(words::PEOPLE, items)));
}

fn person_menu(model: &mut Model, account: AccountId) {
    let Some(chat) = &model.chat else { return };
    let Some(member) = chat.members.iter().find(|member| member.account == account) else { return };
    if member.is_self {
        return;
    }
    let may_change = chat.members.iter().any(|member| member.is_self && member.is_admin);
    let mut items = Vec::new();
    let direct = model.rows.iter().find(|row| row.summary.is_direct && row.summary.peer == Some(account));
    if let Some(row) = direct.filter(|row| row.summary.id != chat.row.summary.id) {
        items.push(Item::new(words::CONVERSATION, Command::Open(row.summary.id)));
    }
    items.push(Item::new(words::SAFETY, Command::Safety(account)));
    if !chat.row.summary.is_direct && may_change {
        let (word, is_admin) = if member.is_admin { (words::NO_ADMIN, false) } else { (words::MAKE_ADMIN, true) };
        items.push(Item::new(word, Command::Admin(account, is_admin)));
        items.push(Item::new(words::REMOVE, Command::Remove(account, false)));
    }
    items.push(Item::new(words::BLOCK, Command::Block(account, false)));
    let body = vec![account_text(&account)];
    model.dialogs.push(Dialog::Pick(Pick { body, ..Pick::of(safe::line(&member.name), items) }));
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
            let title = words::remove_title(&model.name(&account));
            model.dialogs.push(confirm(title, "", words::REMOVE, Command::Remove(account, true)));
        }
        Command::Admin(account, is_admin) => return changed(Intent::SetAdmin { conversation, account, is_admin }),
        Command::Block(account, true) => {
            let intent = Intent::Block { account, is_blocked: true };
            return vec![intend(Purpose::Change(words::BLOCKED.into()), intent)];
        }
        Command::Block(account, false) => {
            let title = words::block_title(&model.name(&account));
            model.dialogs.push(confirm(title, words::BLOCK_BODY, words::BLOCK, Command::Block(account, true)));
        }
        Command::Timer(seconds) => return vec![Action::Send(conversation, Kind::Timer { seconds })],
        Command::Leave(true) => return changed(Intent::Leave { conversation }),
        Command::Leave(false) => {
            let title = format!("{}?", words::LEAVE);
            model.dialogs.push(confirm(title, words::LEAVE_BODY, words::LEAVE, Command::Leave(true)));
        }
        Command::Restart => return vec![intend(Purpose::Enter, Intent::Reboot { conversation })],
        _ => {}
    }
    Vec::new()
}

fn safety(model: &mut Model, account: &AccountId) {
    let number = SafetyNumber::derive(&model.own.account, account).to_string();
    let groups: Vec<&str> = number.split(' ').collect();
    let mut lines = vec![Told::Talk(model.name(account)), Told::Voice(words::SAFETY_BODY.into()), Told::Air];
    lines.extend(groups.chunks(4).map(|row| Told::Figures(row.join("  "))));
    lines.extend([Told::Air, Told::Voice(account_text(account))]);
    let tell = Tell { title: words::SAFETY.into(), lines, copies: Some(number), ..Tell::default() };
    model.dialogs.push(Dialog::Tell(tell));
}

fn timers(model: &mut Model) {
    let now = model.chat.as_ref().map_or(0, |chat| chat.row.summary.timer_s);
    let name = |seconds: u32| if seconds == 0 { words::TIMER_OFF.to_owned() } else { text::duration(seconds) };
    let items: Vec<Item> = TIMERS.iter().map(|seconds| Item::new(name(*seconds), Command::Timer(*seconds))).collect();
    let cursor = TIMERS.iter().position(|seconds| *seconds == now).unwrap_or(0);
    let body = vec![words::TIMER_BODY.into()];
    model.dialogs.push(Dialog::Pick(Pick { body, cursor, ..Pick::of(words::TIMER, items) }));
}

fn help(model: &mut Model) {
    let lines = words::KEY_SHEET.iter().map(|(key, does)| Told::Key((*key).into(), (*does).into())).collect();
    model.dialogs.push(Dialog::Tell(Tell { title: words::HELP.into(), lines, ..Tell::default() }));
}

fn message_menu(model: &mut Model) {
    let Some(entry) = model.chat.as_ref().and_then(Chat::selected_entry) else {
        model.say(words::NOTHING_CHOSEN);
        return;
    };
    let mut items = Vec::new();
    if entry.state == MessageState::Failed && entry.text().is_some() {
        items.push(Item::new(words::SEND_AGAIN, Command::SendAgain));
    }
    if blocks::is_bubble(entry) && entry.kind != EntryKind::Deleted {
        items.push(Item::new(words::REPLY, Command::Reply).with("r"));
        items.push(Item::new(words::REACT, Command::React).with("+"));
    }
    if entry.reply_to.is_some() {
        items.push(Item::new(words::TO_ORIGINAL, Command::ToOriginal));
    }
    if entry.text().is_some() {
        items.push(Item::new(words::COPY, Command::CopyText).with("c"));
        if entry.is_own() {
            items.push(Item::new(words::EDIT, Command::Edit).with("e"));
            items.push(Item::new(words::DELETE, Command::Delete(false)).with("Del"));
        }
    }
    items.push(Item::new(words::INFO, Command::Info).with("i"));
    model.dialogs.push(Dialog::Pick(Pick::of(words::MESSAGE, items)));
}

fn react(model: &mut Model) {
    let Some(entry) = model.chat.as_ref().and_then(Chat::selected_entry) else {
        model.say(words::NOTHING_CHOSEN);
        return;
    };
    let own = model.own.account;
    let has_own = entry.reactions.iter().any(|reaction| reaction.account == own);
    let with = |emoji: &str| Item::new(emoji, Command::ReactWith(Some(emoji.into())));
    let mut items: Vec<Item> = REACTIONS.iter().map(|emoji| with(emoji)).collect();
    items.push(Item::new(words::REACT_OTHER, Command::Ask(Submit::Reaction)));
    if has_own {
        items.push(Item::new(words::REACT_BACK, Command::ReactWith(None)));
    }
    model.dialogs.push(Dialog::Pick(Pick::of(words::REACT, items)));
}

fn info(model: &mut Model) {
    let Some(entry) = model.chat.as_ref().and_then(Chat::selected_entry) else {
        model.say(words::NOTHING_CHOSEN);
        return;
    };
    let moment = |at_ms| clock::zoned(&model.zone, at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let sender = if entry.is_own() { words::YOU.to_owned() } else { model.name(&entry.sender) };
    let mut lines = vec![Told::Talk(sender), Told::Voice(moment(blocks::shown_ms(entry)))];
    if entry.is_own() {
        lines.push(Told::Voice(words::state(entry.state).into()));
    }
    if let Some(edited_ms) = entry.edited_ms {
        lines.push(Told::Voice(format!("{} {}", words::EDITED, moment(edited_ms))));
    }
    if let Some(expires_ms) = entry.expires_ms {
        lines.push(Told::Voice(format!("◷ {}", moment(expires_ms))));
    }
    if !entry.reactions.is_empty() {
        lines.push(Told::Air);
        let reactions = entry.reactions.iter();
        lines.extend(reactions.map(|one| {
            let is_own = one.account == model.own.account;
            let name = if is_own { words::YOU.to_owned() } else { model.name(&one.account) };
            Told::Talk(format!("{}  {name}", safe::fit(&one.emoji, 8)))
        }));
    }
    model.dialogs.push(Dialog::Tell(Tell { title: words::INFO.into(), lines, ..Tell::default() }));
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
        Command::Delete(true) if own_text(&entry).is_some() => {
            return vec![Action::Send(conversation, Kind::Delete { msg_id })];
        }
        Command::Delete(false) if own_text(&entry).is_some() => {
            let body = format!("„{}“ {}", safe::fit(own_text(&entry).unwrap_or_default(), 40), words::DELETE_BODY);
            let title = format!("{}?", words::DELETE);
            let (verb, command) = (words::DELETE.into(), Command::Delete(true));
            model.dialogs.push(Dialog::Confirm(Confirm { title, body, verb, command }));
        }
        Command::SendAgain => {
            let text = own_text(&entry).unwrap_or_default().to_owned();
            if entry.state == MessageState::Failed && !text.is_empty() {
                chat.place = Place::Following;
                return vec![Action::Send(
                    conversation,
                    Kind::Text { text, reply_to: entry.reply_to, is_forwarded: entry.is_forwarded },
                )];
            }
        }
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
