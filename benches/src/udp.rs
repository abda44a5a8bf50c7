//! Datagrams: the generator's sockets, and a UDP echo as the floor of what a system call a packet costs.

use quinn_udp::{BATCH_SIZE, RecvMeta, Transmit, UdpSocketState};
use std::io::IoSliceMut;
use std::net::{SocketAddr, TcpListener, UdpSocket};

/// Bytes that one read may bring.
const READ_BYTES: usize = 64 << 10;
/// Bytes that the system may hold for a socket, each way.
const SOCKET_BYTES: usize = 4 << 20;

/// A socket of the generator on loopback; it never waits.
pub fn bind() -> anyhow::Result<UdpSocket> {
    let socket = UdpSocket::bind("127.0.0.1:0")?;
    socket.set_nonblocking(true)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES)?;
    Ok(socket)
}

/// How the generator's packets go: as a machine sends that hands them to the system one by one, or many at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Load {
    /// One by one.
    Single,
    /// A burst with one call (GSO), and read so (GRO).
    Burst,
}

/// A socket that sends and counts packets.
pub struct Counter {
    /// The socket.
    pub socket: UdpSocket,
    state: Option<UdpSocketState>,
}

impl Counter {
    /// Takes a socket for a load.
    pub fn new(socket: UdpSocket, load: Load) -> anyhow::Result<Self> {
        let state = match load {
            Load::Single => None,
            Load::Burst => Some(UdpSocketState::new((&socket).into())?),
        };
        Ok(Self { socket, state })
    }

    /// Sends so many of a packet; what the system does not take is lost, as any datagram may be.
    pub fn send(&self, to: SocketAddr, packet: &[u8], count: usize) {
        match &self.state {
            None => (0..count).for_each(|_| drop(self.socket.send_to(packet, to))),
            Some(state) => {
                let contents = &packet.repeat(count);
                let segment_size = Some(packet.len());
                let transmit = Transmit { destination: to, ecn: None, contents, segment_size, src_ip: None };
                let _ = state.try_send((&self.socket).into(), &transmit);
            }
        }
    }

    /// How many came.
    pub fn read(&self, buffer: &mut [u8]) -> usize {
        let mut count = 0;
        let Some(state) = &self.state else {
            while count < BATCH_SIZE && self.socket.recv(buffer).is_ok() {
                count += 1;
            }
            return count;
        };
        let mut metas = [RecvMeta::default(); 4];
        let mut chunks = buffer.chunks_exact_mut(READ_BYTES);
        let mut slices: [IoSliceMut<'_>; 4] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        let read = state.recv((&self.socket).into(), &mut slices, &mut metas).unwrap_or(0);
        for meta in &metas[..read] {
            count += meta.len.div_ceil(meta.stride.max(1));
        }
        count
    }
}

/// Room for what [`Counter::read`] brings.
pub fn buffer() -> Vec<u8> {
    vec![0; 4 * READ_BYTES]
}

/// The floor: sends every packet back to where it came from, with as few system calls as the node makes. A TCP port of
/// the same number says that it is there.
pub fn echo(address: SocketAddr) -> anyhow::Result<()> {
    let socket = UdpSocket::bind(address)?;
    rustix::net::sockopt::set_socket_recv_buffer_size(&socket, SOCKET_BYTES)?;
    let state = UdpSocketState::new((&socket).into())?;
    let listener = TcpListener::bind(address)?;
    let mut bytes = vec![0; BATCH_SIZE * READ_BYTES];
    let mut metas = [RecvMeta::default(); BATCH_SIZE];
    loop {
        let mut chunks = bytes.chunks_exact_mut(READ_BYTES);
        let mut slices: [IoSliceMut<'_>; BATCH_SIZE] =
            std::array::from_fn(|_| IoSliceMut::new(chunks.next().unwrap_or_default()));
        // One at a time wakes it; the rest of what waits comes with it.
        let count = wait_and_read(&state, &socket, &mut slices, &mut metas)?;
        let mut pending: Option<(SocketAddr, usize, Vec<u8>)> = None;
        for (bytes, meta) in bytes.chunks_exact(READ_BYTES).zip(&metas[..count]) {
            for one in bytes[..meta.len].chunks(meta.stride.max(1)) {
                match &mut pending {
                    Some((to, size, pack)) if *to == meta.addr && *size == one.len() && pack.len() < 60_000 => {
                        pack.extend_from_slice(one);
                    }
                    other => {
                        flush(&state, &socket, other.take());
                        *other = Some((meta.addr, one.len(), one.to_vec()));
                    }
                }
            }
        }
        flush(&state, &socket, pending);
        // The listener lives as long as the echo.
        let _ = &listener;
    }
}

fn wait_and_read(
    state: &UdpSocketState,
    socket: &UdpSocket,
    slices: &mut [IoSliceMut<'_>],
    metas: &mut [RecvMeta],
) -> std::io::Result<usize> {
    use rustix::event::{PollFd, PollFlags, poll};
    loop {
        match state.recv(socket.into(), slices, metas) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                poll(&mut [PollFd::new(socket, PollFlags::IN)], None)?;
            }
            other => return other,
        }
    }
}

fn flush(state: &UdpSocketState, socket: &UdpSocket, pack: Option<(SocketAddr, usize, Vec<u8>)>) {
    let Some((destination, size, contents)) = pack else { return };
    let transmit = Transmit { destination, ecn: None, contents: &contents, segment_size: Some(size), src_ip: None };
    // A datagram that the system does not take is lost.
    let _ = state.try_send(socket.into(), &transmit);
}
