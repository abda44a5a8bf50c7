//! What must be true: the invariants of LANE.md s.9, checked after every step and when all is quiet.

use crate::disk::Disk;
use crate::network::Conn;
use crate::phone::Phone;
use crate::secrets::{self, Mark};
use protocol::Glance;
use protocol::event::{Alert, ConversationId, ConversationState, Record, SendState};
use protocol::storage::{Space, Storage};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::{AccountId, Hash, LaneId, MsgId};
use wire::lane::{Gen, Seq};
use wire::node::{Event, RequestId};
use wire::receipt::Receipt;

/// Wrongs that are kept; one is enough to fail.
const WRONGS_KEPT: usize = 20;

/// What happened, in numbers.
#[derive(Debug, Clone, Copy, Default)]
pub struct Counts {
    /// Devices that died.
    pub crashes: u64,
    /// Devices' disk errors.
    pub disk_errors: u64,
    /// Nodes that died.
    pub node_crashes: u64,
    /// Connections that broke.
    pub breaks: u64,
    /// Frames that arrived after their sender had given them up.
    pub ghosts: u64,
    /// Messages that users sent.
    pub messages: u64,
    /// Messages shown.
    pub shown: u64,
    /// Epochs entered, by any device.
    pub epochs: u64,
    /// Lanes entered, by any device.
    pub moves: u64,
    /// Alerts.
    pub alerts: u64,
}

impl Counts {
    /// Adds another run's.
    pub fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.disk_errors += other.disk_errors;
        self.node_crashes += other.node_crashes;
        self.breaks += other.breaks;
        self.ghosts += other.ghosts;
        self.messages += other.messages;
        self.shown += other.shown;
        self.epochs += other.epochs;
        self.moves += other.moves;
        self.alerts += other.alerts;
    }
}

/// One message that a user sent.
#[derive(Debug, Clone)]
struct Message {
    author: usize,
    conversation: ConversationId,
    index: u64,
    /// Who may show it: members by the author's view from the intent on.
    eligible: BTreeSet<usize>,
    /// Who must show it if it was stored: members then, and ever since.
    steady: BTreeSet<usize>,
    state: Option<SendState>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Keys {
    epoch: u64,
    lane_id: LaneId,
    cell_key: [u8; 32],
    whisper_key: [u8; 32],
    is_over: bool,
}

/// What must be true, and what was seen.
pub struct Book {
    accounts: Vec<AccountId>,
    /// What went wrong.
    pub wrongs: Vec<String>,
    /// What happened.
    pub counts: Counts,
    /// Alerts by phone.
    pub alerts: Vec<(usize, Alert)>,
    /// Whether any alert is a wrong: node and members are honest.
    pub is_honest: bool,
    /// Conversations of which a node showed two histories: they need not converge, only what takes their place.
    pub broken: BTreeSet<ConversationId>,
    /// Phones whose disk was copied or restored, or whose messages are resent: I4 and I5 do not hold for what they say.
    pub exempt: BTreeSet<usize>,
    messages: BTreeMap<MsgId, Message>,
    next_index: u64,
    positions: BTreeMap<(LaneId, Seq), (u64, Vec<u8>, usize)>,
    members: BTreeMap<(usize, ConversationId), BTreeSet<usize>>,
    glances: BTreeMap<(usize, ConversationId), Glance>,
    keys: BTreeMap<(usize, ConversationId), Keys>,
    /// MLS secrets as they were when each phone entered its present epoch.
    secrets: BTreeMap<(usize, ConversationId), BTreeSet<Mark>>,
    left_keys: BTreeMap<usize, BTreeSet<[u8; 32]>>,
    shown: BTreeMap<(usize, ConversationId), Vec<MsgId>>,
    receipts: BTreeMap<(LaneId, Seq), (Gen, Hash)>,
}

impl Book {
    /// An empty book about these accounts, one for each phone.
    pub fn new(accounts: Vec<AccountId>) -> Self {
        Self {
            accounts,
            wrongs: Vec::new(),
            counts: Counts::default(),
            alerts: Vec::new(),
            is_honest: true,
            broken: BTreeSet::new(),
            exempt: BTreeSet::new(),
            messages: BTreeMap::new(),
            next_index: 0,
            positions: BTreeMap::new(),
            members: BTreeMap::new(),
            glances: BTreeMap::new(),
            keys: BTreeMap::new(),
            secrets: BTreeMap::new(),
            left_keys: BTreeMap::new(),
            shown: BTreeMap::new(),
            receipts: BTreeMap::new(),
        }
    }

