//! Rooms under virtual time: people with real WebRTC stacks over a network that loses, delays, reorders; people who come
//! late, stall, flood and lie.

#![allow(clippy::unwrap_used, reason = "a test says with a panic what it found")]

use bytes::Bytes;
use calls::room::{RoomPolicy, RoomRefusal, Rooms};
use core::net::SocketAddr;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use std::collections::HashMap;
use std::time::{Duration, Instant};
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, KeyframeRequestKind, MediaKind, Mid, Rid, Simulcast, SimulcastLayer};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use wire::id::{RoomHost, RoomMember};
use wire::room::{
    ROOM_CHANNEL, RoomAsk, RoomDoes, RoomHostKey, RoomKey, RoomPerson, RoomSay, RoomSlot, RoomTell, RoomTold,
};

const NODE: &str = "93.184.216.34:7440";
const LAYERS: [&str; 3] = ["0", "1", "2"];

fn host_key() -> RoomKey {
    RoomKey { member: RoomMember([1; 32]), host: RoomHostKey::Host(RoomHost([2; 32])) }
}

fn member_key() -> RoomKey {
    RoomKey { member: RoomMember([1; 32]), host: RoomHostKey::Hash(RoomHost([2; 32]).hash()) }
}

/// What a media of a client got: whose packet it was by its content, numbered by the receiver's stack.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Got {
    mid: Mid,
    seq: u64,
    payload: Vec<u8>,
}

struct Client {
    rtc: Rtc,
    address: SocketAddr,
    audio: Mid,
    video: Mid,
    videos_in: Vec<Mid>,
    channel: Option<ChannelId>,
    is_connected: bool,
    got: Vec<Got>,
    tells: Vec<RoomTell>,
    key_frames: Vec<Option<Rid>>,
    seqs: HashMap<(Mid, Option<Rid>), u64>,
    picture: u16,
    /// Neither hears nor says anything.
    is_stalled: bool,
    is_gone: bool,
}

struct Packet {
    at: Instant,
    nth: u64,
    from: SocketAddr,
    to: SocketAddr,
    bytes: Vec<u8>,
}

struct World {
    start: Instant,
    now: Instant,
    rooms: Rooms,
    clients: Vec<Client>,
    wire: Vec<Packet>,
    random: ChaCha8Rng,
    /// Of a thousand packets, how many are lost.
    loss: u32,
    /// Milliseconds of delay at most.
    jitter_ms: u64,
    count: u64,
}

impl World {
    fn new(policy: RoomPolicy) -> Self {
        let start = Instant::now();
        let rooms = Rooms::new(start, policy, vec![NODE.parse().unwrap()]).unwrap();
        let random = ChaCha8Rng::seed_from_u64(7);
        let (clients, wire) = (Vec::new(), Vec::new());
        Self { start, now: start, rooms, clients, wire, random, loss: 0, jitter_ms: 0, count: 0 }
    }

    fn ask(&mut self, key: RoomKey, does: RoomDoes) -> Result<RoomTold, RoomRefusal> {
        self.rooms.ask(self.now, RoomAsk { key, does })
    }

