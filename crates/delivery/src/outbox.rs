//! What waits to be written to one connection, bounded (LANE.md N6, N14).
//!
//! Answers always find room: the shell handles no further request of a connection whose outbox is over its limit,
//! and unanswered appends are bounded by themselves. Pushes are hints: what does not fit becomes one `Lag` per lane,
//! said once the reader has taken what was before it. Whispers go first.

use crate::batch::{Accepted, SignedBatch};
use crate::storage::CellMark;
use bytes::Bytes;
use std::collections::VecDeque;
use std::sync::Arc;
use wire::id::LaneId;
use wire::lane::{Gen, Seq};
use wire::limit::{CELL_SIZES, PAGE_CELLS_MAX};
use wire::node::{Event, Handle, RequestId};

/// One thing to write. Cells and batches are shared, pages are only named: [`crate::render`] reads them when the
/// connection has room.
#[derive(Debug, Clone)]
pub enum Out {
    /// Any event that is ready.
    Event {
        /// The request it answers, or 0.
        id: RequestId,
        /// The event.
        event: Box<Event>,
    },
    /// A receipt for an append.
    Receipt {
        /// The request it answers.
        id: RequestId,
        /// The cell.
        accepted: Arc<Accepted>,
        /// Its leaf in the batch.
        index: u32,
        /// The batch.
        batch: Arc<SignedBatch>,
    },
    /// A new cell in an open lane.
    Push {
        /// The lane.
        handle: Handle,
        /// The cell.
        accepted: Arc<Accepted>,
    },
    /// A whisper in an open lane.
    Whisper {
        /// The lane.
        handle: Handle,
        /// 1,024 bytes.
        body: Bytes,
    },
    /// A page to be read, with a receipt if it reaches the lane's end.
    Page(Box<PagePlan>),
    /// A receipt to be signed for a durable cell.
    Attest {
        /// The request it answers.
        id: RequestId,
        /// The leaf.
        leaf: Box<(LaneId, CellMark)>,
    },
}

/// A page as of the moment of its request.
#[derive(Debug, Clone)]
pub struct PagePlan {
    /// The request it answers.
    pub id: RequestId,
    /// The handle, if it answers an Open.
    pub opened: Option<Handle>,
    /// The lane.
    pub lane_id: LaneId,
    /// Cells after this one.
    pub after: Seq,
    /// The oldest position kept.
    pub first_seq: Seq,
    /// The lane's next position.
    pub next_seq: Seq,
    /// The lane's `gen`.
    pub gen_now: Gen,
    /// The leaf of the last cell.
    pub last: Option<CellMark>,
}

/// Bytes that a receipt takes in a frame, its path included.
const RECEIPT_BYTES: usize = 320;
/// Bytes that an event takes besides a body that it carries.
const EVENT_BYTES: usize = 64;

impl Out {
    /// A ready event.
    pub fn event(id: RequestId, event: Event) -> Self {
        Self::Event { id, event: Box::new(event) }
    }

    /// Whether it tells of cells, so that a client which did not get it has something to come back for.
    pub fn is_news(&self) -> bool {
        match self {
            Self::Push { .. } | Self::Page(_) => true,
            Self::Event { event, .. } => matches!(**event, Event::Lag { .. }),
            Self::Receipt { .. } | Self::Whisper { .. } | Self::Attest { .. } => false,
        }
    }

    /// About how many bytes it holds on to or will take, whichever is known.
    fn bytes(&self) -> usize {
        match self {
            Self::Event { event, .. } => match event.as_ref() {
                Event::DoorClaimed { record, key_package, .. } => {
                    EVENT_BYTES + record.len() + key_package.as_ref().map_or(0, Bytes::len)
                }
                _ => EVENT_BYTES,
            },
            Self::Receipt { .. } | Self::Attest { .. } => RECEIPT_BYTES,
            Self::Push { accepted, .. } => EVENT_BYTES + accepted.cell.body.len(),
            Self::Whisper { body, .. } => EVENT_BYTES + body.len(),
            Self::Page(_) => RECEIPT_BYTES,
        }
    }

    /// What rendering it may add to a frame.
    fn frame_bytes(&self) -> usize {
        match self {
            Self::Page(plan) => {
                let cells = plan.next_seq.saturating_sub(plan.after.saturating_add(1)).min(PAGE_CELLS_MAX as u64);
                RECEIPT_BYTES + cells as usize * (CELL_SIZES[0] + EVENT_BYTES)
            }
            other => other.bytes(),
        }
    }
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    items: VecDeque<Out>,
    bytes: usize,
    /// Lanes whose pushes were dropped, each with the next position, in the order in which they fell behind.
    lagging: Vec<(Handle, Seq)>,
}

impl Outbox {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty() && self.lagging.is_empty()
    }

    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Adds an answer.
    pub(crate) fn answer(&mut self, out: Out) {
        self.bytes += out.bytes();
        self.items.push_back(out);
    }

    /// Adds a push if it fits, else lets the lane lag.
    pub(crate) fn push(&mut self, handle: Handle, accepted: &Arc<Accepted>, bytes_max: usize) {
        let next_seq = accepted.cell.seq.saturating_add(1);
        if let Some(lag) = self.lagging.iter_mut().find(|lag| lag.0 == handle) {
            lag.1 = next_seq;
            return;
        }
        let out = Out::Push { handle, accepted: Arc::clone(accepted) };
        if self.bytes + out.bytes() > bytes_max {
            self.drop_whispers();
        }
        if self.bytes + out.bytes() > bytes_max {
            self.lagging.push((handle, next_seq));
        } else {
            self.answer(out);
        }
    }

    /// Adds a whisper if there is plenty of room.
    pub(crate) fn whisper(&mut self, handle: Handle, body: &Bytes, bytes_max: usize) {
        let out = Out::Whisper { handle, body: body.clone() };
        if self.lagging.is_empty() && self.bytes + out.bytes() <= bytes_max / 4 {
            self.answer(out);
        }
    }

    fn drop_whispers(&mut self) {
        self.items.retain(|out| !matches!(out, Out::Whisper { .. }));
        self.bytes = self.items.iter().map(Out::bytes).sum();
    }

    /// Moves about `frame_bytes` to `outs`, at least one item; the Lags once everything before them is out.
    pub(crate) fn drain(&mut self, frame_bytes: usize, outs: &mut Vec<Out>) {
        let mut taken = 0;
        while taken < frame_bytes
            && let Some(out) = self.items.pop_front()
        {
            taken += out.frame_bytes();
            self.bytes = self.bytes.saturating_sub(out.bytes());
            outs.push(out);
        }
        if self.items.is_empty() {
            // An idle connection holds no memory here.
            *self = Self { lagging: std::mem::take(&mut self.lagging), ..Self::default() };
            let lags = std::mem::take(&mut self.lagging).into_iter();
            outs.extend(lags.map(|(handle, next_seq)| Out::event(0, Event::Lag { handle, next_seq })));
        }
    }
}
