//! A whole device behind a node that says anything: no frame is an error for it, let alone a panic.

use crate::Seed;
use bytes::Bytes;
use protocol::event::{Effect, Input, Intent, Link, LinkKind};
use protocol::identity::{NodeUrl, RecoveryPhrase};
use protocol::storage::MemoryStorage;
use protocol::{Context, Device};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::id::{Hash, NodeKey};
use wire::lane::{Cell, CellKind};
use wire::node::{Event, Hello, Limits, Page, encode_events, parse_events};

const NOW_MS: u64 = 1_800_000_000_000;

thread_local! {
    static DISK: MemoryStorage = disk();
}

/// A device that has just been made and has an invite out, as its disk holds it.
fn disk() -> MemoryStorage {
    let storage = MemoryStorage::default();
    let mut rng = ChaCha20Rng::from_seed([1; 32]);
    let context = Context { now_ms: NOW_MS, rng: &mut rng, storage: &storage };
    let phrase = RecoveryPhrase::from_entropy(&[2; 32]);
    let mut device =
        Device::create(context, &phrase, node_url(), "Ada".into()).expect("storage in memory does not fail");
    let context = Context { now_ms: NOW_MS, rng: &mut rng, storage: &storage };
    let invite = Intent::Invite { group: None, needs_approval: false, valid_s: 86_400 };
    device.handle(context, Input::Intent(1, invite)).expect("storage in memory does not fail");
    storage
}

fn node_url() -> NodeUrl {
    NodeUrl::parse("https://node.example").expect("a good URL")
}

/// Link 1 (lanes, door, knock), then a frame of the node; every event of it goes into a device that is connected.
pub fn device(bytes: &[u8]) -> bool {
    let Some((link, frame)) = bytes.split_first() else { return false };
    let Ok(events) = parse_events(Bytes::copy_from_slice(frame)) else { return false };
    let kind = [LinkKind::Lanes, LinkKind::Door, LinkKind::Knock][usize::from(link % 3)];
    let link = Link { node_url: node_url(), kind };

    let storage = DISK.with(Clone::clone);
    let mut rng = ChaCha20Rng::from_seed([3; 32]);
    let context = Context { now_ms: NOW_MS, rng: &mut rng, storage: &storage };
    let mut device = Device::open(context).expect("storage in memory does not fail").expect("it was created");
    let mut handle = |input: Input| -> Vec<Effect> {
        let context = Context { now_ms: NOW_MS, rng: &mut rng, storage: &storage };
        device.handle(context, input).expect("foreign input is never an error of the machine")
    };
    handle(Input::Connected(link.clone()));
    let is_something = !events.is_empty();
    for (id, event) in events {
        handle(Input::Event(link.clone(), id, event));
    }
    handle(Input::Wake);
    handle(Input::Disconnected(link));
    is_something
}

/// A greeting; a greeting with answers to the first requests; pushes into what was opened.
pub fn device_seeds() -> Vec<Seed> {
    let limits = Limits {
        lanes: 2_048,
        appends_unanswered: 256,
        blob_bytes: 1 << 24,
        frame_bytes: 1 << 21,
        retention_days: 30,
        file_bytes: 17 << 30,
    };
    let hello = Event::Hello(Hello {
        version: 1,
        node_key: NodeKey([4; 32]),
        nonce: [5; 32],
        claim_bits: 1,
        knock_bits: 1,
        limits,
    });
    let page = Page { first_seq: 1, next_seq: 1, gen_now: 0, cells: Vec::new(), receipt: None };
    let cell = Cell { seq: 1, gen_before: 0, kind: CellKind::App, attach: Hash::ZERO, body: vec![6; 16_384].into() };
    let opened = |id: u32| (id, Event::Opened { handle: id, page: page.clone() });
    let frame = |link: u8, events: Vec<(u32, Event)>| [&[link][..], &encode_events(events)].concat();
    let pushed = vec![
        (0, hello.clone()),
        opened(1),
        opened(2),
        (0, Event::Push { handle: 1, cell: cell.clone() }),
        (0, Event::Push { handle: 2, cell }),
        (0, Event::Lag { handle: 1, next_seq: 9 }),
        (3, Event::DoorStored { key_packages: 50 }),
    ];
    vec![
        Seed::new("hello", frame(1, vec![(0, hello.clone())])),
        Seed::new("opened", frame(1, vec![(0, hello), opened(1), opened(2)])),
        Seed::new("door_pushed", frame(1, pushed.clone())),
        Seed::new("lanes_pushed", frame(0, pushed.clone())),
        Seed::new("knock_pushed", frame(2, pushed)),
    ]
}
