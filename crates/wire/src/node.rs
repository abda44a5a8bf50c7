//! Requests and events between client and node: typed on our side, protobuf on the wire.
//!
//! A frame is one WebSocket binary message. [`encode_requests`] and [`parse_events`] are the client's
//! side, [`parse_requests`] and [`encode_events`] the node's.

use crate::Malformed;
use crate::bell::Bell;
use crate::frame::BatchSignature;
use crate::id::{BlobId, DoorId, DoorOwner, Hash, LaneId, NodeKey, ReadCap, WriteCap};
use crate::lane::{Cell, CellKind, Gen, LaneClass, Seq, check_body};
use crate::limit::{
    DOOR_KEY_PACKAGE_BYTES_MAX, DOOR_KEY_PACKAGES_MAX, DOOR_RECORD_BYTES_MAX, FRAME_BYTES_MAX, FRAME_EVENTS_MAX,
    FRAME_REQUESTS_MAX, PAGE_CELLS_MAX, PATH_HASHES_MAX, WHISPER_BYTES,
};
use crate::proto::node as raw;
use crate::receipt::Receipt;
use crate::relay::RelayTerms;
use crate::room::{RoomAsk, RoomTold};
use bytes::Bytes;
use prost::Message;
use prost::encoding::DecodeContext;

/// A connection's name for an open lane.
pub type Handle = u32;
/// A client's name for a request; 0 is kept for events that answer none.
pub type RequestId = u32;

/// What a client asks of a node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Request {
    /// Opens a lane on this connection and subscribes to it.
    Open(Open),
    /// Appends a cell.
    Append(Append),
    /// Reads the page after a position.
    Read {
        /// The lane.
        handle: Handle,
        /// The page begins after this position.
        after: Seq,
    },
    /// Puts the last cell's leaf into the next batch.
    Attest {
        /// The lane.
        handle: Handle,
    },
    /// Drops the cells up to a position (classes 1 and 2).
    Trim {
        /// The lane.
        handle: Handle,
        /// The last position to drop.
        through: Seq,
    },
    /// Closes a lane for appends and drops its cells (classes 1 and 2).
    Close {
        /// The lane.
        handle: Handle,
    },
    /// Forgets a handle on this connection.
    Release {
        /// The lane.
        handle: Handle,
    },
    /// Pushes 1,024 bytes to the lane's present readers; never stored.
    Whisper {
        /// The lane.
        handle: Handle,
        /// 1,024 bytes.
        body: Bytes,
    },
    /// Stores what a door hands out.
    DoorPut(DoorPut),
    /// Takes a door's record and one KeyPackage.
    DoorClaim(DoorClaim),
    /// Leaves a bell with the node for when this connection ends, or takes it back.
    Bell(Option<Box<Bell>>),
    /// Asks where calls are relayed, with a credential.
    Relay,
    /// Asks about a room.
    Room(Box<RoomAsk>),
}

/// See [`Request::Open`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// What the lane is for.
    pub class: LaneClass,
    /// The lane.
    pub lane_id: LaneId,
    /// Grants reading.
    pub read_cap: Option<ReadCap>,
    /// Grants appending.
    pub write_cap: Option<WriteCap>,
    /// The first page and all pushes begin after this position.
    pub after: Seq,
    /// When the lane ends, seconds since the Unix epoch; with both capabilities of classes 1 and 2, else 0.
    pub expires_s: u64,
}

/// See [`Request::Append`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// The lane.
    pub handle: Handle,
    /// Appends answered with a receipt so far on this connection and lane.
    pub nth: u32,
    /// App or handshake.
    pub kind: CellKind,
    /// The lane's `gen` that the append expects, or [`crate::lane::GEN_ANY`].
    pub if_gen: Gen,
    /// `H(blob)`, or zero.
    pub attach: Hash,
    /// One of the four sizes.
    pub body: Bytes,
    /// The nonce of the work, class 2 only.
    pub work: u64,
}

/// See [`Request::DoorPut`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorPut {
    /// The door.
    pub door_id: DoorId,
    /// Proves ownership; the first put sets it.
    pub owner: DoorOwner,
    /// The sealed record, at most 16 KiB; none leaves it.
    pub record: Option<Bytes>,
    /// Sealed single-use KeyPackages to add, at most 4 KiB each.
    pub key_packages: Vec<Bytes>,
    /// The sealed last-resort KeyPackage; none leaves it.
    pub last_resort: Option<Bytes>,
    /// Drops the stored single-use KeyPackages first.
    pub replace: bool,
}

