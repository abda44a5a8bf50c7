//! Clients of a relay against the node's own table, under virtual time, over a network that loses.

#![allow(clippy::unwrap_used, reason = "a test says with a panic what it found")]

use calls::relayed::{Lookup, Received, Relayed, RelayedError, WAITING_MAX};
use calls::turn::{Client, CredentialSecret, Effect, Link, Opened, Policy, Table, Verdict};
use core::net::SocketAddr;

const START_MS: u64 = 1_000_000_000;
const OWN: &str = "93.184.216.34";

/// Two clients, a table and the network between them; each datagram takes `DELAY_MS`.
struct World {
    table: Table,
    now_ms: u64,
    clients: Vec<(Client, Relayed)>,
    /// Whether the nth datagram is lost.
    loses: fn(u64) -> bool,
    nth: u64,
    heard: Vec<(usize, SocketAddr, Vec<u8>)>,
}

fn client(at: u8, link: Link) -> Client {
    Client { address: SocketAddr::from(([198, 51, 100, at], 4_000)), link }
}

impl World {
    fn new(loses: fn(u64) -> bool) -> Self {
        let secret = CredentialSecret::new(&[5; 32]);
        let own = vec![OWN.parse().unwrap()];
        let table = Table::new(START_MS, Policy::default(), "sottovoce".into(), secret, own, [9; 32]);
        Self { table, now_ms: START_MS, clients: Vec::new(), loses, nth: 0, heard: Vec::new() }
    }

    fn join(&mut self, at: u8, link: Link) -> usize {
        let credential = CredentialSecret::new(&[5; 32]).issue(START_MS / 1_000 + 86_400, [at; 12]);
        self.join_with(at, link, credential.username, credential.password)
    }

    fn join_with(&mut self, at: u8, link: Link, username: String, password: String) -> usize {
        let is_stream = matches!(link, Link::Stream(_));
        let relayed = Relayed::new(self.now_ms, [at; 32], username, password, is_stream);
        self.clients.push((client(at, link), relayed));
        self.clients.len() - 1
    }

    fn of(&mut self, at: usize) -> &mut Relayed {
        &mut self.clients[at].1
    }

    /// What a table's answer or payload is for one of the clients.
    fn deliver(&mut self, to: Client, bytes: &[u8]) {
        self.nth += 1;
        if (self.loses)(self.nth) && to.link == Link::Udp {
            return;
        }
        let Some(at) = self.clients.iter().position(|(client, _)| *client == to) else { return };
        if let Received::Data { peer, payload } = self.clients[at].1.receive(self.now_ms, bytes) {
            self.heard.push((at, peer, bytes[payload].to_vec()));
        }
    }

    fn carry(&mut self) {
        loop {
            let mut packets = Vec::new();
            for (client, relayed) in &mut self.clients {
                packets.extend(relayed.take_outgoing().into_iter().map(|bytes| (*client, bytes)));
            }
            if packets.is_empty() {
                return;
            }
            for (from, bytes) in packets {
                self.nth += 1;
                if (self.loses)(self.nth) && from.link == Link::Udp {
                    continue;
                }
                match self.table.from_client(self.now_ms, from, &bytes) {
                    Verdict::Answer(answer) => self.deliver(from, &answer),
                    Verdict::Forward { forward, payload } => {
                        let packet = [forward.head(), &bytes[payload], &vec![0; forward.padding]].concat();
                        self.deliver(forward.to, &packet);
                    }
                    Verdict::Nothing | Verdict::Relay { .. } | Verdict::End => {}
                }
                for effect in self.table.take_effects() {
                    let Effect::Open { relay, .. } = effect else { continue };
                    let port = 40_000 + relay.0 as u16;
                    let opened = Opened { address: SocketAddr::new(OWN.parse().unwrap(), port), next: None };
                    if let Some(answer) = self.table.opened(self.now_ms, relay, Some(opened)) {
                        self.deliver(answer.to, &answer.bytes);
                    }
                }
            }
        }
    }

    fn advance(&mut self, ms: u64) {
        let end_ms = self.now_ms + ms;
        while self.now_ms < end_ms {
            let wakes = self.clients.iter().filter_map(|(_, relayed)| relayed.wake_ms());
            self.now_ms = wakes.min().unwrap_or(end_ms).clamp(self.now_ms + 1, end_ms);
            self.table.tick(self.now_ms);
            for (_, relayed) in &mut self.clients {
                relayed.tick(self.now_ms);
            }
            self.carry();
        }
    }

    /// Both know the other's address, and have said something to each other.
    fn meet(&mut self, links: [Link; 2]) -> [SocketAddr; 2] {
        let [one, two] = [self.join(1, links[0]), self.join(2, links[1])];
        self.advance(5_000);
        let addresses = [one, two].map(|at| self.of(at).address().unwrap());
        for _ in 0..3 {
            self.say(one, addresses[1], b"hello");
            self.say(two, addresses[0], b"hello");
            self.advance(1_000);
        }
        self.heard.clear();
        addresses
    }

