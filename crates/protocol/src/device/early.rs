//! Welcomes that come early: into a group of which this device still is a member, as far as it knows (LANE.md s.7).
//!
//! Whoever was removed and follows a link into the same group may get the Welcome before it reads that it is out. A
//! living group is never replaced by a Welcome, or any contact could put another group in its place. The Welcome is
//! kept until the group is over for us, and forgotten when the group goes on past it with us in it.

use super::Parts;
use super::knock::{RequestRecord, Wish};
use crate::event::{ConversationId, ConversationState, IntentError, Outcome};
use crate::group::{Cx, DeviceError};
use crate::identity::Certificate;
use crate::storage::{self, Space, Storage, StorageError};
use std::collections::BTreeMap;
use wire::id::{AccountId, Hash};

/// So many are kept; the oldest goes first.
const EARLY_MAX: usize = 16;
/// One is kept so long.
const EARLY_KEPT_MS: u64 = 14 * 86_400_000;

/// What is looked at after every input of a Welcome that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Early {
    group: ConversationId,
    account: AccountId,
    /// The epoch that it leads to, as it says.
    epoch: u64,
    at_ms: u64,
}

impl Early {
    pub(super) fn load_all(storage: &dyn Storage) -> Result<BTreeMap<Hash, Self>, StorageError> {
        let mut all = BTreeMap::new();
        for (key, value) in storage.scan(Space::Requests, &[])? {
            let record: RequestRecord = storage::decode(1, &value, "request")?;
            if let Wish::Early { group, epoch, .. } = record.wish {
                let corrupt = || StorageError::Corrupt("request");
                let certificate = Certificate::stored(&record.certificate).map_err(|_| corrupt())?;
                let (group, account) = (ConversationId(group), *certificate.account_id());
                let request = Hash::parse(&key).map_err(|_| corrupt())?;
                all.insert(request, Self { group, account, epoch, at_ms: record.at_ms });
            }
        }
        Ok(all)
    }
}

/// What becomes of a Welcome that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Wait,
    Forget,
    /// To be tried now; from an admin, as far as we know, before anybody else's.
    Join {
        is_from_admin: bool,
    },
}

impl Parts<'_> {
    /// Keeps a Welcome until the group is over for us: of each account the one for the latest epoch.
    pub(super) fn hold_early(
        &mut self,
        cx: &mut Cx<'_>,
        request: Hash,
        record: &RequestRecord,
        group: ConversationId,
        epoch: u64,
    ) -> Result<(), DeviceError> {
        let Ok(certificate) = Certificate::stored(&record.certificate) else { return Ok(()) };
        let early = Early { group, account: *certificate.account_id(), epoch, at_ms: record.at_ms };
        let is_same = |other: &Early| (other.group, other.account) == (early.group, early.account);
        if self.early.values().any(|other| is_same(other) && other.epoch >= epoch) {
            return Ok(());
        }
        let replaced: Vec<Hash> =
            self.early.iter().filter(|(_, other)| is_same(other)).map(|(request, _)| *request).collect();
        for request in replaced {
            self.forget_early(cx, &request)?;
        }
        while self.early.len() >= EARLY_MAX {
            let oldest = self.early.iter().min_by_key(|(_, other)| other.at_ms).map(|(request, _)| *request);
            let Some(oldest) = oldest else { break };
            self.forget_early(cx, &oldest)?;
        }
        let welcome = Box::new(record.wish.clone());
        let record = RequestRecord { wish: Wish::Early { group: group.0, epoch, welcome }, ..record.clone() };
        storage::put(cx.storage, Space::Requests, &request.0, &record)?;
        self.early.insert(request, early);
        Ok(())
    }

    /// Tries the Welcomes whose group is over for us, and forgets those past which it went on.
    pub(super) fn serve_early(&mut self, cx: &mut Cx<'_>) -> Result<(), DeviceError> {
        while let Some((request, fate)) = self.next_early()? {
            let record: Option<RequestRecord> = storage::get(cx.storage, Space::Requests, &request.0, "request")?;
            self.forget_early(cx, &request)?;
            let Some(RequestRecord { wish: Wish::Early { welcome, .. }, .. }) = &record else { continue };
            if let (Fate::Join { .. }, Some(record)) = (fate, &record) {
                let record = RequestRecord { wish: (**welcome).clone(), ..record.clone() };
                // One that leads nowhere is gone, as any other would be.
                let _ = self.join_by(cx, request, &record)?;
            }
        }
        Ok(())
    }

    fn next_early(&self) -> Result<Option<(Hash, Fate)>, DeviceError> {
        let mut next: Option<(Hash, Fate)> = None;
        for (request, early) in self.early.iter() {
            let fate = self.fate_of(early)?;
            let is_better = match fate {
                Fate::Wait => false,
                Fate::Forget => next.is_none(),
                Fate::Join { is_from_admin } => is_from_admin || !matches!(next, Some((_, Fate::Join { .. }))),
            };
            if is_better {
                next = Some((*request, fate));
            }
        }
        Ok(next)
    }

    fn fate_of(&self, early: &Early) -> Result<Fate, DeviceError> {
        let Some(group) = self.groups.get(&early.group) else { return Ok(Fate::Forget) };
        if self.may_replace(&early.group, &early.account) {
            return Ok(Fate::Join { is_from_admin: group.policy()?.is_admin(&early.account) });
        }
        Ok(if group.record.epoch >= early.epoch { Fate::Forget } else { Fate::Wait })
    }

    /// Forgets a request, kept early or not.
    pub(super) fn forget_early(&mut self, cx: &mut Cx<'_>, request: &Hash) -> Result<(), DeviceError> {
        self.early.remove(request);
        cx.storage.delete(Space::Requests, &request.0)?;
        Ok(())
    }

    /// Forgets what was kept too long, by the clock that is believed.
    pub(super) fn forget_old_early(&mut self, cx: &mut Cx<'_>, now_ms: u64) -> Result<(), DeviceError> {
        let is_old = |early: &Early| early.at_ms.saturating_add(EARLY_KEPT_MS) < now_ms;
        let old: Vec<Hash> =
            self.early.iter().filter(|(_, early)| is_old(early)).map(|(request, _)| *request).collect();
        for request in old {
            self.forget_early(cx, &request)?;
        }
        Ok(())
    }

    /// The user leaves. If a Welcome waits for our removal, whoever sent it counts us in already: it is taken, and that
    /// membership left too.
    pub(super) fn leave(
        &mut self,
        cx: &mut Cx<'_>,
        id: ConversationId,
    ) -> Result<Result<Outcome, IntentError>, DeviceError> {
        let Some(group) = self.groups.get_mut(&id) else { return Ok(Err(IntentError::NoConversation)) };
        let left = group.leave(cx)?;
        if left.is_ok() && self.early.values().any(|early| early.group == id) {
            self.serve_early(cx)?;
            if let Some(group) = self.groups.get_mut(&id)
                && group.record.state == ConversationState::Active
            {
                return Ok(group.leave(cx)?.map(|()| Outcome::Done));
            }
        }
        Ok(left.map(|()| Outcome::Done))
    }
}

#[cfg(test)]
mod tests;