    fn join(&mut self, videos: usize, resume: u8) -> Result<(usize, u32), RoomRefusal> {
        let at = self.clients.len();
        let address: SocketAddr = format!("198.51.100.{}:{}", 1 + at % 250, 4_000 + at).parse().unwrap();
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(self.now);
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).unwrap());
        let mut change = rtc.sdp_api();
        let audio = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        let mut simulcast = Simulcast::new();
        LAYERS.iter().for_each(|rid| simulcast.add_send_layer(SimulcastLayer::new(rid)));
        let video = change.add_media(MediaKind::Video, Direction::SendOnly, None, None, Some(simulcast));
        let mut recv = |kind| change.add_media(kind, Direction::RecvOnly, None, None, None);
        let videos_in: Vec<Mid> = (0..videos).map(|_| recv(MediaKind::Video)).collect();
        for _ in 0..3 {
            recv(MediaKind::Audio);
        }
        change.add_channel(ROOM_CHANNEL.to_owned());
        let (offer, pending) = change.apply().unwrap();
        let label = Bytes::from(vec![at as u8; 8]);
        let does = RoomDoes::Join { sdp: offer.to_sdp_string(), label, resume: [resume; 16] };
        let told = self.ask(member_key(), does)?;
        let answer = str0m::change::SdpAnswer::from_sdp_string(&told.sdp).unwrap();
        rtc.sdp_api().accept_answer(pending, answer).unwrap();
        self.clients.push(Client {
            rtc,
            address,
            audio,
            video,
            videos_in,
            channel: None,
            is_connected: false,
            got: Vec::new(),
            tells: Vec::new(),
            key_frames: Vec::new(),
            seqs: HashMap::new(),
            picture: 0,
            is_stalled: false,
            is_gone: false,
        });
        self.drain(at);
        Ok((at, told.own))
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        if self.random.next_u32() % 1_000 < self.loss {
            return;
        }
        let delay = 1 + if self.jitter_ms > 0 { u64::from(self.random.next_u32()) % self.jitter_ms } else { 0 };
        self.count += 1;
        let packet = Packet { at: self.now + Duration::from_millis(delay), nth: self.count, from, to, bytes };
        self.wire.push(packet);
    }

    fn drain(&mut self, at: usize) {
        loop {
            let client = &mut self.clients[at];
            let from = client.address;
            match client.rtc.poll_output() {
                Err(_) => client.is_gone = true,
                Ok(Output::Timeout(_)) => return,
                Ok(Output::Transmit(transmit)) if !client.is_stalled => {
                    self.send(from, transmit.destination, transmit.contents.into());
                }
                Ok(Output::Transmit(_)) => {}
                Ok(Output::Event(event)) => client.note(event),
            }
            if self.clients[at].is_gone {
                return;
            }
        }
    }

    /// Lets a millisecond pass.
    fn step(&mut self) {
        self.now += Duration::from_millis(1);
        let now = self.now;
        let (mut due, later): (Vec<Packet>, Vec<Packet>) =
            std::mem::take(&mut self.wire).into_iter().partition(|packet| packet.at <= now);
        self.wire = later;
        due.sort_by_key(|packet| (packet.at, packet.nth));
        for packet in due {
            if packet.to == NODE.parse().unwrap() {
                self.rooms.take(now, packet.from, &packet.bytes);
                continue;
            }
            let Some(at) = self.clients.iter().position(|client| client.address == packet.to && !client.is_gone) else {
                continue;
            };
            if self.clients[at].is_stalled {
                continue;
            }
            if let Ok(received) = Receive::new(Protocol::Udp, packet.from, packet.to, &packet.bytes) {
                let _ = self.clients[at].rtc.handle_input(Input::Receive(now, received));
                self.drain(at);
            }
        }
        for at in 0..self.clients.len() {
            if !self.clients[at].is_gone {
                let _ = self.clients[at].rtc.handle_input(Input::Timeout(now));
                self.drain(at);
            }
        }
        self.rooms.flush(now);
        let mut sent = Vec::new();
        self.rooms.drain_sent(|datagram| sent.push(datagram));
        for datagram in sent {
            self.send(NODE.parse().unwrap(), datagram.to, datagram.bytes);
        }
    }

    fn run(&mut self, ms: u64) {
        (0..ms).for_each(|_| self.step());
    }

    fn until(&mut self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        for _ in 0..40_000 {
            if is_so(self) {
                return;
            }
            self.step();
        }
        panic!("never: {what}");
    }

    /// People who joined and are connected, with their channels open.
    fn crowd(&mut self, count: usize, videos: usize) {
        for nth in 0..count {
            self.join(videos, nth as u8).unwrap();
        }
        self.until("all connected", |world| world.clients.iter().all(|it| it.is_connected && it.channel.is_some()));
    }

    /// Sends one packet of video in a layer; its sealed part says whose it is.
    fn video(&mut self, at: usize, layer: usize, is_key: bool, nth: u32) -> Vec<u8> {
        let client = &mut self.clients[at];
        client.picture = (client.picture + 1) & 0x7FFF;
        let mut payload = vec![0x90, 0x80, 0x80 | (client.picture >> 8) as u8, client.picture as u8];
        payload.push(u8::from(!is_key));
        payload.extend_from_slice(&[at as u8, layer as u8]);
        payload.extend_from_slice(&nth.to_be_bytes());
        payload.resize(900, at as u8 ^ 0x5A);
        let mid = client.video;
        client.write(self.now, mid, Some(Rid::from(LAYERS[layer])), Codec::Vp8, &payload);
        self.drain(at);
        payload
    }

    fn audio(&mut self, at: usize, nth: u32) {
        let mut payload = vec![at as u8; 80];
        payload[1..5].copy_from_slice(&nth.to_be_bytes());
        let client = &mut self.clients[at];
        let mid = client.audio;
        client.write(self.now, mid, None, Codec::Opus, &payload);
        self.drain(at);
    }

    /// Everybody in `senders` sends voice, and video in all layers, for so long; key frames as they are asked for.
    fn talk(&mut self, senders: &[usize], ms: u64) {
        let begun = self.now.duration_since(self.start).as_millis() as u32;
        for tick in 0..ms {
            let nth = begun + tick as u32;
            if tick % 20 == 0 {
                senders.iter().for_each(|at| self.audio(*at, nth));
            }
            if tick % 33 == 0 {
                for at in senders {
                    for (layer, name) in LAYERS.iter().enumerate() {
                        let rid = Some(Rid::from(*name));
                        let asked = &mut self.clients[*at].key_frames;
                        let before = asked.len();
                        asked.retain(|asked| *asked != rid);
                        let is_key = asked.len() < before;
                        self.video(*at, layer, is_key, nth);
                    }
                }
            }
            self.step();
        }
    }
}

