//! Signals and moves in, in lane order; what the machine decides out.

use super::own::Own;
use super::{Item, Known, Many};
use crate::calls::Calls;
use crate::calls::hear::{Turn, say};
use crate::timeline::{CallEntry, CallOutcome, KeptGroupCall};
use calls::call::Media;
use calls::many::{Due, Effect, Heard, Record, Signal};
use protocol::call::{CallError, CallPsk, Changed, Ground, Peer};
use protocol::content::{Call, CallChange, CallCommit, CallSignal, RoomSecret, UnderWay};
use protocol::event::{CallHeard, ConversationId};
use std::collections::BTreeSet;
use wire::id::{CallId, DeviceId};

/// Rings in groups of so many accounts at most.
pub(in crate::calls) const RING_ACCOUNTS_MAX: usize = 12;

/// A change as it was heard.
struct Came {
    call_id: CallId,
    commit: CallCommit,
    psk: Option<CallPsk>,
    members: Vec<Peer>,
    epoch: u64,
}

impl Calls {
    /// Takes what was heard of a group. `may_ring`: the group is small and not silenced, and who speaks not blocked.
    pub(in crate::calls) fn take_item(&mut self, turn: &mut Turn<'_>, may_ring: bool, item: Item) {
        let is_free = self.session.is_none() && self.many.own.is_none();
        let conversation = match item {
            Item::Heard(heard) => {
                let conversation = heard.conversation;
                self.many.hear(turn, may_ring && is_free, *heard);
                conversation
            }
            Item::Moved(conversation, members) => {
                self.many.moved(turn, conversation, members);
                conversation
            }
        };
        self.many.follow(turn, conversation);
    }
}

impl Many {
    fn moved(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, members: BTreeSet<DeviceId>) {
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let is_grown = !known.members.is_empty() && !members.is_subset(&known.members);
        known.machine.moved(turn.now_ms, &members, is_grown);
        known.members = members;
    }

    fn hear(&mut self, turn: &mut Turn<'_>, may_ring: bool, heard: CallHeard) {
        let CallHeard { conversation, sender, sent_ms, call, psk, epoch, members, is_live } = heard;
        let Call { call_id, signal } = call;
        let me = turn.device.identity();
        let heard = Heard {
            now_ms: turn.now_ms,
            sent_ms,
            age_ms: if is_live { 0 } else { turn.now_ms.saturating_sub(sent_ms) },
            sender: sender.device_id,
            is_ours: sender.account_id == me.account_id,
            may_ring,
        };
        let known = self.known(me.device_id, conversation);
        if known.members.is_empty() {
            known.members = turn.device.call_devices(conversation);
        }
        let is_present = known.machine.present().is_some_and(|present| present.call == call_id);
        turn.deeds.is_changed = true;
        match signal {
            CallSignal::UnderWay(under_way) => known.hear_under_way(heard, call_id, under_way),
            CallSignal::Join { key_package } if is_present => {
                known.key_packages.insert(sender.device_id, key_package);
                known.machine.hear(heard, call_id, Signal::Join);
            }
            CallSignal::Commit(commit) if is_present => {
                let came = Came { call_id, commit, psk, members, epoch };
                self.hear_commit(turn, conversation, heard, came);
            }
            CallSignal::Leave => known.machine.hear(heard, call_id, Signal::Leave),
            CallSignal::Over => known.machine.hear(heard, call_id, Signal::Over),
            CallSignal::Join { .. }
            | CallSignal::Commit(_)
            | CallSignal::Offer(_)
            | CallSignal::Ringing { .. }
            | CallSignal::Answer(_)
            | CallSignal::Candidates { .. }
            | CallSignal::Keys { .. }
            | CallSignal::Decline { .. }
            | CallSignal::HangUp { .. }
            | CallSignal::Unknown => {}
        }
    }

