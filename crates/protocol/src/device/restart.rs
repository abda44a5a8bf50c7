//! A new group in the place of one that is broken, and of two of them the one that stays (LANE.md s.6, Reboot).
//!
//! Two admins may restart one group at the same time. Everybody joins both, for whoever let them in counts them in. The
//! one of the lower id stays. The other is left by `leave`, so that what is written there by those who do not know
//! better yet is still read; of its admins the one of the lowest account stays until it is alone.

use super::Parts;
use super::job::{Purpose, Stage};
use crate::event::{ConversationId, ConversationState, IntentError, IntentId, Outcome};
use crate::group::{Cx, DeviceError, Group, members_of};
use crate::policy::{Policy, Previous};
use crate::storage::{Space, Storage, StorageError};
use std::collections::BTreeSet;
use wire::id::{AccountId, Hash};

/// Which conversation stands in the place of one that is over, by the latter's id.
const RESTARTED: &[u8] = b"restarted ";
/// Conversations that another one of the same origin has outdone.
const CLOSING: &[u8] = b"closing ";

fn key(label: &[u8], id: &ConversationId) -> Vec<u8> {
    [label, &id.0].concat()
}

/// The conversations that this device is about to leave for another restart of the same group.
pub(super) fn load_closing(storage: &dyn Storage) -> Result<BTreeSet<ConversationId>, StorageError> {
    let rows = storage.scan(Space::Device, CLOSING)?;
    let id = |row: &[u8]| row.strip_prefix(CLOSING).and_then(|id| id.try_into().ok()).map(ConversationId);
    rows.iter().map(|(row, _)| id(row).ok_or(StorageError::Corrupt("conversation that closes"))).collect()
}

