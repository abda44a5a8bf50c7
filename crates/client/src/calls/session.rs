//! The call that is under way on this device.

use crate::calls::Relay;
use crate::timeline::OpenCall;
use bytes::Bytes;
use calls::call::{Media, State};
use protocol::call::{CallKeys, CallPsk, Invitee};
use protocol::content::Description;
use protocol::event::{ConversationId, Link};
use std::collections::BTreeMap;
use wire::id::{CallId, DeviceId};
use wire::limit::CALL_CANDIDATES_MAX;

/// Candidates of the other side that are held at most.
pub(super) const CANDIDATES_HELD_MAX: usize = 8 * CALL_CANDIDATES_MAX;
/// Devices of the other side that ring, counted at most.
pub(super) const RINGING_MAX: usize = 16;

/// What the shell is to describe next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// An offer.
    Offer,
    /// The answer to [`CallView::remote`].
    Answer,
}

/// Where a call stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallState {
    /// We call; nobody rings yet.
    Calling,
    /// We call; it rings there.
    RingingThere,
    /// It rings here.
    Ringing,
    /// We picked up.
    Answering,
    /// Media is set up.
    Connecting,
    /// Media flows.
    Talking,
}

/// The call as views and media see it.
#[derive(Debug)]
pub struct CallView<'a> {
    /// Where.
    pub conversation: ConversationId,
    /// Which.
    pub call_id: CallId,
    /// We call.
    pub is_outgoing: bool,
    /// Called with pictures.
    pub has_video: bool,
    /// Where it stands.
    pub state: CallState,
    /// What is to be described.
    pub want: Option<Want>,
    /// What the other side described last, and how many came.
    pub remote: Option<(&'a Description, u32)>,
    /// The other side's ICE candidates so far.
    pub candidates: &'a [String],
    /// Relays; none inside: the node relays nothing.
    pub relay: &'a Relay,
    /// Both sides allow that they see each other's address.
    pub may_direct: bool,
    /// Keys, once there are any.
    pub keys: Option<&'a CallKeys>,
    /// When it was answered.
    pub answered_ms: Option<u64>,
}

pub(super) struct Session {
    pub(super) conversation: ConversationId,
    pub(super) call_id: CallId,
    pub(super) is_outgoing: bool,
    pub(super) media: Media,
    pub(super) link: Link,
    /// Whose device we talk to.
    pub(super) peer: Option<DeviceId>,
    pub(super) want: Option<Want>,
    /// Something of ours left for the other side.
    pub(super) is_described: bool,
    pub(super) own_may_direct: bool,
    pub(super) remote: Option<(Description, u32)>,
    pub(super) candidates: Vec<String>,
    /// Ours, until it is known for whom.
    pub(super) own_candidates: Vec<String>,
    pub(super) is_own_complete: bool,
    /// The KeyPackage that this device rings with.
    pub(super) invitee: Option<Invitee>,
    /// Those of devices that ring.
    pub(super) key_packages: BTreeMap<DeviceId, Bytes>,
    pub(super) psk: Option<CallPsk>,
    pub(super) keys: Option<CallKeys>,
    pub(super) relay: Relay,
    pub(super) is_relay_asked: bool,
    pub(super) answered_ms: Option<u64>,
    /// What was said with a refusal.
    pub(super) text: String,
}

impl Session {
    pub(super) fn new(
        conversation: ConversationId,
        call_id: CallId,
        is_outgoing: bool,
        media: Media,
        link: Link,
    ) -> Self {
        Self {
            conversation,
            call_id,
            is_outgoing,
            media,
            link,
            peer: None,
            want: None,
            is_described: false,
            own_may_direct: false,
            remote: None,
            candidates: Vec::new(),
            own_candidates: Vec::new(),
            is_own_complete: false,
            invitee: None,
            key_packages: BTreeMap::new(),
            psk: None,
            keys: None,
            relay: None,
            is_relay_asked: false,
            answered_ms: None,
            text: String::new(),
        }
    }

    pub(super) fn described(&mut self, description: Description) {
        let number = self.remote.as_ref().map_or(0, |(_, number)| *number).saturating_add(1);
        self.remote = Some((description, number));
    }

    pub(super) fn open_call(&self) -> OpenCall {
        OpenCall {
            call_id: self.call_id.0,
            conversation: self.conversation.0,
            is_outgoing: self.is_outgoing,
            has_video: self.media == Media::Video,
            is_answered: self.answered_ms.is_some(),
        }
    }

    pub(super) fn view(&self, state: State) -> Option<CallView<'_>> {
        let state = match state {
            State::Calling if self.key_packages.is_empty() => CallState::Calling,
            State::Calling => CallState::RingingThere,
            State::Ringing => CallState::Ringing,
            State::Answering => CallState::Answering,
            State::Connecting(_) => CallState::Connecting,
            State::Talking(_) => CallState::Talking,
            State::Elsewhere => return None,
        };
        Some(CallView {
            conversation: self.conversation,
            call_id: self.call_id,
            is_outgoing: self.is_outgoing,
            has_video: self.media == Media::Video,
            state,
            want: self.want,
            remote: self.remote.as_ref().map(|(description, number)| (description, *number)),
            candidates: &self.candidates,
            relay: &self.relay,
            may_direct: self.own_may_direct && self.remote.as_ref().is_some_and(|(remote, _)| remote.may_direct),
            keys: self.keys.as_ref(),
            answered_ms: self.answered_ms,
        })
    }
}
