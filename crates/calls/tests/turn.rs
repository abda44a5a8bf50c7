//! A TURN table under virtual time: what clients get, what they do not, and when it ends.

#![allow(clippy::unwrap_used, reason = "a test says with a panic what it found")]

use calls::stun::{Class, LongTermKey, Message, Method, TransactionId, Writer, attribute};
use calls::turn::policy::{CHANNEL_MS, NONCE_MS, PERMISSION_MS};
use calls::turn::{Answer, Client, CredentialSecret, Effect, Link, Opened, Policy, RelayId, Table, Verdict};
use core::net::SocketAddr;
use proptest::prelude::*;

const REALM: &str = "sottovoce";
const START_MS: u64 = 1_000_000_000;
const PEER: &str = "8.8.8.8:5000";
const OWN: &str = "93.184.216.34";

fn secret() -> CredentialSecret {
    CredentialSecret::new(&[5; 32])
}

fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn udp(at: u16) -> Client {
    Client { address: SocketAddr::from(([198, 51, 100, (at >> 8) as u8], 1_000 + (at & 0xFF))), link: Link::Udp }
}

/// A table with a shell that opens every socket at once.
struct World {
    table: Table,
    now_ms: u64,
    transaction: u64,
    open: Vec<RelayId>,
    late: Vec<Answer>,
    has_sockets: bool,
}

/// One client with a credential and the nonce that it was told.
struct Phone {
    client: Client,
    username: String,
    key: LongTermKey,
    nonce: Vec<u8>,
}

impl World {
    fn new(policy: Policy) -> Self {
        let table = Table::new(START_MS, policy, REALM.into(), secret(), vec![OWN.parse().unwrap()], [9; 32]);
        Self { table, now_ms: START_MS, transaction: 0, open: Vec::new(), late: Vec::new(), has_sockets: true }
    }

    fn carry_out(&mut self) {
        for _ in 0..3 {
            for effect in self.table.take_effects() {
                self.carry_out_one(effect);
            }
        }
        assert!(self.table.take_effects().is_empty(), "effects without end");
    }

    fn carry_out_one(&mut self, effect: Effect) {
        let Effect::Open { relay, is_even, next, .. } = effect else {
            let Effect::Shut { relay } = effect else { return };
            return self.open.retain(|open| *open != relay);
        };
        let port = 40_000 + relay.0 as u16 * 2;
        assert!(!is_even || port.is_multiple_of(2));
        let at = |port: u16| SocketAddr::new(OWN.parse().unwrap(), port);
        let opened = Opened { address: at(port), next: next.map(|_| at(port + 1)) };
        if self.has_sockets {
            self.open.extend([Some(relay), next].into_iter().flatten());
        }
        let answer = self.table.opened(self.now_ms, relay, self.has_sockets.then_some(opened));
        self.late.extend(answer);
    }

    /// The answer to a packet, whenever it came.
    fn ask(&mut self, client: Client, packet: &[u8]) -> Option<Vec<u8>> {
        let verdict = self.table.from_client(self.now_ms, client, packet);
        self.carry_out();
        match verdict {
            Verdict::Answer(bytes) => Some(bytes),
            _ => self.late.pop().map(|answer| {
                assert_eq!(answer.to, client);
                answer.bytes
            }),
        }
    }

    fn transaction(&mut self) -> TransactionId {
        self.transaction += 1;
        let mut id = [0; 12];
        id[..8].copy_from_slice(&self.transaction.to_be_bytes());
        TransactionId(id)
    }

    fn phone(&mut self, at: u16, user: u8) -> Phone {
        let credential = secret().issue(START_MS / 1_000 + 86_400, [user; 12]);
        let key = LongTermKey::derive(credential.username.as_bytes(), REALM.as_bytes(), credential.password.as_bytes());
        let mut phone = Phone { client: udp(at), username: credential.username, key, nonce: Vec::new() };
        self.renew_nonce(&mut phone);
        phone
    }

    fn renew_nonce(&mut self, phone: &mut Phone) {
        let open = Writer::new(Class::Request, Method::Allocate, self.transaction()).finish();
        let answer = self.ask(phone.client, &open).unwrap();
        let answer = Message::parse(&answer).unwrap();
        assert_eq!((answer.class, answer.error_code, answer.realm), (Class::Error, Some(401), Some(REALM.as_bytes())));
        phone.nonce = answer.nonce.unwrap().to_vec();
    }