impl Parts<'_> {
    /// Restarts a conversation with the same members in a new group.
    pub(super) fn reboot(
        &mut self,
        cx: &mut Cx<'_>,
        id: IntentId,
        conversation: ConversationId,
    ) -> Result<Option<Result<Outcome, IntentError>>, DeviceError> {
        let Some(old) = self.groups.get(&conversation) else { return Ok(Some(Err(IntentError::NoConversation))) };
        if !matches!(old.record.state, ConversationState::Disputed | ConversationState::Rejoining) {
            return Ok(Some(Err(IntentError::NotBroken)));
        }
        if !old.may_admin(cx)? {
            return Ok(Some(Err(IntentError::NotAdmin)));
        }
        let Some(node_key) = cx.me.node_key else { return Ok(Some(Err(IntentError::Offline))) };
        let members = self.others(cx, old);
        let previous = Previous {
            group_id: old.record.id,
            epoch: old.record.epoch,
            authenticator: Hash::of(&[&old.record.authenticator]),
        };
        let policy = Policy { node_url: cx.me.node_url.clone(), node_key, previous: Some(previous), ..old.policy()? };
        let group_id = cx.random();
        let mut group = Group::create(cx, group_id, &policy)?;
        let new_id = group.id();
        if let Some(mut old) = self.groups.remove(&conversation) {
            group.adopt(cx, &mut old)?;
            old.restarted(cx)?;
            self.groups.insert(conversation, old);
        }
        group.announce(cx)?;
        self.groups.insert(new_id, group);
        self.note_restart(cx, conversation, new_id)?;
        for account in members {
            if let Some(contact) = super::knock::contact(cx.storage, &account)? {
                self.add_member(cx, id, new_id, account, contact.node_url)?;
            }
        }
        Ok(Some(Ok(Outcome::Conversation(new_id))))
    }

    /// Whether a group restarts another of ours: its policy says so, its maker was an admin there, and it has nobody
    /// whom we do not know from there.
    pub(super) fn is_restart(
        &self,
        cx: &Cx<'_>,
        group: &Group,
        old_id: ConversationId,
        maker: &AccountId,
    ) -> Result<bool, DeviceError> {
        let Some(old) = self.groups.get(&old_id) else { return Ok(false) };
        let before = self.others(cx, old);
        Ok(group.record.restarts == Some(old_id.0)
            && old.policy()?.is_admin(maker)
            && self.others(cx, group).iter().all(|account| before.contains(account)))
    }

    /// A conversation stands in the place of another. Of two that do, the lower id stays.
    pub(super) fn note_restart(
        &mut self,
        cx: &mut Cx<'_>,
        old: ConversationId,
        new: ConversationId,
    ) -> Result<(), DeviceError> {
        let row = key(RESTARTED, &old);
        let known = cx.storage.get(Space::Device, &row)?.and_then(|id| id.try_into().ok()).map(ConversationId);
        let is_open = |id: &ConversationId| self.groups.get(id).is_some_and(Group::is_active);
        let rival = known.filter(|known| *known != new && is_open(known));
        let stays = rival.map_or(new, |rival| rival.min(new));
        cx.storage.put(Space::Device, &row, &stays.0)?;
        match rival {
            Some(rival) => self.outdo(cx, rival.max(new), stays),
            None => Ok(()),
        }
    }

    /// Begins to leave a conversation for another one of the same origin; who was in it alone is asked there.
    fn outdo(&mut self, cx: &mut Cx<'_>, goes: ConversationId, stays: ConversationId) -> Result<(), DeviceError> {
        cx.storage.put(Space::Device, &key(CLOSING, &goes), &stays.0)?;
        self.closing.insert(goes);
        let (Some(old), Some(new)) = (self.groups.get(&goes), self.groups.get(&stays)) else { return Ok(()) };
        if !new.may_admin(cx)? {
            return Ok(());
        }
        let there = self.others(cx, new);
        let missing: Vec<AccountId> = self.others(cx, old).into_iter().filter(|one| !there.contains(one)).collect();
        for account in missing {
            if let Some(contact) = super::knock::contact(cx.storage, &account)? {
                let stage = Stage::Claim { node_url: contact.node_url, account: account.0, is_record_only: false };
                self.new_job(cx, None, Purpose::Member { group: stays.0 }, stage)?;
            }
        }
        Ok(())
    }

    /// Leaves what was outdone, as soon as this device may.
    pub(super) fn leave_outdone(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        let me = cx.me.identity.account_id;
        for id in self.closing.clone() {
            let Some(group) = self.groups.get_mut(&id).filter(|group| group.is_active()) else {
                self.closing.remove(&id);
                cx.storage.delete(Space::Device, &key(CLOSING, &id))?;
                continue;
            };
            let members: BTreeSet<AccountId> =
                members_of(&group.mls).into_iter().map(|(_, who)| who.account_id).collect();
            if members.len() == 1 {
                self.end_outdone(cx, id)?;
                continue;
            }
            let policy = group.policy()?;
            let is_last = members.iter().find(|account| policy.is_admin(account)) == Some(&me);
            if group.record.state != ConversationState::Leaving && !is_last {
                // The last admin of those who are left stays as well: nobody else could remove it.
                let _ = group.leave(cx)?;
            }
        }
        Ok(())
    }

    /// Nobody else is in it any more, or yet: what was not sent goes out in the other one.
    fn end_outdone(&mut self, cx: &mut Cx<'_>, id: ConversationId) -> Result<(), DeviceError> {
        let row = key(CLOSING, &id);
        let stays = cx.storage.get(Space::Device, &row)?.and_then(|id| id.try_into().ok()).map(ConversationId);
        let Some(mut old) = self.groups.remove(&id) else { return Ok(()) };
        match stays.and_then(|stays| self.groups.get_mut(&stays)).filter(|group| group.is_active()) {
            Some(new) => {
                new.adopt(cx, &mut old)?;
                old.restarted(cx)?;
                new.pump(cx)?;
            }
            None => old.end(cx)?,
        }
        self.groups.insert(id, old);
        self.closing.remove(&id);
        cx.storage.delete(Space::Device, &row)?;
        Ok(())
    }
}
