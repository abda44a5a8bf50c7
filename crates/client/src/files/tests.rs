//! What the queue promises, without a network.

use super::folder::{Folder, path_bytes, stamp};
use super::*;
use crate::db::Database;
use crate::engine::{Engine, EngineError, Outgoing, Output};
use crate::timeline::testing::{ADA, ROOM, World, conversation};
use crate::timeline::{Changes, EntryId, EntryKind, MessageState, Window};
use protocol::content::{Files, Kind};
use protocol::event::{ConversationId, Record};
use protocol::file::{CHUNK_BYTES, FileKey, Leaves, Look, Opener, Reference, Root, Sealer, Shape};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use wire::id::{FileId, MsgId};

fn rng(seed: u64) -> Box<ChaCha20Rng> {
    Box::new(ChaCha20Rng::seed_from_u64(seed))
}

/// An engine with a conversation that the timeline knows and the device does not.
fn engine() -> (Engine, ConversationId) {
    let phrase = RecoveryPhrase::from_entropy(&[7; 32]);
    let node_url = NodeUrl::parse("http://localhost:4430").unwrap();
    let database = Database::in_memory().unwrap();
    let mut engine = Engine::create(database, rng(1), &phrase, node_url, "Ada".into(), 1_000).unwrap();
    let room = conversation(&[engine.me().account, ADA]);
    engine
        .edit_timeline(|timeline| timeline.record(&Record::Conversation(room.clone()), 1, &mut Changes::new()))
        .unwrap();
    (engine, room.id)
}

fn own_path() -> OwnPath {
    OwnPath { path: b"/nowhere/a.jpg".to_vec(), stamp: 5, is_covered: true }
}

fn new_file(size: u64) -> NewFile {
    NewFile {
        origin: Origin::Path(own_path()),
        size,
        name: "a.jpg".into(),
        media_type: "image/jpeg".into(),
        look: Look::default(),
    }
}

fn message(room: ConversationId, count: usize) -> FileMessage {
    let files = vec![new_file(300); count];
    FileMessage { conversation: room, files, caption: "look at this".into(), reply_to: None }
}

fn uploads(output: &Output) -> Vec<AttachmentId> {
    let id = |outgoing: &Outgoing| match outgoing {
        Outgoing::Upload(order) => Some(order.id),
        _ => None,
    };
    output.outgoing.iter().filter_map(id).collect()
}

fn states(engine: &Engine, entry: EntryId) -> Vec<AttachmentState> {
    engine.timeline().entry(entry).unwrap().unwrap().files.iter().map(|file| file.state).collect()
}

fn take(engine: &mut Engine, now_ms: u64, event: FileEvent) -> Output {
    engine.take_file_events(now_ms, vec![event]).unwrap()
}

fn leaves(shape: Shape) -> Leaves {
    let sealer = Sealer::new(&FileKey::new([1; 32]), shape);
    let mut leaves = Leaves::default();
    for group in 0..shape.groups() {
        leaves.push(sealer.seal(group, &mut vec![3; shape.group_bytes(group)]).unwrap());
    }
    leaves
}

#[test]
fn message_shows_at_once_and_its_files_wait_for_a_shell() {
    let (mut engine, room) = engine();
    let queued = engine.send_files(2_000, message(room, 2)).unwrap();
    assert!(uploads(&queued.output).is_empty(), "nobody moves files yet");
    let entry = engine.timeline().entry(queued.entry.unwrap()).unwrap().unwrap();
    assert_eq!((entry.state, entry.text()), (MessageState::Pending, Some("look at this")));
    assert_eq!(entry.files.len(), 2);
    assert_eq!(entry.files[0].shown_name().text, "a.jpg");
    assert_eq!(engine.timeline().search("look", None, 5).unwrap().len(), 1);
    let output = engine.begin_files(2_001).unwrap();
    assert_eq!(uploads(&output).len(), 2);
    assert!(engine.is_moving());
}

