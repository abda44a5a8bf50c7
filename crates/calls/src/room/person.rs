//! One person of a room: a WebRTC connection, what it sends, where it receives, what it may cost.

use super::policy::{
    ADDRESSES_MAX, CHANNEL_BYTES_MAX, PAUSE_AFTER, RESEND_FOR, RESEND_PACKETS, RESEND_SHARE, RoomPolicy, RoomRefusal,
    SAYS_PER_S, SOURCES_MAX, VIDEOS_MAX, VOICES_MAX,
};
use super::rooms::Sent;
use super::slot::{Outgoing, Slot};
use super::source::Source;
use crate::bucket::Bucket;
use bytes::Bytes;
use core::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;
use str0m::bwe::{Bitrate, BweKind};
use str0m::change::SdpOffer;
use str0m::channel::ChannelId;
use str0m::config::DtlsCert;
use str0m::format::CodecSpec;
use str0m::media::{KeyframeRequestKind, MediaAdded, MediaKind, Mid, Pt, Rids};
use str0m::net::{Protocol, Receive};
use str0m::rtp::{Extension, ExtensionMap, ExtensionValues, RtpPacket, RtpWrite};
use str0m::{Candidate, Event, IceConnectionState, Input, Output, Rtc};
use wire::id::RoomId;
use wire::room::{ROOM_CHANNEL, RoomSlot};

/// What is believed of a connection before anything was measured.
const FIRST_ESTIMATE_BPS: u64 = 1_500_000;
/// What is asked of the estimate to find out at most.
const DESIRED_BPS_MAX: u64 = 20_000_000;
/// The least that a connection is taken to carry.
const LEAST_BPS: u64 = 100_000;
/// Outputs of one input at most: more is a loop.
const OUTPUTS_MAX: usize = 20_000;

/// A person, by a number of the node's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct PersonId(pub(super) u64);

/// The connection is over, or broke.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Gone;

/// What an input brought.
#[derive(Default)]
pub(super) struct Heard {
    pub(super) packets: Vec<RtpPacket>,
    /// Slots whose receiver needs a key frame.
    pub(super) key_frames: Vec<Mid>,
    pub(super) says: Vec<Vec<u8>>,
    pub(super) is_open: bool,
}

/// Somebody in a room.
pub(super) struct Person {
    pub(super) room: RoomId,
    /// The number that others know.
    pub(super) number: u32,
    pub(super) label: Bytes,
    pub(super) resume: [u8; 16],
    pub(super) ufrag: String,
    pub(super) addresses: Vec<SocketAddr>,
    pub(super) sources: Vec<Source>,
    pub(super) slots: Vec<Slot>,
    /// What it wants to see; none: whatever there is.
    pub(super) want: Option<Vec<RoomSlot>>,
    pub(super) estimate_bps: u64,
    desired_bps: u64,
    pub(super) joined_at: Instant,
    pub(super) heard_at: Instant,
    pub(super) is_connected: bool,
    pub(super) is_dirty: bool,
    pub(super) is_told: bool,
    /// When it is to be advanced next.
    pub(super) deadline: Instant,
    /// The deadline that is waited for, not later.
    pub(super) queued_at: Instant,
    rtc: Rtc,
    channel: Option<ChannelId>,
    bytes: Bucket,
    packets: Bucket,
    says: Bucket,
}

/// How a person comes in.
pub(super) struct Entry<'a> {
    pub(super) room: RoomId,
    pub(super) number: u32,
    pub(super) label: Bytes,
    pub(super) resume: [u8; 16],
    pub(super) sdp: &'a str,
    pub(super) certificate: &'a DtlsCert,
    pub(super) addresses: &'a [SocketAddr],
}

