//! Case `turn`: packets a core-second through a TURN relay, to peers and back; coturn and a UDP echo take turns with
//! the node under the same load.

use crate::Scale;
use crate::drive::Driver;
use crate::peer::NodeLink;
use crate::process::{Server, free_address, node_binary};
use crate::report::{Measurement, Subject, median};
use crate::udp::{Counter, Load, bind, buffer};
use anyhow::{Context, bail, ensure};
use calls::stun::{Class, LongTermKey, Message, Method, TransactionId, Writer, attribute};
use std::net::SocketAddr;
use std::path::Path;
use std::time::{Duration, Instant};
use wire::node::{Event, Request};

/// Clients, each with an allocation and a peer of its own.
const CLIENTS: usize = 20;
/// Packets that follow each other, as those of a video frame do.
const BURST: usize = 10;
/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 1_000;
/// Packets that are counted in a round.
const PACKETS: u64 = 400_000;
/// A burst that is not back by then lost something, and the next one goes out.
const LOST_AFTER: Duration = Duration::from_millis(100);
/// The channel of every client.
const CHANNEL: u16 = 0x4001;

/// Who relays in turn, under each load.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for load in [Load::Burst, Load::Single] {
        under(load, scale)?;
    }
    Ok(())
}

fn under(load: Load, scale: &Scale) -> anyhow::Result<()> {
    let subjects = [Subject::Floor, Subject::Coturn, Subject::Node];
    let mut rates = [const { Vec::new() }; 3];
    let is_coturn_there = Path::new("/usr/bin/turnserver").exists();
    for round in 1..=scale.rounds {
        for (subject, rates) in subjects.into_iter().zip(&mut rates) {
            let is_skipped = match subject {
                Subject::Coturn => !is_coturn_there || !scale.with_node,
                Subject::Node => !scale.with_node,
                _ => false,
            };
            if is_skipped {
                continue;
            }
            let measured = measure(subject, load, scale.of(PACKETS)).with_context(|| format!("{subject:?}"))?;
            let mut measured = measured.with("load", name(load));
            measured.round = Some(round);
            rates.extend(measured.per_core_second);
            measured.print()?;
        }
    }
    let [_, coturn, node] = rates;
    if let (Some(coturn), Some(node)) = (median(coturn), median(node)) {
        let mut summary = Measurement::new("turn", Subject::Node).with("rounds", scale.rounds).with("load", name(load));
        summary.per_core_second = Some(node);
        summary.with("ratio_to_coturn", crate::report::rounded(node / coturn)).print()?;
    }
    Ok(())
}

fn name(load: Load) -> &'static str {
    match load {
        Load::Single => "single",
        Load::Burst => "burst",
    }
}

fn measure(subject: Subject, load: Load, packets: u64) -> anyhow::Result<Measurement> {
    let address = free_address()?;
    let (server, credential) = match subject {
        Subject::Floor => {
            let args = ["udp-floor".to_owned(), address.to_string()];
            (Server::start(&std::env::current_exe()?, args, address)?, None)
        }
        Subject::Coturn => {
            let port = address.port().to_string();
            let args = ["-n", "--no-cli", "--no-tls", "--no-dtls", "-L", "127.0.0.1", "-E", "127.0.0.1", "-p", &port]
                .into_iter()
                .chain(["-m", "1", "-a", "-u", "bench:bench", "-r", "bench", "--allow-loopback-peers"])
                .chain(["--log-file", "/dev/null", "--simple-log", "--pidfile", "/dev/null"]);
            let server = Server::start("/usr/bin/turnserver".as_ref(), args, address)?;
            (server, Some((address, "bench".to_owned(), "bench".to_owned())))
        }
        _ => {
            let much = ["relay_allocation_bytes_per_s=1000000000", "relay_bytes_per_s=10000000000"];
            let args = ["--relay", "private", "--limit", much[0], "--limit", much[1]].map(AsRef::as_ref);
            let server = Server::start_node(&node_binary()?, &args)?;
            let credential = node_credential(server.address)?;
            (server, Some(credential))
        }
    };
    let mut pairs = Vec::new();
    for _ in 0..CLIENTS {
        pairs.push(match &credential {
            None => Pair::echo(address, load)?,
            Some((address, user, password)) => Pair::relayed(*address, user, password, load)?,
        });
    }
    // Warm: sockets, caches, branch predictors.
    carry(&mut pairs, packets / 10)?;
    let (cpu, begun) = (server.cpu_seconds()?, Instant::now());
    let (moved, lost) = carry(&mut pairs, packets)?;
    let (seconds, core_seconds) = (begun.elapsed().as_secs_f64(), server.cpu_seconds()? - cpu);
    let mut measured = Measurement::new("turn", subject).with_work(moved, seconds, core_seconds);
    measured.frame_bytes = Some(PAYLOAD_BYTES as u64 + 4);
    measured.rss_bytes = Some(server.rss_bytes()?);
    server.stop()?;
    Ok(measured.with("bursts_lost", lost))
}

