//! All rooms of a node: who joins and leaves, which packet is whose, and what time brings. Nobody here has a name, only
//! numbers and labels that the node cannot read.

use super::person::{Entry, Gone, Heard, Person, PersonId};
use super::policy::{CONNECT_WITHIN, ENDED_MAX, GONE_AFTER, MEDIA_MAX, RoomPolicy, RoomRefusal, SDP_LINES_MAX, TICK};
use super::seat::{Offer, assign, choose_layers, desired_bps};
use super::slot::Slot;
use super::source::Source;
use crate::bucket::Bucket;
use crate::stun::{Class, Message, Method, message::is_stun};
use bytes::Bytes;
use core::net::SocketAddr;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};
use str0m::config::DtlsCert;
use str0m::rtp::RtpPacket;
use wire::id::RoomId;
use wire::room::{RoomAsk, RoomDoes, RoomPerson, RoomSay, RoomSlot, RoomTell, RoomTold};

/// Seats of one room are given anew, and told, this often at most.
const SEAT_EVERY: Duration = Duration::from_millis(50);
/// Times that what was written is turned into packets; more is a loop.
const PASSES_MAX: usize = 4;

/// A datagram to send.
pub struct Sent {
    /// To whom.
    pub to: SocketAddr,
    /// All of it.
    pub bytes: Vec<u8>,
}

/// What the rooms hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RoomCounts {
    /// Rooms, now.
    pub rooms: usize,
    /// People in them, now.
    pub people: usize,
    /// Packets of media that came, so far.
    pub packets_in: u64,
    /// Packets that were sent on, so far.
    pub packets_out: u64,
    /// Packets dropped so far: over somebody's budget.
    pub dropped: u64,
    /// Who was refused, so far.
    pub refusals: u64,
}

struct Room {
    people: Vec<PersonId>,
    last_number: u32,
    ticks_at: Instant,
    seated_at: Instant,
    /// Seats, or what people know of them, are to change then.
    seats_at: Option<Instant>,
}

impl Room {
    fn due_at(&self) -> Instant {
        self.seats_at.map_or(self.ticks_at, |at| at.min(self.ticks_at))
    }
}

/// All rooms of a node.
pub struct Rooms {
    policy: RoomPolicy,
    certificate: DtlsCert,
    /// Where people reach this node.
    addresses: Vec<SocketAddr>,
    rooms: BTreeMap<RoomId, Room>,
    /// When the first room is due.
    rooms_at: Option<Instant>,
    people: BTreeMap<PersonId, Person>,
    by_address: BTreeMap<SocketAddr, PersonId>,
    by_ufrag: BTreeMap<String, PersonId>,
    deadlines: BTreeSet<(Instant, PersonId)>,
    ended: VecDeque<RoomId>,
    dirty: Vec<PersonId>,
    sent: Vec<Sent>,
    joins: Bucket,
    bytes: Bucket,
    start: Instant,
    last_person: u64,
    counts: RoomCounts,
}

impl Rooms {
    /// No rooms yet. `addresses`: where people reach this node, one of each family. None where no certificate can be made.
    pub fn new(now: Instant, policy: RoomPolicy, addresses: Vec<SocketAddr>) -> Option<Self> {
        let certificate = str0m::crypto::from_feature_flags().dtls_provider.generate_certificate()?;
        Some(Self {
            joins: Bucket::new(0, policy.joins_per_s),
            bytes: Bucket::new(0, policy.bytes_per_s),
            policy,
            certificate,
            addresses,
            rooms: BTreeMap::new(),
            rooms_at: None,
            people: BTreeMap::new(),
            by_address: BTreeMap::new(),
            by_ufrag: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            ended: VecDeque::new(),
            dirty: Vec::new(),
            sent: Vec::new(),
            start: now,
            last_person: 0,
            counts: RoomCounts::default(),
        })
    }

    /// What they hold.
    pub fn counts(&self) -> RoomCounts {
        RoomCounts { rooms: self.rooms.len(), people: self.people.len(), ..self.counts }
    }

    /// Hands over the datagrams to send, in order.
    pub fn drain_sent(&mut self, send: impl FnMut(Sent)) {
        self.sent.drain(..).for_each(send);
    }

    /// When [`Rooms::flush`] is to be called at the latest.
    pub fn next_deadline(&self) -> Option<Instant> {
        let person = self.deadlines.first().map(|(at, _)| *at);
        self.rooms_at.into_iter().chain(person).min()
    }