impl Person {
    /// Answers an offer.
    pub(super) fn enter(
        now: Instant,
        now_ms: u64,
        policy: &RoomPolicy,
        entry: Entry<'_>,
    ) -> Result<(Self, String), RoomRefusal> {
        let Entry { room, number, label, resume, sdp, certificate, addresses } = entry;
        let mut rtc = builder(certificate).build(now);
        for address in addresses {
            let candidate = Candidate::host(*address, Protocol::Udp).map_err(|_| RoomRefusal::Denied)?;
            rtc.add_local_candidate(candidate);
        }
        let answered = catch_unwind(AssertUnwindSafe(|| {
            let offer = SdpOffer::from_sdp_string(sdp).ok()?;
            rtc.sdp_api().accept_offer(offer).ok().map(|answer| answer.to_sdp_string())
        }));
        let answer = answered.ok().flatten().ok_or(RoomRefusal::Malformed)?;
        let ufrag = rtc.direct_api().local_ice_credentials().ufrag;
        let person = Self {
            room,
            number,
            label,
            resume,
            ufrag,
            addresses: Vec::new(),
            sources: Vec::new(),
            slots: Vec::new(),
            want: None,
            estimate_bps: FIRST_ESTIMATE_BPS,
            desired_bps: 0,
            joined_at: now,
            heard_at: now,
            is_connected: false,
            is_dirty: false,
            is_told: false,
            deadline: now,
            queued_at: now,
            rtc,
            channel: None,
            bytes: Bucket::new(now_ms, policy.person_bytes_per_s),
            packets: Bucket::new(now_ms, policy.person_packets_per_s),
            says: Bucket::new(now_ms, SAYS_PER_S),
        };
        Ok((person, answer))
    }

    /// Whether it may send this much more now.
    pub(super) fn may_send(&mut self, now_ms: u64, bytes: usize) -> bool {
        self.packets.take(now_ms, 1) && self.bytes.take(now_ms, bytes as u64)
    }

    /// Whether it may say one thing more now.
    pub(super) fn may_say(&mut self, now_ms: u64) -> bool {
        self.says.take(now_ms, 1)
    }

    /// Whether it gets anything now.
    pub(super) fn is_listening(&self, now: Instant) -> bool {
        self.is_connected && now.saturating_duration_since(self.heard_at) < PAUSE_AFTER
    }

    /// Gives a datagram to the connection.
    pub(super) fn receive(
        &mut self,
        now: Instant,
        from: SocketAddr,
        to: SocketAddr,
        datagram: &[u8],
        sent: &mut Vec<Sent>,
        heard: &mut Heard,
    ) -> Result<(), Gone> {
        let taken = catch_unwind(AssertUnwindSafe(|| {
            // What is neither STUN, DTLS, RTP nor RTCP is nothing.
            let Ok(received) = Receive::new(Protocol::Udp, from, to, datagram) else { return Ok(false) };
            let input = Input::Receive(now, received);
            if !self.addresses.contains(&from) {
                if !self.rtc.accepts(&input) {
                    return Ok(false);
                }
                if self.addresses.len() < ADDRESSES_MAX {
                    self.addresses.push(from);
                }
            }
            self.rtc.handle_input(input).map(|()| true)
        }));
        match taken {
            Ok(Ok(true)) => {
                self.heard_at = now;
                self.drain(now, sent, heard)
            }
            // A packet that is wrong is dropped; the connection lives on.
            Ok(Ok(false) | Err(_)) => self.drain(now, sent, heard),
            Err(_) => Err(Gone),
        }
    }

    /// Moves time on, and what was written out.
    pub(super) fn advance(&mut self, now: Instant, sent: &mut Vec<Sent>, heard: &mut Heard) -> Result<(), Gone> {
        match catch_unwind(AssertUnwindSafe(|| self.rtc.handle_input(Input::Timeout(now)))) {
            Ok(Ok(())) => self.drain(now, sent, heard),
            Ok(Err(_)) | Err(_) => Err(Gone),
        }
    }

    fn drain(&mut self, now: Instant, sent: &mut Vec<Sent>, heard: &mut Heard) -> Result<(), Gone> {
        for _ in 0..OUTPUTS_MAX {
            let output = catch_unwind(AssertUnwindSafe(|| self.rtc.poll_output()));
            match output.map_err(|_| Gone)?.map_err(|_| Gone)? {
                Output::Timeout(at) => {
                    self.deadline = at;
                    return if self.rtc.is_alive() { Ok(()) } else { Err(Gone) };
                }
                Output::Transmit(transmit) => {
                    sent.push(Sent { to: transmit.destination, bytes: transmit.contents.into() });
                }
                Output::Event(event) => self.note(now, event, heard)?,
            }
        }
        Err(Gone)
    }

