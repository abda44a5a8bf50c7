//! Calls: sealed frames from whoever is on the way; STUN and TURN from whoever finds the port.

use crate::Seed;
use ::calls::room::{RoomPolicy, Rooms};
use ::calls::sframe::{BaseKey, Codec, Header, Receiver, Sender, StreamId, Suite};
use ::calls::stun::{Class, LongTermKey, Message, Method, TransactionId, Writer, attribute};
use ::calls::turn::{Client, CredentialSecret, Effect, Link, Opened, Policy, Table, Verdict};
use ::wire::room::{RoomAsk, RoomDoes, RoomHostKey, RoomKey, RoomPerson, RoomSay, RoomSlot, RoomTell};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// An offer of a voice, a video in three layers, one of each to receive, and a data channel.
const OFFER: &str = include_str!("offer.sdp");
const FRAME: &[u8] = b"\x11\x02\x03 a frame of a camera";

fn key() -> BaseKey {
    BaseKey::new(Suite::Aes256Gcm, &[7; 32]).expect("32 bytes")
}

fn sealed() -> Vec<u8> {
    let mut sender = Sender::new(Suite::Aes256Gcm);
    sender.enter(300, 700, &key()).expect("the first epoch");
    let mut sealed = Vec::new();
    sender.seal_frame(Codec::Vp8, 1, FRAME, &mut sealed).expect("short");
    sealed
}

/// A header reads as what would be written, or not at all.
pub fn header(bytes: &[u8]) -> bool {
    let Ok((header, length)) = Header::parse(bytes) else { return false };
    assert!(header.encode().as_bytes() == &bytes[..length], "a header has one encoding");
    true
}

/// A frame opens only if it is the one that was sealed, and once.
pub fn frame(bytes: &[u8]) -> bool {
    let mut receiver = Receiver::new(Suite::Aes256Gcm);
    receiver.enter(0, 300, &key(), &[]).expect("the first epoch");
    let stream = StreamId::new(700, 1).expect("in range");
    let mut open = || {
        let mut frame = bytes.to_vec();
        receiver.open_frame(0, Codec::Vp8, stream, &mut frame).map(|()| frame)
    };
    let Ok(opened) = open() else { return false };
    assert!(bytes == sealed() && opened == FRAME, "a frame opens that was not sealed");
    assert!(open().is_err(), "a frame opens twice");
    true
}

/// Headers of each form.
pub fn header_seeds() -> Vec<Seed> {
    let of = |name, key_id, counter| Seed::new(name, Header { key_id, counter }.encode().as_bytes().to_vec());
    vec![of("inline", 7, 7), of("short", 8, 300), of("long", u64::MAX, u64::MAX), of("mixed", 3, 1 << 40)]
}

/// A frame.
pub fn frame_seeds() -> Vec<Seed> {
    vec![Seed::new("sealed", sealed())]
}

/// What is said on the data channel of a room comes back as it was, or is not taken.
pub fn room_channel(bytes: &[u8]) -> bool {
    let say = RoomSay::parse(bytes);
    let tell = RoomTell::parse(bytes);
    if let Ok(say) = &say {
        assert_eq!(RoomSay::parse(&say.clone().encode()).as_ref(), Ok(say));
    }
    if let Ok(tell) = &tell {
        assert_eq!(RoomTell::parse(&tell.clone().encode()).as_ref(), Ok(tell));
    }
    say.is_ok_and(|say| !say.want.is_empty()) || tell.is_ok_and(|tell| !tell.slots.is_empty())
}

/// An offer makes a person of a room, or is refused; datagrams that follow harm nobody.
pub fn room_offer(bytes: &[u8]) -> bool {
    let sdp = String::from_utf8_lossy(bytes).into_owned();
    let start = Instant::now();
    let rooms = Rooms::new(start, RoomPolicy::default(), vec![at(7_440)]);
    let mut rooms = rooms.expect("a certificate");
    let host = RoomHostKey::Hash(::wire::id::Hash([2; 32]));
    let key = RoomKey { member: ::wire::id::RoomMember([1; 32]), host };
    let does = RoomDoes::Join { sdp, label: bytes::Bytes::new(), resume: [3; 16] };
    let is_in = rooms.ask(start, RoomAsk { key, does }).is_ok();
    for (nth, datagram) in bytes.chunks(100).enumerate().take(20) {
        rooms.take(start + Duration::from_millis(nth as u64), at(9), datagram);
    }
    rooms.flush(start + Duration::from_secs(1));
    assert_eq!(rooms.counts().people, usize::from(is_in));
    is_in
}

/// A wish and a list.
pub fn room_channel_seeds() -> Vec<Seed> {
    let slot = RoomSlot { mid: "7".into(), person: 300, source: 1, layer: 2 };
    let person = RoomPerson { number: 300, label: vec![9; 20].into() };
    let tell = RoomTell { people: vec![person], slots: vec![slot.clone()] };
    vec![Seed::new("say", RoomSay { want: vec![slot] }.encode()), Seed::new("tell", tell.encode())]
}

/// An offer as a client of a room makes it.
pub fn room_offer_seeds() -> Vec<Seed> {
    vec![Seed::new("offer", OFFER.as_bytes().to_vec())]
}

const NOW_MS: u64 = 1_000_000;
const REALM: &str = "fuzz";

