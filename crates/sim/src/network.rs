//! Connections: ordered and reliable until they break, and then their last frames may still arrive.

use crate::world::{Happening, World};
use bytes::Bytes;
use delivery::{ConnId, Prepared};
use protocol::event::{Input, Link};
use std::collections::BTreeMap;
use wire::id::LaneId;
use wire::node::{Event, Handle, Request, RequestId, encode_requests, parse_events, parse_requests, request_bytes};

/// Bytes of requests in one frame.
const FRAME_BYTES: usize = 256 << 10;

/// One connection between a phone and one history of a node.
pub(crate) struct Conn {
    phone: usize,
    life: u32,
    link: Link,
    server: usize,
    side: usize,
    node_life: u32,
    at_node: Option<ConnId>,
    is_open: bool,
    sent: u64,
    /// Frames from here on are lost.
    cut_at: u64,
    /// A broken connection's last frames do not arrive before this time.
    ghost_from_ms: u64,
    to_node_ms: u64,
    to_phone_ms: u64,
    /// Lanes that requests and handles speak of, for the book.
    pub(crate) asked: BTreeMap<RequestId, LaneId>,
    pub(crate) lanes: BTreeMap<Handle, LaneId>,
}

impl World {
    /// Tries to connect, with backoff after failures.
    pub(crate) fn dial_later(&mut self, at: usize, link: &Link) {
        let latency = self.latency();
        let jitter = self.dice.below(500);
        let life = self.phones[at].life;
        let Some(status) = self.link_status(at, link) else { return };
        if status.is_dialing || status.conn.is_some() {
            return;
        }
        status.is_dialing = true;
        let wait_ms = if status.tries == 0 { latency } else { latency + jitter + (250 << status.tries.min(8)) };
        self.at(self.now_ms + wait_ms, Happening::Dial { phone: at, life, link: link.clone() });
    }

    pub(crate) fn dial(&mut self, at: usize, link: Link) {
        let life = self.phones[at].life;
        let Some(server) = self.server_of(&link.node_url) else { return };
        let side = self.side_of(server, at);
        let is_shut = self.shut.contains(&(at, link.kind));
        let is_reachable = self.servers[server].sides[side].is_up && !self.phones[at].is_cut_off && !is_shut;
        let Some(status) = self.link_status(at, &link) else { return };
        status.is_dialing = false;
        if !is_reachable {
            status.tries += 1;
            self.feed(at, Input::Disconnected(link.clone()));
            return self.dial_later(at, &link);
        }
        status.tries = 0;
        let nonce = self.dice.bytes();
        let now_ms = self.now_ms;
        let place = &mut self.servers[server].sides[side];
        let Ok(at_node) = place.node.connect(now_ms, nonce) else {
            return self.dial_later(at, &link);
        };
        let conn = self.conns.len();
        self.conns.push(Conn {
            phone: at,
            life,
            link: link.clone(),
            server,
            side,
            node_life: place.life,
            at_node: Some(at_node),
            is_open: true,
            sent: 0,
            cut_at: u64::MAX,
            ghost_from_ms: 0,
            to_node_ms: now_ms,
            to_phone_ms: now_ms,
            asked: BTreeMap::new(),
            lanes: BTreeMap::new(),
        });
        if let Some(status) = self.link_status(at, &link) {
            status.conn = Some(conn);
        }
        self.feed(at, Input::Connected(link));
        self.pump_node(server, side);
    }

    /// Breaks a phone's connection at its end; what was on its way may be lost or late.
    pub(crate) fn break_link(&mut self, at: usize, link: &Link) {
        let Some(conn) = self.link_status(at, link).and_then(|status| status.conn.take()) else { return };
        let delivered = self.dice.below(4);
        let ghost_ms = if self.dice.chance(300) { self.dice.below(20_000) } else { 0 };
        let end_ms = self.dice.below(10_000);
        let now_ms = self.now_ms;
        let broken = &mut self.conns[conn];
        if !broken.is_open {
            return;
        }
        broken.is_open = false;
        broken.cut_at = broken.sent.saturating_sub(delivered);
        broken.ghost_from_ms = now_ms + ghost_ms;
        let end_ms = broken.to_node_ms.max(broken.ghost_from_ms) + end_ms;
        self.at(end_ms, Happening::NodeEnd { conn });
    }

    /// Breaks a connection and lets the phone know.
    pub fn lose_connection(&mut self, at: usize, link: &Link) {
        if self.link_status(at, link).is_some_and(|status| status.conn.is_some()) {
            self.note(|| format!("phone {at} loses {:?}", link.kind));
            self.book.counts.breaks += 1;
            self.break_link(at, link);
            let (delay, life) = (self.latency(), self.phones[at].life);
            self.at(self.now_ms + delay, Happening::Learn { phone: at, life, link: link.clone() });
        }
    }