    fn note(&mut self, now: Instant, event: Event, heard: &mut Heard) -> Result<(), Gone> {
        match event {
            Event::RtpPacket(packet) => heard.packets.push(packet),
            Event::KeyframeRequest(request) => heard.key_frames.push(request.mid),
            Event::MediaAdded(added) => self.add_media(&added),
            Event::EgressBitrateEstimate(BweKind::Twcc { estimate, .. }) => self.estimate_bps = estimate.as_u64(),
            Event::ChannelOpen(id, label) if label == ROOM_CHANNEL && self.channel.is_none() => {
                (self.channel, self.is_told) = (Some(id), false);
                heard.is_open = true;
            }
            Event::ChannelData(data) if Some(data.id) == self.channel => heard.says.push(data.data),
            Event::ChannelClose(id) if Some(id) == self.channel => self.channel = None,
            Event::Connected => {
                (self.is_connected, self.heard_at) = (true, now);
                heard.is_open = true;
            }
            Event::IceConnectionStateChange(IceConnectionState::Disconnected) | Event::Closed => return Err(Gone),
            _ => {}
        }
        Ok(())
    }

    fn add_media(&mut self, added: &MediaAdded) {
        let count = |is_source: bool| match is_source {
            true => self.sources.iter().filter(|source| source.kind == added.kind).count(),
            false => self.slots.iter().filter(|slot| slot.kind == added.kind).count(),
        };
        if added.direction.is_receiving() && count(true) < SOURCES_MAX {
            let rids = match self.rtc.media(added.mid).map(|media| media.rids_rx()) {
                Some(Rids::Specific(rids)) => rids.clone(),
                _ => Vec::new(),
            };
            self.sources.push(Source::new(added.mid, added.kind, &rids));
        } else if added.direction.is_sending() {
            let slots_max = if added.kind == MediaKind::Video { VIDEOS_MAX } else { VOICES_MAX };
            if count(false) < slots_max
                && let Some(stream) = self.rtc.direct_api().stream_tx_by_mid(added.mid, None)
            {
                // It was paced where it was made; a second pacer would only add delay.
                stream.set_unpaced(true);
                stream.set_rtx_cache(RESEND_PACKETS, RESEND_FOR, Some(RESEND_SHARE));
                self.slots.push(Slot::new(added.mid, added.kind));
            }
        }
    }

    /// Which of its sources and layers a packet is of, and its codec.
    pub(super) fn origin(&mut self, packet: &RtpPacket) -> Option<(usize, usize, CodecSpec)> {
        let pt = packet.header.payload_type;
        let spec = self.rtc.codec_config().find(|params| params.pt() == pt)?.spec();
        let stream = self.rtc.direct_api().stream_rx(&packet.header.ssrc).map(|stream| (stream.mid(), stream.rid()));
        let (mid, rid) = stream?;
        let at = self.sources.iter().position(|source| source.mid == mid)?;
        Some((at, self.sources[at].layer(rid)?, spec))
    }

    /// This person's payload type for a codec in a media of theirs.
    fn payload_type(&self, mid: Mid, spec: CodecSpec) -> Option<Pt> {
        let media = self.rtc.media(mid)?;
        let fits = |params: &&str0m::format::PayloadParams| {
            let own = params.spec();
            media.remote_pts().contains(&params.pt()) && own.codec == spec.codec && own.format == spec.format
        };
        self.rtc.codec_config().params().iter().find(fits).map(|params| params.pt())
    }

