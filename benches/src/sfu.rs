//! Cases `sfu`, `sfu-speaker` and `sfu-memory`: what rooms cost the node, with real WebRTC clients. Receivers answer
//! STUN, DTLS and RTCP and count the media that comes; one of them opens it too, to know how long it took.

use crate::Scale;
use crate::drive::Driver;
use crate::peer::{NodeLink, Random};
use crate::process::{Server, node_binary};
use crate::report::{Latencies, Measurement, Subject, rounded};
use crate::udp::bind;
use anyhow::{Context, bail, ensure};
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};
use str0m::change::SdpAnswer;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use wire::id::{Hash, RoomMember};
use wire::node::{Event as NodeEvent, Request};
use wire::room::{ROOM_CHANNEL, RoomAsk, RoomDoes, RoomHostKey, RoomKey};

/// Bytes of a payload.
const PAYLOAD_BYTES: usize = 1_000;
/// Packets that follow each other.
const BURST: usize = 10;
/// Nothing came for so long: go on with the next burst.
const LOST_AFTER: Duration = Duration::from_millis(100);
/// How often the clients' own timers are looked after.
const TIMERS: Duration = Duration::from_millis(20);

/// Whose media a client opens, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reads {
    /// All of it.
    Opens,
    /// It counts what comes.
    Counts,
}

/// A client of a room.
struct Peer {
    rtc: Rtc,
    socket: UdpSocket,
    address: SocketAddr,
    video: Option<Mid>,
    audio: Option<Mid>,
    layers: usize,
    reads: Reads,
    is_connected: bool,
    counted: u64,
    seqs: [u64; 4],
    delays: Latencies,
    buffer: Vec<u8>,
}

/// What a client sends and receives.
#[derive(Debug, Clone, Copy)]
struct Shape {
    sends_audio: bool,
    /// Layers of the video that it sends; 0: none.
    layers: usize,
    videos_in: usize,
    voices_in: usize,
    reads: Reads,
}

struct Hall {
    server: Server,
    driver: Driver,
    link: NodeLink,
    begun: Instant,
    peers: Vec<Peer>,
    timers_at: Instant,
}

impl Hall {
    fn open() -> anyhow::Result<Self> {
        let limits = [
            "room_person_bytes_per_s=1000000000",
            "room_person_packets_per_s=1000000",
            "room_bytes_per_s=10000000000",
            "room_joins_per_s=10000",
        ];
        let args: Vec<&std::ffi::OsStr> =
            limits.iter().flat_map(|limit| ["--limit".as_ref(), limit.as_ref()]).collect();
        let server = Server::start_node(&node_binary()?, &args)?;
        let mut driver = Driver::new()?;
        let link = NodeLink::connect(&mut driver, server.address, None)?;
        let begun = Instant::now();
        Ok(Self { server, driver, link, begun, peers: Vec::new(), timers_at: begun })
    }

