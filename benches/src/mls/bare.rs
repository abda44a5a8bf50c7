//! OpenMLS without our layer, configured as the group layer configures it: suite 0x004E, PublicMessage handshakes, no
//! ratchet-tree extension, RustCrypto, its own in-memory storage.

use super::{Change, Party};
use crate::report::Subject;
use anyhow::{Context, bail};
use ed25519_dalek::{Signer as _, SigningKey};
use openmls::prelude::tls_codec::{Deserialize as _, Serialize as _};
use openmls::prelude::*;
use openmls_rust_crypto::OpenMlsRustCrypto;
use openmls_traits::signatures::{Signer, SignerError};
use openmls_traits::types::SignatureScheme;

const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;

struct Key(SigningKey);

impl Signer for Key {
    fn sign(&self, payload: &[u8]) -> Result<Vec<u8>, SignerError> {
        Ok(self.0.sign(payload).to_bytes().to_vec())
    }

    fn signature_scheme(&self) -> SignatureScheme {
        SignatureScheme::ED25519
    }
}

/// A member of a group of the bare library.
pub struct Bare {
    provider: OpenMlsRustCrypto,
    key: Key,
    group: Option<MlsGroup>,
}

/// What a joiner needs.
pub struct Invitation {
    welcome: Vec<u8>,
    tree: Vec<u8>,
}

impl Bare {
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
}

impl Party for Bare {
    const SUBJECT: Subject = Subject::Openmls;
    type Candidate = KeyPackage;
    type Commit = Vec<u8>;
    type Invitation = Invitation;
    type Place = LeafNodeIndex;

    fn new() -> anyhow::Result<Self> {
        let provider = OpenMlsRustCrypto::default();
        let seed = provider.rand().random_array::<32>()?;
        Ok(Self { provider, key: Key(SigningKey::from_bytes(&seed)), group: None })
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

    fn candidate(&mut self) -> anyhow::Result<KeyPackage> {
        let bundle = KeyPackage::builder().leaf_node_capabilities(Self::capabilities()).build(
            SUITE,
            &self.provider,
            &self.key,
            self.credential()?,
        )?;
        Ok(bundle.into_key_package())
    }

    fn place(&self) -> anyhow::Result<LeafNodeIndex> {
        Ok(self.group.as_ref().context("in no group")?.own_leaf_index())
    }

    fn commit(&mut self, change: Change<Self>) -> anyhow::Result<(Vec<u8>, Option<Invitation>)> {
        let Self { provider, key, group } = self;
        let group = group.as_mut().context("in no group")?;
        let (mut adds, mut removes) = (Vec::new(), Vec::new());
        match change {
            Change::Update => {}
            Change::Add(candidates) => adds = candidates,
            Change::Remove(leaf) => removes.push(leaf),
        }
        let has_joiners = !adds.is_empty();
        let bundle = group
            .commit_builder()
            .force_self_update(!has_joiners)
            .propose_removals(removes)
            .propose_adds(adds)
            .load_psks(provider.storage())?
            .create_group_info(has_joiners)
            .use_ratchet_tree_extension(false)
            .build(provider.rand(), provider.crypto(), key, |_| true)?
            .stage_commit(provider)?;
        let (commit, welcome, _) = bundle.into_messages();
        let commit = commit.to_bytes()?;
        let welcome = welcome.map(|welcome| welcome.to_bytes()).transpose()?;
        group.merge_pending_commit(provider)?;
        let invitation = match welcome {
            Some(welcome) => {
                let tree = group.export_ratchet_tree().tls_serialize_detached()?;
                Some(Invitation { welcome, tree })
            }
            None => None,
        };
        Ok((commit, invitation))
    }

    fn process(&mut self, commit: &Vec<u8>) -> anyhow::Result<()> {
        let group = self.group.as_mut().context("in no group")?;
        let message = MlsMessageIn::tls_deserialize_exact(commit)?.try_into_protocol_message()?;
        let processed = group.process_message(&self.provider, message)?;
        let ProcessedMessageContent::StagedCommitMessage(staged) = processed.into_content() else {
            bail!("not a commit of another");
        };
        Ok(group.merge_staged_commit(&self.provider, *staged)?)
    }

    fn join(&mut self, invitation: &Invitation, _: usize) -> anyhow::Result<()> {
        let config = MlsGroupJoinConfig::builder()
            .wire_format_policy(PURE_PLAINTEXT_WIRE_FORMAT_POLICY)
            .max_past_epochs(0)
            .number_of_resumption_psks(0)
            .sender_ratchet_configuration(SenderRatchetConfiguration::new(32, 1_000))
            .build();
        let MlsMessageBodyIn::Welcome(welcome) = MlsMessageIn::tls_deserialize_exact(&invitation.welcome)?.extract()
        else {
            bail!("not a Welcome");
        };
        let tree = RatchetTreeIn::tls_deserialize_exact(&invitation.tree)?;
        let staged = StagedWelcome::new_from_welcome(&self.provider, &config, welcome, Some(tree))?;
        self.group = Some(staged.into_group(&self.provider)?);
        Ok(())
    }

    fn commit_bytes(commit: &Vec<u8>) -> usize {
        commit.len()
    }

    fn invitation_bytes(invitation: &Invitation) -> usize {
        invitation.welcome.len() + invitation.tree.len()
    }
}