/// See [`Request::DoorClaim`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DoorClaim {
    /// The door.
    pub door_id: DoorId,
    /// Claims on this connection so far.
    pub counter: u32,
    /// The nonce of the work.
    pub work: u64,
    /// Takes no KeyPackage.
    pub record_only: bool,
}

/// What a node says to a client.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The first event of a connection.
    Hello(Hello),
    /// Answers [`Request::Open`].
    Opened {
        /// The lane's name on this connection.
        handle: Handle,
        /// The first page.
        page: Page,
    },
    /// Answers [`Request::Append`] and [`Request::Attest`].
    Receipt(Receipt),
    /// Answers [`Request::Read`].
    Page(Page),
    /// Answers what has nothing to say.
    Done,
    /// Answers [`Request::DoorPut`]: single-use KeyPackages now stored.
    DoorStored {
        /// How many.
        key_packages: u32,
    },
    /// Answers [`Request::DoorClaim`].
    DoorClaimed {
        /// The sealed record.
        record: Bytes,
        /// A sealed KeyPackage, if one was left and asked for.
        key_package: Option<Bytes>,
        /// It is the last-resort one.
        is_last_resort: bool,
    },
    /// Answers [`Request::Relay`].
    Relay(Box<RelayTerms>),
    /// Answers [`Request::Room`].
    Room(Box<RoomTold>),
    /// Answers any request that was not done.
    Refused(Refusal),
    /// A new cell in an open lane.
    Push {
        /// The lane.
        handle: Handle,
        /// The cell.
        cell: Cell,
    },
    /// Cells were not pushed: read.
    Lag {
        /// The lane.
        handle: Handle,
        /// The lane's next position.
        next_seq: Seq,
    },
    /// A whisper in an open lane.
    Whispered {
        /// The lane.
        handle: Handle,
        /// 1,024 bytes.
        body: Bytes,
    },
}

/// See [`Event::Hello`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    /// The protocol version.
    pub version: u32,
    /// The node's key.
    pub node_key: NodeKey,
    /// What work on this connection is bound to.
    pub nonce: [u8; 32],
    /// Bits of work for a claim.
    pub claim_bits: u32,
    /// Bits of work for a knock with an empty queue.
    pub knock_bits: u32,
    /// What the node allows.
    pub limits: Limits,
}

/// What a node allows a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Open lanes.
    pub lanes: u32,
    /// Unanswered appends.
    pub appends_unanswered: u32,
    /// Bytes of a blob.
    pub blob_bytes: u64,
    /// Bytes of a frame.
    pub frame_bytes: u64,
    /// Days that group cells are kept.
    pub retention_days: u32,
    /// Bytes of a file's blob; 0: the node takes no files.
    pub file_bytes: u64,
}

/// Contiguous cells of a lane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The oldest position kept.
    pub first_seq: Seq,
    /// The lane's next position.
    pub next_seq: Seq,
    /// The lane's `gen`.
    pub gen_now: Gen,
    /// At most 64 cells and 1 MiB.
    pub cells: Vec<Cell>,
    /// For position `next_seq - 1`, on the page that reaches it; none in an empty lane.
    pub receipt: Option<Receipt>,
}

