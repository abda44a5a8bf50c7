//! From an outbox's items to frames: reads the pages, signs what is durable, writes in place.

use crate::batch::SignedBatch;
use crate::outbox::{Out, PagePlan};
use crate::storage::{CellMark, Storage, StorageFailed};
use std::ops::Range;
use wire::frame::{FrameWriter, PageParts, ReceiptParts};
use wire::id::{Hash, LaneId};
use wire::lane::Cell;
use wire::limit::{PAGE_BYTES_MAX, PAGE_CELLS_MAX};
use wire::node::{Event, Refusal};
use wire::receipt::{Siblings, leaf};

/// Frames end once they are this long; the last page may add its megabyte.
const FRAME_BYTES: usize = 512 << 10;

/// Frames in one buffer, each after `gap` bytes that are left for the transport's header.
#[derive(Debug, Default)]
pub struct Frames {
    /// All frames with their gaps.
    pub buffer: Vec<u8>,
    /// Bytes before each frame.
    pub gap: usize,
    /// Where each frame lies in `buffer`, without its gap.
    pub bounds: Vec<Range<usize>>,
}

/// Writes `outs` into frames, in order, appending to `frames`.
///
/// Pages are read now. Their receipts and those of Attests state only what was durable when the request was decided,
/// so they are signed here, once for all, without waiting for a batch.
pub fn render(outs: &[Out], storage: &dyn Storage, sign: &dyn Fn(&[u8]) -> [u8; 64], frames: &mut Frames) {
    let leaves: Vec<Hash> = outs.iter().filter_map(leaf_of).collect();
    let signed = SignedBatch::sign(leaves, sign);
    let mut own_leaf = 0;
    let mut rest = outs;
    while !rest.is_empty() {
        frames.buffer.resize(frames.buffer.len() + frames.gap, 0);
        let start = frames.buffer.len();
        let mut writer = FrameWriter::new(&mut frames.buffer);
        while let [out, after @ ..] = rest {
            rest = after;
            let own = if leaf_of(out).is_some() {
                own_leaf += 1;
                signed.as_ref().map(|batch| (batch, own_leaf - 1))
            } else {
                None
            };
            write(out, own, storage, &mut writer);
            if writer.bytes() >= FRAME_BYTES {
                break;
            }
        }
        writer.finish();
        frames.bounds.push(start..frames.buffer.len());
    }
}

/// The leaf that the item needs signed, if it may need one.
fn leaf_of(out: &Out) -> Option<Hash> {
    let (lane_id, mark) = match out {
        Out::Attest { leaf, .. } => (&leaf.0, leaf.1),
        Out::Page(plan) if may_reach_end(plan) => (&plan.lane_id, plan.last?),
        Out::Page(_) | Out::Event { .. } | Out::Receipt { .. } | Out::Push { .. } | Out::Whisper { .. } => return None,
    };
    Some(leaf(lane_id, mark.seq, mark.gen_before, &mark.head))
}

fn cells_wanted(plan: &PagePlan) -> usize {
    let left = plan.next_seq.saturating_sub(plan.after.saturating_add(1));
    usize::try_from(left).unwrap_or(PAGE_CELLS_MAX)
}

fn may_reach_end(plan: &PagePlan) -> bool {
    cells_wanted(plan) <= PAGE_CELLS_MAX
}

type Own<'a> = Option<(&'a SignedBatch, u32)>;

fn parts<'a>(mark: &'a CellMark, own: Own<'a>) -> Option<ReceiptParts<'a, Siblings<'a>>> {
    let (batch, index) = own?;
    Some(ReceiptParts {
        seq: mark.seq,
        gen_before: mark.gen_before,
        head: &mark.head,
        index,
        path: batch.tree.siblings(index),
        batch: &batch.signature,
    })
}

fn write(out: &Out, own: Own<'_>, storage: &dyn Storage, writer: &mut FrameWriter<'_>) {
    match out {
        Out::Event { id, event } => writer.event(*id, event.as_ref().clone()),
        Out::Receipt { id, accepted, index, batch } => writer.receipt(
            *id,
            ReceiptParts {
                seq: accepted.cell.seq,
                gen_before: accepted.cell.gen_before,
                head: &accepted.head,
                index: *index,
                path: batch.tree.siblings(*index),
                batch: &batch.signature,
            },
        ),
        Out::Push { handle, accepted } => writer.push(*handle, &accepted.cell),
        Out::Whisper { handle, body } => {
            writer.event(0, Event::Whispered { handle: *handle, body: body.clone() });
        }
        Out::Attest { id, leaf } => match parts(&leaf.1, own) {
            Some(receipt) => writer.receipt(*id, receipt),
            None => writer.event(*id, Event::Refused(Refusal::Storage)),
        },
        Out::Page(plan) => write_page(plan, own, storage, writer),
    }
}

fn write_page(plan: &PagePlan, own: Own<'_>, storage: &dyn Storage, writer: &mut FrameWriter<'_>) {
    let page = match read_page(plan, storage) {
        Ok(page) => page,
        Err(refusal) => return writer.event(plan.id, Event::Refused(refusal)),
    };
    let parts_of_page = PageParts { first_seq: page.first_seq, next_seq: plan.next_seq, gen_now: plan.gen_now };
    let is_end = page.cells.len() == cells_wanted(plan);
    let receipt = plan.last.as_ref().filter(|_| is_end).and_then(|mark| parts(mark, own));
    writer.page(plan.id, plan.opened, parts_of_page, &page.cells, receipt);
}

struct PageRead {
    first_seq: u64,
    cells: Vec<Cell>,
}

/// Reads what the plan names; the store may have dropped cells since.
fn read_page(plan: &PagePlan, storage: &dyn Storage) -> Result<PageRead, Refusal> {
    let wanted = cells_wanted(plan).min(PAGE_CELLS_MAX);
    if wanted == 0 {
        return Ok(PageRead { first_seq: plan.first_seq, cells: Vec::new() });
    }
    let cells = storage.read(&plan.lane_id, plan.after, wanted, PAGE_BYTES_MAX)?;
    if cells.is_empty() {
        return Err(gone(&plan.lane_id, storage)?);
    }
    Ok(PageRead { first_seq: plan.first_seq, cells })
}

fn gone(lane: &LaneId, storage: &dyn Storage) -> Result<Refusal, StorageFailed> {
    let record = storage.record(lane)?;
    Ok(record.map_or(Refusal::Denied, |record| Refusal::Gone { first_seq: record.first_seq }))
}
