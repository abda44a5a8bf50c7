//! One member of one group, without connections: for measuring this layer beside the bare library. Behind the feature
//! `inspect`.

use super::welcome::{Delivery, Route, Target};
use super::{Cx, DeviceError, Group, Joiner, Me, Plan, Verified};
use crate::contact::{CheckedKeyPackage, KeyPackageUse, key_package::build_key_package};
use crate::identity::certificate::NOT_AFTER_NEVER;
use crate::identity::{Certificate, DeviceKey, NodeUrl, RecoveryPhrase, RootKeys};
use crate::lane::SealedCell;
use crate::link::Links;
use crate::mls::SuiteCrypto;
use crate::policy::Policy;
use crate::storage::{Batch, MemoryStorage, Space, Storage};
use rand_core::CryptoRng;
use wire::id::{AccountId, DeviceId, Hash, NodeKey};
use wire::lane::Cell;

/// The time at which everything happens, milliseconds.
const NOW_MS: u64 = 1_800_000_000_000;

/// A device in at most one group, its store in memory.
pub struct Member {
    crypto: SuiteCrypto,
    rng: Box<dyn CryptoRng>,
    me: Me,
    storage: MemoryStorage,
    links: Links,
    verified: Verified,
    group: Option<Group>,
}

/// Who can be added.
pub struct Candidate(Joiner);

/// What a commit changes.
pub enum Change {
    /// A fresh path.
    Update,
    /// Members more.
    Add(Vec<Candidate>),
    /// An account less.
    Remove(AccountId),
}

/// A Welcome with what it takes to use it.
pub struct Invitation {
    delivery: Delivery,
    /// The inviter's, which travels in the knock.
    certificate: Vec<u8>,
}

/// A commit that its author has merged; a group of one has no cell.
pub struct Committed {
    /// As it goes to the node.
    pub cell: Option<SealedCell>,
    /// For who was added.
    pub invitation: Option<Invitation>,
}

impl Committed {
    /// Bytes at the node.
    pub fn bytes(&self) -> usize {
        self.cell.as_ref().map_or(0, |cell| cell.body.len() + cell.blob.as_ref().map_or(0, Vec::len))
    }
}

impl Invitation {
    /// Bytes for the first joiner, before they are sealed: Welcome, tree, certificates.
    pub fn bytes(&self) -> (usize, usize, usize) {
        let welcome = self.delivery.joiners.first().map_or(0, |joiner| joiner.welcome.len());
        (welcome, self.delivery.tree.len(), self.delivery.certificates.iter().map(Vec::len).sum())
    }
}

fn node_url() -> Result<NodeUrl, DeviceError> {
    NodeUrl::parse("http://localhost").map_err(|_| DeviceError::Bug("a URL of a node"))
}

impl Member {
    /// A device of an account of its own.
    ///
    /// # Errors
    /// None that a healthy library gives.
    pub fn new(mut rng: Box<dyn CryptoRng>) -> Result<Self, DeviceError> {
        let root = RootKeys::derive(&RecoveryPhrase::generate(rng.as_mut()));
        let key = DeviceKey::generate(rng.as_mut());
        let mut device_id = DeviceId([0; 16]);
        rng.fill_bytes(&mut device_id.0);
        let certificate = Certificate::issue(&root, device_id, key.public(), NOT_AFTER_NEVER);
        let storage = MemoryStorage::default();
        storage.put(Space::Certificates, &certificate.identity().to_bytes(), certificate.as_bytes())?;
        let me = Me {
            key,
            identity: *certificate.identity(),
            certificate,
            node_url: node_url()?,
            node_key: None,
            name: String::new(),
        };
        Ok(Self {
            crypto: SuiteCrypto,
            rng,
            me,
            storage,
            links: Links::default(),
            verified: Verified::default(),
            group: None,
        })
    }

