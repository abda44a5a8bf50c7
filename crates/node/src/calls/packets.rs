//! Packets in, packets out. A batch is read with one call, goes through the table under one lock, and what it sends
//! leaves with one call for each address.

use super::batch::{Inbox, Outbox, Port};
use super::{Relay, hold};
use crate::shared::now_ms;
use calls::turn::{Client, Forward, Link, RelayId, Verdict};
use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;
use std::time::Instant;

/// Reads of one socket before others get their turn.
const READS_MAX: usize = 4;
/// Zeros for the padding of a packet on a stream.
const PADDING: [u8; 4] = [0; 4];

/// What a thread reads into and sends from.
#[derive(Default)]
struct Scratch {
    inbox: Inbox,
    outbox: Outbox,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Lends the thread's outbox.
pub(super) fn with_outbox<R>(use_it: impl FnOnce(&mut Outbox) -> R) -> R {
    SCRATCH.with_borrow_mut(|Scratch { outbox, .. }| use_it(outbox))
}

/// What becomes of a stream after its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// It goes on.
    GoOn,
    /// It is ended.
    End,
}

impl Relay {
    /// Takes what came to the clients' port.
    pub(super) fn read_clients(self: &Arc<Self>) {
        SCRATCH.with_borrow_mut(|Scratch { inbox, outbox }| {
            for _ in 0..READS_MAX {
                let has_more = self.udp.receive(inbox);
                let now_ms = now_ms();
                let now = Instant::now();
                let mut rooms = self.rooms.as_ref().map(hold);
                let mut table = hold(&self.table);
                for (address, packet) in inbox.datagrams() {
                    if rooms.as_mut().is_some_and(|rooms| rooms.take(now, address, packet)) {
                        continue;
                    }
                    let client = Client { address, link: Link::Udp };
                    let verdict = table.from_client(now_ms, client, packet);
                    self.follow(client, verdict, packet, outbox);
                }
                let has_effects = table.has_effects();
                drop(table);
                if let Some(rooms) = &mut rooms {
                    self.flush_rooms(rooms, outbox);
                }
                drop(rooms);
                outbox.flush();
                if has_effects {
                    self.carry_out();
                }
                if !has_more {
                    return;
                }
            }
        });
    }

    /// Takes what came to a relay's socket.
    pub(super) fn read_peers(self: &Arc<Self>, relay: RelayId, port: &Port) {
        SCRATCH.with_borrow_mut(|Scratch { inbox, outbox }| {
            for _ in 0..READS_MAX {
                let has_more = port.receive(inbox);
                let now_ms = now_ms();
                let mut table = hold(&self.table);
                for (peer, packet) in inbox.datagrams() {
                    if let Some(forward) = table.from_peer(now_ms, relay, peer, packet.len()) {
                        self.forward(&forward, packet, outbox);
                    }
                }
                drop(table);
                outbox.flush();
                if !has_more {
                    return;
                }
            }
        });
    }

    /// Takes one message of a stream.
    pub(super) fn take_from_stream(self: &Arc<Self>, client: Client, message: &[u8]) -> After {
        SCRATCH.with_borrow_mut(|Scratch { outbox, .. }| {
            let mut table = hold(&self.table);
            let verdict = table.from_client(now_ms(), client, message);
            let has_effects = table.has_effects();
            drop(table);
            let after = if verdict == Verdict::End { After::End } else { After::GoOn };
            self.follow(client, verdict, message, outbox);
            outbox.flush();
            if has_effects {
                self.carry_out();
            }
            after
        })
    }

    fn follow(&self, client: Client, verdict: Verdict, packet: &[u8], outbox: &mut Outbox) {
        let part = |payload: Range<usize>| packet.get(payload).unwrap_or_default();
        match verdict {
            Verdict::Nothing | Verdict::End => {}
            Verdict::Answer(bytes) => self.answer(calls::turn::Answer { to: client, bytes }),
            Verdict::Relay { relay, peer, payload } => {
                if let Some(held) = hold(&self.sockets).get(&relay) {
                    outbox.push(&held.port, peer, [&[], part(payload), &[]]);
                }
            }
            Verdict::Forward { forward, payload } => self.forward(&forward, part(payload), outbox),
        }
    }

    /// Sends head ‖ payload ‖ padding.
    fn forward(&self, forward: &Forward, payload: &[u8], outbox: &mut Outbox) {
        let padding = PADDING.get(..forward.padding).unwrap_or_default();
        let parts = [forward.head(), payload, padding];
        match forward.to.link {
            Link::Udp => outbox.push(&self.udp, forward.to.address, parts),
            Link::Stream(number) => self.push_to_stream(number, parts.concat()),
        }
    }
}