    /// Answers what a client asks. [`Rooms::flush`] is due then.
    ///
    /// # Errors
    /// [`RoomRefusal`]; nothing changed then.
    pub fn ask(&mut self, now: Instant, ask: RoomAsk) -> Result<RoomTold, RoomRefusal> {
        let answered = self.answer(now, ask);
        self.counts.refusals = self.counts.refusals.wrapping_add(u64::from(answered.is_err()));
        answered
    }

    fn answer(&mut self, now: Instant, ask: RoomAsk) -> Result<RoomTold, RoomRefusal> {
        if !self.policy.is_on {
            return Err(RoomRefusal::Denied);
        }
        let (room_id, is_host) = (ask.key.room_id(), ask.key.is_host());
        if self.ended.contains(&room_id) {
            return Err(RoomRefusal::Ended);
        }
        match ask.does {
            RoomDoes::Look => {}
            RoomDoes::Join { sdp, label, resume } => return self.join(now, room_id, &sdp, label, resume),
            RoomDoes::Remove { .. } | RoomDoes::End if !is_host => return Err(RoomRefusal::Denied),
            RoomDoes::Remove { person } => {
                let people = self.rooms.get(&room_id).map(|room| room.people.as_slice()).unwrap_or_default();
                let is_it = |id: &&PersonId| self.people.get(id).is_some_and(|it| it.number == person);
                if let Some(id) = people.iter().find(is_it).copied() {
                    self.leave(now, id);
                }
            }
            RoomDoes::End => {
                let people = self.rooms.get(&room_id).map(|room| room.people.clone()).unwrap_or_default();
                people.into_iter().for_each(|id| self.leave(now, id));
                if self.ended.len() >= ENDED_MAX {
                    self.ended.pop_front();
                }
                self.ended.push_back(room_id);
            }
        }
        Ok(RoomTold { people: self.people_of(&room_id), ..RoomTold::default() })
    }

    fn people_of(&self, room: &RoomId) -> Vec<RoomPerson> {
        let people = self.rooms.get(room).map(|room| room.people.as_slice()).unwrap_or_default();
        let person = |person: &Person| RoomPerson { number: person.number, label: person.label.clone() };
        people.iter().filter_map(|id| self.people.get(id)).map(person).collect()
    }

    fn join(
        &mut self,
        now: Instant,
        room_id: RoomId,
        sdp: &str,
        label: Bytes,
        resume: [u8; 16],
    ) -> Result<RoomTold, RoomRefusal> {
        let now_ms = self.ms(now);
        let sdp = without_addresses(sdp).ok_or(RoomRefusal::Malformed)?;
        let people = self.rooms.get(&room_id).map(|room| room.people.as_slice()).unwrap_or_default();
        let before = people.iter().copied().find(|id| self.people.get(id).is_some_and(|it| it.resume == resume));
        let is_room = self.rooms.contains_key(&room_id);
        let is_room_full = people.len() >= self.policy.people_max.min(wire::room::ROOM_PEOPLE_MAX);
        let is_node_full = self.people.len() >= self.policy.people_total_max;
        let are_rooms_full = !is_room && self.rooms.len() >= self.policy.rooms_max;
        if (before.is_none() && (is_room_full || is_node_full)) || are_rooms_full {
            return Err(RoomRefusal::Full);
        }
        if !self.joins.take(now_ms, 1) {
            return Err(RoomRefusal::Busy);
        }
        let number = self.rooms.get(&room_id).map_or(0, |room| room.last_number).saturating_add(1);
        let (certificate, addresses) = (&self.certificate, self.addresses.as_slice());
        let entry = Entry { room: room_id, number, label, resume, sdp: &sdp, certificate, addresses };
        let (person, answer) = Person::enter(now, now_ms, &self.policy, entry)?;
        self.last_person += 1;
        let id = PersonId(self.last_person);
        let room = self.rooms.entry(room_id).or_insert_with(|| Room {
            people: Vec::new(),
            last_number: 0,
            ticks_at: now + TICK,
            seated_at: now,
            seats_at: None,
        });
        room.last_number = number;
        room.people.push(id);
        self.by_ufrag.insert(person.ufrag.clone(), id);
        self.deadlines.insert((person.queued_at, id));
        self.people.insert(id, person);
        if let Some(before) = before {
            self.leave(now, before);
        }
        self.news(now, &room_id);
        self.advance(now, id);
        Ok(RoomTold { people: self.people_of(&room_id), own: number, sdp: answer })
    }