impl Client {
    fn note(&mut self, event: Event) {
        match event {
            Event::Connected => self.is_connected = true,
            Event::ChannelOpen(id, _) => self.channel = Some(id),
            Event::ChannelData(data) => self.tells.push(RoomTell::parse(&data.data).unwrap()),
            Event::KeyframeRequest(request) => self.key_frames.push(request.rid),
            Event::Closed => self.is_gone = true,
            Event::RtpPacket(packet) => {
                let mid = self.rtc.direct_api().stream_rx(&packet.header.ssrc).unwrap().mid();
                self.got.push(Got { mid, seq: *packet.seq_no, payload: packet.payload.to_vec() });
            }
            _ => {}
        }
    }

    fn write(&mut self, now: Instant, mid: Mid, rid: Option<Rid>, codec: Codec, payload: &[u8]) {
        let params = self.rtc.codec_config().find(|params| params.spec().codec == codec).unwrap();
        let pt = params.pt();
        let seq = self.seqs.entry((mid, rid)).or_insert(100);
        *seq += 1;
        let time = (*seq as u32).wrapping_mul(3_000);
        let write = RtpWrite::new(pt, (*seq).into(), time, now, payload).marker(true).nackable(codec.is_video());
        self.rtc.direct_api().stream_tx_by_mid(mid, rid).unwrap().write_rtp(write);
    }

    fn say(&mut self, want: Vec<RoomSlot>) {
        self.say_bytes(&RoomSay { want }.encode());
    }

    fn say_bytes(&mut self, bytes: &[u8]) {
        let id = self.channel.unwrap();
        assert!(self.rtc.channel(id).unwrap().write(true, bytes).unwrap());
    }

