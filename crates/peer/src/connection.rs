//! One connection of two devices: a call's media, or a channel for bytes. Sans-IO: packets, descriptions and time come
//! in as arguments; [`Connection::take_outputs`] says what to do.
//!
//! `str0m` does ICE, DTLS, SRTP and SCTP. What it does not, relays and STUN, is in `ways`; what it must not see, frames
//! that are not sealed, stays in [`Frames`].

use crate::frames::{Frames, Keys, Kind};
pub use crate::ways::{Parcel, WayId};
use crate::ways::{RelayWay, Sorted, Way};
use calls::relayed::{Lookup, Relayed, RelayedError};
use std::collections::VecDeque;
use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};
use str0m::change::{SdpAnswer, SdpOffer, SdpPendingOffer};
use str0m::channel::ChannelId;
use str0m::format::Codec;
use str0m::media::{Direction, Frequency, KeyframeRequestKind, MediaData, MediaKind, MediaTime, Mid};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap};
use str0m::{Candidate, Event as RtcEvent, IceConnectionState, Input, Output as RtcOutput, Rtc};

/// Ways of one connection at most.
pub const WAYS_MAX: usize = 16;
/// Candidates of the other side that are taken at most.
pub const CANDIDATES_MAX: usize = 64;
/// Bytes of a description that is read.
pub const SDP_BYTES_MAX: usize = 64 << 10;
/// Outputs of one input at most: more is a loop.
const OUTPUTS_MAX: usize = 20_000;
/// Between two wishes for a key frame.
const KEY_FRAME_EVERY: Duration = Duration::from_millis(500);
/// A voice is not held back for longer, for a packet that comes late.
const LATE_VOICE: Duration = Duration::from_millis(120);
/// Packets of video that are kept to be sent again.
const RESEND_PACKETS: usize = 512;
/// Bytes that a channel holds before it takes no more.
const CHANNEL_BYTES_MAX: usize = 4 << 20;
/// Below so many bytes that wait, more may come.
const CHANNEL_LOW_BYTES: usize = 1 << 20;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Sound and picture.
    Call,
    /// One ordered, reliable channel of this name.
    Channel(&'static str),
}

/// What the connection cannot go on after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionError {
    /// A description that is none, or none for this.
    #[error("the other side's description cannot be used")]
    Description,
    /// The library gave up.
    #[error("the connection broke")]
    Broken,
}

/// A frame of a codec, opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// Which stream.
    pub kind: Kind,
    /// When it is to be heard or seen, in ticks of [`Kind::clock`].
    pub time: u64,
    /// What.
    pub bytes: Vec<u8>,
}

/// What happened.
#[derive(Debug, PartialEq, Eq)]
pub enum Event {
    /// We can be reached here: for the other side.
    Candidate(String),
    /// There are no more of them.
    Gathered,
    /// A relay is of no use.
    RelayFailed(RelayedError),
    /// The two are connected; whether without a relay on either side.
    Connected {
        /// No relay is between the two.
        is_direct: bool,
    },
    /// The other side is not heard any more.
    Lost,
    /// A frame came.
    Frame(Frame),
    /// A frame was not authentic, or there is no key yet.
    Dropped(Kind),
    /// The other side needs a key frame of our picture.
    KeyFrameWanted,
    /// The channel is open.
    Open,
    /// A message came on the channel.
    Message(Vec<u8>),
    /// The channel takes more.
    Low,
    /// The other side closed.
    Closed,
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Send this.
    Send(Parcel),
    /// Note this.
    Event(Event),
}

/// See the module's page.
pub struct Connection {
    rtc: Rtc,
    purpose: Purpose,
    start: Instant,
    now: Instant,
    deadline: Instant,
    pending: Option<SdpPendingOffer>,
    ways: Vec<Way>,
    /// Each local candidate, to be told again after a restart.
    told: Vec<String>,
    has_all_ways: bool,
    is_gathered: bool,
    remote_relays: Vec<SocketAddr>,
    candidates: usize,
    is_connected: bool,
    is_told_connected: bool,
    last_pair: Option<(SocketAddr, SocketAddr)>,
    mids: [Option<Mid>; 2],
    frames: Frames,
    asked_key_frame: Option<Instant>,
    channel: Option<ChannelId>,
    outputs: VecDeque<Output>,
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Connection({:?}, {} ways)", self.purpose, self.ways.len())
    }
}

