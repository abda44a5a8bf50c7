//! Writes a node's frame piece by piece into one buffer: what [`crate::node::encode_events`] does, without an
//! allocation for each event. The bytes parse with [`crate::node::parse_events`].

use crate::id::Hash;
use crate::lane::{Cell, Gen, Seq};
use crate::node::{Event, Handle, RequestId, encode_event_alone};
use prost::encoding::{encode_varint, encoded_len_varint};

/// Length-delimited field `number`.
const fn bytes_tag(number: u8) -> u8 {
    number << 3 | 2
}

/// Varint field `number`.
const fn varint_tag(number: u8) -> u8 {
    number << 3
}

// Field numbers of proto/node.proto; every tag is one byte.
const FRAME_EVENTS: u8 = bytes_tag(1);
const FRAME_BATCHES: u8 = bytes_tag(2);
const EVENT_ID: u8 = varint_tag(1);
const EVENT_OPENED: u8 = bytes_tag(3);
const EVENT_RECEIPT: u8 = bytes_tag(4);
const EVENT_PAGE: u8 = bytes_tag(5);
const EVENT_PUSH: u8 = bytes_tag(9);
const OPENED_HANDLE: u8 = varint_tag(1);
const OPENED_PAGE: u8 = bytes_tag(2);
const PUSH_HANDLE: u8 = varint_tag(1);
const PUSH_CELL: u8 = bytes_tag(2);
const PAGE_FIRST_SEQ: u8 = varint_tag(1);
const PAGE_NEXT_SEQ: u8 = varint_tag(2);
const PAGE_GEN: u8 = varint_tag(3);
const PAGE_CELLS: u8 = bytes_tag(4);
const PAGE_RECEIPT: u8 = bytes_tag(5);
const CELL_SEQ: u8 = varint_tag(1);
const CELL_GEN: u8 = varint_tag(2);
const CELL_KIND: u8 = varint_tag(3);
const CELL_ATTACH: u8 = bytes_tag(4);
const CELL_BODY: u8 = bytes_tag(5);
const RECEIPT_SEQ: u8 = varint_tag(1);
const RECEIPT_GEN: u8 = varint_tag(2);
const RECEIPT_HEAD: u8 = bytes_tag(3);
const RECEIPT_INDEX: u8 = varint_tag(4);
const RECEIPT_PATH: u8 = bytes_tag(5);
const RECEIPT_BATCH: u8 = varint_tag(6);
const BATCH_SIZE: u8 = varint_tag(1);
const BATCH_SIG: u8 = bytes_tag(2);

/// What the receipts of one batch share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BatchSignature {
    /// Leaves in the batch.
    pub size: u32,
    /// Ed25519 over `"sottovoce receipt 1" ‖ size ‖ root`.
    pub sig: [u8; 64],
}

/// A receipt whose path is still in its tree.
#[derive(Debug, Clone, Copy)]
pub struct ReceiptParts<'a, P> {
    /// The cell's position.
    pub seq: Seq,
    /// Handshakes accepted before it.
    pub gen_before: Gen,
    /// The head after it.
    pub head: &'a Hash,
    /// The leaf's index in the batch.
    pub index: u32,
    /// Siblings from the leaf to the root.
    pub path: P,
    /// The batch's size and signature.
    pub batch: &'a BatchSignature,
}

/// The part of a page that is not its cells.
#[derive(Debug, Clone, Copy)]
pub struct PageParts {
    /// The oldest position kept.
    pub first_seq: Seq,
    /// The lane's next position.
    pub next_seq: Seq,
    /// The lane's `gen`.
    pub gen_now: Gen,
}

/// One frame being written at the end of a buffer.
#[derive(Debug)]
pub struct FrameWriter<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
    batches: Vec<BatchSignature>,
}

fn varint_field_bytes(value: u64) -> usize {
    if value == 0 { 0 } else { 1 + encoded_len_varint(value) }
}

fn bytes_field_bytes(len: usize) -> usize {
    if len == 0 { 0 } else { delimited_bytes(len) }
}

fn delimited_bytes(len: usize) -> usize {
    1 + encoded_len_varint(len as u64) + len
}

fn attach_bytes(cell: &Cell) -> &[u8] {
    if cell.attach == Hash::ZERO { &[] } else { &cell.attach.0 }
}

fn cell_bytes(cell: &Cell) -> usize {
    varint_field_bytes(cell.seq)
        + varint_field_bytes(u64::from(cell.gen_before))
        + varint_field_bytes(cell.kind as u64)
        + bytes_field_bytes(attach_bytes(cell).len())
        + bytes_field_bytes(cell.body.len())
}

impl<'a> FrameWriter<'a> {
    /// Begins a frame at the end of `buffer`.
    pub fn new(buffer: &'a mut Vec<u8>) -> Self {
        let start = buffer.len();
        Self { buffer, start, batches: Vec::new() }
    }

