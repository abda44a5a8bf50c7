//! Conversations and messages as a user sees them.
//!
//! [`Timeline`] works on the transaction that is open: the device's records and every content kind are applied
//! to the tables in the transaction that also holds the device's own writes. What changed comes out as a set of
//! [`Change`]s, published after the commit; a view keeps a [`Window`] and takes a new snapshot when a change
//! touches it.
//!
//! Order is the order in which the device reports messages, which is the lane's; own messages come last until
//! the node has them.

mod apply;
mod call;
mod conversation;
mod detail;
mod entry;
mod expire;
mod file;
mod find;
mod invite;
mod marks;
mod media;
mod own;
mod record;
mod reinterpret;
mod search;
mod typing;

pub use call::{CallEntry, CallOutcome, KeptGroupCall, OpenCall};
pub use conversation::{ConversationSummary, MemberSummary, Person, StoredAlert, StoredInvite};
pub use detail::MessageInfo;
pub use entry::{Entry, EntryId, EntryKind, MessageState, Notice, Reaction, Snapshot, Window};
pub use expire::{OwedBatch, OwedKind, RECEIPT_DELAY_MS};
pub use find::{FindError, Found};
pub use invite::InviteTerms;
pub use marks::Mark;
pub use media::{Held, MediaKind};
pub use search::{SEARCH_WORDS_MAX, SearchHit};
pub use typing::Typing;

use crate::db::DatabaseError;
use protocol::event::ConversationId;
use sqlite::rusqlite::{Connection, OptionalExtension, params};
use std::collections::BTreeSet;
use wire::id::{AccountId, DeviceId};

/// Places of messages that the node does not have yet lie above this.
pub(crate) const PENDING_PLACE: i64 = 1 << 62;

/// Whose timeline it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Me {
    /// The account.
    pub account: AccountId,
    /// This device.
    pub device: DeviceId,
}

/// What changed; a view that shows it takes a new snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Change {
    /// The order or the content of the list of conversations.
    List,
    /// One conversation: title, members, state, timer, unread count.
    Conversation(ConversationId),
    /// An entry is new.
    Added(ConversationId, EntryId),
    /// An entry's text, state, reactions or place changed.
    Updated(ConversationId, EntryId),
    /// An entry is gone.
    Removed(ConversationId, EntryId),
    /// Somebody types, or stopped.
    Typing(ConversationId),
    /// A name or a picture.
    Person,
    /// The list of requests.
    Requests,
    /// The list of invite links.
    Invites,
    /// Something that the user must know.
    Alert(i64),
    /// Whether the node took the bell.
    Bell,
    /// The call that is under way, or that there is none.
    Call,
}

/// Changes of one transaction, each once.
pub type Changes = BTreeSet<Change>;

/// The timeline tables within the transaction that is open.
#[derive(Clone, Copy)]
pub struct Timeline<'a> {
    connection: &'a Connection,
    me: Me,
}

impl<'a> Timeline<'a> {
    /// Works in whatever transaction is open on `connection`.
    pub fn new(connection: &'a Connection, me: Me) -> Self {
        Self { connection, me }
    }

    /// A conversation's row.
    fn row_of(&self, conversation: &ConversationId) -> Result<Option<i64>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT id FROM conversations WHERE conversation = ?1")?
            .query_row([conversation.0], |row| row.get(0))
            .optional()?)
    }

    /// The next place at the end of a conversation, and the list's order by the way.
    fn next_place(&self, row: i64, at_ms: u64) -> Result<i64, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "UPDATE conversations SET last_place = last_place + 1, last_ms = max(last_ms, ?2) WHERE id = ?1
                 RETURNING last_place",
            )?
            .query_row(params![row, millis(at_ms)], |row| row.get(0))?)
    }

    /// A setting of this profile.
    ///
    /// # Errors
    /// What the database says.
    pub fn setting(&self, name: &str) -> Result<Option<String>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT value FROM settings WHERE name = ?1")?
            .query_row([name], |row| row.get(0))
            .optional()?)
    }

    /// Writes a setting of this profile.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_setting(&self, name: &str, value: &str) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO settings (name, value) VALUES (?1, ?2)
                 ON CONFLICT (name) DO UPDATE SET value = excluded.value",
            )?
            .execute([name, value])?;
        Ok(())
    }
}

/// Milliseconds as SQLite keeps them; the parsers bound what others claim, our clock stays below by far.
fn millis(at_ms: u64) -> i64 {
    i64::try_from(at_ms).unwrap_or(i64::MAX)
}

