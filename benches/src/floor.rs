//! The floor: a bare relay on tokio, the least that a durable relay of frames has to do.
//!
//! Frame: length u32, then that many bytes, of which the first four are the receiver (on the way in)
//! or the sender (on the way out), the next four the message's number. A connection's first frame
//! holds only its own id. An acknowledgement is a frame of eight bytes whose first four are ones.
//!
//! One thread serves all connections, a second writes: whatever arrived while an fdatasync ran is
//! the next batch. After it, each touched connection is written to once, whatever it gets.

use anyhow::Context;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::fs::File;
use std::io::{ErrorKind, Write};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc as std_mpsc;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, mpsc};

/// First word of an acknowledgement.
pub const ACK: u32 = u32::MAX;
/// Length word, receiver or sender, number.
pub const HEADER_BYTES: usize = 12;
/// A frame of more bytes ends its connection.
const FRAME_BYTES_MAX: usize = 1 << 20;
/// Bytes read from a socket at once.
const READ_BYTES: usize = 64 << 10;
/// Bytes that may wait for a reader before its connection ends.
const OUTBOUND_BYTES_MAX: usize = 16 << 20;

#[derive(Default)]
struct Batch {
    bytes: Vec<u8>,
    /// Sender, end of its frame in `bytes`.
    frames: Vec<(u32, usize)>,
}

struct Connection {
    stream: TcpStream,
    outbound: RefCell<Vec<u8>>,
    /// Wakes the task that waits until the socket takes more.
    writable: Notify,
    is_touched: Cell<bool>,
}

#[derive(Default)]
struct Relay {
    connections: RefCell<HashMap<u32, Rc<Connection>>>,
    pending: RefCell<Batch>,
    arrived: Notify,
    scratch: RefCell<Vec<u8>>,
}