#[test]
fn killed_program_begins_again_with_the_leaves_that_are_stored() {
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, 1)).unwrap();
    let id = uploads(&queued.output)[0];
    let leaves = leaves(Shape::of(300).unwrap());
    take(&mut engine, 2_001, FileEvent::Sealed { id, first: 0, leaves: leaves.clone() });
    // A second run that sealed another text does not overwrite what may have left.
    let other = Leaves::parse(&[9; 32]).unwrap();
    take(&mut engine, 2_001, FileEvent::Sealed { id, first: 0, leaves: other });
    let mut engine = Engine::open(engine.into_database(), rng(2), 3_000).unwrap();
    let output = engine.begin_files(3_001).unwrap();
    let Some(Outgoing::Upload(order)) =
        output.outgoing.into_iter().find(|outgoing| matches!(outgoing, Outgoing::Upload(_)))
    else {
        panic!("the upload goes on")
    };
    assert_eq!((order.id, order.leaves.clone()), (id, leaves));
    assert_eq!(order.source, Some(own_path()));
}

#[test]
fn few_files_move_at_once_and_the_next_follows() {
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, MOVING_MAX + 2)).unwrap();
    let first = uploads(&queued.output);
    assert_eq!(first.len(), MOVING_MAX);
    let output = take(&mut engine, 2_001, FileEvent::Uploaded { id: first[0], root: Root([1; 32]) });
    assert_eq!(uploads(&output).len(), 1);
    assert_eq!(states(&engine, queued.entry.unwrap())[0], AttachmentState::Uploaded);
}

#[test]
fn lost_network_is_a_pause_and_a_changed_file_an_end() {
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, 1)).unwrap();
    let (id, entry) = (uploads(&queued.output)[0], queued.entry.unwrap());
    let mut now_ms = 2_000;
    for _ in 0..8 {
        let output = take(&mut engine, now_ms, FileEvent::Stopped { id, problem: Problem::Network });
        assert!(uploads(&output).is_empty(), "not at once");
        assert_eq!(states(&engine, entry), [AttachmentState::Uploading]);
        let mut begun = Vec::new();
        while begun.is_empty() {
            now_ms = engine.wake_at_ms().expect("it is tried again").max(now_ms + 1);
            begun = uploads(&engine.tick(now_ms).unwrap());
        }
        assert_eq!(begun, [id]);
    }
    assert!(now_ms < 2_000 + 8 * 31_000, "waits are bounded: {now_ms}");
    take(&mut engine, now_ms, FileEvent::Stopped { id, problem: Problem::Changed });
    let file = engine.timeline().attachment(id).unwrap().unwrap();
    assert_eq!((file.state, file.problem), (AttachmentState::UploadFailed, Some(Problem::Changed)));
    let output = engine.turn_file(now_ms, id, Turn::Resume).unwrap();
    assert_eq!(uploads(&output), [id], "the user may try again");
}

#[test]
fn paused_file_stops_and_hears_no_late_report() {
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, 1)).unwrap();
    let (id, entry) = (uploads(&queued.output)[0], queued.entry.unwrap());
    take(&mut engine, 2_001, FileEvent::Moved { id, done_bytes: 10, total_bytes: 100 });
    assert_eq!(engine.progress(id).unwrap().done_bytes, 10);
    let output = engine.turn_file(2_002, id, Turn::Pause).unwrap();
    assert!(output.outgoing.iter().any(|outgoing| matches!(outgoing, Outgoing::StopFile(stopped) if *stopped == id)));
    take(&mut engine, 2_003, FileEvent::Uploaded { id, root: Root([1; 32]) });
    assert_eq!(states(&engine, entry), [AttachmentState::UploadPaused]);
    assert_eq!(engine.progress(id), None);
    assert_eq!(uploads(&engine.turn_file(2_004, id, Turn::Resume).unwrap()), [id]);
}

#[test]
fn message_to_a_conversation_that_is_over_fails_when_its_files_are_there() {
    // The device does not know the conversation: it is over for it.
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, 1)).unwrap();
    let id = uploads(&queued.output)[0];
    take(&mut engine, 2_001, FileEvent::Uploaded { id, root: Root([1; 32]) });
    let entry = engine.timeline().entry(queued.entry.unwrap()).unwrap().unwrap();
    assert_eq!(entry.state, MessageState::Failed);
}

