//! Who gets which seat: which source goes to which slot of a receiver, and in which layer. Wishes come first; without
//! any, whoever is there. Voices are those that send most, for nothing else is known of them.

use super::policy::LAYERS;
use super::slot::{Feed, Slot};
use super::source::Source;
use super::{person::PersonId, policy::TICK};
use std::time::{Duration, Instant};
use str0m::media::MediaKind;
use wire::room::RoomSlot;

/// A picture for which there is no room is paused after so long.
const PAUSE_SHORT: Duration = Duration::from_secs(3);
/// A layer is raised this long after it was raised before.
const RAISE_EVERY: Duration = Duration::from_secs(1);
/// A voice keeps its seat for so long at least.
const KEEP_VOICE: Duration = Duration::from_secs(1);
/// How many times as much a voice must send to take another's seat.
const LOUDER: u64 = 2;
/// What of the estimate is used for media, in percent.
const SHARE: u64 = 90;

/// A source as receivers choose it.
#[derive(Debug, Clone)]
pub(super) struct Offer {
    pub(super) person: PersonId,
    pub(super) number: u32,
    /// Its place among the person's sources.
    pub(super) source: usize,
    /// Its number among those of its kind.
    pub(super) nth: u32,
    pub(super) kind: MediaKind,
    pub(super) rates: [Option<u64>; LAYERS],
}

impl Offer {
    /// What a person's sources offer.
    pub(super) fn all_of(person: PersonId, number: u32, sources: &[Source], now: Instant, offers: &mut Vec<Self>) {
        let mut counts = [0; 2];
        for (source, it) in sources.iter().enumerate() {
            let nth = &mut counts[usize::from(it.kind == MediaKind::Video)];
            let offer = Self { person, number, source, nth: *nth, kind: it.kind, rates: it.rates(now) };
            *nth += 1;
            offers.push(offer);
        }
    }

    fn is_sent(&self) -> bool {
        self.rates.iter().any(Option::is_some)
    }

    fn rate(&self) -> u64 {
        self.rates.iter().flatten().sum()
    }

    fn feed(&self, layer_max: usize) -> Feed {
        let Self { person, number, nth, source, .. } = *self;
        Feed { person, number, nth, source, layer: None, target: None, layer_max }
    }
}

/// Gives the slots of one receiver their sources; whether anything changed.
pub(super) fn assign(
    now: Instant,
    own: PersonId,
    slots: &mut [Slot],
    want: Option<&[RoomSlot]>,
    offers: &[Offer],
) -> bool {
    let is_videos = match want {
        Some(want) => assign_wanted(now, own, slots, want, offers),
        None => assign_any(now, own, slots, offers),
    };
    assign_voices(now, own, slots, offers) || is_videos
}

fn set(now: Instant, slot: &mut Slot, feed: Option<Feed>) -> bool {
    let is_same = match (&slot.feed, &feed) {
        (Some(old), Some(new)) => (old.person, old.source) == (new.person, new.source),
        (None, None) => true,
        (Some(_), None) | (None, Some(_)) => false,
    };
    match (is_same, feed) {
        (true, new) => {
            if let (Some(old), Some(new)) = (&mut slot.feed, new) {
                old.layer_max = new.layer_max;
            }
        }
        (false, new) => slot.set_feed(now, new),
    }
    !is_same
}

fn assign_wanted(now: Instant, own: PersonId, slots: &mut [Slot], want: &[RoomSlot], offers: &[Offer]) -> bool {
    let mut is_changed = false;
    for slot in slots.iter_mut().filter(|slot| slot.kind == MediaKind::Video) {
        let wanted = want.iter().find(|wanted| *slot.mid == *wanted.mid);
        let offer = wanted.and_then(|wanted| {
            let fits = |offer: &&Offer| {
                offer.kind == MediaKind::Video
                    && offer.person != own
                    && (offer.number, offer.nth) == (wanted.person, wanted.source)
            };
            let layer_max = (wanted.layer as usize).min(LAYERS - 1);
            offers.iter().find(fits).map(|offer| offer.feed(layer_max))
        });
        is_changed |= set(now, slot, offer);
    }
    is_changed
}