/// A message reads without harm, and none is authentic by chance.
pub fn stun(bytes: &[u8]) -> bool {
    let Ok(message) = Message::parse(bytes) else { return false };
    let key = LongTermKey::derive(b"user", REALM.as_bytes(), &[0xA5; 32]);
    assert!(!message.is_authentic(&key), "nobody has this key");
    assert!(message.peers().count() <= 16 && message.unknown().len() <= 8);
    message.is_fingerprint_right()
}

fn at(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn client() -> Client {
    Client { address: at(7), link: Link::Udp }
}

fn table() -> Table {
    let own = vec![at(0).ip()];
    Table::new(NOW_MS, Policy::default(), REALM.into(), CredentialSecret::new(&[6; 32]), own, [7; 32])
}

/// Packets of clients and peers in any order: a table answers some, and relays only what was permitted.
pub fn turn(bytes: &[u8]) -> bool {
    let (mut table, mut rest, mut now_ms, mut has_answered) = (table(), bytes, NOW_MS, false);
    while let [high, low, more @ ..] = rest {
        // The first bit says who sent it, the next four how much later, the rest how long it is.
        let head = u16::from_be_bytes([*high, *low]);
        now_ms += u64::from(head >> 11 & 0xF) * 40_000;
        let (packet, after) = more.split_at(more.len().min(usize::from(head & 0x7FF)));
        rest = after;
        if head & 0x8000 != 0 {
            table.from_peer(now_ms, ::calls::turn::RelayId(2), SocketAddr::from(([8, 8, 8, 8], 5)), packet.len());
            continue;
        }
        match table.from_client(now_ms, client(), packet) {
            Verdict::Answer(answer) => has_answered |= Message::parse(&answer).is_ok(),
            Verdict::Relay { payload, peer, .. } => {
                assert!(payload.end <= packet.len() && ::calls::turn::policy::is_public(&peer.ip()));
            }
            Verdict::Forward { payload, .. } => assert!(payload.end <= packet.len()),
            Verdict::Nothing | Verdict::End => {}
        }
        for _ in 0..2 {
            for effect in table.take_effects() {
                let Effect::Open { relay, next, .. } = effect else { continue };
                let opened = Opened { address: at(50_000), next: next.map(|_| at(50_001)) };
                let answer = table.opened(now_ms, relay, Some(opened));
                has_answered |= answer.is_some_and(|answer| Message::parse(&answer.bytes).is_ok());
            }
        }
        table.tick(now_ms);
    }
    has_answered
}

fn binding() -> Writer {
    Writer::new(Class::Request, Method::Binding, TransactionId([1; 12]))
}

/// A request as a browser has it, and an answer.
pub fn stun_seeds() -> Vec<Seed> {
    let peer = "[2606:4700::1]:9".parse().expect("an address");
    let answer = Writer::new(Class::Success, Method::Allocate, TransactionId([2; 12]))
        .put_address(attribute::XOR_RELAYED_ADDRESS, &peer)
        .put_u32(attribute::LIFETIME, 600)
        .put(attribute::RESERVATION_TOKEN, &[3; 8]);
    vec![Seed::new("binding", binding().finish_with_fingerprint()), Seed::new("allocated", answer.finish())]
}

/// A client that asks where it is, gets an allocation, permits a peer, binds a channel and sends.
pub fn turn_seeds() -> Vec<Seed> {
    let credential = CredentialSecret::new(&[6; 32]).issue(NOW_MS, [8; 12]);
    let (name, password) = (credential.username.as_bytes(), credential.password.as_bytes());
    let key = LongTermKey::derive(name, REALM.as_bytes(), password);
    let open = Writer::new(Class::Request, Method::Allocate, TransactionId([4; 12])).finish();
    let Verdict::Answer(refusal) = table().from_client(NOW_MS, client(), &open) else { return Vec::new() };
    let nonce = Message::parse(&refusal).ok().and_then(|refusal| refusal.nonce.map(<[u8]>::to_vec)).unwrap_or_default();
    let signed = |method, number: u8| {
        Writer::new(Class::Request, method, TransactionId([number; 12]))
            .put(attribute::USERNAME, name)
            .put(attribute::REALM, REALM.as_bytes())
            .put(attribute::NONCE, &nonce)
    };
    let peer = SocketAddr::from(([8, 8, 8, 8], 5));
    let packets = [
        binding().finish(),
        signed(Method::Allocate, 5).put(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]).finish_with(&key),
        signed(Method::CreatePermission, 6).put_address(attribute::XOR_PEER_ADDRESS, &peer).finish_with(&key),
        signed(Method::ChannelBind, 7)
            .put_u32(attribute::CHANNEL_NUMBER, 0x4000_0000)
            .put_address(attribute::XOR_PEER_ADDRESS, &peer)
            .finish_with(&key),
        b"\x40\x00\x00\x02hi".to_vec(),
        signed(Method::Refresh, 8).put_u32(attribute::LIFETIME, 0).finish_with(&key),
    ];
    let framed = packets.iter().flat_map(|packet| [&(packet.len() as u16).to_be_bytes()[..], packet].concat());
    vec![
        Seed::new("binding", [&20_u16.to_be_bytes()[..], &packets[0]].concat()),
        Seed::new("call", framed.collect::<Vec<u8>>()),
    ]
}