    fn ask_for_key_frame(&mut self, mid: Mid) {
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, None) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Video packets of somebody in a layer, by their numbers.
    fn video_of(&self, person: usize) -> Vec<(u8, u32, u64)> {
        let is_video = |got: &&Got| got.payload.len() == 900 && got.payload[5] == person as u8;
        let number = |got: &Got| u32::from_be_bytes(got.payload[7..11].try_into().unwrap());
        self.got.iter().filter(is_video).map(|got| (got.payload[6], number(got), got.seq)).collect()
    }

    fn voices_of(&self, person: usize) -> usize {
        self.got.iter().filter(|got| got.payload.len() == 80 && got.payload[0] == person as u8).count()
    }
}

fn people(told: &[RoomPerson]) -> Vec<u32> {
    told.iter().map(|person| person.number).collect()
}

#[test]
fn three_people_get_each_others_sealed_bytes_unchanged_and_in_order() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(3, 4);
    world.talk(&[0, 1, 2], 3_000);
    world.run(200);
    for at in 0..3 {
        for other in (0..3).filter(|other| *other != at) {
            let client = &world.clients[at];
            let got = client.video_of(other);
            assert!(got.len() > 60, "{at} got {} packets of {other}", got.len());
            assert!(client.voices_of(other) > 100, "{at} heard {} of {other}", client.voices_of(other));
            let is_whole = |got: &&Got| got.payload.len() == 900 && got.payload[5] == other as u8;
            for packet in client.got.iter().filter(is_whole) {
                assert!(packet.payload[11..].iter().all(|byte| *byte == other as u8 ^ 0x5A));
            }
        }
        assert!(world.clients[at].video_of(at).is_empty(), "nobody sees themselves");
        // What one media gets has numbers without a gap and without a double, across switches of layers.
        for mid in &world.clients[at].videos_in {
            let mut seqs: Vec<u64> =
                world.clients[at].got.iter().filter(|got| got.mid == *mid).map(|got| got.seq).collect();
            seqs.sort_unstable();
            assert!(seqs.windows(2).all(|two| two[1] == two[0] + 1), "{at}: {seqs:?}");
        }
        let last = world.clients[at].tells.last().unwrap();
        assert_eq!(people(&last.people), [1, 2, 3]);
        assert_eq!(last.slots.len(), 4, "two faces, two voices: {:?}", last.slots);
    }
    let counts = world.rooms.counts();
    assert_eq!((counts.rooms, counts.people, counts.dropped), (1, 3, 0));
}

#[test]
fn whoever_comes_late_begins_with_a_key_frame_and_soon() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(2, 2);
    world.talk(&[0, 1], 1_000);
    let (late, _) = world.join(2, 9).unwrap();
    world.until("connected", |world| world.clients[late].is_connected);
    world.talk(&[0, 1], 700);
    for other in [0, 1] {
        let first = world.clients[late].got.iter().find(|got| got.payload.len() == 900 && got.payload[5] == other);
        assert_eq!(first.expect("a picture within 700 ms").payload[4], 0, "a key frame");
    }
}

#[test]
fn what_the_network_loses_and_mixes_up_is_sent_again() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(2, 1);
    world.talk(&[0], 2_000);
    (world.loss, world.jitter_ms) = (30, 20);
    let from = world.clients[1].got.len();
    world.talk(&[0], 6_000);
    (world.loss, world.jitter_ms) = (0, 0);
    world.talk(&[0], 1_500);
    let mut seqs: Vec<u64> =
        world.clients[1].got[from..].iter().filter(|got| got.payload.len() == 900).map(|got| got.seq).collect();
    seqs.sort_unstable();
    seqs.dedup();
    let missing = seqs.last().unwrap() - seqs[0] + 1 - seqs.len() as u64;
    assert!(seqs.len() > 150 && missing * 100 <= seqs.len() as u64, "{missing} of {} are missing", seqs.len());
}