fn assign_any(now: Instant, own: PersonId, slots: &mut [Slot], offers: &[Offer]) -> bool {
    let is_offered = |feed: &Feed| {
        offers.iter().any(|offer| (offer.person, offer.source) == (feed.person, feed.source) && offer.is_sent())
    };
    let mut is_changed = false;
    for slot in slots.iter_mut().filter(|slot| slot.kind == MediaKind::Video) {
        if slot.feed.as_ref().is_some_and(|feed| !is_offered(feed)) {
            is_changed |= set(now, slot, None);
        }
    }
    for offer in offers.iter().filter(|offer| offer.kind == MediaKind::Video && offer.person != own && offer.is_sent())
    {
        if has(slots, offer) {
            continue;
        }
        let free = slots.iter_mut().find(|slot| slot.kind == MediaKind::Video && slot.feed.is_none());
        let Some(free) = free else { break };
        is_changed |= set(now, free, Some(offer.feed(LAYERS - 1)));
    }
    is_changed
}

fn has(slots: &[Slot], offer: &Offer) -> bool {
    let is_it = |feed: &Feed| (feed.person, feed.source) == (offer.person, offer.source);
    slots.iter().any(|slot| slot.feed.as_ref().is_some_and(is_it))
}

fn assign_voices(now: Instant, own: PersonId, slots: &mut [Slot], offers: &[Offer]) -> bool {
    let voices = || offers.iter().filter(|offer| offer.kind == MediaKind::Audio && offer.person != own);
    let rate_of = |feed: &Feed| {
        let mut found = voices().filter(|offer| (offer.person, offer.source) == (feed.person, feed.source));
        found.next().map(Offer::rate)
    };
    let mut is_changed = false;
    for slot in slots.iter_mut().filter(|slot| slot.kind == MediaKind::Audio) {
        if slot.feed.as_ref().is_some_and(|feed| rate_of(feed).is_none()) {
            is_changed |= set(now, slot, None);
        }
    }
    for offer in voices().filter(|offer| offer.is_sent()) {
        if has(slots, offer) {
            continue;
        }
        let mut audio = slots.iter_mut().filter(|slot| slot.kind == MediaKind::Audio);
        let free = audio.find(|slot| slot.feed.is_none());
        let taken = match free {
            Some(free) => Some(free),
            None => {
                let may_end = |slot: &&mut Slot| {
                    slot.since.is_none_or(|since| now.saturating_duration_since(since) >= KEEP_VOICE)
                };
                let audio = slots.iter_mut().filter(|slot| slot.kind == MediaKind::Audio).filter(may_end);
                let quietest = audio.min_by_key(|slot| slot.feed.as_ref().and_then(rate_of));
                quietest.filter(|slot| {
                    let rate = slot.feed.as_ref().and_then(rate_of).unwrap_or(0);
                    offer.rate() > rate.saturating_mul(LOUDER)
                })
            }
        };
        if let Some(slot) = taken {
            let mut feed = offer.feed(0);
            feed.target = Some(0);
            is_changed |= set(now, slot, Some(feed));
        }
    }
    is_changed
}

/// A video of a receiver, while layers are chosen.
struct Choice {
    /// The slot's place.
    at: usize,
    rates: [Option<u64>; LAYERS],
    layer_max: usize,
    layer: Option<usize>,
}

