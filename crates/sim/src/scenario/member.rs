//! What a member, a stranger or a copied disk may do, and how people notice.

use super::trio;
use crate::ground::Ground;
use crate::storm::Report;
use crate::world::World;
use bytes::Bytes;
use delivery::ConnId;
use protocol::Inspection;
use protocol::contact::{DoorRecord, derive_door_id};
use protocol::event::{Alert, ConversationId, Intent, Outcome};
use protocol::storage::{Space, Storage};
use wire::id::Hash;
use wire::lane::{CellKind, GEN_ANY, LaneClass};
use wire::node::{Append, DoorClaim, Event, Open, Request};
use wire::work::Puzzle;

fn inside(world: &World, at: usize, id: ConversationId) -> Option<Inspection> {
    world.phones[at].device.as_ref()?.inspect(id)
}

fn open(inside: &Inspection) -> Request {
    Request::Open(Open {
        class: LaneClass::Group,
        lane_id: inside.lane_id,
        read_cap: Some(inside.read_cap.clone()),
        write_cap: Some(inside.write_cap.clone()),
        after: inside.cursor,
        expires_s: 0,
    })
}

fn garbage(world: &mut World, kind: CellKind, if_gen: u32, nth: u32) -> Request {
    let mut body = vec![0; 1_024];
    body[..32].copy_from_slice(&world.dice.bytes::<32>());
    Request::Append(Append { handle: 1, nth, kind, if_gen, attach: Hash::ZERO, body: Bytes::from(body), work: 0 })
}

/// Appends garbage over a connection of its own; how many cells were taken.
fn post_garbage(world: &mut World, inside: &Inspection, kind: CellKind, count: u32) -> usize {
    let Some(conn) = world.stranger(0) else { return 0 };
    let mut requests = vec![open(inside)];
    for nth in 0..count {
        let if_gen = if kind == CellKind::Handshake { GEN_ANY } else { inside.gen_now };
        requests.push(garbage(world, kind, if_gen, nth));
    }
    let heard = world.stranger_asks(0, conn, requests);
    heard.iter().filter(|event| matches!(event, Event::Receipt(_))).count()
}

/// Garbage by the hundred: everybody is told, and everybody still writes.
pub(super) fn floods(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    if let Some(inside) = inside(&world, 2, group) {
        let taken = post_garbage(&mut world, &inside, CellKind::App, 120);
        world.expect(taken == 120, &format!("the node takes the garbage: {taken}"));
    }
    world.run_for(5_000);
    world.expect_told(&[0], "somebody floods", |alert| matches!(alert, Alert::Flooding));
    world.expect_told(&[1], "somebody floods", |alert| matches!(alert, Alert::Flooding));
    world.write(0, group, "still here");
    world.settle();
    Report::of(world)
}

/// I8: garbage handshakes on ever new connections, as many as the node takes, do not keep a commit out.
pub(super) fn cannot_block_commits(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    let lane = world.lane_of(0, group);
    let intent = world.intend(0, Intent::Rename { conversation: group, title: "In spite of you".into() });
    let mut spent = 0;
    for _ in 0..400 {
        if world.lane_of(0, group) != lane {
            break;
        }
        if let Some(inside) = inside(&world, 2, group).filter(|inside| inside.lane_id == lane) {
            spent += post_garbage(&mut world, &inside, CellKind::Handshake, 3);
        }
        world.run_for(100);
    }
    let is_done = matches!(world.phones[0].timeline.outcomes.get(&intent), Some(Ok(_)));
    world.expect(is_done, &format!("the commit lands in spite of {spent} garbage handshakes"));
    world.settle();
    Report::of(world)
}

/// An admin who changes something all the time.
pub(super) fn commits_without_pause(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    for nth in 0..61 {
        world.done(0, Intent::Rename { conversation: group, title: format!("Title {nth}") });
    }
    world.run_for(5_000);
    world.expect_told(&[1], "phone 0 commits too often", |alert| matches!(alert, Alert::ChangesKeysTooOften { .. }));
    world.settle();
    Report::of(world)
}

