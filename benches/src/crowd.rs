//! Case `crowd`: a group of 1,000 real devices over the node's machine, in a virtual world.
//!
//! All of them ask by an invite link to enter, and are let in together, being away. Then each sixteenth comes, with
//! `SOTTOVOCE_BENCH_ALL` set everybody: joins, and reads what was written meanwhile. One is removed and comes back too.
//! Times are wall clock of one thread, the node's work and the world's checkers included; the network costs nothing.

use crate::Scale;
use crate::report::{Measurement, Subject, median, rounded};
use anyhow::{Context, bail, ensure};
use protocol::event::{Answer, ConversationId, ConversationState, Intent, InviteState, Outcome, SendState};
use protocol::storage::MemoryStorage;
use sim::World;
use sim::disk::Disk;
use sim::ground::NODES;
use sim::people::new_phone;
use sim::server::Server;
use std::time::Instant;

const MEMBERS: u64 = 1_000;
/// Of so many members one comes to read.
const ONE_OF: usize = 16;
/// Virtual time between two looks, milliseconds.
const LOOK_MS: u64 = 200;
/// Looks before a wait is given up: an hour of virtual time, for the node's budgets.
const LOOKS_MAX: usize = 18_000;
/// Epochs that letting everybody in may take: the first alone, then all who wait.
const EPOCHS_MAX: u64 = 4;
const ADMIN: usize = 0;
const REMOVED: usize = 1;

fn until(world: &mut World, what: &str, is_done: impl Fn(&World) -> bool) -> anyhow::Result<()> {
    for _ in 0..LOOKS_MAX {
        if is_done(world) {
            return Ok(());
        }
        world.run_for(LOOK_MS);
    }
    bail!("never: {what}")
}

fn texts(world: &World, at: usize, group: ConversationId) -> usize {
    world.phones[at].timeline.shown.get(&group).map_or(0, Vec::len)
}

fn is_in(world: &World, at: usize, group: ConversationId) -> bool {
    let conversation = world.phones[at].timeline.conversations.get(&group);
    conversation.is_some_and(|conversation| conversation.state == ConversationState::Active)
}

fn epoch(world: &World, at: usize, group: ConversationId) -> u64 {
    world.phones[at].timeline.conversations.get(&group).map_or(0, |conversation| conversation.epoch)
}

/// Bytes that the node keeps.
fn node_bytes(world: &World) -> (usize, usize) {
    let disk = &world.servers[0].sides[0].disk;
    let blobs = disk.blobs.borrow().values().map(|(blob, _)| blob.len()).sum();
    let cells = disk.lanes.borrow().values().map(|lane| lane.record.stored_bytes as usize).sum();
    (blobs, cells)
}

fn stored_bytes(world: &World, at: usize) -> usize {
    world.phones[at].storage.values().iter().map(Vec::len).sum()
}

/// One after another opens its door, asks to enter and goes away.
fn ask_to_enter(world: &mut World, link: &str) -> anyhow::Result<()> {
    for at in 1..world.phones.len() {
        world.start(at);
        world.run_for(1_000);
        let intent = Intent::Accept { link: link.to_owned(), note: String::new() };
        let intent = world.intend(at, intent);
        world.outcome(at, intent).context("no outcome")??;
        world.stop(at);
    }
    Ok(())
}

/// Lets everybody in; the group as it is then.
fn let_in(world: &mut World, group: ConversationId) -> anyhow::Result<()> {
    let requests: Vec<_> = world.phones[ADMIN].timeline.requests.keys().copied().collect();
    ensure!(requests.len() + 1 == world.phones.len(), "{} of {} asked", requests.len(), world.phones.len());
    for request in requests {
        world.intend(ADMIN, Intent::Answer { request, answer: Answer::Accept });
    }
    until(world, "everybody is a member and invited", |world| {
        let admin = &world.phones[ADMIN];
        let members = admin.timeline.conversations.get(&group).map_or(0, |group| group.members.len());
        let waiting = admin.device.as_ref().map_or(0, protocol::Device::waiting);
        members == world.phones.len() && waiting == 0
    })
}

/// The admin writes, and the node has it.
fn say(world: &mut World, group: ConversationId, text: &str) -> anyhow::Result<()> {
    let msg_id = world.write(ADMIN, group, text);
    until(world, "the node has a message", |world| {
        world.phones[ADMIN].timeline.sent.get(&msg_id) == Some(&SendState::Stored)
    })
}

