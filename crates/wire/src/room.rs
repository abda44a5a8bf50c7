//! Rooms for calls of many (CALLS.md s.8): what a client asks of a node, and what both say on a room's data channel.

use crate::Malformed;
use crate::id::{Hash, RoomHost, RoomId, RoomMember};
use crate::proto::node as raw;
use bytes::Bytes;
use prost::Message;

/// Bytes of a session description at most.
pub const ROOM_SDP_BYTES_MAX: usize = 128 << 10;
/// Bytes of a label at most.
pub const ROOM_LABEL_BYTES_MAX: usize = 64;
/// People of a room at most.
pub const ROOM_PEOPLE_MAX: usize = 100;
/// Media of one person that others' streams come in, at most.
pub const ROOM_SLOTS_MAX: usize = 64;
/// Bytes of the name of a media at most.
pub const ROOM_MID_BYTES_MAX: usize = 16;
/// Bytes of a message on the data channel at most.
pub const ROOM_MESSAGE_BYTES_MAX: usize = 16 << 10;
/// The label of the data channel.
pub const ROOM_CHANNEL: &str = "room";

/// Whose room it is: what its id is made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomKey {
    /// The members' capability.
    pub member: RoomMember,
    /// The host's, or what it hashes to.
    pub host: RoomHostKey,
}

/// A host's capability, or a member's knowledge of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RoomHostKey {
    /// Whoever asks is a host.
    Host(RoomHost),
    /// Whoever asks is none.
    Hash(Hash),
}

impl RoomKey {
    /// The room that these open.
    pub fn room_id(&self) -> RoomId {
        let host = match &self.host {
            RoomHostKey::Host(host) => host.hash(),
            RoomHostKey::Hash(hash) => *hash,
        };
        let whole = Hash::of(&[b"sottovoce room 1", &self.member.hash().0, &host.0]);
        RoomId(std::array::from_fn(|at| whole.0[at]))
    }

    /// Whether it is a host's.
    pub fn is_host(&self) -> bool {
        matches!(self.host, RoomHostKey::Host(_))
    }
}

/// What a client asks about a room.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAsk {
    /// Which room, and what may be asked.
    pub key: RoomKey,
    /// What is asked.
    pub does: RoomDoes,
}

/// See [`RoomAsk::does`].
#[derive(Clone, PartialEq, Eq)]
pub enum RoomDoes {
    /// Who is there?
    Look,
    /// Let me in; makes the room.
    Join {
        /// The offer.
        sdp: String,
        /// Who joins, sealed for the others.
        label: Bytes,
        /// Joining again with the same bytes takes the place of the one before.
        resume: [u8; 16],
    },
    /// Send somebody out: hosts only.
    Remove {
        /// Whom.
        person: u32,
    },
    /// Send everybody out: hosts only.
    End,
}

impl std::fmt::Debug for RoomDoes {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A session description holds addresses.
        formatter.write_str(match self {
            Self::Look => "Look",
            Self::Join { .. } => "Join",
            Self::Remove { .. } => "Remove",
            Self::End => "End",
        })
    }
}

/// Somebody in a room.
#[derive(Clone, PartialEq, Eq)]
pub struct RoomPerson {
    /// From 1, never twice in a room.
    pub number: u32,
    /// Who it is, sealed.
    pub label: Bytes,
}

impl std::fmt::Debug for RoomPerson {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RoomPerson").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What a node answers.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct RoomTold {
    /// Who is there.
    pub people: Vec<RoomPerson>,
    /// The number of whoever joined.
    pub own: u32,
    /// The answer to an offer, else empty.
    pub sdp: String,
}

impl std::fmt::Debug for RoomTold {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RoomTold").field("people", &self.people).field("own", &self.own).finish_non_exhaustive()
    }
}

/// What comes in one media of a person, or is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomSlot {
    /// The media's name in the person's own offer.
    pub mid: String,
    /// Whose stream.
    pub person: u32,
    /// Which of that person's sending media of the same kind.
    pub source: u32,
    /// Which layer, 0 the smallest.
    pub layer: u32,
}

/// What a client says on the data channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomSay {
    /// Which videos it wants where, the most important first.
    pub want: Vec<RoomSlot>,
}

/// What a node says on the data channel.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoomTell {
    /// Who is there.
    pub people: Vec<RoomPerson>,
    /// What comes where.
    pub slots: Vec<RoomSlot>,
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
}

impl RoomAsk {
    /// About how many bytes it has, and not less.
    pub(crate) fn bytes(&self) -> usize {
        match &self.does {
            RoomDoes::Join { sdp, label, .. } => sdp.len() + label.len() + 160,
            RoomDoes::Look | RoomDoes::Remove { .. } | RoomDoes::End => 160,
        }
    }

