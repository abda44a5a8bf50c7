//! Signals of a call in a message: the limits of CALLS.md s.2. What they mean is for the machines of crate `calls`.

use super::call_many::{CallCommit, UnderWay};
use bytes::Bytes;
use wire::Malformed;
use wire::id::{CallId, DeviceId};
use wire::limit::{
    CALL_CANDIDATE_BYTES_MAX, CALL_CANDIDATES_MAX, CALL_DESCRIPTION_BYTES_MAX, CALL_KEY_PACKAGE_BYTES_MAX,
    CALL_WELCOME_BYTES_MAX, NOTE_BYTES_MAX,
};
use wire::proto::content as raw;

/// One signal of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Call {
    /// Which call.
    pub call_id: CallId,
    /// What is said.
    pub signal: CallSignal,
}

/// What a device says about a call.
#[derive(Clone, PartialEq, Eq)]
pub enum CallSignal {
    /// Calls all devices of the other account.
    Offer(Description),
    /// This device rings; whoever calls takes it into the call's group with this KeyPackage.
    Ringing {
        /// For the call's group alone, at most 4 KiB.
        key_package: Bytes,
    },
    /// This device was picked up.
    Answer(Description),
    /// Ways to the sender.
    Candidates {
        /// For whom.
        to: DeviceId,
        /// ICE candidates as SDP has them (RFC 8839 s.5.1), at most 32 of 512 bytes.
        candidates: Vec<String>,
        /// There are no more.
        is_complete: bool,
    },
    /// Takes a device into the call's group.
    Keys {
        /// For whom.
        to: DeviceId,
        /// The MLS Welcome, at most 16 KiB.
        welcome: Bytes,
        /// The ratchet tree, at most 16 KiB.
        tree: Bytes,
    },
    /// This device, or everybody, will not.
    Decline {
        /// Why.
        reason: DeclineReason,
        /// What is said with it, at most 500 bytes; may be empty.
        text: String,
    },
    /// It is over.
    HangUp {
        /// Why.
        reason: HangUpReason,
    },
    /// A call of many is under way.
    UnderWay(UnderWay),
    /// This device wants to be in a call of many; whoever is in it takes it in with this KeyPackage.
    Join {
        /// For the call's group alone, at most 4 KiB.
        key_package: Bytes,
    },
    /// A part of a change of the group of a call of many.
    Commit(CallCommit),
    /// This device is no longer in a call of many.
    Leave,
    /// Nobody is in a call of many: whoever says it waited in vain.
    Over,
    /// A signal of a later version.
    Unknown,
}

/// What media a side offers or takes.
#[derive(Clone, PartialEq, Eq)]
pub struct Description {
    /// Pictures too, not sound alone.
    pub has_video: bool,
    /// The sender's user allows that the other side sees its address.
    pub may_direct: bool,
    /// SDP (RFC 8866), 1 byte to 32 KiB.
    pub sdp: String,
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum DeclineReason {
    /// The user said no.
    Declined = 1,
    /// This device is in another call.
    Busy = 2,
    /// This device cannot take calls.
    Unable = 3,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum HangUpReason {
    /// Somebody hung up.
    HungUp = 1,
    /// Nobody answered.
    NoAnswer = 2,
    /// There was no way to each other, or it broke.
    Lost = 3,
}

impl std::fmt::Debug for Description {
    /// A description holds addresses.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Description").field("has_video", &self.has_video).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CallSignal {
    /// Descriptions and candidates hold addresses: only what is said is shown.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(match self {
            Self::Offer(_) => "Offer",
            Self::Ringing { .. } => "Ringing",
            Self::Answer(_) => "Answer",
            Self::Candidates { .. } => "Candidates",
            Self::Keys { .. } => "Keys",
            Self::Decline { .. } => "Decline",
            Self::HangUp { .. } => "HangUp",
            Self::UnderWay(_) => "UnderWay",
            Self::Join { .. } => "Join",
            Self::Commit(_) => "Commit",
            Self::Leave => "Leave",
            Self::Over => "Over",
            Self::Unknown => "Unknown",
        })
    }
}

