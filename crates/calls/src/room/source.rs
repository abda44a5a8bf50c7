//! What somebody sends: one media with its layers, how much comes in each, and key frames that are asked for once.

use super::person::PersonId;
use super::policy::{KEY_FRAME_EVERY, LAYERS, TICK};
use std::time::{Duration, Instant};
use str0m::media::{MediaKind, Mid, Rid};

/// A layer without a packet for so long is not sent.
const ALIVE: Duration = Duration::from_secs(2);

/// One layer: a stream of its own.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Its name, where there is more than one.
    pub(super) rid: Option<Rid>,
    /// Bytes since the last tick.
    bytes: u64,
    /// Bits a second, smoothed.
    rate_bps: u64,
    heard_at: Option<Instant>,
    asked_at: Option<Instant>,
    /// Somebody waits for a key frame.
    is_wanted: bool,
}

impl Layer {
    /// Notes a packet.
    pub(super) fn hear(&mut self, now: Instant, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes as u64);
        self.heard_at = Some(now);
    }

    fn is_alive(&self, now: Instant) -> bool {
        self.heard_at.is_some_and(|at| now.saturating_duration_since(at) < ALIVE)
    }

    fn tick(&mut self) {
        let now_bps = self.bytes.saturating_mul(8_000) / (TICK.as_millis() as u64);
        self.bytes = 0;
        self.rate_bps =
            if self.rate_bps == 0 { now_bps } else { self.rate_bps.saturating_mul(3).saturating_add(now_bps) / 4 };
    }

    /// Asks for a key frame; many who ask are one.
    pub(super) fn want_key_frame(&mut self) {
        self.is_wanted = true;
    }

    /// Whether to ask the sender for a key frame now.
    pub(super) fn take_key_frame_request(&mut self, now: Instant) -> bool {
        let is_early = self.asked_at.is_some_and(|at| now.saturating_duration_since(at) < KEY_FRAME_EVERY);
        if !self.is_wanted || is_early {
            return false;
        }
        (self.is_wanted, self.asked_at) = (false, Some(now));
        true
    }
}

/// One media that somebody sends.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) mid: Mid,
    pub(super) kind: MediaKind,
    /// The smallest first.
    pub(super) layers: Vec<Layer>,
    /// Who receives it, and in which of their slots.
    pub(super) listeners: Vec<(PersonId, usize)>,
}

impl Source {
    /// A source with these layers, or with one that has no name.
    pub(super) fn new(mid: Mid, kind: MediaKind, rids: &[Rid]) -> Self {
        let named = rids.iter().take(LAYERS).map(|rid| Layer { rid: Some(*rid), ..Layer::default() });
        let mut layers: Vec<Layer> = named.collect();
        if layers.is_empty() {
            layers.push(Layer::default());
        }
        Self { mid, kind, layers, listeners: Vec::new() }
    }

    /// The number of a layer.
    pub(super) fn layer(&self, rid: Option<Rid>) -> Option<usize> {
        self.layers.iter().position(|layer| layer.rid == rid)
    }

    /// Bits a second of each layer; none of what is not sent.
    pub(super) fn rates(&self, now: Instant) -> [Option<u64>; LAYERS] {
        std::array::from_fn(|at| self.layers.get(at).filter(|layer| layer.is_alive(now)).map(|layer| layer.rate_bps))
    }

    /// Rolls the measures on.
    pub(super) fn tick(&mut self) {
        self.layers.iter_mut().for_each(Layer::tick);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_who_ask_for_a_key_frame_ask_once_in_a_while() {
        let start = Instant::now();
        let mut layer = Layer::default();
        let mut asked = 0;
        for ms in 0..10_000 {
            (0..100).for_each(|_| layer.want_key_frame());
            asked += u32::from(layer.take_key_frame_request(start + Duration::from_millis(ms)));
        }
        assert_eq!(u128::from(asked), 10_000 / KEY_FRAME_EVERY.as_millis());
    }

    #[test]
    fn a_layer_that_is_not_sent_has_no_rate() {
        let start = Instant::now();
        let mut source = Source::new(Mid::from("v"), MediaKind::Video, &[Rid::from("0"), Rid::from("1")]);
        source.layers[1].hear(start, 25_000);
        source.tick();
        assert_eq!(source.rates(start), [None, Some(1_000_000), None]);
        assert_eq!(source.rates(start + ALIVE), [None; LAYERS]);
    }
}
