//! A node in the virtual world: the machine over its disk, perhaps in two histories.

use crate::disk::{Disk, Fault};
use bytes::Bytes;
use delivery::{Batch, ConnId, Frames, Node, Policy};
use ed25519_dalek::{Signer, SigningKey};
use protocol::identity::NodeUrl;
use wire::id::NodeKey;

/// One history of a node; an honest one has one.
pub struct Side {
    /// The machine.
    pub node: Node,
    /// What survives it.
    pub disk: Disk,
    /// Counts its starts.
    pub life: u32,
    /// The batch that waits for the disk.
    pub batch: Option<Batch>,
    /// The process runs.
    pub is_up: bool,
}

/// A node.
pub struct Server {
    /// Where it is.
    pub url: NodeUrl,
    /// Its key.
    pub key: SigningKey,
    /// Its histories.
    pub sides: Vec<Side>,
    policy: Policy,
}

impl Server {
    /// A node with an empty disk; claims and knocks cost next to nothing.
    pub fn new(url: &str, key: [u8; 32], disk: Disk) -> Self {
        let policy = Policy { claim_bits: 2, knock_bits: 2, knock_bits_max: 4, ..Policy::default() };
        let key = SigningKey::from_bytes(&key);
        let mut server = Self { url: NodeUrl::parse(url).expect("a URL of a node"), key, sides: Vec::new(), policy };
        let node = server.fresh_node();
        server.sides.push(Side { node, disk, life: 1, batch: None, is_up: true });
        server
    }

    /// The key that clients see.
    pub fn node_key(&self) -> NodeKey {
        NodeKey(self.key.verifying_key().to_bytes())
    }

    fn fresh_node(&self) -> Node {
        Node::new(self.policy.clone(), self.node_key(), [7, 9])
    }

    /// The process dies: what was not durable is lost.
    pub fn kill(&mut self, side: usize) {
        self.sides[side].is_up = false;
        self.sides[side].batch = None;
        // A batch that writes no lane meets no fault of the disk; the next process has a disk that works.
        self.sides[side].disk.fault.set(Fault::None);
        self.sides[side].life += 1;
        self.sides[side].node = self.fresh_node();
    }

    /// The process starts over its disk.
    pub fn start(&mut self, side: usize) {
        self.sides[side].is_up = true;
    }

    /// A misdeed: a second history that begins as a copy of the first.
    pub fn fork(&mut self) {
        let (node, disk) = (self.fresh_node(), self.sides[0].disk.clone());
        self.sides.push(Side { node, disk, life: 1, batch: None, is_up: true });
    }

    /// Makes the waiting batch durable and takes in what became of it.
    pub fn commit(&mut self, side: usize) {
        let key = &self.key;
        let side = &mut self.sides[side];
        if let Some(batch) = side.batch.take() {
            let result = batch.perform(&side.disk, &|bytes| key.sign(bytes).to_bytes());
            side.node.committed(batch, result);
        }
    }

    /// Makes the waiting batch durable and dies before anything is said.
    pub fn commit_and_kill(&mut self, side: usize) {
        let key = &self.key;
        if let Some(batch) = self.sides[side].batch.take() {
            // Whether it persisted is what nobody knows.
            let _performed = batch.perform(&self.sides[side].disk, &|bytes| key.sign(bytes).to_bytes());
        }
        self.kill(side);
    }

    /// Everything that waits for a connection, in frames.
    pub fn drain(&mut self, side: usize, conn: ConnId) -> Vec<Bytes> {
        let key = &self.key;
        let side = &mut self.sides[side];
        let (mut outs, mut out) = (Vec::new(), Vec::new());
        loop {
            side.node.drain(conn, 64 << 10, &mut outs);
            if outs.is_empty() {
                return out;
            }
            let mut frames = Frames::default();
            delivery::render(&outs, &side.disk, &|bytes| key.sign(bytes).to_bytes(), &mut frames);
            outs.clear();
            out.extend(frames.bounds.into_iter().map(|bounds| Bytes::copy_from_slice(&frames.buffer[bounds])));
        }
    }
}