fn guard<T>(work: impl FnOnce() -> Result<T, str0m::RtcError>) -> Result<T, ConnectionError> {
    // What comes from outside must not end this program, whatever the library makes of it.
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(_)) | Err(_) => Err(ConnectionError::Broken),
    }
}

fn build(purpose: Purpose, now: Instant) -> Rtc {
    let mut extensions = ExtensionMap::empty();
    extensions.set(2, Extension::AbsoluteSendTime);
    extensions.set(3, Extension::TransportSequenceNumber);
    extensions.set(4, Extension::RtpMid);
    let config = Rtc::builder().set_stats_interval(None);
    match purpose {
        Purpose::Call => config
            .clear_codecs()
            .enable_opus(true, false)
            .enable_vp8(true)
            .set_extension_map(extensions)
            .set_reordering_timeout_audio(Some(LATE_VOICE))
            .set_send_buffer_video(RESEND_PACKETS)
            .build(now),
        Purpose::Channel(_) => config.clear_codecs().set_sctp_max_buffered_amount(CHANNEL_BYTES_MAX).build(now),
    }
}

impl Connection {
    /// A connection that knows nobody yet.
    pub fn new(now: Instant, purpose: Purpose) -> Self {
        Self {
            rtc: build(purpose, now),
            purpose,
            start: now,
            now,
            deadline: now,
            pending: None,
            ways: Vec::new(),
            told: Vec::new(),
            has_all_ways: false,
            is_gathered: false,
            remote_relays: Vec::new(),
            candidates: 0,
            is_connected: false,
            is_told_connected: false,
            last_pair: None,
            mids: [None; 2],
            frames: Frames::default(),
            asked_key_frame: None,
            channel: None,
            outputs: VecDeque::new(),
        }
    }

