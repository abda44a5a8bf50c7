//! What a node decides: lanes, receipts, doors, limits (LANE.md s.3, s.4, s.8). Pure: no sockets, files, threads or
//! clocks; time, randomness and storage are arguments.
//!
//! | module | holds |
//! |---|---|
//! | [`node`] | [`Node`]: connections, requests, subscriptions |
//! | `open`, `append`, `door` | N2, N5, N7; N3, N4, N8, N14; N12, N13 |
//! | [`batch`], `commit` | what becomes durable together, and what is said then |
//! | [`outbox`], [`render`] | what waits for a connection, and its frames |
//! | [`bell`] | N15: who is told of new cells after it went away |
//! | `lanes`, `connection`, `budget`, [`policy`] | state and limits |
//! | [`storage`] | what the machine needs of a store |
//!
//! # How to run it
//!
//! One thread at a time holds the [`Node`]; nothing in it blocks but reads of the [`storage::Storage`].
//!
//! 1. A client connects: [`Node::connect`] with a fresh random nonce.
//! 2. A frame comes: [`wire::node::parse_requests`], [`Prepared::new`] for each (it hashes; no machine needed), then
//!    [`Node::handle`] for each while [`Node::may_handle`].
//! 3. Whoever is in [`Node::take_wakes`] has something to read: [`Node::drain`], then [`render::render`] without
//!    holding the node, then write; again until nothing comes. A slow reader is drained late, that is all.
//! 4. Whenever [`Node::take_batch`] gives a batch (ask after every change): [`Batch::perform`], which is where the
//!    disk is waited for, then [`Node::committed`] with its result, whatever it is. One batch is out at a time; what
//!    comes meanwhile forms the next.
//! 5. Now and then, between batches: the store's expiry, told by [`Node::lane_changed`] and [`Node::lane_removed`];
//!    [`Node::tick`].
//! 6. A connection ends: [`Node::leave`]; then, as after each [`Node::committed`], [`Node::take_rings`].
//!
//! A crash loses the `Node`; a new one over the same storage goes on. Nothing that was said is lost, because nothing
//! is said before it is durable: receipts are signed in [`Batch::perform`] after the commit, or in
//! [`render::render`] over what was durable at the time of the request.

mod append;
pub mod batch;
pub mod bell;
pub mod budget;
mod commit;
pub mod connection;
mod door;
mod lanes;
pub mod node;
mod open;
pub mod outbox;
pub mod policy;
pub mod relay;
pub mod render;
pub mod room;
mod slab;
pub mod storage;

pub use batch::{Accepted, Batch, LaneWrite, Performed, SignedBatch};
pub use bell::Leave;
pub use budget::Rate;
pub use connection::ConnId;
pub use node::{Counts, Node, Prepared};
pub use outbox::Out;
pub use policy::Policy;
pub use render::{Frames, render};
pub use storage::{LaneRecord, Storage, StorageFailed};