    /// Bytes of the frame so far, without what [`Self::finish`] adds for its batches.
    pub fn bytes(&self) -> usize {
        self.buffer.len() - self.start
    }

    /// Adds any event.
    pub fn event(&mut self, id: RequestId, event: Event) {
        let Self { buffer, batches, .. } = self;
        buffer.push(FRAME_EVENTS);
        encode_event_alone(id, event, batches, buffer);
    }

    /// Adds a receipt that answers `id`.
    pub fn receipt<'h, P>(&mut self, id: RequestId, receipt: ReceiptParts<'_, P>)
    where
        P: ExactSizeIterator<Item = &'h Hash>,
    {
        let batch = self.batch_index(receipt.batch);
        let inner = receipt_bytes(&receipt, batch);
        self.begin_event(id, EVENT_RECEIPT, inner);
        self.write_receipt(receipt, batch);
    }

    /// Adds a pushed cell.
    pub fn push(&mut self, handle: Handle, cell: &Cell) {
        let cell_len = cell_bytes(cell);
        let inner = varint_field_bytes(u64::from(handle)) + delimited_bytes(cell_len);
        self.begin_event(0, EVENT_PUSH, inner);
        self.varint(PUSH_HANDLE, u64::from(handle));
        self.begin(PUSH_CELL, cell_len);
        self.write_cell(cell);
    }

    /// Adds a page that answers `id`: of a Read, or with `opened` of an Open.
    pub fn page<'h, P>(
        &mut self,
        id: RequestId,
        opened: Option<Handle>,
        page: PageParts,
        cells: &[Cell],
        receipt: Option<ReceiptParts<'_, P>>,
    ) where
        P: ExactSizeIterator<Item = &'h Hash>,
    {
        let receipt = receipt.map(|receipt| (self.batch_index(receipt.batch), receipt));
        let receipt_len = receipt.as_ref().map(|(batch, receipt)| receipt_bytes(receipt, *batch));
        let page_len = varint_field_bytes(page.first_seq)
            + varint_field_bytes(page.next_seq)
            + varint_field_bytes(u64::from(page.gen_now))
            + cells.iter().map(|cell| delimited_bytes(cell_bytes(cell))).sum::<usize>()
            + receipt_len.map_or(0, delimited_bytes);
        match opened {
            Some(handle) => {
                let inner = varint_field_bytes(u64::from(handle)) + delimited_bytes(page_len);
                self.begin_event(id, EVENT_OPENED, inner);
                self.varint(OPENED_HANDLE, u64::from(handle));
                self.begin(OPENED_PAGE, page_len);
            }
            None => self.begin_event(id, EVENT_PAGE, page_len),
        }
        self.varint(PAGE_FIRST_SEQ, page.first_seq);
        self.varint(PAGE_NEXT_SEQ, page.next_seq);
        self.varint(PAGE_GEN, u64::from(page.gen_now));
        for cell in cells {
            self.begin(PAGE_CELLS, cell_bytes(cell));
            self.write_cell(cell);
        }
        if let Some((batch, receipt)) = receipt {
            self.begin(PAGE_RECEIPT, receipt_len.unwrap_or_default());
            self.write_receipt(receipt, batch);
        }
    }

    /// Ends the frame.
    pub fn finish(mut self) {
        for batch in std::mem::take(&mut self.batches) {
            let len = varint_field_bytes(u64::from(batch.size)) + delimited_bytes(batch.sig.len());
            self.begin(FRAME_BATCHES, len);
            self.varint(BATCH_SIZE, u64::from(batch.size));
            self.delimited(BATCH_SIG, &batch.sig);
        }
    }

    fn batch_index(&mut self, batch: &BatchSignature) -> u32 {
        let known = self.batches.iter().rposition(|known| known == batch);
        known.unwrap_or_else(|| {
            self.batches.push(batch.clone());
            self.batches.len() - 1
        }) as u32
    }

    fn begin_event(&mut self, id: RequestId, op: u8, op_len: usize) {
        self.begin(FRAME_EVENTS, varint_field_bytes(u64::from(id)) + delimited_bytes(op_len));
        self.varint(EVENT_ID, u64::from(id));
        self.begin(op, op_len);
    }

    fn begin(&mut self, tag: u8, len: usize) {
        self.buffer.push(tag);
        encode_varint(len as u64, self.buffer);
    }

    fn varint(&mut self, tag: u8, value: u64) {
        if value != 0 {
            self.buffer.push(tag);
            encode_varint(value, self.buffer);
        }
    }

    fn delimited(&mut self, tag: u8, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.begin(tag, bytes.len());
            self.buffer.extend_from_slice(bytes);
        }
    }

    fn write_cell(&mut self, cell: &Cell) {
        self.varint(CELL_SEQ, cell.seq);
        self.varint(CELL_GEN, u64::from(cell.gen_before));
        self.varint(CELL_KIND, cell.kind as u64);
        self.delimited(CELL_ATTACH, attach_bytes(cell));
        self.delimited(CELL_BODY, &cell.body);
    }

    fn write_receipt<'h, P>(&mut self, receipt: ReceiptParts<'_, P>, batch: u32)
    where
        P: ExactSizeIterator<Item = &'h Hash>,
    {
        self.varint(RECEIPT_SEQ, receipt.seq);
        self.varint(RECEIPT_GEN, u64::from(receipt.gen_before));
        self.delimited(RECEIPT_HEAD, &receipt.head.0);
        self.varint(RECEIPT_INDEX, u64::from(receipt.index));
        if receipt.path.len() > 0 {
            self.begin(RECEIPT_PATH, receipt.path.len() * 32);
            for hash in receipt.path {
                self.buffer.extend_from_slice(&hash.0);
            }
        }
        self.varint(RECEIPT_BATCH, u64::from(batch));
    }
}

