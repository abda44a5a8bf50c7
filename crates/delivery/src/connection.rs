//! One connection, and its hold on each lane it opened.

use crate::budget::{Bucket, Rate};
use crate::lanes::LaneIx;
use crate::outbox::Outbox;
use wire::bell::Bell;
use wire::node::Handle;

/// A connection; never used again for another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnId {
    /// Its slot: small, dense, used again once the connection is gone.
    pub slot: u32,
    /// Tells the users of a slot apart.
    pub generation: u32,
}

#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) generation: u32,
    pub(crate) hello_nonce: [u8; 32],
    /// Slots of its subscriptions, by rising handle.
    pub(crate) subs: Vec<u32>,
    /// Handles are not used again: a late push never names another lane.
    pub(crate) next_handle: Handle,
    /// Appends that wait for their batch.
    pub(crate) unanswered: u32,
    /// The lowest counter that the next claim may carry.
    pub(crate) claims_next: u32,
    pub(crate) requests: Bucket,
    pub(crate) append_bytes: Bucket,
    pub(crate) outbox: Outbox,
    /// It is in the list of connections to wake.
    pub(crate) is_woken: bool,
    /// It ended, and holds its lanes until its bell is rung.
    pub(crate) is_dozing: bool,
    /// To be rung once it is gone.
    pub(crate) bell: Option<Box<Bell>>,
}

/// One connection's hold on one lane.
#[derive(Debug)]
pub(crate) struct Sub {
    pub(crate) handle: Handle,
    pub(crate) conn: u32,
    pub(crate) lane: LaneIx,
    /// Appends answered with a receipt, or accepted and waiting for one.
    pub(crate) nth: u32,
    /// The lane's other subscriptions.
    pub(crate) next: u32,
    pub(crate) prev: u32,
    pub(crate) may_read: bool,
    pub(crate) may_write: bool,
    /// Made at the first whisper or handshake: an idle subscription stays small.
    pub(crate) budgets: Option<Box<SubBudgets>>,
}

#[derive(Debug)]
pub(crate) struct SubBudgets {
    pub(crate) whispers: Bucket,
    pub(crate) handshakes: Bucket,
    pub(crate) handshake_bytes: Bucket,
}

/// The rates of [`SubBudgets`].
#[derive(Debug, Clone, Copy)]
pub(crate) struct SubRates {
    pub(crate) whispers: Rate,
    pub(crate) handshakes: Rate,
    pub(crate) handshake_bytes: Rate,
}

impl Sub {
    pub(crate) fn budgets(&mut self, now_ms: u64, rates: SubRates) -> &mut SubBudgets {
        self.budgets.get_or_insert_with(|| {
            Box::new(SubBudgets {
                whispers: Bucket::full(now_ms, rates.whispers),
                handshakes: Bucket::full(now_ms, rates.handshakes),
                handshake_bytes: Bucket::full(now_ms, rates.handshake_bytes),
            })
        })
    }
}
