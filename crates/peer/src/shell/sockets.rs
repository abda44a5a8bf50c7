//! Sockets and streams, each with a task that reads it.

use super::Relay;
use crate::connection::{Connection, Parcel, WayId};
use calls::turn::framing::{FRAME_BYTES_MAX, frame_bytes};
use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{UdpSocket, lookup_host};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Packets that wait for the connection at most; then a network drops them.
const PACKETS: usize = 1_024;
/// Bytes of a datagram at most.
const DATAGRAM_BYTES_MAX: usize = 65_536;
/// Frames that wait for a stream at most.
const STREAM_QUEUE: usize = 512;
/// A name is looked up, and a stream connected, within this time.
const DIAL: Duration = Duration::from_secs(4);
/// Relays of each transport that are tried.
const RELAYS_MAX: usize = 2;
/// An address of the Internet, to ask by which address of ours it is reached. Nothing is sent to it.
const FAR_V4: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1)), 9);
const FAR_V6: SocketAddr = SocketAddr::new(IpAddr::V6(Ipv6Addr::new(0x2001, 0xDB8, 0, 0, 0, 0, 0, 1)), 9);

/// A stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// Where a server is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAddress {
    /// A name or an address.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// By TLS.
    pub is_secure: bool,
}

type Dialled = Pin<Box<dyn Future<Output = io::Result<(Box<dyn Duplex>, SocketAddr)>> + Send>>;

/// Connects a stream; with the server's address.
pub type Dial = Arc<dyn Fn(ServerAddress) -> Dialled + Send + Sync>;

/// How a server is spoken to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Service {
    Stun,
    Datagrams,
    Stream,
}

/// RFC 7064, RFC 7065.
fn parse_url(url: &str) -> Option<(Service, ServerAddress)> {
    let (scheme, rest) = url.split_once(':')?;
    let (authority, query) = rest.split_once('?').unwrap_or((rest, ""));
    let is_secure = scheme == "turns";
    let service = match (scheme, query) {
        ("stun", _) => Service::Stun,
        ("turn", "" | "transport=udp") => Service::Datagrams,
        ("turn" | "turns", "transport=tcp") | ("turns", "") => Service::Stream,
        _ => return None,
    };
    let default = if is_secure { 5_349 } else { 3_478 };
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = port.map_or(Some(default), |port| port.parse().ok())?;
    (!host.is_empty()).then(|| (service, ServerAddress { host: host.to_owned(), port, is_secure }))
}

fn servers(relay: &Relay, wanted: Service) -> Vec<ServerAddress> {
    let found = relay.urls.iter().filter_map(|url| parse_url(url));
    found.filter(|(service, _)| *service == wanted).map(|(_, address)| address).take(RELAYS_MAX).collect()
}

async fn resolve(server: &ServerAddress) -> Option<SocketAddr> {
    let found = tokio::time::timeout(DIAL, lookup_host((server.host.as_str(), server.port))).await;
    found.ok()?.ok()?.next()
}

/// The address of this machine by which another one is reached.
fn route(to: SocketAddr) -> Option<IpAddr> {
    let any: IpAddr = if to.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = std::net::UdpSocket::bind((any, 0)).ok()?;
    socket.connect(to).ok()?;
    let own = socket.local_addr().ok()?.ip();
    (!own.is_unspecified()).then_some(own)
}

/// A packet that came.
pub(super) struct Packet {
    pub(super) way: WayId,
    pub(super) from: SocketAddr,
    pub(super) bytes: Vec<u8>,
}

enum Socket {
    Udp(Arc<UdpSocket>),
    Stream(mpsc::Sender<Vec<u8>>),
}

pub(super) struct Sockets {
    seed: [u8; 32],
    seeds: u8,
    sockets: Vec<(WayId, Socket)>,
    tasks: Vec<JoinHandle<()>>,
    packets_tx: mpsc::Sender<Packet>,
    packets: mpsc::Receiver<Packet>,
}

impl Drop for Sockets {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Sockets {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        let (packets_tx, packets) = mpsc::channel(PACKETS);
        Self { seed, seeds: 0, sockets: Vec::new(), tasks: Vec::new(), packets_tx, packets }
    }

    /// Another seed for each way.
    fn next_seed(&mut self) -> [u8; 32] {
        self.seeds = self.seeds.wrapping_add(1);
        let mut seed = self.seed;
        seed[0] ^= self.seeds;
        seed
    }

    pub(super) async fn receive(&mut self) -> Packet {
        match self.packets.recv().await {
            Some(packet) => packet,
            // We hold a sender ourselves: it does not end.
            None => std::future::pending().await,
        }
    }

    pub(super) fn try_receive(&mut self) -> Option<Packet> {
        self.packets.try_recv().ok()
    }

    pub(super) async fn send(&mut self, parcel: Parcel) {
        let Some((_, socket)) = self.sockets.iter().find(|(way, _)| *way == parcel.way) else { return };
        match socket {
            // What a network does not take is lost, as anywhere on its way.
            Socket::Udp(socket) => {
                let _ = socket.send_to(&parcel.bytes, parcel.to).await;
            }
            Socket::Stream(queue) => {
                let _ = queue.try_send(parcel.bytes);
            }
        }
    }

    /// Gives streams a moment to send what waits.
    pub(super) async fn flush(&mut self, within: Duration) {
        let streams = self.sockets.iter().filter_map(|(_, socket)| match socket {
            Socket::Stream(queue) => Some(queue.clone()),
            Socket::Udp(_) => None,
        });
        let empty = async {
            for queue in streams {
                // All places are free once everything was written.
                let _ = queue.reserve_many(STREAM_QUEUE).await;
            }
        };
        let _ = tokio::time::timeout(within, empty).await;
    }