    fn say(&mut self, from: usize, to: SocketAddr, what: &[u8]) {
        let now_ms = self.now_ms;
        self.of(from).send(now_ms, to, what);
        self.carry();
    }
}

#[test]
fn two_clients_hear_each_other_by_datagrams_and_on_streams() {
    for links in [[Link::Udp, Link::Udp], [Link::Stream(1), Link::Udp], [Link::Stream(1), Link::Stream(2)]] {
        let mut world = World::new(|_| false);
        let [at_one, at_two] = world.meet(links);
        assert_eq!(world.of(0).mapped(), Some(client(1, links[0]).address));
        for bytes in [1, 3, 4, 1_200] {
            world.say(0, at_two, &vec![7; bytes]);
            world.say(1, at_one, &vec![8; bytes]);
            let heard = std::mem::take(&mut world.heard);
            assert_eq!(heard, [(1, at_one, vec![7; bytes]), (0, at_two, vec![8; bytes])]);
        }
    }
}

#[test]
fn what_is_said_before_the_channel_stands_waits_and_no_more_than_a_few_do() {
    let mut world = World::new(|_| false);
    let [one, two] = [world.join(1, Link::Udp), world.join(2, Link::Udp)];
    world.carry();
    let addresses = [one, two].map(|at| world.of(at).address().unwrap());
    world.say(two, addresses[0], b"I permit you");
    world.heard.clear();
    let now_ms = world.now_ms;
    for number in 0..20 {
        world.of(one).send(now_ms, addresses[1], &[number]);
    }
    world.carry();
    let heard: Vec<u8> = world.heard.iter().map(|(_, _, bytes)| bytes[0]).collect();
    assert_eq!(heard, (0..WAITING_MAX as u8).collect::<Vec<_>>());
}

#[test]
fn a_network_that_loses_every_third_datagram_only_makes_it_slower() {
    let mut world = World::new(|nth| nth.is_multiple_of(3));
    let [_, at_two] = world.meet([Link::Udp, Link::Udp]);
    for _ in 0..30 {
        world.say(0, at_two, b"again");
    }
    assert!(world.heard.len() >= 10, "{}", world.heard.len());
}

#[test]
fn an_allocation_and_its_channels_outlast_an_hour_and_a_nonce() {
    let mut world = World::new(|_| false);
    let [_, at_two] = world.meet([Link::Udp, Link::Udp]);
    world.advance(2 * 3_600_000);
    world.heard.clear();
    world.say(0, at_two, b"still here");
    assert_eq!(world.heard.len(), 1);
    assert_eq!(world.table.counts().allocations, 2);
    let now_ms = world.now_ms;
    world.of(0).release(now_ms);
    world.carry();
    assert_eq!(world.table.counts().allocations, 1);
}

#[test]
fn a_wrong_password_and_a_silent_server_are_told_apart() {
    let mut world = World::new(|_| false);
    let credential = CredentialSecret::new(&[5; 32]).issue(START_MS / 1_000 + 86_400, [1; 12]);
    let at = world.join_with(1, Link::Udp, credential.username, "guess".into());
    world.advance(60_000);
    assert_eq!(world.of(at).failure(), Some(RelayedError::Denied));
    let mut world = World::new(|_| true);
    let at = world.join(1, Link::Udp);
    world.advance(60_000);
    assert_eq!(world.of(at).failure(), Some(RelayedError::Silent));
    assert_eq!(world.of(at).wake_ms(), None);
}

#[test]
fn nobody_without_the_key_grants_or_ends_anything() {
    use calls::stun::{Class, Message, Writer, attribute};
    let mut relayed = Relayed::new(0, [1; 32], "name".into(), "password".into(), false);
    let request = relayed.take_outgoing().remove(0);
    let request = Message::parse(&request).unwrap();
    let forged = Writer::answer(&request, Class::Success)
        .put_address(attribute::XOR_RELAYED_ADDRESS, &"192.0.2.1:1".parse().unwrap())
        .finish();
    relayed.receive(1, &forged);
    assert_eq!((relayed.address(), relayed.failure()), (None, None));
    for bytes in [&b""[..], &[0], &[0x40, 0], &[0x40, 0, 0xFF, 0xFF, 1], &[0xFF; 40]] {
        assert_eq!(relayed.receive(2, bytes), Received::Nothing);
    }
}

#[test]
fn a_lookup_tells_where_the_server_sees_us_and_ends_by_itself() {
    let mut world = World::new(|_| false);
    let mut lookup = Lookup::new(START_MS, [3; 32]);
    let request = lookup.tick(START_MS).unwrap();
    let from = client(1, Link::Udp);
    let Verdict::Answer(answer) = world.table.from_client(START_MS, from, &request) else { panic!("no answer") };
    assert_eq!(Lookup::new(START_MS, [4; 32]).receive(&answer), None, "of another");
    assert_eq!(lookup.receive(&answer), Some(from.address));
    let mut silent = Lookup::new(START_MS, [3; 32]);
    let mut sent = 0;
    while let Some(due_ms) = silent.wake_ms() {
        sent += usize::from(silent.tick(due_ms).is_some());
    }
    assert_eq!(sent, 3);
}
