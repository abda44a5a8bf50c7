//! A living group is not replaced by a Welcome; what is kept of such a Welcome is bounded and ends.

use super::super::knock::{Source, Why};
use super::super::pool::make_key_package;
use super::*;
use crate::contact::KeyPackageUse;
use crate::group::{Group, Joiner, Plan, Route, Target};
use crate::identity::{NodeUrl, RecoveryPhrase};
use crate::policy::Policy;
use crate::storage::MemoryStorage;
use crate::{Context, Device};
use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::SeedableRng;
use wire::id::NodeKey;

const NOW_MS: u64 = 1_800_000_000_000;
const GROUP: ConversationId = ConversationId([7; 16]);

struct Phone {
    device: Device,
    storage: MemoryStorage,
    rng: ChaCha20Rng,
}

fn node_url() -> NodeUrl {
    NodeUrl::parse("https://node.example").unwrap()
}

fn phone(at: u8) -> Phone {
    let (storage, mut rng) = (MemoryStorage::default(), ChaCha20Rng::from_seed([at; 32]));
    let context = Context { now_ms: NOW_MS, rng: &mut rng, storage: &storage };
    let phrase = RecoveryPhrase::from_entropy(&[at; 32]);
    let device = Device::create(context, &phrase, node_url(), format!("Phone {at}")).unwrap();
    Phone { device, storage, rng }
}

impl Phone {
    fn with<T>(&mut self, run: impl FnOnce(&mut Parts<'_>, &mut Cx<'_>) -> T) -> T {
        let Device {
            crypto,
            me,
            door_owner,
            next_job,
            groups,
            jobs,
            invites,
            early,
            closing,
            ghosts_due_s,
            door,
            links,
            verified,
            ..
        } = &mut self.device;
        let mut parts = Parts {
            groups,
            jobs,
            invites,
            early,
            closing,
            ghosts_due_s,
            door,
            door_owner,
            next_job,
            rename: None,
            learned: None,
        };
        let mut cx = Cx {
            now_ms: NOW_MS,
            rng: &mut self.rng,
            storage: &self.storage,
            crypto,
            me,
            links,
            verified,
            effects: Vec::new(),
            welcomes: Vec::new(),
            readds: Vec::new(),
        };
        run(&mut parts, &mut cx)
    }

    fn joiner(&mut self) -> Joiner {
        self.with(|_, cx| {
            let key_package = make_key_package(cx, KeyPackageUse::Once).unwrap();
            let target = Target {
                node_url: node_url(),
                is_door: false,
                write_cap: [0; 32],
                read_hash: [0; 32],
                intro_pk: Vec::new(),
            };
            Joiner::new(cx.crypto, &key_package, &cx.me.certificate, Route::Known(target), String::new()).unwrap()
        })
    }

    /// A Welcome into a group of this id that this phone makes, after so many changes.
    fn invite(&mut self, joiner: Joiner, changes: u64) -> RequestRecord {
        let before = self.storage.clone();
        let record = self.with(|_, cx| {
            let account = cx.me.identity.account_id;
            let policy = Policy {
                is_direct: false,
                node_url: node_url(),
                node_key: NodeKey([1; 32]),
                title: "One of two".into(),
                admins: vec![account],
                previous: None,
            };
            let mut group = Group::create(cx, GROUP.0, &policy).unwrap();
            for nth in 0..changes {
                group.plan(cx, Plan::Title { title: format!("Title {nth}"), intent: None }).unwrap();
                group.pump(cx).unwrap();
            }
            group.plan(cx, Plan::Add { joiners: vec![joiner], intents: Vec::new() }).unwrap();
            group.pump(cx).unwrap();
            let delivery = cx.welcomes.pop().unwrap();
            let welcome = Wish::Welcome {
                welcome: delivery.joiners[0].welcome.clone(),
                tree: delivery.tree,
                certificates: delivery.certificates,
                purpose: Why::New,
            };
            RequestRecord {
                source: Source::Door,
                certificate: cx.me.certificate.as_bytes().to_vec(),
                name: String::new(),
                note: String::new(),
                node_url: None,
                at_ms: NOW_MS,
                wish: welcome,
                is_asked: false,
            }
        });
        // The next group has the same id.
        self.storage = before;
        record
    }

    fn take(&mut self, nth: u8, record: &RequestRecord) -> Result<ConversationId, IntentError> {
        self.with(|parts, cx| parts.join_by(cx, Hash([nth; 32]), record).unwrap())
    }

    fn authenticator(&self) -> Vec<u8> {
        self.device.groups[&GROUP].record.authenticator.clone()
    }

    fn kept(&self) -> usize {
        let rows = self.storage.scan(Space::Requests, &[]).unwrap().len();
        assert_eq!(rows, self.device.early.len());
        rows
    }
}