    /// Something is not as it must be.
    pub fn wrong(&mut self, text: String) {
        if self.wrongs.len() < WRONGS_KEPT {
            self.wrongs.push(text);
        }
    }

    fn phones_of(&self, accounts: impl Iterator<Item = AccountId>) -> BTreeSet<usize> {
        let known: Vec<AccountId> = accounts.collect();
        self.accounts.iter().enumerate().filter(|(_, account)| known.contains(account)).map(|(at, _)| at).collect()
    }

    /// A user is about to send.
    pub fn sends(&mut self, author: usize, conversation: ConversationId, msg_id: MsgId) {
        self.counts.messages += 1;
        self.next_index += 1;
        let mut members = self.members.get(&(author, conversation)).cloned().unwrap_or_default();
        members.remove(&author);
        let message = Message {
            author,
            conversation,
            index: self.next_index,
            eligible: members.clone(),
            steady: members,
            state: None,
        };
        self.messages.insert(msg_id, message);
    }

    /// The shell could not take the message: nothing is promised about it.
    pub fn never_sent(&mut self, msg_id: &MsgId) {
        self.messages.remove(msg_id);
    }

    /// A device wrote a record.
    pub fn record(&mut self, at: usize, record: &Record) {
        match record {
            Record::Conversation(conversation) => {
                let members = self.phones_of(conversation.members.iter().map(|member| member.account));
                let is_broken = conversation.state == ConversationState::Rejoining;
                let before = self.members.insert((at, conversation.id), members.clone()).unwrap_or_default();
                let gone: BTreeSet<usize> = before.difference(&members).copied().collect();
                for message in self.messages.values_mut().filter(|message| message.conversation == conversation.id) {
                    message.steady.retain(|phone| !gone.contains(phone) && (!is_broken || *phone != at));
                    if message.author == at {
                        message.eligible.extend(members.iter().filter(|phone| **phone != at));
                    }
                }
            }
            Record::Received { conversation, msg_id, account, .. } => {
                self.received(at, *conversation, *msg_id, account);
            }
            Record::Sent { msg_id, state, .. } => {
                if let Some(message) = self.messages.get_mut(msg_id) {
                    if message.state == Some(SendState::Stored) && *state != SendState::Stored {
                        self.wrong(format!("phone {at}: a stored message became {state:?}"));
                    } else {
                        message.state = Some(*state);
                    }
                }
            }
            Record::Alert { alert, .. } => {
                self.counts.alerts += 1;
                if self.is_honest {
                    self.wrong(format!("phone {at} blames honest people: {}", alert.text("somebody")));
                }
                self.alerts.push((at, alert.clone()));
            }
            Record::Contact(_)
            | Record::Call(_)
            | Record::Whispered { .. }
            | Record::Request(_)
            | Record::RequestGone(_)
            | Record::Invite { .. }
            | Record::Outcome(..) => {}
        }
    }