#[test]
fn cancelled_message_leaves_neither_key_nor_leaf_and_its_blob_is_deleted() {
    let (mut engine, room) = engine();
    engine.begin_files(1_999).unwrap();
    let queued = engine.send_files(2_000, message(room, 1)).unwrap();
    let id = uploads(&queued.output)[0];
    take(&mut engine, 2_001, FileEvent::Sealed { id, first: 0, leaves: leaves(Shape::of(300).unwrap()) });
    let output = engine.cancel_file(2_002, id).unwrap();
    let discard = output.outgoing.iter().find_map(|outgoing| match outgoing {
        Outgoing::Discard(discard) => Some(discard.clone()),
        _ => None,
    });
    let discard = discard.expect("the blob is removed");
    assert!(discard.attachment == id && discard.owner.is_some() && !discard.keeps_copy);
    let count = |engine: &Engine, table: &str| -> i64 {
        let sql = format!("SELECT count(*) FROM {table}");
        engine.database.read().query_row(&sql, [], |row| row.get(0)).unwrap()
    };
    assert_eq!((count(&engine, "attachments"), count(&engine, "leaves"), count(&engine, "discarded")), (0, 0, 1));
    take(&mut engine, 2_003, FileEvent::Discarded { id: discard.id, is_done: false });
    assert_eq!(count(&engine, "discarded"), 1, "tried again later");
    take(&mut engine, 2_004, FileEvent::Discarded { id: discard.id, is_done: true });
    assert_eq!(count(&engine, "discarded"), 0);
}

#[test]
fn files_to_nowhere_and_without_files_are_refused() {
    let (mut engine, room) = engine();
    let nowhere = message(ConversationId([1; 16]), 1);
    assert!(matches!(engine.send_files(2_000, nowhere), Err(EngineError::Intent(_))));
    assert!(matches!(engine.send_files(2_000, message(room, 0)), Err(EngineError::Content(_))));
    assert!(matches!(engine.send_files(2_000, message(room, 33)), Err(EngineError::Content(_))));
    let entries = engine.timeline().snapshot(&room, Window::Latest(10)).unwrap().entries;
    assert!(entries.iter().all(|entry| matches!(entry.kind, EntryKind::Notice(_))));
}

fn received(file: u8) -> Reference {
    let key = FileKey::new([file; 32]);
    Reference {
        file_id: FileId([file; 32]),
        node_url: None,
        commit: key.commit(),
        key,
        root: Root([4; 32]),
        size: 70_000,
        name: "../x.pdf.exe".into(),
        media_type: String::new(),
        look: Look { width: 3, thumbhash: vec![1; 20].into(), ..Look::default() },
    }
}

fn files(references: Vec<Reference>) -> Kind {
    Kind::Files(Files {
        files: references,
        caption: String::new(),
        reply_to: None,
        is_forwarded: true,
        is_early: false,
    })
}

fn discarded(world: &World) -> usize {
    let sql = "SELECT count(*) FROM discarded";
    world.database.read().query_row(sql, [], |row| row.get::<_, i64>(0)).unwrap() as usize
}

#[test]
fn received_files_lie_at_the_conversations_node_and_go_with_their_message() {
    let mut world = World::new();
    world.received(ADA, 1, files(vec![received(1), received(2)]), 10);
    world.received_with_timer(ADA, 2, files(vec![received(3)]), 20, 5);
    let entries = world.entries();
    let entry = entries.iter().find(|entry| entry.files.len() == 2).unwrap();
    assert!(entry.is_forwarded && entry.text().is_none());
    let shown = entry.files[0].shown_name();
    assert_eq!((shown.text.as_str(), shown.is_executable, shown.is_disguised), ("x.pdf.exe", true, true));
    assert_eq!((entry.files[1].state, entry.files[1].look.width), (AttachmentState::Remote, 3));
    let reference = table::Table::new(world.database.read()).reference(entry.files[0].id).unwrap().unwrap();
    assert_eq!(reference.node_url, Some(NodeUrl::parse("http://localhost:1").unwrap()));
    assert_eq!(Reference { node_url: None, ..reference }, received(1));

    world.received(ADA, 3, Kind::Delete { msg_id: MsgId([1; 16]) }, 30);
    assert_eq!(discarded(&world), 2, "with the message its keys are gone");
    let mut changes = Changes::new();
    world.timeline().mark_read(&ROOM, None, false, 40, &mut changes).unwrap();
    world.timeline().expire(60_000, &mut changes).unwrap();
    assert_eq!(discarded(&world), 3);
    assert!(table::Table::new(world.database.read()).files().unwrap().len() == 3, "copies are known until removed");
}

