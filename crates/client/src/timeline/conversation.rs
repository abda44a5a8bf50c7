//! The list of conversations, members, people, requests, invites, alerts and drafts.

use crate::db::DatabaseError;
use crate::timeline::{Entry, Timeline, Window, millis, unsigned};
use protocol::event::{ContactRequest, ConversationId, ConversationState, RequestKind};
use protocol::identity::address::account_text;
use sqlite::rusqlite::{self, OptionalExtension, Row, params};
use wire::id::{AccountId, Hash, MsgId};
use wire::limit::SMALL_GROUP_LEAVES;

/// Characters of an account shown where there is no name.
const SHORT_ACCOUNT_CHARS: usize = 14;

/// A conversation as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationSummary {
    /// Names it.
    pub id: ConversationId,
    /// One to one.
    pub is_direct: bool,
    /// The group's title, or the other's name.
    pub title: String,
    /// The other account of a conversation of two.
    pub peer: Option<AccountId>,
    /// Where it stands.
    pub state: ConversationState,
    /// The node that keeps it.
    pub node_url: String,
    /// The conversation that this one restarts.
    pub restarts: Option<ConversationId>,
    /// Member accounts, we among them.
    pub members: usize,
    /// Messages not read yet.
    pub unread: usize,
    /// The disappearing timer in seconds; 0 is off.
    pub timer_s: u32,
    /// When something was last shown here, milliseconds.
    pub last_ms: u64,
    /// The last entry.
    pub last: Option<Entry>,
    /// A text that was begun.
    pub draft: Option<String>,
    /// Stays at the top of the list.
    pub is_pinned: bool,
    /// Is out of the list until something arrives.
    pub is_archived: bool,
    /// Shown as unread although everything was read.
    pub is_marked_unread: bool,
    /// Nothing is notified until then, milliseconds.
    pub muted_until_ms: Option<u64>,
    /// Nothing of it goes from device to device.
    pub forbids_direct: bool,
    /// The other of a conversation of two is blocked.
    pub is_blocked: bool,
    /// The safety number was compared with the other of a conversation of two.
    pub is_verified: bool,
    /// Names the picture of the other of a conversation of two.
    pub picture_id: Option<Hash>,
}

/// A member of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSummary {
    /// Who.
    pub account: AccountId,
    /// The name to show.
    pub name: String,
    /// May add, remove, rename.
    pub is_admin: bool,
    /// Is this account.
    pub is_self: bool,
}

/// Somebody whom we met.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Who.
    pub account: AccountId,
    /// The name that they gave themselves; may be empty.
    pub name: String,
    /// The name that we gave them.
    pub petname: Option<String>,
    /// Their picture, an encoded image.
    pub picture: Option<Vec<u8>>,
    /// `account@node`, if they are a contact.
    pub address: Option<String>,
    /// Nothing of theirs is taken.
    pub is_blocked: bool,
    /// When the safety number was compared, milliseconds.
    pub verified_ms: Option<u64>,
    /// Names the picture, where it came since schema 3.
    pub picture_id: Option<Hash>,
}

impl Person {
    /// The petname, else the name, else the beginning of the account.
    pub fn display_name(&self) -> String {
        match &self.petname {
            Some(petname) => petname.clone(),
            None if self.name.is_empty() => {
                let text = account_text(&self.account);
                text.chars().take(SHORT_ACCOUNT_CHARS).chain(['…']).collect()
            }
            None => self.name.clone(),
        }
    }
}

/// An alert that was kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAlert {
    /// Names it here.
    pub id: i64,
    /// Where; none: everywhere.
    pub conversation: Option<ConversationId>,
    /// A stable word for programs.
    pub code: String,
    /// The words for the user.
    pub text: String,
    /// Proof to export by the user's hand.
    pub evidence: Option<Vec<u8>>,
    /// When, milliseconds.
    pub at_ms: u64,
    /// Whom it names.
    pub account: Option<AccountId>,
    /// The user saw it.
    pub is_seen: bool,
}

/// An invite link of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredInvite {
    /// Names it.
    pub invite: Hash,
    /// The whole link while it works.
    pub link: Option<String>,
    /// Somebody used it.
    pub is_used: bool,
    /// When it changed last, milliseconds.
    pub at_ms: u64,
    /// The group that it leads to.
    pub conversation: Option<ConversationId>,
    /// We approve each who comes by it.
    pub needs_approval: bool,
    /// Until when it works, milliseconds, where it was made since schema 3.
    pub expires_ms: Option<u64>,
}

