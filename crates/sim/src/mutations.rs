//! Worlds that break a rule while the book believes everybody honest: the checkers must object.

use crate::ground::Ground;
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