    /// Takes a part of a change; with the last one the call's group goes on.
    fn hear_commit(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, heard: Heard, came: Came) {
        let Came { call_id, commit, psk, members, epoch } = came;
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let Some(change) = known.gather(heard.sender, &commit) else { return };
        let own = self.own.as_mut().filter(|own| own.call_id == call_id);
        let Some(psk) = psk.filter(|_| commit.conversation_epoch == epoch) else {
            // Made for an epoch of the conversation that was over when it arrived.
            if let Some(group) = own.and_then(|own| own.group.as_mut()).filter(|group| group.awaits(&change))
                && turn.device.call_give_up(group).is_ok()
            {
                known.machine.changed(turn.now_ms);
            }
            return;
        };
        let ground = Ground { psk: &psk, members: &members };
        let me = turn.device.identity().device_id;
        let mut fate = Fate::Outside;
        if let Some(own) = own {
            if let Some(group) = &mut own.group {
                fate = match turn.device.call_hear(turn.rng, group, ground, heard.sender, &change) {
                    Ok(Changed::Entered) => match turn.device.call_group_keys(group) {
                        Ok(keys) => {
                            own.enter(keys);
                            Fate::Inside
                        }
                        Err(_) => Fate::FellOut,
                    },
                    // The machine reads it in the change.
                    Ok(Changed::PutOut) => {
                        own.fall_out();
                        Fate::Inside
                    }
                    Err(CallError::Change) => return,
                    Err(_) => Fate::FellOut,
                };
            } else if change.added.contains(&me) {
                fate = if own.try_enter(turn, call_id, ground, &change) { Fate::Entered } else { Fate::FellOut };
            }
        }
        let is_heard = match fate {
            Fate::Outside | Fate::Entered => change.epoch >= known.epoch && known.machine.knows(heard.sender),
            Fate::Inside | Fate::FellOut => true,
        };
        if !is_heard && !matches!(fate, Fate::Entered) {
            return;
        }
        known.epoch = change.epoch.saturating_add(1);
        known.key_packages.retain(|device, _| !change.added.contains(device));
        if let Some(room) = change.room {
            known.secret = Some(room);
            if let Some(own) = self.own.as_mut().filter(|own| own.call_id == call_id) {
                own.room.moved(random(turn));
                known.machine.room_moved();
            }
        }
        let (added, removed) = (change.added, change.removed);
        known.machine.hear(heard, call_id, Signal::Change { added, removed });
        match fate {
            Fate::Entered => known.machine.entered(turn.now_ms, &change.line),
            Fate::FellOut => {
                if let Some(own) = &mut self.own {
                    own.fall_out();
                }
                known.machine.fell_out(turn.now_ms);
            }
            Fate::Inside | Fate::Outside => {}
        }
    }

    /// Does what the machine of a group decided.
    pub(super) fn follow(&mut self, turn: &mut Turn<'_>, conversation: ConversationId) {
        loop {
            let Some(known) = self.known.get_mut(&conversation) else { return };
            let effects = known.machine.take_effects();
            if effects.is_empty() {
                break;
            }
            for effect in effects {
                turn.deeds.is_changed = true;
                self.perform(turn, conversation, effect);
            }
        }
        self.keep(turn, conversation);
    }

