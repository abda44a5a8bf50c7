//! The line of a call: who is in it, longest first, and what is to be changed by whoever stands first.

use std::collections::{BTreeMap, BTreeSet};
use wire::id::DeviceId;
use wire::limit::CALL_PEOPLE_MAX;

/// What came within this time after a change goes into one.
pub const BATCH_MS: u64 = 1_000;
/// Each place in the line waits so much longer before it does what those before it should have done.
pub const PLACE_MS: u64 = 4_000;
/// Places that count at most: beyond them all wait the same.
const PLACES_MAX: u64 = 8;
/// Whoever the room has not seen for so long has vanished.
pub const GONE_MS: u64 = 10_000;
/// Whoever was taken in has so long to be seen in the room.
pub const ENTER_MS: u64 = 30_000;
/// Devices that one change takes in at most: more would not fit many messages.
pub const JOINS_MAX: usize = 16;

/// What a change is to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Due {
    /// Devices to take in.
    pub joins: Vec<DeviceId>,
    /// Devices to put out.
    pub removed: Vec<DeviceId>,
}

/// See the module's page. Times are this device's.
#[derive(Debug, Clone, Default)]
pub struct Line {
    /// Longest first.
    inside: Vec<DeviceId>,
    /// They said that they join, since when.
    waiting: BTreeMap<DeviceId, u64>,
    /// They left, or must, since when; their leaf is still there.
    leaving: BTreeMap<DeviceId, u64>,
    /// In the line and not in the room, since when; where it is known.
    absent: BTreeMap<DeviceId, u64>,
    /// Seen in the room at least once.
    seen: BTreeSet<DeviceId>,
    changed_ms: Option<u64>,
}

impl Line {
    /// A line of these.
    pub fn new(inside: Vec<DeviceId>) -> Self {
        Self { inside, ..Self::default() }
    }

    /// Who is in it and has not left, longest first.
    pub fn people(&self) -> impl Iterator<Item = DeviceId> {
        self.inside.iter().copied().filter(|device| !self.leaving.contains_key(device))
    }

    /// Who wants to be in it.
    pub fn waiting(&self) -> impl Iterator<Item = DeviceId> {
        self.waiting.keys().copied()
    }

    /// Whether a device is in it and has not left.
    pub fn holds(&self, device: DeviceId) -> bool {
        self.people().any(|one| one == device)
    }

    /// Whether a device may have a leaf.
    pub fn knows(&self, device: DeviceId) -> bool {
        self.inside.contains(&device)
    }

    /// A device wants in. If it has a leaf, that one is another's: it goes first.
    pub fn join(&mut self, now_ms: u64, device: DeviceId) {
        if self.inside.contains(&device) {
            self.leaving.insert(device, now_ms);
        }
        if self.waiting.len() < CALL_PEOPLE_MAX {
            self.waiting.insert(device, now_ms);
        }
    }

    /// A device left, or must.
    pub fn leave(&mut self, now_ms: u64, device: DeviceId) {
        self.waiting.remove(&device);
        if self.inside.contains(&device) {
            self.leaving.entry(device).or_insert(now_ms);
        }
    }

    /// A change counts. What it took out, and then in.
    pub fn change(&mut self, now_ms: u64, added: &[DeviceId], removed: &[DeviceId]) {
        self.inside.retain(|device| !removed.contains(device) && !added.contains(device));
        for device in removed {
            self.leaving.remove(device);
            self.absent.remove(device);
            self.seen.remove(device);
        }
        for device in added {
            self.waiting.remove(device);
            self.leaving.remove(device);
            self.absent.insert(*device, now_ms);
            self.seen.remove(device);
            if self.inside.len() < CALL_PEOPLE_MAX {
                self.inside.push(*device);
            }
        }
        self.changed_ms = Some(now_ms);
    }