#[test]
fn blob_of_two_messages_stays_until_the_second_goes() {
    let mut world = World::new();
    world.own(1, files(vec![received(1)]), 10);
    world.own(2, files(vec![received(1)]), 20);
    let table = table::Table::new(world.database.read());
    let sql = "UPDATE attachments SET owner = zeroblob(32) WHERE id = (SELECT min(id) FROM attachments)";
    world.database.read().execute(sql, []).unwrap();
    let entries: Vec<EntryId> =
        world.entries().iter().filter(|entry| !entry.files.is_empty()).map(|entry| entry.id).collect();
    world.timeline().delete_here(entries[0], &mut Changes::new()).unwrap();
    let orders = table.take_discarded(100, 9).unwrap();
    assert!(orders.len() == 1 && orders[0].keeps_copy && orders[0].owner.is_none());
    world.timeline().delete_here(entries[1], &mut Changes::new()).unwrap();
    let orders = table.take_discarded(100, 9).unwrap();
    assert!(orders.len() == 1 && !orders[0].keeps_copy && orders[0].owner.is_some(), "the owner's secret passed on");
}

#[test]
fn file_whose_time_is_over_for_its_sender_stays_at_the_node_for_who_was_away() {
    let mut world = World::new();
    world.own(1, files(vec![received(1)]), 10);
    world.own(2, files(vec![received(2)]), 10);
    let change = |sql: &str| world.database.read().execute(sql, []).unwrap();
    change("UPDATE attachments SET owner = zeroblob(32)");
    change("UPDATE messages SET expires_ms = 100 WHERE id = (SELECT min(message) FROM attachments)");
    let table = table::Table::new(world.database.read());
    world.timeline().expire(100, &mut Changes::new()).unwrap();
    let now = table.take_discarded(100, 9).unwrap();
    assert!(now.len() == 1 && now[0].owner.is_none() && !now[0].keeps_copy, "here it goes at once");
    table.settle_discarded(now[0].id, true, |_| 0).unwrap();
    // A restart does not bring it forward.
    table.rest().unwrap();
    let month_ms = u64::from(wire::limit::RETENTION_DAYS) * 86_400_000;
    assert!(table.take_discarded(99 + month_ms, 9).unwrap().is_empty());
    let later = table.take_discarded(100 + month_ms, 9).unwrap();
    assert!(later.len() == 1 && later[0].owner.is_some() && later[0].file == now[0].file);
    table.settle_discarded(later[0].id, true, |_| 0).unwrap();

    // What is deleted by hand is wanted nowhere.
    let entry = world.entries().iter().find(|entry| !entry.files.is_empty()).unwrap().id;
    world.timeline().delete_here(entry, &mut Changes::new()).unwrap();
    let orders = table.take_discarded(200, 9).unwrap();
    assert!(orders.len() == 1 && orders[0].owner.is_some());
}

fn noise(bytes: usize) -> Vec<u8> {
    let mut text = vec![0; bytes];
    rng(bytes as u64).fill_bytes(&mut text);
    text
}

#[test]
fn stream_is_sealed_into_a_copy_that_opens_again() {
    let profile = tempfile::tempdir().unwrap();
    let folder = Folder::below(profile.path());
    for bytes in [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES] {
        let text = noise(bytes);
        let (file, key) = (FileId([bytes as u8; 32]), FileKey::new([3; 32]));
        let (copy, size) = spool::spool(text.as_slice(), &folder, file, key.clone(), u64::MAX >> 8).unwrap();
        assert_eq!(size, bytes as u64);
        let blob = std::fs::read(folder.copy(&file)).unwrap();
        let reference = Reference {
            file_id: file,
            commit: key.commit(),
            key,
            root: copy.leaves.root().unwrap(),
            size,
            ..received(1)
        };
        let opener = Opener::new(&reference, copy.leaves).unwrap();
        assert_eq!(blob.len() as u64, opener.shape().blob_bytes());
        let mut opened = Vec::new();
        for group in 0..opener.shape().groups() {
            let start = opener.shape().group_start(group) as usize;
            let mut sealed = blob[start..start + opener.shape().group_bytes(group)].to_vec();
            opened.extend_from_slice(opener.open(group, &mut sealed).unwrap());
        }
        assert!(opened == text, "{bytes}");
    }
    let limit = spool::spool(
        noise(2 * CHUNK_BYTES).as_slice(),
        &folder,
        FileId([9; 32]),
        FileKey::new([1; 32]),
        CHUNK_BYTES as u64,
    );
    assert_eq!(limit.err(), Some(Problem::TooLarge));
    assert!(!folder.copy(&FileId([9; 32])).exists());
}