/// Chooses the layer of each video of a receiver within what its connection carries: first all of them small, then
/// each larger in turn. What is shown stays small for a while where there is no room for it: less sent is less measured, and
/// an estimate that fell for a moment would take long to come back. Whose target changed needs a key frame: their places are returned.
pub(super) fn choose_layers(now: Instant, slots: &mut [Slot], offers: &[Offer], estimate_bps: u64) -> Vec<usize> {
    let mut left = estimate_bps / 100 * SHARE;
    let rates_of = |slot: &Slot| {
        let feed = slot.feed.as_ref()?;
        let is_it = |offer: &&Offer| (offer.person, offer.source) == (feed.person, feed.source);
        offers.iter().find(is_it).map(|offer| (feed.layer_max, offer.rates))
    };
    for slot in slots.iter().filter(|slot| slot.kind == MediaKind::Audio) {
        left = left.saturating_sub(rates_of(slot).and_then(|(_, rates)| rates[0]).unwrap_or(0));
    }
    let mut chosen: Vec<Choice> = Vec::new();
    for (at, slot) in slots.iter_mut().enumerate().filter(|(_, slot)| slot.kind == MediaKind::Video) {
        let Some((layer_max, rates)) = rates_of(slot) else { continue };
        // The smallest that is sent, even where it is larger than what is wanted.
        let least = rates.iter().position(Option::is_some);
        let cost = least.and_then(|least| rates[least]).unwrap_or(0);
        // One picture at least is shown, however bad it gets.
        let has_room = cost <= left || chosen.is_empty();
        let short_since = if has_room { None } else { Some(slot.short_since.unwrap_or(now)) };
        slot.short_since = short_since;
        let is_shown = slot.feed.as_ref().is_some_and(|feed| feed.target.is_some());
        let is_kept = is_shown && short_since.is_some_and(|since| now.saturating_duration_since(since) < PAUSE_SHORT);
        let is_paid = has_room || is_kept;
        left = left.saturating_sub(if is_paid { cost } else { 0 });
        chosen.push(Choice { at, rates, layer_max, layer: least.filter(|_| is_paid) });
    }
    for next in 1..LAYERS {
        for Choice { rates, layer_max, layer, .. } in &mut chosen {
            let (Some(now_at), Some(rate)) = (*layer, rates[next]) else { continue };
            let more = rate.saturating_sub(rates[now_at].unwrap_or(0));
            if next <= *layer_max && next > now_at && more <= left {
                left -= more;
                *layer = Some(next);
            }
        }
    }
    let mut need_key_frame = Vec::new();
    for Choice { at, rates, layer, .. } in chosen {
        if settle(now, &mut slots[at], &rates, layer) {
            need_key_frame.push(at);
        }
    }
    need_key_frame
}

/// What all that a receiver wants would take, with some room above it.
pub(super) fn desired_bps(slots: &[Slot], offers: &[Offer]) -> u64 {
    let wanted = slots.iter().filter_map(|slot| {
        let feed = slot.feed.as_ref()?;
        let offer = offers.iter().find(|offer| (offer.person, offer.source) == (feed.person, feed.source))?;
        offer.rates.iter().take(feed.layer_max + 1).flatten().max().copied()
    });
    let all: u64 = wanted.fold(0, u64::saturating_add);
    all.saturating_add(all / 4)
}

/// Takes a chosen layer: lower at once, higher not too often; whether it needs a key frame.
fn settle(now: Instant, slot: &mut Slot, rates: &[Option<u64>; LAYERS], chosen: Option<usize>) -> bool {
    let Some(feed) = &mut slot.feed else { return false };
    let raises = matches!((feed.target, chosen), (Some(now_at), Some(next)) if next > now_at);
    let is_sent = feed.target.is_some_and(|target| rates.get(target).copied().flatten().is_some());
    let is_early = slot.raised_at.is_some_and(|at| now.saturating_duration_since(at) < RAISE_EVERY + TICK);
    if raises && is_sent && is_early {
        return feed.layer != feed.target;
    }
    if feed.target != chosen {
        feed.target = chosen;
        slot.raised_at = Some(now);
        if chosen.is_none() {
            feed.layer = None;
        }
    }
    feed.target.is_some() && feed.layer != feed.target
}

#[cfg(test)]
mod tests {
    use super::*;
    use str0m::media::Mid;

    const OWN: PersonId = PersonId(1);

    fn offer(person: u64, kind: MediaKind, rates: [Option<u64>; LAYERS]) -> Offer {
        Offer { person: PersonId(person), number: person as u32, source: 0, nth: 0, kind, rates }
    }

    fn slots(kind: MediaKind, count: usize) -> Vec<Slot> {
        (0..count).map(|at| Slot::new(Mid::from(format!("s{at}").as_str()), kind)).collect()
    }

    fn people(slots: &[Slot]) -> Vec<Option<u64>> {
        slots.iter().map(|slot| slot.feed.as_ref().map(|feed| feed.person.0)).collect()
    }