impl Call {
    /// Checks every limit.
    pub(super) fn check(&self) -> Result<(), Malformed> {
        match &self.signal {
            CallSignal::Offer(description) | CallSignal::Answer(description) => {
                present("sdp", description.sdp.len(), CALL_DESCRIPTION_BYTES_MAX)
            }
            CallSignal::Ringing { key_package } | CallSignal::Join { key_package } => {
                present("key_package", key_package.len(), CALL_KEY_PACKAGE_BYTES_MAX)
            }
            CallSignal::Candidates { candidates, .. } => {
                super::at_most("candidates", candidates.len(), CALL_CANDIDATES_MAX)?;
                candidates.iter().try_for_each(|candidate| {
                    if candidate.chars().any(char::is_control) {
                        return Err(Malformed::Value { field: "candidate" });
                    }
                    present("candidate", candidate.len(), CALL_CANDIDATE_BYTES_MAX)
                })
            }
            CallSignal::Keys { welcome, tree, .. } => {
                present("welcome", welcome.len(), CALL_WELCOME_BYTES_MAX)?;
                present("tree", tree.len(), CALL_WELCOME_BYTES_MAX)
            }
            CallSignal::Decline { text, .. } => super::at_most("text", text.len(), NOTE_BYTES_MAX),
            CallSignal::UnderWay(under_way) => under_way.check(),
            CallSignal::Commit(commit) => commit.check(),
            CallSignal::HangUp { .. } | CallSignal::Leave | CallSignal::Over | CallSignal::Unknown => Ok(()),
        }
    }

    pub(super) fn parse(call: raw::Call) -> Result<Self, Malformed> {
        use raw::call::Signal as Raw;
        let signal = match call.signal {
            None => CallSignal::Unknown,
            Some(Raw::Offer(description)) => CallSignal::Offer(parse_description(description)?),
            Some(Raw::Ringing(ringing)) => CallSignal::Ringing { key_package: ringing.key_package },
            Some(Raw::Answer(description)) => CallSignal::Answer(parse_description(description)?),
            Some(Raw::Candidates(ways)) => CallSignal::Candidates {
                to: DeviceId::parse(&ways.to)?,
                candidates: ways.candidates,
                is_complete: ways.complete,
            },
            Some(Raw::Keys(keys)) => {
                CallSignal::Keys { to: DeviceId::parse(&keys.to)?, welcome: keys.welcome, tree: keys.tree }
            }
            Some(Raw::Decline(decline)) => {
                let reason = match decline.reason {
                    1 => DeclineReason::Declined,
                    2 => DeclineReason::Busy,
                    3 => DeclineReason::Unable,
                    _ => return Err(Malformed::Value { field: "reason" }),
                };
                CallSignal::Decline { reason, text: decline.text }
            }
            Some(Raw::HangUp(hang_up)) => {
                let reason = match hang_up.reason {
                    1 => HangUpReason::HungUp,
                    2 => HangUpReason::NoAnswer,
                    3 => HangUpReason::Lost,
                    _ => return Err(Malformed::Value { field: "reason" }),
                };
                CallSignal::HangUp { reason }
            }
            Some(Raw::UnderWay(under_way)) => CallSignal::UnderWay(UnderWay::parse(&under_way)?),
            Some(Raw::Join(join)) => CallSignal::Join { key_package: join.key_package },
            Some(Raw::Commit(commit)) => CallSignal::Commit(CallCommit::parse(commit)?),
            Some(Raw::Leave(raw::CallLeave {})) => CallSignal::Leave,
            Some(Raw::Over(raw::CallOver {})) => CallSignal::Over,
        };
        Ok(Self { call_id: CallId::parse(&call.call_id)?, signal })
    }

    /// None where the signal is unknown: nobody sends what it does not know.
    pub(super) fn to_proto(&self) -> Option<raw::Call> {
        use raw::call::Signal as Raw;
        let signal = match &self.signal {
            CallSignal::Offer(description) => Raw::Offer(encode_description(description)),
            CallSignal::Ringing { key_package } => Raw::Ringing(raw::CallRinging { key_package: key_package.clone() }),
            CallSignal::Answer(description) => Raw::Answer(encode_description(description)),
            CallSignal::Candidates { to, candidates, is_complete } => Raw::Candidates(raw::CallCandidates {
                to: super::copy(to),
                candidates: candidates.clone(),
                complete: *is_complete,
            }),
            CallSignal::Keys { to, welcome, tree } => {
                Raw::Keys(raw::CallKeys { to: super::copy(to), welcome: welcome.clone(), tree: tree.clone() })
            }
            CallSignal::Decline { reason, text } => {
                Raw::Decline(raw::CallDecline { reason: *reason as u32, text: text.clone() })
            }
            CallSignal::HangUp { reason } => Raw::HangUp(raw::CallHangUp { reason: *reason as u32 }),
            CallSignal::UnderWay(under_way) => Raw::UnderWay(under_way.to_proto()),
            CallSignal::Join { key_package } => Raw::Join(raw::CallJoin { key_package: key_package.clone() }),
            CallSignal::Commit(commit) => Raw::Commit(commit.to_proto()),
            CallSignal::Leave => Raw::Leave(raw::CallLeave {}),
            CallSignal::Over => Raw::Over(raw::CallOver {}),
            CallSignal::Unknown => return None,
        };
        Some(raw::Call { call_id: super::copy(&self.call_id), signal: Some(signal) })
    }
}

