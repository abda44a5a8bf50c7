//! Signals of a call of many in a message: the limits of CALLS.md s.9.

use super::{at_most, copy};
use bytes::Bytes;
use prost::Message as _;
use wire::Malformed;
use wire::id::{AccountId, DeviceId};
use wire::limit::{CALL_CHANGE_PART_BYTES_MAX, CALL_CHANGE_PARTS_MAX, CALL_PEOPLE_MAX};
use wire::proto::content as raw;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a room's capabilities are derived from: 32 random bytes that the conversation's members know.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct RoomSecret(pub [u8; 32]);

impl std::fmt::Debug for RoomSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("RoomSecret(..)")
    }
}

impl RoomSecret {
    fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let found = bytes.len();
        Ok(Self(bytes.try_into().map_err(|_| Malformed::Length { field: "room", expected: 32, found })?))
    }
}

/// That a call of many is under way. The first of its id opens it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnderWay {
    /// Pictures too, not sound alone.
    pub has_video: bool,
    /// When it was opened, by the opener's clock, milliseconds.
    pub since_ms: u64,
    /// Leads to its room.
    pub room: RoomSecret,
    /// Who is in it, longest first; 1 to 100 devices.
    pub line: Vec<DeviceId>,
    /// Who opened it.
    pub opener: AccountId,
    /// The epoch of its group.
    pub epoch: u64,
}

/// A part of an encoded [`CallChange`]: what does not fit one message comes in several.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallCommit {
    /// The conversation's epoch that it was made for.
    pub conversation_epoch: u64,
    /// The same in all parts, random.
    pub change_id: [u8; 16],
    /// Which part, from 0.
    pub part: u32,
    /// How many there are, 1 to 16.
    pub parts: u32,
    /// 1 byte to 48 KiB.
    pub data: Bytes,
}

/// A commit in the call's group, and what it does.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallChange {
    /// An MLS PublicMessage.
    pub commit: Bytes,
    /// An MLS Welcome; empty where nobody is taken in.
    pub welcome: Bytes,
    /// The ratchet tree, with a Welcome.
    pub tree: Bytes,
    /// Devices that are taken in, in this order.
    pub added: Vec<DeviceId>,
    /// Devices that are put out.
    pub removed: Vec<DeviceId>,
    /// The call goes on in another room.
    pub room: Option<RoomSecret>,
    /// Who is in it afterwards, longest first; with a Welcome.
    pub line: Vec<DeviceId>,
    /// The epoch that it ends.
    pub epoch: u64,
}

fn devices(field: &'static str, ids: &[Bytes]) -> Result<Vec<DeviceId>, Malformed> {
    at_most(field, ids.len(), CALL_PEOPLE_MAX)?;
    ids.iter().map(|id| DeviceId::parse(id)).collect()
}

fn encode_devices(ids: &[DeviceId]) -> Vec<Bytes> {
    ids.iter().map(copy).collect()
}

impl UnderWay {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.line.is_empty() {
            return Err(Malformed::Missing { field: "line" });
        }
        if self.since_ms > super::SENT_MS_MAX {
            return Err(Malformed::Value { field: "since_ms" });
        }
        at_most("line", self.line.len(), CALL_PEOPLE_MAX)
    }

    pub(super) fn parse(call: &raw::CallUnderWay) -> Result<Self, Malformed> {
        Ok(Self {
            has_video: super::call::parse_media(call.media)?,
            since_ms: call.since_ms,
            room: RoomSecret::parse(&call.room)?,
            line: devices("line", &call.line)?,
            opener: AccountId::parse(&call.opener)?,
            epoch: call.epoch,
        })
    }

    pub(super) fn to_proto(&self) -> raw::CallUnderWay {
        raw::CallUnderWay {
            media: if self.has_video { 2 } else { 1 },
            since_ms: self.since_ms,
            room: Bytes::copy_from_slice(&self.room.0),
            line: encode_devices(&self.line),
            opener: copy(&self.opener),
            epoch: self.epoch,
        }
    }
}

impl CallCommit {
    pub(super) fn check(&self) -> Result<(), Malformed> {
        if self.parts == 0 || self.part >= self.parts {
            return Err(Malformed::Value { field: "part" });
        }
        at_most("parts", self.parts as usize, CALL_CHANGE_PARTS_MAX)?;
        if self.data.is_empty() {
            return Err(Malformed::Missing { field: "data" });
        }
        at_most("data", self.data.len(), CALL_CHANGE_PART_BYTES_MAX)
    }

    pub(super) fn parse(commit: raw::CallCommit) -> Result<Self, Malformed> {
        let found = commit.change_id.len();
        let length = Malformed::Length { field: "change_id", expected: 16, found };
        Ok(Self {
            conversation_epoch: commit.conversation_epoch,
            change_id: commit.change_id[..].try_into().map_err(|_| length)?,
            part: commit.part,
            parts: commit.parts,
            data: commit.data,
        })
    }

    pub(super) fn to_proto(&self) -> raw::CallCommit {
        raw::CallCommit {
            conversation_epoch: self.conversation_epoch,
            change_id: Bytes::copy_from_slice(&self.change_id),
            part: self.part,
            parts: self.parts,
            data: self.data.clone(),
        }
    }