fn print(part: &str, members: usize, millis: Vec<f64>, extra: &[(&'static str, usize)]) -> anyhow::Result<()> {
    let mut measurement = Measurement::new("crowd", Subject::Client).with("part", part).with("members", members);
    if millis.len() > 1 {
        measurement = measurement.with("phones", millis.len());
    }
    measurement.p50_ms = median(millis).map(rounded);
    for (name, value) in extra {
        measurement = measurement.with(name, *value);
    }
    measurement.print()
}

fn millis_since(started: Instant) -> f64 {
    started.elapsed().as_secs_f64() * 1_000.0
}

/// The whole life of a large group.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let members = scale.of(MEMBERS).max(8) as usize;
    let phones = (0..members).map(|at| new_phone(at, NODES[0])).collect();
    let mut world = World::new(1, vec![Server::new(NODES[0], [42; 32], Disk::default())], phones);
    world.start(ADMIN);
    world.run_for(5_000);
    let Some(Outcome::Conversation(group)) = world.done(ADMIN, Intent::NewGroup { title: "Everybody".into() }) else {
        bail!("no group")
    };
    let invite = Intent::Invite { group: Some(group), needs_approval: true, valid_s: 20 * 86_400 };
    let Some(Outcome::Link(link)) = world.done(ADMIN, invite) else { bail!("no link") };
    until(&mut world, "the link is ready", |world| {
        world.phones[ADMIN].timeline.invites.values().any(|state| matches!(state, InviteState::Ready(_)))
    })?;

    let started = Instant::now();
    ask_to_enter(&mut world, &link)?;
    until(&mut world, "all requests came", |world| world.phones[ADMIN].timeline.requests.len() + 1 == members)?;
    print("ask", members, vec![millis_since(started)], &[])?;

    let started = Instant::now();
    let before = node_bytes(&world);
    let_in(&mut world, group)?;
    let (blobs, cells) = node_bytes(&world);
    ensure!(epoch(&world, ADMIN, group) <= EPOCHS_MAX, "people who wait together are added one by one");
    let extra = [
        ("blob_bytes", blobs - before.0),
        ("cell_bytes", cells.saturating_sub(before.1)),
        ("epochs", epoch(&world, ADMIN, group) as usize),
        ("admin_stored_bytes", stored_bytes(&world, ADMIN)),
    ];
    print("let_in", members, vec![millis_since(started)], &extra)?;

    let started = Instant::now();
    say(&mut world, group, "Welcome, all of you.")?;
    print("send", members, vec![millis_since(started)], &[])?;

    // Whoever will be removed joins and reads first.
    world.start(REMOVED);
    until(&mut world, "the first reads", |world| texts(world, REMOVED, group) == 1)?;
    world.stop(REMOVED);

    let started = Instant::now();
    let account = world.phones[REMOVED].account;
    let before = node_bytes(&world);
    let removal = Intent::RemoveMembers { conversation: group, accounts: vec![account] };
    world.done(ADMIN, removal).context("not removed")?;
    let blobs = node_bytes(&world).0 - before.0;
    print("remove", members, vec![millis_since(started)], &[("blob_bytes", blobs)])?;
    say(&mut world, group, "One of us is gone.")?;

    let (mut join, mut stored) = (Vec::new(), 0);
    let step = if std::env::var_os("SOTTOVOCE_BENCH_ALL").is_some() || scale.is_tiny { 1 } else { ONE_OF };
    for at in (REMOVED + 1..members).step_by(step) {
        let started = Instant::now();
        world.start(at);
        until(&mut world, "a member reads both", |world| texts(world, at, group) == 2)?;
        join.push(millis_since(started));
        ensure!(is_in(&world, at, group), "a member is not in the group");
        ensure!(epoch(&world, at, group) == epoch(&world, ADMIN, group), "a member is in another epoch");
        stored = stored_bytes(&world, at);
        world.stop(at);
        // A thousand disks with a thousand certificates each are more than a machine has.
        world.phones[at].storage = MemoryStorage::default();
    }
    print("join_and_read", members, join, &[("stored_bytes", stored)])?;

    world.start(REMOVED);
    world.run_for(60_000);
    ensure!(texts(&world, REMOVED, group) == 1, "who was removed reads on");
    ensure!(!is_in(&world, REMOVED, group), "who was removed does not know");
    ensure!(world.book.wrongs.is_empty(), "the checkers object: {:?}", world.book.wrongs.first());
    Ok(())
}