    fn perform(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, effect: Effect) {
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let mut says = |call_id, signal| turn.deeds.says.push(say(call_id, conversation, signal));
        match effect {
            Effect::Ring(_) => {}
            Effect::SayUnderWay(call_id) => {
                let own = self.own.as_ref().filter(|own| own.call_id == call_id);
                let epoch = own.and_then(|own| own.group.as_ref()).map(protocol::call::CallGroup::epoch);
                let (Some(epoch), Some(room), Some(opener)) = (epoch, known.secret.clone(), known.opener) else {
                    return;
                };
                let present = known.machine.present().filter(|present| present.call == call_id);
                let has_video = match (&present, own) {
                    (Some(present), _) => present.media == Media::Video,
                    (None, own) => own.is_some_and(|own| own.has_video),
                };
                let since_ms = present.as_ref().map_or(turn.now_ms, |present| present.since_ms);
                let line = present.map_or_else(|| vec![turn.device.identity().device_id], |present| present.line);
                says(call_id, CallSignal::UnderWay(UnderWay { has_video, since_ms, room, line, opener, epoch }));
            }
            Effect::SayJoin(call_id) => {
                let Some(own) = self.own.as_mut().filter(|own| own.call_id == call_id) else { return };
                let Ok(invitee) = turn.device.call_invitee(turn.rng) else { return };
                let key_package = invitee.key_package().to_vec().into();
                own.group = None;
                own.invite(invitee);
                says(call_id, CallSignal::Join { key_package });
            }
            Effect::SayLeave(call_id) => says(call_id, CallSignal::Leave),
            Effect::SayOver(call_id) => says(call_id, CallSignal::Over),
            Effect::Change(call_id, due) => self.change(turn, conversation, call_id, &due),
            Effect::Reopen(call_id, media) => {
                if self.own.as_ref().is_some_and(|own| own.call_id == call_id) {
                    self.open(turn, conversation, media);
                }
            }
            Effect::Switch(call_id) => {
                if let Some(own) = &mut self.own {
                    own.call_id = call_id;
                    (own.group, own.keys) = (None, None);
                    own.room.moved(random(turn));
                }
            }
            Effect::Out(call_id, reason) => {
                if self.own.as_ref().is_some_and(|own| own.call_id == call_id) {
                    self.end_own(reason);
                }
            }
            Effect::Note(record) => self.note(turn, conversation, record),
        }
    }

    /// Makes a change, and says it.
    fn change(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, call_id: CallId, due: &Due) {
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let own = self.own.as_mut().filter(|own| own.call_id == call_id);
        let (Some(group), Some((epoch, psk, members))) =
            (own.and_then(|own| own.group.as_mut()), turn.device.call_ground(conversation, &call_id))
        else {
            return known.machine.dropped(turn.now_ms, due);
        };
        let package = |device: &DeviceId| Some((*device, known.key_packages.get(device)?.clone()));
        let joins: Vec<_> = due.joins.iter().filter_map(package).collect();
        let ground = Ground { psk: &psk, members: &members };
        let Ok(made) = turn.device.call_change(turn.rng, group, ground, &joins, &due.removed) else {
            return known.machine.dropped(turn.now_ms, due);
        };
        let mut change = made.change;
        // Whoever was put out of the conversation knows the room.
        let is_member = |device: &DeviceId| members.iter().any(|peer| peer.identity.device_id == *device);
        if !change.removed.iter().all(is_member) {
            change.room = Some(RoomSecret::generate(turn.rng));
        }
        let people = known.machine.present().map_or_else(Vec::new, |present| present.line);
        let stay = people.into_iter().filter(|one| !change.removed.contains(one) && !change.added.contains(one));
        change.line = stay.chain(change.added.iter().copied()).collect();
        match CallCommit::cut(&change, epoch, random(turn)) {
            Ok(parts) => {
                let refused: Vec<_> =
                    due.joins.iter().copied().filter(|device| !change.added.contains(device)).collect();
                known.machine.refused(&refused);
                turn.deeds
                    .says
                    .extend(parts.into_iter().map(|part| say(call_id, conversation, CallSignal::Commit(part))));
            }
            Err(_) => {
                if turn.device.call_give_up(group).is_ok() {
                    known.machine.dropped(turn.now_ms, due);
                }
            }
        }
    }