    /// The line is this one, say those who are in it.
    pub fn set(&mut self, inside: &[DeviceId]) {
        self.inside = inside.to_vec();
        let inside = &self.inside;
        self.leaving.retain(|device, _| inside.contains(device));
        self.absent.retain(|device, _| inside.contains(device));
    }

    /// Nobody is to be put out for a KeyPackage that is none.
    pub fn refuse(&mut self, device: DeviceId) {
        self.waiting.remove(&device);
    }

    /// Who is in the room, as the room says; none: it is not known.
    pub fn present(&mut self, now_ms: u64, present: Option<&BTreeSet<DeviceId>>) {
        let Some(present) = present else {
            self.absent.clear();
            return;
        };
        for device in &self.inside {
            if present.contains(device) {
                self.absent.remove(device);
                self.seen.insert(*device);
            } else {
                self.absent.entry(*device).or_insert(now_ms);
            }
        }
    }

    /// Nobody was seen in the room yet: it is another.
    pub fn forget_room(&mut self) {
        self.absent.clear();
        self.seen.clear();
    }

    /// When a device that is absent counts as vanished.
    fn gone_ms(&self, device: &DeviceId, since_ms: u64) -> u64 {
        since_ms.saturating_add(if self.seen.contains(device) { GONE_MS } else { ENTER_MS })
    }

    /// Since when there is something to change; none: there is nothing. Vanished devices become leaving ones.
    fn settle(&mut self, now_ms: u64, me: DeviceId, judges: bool) {
        if !judges {
            return;
        }
        let gone: Vec<_> = self
            .absent
            .iter()
            .filter(|(device, since_ms)| **device != me && self.gone_ms(device, **since_ms) <= now_ms)
            .map(|(device, _)| *device)
            .collect();
        for device in gone {
            self.absent.remove(&device);
            self.leave(now_ms, device);
        }
    }

    /// How long this device lets others do it. It is first once all before it left.
    pub(super) fn patience_ms(&self, me: DeviceId) -> Option<u64> {
        let place = self.people().position(|device| device == me)?;
        Some((place as u64).min(PLACES_MAX).saturating_mul(PLACE_MS))
    }

    fn since_ms(&self) -> Option<u64> {
        self.waiting.values().chain(self.leaving.values()).copied().min()
    }

    fn turn_ms(&self, me: DeviceId) -> Option<u64> {
        let (since_ms, patience_ms) = (self.since_ms()?, self.patience_ms(me)?);
        let batch_ms = self.changed_ms.map_or(0, |changed_ms| changed_ms.saturating_add(BATCH_MS));
        Some(since_ms.saturating_add(patience_ms).max(batch_ms))
    }

    /// What this device is to change now. `judges`: it sees the room.
    pub fn due(&mut self, now_ms: u64, me: DeviceId, judges: bool) -> Option<Due> {
        self.settle(now_ms, me, judges);
        let turn_ms = self.turn_ms(me)?;
        if now_ms < turn_ms {
            return None;
        }
        let room = CALL_PEOPLE_MAX.saturating_sub(self.people().count()).min(JOINS_MAX);
        let mut joins: Vec<_> = self.waiting.iter().map(|(device, since_ms)| (*since_ms, *device)).collect();
        joins.sort_unstable();
        let joins: Vec<_> = joins.into_iter().take(room).map(|(_, device)| device).collect();
        let removed: Vec<_> = self.leaving.keys().copied().collect();
        let is_something = !joins.is_empty() || !removed.is_empty();
        is_something.then_some(Due { joins, removed })
    }

    /// When [`Self::due`] may have something.
    pub fn wake_ms(&self, me: DeviceId, judges: bool) -> Option<u64> {
        let gone = self.absent.iter().filter(|(device, _)| judges && **device != me);
        let gone_ms = gone.map(|(device, since_ms)| self.gone_ms(device, *since_ms)).min();
        self.turn_ms(me).into_iter().chain(gone_ms).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u8) -> DeviceId {
        DeviceId([number; 16])
    }

