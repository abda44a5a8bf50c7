//! Worlds in which nobody misbehaves, and people leave, are removed, and come back.

use super::trio;
use crate::disk::StoredLane;
use crate::ground::Ground;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{Alert, ConversationId, ConversationState, Intent, Link, LinkKind, Outcome};
use wire::id::LaneId;
use wire::lane::LaneClass;

fn state(world: &World, at: usize, group: ConversationId) -> Option<ConversationState> {
    world.phones[at].timeline.conversations.get(&group).map(|group| group.state)
}

fn epoch(world: &World, at: usize, group: ConversationId) -> Option<u64> {
    let device = world.phones[at].device.as_ref()?;
    device.inspect(group).map(|inside| inside.epoch)
}

/// Phone 2 reads no lanes of conversations.
fn shut_lanes(world: &mut World) {
    world.shut.insert((2, LinkKind::Lanes));
    let links: Vec<Link> = world.phones[2].links.keys().cloned().collect();
    links.iter().for_each(|link| world.lose_connection(2, link));
}

/// Phone 2 is removed, does not read it, and follows a link into the same group: it has its Welcome, and is still a
/// member as far as it knows.
fn follows_unknowing(ground: &Ground, is_logged: bool) -> (World, ConversationId) {
    let (mut world, group) = trio(ground, is_logged);
    shut_lanes(&mut world);
    world.done(0, Intent::RemoveMembers { conversation: group, accounts: vec![ground.account(2)] });
    let invite = Intent::Invite { group: Some(group), needs_approval: false, valid_s: 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        let before = epoch(&world, 2, group);
        world.done(2, Intent::Accept { link, note: String::new() });
        world.run_for(10_000);
        let is_added = epoch(&world, 0, group) > before.map(|epoch| epoch + 1);
        world.expect(is_added, "phone 2 was removed and added");
        let after = epoch(&world, 2, group);
        let is_kept = before.is_some() && before == after && world.is_active(2, group);
        world.expect(is_kept, &format!("a living group is not replaced: {before:?}, {after:?}"));
    }
    (world, group)
}

/// The Welcome waits for the removal that it follows, over a restart too.
pub(super) fn removed_follows_a_link(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = follows_unknowing(ground, is_logged);
    world.write(2, group, "to nobody");
    world.stop(2);
    world.start(2);
    world.run_for(2_000);
    world.shut.clear();
    world.run_for(90_000);
    let is_in = world.is_active(2, group) && epoch(&world, 2, group) == epoch(&world, 0, group);
    world.expect(is_in, "phone 2 is in again once it has read that it was out");
    world.write(0, group, "welcome back");
    world.settle();
    Report::of(world)
}

/// Whoever leaves while its Welcome waits leaves the membership that it does not know of, too.
pub(super) fn removed_follows_a_link_and_leaves(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = follows_unknowing(ground, is_logged);
    world.done(2, Intent::Leave { conversation: group });
    world.shut.clear();
    world.settle();
    let found = state(&world, 2, group);
    world.expect(found == Some(ConversationState::Left), &format!("phone 2 is out: {found:?}"));
    let members = world.phones[0].timeline.conversations.get(&group).map_or(0, |group| group.members.len());
    world.expect(members == 2, &format!("the others know: {members} members"));
    Report::of(world)
}

/// A leave is read when one admin was gone for good and the other none yet: whoever becomes one removes the leaver.
pub(super) fn leave_outlives_its_admin(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.kept_in_the_dark.insert(0);
    world.done(2, Intent::Leave { conversation: group });
    world.run_for(2_000);
    // Goes behind the leave, which its author has not read.
    let account = ground.account(1);
    world.intend(0, Intent::SetAdmin { conversation: group, account, is_admin: true });
    world.run_for(2_000);
    world.stop(0);
    world.run_for(60_000);
    let found = state(&world, 2, group);
    world.expect(found == Some(ConversationState::Left), &format!("phone 2 is out without phone 0: {found:?}"));
    world.settle();
    Report::of(world)
}

