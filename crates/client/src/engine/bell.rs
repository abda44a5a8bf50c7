//! The bell that this device leaves with its home node (LANE.md N15): on the connection that reads lanes, and on each
//! that follows it. It is not stored: a browser keeps its subscription itself and hands it in again.

use crate::engine::{Engine, Outgoing, Output};
use crate::timeline::{Change, Changes};
use protocol::event::{Input, Link, LinkKind};
use protocol::identity::NodeUrl;
use wire::bell::Bell;
use wire::node::{Event, Request, RequestId};

/// Names the request; the device counts up from 1 on each connection.
const BELL_REQUEST: RequestId = RequestId::MAX;

/// Where the bell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum BellState {
    /// There is none.
    #[default]
    Silent,
    /// The home node does not have it yet.
    Waiting,
    /// The home node has it.
    Left,
    /// The home node takes none, or not this one.
    Refused,
}

/// The bell and the connection that it hangs at.
#[derive(Debug, Default)]
pub(super) struct BellRope {
    bell: Option<Box<Bell>>,
    state: BellState,
    /// The device has greeted the node on the connection that stands, and found it to be the right one.
    is_open: bool,
    /// The node must be told.
    is_due: bool,
}

fn is_lanes_of(link: &Link, home: &NodeUrl) -> bool {
    link.kind == LinkKind::Lanes && link.node_url == *home
}

impl BellRope {
    fn set(&mut self, bell: Option<Bell>) {
        self.is_due = bell.is_some() || self.bell.is_some();
        self.state = if bell.is_some() { BellState::Waiting } else { BellState::Silent };
        self.bell = bell.map(Box::new);
    }

    /// The connection is gone: the next is to hear of the bell.
    pub(super) fn disconnected(&mut self) {
        self.is_open = false;
        self.is_due = self.bell.is_some();
        if self.bell.is_some() {
            self.state = BellState::Waiting;
        }
    }

    /// Takes in what concerns the bell, and takes the node's answers to it out: the device never asked.
    pub(super) fn hear(&mut self, home: &NodeUrl, inputs: &mut Vec<Input>, changes: &mut Changes) {
        let before = self.state;
        inputs.retain(|input| match input {
            Input::Connected(link) | Input::Disconnected(link) if is_lanes_of(link, home) => {
                self.disconnected();
                true
            }
            Input::Event(link, BELL_REQUEST, event) if is_lanes_of(link, home) => {
                self.answered(event);
                false
            }
            _ => true,
        });
        if self.state != before {
            changes.insert(Change::Bell);
        }
    }

    fn answered(&mut self, event: &Event) {
        if self.state == BellState::Waiting && !self.is_due {
            let is_taken = matches!(event, Event::Done);
            self.state = if is_taken { BellState::Left } else { BellState::Refused };
        }
    }

    /// Rides along with what the device says: once it speaks on the connection, it knows the node.
    pub(super) fn ride(&mut self, home: &NodeUrl, outgoing: &mut Vec<Outgoing>) {
        for item in outgoing.iter() {
            match item {
                Outgoing::Send(link, _) if is_lanes_of(link, home) => self.is_open = true,
                Outgoing::Hangup(link) if is_lanes_of(link, home) => self.disconnected(),
                Outgoing::Connect(_)
                | Outgoing::Hangup(_)
                | Outgoing::Send(..)
                | Outgoing::PutBlob(..)
                | Outgoing::GetBlob(..)
                | Outgoing::Solve(_)
                | Outgoing::Upload(_)
                | Outgoing::Fetch(_)
                | Outgoing::StopFile(_)
                | Outgoing::Discard(_)
                | Outgoing::Direct(_) => {}
            }
        }
        if self.is_open && self.is_due {
            self.is_due = false;
            let link = Link { node_url: home.clone(), kind: LinkKind::Lanes };
            outgoing.push(Outgoing::Send(link, vec![(BELL_REQUEST, Request::Bell(self.bell.clone()))]));
        }
    }
}

