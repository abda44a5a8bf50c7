//! Writes the device's records into the tables.

use crate::db::DatabaseError;
use crate::timeline::apply::Incoming;
use crate::timeline::conversation::state_code;
use crate::timeline::entry::KIND_NOTICE;
use crate::timeline::{Change, Changes, EntryId, Notice, Timeline, millis};
use protocol::event::{
    Alert, Contact, ContactRequest, Conversation, ConversationId, ConversationState, InviteState, Member, Record,
    RequestKind,
};
use protocol::identity::Address;
use sqlite::rusqlite::{OptionalExtension, params};
use std::collections::BTreeMap;
use wire::id::{AccountId, Hash};

impl Timeline<'_> {
    /// Writes one record. Whispers and outcomes have no table: they are the engine's.
    ///
    /// # Errors
    /// What the database says; the transaction must then be rolled back.
    pub fn record(&self, record: &Record, now_ms: u64, changes: &mut Changes) -> Result<(), DatabaseError> {
        match record {
            Record::Conversation(conversation) => self.record_conversation(conversation, now_ms, changes),
            Record::Contact(contact) => self.record_contact(contact, changes),
            Record::Received { conversation, msg_id, account, device, message, at_ms } => {
                let incoming = Incoming { msg_id, account, device, message, at_ms: *at_ms };
                self.received(conversation, incoming, changes)
            }
            Record::Sent { conversation, msg_id, state } => self.sent(conversation, msg_id, *state, now_ms, changes),
            Record::Request(request) => self.record_request(request, changes),
            Record::RequestGone(request) => {
                self.connection.prepare_cached("DELETE FROM requests WHERE request = ?1")?.execute([request.0])?;
                changes.insert(Change::Requests);
                Ok(())
            }
            Record::Invite { invite, state } => self.record_invite(invite, state, now_ms, changes),
            Record::Alert { conversation, alert } => self.record_alert(conversation.as_ref(), alert, now_ms, changes),
            Record::Call(_) | Record::Whispered { .. } | Record::Outcome(..) => Ok(()),
        }
    }

    fn record_conversation(
        &self,
        conversation: &Conversation,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let before: Option<(i64, String, i64)> = self
            .connection
            .prepare_cached("SELECT id, title, state FROM conversations WHERE conversation = ?1")?
            .query_row([conversation.id.0], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))
            .optional()?;
        let devices: usize = conversation.members.iter().map(|member| member.devices.len()).sum();
        let row: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO conversations
                   (conversation, is_direct, title, state, node_url, epoch, restarts, devices, created_ms, last_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?9)
                 ON CONFLICT (conversation) DO UPDATE SET is_direct = excluded.is_direct, title = excluded.title,
                   state = excluded.state, node_url = excluded.node_url, epoch = excluded.epoch,
                   restarts = excluded.restarts, devices = excluded.devices
                 RETURNING id",
            )?
            .query_row(
                params![
                    conversation.id.0,
                    conversation.is_direct,
                    conversation.title,
                    state_code(conversation.state),
                    conversation.node_url.as_str(),
                    i64::try_from(conversation.epoch).unwrap_or(i64::MAX),
                    conversation.restarts.map(|id| id.0),
                    i64::try_from(devices).unwrap_or(i64::MAX),
                    millis(now_ms),
                ],
                |row| row.get(0),
            )?;
        let is_over = matches!(conversation.state, ConversationState::Left | ConversationState::Restarted);
        if !is_over {
            self.record_devices(row, &conversation.members)?;
        }
        let notices = match &before {
            None => {
                self.replace_members(row, &conversation.members)?;
                vec![Notice::Began]
            }
            // What is over is shown as it was: nobody tells us who is there now.
            Some((_, _, state)) if is_over => ended(conversation.state, *state),
            Some((_, title, _)) => {
                let members_before = self.replace_members(row, &conversation.members)?;
                notices(conversation, &members_before, title)
            }
        };
        let has_newcomers = notices.iter().any(|notice| matches!(notice, Notice::Began | Notice::Added(_)));
        // In a conversation of two the knock said our name already.
        let has_news = !conversation.is_direct || self.has_picture()?;
        if has_newcomers && has_news && !is_over && self.owes_receipts(row)? {
            self.owe_profile(row, now_ms)?;
        }
        for notice in notices {
            let entry = self.add_notice(row, &notice, now_ms)?;
            changes.insert(Change::Added(conversation.id, entry));
        }
        changes.insert(Change::Conversation(conversation.id));
        changes.insert(Change::List);
        Ok(())
    }

    /// The members before, with whether each was an admin.
    fn replace_members(&self, row: i64, members: &[Member]) -> Result<BTreeMap<AccountId, bool>, DatabaseError> {
        let before = self
            .connection
            .prepare_cached("SELECT account, is_admin FROM members WHERE conversation = ?1")?
            .query_map([row], |row| Ok((AccountId(row.get(0)?), row.get(1)?)))?
            .collect::<Result<BTreeMap<AccountId, bool>, _>>()?;
        let after: BTreeMap<_, _> = members.iter().map(|member| (member.account, member.is_admin)).collect();
        // A group of 1,000 changes by one: only the difference is written.
        for account in before.keys().filter(|account| !after.contains_key(account)) {
            self.connection
                .prepare_cached("DELETE FROM members WHERE conversation = ?1 AND account = ?2")?
                .execute(params![row, account.0])?;
        }
        for (account, is_admin) in after.iter().filter(|(account, is_admin)| before.get(account) != Some(is_admin)) {
            self.connection
                .prepare_cached(
                    "INSERT INTO members (conversation, account, is_admin) VALUES (?1, ?2, ?3)
                     ON CONFLICT (conversation, account) DO UPDATE SET is_admin = excluded.is_admin",
                )?
                .execute(params![row, account.0, is_admin])?;
        }
        Ok(before)
    }

    fn add_notice(&self, row: i64, notice: &Notice, now_ms: u64) -> Result<EntryId, DatabaseError> {
        let place = self.next_place(row, now_ms)?;
        let (code, account, title) = notice.parts();
        // A message's device is never all zeros, so the place cannot clash with anybody's message id.
        let mut msg_id = [0; 16];
        msg_id[8..].copy_from_slice(&place.to_be_bytes());
        let id = self
            .connection
            .prepare_cached(
                "INSERT INTO messages (conversation, msg_id, sender, device, place, sent_ms, received_ms, kind, raw,
                   number, subject, state) VALUES (?1, ?2, zeroblob(32), zeroblob(16), ?3, ?4, ?4, ?5, ?6, ?7, ?8, 5)",
            )?
            .insert(params![
                row,
                msg_id,
                place,
                millis(now_ms),
                KIND_NOTICE,
                title.map(str::as_bytes),
                code,
                account.map(|account| account.0),
            ])?;
        Ok(EntryId(id))
    }

    fn record_contact(&self, contact: &Contact, changes: &mut Changes) -> Result<(), DatabaseError> {
        self.connection
            .prepare_cached(
                "INSERT INTO people (account, name, address) VALUES (?1, ?2, ?3) ON CONFLICT (account)
                 DO UPDATE SET address = excluded.address,
                   name = CASE WHEN excluded.name = '' THEN name ELSE excluded.name END",
            )?
            .execute(params![
                contact.account.0,
                contact.name,
                Address { account_id: contact.account, node_url: contact.node_url.clone() }.to_string()
            ])?;
        changes.insert(Change::Person);
        Ok(())
    }

    fn record_request(&self, request: &ContactRequest, changes: &mut Changes) -> Result<(), DatabaseError> {
        let (kind, conversation) = match &request.kind {
            RequestKind::Talk => (0, None),
            RequestKind::JoinGroup => (1, None),
            RequestKind::EnterGroup(conversation) => (2, Some(conversation.0)),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO requests (request, account, name, note, kind, conversation, received_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT (request) DO NOTHING",
            )?
            .execute(params![
                request.request.0,
                request.account.0,
                request.name,
                request.note,
                kind,
                conversation,
                millis(request.at_ms)
            ])?;
        changes.insert(Change::Requests);
        Ok(())
    }

    fn record_invite(
        &self,
        invite: &Hash,
        state: &InviteState,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let (code, link) = match state {
            InviteState::Ready(link) => (0, Some(link.as_str())),
            InviteState::Used => (1, None),
            InviteState::Closed => (2, None),
        };
        self.connection
            .prepare_cached(
                "INSERT INTO invites (invite, link, state, at_ms) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (invite)
                 DO UPDATE SET link = excluded.link, state = excluded.state, at_ms = excluded.at_ms",
            )?
            .execute(params![invite.0, link, code, millis(now_ms)])?;
        changes.insert(Change::Invites);
        Ok(())
    }

    fn record_alert(
        &self,
        conversation: Option<&ConversationId>,
        alert: &Alert,
        now_ms: u64,
        changes: &mut Changes,
    ) -> Result<(), DatabaseError> {
        let row = match conversation {
            Some(conversation) => self.row_of(conversation)?,
            None => None,
        };
        let (code, account) = describe(alert);
        let who = match account {
            Some(account) => self.display_name(&account)?,
            None => String::new(),
        };
        let evidence = match alert {
            Alert::TwoHistories { evidence } => evidence.as_deref(),
            _ => None,
        };
        let id: i64 = self
            .connection
            .prepare_cached(
                "INSERT INTO alerts (conversation, code, account, text, evidence, at_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6) RETURNING id",
            )?
            .query_row(
                params![row, code, account.map(|account| account.0), alert.text(&who), evidence, millis(now_ms)],
                |row| row.get(0),
            )?;
        changes.insert(Change::Alert(id));
        Ok(())
    }
}