/// Phone 0 knows both others, and has a group with phone 1.
fn group_of_two(ground: &Ground, is_logged: bool) -> (World, ConversationId) {
    let mut world = ground.world(53, 3, is_logged);
    let mut made = None;
    if world.meet_by_link(0, 1).is_some() && world.meet_by_link(0, 2).is_some() {
        world.run_for(3_000);
        made = world.make_group(0, &[1]);
    }
    world.run_for(3_000);
    (world, made.unwrap_or(ConversationId([0; 16])))
}

/// Phone 2 is let into the group of the others while it is off, and the node loses its Welcome.
fn loses_its_welcome(ground: &Ground, is_logged: bool) -> (World, ConversationId) {
    let (mut world, group) = group_of_two(ground, is_logged);
    world.stop(2);
    world.done(0, Intent::AddMembers { conversation: group, accounts: vec![ground.account(2)] });
    world.run_for(10_000);
    world.misbehave();
    let disk = &world.servers[0].sides[0].disk;
    let is_full = |lane: &StoredLane| lane.record.class == LaneClass::Door && !lane.cells.is_empty();
    let doors: Vec<LaneId> = disk.lanes.borrow().iter().filter(|(_, lane)| is_full(lane)).map(|(id, _)| *id).collect();
    doors.iter().for_each(|door| disk.rewrite(door, Vec::clear));
    world.kill_node(0, 0, false);
    world.expect(doors.len() == 1, "the Welcome lay at one door");
    (world, group)
}

fn members(world: &World, at: usize, group: ConversationId) -> usize {
    world.phones[at].timeline.conversations.get(&group).map_or(0, |group| group.members.len())
}

fn is_not_reached(alert: &Alert) -> bool {
    matches!(alert, Alert::NotReached { .. })
}

/// A member whose Welcome was lost follows a link days later, and is let in.
pub(super) fn lost_welcome_is_asked_for_again(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = loses_its_welcome(ground, is_logged);
    world.start(2);
    world.run_for(3 * 86_400_000);
    world.expect(members(&world, 0, group) == 3, "phone 2 is a member to phone 0");
    let invite = Intent::Invite { group: Some(group), needs_approval: false, valid_s: 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        world.done(2, Intent::Accept { link, note: String::new() });
        world.run_for(10_000);
    }
    let is_in = world.is_active(2, group);
    world.expect(is_in, "phone 2 is let in");
    world.write(2, group, "at last");
    world.settle();
    Report::of(world)
}

/// A member whose Welcome was lost, and who does not ask, goes when no node can have it any more.
pub(super) fn lost_welcome_ends_a_membership(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = loses_its_welcome(ground, is_logged);
    world.run_for(31 * 86_400_000);
    world.expect(members(&world, 0, group) == 3, "phone 2 may still come");
    world.expect_silence("phone 2 was not reached", is_not_reached);
    world.run_for(3 * 86_400_000);
    world.expect_told(&[0], "phone 2 was not reached", is_not_reached);
    world.expect(members(&world, 1, group) == 2, "phone 2 is no member any more");
    world.settle();
    Report::of(world)
}

/// A Welcome that is refused for good lets nobody in.
pub(super) fn refused_welcome_lets_nobody_in(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = group_of_two(ground, is_logged);
    let invite = Intent::Invite { group: Some(group), needs_approval: true, valid_s: 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        world.done(2, Intent::Accept { link, note: String::new() });
        world.run_for(5_000);
        world.stop(2);
        world.misbehave();
        let lanes = &world.servers[0].sides[0].disk.lanes;
        lanes.borrow_mut().retain(|_, lane| lane.record.class != LaneClass::Invite);
        world.kill_node(0, 0, false);
        world.run_for(5_000);
        world.accept_requests(0);
        world.run_for(30_000);
    }
    world.expect_told(&[0], "phone 2 was not reached", is_not_reached);
    world.expect(members(&world, 1, group) == 2, "phone 2 is no member");
    world.settle();
    Report::of(world)
}
