//! Two admins begin a broken group anew at the same time (LANE.md s.6).

use super::{reunite, split, trio};
use crate::ground::Ground;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{ConversationId, ConversationState, Intent};

fn state(world: &World, at: usize, id: ConversationId) -> Option<ConversationState> {
    world.phones[at].timeline.conversations.get(&id).map(|conversation| conversation.state)
}

/// A group of three with two admins, broken for each of them.
fn broken(ground: &Ground, is_logged: bool) -> (World, ConversationId) {
    let (mut world, group) = trio(ground, is_logged);
    world.done(0, Intent::SetAdmin { conversation: group, account: ground.account(1), is_admin: true });
    world.run_for(5_000);
    split(&mut world, group, &[0, 1]);
    reunite(&mut world, group);
    (world, group)
}

fn is_broken(state: Option<ConversationState>) -> bool {
    matches!(state, Some(ConversationState::Disputed | ConversationState::Rejoining))
}

/// Both phones 0 and 1 restart the group; the restarts, the one that stays first.
fn restarted(world: &mut World, group: ConversationId) -> Option<(ConversationId, ConversationId)> {
    for at in [0, 1] {
        let found = state(world, at, group);
        world.expect(is_broken(found), &format!("the group is broken for phone {at}: {found:?}"));
    }
    for at in [0, 1] {
        world.intend(at, Intent::Reboot { conversation: group });
    }
    let made = [0, 1].map(|at| {
        let mut all = world.phones[at].timeline.conversations.values();
        all.find(|conversation| conversation.restarts == Some(group)).map(|conversation| conversation.id)
    });
    match made {
        [Some(one), Some(other)] if one != other => Some((one.min(other), one.max(other))),
        _ => {
            world.expect(false, &format!("both restart it: {made:?}"));
            None
        }
    }
}

fn become_one(mut world: World, group: ConversationId, is_of_zero: bool) -> Report {
    if let Some((stays, goes)) = restarted(&mut world, group) {
        let is_so = world.phones[0].timeline.conversations.contains_key(&stays);
        world.expect(is_so == is_of_zero, &format!("phone 0 made the one that stays: {is_so}"));
        // Whoever knows of one only writes there, and is read by whoever was let in first.
        let (maker, reader) = if is_of_zero { (1, 0) } else { (0, 2) };
        let early = world.write(maker, goes, "does anybody read this?");
        world.run_for(180_000);
        for at in [0, 1, 2] {
            let is_in = world.is_active(at, stays);
            world.expect(is_in, &format!("phone {at} is in the one that stays"));
            let found = state(&world, at, goes);
            let is_out = matches!(found, None | Some(ConversationState::Left | ConversationState::Restarted));
            world.expect(is_out, &format!("phone {at} leaves the other: {found:?}"));
        }
        let late = world.write(2, stays, "a fresh start");
        world.run_for(10_000);
        for (at, msg_id) in [(0, late), (1, late), (reader, early)] {
            let timeline = &world.phones[at].timeline;
            let shown = [stays, goes].map(|id| timeline.shown.get(&id)).into_iter().flatten().flatten();
            let count = shown.filter(|shown| shown.msg_id == msg_id).count();
            world.expect(count == 1, &format!("phone {at} reads what is written there, once: {count}"));
        }
    }
    world.book.exempt.extend([0, 1, 2]);
    world.settle();
    Report::of(world)
}

/// The lower id is phone 1's, who does not know phone 2: phone 0 brings it along.
pub(super) fn two_restarts(ground: &Ground, is_logged: bool) -> Report {
    let (world, group) = broken(ground, is_logged);
    become_one(world, group, false)
}

/// The lower id is phone 0's, who knows everybody.
pub(super) fn two_restarts_the_other_way(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = broken(ground, is_logged);
    // Another group, other numbers drawn.
    world.done(0, Intent::NewGroup { title: "Something else".into() });
    become_one(world, group, true)
}
