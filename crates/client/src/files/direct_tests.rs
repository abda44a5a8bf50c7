//! Whom the engine answers, and how long an upload waits for it.

use super::*;
use crate::db::{Database, DatabaseError};
use crate::engine::{Engine, Outgoing, Output};
use crate::timeline::testing::{ADA, conversation};
use crate::timeline::{Changes, EntryId, Mark};
use protocol::content::{Content, Direct, DirectSignal, Kind};
use protocol::direct::Path;
use protocol::event::{Conversation, ConversationId, Record};
use protocol::file::{FileKey, Leaves, Look, Sealer, Shape};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::id::{AttemptId, DeviceId, FileId, MsgId};

const NOW_MS: u64 = 1_800_000_000_000;

struct World {
    engine: Engine,
    room: ConversationId,
    entry: EntryId,
    msg_id: MsgId,
}

fn sealed(size: u64) -> Origin {
    let (key, shape) = (FileKey::new([1; 32]), Shape::of(size).unwrap());
    let sealer = Sealer::new(&key, shape);
    let mut leaves = Leaves::default();
    (0..shape.groups())
        .for_each(|group| leaves.push(sealer.seal(group, &mut vec![3; shape.group_bytes(group)]).unwrap()));
    Origin::Sealed(SealedCopy { file: FileId([1; 32]), key, leaves })
}

/// A file on its way to the node, at a device that can connect to others.
fn world(origin: Origin, size: u64) -> World {
    let phrase = RecoveryPhrase::from_entropy(&[7; 32]);
    let node_url = NodeUrl::parse("http://localhost:4430").unwrap();
    let rng = Box::new(ChaCha20Rng::seed_from_u64(1));
    let mut engine =
        Engine::create(Database::in_memory().unwrap(), rng, &phrase, node_url, "Ada".into(), NOW_MS).unwrap();
    let room = Conversation { is_direct: true, ..conversation(&[engine.me().account, ADA]) };
    let record = Record::Conversation(room.clone());
    engine.edit_timeline(|timeline| timeline.record(&record, NOW_MS, &mut Changes::new())).unwrap();
    let file = NewFile { origin, size, name: "a".into(), media_type: String::new(), look: Look::default() };
    let message = FileMessage { conversation: room.id, files: vec![file], caption: String::new(), reply_to: None };
    let queued = engine.send_files(NOW_MS, message).unwrap();
    engine.begin_direct();
    World { room: room.id, entry: queued.entry.unwrap(), msg_id: queued.msg_id, engine }
}

fn path() -> Path {
    Path { ufrag: "abcd".into(), pwd: "p".repeat(22), fingerprint: [1; 32], addresses: vec![] }
}

impl World {
    fn hear(&mut self, now_ms: u64, sent_ms: u64, index: u32, signal: DirectSignal) -> Output {
        let kind = Kind::Direct(Direct { msg_id: self.msg_id, index, signal });
        let message = Content { sent_ms, timer_s: 0, kind }.encode().unwrap().into();
        let (conversation, device) = (self.room, DeviceId([9; 16]));
        let msg_id = MsgId([8; 16]);
        let record = Record::Received { conversation, msg_id, account: ADA, device, message, at_ms: now_ms };
        self.engine.transact(now_ms, |parts, collected| parts.hear_direct(&record, collected)).unwrap().0
    }

    fn is_given(&mut self, now_ms: u64, number: u8) -> bool {
        let output = self.hear(now_ms, now_ms, 0, DirectSignal::Ask(AttemptId([number; 16]), path()));
        gives(&output) == 1
    }

    fn id(&self) -> AttachmentId {
        self.engine.timeline().entry(self.entry).unwrap().unwrap().files[0].id
    }
}

fn gives(output: &Output) -> usize {
    let is_give = |outgoing: &&Outgoing| matches!(outgoing, Outgoing::Direct(DirectOrder::Give { .. }));
    output.outgoing.iter().filter(is_give).count()
}

fn uploads(output: &Output) -> usize {
    output.outgoing.iter().filter(|outgoing| matches!(outgoing, Outgoing::Upload(_))).count()
}

const SIZE: u64 = DIRECT_BYTES_MIN;

#[test]
fn own_file_is_given_to_a_few_at_a_time_and_to_so_many_in_an_hour() {
    let mut world = world(sealed(SIZE), SIZE);
    for number in 0..GIVING_MAX as u8 {
        assert!(world.is_given(NOW_MS, number));
    }
    assert!(!world.is_given(NOW_MS, 0), "an attempt is made once");
    assert!(!world.is_given(NOW_MS, 100));
    for number in GIVING_MAX as u8..ANSWERS_AN_HOUR as u8 {
        world.engine.end_direct(NOW_MS, AttemptId([number - 1; 16])).unwrap();
        assert!(world.is_given(NOW_MS, number), "{number}");
    }
    world.engine.end_direct(NOW_MS, AttemptId([ANSWERS_AN_HOUR as u8 - 1; 16])).unwrap();
    assert!(!world.is_given(NOW_MS, 200));
    assert!(world.is_given(NOW_MS + 3_600_000, 201));
}