/// Why a request was not done; by what the client does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// No such lane, or a wrong capability; the two look alike.
    #[error("no access")]
    Denied,
    /// The request breaks the specification.
    #[error("malformed request")]
    Malformed,
    /// `nth` is not the number of appends answered with a receipt.
    #[error("append out of order")]
    OutOfOrder,
    /// The lane is closed.
    #[error("the lane is closed")]
    Closed,
    /// The lane's space is used up for now.
    #[error("the lane is full, retry in {retry_after_ms} ms")]
    Full {
        /// When to try again.
        retry_after_ms: u32,
    },
    /// A rate or a limit.
    #[error("busy, retry in {retry_after_ms} ms")]
    Busy {
        /// When to try again.
        retry_after_ms: u32,
    },
    /// `if_gen` differs.
    #[error("stale")]
    Stale {
        /// The lane's `gen`.
        gen_now: Gen,
        /// The lane's next position.
        next_seq: Seq,
    },
    /// The attached blob is not durable here.
    #[error("the attached blob is not here")]
    NoBlob,
    /// The position was dropped.
    #[error("older cells are gone")]
    Gone {
        /// The oldest position kept.
        first_seq: Seq,
    },
    /// The work does not reach the bits asked for.
    #[error("{bits} bits of work are needed")]
    Work {
        /// Bits asked for now.
        bits: u32,
    },
    /// No such door.
    #[error("no such door")]
    NoDoor,
    /// A limit of this connection that waiting does not lift.
    #[error("over a limit of this connection")]
    TooMany,
    /// The node failed to store; nothing was acknowledged.
    #[error("the node could not store it")]
    Storage,
    /// A newer node's refusal.
    #[error("refused with code {0}")]
    Unknown(u32),
}

/// `items` is the number that one frame may hold; checked before anything is allocated for them, because
/// an empty item of two bytes decodes into two hundred.
fn decode<M: Message + Default>(frame: Bytes, field: &'static str, items: usize) -> Result<M, Malformed> {
    at_most(field, frame.len(), FRAME_BYTES_MAX)?;
    at_most("items", count_items(&frame).ok_or(Malformed::Protobuf { field })?, items)?;
    M::decode(frame).map_err(|_| Malformed::Protobuf { field })
}

/// The fields at the top of a protobuf message, each of which is one item of a frame.
fn count_items(mut frame: &[u8]) -> Option<usize> {
    let mut items = 0;
    while !frame.is_empty() {
        let (tag, wire_type) = prost::encoding::decode_key(&mut frame).ok()?;
        prost::encoding::skip_field(wire_type, tag, &mut frame, DecodeContext::default()).ok()?;
        items += 1;
    }
    Some(items)
}

fn some<T>(value: Option<T>, field: &'static str) -> Result<T, Malformed> {
    value.ok_or(Malformed::Missing { field })
}

fn optional(bytes: Bytes) -> Option<Bytes> {
    (!bytes.is_empty()).then_some(bytes)
}

fn at_most(field: &'static str, found: usize, limit: usize) -> Result<(), Malformed> {
    if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
}

fn parse_attach(bytes: &[u8]) -> Result<Hash, Malformed> {
    if bytes.is_empty() { Ok(Hash::ZERO) } else { Hash::parse(bytes) }
}

fn encode_attach(attach: &Hash) -> Bytes {
    if *attach == Hash::ZERO { Bytes::new() } else { Bytes::copy_from_slice(&attach.0) }
}

fn copy(bytes: &[u8]) -> Bytes {
    Bytes::copy_from_slice(bytes)
}

/// Encodes one frame of requests.
pub fn encode_requests(requests: Vec<(RequestId, Request)>) -> Bytes {
    let requests = requests.into_iter().map(|(id, request)| encode_request(id, request)).collect();
    raw::ClientFrame { requests }.encode_to_vec().into()
}

/// The encoded length that one request adds to a frame, roughly and never too low by more than 16 bytes.
pub fn request_bytes(request: &Request) -> usize {
    match request {
        Request::Append(append) => append.body.len() + 64,
        Request::Whisper { body, .. } => body.len() + 16,
        Request::DoorPut(put) => {
            let packages: usize = put.key_packages.iter().map(|package| package.len() + 4).sum();
            packages + put.record.as_ref().map_or(0, Bytes::len) + put.last_resort.as_ref().map_or(0, Bytes::len) + 96
        }
        Request::Bell(Some(bell)) => bell.endpoint().len() + 128,
        Request::Room(ask) => ask.bytes(),
        _ => 160,
    }
}