    fn signed(&mut self, phone: &Phone, method: Method, fill: impl Fn(Writer) -> Writer) -> Vec<u8> {
        let writer = Writer::new(Class::Request, method, self.transaction())
            .put(attribute::USERNAME, phone.username.as_bytes())
            .put(attribute::REALM, REALM.as_bytes())
            .put(attribute::NONCE, &phone.nonce);
        fill(writer).finish_with(&phone.key)
    }

    /// Asks with a credential; the error code, or the answer.
    fn request(&mut self, phone: &Phone, method: Method, fill: impl Fn(Writer) -> Writer) -> Result<Vec<u8>, u16> {
        let packet = self.signed(phone, method, fill);
        let answer = self.ask(phone.client, &packet).unwrap();
        let message = Message::parse(&answer).unwrap();
        assert_eq!(message.method, method);
        match message.error_code {
            Some(code) => Err(code),
            None => {
                assert!(message.is_authentic(&phone.key));
                Ok(answer)
            }
        }
    }

    fn allocate(&mut self, phone: &Phone) -> Result<SocketAddr, u16> {
        let answer = self.request(phone, Method::Allocate, with_udp)?;
        let answer = Message::parse(&answer).unwrap();
        assert_eq!(answer.mapped, Some(phone.client.address));
        Ok(answer.relayed.unwrap())
    }

    fn permit(&mut self, phone: &Phone, peers: &[&str]) -> Result<(), u16> {
        self.request(phone, Method::CreatePermission, |writer| {
            let put = |writer: Writer, peer: &&str| writer.put_address(attribute::XOR_PEER_ADDRESS, &address(peer));
            peers.iter().fold(writer, put)
        })
        .map(|_| ())
    }

    fn bind(&mut self, phone: &Phone, number: u16, peer: &str) -> Result<(), u16> {
        self.request(phone, Method::ChannelBind, |writer| {
            writer
                .put_u32(attribute::CHANNEL_NUMBER, u32::from(number) << 16)
                .put_address(attribute::XOR_PEER_ADDRESS, &address(peer))
        })
        .map(|_| ())
    }

    fn refresh(&mut self, phone: &Phone, lifetime_s: u32) -> Result<u32, u16> {
        let refresh = |writer: Writer| writer.put_u32(attribute::LIFETIME, lifetime_s);
        let answer = self.request(phone, Method::Refresh, refresh)?;
        Ok(Message::parse(&answer).unwrap().lifetime_s.unwrap())
    }

    fn send(&mut self, phone: &Phone, peer: &str, data: &[u8]) -> Verdict {
        let packet = Writer::new(Class::Indication, Method::Send, self.transaction())
            .put_address(attribute::XOR_PEER_ADDRESS, &address(peer))
            .put(attribute::DATA, data)
            .finish();
        let verdict = self.table.from_client(self.now_ms, phone.client, &packet);
        if let Verdict::Relay { payload, .. } = &verdict {
            assert_eq!(&packet[payload.clone()], data);
        }
        verdict
    }

    fn advance(&mut self, ms: u64) {
        self.now_ms += ms;
        self.table.tick(self.now_ms);
        self.carry_out();
    }
}

fn with_udp(writer: Writer) -> Writer {
    writer.put(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0])
}

fn is_relayed(verdict: &Verdict) -> bool {
    matches!(verdict, Verdict::Relay { .. } | Verdict::Forward { .. })
}

#[test]
fn binding_tells_the_address_and_needs_no_credential() {
    let mut world = World::new(Policy::default());
    let request = Writer::new(Class::Request, Method::Binding, world.transaction());
    let answer = world.ask(udp(1), &request.finish_with_fingerprint()).unwrap();
    let answer = Message::parse(&answer).unwrap();
    assert_eq!((answer.class, answer.mapped), (Class::Success, Some(udp(1).address)));
    assert!(answer.has_fingerprint() && answer.is_fingerprint_right());
    let mut broken = Writer::new(Class::Request, Method::Binding, world.transaction()).finish_with_fingerprint();
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(world.ask(udp(1), &broken), None);
}