#[test]
fn a_storm_of_requests_for_key_frames_is_one_now_and_then() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(8, 1);
    world.talk(&[0], 1_000);
    world.clients[0].key_frames.clear();
    for tick in 0..3_000 {
        if tick % 33 == 0 {
            (0..3).for_each(|layer| drop(world.video(0, layer, false, tick)));
        }
        for at in 1..8 {
            let mid = world.clients[at].videos_in[0];
            world.clients[at].ask_for_key_frame(mid);
        }
        world.step();
    }
    let asked = world.clients[0].key_frames.len();
    assert!((3..=24).contains(&asked), "{asked} requests came to the sender in 3 s");
}

#[test]
fn who_wants_less_gets_less() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(2, 2);
    let mid = world.clients[1].videos_in[1];
    world.clients[1].say(vec![RoomSlot { mid: mid.to_string(), person: 1, source: 0, layer: 0 }]);
    world.run(200);
    world.talk(&[0], 2_000);
    let got = world.clients[1].video_of(0);
    assert!(got.len() > 30 && got.iter().all(|(layer, ..)| *layer == 0), "{got:?}");
    assert!(world.clients[1].got.iter().all(|got| got.payload.len() != 900 || got.mid == mid));
    world.clients[1].say(Vec::new());
    world.run(300);
    let before = world.clients[1].video_of(0).len();
    world.talk(&[0], 500);
    assert_eq!(world.clients[1].video_of(0).len(), before, "who wants nothing sees nothing");
}

#[test]
fn who_stalls_disturbs_nobody_and_is_out_after_a_while() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(3, 2);
    world.talk(&[0, 1, 2], 1_000);
    world.clients[2].is_stalled = true;
    let before = world.clients[1].video_of(0).len();
    world.talk(&[0, 1], 6_000);
    let sent = world.rooms.counts().packets_out;
    assert!(world.clients[1].video_of(0).len() >= before + 170, "{}", world.clients[1].video_of(0).len() - before);
    world.talk(&[0, 1], 1_000);
    // One other is left to send to: 30 pictures and 50 packets of voice a second, both ways.
    assert!(world.rooms.counts().packets_out - sent <= 2 * 85, "the silent one still gets packets");
    world.until("out", |world| world.rooms.counts().people == 2);
}

#[test]
fn who_floods_is_held_to_a_budget_and_others_are_not() {
    let policy = RoomPolicy { person_packets_per_s: 500, ..RoomPolicy::default() };
    let mut world = World::new(policy);
    world.crowd(3, 2);
    let before = world.clients[1].video_of(0).len();
    for round in 0..30 {
        for nth in 0..1_000 {
            world.video(2, 0, nth == 0, nth);
        }
        // The flood is many times what one person may send; the others talk on.
        world.talk(&[0, 1], 100);
        assert!(round < 30);
    }
    assert!(world.rooms.counts().dropped > 10_000, "{:?}", world.rooms.counts());
    assert!(world.clients[1].video_of(0).len() >= before + 70, "{}", world.clients[1].video_of(0).len() - before);
}

#[test]
fn who_comes_again_takes_their_own_place() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(2, 2);
    world.clients[1].is_stalled = true;
    let (again, number) = world.join(2, 1).unwrap();
    assert_eq!((number, world.rooms.counts().people), (3, 2));
    world.until("connected", |world| world.clients[again].is_connected && world.clients[again].channel.is_some());
    world.talk(&[0], 1_500);
    assert!(world.clients[again].video_of(0).len() > 20);
    assert_eq!(people(&world.clients[0].tells.last().unwrap().people), [1, 3]);
}

