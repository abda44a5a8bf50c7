//! Who types: hints that live in memory, six seconds at most (LANE.md C14).

use crate::timeline::{Change, Changes};
use protocol::content::{WhisperContent, WhisperKind};
use protocol::event::ConversationId;
use std::collections::BTreeMap;
use wire::id::DeviceId;
use wire::limit::SMALL_GROUP_LEAVES;

/// How long a hint is shown without another.
pub const SHOWN_MS: u64 = 6_000;
/// Hints held over all conversations at most.
const HINTS_MAX: usize = 1_024;

/// Who types now. Any member could have made a hint: for display only.
#[derive(Debug, Default)]
pub struct Typing {
    until_ms: BTreeMap<(ConversationId, DeviceId), u64>,
}

impl Typing {
    /// Takes a whisper; what does not parse, or is one too many, is dropped.
    pub fn whispered(
        &mut self,
        conversation: ConversationId,
        device: DeviceId,
        content: &[u8],
        now_ms: u64,
        changes: &mut Changes,
    ) {
        let Ok(whisper) = WhisperContent::parse(content) else {
            return;
        };
        let WhisperKind::Typing { is_active } = whisper.kind else {
            return;
        };
        let key = (conversation, device);
        if !is_active {
            if self.until_ms.remove(&key).is_some() {
                changes.insert(Change::Typing(conversation));
            }
            return;
        }
        let here =
            self.until_ms.range((conversation, DeviceId([0; 16]))..=(conversation, DeviceId([0xff; 16]))).count();
        let is_new = !self.until_ms.contains_key(&key);
        if is_new && (here >= SMALL_GROUP_LEAVES || self.until_ms.len() >= HINTS_MAX) {
            return;
        }
        self.until_ms.insert(key, now_ms.saturating_add(SHOWN_MS));
        if is_new {
            changes.insert(Change::Typing(conversation));
        }
    }

    /// A device that has sent a message types no longer.
    pub fn stopped(&mut self, conversation: ConversationId, device: DeviceId, changes: &mut Changes) {
        if self.until_ms.remove(&(conversation, device)).is_some() {
            changes.insert(Change::Typing(conversation));
        }
    }

    /// Drops what is over; when to call again.
    pub fn expire(&mut self, now_ms: u64, changes: &mut Changes) -> Option<u64> {
        self.until_ms.retain(|(conversation, _), until_ms| {
            let is_shown = *until_ms > now_ms;
            if !is_shown {
                changes.insert(Change::Typing(*conversation));
            }
            is_shown
        });
        self.until_ms.values().copied().min()
    }

    /// When the next hint is over.
    pub fn next_ms(&self) -> Option<u64> {
        self.until_ms.values().copied().min()
    }

    /// The devices that type in a conversation.
    pub fn devices(&self, conversation: &ConversationId) -> Vec<DeviceId> {
        self.until_ms.keys().filter(|(at, _)| at == conversation).map(|(_, device)| *device).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::timeline::testing::ROOM;

    fn hint(is_active: bool) -> Vec<u8> {
        WhisperContent { device_id: DeviceId([0; 16]), kind: WhisperKind::Typing { is_active } }.encode()
    }

    #[test]
    fn hint_is_shown_for_six_seconds_or_until_it_ends() {
        let mut typing = Typing::default();
        let mut changes = Changes::new();
        let (one, two) = (DeviceId([1; 16]), DeviceId([2; 16]));
        typing.whispered(ROOM, one, &hint(true), 0, &mut changes);
        typing.whispered(ROOM, two, &hint(true), 1_000, &mut changes);
        assert_eq!(typing.devices(&ROOM), [one, two]);
        assert_eq!(typing.expire(SHOWN_MS - 1, &mut changes), Some(SHOWN_MS));
        assert_eq!(typing.expire(SHOWN_MS, &mut changes), Some(SHOWN_MS + 1_000));
        assert_eq!(typing.devices(&ROOM), [two]);
        typing.whispered(ROOM, two, &hint(false), 2_000, &mut changes);
        assert!(typing.devices(&ROOM).is_empty());
        assert!(changes.contains(&Change::Typing(ROOM)));
    }

    #[test]
    fn hints_are_bounded_in_a_conversation_and_in_all() {
        let mut typing = Typing::default();
        let mut changes = Changes::new();
        for conversation in 0..=40_u8 {
            for device in 0..=SMALL_GROUP_LEAVES {
                let device = DeviceId([u8::try_from(device).unwrap(); 16]);
                typing.whispered(ConversationId([conversation; 16]), device, &hint(true), 0, &mut changes);
            }
        }
        assert_eq!(typing.devices(&ConversationId([0; 16])).len(), SMALL_GROUP_LEAVES);
        assert_eq!(typing.until_ms.len(), HINTS_MAX);
    }
}
