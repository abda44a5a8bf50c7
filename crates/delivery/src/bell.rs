//! Bells: whoever goes away may leave one, to be told once, without content, that a lane it reads has grown (LANE.md
//! N15).
//!
//! A connection that ended and left a bell *dozes*: it keeps its place in its lanes and nothing else. The first cell in
//! any of them rings the bell, and all is forgotten. Nothing of it is ever stored: what the node knows of a dozing
//! connection is what it knew while it was open, and a restart forgets it.

use crate::connection::ConnId;
use crate::node::Node;
use crate::outbox::Out;
use crate::policy::DAY_S;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use wire::bell::Bell;
use wire::id::Hash;
use wire::node::{Event, Refusal, RequestId};

/// Bells that wait to be taken by the shell; more are dropped.
const RINGS_MAX: usize = 65_536;
/// Endpoints that are remembered to be gone.
const GONE_MAX: usize = 1_024;

/// How a connection ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Leave {
    /// The client has, as far as can be known, all that it was sent.
    Heard,
    /// Cells were sent since the client was last heard.
    Unheard,
}

/// The dozing connections.
#[derive(Debug, Default)]
pub(crate) struct Bells {
    /// By the hash of the endpoint: one device dozes once. With the time until which it may.
    dozing: BTreeMap<Hash, (u64, ConnId)>,
    /// The same by that time.
    by_age: BTreeSet<(u64, ConnId)>,
    rings: Vec<Bell>,
    gone: VecDeque<Hash>,
}

fn name_of(bell: &Bell) -> Hash {
    Hash::of(&[bell.endpoint().as_bytes()])
}

impl Bells {
    pub(crate) fn len(&self) -> usize {
        self.dozing.len()
    }
}

impl Node {
    pub(crate) fn set_bell(
        &mut self,
        conn: ConnId,
        id: RequestId,
        bell: Option<Box<Bell>>,
    ) -> Result<Option<Out>, Refusal> {
        if let Some(bell) = &bell {
            let name = name_of(bell);
            if self.policy.bells_max == 0 || self.bells.gone.contains(&name) {
                return Err(Refusal::Denied);
            }
            // The device is back.
            self.forget_dozing(&name);
        }
        if let Some(connection) = self.connection_mut(conn) {
            connection.bell = bell;
        }
        Ok(Some(Out::event(id, Event::Done)))
    }

    /// Ends a connection: forgets it, or lets it doze if it left a bell and reads any lane. If it may not have all that
    /// it was sent, its bell is rung at once.
    pub fn leave(&mut self, now_ms: u64, conn: ConnId, how: Leave) {
        let bell = self.connection_mut(conn).and_then(|connection| connection.bell.take());
        let Some(bell) = bell else { return self.disconnect(conn) };
        self.drop_writers(conn);
        let is_reader = self.connection(conn).is_some_and(|connection| !connection.subs.is_empty());
        if !is_reader || self.bells.len() >= self.policy.bells_max as usize {
            return self.disconnect(conn);
        }
        if how == Leave::Unheard {
            self.disconnect(conn);
            return self.ring(*bell);
        }
        let name = name_of(&bell);
        self.forget_dozing(&name);
        let outbox = self.connection_mut(conn).map(|connection| {
            connection.bell = Some(bell);
            connection.is_dozing = true;
            std::mem::take(&mut connection.outbox)
        });
        let bytes = outbox.map_or(0, |outbox| outbox.bytes());
        self.outbound_bytes = self.outbound_bytes.saturating_sub(bytes);
        let until_ms = now_ms.saturating_add(u64::from(self.policy.bell_days) * DAY_S * 1_000);
        self.bells.dozing.insert(name, (until_ms, conn));
        self.bells.by_age.insert((until_ms, conn));
    }

    fn forget_dozing(&mut self, name: &Hash) {
        if let Some((_, conn)) = self.bells.dozing.get(name).copied() {
            self.disconnect(conn);
        }
    }

    /// Forgets the lanes that the connection may not read: nothing in them is for it.
    fn drop_writers(&mut self, conn: ConnId) {
        let Some(connection) = self.connection(conn) else { return };
        let of = |at: &u32| self.subs.get(*at).filter(|sub| !sub.may_read).map(|sub| sub.handle);
        let handles: Vec<_> = connection.subs.iter().filter_map(of).collect();
        for handle in handles {
            self.drop_sub(conn, handle);
        }
    }

    /// Takes a dozing connection out of the tables of bells; the rest is [`Node::disconnect`]'s.
    pub(crate) fn forget_bell(&mut self, conn: ConnId, bell: &Bell) {
        let name = name_of(bell);
        if let Some(row) = self.bells.dozing.get(&name).copied().filter(|(_, known)| *known == conn) {
            self.bells.dozing.remove(&name);
            self.bells.by_age.remove(&row);
        }
    }

    /// Rings the bells of dozing connections and forgets them.
    pub(crate) fn ring_all(&mut self, conns: &[ConnId]) {
        for conn in conns {
            let bell = self.connection(*conn).and_then(|connection| connection.bell.as_deref().cloned());
            self.disconnect(*conn);
            if let Some(bell) = bell {
                self.ring(bell);
            }
        }
    }

    fn ring(&mut self, bell: Bell) {
        if self.bells.rings.len() < RINGS_MAX {
            self.bells.rings.push(bell);
        }
    }

    /// Forgets whoever dozes longest, to make room for somebody awake; whether there was one.
    pub(crate) fn forget_oldest_bell(&mut self) -> bool {
        let Some((_, conn)) = self.bells.by_age.first().copied() else { return false };
        self.disconnect(conn);
        true
    }

    /// Forgets those who dozed for too long.
    pub(crate) fn expire_bells(&mut self, now_ms: u64) {
        while self.bells.by_age.first().is_some_and(|(until_ms, _)| *until_ms <= now_ms) {
            self.forget_oldest_bell();
        }
    }

    /// Moves the bells to ring now to `rings`: each once.
    pub fn take_rings(&mut self, rings: &mut Vec<Bell>) {
        rings.append(&mut self.bells.rings);
    }

    /// Takes in that the push service knows a bell's endpoint no more: it is refused from now on.
    pub fn bell_gone(&mut self, bell: &Bell) {
        let name = name_of(bell);
        if self.bells.gone.len() >= GONE_MAX {
            self.bells.gone.pop_front();
        }
        self.bells.gone.push_back(name);
        self.forget_dozing(&name);
    }
}
