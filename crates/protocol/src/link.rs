//! Connections to nodes: what was asked, and what is to be sent.

use crate::event::{ConversationId, Effect, Link};
use std::collections::BTreeMap;
use wire::id::{Hash, LaneId};
use wire::node::{Handle, Hello, Request, RequestId};

/// Who asked, so that the answer finds its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    /// A conversation's lane, named because the conversation may have moved on when the answer comes.
    Group(ConversationId, LaneId, GroupAsk),
    /// An invite or reply lane of ours.
    Invite(Hash, LaneAsk),
    /// Our door's lane.
    Door(LaneAsk),
    /// What our door hands out.
    DoorPut,
    /// A claim or knock of a job.
    Job(u64, LaneAsk),
}

/// What a conversation asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupAsk {
    /// To open the lane.
    Open,
    /// To append the pending commit.
    Commit,
    /// To append the outbox item of this index.
    Item(u64),
    /// A page.
    Read,
    /// A receipt for the last cell.
    Attest,
    /// The lane that was left, from the moving cell on.
    PreviousOpen,
    /// The moving cell again.
    PreviousAppend,
    /// A whisper.
    Whisper,
}

/// What was asked about a lane without an MLS group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LaneAsk {
    /// To open it.
    Open,
    /// A page.
    Read,
    /// To append a knock.
    Append,
    /// To trim or close it.
    Trim,
    /// To claim at a door.
    Claim,
}

/// Whose lane a handle is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A conversation's.
    Group(ConversationId),
    /// An invite or reply lane of ours.
    Invite(Hash),
    /// Our door's.
    Door,
}

/// One connection.
#[derive(Debug, Default)]
pub(crate) struct LinkState {
    pub(crate) hello: Option<Hello>,
    pub(crate) owners: BTreeMap<Handle, Owner>,
    pub(crate) claims: u32,
    last_id: RequestId,
    asked: BTreeMap<RequestId, Asked>,
    outbound: Vec<(RequestId, Request)>,
}

/// All connections that are wanted.
#[derive(Debug, Default)]
pub(crate) struct Links {
    states: BTreeMap<Link, LinkState>,
    wanted: Vec<Link>,
}

impl Links {
    /// Asks for a connection, if none is wanted yet.
    pub(crate) fn want(&mut self, link: &Link) {
        if !self.states.contains_key(link) {
            self.states.insert(link.clone(), LinkState::default());
            self.wanted.push(link.clone());
        }
    }

    /// A connection after its Hello.
    pub(crate) fn ready(&mut self, link: &Link) -> Option<&mut LinkState> {
        self.states.get_mut(link).filter(|state| state.hello.is_some())
    }

    /// A connection in any state.
    pub(crate) fn get(&mut self, link: &Link) -> Option<&mut LinkState> {
        self.states.get_mut(link)
    }

    /// Queues a request; false while there is no connection, and then nothing is queued.
    pub(crate) fn ask(&mut self, link: &Link, asked: Asked, request: Request) -> bool {
        let Some(state) = self.ready(link) else { return false };
        state.last_id = state.last_id.wrapping_add(1).max(1);
        state.asked.insert(state.last_id, asked);
        state.outbound.push((state.last_id, request));
        true
    }

    /// Who asked a request; each answer is taken once.
    pub(crate) fn take_asked(&mut self, link: &Link, id: RequestId) -> Option<Asked> {
        self.states.get_mut(link)?.asked.remove(&id)
    }

    /// Whether a connection has no Hello yet or a request no answer.
    pub(crate) fn is_waiting(&self) -> bool {
        self.states.values().any(|state| state.hello.is_none() || !state.asked.is_empty())
    }

    /// Forgets everything of a connection that is gone; it stays wanted.
    pub(crate) fn reset(&mut self, link: &Link) {
        if let Some(state) = self.states.get_mut(link) {
            *state = LinkState::default();
        }
    }

    /// Forgets a connection that is no longer wanted.
    pub(crate) fn drop_link(&mut self, link: &Link) {
        self.states.remove(link);
        self.wanted.retain(|wanted| wanted != link);
    }

    /// Moves what was queued into effects.
    pub(crate) fn drain(&mut self, effects: &mut Vec<Effect>) {
        effects.extend(self.wanted.drain(..).map(Effect::Connect));
        for (link, state) in &mut self.states {
            if !state.outbound.is_empty() {
                effects.push(Effect::Send(link.clone(), std::mem::take(&mut state.outbound)));
            }
        }
    }
}
