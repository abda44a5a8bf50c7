//! The lists, questions and sheets that commands open.

use crate::tui::chat::Chat;
use crate::tui::command::Command;
use crate::tui::dialog::{Ask, Dialog, Item, Pick, Submit, Tell, Told};
use crate::tui::editor::Editor;
use crate::tui::model::Model;
use crate::tui::{blocks, clock, safe, says, words};
use client::files::{Attachment, AttachmentState, Turn};
use client::timeline::{EntryKind, MessageState};
use protocol::event::{Answer, ConversationState, RequestKind};
use protocol::identity::SafetyNumber;
use protocol::identity::address::account_text;
use wire::id::{AccountId, Hash};

/// Timers that are offered, seconds.
const TIMERS: [u32; 8] = [0, 30, 300, 3_600, 28_800, 86_400, 604_800, 2_419_200];
/// What is offered to react with.
const REACTIONS: [&str; 8] = ["👍", "❤", "😂", "😮", "😢", "🙏", "🎉", "🍋"];
/// Asks for something to fill in.
pub fn ask(model: &mut Model, submit: Submit) {
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
    model.dialogs.push(Dialog::Ask(Ask::new(&name, &field, &verb, submit, &text)));
}

/// What begins something new.
pub fn begin(model: &mut Model) {
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

/// The list of everything.
pub fn go_to(model: &mut Model) {
    let mut items: Vec<Item> = Vec::new();
    for request in &model.requests {
        let name = safe::line(&request.name);
        items.push(Item::new(says::request(request, &name, None), Command::Request(request.request)));
    }
    for row in &model.rows {
        let unread = if row.summary.unread > 0 { says::new_messages(row.summary.unread) } else { String::new() };
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

/// A request and its answers.
pub fn request_menu(model: &mut Model, wanted: &Hash) {
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
    let title = says::request(request, &name, group.as_deref());
    model.dialogs.push(Dialog::Pick(Pick { body, ..Pick::of(title, items) }));
}

/// What the open conversation offers.
pub fn conversation_menu(model: &mut Model) {
    let Some(chat) = &model.chat else { return };
    let summary = &chat.row.summary;
    let mut items = Vec::new();
    if let (true, Some(peer)) = (summary.is_direct, summary.peer) {
        items.push(Item::new(words::SAFETY, Command::Safety(peer)));
    }
    items.push(Item::new(words::PEOPLE, Command::People).with(says::members(summary.members)));
    items.push(Item::new(words::SEARCH_HERE, Command::Search { is_here: true }));
    let timer = if summary.timer_s == 0 { String::from(words::TIMER_OFF) } else { says::duration(summary.timer_s) };
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

/// Its people.
pub fn people(model: &mut Model) {
    let Some(chat) = &model.chat else { return };
    let mut members: Vec<_> = chat.members.iter().collect();
    members.sort_by_key(|member| (!member.is_self, !member.is_admin, member.name.to_lowercase()));
    let items = members
        .into_iter()
        .map(|member| {
            let name = if member.is_self { String::from(words::YOU) } else { safe::line(&member.name) };
            let role = if member.is_admin && !chat.row.summary.is_direct { words::ADMIN.text() } else { "" };
            Item::new(name, Command::Person(member.account)).with(role)
        })
        .collect();
    model.dialogs.push(Dialog::Pick(Pick::of(words::PEOPLE, items)));
}

/// One of them.
pub fn person_menu(model: &mut Model, account: AccountId) {
    let Some(chat) = &model.chat else { return };
    let Some(member) = chat.members.iter().find(|member| member.account == account) else { return };
    if member.is_self {
        return;
    }
    let may_change = chat.members.iter().any(|member| member.is_self && member.is_admin);
    let mut items = Vec::new();
    let direct = model.rows.iter().find(|row| row.summary.is_direct && row.summary.peer == Some(account));
    if let Some(row) = direct.filter(|row| row.summary.id != chat.row.summary.id) {
        items.push(Item::new(words::DIRECT, Command::Open(row.summary.id)));
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

/// The safety number with somebody.
pub fn safety(model: &mut Model, account: &AccountId) {
    let number = SafetyNumber::derive(&model.own.account, account).to_string();
    let groups: Vec<&str> = number.split(' ').collect();
    let mut lines = vec![Told::Talk(model.name(account)), Told::Voice(words::SAFETY_BODY.into()), Told::Air];
    lines.extend(groups.chunks(4).map(|row| Told::Figures(row.join("  "))));
    lines.extend([Told::Air, Told::Voice(account_text(account))]);
    let tell = Tell { title: words::SAFETY.into(), lines, copies: Some(number), ..Tell::default() };
    model.dialogs.push(Dialog::Tell(tell));
}

/// Timers to choose from.
pub fn timers(model: &mut Model) {
    let now = model.chat.as_ref().map_or(0, |chat| chat.row.summary.timer_s);
    let name = |seconds: u32| if seconds == 0 { String::from(words::TIMER_OFF) } else { says::duration(seconds) };
    let items: Vec<Item> = TIMERS.iter().map(|seconds| Item::new(name(*seconds), Command::Timer(*seconds))).collect();
    let cursor = TIMERS.iter().position(|seconds| *seconds == now).unwrap_or(0);
    let body = vec![words::TIMER_BODY.into()];
    model.dialogs.push(Dialog::Pick(Pick { body, cursor, ..Pick::of(words::TIMER, items) }));
}

/// The keys.
pub fn help(model: &mut Model) {
    let told = |(key, does): &(&str, &str)| Told::Key(says::say(key, &[]), says::say(does, &[]));
    let lines = words::KEY_SHEET.iter().map(told).collect();
    model.dialogs.push(Dialog::Tell(Tell { title: words::HELP.into(), lines, ..Tell::default() }));
}

/// What can be done with the chosen message.
pub fn message_menu(model: &mut Model) {
    let Some(entry) = model.chat.as_ref().and_then(Chat::selected_entry) else {
        model.say(words::NOTHING_CHOSEN);
        return;
    };
    let mut items = Vec::new();
    if entry.state == MessageState::Failed && entry.text().is_some() && entry.files.is_empty() {
        items.push(Item::new(words::SEND_AGAIN, Command::SendAgain));
    }
    if blocks::is_bubble(entry) && entry.kind != EntryKind::Deleted {
        items.push(Item::new(words::REPLY, Command::Reply).with("r"));
        items.push(Item::new(words::REACT, Command::React).with("+"));
    }
    if entry.reply_to.is_some() {
        items.push(Item::new(words::TO_ORIGINAL, Command::ToOriginal));
    }
    if !entry.files.is_empty() {
        items.push(Item::new(words::SAVE, Command::Save).with("s"));
        items.extend(moving_items(&entry.files));
    }
    if entry.text().is_some() {
        items.push(Item::new(words::COPY, Command::CopyText).with("c"));
        if entry.is_own() {
            items.push(Item::new(words::EDIT, Command::Edit).with("e"));
        }
    }
    if entry.is_own() && (entry.text().is_some() || !entry.files.is_empty()) {
        items.push(Item::new(words::DELETE, Command::Delete(false)).with("Del"));
    }
    items.push(Item::new(words::INFO, Command::Info).with("i"));
    model.dialogs.push(Dialog::Pick(Pick::of(words::MESSAGE, items)));
}

/// What can be done with files as they stand.
fn moving_items(files: &[Attachment]) -> Vec<Item> {
    use AttachmentState as State;
    let is_any = |wanted: &dyn Fn(State) -> bool| files.iter().any(|file| wanted(file.state));
    let mut items = Vec::new();
    if files.iter().any(|file| file.state == State::Remote && file.media_type.starts_with("image/")) {
        items.push(Item::new(words::SHOW_PICTURE, Command::Fetch));
    }
    let moves = |state| matches!(state, State::Uploading | State::Fetching);
    let rests =
        |state| matches!(state, State::UploadPaused | State::FetchPaused | State::UploadFailed | State::FetchFailed);
    if is_any(&moves) {
        items.push(Item::new(words::PAUSE, Command::Turn(Turn::Pause)));
    }
    if is_any(&rests) {
        items.push(Item::new(words::GO_ON, Command::Turn(Turn::Resume)));
    }
    if is_any(&moves) || is_any(&rests) {
        items.push(Item::new(words::CANCEL_FILES, Command::Cancel));
    }
    items
}

/// Reactions to choose from.
pub fn react(model: &mut Model) {
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

/// Who has the chosen message.
pub fn info(model: &mut Model) {
    let Some(entry) = model.chat.as_ref().and_then(Chat::selected_entry) else {
        model.say(words::NOTHING_CHOSEN);
        return;
    };
    let moment = |at_ms| clock::zoned(&model.zone, at_ms).strftime("%Y-%m-%d %H:%M:%S").to_string();
    let sender = if entry.is_own() { String::from(words::YOU) } else { model.name(&entry.sender) };
    let mut lines = vec![Told::Talk(sender), Told::Voice(moment(blocks::shown_ms(entry)))];
    if entry.is_own() {
        lines.push(Told::Voice(says::state(entry.state)));
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
            let name = if is_own { String::from(words::YOU) } else { model.name(&one.account) };
            Told::Talk(format!("{}  {name}", safe::fit(&one.emoji, 8)))
        }));
    }
    model.dialogs.push(Dialog::Tell(Tell { title: words::INFO.into(), lines, ..Tell::default() }));
}