fn receipt_bytes<'h, P>(receipt: &ReceiptParts<'_, P>, batch: u32) -> usize
where
    P: ExactSizeIterator<Item = &'h Hash>,
{
    varint_field_bytes(receipt.seq)
        + varint_field_bytes(u64::from(receipt.gen_before))
        + delimited_bytes(32)
        + varint_field_bytes(u64::from(receipt.index))
        + bytes_field_bytes(receipt.path.len() * 32)
        + varint_field_bytes(u64::from(batch))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::CellKind;
    use crate::node::{Page, Refusal, encode_events, parse_events};
    use crate::receipt::Receipt;
    use bytes::Bytes;

    fn cell(seq: Seq, attach: Hash) -> Cell {
        let body = Bytes::from(vec![seq as u8; 1_024]);
        Cell { seq, gen_before: seq as u32 - 1, kind: CellKind::Handshake, attach, body }
    }

    fn receipt(index: u32, path: usize, sig: u8) -> Receipt {
        let path = (0..path).map(|at| Hash([at as u8; 32])).collect();
        Receipt { seq: 9, gen_before: 3, head: Hash([7; 32]), index, size: 40, path, sig: [sig; 64] }
    }

    #[test]
    fn written_frame_parses_to_the_same_events_as_the_encoded_one() {
        let page = |receipt| Page {
            first_seq: 1,
            next_seq: 300,
            gen_now: 2,
            cells: vec![cell(1, Hash::ZERO), cell(200, Hash([5; 32]))],
            receipt,
        };
        let events = vec![
            (1, Event::Receipt(receipt(0, 0, 1))),
            (200_000, Event::Receipt(receipt(5, 3, 1))),
            (3, Event::Refused(Refusal::Stale { gen_now: 4, next_seq: 5 })),
            (4, Event::Opened { handle: 77, page: page(Some(receipt(2, 16, 2))) }),
            (5, Event::Page(page(None))),
            (0, Event::Push { handle: 300, cell: cell(11, Hash::ZERO) }),
            (0, Event::Lag { handle: 1, next_seq: 12 }),
        ];
        let mut buffer = b"before".to_vec();
        let mut writer = FrameWriter::new(&mut buffer);
        for (id, event) in events.clone() {
            let signature = |receipt: &Receipt| BatchSignature { size: receipt.size, sig: receipt.sig };
            match event {
                Event::Receipt(receipt) => {
                    writer.receipt(id, parts(&receipt, &signature(&receipt)));
                }
                Event::Opened { handle, page } => write_page(&mut writer, id, Some(handle), &page),
                Event::Page(page) => write_page(&mut writer, id, None, &page),
                Event::Push { handle, cell } => writer.push(handle, &cell),
                other => writer.event(id, other),
            }
        }
        writer.finish();
        assert_eq!(&buffer[..6], b"before");
        let written = Bytes::from(buffer).slice(6..);
        assert_eq!(parse_events(written.clone()).expect("parses"), events);
        assert_eq!(written, encode_events(events), "and byte for byte");
    }

    fn parts<'a>(receipt: &'a Receipt, batch: &'a BatchSignature) -> ReceiptParts<'a, std::slice::Iter<'a, Hash>> {
        ReceiptParts {
            seq: receipt.seq,
            gen_before: receipt.gen_before,
            head: &receipt.head,
            index: receipt.index,
            path: receipt.path.iter(),
            batch,
        }
    }

    fn write_page(writer: &mut FrameWriter<'_>, id: RequestId, opened: Option<Handle>, page: &Page) {
        let head = PageParts { first_seq: page.first_seq, next_seq: page.next_seq, gen_now: page.gen_now };
        let batch = page.receipt.as_ref().map(|receipt| BatchSignature { size: receipt.size, sig: receipt.sig });
        let receipt = page.receipt.as_ref().zip(batch.as_ref()).map(|(receipt, batch)| parts(receipt, batch));
        writer.page(id, opened, head, &page.cells, receipt);
    }
}