/// A stable word for programs, and the member that the alert is about.
fn describe(alert: &Alert) -> (&'static str, Option<AccountId>) {
    match alert {
        Alert::TwoHistories { .. } => ("two_histories", None),
        Alert::LostItems { .. } => ("lost_items", None),
        Alert::Withholds => ("withholds", None),
        Alert::KeyPackageReused => ("key_package_reused", None),
        Alert::Flooding => ("flooding", None),
        Alert::BrokenUpdate { account } => ("broken_update", Some(*account)),
        Alert::MemberRejoins { account, .. } => ("member_rejoins", Some(*account)),
        Alert::ChangesKeysTooOften { account } => ("changes_keys_too_often", Some(*account)),
        Alert::MemberContradicts { account } => ("member_contradicts", Some(*account)),
        Alert::Restored => ("restored", None),
        Alert::InviteLeaked => ("invite_leaked", None),
        Alert::DoorFlooded => ("door_flooded", None),
        Alert::Gap => ("gap", None),
        Alert::WrongNode => ("wrong_node", None),
        Alert::NotReached { account } => ("not_reached", Some(*account)),
    }
}

/// What a user is told when a conversation is over, once.
fn ended(state: ConversationState, state_before: i64) -> Vec<Notice> {
    match state {
        _ if state_before == state_code(state) => Vec::new(),
        ConversationState::Left => vec![Notice::Ended],
        ConversationState::Restarted => vec![Notice::Restarted],
        ConversationState::Active
        | ConversationState::Suspect
        | ConversationState::Rejoining
        | ConversationState::Disputed
        | ConversationState::Leaving => Vec::new(),
    }
}

