//! A node over a storage in memory, driven by hand on a virtual clock; frames are parsed as a client parses them.

use bytes::Bytes;
use delivery::storage::{BlobInfo, BodyPrefix, CellMark, Change, SwapOutcome, WriteOutcome};
use delivery::{ConnId, Frames, LaneRecord, LaneWrite, Node, Policy, Prepared, Storage, StorageFailed};
use ed25519_dalek::{Signer, SigningKey};
use std::cell::{Cell as Slot, RefCell};
use std::collections::BTreeMap;
use wire::id::{BlobId, DoorId, Hash, LaneId, NodeKey, ReadCap, WriteCap};
use wire::lane::{Cell, CellKind, Gen, LaneClass, Seq, derive_lane_id_from_caps};
use wire::node::{Append, Event, Handle, Open, Page, Refusal, Request, RequestId, encode_requests, parse_requests};
use wire::receipt::Receipt;

pub const DAY_S: u64 = 86_400;
pub const START_MS: u64 = 1_800_000_000_000;

/// What a failing commit does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    None,
    FailsAndForgets,
    FailsButPersists,
    Conflicts,
}

struct StoredLane {
    record: LaneRecord,
    cells: BTreeMap<Seq, (Cell, CellMark, BodyPrefix)>,
}

/// Durable at once, unless told to fail.
pub struct Memory {
    lanes: RefCell<BTreeMap<LaneId, StoredLane>>,
    pub blobs: RefCell<BTreeMap<BlobId, BlobInfo>>,
    registers: RefCell<BTreeMap<Bytes, Bytes>>,
    pub fault: Slot<Fault>,
    pub commits: Slot<usize>,
}

impl Storage for Memory {
    fn record(&self, lane: &LaneId) -> Result<Option<LaneRecord>, StorageFailed> {
        Ok(self.lanes.borrow().get(lane).map(|lane| lane.record.clone()))
    }

    fn find(&self, lane: &LaneId, prefix: &BodyPrefix) -> Result<Option<CellMark>, StorageFailed> {
        let lanes = self.lanes.borrow();
        let Some(lane) = lanes.get(lane) else { return Ok(None) };
        Ok(lane.cells.values().find(|(_, _, known)| known == prefix).map(|(_, mark, _)| *mark))
    }

    fn read(&self, lane: &LaneId, after: Seq, max_cells: usize, max_bytes: usize) -> Result<Vec<Cell>, StorageFailed> {
        let lanes = self.lanes.borrow();
        let Some(lane) = lanes.get(lane) else { return Ok(Vec::new()) };
        let (mut bytes, mut cells) = (0, Vec::new());
        for (at, (seq, (cell, ..))) in lane.cells.range(after + 1..).enumerate() {
            bytes += cell.body.len();
            if *seq != after + 1 + at as u64 || at >= max_cells || (bytes > max_bytes && at > 0) {
                break;
            }
            cells.push(cell.clone());
        }
        Ok(cells)
    }

    fn blob(&self, blob: &BlobId) -> Result<Option<BlobInfo>, StorageFailed> {
        Ok(self.blobs.borrow().get(blob).copied())
    }

    fn keep_blob(&self, blob: &BlobId, keep_until_s: u64) -> Result<bool, StorageFailed> {
        let mut blobs = self.blobs.borrow_mut();
        let Some(info) = blobs.get_mut(blob) else { return Ok(false) };
        info.keep_until_s = info.keep_until_s.max(keep_until_s);
        Ok(true)
    }

    fn commit(&self, writes: &[LaneWrite]) -> Result<Vec<WriteOutcome>, StorageFailed> {
        self.commits.set(self.commits.get() + 1);
        match self.fault.get() {
            Fault::None => {}
            Fault::FailsAndForgets => return Err(StorageFailed),
            Fault::Conflicts => return Ok(vec![WriteOutcome::Conflict; writes.len()]),
            Fault::FailsButPersists => {
                writes.iter().for_each(|write| self.store(write));
                return Err(StorageFailed);
            }
        }
        writes.iter().for_each(|write| self.store(write));
        Ok(vec![WriteOutcome::Stored; writes.len()])
    }

