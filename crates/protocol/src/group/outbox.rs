//! Own messages on their way: intents, sealed cells, and what was read back in this epoch (LANE.md s.5).

use super::record::{Item, ItemState, delete_item, load_outbox, put_item};
use crate::storage::{Storage, StorageError};
use std::collections::{BTreeMap, BTreeSet};
use wire::id::MsgId;
use wire::lane::Seq;

/// The outbox of one conversation; every change is written at once.
pub(super) struct Outbox {
    id: [u8; 16],
    waiting: BTreeMap<u64, Item>,
    sealed: BTreeMap<u64, Item>,
    /// Read back in the present epoch: a Rewind sends them again.
    delivered: BTreeMap<u64, Item>,
    msg_ids: BTreeSet<[u8; 16]>,
}

impl Outbox {
    pub(super) fn new(id: [u8; 16]) -> Self {
        Self {
            id,
            waiting: BTreeMap::new(),
            sealed: BTreeMap::new(),
            delivered: BTreeMap::new(),
            msg_ids: BTreeSet::new(),
        }
    }

    pub(super) fn load(storage: &dyn Storage, id: [u8; 16]) -> Result<Self, StorageError> {
        let mut outbox = Self::new(id);
        for (index, item) in load_outbox(storage, &id)? {
            outbox.msg_ids.insert(item.msg_id);
            outbox.map_of(&item.state).insert(index, item);
        }
        Ok(outbox)
    }

    fn map_of(&mut self, state: &ItemState) -> &mut BTreeMap<u64, Item> {
        match state {
            ItemState::Intent => &mut self.waiting,
            ItemState::Sealed { .. } => &mut self.sealed,
            ItemState::Delivered { .. } => &mut self.delivered,
        }
    }

    fn place(&mut self, storage: &dyn Storage, index: u64, item: Item) -> Result<(), StorageError> {
        put_item(storage, &self.id, index, &item)?;
        self.map_of(&item.state).insert(index, item);
        Ok(())
    }

    pub(super) fn holds(&self, msg_id: &MsgId) -> bool {
        self.msg_ids.contains(&msg_id.0)
    }

    pub(super) fn push(&mut self, storage: &dyn Storage, index: u64, item: Item) -> Result<(), StorageError> {
        self.msg_ids.insert(item.msg_id);
        self.place(storage, index, item)
    }

    /// The sealed items, oldest first.
    pub(super) fn sealed_indexes(&self) -> Vec<u64> {
        self.sealed.keys().copied().collect()
    }

    /// Items that were not read back.
    #[cfg(feature = "inspect")]
    pub(super) fn undelivered(&self) -> usize {
        self.waiting.len() + self.sealed.len()
    }

    pub(super) fn sealed_count(&self) -> usize {
        self.sealed.len()
    }

    pub(super) fn sealed_body(&self, index: u64) -> Option<&[u8]> {
        match &self.sealed.get(&index)?.state {
            ItemState::Sealed { body, .. } => Some(body),
            ItemState::Intent | ItemState::Delivered { .. } => None,
        }
    }

    /// A sealed message that is not shown.
    pub(super) fn sealed_quiet(&self, index: u64) -> Option<&[u8]> {
        self.sealed.get(&index).filter(|item| !item.is_shown).map(|item| item.message.as_slice())
    }

    pub(super) fn sealed_as(&self, hash: &[u8; 32]) -> Option<u64> {
        let is_it = |item: &Item| matches!(&item.state, ItemState::Sealed { body_hash, .. } if body_hash == hash);
        self.sealed.iter().find(|(_, item)| is_it(item)).map(|(index, _)| *index)
    }

    /// The oldest intents; of the protocol's own only, while text is held.
    pub(super) fn next_intents(&self, room: usize, is_text_held: bool) -> Vec<u64> {
        let may_go = |item: &Item| !is_text_held || !item.is_shown;
        self.waiting.iter().filter(|(_, item)| may_go(item)).map(|(index, _)| *index).take(room).collect()
    }