    fn join(&mut self, room: u8, shape: Shape) -> anyhow::Result<()> {
        let socket = bind()?;
        let address = socket.local_addr()?;
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(Instant::now());
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp)?);
        let mut change = rtc.sdp_api();
        let audio =
            shape.sends_audio.then(|| change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None));
        let video = (shape.layers > 0).then(|| {
            let mut simulcast = Simulcast::new();
            (0..shape.layers).for_each(|layer| simulcast.add_send_layer(SimulcastLayer::new(&layer.to_string())));
            let simulcast = (shape.layers > 1).then_some(simulcast);
            change.add_media(MediaKind::Video, Direction::SendOnly, None, None, simulcast)
        });
        for (kind, count) in [(MediaKind::Video, shape.videos_in), (MediaKind::Audio, shape.voices_in)] {
            for _ in 0..count {
                change.add_media(kind, Direction::RecvOnly, None, None, None);
            }
        }
        change.add_channel(ROOM_CHANNEL.to_owned());
        let (offer, pending) = change.apply().context("no offer")?;
        let mut resume = [0; 16];
        Random::new().fill(&mut resume);
        resume[0] = self.peers.len() as u8;
        let key = RoomKey { member: RoomMember([room; 32]), host: RoomHostKey::Hash(Hash([1; 32])) };
        let does = RoomDoes::Join { sdp: offer.to_sdp_string(), label: Vec::new().into(), resume };
        let ask = Request::Room(Box::new(RoomAsk { key, does }));
        let told = self.link.ask(&mut self.driver, vec![ask])?.into_iter().next();
        let Some(NodeEvent::Room(told)) = told else { bail!("no answer to a join") };
        rtc.sdp_api().accept_answer(pending, SdpAnswer::from_sdp_string(&told.sdp)?)?;
        self.peers.push(Peer {
            rtc,
            socket,
            address,
            video,
            audio,
            layers: shape.layers,
            reads: shape.reads,
            is_connected: false,
            counted: 0,
            seqs: [100; 4],
            delays: Latencies::default(),
            buffer: vec![0; 2_048],
        });
        Ok(())
    }

    /// Moves what came, and timers now and then; how many packets of media came.
    fn turn(&mut self) -> u64 {
        let now = Instant::now();
        let is_due = now >= self.timers_at;
        if is_due {
            self.timers_at = now + TIMERS;
        }
        let begun = self.begun;
        self.peers.iter_mut().map(|peer| peer.turn(now, begun, is_due)).sum()
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while self.peers.iter().any(|peer| !peer.is_connected) {
            self.turn();
            ensure!(begun.elapsed() < crate::STALL, "not everybody connects");
        }
        // Seats are given a moment after; streams begin with the first packet.
        let until = Instant::now() + Duration::from_millis(500);
        while Instant::now() < until {
            self.turn();
        }
        Ok(())
    }

    /// Sends a burst of each who sends video.
    fn burst(&mut self, count: usize) {
        let (now, begun) = (Instant::now(), self.begun);
        for peer in &mut self.peers {
            peer.burst(now, begun, count);
        }
    }
}

impl Peer {
    fn turn(&mut self, now: Instant, begun: Instant, is_due: bool) -> u64 {
        let before = self.counted;
        while let Ok((length, from)) = self.socket.recv_from(&mut self.buffer) {
            let is_media = length > 1 && self.buffer[0] >= 128 && !(192..=223).contains(&self.buffer[1]);
            if is_media {
                self.counted += 1;
                if self.reads == Reads::Counts {
                    continue;
                }
            }
            if let Ok(received) = Receive::new(Protocol::Udp, from, self.address, &self.buffer[..length]) {
                // A packet that it does not understand is lost.
                let _ = self.rtc.handle_input(Input::Receive(Instant::now(), received));
            }
            self.drain(begun);
        }
        if is_due {
            let _ = self.rtc.handle_input(Input::Timeout(now));
            self.drain(begun);
        }
        self.counted - before
    }

