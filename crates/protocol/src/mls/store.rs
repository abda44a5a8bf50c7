//! OpenMLS's storage over [`Storage`]: binary values, one space, nothing kept beside the transaction.

use crate::storage::{Space, Storage, StorageError, decode, encode};
use openmls::prelude::GroupId;
use openmls_traits::storage::{CURRENT_VERSION as V, StorageProvider, traits};
use serde::{Serialize, de::DeserializeOwned};

/// The format of stored OpenMLS values: postcard over OpenMLS 0.9's types.
const FORMAT: u8 = 1;

/// OpenMLS's view of the store.
pub struct MlsStore<'a>(pub &'a dyn Storage);

#[derive(Clone, Copy)]
#[repr(u8)]
enum Label {
    JoinConfig = 1,
    OwnLeafNodes = 2,
    Proposal = 3,
    Tree = 4,
    InterimHash = 5,
    Context = 6,
    ConfirmationTag = 7,
    GroupState = 8,
    MessageSecrets = 9,
    OwnLeafIndex = 11,
    EpochSecrets = 12,
    SignatureKey = 13,
    EncryptionKey = 14,
    EpochKeys = 15,
    KeyPackage = 16,
    Psk = 17,
}

fn key<K: Serialize>(label: Label, id: &K) -> Result<Vec<u8>, StorageError> {
    postcard::to_extend(id, vec![label as u8]).map_err(|_| StorageError::Corrupt("MLS key"))
}

/// One type of OpenMLS, the join configuration, holds an untagged enum, which only a format that describes itself reads
/// back: one version byte, then JSON. It is small and written once a group. No other type may come here: what is chosen
/// at run time is compiled for every type of OpenMLS, and the browser fetches it.
fn encode_described<T: Serialize>(value: &T) -> Result<Vec<u8>, StorageError> {
    let mut bytes = vec![FORMAT];
    serde_json::to_writer(&mut bytes, value).map_err(|_| StorageError::Corrupt("MLS configuration"))?;
    Ok(bytes)
}

fn decode_described<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StorageError> {
    let corrupt = StorageError::Corrupt("MLS configuration");
    match bytes.split_first() {
        Some((&FORMAT, json)) => serde_json::from_slice(json).map_err(|_| corrupt),
        _ => Err(corrupt),
    }
}

/// A group's epoch secrets with nothing in them, as stored: five empty secrets.
const NO_EPOCH_SECRETS: [u8; 6] = [FORMAT, 0, 0, 0, 0, 0];
/// Message secrets likewise: no past epochs (2), three empty secrets, no context, an empty secret tree (6), no time.
const NO_MESSAGE_SECRETS: [u8; 14] = [FORMAT, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

impl MlsStore<'_> {
    /// Forgets every secret of a group that is over for this device; the group still loads, for its members and
    /// policy, and does nothing more (LANE.md C4, I7).
    pub(crate) fn forget_secrets(&self, id: &GroupId) -> Result<(), StorageError> {
        self.0.put(Space::Mls, &key(Label::EpochSecrets, id)?, &NO_EPOCH_SECRETS)?;
        self.0.put(Space::Mls, &key(Label::MessageSecrets, id)?, &NO_MESSAGE_SECRETS)?;
        crate::storage::clear(self.0, Space::Mls, &key(Label::EpochKeys, id)?)
    }

    fn write<K: Serialize, T: Serialize>(&self, label: Label, id: &K, value: &T) -> Result<(), StorageError> {
        self.0.put(Space::Mls, &key(label, id)?, &encode(FORMAT, value)?)
    }

    fn read<K: Serialize, T: DeserializeOwned>(&self, label: Label, id: &K) -> Result<Option<T>, StorageError> {
        let bytes = self.0.get(Space::Mls, &key(label, id)?)?;
        bytes.map(|bytes| decode(FORMAT, &bytes, "MLS value")).transpose()
    }

    fn erase<K: Serialize>(&self, label: Label, id: &K) -> Result<(), StorageError> {
        self.0.delete(Space::Mls, &key(label, id)?)
    }

    /// Proposals by reference are never queued here (LANE.md C5), but the trait asks for a queue.
    fn proposals<G: Serialize, R: DeserializeOwned, P: DeserializeOwned>(
        &self,
        group_id: &G,
    ) -> Result<Vec<(R, P)>, StorageError> {
        let prefix = key(Label::Proposal, group_id)?;
        let rows = self.0.scan(Space::Mls, &prefix)?;
        rows.into_iter().map(|(_, value)| decode(FORMAT, &value, "MLS proposal")).collect()
    }

    fn proposal_key<G: Serialize, R: Serialize>(group_id: &G, proposal_ref: &R) -> Result<Vec<u8>, StorageError> {
        let prefix = key(Label::Proposal, group_id)?;
        postcard::to_extend(proposal_ref, prefix).map_err(|_| StorageError::Corrupt("MLS key"))
    }
}