/// A device in a group of its friend's, and what a stranger's Welcome into a group of the same id looks like.
fn in_a_group() -> (Phone, Phone, RequestRecord) {
    let (mut friend, mut device, mut stranger) = (phone(1), phone(2), phone(3));
    let joiner = device.joiner();
    let welcome = friend.invite(joiner, 0);
    assert_eq!(device.take(0, &welcome), Ok(GROUP));
    let joiner = device.joiner();
    let forged = stranger.invite(joiner, 5);
    (device, friend, forged)
}

#[test]
fn welcome_replaces_no_living_group() {
    let (mut device, _, forged) = in_a_group();
    let before = device.authenticator();
    for state in [ConversationState::Active, ConversationState::Suspect, ConversationState::Disputed] {
        device.device.groups.get_mut(&GROUP).unwrap().record.state = state;
        device.take(1, &forged).unwrap();
        device.with(|parts, cx| parts.serve_early(cx).unwrap());
        assert_eq!((device.authenticator(), device.kept()), (before.clone(), 1));
    }
}

#[test]
fn only_an_admin_replaces_a_group_that_asked_to_be_added_again() {
    let (mut device, mut friend, forged) = in_a_group();
    let before = device.authenticator();
    device.device.groups.get_mut(&GROUP).unwrap().record.state = ConversationState::Rejoining;
    device.take(1, &forged).unwrap();
    device.with(|parts, cx| parts.serve_early(cx).unwrap());
    assert_eq!(device.authenticator(), before);
    let joiner = device.joiner();
    let again = friend.invite(joiner, 3);
    device.take(2, &again).unwrap();
    assert_ne!(device.authenticator(), before);
}

#[test]
fn after_the_removal_an_admins_welcome_goes_first() {
    let (mut device, mut friend, forged) = in_a_group();
    let joiner = device.joiner();
    let again = friend.invite(joiner, 3);
    device.take(1, &forged).unwrap();
    device.take(2, &again).unwrap();
    assert_eq!(device.kept(), 2);
    // A restart forgets neither.
    let loaded = Early::load_all(&device.storage).unwrap();
    assert_eq!(loaded, device.device.early);
    device.with(|parts, cx| {
        parts.groups.get_mut(&GROUP).unwrap().end(cx).unwrap();
        parts.serve_early(cx).unwrap();
    });
    let group = &device.device.groups[&GROUP];
    assert_eq!((group.record.state, group.record.epoch), (ConversationState::Active, 4));
    assert_eq!(group.policy().unwrap().admins, [friend.device.account_id()]);
    // The stranger's is for a later epoch than ours: it waits, and would replace nothing.
    assert_eq!(device.kept(), 1);
}

#[test]
fn welcome_is_forgotten_when_the_group_goes_on_past_it() {
    let (mut device, _, forged) = in_a_group();
    device.take(1, &forged).unwrap();
    for (epoch, kept) in [(5, 1), (6, 0)] {
        device.with(|parts, cx| {
            let group = parts.groups.get_mut(&GROUP).unwrap();
            group.record.epoch = epoch;
            group.save(cx).unwrap();
            parts.serve_early(cx).unwrap();
        });
        assert_eq!(device.kept(), kept);
    }
    // And one that is behind already is not kept at all.
    assert_eq!(device.take(2, &forged), Err(IntentError::Forged));
    assert_eq!(device.kept(), 0);
}

#[test]
fn of_one_account_only_the_latest_epoch_is_kept() {
    let (mut device, _, forged) = in_a_group();
    device.with(|parts, cx| {
        for (nth, epoch) in [(1, 9), (2, 8), (3, 9), (4, 10)] {
            parts.hold_early(cx, Hash([nth; 32]), &forged, GROUP, epoch).unwrap();
        }
        assert_eq!(parts.early.keys().copied().collect::<Vec<_>>(), [Hash([4; 32])]);
    });
    assert_eq!(device.kept(), 1);
}

#[test]
fn sixteen_are_kept_and_the_oldest_goes() {
    let (mut device, _, forged) = in_a_group();
    device.with(|parts, cx| {
        for nth in 0..=EARLY_MAX as u8 {
            let record = RequestRecord { at_ms: NOW_MS + u64::from(nth), ..forged.clone() };
            parts.hold_early(cx, Hash([nth; 32]), &record, ConversationId([nth; 16]), 9).unwrap();
            assert_eq!(parts.early.len(), EARLY_MAX.min(usize::from(nth) + 1));
        }
        assert!(!parts.early.contains_key(&Hash([0; 32])));
    });
    assert_eq!(device.kept(), EARLY_MAX);
}

#[test]
fn welcome_is_kept_for_fourteen_days() {
    let (mut device, _, forged) = in_a_group();
    device.take(1, &forged).unwrap();
    device.with(|parts, cx| parts.forget_old_early(cx, NOW_MS + EARLY_KEPT_MS).unwrap());
    assert_eq!(device.kept(), 1);
    device.with(|parts, cx| parts.forget_old_early(cx, NOW_MS + EARLY_KEPT_MS + 1).unwrap());
    assert_eq!(device.kept(), 0);
}