    fn ids(numbers: &[u8]) -> Vec<DeviceId> {
        numbers.iter().map(|number| id(*number)).collect()
    }

    #[test]
    fn first_of_the_line_is_first_to_take_in_and_the_next_waits() {
        let mut line = Line::new(ids(&[1, 2, 3]));
        line.join(100, id(4));
        let due = Due { joins: ids(&[4]), removed: Vec::new() };
        assert_eq!(line.due(100, id(1), true), Some(due.clone()));
        assert_eq!(line.due(100, id(2), true), None);
        assert_eq!(line.wake_ms(id(2), false), Some(100 + PLACE_MS));
        assert_eq!(line.due(100 + PLACE_MS, id(2), true), Some(due.clone()));
        assert_eq!(line.due(u64::MAX, id(4), true), None, "who is not in it changes nothing");
        line.leave(101, id(1));
        assert_eq!(line.due(101, id(2), true), Some(Due { removed: ids(&[1]), ..due }));
    }

    #[test]
    fn what_comes_close_together_is_one_change() {
        let mut line = Line::new(ids(&[1]));
        line.join(0, id(2));
        line.change(10, &ids(&[2]), &[]);
        line.join(20, id(3));
        line.join(30, id(4));
        assert_eq!(line.due(40, id(1), true), None);
        assert_eq!(line.wake_ms(id(1), false), Some(10 + BATCH_MS));
        let due = line.due(10 + BATCH_MS, id(1), true);
        assert_eq!(due, Some(Due { joins: ids(&[3, 4]), removed: Vec::new() }));
        assert_eq!(line.people().collect::<Vec<_>>(), ids(&[1, 2]));
    }

    #[test]
    fn whoever_vanished_from_the_room_is_put_out_and_who_came_back_is_not() {
        let mut line = Line::new(ids(&[1]));
        line.change(0, &ids(&[2, 3]), &[]);
        let present = |numbers: &[u8]| numbers.iter().map(|number| id(*number)).collect::<BTreeSet<_>>();
        line.present(1_000, Some(&present(&[1, 2])));
        line.present(2_000, Some(&present(&[1])));
        assert_eq!(line.wake_ms(id(1), true), Some(2_000 + GONE_MS));
        assert_eq!(line.wake_ms(id(1), false), None, "whoever does not see the room judges nobody");
        line.present(3_000, Some(&present(&[1, 2])));
        assert_eq!(line.due(20_000, id(1), true), None);
        // The third was never seen.
        assert_eq!(line.due(ENTER_MS, id(1), true), Some(Due { joins: Vec::new(), removed: ids(&[3]) }));
        line.present(40_000, None);
        line.change(41_000, &[], &ids(&[3]));
        assert_eq!(line.due(u64::MAX, id(1), true), None);
    }

    #[test]
    fn whoever_joins_again_is_another_leaf() {
        let mut line = Line::new(ids(&[1, 2]));
        line.join(5, id(2));
        assert_eq!(line.due(5, id(1), true), Some(Due { joins: ids(&[2]), removed: ids(&[2]) }));
        line.change(6, &ids(&[2]), &ids(&[2]));
        assert_eq!(line.people().collect::<Vec<_>>(), ids(&[1, 2]));
        assert_eq!(line.due(u64::MAX, id(1), false), None);
    }

    #[test]
    fn line_and_changes_end_at_their_limits() {
        let mut line = Line::new(ids(&[0]));
        let many: Vec<_> = (1..=200).map(id).collect();
        for device in &many {
            line.join(0, *device);
        }
        assert_eq!(line.waiting().count(), CALL_PEOPLE_MAX);
        assert_eq!(line.due(0, id(0), true).map(|due| due.joins.len()), Some(JOINS_MAX));
        line.change(0, &many, &[]);
        assert_eq!(line.people().count(), CALL_PEOPLE_MAX);
    }
}