    fn received(&mut self, at: usize, conversation: ConversationId, msg_id: MsgId, account: &AccountId) {
        self.counts.shown += 1;
        let order = self.shown.entry((at, conversation)).or_default();
        let is_twice = order.contains(&msg_id);
        order.push(msg_id);
        let last_of_author = order
            .iter()
            .rev()
            .skip(1)
            .filter_map(|shown| self.messages.get(shown))
            .find(|shown| self.accounts[shown.author] == *account)
            .map_or(0, |shown| shown.index);
        if is_twice {
            self.wrong(format!("I4: phone {at} shows a message twice"));
        }
        let Some(message) = self.messages.get(&msg_id) else {
            return self.wrong(format!("phone {at} shows a message that nobody sent"));
        };
        if self.accounts[message.author] != *account {
            return self.wrong(format!("phone {at} shows a message under another name"));
        }
        if !message.eligible.contains(&at) {
            let author = message.author;
            self.wrong(format!("I6: phone {at} opens what phone {author} sealed without it"));
        } else if last_of_author > message.index && !self.exempt.contains(&message.author) {
            let author = message.author;
            self.wrong(format!("I5: phone {at} shows messages of phone {author} out of order"));
        }
    }

    /// Looks at a device after a commit: I1, I9, and keys that are left.
    pub fn look(&mut self, at: usize, phone: &Phone) {
        let Some(device) = &phone.device else { return };
        for id in device.conversation_ids() {
            let glance = device.glance(id);
            if glance.is_none() || glance == self.glances.get(&(at, id)).copied() {
                continue;
            }
            self.glances.extend(glance.map(|glance| ((at, id), glance)));
            let Some(inside) = device.inspect(id) else { continue };
            if inside.has_mls_pending != inside.has_sealed_commit {
                self.wrong(format!(
                    "I9: phone {at}: pending in MLS {}, sealed commit {}",
                    inside.has_mls_pending, inside.has_sealed_commit
                ));
            }
            let keys = Keys {
                epoch: inside.epoch,
                lane_id: inside.lane_id,
                cell_key: inside.cell_key,
                whisper_key: inside.whisper_key,
                is_over: matches!(inside.state, ConversationState::Left | ConversationState::Restarted),
            };
            let before = self.keys.get(&(at, id));
            if before != Some(&keys) {
                self.counts.epochs += 1;
                if let Some(before) = before {
                    self.counts.moves += u64::from(before.lane_id != keys.lane_id);
                    let left = self.left_keys.entry(at).or_default();
                    left.insert(before.cell_key);
                    left.insert(before.whisper_key);
                }
                self.keys.insert((at, id), keys);
                self.look_at_secrets(at, id, phone);
            }
            let is_member = matches!(
                inside.state,
                ConversationState::Active | ConversationState::Leaving | ConversationState::Suspect
            );
            if !is_member || inside.members.len() < 2 {
                continue;
            }
            let place = (inside.lane_id, inside.cursor);
            match self.positions.get(&place) {
                Some((epoch, authenticator, other)) => {
                    if (*epoch, authenticator) != (inside.epoch, &inside.authenticator) && self.is_honest {
                        let text = format!(
                            "I1: phones {at} and {other} at {} of one lane: epochs {} and {epoch}",
                            inside.cursor, inside.epoch
                        );
                        self.wrong(text);
                    }
                }
                None => {
                    self.positions.insert(place, (inside.epoch, inside.authenticator, at));
                }
            }
        }
    }

    /// Takes down the secrets of an epoch that was just entered; those of the one before must go.
    fn look_at_secrets(&mut self, at: usize, id: ConversationId, phone: &Phone) {
        match secrets::of_group(&phone.storage, id) {
            Ok(now) => {
                let before = self.secrets.insert((at, id), now).unwrap_or_default();
                self.left_keys.entry(at).or_default().extend(before);
            }
            Err(error) => self.wrong(format!("phone {at}: MLS keeps its secrets elsewhere: {error}")),
        }
    }