    /// Cuts a phone off from every node, or lets it back.
    pub fn cut_off(&mut self, at: usize, is_cut_off: bool) {
        self.note(|| format!("phone {at} cut off: {is_cut_off}"));
        self.phones[at].is_cut_off = is_cut_off;
        if is_cut_off {
            let links: Vec<Link> = self.phones[at].links.keys().cloned().collect();
            links.iter().for_each(|link| self.lose_connection(at, link));
        }
    }

    pub(crate) fn send(&mut self, at: usize, link: &Link, requests: Vec<(RequestId, Request)>) {
        let Some(conn) = self.link_status(at, link).and_then(|status| status.conn) else { return };
        let (mut frames, mut frame, mut bytes) = (Vec::new(), Vec::new(), 0);
        for (id, request) in requests {
            let more = request_bytes(&request);
            if bytes + more > FRAME_BYTES && !frame.is_empty() {
                frames.push(std::mem::take(&mut frame));
                bytes = 0;
            }
            bytes += more;
            frame.push((id, request));
        }
        frames.push(frame);
        for frame in frames {
            if !self.conns[conn].is_open {
                return;
            }
            for (id, request) in &frame {
                let lane = match request {
                    Request::Open(open) => Some(open.lane_id),
                    Request::Append(append) => self.conns[conn].lanes.get(&append.handle).copied(),
                    Request::Read { handle, .. } | Request::Attest { handle } => {
                        self.conns[conn].lanes.get(handle).copied()
                    }
                    _ => None,
                };
                if let Some(lane) = lane {
                    self.conns[conn].asked.insert(*id, lane);
                }
            }
            let latency = self.latency();
            let now_ms = self.now_ms;
            let state = &mut self.conns[conn];
            let nth = state.sent;
            state.sent += 1;
            state.to_node_ms = state.to_node_ms.max(now_ms + latency);
            let due_ms = state.to_node_ms;
            let frame = encode_requests(frame);
            self.at(due_ms, Happening::ToNode { conn, nth, frame });
            if self.dice.chance(self.weather.breaks) {
                self.lose_connection(at, link);
            }
        }
    }

    pub(crate) fn at_node(&mut self, conn: usize, nth: u64, frame: Bytes) {
        let now_ms = self.now_ms;
        let state = &mut self.conns[conn];
        let (server, side) = (state.server, state.side);
        if nth >= state.cut_at || state.node_life != self.servers[server].sides[side].life {
            return;
        }
        if now_ms < state.ghost_from_ms {
            let later_ms = state.ghost_from_ms;
            return self.at(later_ms, Happening::ToNode { conn, nth, frame });
        }
        let Some(at_node) = state.at_node else { return };
        let is_ghost = !state.is_open;
        let phone = state.phone;
        let kind = state.link.kind;
        let requests = match parse_requests(frame) {
            Ok(requests) => requests,
            Err(error) => return self.book.wrong(format!("a client's frame does not parse: {error}")),
        };
        if is_ghost {
            self.book.counts.ghosts += 1;
            self.note(|| format!("ghost of phone {phone} {kind:?} frame {nth}"));
        }
        let place = &mut self.servers[server].sides[side];
        for request in requests {
            place.node.handle(now_ms, &place.disk, at_node, Prepared::new(request));
        }
        self.pump_node(server, side);
    }

    /// Somebody who is no client of ours connects to a node's first history.
    pub fn stranger(&mut self, server: usize) -> Option<ConnId> {
        let nonce = self.dice.bytes();
        let conn = self.servers[server].sides[0].node.connect(self.now_ms, nonce).ok()?;
        self.strangers.insert((server, conn), Vec::new());
        self.pump_node(server, 0);
        Some(conn)
    }

    /// A stranger asks, and hears what the node says within a moment.
    pub fn stranger_asks(&mut self, server: usize, conn: ConnId, requests: Vec<Request>) -> Vec<Event> {
        let requests = requests.into_iter().zip(1..).map(|(request, id)| (id, request)).collect();
        let now_ms = self.now_ms;
        let place = &mut self.servers[server].sides[0];
        for request in parse_requests(encode_requests(requests)).expect("a frame of ours parses") {
            place.node.handle(now_ms, &place.disk, conn, Prepared::new(request));
        }
        self.pump_node(server, 0);
        self.run_for(50);
        self.strangers.get_mut(&(server, conn)).map(std::mem::take).unwrap_or_default()
    }