impl Engine {
    /// Leaves a bell with the home node from now on, another one, or none.
    pub fn set_bell(&mut self, bell: Option<Bell>) -> Output {
        self.bell.set(bell);
        let mut output = Output::default();
        self.bell.ride(self.device.node_url(), &mut output.outgoing);
        output.changes.insert(Change::Bell);
        output
    }

    /// Where the bell is.
    pub fn bell(&self) -> BellState {
        self.bell.state
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wire::node::Refusal;

    fn home() -> NodeUrl {
        NodeUrl::parse("http://localhost:4430").unwrap()
    }

    fn link(kind: LinkKind) -> Link {
        Link { node_url: home(), kind }
    }

    fn bell() -> Bell {
        Bell::parse(b"https://push.example/a", &[4; 65], &[1; 16]).unwrap()
    }

    /// What the device says on a connection, and what rides with it: how many bells, and whether they are none.
    fn ride(rope: &mut BellRope, kind: LinkKind) -> Vec<bool> {
        let mut outgoing = vec![Outgoing::Send(link(kind), vec![(1, Request::Trim { handle: 1, through: 1 })])];
        rope.ride(&home(), &mut outgoing);
        let requests = outgoing.into_iter().filter_map(|item| match item {
            Outgoing::Send(on, requests) if on == link(LinkKind::Lanes) => Some(requests),
            _ => None,
        });
        requests
            .flatten()
            .filter_map(|(id, request)| match request {
                Request::Bell(bell) => {
                    assert_eq!(id, BELL_REQUEST);
                    Some(bell.is_some())
                }
                _ => None,
            })
            .collect()
    }

    fn hear(rope: &mut BellRope, input: Input) -> (usize, Changes) {
        let (mut inputs, mut changes) = (vec![input], Changes::new());
        rope.hear(&home(), &mut inputs, &mut changes);
        (inputs.len(), changes)
    }

    #[test]
    fn bell_is_left_once_a_connection_and_never_at_a_door() {
        let mut rope = BellRope::default();
        rope.set(Some(bell()));
        assert_eq!(ride(&mut rope, LinkKind::Door), [false; 0]);
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [true]);
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [false; 0]);
        hear(&mut rope, Input::Disconnected(link(LinkKind::Lanes)));
        hear(&mut rope, Input::Connected(link(LinkKind::Lanes)));
        let mut silent = Vec::new();
        rope.ride(&home(), &mut silent);
        assert!(silent.is_empty(), "nothing before the device has seen whose node it is");
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [true]);
    }

    #[test]
    fn answer_is_the_bells_and_does_not_reach_the_device() {
        let mut rope = BellRope::default();
        rope.set(Some(bell()));
        ride(&mut rope, LinkKind::Lanes);
        let (left, changes) = hear(&mut rope, Input::Event(link(LinkKind::Lanes), BELL_REQUEST, Event::Done));
        assert_eq!((left, rope.state), (0, BellState::Left));
        assert!(changes.contains(&Change::Bell));
        let (left, _) = hear(&mut rope, Input::Event(link(LinkKind::Lanes), 1, Event::Done));
        assert_eq!(left, 1, "the device's own");

        rope.set(Some(bell()));
        ride(&mut rope, LinkKind::Lanes);
        hear(&mut rope, Input::Event(link(LinkKind::Lanes), BELL_REQUEST, Event::Refused(Refusal::Denied)));
        assert_eq!(rope.state, BellState::Refused);
    }

    #[test]
    fn bell_that_is_taken_back_is_said_so_and_nothing_is_said_where_none_was() {
        let mut rope = BellRope::default();
        rope.set(None);
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [false; 0]);
        rope.set(Some(bell()));
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [true]);
        rope.set(None);
        assert_eq!(ride(&mut rope, LinkKind::Lanes), [false]);
        assert_eq!(rope.state, BellState::Silent);
    }
}