    #[test]
    fn videos_fill_free_slots_and_nobody_sees_themselves() {
        let now = Instant::now();
        let rates = [Some(100), None, None];
        let offers: Vec<Offer> = (1..5).map(|person| offer(person, MediaKind::Video, rates)).collect();
        let mut slots = slots(MediaKind::Video, 2);
        assert!(assign(now, OWN, &mut slots, None, &offers));
        assert_eq!(people(&slots), [Some(2), Some(3)]);
        assert!(!assign(now, OWN, &mut slots, None, &offers), "nothing changes by itself");
        assert!(assign(now, OWN, &mut slots, None, &offers[2..]));
        assert_eq!(people(&slots), [Some(4), Some(3)]);
    }

    #[test]
    fn wishes_are_followed_and_those_for_nobody_are_nothing() {
        let now = Instant::now();
        let offers: Vec<Offer> = (1..4).map(|person| offer(person, MediaKind::Video, [Some(1), None, None])).collect();
        let mut slots = slots(MediaKind::Video, 3);
        let wish = |mid: &str, person| RoomSlot { mid: mid.into(), person, source: 0, layer: 9 };
        let want = [wish("s2", 3), wish("s0", 77), wish("s1", 1), wish("no", 2)];
        assert!(assign(now, OWN, &mut slots, Some(&want), &offers));
        assert_eq!(people(&slots), [None, None, Some(3)]);
        assert_eq!(slots[2].feed.as_ref().map(|feed| feed.layer_max), Some(LAYERS - 1));
    }

    #[test]
    fn who_speaks_takes_the_seat_of_who_is_silent_after_a_while() {
        let start = Instant::now();
        let voice = |person, rate| offer(person, MediaKind::Audio, [Some(rate), None, None]);
        let mut slots = slots(MediaKind::Audio, 2);
        assign(start, OWN, &mut slots, None, &[voice(2, 2_000), voice(3, 30_000), voice(4, 2_000)]);
        assert_eq!(people(&slots), [Some(2), Some(3)]);
        let later = [voice(2, 2_000), voice(3, 30_000), voice(4, 30_000)];
        assign(start, OWN, &mut slots, None, &later);
        assert_eq!(people(&slots), [Some(2), Some(3)], "not at once");
        assign(start + KEEP_VOICE, OWN, &mut slots, None, &later);
        assert_eq!(people(&slots), [Some(4), Some(3)]);
    }

    fn targets(slots: &[Slot]) -> Vec<Option<usize>> {
        slots.iter().map(|slot| slot.feed.as_ref().and_then(|feed| feed.target)).collect()
    }

    #[test]
    fn layers_fit_what_the_connection_carries() {
        let start = Instant::now();
        let rates = [Some(100_000), Some(300_000), Some(1_000_000)];
        let offers: Vec<Offer> = (2..6).map(|person| offer(person, MediaKind::Video, rates)).collect();
        let mut slots = slots(MediaKind::Video, 4);
        assign(start, OWN, &mut slots, None, &offers);
        assert_eq!(choose_layers(start, &mut slots, &offers, 250_000).len(), 2);
        assert_eq!(targets(&slots), [Some(0), Some(0), None, None]);
        let at = start + Duration::from_secs(5);
        choose_layers(at, &mut slots, &offers, 1_000_000);
        assert_eq!(targets(&slots), [Some(1), Some(1), Some(0), Some(0)]);
        choose_layers(at, &mut slots, &offers, 10_000_000);
        assert_eq!(targets(&slots), [Some(1), Some(1), Some(0), Some(0)], "not twice at once");
        choose_layers(at + Duration::from_secs(2), &mut slots, &offers, 10_000_000);
        assert_eq!(targets(&slots), [Some(2); 4]);
        let narrow = at + Duration::from_secs(2);
        choose_layers(narrow, &mut slots, &offers, 10_000);
        assert_eq!(targets(&slots), [Some(0); 4], "small at once, and not paused for a moment");
        choose_layers(narrow + PAUSE_SHORT - TICK, &mut slots, &offers, 1_000_000);
        choose_layers(narrow + PAUSE_SHORT, &mut slots, &offers, 10_000);
        assert!(targets(&slots).iter().all(Option::is_some), "it was wide enough in between");
        choose_layers(narrow + PAUSE_SHORT * 2, &mut slots, &offers, 10_000);
        assert_eq!(targets(&slots), [Some(0), None, None, None], "one is always shown");
    }
}