    /// Cuts a change into messages.
    ///
    /// # Errors
    /// `TooLong` over 16 parts.
    pub fn cut(change: &CallChange, conversation_epoch: u64, change_id: [u8; 16]) -> Result<Vec<Self>, Malformed> {
        let whole = Bytes::from(change.encode());
        let count = whole.len().div_ceil(CALL_CHANGE_PART_BYTES_MAX);
        at_most("change", count, CALL_CHANGE_PARTS_MAX)?;
        let parts = u32::try_from(count).unwrap_or(u32::MAX);
        let cut = |part: u32| {
            let start = part as usize * CALL_CHANGE_PART_BYTES_MAX;
            let end = whole.len().min(start + CALL_CHANGE_PART_BYTES_MAX);
            Self { conversation_epoch, change_id, part, parts, data: whole.slice(start..end) }
        };
        Ok((0..parts).map(cut).collect())
    }
}

impl CallChange {
    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`], where a limit is broken too.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        at_most("change", bytes.len(), CALL_CHANGE_PARTS_MAX * CALL_CHANGE_PART_BYTES_MAX)?;
        let change = raw::CallChange::decode(bytes).map_err(|_| Malformed::Protobuf { field: "change" })?;
        if change.commit.is_empty() {
            return Err(Malformed::Missing { field: "commit" });
        }
        let room = if change.room.is_empty() { None } else { Some(RoomSecret::parse(&change.room)?) };
        Ok(Self {
            commit: change.commit,
            welcome: change.welcome,
            tree: change.tree,
            added: devices("added", &change.added)?,
            removed: devices("removed", &change.removed)?,
            room,
            line: devices("line", &change.line)?,
            epoch: change.epoch,
        })
    }

    /// Writes it.
    pub fn encode(&self) -> Vec<u8> {
        raw::CallChange {
            commit: self.commit.clone(),
            welcome: self.welcome.clone(),
            tree: self.tree.clone(),
            added: encode_devices(&self.added),
            removed: encode_devices(&self.removed),
            room: self.room.as_ref().map_or_else(Bytes::new, |room| Bytes::copy_from_slice(&room.0)),
            line: encode_devices(&self.line),
            epoch: self.epoch,
        }
        .encode_to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Call, CallSignal, Content, Kind};
    use wire::id::CallId;

    fn round_trips(signal: CallSignal) -> bool {
        let call = Call { call_id: CallId([1; 16]), signal };
        let content = Content { sent_ms: 1, timer_s: 0, kind: Kind::Call(call) };
        match content.encode() {
            Ok(bytes) => {
                assert_eq!(Content::parse(&bytes), Ok(content));
                true
            }
            Err(_) => false,
        }
    }

    fn line(count: usize) -> Vec<DeviceId> {
        (0..count).map(|number| DeviceId([number as u8; 16])).collect()
    }

    #[test]
    fn signals_of_many_are_taken_at_their_limits_and_refused_one_past_them() {
        let under_way = |count| {
            CallSignal::UnderWay(UnderWay {
                has_video: true,
                since_ms: 7,
                room: RoomSecret([3; 32]),
                line: line(count),
                opener: AccountId([4; 32]),
                epoch: 3,
            })
        };
        let commit = |part, parts, bytes: usize| {
            let data = vec![5; bytes].into();
            CallSignal::Commit(CallCommit { conversation_epoch: 9, change_id: [6; 16], part, parts, data })
        };
        let join = |bytes: usize| CallSignal::Join { key_package: vec![3; bytes].into() };
        let last = CALL_CHANGE_PARTS_MAX as u32;
        let good = [
            under_way(1),
            under_way(CALL_PEOPLE_MAX),
            commit(0, 1, 1),
            commit(last - 1, last, CALL_CHANGE_PART_BYTES_MAX),
            join(wire::limit::CALL_KEY_PACKAGE_BYTES_MAX),
            CallSignal::Leave,
            CallSignal::Over,
        ];
        let bad = [
            under_way(0),
            under_way(CALL_PEOPLE_MAX + 1),
            commit(0, 0, 1),
            commit(1, 1, 1),
            commit(0, last + 1, 1),
            commit(0, 1, 0),
            commit(0, 1, CALL_CHANGE_PART_BYTES_MAX + 1),
            join(0),
            join(wire::limit::CALL_KEY_PACKAGE_BYTES_MAX + 1),
        ];
        assert!(good.into_iter().all(round_trips));
        assert!(!bad.into_iter().any(round_trips));
    }

    #[test]
    fn change_is_cut_and_put_together_again() {
        let change = CallChange {
            commit: vec![1; 100].into(),
            welcome: vec![2; CALL_CHANGE_PART_BYTES_MAX].into(),
            tree: vec![3; CALL_CHANGE_PART_BYTES_MAX].into(),
            added: line(2),
            removed: line(1),
            room: Some(RoomSecret([7; 32])),
            line: line(3),
            epoch: 4,
        };
        let parts = CallCommit::cut(&change, 5, [8; 16]).unwrap();
        assert_eq!(parts.len(), 3);
        let whole: Vec<u8> = parts.iter().flat_map(|part| part.data.to_vec()).collect();
        assert_eq!(CallChange::parse(&whole), Ok(change.clone()));
        let huge = CallChange { tree: vec![3; CALL_CHANGE_PARTS_MAX * CALL_CHANGE_PART_BYTES_MAX].into(), ..change };
        assert!(CallCommit::cut(&huge, 5, [8; 16]).is_err());
        assert!(CallChange::parse(&CallChange::default().encode()).is_err(), "without a commit it is nothing");
        assert!(CallChange::parse(&[0xFF; 5]).is_err());
    }
}