/// A commit whose path fails for one device: Suspect, then READD. The device's path keys are damaged, which looks to
/// it as a broken path does.
pub(super) fn breaks_one_device(ground: &Ground, is_logged: bool) -> Report {
    /// The label of a group's path keys in the store of OpenMLS's values.
    const EPOCH_KEYS: u8 = 15;
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.stop(2);
    let storage = &world.phones[2].storage;
    for (key, mut value) in storage.scan(Space::Mls, &[EPOCH_KEYS]).unwrap_or_default() {
        if !key.windows(16).any(|window| window == group.0) {
            continue;
        }
        // A private key is 32 bytes behind their count.
        let starts: Vec<usize> = (0..value.len().saturating_sub(32)).filter(|at| value[*at] == 32).collect();
        for start in starts {
            value[start + 17] ^= 0x55;
        }
        storage.put(Space::Mls, &key, &value).expect("a virtual disk works");
    }
    world.start(2);
    world.run_for(3_000);
    world.done(0, Intent::Rename { conversation: group, title: "Broken for one".into() });
    world.run_for(10_000);
    world.expect_told(&[2], "an update failed here", |alert| matches!(alert, Alert::BrokenUpdate { .. }));
    world.write(1, group, "meanwhile");
    world.run_for(90_000);
    world.expect_told(&[0], "phone 2 rejoins", |alert| matches!(alert, Alert::MemberRejoins { .. }));
    world.write(2, group, "back");
    world.settle();
    let is_back = world.is_active(2, group);
    world.expect(is_back, "phone 2 is back");
    Report::of(world)
}

/// A member claims to have seen another history; its receipts agree with everybody's.
pub(super) fn lies_in_seen(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    // Receipts are held at every sixteenth position.
    for nth in 0..20 {
        world.write(nth % 3, group, "before");
        world.run_for(200);
    }
    world.run_for(2_000);
    world.misbehave();
    let head = inside(&world, 1, group).map(|inside| inside.head.0).unwrap_or_default();
    world.stop(1);
    let storage = &world.phones[1].storage;
    if let Ok(Some(mut record)) = storage.get(Space::Group, &group.0)
        && let Some(at) = record.windows(32).position(|window| window == head)
    {
        record[at] ^= 0x55;
        storage.put(Space::Group, &group.0, &record).expect("a virtual disk works");
    }
    world.start(1);
    world.run_for(1_000);
    world.write(1, group, "I saw something else");
    world.run_for(60_000);
    let liar = ground.account(1);
    world.expect_told(
        &[0, 2],
        "phone 1 and the node disagree",
        |alert| matches!(alert, Alert::MemberContradicts { account } if *account == liar),
    );
    world.expect_silence(
        "only the liar is blamed",
        |alert| matches!(alert, Alert::MemberContradicts { account } if *account != liar),
    );
    Report::of(world)
}

/// A disk of yesterday: the device finds its own cells that it never made, says so, and updates before it writes.
pub(super) fn device_is_restored(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    world.misbehave();
    world.book.exempt.insert(1);
    world.stop(1);
    let storage = world.phones[1].storage.clone();
    world.start(1);
    world.run_for(2_000);
    world.write(1, group, "one");
    world.write(1, group, "two");
    world.run_for(5_000);
    world.stop(1);
    world.phones[1].storage = storage;
    world.start(1);
    world.run_for(20_000);
    world.expect_told(&[1], "this device was restored", |alert| matches!(alert, Alert::Restored));
    let message = world.write(1, group, "three");
    world.settle();
    let shown =
        world.phones[0].timeline.shown.get(&group).is_some_and(|shown| shown.iter().any(|it| it.msg_id == message));
    world.expect(shown, "what the restored device writes next is read");
    Report::of(world)
}

/// Two people follow a link that was meant for one.
pub(super) fn link_leaks(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(11, 3, is_logged);
    world.misbehave();
    let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 86_400 };
    if let Some(Outcome::Link(link)) = world.done(0, invite) {
        world.stop(0);
        for at in [1, 2] {
            world.done(at, Intent::Accept { link: link.clone(), note: String::new() });
            world.run_for(3_000);
        }
        world.start(0);
        world.run_for(5_000);
    }
    world.expect_told(&[0], "somebody else tried the invite", |alert| matches!(alert, Alert::InviteLeaked));
    let conversations = world.phones[0].timeline.conversations.len();
    world.expect(conversations == 1, "the first knock wins");
    world.expect_silence("before the invite's end all may be well", |alert| matches!(alert, Alert::NotReached { .. }));
    world.run_for(4 * 86_400_000);
    world.expect_told(&[2], "phone 0 never came", |alert| matches!(alert, Alert::NotReached { .. }));
    let is_fooled = world.book.alerts.iter().any(|(at, alert)| *at == 1 && matches!(alert, Alert::NotReached { .. }));
    world.expect(!is_fooled, "phone 0 came to phone 1 without a word");
    Report::of(world)
}