    /// Takes somebody out, and the room with the last one.
    fn leave(&mut self, now: Instant, id: PersonId) {
        let Some(mut person) = self.people.remove(&id) else { return };
        person.close(now, &mut self.sent);
        self.by_ufrag.remove(&person.ufrag);
        self.deadlines.remove(&(person.queued_at, id));
        for address in &person.addresses {
            if self.by_address.get(address) == Some(&id) {
                self.by_address.remove(address);
            }
        }
        let Some(room) = self.rooms.get_mut(&person.room) else { return };
        room.people.retain(|other| *other != id);
        if room.people.is_empty() {
            self.rooms.remove(&person.room);
        } else {
            self.news(now, &person.room);
        }
    }

    /// Everybody of a room is to be told, and seated anew, soon.
    fn news(&mut self, now: Instant, room_id: &RoomId) {
        let people = self.rooms.get(room_id).map(|room| room.people.as_slice()).unwrap_or_default();
        for id in people {
            if let Some(person) = self.people.get_mut(id) {
                person.is_told = false;
            }
        }
        self.seat_soon(now, room_id);
    }

    fn seat_soon(&mut self, now: Instant, room_id: &RoomId) {
        let Some(room) = self.rooms.get_mut(room_id) else { return };
        room.seats_at.get_or_insert(now.max(room.seated_at + SEAT_EVERY));
        let due_at = room.due_at();
        self.rooms_at = Some(self.rooms_at.map_or(due_at, |at| at.min(due_at)));
    }

    /// Whether a datagram is for a room, and then takes it. Others share the port: theirs are left to them.
    pub fn take(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) -> bool {
        let Some(id) = self.whose(from, datagram) else { return false };
        let now_ms = self.ms(now);
        let Some(person) = self.people.get_mut(&id) else { return true };
        if !person.may_send(now_ms, datagram.len()) || !self.bytes.take(now_ms, datagram.len() as u64) {
            self.counts.dropped = self.counts.dropped.wrapping_add(1);
            return true;
        }
        let Some(to) = self.addresses.iter().copied().find(|own| own.is_ipv4() == from.is_ipv4()) else { return true };
        let (mut heard, known) = (Heard::default(), person.addresses.len());
        let received = person.receive(now, from, to, datagram, &mut self.sent, &mut heard);
        for address in person.addresses.iter().skip(known) {
            // An address that is somebody's stays theirs: nobody takes it by saying so.
            self.by_address.entry(*address).or_insert(id);
        }
        self.after(now, id, received, heard);
        true
    }

    /// By what a datagram begins with (RFC 7983): STUN by the name in it, else by address.
    fn whose(&self, from: SocketAddr, datagram: &[u8]) -> Option<PersonId> {
        let first = *datagram.first()?;
        if is_stun(first) && first < 4 {
            if self.by_ufrag.is_empty() {
                return None;
            }
            let message = Message::parse(datagram).ok()?;
            if (message.class, message.method) != (Class::Request, Method::Binding) {
                return None;
            }
            let name = std::str::from_utf8(message.username?).ok()?;
            return self.by_ufrag.get(name.split(':').next()?).copied();
        }
        matches!(first, 20..=63 | 128..=191).then(|| self.by_address.get(&from).copied()).flatten()
    }

    /// Moves time on, and sends what was written. Call it after each batch of datagrams, and at the deadline.
    pub fn flush(&mut self, now: Instant) {
        self.write_out(now);
        let due: Vec<PersonId> = self.deadlines.range(..=(now, PersonId(u64::MAX))).map(|(_, id)| *id).collect();
        due.into_iter().for_each(|id| self.advance(now, id));
        if self.rooms_at.is_some_and(|at| at <= now) {
            let is_due = |(_, room): &(&RoomId, &Room)| room.due_at() <= now;
            let due: Vec<RoomId> = self.rooms.iter().filter(is_due).map(|(id, _)| *id).collect();
            due.into_iter().for_each(|room| self.tick(now, room));
            self.rooms_at = self.rooms.values().map(Room::due_at).min();
        }
        self.write_out(now);
    }

    fn write_out(&mut self, now: Instant) {
        for _ in 0..PASSES_MAX {
            let dirty = std::mem::take(&mut self.dirty);
            if dirty.is_empty() {
                break;
            }
            for id in dirty {
                if let Some(person) = self.people.get_mut(&id) {
                    person.is_dirty = false;
                    self.advance(now, id);
                }
            }
        }
    }

