//! Rooms of a real node: three people with real WebRTC stacks over loopback, frames sealed from one to the others.

use calls::sframe::{BaseKey, Codec as Sealed, Receiver, Sender, StreamId, Suite};
use futures_util::{SinkExt, StreamExt};
use std::net::UdpSocket;
use std::time::{Duration, Instant};
use str0m::change::SdpAnswer;
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, MediaKind, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::RtpWrite;
use str0m::{Candidate, Event, Input, Output, Rtc};
use tests::{Node, PATIENCE, free_port};
use tokio_tungstenite::tungstenite::Message;
use wire::id::{RoomHost, RoomMember};
use wire::node::{Event as NodeEvent, Refusal, Request, SOCKET_PATH, encode_requests, parse_events};
use wire::room::{ROOM_CHANNEL, RoomAsk, RoomDoes, RoomHostKey, RoomKey, RoomTell, RoomTold};

const SECRET: &str = "what only those in the room may hear";

/// Asks as any client does: over a connection on which nobody said who it is.
fn ask(port: u16, does: RoomDoes, is_host: bool) -> Result<RoomTold, Refusal> {
    let host = RoomHost([2; 32]);
    let host = if is_host { RoomHostKey::Host(host) } else { RoomHostKey::Hash(host.hash()) };
    let request = Request::Room(Box::new(RoomAsk { key: RoomKey { member: RoomMember([1; 32]), host }, does }));
    let asked = async {
        let url = format!("ws://127.0.0.1:{port}{SOCKET_PATH}");
        let (mut socket, _) = tokio_tungstenite::connect_async(url).await.expect("connects");
        socket.send(Message::Binary(encode_requests(vec![(7, request)]))).await.expect("sends");
        loop {
            let Some(Ok(Message::Binary(frame))) = socket.next().await else { continue };
            let events = parse_events(frame).expect("events");
            if let Some((_, event)) = events.into_iter().find(|(id, _)| *id == 7) {
                return event;
            }
        }
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    match runtime.block_on(async { tokio::time::timeout(PATIENCE, asked).await }).expect("an answer in time") {
        NodeEvent::Room(told) => Ok(*told),
        NodeEvent::Refused(refusal) => Err(refusal),
        other => panic!("no answer but {other:?}"),
    }
}

fn base_key() -> BaseKey {
    BaseKey::new(Suite::Aes256Gcm, &[7; 32]).expect("32 bytes")
}

/// A person: a connection, a key, what was heard of whom.
struct Person {
    leaf: u32,
    rtc: Rtc,
    socket: UdpSocket,
    voice: Mid,
    channel: Option<ChannelId>,
    sender: Sender,
    receiver: Receiver,
    seq: u64,
    heard: Vec<String>,
    tells: Vec<RoomTell>,
    /// All that went over the wire, as the node and whoever listens there see it.
    wire: Vec<u8>,
}

impl Person {
    fn join(port: u16, leaf: u32) -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_nonblocking(true).expect("a socket that never waits");
        let mut rtc = Rtc::builder().set_rtp_mode(true).build(Instant::now());
        let address = socket.local_addr().expect("an address");
        rtc.add_local_candidate(Candidate::host(address, Protocol::Udp).expect("a candidate"));
        let mut change = rtc.sdp_api();
        let voice = change.add_media(MediaKind::Audio, Direction::SendOnly, None, None, None);
        for _ in 0..3 {
            change.add_media(MediaKind::Audio, Direction::RecvOnly, None, None, None);
        }
        change.add_channel(ROOM_CHANNEL.to_owned());
        let (offer, pending) = change.apply().expect("an offer");
        let label = vec![leaf as u8; 4].into();
        let does = RoomDoes::Join { sdp: offer.to_sdp_string(), label, resume: [leaf as u8; 16] };
        let told = ask(port, does, false).expect("joins");
        let answer = SdpAnswer::from_sdp_string(&told.sdp).expect("an answer");
        rtc.sdp_api().accept_answer(pending, answer).expect("takes the answer");
        let (mut sender, mut receiver) = (Sender::new(Suite::Aes256Gcm), Receiver::new(Suite::Aes256Gcm));
        sender.enter(1, leaf, &base_key()).expect("the first epoch");
        receiver.enter(0, 1, &base_key(), &[]).expect("the first epoch");
        let (heard, tells, wire) = (Vec::new(), Vec::new(), Vec::new());
        Self { leaf, rtc, socket, voice, channel: None, sender, receiver, seq: 0, heard, tells, wire }
    }

    fn speak(&mut self) {
        let mut sealed = Vec::new();
        let said = format!("{SECRET}, says {}", self.leaf);
        self.sender.seal_frame(Sealed::Opus, 0, said.as_bytes(), &mut sealed).expect("seals");
        let params = self.rtc.codec_config().find(|params| params.spec().codec == Codec::Opus);
        let pt = params.expect("Opus").pt();
        self.seq += 1;
        let time = (self.seq as u32).wrapping_mul(960);
        let write = RtpWrite::new(pt, self.seq.into(), time, Instant::now(), sealed);
        self.rtc.direct_api().stream_tx_by_mid(self.voice, None).expect("a stream").write_rtp(write);
        self.turn();
    }

    fn turn(&mut self) {
        let mut buffer = [0; 2_048];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            self.wire.extend_from_slice(&buffer[..length]);
            let to = self.socket.local_addr().expect("an address");
            if let Ok(received) = Receive::new(Protocol::Udp, from, to, &buffer[..length]) {
                self.rtc.handle_input(Input::Receive(Instant::now(), received)).expect("a packet");
            }
            self.drain();
        }
        self.rtc.handle_input(Input::Timeout(Instant::now())).expect("time");
        self.drain();
    }

    fn drain(&mut self) {
        loop {
            match self.rtc.poll_output().expect("an output") {
                Output::Timeout(_) => return,
                Output::Transmit(transmit) => {
                    self.wire.extend_from_slice(&transmit.contents);
                    let _ = self.socket.send_to(&transmit.contents, transmit.destination);
                }
                Output::Event(Event::ChannelOpen(id, _)) => self.channel = Some(id),
                Output::Event(Event::ChannelData(data)) => {
                    self.tells.push(RoomTell::parse(&data.data).expect("a list"));
                }
                Output::Event(Event::RtpPacket(packet)) => self.open(&packet.payload),
                Output::Event(_) => {}
            }
        }
    }

    /// Opens a frame as that of whoever's key it is.
    fn open(&mut self, payload: &[u8]) {
        for leaf in 0..8 {
            let mut frame = payload.to_vec();
            let stream = StreamId::new(leaf, 0).expect("in range");
            if self.receiver.open_frame(0, Sealed::Opus, stream, &mut frame).is_ok() {
                self.heard.push(String::from_utf8(frame).expect("what was said"));
                return;
            }
        }
        panic!("a frame that was changed on the way");
    }

    fn has_heard(&self, leaf: u32) -> bool {
        self.heard.iter().any(|said| *said == format!("{SECRET}, says {leaf}"))
    }
}