/// A door's queue is filled while its owner is away.
pub(super) fn stranger_floods_a_door(ground: &Ground, is_logged: bool) -> Report {
    let mut world = ground.world(13, 2, is_logged);
    world.misbehave();
    world.stop(0);
    if let Some(conn) = world.stranger(0) {
        fill_door(&mut world, conn, ground.account(0));
    }
    world.start(0);
    world.run_for(20_000);
    world.expect_told(&[0], "the address is flooded", |alert| matches!(alert, Alert::DoorFlooded));
    Report::of(world)
}

fn fill_door(world: &mut World, conn: ConnId, account: wire::id::AccountId) {
    let door_id = derive_door_id(&account);
    let Some(nonce) = world.stranger_asks(0, conn, Vec::new()).into_iter().find_map(|event| match event {
        Event::Hello(hello) => Some(hello.nonce),
        _ => None,
    }) else {
        return world.book.wrong("no hello".into());
    };
    let work = wire::work::search(&nonce, Puzzle::Claim(&door_id, 0), 2, 0, 1 << 16).unwrap_or_default();
    let claim = DoorClaim { door_id, counter: 0, work, record_only: true };
    let heard = world.stranger_asks(0, conn, vec![Request::DoorClaim(claim)]);
    let record = heard.iter().find_map(|event| match event {
        Event::DoorClaimed { record, .. } => DoorRecord::open(&account, record).ok(),
        _ => None,
    });
    let Some(target) = record.map(|record| record.target) else {
        return world.book.wrong(format!("no door record: {heard:?}"));
    };
    let lane_id = wire::lane::derive_lane_id(LaneClass::Door, &target.read_hash, &target.write_cap.hash());
    let open = Open {
        class: LaneClass::Door,
        lane_id,
        read_cap: None,
        write_cap: Some(target.write_cap.clone()),
        after: 0,
        expires_s: 0,
    };
    world.stranger_asks(0, conn, vec![Request::Open(open)]);
    let mut nth = 0;
    for _ in 0..12 {
        let mut requests = Vec::new();
        for _ in 0..100 {
            let mut body = vec![0; 1_024];
            body[..32].copy_from_slice(&world.dice.bytes::<32>());
            let hash = Hash::of(&[&body]);
            let work = wire::work::search(&nonce, Puzzle::Knock(&lane_id, &hash), 4, 0, 1 << 16).unwrap_or_default();
            let (kind, body) = (CellKind::App, Bytes::from(body));
            requests.push(Request::Append(Append { handle: 1, nth, kind, if_gen: 0, attach: Hash::ZERO, body, work }));
            nth += 1;
        }
        world.stranger_asks(0, conn, requests);
    }
}

/// I12: what a removed member holds opens no later lane.
pub(super) fn removed_opens_no_later_lane(ground: &Ground, is_logged: bool) -> Report {
    let (mut world, group) = trio(ground, is_logged);
    let before = inside(&world, 2, group);
    let accounts = vec![ground.account(2)];
    world.done(0, Intent::RemoveMembers { conversation: group, accounts });
    world.run_for(5_000);
    world.write(0, group, "without you");
    world.settle();
    if let (Some(before), Some(after), Some(conn)) = (before, inside(&world, 0, group), world.stranger(0)) {
        let tried = Inspection { read_cap: before.read_cap, write_cap: before.write_cap, ..after };
        let heard = world.stranger_asks(0, conn, vec![open(&tried)]);
        let is_refused = heard.iter().all(|event| !matches!(event, Event::Opened { .. }));
        world.expect(is_refused && !heard.is_empty(), "old capabilities open no later lane");
    }
    Report::of(world)
}
