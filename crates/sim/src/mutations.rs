//! Worlds that break a rule while the book believes everybody honest, and clients with a bug: the checkers must object.

use crate::ground::Ground;
use crate::phone::Bug;
use crate::scenario;
use crate::world::World;
use protocol::event::{ConversationId, Intent, Record};
use protocol::storage::{Space, Storage};

/// Two people who talked, at rest, with everything well.
fn pair(ground: &Ground) -> (World, ConversationId) {
    let mut world = ground.world(23, 2, false);
    let id = world.meet_by_link(0, 1).expect("they meet");
    world.run_for(3_000);
    for nth in 0..4 {
        world.write(nth % 2, id, "hello");
        world.run_for(500);
    }
    world.settle();
    world.expect_well();
    (world, id)
}

fn objects(world: &World, rule: &str) {
    assert!(world.book.wrongs.iter().any(|wrong| wrong.starts_with(rule)), "{rule}: {:?}", world.book.wrongs);
}

fn lane_of(world: &World, id: ConversationId) -> wire::id::LaneId {
    world.phones[0].device.as_ref().and_then(|device| device.inspect(id)).expect("an active conversation").lane_id
}

#[test]
fn checker_objects_to_a_message_shown_twice() {
    let (mut world, id) = pair(&Ground::new(2, 1));
    let shown = world.phones[1].timeline.shown[&id][0].clone();
    let (msg_id, account, device) = (shown.msg_id, shown.account, shown.device);
    let record =
        Record::Received { conversation: id, msg_id, account, device, message: shown.message.into(), at_ms: 0 };
    world.book.record(1, &record);
    objects(&world, "I4");
}

#[test]
fn checker_objects_to_a_message_read_by_no_member() {
    let ground = Ground::new(3, 1);
    let mut world = ground.world(23, 3, false);
    let id = world.meet_by_link(0, 1).expect("they meet");
    world.run_for(3_000);
    let msg_id = world.write(0, id, "hello");
    let device = world.phones[0].device.as_ref().expect("it is on").identity().device_id;
    let account = world.phones[0].account;
    let record = Record::Received { conversation: id, msg_id, account, device, message: Vec::new().into(), at_ms: 0 };
    world.book.record(2, &record);
    objects(&world, "I6");
}

#[test]
fn checker_objects_to_messages_out_of_order() {
    let (mut world, id) = pair(&Ground::new(2, 1));
    let (first, second) = (world.write(0, id, "first"), world.write(0, id, "second"));
    let device = world.phones[0].device.as_ref().expect("it is on").identity().device_id;
    let account = world.phones[0].account;
    for msg_id in [second, first] {
        let message = Vec::new().into();
        world.book.record(1, &Record::Received { conversation: id, msg_id, account, device, message, at_ms: 0 });
    }
    objects(&world, "I5");
}

#[test]
fn checker_objects_to_a_node_that_loses_cells() {
    let (mut world, id) = pair(&Ground::new(2, 1));
    let lane = lane_of(&world, id);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| cells.truncate(2));
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    objects(&world, "phone");
}

#[test]
fn checker_objects_to_two_statements_about_one_position() {
    let (mut world, id) = pair(&Ground::new(2, 1));
    let lane = lane_of(&world, id);
    world.servers[0].sides[0].disk.rewrite(&lane, |cells| cells.swap(0, 1));
    world.kill_node(0, 0, false);
    world.run_for(10_000);
    objects(&world, "I10");
}

#[test]
fn checker_objects_to_a_key_of_a_left_epoch() {
    let ground = Ground::new(3, 1);
    let mut world = ground.world(23, 3, false);
    world.meet_by_link(0, 1);
    world.run_for(3_000);
    let group = world.make_group(0, &[1]).expect("a group");
    world.run_for(3_000);
    let device = world.phones[1].device.as_ref().expect("it is on");
    let key = device.inspect(group).expect("it is a member").cell_key;
    world.done(0, Intent::Rename { conversation: group, title: "Elsewhere".into() });
    world.run_for(3_000);
    world.phones[1].storage.put(Space::Blobs, b"forgotten", &[b"...".as_slice(), &key, b"..."].concat()).unwrap();
    world.settle();
    objects(&world, "I7");
}

#[test]
fn checker_objects_to_a_member_who_knows_nothing() {
    let (mut world, id) = pair(&Ground::new(2, 1));
    world.stop(1);
    let storage = &world.phones[1].storage;
    storage.delete(Space::Group, &id.0).unwrap();
    world.settle();
    objects(&world, "I2");
}

/// Three people who talk, rename, restart and are cut off, while the program of one has a bug.
fn world_with(bug: Bug) -> World {
    let ground = Ground::new(3, 1);
    let mut world = ground.world(23, 3, false);
    for at in [1, 2] {
        world.meet_by_link(0, at).expect("they meet");
        world.run_for(3_000);
    }
    let group = world.make_group(0, &[1, 2]).expect("a group");
    world.run_for(3_000);
    world.done(0, Intent::SetAdmin { conversation: group, account: ground.account(1), is_admin: true });
    world.run_for(3_000);
    world.settle();
    world.expect_well();
    world.phones[1].bug = Some(bug);
    for round in 0..3 {
        for at in [0, 1, 2] {
            world.write(at, group, "hello");
        }
        world.intend(1, Intent::Rename { conversation: group, title: format!("Round {round}") });
        world.run_for(if round == 0 { 20 } else { 2_000 });
        world.write(1, group, "once more");
        world.stop(1);
        world.write(2, group, "meanwhile");
        world.run_for(2_000);
        world.start(1);
        world.run_for(10_000);
        world.cut_off(1, true);
        world.write(1, group, "from nowhere");
        world.run_for(1_000);
        world.cut_off(1, false);
    }
    world.settle();
    world
}

#[test]
fn checkers_object_to_every_bug_of_a_client() {
    for (bug, rules) in [
        (Bug::LosesItsCommit, ["I2", "I9"]),
        (Bug::KeepsItsCommit, ["I9", "I2"]),
        (Bug::LosesItsOutbox, ["I2", "I3"]),
        (Bug::ForgetsItsPlace, ["I1", "phone 1"]),
        (Bug::KeepsEpochSecrets, ["I7", "I7"]),
        (Bug::HidesMessages, ["I3", "I3"]),
    ] {
        let world = world_with(bug);
        let wrongs = &world.book.wrongs;
        let is_found = wrongs.iter().any(|wrong| rules.iter().any(|rule| wrong.starts_with(rule)));
        assert!(is_found, "{bug:?}: {wrongs:?}");
    }
}

#[test]
fn checker_objects_to_a_client_that_forgets_what_it_showed() {
    let wrongs = scenario::loses_cells_of(&Ground::new(4, 2), &[2], Bug::ForgetsWhatItShowed);
    assert!(wrongs.iter().any(|wrong| wrong.starts_with("I4")), "{wrongs:?}");
}

#[test]
fn checker_objects_to_a_client_that_hides_alerts() {
    let wrongs = scenario::loses_cells_of(&Ground::new(4, 2), &[0, 1], Bug::HidesAlerts);
    assert!(wrongs.iter().any(|wrong| wrong.starts_with("I15")), "{wrongs:?}");
}