    fn drain(&mut self, begun: Instant) {
        loop {
            match self.rtc.poll_output() {
                Ok(Output::Timeout(_)) | Err(_) => return,
                Ok(Output::Transmit(transmit)) => {
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Ok(Output::Event(Event::Connected)) => self.is_connected = true,
                Ok(Output::Event(Event::RtpPacket(packet))) => {
                    let stamp =
                        packet.payload.get(8..16).and_then(|bytes| bytes.try_into().ok()).map(u64::from_be_bytes);
                    if let Some(stamp) = stamp.filter(|_| packet.payload.len() == PAYLOAD_BYTES) {
                        let now = begun.elapsed().as_nanos() as u64;
                        self.delays.add(Duration::from_nanos(now.saturating_sub(stamp)));
                    }
                }
                Ok(Output::Event(_)) => {}
            }
        }
    }

    fn burst(&mut self, now: Instant, begun: Instant, count: usize) {
        let Some(mid) = self.video else { return };
        for layer in 0..self.layers {
            let rid = (self.layers > 1).then(|| Rid::from(layer.to_string().as_str()));
            for nth in 0..count {
                // A key frame each: whoever comes sees at once.
                let mut payload = vec![0; PAYLOAD_BYTES];
                payload[0] = 0x10;
                payload[8..16].copy_from_slice(&(begun.elapsed().as_nanos() as u64).to_be_bytes());
                self.write(now, mid, rid, layer, Codec::Vp8, payload, nth + 1 == count);
            }
        }
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(begun);
    }

    fn voice(&mut self, now: Instant, begun: Instant) {
        let Some(mid) = self.audio else { return };
        self.write(now, mid, None, 3, Codec::Opus, vec![7; 80], false);
        let _ = self.rtc.handle_input(Input::Timeout(now));
        self.drain(begun);
    }

    #[expect(clippy::too_many_arguments, reason = "what RTP has in a header")]
    fn write(&mut self, now: Instant, mid: Mid, rid: Option<Rid>, at: usize, codec: Codec, bytes: Vec<u8>, ends: bool) {
        let Some(pt) = self.rtc.codec_config().find(|params| params.spec().codec == codec).map(|it| it.pt()) else {
            return;
        };
        self.seqs[at] += 1;
        let seq = self.seqs[at];
        let write =
            RtpWrite::new(pt, seq.into(), (seq as u32).wrapping_mul(300), now, bytes).marker(ends).nackable(true);
        if let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(mid, rid) {
            stream.write_rtp(write);
        }
    }
}

/// Rooms as full as they go: one sender and so many receivers each.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        for (rooms, receivers) in [(1, 20), (10, 1)] {
            forward(round, rooms, receivers, scale.of(400_000))?;
        }
    }
    Ok(())
}

fn forward(round: u32, rooms: u8, receivers: usize, packets: u64) -> anyhow::Result<()> {
    let mut hall = Hall::open()?;
    let sender = Shape { sends_audio: false, layers: 1, videos_in: 0, voices_in: 0, reads: Reads::Counts };
    let receiver = Shape { layers: 0, videos_in: 1, ..sender };
    for room in 0..rooms {
        hall.join(room, sender)?;
        for _ in 0..receivers {
            hall.join(room, receiver)?;
        }
    }
    hall.wait()?;
    carry(&mut hall, packets / 10, rooms, receivers)?;
    let (cpu, begun) = (hall.server.cpu_seconds()?, Instant::now());
    let (moved, lost) = carry(&mut hall, packets, rooms, receivers)?;
    let (seconds, core_seconds) = (begun.elapsed().as_secs_f64(), hall.server.cpu_seconds()? - cpu);
    let mut measured = Measurement::new("sfu", Subject::Node).with_work(moved, seconds, core_seconds);
    measured.round = Some(round);
    measured.frame_bytes = Some(PAYLOAD_BYTES as u64);
    measured.rss_bytes = Some(hall.server.rss_bytes()?);
    hall.server.stop()?;
    measured.with("rooms", rooms).with("receivers", receivers).with("bursts_lost", lost).print()
}

/// Sends bursts, each once the one before has arrived everywhere; counts what arrives.
fn carry(hall: &mut Hall, packets: u64, rooms: u8, receivers: usize) -> anyhow::Result<(u64, u64)> {
    let whole = u64::from(rooms) * receivers as u64 * BURST as u64;
    let (mut moved, mut lost, begun) = (0, 0, Instant::now());
    while moved < packets {
        hall.burst(BURST);
        let (mut came, sent_at) = (0, Instant::now());
        while came < whole && sent_at.elapsed() < LOST_AFTER {
            came += hall.turn();
        }
        lost += u64::from(came < whole);
        moved += came;
        ensure!(begun.elapsed() < crate::STALL * 4, "too little arrives: {moved} of {packets}");
    }
    Ok((moved, lost))
}