/// Serves until the process is ended.
pub fn serve(address: SocketAddr, path: &Path) -> anyhow::Result<()> {
    let file = File::create(path).context("the floor's log")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
    tokio::task::LocalSet::new().block_on(&runtime, async move {
        let listener = TcpListener::bind(address).await?;
        let relay = Rc::new(Relay { scratch: RefCell::new(vec![0; READ_BYTES]), ..Relay::default() });
        tokio::task::spawn_local(commit(Rc::clone(&relay), file));
        loop {
            let (stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            tokio::task::spawn_local(connection(Rc::clone(&relay), stream));
        }
    })
}

fn write_batches(mut file: File, jobs: std_mpsc::Receiver<Batch>, done: mpsc::UnboundedSender<Batch>) {
    for batch in jobs {
        // A floor that cannot store does not acknowledge: it ends.
        if file.write_all(&batch.bytes).and_then(|()| file.sync_data()).is_err() || done.send(batch).is_err() {
            std::process::exit(1);
        }
    }
}

async fn commit(relay: Rc<Relay>, file: File) {
    let (job_tx, job_rx) = std_mpsc::channel();
    let (done_tx, mut done_rx) = mpsc::unbounded_channel();
    std::thread::spawn(move || write_batches(file, job_rx, done_tx));
    let mut spare = Batch::default();
    let mut touched = Vec::new();
    let mut is_writing = false;
    loop {
        let finished = if is_writing {
            done_rx.recv().await
        } else {
            relay.arrived.notified().await;
            None
        };
        // The next batch is on its way to the disk before the last one is delivered.
        spare.bytes.clear();
        spare.frames.clear();
        let next = relay.pending.replace(std::mem::take(&mut spare));
        is_writing = !next.frames.is_empty();
        if is_writing && job_tx.send(next).is_err() {
            return;
        }
        if let Some(batch) = finished {
            deliver(&relay, &batch, &mut touched);
            spare = batch;
        }
    }
}

fn deliver(relay: &Relay, batch: &Batch, touched: &mut Vec<Rc<Connection>>) {
    let connections = relay.connections.borrow();
    let mut start = 0;
    for &(sender, end) in &batch.frames {
        let frame = &batch.bytes[start..end];
        start = end;
        let receiver = u32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
        if let Some(connection) = connections.get(&receiver) {
            let mut outbound = connection.outbound.borrow_mut();
            outbound.extend_from_slice(&frame[..4]);
            outbound.extend_from_slice(&sender.to_be_bytes());
            outbound.extend_from_slice(&frame[8..]);
            drop(outbound);
            touch(connection, touched);
        }
        if let Some(connection) = connections.get(&sender) {
            let mut outbound = connection.outbound.borrow_mut();
            outbound.extend_from_slice(&8u32.to_be_bytes());
            outbound.extend_from_slice(&ACK.to_be_bytes());
            outbound.extend_from_slice(&frame[8..12]);
            drop(outbound);
            touch(connection, touched);
        }
    }
    for connection in touched.drain(..) {
        connection.is_touched.set(false);
        flush(&connection);
    }
}

fn touch(connection: &Rc<Connection>, touched: &mut Vec<Rc<Connection>>) {
    if !connection.is_touched.replace(true) {
        touched.push(Rc::clone(connection));
    }
}

/// Writes what the socket takes; wakes the connection's writer for the rest.
fn flush(connection: &Connection) {
    let mut outbound = connection.outbound.borrow_mut();
    match connection.stream.try_write(&outbound) {
        Ok(written) if written == outbound.len() => outbound.clear(),
        Ok(written) => {
            outbound.drain(..written);
            connection.writable.notify_one();
        }
        Err(error) if error.kind() == ErrorKind::WouldBlock => connection.writable.notify_one(),
        // The reader sees the same end and forgets the connection.
        Err(_) => outbound.clear(),
    }
}

async fn write_rest(connection: Rc<Connection>) {
    loop {
        connection.writable.notified().await;
        if connection.stream.writable().await.is_err() || connection.outbound.borrow().len() > OUTBOUND_BYTES_MAX {
            return;
        }
        flush(&connection);
    }
}

async fn connection(relay: Rc<Relay>, stream: TcpStream) {
    let connection = Rc::new(Connection {
        stream,
        outbound: RefCell::default(),
        writable: Notify::new(),
        is_touched: Cell::new(false),
    });
    let writer = tokio::task::spawn_local(write_rest(Rc::clone(&connection)));
    let mut id = None;
    let mut rest = Vec::new();
    while connection.stream.readable().await.is_ok() {
        let mut scratch = relay.scratch.borrow_mut();
        match connection.stream.try_read(&mut scratch) {
            Ok(0) => break,
            Ok(length) => {
                if !take(&relay, &connection, &mut id, &mut rest, &scratch[..length]) {
                    break;
                }
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => break,
        }
    }
    writer.abort();
    if let Some(id) = id {
        relay.connections.borrow_mut().remove(&id);
    }
}

/// Takes what was read; false for what is no frame.
fn take(relay: &Relay, own: &Rc<Connection>, id: &mut Option<u32>, rest: &mut Vec<u8>, read: &[u8]) -> bool {
    let joined;
    let mut bytes = read;
    if !rest.is_empty() {
        rest.extend_from_slice(read);
        joined = std::mem::take(rest);
        bytes = &joined;
    }
    let mut pending = relay.pending.borrow_mut();
    while bytes.len() >= 4 {
        let length = u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]) as usize;
        if !(4..=FRAME_BYTES_MAX).contains(&length) {
            return false;
        }
        let Some(frame) = bytes.get(..4 + length) else { break };
        bytes = &bytes[4 + length..];
        match *id {
            None => {
                let own_id = u32::from_be_bytes([frame[4], frame[5], frame[6], frame[7]]);
                *id = Some(own_id);
                relay.connections.borrow_mut().insert(own_id, Rc::clone(own));
                // Its own id back: registered.
                own.outbound.borrow_mut().extend_from_slice(frame);
                flush(own);
            }
            Some(_) if length < 8 => return false,
            Some(sender) => {
                pending.bytes.extend_from_slice(frame);
                let end = pending.bytes.len();
                pending.frames.push((sender, end));
            }
        }
    }
    rest.extend_from_slice(bytes);
    if !pending.frames.is_empty() {
        relay.arrived.notify_one();
    }
    true
}
