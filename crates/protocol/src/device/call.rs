//! The keys of a call: this device in the call's group. Nothing of it is stored.

use super::Device;
use crate::call::{
    CallError, CallGroup, CallKeys, CallMade, CallPsk, Changed, Ground, GroupKeys, Invitee, MadeChange, Maker, Peer,
};
use crate::content::CallChange;
use crate::event::ConversationId;
use crate::group::Group;
use crate::identity::DeviceIdentity;
use bytes::Bytes;
use rand_core::CryptoRng;
use std::collections::BTreeSet;
use wire::id::{CallId, DeviceId, NodeKey};

/// Which call, in which conversation, with whom.
#[derive(Debug, Clone, Copy)]
pub struct CallOf<'a> {
    /// The call.
    pub call_id: CallId,
    /// Where its signals are.
    pub conversation: ConversationId,
    /// The device on the other side.
    pub peer: DeviceId,
    /// From the answer's epoch.
    pub psk: &'a CallPsk,
}

impl Device {
    /// Makes a KeyPackage for a call that rings here.
    ///
    /// # Errors
    /// [`CallError::Bug`].
    pub fn call_invitee(&self, rng: &mut dyn CryptoRng) -> Result<Invitee, CallError> {
        self.maker().invitee(rng)
    }

    /// Makes a call's group and takes in the device that answered, by the KeyPackage that it rang with.
    ///
    /// # Errors
    /// See [`CallError`]: the call has no keys then, and no media.
    pub fn call_make(
        &self,
        rng: &mut dyn CryptoRng,
        call: CallOf<'_>,
        key_package: &[u8],
    ) -> Result<CallMade, CallError> {
        let peer = self.call_peer(call.conversation, call.peer).ok_or(CallError::NoMember)?;
        self.maker().make(rng, &call.call_id, call.psk, &peer, key_package)
    }

    /// Joins a call's group with what its caller sent.
    ///
    /// # Errors
    /// As [`Self::call_make`].
    pub fn call_join(
        &self,
        rng: &mut dyn CryptoRng,
        call: CallOf<'_>,
        invitee: &Invitee,
        welcome: &[u8],
        tree: &[u8],
    ) -> Result<CallKeys, CallError> {
        let peer = self.call_peer(call.conversation, call.peer).ok_or(CallError::NoMember)?;
        self.maker().join(rng, &call.call_id, call.psk, &peer, invitee, (welcome, tree))
    }

    /// What the present epoch of a conversation gives to a change of a call's group, and which epoch it is.
    pub fn call_ground(&self, conversation: ConversationId, call_id: &CallId) -> Option<(u64, CallPsk, Vec<Peer>)> {
        let group = self.groups.get(&conversation).filter(|group| group.is_active())?;
        let psk = crate::call::derive_psk(&self.crypto, &group.mls, call_id)?;
        Some((group.record.epoch, psk, group.call_peers()))
    }

    /// The devices in a conversation.
    pub fn call_devices(&self, conversation: ConversationId) -> BTreeSet<DeviceId> {
        let group = self.groups.get(&conversation);
        group.into_iter().flat_map(Group::call_peers).map(|peer| peer.identity.device_id).collect()
    }

    /// Makes the group of a call of many, with this device alone in it.
    ///
    /// # Errors
    /// [`CallError::Bug`].
    pub fn call_open(&self, rng: &mut dyn CryptoRng, call_id: &CallId) -> Result<CallGroup, CallError> {
        self.maker().open(rng, call_id)
    }

    /// Makes a change of the group of a call of many: to be said, and to be heard again.
    ///
    /// # Errors
    /// [`CallError::Change`] where nothing would change.
    pub fn call_change(
        &self,
        rng: &mut dyn CryptoRng,
        group: &mut CallGroup,
        ground: Ground<'_>,
        joins: &[(DeviceId, Bytes)],
        removed: &[DeviceId],
    ) -> Result<MadeChange, CallError> {
        self.maker().change(rng, group, ground, joins, removed)
    }

    /// Takes a change of the group of a call of many where it stands in the lane, an own one too.
    ///
    /// # Errors
    /// [`CallError::Change`]: nobody counts it. [`CallError::Welcome`]: all others do, and this group is over.
    pub fn call_hear(
        &self,
        rng: &mut dyn CryptoRng,
        group: &mut CallGroup,
        ground: Ground<'_>,
        sender: DeviceId,
        change: &CallChange,
    ) -> Result<Changed, CallError> {
        self.maker().hear(rng, group, ground, sender, change)
    }

    /// Forgets an own change that was read back in another epoch of the conversation than it was made for.
    ///
    /// # Errors
    /// [`CallError::Bug`].
    pub fn call_give_up(&self, group: &mut CallGroup) -> Result<(), CallError> {
        self.maker().give_up(group)
    }

    /// Enters the group of a call of many by a change that takes this device in.
    ///
    /// # Errors
    /// [`CallError::Welcome`], [`CallError::Members`].
    pub fn call_enter(
        &self,
        rng: &mut dyn CryptoRng,
        call_id: &CallId,
        ground: Ground<'_>,
        invitee: Invitee,
        change: &CallChange,
    ) -> Result<CallGroup, CallError> {
        self.maker().enter(rng, call_id, ground, invitee, change)
    }

    /// What the present epoch of a call of many gives to media.
    ///
    /// # Errors
    /// [`CallError::Bug`].
    pub fn call_group_keys(&self, group: &CallGroup) -> Result<GroupKeys, CallError> {
        self.maker().group_keys(group)
    }

    /// The key of the node that keeps a conversation.
    pub fn node_key_of(&self, conversation: ConversationId) -> Option<NodeKey> {
        self.groups.get(&conversation).map(|group| NodeKey(group.record.node_key))
    }

    fn maker(&self) -> Maker<'_> {
        Maker { crypto: &self.crypto, key: &self.me.key, identity: &self.me.identity }
    }

    /// A device as its leaf in the conversation names it.
    fn call_peer(&self, conversation: ConversationId, device: DeviceId) -> Option<Peer> {
        let group = self.groups.get(&conversation).filter(|group| group.is_active())?;
        group.call_peers().into_iter().find(|peer| peer.identity.device_id == device)
    }
}

impl Group {
    /// The devices of the conversation as its leaves name them.
    pub(crate) fn call_peers(&self) -> Vec<Peer> {
        let peer = |member: openmls::prelude::Member| {
            let identity = DeviceIdentity::from_credential(&member.credential).ok()?;
            Some(Peer { identity, signature_key: member.signature_key })
        };
        self.mls.members().filter_map(peer).collect()
    }
}