#[test]
fn a_payload_goes_both_ways_as_an_indication_and_as_channel_data() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    world.allocate(&phone).unwrap();
    let relay = world.open[0];
    assert_eq!(world.send(&phone, PEER, b"early"), Verdict::Nothing, "no permission yet");
    assert_eq!(world.table.from_peer(world.now_ms, relay, address(PEER), 5), None);
    world.permit(&phone, &[PEER]).unwrap();
    let Verdict::Relay { relay: through, peer, .. } = world.send(&phone, PEER, b"hello") else { panic!("dropped") };
    assert_eq!((through, peer), (relay, address(PEER)));

    // Another port of a permitted address may send.
    let forward = world.table.from_peer(world.now_ms, relay, address("8.8.8.8:1"), 5).unwrap();
    let packet = [forward.head(), b"reply", &vec![0; forward.padding]].concat();
    let message = Message::parse(&packet).unwrap();
    assert_eq!((message.class, message.method), (Class::Indication, Method::Data));
    assert_eq!(message.peers().collect::<Vec<_>>(), [address("8.8.8.8:1")]);
    let (at, length) = message.data.unwrap();
    assert_eq!((&packet[at..at + length], forward.to), (&b"reply"[..], phone.client));

    world.bind(&phone, 0x4001, PEER).unwrap();
    let forward = world.table.from_peer(world.now_ms, relay, address(PEER), 5).unwrap();
    assert_eq!((forward.head(), forward.padding), (&[0x40, 1, 0, 5][..], 0));
    for packet in [&b"\x40\x01\x00\x05hello"[..], b"\x40\x01\x00\x05hello\0\0\0"] {
        let sent = world.table.from_client(world.now_ms, phone.client, packet);
        assert_eq!(sent, Verdict::Relay { relay, peer: address(PEER), payload: 4..9 });
    }
    for packet in [&b"\x40\x01\x00\x05hell"[..], b"\x40\x01\x00\x05hello\0\0\0\0", b"\x40\x02\x00\x01x", b"\x40"] {
        assert_eq!(world.table.from_client(world.now_ms, phone.client, packet), Verdict::Nothing);
    }
}

#[test]
fn two_clients_of_one_node_reach_each_other_without_a_socket() {
    let mut world = World::new(Policy::default());
    let (one, two) = (world.phone(1, 1), world.phone(2, 2));
    let (at_one, at_two) = (world.allocate(&one).unwrap(), world.allocate(&two).unwrap());
    world.permit(&one, &[&at_two.to_string()]).unwrap();
    assert_eq!(world.send(&one, &at_two.to_string(), b"hi"), Verdict::Nothing, "the other has not permitted it");
    world.bind(&two, 0x4000, &at_one.to_string()).unwrap();
    let Verdict::Forward { forward, .. } = world.send(&one, &at_two.to_string(), b"hi") else { panic!("dropped") };
    assert_eq!((forward.to, forward.head()), (two.client, &[0x40, 0, 0, 2][..]));
    let beside = SocketAddr::new(at_two.ip(), 22);
    world.permit(&one, &[&beside.to_string()]).unwrap();
    assert_eq!(world.send(&one, &beside.to_string(), b"hi"), Verdict::Nothing, "another server on this machine");
}

#[test]
fn private_and_local_peers_are_forbidden_unless_configured() {
    for peer in ["127.0.0.1:1", "10.0.0.1:1", "169.254.169.254:80", "192.168.0.1:1", "0.0.0.0:1"] {
        let mut world = World::new(Policy::default());
        let phone = world.phone(1, 1);
        world.allocate(&phone).unwrap();
        assert_eq!(world.permit(&phone, &[PEER, peer]), Err(403), "{peer}");
        assert_eq!(world.bind(&phone, 0x4000, peer), Err(403), "{peer}");
        assert!(!is_relayed(&world.send(&phone, PEER, b"x")), "a refused request permits nobody");
        let mut world = World::new(Policy { may_relay_private: true, ..Policy::default() });
        let phone = world.phone(1, 1);
        world.allocate(&phone).unwrap();
        world.permit(&phone, &[peer]).unwrap();
        assert!(is_relayed(&world.send(&phone, peer, b"x")), "{peer}");
    }
}

#[test]
fn the_rooms_of_a_node_are_reached_through_it_and_nothing_else_of_it() {
    let mut world = World::new(Policy::default());
    let (rooms, ssh) = (format!("{OWN}:7440"), format!("{OWN}:22"));
    let phone = world.phone(1, 1);
    world.allocate(&phone).unwrap();
    world.permit(&phone, &[&rooms]).unwrap();
    assert!(!is_relayed(&world.send(&phone, &rooms, b"x")), "a node without rooms");
    world.table.set_rooms(vec![address(&rooms)]);
    assert!(is_relayed(&world.send(&phone, &rooms, b"x")));
    assert!(!is_relayed(&world.send(&phone, &ssh, b"x")));
}