fn encode_request(id: RequestId, request: Request) -> raw::Request {
    use raw::request::Op;
    let op = match request {
        Request::Open(open) => Op::Open(raw::Open {
            class: open.class as u32,
            lane_id: copy(&open.lane_id.0),
            read_cap: open.read_cap.map_or_else(Bytes::new, |cap| copy(&cap.0)),
            write_cap: open.write_cap.map_or_else(Bytes::new, |cap| copy(&cap.0)),
            after: open.after,
            expires_s: open.expires_s,
        }),
        Request::Append(append) => Op::Append(raw::Append {
            handle: append.handle,
            nth: append.nth,
            kind: append.kind as u32,
            if_gen: append.if_gen,
            attach: encode_attach(&append.attach),
            body: append.body,
            work: append.work,
        }),
        Request::Read { handle, after } => Op::Read(raw::Read { handle, after }),
        Request::Attest { handle } => Op::Attest(raw::Attest { handle }),
        Request::Trim { handle, through } => Op::Trim(raw::Trim { handle, through }),
        Request::Close { handle } => Op::Close(raw::Close { handle }),
        Request::Release { handle } => Op::Release(raw::Release { handle }),
        Request::Whisper { handle, body } => Op::Whisper(raw::Whisper { handle, body }),
        Request::DoorPut(put) => Op::DoorPut(raw::DoorPut {
            door_id: copy(&put.door_id.0),
            owner: copy(&put.owner.0),
            record: put.record.unwrap_or_default(),
            key_packages: put.key_packages,
            last_resort: put.last_resort.unwrap_or_default(),
            replace: put.replace,
        }),
        Request::DoorClaim(claim) => Op::DoorClaim(raw::DoorClaim {
            door_id: copy(&claim.door_id.0),
            counter: claim.counter,
            work: claim.work,
            record_only: claim.record_only,
        }),
        Request::Relay => Op::Relay(raw::RelayAsk {}),
        Request::Room(ask) => Op::Room(ask.encode()),
        Request::Bell(None) => Op::Bell(raw::Bell::default()),
        Request::Bell(Some(bell)) => Op::Bell(raw::Bell {
            endpoint: copy(bell.endpoint().as_bytes()),
            p256dh: copy(&bell.key),
            auth: copy(&bell.auth),
        }),
    };
    raw::Request { id, op: Some(op) }
}

/// A request with its id, or why it alone does not parse.
pub type ParsedRequest = (RequestId, Result<Request, Malformed>);

/// Parses one frame of requests. A request that does not parse by itself keeps its id, so that the
/// node can refuse it alone; only a frame that is no frame fails as a whole.
pub fn parse_requests(frame: Bytes) -> Result<Vec<ParsedRequest>, Malformed> {
    let frame: raw::ClientFrame = decode(frame, "ClientFrame", FRAME_REQUESTS_MAX)?;
    Ok(frame.requests.into_iter().map(|request| (request.id, parse_request(request))).collect())
}

fn parse_request(request: raw::Request) -> Result<Request, Malformed> {
    use raw::request::Op;
    if request.id == 0 {
        return Err(Malformed::Value { field: "id" });
    }
    Ok(match some(request.op, "op")? {
        Op::Open(open) => Request::Open(Open {
            class: LaneClass::parse(open.class)?,
            lane_id: LaneId::parse(&open.lane_id)?,
            read_cap: optional(open.read_cap).map(|cap| ReadCap::parse(&cap)).transpose()?,
            write_cap: optional(open.write_cap).map(|cap| WriteCap::parse(&cap)).transpose()?,
            after: open.after,
            expires_s: open.expires_s,
        }),
        Op::Append(append) => {
            check_body(&append.body)?;
            Request::Append(Append {
                handle: append.handle,
                nth: append.nth,
                kind: CellKind::parse(append.kind)?,
                if_gen: append.if_gen,
                attach: parse_attach(&append.attach)?,
                body: append.body,
                work: append.work,
            })
        }
        Op::Read(read) => Request::Read { handle: read.handle, after: read.after },
        Op::Attest(attest) => Request::Attest { handle: attest.handle },
        Op::Trim(trim) => Request::Trim { handle: trim.handle, through: trim.through },
        Op::Close(close) => Request::Close { handle: close.handle },
        Op::Release(release) => Request::Release { handle: release.handle },
        Op::Whisper(whisper) => {
            if whisper.body.len() != WHISPER_BYTES {
                return Err(Malformed::Length { field: "whisper", expected: WHISPER_BYTES, found: whisper.body.len() });
            }
            Request::Whisper { handle: whisper.handle, body: whisper.body }
        }
        Op::DoorPut(put) => {
            at_most("record", put.record.len(), DOOR_RECORD_BYTES_MAX)?;
            at_most("key_packages", put.key_packages.len(), DOOR_KEY_PACKAGES_MAX)?;
            at_most("last_resort", put.last_resort.len(), DOOR_KEY_PACKAGE_BYTES_MAX)?;
            for key_package in &put.key_packages {
                if key_package.is_empty() {
                    return Err(Malformed::Missing { field: "key_package" });
                }
                at_most("key_package", key_package.len(), DOOR_KEY_PACKAGE_BYTES_MAX)?;
            }
            Request::DoorPut(DoorPut {
                door_id: DoorId::parse(&put.door_id)?,
                owner: DoorOwner::parse(&put.owner)?,
                record: optional(put.record),
                key_packages: put.key_packages,
                last_resort: optional(put.last_resort),
                replace: put.replace,
            })
        }
        Op::DoorClaim(claim) => Request::DoorClaim(DoorClaim {
            door_id: DoorId::parse(&claim.door_id)?,
            counter: claim.counter,
            work: claim.work,
            record_only: claim.record_only,
        }),
        Op::Relay(raw::RelayAsk {}) => Request::Relay,
        Op::Room(ask) => Request::Room(Box::new(RoomAsk::parse(ask)?)),
        Op::Bell(bell) if bell == raw::Bell::default() => Request::Bell(None),
        Op::Bell(bell) => Request::Bell(Some(Box::new(Bell::parse(&bell.endpoint, &bell.p256dh, &bell.auth)?))),
    })
}