    pub(super) fn intent(&self, index: u64) -> Option<&Item> {
        self.waiting.get(&index)
    }

    pub(super) fn seal(
        &mut self,
        storage: &dyn Storage,
        index: u64,
        body: Vec<u8>,
        body_hash: [u8; 32],
    ) -> Result<(), StorageError> {
        match self.waiting.remove(&index) {
            Some(item) => self.place(storage, index, Item { state: ItemState::Sealed { body, body_hash }, ..item }),
            None => Ok(()),
        }
    }

    pub(super) fn deliver(&mut self, storage: &dyn Storage, index: u64, seq: Seq) -> Result<(), StorageError> {
        match self.sealed.remove(&index) {
            Some(item) => self.place(storage, index, Item { state: ItemState::Delivered { seq }, ..item }),
            None => Ok(()),
        }
    }

    /// Marks that the node has an item on disk; its id if that is news about a shown one.
    pub(super) fn mark_stored(&mut self, storage: &dyn Storage, index: u64) -> Result<Option<MsgId>, StorageError> {
        let item = match self.sealed.get_mut(&index) {
            Some(item) => item,
            None => match self.delivered.get_mut(&index) {
                Some(item) => item,
                None => return Ok(None),
            },
        };
        if item.is_stored {
            return Ok(None);
        }
        item.is_stored = true;
        put_item(storage, &self.id, index, item)?;
        Ok(item.is_shown.then_some(MsgId(item.msg_id)))
    }

    /// The epoch moved: what was sealed for it is an intent again, what was read back is agreed on.
    pub(super) fn next_epoch(&mut self, storage: &dyn Storage) -> Result<(), StorageError> {
        for (index, item) in std::mem::take(&mut self.sealed) {
            self.place(storage, index, Item { state: ItemState::Intent, ..item })?;
        }
        for (index, item) in std::mem::take(&mut self.delivered) {
            self.msg_ids.remove(&item.msg_id);
            delete_item(storage, &self.id, index)?;
        }
        Ok(())
    }

    /// The node lost everything after a position: all of it is an intent again. Returns how many shown messages it
    /// had acknowledged, and how many of any kind had been read back.
    pub(super) fn rewind(&mut self, storage: &dyn Storage, after: Seq) -> Result<(u32, u32), StorageError> {
        let mut resent = 0;
        let is_lost = |item: &Item| matches!(item.state, ItemState::Delivered { seq } if seq > after);
        let lost: Vec<u64> = self.delivered.iter().filter(|(_, item)| is_lost(item)).map(|(index, _)| *index).collect();
        let mut again: Vec<(u64, Item)> = std::mem::take(&mut self.sealed).into_iter().collect();
        let lost_count = u32::try_from(lost.len()).unwrap_or(u32::MAX);
        for index in lost {
            again.extend(self.delivered.remove(&index).map(|item| (index, item)));
        }
        for (index, item) in again {
            resent += u32::from(item.is_stored && item.is_shown);
            self.place(storage, index, Item { state: ItemState::Intent, ..item })?;
        }
        Ok((resent, lost_count))
    }

    /// Empties the outbox; what was not read back, oldest first.
    pub(super) fn drain(&mut self, storage: &dyn Storage) -> Result<Vec<Item>, StorageError> {
        self.msg_ids.clear();
        let mut all = std::mem::take(&mut self.waiting);
        all.append(&mut self.sealed);
        for index in std::mem::take(&mut self.delivered).into_keys().chain(all.keys().copied()) {
            delete_item(storage, &self.id, index)?;
        }
        Ok(all.into_values().collect())
    }

    /// What another group of the same members has to send again: everything since the last epoch that all agreed on.
    pub(super) fn unagreed(&mut self) -> Vec<Item> {
        self.msg_ids.clear();
        let mut all = std::mem::take(&mut self.waiting);
        all.append(&mut self.sealed);
        all.append(&mut self.delivered);
        all.into_values().collect()
    }
}
