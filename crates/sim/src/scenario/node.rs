//! What a node may do to people, and how they notice.

use super::{lose_all, reunite, split, trio};
use crate::ground::Ground;
#[cfg(test)]
use crate::phone::Bug;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{Alert, ConversationId, ConversationState, Intent, Outcome};

fn is_two_histories(alert: &Alert) -> bool {
    matches!(alert, Alert::TwoHistories { .. })
}

fn is_lost(alert: &Alert) -> bool {
    matches!(alert, Alert::LostItems { .. })
}

/// The last cells vanish although their senders hold receipts: they are told, and all is sent again.
pub(super) fn loses_acknowledged_cells(ground: &Ground, is_logged: bool) -> Report {
    let (world, group) = trio(ground, is_logged);
    lose_cells(world, group)
}

/// The same to clients of which one has a bug.
#[cfg(test)]
pub(crate) fn loses_cells_of(ground: &Ground, phones: &[usize], bug: Bug) -> Vec<String> {
    let (mut world, group) = trio(ground, false);
    phones.iter().for_each(|at| world.phones[*at].bug = Some(bug));
    lose_cells(world, group).wrongs
}

fn lose_cells(mut world: World, group: ConversationId) -> Report {
    world.misbehave();
    for text in ["one", "two", "three"] {
        world.write(0, group, text);
        world.write(1, group, text);
    }
    world.run_for(5_000);
    let lane = world.lane_of(0, group);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| cells.truncate(cells.len() - 4));
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    world.expect_told(&[0, 1], "the node lost items", is_lost);
    world.write(2, group, "after");
    world.book.exempt.extend([0, 1]);
    world.settle();
    Report::of(world)
}

/// A burst of more than a thousand messages stays in its epoch, for all of them are read back. Then the node loses most
/// of it before the other member came: what is sent again lies further ahead than a ratchet jumps, unless the sender
/// updates first.
pub(super) fn loses_a_long_burst(ground: &Ground, is_logged: bool) -> Report {
    const SENT: usize = 1_100;
    const LOST: usize = 1_010;
    let mut world = ground.world(23, 2, is_logged);
    let Some(id) = world.meet_by_link(0, 1) else { return Report::of(world) };
    world.run_for(5_000);
    world.write(0, id, "hello");
    world.run_for(5_000);
    world.stop(1);
    let epoch =
        |world: &World| world.phones[0].device.as_ref().and_then(|device| device.inspect(id)).map(|it| it.epoch);
    let before = epoch(&world);
    for nth in 0..SENT {
        world.write(0, id, &format!("one of many, {nth}"));
        world.run_for(10);
    }
    world.run_for(20_000);
    world.expect(epoch(&world) == before, "what is read back asks for no update");
    world.misbehave();
    let lane = world.lane_of(0, id);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| cells.truncate(cells.len() - LOST));
    world.kill_node(0, 0, false);
    world.run_for(60_000);
    world.expect_told(&[0], "the node lost items", is_lost);
    world.book.exempt.insert(0);
    world.start(1);
    world.settle();
    let shown = world.phones[1].timeline.shown.get(&id).map_or(0, Vec::len);
    world.expect(shown == SENT + 1, &format!("the other reads all of it: {shown}"));
    Report::of(world)
}

/// A node that lost the commit which moved the group is found out, and gets the commit again.
pub(super) fn loses_the_moving_commit(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    let old = world.lane_of(0, group);
    world.done(0, Intent::Rename { conversation: group, title: "Moved".into() });
    world.run_for(5_000);
    world.misbehave();
    world.servers[0].sides[0].disk.rewrite(&old, |cells| cells.truncate(cells.len() - 1));
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    world.expect_told(&[0, 1, 2], "the node lost the moving commit", is_two_histories);
    world.settle();
    Report::of(world)
}

/// The same while one member had not seen the commit: it follows all the same.
pub(super) fn loses_the_moving_commit_unseen(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    let old = world.lane_of(0, group);
    world.stop(2);
    world.done(0, Intent::Rename { conversation: group, title: "Moved".into() });
    world.run_for(5_000);
    world.misbehave();
    world.servers[0].sides[0].disk.rewrite(&old, |cells| cells.truncate(cells.len() - 1));
    world.kill_node(0, 0, false);
    world.start(2);
    world.write(2, group, "into the old lane");
    world.run_for(10_000);
    world.expect_told(&[0, 1], "the node lost the moving commit", is_two_histories);
    world.settle();
    let is_there = world.phones[2].timeline.conversations.get(&group).is_some_and(|group| group.title == "Moved");
    world.expect(is_there, "phone 2 follows the group to its new lane");
    Report::of(world)
}

/// Two histories for two parties; once they meet, both are told.
pub(super) fn shows_two_histories(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    split(&mut world, group, &[0]);
    world.expect_silence("before the histories meet", |_| true);
    reunite(&mut world, group);
    world.expect_told(&[0, 1, 2], "the node showed two histories", is_two_histories);
    Report::of(world)
}

