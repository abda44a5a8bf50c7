//! Sockets around the TURN table of crate `calls`: one UDP port for clients, a socket for each relayed address, and
//! streams on the port of HTTP.
//!
//! | module | holds |
//! |---|---|
//! | [`batch`] | many packets for one system call |
//! | [`config`] | what the operator says |
//! | [`ports`] | opening relays' sockets |
//! | [`packets`] | packets in, packets out |
//! | [`rooms`] | rooms for calls of many, on the same port |
//! | [`stream`] | clients over TCP and TLS |
//! | [`terms`] | credentials for clients |

pub mod batch;
pub mod config;
pub mod packets;
pub mod ports;
pub mod rooms;
pub mod stream;
pub mod terms;

use crate::shared::now_ms;
use anyhow::Context as _;
use batch::Port;
use calls::room::Rooms;
use calls::turn::table::Counts;
use calls::turn::{Answer, CredentialSecret, Effect, Link, Opened, RelayId, Table};
use config::RelayConfig;
use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;

/// The realm of all credentials; it names nothing.
pub const REALM: &str = "sottovoce";
/// How often ended allocations are looked for.
const TICK: Duration = Duration::from_secs(1);
/// Bytes that the system may hold for the clients' socket, each way.
const SOCKET_BYTES: usize = 4 << 20;

/// The relay of a node.
pub struct Relay {
    table: Mutex<Table>,
    /// Where clients send datagrams.
    udp: Arc<Port>,
    /// At which addresses peers reach relays.
    own: Vec<IpAddr>,
    config: RelayConfig,
    sockets: Mutex<BTreeMap<RelayId, Held>>,
    streams: Mutex<BTreeMap<u64, stream::Outbox>>,
    rooms: Option<Mutex<Rooms>>,
    /// Somebody asked about a room.
    rooms_due: Notify,
    next_stream: AtomicU64,
}

/// An open socket and the task that reads it.
struct Held {
    port: Arc<Port>,
    reader: AbortHandle,
}

impl Drop for Held {
    fn drop(&mut self) {
        self.reader.abort();
    }
}

