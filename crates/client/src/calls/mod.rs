//! Calls: what this device does with their signals (CALLS.md s.2 to s.5; of many: s.9).
//!
//! The machine of crate `calls` decides; here its signals get what they carry (descriptions, candidates, keys), the
//! call's group is made or joined, and what a view must know is kept. Media is the shell's: it is told what to
//! describe ([`Want`]) and gets the keys.
//!
//! | module | holds |
//! |---|---|
//! | [`session`] | the call that is under way, as views and media see it |
//! | `hear` | signals in, effects of the machine out |
//! | `act` | what a user or the shell wants |
//! | [`many`] | calls of many |
//! | `talk` | media natively, by a peer of crate `peer` (not in a browser) |

mod act;
mod hear;
pub mod many;
pub mod session;
#[cfg(not(target_arch = "wasm32"))]
pub(crate) mod talk;

pub use session::{CallState, CallView, Want};
#[cfg(not(target_arch = "wasm32"))]
pub use talk::TalkEvent;

use crate::engine::Outgoing;
use crate::timeline::{CallEntry, KeptGroupCall};
use calls::call::Machine;
use many::{Item, Many};
use protocol::Device;
use protocol::content::Kind;
use protocol::event::{ConversationId, Input, Link, LinkKind};
use session::Session;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::id::{CallId, DeviceId};
use wire::node::{Event, Request, RequestId};
use wire::relay::RelayTerms;

/// Names the request for a relay; the device counts up from 1 on each connection.
const RELAY_REQUEST: RequestId = RequestId::MAX - 1;
/// Conversations whose ended calls are remembered.
const MACHINES_MAX: usize = 256;

/// Why a call cannot be made or answered. Nothing was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CallRefusal {
    /// There is a call already.
    #[error("you are in a call")]
    InCall,
    /// Not a conversation of two.
    #[error("only somebody with whom you have a conversation of two can be called")]
    NotDirect,
    /// Not a group.
    #[error("this is no group; call the other side")]
    NotGroup,
    /// Blocked, left, or not accepted.
    #[error("this person cannot be called now")]
    NotReachable,
    /// The call is over.
    #[error("this call is over")]
    Over,
}

/// The calls of one device.
pub(crate) struct Calls {
    machines: BTreeMap<ConversationId, Machine>,
    session: Option<Session>,
    many: Many,
    /// What came in the last transaction.
    pub(crate) heard: VecDeque<Item>,
    /// What a call before the last start left to be said.
    left: Vec<(ConversationId, Kind)>,
    /// Nodes to whom the device speaks on its connection for lanes.
    speaking: BTreeSet<Link>,
}

/// What is to be written down and said in one transaction.
#[derive(Default)]
struct Deeds {
    says: Vec<(CallId, ConversationId, Kind)>,
    notes: Vec<(ConversationId, CallId, CallEntry)>,
    over: Vec<CallId>,
    kept: Vec<(ConversationId, Option<KeptGroupCall>)>,
    is_changed: bool,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self {
            machines: BTreeMap::new(),
            session: None,
            many: Many::default(),
            heard: VecDeque::new(),
            left: Vec::new(),
            speaking: BTreeSet::new(),
        }
    }

    /// When the machine has something to do.
    pub(crate) fn wake_ms(&self) -> Option<u64> {
        let due = self.machines.values().filter_map(Machine::wake_ms).chain(self.many.wake_ms()).min();
        if self.heard.is_empty() && self.left.is_empty() { due } else { Some(0) }
    }

    /// The conversations whose machine has something to do.
    fn due(&self, now_ms: u64) -> Vec<ConversationId> {
        let is_due = |machine: &Machine| machine.wake_ms().is_some_and(|due_ms| due_ms <= now_ms);
        self.machines.iter().filter(|(_, machine)| is_due(machine)).map(|(id, _)| *id).collect()
    }

    /// A conversation is gone, and its calls with it.
    fn forget(&mut self, conversation: ConversationId) {
        self.machines.remove(&conversation);
        self.session.take_if(|session| session.conversation == conversation);
    }

    fn machine(&mut self, me: DeviceId, conversation: ConversationId) -> &mut Machine {
        if self.machines.len() >= MACHINES_MAX && !self.machines.contains_key(&conversation) {
            self.machines.retain(|_, machine| machine.state().is_some());
        }
        self.machines.entry(conversation).or_insert_with(|| Machine::new(me))
    }

    /// Takes the answers about relays out: the device never asked. True if a view must look again.
    pub(crate) fn hear_relay(&mut self, device: &Device, inputs: &mut Vec<Input>) -> bool {
        let mut is_changed = self.many.hear_room(device, inputs);
        inputs.retain(|input| match input {
            Input::Connected(link) | Input::Disconnected(link) => {
                self.speaking.remove(link);
                if let Some(session) = self.session.as_mut().filter(|session| session.link == *link) {
                    session.is_relay_asked = false;
                }
                true
            }
            Input::Event(link, RELAY_REQUEST, event) => {
                if let Some(session) = self.session.as_mut().filter(|session| session.link == *link) {
                    session.relay = match event {
                        Event::Relay(terms) => Some(Some((**terms).clone())),
                        _ => Some(None),
                    };
                    is_changed = true;
                }
                false
            }
            _ => true,
        });
        is_changed
    }

    /// Asks for a relay on the connection on which the call's signals go, once the device speaks there.
    pub(crate) fn ride(&mut self, outgoing: &mut Vec<Outgoing>) {
        for item in outgoing.iter() {
            match item {
                Outgoing::Send(link, _) if link.kind == LinkKind::Lanes => {
                    self.speaking.insert(link.clone());
                }
                Outgoing::Hangup(link) => {
                    self.speaking.remove(link);
                }
                _ => {}
            }
        }
        if let Some(session) = &mut self.session
            && !session.is_relay_asked
            && self.speaking.contains(&session.link)
        {
            session.is_relay_asked = true;
            outgoing.push(Outgoing::Send(session.link.clone(), vec![(RELAY_REQUEST, Request::Relay)]));
        }
    }

    /// Forgets what is under way after a failed transaction: it is noted when the engine looks again.
    pub(crate) fn disconnected(&mut self) {
        self.speaking.clear();
        self.many.disconnected();
        if let Some(session) = &mut self.session {
            session.is_relay_asked = false;
        }
    }
}

/// Where and with what a call is relayed; none inside: the node relays nothing.
pub(crate) type Relay = Option<Option<RelayTerms>>;