    fn advance(&mut self, now: Instant, id: PersonId) {
        let Some(person) = self.people.get_mut(&id) else { return };
        let mut heard = Heard::default();
        let advanced = person.advance(now, &mut self.sent, &mut heard);
        self.after(now, id, advanced, heard);
    }

    /// What follows from an input: its deadline, media to send on, key frames, wishes.
    fn after(&mut self, now: Instant, id: PersonId, result: Result<(), Gone>, heard: Heard) {
        let now_ms = self.ms(now);
        let Some(person) = self.people.get_mut(&id) else { return };
        if result == Err(Gone) {
            return self.leave(now, id);
        }
        // A call that comes too early does no harm: only an earlier deadline moves the one that is queued.
        if person.deadline < person.queued_at || person.queued_at <= now {
            self.deadlines.remove(&(person.queued_at, id));
            person.queued_at = person.deadline;
            self.deadlines.insert((person.queued_at, id));
        }
        let room_id = person.room;
        let mut is_changed = heard.is_open;
        for said in heard.says {
            let (true, Ok(say)) = (person.may_say(now_ms), RoomSay::parse(&said)) else {
                // Nobody says so much, or such things, by mistake.
                return self.leave(now, id);
            };
            person.want = Some(say.want);
            is_changed = true;
        }
        let feed_of = |mid| person.slots.iter().find(|slot| slot.mid == mid).and_then(|slot| slot.feed.as_ref());
        let wanted = heard.key_frames.into_iter().filter_map(|mid| {
            let feed = feed_of(mid)?;
            Some((feed.person, feed.source, feed.target?))
        });
        for (whose, source, layer) in wanted.collect::<Vec<_>>() {
            self.want_key_frame(now, whose, source, layer);
        }
        for packet in heard.packets {
            self.pass(now, id, &packet);
        }
        if is_changed {
            self.seat_soon(now, &room_id);
        }
    }

    fn want_key_frame(&mut self, now: Instant, whose: PersonId, source: usize, layer: usize) {
        let Some(person) = self.people.get_mut(&whose) else { return };
        let Some(it) = person.sources.get_mut(source).and_then(|source| source.layers.get_mut(layer)) else { return };
        it.want_key_frame();
        if it.take_key_frame_request(now) {
            person.request_key_frame(source, layer);
            mark(&mut self.dirty, whose, person);
        }
    }

    /// Sends a packet on to everybody who receives its source.
    fn pass(&mut self, now: Instant, id: PersonId, packet: &RtpPacket) {
        self.counts.packets_in = self.counts.packets_in.wrapping_add(1);
        let Some(person) = self.people.get_mut(&id) else { return };
        let Some((at, layer, spec)) = person.origin(packet) else { return };
        let source = &mut person.sources[at];
        source.layers[layer].hear(now, packet.payload.len());
        let listeners = std::mem::take(&mut source.listeners);
        for (listener, slot) in &listeners {
            let Some(other) = self.people.get_mut(listener).filter(|other| other.is_listening(now)) else { continue };
            if other.forward(now, *slot, layer, spec, packet) {
                self.counts.packets_out = self.counts.packets_out.wrapping_add(1);
                mark(&mut self.dirty, *listener, other);
            }
        }
        if let Some(person) = self.people.get_mut(&id) {
            person.sources[at].listeners = listeners;
        }
    }

    fn tick(&mut self, now: Instant, room_id: RoomId) {
        let Some(room) = self.rooms.get_mut(&room_id) else { return };
        if room.ticks_at <= now {
            room.ticks_at = now + TICK;
            for id in room.people.clone() {
                let Some(person) = self.people.get_mut(&id) else { continue };
                let silent = now.saturating_duration_since(person.heard_at);
                let is_late = !person.is_connected && now.saturating_duration_since(person.joined_at) >= CONNECT_WITHIN;
                if is_late || silent >= GONE_AFTER {
                    self.leave(now, id);
                } else {
                    person.sources.iter_mut().for_each(Source::tick);
                }
            }
            self.ask_again(now, &room_id);
        }
        self.seat(now, &room_id);
        self.tell(&room_id);
    }

    /// Key frames that were asked for too early before.
    fn ask_again(&mut self, now: Instant, room_id: &RoomId) {
        let people = self.rooms.get(room_id).map(|room| room.people.clone()).unwrap_or_default();
        for id in people {
            let Some(person) = self.people.get_mut(&id) else { continue };
            let mut due = Vec::new();
            for (at, source) in person.sources.iter_mut().enumerate() {
                for (number, layer) in source.layers.iter_mut().enumerate() {
                    if layer.take_key_frame_request(now) {
                        due.push((at, number));
                    }
                }
            }
            for (source, layer) in due {
                person.request_key_frame(source, layer);
                mark(&mut self.dirty, id, person);
            }
        }
    }