fn hold<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic while holding it would be a bug of ours; the state is still one that a next packet may meet.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Relay {
    /// Opens the clients' UDP port beside HTTP's; none where no address is known at which peers would reach a relay.
    ///
    /// # Errors
    /// If the port cannot be opened.
    pub async fn open(
        config: &RelayConfig,
        http: SocketAddr,
        is_any_port: bool,
        secret: CredentialSecret,
    ) -> anyhow::Result<Option<Arc<Self>>> {
        let own = if config.addresses.is_empty() { vec![http.ip()] } else { config.addresses.clone() };
        if own.iter().any(IpAddr::is_unspecified) {
            tracing::warn!("calls are not relayed: say with --relay-address at which address this machine is reached");
            return Ok(None);
        }
        // On loopback there is no firewall that knows the port: clients are told of any.
        let may_move = is_any_port || http.ip().is_loopback();
        let udp = match UdpSocket::bind(http).await {
            Err(error) if may_move && error.kind() == std::io::ErrorKind::AddrInUse => {
                UdpSocket::bind(SocketAddr::new(http.ip(), 0)).await
            }
            bound => bound,
        };
        let udp = udp.with_context(|| format!("cannot open UDP port {}", http.port()))?;
        // Less than asked for is what the system allows.
        let _ = rustix::net::sockopt::set_socket_recv_buffer_size(&udp, SOCKET_BYTES);
        let _ = rustix::net::sockopt::set_socket_send_buffer_size(&udp, SOCKET_BYTES);
        let mut nonce_key = [0; 32];
        getrandom::fill(&mut nonce_key).context("no randomness")?;
        let mut table = Table::new(now_ms(), config.policy.clone(), REALM.to_owned(), secret, own.clone(), nonce_key);
        let udp = Arc::new(Port::new(udp).context("cannot read in batches")?);
        let port = udp.local_address()?.port();
        let addresses: Vec<SocketAddr> = own.iter().map(|ip| SocketAddr::new(*ip, port)).collect();
        let rooms = match config.rooms.is_on {
            true => {
                table.set_rooms(addresses.clone());
                let rooms = Rooms::new(Instant::now(), config.rooms.clone(), addresses);
                Some(rooms.context("cannot make a certificate for rooms")?)
            }
            false => None,
        };
        Ok(Some(Arc::new(Self {
            table: Mutex::new(table),
            udp,
            own,
            config: config.clone(),
            sockets: Mutex::default(),
            streams: Mutex::default(),
            rooms: rooms.map(Mutex::new),
            rooms_due: Notify::new(),
            next_stream: AtomicU64::new(1),
        })))
    }

    /// Where clients send datagrams.
    ///
    /// # Errors
    /// If the system does not say.
    pub fn udp_address(&self) -> std::io::Result<SocketAddr> {
        self.udp.local_address()
    }

    /// Where clients reach HTTP, if they reach the relay.
    pub fn reached_at(&self, http: SocketAddr) -> SocketAddr {
        let own = self.own.first().copied().filter(|_| http.ip().is_unspecified());
        SocketAddr::new(own.unwrap_or(http.ip()), http.port())
    }

    /// What is relayed.
    pub fn counts(&self) -> Counts {
        hold(&self.table).counts()
    }

    /// Serves until told to stop.
    pub async fn run(self: Arc<Self>, mut stop: watch::Receiver<bool>) {
        let mut every = tokio::time::interval(TICK);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                ready = self.udp.readable() => {
                    if ready.is_err() {
                        break;
                    }
                    self.read_clients();
                }
                () = tokio::time::sleep_until(self.rooms_at().into()) => self.look_after_rooms(),
                () = self.rooms_due.notified() => self.look_after_rooms(),
                _ = every.tick() => {
                    hold(&self.table).tick(now_ms());
                    self.carry_out();
                }
                _ = stop.wait_for(|is_stopping| *is_stopping) => break,
            }
        }
        hold(&self.sockets).clear();
        hold(&self.streams).clear();
    }

    /// Does what the table asks for, until it asks for nothing.
    fn carry_out(self: &Arc<Self>) {
        loop {
            let effects = hold(&self.table).take_effects();
            if effects.is_empty() {
                return;
            }
            for effect in effects {
                match effect {
                    Effect::Open { relay, is_ipv6, is_even, next } => {
                        let opened = self.open_sockets(relay, is_ipv6, is_even, next);
                        let answer = hold(&self.table).opened(now_ms(), relay, opened);
                        if let Some(answer) = answer {
                            self.answer(answer);
                        }
                    }
                    Effect::Shut { relay } => drop(hold(&self.sockets).remove(&relay)),
                }
            }
        }
    }

    fn open_sockets(
        self: &Arc<Self>,
        relay: RelayId,
        is_ipv6: bool,
        is_even: bool,
        next: Option<RelayId>,
    ) -> Option<Opened> {
        let own = *self.own.iter().find(|own| own.is_ipv6() == is_ipv6)?;
        let bind = ports::bind_address(&self.udp_address().ok()?, &own, !self.config.addresses.is_empty());
        let opened = ports::open(bind, self.config.ports, is_even, next.is_some())?;
        let address = SocketAddr::new(own, opened.first.local_addr().ok()?.port());
        self.read_relay(relay, opened.first)?;
        let next = next.zip(opened.next).and_then(|(relay, socket)| {
            let address = SocketAddr::new(own, socket.local_addr().ok()?.port());
            self.read_relay(relay, socket)?;
            Some(address)
        });
        Some(Opened { address, next })
    }

    /// Holds a socket and reads it in a task of its own. Relays come and go with allocations, whose number is limited.
    fn read_relay(self: &Arc<Self>, relay: RelayId, socket: UdpSocket) -> Option<()> {
        let port = Arc::new(Port::new(socket).ok()?);
        let (shared, reading) = (Arc::clone(self), Arc::clone(&port));
        let reader = tokio::spawn(async move {
            while reading.readable().await.is_ok() {
                shared.read_peers(relay, &reading);
                // Others are served between two bursts.
                tokio::task::yield_now().await;
            }
        });
        hold(&self.sockets).insert(relay, Held { port, reader: reader.abort_handle() });
        Some(())
    }

    fn answer(&self, answer: Answer) {
        match answer.to.link {
            Link::Udp => self.udp.send(answer.to.address, &answer.bytes),
            Link::Stream(number) => self.push_to_stream(number, answer.bytes),
        }
    }

    fn push_to_stream(&self, number: u64, bytes: Vec<u8>) {
        if let Some(outbox) = hold(&self.streams).get(&number) {
            outbox.push(bytes);
        }
    }

    /// A number for a new stream.
    fn next_stream(&self) -> u64 {
        self.next_stream.fetch_add(1, Ordering::Relaxed)
    }
}