#[test]
fn wrong_stale_and_stolen_credentials_are_refused() {
    let mut world = World::new(Policy::default());
    let mut phone = world.phone(1, 1);
    let right = std::mem::replace(&mut phone.key, LongTermKey::derive(b"x", b"y", b"z"));
    assert_eq!(world.allocate(&phone), Err(401), "a wrong password");
    phone.key = right;
    // Whoever saw the request on the way sends it from elsewhere.
    let captured = world.signed(&phone, Method::Allocate, with_udp);
    let answer = world.ask(udp(2), &captured).unwrap();
    assert_eq!(Message::parse(&answer).unwrap().error_code, Some(438), "a nonce is for one address");
    world.allocate(&phone).unwrap();
    world.now_ms += NONCE_MS;
    assert_eq!(world.refresh(&phone, 600), Err(438), "a nonce is good for an hour");
    world.now_ms -= NONCE_MS;
    world.refresh(&phone, 3_600).unwrap();
    let other = Phone { nonce: phone.nonce.clone(), client: phone.client, ..world.phone(3, 9) };
    assert_eq!(world.refresh(&other, 0), Err(441), "another's allocation");
    world.now_ms = START_MS + 86_400_000;
    world.renew_nonce(&mut phone);
    assert_eq!(world.allocate(&phone), Err(401), "the credential is over");
}

#[test]
fn an_allocation_ends_with_its_lifetime_and_with_its_stream() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    world.allocate(&phone).unwrap();
    world.permit(&phone, &[PEER]).unwrap();
    world.advance(599_999);
    world.permit(&phone, &[PEER]).unwrap();
    assert_eq!(world.refresh(&phone, 1_000_000), Ok(3_600), "no longer than the most");
    world.advance(1_000);
    assert!(is_relayed(&world.send(&phone, PEER, b"x")));
    assert_eq!(world.refresh(&phone, 1), Ok(600), "no shorter than the least");
    world.advance(600_000);
    assert!(world.open.is_empty() && world.table.counts().allocations == 0);
    assert_eq!(world.refresh(&phone, 600), Err(437));

    world.allocate(&phone).unwrap();
    assert_eq!(world.refresh(&phone, 0), Ok(0));
    assert!(world.open.is_empty());

    let mut tcp = world.phone(1, 1);
    tcp.client.link = Link::Stream(7);
    world.renew_nonce(&mut tcp);
    world.allocate(&tcp).unwrap();
    world.table.gone(&tcp.client);
    world.carry_out();
    assert!(world.open.is_empty());
}

#[test]
fn permissions_and_channels_end_by_themselves() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    world.allocate(&phone).unwrap();
    world.bind(&phone, 0x4000, PEER).unwrap();
    let data = b"\x40\x00\x00\x01x";
    world.now_ms += PERMISSION_MS - 1;
    assert!(is_relayed(&world.table.from_client(world.now_ms, phone.client, data)));
    world.now_ms += 1;
    assert_eq!(world.table.from_client(world.now_ms, phone.client, data), Verdict::Nothing, "permission is over");
    world.permit(&phone, &[PEER]).unwrap();
    world.refresh(&phone, 3_600).unwrap();
    world.now_ms += CHANNEL_MS - PERMISSION_MS - 1;
    assert!(is_relayed(&world.table.from_client(world.now_ms, phone.client, data)));
    world.now_ms += 1;
    world.permit(&phone, &[PEER]).unwrap();
    assert_eq!(world.table.from_client(world.now_ms, phone.client, data), Verdict::Nothing, "the channel is over");
    assert_eq!(world.bind(&phone, 0x4000, "9.9.9.9:1"), Ok(()), "its number is free again");
}

#[test]
fn a_channel_has_one_peer_and_a_peer_one_channel() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    assert_eq!(world.bind(&phone, 0x4000, PEER), Err(437), "no allocation");
    world.allocate(&phone).unwrap();
    world.bind(&phone, 0x4000, PEER).unwrap();
    world.bind(&phone, 0x4000, PEER).unwrap();
    assert_eq!(world.bind(&phone, 0x4000, "8.8.8.8:1"), Err(400));
    assert_eq!(world.bind(&phone, 0x4001, PEER), Err(400));
    for number in [0x3FFF, 0x8000, 0] {
        assert_eq!(world.bind(&phone, number, "8.8.4.4:1"), Err(400), "{number:#x}");
    }
    assert_eq!(world.bind(&phone, 0x7FFF, "[2606:4700::1]:1"), Err(443));
    world.bind(&phone, 0x7FFF, "8.8.4.4:1").unwrap();
}