    /// What this side offers, candidates apart; once more to find another way.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn offer(&mut self, now: Instant) -> Result<String, ConnectionError> {
        let purpose = self.purpose;
        let has_begun = self.rtc.direct_api().remote_dtls_fingerprint().is_some();
        let (rtc, mids) = (&mut self.rtc, &mut self.mids);
        let offered = guard(|| {
            let mut api = rtc.sdp_api();
            if has_begun {
                api.ice_restart(true);
            } else {
                match purpose {
                    Purpose::Call => {
                        for (kind, media) in Kind::BOTH.into_iter().zip([MediaKind::Audio, MediaKind::Video]) {
                            mids[kind.index()] = Some(api.add_media(media, Direction::SendRecv, None, None, None));
                        }
                    }
                    Purpose::Channel(label) => {
                        api.add_channel(label.to_owned());
                    }
                }
            }
            Ok(api.apply())
        })?;
        let (offer, pending) = offered.ok_or(ConnectionError::Broken)?;
        self.pending = Some(pending);
        self.retell(has_begun);
        self.advance(now)?;
        Ok(without_candidates(&offer.to_sdp_string()))
    }

    /// Answers what the other side offers, candidates apart.
    ///
    /// # Errors
    /// [`ConnectionError::Description`].
    pub fn answer(&mut self, now: Instant, sdp: &str) -> Result<String, ConnectionError> {
        let has_begun = self.rtc.direct_api().remote_dtls_fingerprint().is_some();
        self.note_candidates(sdp);
        let offer = read(sdp, SdpOffer::from_sdp_string)?;
        self.pending = None;
        let rtc = &mut self.rtc;
        let answered = guard(|| rtc.sdp_api().accept_offer(offer));
        let answer = answered.map_err(|_| ConnectionError::Description)?;
        self.retell(has_begun);
        self.advance(now)?;
        Ok(without_candidates(&answer.to_sdp_string()))
    }

    /// Takes the answer to [`Self::offer`].
    ///
    /// # Errors
    /// [`ConnectionError::Description`].
    pub fn accept(&mut self, now: Instant, sdp: &str) -> Result<(), ConnectionError> {
        let Some(pending) = self.pending.take() else { return Err(ConnectionError::Description) };
        self.note_candidates(sdp);
        let answer = read(sdp, SdpAnswer::from_sdp_string)?;
        let rtc = &mut self.rtc;
        guard(|| rtc.sdp_api().accept_answer(pending, answer)).map_err(|_| ConnectionError::Description)?;
        self.advance(now)
    }

    /// Whether an offer of ours waits for its answer.
    pub fn is_offering(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes a candidate of the other side; what is of no use is left out.
    pub fn add_candidate(&mut self, candidate: &str) {
        let candidate = candidate.strip_prefix("a=").unwrap_or(candidate);
        if self.candidates >= CANDIDATES_MAX {
            return;
        }
        self.candidates += 1;
        // Names under .local are not asked for: whoever hides behind one finds us.
        let parsed = catch_unwind(|| Candidate::from_sdp_string(candidate).ok());
        let Some(candidate) = parsed.ok().flatten() else { return };
        if candidate.proto() != Protocol::Udp {
            return;
        }
        if candidate.kind() == str0m::CandidateKind::Relayed {
            self.remote_relays.push(candidate.addr());
        }
        let rtc = &mut self.rtc;
        let _ = guard(|| {
            rtc.add_remote_candidate(candidate);
            Ok(())
        });
    }

    /// A socket of ours may be used as it is. `stun`: who says how it looks from outside; `seed` is random.
    pub fn add_host(
        &mut self,
        now: Instant,
        local: SocketAddr,
        stun: Option<SocketAddr>,
        seed: [u8; 32],
    ) -> Option<WayId> {
        let now_ms = self.ms(now);
        let lookup = stun.map(|server| (server, Lookup::new(now_ms, seed)));
        let id = self.add_way(Way::Host { local, lookup })?;
        if let Ok(candidate) = Candidate::host(local, Protocol::Udp) {
            self.add_local(candidate);
        }
        Some(id)
    }

    /// A relay may be asked for, from a socket or a stream of ours. `seed` is random.
    pub fn add_relay(
        &mut self,
        now: Instant,
        local: SocketAddr,
        server: SocketAddr,
        credential: (&str, &str),
        is_stream: bool,
        seed: [u8; 32],
    ) -> Option<WayId> {
        let (username, password) = (credential.0.to_owned(), credential.1.to_owned());
        let client = Relayed::new(self.ms(now), seed, username, password, is_stream);
        self.add_way(Way::Relay(Box::new(RelayWay { local, server, client, is_told: false })))
    }

    fn add_way(&mut self, way: Way) -> Option<WayId> {
        if self.ways.len() >= WAYS_MAX {
            return None;
        }
        self.ways.push(way);
        self.is_gathered = false;
        Some(WayId(self.ways.len() - 1))
    }

    /// There are no more ways: once they are looked into, [`Event::Gathered`] says so.
    pub fn end_ways(&mut self) {
        self.has_all_ways = true;
    }

    /// Takes the keys of the call.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn enter(&mut self, now: Instant, keys: &Keys) -> Result<(), ConnectionError> {
        let now_ms = self.ms(now);
        if self.frames.enter(now_ms, keys) {
            // What came before could not be opened: the picture begins anew.
            self.ask_key_frame();
        }
        self.advance(now)
    }

    /// Whether frames sent now arrive anywhere.
    pub fn is_flowing(&self) -> bool {
        self.is_connected && self.frames.is_keyed()
    }

    /// Seals a frame and sends it; false where it did not leave.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn send_frame(&mut self, now: Instant, frame: &Frame) -> Result<bool, ConnectionError> {
        let Some(mid) = self.mids[frame.kind.index()].filter(|_| self.is_connected) else { return Ok(false) };
        let codec = match frame.kind {
            Kind::Audio => Codec::Opus,
            Kind::Video => Codec::Vp8,
        };
        let Some(writer) = self.rtc.writer(mid) else { return Ok(false) };
        let Some(pt) = writer.payload_params().find(|params| params.spec().codec == codec).map(|params| params.pt())
        else {
            return Ok(false);
        };
        let Some(sealed) = self.frames.seal(frame.kind, &frame.bytes) else { return Ok(false) };
        let time = MediaTime::new(
            frame.time,
            match frame.kind {
                Kind::Audio => Frequency::FORTY_EIGHT_KHZ,
                Kind::Video => Frequency::NINETY_KHZ,
            },
        );
        let is_written = guard(|| writer.write(pt, now, time, sealed)).is_ok();
        self.advance(now)?;
        Ok(is_written)
    }

    /// Writes a message to the channel; false where it takes none now.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn send_message(&mut self, now: Instant, message: &[u8]) -> Result<bool, ConnectionError> {
        let (rtc, id) = (&mut self.rtc, self.channel);
        let Some(id) = id else { return Ok(false) };
        let is_taken = guard(|| match rtc.channel(id) {
            Some(mut channel) => channel.write(true, message),
            None => Ok(false),
        })?;
        self.advance(now)?;
        Ok(is_taken)
    }

    /// Bytes that wait in the channel.
    pub fn buffered(&mut self) -> usize {
        self.channel.and_then(|id| self.rtc.channel(id)).map_or(0, |mut channel| channel.buffered_amount())
    }

    /// Takes what a socket or a stream brought.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn receive(&mut self, now: Instant, way: WayId, from: SocketAddr, bytes: &[u8]) -> Result<(), ConnectionError> {
        let now_ms = self.ms(now);
        let Some(found) = self.ways.get_mut(way.0) else { return Ok(()) };
        match found.sort(now_ms, from, bytes) {
            Sorted::Packet(from, to, range) => {
                let rtc = &mut self.rtc;
                let taken = catch_unwind(AssertUnwindSafe(|| {
                    let Some(bytes) = bytes.get(range) else { return };
                    // What is neither STUN, DTLS, RTP nor RTCP is nothing; what is wrong is dropped.
                    let Ok(received) = Receive::new(Protocol::Udp, from, to, bytes) else { return };
                    let input = Input::Receive(now, received);
                    if rtc.accepts(&input) {
                        let _ = rtc.handle_input(input);
                    }
                }));
                taken.map_err(|_| ConnectionError::Broken)?;
            }
            Sorted::Mapped(mapped, local) => {
                if mapped != local
                    && let Ok(candidate) = Candidate::server_reflexive(mapped, local, Protocol::Udp)
                {
                    self.add_local(candidate);
                }
            }
            Sorted::Nothing => {}
        }
        self.drain(now)
    }

    /// Moves time on.
    ///
    /// # Errors
    /// [`ConnectionError::Broken`].
    pub fn advance(&mut self, now: Instant) -> Result<(), ConnectionError> {
        let now_ms = self.ms(now);
        self.ways.iter_mut().for_each(|way| way.tick(now_ms));
        let rtc = &mut self.rtc;
        guard(|| rtc.handle_input(Input::Timeout(now)))?;
        self.drain(now)
    }

    /// When to call [`Self::advance`] at the latest.
    pub fn wake(&self) -> Instant {
        let ways = self.ways.iter().filter_map(Way::wake_ms).min();
        let ways = ways.map_or(self.deadline, |ms| self.start + Duration::from_millis(ms));
        self.deadline.min(ways)
    }

    /// What to do, in order.
    pub fn take_outputs(&mut self) -> impl Iterator<Item = Output> + '_ {
        self.outputs.drain(..)
    }

    /// Says good-bye: to the other side, and to the relays.
    pub fn close(&mut self, now: Instant) {
        let rtc = &mut self.rtc;
        let _ = guard(|| rtc.close());
        let _ = self.drain(now);
        let now_ms = self.ms(now);
        for way in &mut self.ways {
            if let Way::Relay(relay) = way {
                relay.client.release(now_ms);
            }
        }
        self.flush_ways(now_ms);
    }

    fn ms(&self, now: Instant) -> u64 {
        u64::try_from(now.saturating_duration_since(self.start).as_millis()).unwrap_or(u64::MAX)
    }

    fn drain(&mut self, now: Instant) -> Result<(), ConnectionError> {
        self.now = now;
        let now_ms = self.ms(now);
        self.tell_relays();
        for _ in 0..OUTPUTS_MAX {
            let rtc = &mut self.rtc;
            match guard(|| rtc.poll_output())? {
                RtcOutput::Timeout(at) => {
                    self.deadline = at;
                    self.flush_ways(now_ms);
                    self.tell_connected();
                    return Ok(());
                }
                RtcOutput::Transmit(transmit) => {
                    let (source, to) = (transmit.source, transmit.destination);
                    self.last_pair = Some((source, to));
                    let sent = self
                        .ways
                        .iter_mut()
                        .enumerate()
                        .find_map(|(at, way)| way.send(now_ms, WayId(at), source, to, &transmit.contents));
                    self.outputs.extend(sent.flatten().map(Output::Send));
                }
                RtcOutput::Event(event) => self.note(event),
            }
        }
        Err(ConnectionError::Broken)
    }

    /// What relays found out, and what they have to say.
    fn tell_relays(&mut self) {
        let mut found = Vec::new();
        for way in &mut self.ways {
            let Way::Relay(relay) = way else { continue };
            if relay.is_told {
                continue;
            }
            if let Some(address) = relay.client.address() {
                relay.is_told = true;
                // RFC 8839 s.5.1 wants a base; ours is nobody's business.
                found.extend(Candidate::relayed(address, relay.local, Protocol::Udp).ok());
            } else if let Some(failure) = relay.client.failure() {
                relay.is_told = true;
                self.outputs.push_back(Output::Event(Event::RelayFailed(failure)));
            }
        }
        found.into_iter().for_each(|candidate| self.add_local(candidate));
        if self.has_all_ways && !self.is_gathered && self.ways.iter().all(Way::is_settled) {
            self.is_gathered = true;
            self.outputs.push_back(Output::Event(Event::Gathered));
        }
    }

    fn add_local(&mut self, candidate: Candidate) {
        let rtc = &mut self.rtc;
        let added = catch_unwind(AssertUnwindSafe(|| {
            rtc.add_local_candidate(candidate).map(|candidate| candidate.to_sdp_string())
        }));
        let Some(text) = added.ok().flatten() else { return };
        let text = text.strip_prefix("a=").unwrap_or(&text);
        // After a restart it is the same under another name.
        let text = text.split_once(" ufrag ").map_or(text, |(before, _)| before).to_owned();
        self.told.push(text.clone());
        self.outputs.push_back(Output::Event(Event::Candidate(text)));
    }

    /// After a restart the other side knows no candidate of ours any more.
    fn retell(&mut self, is_restart: bool) {
        if !is_restart {
            return;
        }
        self.candidates = 0;
        // Relays are asked for anew.
        self.told.retain(|text| !text.contains(" typ relay"));
        (self.is_connected, self.is_told_connected) = (false, false);
        self.outputs.extend(self.told.iter().map(|text| Output::Event(Event::Candidate(text.clone()))));
    }

    fn flush_ways(&mut self, now_ms: u64) {
        let mut parcels = Vec::new();
        for (at, way) in self.ways.iter_mut().enumerate() {
            way.take_outgoing(WayId(at), now_ms, &mut parcels);
        }
        self.outputs.extend(parcels.into_iter().map(Output::Send));
    }

    /// Once it is known over which pair packets go.
    fn tell_connected(&mut self) {
        if !self.is_connected || self.is_told_connected {
            return;
        }
        let Some((source, to)) = self.last_pair else { return };
        self.is_told_connected = true;
        let is_relay = |way: &Way| matches!(way, Way::Relay(relay) if relay.client.address() == Some(source));
        let is_direct = !self.ways.iter().any(is_relay) && !self.remote_relays.contains(&to);
        self.outputs.push_back(Output::Event(Event::Connected { is_direct }));
    }

    fn note_candidates(&mut self, sdp: &str) {
        for line in sdp.lines().take(SDP_BYTES_MAX / 16) {
            if line.starts_with("a=candidate:") && line.contains(" typ relay") {
                self.add_candidate(line.trim());
            }
        }
    }

    fn event(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn note(&mut self, event: RtcEvent) {
        match event {
            RtcEvent::Connected => {
                self.is_connected = true;
                // Its asking tells the other side that its frames can be opened here.
                if self.frames.is_keyed() {
                    self.ask_key_frame();
                }
            }
            RtcEvent::IceConnectionStateChange(IceConnectionState::Disconnected) => {
                (self.is_connected, self.is_told_connected) = (false, false);
                self.event(Event::Lost);
            }
            RtcEvent::IceConnectionStateChange(IceConnectionState::Connected | IceConnectionState::Completed)
                if self.rtc.is_connected() =>
            {
                self.is_connected = true;
            }
            RtcEvent::MediaAdded(added) => {
                let kind = if added.kind == MediaKind::Audio { Kind::Audio } else { Kind::Video };
                self.mids[kind.index()].get_or_insert(added.mid);
            }
            RtcEvent::MediaData(data) => self.take_media(data),
            RtcEvent::KeyframeRequest(_) => self.event(Event::KeyFrameWanted),
            RtcEvent::ChannelOpen(id, label)
                if self.channel.is_none() && Purpose::Call != self.purpose && label == label_of(self.purpose) =>
            {
                self.channel = Some(id);
                if let Some(mut channel) = self.rtc.channel(id) {
                    channel.set_buffered_amount_low_threshold(CHANNEL_LOW_BYTES);
                }
                self.event(Event::Open);
            }
            RtcEvent::ChannelData(data) if Some(data.id) == self.channel => self.event(Event::Message(data.data)),
            RtcEvent::ChannelBufferedAmountLow(id) if Some(id) == self.channel => self.event(Event::Low),
            RtcEvent::ChannelClose(id) if Some(id) == self.channel => {
                self.channel = None;
                self.event(Event::Closed);
            }
            RtcEvent::Closed => {
                self.is_connected = false;
                self.event(Event::Closed);
            }
            _ => {}
        }
    }

    fn take_media(&mut self, data: MediaData) {
        let Some(kind) = Kind::BOTH.into_iter().find(|kind| self.mids[kind.index()] == Some(data.mid)) else { return };
        let now_ms = self.ms(self.now);
        let time = data.time.rebase(match kind {
            Kind::Audio => Frequency::FORTY_EIGHT_KHZ,
            Kind::Video => Frequency::NINETY_KHZ,
        });
        let is_gap = kind == Kind::Video && !data.contiguous;
        match self.frames.open(now_ms, kind, data.data.to_vec()) {
            Some(bytes) => self.event(Event::Frame(Frame { kind, time: time.numer(), bytes })),
            None => self.event(Event::Dropped(kind)),
        }
        if is_gap {
            self.ask_key_frame();
        }
    }

    /// Asks the other side for a whole picture, not too often.
    pub fn ask_key_frame(&mut self) {
        let now = self.now;
        if self.asked_key_frame.is_some_and(|at| now < at + KEY_FRAME_EVERY) {
            return;
        }
        let Some(mid) = self.mids[Kind::Video.index()] else { return };
        let Some(mut writer) = self.rtc.writer(mid) else { return };
        if guard(|| writer.request_keyframe(None, KeyframeRequestKind::Pli)).is_ok() {
            self.asked_key_frame = Some(now);
        }
    }
}

fn label_of(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Call => "",
        Purpose::Channel(label) => label,
    }
}

fn read<T, E>(sdp: &str, parse: impl FnOnce(&str) -> Result<T, E>) -> Result<T, ConnectionError> {
    if sdp.len() > SDP_BYTES_MAX {
        return Err(ConnectionError::Description);
    }
    let parsed = catch_unwind(AssertUnwindSafe(|| parse(sdp).ok()));
    parsed.ok().flatten().ok_or(ConnectionError::Description)
}

/// Candidates follow by themselves.
fn without_candidates(sdp: &str) -> String {
    let is_kept = |line: &&str| !line.starts_with("a=candidate:") && !line.starts_with("a=end-of-candidates");
    sdp.lines().filter(is_kept).flat_map(|line| [line, "\r\n"]).collect()
}