macro_rules! by_group {
    ($write:ident, $read:ident, $delete:ident, $kind:ident, $label:ident) => {
        fn $write<G: traits::GroupId<V>, T: traits::$kind<V>>(
            &self,
            group_id: &G,
            value: &T,
        ) -> Result<(), StorageError> {
            self.write(Label::$label, group_id, value)
        }

        fn $read<G: traits::GroupId<V>, T: traits::$kind<V>>(&self, group_id: &G) -> Result<Option<T>, StorageError> {
            self.read(Label::$label, group_id)
        }

        fn $delete<G: traits::GroupId<V>>(&self, group_id: &G) -> Result<(), StorageError> {
            self.erase(Label::$label, group_id)
        }
    };
}

impl StorageProvider<V> for MlsStore<'_> {
    type Error = StorageError;

    fn write_mls_join_config<G: traits::GroupId<V>, T: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &G,
        config: &T,
    ) -> Result<(), StorageError> {
        self.0.put(Space::Mls, &key(Label::JoinConfig, group_id)?, &encode_described(config)?)
    }

    fn mls_group_join_config<G: traits::GroupId<V>, T: traits::MlsGroupJoinConfig<V>>(
        &self,
        group_id: &G,
    ) -> Result<Option<T>, StorageError> {
        let bytes = self.0.get(Space::Mls, &key(Label::JoinConfig, group_id)?)?;
        bytes.map(|bytes| decode_described(&bytes)).transpose()
    }

    fn delete_group_config<G: traits::GroupId<V>>(&self, group_id: &G) -> Result<(), StorageError> {
        self.erase(Label::JoinConfig, group_id)
    }

    by_group!(write_tree, tree, delete_tree, TreeSync, Tree);
    by_group!(
        write_interim_transcript_hash,
        interim_transcript_hash,
        delete_interim_transcript_hash,
        InterimTranscriptHash,
        InterimHash
    );
    by_group!(write_context, group_context, delete_context, GroupContext, Context);
    by_group!(write_confirmation_tag, confirmation_tag, delete_confirmation_tag, ConfirmationTag, ConfirmationTag);

    fn write_group_state<T: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        group_id: &G,
        group_state: &T,
    ) -> Result<(), StorageError> {
        self.write(Label::GroupState, group_id, group_state)
    }

    fn group_state<T: traits::GroupState<V>, G: traits::GroupId<V>>(
        &self,
        group_id: &G,
    ) -> Result<Option<T>, StorageError> {
        self.read(Label::GroupState, group_id)
    }

    fn delete_group_state<G: traits::GroupId<V>>(&self, group_id: &G) -> Result<(), StorageError> {
        self.erase(Label::GroupState, group_id)
    }

    by_group!(write_message_secrets, message_secrets, delete_message_secrets, MessageSecrets, MessageSecrets);

    // OpenMLS keeps 32 epochs' resumption PSKs in a group that it created, whatever its configuration
    // says. No secret of a left epoch may be stored (LANE.md I7), and nothing here uses one: the stored
    // value is always the empty store with room for none.
    fn write_resumption_psk_store<G: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        _group_id: &G,
        _store: &T,
    ) -> Result<(), StorageError> {
        Ok(())
    }

    fn resumption_psk_store<G: traits::GroupId<V>, T: traits::ResumptionPskStore<V>>(
        &self,
        _group_id: &G,
    ) -> Result<Option<T>, StorageError> {
        decode(FORMAT, &[FORMAT, 0, 0, 0], "MLS resumption PSKs").map(Some)
    }

    fn delete_all_resumption_psk_secrets<G: traits::GroupId<V>>(&self, _group_id: &G) -> Result<(), StorageError> {
        Ok(())
    }

    by_group!(write_own_leaf_index, own_leaf_index, delete_own_leaf_index, LeafNodeIndex, OwnLeafIndex);
    by_group!(
        write_group_epoch_secrets,
        group_epoch_secrets,
        delete_group_epoch_secrets,
        GroupEpochSecrets,
        EpochSecrets
    );

    fn append_own_leaf_node<G: traits::GroupId<V>, L: traits::LeafNode<V>>(
        &self,
        group_id: &G,
        leaf_node: &L,
    ) -> Result<(), StorageError> {
        // The list is of encoded leaves, so that appending decodes none.
        let mut leaves: Vec<Vec<u8>> = self.read(Label::OwnLeafNodes, group_id)?.unwrap_or_default();
        leaves.push(encode(FORMAT, leaf_node)?);
        self.write(Label::OwnLeafNodes, group_id, &leaves)
    }

    fn own_leaf_nodes<G: traits::GroupId<V>, L: traits::LeafNode<V>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<L>, StorageError> {
        let leaves: Vec<Vec<u8>> = self.read(Label::OwnLeafNodes, group_id)?.unwrap_or_default();
        leaves.iter().map(|leaf| decode(FORMAT, leaf, "MLS leaf")).collect()
    }

    fn delete_own_leaf_nodes<G: traits::GroupId<V>>(&self, group_id: &G) -> Result<(), StorageError> {
        self.erase(Label::OwnLeafNodes, group_id)
    }

    fn queue_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        group_id: &G,
        proposal_ref: &R,
        proposal: &P,
    ) -> Result<(), StorageError> {
        let key = Self::proposal_key(group_id, proposal_ref)?;
        self.0.put(Space::Mls, &key, &encode(FORMAT, &(proposal_ref, proposal))?)
    }

    fn queued_proposal_refs<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<R>, StorageError> {
        let prefix = key(Label::Proposal, group_id)?;
        let rows = self.0.scan(Space::Mls, &prefix)?;
        rows.iter()
            .map(|(key, _)| {
                postcard::from_bytes(&key[prefix.len()..]).map_err(|_| StorageError::Corrupt("MLS proposal"))
            })
            .collect()
    }

    fn queued_proposals<G: traits::GroupId<V>, R: traits::ProposalRef<V>, P: traits::QueuedProposal<V>>(
        &self,
        group_id: &G,
    ) -> Result<Vec<(R, P)>, StorageError> {
        self.proposals(group_id)
    }

    fn remove_proposal<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &G,
        proposal_ref: &R,
    ) -> Result<(), StorageError> {
        self.0.delete(Space::Mls, &Self::proposal_key(group_id, proposal_ref)?)
    }

    fn clear_proposal_queue<G: traits::GroupId<V>, R: traits::ProposalRef<V>>(
        &self,
        group_id: &G,
    ) -> Result<(), StorageError> {
        crate::storage::clear(self.0, Space::Mls, &key(Label::Proposal, group_id)?)
    }

    fn write_signature_key_pair<K: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        public_key: &K,
        signature_key_pair: &T,
    ) -> Result<(), StorageError> {
        self.write(Label::SignatureKey, public_key, signature_key_pair)
    }

    fn signature_key_pair<K: traits::SignaturePublicKey<V>, T: traits::SignatureKeyPair<V>>(
        &self,
        public_key: &K,
    ) -> Result<Option<T>, StorageError> {
        self.read(Label::SignatureKey, public_key)
    }

    fn delete_signature_key_pair<K: traits::SignaturePublicKey<V>>(&self, public_key: &K) -> Result<(), StorageError> {
        self.erase(Label::SignatureKey, public_key)
    }

    fn write_encryption_key_pair<K: traits::EncryptionKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        public_key: &K,
        key_pair: &T,
    ) -> Result<(), StorageError> {
        self.write(Label::EncryptionKey, public_key, key_pair)
    }

    fn encryption_key_pair<T: traits::HpkeKeyPair<V>, K: traits::EncryptionKey<V>>(
        &self,
        public_key: &K,
    ) -> Result<Option<T>, StorageError> {
        self.read(Label::EncryptionKey, public_key)
    }

    fn delete_encryption_key_pair<K: traits::EncryptionKey<V>>(&self, public_key: &K) -> Result<(), StorageError> {
        self.erase(Label::EncryptionKey, public_key)
    }

    fn write_encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
        key_pairs: &[T],
    ) -> Result<(), StorageError> {
        self.write(Label::EpochKeys, &(group_id, epoch, leaf_index), &key_pairs)
    }

    fn encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>, T: traits::HpkeKeyPair<V>>(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<Vec<T>, StorageError> {
        Ok(self.read(Label::EpochKeys, &(group_id, epoch, leaf_index))?.unwrap_or_default())
    }

    fn delete_encryption_epoch_key_pairs<G: traits::GroupId<V>, E: traits::EpochKey<V>>(
        &self,
        group_id: &G,
        epoch: &E,
        leaf_index: u32,
    ) -> Result<(), StorageError> {
        self.erase(Label::EpochKeys, &(group_id, epoch, leaf_index))
    }

    fn write_key_package<R: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        hash_ref: &R,
        key_package: &T,
    ) -> Result<(), StorageError> {
        self.write(Label::KeyPackage, hash_ref, key_package)
    }

    fn key_package<R: traits::HashReference<V>, T: traits::KeyPackage<V>>(
        &self,
        hash_ref: &R,
    ) -> Result<Option<T>, StorageError> {
        self.read(Label::KeyPackage, hash_ref)
    }

    fn delete_key_package<R: traits::HashReference<V>>(&self, hash_ref: &R) -> Result<(), StorageError> {
        self.erase(Label::KeyPackage, hash_ref)
    }

    fn write_psk<I: traits::PskId<V>, T: traits::PskBundle<V>>(&self, psk_id: &I, psk: &T) -> Result<(), StorageError> {
        self.write(Label::Psk, psk_id, psk)
    }

    fn psk<T: traits::PskBundle<V>, I: traits::PskId<V>>(&self, psk_id: &I) -> Result<Option<T>, StorageError> {
        self.read(Label::Psk, psk_id)
    }

    fn delete_psk<I: traits::PskId<V>>(&self, psk_id: &I) -> Result<(), StorageError> {
        self.erase(Label::Psk, psk_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::MemoryStorage;
    use openmls::prelude::MlsGroupJoinConfig;

    #[test]
    fn join_configuration_reads_back_after_a_restart() {
        let storage = MemoryStorage::default();
        let id = GroupId::from_slice(b"group");
        let written = MlsGroupJoinConfig::builder().padding_size(7).build();
        MlsStore(&storage).write_mls_join_config(&id, &written).unwrap();
        let read: Option<MlsGroupJoinConfig> = MlsStore(&storage).mls_group_join_config(&id).unwrap();
        assert_eq!(read, Some(written));
    }

    #[test]
    fn damaged_configuration_is_corrupt() {
        assert!(matches!(decode_described::<MlsGroupJoinConfig>(b""), Err(StorageError::Corrupt(_))));
        assert!(matches!(decode_described::<MlsGroupJoinConfig>(&[FORMAT, b'{']), Err(StorageError::Corrupt(_))));
        assert!(matches!(
            decode_described::<MlsGroupJoinConfig>(&[FORMAT + 1, b'{', b'}']),
            Err(StorageError::Corrupt(_))
        ));
    }
}