fn node_credential(http: SocketAddr) -> anyhow::Result<(SocketAddr, String, String)> {
    let mut driver = Driver::new()?;
    let mut link = NodeLink::connect(&mut driver, http, None)?;
    let events = link.ask(&mut driver, vec![Request::Relay])?;
    let Some(Event::Relay(terms)) = events.into_iter().next() else { bail!("no terms of the relay") };
    let url = terms.urls.iter().find_map(|url| url.strip_prefix("stun:")).context("no URL")?;
    Ok((url.parse()?, terms.username.clone(), terms.password.clone()))
}

/// A client and its peer.
struct Pair {
    client: Counter,
    server: SocketAddr,
    /// None where the server is an echo: what the client sends comes back to it.
    peer: Option<(Counter, SocketAddr)>,
    packet: Vec<u8>,
    came: usize,
    sent_at: Instant,
}

impl Pair {
    fn echo(server: SocketAddr, load: Load) -> anyhow::Result<Self> {
        let packet = vec![7; PAYLOAD_BYTES + 4];
        Ok(Self { client: Counter::new(bind()?, load)?, server, peer: None, packet, came: 0, sent_at: Instant::now() })
    }

    fn relayed(server: SocketAddr, user: &str, password: &str, load: Load) -> anyhow::Result<Self> {
        let (client, peer) = (bind()?, bind()?);
        let ask = |writer: Writer, key: Option<&LongTermKey>| -> anyhow::Result<Vec<u8>> {
            let bytes = match key {
                Some(key) => writer.finish_with(key),
                None => writer.finish(),
            };
            client.set_nonblocking(false)?;
            client.set_read_timeout(Some(Duration::from_secs(5)))?;
            client.send_to(&bytes, server)?;
            let mut answer = vec![0; 2_048];
            let length = client.recv(&mut answer)?;
            answer.truncate(length);
            Ok(answer)
        };
        let mut count = 0;
        let mut request = |method| {
            count += 1;
            Writer::new(Class::Request, method, TransactionId([count; 12]))
        };
        let udp = |writer: Writer| writer.put(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
        let open = ask(udp(request(Method::Allocate)), None)?;
        let open = Message::parse(&open)?;
        let (realm, nonce) = (open.realm.context("no realm")?.to_vec(), open.nonce.context("no nonce")?.to_vec());
        let key = LongTermKey::derive(user.as_bytes(), &realm, password.as_bytes());
        let signed = |writer: Writer| {
            writer.put(attribute::USERNAME, user.as_bytes()).put(attribute::REALM, &realm).put(attribute::NONCE, &nonce)
        };
        let allocated = ask(signed(udp(request(Method::Allocate))), Some(&key))?;
        let allocated = Message::parse(&allocated)?;
        let relayed = allocated.relayed.with_context(|| format!("refused with {:?}", allocated.error_code))?;
        let bind = request(Method::ChannelBind)
            .put(attribute::CHANNEL_NUMBER, &[(CHANNEL >> 8) as u8, CHANNEL as u8, 0, 0])
            .put_address(attribute::XOR_PEER_ADDRESS, &peer.local_addr()?);
        let bound = ask(signed(bind), Some(&key))?;
        ensure!(Message::parse(&bound)?.class == Class::Success, "no channel");
        client.set_nonblocking(true)?;
        let mut packet = vec![7; PAYLOAD_BYTES + 4];
        packet[..2].copy_from_slice(&CHANNEL.to_be_bytes());
        packet[2..4].copy_from_slice(&(PAYLOAD_BYTES as u16).to_be_bytes());
        let (client, peer) = (Counter::new(client, load)?, Counter::new(peer, load)?);
        Ok(Self { client, server, peer: Some((peer, relayed)), packet, came: 0, sent_at: Instant::now() })
    }

    fn begin(&mut self) {
        self.came = 0;
        self.sent_at = Instant::now();
        self.client.send(self.server, &self.packet, BURST);
    }

    /// Moves what can be moved; how many packets came, and whether a burst was lost.
    fn turn(&mut self, buffer: &mut [u8]) -> (u64, bool) {
        let mut moved = 0;
        if let Some((peer, relayed)) = &self.peer {
            let came = peer.read(buffer);
            moved += came as u64;
            if came > 0 {
                peer.send(*relayed, &self.packet[4..], came);
            }
        }
        let came = self.client.read(buffer);
        moved += came as u64;
        self.came += came;
        let is_lost = self.came < BURST && self.sent_at.elapsed() > LOST_AFTER;
        if self.came >= BURST || is_lost {
            self.begin();
        }
        (moved, is_lost)
    }
}

fn carry(pairs: &mut [Pair], packets: u64) -> anyhow::Result<(u64, u64)> {
    let mut buffer = buffer();
    let (mut moved, mut lost, mut last) = (0, 0, Instant::now());
    pairs.iter_mut().for_each(Pair::begin);
    while moved < packets {
        let before = moved;
        for pair in &mut *pairs {
            let (came, is_lost) = pair.turn(&mut buffer);
            moved += came;
            lost += u64::from(is_lost);
        }
        if moved > before {
            last = Instant::now();
        }
        ensure!(last.elapsed() < crate::STALL, "nothing is relayed");
    }
    // What is on its way belongs to no measurement.
    std::thread::sleep(LOST_AFTER);
    for pair in pairs {
        pair.client.read(&mut buffer);
        if let Some((peer, _)) = &pair.peer {
            peer.read(&mut buffer);
        }
    }
    Ok((moved, lost))
}