/// All speak until something holds.
fn speak_until(people: &mut [Person], what: &str, holds: impl Fn(&[Person]) -> bool) {
    let begun = Instant::now();
    while !holds(people) {
        assert!(begun.elapsed() < PATIENCE, "never: {what}");
        for person in &mut *people {
            if person.channel.is_some() {
                person.speak();
            }
            person.turn();
        }
        // The pace of speech; nothing waits for it.
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn all_hear_all(people: &[Person]) -> bool {
    people.iter().all(|person| people.iter().all(|other| other.leaf == person.leaf || person.has_heard(other.leaf)))
}

#[test]
fn three_people_hear_each_other_through_a_node_that_hears_none_and_again_after_it_was_killed() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut node = Node::start_on(folder.path(), free_port(), &[]);
    let mut people: Vec<Person> = (1..4).map(|leaf| Person::join(node.port(), leaf)).collect();
    speak_until(&mut people, "all hear all", all_hear_all);
    speak_until(&mut people, "all are told who is there", |people| {
        people
            .iter()
            .all(|person| person.tells.last().is_some_and(|tell| tell.people.len() == 3 && tell.slots.len() == 2))
    });
    let there = ask(node.port(), RoomDoes::Look, false).expect("a list");
    assert_eq!(there.people.iter().map(|person| person.number).collect::<Vec<_>>(), [1, 2, 3]);
    for person in &people {
        assert!(person.wire.len() > 1_000, "something was captured");
        let found = person.wire.windows(SECRET.len()).any(|bytes| bytes == SECRET.as_bytes());
        assert!(!found, "what was said is on the wire");
    }
    let log = std::fs::read_to_string(node.log_file()).expect("a log");
    assert!(!log.contains(SECRET));

    node.kill_and_restart();
    let mut people: Vec<Person> = (1..4).map(|leaf| Person::join(node.port(), leaf)).collect();
    speak_until(&mut people, "all hear all again", all_hear_all);

    assert_eq!(ask(node.port(), RoomDoes::End, false), Err(Refusal::Denied), "members end nothing");
    ask(node.port(), RoomDoes::End, true).expect("a host ends it");
    assert_eq!(ask(node.port(), RoomDoes::Look, false), Err(Refusal::Closed));
}

#[test]
fn a_node_without_rooms_says_so_and_nonsense_is_no_offer() {
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start_on(folder.path(), free_port(), &["--rooms", "off"]);
    assert_eq!(ask(node.port(), RoomDoes::Look, false), Err(Refusal::Denied));
    let folder = tempfile::tempdir().expect("a folder");
    let node = Node::start_on(folder.path(), free_port(), &[]);
    let does = RoomDoes::Join { sdp: "v=0".into(), label: Vec::new().into(), resume: [1; 16] };
    assert_eq!(ask(node.port(), does, false), Err(Refusal::Malformed));
}
