//! Case `mls`: bare OpenMLS in groups of 2 to 1,000, as the group layer configures it: suite 0x004E, PublicMessage
//! handshakes, no ratchet-tree extension, RustCrypto, its own in-memory storage.
//!
//! Two tree states: `blank`, right after one commit added everybody, where a path is encrypted to every leaf; and
//! `warm`, after a member of each subtree beside the committer's path has committed, where it is encrypted to one
//! node a level. Times are medians and include the merge and all storage; bytes are the messages' own.

use crate::Scale;
use crate::report::{Measurement, Subject, median, rounded};
use anyhow::{Context, bail};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::*;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;
use std::collections::BTreeMap;
use std::time::Instant;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
const SIZES: [usize; 4] = [2, 50, 250, 1_000];
/// Repetitions of each operation in a group of this size.
const REPEATS_SMALL: usize = 15;
const REPEATS_LARGE: usize = 5;

struct Key(SigningKey);

impl Signer for Key {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

struct Member {
    provider: OpenMlsRustCrypto,
    key: Key,
    group: Option<MlsGroup>,
}

/// What one operation took and sent.
#[derive(Default)]
struct Samples {
    millis: Vec<f64>,
    bytes: usize,
}

type Table = BTreeMap<&'static str, Samples>;

fn timed<T>(table: &mut Table, operation: &'static str, run: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<T> {
    let started = Instant::now();
    let done = run()?;
    table.entry(operation).or_default().millis.push(started.elapsed().as_secs_f64() * 1_000.0);
    Ok(done)
}

impl Member {
    fn new() -> anyhow::Result<Self> {
        let provider = OpenMlsRustCrypto::default();
        let seed = provider.rand().random_array::<32>()?;
        Ok(Self { provider, key: Key(SigningKey::from_bytes(&seed)), group: None })
    }

    /// 48 bytes, as long as account and device id.
    fn credential(&self) -> anyhow::Result<CredentialWithKey> {
        let public = self.key.0.verifying_key().to_bytes();
        let identity = [public.as_slice(), &public[..16]].concat();
        Ok(CredentialWithKey {
            credential: BasicCredential::new(identity).into(),
            signature_key: public.to_vec().into(),
        })
    }

    fn capabilities() -> Capabilities {
        Capabilities::new(None, Some(&[SUITE]), None, None, None)
    }

    fn key_package(&self) -> anyhow::Result<KeyPackage> {
        let bundle = KeyPackage::builder().leaf_node_capabilities(Self::capabilities()).build(
            SUITE,
            &self.provider,
            &self.key,
            self.credential()?,
        )?;
        Ok(bundle.into_key_package())
    }

    fn create(&mut self) -> anyhow::Result<()> {
        let config = MlsGroupCreateConfig::builder()
            .ciphersuite(SUITE)
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .capabilities(Self::capabilities())
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(32, 1_000))
            .build();
        self.group = Some(MlsGroup::new(&self.provider, &self.key, &config, self.credential()?)?);
        Ok(())
    }

    fn join(&mut self, welcome: &[u8], tree: &[u8]) -> anyhow::Result<()> {
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(32, 1_000))
            .build();
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(welcome)?.extract() else {
            bail!("not a Welcome");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(tree)?;
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, Some(tree))?;
        self.group = Some(staged.into_group(&self.provider)?);
        Ok(())
    }

    fn parts(&mut self) -> anyhow::Result<(&mut MlsGroup, &OpenMlsRustCrypto, &Key)> {
        Ok((self.group.as_mut().context("in no group")?, &self.provider, &self.key))
    }

    /// Commits the change and merges it; commit and Welcome.
    fn commit(&mut self, change: &Change) -> anyhow::Result<(Vec<u8>, Option<Vec<u8>>)> {
        let (group, provider, key) = self.parts()?;
        let (commit, welcome) = match change {
            Change::Add(key_packages) => {
                let (commit, welcome, _) = group.add_members(provider, key, key_packages)?;
                (commit, Some(welcome.to_bytes()?))
            }
            Change::Update => (group.self_update(provider, key, LeafNodeParameters::default())?.into_commit(), None),
            Change::Remove(leaf) => (group.remove_members(provider, key, &[*leaf])?.0, None),
        };
        let commit = commit.to_bytes()?;
        group.merge_pending_commit(provider)?;
        Ok((commit, welcome))
    }

    fn process(&mut self, commit: &[u8]) -> anyhow::Result<()> {
        let (group, provider, _) = self.parts()?;
        let message = MlsMessageIn::tls_deserialize_exact(commit)?.try_into_protocol_message()?;
        let processed = group.process_message(provider, message)?;
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            bail!("not a commit of another");
        };
        Ok(group.merge_staged_commit(provider, *staged)?)
    }

    fn tree(&self) -> anyhow::Result<Vec<u8>> {
        let group = self.group.as_ref().context("in no group")?;
        Ok(group.export_ratchet_tree().tls_serialize_detached()?)
    }
}