    fn trim(&self, lane: &LaneId, through: Seq) -> Result<Option<LaneRecord>, StorageFailed> {
        let mut lanes = self.lanes.borrow_mut();
        let Some(lane) = lanes.get_mut(lane) else { return Ok(None) };
        lane.cells.retain(|seq, _| *seq > through);
        lane.record.first_seq = lane.cells.keys().next().copied().unwrap_or(lane.record.next_seq);
        lane.record.stored_bytes = lane.cells.values().map(|(cell, ..)| cell.body.len() as u64).sum();
        lane.record.revision += 1;
        Ok(Some(lane.record.clone()))
    }

    fn get(&self, key: &[u8]) -> Result<Option<Bytes>, StorageFailed> {
        Ok(self.registers.borrow().get(key).cloned())
    }

    fn scan(&self, prefix: &[u8], limit: usize) -> Result<Vec<(Bytes, Bytes)>, StorageFailed> {
        let registers = self.registers.borrow();
        let matching = registers.iter().filter(|(key, _)| key.starts_with(prefix)).take(limit);
        Ok(matching.map(|(key, value)| (key.clone(), value.clone())).collect())
    }

    fn swap(&self, changes: &[Change]) -> Result<SwapOutcome, StorageFailed> {
        let mut registers = self.registers.borrow_mut();
        if changes.iter().any(|change| registers.get(&change.key) != change.expect.as_ref()) {
            return Ok(SwapOutcome::Conflict);
        }
        for Change { key, value, .. } in changes.iter().cloned() {
            match value {
                Some(value) => registers.insert(key, value),
                None => registers.remove(&key),
            };
        }
        Ok(SwapOutcome::Done)
    }
}

impl Memory {
    fn store(&self, write: &LaneWrite) {
        let mut lanes = self.lanes.borrow_mut();
        let record = write.record.clone();
        let fresh = StoredLane { record: record.clone(), cells: BTreeMap::new() };
        let lane = lanes.entry(record.lane_id).or_insert(fresh);
        assert!(record.revision == 1 || record.revision == lane.record.revision + 1, "the revision is a condition");
        lane.record = record;
        for accepted in &write.cells {
            let Cell { seq, gen_before, .. } = accepted.cell;
            let mark = CellMark { seq, gen_before, head: accepted.head };
            lane.cells.insert(seq, (accepted.cell.clone(), mark, accepted.body_prefix));
        }
        assert_eq!(lane.cells.len() as u64, lane.record.next_seq - lane.record.first_seq, "cells end at the record");
    }

    pub fn lanes_stored(&self) -> usize {
        self.lanes.borrow().len()
    }
}

/// A lane with both capabilities.
#[derive(Clone)]
pub struct Keys {
    pub class: LaneClass,
    pub read: ReadCap,
    pub write: WriteCap,
    pub id: LaneId,
}

pub fn keys(class: LaneClass, name: u8) -> Keys {
    let (read, write) = (ReadCap([name; 32]), WriteCap([name ^ 0xff; 32]));
    let id = derive_lane_id_from_caps(class, &read, &write);
    Keys { class, read, write, id }
}

impl Keys {
    pub fn open(&self, after: Seq) -> Open {
        Open {
            class: self.class,
            lane_id: self.id,
            read_cap: Some(self.read.clone()),
            write_cap: Some(self.write.clone()),
            after,
            expires_s: 0,
        }
    }
}

pub fn body(name: u32) -> Bytes {
    let mut bytes = vec![0; 1_024];
    bytes[..4].copy_from_slice(&name.to_be_bytes());
    bytes.into()
}

pub fn app(handle: Handle, nth: u32, if_gen: Gen, name: u32) -> Append {
    Append { handle, nth, kind: CellKind::App, if_gen, attach: Hash::ZERO, body: body(name), work: 0 }
}

pub fn handshake(handle: Handle, nth: u32, if_gen: Gen, name: u32) -> Append {
    Append { kind: CellKind::Handshake, ..app(handle, nth, if_gen, name) }
}

/// Everything together.
pub struct World {
    pub node: Node,
    pub storage: Memory,
    pub key: SigningKey,
    pub now_ms: u64,
    pub policy: Policy,
    next_id: RequestId,
    nonces: u8,
}