    pub(crate) fn encode(self) -> raw::RoomAsk {
        use raw::room_ask::Does;
        let copy = |bytes: &[u8]| Bytes::copy_from_slice(bytes);
        let (host, host_hash) = match &self.key.host {
            RoomHostKey::Host(host) => (copy(&host.0), Bytes::new()),
            RoomHostKey::Hash(hash) => (Bytes::new(), copy(&hash.0)),
        };
        let does = match self.does {
            RoomDoes::Look => Does::Look(raw::RoomLook {}),
            RoomDoes::Join { sdp, label, resume } => Does::Join(raw::RoomJoin { sdp, label, resume: copy(&resume) }),
            RoomDoes::Remove { person } => Does::Remove(raw::RoomRemove { person }),
            RoomDoes::End => Does::End(raw::RoomEnd {}),
        };
        raw::RoomAsk { member: copy(&self.key.member.0), host, host_hash, does: Some(does) }
    }

    pub(crate) fn parse(ask: raw::RoomAsk) -> Result<Self, Malformed> {
        use raw::room_ask::Does;
        let host = match (ask.host.is_empty(), ask.host_hash.is_empty()) {
            (false, true) => RoomHostKey::Host(RoomHost::parse(&ask.host)?),
            (true, false) => RoomHostKey::Hash(Hash::parse(&ask.host_hash)?),
            (true, true) | (false, false) => return Err(Malformed::Value { field: "host" }),
        };
        let does = match ask.does.ok_or(Malformed::Missing { field: "does" })? {
            Does::Look(raw::RoomLook {}) => RoomDoes::Look,
            Does::Join(raw::RoomJoin { sdp, label, resume }) => {
                at_most("sdp", sdp.len(), ROOM_SDP_BYTES_MAX)?;
                at_most("label", label.len(), ROOM_LABEL_BYTES_MAX)?;
                let found = resume.len();
                let resume =
                    resume[..].try_into().map_err(|_| Malformed::Length { field: "resume", expected: 16, found })?;
                RoomDoes::Join { sdp, label, resume }
            }
            Does::Remove(raw::RoomRemove { person }) => RoomDoes::Remove { person },
            Does::End(raw::RoomEnd {}) => RoomDoes::End,
        };
        Ok(Self { key: RoomKey { member: RoomMember::parse(&ask.member)?, host }, does })
    }
}

fn parse_people(people: Vec<raw::RoomPerson>) -> Result<Vec<RoomPerson>, Malformed> {
    at_most("people", people.len(), ROOM_PEOPLE_MAX)?;
    let person = |raw::RoomPerson { number, label }| {
        at_most("label", label.len(), ROOM_LABEL_BYTES_MAX)?;
        Ok(RoomPerson { number, label })
    };
    people.into_iter().map(person).collect()
}

fn encode_people(people: Vec<RoomPerson>) -> Vec<raw::RoomPerson> {
    people.into_iter().map(|RoomPerson { number, label }| raw::RoomPerson { number, label }).collect()
}

fn parse_slots(slots: Vec<raw::RoomSlot>) -> Result<Vec<RoomSlot>, Malformed> {
    at_most("slots", slots.len(), ROOM_SLOTS_MAX)?;
    let slot = |raw::RoomSlot { mid, person, source, layer }| {
        at_most("mid", mid.len(), ROOM_MID_BYTES_MAX)?;
        Ok(RoomSlot { mid, person, source, layer })
    };
    slots.into_iter().map(slot).collect()
}

fn encode_slots(slots: Vec<RoomSlot>) -> Vec<raw::RoomSlot> {
    let slot = |RoomSlot { mid, person, source, layer }| raw::RoomSlot { mid, person, source, layer };
    slots.into_iter().map(slot).collect()
}

impl RoomTold {
    pub(crate) fn encode(self) -> raw::RoomTold {
        raw::RoomTold { people: encode_people(self.people), own: self.own, sdp: self.sdp }
    }

    pub(crate) fn parse(told: raw::RoomTold) -> Result<Self, Malformed> {
        at_most("sdp", told.sdp.len(), ROOM_SDP_BYTES_MAX)?;
        Ok(Self { people: parse_people(told.people)?, own: told.own, sdp: told.sdp })
    }
}

fn decode<M: Message + Default>(bytes: &[u8]) -> Result<M, Malformed> {
    at_most("message", bytes.len(), ROOM_MESSAGE_BYTES_MAX)?;
    M::decode(bytes).map_err(|_| Malformed::Protobuf { field: "room" })
}