/// Two cells swap places: who read them before is told, nobody shows anything twice.
pub(super) fn reorders(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.stop(2);
    world.write(0, group, "first");
    world.write(1, group, "second");
    world.run_for(5_000);
    let lane = world.lane_of(0, group);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| {
        let last = cells.len() - 1;
        cells.swap(last - 1, last);
    });
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    world.start(2);
    world.expect_told(&[0, 1], "the node's log is not what it was", |alert| is_lost(alert) || is_two_histories(alert));
    world.book.exempt.extend([0, 1]);
    world.settle();
    let shown = |world: &World, at: usize| world.phones[at].timeline.shown.get(&group).map_or(0, Vec::len);
    let all = [shown(&world, 0), shown(&world, 1), shown(&world, 2)];
    world.expect(all == [3, 3, 4], &format!("each message is shown once: {all:?}"));
    Report::of(world)
}

/// A cell that comes again is shown once, and is nobody's fault but the node's.
pub(super) fn replays(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    let lane = world.lane_of(0, group);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| {
        let again: Vec<_> = cells.clone();
        cells.extend(again);
    });
    world.kill_node(0, 0, false);
    world.write(0, group, "after");
    world.settle();
    world.expect_silence("a replay is no second device", |alert| matches!(alert, Alert::Restored));
    let shown = |world: &World, at: usize| world.phones[at].timeline.shown.get(&group).map_or(0, Vec::len);
    let all = [shown(&world, 0), shown(&world, 1), shown(&world, 2)];
    world.expect(all == [2, 3, 3], &format!("each message is shown once: {all:?}"));
    Report::of(world)
}

/// What is withheld is not shown, and comes when the node lets it.
pub(super) fn withholds(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.kept_in_the_dark.insert(1);
    world.write(0, group, "not for you");
    world.run_for(30_000);
    let shown = world.phones[1].timeline.shown.get(&group).map_or(0, Vec::len);
    world.expect(shown == 2, "phone 1 is in the dark");
    world.kept_in_the_dark.clear();
    lose_all(&mut world, 1);
    world.settle();
    world.expect_silence("nothing was lost", |_| true);
    Report::of(world)
}

/// `Gone` for cells of today: the user is told, and the device comes back by a READD.
pub(super) fn says_gone_early(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.stop(2);
    for text in ["one", "two", "three"] {
        world.write(0, group, text);
    }
    world.run_for(5_000);
    let lane = world.lane_of(0, group);
    world.servers[0].sides[0].disk.drop_before(&lane, 6);
    world.kill_node(0, 0, false);
    world.run_for(5_000);
    world.start(2);
    world.run_for(60_000);
    world.expect_told(&[2], "the node withholds", |alert| matches!(alert, Alert::Withholds));
    world.expect_told(&[0], "phone 2 rejoins", |alert| matches!(alert, Alert::MemberRejoins { .. }));
    world.write(2, group, "back");
    world.settle();
    Report::of(world)
}

/// One KeyPackage for two people: the second first message cannot be opened, and the user is told.
pub(super) fn gives_one_key_package_twice(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(9, 4, is_logged);
    world.misbehave();
    for asker in [0, 1] {
        world.servers[0].sides[0].disk.forgets_swaps.set(asker == 0);
        let address = world.address_of(2);
        world.done(asker, Intent::Add { address, note: "hi".into() });
        world.run_for(5_000);
    }
    world.accept_requests(2);
    world.run_for(5_000);
    world.accept_requests(2);
    world.run_for(5_000);
    world.expect_told(&[2], "a KeyPackage was used before", |alert| matches!(alert, Alert::KeyPackageReused));
    Report::of(world)
}

/// Another key at the old address: nothing is sent there.
pub(super) fn has_another_key(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.servers[0].key = ed25519_dalek::SigningKey::from_bytes(&[66; 32]);
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    let before = world.servers[0].sides[0].disk.group_cells();
    world.write(0, group, "to whom?");
    world.run_for(30_000);
    let after = world.servers[0].sides[0].disk.group_cells();
    world.expect(before == after, "nothing goes to another node");
    world.expect_told(&[0], "the node has another key", |alert| matches!(alert, Alert::WrongNode));
    Report::of(world)
}

/// A node with two histories leaves a group nothing but a restart: its admin begins again, and everybody follows
/// without being asked (LANE.md s.6).
pub(super) fn disputed_group_restarts(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    split(&mut world, group, &[0]);
    reunite(&mut world, group);
    let state = world.phones[0].timeline.conversations.get(&group).map(|group| group.state);
    world.expect(
        matches!(state, Some(ConversationState::Disputed | ConversationState::Rejoining)),
        &format!("the group is broken for its admin: {state:?}"),
    );
    if let Some(Outcome::Conversation(again)) = world.done(0, Intent::Reboot { conversation: group }) {
        world.run_for(30_000);
        for at in [0, 1, 2] {
            let is_in = world.is_active(at, again);
            world.expect(is_in, &format!("phone {at} follows without being asked"));
            let old = world.phones[at].timeline.conversations.get(&group).map(|group| group.state);
            world.expect(old == Some(ConversationState::Restarted), &format!("phone {at} leaves the old one: {old:?}"));
        }
        let message = world.write(1, again, "a fresh start");
        world.run_for(10_000);
        let shown = |at: usize| {
            let shown = world.phones[at].timeline.shown.get(&again);
            shown.is_some_and(|shown| shown.iter().any(|it| it.msg_id == message))
        };
        let is_read = shown(0) && shown(2);
        world.expect(is_read, "what is written there is read");
    }
    world.book.exempt.extend([0, 1, 2]);
    world.settle();
    Report::of(world)
}
