//! A group so large that its commits need blobs.

use crate::disk::Disk;
use crate::ground::Ground;
use crate::people::{NODE, new_phone};
use crate::server::Server;
use crate::storm::Report;
use crate::world::World;
use protocol::event::{Alert, ConversationId, Intent, Outcome};

/// With so many leaves that never updated, a commit's path is larger than the largest cell.
const PEOPLE: usize = 64;

/// A group of the first; only the first two stay on.
fn crowd(is_logged: bool) -> (World, ConversationId) {
    let phones = (0..PEOPLE).map(|at| new_phone(at, NODE)).collect();
    let mut world = World::new(53, vec![Server::new(NODE, [42; 32], Disk::default())], phones);
    world.log = is_logged.then(Vec::new);
    world.start(0);
    world.run_for(1_000);
    let Some(Outcome::Conversation(group)) = world.done(0, Intent::NewGroup { title: "Crowd".into() }) else {
        return (world, ConversationId([0; 16]));
    };
    let invite = Intent::Invite { group: Some(group), needs_approval: false, valid_s: 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        for at in 1..PEOPLE {
            world.start(at);
            world.run_for(500);
            world.done(at, Intent::Accept { link: link.clone(), note: String::new() });
            world.run_for(1_000);
            let is_in = world.is_active(at, group);
            world.expect(is_in, &format!("phone {at} is let in"));
            if at > 1 {
                world.stop(at);
            }
        }
    }
    (world, group)
}

/// A commit whose blob the node withholds: whoever needs it is told, waits for it, and skips nothing.
pub(super) fn node_withholds_a_blob(_: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = crowd(is_logged);
    world.misbehave();
    world.hides_blobs = true;
    let before = world.lane_of(1, group);
    world.done(0, Intent::Rename { conversation: group, title: "Behind a blob".into() });
    world.write(0, group, "behind it");
    world.run_for(120_000);
    world.expect_told(&[1], "the node withholds", |alert| matches!(alert, Alert::Withholds));
    let has_moved = world.lane_of(0, group) != before;
    world.expect(has_moved, "the commit went through for its author");
    let has_stayed = world.lane_of(1, group) == before;
    world.expect(has_stayed, "phone 1 waits and skips nothing");
    world.hides_blobs = false;
    world.run_for(120_000);
    let same = world.lane_of(0, group) == world.lane_of(1, group);
    world.expect(same, "phone 1 follows once the blob comes");
    let shown = world.phones[1].timeline.shown.get(&group).map_or(0, Vec::len);
    world.expect(shown == 1, &format!("and reads what stands behind it: {shown}"));
    Report::of(world)
}