impl World {
    pub fn new(policy: Policy) -> Self {
        let key = SigningKey::from_bytes(&[42; 32]);
        let node_key = NodeKey(key.verifying_key().to_bytes());
        let storage = Memory {
            lanes: RefCell::default(),
            blobs: RefCell::default(),
            registers: RefCell::default(),
            fault: Slot::new(Fault::None),
            commits: Slot::new(0),
        };
        let node = Node::new(policy.clone(), node_key, [7, 9]);
        Self { node, storage, key, now_ms: START_MS, policy, next_id: 0, nonces: 0 }
    }

    pub fn now_s(&self) -> u64 {
        self.now_ms / 1_000
    }

    pub fn node_key(&self) -> NodeKey {
        NodeKey(self.key.verifying_key().to_bytes())
    }

    /// The process dies and starts again over the same storage.
    pub fn restart(&mut self) {
        self.node = Node::new(self.policy.clone(), self.node_key(), [8, 8]);
    }

    pub fn connect(&mut self) -> ConnId {
        self.nonces += 1;
        let conn = self.node.connect(self.now_ms, [self.nonces; 32]).expect("room for a connection");
        self.events(conn);
        conn
    }

    /// The nonce of the latest connection's Hello.
    pub fn nonce(&self) -> [u8; 32] {
        [self.nonces; 32]
    }

    /// Sends a request; its answer stays in the outbox.
    pub fn send(&mut self, conn: ConnId, request: Request) -> RequestId {
        self.next_id += 1;
        let frame = encode_requests(vec![(self.next_id, request)]);
        for parsed in parse_requests(frame).expect("a frame") {
            self.node.handle(self.now_ms, &self.storage, conn, Prepared::new(parsed));
        }
        self.next_id
    }

    /// Performs one batch if there is one.
    pub fn commit(&mut self) -> bool {
        let Some(batch) = self.node.take_batch(self.now_ms) else { return false };
        let result = batch.perform(&self.storage, &|bytes| self.key.sign(bytes).to_bytes());
        self.node.committed(batch, result);
        true
    }

    /// What the connection reads now.
    pub fn events(&mut self, conn: ConnId) -> Vec<(RequestId, Event)> {
        let (mut events, mut outs) = (Vec::new(), Vec::new());
        loop {
            self.node.drain(conn, 64 << 10, &mut outs);
            if outs.is_empty() {
                return events;
            }
            let mut frames = Frames { gap: 3, ..Frames::default() };
            delivery::render(&outs, &self.storage, &|bytes| self.key.sign(bytes).to_bytes(), &mut frames);
            outs.clear();
            for bounds in frames.bounds {
                let frame = Bytes::copy_from_slice(&frames.buffer[bounds]);
                events.extend(wire::node::parse_events(frame).expect("the node's frames parse"));
            }
        }
    }

    /// Sends a request, lets batches through, and returns its answer; pushes go unseen.
    pub fn ask(&mut self, conn: ConnId, request: Request) -> Event {
        let id = self.send(conn, request);
        while self.commit() {}
        let events = self.events(conn);
        let answer = events.into_iter().find(|(answers, _)| *answers == id);
        answer.expect("every request is answered").1
    }

    pub fn open(&mut self, conn: ConnId, open: Open) -> (Handle, Page) {
        match self.ask(conn, Request::Open(open)) {
            Event::Opened { handle, page } => (handle, page),
            other => panic!("not opened: {other:?}"),
        }
    }

    pub fn append(&mut self, conn: ConnId, append: Append) -> Result<Receipt, Refusal> {
        match self.ask(conn, Request::Append(append)) {
            Event::Receipt(receipt) => Ok(receipt),
            Event::Refused(refusal) => Err(refusal),
            other => panic!("neither receipt nor refusal: {other:?}"),
        }
    }

    pub fn refused(&mut self, conn: ConnId, request: Request) -> Refusal {
        match self.ask(conn, request) {
            Event::Refused(refusal) => refusal,
            other => panic!("not refused: {other:?}"),
        }
    }

    pub fn verify(&self, receipt: &Receipt, lane: &LaneId) {
        receipt.verify(&self.node_key(), lane).expect("the node's signature");
    }
}

pub fn door(name: u8) -> DoorId {
    DoorId([name; 32])
}
