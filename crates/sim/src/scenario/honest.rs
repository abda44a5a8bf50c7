//! Worlds in which nobody misbehaves, for rules that deserve one of their own.

use super::trio;
use crate::ground::Ground;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{Alert, Answer, ConversationState, Intent, IntentError, LinkKind, Outcome};

/// People who take turns for days change keys often, and nobody is blamed for it.
pub(super) fn long_conversation(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(17, 2, is_logged);
    if let Some(id) = world.meet_by_link(0, 1) {
        world.run_for(3_000);
        for nth in 0..140 {
            world.write(nth % 2, id, "your turn");
            world.run_for(11 * 60_000);
        }
    }
    world.settle();
    let epochs = world.book.counts.epochs;
    world.expect(epochs > 140, &format!("turns change keys: {epochs} epochs"));
    Report::of(world)
}

/// A receipt for the next position that fits the own chain counts as reading the own cell back: without a single
/// push or page, an author goes on through messages, updates and moves, and stands where everybody stands.
pub(super) fn receipt_reads_back(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.kept_in_the_dark.insert(0);
    for round in 0..5 {
        for text in ["one", "two", "three"] {
            world.write(0, group, text);
        }
        world.done(0, Intent::Rename { conversation: group, title: format!("Round {round}") });
        world.run_for(2_000);
    }
    let same = world.lane_of(0, group) == world.lane_of(1, group);
    world.expect(same, "the author moved on by receipts alone");
    // Whoever writes in between makes the receipt's position another than the next: then only reading helps.
    world.write(1, group, "in between");
    world.run_for(1_000);
    world.write(0, group, "behind it");
    world.run_for(5_000);
    let behind = world.phones[0].device.as_ref().and_then(|device| device.inspect(group)).map_or(0, |it| it.cursor);
    world.expect(behind < 2, "a receipt past an unread cell moves nothing");
    world.kept_in_the_dark.clear();
    let links: Vec<_> = world.phones[0].links.keys().cloned().collect();
    links.iter().for_each(|link| world.lose_connection(0, link));
    world.settle();
    Report::of(world)
}

/// A group is left while a member is being added to it: the intent still gets its answer.
pub(super) fn left_while_adding(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(19, 2, is_logged);
    world.meet_by_link(0, 1);
    world.run_for(3_000);
    let made = world.done(0, Intent::NewGroup { title: "Soon over".into() });
    if let Some(Outcome::Conversation(group)) = made {
        world.intend(0, Intent::AddMembers { conversation: group, accounts: vec![ground.account(1)] });
        world.intend(0, Intent::Leave { conversation: group });
    }
    world.settle();
    Report::of(world)
}

/// Whoever was removed is added again and reads what follows, not what was between.
pub(super) fn removed_comes_back(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    let accounts = vec![ground.account(2)];
    world.done(0, Intent::RemoveMembers { conversation: group, accounts: accounts.clone() });
    world.run_for(3_000);
    world.write(0, group, "between");
    world.run_for(3_000);
    world.done(0, Intent::AddMembers { conversation: group, accounts });
    world.run_for(5_000);
    world.write(1, group, "welcome back");
    world.settle();
    let shown = world.phones[2].timeline.shown.get(&group).map_or(0, Vec::len);
    world.expect(shown == 3, &format!("phone 2 shows two messages and the welcome: {shown}"));
    Report::of(world)
}

/// Whoever waits for a Welcome by a reply lane at the inviter's node opens it again after a restart.
pub(super) fn joiner_restarts(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(29, 2, is_logged);
    let made = world.done(0, Intent::NewGroup { title: "By approval".into() });
    if let Some(Outcome::Conversation(group)) = made {
        let invite = Intent::Invite { group: Some(group), needs_approval: true, valid_s: 86_400 };
        if let Some(Outcome::Link(link)) = world.done(0, invite) {
            world.done(1, Intent::Accept { link, note: String::new() });
        }
        world.run_for(3_000);
        world.stop(1);
        world.start(1);
        world.accept_requests(0);
        world.run_for(10_000);
        let is_in = world.is_active(1, group);
        world.expect(is_in, "phone 1 is let in");
    }
    world.settle();
    Report::of(world)
}

/// A first Welcome that waited for an answer while its group was joined by another and left again leads nowhere.
pub(super) fn stale_welcome(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(31, 2, is_logged);
    let made = world.done(0, Intent::NewGroup { title: "Twice".into() });
    let address = world.address_of(1);
    if let Some(Outcome::Conversation(group)) = made {
        // Phone 0 knows phone 1, phone 1 does not know phone 0: both Welcomes wait for its user.
        world.done(0, Intent::Add { address, note: String::new() });
        let accounts = vec![ground.account(1)];
        world.done(0, Intent::AddMembers { conversation: group, accounts: accounts.clone() });
        world.run_for(5_000);
        let early: Vec<_> = world.phones[1].timeline.requests.keys().copied().collect();
        world.done(0, Intent::RemoveMembers { conversation: group, accounts: accounts.clone() });
        world.done(0, Intent::AddMembers { conversation: group, accounts });
        world.run_for(5_000);
        let waiting: Vec<_> = world.phones[1].timeline.requests.keys().copied().collect();
        for request in waiting.into_iter().filter(|request| !early.contains(request)) {
            world.done(1, Intent::Answer { request, answer: Answer::Accept });
        }
        world.run_for(5_000);
        world.write(0, group, "the second time");
        world.run_for(2_000);
        world.done(1, Intent::Leave { conversation: group });
        world.run_for(5_000);
        let epoch = |world: &World| world.phones[1].timeline.conversations.get(&group).map(|group| group.epoch);
        let before = epoch(&world);
        world.accept_requests(1);
        world.run_for(5_000);
        let after = epoch(&world);
        world.expect(before == after, &format!("the old Welcome leads nowhere: {before:?}, {after:?}"));
    }
    world.settle();
    Report::of(world)
}