/// One speaker of 1.5 Mbit/s and 99 who watch: the node's share of a core, and how much later it arrives.
pub fn speaker(scale: &Scale) -> anyhow::Result<()> {
    for round in 1..=scale.rounds {
        let mut hall = Hall::open()?;
        let sender = Shape { sends_audio: false, layers: 1, videos_in: 0, voices_in: 0, reads: Reads::Counts };
        let receiver = Shape { layers: 0, videos_in: 1, ..sender };
        hall.join(1, sender)?;
        hall.join(1, Shape { reads: Reads::Opens, ..receiver })?;
        for _ in 0..98 {
            hall.join(1, receiver)?;
        }
        hall.wait()?;
        let frame = Duration::from_nanos(1_000_000_000 / 30);
        // 1.5 Mbit/s: 187.5 packets a second, 6.25 a frame.
        show(&mut hall, frame, Duration::from_secs(2))?;
        hall.peers[1].delays = Latencies::default();
        let (cpu, begun) = (hall.server.cpu_seconds()?, Instant::now());
        let moved = show(&mut hall, frame, Duration::from_secs(if scale.is_tiny { 2 } else { 15 }))?;
        let (seconds, core_seconds) = (begun.elapsed().as_secs_f64(), hall.server.cpu_seconds()? - cpu);
        let mut delays = std::mem::take(&mut hall.peers[1].delays);
        let mut measured = Measurement::new("sfu-speaker", Subject::Node)
            .with_work(moved, seconds, core_seconds)
            .with_latencies(&mut delays)
            .with("cores", rounded(core_seconds / seconds));
        measured.round = Some(round);
        measured.rss_bytes = Some(hall.server.rss_bytes()?);
        hall.server.stop()?;
        measured.print()?;
    }
    Ok(())
}

fn show(hall: &mut Hall, frame: Duration, long: Duration) -> anyhow::Result<u64> {
    let begun = Instant::now();
    let (mut moved, mut frames) = (0, 0u32);
    while begun.elapsed() < long {
        if begun.elapsed() >= frame * frames {
            frames += 1;
            hall.burst(if frames % 4 == 0 { 7 } else { 6 });
        }
        moved += hall.turn();
    }
    Ok(moved)
}

/// Twenty-five people who all see and hear each other: what the node holds for them.
pub fn memory(scale: &Scale) -> anyhow::Result<()> {
    let people = if scale.is_tiny { 5 } else { 25 };
    let mut hall = Hall::open()?;
    let idle = hall.server.rss_bytes()?;
    let shape = Shape { sends_audio: true, layers: 3, videos_in: people - 1, voices_in: 16, reads: Reads::Counts };
    for _ in 0..people {
        hall.join(1, shape)?;
    }
    hall.wait()?;
    let connected = hall.server.rss_bytes()?;
    let (begun, cpu) = (Instant::now(), hall.server.cpu_seconds()?);
    let long = Duration::from_secs(if scale.is_tiny { 2 } else { 20 });
    let (mut frames, mut voices, mut moved) = (0u32, 0u32, 0);
    while begun.elapsed() < long {
        let (now, start) = (Instant::now(), hall.begun);
        if begun.elapsed() >= Duration::from_millis(100) * frames {
            frames += 1;
            hall.burst(2);
        }
        if begun.elapsed() >= Duration::from_millis(20) * voices {
            voices += 1;
            hall.peers.iter_mut().for_each(|peer| peer.voice(now, start));
        }
        moved += hall.turn();
    }
    let (seconds, core_seconds) = (begun.elapsed().as_secs_f64(), hall.server.cpu_seconds()? - cpu);
    let rss = hall.server.rss_bytes()?;
    let mut measured = Measurement::new("sfu-memory", Subject::Node)
        .with_work(moved, seconds, core_seconds)
        .with("people", people)
        .with("connected_growth_bytes", connected.saturating_sub(idle))
        .with("growth_bytes", rss.saturating_sub(idle));
    measured.rss_bytes = Some(rss);
    hall.server.stop()?;
    measured.print()
}