fn upload(path: &std::path::Path, size: u64, leaves: Leaves) -> Upload {
    Upload {
        id: AttachmentId(1),
        node_url: NodeUrl::parse("http://localhost:1").unwrap(),
        file: FileId([1; 32]),
        key: FileKey::new([1; 32]),
        owner: Owner([2; 32]),
        shape: Shape::of(size).unwrap(),
        source: Some(OwnPath {
            path: path_bytes(path),
            stamp: stamp(&std::fs::metadata(path).unwrap()),
            is_covered: false,
        }),
        leaves,
    }
}

/// Everything that a source gives, or its problem.
async fn drain(order: &Upload, folder: &Folder, from: u64) -> Result<(Vec<u8>, Leaves), Problem> {
    let mut batches = source::start(order, folder, from);
    let (mut bytes, mut leaves) = (Vec::new(), Leaves::default());
    while let Some(batch) = batches.recv().await {
        let batch = batch?;
        bytes.extend_from_slice(&batch.bytes);
        (0..batch.new_leaves.len()).filter_map(|at| batch.new_leaves.get(at)).for_each(|leaf| leaves.push(leaf));
    }
    Ok((bytes, leaves))
}

#[tokio::test]
async fn source_goes_on_from_any_group_with_the_same_bytes() {
    let profile = tempfile::tempdir().unwrap();
    let folder = Folder::below(profile.path());
    let path = profile.path().join("source");
    let size = 70 * CHUNK_BYTES + 5;
    std::fs::write(&path, noise(size)).unwrap();
    let order = upload(&path, size as u64, Leaves::default());
    let (whole, leaves) = drain(&order, &folder, 0).await.unwrap();
    assert_eq!((whole.len() as u64, leaves.len()), (order.shape.sealed_bytes(), order.shape.groups()));
    for from in [1, 16, 17, order.shape.groups()] {
        let order = upload(&path, size as u64, leaves.clone());
        let (rest, new) = drain(&order, &folder, from).await.unwrap();
        assert!(rest == whole[order.shape.group_start(from) as usize..], "from {from}");
        assert!(new.is_empty(), "nothing is sealed for the first time");
    }
}

#[tokio::test]
async fn covered_source_is_sealed_without_what_a_camera_wrote() {
    let profile = tempfile::tempdir().unwrap();
    let folder = Folder::below(profile.path());
    let path = profile.path().join("source");
    let (original, covered) = movie::tests::placed();
    std::fs::write(&path, &covered).unwrap();
    let expected = drain(&upload(&path, covered.len() as u64, Leaves::default()), &folder, 0).await.unwrap();
    std::fs::write(&path, &original).unwrap();
    let mut order = upload(&path, original.len() as u64, Leaves::default());
    assert!(drain(&order, &folder, 0).await.unwrap() != expected);
    order.source.as_mut().unwrap().is_covered = true;
    assert!(drain(&order, &folder, 0).await.unwrap() == expected);
    // As long, and no movie any more.
    std::fs::write(&path, vec![7; original.len()]).unwrap();
    let mut order = upload(&path, original.len() as u64, Leaves::default());
    order.source.as_mut().unwrap().is_covered = true;
    assert_eq!(drain(&order, &folder, 0).await.err(), Some(Problem::Changed));
}

#[tokio::test]
async fn changed_source_is_told_and_gives_no_second_ciphertext() {
    let profile = tempfile::tempdir().unwrap();
    let folder = Folder::below(profile.path());
    let path = profile.path().join("source");
    std::fs::write(&path, noise(9_000)).unwrap();
    let order = upload(&path, 9_000, Leaves::default());
    let (_, leaves) = drain(&order, &folder, 0).await.unwrap();
    // Longer; another time; and the same length and time with other bytes.
    std::fs::write(&path, noise(9_001)).unwrap();
    assert_eq!(drain(&order, &folder, 0).await.err(), Some(Problem::Changed));
    let mut text = noise(9_000);
    text[10] ^= 1;
    std::fs::write(&path, text).unwrap();
    let order = Upload { leaves, ..upload(&path, 9_000, Leaves::default()) };
    assert_eq!(drain(&order, &folder, 0).await.err(), Some(Problem::Changed));
    std::fs::remove_file(&path).unwrap();
    assert_eq!(drain(&order, &folder, 0).await.err(), Some(Problem::Unreadable));
}