    fn with<T>(
        &mut self,
        run: impl FnOnce(&mut Option<Group>, &mut Cx<'_>) -> Result<T, DeviceError>,
    ) -> Result<T, DeviceError> {
        let batch = Batch::new(&self.storage);
        let mut cx = Cx {
            now_ms: NOW_MS,
            rng: self.rng.as_mut(),
            storage: &batch,
            crypto: &self.crypto,
            me: &self.me,
            links: &mut self.links,
            verified: &mut self.verified,
            effects: Vec::new(),
            welcomes: Vec::new(),
            readds: Vec::new(),
        };
        let done = run(&mut self.group, &mut cx)?;
        batch.flush()?;
        Ok(done)
    }

    /// Whose it is.
    pub fn account(&self) -> AccountId {
        self.me.identity.account_id
    }

    /// Makes a group with this device alone in it.
    ///
    /// # Errors
    /// None that a healthy library gives.
    pub fn create(&mut self) -> Result<(), DeviceError> {
        let policy = Policy {
            is_direct: false,
            node_url: node_url()?,
            node_key: NodeKey([1; 32]),
            title: String::new(),
            admins: vec![self.account()],
            previous: None,
        };
        self.with(|group, cx| {
            let id = cx.random();
            *group = Some(Group::create(cx, id, &policy)?);
            Ok(())
        })
    }

    /// Asks to be added.
    ///
    /// # Errors
    /// None that a healthy library gives.
    pub fn candidate(&mut self) -> Result<Candidate, DeviceError> {
        self.with(|_, cx| {
            let me = cx.me;
            let bundle = build_key_package(&cx.provider(), &me.key, &me.identity, NOW_MS / 1_000, KeyPackageUse::Once)
                .map_err(|_| DeviceError::Bug("an own KeyPackage builds"))?;
            let checked = CheckedKeyPackage::check(bundle.key_package().clone())
                .map_err(|_| DeviceError::Bug("an own KeyPackage is valid"))?;
            let target = Target {
                node_url: me.node_url.clone(),
                is_door: false,
                write_cap: [0; 32],
                read_hash: [0; 32],
                intro_pk: Vec::new(),
            };
            let joiner = Joiner::new(cx.crypto, &checked, &me.certificate, Route::Known(target), String::new())?;
            Ok(Candidate(joiner))
        })
    }

    /// Commits, seals, reads the commit back and merges it.
    ///
    /// # Errors
    /// [`DeviceError::Bug`] where the commit is refused.
    pub fn commit(&mut self, change: Change) -> Result<Committed, DeviceError> {
        let plan = match change {
            Change::Update => Plan::Update,
            Change::Add(candidates) => {
                Plan::Add { joiners: candidates.into_iter().map(|candidate| candidate.0).collect(), intents: vec![] }
            }
            Change::Remove(account) => Plan::Remove { account: account.0, intent: None },
        };
        let certificate = self.me.certificate.as_bytes().to_vec();
        self.with(|group, cx| {
            let group = group.as_mut().ok_or(DeviceError::Bug("in no group"))?;
            let before = group.record.epoch;
            group.plan(cx, plan)?;
            group.begin_commit(cx)?;
            let cell = group.pending_cell(cx)?;
            if let Some(cell) = &cell {
                let cell = read_back(group, cell);
                group.receive(cx, &cell)?;
            }
            if group.record.epoch == before {
                return Err(DeviceError::Bug("the commit is refused"));
            }
            let delivery = std::mem::take(&mut cx.welcomes).pop();
            Ok(Committed { cell, invitation: delivery.map(|delivery| Invitation { delivery, certificate }) })
        })
    }

    /// Reads another member's commit and merges it.
    ///
    /// # Errors
    /// [`DeviceError::Bug`] where it does not count.
    pub fn process(&mut self, sealed: &SealedCell) -> Result<(), DeviceError> {
        let blob = sealed.blob.clone().map(|blob| (Hash(sealed.attach), blob.into()));
        self.with(|group, cx| {
            let group = group.as_mut().ok_or(DeviceError::Bug("in no group"))?;
            let before = group.record.epoch;
            group.wire.blob = blob;
            let cell = read_back(group, sealed);
            group.receive(cx, &cell)?;
            if group.record.epoch == before {
                return Err(DeviceError::Bug("the commit does not count"));
            }
            Ok(())
        })
    }

    /// Joins by the invitation's Welcome for the joiner of this number.
    ///
    /// # Errors
    /// [`DeviceError::Bug`] where the group is refused.
    pub fn join(&mut self, invitation: &Invitation, number: usize) -> Result<(), DeviceError> {
        let Delivery { tree, certificates, joiners, .. } = &invitation.delivery;
        let joiner = joiners.get(number).ok_or(DeviceError::Bug("no such joiner"))?;
        let mut certificates = certificates.clone();
        certificates.push(invitation.certificate.clone());
        self.with(|group, cx| {
            let joined = Group::join(cx, &joiner.welcome, tree, &certificates, &|_| false)?;
            *group = Some(joined.map_err(|_| DeviceError::Bug("the group is refused"))?);
            Ok(())
        })
    }

    /// The epoch and its authenticator.
    pub fn epoch(&self) -> Option<(u64, &[u8])> {
        self.group.as_ref().map(|group| (group.record.epoch, group.record.authenticator.as_slice()))
    }
}

fn read_back(group: &Group, sealed: &SealedCell) -> Cell {
    Cell {
        seq: group.record.cursor + 1,
        gen_before: group.record.gen_now,
        kind: sealed.kind(),
        attach: Hash(sealed.attach),
        body: sealed.body.clone().into(),
    }
}
