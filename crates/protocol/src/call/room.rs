//! The room of a call of many (CALLS.md s.8, s.9): its capabilities and its labels, from a secret that the
//! conversation's members know.

use crate::content::RoomSecret;
use bytes::Bytes;
use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha256;
use wire::id::{CallId, DeviceId, RoomHost, RoomMember};
use wire::room::{RoomHostKey, RoomKey};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;

impl RoomSecret {
    /// A fresh one.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Self([0; 32]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    fn expand(&self, label: &[u8], call_id: &CallId) -> Zeroizing<[u8; 32]> {
        let hkdf = Hkdf::<Sha256>::from_prk(&self.0).expect("32 bytes are SHA-256's output length");
        let mut out = Zeroizing::new([0; 32]);
        hkdf.expand_multi_info(&[label, &call_id.0], out.as_mut_slice()).expect("32 bytes are far below the limit");
        out
    }

    /// What opens the room: every member of the conversation is a host.
    pub fn key(&self, call_id: &CallId) -> RoomKey {
        RoomKey {
            member: RoomMember(*self.expand(b"sottovoce room member 1", call_id)),
            host: RoomHostKey::Host(RoomHost(*self.expand(b"sottovoce room host 1", call_id))),
        }
    }

    /// Says who joins the room, to those who know the secret: nonce 24 ‖ XChaCha20-Poly1305 of the device's id, 56 bytes.
    pub fn seal_label(&self, call_id: &CallId, device: DeviceId, rng: &mut dyn CryptoRng) -> Bytes {
        let mut nonce = [0; NONCE_BYTES];
        rng.fill_bytes(&mut nonce);
        let sealed = self
            .cipher(call_id)
            .encrypt(&XNonce::from(nonce), Payload { msg: &device.0, aad: &call_id.0 })
            .expect("16 bytes are far below the cipher's bound");
        [nonce.as_slice(), &sealed].concat().into()
    }

    /// Whose label it is; none for what nobody of the conversation sealed.
    pub fn open_label(&self, call_id: &CallId, label: &[u8]) -> Option<DeviceId> {
        let (nonce, sealed) = label.split_first_chunk::<NONCE_BYTES>()?;
        let payload = Payload { msg: sealed, aad: &call_id.0 };
        DeviceId::parse(&self.cipher(call_id).decrypt(&XNonce::from(*nonce), payload).ok()?).ok()
    }

    fn cipher(&self, call_id: &CallId) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.expand(b"sottovoce room label 1", call_id)).into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    #[test]
    fn members_find_the_same_room_and_read_its_labels_and_others_do_not() {
        let mut rng = ChaCha20Rng::seed_from_u64(1);
        let (secret, other) = (RoomSecret::generate(&mut rng), RoomSecret::generate(&mut rng));
        let (call, device) = (CallId([1; 16]), DeviceId([2; 16]));
        let room = secret.key(&call).room_id();
        assert_eq!(RoomSecret(secret.0).key(&call).room_id(), room);
        assert_ne!(other.key(&call).room_id(), room);
        assert_ne!(secret.key(&CallId([9; 16])).room_id(), room);
        let label = secret.seal_label(&call, device, &mut rng);
        assert!(label.len() <= wire::room::ROOM_LABEL_BYTES_MAX);
        assert_eq!(secret.open_label(&call, &label), Some(device));
        assert_eq!(other.open_label(&call, &label), None);
        assert_eq!(secret.open_label(&CallId([9; 16]), &label), None);
        assert_eq!(secret.open_label(&call, &label[..30]), None);
        assert_eq!(secret.open_label(&call, b""), None);
    }
}