const STATES: [ConversationState; 7] = [
    ConversationState::Active,
    ConversationState::Suspect,
    ConversationState::Rejoining,
    ConversationState::Disputed,
    ConversationState::Leaving,
    ConversationState::Left,
    ConversationState::Restarted,
];

/// The number that is stored.
pub(super) fn state_code(state: ConversationState) -> i64 {
    match state {
        ConversationState::Active => 0,
        ConversationState::Suspect => 1,
        ConversationState::Rejoining => 2,
        ConversationState::Disputed => 3,
        ConversationState::Leaving => 4,
        ConversationState::Left => 5,
        ConversationState::Restarted => 6,
    }
}

fn parse_state(code: i64) -> Option<ConversationState> {
    STATES.into_iter().find(|state| state_code(*state) == code)
}

const COLUMNS: &str = "c.conversation, c.is_direct, c.title, c.state, c.node_url, c.restarts, c.timer_s, c.last_ms,
    (SELECT count(*) FROM members m WHERE m.conversation = c.id),
    (SELECT count(*) FROM messages m WHERE m.conversation = c.id AND m.is_unread = 1),
    (SELECT m.account FROM members m WHERE m.conversation = c.id AND m.account != ?1 AND c.is_direct = 1),
    (SELECT d.text FROM drafts d WHERE d.conversation = c.id),
    c.is_pinned, c.is_archived, c.is_marked_unread, c.muted_until_ms, c.forbids_direct";

fn summary_of(row: &Row<'_>) -> rusqlite::Result<ConversationSummary> {
    let code: i64 = row.get(3)?;
    Ok(ConversationSummary {
        id: ConversationId(row.get(0)?),
        is_direct: row.get(1)?,
        title: row.get(2)?,
        state: parse_state(code).ok_or(rusqlite::Error::IntegralValueOutOfRange(3, code))?,
        node_url: row.get(4)?,
        restarts: row.get::<_, Option<[u8; 16]>>(5)?.map(ConversationId),
        timer_s: row.get(6)?,
        last_ms: unsigned(row.get(7)?),
        members: row.get::<_, u32>(8)? as usize,
        unread: row.get::<_, u32>(9)? as usize,
        peer: row.get::<_, Option<[u8; 32]>>(10)?.map(AccountId),
        draft: row.get(11)?,
        last: None,
        is_pinned: row.get(12)?,
        is_archived: row.get(13)?,
        is_marked_unread: row.get(14)?,
        muted_until_ms: row.get::<_, Option<i64>>(15)?.map(unsigned),
        forbids_direct: row.get(16)?,
        is_blocked: false,
        is_verified: false,
        picture_id: None,
    })
}