/// Encodes one frame of events; receipts of one batch share its size and signature.
pub fn encode_events(events: Vec<(RequestId, Event)>) -> Bytes {
    let mut batches = Vec::new();
    let events = events.into_iter().map(|(id, event)| encode_event(id, event, &mut batches)).collect();
    let batches = batches.iter().map(|batch| raw::Batch { size: batch.size, sig: copy(&batch.sig) }).collect();
    raw::NodeFrame { events, batches }.encode_to_vec().into()
}

/// Encodes one event, length first, at the end of `buffer`; the batches of its receipts go to `batches`.
pub(crate) fn encode_event_alone(id: RequestId, event: Event, batches: &mut Vec<BatchSignature>, buffer: &mut Vec<u8>) {
    let event = encode_event(id, event, batches);
    event.encode_length_delimited(buffer).expect("a Vec grows as it must");
}

fn encode_receipt(receipt: Receipt, batches: &mut Vec<BatchSignature>) -> raw::Receipt {
    let batch = BatchSignature { size: receipt.size, sig: receipt.sig };
    let batch = batches.iter().rposition(|known| *known == batch).unwrap_or_else(|| {
        batches.push(batch);
        batches.len() - 1
    });
    let mut path = Vec::with_capacity(receipt.path.len() * 32);
    for hash in &receipt.path {
        path.extend_from_slice(&hash.0);
    }
    raw::Receipt {
        seq: receipt.seq,
        r#gen: receipt.gen_before,
        head: copy(&receipt.head.0),
        index: receipt.index,
        path: path.into(),
        batch: batch as u32,
    }
}

fn encode_cell(cell: Cell) -> raw::Cell {
    raw::Cell {
        seq: cell.seq,
        r#gen: cell.gen_before,
        kind: cell.kind as u32,
        attach: encode_attach(&cell.attach),
        body: cell.body,
    }
}

fn encode_page(page: Page, batches: &mut Vec<BatchSignature>) -> raw::Page {
    raw::Page {
        first_seq: page.first_seq,
        next_seq: page.next_seq,
        r#gen: page.gen_now,
        cells: page.cells.into_iter().map(encode_cell).collect(),
        receipt: page.receipt.map(|receipt| encode_receipt(receipt, batches)),
    }
}

fn encode_refusal(refusal: Refusal) -> raw::Refused {
    let mut out = raw::Refused::default();
    out.code = match refusal {
        Refusal::Denied => 1,
        Refusal::Malformed => 2,
        Refusal::OutOfOrder => 3,
        Refusal::Closed => 4,
        Refusal::Full { retry_after_ms } => {
            out.retry_after_ms = retry_after_ms;
            5
        }
        Refusal::Busy { retry_after_ms } => {
            out.retry_after_ms = retry_after_ms;
            6
        }
        Refusal::Stale { gen_now, next_seq } => {
            out.r#gen = gen_now;
            out.seq = next_seq;
            7
        }
        Refusal::NoBlob => 8,
        Refusal::Gone { first_seq } => {
            out.seq = first_seq;
            9
        }
        Refusal::Work { bits } => {
            out.bits = bits;
            10
        }
        Refusal::NoDoor => 11,
        Refusal::TooMany => 12,
        Refusal::Storage => 13,
        Refusal::Unknown(code) => code,
    };
    out
}