    /// Hears what a node says: I10.
    pub(crate) fn hear(&mut self, conn: &mut Conn, id: RequestId, event: &Event) {
        let lane = conn.asked.remove(&id);
        let receipt = match event {
            Event::Opened { handle, page } => {
                if let Some(lane) = lane {
                    conn.lanes.insert(*handle, lane);
                }
                page.receipt.as_ref()
            }
            Event::Page(page) => page.receipt.as_ref(),
            Event::Receipt(receipt) => Some(receipt),
            _ => None,
        };
        if let (Some(lane), Some(Receipt { seq, gen_before, head, .. })) = (lane, receipt)
            && self.is_honest
        {
            let said = self.receipts.entry((lane, *seq)).or_insert((*gen_before, *head));
            if *said != (*gen_before, *head) {
                self.wrong(format!("I10: the node signed two statements about position {seq}"));
            }
        }
    }

    /// All is quiet: I2, I3, I5, I7, I14. What is not yet so; empty when everything is as it must be.
    pub fn judge_quiet(&mut self, phones: &[Phone]) -> Vec<String> {
        let mut late = Vec::new();
        self.judge_convergence(phones, &mut late);
        for (msg_id, message) in self.messages.iter().filter(|(_, it)| !self.broken.contains(&it.conversation)) {
            if message.state != Some(SendState::Stored) {
                let author = &phones[message.author];
                let is_over = author.timeline.conversations.get(&message.conversation).is_some_and(|conversation| {
                    // Alone in a group, a message waits for somebody to read it.
                    !matches!(conversation.state, ConversationState::Active | ConversationState::Suspect)
                        || conversation.members.len() < 2
                });
                if message.state != Some(SendState::Failed) && !is_over {
                    late.push(format!("I2: message {} of phone {} never left", message.index, message.author));
                }
                continue;
            }
            for reader in &message.steady {
                let is_shown = self.shown.iter().any(|((phone, _), shown)| phone == reader && shown.contains(msg_id));
                if !is_shown {
                    late.push(format!(
                        "I3: stored message {} of phone {} is not shown by phone {reader}",
                        message.index, message.author
                    ));
                }
            }
        }
        late
    }

    fn judge_convergence(&self, phones: &[Phone], late: &mut Vec<String>) {
        let mut stands: BTreeMap<ConversationId, Vec<(usize, protocol::Inspection)>> = BTreeMap::new();
        for (at, phone) in phones.iter().enumerate() {
            let Some(device) = &phone.device else {
                late.push(format!("phone {at} is off"));
                continue;
            };
            let is_whole = self.broken.is_empty();
            if device.waiting() > 0 && is_whole {
                late.push(format!("I2: phone {at} has {} jobs left", device.waiting()));
            }
            for intent in 0..phone.next_intent {
                if !phone.timeline.outcomes.contains_key(&intent) && is_whole {
                    late.push(format!("I2: phone {at}: intent {intent} has no outcome"));
                }
            }
            for id in device.conversation_ids() {
                if let Some(inside) = device.inspect(id)
                    && !matches!(inside.state, ConversationState::Left | ConversationState::Restarted)
                    && !self.broken.contains(&id)
                {
                    stands.entry(id).or_default().push((at, inside));
                }
            }
        }
        for group in stands.values() {
            for (at, inside) in group {
                let is_alone = inside.members.len() < 2;
                if inside.undelivered > 0 && !is_alone || inside.has_sealed_commit || inside.plans > 0 {
                    late.push(format!(
                        "I2: phone {at}: {} messages, {} plans, sealed commit {} ({}; {:?})",
                        inside.undelivered, inside.plans, inside.has_sealed_commit, inside.wire, inside.state
                    ));
                }
                if inside.state == ConversationState::Leaving {
                    late.push(format!("I2: phone {at} is still leaving"));
                }
                let members = self.phones_of(inside.members.iter().map(|member| member.account_id));
                for member in members {
                    match group.iter().find(|(other, _)| *other == member) {
                        None => late.push(format!("I2: phone {member} is a member to phone {at} and knows nothing")),
                        Some((_, other)) => {
                            let ours =
                                (inside.lane_id, inside.cursor, inside.epoch, &inside.authenticator, inside.head);
                            let theirs = (other.lane_id, other.cursor, other.epoch, &other.authenticator, other.head);
                            if ours != theirs {
                                late.push(format!(
                                    "I2: phones {at} and {member} stand at {} and {} of epochs {} and {} ({}; {})",
                                    inside.cursor, other.cursor, inside.epoch, other.epoch, inside.wire, other.wire
                                ));
                            }
                        }
                    }
                }
                if !inside.members.iter().any(|member| member.account_id == self.accounts[*at]) {
                    late.push(format!("I2: phone {at} is no member of what it holds for active"));
                }
            }
        }
    }