impl Timeline<'_> {
    /// All conversations, the one with the newest entry first.
    ///
    /// # Errors
    /// What the database says.
    pub fn conversations(&self) -> Result<Vec<ConversationSummary>, DatabaseError> {
        self.connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations c ORDER BY c.last_ms DESC, c.id DESC"))?
            .query_map([self.me.account.0], summary_of)?
            .collect::<Result<Vec<_>, _>>()?
            .into_iter()
            .map(|summary| self.complete(summary))
            .collect()
    }

    /// One conversation.
    ///
    /// # Errors
    /// What the database says.
    pub fn conversation(&self, id: &ConversationId) -> Result<Option<ConversationSummary>, DatabaseError> {
        self.connection
            .prepare_cached(&format!("SELECT {COLUMNS} FROM conversations c WHERE c.conversation = ?2"))?
            .query_row(params![self.me.account.0, id.0], summary_of)
            .optional()?
            .map(|summary| self.complete(summary))
            .transpose()
    }

    fn complete(&self, mut summary: ConversationSummary) -> Result<ConversationSummary, DatabaseError> {
        summary.last = self.snapshot(&summary.id, Window::Latest(1))?.entries.pop();
        if let Some(peer) = &summary.peer {
            let person = self.person(peer)?;
            if summary.title.is_empty() {
                summary.title = person.display_name();
            }
            summary.is_blocked = person.is_blocked;
            summary.is_verified = person.verified_ms.is_some();
            summary.picture_id = person.picture_id;
        }
        Ok(summary)
    }

    /// The members of a conversation, by account.
    ///
    /// # Errors
    /// What the database says.
    pub fn members(&self, id: &ConversationId) -> Result<Vec<MemberSummary>, DatabaseError> {
        let found: Vec<([u8; 32], bool)> = self
            .connection
            .prepare_cached(
                "SELECT m.account, m.is_admin FROM members m JOIN conversations c ON c.id = m.conversation
                 WHERE c.conversation = ?1 ORDER BY m.account",
            )?
            .query_map([id.0], |row| Ok((row.get(0)?, row.get(1)?)))?
            .collect::<Result<_, _>>()?;
        found
            .into_iter()
            .map(|(account, is_admin)| {
                let account = AccountId(account);
                Ok(MemberSummary {
                    account,
                    name: self.display_name(&account)?,
                    is_admin,
                    is_self: account == self.me.account,
                })
            })
            .collect()
    }

    /// What is known of an account; nothing but the account where nothing is.
    ///
    /// # Errors
    /// What the database says.
    pub fn person(&self, account: &AccountId) -> Result<Person, DatabaseError> {
        let found = self
            .connection
            .prepare_cached(&format!("SELECT {PERSON} FROM people WHERE account = ?1"))?
            .query_row([account.0], person_of)
            .optional()?;
        Ok(found.unwrap_or(Person {
            account: *account,
            name: String::new(),
            petname: None,
            picture: None,
            address: None,
            is_blocked: false,
            verified_ms: None,
            picture_id: None,
        }))
    }

    /// Everybody whom we met, by account.
    ///
    /// # Errors
    /// What the database says.
    pub fn people(&self) -> Result<Vec<Person>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!("SELECT {PERSON} FROM people ORDER BY account"))?
            .query_map([], person_of)?
            .collect::<Result<_, _>>()?)
    }

    /// The name to show for an account.
    ///
    /// # Errors
    /// What the database says.
    pub fn display_name(&self, account: &AccountId) -> Result<String, DatabaseError> {
        Ok(self.person(account)?.display_name())
    }

    /// Takes over the name that we gave ourselves.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_own_name(&self, name: &str) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, name) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET name = excluded.name",
            )?
            .execute(params![self.me.account.0, name])?;
        Ok(())
    }

    /// Gives an account a name of our own; none takes it back.
    ///
    /// # Errors
    /// What the database says.
    pub fn set_petname(&self, account: &AccountId, petname: Option<&str>) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, petname) VALUES (?1, ?2)
                 ON CONFLICT (account) DO UPDATE SET petname = excluded.petname",
            )?
            .execute(params![account.0, petname])?;
        Ok(())
    }

    /// Requests that wait, oldest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn requests(&self) -> Result<Vec<ContactRequest>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT request, account, name, note, kind, conversation, received_ms FROM requests
                 ORDER BY received_ms, request",
            )?
            .query_map([], |row| {
                let conversation = row.get::<_, Option<[u8; 16]>>(5)?.map(ConversationId);
                let code: i64 = row.get(4)?;
                let kind = match (code, conversation) {
                    (0, _) => RequestKind::Talk,
                    (1, _) => RequestKind::JoinGroup,
                    (2, Some(conversation)) => RequestKind::EnterGroup(conversation),
                    _ => return Err(rusqlite::Error::IntegralValueOutOfRange(4, code)),
                };
                Ok(ContactRequest {
                    request: Hash(row.get(0)?),
                    account: AccountId(row.get(1)?),
                    name: row.get(2)?,
                    note: row.get(3)?,
                    kind,
                    at_ms: unsigned(row.get(6)?),
                })
            })?
            .collect::<Result<_, _>>()?)
    }

    /// Alerts, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn alerts(&self, limit: u32) -> Result<Vec<StoredAlert>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT a.id, c.conversation, a.code, a.text, a.evidence, a.at_ms, a.account, a.is_seen
                 FROM alerts a LEFT JOIN conversations c ON c.id = a.conversation ORDER BY a.id DESC LIMIT ?1",
            )?
            .query_map([limit], alert_of)?
            .collect::<Result<_, _>>()?)
    }

    /// One alert.
    ///
    /// # Errors
    /// What the database says.
    pub fn alert(&self, id: i64) -> Result<Option<StoredAlert>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT a.id, c.conversation, a.code, a.text, a.evidence, a.at_ms, a.account, a.is_seen
                 FROM alerts a LEFT JOIN conversations c ON c.id = a.conversation WHERE a.id = ?1",
            )?
            .query_row([id], alert_of)
            .optional()?)
    }

    /// Our invite links, newest first.
    ///
    /// # Errors
    /// What the database says.
    pub fn invites(&self) -> Result<Vec<StoredInvite>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(
                "SELECT invite, link, state, at_ms, conversation, needs_approval, expires_ms FROM invites
                 ORDER BY at_ms DESC, invite",
            )?
            .query_map([], |row| {
                Ok(StoredInvite {
                    invite: Hash(row.get(0)?),
                    link: row.get(1)?,
                    is_used: row.get::<_, i64>(2)? == 1,
                    at_ms: unsigned(row.get(3)?),
                    conversation: row.get::<_, Option<[u8; 16]>>(4)?.map(ConversationId),
                    needs_approval: row.get(5)?,
                    expires_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
                })
            })?
            .collect::<Result<_, _>>()?)
    }

    /// Entries of others that were not read yet, over all conversations, in the order in which they came.
    ///
    /// # Errors
    /// What the database says.
    pub fn unread(&self, limit: u32) -> Result<Vec<Entry>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached(&format!(
                "SELECT {} FROM messages m JOIN conversations c ON c.id = m.conversation
                 WHERE m.is_unread = 1 ORDER BY m.id LIMIT ?1",
                crate::timeline::entry::COLUMNS
            ))?
            .query_map([limit], |row| self.entry_of(row))?
            .collect::<Result<_, _>>()?)
    }

    /// Keeps a text that was begun; an empty one is forgotten.
    ///
    /// # Errors
    /// What the database says.
    pub fn save_draft(
        &self,
        conversation: &ConversationId,
        text: &str,
        reply_to: Option<&MsgId>,
        now_ms: u64,
    ) -> Result<(), DatabaseError> {
        let Some(row) = self.row_of(conversation)? else {
            return Ok(());
        };
        if text.is_empty() {
            self.connection.prepare_cached("DELETE FROM drafts WHERE conversation = ?1")?.execute([row])?;
        } else {
            self.connection
                .prepare_cached(
                    "INSERT INTO drafts (conversation, text, reply_to, saved_ms) VALUES (?1, ?2, ?3, ?4)
                     ON CONFLICT (conversation) DO UPDATE SET text = excluded.text, reply_to = excluded.reply_to,
                       saved_ms = excluded.saved_ms",
                )?
                .execute(params![row, text, reply_to.map(|msg_id| msg_id.0), millis(now_ms)])?;
        }
        Ok(())
    }

    /// A conversation's disappearing timer in seconds; none of a conversation that is not there.
    ///
    /// # Errors
    /// What the database says.
    pub fn conversation_timer(&self, conversation: &ConversationId) -> Result<Option<u32>, DatabaseError> {
        Ok(self
            .connection
            .prepare_cached("SELECT timer_s FROM conversations WHERE conversation = ?1")?
            .query_row([conversation.0], |row| row.get(0))
            .optional()?)
    }

    /// Whether delivery and read receipts are sent here: above 32 devices they are not (LANE.md C15).
    pub(super) fn owes_receipts(&self, row: i64) -> Result<bool, DatabaseError> {
        let devices: i64 = self
            .connection
            .prepare_cached("SELECT devices FROM conversations WHERE id = ?1")?
            .query_row([row], |row| row.get(0))?;
        Ok(usize::try_from(devices).is_ok_and(|devices| devices <= SMALL_GROUP_LEAVES))
    }
}