/// Milliseconds from SQLite; a negative number was never written.
fn unsigned(at_ms: i64) -> u64 {
    u64::try_from(at_ms).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod testing {
    //! A database with one conversation of three, shared by this module's tests.

    use super::*;
    use crate::db::Database;
    use protocol::content::{Content, Kind};
    use protocol::event::{Conversation, ConversationState, Member, Record};
    use protocol::identity::NodeUrl;
    use wire::id::MsgId;

    pub(crate) const ME: Me = Me { account: AccountId([1; 32]), device: DeviceId([1; 16]) };
    pub(crate) const ADA: AccountId = AccountId([0xad; 32]);
    pub(crate) const BOB: AccountId = AccountId([0xb0; 32]);
    pub(crate) const ROOM: ConversationId = ConversationId([9; 16]);

    pub(crate) fn member(account: AccountId) -> Member {
        Member {
            account,
            devices: vec![device(account)],
            is_admin: account == ME.account,
            is_self: account == ME.account,
        }
    }

    pub(crate) fn device(account: AccountId) -> DeviceId {
        DeviceId([account.0[0]; 16])
    }

    pub(crate) fn conversation(accounts: &[AccountId]) -> Conversation {
        Conversation {
            id: ROOM,
            is_direct: false,
            title: "Room".into(),
            members: accounts.iter().copied().map(member).collect(),
            state: ConversationState::Active,
            node_url: NodeUrl::parse("http://localhost:1").unwrap(),
            epoch: 1,
            restarts: None,
        }
    }

    pub(crate) struct World {
        pub(crate) database: Database,
        pub(crate) changes: Changes,
    }

    impl World {
        pub(crate) fn new() -> Self {
            let world = Self::unsettled();
            while world.timeline().take_owed(u64::MAX >> 1).unwrap().is_some() {}
            world
        }

        /// With what is owed to a conversation that began.
        pub(crate) fn unsettled() -> Self {
            let mut world = Self { database: Database::in_memory().unwrap(), changes: Changes::new() };
            world.record(Record::Conversation(conversation(&[ME.account, ADA, BOB])), 1);
            world.changes.clear();
            world
        }

        pub(crate) fn timeline(&self) -> Timeline<'_> {
            Timeline::new(self.database.read(), ME)
        }

        /// The steps by which the database would answer.
        pub(crate) fn plan(&self, sql: &str, params: impl sqlite::rusqlite::Params) -> Vec<String> {
            let mut steps = self.database.read().prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
            steps.query_map(params, |row| row.get(3)).unwrap().collect::<Result<_, _>>().unwrap()
        }

        pub(crate) fn record(&mut self, record: Record, now_ms: u64) {
            let changes = &mut self.changes;
            self.database.write(|tx| Timeline::new(tx, ME).record(&record, now_ms, changes)).unwrap();
        }

        pub(crate) fn received(&mut self, account: AccountId, id: u8, kind: Kind, now_ms: u64) {
            self.received_with_timer(account, id, kind, now_ms, 0);
        }

        pub(crate) fn received_with_timer(
            &mut self,
            account: AccountId,
            id: u8,
            kind: Kind,
            now_ms: u64,
            timer_s: u32,
        ) {
            let message = Content { sent_ms: now_ms, timer_s, kind }.encode().unwrap();
            self.received_bytes(account, id, message, now_ms);
        }

        pub(crate) fn received_bytes(&mut self, account: AccountId, id: u8, message: Vec<u8>, now_ms: u64) {
            self.received_as(MsgId([id; 16]), account, message, now_ms);
        }

        pub(crate) fn received_as(&mut self, msg_id: MsgId, account: AccountId, message: Vec<u8>, now_ms: u64) {
            self.record(
                Record::Received {
                    conversation: ROOM,
                    msg_id,
                    account,
                    device: device(account),
                    message: message.into(),
                    at_ms: now_ms,
                },
                now_ms,
            );
        }

        pub(crate) fn own(&mut self, id: u8, kind: Kind, now_ms: u64) {
            self.own_with_timer(id, kind, now_ms, 0);
        }

        pub(crate) fn own_with_timer(&mut self, id: u8, kind: Kind, now_ms: u64, timer_s: u32) {
            let content = Content { sent_ms: now_ms, timer_s, kind };
            let changes = &mut self.changes;
            self.database
                .write(|tx| Timeline::new(tx, ME).own(&ROOM, &MsgId([id; 16]), &content, now_ms, changes))
                .unwrap();
        }

        pub(crate) fn entries(&self) -> Vec<Entry> {
            self.timeline().snapshot(&ROOM, Window::Latest(100)).unwrap().entries
        }

        /// The texts in order, without notices.
        pub(crate) fn texts(&self) -> Vec<String> {
            self.entries()
                .into_iter()
                .filter_map(|entry| match entry.kind {
                    EntryKind::Text(text) | EntryKind::Files(text) => Some(text),
                    EntryKind::Unknown => Some("?".into()),
                    EntryKind::Deleted => Some("-".into()),
                    EntryKind::Timer(seconds) => Some(format!("timer {seconds}")),
                    EntryKind::Notice(_) | EntryKind::Call(_) => None,
                })
                .collect()
        }
    }

    pub(crate) fn text(text: &str) -> Kind {
        Kind::Text { text: text.into(), reply_to: None, is_forwarded: false }
    }
}