    /// Gives everybody of a room their sources and layers.
    fn seat(&mut self, now: Instant, room_id: &RoomId) {
        let Some(room) = self.rooms.get_mut(room_id) else { return };
        (room.seated_at, room.seats_at) = (now, None);
        let people = room.people.clone();
        let mut offers = Vec::new();
        for id in &people {
            if let Some(person) = self.people.get(id) {
                Offer::all_of(*id, person.number, &person.sources, now, &mut offers);
            }
        }
        let (mut need, mut heard_by) = (Vec::new(), Vec::new());
        for id in &people {
            let Some(person) = self.people.get_mut(id) else { continue };
            let before = shown(&person.slots);
            assign(now, *id, &mut person.slots, person.want.as_deref(), &offers);
            for slot in choose_layers(now, &mut person.slots, &offers, person.estimate_bps) {
                let feed = person.slots.get(slot).and_then(|slot| slot.feed.as_ref());
                need.extend(feed.and_then(|feed| Some((feed.person, feed.source, feed.target?))));
            }
            person.desire(desired_bps(&person.slots, &offers));
            person.is_told &= before == shown(&person.slots);
            for (at, slot) in person.slots.iter().enumerate() {
                heard_by.extend(slot.feed.as_ref().map(|feed| (feed.person, feed.source, (*id, at))));
            }
        }
        for id in &people {
            if let Some(person) = self.people.get_mut(id) {
                person.sources.iter_mut().for_each(|source| source.listeners.clear());
            }
        }
        for (whose, source, listener) in heard_by {
            let person = self.people.get_mut(&whose);
            if let Some(source) = person.and_then(|person| person.sources.get_mut(source)) {
                source.listeners.push(listener);
            }
        }
        for (whose, source, layer) in need {
            self.want_key_frame(now, whose, source, layer);
        }
    }

    /// Tells people what changed in their room. Who cannot be told now is told with the next tick.
    fn tell(&mut self, room_id: &RoomId) {
        let list = self.people_of(room_id);
        let people = self.rooms.get(room_id).map(|room| room.people.as_slice()).unwrap_or_default();
        for id in people {
            let Some(person) = self.people.get_mut(id).filter(|person| !person.is_told) else { continue };
            let tell = RoomTell { people: list.clone(), slots: shown(&person.slots) };
            if person.tell(&tell.encode()) {
                person.is_told = true;
                mark(&mut self.dirty, *id, person);
            }
        }
    }

    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }
}

fn mark(dirty: &mut Vec<PersonId>, id: PersonId, person: &mut Person) {
    if !std::mem::replace(&mut person.is_dirty, true) {
        dirty.push(id);
    }
}

/// What comes where, as people are told.
fn shown(slots: &[Slot]) -> Vec<RoomSlot> {
    let told = |slot: &Slot| {
        let feed = slot.feed.as_ref()?;
        let layer = feed.target? as u32;
        Some(RoomSlot { mid: slot.mid.to_string(), person: feed.number, source: feed.nth, layer })
    };
    slots.iter().filter_map(told).collect()
}

/// An offer within its limits, without anybody's addresses: they are not needed, for who connects is who is answered.
fn without_addresses(sdp: &str) -> Option<String> {
    let is_within =
        sdp.lines().count() <= SDP_LINES_MAX && sdp.lines().filter(|line| line.starts_with("m=")).count() <= MEDIA_MAX;
    let is_kept = |line: &&str| !line.starts_with("a=candidate") && !line.starts_with("a=end-of-candidates");
    is_within.then(|| sdp.lines().filter(is_kept).flat_map(|line| [line, "\r\n"]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_address_of_an_offer_is_kept_and_too_much_is_no_offer() {
        let sdp = "v=0\r\na=candidate:1 1 udp 1 192.0.2.1 1 typ host\r\nm=audio 9 X 0\r\n";
        assert_eq!(without_addresses(sdp).as_deref(), Some("v=0\r\nm=audio 9 X 0\r\n"));
        assert!(without_addresses(&"m=\r\n".repeat(MEDIA_MAX)).is_some());
        assert!(without_addresses(&"m=\r\n".repeat(MEDIA_MAX + 1)).is_none());
        assert!(without_addresses(&"a\r\n".repeat(SDP_LINES_MAX + 1)).is_none());
    }
}