enum Change {
    Add(Vec<KeyPackage>),
    Update,
    Remove(LeafNodeIndex),
}

/// A group of `size`: the creator at leaf 0, live members at leaves 1, 2, 4, …, nobody behind the others.
struct Group {
    creator: Member,
    live: Vec<Member>,
}

impl Group {
    fn new(size: usize) -> anyhow::Result<Self> {
        let mut creator = Member::new()?;
        creator.create()?;
        let (mut live, mut key_packages) = (Vec::new(), Vec::new());
        for leaf in 1..size {
            let member = Member::new()?;
            key_packages.push(member.key_package()?);
            if leaf.is_power_of_two() {
                live.push(member);
            }
        }
        let (_, welcome) = creator.commit(&Change::Add(key_packages))?;
        let (welcome, tree) = (welcome.context("no Welcome")?, creator.tree()?);
        for member in &mut live {
            member.join(&welcome, &tree)?;
        }
        Ok(Self { creator, live })
    }

    /// The last live member's processing is timed; the others follow.
    fn everybody_processes(&mut self, commit: &[u8], table: &mut Table) -> anyhow::Result<()> {
        let (last, others) = self.live.split_last_mut().context("nobody else")?;
        timed(table, "process", || last.process(commit))?;
        others.iter_mut().try_for_each(|member| member.process(commit))
    }

    /// Update, add, remove by the creator, each processed; the added one joins.
    fn one_of_each(&mut self, table: &mut Table) -> anyhow::Result<()> {
        let (commit, _) = timed(table, "update", || self.creator.commit(&Change::Update))?;
        table.entry("update").or_default().bytes = commit.len();
        self.everybody_processes(&commit, table)?;

        let mut joiner = Member::new()?;
        let add = Change::Add(vec![joiner.key_package()?]);
        let (commit, welcome) = timed(table, "add", || self.creator.commit(&add))?;
        let (welcome, tree) = (welcome.context("no Welcome")?, self.creator.tree()?);
        table.entry("add").or_default().bytes = commit.len();
        self.everybody_processes(&commit, table)?;
        timed(table, "join", || joiner.join(&welcome, &tree))?;
        table.entry("join").or_default().bytes = welcome.len() + tree.len();
        let leaf = joiner.group.as_ref().context("in no group")?.own_leaf_index();

        let (commit, _) = timed(table, "remove", || self.creator.commit(&Change::Remove(leaf)))?;
        table.entry("remove").or_default().bytes = commit.len();
        self.everybody_processes(&commit, table)
    }

    /// A live member beside each level of the creator's path commits.
    fn warm(&mut self) -> anyhow::Result<()> {
        (0..self.live.len()).try_for_each(|at| self.update_by(at))
    }

    /// The live member on whose side members come and go commits: a removal has blanked that side.
    fn warm_again(&mut self) -> anyhow::Result<()> {
        self.update_by(self.live.len() - 1)
    }

    fn update_by(&mut self, at: usize) -> anyhow::Result<()> {
        let (commit, _) = self.live[at].commit(&Change::Update)?;
        self.creator.process(&commit)?;
        for (other, member) in self.live.iter_mut().enumerate() {
            if other != at {
                member.process(&commit)?;
            }
        }
        Ok(())
    }
}

fn print(size: usize, tree: &'static str, table: Table) -> anyhow::Result<()> {
    for (operation, samples) in table {
        let mut measurement = Measurement::new("mls", Subject::Openmls)
            .with("members", size)
            .with("tree", tree)
            .with("operation", operation)
            .with("repeats", samples.millis.len());
        if samples.bytes > 0 {
            measurement = measurement.with("bytes", samples.bytes);
        }
        measurement.p50_ms = median(samples.millis).map(rounded);
        measurement.print()?;
    }
    Ok(())
}

/// Bare OpenMLS, every size and tree state.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    for size in SIZES {
        if scale.is_tiny && size > 50 {
            break;
        }
        let repeats = if scale.is_tiny {
            1
        } else if size <= 50 {
            REPEATS_SMALL
        } else {
            REPEATS_LARGE
        };
        let mut group = Group::new(size)?;
        let mut table = Table::new();
        for _ in 0..repeats {
            group.one_of_each(&mut table)?;
        }
        print(size, "blank", table)?;
        group.warm()?;
        let mut table = Table::new();
        for _ in 0..repeats {
            group.one_of_each(&mut table)?;
            group.warm_again()?;
        }
        print(size, "warm", table)?;
    }
    Ok(())
}
