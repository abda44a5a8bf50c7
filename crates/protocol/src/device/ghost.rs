//! Members that were let in and never came: their Welcome was lost, or nobody wanted it (LANE.md s.7).
//!
//! Whoever joins puts a key of its own into its leaf within a day. So a leaf that is still as it was added, and from
//! which nothing came, belongs to nobody yet.

use super::Parts;
use crate::event::{Alert, ConversationId, Record};
use crate::group::{Cx, Delivery, DeviceError, Plan, leaf_hashes};
use crate::identity::DeviceIdentity;
use crate::storage::{self, Space, Storage, StorageError};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use wire::id::AccountId;

/// Who was let in by a commit of ours: this, the group, the epoch.
const ADDED: &[u8] = b"added ";
/// A leaf without a key of its own so long after is not joined yet; a new knock of its device lets it in again.
const ABSENT_S: u64 = 2 * 86_400;
/// No node keeps a Welcome so long: who has not come by then does not come.
const GONE_S: u64 = 32 * 86_400;

/// Those who were let in by one commit.
#[derive(Serialize, Deserialize)]
struct Added {
    at_s: u64,
    /// Account, and the hash of its leaf.
    joiners: Vec<([u8; 32], [u8; 32])>,
}

/// When somebody may be given up for the first time, seconds.
pub(super) fn first_due_s(storage: &dyn Storage) -> Result<u64, StorageError> {
    let mut due_s = u64::MAX;
    for (_, value) in storage.scan(Space::Device, ADDED)? {
        due_s = due_s.min(storage::decode::<Added>(1, &value, "added members")?.at_s.saturating_add(GONE_S));
    }
    Ok(due_s)
}

impl Parts<'_> {
    /// Remembers whom a commit of ours let into a group.
    pub(super) fn note_added(&mut self, cx: &mut Cx<'_>, delivery: &Delivery) -> Result<(), DeviceError> {
        let id = ConversationId(delivery.group);
        let Some(group) = self.groups.get(&id).filter(|group| !group.record.is_direct) else { return Ok(()) };
        let accounts: BTreeSet<[u8; 32]> = delivery.joiners.iter().map(|joiner| joiner.account).collect();
        let leaves = leaf_hashes(&group.mls, |who| accounts.contains(&who.account_id.0));
        let joiners = leaves.into_iter().map(|(_, who, key)| (who.account_id.0, key)).collect();
        let row = [ADDED, &id.0, &group.record.epoch.to_be_bytes()].concat();
        let at_s = super::clock::believed_ms(cx)? / 1_000;
        storage::put(cx.storage, Space::Device, &row, &Added { at_s, joiners })?;
        *self.ghosts_due_s = (*self.ghosts_due_s).min(at_s.saturating_add(GONE_S));
        Ok(())
    }

    /// Gives up whoever did not come.
    pub(super) fn ghosts_due(&mut self, cx: &mut Cx<'_>, now_ms: u64) -> Result<(), DeviceError> {
        let now_s = now_ms / 1_000;
        if now_s < *self.ghosts_due_s {
            return Ok(());
        }
        for (row, value) in cx.storage.scan(Space::Device, ADDED)? {
            let added: Added = storage::decode(1, &value, "added members")?;
            if now_s < added.at_s.saturating_add(GONE_S) {
                continue;
            }
            cx.storage.delete(Space::Device, &row)?;
            let id = row.get(ADDED.len()..ADDED.len() + 16).and_then(|id| id.try_into().ok()).map(ConversationId);
            let Some(id) = id else { return Err(StorageError::Corrupt("added members").into()) };
            for (account, leaf_hash) in added.joiners {
                if self.is_absent(cx, id, &account, &leaf_hash)? && self.remove_absent(cx, id, account, leaf_hash)? {
                    let alert = Alert::NotReached { account: AccountId(account) };
                    cx.record(Record::Alert { conversation: Some(id), alert });
                }
            }
        }
        *self.ghosts_due_s = first_due_s(cx.storage)?;
        Ok(())
    }

    /// A Welcome of ours was refused for good: whom it was for is removed, unless it was added more than once.
    pub(super) fn remove_unreached(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConversationId,
        account: &AccountId,
    ) -> Result<(), DeviceError> {
        let added = self.added_as(cx, id, account)?;
        if let [(_, leaf_hash)] = added[..] {
            self.remove_absent(cx, id, account.0, leaf_hash)?;
        }
        Ok(())
    }

    /// Whether a device that knocks is a member which never joined, for all that is known.
    pub(super) fn is_ghost(
        &self,
        cx: &Cx<'_>,
        id: ConversationId,
        device: &DeviceIdentity,
    ) -> Result<bool, DeviceError> {
        let now_s = super::clock::believed_ms(cx)? / 1_000;
        for (at_s, leaf_hash) in self.added_as(cx, id, &device.account_id)? {
            let is_late = at_s.saturating_add(ABSENT_S) <= now_s;
            if is_late && self.is_absent(cx, id, &device.account_id.0, &leaf_hash)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// When an account was added to a group by us, and the hash of its leaf then.
    fn added_as(
        &self,
        cx: &Cx<'_>,
        id: ConversationId,
        account: &AccountId,
    ) -> Result<Vec<(u64, [u8; 32])>, DeviceError> {
        let mut found = Vec::new();
        for (_, value) in cx.storage.scan(Space::Device, &[ADDED, &id.0].concat())? {
            let added: Added = storage::decode(1, &value, "added members")?;
            let its = added.joiners.iter().filter(|(who, _)| *who == account.0);
            found.extend(its.map(|(_, leaf_hash)| (added.at_s, *leaf_hash)));
        }
        Ok(found)
    }

    /// Whether a leaf is as it was added and nothing came from it.
    fn is_absent(
        &self,
        cx: &Cx<'_>,
        id: ConversationId,
        account: &[u8; 32],
        leaf_hash: &[u8; 32],
    ) -> Result<bool, DeviceError> {
        let Some(group) = self.groups.get(&id).filter(|group| group.is_active()) else { return Ok(false) };
        for (_, who, key) in leaf_hashes(&group.mls, |who| who.account_id.0 == *account) {
            let shown = [id.0.as_slice(), &who.device_id.0].concat();
            if key == *leaf_hash && cx.storage.scan(Space::Shown, &shown)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn remove_absent(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConversationId,
        account: [u8; 32],
        leaf_hash: [u8; 32],
    ) -> Result<bool, DeviceError> {
        let Some(group) = self.groups.get_mut(&id).filter(|group| group.is_active()) else { return Ok(false) };
        if !group.may_admin(cx)? {
            return Ok(false);
        }
        group.plan(cx, Plan::Unreached { account, leaf_hash })?;
        group.pump(cx)?;
        Ok(true)
    }
}