/// What a user is told about the difference.
fn notices(now: &Conversation, members_before: &BTreeMap<AccountId, bool>, title_before: &str) -> Vec<Notice> {
    let mut notices = Vec::new();
    if now.title != title_before {
        notices.push(Notice::Renamed(now.title.clone()));
    }
    let members: BTreeMap<_, _> = now.members.iter().map(|member| (member.account, member.is_admin)).collect();
    for (account, is_admin) in &members {
        match members_before.get(account) {
            None => notices.push(Notice::Added(*account)),
            Some(false) if *is_admin => notices.push(Notice::BecameAdmin(*account)),
            Some(true) if !*is_admin => notices.push(Notice::NoLongerAdmin(*account)),
            Some(_) => (),
        }
    }
    let gone = members_before.keys().filter(|account| !members.contains_key(account));
    notices.extend(gone.map(|account| Notice::Removed(*account)));
    notices
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::EntryKind;
    use crate::timeline::testing::{ADA, BOB, ME, ROOM, World, conversation};

    fn told(world: &World) -> Vec<Notice> {
        world
            .entries()
            .into_iter()
            .filter_map(|entry| match entry.kind {
                EntryKind::Notice(notice) => Some(notice),
                _ => None,
            })
            .collect()
    }

    #[test]
    fn changes_of_members_title_and_roles_are_told_in_order() {
        let mut world = World::new();
        assert_eq!(told(&world), [Notice::Began]);
        world.record(Record::Conversation(conversation(&[ME.account, ADA, BOB])), 2);
        assert_eq!(told(&world), [Notice::Began], "nothing changed, nothing told");

        let mut next = conversation(&[ME.account, BOB, AccountId([7; 32])]);
        next.title = "Salon".into();
        next.members[1].is_admin = true;
        world.record(Record::Conversation(next.clone()), 3);
        next.members[1].is_admin = false;
        world.record(Record::Conversation(next.clone()), 4);
        next.members.clear();
        next.state = ConversationState::Left;
        world.record(Record::Conversation(next.clone()), 5);
        world.record(Record::Conversation(next), 6);
        assert_eq!(
            told(&world)[1..],
            [
                Notice::Renamed("Salon".into()),
                Notice::Added(AccountId([7; 32])),
                Notice::BecameAdmin(BOB),
                Notice::Removed(ADA),
                Notice::NoLongerAdmin(BOB),
                Notice::Ended,
            ]
        );
        assert_eq!(world.timeline().members(&ROOM).unwrap().len(), 3);
    }

    #[test]
    fn requests_come_and_go() {
        let mut world = World::new();
        let request = ContactRequest {
            request: Hash([1; 32]),
            account: ADA,
            name: "Ada".into(),
            note: "we met in Turin".into(),
            kind: RequestKind::EnterGroup(ROOM),
            at_ms: 5,
        };
        world.record(Record::Request(request.clone()), 5);
        world.record(Record::Request(request.clone()), 6);
        assert_eq!(world.timeline().requests().unwrap(), [request]);
        world.record(Record::RequestGone(Hash([1; 32])), 7);
        assert!(world.timeline().requests().unwrap().is_empty());
        assert!(world.changes.contains(&Change::Requests));
    }

    #[test]
    fn invite_keeps_its_link_only_while_it_works() {
        let mut world = World::new();
        let invite = Hash([1; 32]);
        world.record(Record::Invite { invite, state: InviteState::Ready("https://x/i#y".into()) }, 5);
        assert_eq!(world.timeline().invites().unwrap()[0].link.as_deref(), Some("https://x/i#y"));
        world.record(Record::Invite { invite, state: InviteState::Used }, 6);
        let stored = world.timeline().invites().unwrap().remove(0);
        assert_eq!((stored.link, stored.is_used), (None, true));
    }

    #[test]
    fn alert_is_kept_in_words_with_its_evidence() {
        let mut world = World::new();
        let evidence = Some(bytes::Bytes::from_static(b"proof"));
        world.record(Record::Alert { conversation: Some(ROOM), alert: Alert::TwoHistories { evidence } }, 5);
        world.record(Record::Alert { conversation: None, alert: Alert::BrokenUpdate { account: ADA } }, 6);
        let alerts = world.timeline().alerts(10).unwrap();
        assert_eq!(alerts[1].text, "The node showed members different histories");
        assert_eq!(alerts[1].evidence.as_deref(), Some(b"proof".as_slice()));
        assert_eq!(alerts[1].conversation, Some(ROOM));
        assert_eq!(alerts[0].code, "broken_update");
        assert_eq!(world.timeline().alert(alerts[0].id).unwrap().as_ref(), Some(&alerts[0]));
    }
}