fn present(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found == 0 { Err(Malformed::Missing { field }) } else { super::at_most(field, found, limit) }
}

pub(super) fn parse_media(media: u32) -> Result<bool, Malformed> {
    match media {
        1 => Ok(false),
        2 => Ok(true),
        _ => Err(Malformed::Value { field: "media" }),
    }
}

fn parse_description(description: raw::CallDescription) -> Result<Description, Malformed> {
    Ok(Description {
        has_video: parse_media(description.media)?,
        may_direct: description.may_direct,
        sdp: description.sdp,
    })
}

fn encode_description(description: &Description) -> raw::CallDescription {
    raw::CallDescription {
        media: if description.has_video { 2 } else { 1 },
        may_direct: description.may_direct,
        sdp: description.sdp.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::{Content, Kind};

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

    fn description(bytes: usize) -> Description {
        Description { has_video: true, may_direct: false, sdp: "v".repeat(bytes) }
    }

    #[test]
    fn every_signal_is_taken_at_its_limits_and_refused_one_past_them() {
        let to = DeviceId([2; 16]);
        let ways = |count: usize, bytes: usize| CallSignal::Candidates {
            to,
            candidates: vec!["c".repeat(bytes); count],
            is_complete: true,
        };
        let keys = |welcome: usize, tree: usize| CallSignal::Keys {
            to,
            welcome: vec![1; welcome].into(),
            tree: vec![2; tree].into(),
        };
        let ringing = |bytes: usize| CallSignal::Ringing { key_package: vec![3; bytes].into() };
        let decline = |bytes: usize| CallSignal::Decline { reason: DeclineReason::Busy, text: "t".repeat(bytes) };
        let good = [
            CallSignal::Offer(description(CALL_DESCRIPTION_BYTES_MAX)),
            CallSignal::Answer(description(1)),
            ringing(CALL_KEY_PACKAGE_BYTES_MAX),
            ways(CALL_CANDIDATES_MAX, CALL_CANDIDATE_BYTES_MAX),
            ways(0, 0),
            keys(CALL_WELCOME_BYTES_MAX, CALL_WELCOME_BYTES_MAX),
            decline(NOTE_BYTES_MAX),
            decline(0),
            CallSignal::HangUp { reason: HangUpReason::Lost },
        ];
        let bad = [
            CallSignal::Offer(description(CALL_DESCRIPTION_BYTES_MAX + 1)),
            CallSignal::Answer(description(0)),
            ringing(CALL_KEY_PACKAGE_BYTES_MAX + 1),
            ringing(0),
            ways(CALL_CANDIDATES_MAX + 1, 1),
            ways(1, CALL_CANDIDATE_BYTES_MAX + 1),
            ways(1, 0),
            keys(CALL_WELCOME_BYTES_MAX + 1, 1),
            keys(1, CALL_WELCOME_BYTES_MAX + 1),
            keys(0, 1),
            decline(NOTE_BYTES_MAX + 1),
            CallSignal::Unknown,
        ];
        assert!(good.into_iter().all(round_trips));
        assert!(!bad.into_iter().any(round_trips));
    }

    #[test]
    fn a_signal_of_a_later_version_is_no_error_and_a_wrong_reason_is() {
        let parse = |signal| Call::parse(raw::Call { call_id: vec![1; 16].into(), signal }).map(|call| call.signal);
        assert_eq!(parse(None), Ok(CallSignal::Unknown));
        let hang_up = |reason| parse(Some(raw::call::Signal::HangUp(raw::CallHangUp { reason })));
        assert!(hang_up(1).is_ok() && hang_up(0).is_err() && hang_up(4).is_err());
        assert!(Call::parse(raw::Call { call_id: vec![1; 15].into(), signal: None }).is_err());
    }

    #[test]
    fn no_description_and_no_candidate_is_shown() {
        let call = Call { call_id: CallId([1; 16]), signal: CallSignal::Offer(description(9)) };
        assert!(!format!("{call:?}").contains("vvv"));
    }
}