    /// Opens a call in a group, with what is to be shown of us in `own`.
    pub(super) fn open(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, media: Media) {
        let (mut call_id, resume) = (CallId(random(turn)), random(turn));
        if let Some(known) = self.known.get_mut(&conversation)
            && let Some(present) = known.machine.present()
        {
            call_id = present.call;
        }
        let me = turn.device.identity();
        let Some(own) = self.own.as_mut().filter(|own| own.conversation == conversation) else { return };
        let Ok(group) = turn.device.call_open(turn.rng, &call_id) else { return };
        own.call_id = call_id;
        own.keys = None;
        own.room.moved(resume);
        let Some(known) = self.known.get_mut(&conversation) else { return };
        if known.machine.present().is_none() {
            if let Ok(keys) = turn.device.call_group_keys(&group) {
                own.enter(keys);
            }
            own.group = Some(group);
            known.secret = Some(RoomSecret::generate(turn.rng));
            (known.opener, known.epoch) = (Some(me.account_id), 0);
            known.key_packages.clear();
        }
        known.machine.want(turn.now_ms, calls::many::Intent::Open { call: call_id, media });
    }

    fn note(&mut self, turn: &mut Turn<'_>, conversation: ConversationId, record: Record) {
        let me = turn.device.identity().account_id;
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let opener = known.opener.take().unwrap_or(me);
        let entry = CallEntry {
            is_outgoing: opener == me,
            has_video: record.media == Media::Video,
            outcome: if record.was_ours { CallOutcome::Talked } else { CallOutcome::Unanswered },
            seconds: u32::try_from(record.ms / 1_000).unwrap_or(u32::MAX),
            text: String::new(),
            group: Some(opener),
        };
        known.key_packages.clear();
        known.parts.clear();
        turn.deeds.notes.push((conversation, record.call, entry));
    }

    /// Writes down what is known of a group's call, if it changed.
    fn keep(&mut self, turn: &mut Turn<'_>, conversation: ConversationId) {
        let Some(known) = self.known.get_mut(&conversation) else { return };
        let kept = known.machine.present().and_then(|present| {
            Some(KeptGroupCall {
                call_id: present.call.0,
                has_video: present.media == Media::Video,
                since_ms: present.since_ms,
                opener: known.opener?.0,
                room: known.secret.as_ref()?.0,
                line: present.line.iter().map(|device| device.0).collect(),
                epoch: known.epoch,
                was_ours: present.was_ours,
                is_here: known.machine.own().is_some(),
            })
        });
        if kept != known.kept {
            turn.deeds.kept.push((conversation, kept.clone()));
            known.kept = kept;
        }
    }
}

/// What a change is for this device.
enum Fate {
    /// It is in the call, and stays, or is put out by the change itself.
    Inside,
    /// The change takes it in.
    Entered,
    /// The change was not for it alone.
    FellOut,
    /// It is not in the call.
    Outside,
}

impl Known {
    fn hear_under_way(&mut self, heard: Heard, call_id: CallId, under_way: UnderWay) {
        let UnderWay { has_video, since_ms, room, line, opener, epoch } = under_way;
        let before = self.machine.present().map(|present| present.call);
        let is_believed = self.machine.knows(heard.sender);
        let media = super::media_of(has_video);
        self.machine.hear(heard, call_id, Signal::UnderWay { media, since_ms, line });
        let after = self.machine.present().map(|present| present.call);
        if after != Some(call_id) {
            return;
        }
        if before != Some(call_id) {
            (self.secret, self.opener, self.epoch) = (Some(room), Some(opener), epoch);
            self.key_packages.clear();
            self.parts.clear();
        } else if is_believed {
            self.epoch = self.epoch.max(epoch);
        }
    }
}

impl Own {
    /// Tries the KeyPackages that were said, the newest first.
    fn try_enter(&mut self, turn: &mut Turn<'_>, call_id: CallId, ground: Ground<'_>, change: &CallChange) -> bool {
        while let Some(invitee) = self.invitees.pop_back() {
            let Ok(group) = turn.device.call_enter(turn.rng, &call_id, ground, invitee, change) else { continue };
            let Ok(keys) = turn.device.call_group_keys(&group) else { continue };
            self.enter(keys);
            self.group = Some(group);
            self.invitees.clear();
            return true;
        }
        false
    }
}

pub(super) fn random<const N: usize>(turn: &mut Turn<'_>) -> [u8; N] {
    let mut bytes = [0; N];
    turn.rng.fill_bytes(&mut bytes);
    bytes
}
