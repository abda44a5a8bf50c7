//! The keys of a call: this device in the call's group. Nothing of it is stored.

use super::Device;
use crate::call::{CallError, CallKeys, CallMade, CallPsk, Invitee, Maker, Peer};
use crate::event::ConversationId;
use crate::identity::DeviceIdentity;
use rand_core::CryptoRng;
use wire::id::{CallId, DeviceId};

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

    fn maker(&self) -> Maker<'_> {
        Maker { crypto: &self.crypto, key: &self.me.key, identity: &self.me.identity }
    }

    /// A device as its leaf in the conversation names it.
    fn call_peer(&self, conversation: ConversationId, device: DeviceId) -> Option<Peer> {
        let group = self.groups.get(&conversation).filter(|group| group.is_active())?;
        group.mls.members().find_map(|member| {
            let identity = DeviceIdentity::from_credential(&member.credential).ok()?;
            (identity.device_id == device).then(|| Peer { identity, signature_key: member.signature_key.clone() })
        })
    }
}