#[test]
fn every_limit_holds_at_its_number_and_one_past_it() {
    let policy = Policy {
        allocations_max: 4,
        allocations_per_user_max: 2,
        allocations_per_address_max: 3,
        permissions_max: 2,
        channels_max: 1,
        ..Policy::default()
    };
    let mut world = World::new(policy);
    let mut of = |at: u16, user: u8| {
        let phone = world.phone(at, user);
        world.allocate(&phone).map(|_| phone)
    };
    let phone = of(1, 1).unwrap_or_else(|code| panic!("{code}"));
    assert!(of(2, 1).is_ok());
    assert_eq!(of(3, 1).err(), Some(486), "two for a credential");
    assert!(of(3, 2).is_ok());
    assert_eq!(of(4, 2).err(), Some(486), "three for an address");
    assert!(of(0x100, 2).is_ok());
    assert_eq!(of(0x200, 3).err(), Some(508), "four in all");
    world.permit(&phone, &["8.8.8.8:1", "8.8.4.4:1"]).unwrap();
    world.permit(&phone, &["8.8.8.8:2"]).unwrap();
    assert_eq!(world.permit(&phone, &["9.9.9.9:1"]), Err(508), "two permissions");
    world.bind(&phone, 0x4000, "8.8.8.8:1").unwrap();
    assert_eq!(world.bind(&phone, 0x4001, "8.8.8.8:2"), Err(508), "one channel");
    world.refresh(&phone, 0).unwrap();
    let phone = world.phone(0x200, 3);
    assert!(world.allocate(&phone).is_ok(), "room again");
}

#[test]
fn an_allocation_relays_no_more_than_its_share_and_others_still_theirs() {
    let policy = Policy { allocation_bytes_per_s: 1_000, bytes_per_s: 2_500, ..Policy::default() };
    let mut world = World::new(policy);
    let phones: Vec<Phone> = (1..4).map(|at| world.phone(at, at as u8)).collect();
    for phone in &phones {
        world.allocate(phone).unwrap();
        world.permit(phone, &[PEER]).unwrap();
    }
    let sent =
        |world: &mut World, phone: &Phone| (0..50).filter(|_| is_relayed(&world.send(phone, PEER, &[0; 100]))).count();
    assert_eq!(sent(&mut world, &phones[0]), 20, "two seconds' worth at once");
    assert_eq!(sent(&mut world, &phones[1]), 20);
    assert_eq!(sent(&mut world, &phones[2]), 10, "what all of them may");
    world.now_ms += 1_000;
    assert_eq!(sent(&mut world, &phones[0]), 10);
    assert_eq!(world.table.counts().relayed_bytes, 6_000);
}

#[test]
fn requests_without_a_credential_are_answered_only_so_often() {
    let mut world = World::new(Policy { open_answers_per_s: 10, ..Policy::default() });
    let mut answers = 0;
    for _ in 0..100 {
        let request = Writer::new(Class::Request, Method::Binding, world.transaction()).finish();
        answers += usize::from(world.ask(udp(1), &request).is_some());
    }
    assert_eq!(answers, 20);
}

#[test]
fn an_answer_that_was_lost_is_said_again() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    let packet = world.signed(&phone, Method::Allocate, with_udp);
    let first = world.ask(phone.client, &packet).unwrap();
    assert_eq!(world.ask(phone.client, &packet), Some(first));
    assert_eq!(world.open.len(), 1);
    assert_eq!(world.allocate(&phone), Err(437), "another request for the same 5-tuple");
}

#[test]
fn malformed_and_unsupported_allocations_say_what_is_wrong() {
    let mut world = World::new(Policy::default());
    let phone = world.phone(1, 1);
    let mut allocate = |fill: &dyn Fn(Writer) -> Writer| world.request(&phone, Method::Allocate, fill).map(|_| ());
    assert_eq!(allocate(&|writer| writer), Err(400));
    assert_eq!(allocate(&|writer| writer.put(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0])), Err(442));
    let family =
        |number: u8| move |writer| with_udp(writer).put(attribute::REQUESTED_ADDRESS_FAMILY, &[number, 0, 0, 0]);
    assert_eq!(allocate(&family(3)), Err(440));
    assert_eq!(allocate(&|writer| with_udp(writer).put(0x001A, &[])), Err(420), "DONT-FRAGMENT");
    let token = |writer| with_udp(writer).put(attribute::RESERVATION_TOKEN, &[1; 8]);
    assert_eq!(allocate(&token), Err(508));
    assert_eq!(allocate(&|writer| token(writer).put(attribute::EVEN_PORT, &[0])), Err(400));
    world.has_sockets = false;
    assert_eq!(world.allocate(&phone), Err(508));
    assert_eq!(world.table.counts().allocations, 0);
    world.has_sockets = true;
    assert!(world.allocate(&phone).is_ok());
}