#[test]
fn rooms_have_bounds_hosts_and_an_end() {
    let mut world = World::new(RoomPolicy { people_max: 2, rooms_max: 1, ..RoomPolicy::default() });
    world.crowd(2, 1);
    assert_eq!(world.join(1, 77), Err(RoomRefusal::Full));
    let told = world.ask(member_key(), RoomDoes::Look).unwrap();
    assert_eq!((people(&told.people), told.own, told.sdp.as_str()), (vec![1, 2], 0, ""));
    let elsewhere = RoomKey { member: RoomMember([9; 32]), ..member_key() };
    assert!(world.ask(elsewhere.clone(), RoomDoes::Look).unwrap().people.is_empty());
    let sdp = String::from("v=0\r\n");
    let join = RoomDoes::Join { sdp, label: Bytes::new(), resume: [5; 16] };
    assert_eq!(world.ask(elsewhere, join.clone()), Err(RoomRefusal::Full), "one room at most");
    assert_eq!(world.ask(member_key(), RoomDoes::End), Err(RoomRefusal::Denied));
    assert_eq!(world.ask(member_key(), RoomDoes::Remove { person: 1 }), Err(RoomRefusal::Denied));
    let told = world.ask(host_key(), RoomDoes::Remove { person: 1 }).unwrap();
    assert_eq!(people(&told.people), [2]);
    assert_eq!(world.ask(member_key(), join.clone()), Err(RoomRefusal::Malformed));
    world.ask(host_key(), RoomDoes::End).unwrap();
    assert_eq!((world.rooms.counts().rooms, world.rooms.counts().people), (0, 0));
    assert_eq!(world.ask(member_key(), join), Err(RoomRefusal::Ended));
    world.run(50);
    assert!(world.clients[1].is_gone, "it was told");
}

#[test]
fn a_room_is_gone_with_its_last_person() {
    let mut world = World::new(RoomPolicy::default());
    world.join(1, 0).unwrap();
    assert_eq!(world.rooms.counts().rooms, 1);
    world.clients[0].is_stalled = true;
    world.until("gone, never having connected", |world| world.rooms.counts().rooms == 0);
}

#[test]
fn what_no_client_says_ends_the_one_who_says_it_and_nobody_else() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(3, 1);
    world.clients[0].say_bytes(&[0xFF; 40]);
    (0..100).for_each(|_| world.clients[1].say(Vec::new()));
    world.run(300);
    let counts = world.rooms.counts();
    assert_eq!(counts.people, 1, "one lied, one said too much");
    assert!(!world.clients[2].is_gone);
}

#[test]
fn broken_datagrams_change_nothing() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(3, 2);
    let from = world.clients[2].address;
    let before = world.clients[1].video_of(0).len();
    for round in 0..60 {
        let seen: Vec<Vec<u8>> = world.wire.iter().map(|packet| packet.bytes.clone()).collect();
        for mut bytes in seen.into_iter().chain([vec![0; 20], vec![0x80; 12], vec![0x16, 0xFE, 0xFD], Vec::new()]) {
            for _ in 0..3 {
                let length = bytes.len().max(1) as u32;
                if let Some(byte) = bytes.get_mut((world.random.next_u32() % length) as usize) {
                    *byte = world.random.next_u32() as u8;
                }
                world.rooms.take(world.now, from, &bytes);
                let half = bytes.len() / 2;
                world.rooms.take(world.now, from, &bytes[..half]);
            }
        }
        world.talk(&[0, 1], 50);
        assert!(round < 60);
    }
    assert_eq!(world.rooms.counts().people, 3);
    assert!(world.clients[1].video_of(0).len() >= before + 60);
}

#[test]
fn what_is_not_for_a_room_is_left_to_others() {
    let mut world = World::new(RoomPolicy::default());
    world.crowd(1, 1);
    let stranger: SocketAddr = "203.0.113.9:9".parse().unwrap();
    for datagram in [&[0x80, 96, 0, 1][..], &[22, 254, 253], &[0x40, 0, 0, 0], &[0, 1, 0, 0], &[]] {
        assert!(!world.rooms.take(world.now, stranger, datagram));
    }
}