#[test]
fn nobody_is_answered_where_the_user_forbids_it_or_the_ask_is_old_or_of_another_file() {
    let mut world = world(sealed(SIZE), SIZE);
    let ask = || DirectSignal::Ask(AttemptId([1; 16]), path());
    assert_eq!(gives(&world.hear(NOW_MS, NOW_MS - 30_001, 0, ask())), 0, "old");
    assert_eq!(gives(&world.hear(NOW_MS, NOW_MS, 1, ask())), 0, "no such file");
    let msg_id = std::mem::replace(&mut world.msg_id, MsgId([77; 16]));
    assert_eq!(gives(&world.hear(NOW_MS, NOW_MS, 0, ask())), 0, "no such message");
    world.msg_id = msg_id;
    world.engine.allow_direct(false).unwrap();
    assert!(!world.engine.allows_direct().unwrap() && !world.is_given(NOW_MS, 2));
    world.engine.allow_direct(true).unwrap();
    let room = world.room;
    let forbid = |world: &mut World, is_on| {
        world.engine.edit(NOW_MS, |timeline, changes| timeline.mark(&room, Mark::NoDirect(is_on), changes)).unwrap();
    };
    forbid(&mut world, true);
    assert!(!world.is_given(NOW_MS, 3));
    forbid(&mut world, false);
    let block = |world: &mut World, is_blocked| {
        world.engine.edit(NOW_MS, |timeline, changes| timeline.set_blocked(&ADA, is_blocked, changes)).unwrap();
    };
    block(&mut world, true);
    assert!(!world.is_given(NOW_MS, 4));
    block(&mut world, false);
    assert!(world.is_given(NOW_MS, 5));
}

#[test]
fn file_that_is_read_from_a_path_has_no_copy_to_give() {
    let origin = Origin::Path(OwnPath { path: b"/nowhere".to_vec(), stamp: 1, is_covered: false });
    assert!(!world(origin, SIZE).is_given(NOW_MS, 1));
}

#[test]
fn upload_waits_as_long_as_its_file_moves_directly_and_no_longer() {
    let mut world = world(sealed(SIZE), SIZE);
    assert!(world.is_given(NOW_MS, 1));
    assert_eq!(uploads(&world.engine.begin_files(NOW_MS + 1).unwrap()), 0, "somebody asked");
    let id = world.id();
    let moved = |done_bytes| FileEvent::MovedDirectly { id, done_bytes, total_bytes: SIZE };
    world.engine.take_file_events(NOW_MS + 2_000, vec![moved(1_000)]).unwrap();
    let progress = world.engine.progress(id).unwrap();
    assert!(progress.is_direct && progress.done_bytes == 1_000);
    assert_eq!(uploads(&world.engine.tick(NOW_MS + 4_000).unwrap()), 0);
    let wake_ms = world.engine.wake_at_ms().unwrap();
    assert!(wake_ms > NOW_MS + 4_000 && wake_ms <= NOW_MS + 7_001, "{}", wake_ms - NOW_MS);
    assert_eq!(uploads(&world.engine.tick(wake_ms).unwrap()), 1, "it stalled");
    assert!(world.engine.end_direct(wake_ms, AttemptId([1; 16])).is_ok());
    assert!(world.engine.progress(id).is_none());
}

#[test]
fn early_file_that_everybody_has_is_not_sent_to_the_node() {
    let mut world = world(sealed(SIZE), SIZE);
    world.engine.begin_files(NOW_MS).unwrap();
    assert_eq!(gives(&world.hear(NOW_MS, NOW_MS, 0, DirectSignal::Complete)), 0);
    let state = |world: &World| world.engine.timeline().entry(world.entry).unwrap().unwrap().files[0].state;
    assert_eq!(state(&world), AttachmentState::Uploading, "it was not announced early");
    let early = "UPDATE attachments SET is_early = 1";
    world.engine.database.write(|tx| tx.execute(early, []).map(drop).map_err(DatabaseError::from)).unwrap();
    let output = world.hear(NOW_MS, NOW_MS, 0, DirectSignal::Complete);
    let stops = output.outgoing.iter().filter(|outgoing| matches!(outgoing, Outgoing::StopFile(_))).count();
    assert_eq!((stops, state(&world)), (1, AttachmentState::Uploaded));
    assert!(!world.engine.is_moving());
    // Whoever passes it on sends it to the node, from the copy; the message itself is not sent yet.
    let stored = "UPDATE messages SET state = 1";
    world.engine.database.write(|tx| tx.execute(stored, []).map(drop).map_err(DatabaseError::from)).unwrap();
    let forwarded = world.engine.forward(NOW_MS, world.entry, world.room).unwrap();
    assert_eq!(uploads(&forwarded.output), 1);
}
