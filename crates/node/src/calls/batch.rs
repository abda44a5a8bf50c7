//! Datagrams in batches: many packets for one system call each way (recvmmsg, GRO, GSO). What a batch sends to one
//! address waits in an outbox and leaves together; packets of one flow keep their order.

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use std::io::{ErrorKind, IoSliceMut};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::io::Interest;
use tokio::net::UdpSocket;

/// Bytes that one read may bring: a datagram, or several that the system put together.
const READ_BYTES: usize = 64 << 10;
/// Bytes that leave with one call at most; UDP's own limit is 65,507.
const PACK_BYTES_MAX: usize = 60_000;
/// Packs that are put together before they leave.
const PACKS_MAX: usize = 64;

/// A UDP socket that reads and writes in batches.
pub struct Port {
    socket: UdpSocket,
    state: UdpSocketState,
    is_ipv6: bool,
}

impl Port {
    /// Takes a socket.
    ///
    /// # Errors
    /// If the system refuses what batches need.
    pub fn new(socket: UdpSocket) -> std::io::Result<Self> {
        let state = UdpSocketState::new((&socket).into())?;
        let is_ipv6 = socket.local_addr()?.is_ipv6();
        Ok(Self { socket, state, is_ipv6 })
    }

    /// The socket's address.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn local_address(&self) -> std::io::Result<SocketAddr> {
        self.socket.local_addr()
    }

    /// Waits until there may be something to read.
    ///
    /// # Errors
    /// If the socket is of no use any more.
    pub async fn readable(&self) -> std::io::Result<()> {
        self.socket.readable().await
    }

    /// Reads what came, as much as one call takes; false: there is nothing more.
    pub fn receive(&self, inbox: &mut Inbox) -> bool {
        let Inbox { bytes, metas, filled } = inbox;
        *filled = 0;
        let mut chunks = bytes.chunks_exact_mut(READ_BYTES);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let read = self.socket.try_io(Interest::READABLE, || {
            *filled = self.state.recv((&self.socket).into(), &mut slices, &mut metas[..])?;
            // Fewer than asked for were all there were: waiting again costs no further call.
            if *filled < BATCH_SIZE { Err(ErrorKind::WouldBlock.into()) } else { Ok(()) }
        });
        match read {
            Ok(()) => true,
            // An error of another kind is a peer that is gone, by ICMP: others may have sent.
            Err(error) => error.kind() != ErrorKind::WouldBlock,
        }
    }

    /// Sends one datagram now.
    pub fn send(&self, to: SocketAddr, bytes: &[u8]) {
        self.transmit(to, bytes, None);
    }

    /// A datagram that the system does not take now is lost, as any may be: whether it would is not asked first.
    fn transmit(&self, to: SocketAddr, contents: &[u8], segment_size: Option<usize>) {
        let destination = match (self.is_ipv6, to) {
            (true, SocketAddr::V4(v4)) => SocketAddr::new(v4.ip().to_ipv6_mapped().into(), v4.port()),
            (_, to) => to,
        };
        let transmit = Transmit { destination, ecn: None, contents, segment_size, src_ip: None };
        let sent = self.state.try_send((&self.socket).into(), &transmit);
        let is_refused = sent.is_err_and(|error| error.kind() != ErrorKind::WouldBlock);
        // A device that cannot cut packets apart: quinn-udp noted it, and these go one by one.
        if let (true, Some(size)) = (is_refused, segment_size) {
            contents.chunks(size).for_each(|one| self.transmit(to, one, None));
        }
    }
}

/// What one read brought. Memory of the system is behind it only where something was read.
pub struct Inbox {
    bytes: Box<[u8]>,
    metas: Box<[RecvMeta; BATCH_SIZE]>,
    filled: usize,
}

impl Default for Inbox {
    fn default() -> Self {
        let bytes = vec![0; BATCH_SIZE * READ_BYTES].into_boxed_slice();
        Self { bytes, metas: Box::new([RecvMeta::default(); BATCH_SIZE]), filled: 0 }
    }
}

impl Inbox {
    /// Each datagram and who sent it.
    pub fn datagrams(&self) -> impl Iterator<Item = (SocketAddr, &[u8])> {
        let read = self.bytes.chunks_exact(READ_BYTES).zip(&self.metas[..self.filled]);
        read.flat_map(|(bytes, meta)| {
            let from = SocketAddr::new(meta.addr.ip().to_canonical(), meta.addr.port());
            let whole = bytes.get(..meta.len).unwrap_or_default();
            whole.chunks(meta.stride.max(1)).map(move |one| (from, one))
        })
    }
}

