//! Carries out what the model asks for, and tells it what changed.

use crate::commands::file::free_name;
use crate::failure::Failure;
use crate::tui::draw::Painter;
use crate::tui::event::{Action, Event, Hit, Loaded, Network, Opened, Purpose};
use crate::tui::model::{ConversationRow, Model, Quote};
use crate::tui::{says, words};
use client::db::DatabaseError;
use client::engine::EngineError;
use client::engine::runner::{Runner, now_ms};
use client::files::Attachment;
use client::files::folder::path_bytes;
use client::timeline::{Change, Changes, Entry, Snapshot, Timeline, Window};
use protocol::content::{Kind, WhisperContent, WhisperKind};
use protocol::event::{ConversationId, ConversationState, Intent, IntentId};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::AccountId;

/// Messages that a search shows at most.
const HITS_MAX: usize = 100;
/// Alerts that are shown at most.
const ALERTS_MAX: u32 = 50;
/// Entries with which a conversation opens.
const OPEN_ENTRIES: usize = 150;
/// Unread entries that are opened with at most.
const OPEN_UNREAD_MAX: usize = 900;

/// What the engine does for the screen.
pub struct Shell<'a> {
    runner: &'a mut Runner,
    intents: BTreeMap<IntentId, Purpose>,
    network: Network,
    changes: Changes,
    painter: Painter,
}

impl<'a> Shell<'a> {
    /// Around a runner that was started.
    pub fn new(runner: &'a mut Runner, painter: Painter) -> Self {
        let (intents, changes) = (BTreeMap::new(), Changes::new());
        Self { runner, intents, network: Network::Connecting, changes, painter }
    }

    /// The runner, to step.
    pub fn runner(&mut self) -> &mut Runner {
        self.runner
    }