fn parse_refusal(refused: raw::Refused) -> Refusal {
    let retry_after_ms = refused.retry_after_ms;
    match refused.code {
        1 => Refusal::Denied,
        2 => Refusal::Malformed,
        3 => Refusal::OutOfOrder,
        4 => Refusal::Closed,
        5 => Refusal::Full { retry_after_ms },
        6 => Refusal::Busy { retry_after_ms },
        7 => Refusal::Stale { gen_now: refused.r#gen, next_seq: refused.seq },
        8 => Refusal::NoBlob,
        9 => Refusal::Gone { first_seq: refused.seq },
        10 => Refusal::Work { bits: refused.bits },
        11 => Refusal::NoDoor,
        12 => Refusal::TooMany,
        13 => Refusal::Storage,
        code => Refusal::Unknown(code),
    }
}

fn encode_event(id: RequestId, event: Event, batches: &mut Vec<BatchSignature>) -> raw::Event {
    use raw::event::Op;
    let op = match event {
        Event::Hello(hello) => Op::Hello(raw::Hello {
            version: hello.version,
            node_pk: copy(&hello.node_key.0),
            nonce: copy(&hello.nonce),
            claim_bits: hello.claim_bits,
            knock_bits: hello.knock_bits,
            limits: Some(raw::Limits {
                lanes: hello.limits.lanes,
                appends_unanswered: hello.limits.appends_unanswered,
                blob_bytes: hello.limits.blob_bytes,
                frame_bytes: hello.limits.frame_bytes,
                retention_days: hello.limits.retention_days,
                file_bytes: hello.limits.file_bytes,
            }),
        }),
        Event::Opened { handle, page } => Op::Opened(raw::Opened { handle, page: Some(encode_page(page, batches)) }),
        Event::Receipt(receipt) => Op::Receipt(encode_receipt(receipt, batches)),
        Event::Page(page) => Op::Page(encode_page(page, batches)),
        Event::Done => Op::Done(raw::Done {}),
        Event::DoorStored { key_packages } => Op::DoorStored(raw::DoorStored { key_packages }),
        Event::DoorClaimed { record, key_package, is_last_resort } => Op::DoorClaimed(raw::DoorClaimed {
            record,
            key_package: key_package.unwrap_or_default(),
            last_resort: is_last_resort,
        }),
        Event::Relay(terms) => Op::Relay(terms.encode()),
        Event::Room(told) => Op::Room(told.encode()),
        Event::Refused(refusal) => Op::Refused(encode_refusal(refusal)),
        Event::Push { handle, cell } => Op::Push(raw::Push { handle, cell: Some(encode_cell(cell)) }),
        Event::Lag { handle, next_seq } => Op::Lag(raw::Lag { handle, next_seq }),
        Event::Whispered { handle, body } => Op::Whispered(raw::Whispered { handle, body }),
    };
    raw::Event { id, op: Some(op) }
}

/// Parses one frame of events. An event of a newer node that this client does not know is skipped.
pub fn parse_events(frame: Bytes) -> Result<Vec<(RequestId, Event)>, Malformed> {
    let frame: raw::NodeFrame = decode(frame, "NodeFrame", FRAME_EVENTS_MAX)?;
    let batches = frame.batches;
    frame
        .events
        .into_iter()
        .filter_map(|event| Some((event.id, event.op?)))
        .map(|(id, op)| Ok((id, parse_event(op, &batches)?)))
        .collect()
}

fn parse_receipt(receipt: raw::Receipt, batches: &[raw::Batch]) -> Result<Receipt, Malformed> {
    let batch = some(batches.get(receipt.batch as usize), "batch")?;
    let sig = batch.sig[..].try_into().map_err(|_| Malformed::Length {
        field: "sig",
        expected: 64,
        found: batch.sig.len(),
    })?;
    at_most("path", receipt.path.len(), PATH_HASHES_MAX * 32)?;
    Ok(Receipt {
        seq: receipt.seq,
        gen_before: receipt.r#gen,
        head: Hash::parse(&receipt.head)?,
        index: receipt.index,
        size: batch.size,
        path: receipt.path.chunks(32).map(Hash::parse).collect::<Result<_, _>>()?,
        sig,
    })
}

fn parse_cell(cell: raw::Cell) -> Result<Cell, Malformed> {
    check_body(&cell.body)?;
    Ok(Cell {
        seq: cell.seq,
        gen_before: cell.r#gen,
        kind: CellKind::parse(cell.kind)?,
        attach: parse_attach(&cell.attach)?,
        body: cell.body,
    })
}

fn parse_page(page: raw::Page, batches: &[raw::Batch]) -> Result<Page, Malformed> {
    at_most("cells", page.cells.len(), PAGE_CELLS_MAX)?;
    Ok(Page {
        first_seq: page.first_seq,
        next_seq: page.next_seq,
        gen_now: page.r#gen,
        cells: page.cells.into_iter().map(parse_cell).collect::<Result<_, _>>()?,
        receipt: page.receipt.map(|receipt| parse_receipt(receipt, batches)).transpose()?,
    })
}

fn parse_event(op: raw::event::Op, batches: &[raw::Batch]) -> Result<Event, Malformed> {
    use raw::event::Op;
    Ok(match op {
        Op::Hello(hello) => {
            let limits = some(hello.limits, "limits")?;
            Event::Hello(Hello {
                version: hello.version,
                node_key: NodeKey::parse(&hello.node_pk)?,
                nonce: Hash::parse(&hello.nonce)?.0,
                claim_bits: hello.claim_bits,
                knock_bits: hello.knock_bits,
                limits: Limits {
                    lanes: limits.lanes,
                    appends_unanswered: limits.appends_unanswered,
                    blob_bytes: limits.blob_bytes,
                    frame_bytes: limits.frame_bytes,
                    retention_days: limits.retention_days,
                    file_bytes: limits.file_bytes,
                },
            })
        }
        Op::Opened(opened) => {
            Event::Opened { handle: opened.handle, page: parse_page(some(opened.page, "page")?, batches)? }
        }
        Op::Receipt(receipt) => Event::Receipt(parse_receipt(receipt, batches)?),
        Op::Page(page) => Event::Page(parse_page(page, batches)?),
        Op::Done(raw::Done {}) => Event::Done,
        Op::DoorStored(stored) => Event::DoorStored { key_packages: stored.key_packages },
        Op::DoorClaimed(claimed) => {
            at_most("record", claimed.record.len(), DOOR_RECORD_BYTES_MAX)?;
            at_most("key_package", claimed.key_package.len(), DOOR_KEY_PACKAGE_BYTES_MAX)?;
            Event::DoorClaimed {
                record: claimed.record,
                key_package: optional(claimed.key_package),
                is_last_resort: claimed.last_resort,
            }
        }
        Op::Relay(terms) => Event::Relay(Box::new(RelayTerms::parse(terms)?)),
        Op::Room(told) => Event::Room(Box::new(RoomTold::parse(told)?)),
        Op::Refused(refused) => Event::Refused(parse_refusal(refused)),
        Op::Push(push) => Event::Push { handle: push.handle, cell: parse_cell(some(push.cell, "cell")?)? },
        Op::Lag(lag) => Event::Lag { handle: lag.handle, next_seq: lag.next_seq },
        Op::Whispered(whispered) => {
            if whispered.body.len() != WHISPER_BYTES {
                return Err(Malformed::Length {
                    field: "whisper",
                    expected: WHISPER_BYTES,
                    found: whispered.body.len(),
                });
            }
            Event::Whispered { handle: whispered.handle, body: whispered.body }
        }
    })
}

/// The path of a blob below the node's URL: `PUT` with `?ttl_s=N`, `GET`.
pub fn blob_path(blob_id: &BlobId) -> String {
    format!("/v1/blob/{}", blob_id.to_hex())
}
/// The path of the node's public push key, as base64url without padding (RFC 8292 s.3.2).
pub const PUSH_KEY_PATH: &str = "/v1/push-key";
/// The path of the WebSocket below the node's URL.
pub const SOCKET_PATH: &str = "/v1/socket";