/// Packets of one size from one socket to one address; the last may be shorter.
struct Pack {
    port: Arc<Port>,
    to: SocketAddr,
    bytes: Vec<u8>,
    size: usize,
    count: usize,
    is_closed: bool,
}

/// What waits to be sent until a batch is through.
#[derive(Default)]
pub struct Outbox {
    packs: Vec<Pack>,
    /// Buffers of packs that left.
    spare: Vec<Vec<u8>>,
}

impl Outbox {
    /// Adds a packet, which its parts make one behind the other.
    pub fn push(&mut self, port: &Arc<Port>, to: SocketAddr, parts: [&[u8]; 3]) {
        let length = parts.iter().map(|part| part.len()).sum();
        let last = self.packs.iter_mut().rev().find(|pack| pack.to == to && Arc::ptr_eq(&pack.port, port));
        if let Some(pack) = last {
            let has_room = !pack.is_closed
                && length <= pack.size
                && pack.count < port.state.max_gso_segments()
                && pack.bytes.len() + length <= PACK_BYTES_MAX;
            if has_room {
                pack.is_closed = length < pack.size;
                pack.count += 1;
                parts.into_iter().for_each(|part| pack.bytes.extend_from_slice(part));
                return;
            }
        }
        if self.packs.len() >= PACKS_MAX {
            self.flush();
        }
        let mut bytes = self.spare.pop().unwrap_or_default();
        parts.into_iter().for_each(|part| bytes.extend_from_slice(part));
        // An empty datagram has no size that others could share.
        let is_closed = length == 0;
        self.packs.push(Pack { port: Arc::clone(port), to, bytes, size: length, count: 1, is_closed });
    }

    /// Sends all.
    pub fn flush(&mut self) {
        for mut pack in self.packs.drain(..) {
            let size = (pack.count > 1).then_some(pack.size);
            pack.port.transmit(pack.to, &pack.bytes, size);
            pack.bytes.clear();
            self.spare.push(pack.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    async fn port() -> (Arc<Port>, SocketAddr) {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a socket");
        let port = Port::new(socket).expect("a port");
        let address = port.local_address().expect("an address");
        (Arc::new(port), address)
    }

    async fn read(port: &Port, count: usize) -> Vec<(SocketAddr, Vec<u8>)> {
        let mut inbox = Inbox::default();
        let mut all = Vec::new();
        while all.len() < count {
            port.readable().await.expect("readable");
            port.receive(&mut inbox);
            all.extend(inbox.datagrams().map(|(from, bytes)| (from, bytes.to_vec())));
        }
        all
    }

    #[tokio::test]
    async fn packets_of_a_batch_arrive_as_they_were_and_in_order() {
        let ((one, from), (two, to), (three, other)) = (port().await, port().await, port().await);
        let mut outbox = Outbox::default();
        let sizes = [900, 900, 900, 40, 900, 1_000, 1_000, 1, 0, 7];
        for (at, size) in sizes.into_iter().enumerate() {
            outbox.push(&one, to, [&[at as u8], &vec![at as u8; size], b""]);
            outbox.push(&one, other, [b"", b"x", b""]);
        }
        outbox.flush();
        let came = read(&two, sizes.len()).await;
        for (at, (size, (sender, bytes))) in sizes.into_iter().zip(&came).enumerate() {
            assert_eq!(*sender, from);
            assert_eq!(bytes.len(), size + 1, "packet {at}");
            assert!(bytes.iter().all(|byte| *byte == at as u8), "packet {at}");
        }
        assert_eq!(read(&three, sizes.len()).await.len(), sizes.len());
    }

    #[tokio::test]
    async fn more_addresses_than_an_outbox_holds_are_all_reached() {
        let (one, _) = port().await;
        let mut outbox = Outbox::default();
        let mut others = Vec::new();
        for _ in 0..=PACKS_MAX {
            let (other, to) = port().await;
            outbox.push(&one, to, [b"h", b"i", b""]);
            others.push(other);
        }
        outbox.flush();
        for other in others {
            assert_eq!(read(&other, 1).await[0].1, b"hi");
        }
    }

    #[tokio::test]
    async fn what_waits_is_read_whole_however_much_it_is() {
        let ((one, _), (two, to)) = (port().await, port().await);
        for nth in 0..3 * BATCH_SIZE {
            one.send(to, &[nth as u8; 10]);
        }
        let came = read(&two, 3 * BATCH_SIZE).await;
        assert!(came.iter().enumerate().all(|(nth, (_, bytes))| bytes[..] == [nth as u8; 10]));
    }
}