    /// Sends a packet of somebody in a slot, if it is the slot's now; whether it did.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        at: usize,
        layer: usize,
        spec: CodecSpec,
        packet: &RtpPacket,
    ) -> bool {
        let Some(slot) = self.slots.get(at) else { return false };
        let mid = slot.mid;
        let pt_in = packet.header.payload_type;
        let pt = match slot.pts {
            Some((known, pt)) if known == pt_in => pt,
            _ => {
                let Some(pt) = self.payload_type(mid, spec) else { return false };
                self.slots[at].pts = Some((pt_in, pt));
                pt
            }
        };
        let clock_hz = packet.time.frequency().get();
        let passed = self.slots[at].pass(now, layer, spec.codec, packet, clock_hz);
        let Some(Outgoing { seq, time, patch }) = passed else { return false };
        let extensions = ExtensionValues {
            video_orientation: packet.header.ext_vals.video_orientation,
            ..ExtensionValues::default()
        };
        let mut write = RtpWrite::new(pt, seq.into(), time, now, packet.payload.clone())
            .marker(packet.header.marker)
            .ext_vals(extensions)
            .nackable(spec.codec.is_video());
        if let Some(patch) = patch {
            write = write.vp8_patch(patch);
        }
        let mut api = self.rtc.direct_api();
        let Some(stream) = api.stream_tx_by_mid(mid, None) else { return false };
        stream.write_rtp(write);
        true
    }

    /// Says how much it would take if the connection carried it: no more is tried out.
    pub(super) fn desire(&mut self, bps: u64) {
        let bps = bps.clamp(LEAST_BPS, DESIRED_BPS_MAX);
        // What hardly differs is no news.
        if bps.abs_diff(self.desired_bps) > self.desired_bps / 8 {
            self.desired_bps = bps;
            self.rtc.bwe().set_bitrate(Bitrate::bps(LEAST_BPS), Bitrate::bps(bps));
        }
    }

    /// Asks the sender for a key frame of a layer.
    pub(super) fn request_key_frame(&mut self, source: usize, layer: usize) {
        let Some(source) = self.sources.get(source) else { return };
        let (mid, rid) = (source.mid, source.layers.get(layer).and_then(|layer| layer.rid));
        if let Some(stream) = self.rtc.direct_api().stream_rx_by_mid(mid, rid) {
            stream.request_keyframe(KeyframeRequestKind::Pli);
        }
    }

    /// Says something on the data channel; false: not now.
    pub(super) fn tell(&mut self, bytes: &[u8]) -> bool {
        let Some(mut channel) = self.channel.and_then(|id| self.rtc.channel(id)) else { return false };
        channel.buffered_amount() < CHANNEL_BYTES_MAX && matches!(channel.write(true, bytes), Ok(true))
    }

    /// Ends the connection, and says so to the other side.
    pub(super) fn close(&mut self, now: Instant, sent: &mut Vec<Sent>) {
        // What cannot be said any more is known by silence.
        let _ = catch_unwind(AssertUnwindSafe(|| self.rtc.close()));
        let _ = self.drain(now, sent, &mut Heard::default());
    }
}

/// What every connection is made with. The extension for audio levels is left out: who speaks is nobody's business but
/// theirs who hear it.
fn builder(certificate: &DtlsCert) -> str0m::RtcConfig {
    let mut extensions = ExtensionMap::empty();
    extensions.set(2, Extension::AbsoluteSendTime);
    extensions.set(3, Extension::TransportSequenceNumber);
    extensions.set(4, Extension::RtpMid);
    extensions.set(10, Extension::RtpStreamId);
    extensions.set(11, Extension::RepairedRtpStreamId);
    extensions.set(13, Extension::VideoOrientation);
    Rtc::builder()
        .set_ice_lite(true)
        .set_rtp_mode(true)
        .set_dtls_cert(certificate.clone())
        .clear_codecs()
        .enable_opus(true, false)
        .enable_vp8(true)
        .enable_vp9(true)
        .enable_h264(true)
        .enable_av1(true)
        .set_extension_map(extensions)
        .enable_bwe(Some(Bitrate::bps(FIRST_ESTIMATE_BPS)))
        .set_sctp_max_buffered_amount(CHANNEL_BYTES_MAX * 2)
        .set_stats_interval(None)
}