    async fn bind(&mut self, own: IpAddr) -> Option<(Arc<UdpSocket>, SocketAddr)> {
        let socket = Arc::new(UdpSocket::bind((own, 0)).await.ok()?);
        let local = socket.local_addr().ok()?;
        Some((socket, local))
    }

    fn keep(&mut self, way: WayId, socket: Arc<UdpSocket>) {
        let packets = self.packets_tx.clone();
        self.sockets.push((way, Socket::Udp(Arc::clone(&socket))));
        self.tasks.push(tokio::spawn(async move {
            let mut buffer = vec![0; DATAGRAM_BYTES_MAX];
            loop {
                match socket.recv_from(&mut buffer).await {
                    Ok((length, from)) => {
                        let bytes = buffer.get(..length).unwrap_or_default().to_vec();
                        if packets.send(Packet { way, from, bytes }).await.is_err() {
                            return;
                        }
                    }
                    // An answer that nobody was there for: the socket is good.
                    Err(_) => tokio::task::yield_now().await,
                }
            }
        }));
    }

    /// Relays that are reached by datagrams.
    pub(super) async fn add_relays(&mut self, connection: &mut Connection, relay: &Relay) {
        for server in servers(relay, Service::Datagrams) {
            let Some(address) = resolve(&server).await else { continue };
            let Some(own) = route(address) else { continue };
            let Some((socket, local)) = self.bind(own).await else { continue };
            let (seed, credential) = (self.next_seed(), (relay.username.as_str(), relay.password.as_str()));
            if let Some(way) = connection.add_relay(Instant::now(), local, address, credential, false, seed) {
                self.keep(way, socket);
            }
        }
    }

    /// This machine's own addresses, as far as they lead to where the servers or the Internet are.
    pub(super) async fn add_hosts(&mut self, connection: &mut Connection, relay: &Relay) {
        let mut stun = Vec::new();
        for server in servers(relay, Service::Stun) {
            stun.extend(resolve(&server).await);
        }
        let mut own: Vec<IpAddr> = Vec::new();
        for to in stun.iter().copied().chain([FAR_V4, FAR_V6]) {
            if let Some(found) = route(to).filter(|found| !own.contains(found)) {
                own.push(found);
            }
        }
        for own in own {
            let Some((socket, local)) = self.bind(own).await else { continue };
            let server = stun.iter().copied().find(|server| server.is_ipv4() == local.is_ipv4());
            let server = server.filter(|server| server.ip().is_loopback() == own.is_loopback());
            let seed = self.next_seed();
            if let Some(way) = connection.add_host(Instant::now(), local, server, seed) {
                self.keep(way, socket);
            }
        }
    }

    /// Relays that are reached over streams.
    pub(super) async fn add_streams(&mut self, connection: &mut Connection, relay: &Relay, dial: &Dial) {
        for server in servers(relay, Service::Stream) {
            let Ok(Ok((stream, address))) = tokio::time::timeout(DIAL, dial(server)).await else { continue };
            let Some(own) = route(address) else { continue };
            let (seed, credential) = (self.next_seed(), (relay.username.as_str(), relay.password.as_str()));
            let local = SocketAddr::new(own, 9);
            if let Some(way) = connection.add_relay(Instant::now(), local, address, credential, true, seed) {
                self.keep_stream(way, address, stream);
            }
        }
    }

    fn keep_stream(&mut self, way: WayId, server: SocketAddr, stream: Box<dyn Duplex>) {
        let (queue, mut waiting) = mpsc::channel::<Vec<u8>>(STREAM_QUEUE);
        let packets = self.packets_tx.clone();
        let (mut read, mut write) = tokio::io::split(stream);
        self.sockets.push((way, Socket::Stream(queue)));
        self.tasks.push(tokio::spawn(async move {
            while let Some(bytes) = waiting.recv().await {
                if write.write_all(&bytes).await.is_err() || write.flush().await.is_err() {
                    return;
                }
            }
        }));
        self.tasks.push(tokio::spawn(async move {
            let mut buffer = Vec::new();
            loop {
                let length = match frame_bytes(&buffer) {
                    Ok(Some(length)) if buffer.len() >= length => length,
                    Ok(_) if buffer.len() <= FRAME_BYTES_MAX => match read.read_buf(&mut buffer).await {
                        Ok(0) | Err(_) => return,
                        Ok(_) => continue,
                    },
                    // There is no finding back into a stream.
                    _ => return,
                };
                let rest = buffer.split_off(length);
                let bytes = std::mem::replace(&mut buffer, rest);
                if packets.send(Packet { way, from: server, bytes }).await.is_err() {
                    return;
                }
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_where_and_how() {
        let at = |host: &str, port, is_secure| ServerAddress { host: host.into(), port, is_secure };
        for (url, expected) in [
            ("stun:192.0.2.1:9", Some((Service::Stun, at("192.0.2.1", 9, false)))),
            ("turn:node.example?transport=udp", Some((Service::Datagrams, at("node.example", 3_478, false)))),
            ("turn:[2001:db8::1]:7?transport=tcp", Some((Service::Stream, at("2001:db8::1", 7, false)))),
            ("turns:node.example:443?transport=tcp", Some((Service::Stream, at("node.example", 443, true)))),
            ("turn:node.example?transport=sctp", None),
            ("turn:node.example:99999?transport=udp", None),
            ("turn:", None),
            ("https://node.example", None),
        ] {
            assert_eq!(parse_url(url), expected, "{url}");
        }
    }
}