    /// Takes what the node has to say and to store.
    pub(crate) fn pump_node(&mut self, server: usize, side: usize) {
        let now_ms = self.now_ms;
        let place = &mut self.servers[server].sides[side];
        if place.batch.is_none()
            && let Some(batch) = place.node.take_batch(now_ms)
        {
            place.batch = Some(batch);
            let life = place.life;
            let disk_ms = 1 + self.dice.below(10);
            self.at(now_ms + disk_ms, Happening::Commit { server, side, life });
        }
        let mut wakes = Vec::new();
        self.servers[server].sides[side].node.take_wakes(&mut wakes);
        for wake in wakes {
            let frames = self.servers[server].drain(side, wake);
            if let Some(heard) = self.strangers.get_mut(&(server, wake)) {
                let events = frames.into_iter().filter_map(|frame| parse_events(frame).ok()).flatten();
                heard.extend(events.map(|(_, event)| event));
                continue;
            }
            let life = self.servers[server].sides[side].life;
            let conn = self.conns.iter().rposition(|conn| {
                conn.server == server && conn.side == side && conn.node_life == life && conn.at_node == Some(wake)
            });
            let Some(conn) = conn else { continue };
            for frame in frames {
                let latency = self.latency();
                let state = &mut self.conns[conn];
                state.to_phone_ms = state.to_phone_ms.max(now_ms + latency);
                let due_ms = state.to_phone_ms;
                self.at(due_ms, Happening::ToPhone { conn, frame });
            }
        }
    }

    pub(crate) fn at_phone(&mut self, conn: usize, frame: Bytes) {
        let events = match parse_events(frame) {
            Ok(events) => events,
            Err(error) => return self.book.wrong(format!("a node's frame does not parse: {error}")),
        };
        for (id, event) in events {
            self.book.hear(&mut self.conns[conn], id, &event);
            let state = &self.conns[conn];
            if !state.is_open || self.phones[state.phone].life != state.life {
                continue;
            }
            let (phone, link) = (state.phone, state.link.clone());
            let is_new = matches!(event, Event::Push { .. } | Event::Page(_) | Event::Lag { .. });
            if is_new && self.kept_in_the_dark.contains(&phone) {
                continue;
            }
            self.feed(phone, Input::Event(link, id, event));
        }
        let state = &self.conns[conn];
        let (phone, link) = (state.phone, state.link.clone());
        if state.is_open && self.dice.chance(self.weather.breaks) {
            self.lose_connection(phone, &link);
        }
    }

    pub(crate) fn end_at_node(&mut self, conn: usize) {
        let state = &mut self.conns[conn];
        let (server, side) = (state.server, state.side);
        let at_node = state.at_node.take();
        let place = &mut self.servers[server].sides[side];
        if let Some(at_node) = at_node
            && place.life == state.node_life
        {
            place.node.disconnect(at_node);
        }
    }

    pub(crate) fn node_commit(&mut self, server: usize, side: usize, life: u32) {
        if self.servers[server].sides[side].life != life {
            return;
        }
        if self.dice.chance(self.weather.node_crashes) {
            let is_stored = self.dice.chance(500);
            self.note(|| format!("node {server}.{side} dies, batch stored: {is_stored}"));
            return self.kill_node(server, side, is_stored);
        }
        if self.dice.chance(self.weather.node_disk_errors) {
            let fault = if self.dice.chance(500) { crate::disk::Fault::Forgets } else { crate::disk::Fault::Persists };
            self.note(|| format!("node {server}.{side} disk: {fault:?}"));
            self.servers[server].sides[side].disk.fault.set(fault);
            // After a failed write a node's process ends (decision 12).
            return self.kill_node(server, side, true);
        }
        self.servers[server].commit(side);
        self.pump_node(server, side);
    }

    /// The node's process dies, before or after its batch is durable, and comes back.
    pub fn kill_node(&mut self, server: usize, side: usize, is_stored: bool) {
        self.book.counts.node_crashes += 1;
        if is_stored {
            self.servers[server].commit_and_kill(side);
        } else {
            self.servers[server].kill(side);
        }
        let broken: Vec<(usize, Link)> = self
            .conns
            .iter()
            .filter(|conn| conn.server == server && conn.side == side && conn.is_open)
            .map(|conn| (conn.phone, conn.link.clone()))
            .collect();
        for (phone, link) in broken {
            self.lose_connection(phone, &link);
        }
        let away_ms = 1 + self.dice.below(3_000);
        self.at(self.now_ms + away_ms, Happening::NodeStart { server, side });
    }
}