const PERSON: &str = "account, name, petname, picture, address, is_blocked, verified_ms, picture_id";

fn person_of(row: &Row<'_>) -> rusqlite::Result<Person> {
    Ok(Person {
        account: AccountId(row.get(0)?),
        name: row.get(1)?,
        petname: row.get(2)?,
        picture: row.get(3)?,
        address: row.get(4)?,
        is_blocked: row.get(5)?,
        verified_ms: row.get::<_, Option<i64>>(6)?.map(unsigned),
        picture_id: row.get::<_, Option<[u8; 32]>>(7)?.map(Hash),
    })
}

fn alert_of(row: &Row<'_>) -> rusqlite::Result<StoredAlert> {
    Ok(StoredAlert {
        id: row.get(0)?,
        conversation: row.get::<_, Option<[u8; 16]>>(1)?.map(ConversationId),
        code: row.get(2)?,
        text: row.get(3)?,
        evidence: row.get(4)?,
        at_ms: unsigned(row.get(5)?),
        account: row.get::<_, Option<[u8; 32]>>(6)?.map(AccountId),
        is_seen: row.get(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::{ADA, ME, ROOM, World, conversation, text};
    use protocol::event::{Contact, Conversation, Record};
    use protocol::identity::NodeUrl;

    fn contact(world: &mut World, name: &str) {
        let node_url = NodeUrl::parse("http://localhost:1").unwrap();
        world.record(Record::Contact(Contact { account: ADA, node_url, name: name.into() }), 1);
    }

    #[test]
    fn conversation_of_two_has_the_others_name() {
        let mut world = World::new();
        let direct = Conversation {
            id: ConversationId([2; 16]),
            is_direct: true,
            title: String::new(),
            ..conversation(&[ME.account, ADA])
        };
        world.record(Record::Conversation(direct), 2);
        let title = |world: &World| {
            let summary = world.timeline().conversation(&ConversationId([2; 16])).unwrap().unwrap();
            assert_eq!(summary.peer, Some(ADA));
            summary.title
        };
        assert!(title(&world).ends_with('…'), "{}", title(&world));
        contact(&mut world, "Ada");
        assert_eq!(title(&world), "Ada");
        world.timeline().set_petname(&ADA, Some("Countess")).unwrap();
        assert_eq!(title(&world), "Countess");
        contact(&mut world, "Augusta");
        assert_eq!(title(&world), "Countess");
        world.timeline().set_petname(&ADA, None).unwrap();
        assert_eq!(title(&world), "Augusta");
    }

    #[test]
    fn list_has_the_newest_first_with_unread_count_last_entry_and_draft() {
        let mut world = World::new();
        let other =
            Conversation { id: ConversationId([2; 16]), title: "Other".into(), ..conversation(&[ME.account, ADA]) };
        world.record(Record::Conversation(other), 5);
        let titles = |world: &World| -> Vec<String> {
            world.timeline().conversations().unwrap().into_iter().map(|summary| summary.title).collect()
        };
        assert_eq!(titles(&world), ["Other", "Room"]);
        world.received(ADA, 1, text("one"), 10);
        world.received(ADA, 2, text("two"), 11);
        world.timeline().save_draft(&ROOM, "begun", None, 12).unwrap();
        assert_eq!(titles(&world), ["Room", "Other"]);
        let room = world.timeline().conversations().unwrap().remove(0);
        assert_eq!((room.unread, room.members, room.last_ms), (2, 3, 11));
        assert_eq!(room.last.unwrap().text(), Some("two"));
        assert_eq!(room.draft.as_deref(), Some("begun"));
        world.timeline().save_draft(&ROOM, "", None, 13).unwrap();
        assert_eq!(world.timeline().conversation(&ROOM).unwrap().unwrap().draft, None);
    }

    #[test]
    fn own_message_brings_its_conversation_to_the_top() {
        let mut world = World::new();
        let other =
            Conversation { id: ConversationId([2; 16]), title: "Other".into(), ..conversation(&[ME.account, ADA]) };
        world.record(Record::Conversation(other), 5);
        world.own(1, text("mine"), 10);
        assert_eq!(world.timeline().conversations().unwrap()[0].id, ROOM);
    }

    #[test]
    fn members_have_names_and_roles() {
        let mut world = World::new();
        contact(&mut world, "Ada");
        let members = world.timeline().members(&ROOM).unwrap();
        assert_eq!(members.len(), 3);
        let ada = members.iter().find(|member| member.account == ADA).unwrap();
        assert_eq!((ada.name.as_str(), ada.is_admin, ada.is_self), ("Ada", false, false));
        assert!(members.iter().any(|member| member.is_self && member.is_admin));
    }
}