impl RoomSay {
    /// Writes it.
    pub fn encode(self) -> Vec<u8> {
        // Data channels lose messages without a byte.
        let nothing = self.want.is_empty();
        raw::RoomSay { want: encode_slots(self.want), nothing }.encode_to_vec()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`], where a limit is broken too.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        Ok(Self { want: parse_slots(decode::<raw::RoomSay>(bytes)?.want)? })
    }
}

impl RoomTell {
    /// Writes it.
    pub fn encode(self) -> Vec<u8> {
        raw::RoomTell { people: encode_people(self.people), slots: encode_slots(self.slots) }.encode_to_vec()
    }

    /// Reads it.
    ///
    /// # Errors
    /// [`Malformed`], where a limit is broken too.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let raw::RoomTell { people, slots } = decode(bytes)?;
        Ok(Self { people: parse_people(people)?, slots: parse_slots(slots)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(host: RoomHostKey) -> RoomKey {
        RoomKey { member: RoomMember([1; 32]), host }
    }

    #[test]
    fn hosts_and_members_name_the_same_room_and_others_another() {
        let host = RoomHost([2; 32]);
        let member = key(RoomHostKey::Hash(host.hash()));
        assert_eq!(member.room_id(), key(RoomHostKey::Host(host)).room_id());
        assert_ne!(member.room_id(), key(RoomHostKey::Hash(Hash([3; 32]))).room_id());
        assert!(!member.is_host());
    }

    #[test]
    fn asks_are_taken_at_their_limits_and_refused_one_past_them() {
        let join = |sdp: usize, label: usize, resume: usize| {
            let join =
                raw::RoomJoin { sdp: "v".repeat(sdp), label: vec![0; label].into(), resume: vec![0; resume].into() };
            let does = Some(raw::room_ask::Does::Join(join));
            RoomAsk::parse(raw::RoomAsk {
                member: vec![0; 32].into(),
                host: vec![0; 32].into(),
                host_hash: Bytes::new(),
                does,
            })
        };
        assert!(join(ROOM_SDP_BYTES_MAX, ROOM_LABEL_BYTES_MAX, 16).is_ok());
        assert!(join(ROOM_SDP_BYTES_MAX + 1, 0, 16).is_err());
        assert!(join(0, ROOM_LABEL_BYTES_MAX + 1, 16).is_err());
        assert!(join(0, 0, 15).is_err());
        let look = |host: usize, hash: usize| {
            let does = Some(raw::room_ask::Does::Look(raw::RoomLook {}));
            let (host, host_hash) = (vec![0; host].into(), vec![0; hash].into());
            RoomAsk::parse(raw::RoomAsk { member: vec![0; 32].into(), host, host_hash, does })
        };
        assert!(look(32, 0).is_ok() && look(0, 32).is_ok());
        assert!(look(32, 32).is_err() && look(0, 0).is_err() && look(31, 0).is_err());
    }

    #[test]
    fn messages_of_the_channel_come_back_as_they_were_and_have_limits() {
        let slot = RoomSlot { mid: "m".repeat(ROOM_MID_BYTES_MAX), person: 7, source: 1, layer: 2 };
        let say = RoomSay { want: vec![slot.clone(); ROOM_SLOTS_MAX] };
        assert_eq!(RoomSay::parse(&say.clone().encode()), Ok(say));
        assert!(RoomSay::parse(&RoomSay { want: vec![slot.clone(); ROOM_SLOTS_MAX + 1] }.encode()).is_err());
        let long = RoomSlot { mid: "m".repeat(ROOM_MID_BYTES_MAX + 1), ..slot.clone() };
        assert!(RoomSay::parse(&RoomSay { want: vec![long] }.encode()).is_err());
        let person = RoomPerson { number: 3, label: Bytes::from_static(&[9; ROOM_LABEL_BYTES_MAX]) };
        let tell = RoomTell { people: vec![person.clone(); ROOM_PEOPLE_MAX], slots: vec![slot] };
        assert_eq!(RoomTell::parse(&tell.clone().encode()), Ok(tell));
        assert!(
            RoomTell::parse(&RoomTell { people: vec![person; ROOM_PEOPLE_MAX + 1], slots: Vec::new() }.encode())
                .is_err()
        );
        assert!(RoomSay::parse(&[0xFF; 9]).is_err());
    }

    #[test]
    fn no_session_description_and_no_capability_is_shown() {
        let does = RoomDoes::Join { sdp: "192.0.2.1".into(), label: Bytes::new(), resume: [0; 16] };
        let ask = RoomAsk { key: key(RoomHostKey::Hash(Hash([3; 32]))), does };
        assert!(!format!("{ask:?}").contains("192.0.2.1"));
        let told = RoomTold { sdp: "192.0.2.1".into(), ..RoomTold::default() };
        assert!(!format!("{told:?}").contains("192.0.2.1"));
    }
}