/// Two knocks at one door over one connection: both arrive.
pub(super) fn two_knocks(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(37, 2, is_logged);
    let address = world.address_of(1);
    world.intend(0, Intent::Add { address: address.clone(), note: "first".into() });
    world.intend(0, Intent::Add { address, note: "second".into() });
    world.settle();
    Report::of(world)
}

/// I11: one clock two years ahead, one two years behind; every commit means the same to all.
pub(super) fn clocks_years_apart(ground: &Ground, is_logged: bool) -> Report {
    const YEARS_MS: i64 = 2 * 365 * 86_400_000;
    let (mut world, group) = trio(ground, is_logged);
    for (at, off_ms) in [(1, YEARS_MS), (2, -YEARS_MS)] {
        world.stop(at);
        world.phones[at].clock_off_ms = off_ms;
        world.start(at);
    }
    world.done(0, Intent::SetAdmin { conversation: group, account: ground.account(1), is_admin: true });
    world.run_for(2_000);
    for at in [0, 1] {
        world.done(at, Intent::Rename { conversation: group, title: format!("By {at}") });
        world.run_for(2_000);
        world.write(at, group, "what time is it");
    }
    world.write(2, group, "long ago");
    world.settle();
    Report::of(world)
}

/// Whoever follows a group's link after a long time without a node may reach the inviter before its own lane for the
/// answer stands: it knocks only then, or the Welcome would find no lane.
pub(super) fn joiner_opens_its_reply_lane_first(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(41, 2, is_logged);
    let made = world.done(0, Intent::NewGroup { title: "Late".into() });
    if let Some(Outcome::Conversation(group)) = made {
        let invite = Intent::Invite { group: Some(group), needs_approval: false, valid_s: 86_400 };
        if let Some(Outcome::Link(link)) = world.done(0, invite) {
            // The connection of the door and of reply lanes is tried more and more seldom, the bundle every minute.
            world.shut.insert((1, LinkKind::Door));
            let links: Vec<_> = world.phones[1].links.keys().cloned().collect();
            links.iter().for_each(|link| world.lose_connection(1, link));
            let accept = world.intend(1, Intent::Accept { link, note: String::new() });
            world.run_for(60_000);
            let is_asked = world.phones[1].timeline.outcomes.contains_key(&accept);
            world.expect(!is_asked, "no knock without a lane for its answer");
            world.shut.clear();
            world.run_for(120_000);
        }
        let is_in = world.is_active(1, group);
        world.expect(is_in, "phone 1 is let in");
    }
    world.settle();
    Report::of(world)
}

/// An invite expires before the knock of whoever followed it arrives: the conversation ends, and the user reads what
/// to do.
pub(super) fn invite_expires_on_the_way(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(43, 2, is_logged);
    let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 3_600 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        let accept = world.intend(1, Intent::Accept { link, note: String::new() });
        for _ in 0..1_000 {
            if world.phones[1].timeline.outcomes.contains_key(&accept) {
                break;
            }
            world.run_for(1);
        }
        world.cut_off(1, true);
        world.run_for(2 * 3_600_000);
        world.misbehave();
        world.cut_off(1, false);
        world.run_for(120_000);
        let inviter = ground.account(0);
        world.expect_told(
            &[1],
            "phone 0 was not reached",
            |alert| matches!(alert, Alert::NotReached { account } if *account == inviter),
        );
        let states: Vec<_> = world.phones[1].timeline.conversations.values().map(|it| (it.id, it.state)).collect();
        world.expect(
            matches!(states[..], [(_, ConversationState::Left)]),
            &format!("the conversation that phone 0 never came to is over: {states:?}"),
        );
        world.expect(world.phones[0].timeline.conversations.is_empty(), "phone 0 knows nothing of it");
        if let Some((conversation, _)) = states.first().copied() {
            let intent = world.intend(1, Intent::Leave { conversation });
            let outcome = world.outcome(1, intent);
            world.expect(outcome == Some(Err(IntentError::NotActive)), "and cannot be left twice");
        }
    }
    world.meet_by_link(0, 1);
    world.settle();
    Report::of(world)
}

/// A clock that jumps years ahead and comes back ends no invite and forgets no key that somebody may still use.
pub(super) fn clock_jumps_ahead(ground: &Ground, is_logged: bool) -> Report {
    const YEARS_MS: i64 = 3 * 365 * 86_400_000;
    let mut world = ground.world(47, 3, is_logged);
    let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 20 * 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        world.stop(0);
        // Phone 2 takes a KeyPackage from the door and knocks while the owner is away.
        let address = world.address_of(0);
        let added = world.done(2, Intent::Add { address, note: "hi".into() });
        for off_ms in [YEARS_MS, 2 * YEARS_MS, 0] {
            world.phones[0].clock_off_ms = off_ms;
            world.start(0);
            world.run_for(3_600_000);
            if off_ms != 0 {
                world.stop(0);
            }
        }
        world.accept_requests(0);
        let followed = world.done(1, Intent::Accept { link, note: String::new() });
        world.run_for(5_000);
        for made in [added, followed] {
            let Some(Outcome::Conversation(id)) = made else { continue };
            let is_there = world.is_active(0, id);
            world.expect(is_there, "phone 0 is reached in spite of its clock");
        }
    }
    world.settle();
    Report::of(world)
}