    fn timeline(&self) -> Timeline<'_> {
        self.runner.engine().timeline()
    }

    /// Everything that a screen begins with.
    pub fn begin(&self) -> Result<Vec<Event>, Failure> {
        Ok(vec![
            Event::Tick(now_ms()),
            Event::Names(self.names()?),
            Event::Requests(self.timeline().requests()?),
            Event::List(self.rows()?),
        ])
    }

    /// Does one thing.
    pub fn perform(&mut self, action: Action) -> Result<Vec<Event>, Failure> {
        match action {
            Action::Open(conversation, at) => return self.open(&conversation, at),
            Action::Load(conversation, windows) => {
                let loaded = self.load(&conversation, &windows, false)?;
                return Ok(vec![Event::Loaded(conversation, loaded)]);
            }
            Action::Send(conversation, kind) => return self.send(conversation, kind),
            Action::Read(conversation, entry) => {
                let mut changes = self.runner.mark_read(conversation, Some(entry))?;
                self.changes.append(&mut changes);
            }
            Action::Draft(conversation, text, reply_to) => {
                let save =
                    |timeline: Timeline<'_>| timeline.save_draft(&conversation, &text, reply_to.as_ref(), now_ms());
                self.runner.engine_mut().edit_timeline(save)?;
                self.changes.insert(Change::Conversation(conversation));
            }
            Action::Typing(conversation, is_active) => self.whisper(conversation, is_active)?,
            Action::Search(words, within) => {
                let hits = self.search(&words, within.as_ref())?;
                return Ok(vec![Event::Found(words, hits)]);
            }
            Action::Intend(purpose, intent) => return self.intend(purpose, *intent),
            Action::People => return Ok(vec![Event::People(self.timeline().people()?)]),
            Action::Alerts => return Ok(vec![Event::Alerts(self.timeline().alerts(ALERTS_MAX)?)]),
            Action::Export(alert) => return self.export(alert),
            Action::Save(entry) => return self.save(entry),
            Action::Fetch(entry) => {
                for file in self.files(entry)? {
                    self.runner.fetch_file(file.id, None)?;
                }
            }
            Action::Turn(entry, turn) => {
                for file in self.files(entry)? {
                    self.runner.turn_file(file.id, turn)?;
                }
            }
            Action::Cancel(entry) => {
                for file in self.files(entry)? {
                    self.runner.cancel_file(file.id)?;
                }
            }
            Action::Draw(wanted) => {
                let reference = self.runner.engine().file_reference(wanted.id)?;
                self.painter.draw(wanted, reference);
            }
            Action::Name(name) => return self.rename(name),
            Action::Receipts(is_on) => self.runner.engine_mut().set_read_receipts(is_on)?,
            // The terminal's, not the engine's.
            Action::Copy(_) | Action::Redraw | Action::Quit => {}
        }
        Ok(Vec::new())
    }

    /// What has changed since the last call, for this screen.
    pub fn news(&mut self, model: &Model) -> Result<Vec<Event>, Failure> {
        let mut events = self.outcomes();
        let mut changes = self.runner.take_changes();
        changes.append(&mut self.changes);
        if !changes.is_empty() {
            events.extend(self.refresh(&changes, model)?);
        }
        let network = self.network();
        if network != self.network {
            self.network = network.clone();
            events.push(Event::Network(network));
        }
        Ok(events)
    }

    fn refresh(&self, changes: &Changes, model: &Model) -> Result<Vec<Event>, Failure> {
        let mut events = Vec::new();
        let open = model.chat.as_ref().map(|chat| chat.row.summary.id);
        let (mut is_list, mut is_open, mut is_typing) = (false, false, false);
        for change in changes {
            match change {
                Change::List => is_list = true,
                Change::Conversation(id) | Change::Added(id, _) | Change::Updated(id, _) | Change::Removed(id, _) => {
                    is_list = true;
                    is_open |= open == Some(*id);
                }
                Change::Typing(id) => {
                    is_list = true;
                    is_typing |= open == Some(*id);
                }
                Change::Person => {
                    events.push(Event::Names(self.names()?));
                    is_list = true;
                    is_open = open.is_some();
                }
                Change::Requests => events.push(Event::Requests(self.timeline().requests()?)),
                Change::Alert(id) => {
                    if let Some(alert) = self.timeline().alert(*id)? {
                        events.push(Event::Failed(format!("! {}", says::alert(&alert.code, &alert.text).0)));
                    }
                }
                Change::Call => is_list = true,
                Change::Invites | Change::Bell => {}
            }
        }
        if is_list {
            events.push(Event::List(self.rows()?));
        }
        if let (Some(id), Some(chat)) = (open, &model.chat) {
            if is_open {
                let height = usize::from(crate::tui::areas::areas(model).timeline.height);
                events.push(Event::Loaded(id, self.load(&id, &chat.windows(height), true)?));
            }
            if is_typing {
                events.push(Event::Typing(id, self.typing(&id)?));
            }
        }
        Ok(events)
    }

    fn outcomes(&mut self) -> Vec<Event> {
        let ids: Vec<IntentId> = self.intents.keys().copied().collect();
        let mut events = Vec::new();
        for id in ids {
            if let Some(outcome) = self.runner.take_outcome(id)
                && let Some(purpose) = self.intents.remove(&id)
            {
                events.push(Event::Outcome(purpose, outcome.map_err(|error| says::refusal(&error))));
            }
        }
        events
    }

    fn network(&self) -> Network {
        if self.runner.failures() > 0 {
            Network::Offline
        } else if self.runner.is_idle() || self.network == Network::Online {
            Network::Online
        } else {
            Network::Connecting
        }
    }

    fn names(&self) -> Result<BTreeMap<AccountId, String>, DatabaseError> {
        let people = self.timeline().people()?;
        Ok(people.into_iter().map(|person| (person.account, person.display_name())).collect())
    }

    fn rows(&self) -> Result<Vec<ConversationRow>, Failure> {
        let summaries = self.timeline().conversations()?;
        // A conversation that goes on elsewhere is shown there.
        let replaced: BTreeSet<ConversationId> = summaries.iter().filter_map(|summary| summary.restarts).collect();
        summaries
            .into_iter()
            .filter(|summary| !(summary.state == ConversationState::Restarted && replaced.contains(&summary.id)))
            .map(|summary| {
                let (typing, in_call) = (self.typing(&summary.id)?, self.in_call(&summary.id)?);
                Ok(ConversationRow { typing, in_call, summary })
            })
            .collect()
    }

    /// The names of those who are in the call that is under way.
    fn in_call(&self, conversation: &ConversationId) -> Result<Vec<String>, Failure> {
        let calls = self.runner.engine().group_calls();
        let Some(call) = calls.into_iter().find(|call| call.conversation == *conversation) else {
            return Ok(Vec::new());
        };
        let timeline = self.timeline();
        let mut accounts = Vec::new();
        for device in &call.line {
            let account = timeline.device_account(conversation, device)?;
            accounts.extend(account.filter(|account| !accounts.contains(account)));
        }
        accounts.iter().map(|account| Ok(timeline.display_name(account)?)).collect()
    }

    /// The names of those who type.
    fn typing(&self, conversation: &ConversationId) -> Result<Vec<String>, Failure> {
        let devices = self.runner.engine().typing().devices(conversation);
        if devices.is_empty() {
            return Ok(Vec::new());
        }
        let conversations = self.runner.engine().device().conversations().map_err(EngineError::from)?;
        let Some(found) = conversations.into_iter().find(|one| one.id == *conversation) else {
            return Ok(Vec::new());
        };
        let types = |member: &&protocol::event::Member| {
            !member.is_self && member.devices.iter().any(|device| devices.contains(device))
        };
        let timeline = self.timeline();
        found.members.iter().filter(types).map(|member| Ok(timeline.display_name(&member.account)?)).collect()
    }

    fn open(
        &self,
        conversation: &ConversationId,
        at: Option<client::timeline::EntryId>,
    ) -> Result<Vec<Event>, Failure> {
        let timeline = self.timeline();
        let Some(summary) = timeline.conversation(conversation)? else { return Ok(Vec::new()) };
        let unread = summary.unread.min(OPEN_UNREAD_MAX);
        let latest = Window::Latest(OPEN_ENTRIES + unread);
        let windows = match at {
            Some(entry) => vec![Window::Around(entry, OPEN_ENTRIES), latest],
            None => vec![latest],
        };
        let loaded = self.load(conversation, &windows, false)?;
        let members = timeline.members(conversation)?;
        let typing = self.typing(conversation)?;
        let row = ConversationRow { summary, typing: typing.clone(), in_call: self.in_call(conversation)? };
        Ok(vec![Event::Opened(Box::new(Opened { row, members, loaded, at, typing }))])
    }

    /// The first window that has entries.
    fn load(&self, conversation: &ConversationId, windows: &[Window], is_news: bool) -> Result<Loaded, Failure> {
        let timeline = self.timeline();
        let mut snapshot = Snapshot::default();
        for window in windows {
            snapshot = timeline.snapshot(conversation, *window)?;
            if !snapshot.entries.is_empty() {
                break;
            }
        }
        let mut quotes = BTreeMap::new();
        for entry in &snapshot.entries {
            if let Some(reply_to) = entry.reply_to
                && !quotes.contains_key(&reply_to)
                && let Some(quoted) = timeline.entry_by_msg_id(conversation, &reply_to)?
            {
                quotes.insert(reply_to, quote(&quoted));
            }
        }
        let members = if is_news { Some(timeline.members(conversation)?) } else { None };
        let files = snapshot.entries.iter().flat_map(|entry| &entry.files);
        let moving = files.filter_map(|file| Some((file.id, self.runner.engine().progress(file.id)?))).collect();
        Ok(Loaded { snapshot, quotes, members, moving })
    }

    fn send(&mut self, conversation: ConversationId, kind: Kind) -> Result<Vec<Event>, Failure> {
        match self.runner.send(conversation, kind.clone()) {
            Ok(_) => Ok(Vec::new()),
            // Whatever it was: what somebody wrote goes back to where it was written.
            Err(error) => Ok(vec![Event::Refused(conversation, kind, reason(&error))]),
        }
    }

    fn whisper(&mut self, conversation: ConversationId, is_active: bool) -> Result<(), Failure> {
        let device_id = self.runner.engine().me().device;
        let content = WhisperContent { device_id, kind: WhisperKind::Typing { is_active } }.encode().into();
        let id = self.runner.intend(Intent::Whisper { conversation, content })?;
        // A hint: whether it went out is nobody's concern.
        self.runner.take_outcome(id);
        Ok(())
    }

    fn search(&self, words: &str, within: Option<&ConversationId>) -> Result<Vec<Hit>, Failure> {
        let timeline = self.timeline();
        let mut titles: BTreeMap<ConversationId, String> = BTreeMap::new();
        let mut hits = Vec::new();
        for hit in timeline.search(words, within, HITS_MAX)? {
            let id = hit.entry.conversation;
            let title = match titles.get(&id) {
                Some(title) => title.clone(),
                None => {
                    let title = timeline.conversation(&id)?.map(|summary| summary.title).unwrap_or_default();
                    titles.insert(id, title.clone());
                    title
                }
            };
            hits.push(Hit { hit, title });
        }
        Ok(hits)
    }

    fn intend(&mut self, purpose: Purpose, intent: Intent) -> Result<Vec<Event>, Failure> {
        match self.runner.intend(intent) {
            Ok(id) => {
                self.intents.insert(id, purpose);
                Ok(Vec::new())
            }
            Err(EngineError::Intent(error)) => Ok(vec![Event::Outcome(purpose, Err(says::refusal(&error)))]),
            Err(error) => refused(error),
        }
    }

    /// Our name here, for knocks and invites, and for every conversation.
    fn rename(&mut self, name: String) -> Result<Vec<Event>, Failure> {
        let mut events = self.intend(Purpose::Change(words::DONE.into()), Intent::SetName { name: name.clone() })?;
        for summary in self.timeline().conversations()? {
            if summary.state == ConversationState::Active {
                events.extend(self.send(summary.id, Kind::Profile { name: name.clone(), picture: None })?);
            }
        }
        Ok(events)
    }

    fn files(&self, entry: client::timeline::EntryId) -> Result<Vec<Attachment>, DatabaseError> {
        Ok(self.timeline().entry(entry)?.map(|entry| entry.files).unwrap_or_default())
    }

    /// Saves the files of an entry to the folder of downloads, or where the program runs.
    fn save(&mut self, entry: client::timeline::EntryId) -> Result<Vec<Event>, Failure> {
        let files = self.files(entry)?;
        let user = directories::UserDirs::new();
        let downloads = user.as_ref().and_then(|user| user.download_dir()).filter(|folder| folder.is_dir());
        let folder = downloads.map_or_else(|| std::path::absolute(".").unwrap_or_default(), Into::into);
        let mut taken: Vec<std::path::PathBuf> = Vec::new();
        for file in files {
            let is_free = |path: &std::path::Path| !path.exists() && !taken.iter().any(|other| other == path);
            let Some(path) = free_name(&folder, &file.shown_name().text, is_free) else { continue };
            self.runner.fetch_file(file.id, Some(path_bytes(&path)))?;
            taken.push(path);
        }
        Ok(Vec::new())
    }

    fn export(&self, alert: i64) -> Result<Vec<Event>, Failure> {
        let evidence = self.timeline().alert(alert)?.and_then(|alert| alert.evidence);
        let Some(evidence) = evidence else { return Ok(Vec::new()) };
        let file = format!("sottovoce-proof-{alert}.bin");
        let text = match std::fs::write(&file, evidence) {
            Ok(()) => says::exported(&file),
            Err(error) => format!("{file}: {error}"),
        };
        Ok(vec![Event::Failed(text)])
    }
}

/// What cannot be done is said; what is broken ends the program.
fn refused(error: EngineError) -> Result<Vec<Event>, Failure> {
    match error {
        EngineError::Intent(_) | EngineError::Content(_) => Ok(vec![Event::Failed(reason(&error))]),
        broken => Err(broken.into()),
    }
}

/// Why the engine did not do it, for the user.
fn reason(error: &EngineError) -> String {
    match error {
        EngineError::Intent(error) => says::refusal(error),
        EngineError::Content(_) => crate::language::say("error-not-allowed", &[]),
        broken => broken.to_string(),
    }
}

fn quote(entry: &Entry) -> Quote {
    Quote {
        entry: entry.id,
        sender: entry.sender,
        is_own: entry.is_own(),
        // A line is shown of it: no more is kept.
        text: entry.text().map(|text| text.chars().take(200).collect()),
    }
}
