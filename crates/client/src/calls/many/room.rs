//! The connection to the node of a call's room: it names nobody, and asks for the relay and the room alone.

use super::Many;
use crate::calls::Relay;
use crate::engine::Outgoing;
use protocol::Device;
use protocol::event::{Input, Link, LinkKind};
use wire::node::{Event, Refusal, Request, RequestId};
use wire::room::{ROOM_LABEL_BYTES_MAX, RoomAsk, RoomDoes, RoomPerson};

/// Names the request for a relay.
const RELAY_REQUEST: RequestId = 1;

/// What the room's node said to an offer of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoomAnswer {
    /// The number that the shell gave its offer.
    pub offer: u32,
    /// Our number in the room.
    pub own: u32,
    /// Its answer.
    pub sdp: String,
}

/// Why the room is not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoomRefusal {
    /// The node takes no more, now.
    Full,
    /// The node has no rooms, or this one was ended.
    Denied,
    /// The connection broke: ask again.
    NoAnswer,
}

pub(in crate::calls) struct Room {
    pub(super) link: Link,
    is_asked: bool,
    is_ready: bool,
    is_relay_asked: bool,
    pub(super) relay: Relay,
    /// Counts the rooms that this call had.
    pub(super) number: u32,
    /// Takes our own place in the room again.
    pub(super) resume: [u8; 16],
    /// The offer that was not sent, or not answered yet.
    pub(super) offer: Option<(u32, Option<RoomAsk>)>,
    next_id: RequestId,
    awaited: Option<RequestId>,
    pub(super) answer: Option<Result<RoomAnswer, RoomRefusal>>,
    /// Who is there, as the room says; none: not known.
    pub(super) people: Option<Vec<RoomPerson>>,
}

impl Room {
    pub(super) fn new(link: Link) -> Self {
        Self {
            link,
            is_asked: false,
            is_ready: false,
            is_relay_asked: false,
            relay: None,
            number: 1,
            resume: [0; 16],
            offer: None,
            next_id: RELAY_REQUEST,
            awaited: None,
            answer: None,
            people: None,
        }
    }

    /// The call goes on elsewhere.
    pub(super) fn moved(&mut self, resume: [u8; 16]) {
        self.number = self.number.saturating_add(1);
        self.resume = resume;
        self.offer = None;
        self.awaited = None;
        self.people = None;
    }

    fn disconnected(&mut self) {
        (self.is_ready, self.is_relay_asked) = (false, false);
        if self.awaited.take().is_some() {
            self.answer = Some(Err(RoomRefusal::NoAnswer));
            self.offer = None;
        }
    }

    /// What is to be sent now.
    fn requests(&mut self) -> Vec<(RequestId, Request)> {
        let mut requests = Vec::new();
        if !self.is_ready {
            return requests;
        }
        if !self.is_relay_asked {
            self.is_relay_asked = true;
            requests.push((RELAY_REQUEST, Request::Relay));
        }
        if let Some((_, ask)) = &mut self.offer
            && let Some(ask) = ask.take()
        {
            self.next_id = self.next_id.wrapping_add(1).max(RELAY_REQUEST + 1);
            self.awaited = Some(self.next_id);
            requests.push((self.next_id, Request::Room(Box::new(ask))));
        }
        requests
    }

    fn hear(&mut self, id: RequestId, event: Event) {
        match event {
            Event::Relay(terms) if id == RELAY_REQUEST => self.relay = Some(Some(*terms)),
            Event::Room(told) if self.awaited == Some(id) => {
                self.awaited = None;
                if let Some((offer, _)) = self.offer.take() {
                    self.answer = Some(Ok(RoomAnswer { offer, own: told.own, sdp: told.sdp }));
                    self.people = Some(told.people);
                }
            }
            Event::Refused(_) if id == RELAY_REQUEST => self.relay = Some(None),
            Event::Refused(refusal) if self.awaited == Some(id) => {
                self.awaited = None;
                self.offer = None;
                self.answer = Some(Err(match refusal {
                    Refusal::Full { .. } | Refusal::Busy { .. } => RoomRefusal::Full,
                    _ => RoomRefusal::Denied,
                }));
            }
            _ => {}
        }
    }
}

/// The room that this device asks to enter.
pub(super) fn join(key: wire::room::RoomKey, sdp: String, label: bytes::Bytes, resume: [u8; 16]) -> RoomAsk {
    debug_assert!(label.len() <= ROOM_LABEL_BYTES_MAX, "a label is as long as the specification says");
    RoomAsk { key, does: RoomDoes::Join { sdp, label, resume } }
}

impl Many {
    /// Takes what a room's connection says out of the inputs: the device never asked for one. True if a view must look
    /// again.
    pub(in crate::calls) fn hear_room(&mut self, device: &Device, inputs: &mut Vec<Input>) -> bool {
        let mut is_changed = false;
        let mut rest = Vec::with_capacity(inputs.len());
        for input in inputs.drain(..) {
            let link = match &input {
                Input::Connected(link) | Input::Disconnected(link) | Input::Event(link, ..) => Some(link),
                _ => None,
            };
            if link.is_none_or(|link| link.kind != LinkKind::Room) {
                rest.push(input);
                continue;
            }
            let Some(own) = self.own.as_mut().filter(|own| link == Some(&own.room.link)) else { continue };
            is_changed = true;
            match input {
                Input::Event(_, _, Event::Hello(hello)) => {
                    // Another node under the old address hears nothing of the room.
                    own.room.is_ready = device.node_key_of(own.conversation) == Some(hello.node_key);
                }
                Input::Event(_, id, event) => own.room.hear(id, event),
                Input::Disconnected(_) => own.room.disconnected(),
                _ => {}
            }
        }
        *inputs = rest;
        is_changed
    }

    /// What is to be done outside for the room.
    pub(in crate::calls) fn take_outgoing(&mut self) -> Vec<Outgoing> {
        if let Some(own) = &mut self.own {
            if !own.room.is_asked {
                own.room.is_asked = true;
                self.outgoing.push(Outgoing::Connect(own.room.link.clone()));
            }
            let requests = own.room.requests();
            if !requests.is_empty() {
                self.outgoing.push(Outgoing::Send(own.room.link.clone(), requests));
            }
        }
        std::mem::take(&mut self.outgoing)
    }

    /// Every connection was closed.
    pub(in crate::calls) fn disconnected(&mut self) {
        if let Some(own) = &mut self.own {
            own.room.disconnected();
        }
    }
}