#[test]
fn a_reserved_port_goes_to_whoever_has_its_token_or_is_given_up() {
    let mut world = World::new(Policy::default());
    let (first, second, other) = (world.phone(1, 1), world.phone(2, 1), world.phone(3, 3));
    let even = |writer| with_udp(writer).put(attribute::EVEN_PORT, &[0x80]);
    let answer = world.request(&first, Method::Allocate, even).unwrap();
    let answer = Message::parse(&answer).unwrap();
    let (relayed, token) = (answer.relayed.unwrap(), answer.reservation_token.unwrap());
    let with_token = move |writer| with_udp(writer).put(attribute::RESERVATION_TOKEN, &token);
    assert_eq!(world.request(&other, Method::Allocate, with_token), Err(508), "another's token");
    let answer = world.request(&second, Method::Allocate, with_token).unwrap();
    let next = Message::parse(&answer).unwrap().relayed.unwrap();
    assert_eq!(next.port(), relayed.port() + 1);
    world.permit(&second, &[PEER]).unwrap();
    assert!(is_relayed(&world.send(&second, PEER, b"x")));
    let third = world.phone(4, 4);
    world.request(&third, Method::Allocate, even).unwrap();
    assert_eq!(world.open.len(), 4);
    world.advance(30_000);
    assert_eq!(world.open.len(), 3, "nobody came for it");
}

#[test]
fn a_stream_that_carries_something_else_is_ended_and_a_datagram_is_dropped() {
    let mut world = World::new(Policy::default());
    let stream = Client { link: Link::Stream(1), ..udp(1) };
    let broken = [&[0, 1, 0, 4][..], &[0; 20]].concat();
    assert_eq!(world.table.from_client(START_MS, stream, &broken), Verdict::End);
    assert_eq!(world.table.from_client(START_MS, udp(1), &broken), Verdict::Nothing);
    assert!(!format!("{stream:?}").contains("198"), "no address in a log");
}

proptest! {
    #[test]
    fn nothing_is_relayed_to_a_peer_that_no_client_permitted_and_sockets_are_those_of_allocations(
        steps in proptest::collection::vec((0_u8..7, 0_u16..4, 0_usize..4, 0_u64..200_000), 1..80),
    ) {
        const PEERS: [&str; 4] = ["8.8.8.8:1", "8.8.4.4:1", "9.9.9.9:1", "127.0.0.1:1"];
        let mut world = World::new(Policy { permissions_max: 2, ..Policy::default() });
        let mut phones: Vec<Phone> = (0..4).map(|at| world.phone(at, at as u8)).collect();
        let mut until = [[0_u64; 4]; 4];
        for (what, who, peer, passes_ms) in steps {
            world.advance(passes_ms);
            let phone = &mut phones[usize::from(who)];
            world.renew_nonce(phone);
            match what {
                0 => {
                    if world.allocate(phone).is_ok() {
                        until[usize::from(who)] = [0; 4];
                    }
                }
                1 | 2 => {
                    let permitted = if what == 1 {
                        world.permit(phone, &[PEERS[peer]])
                    } else {
                        world.bind(phone, 0x4000 + peer as u16, PEERS[peer])
                    };
                    prop_assert!(permitted.is_err() || peer != 3);
                    if permitted.is_ok() {
                        until[usize::from(who)][peer] = world.now_ms + PERMISSION_MS;
                    }
                }
                3 => {
                    if world.refresh(phone, 0).is_ok() {
                        until[usize::from(who)] = [0; 4];
                    }
                }
                4 => {
                    let _ = world.refresh(phone, 600);
                }
                _ => {
                    let is_sent = is_relayed(&world.send(phone, PEERS[peer], b"x"));
                    let is_permitted = world.now_ms < until[usize::from(who)][peer];
                    prop_assert!(!is_sent || is_permitted);
                }
            }
            prop_assert_eq!(world.open.len(), world.table.counts().allocations);
        }
    }
}
