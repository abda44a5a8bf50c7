//! What is made durable together, and how (LANE.md N4, s.4).

use crate::connection::ConnId;
use crate::door::{self, DoorJob};
use crate::lanes::LaneIx;
use crate::outbox::Out;
use crate::storage::{BodyPrefix, LaneRecord, Storage, StorageFailed, WriteOutcome};
use std::sync::Arc;
use wire::frame::BatchSignature;
use wire::id::{BlobId, Hash, LaneId};
use wire::lane::{Cell, Seq};
use wire::node::{Event, Refusal, RequestId};
use wire::receipt::{BatchTree, leaf, signed_bytes};

/// A cell with the position that the node gave it.
#[derive(Debug, PartialEq, Eq)]
pub struct Accepted {
    /// The lane.
    pub lane_id: LaneId,
    /// Position, kind, attach and body.
    pub cell: Cell,
    /// The head after it.
    pub head: Hash,
    /// `H(body)[0..16]`.
    pub body_prefix: BodyPrefix,
}

/// The change of one lane in a batch.
#[derive(Debug, Clone)]
pub struct LaneWrite {
    /// The record after the change; its `revision` is the condition.
    pub record: LaneRecord,
    /// The new cells, contiguous, the last at `record.next_seq - 1`; may be empty.
    pub cells: Vec<Arc<Accepted>>,
    /// When these cells may be dropped, seconds since the Unix epoch.
    pub cells_expire_s: u64,
    pub(crate) lane: LaneIx,
}

#[derive(Debug)]
pub(crate) struct Pin {
    pub(crate) blob: BlobId,
    pub(crate) keep_until_s: u64,
}

#[derive(Debug)]
pub(crate) struct Trim {
    pub(crate) lane: LaneIx,
    pub(crate) lane_id: LaneId,
    pub(crate) through: Seq,
}

/// An answer that waits for the batch.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) conn: ConnId,
    pub(crate) id: RequestId,
    pub(crate) lane: LaneIx,
    pub(crate) then: Then,
}

#[derive(Debug)]
pub(crate) enum Then {
    /// A receipt for an append over this handle.
    Receipt { handle: u32, accepted: Arc<Accepted> },
    /// Something that was decided but must not be said before.
    Say(Out),
}

/// What waits to become durable as one unit. The shell carries it through [`Batch::perform`] and hands both to
/// [`crate::Node::committed`].
#[derive(Debug, Default)]
pub struct Batch {
    pub(crate) pins: Vec<Pin>,
    pub(crate) writes: Vec<LaneWrite>,
    pub(crate) trims: Vec<Trim>,
    pub(crate) doors: Vec<DoorJob>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) door_key_packages_max: usize,
}

/// A batch's tree with the node's signature over it.
#[derive(Debug)]
pub struct SignedBatch {
    /// The tree.
    pub tree: BatchTree,
    /// Its size and the signature.
    pub signature: BatchSignature,
}

impl SignedBatch {
    /// Signs the leaves; `None` for none or too many.
    pub fn sign(leaves: Vec<Hash>, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Option<Self> {
        let tree = BatchTree::new(leaves)?;
        let sig = sign(&signed_bytes(tree.size(), &tree.root()));
        let signature = BatchSignature { size: tree.size(), sig };
        Some(Self { tree, signature })
    }
}

/// What became of a batch.
#[derive(Debug)]
pub struct Performed {
    pub(crate) outcomes: Vec<WriteOutcome>,
    pub(crate) trimmed: Vec<Option<LaneRecord>>,
    pub(crate) doors: Vec<Event>,
    pub(crate) signed: Option<Arc<SignedBatch>>,
}

impl Batch {
    /// The lanes that it changes.
    pub fn writes(&self) -> &[LaneWrite] {
        &self.writes
    }

    /// Cells in the batch.
    pub fn cell_count(&self) -> usize {
        self.writes.iter().map(|write| write.cells.len()).sum()
    }

    /// Makes the batch durable, in the order that keeps a crash harmless: pins, cells with their records as one
    /// unit, trims, doors; then, and only then, signs the leaves once.
    ///
    /// # Errors
    /// `StorageFailed`: nothing was signed, and nothing may be acknowledged.
    pub fn perform(&self, storage: &dyn Storage, sign: &dyn Fn(&[u8]) -> [u8; 64]) -> Result<Performed, StorageFailed> {
        for pin in &self.pins {
            if !storage.keep_blob(&pin.blob, pin.keep_until_s)? {
                return Err(StorageFailed);
            }
        }
        let outcomes = if self.writes.is_empty() { Vec::new() } else { storage.commit(&self.writes)? };
        if outcomes.len() != self.writes.len() {
            return Err(StorageFailed);
        }
        let trims = self.trims.iter().map(|trim| storage.trim(&trim.lane_id, trim.through));
        let trimmed = trims.collect::<Result<Vec<_>, _>>()?;
        let doors = self.doors.iter().map(|job| self.perform_door(storage, job)).collect();
        let signed = SignedBatch::sign(self.leaves(&outcomes), sign).map(Arc::new);
        Ok(Performed { outcomes, trimmed, doors, signed })
    }

    fn perform_door(&self, storage: &dyn Storage, job: &DoorJob) -> Event {
        let done = door::perform(storage, &job.op, self.door_key_packages_max);
        done.unwrap_or(Event::Refused(Refusal::Storage))
    }

    /// One leaf for each receipt of what was stored, in the order of the answers.
    fn leaves(&self, outcomes: &[WriteOutcome]) -> Vec<Hash> {
        let conflicts = self.conflicts(outcomes);
        self.answers
            .iter()
            .filter_map(|answer| match &answer.then {
                Then::Receipt { accepted, .. } if !conflicts.contains(&answer.lane) => {
                    let cell = &accepted.cell;
                    Some(leaf(&accepted.lane_id, cell.seq, cell.gen_before, &accepted.head))
                }
                Then::Receipt { .. } | Then::Say(_) => None,
            })
            .collect()
    }

    /// The lanes whose writes were not stored; hardly ever any.
    pub(crate) fn conflicts(&self, outcomes: &[WriteOutcome]) -> Vec<LaneIx> {
        let pairs = self.writes.iter().zip(outcomes);
        pairs.filter(|(_, outcome)| **outcome == WriteOutcome::Conflict).map(|(write, _)| write.lane).collect()
    }
}