    /// What must be so in the end, beyond what may still come: I5, I7, I14.
    pub fn judge_end<'a>(&mut self, phones: &[Phone], disks: impl Iterator<Item = &'a Disk>) {
        self.judge_order();
        for (at, phone) in phones.iter().enumerate() {
            let keys = self.keys.iter().filter(|((phone, _), _)| *phone == at);
            let secrets = self.secrets.iter().filter(|((phone, _), _)| *phone == at);
            let present: BTreeSet<[u8; 32]> = keys
                .flat_map(|(_, keys)| [keys.cell_key, keys.whisper_key])
                .chain(secrets.flat_map(|(_, secrets)| secrets.iter().copied()))
                .collect();
            let left: Vec<[u8; 32]> = self.left_keys.get(&at).into_iter().flatten().copied().collect();
            let left: Vec<[u8; 32]> =
                left.into_iter().filter(|key| *key != [0; 32] && !present.contains(key)).collect();
            let search = Search::new(&left);
            for space in Space::ALL {
                for (key, value) in phone.storage.scan(space, &[]).unwrap_or_default() {
                    if search.is_in(&value) {
                        let label = key.first().copied().unwrap_or_default();
                        self.wrong(format!("I7: phone {at} keeps a key of a left epoch in {space:?}, key {label}.."));
                    }
                }
            }
        }
        for disk in disks {
            let wrongs = std::mem::take(&mut *disk.wrongs.borrow_mut());
            wrongs.into_iter().for_each(|wrong| self.wrong(wrong));
        }
    }

    /// I5: any two phones show what both show in the same order.
    fn judge_order(&mut self) {
        let mut wrongs = Vec::new();
        for ((one, conversation), first) in &self.shown {
            for ((two, other), second) in self.shown.range((one + 1, ConversationId([0; 16]))..) {
                if other != conversation {
                    continue;
                }
                let common = |list: &[MsgId], within: &[MsgId]| {
                    list.iter()
                        .filter(|id| within.contains(id))
                        .filter(|id| self.messages.get(id).is_none_or(|message| !self.exempt.contains(&message.author)))
                        .copied()
                        .collect::<Vec<_>>()
                };
                if common(first, second) != common(second, first) {
                    wrongs.push(format!("I5: phones {one} and {two} show messages in different orders"));
                }
            }
        }
        wrongs.into_iter().for_each(|wrong| self.wrong(wrong));
    }
}

/// Keys to look for, by their first two bytes.
struct Search<'a> {
    starts: Vec<bool>,
    keys: &'a [[u8; 32]],
}

impl<'a> Search<'a> {
    fn new(keys: &'a [[u8; 32]]) -> Self {
        let mut starts = vec![false; 1 << 16];
        for key in keys {
            starts[usize::from(u16::from_be_bytes([key[0], key[1]]))] = true;
        }
        Self { starts, keys }
    }

    /// Whether any of the keys lies in a value.
    fn is_in(&self, value: &[u8]) -> bool {
        let begins = |pair: &[u8]| self.starts[usize::from(u16::from_be_bytes([pair[0], pair[1]]))];
        !self.keys.is_empty()
            && value.windows(32).any(|window| begins(&window[..2]) && self.keys.iter().any(|key| key == window))
    }
}
