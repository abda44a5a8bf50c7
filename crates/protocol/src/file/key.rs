//! The key of a file, and what follows from it (FILES.md s.2).

use crate::file::shape::{GROUP_BYTES, TAG_BYTES};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{Key, KeyInit, Tag, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use sha2::Sha512;
use subtle::ConstantTimeEq;
use wire::Malformed;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const AEAD_LABEL: &[u8] = b"sottovoce file key 1";
const NONCE_LABEL: &[u8] = b"sottovoce file nonce 1";
const COMMIT_LABEL: &[u8] = b"sottovoce file commit 1";
const PREFIX_BYTES: usize = 19;

/// The key of one file in one sending: 32 random bytes.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct FileKey([u8; 32]);

/// Binds a key to its file: Poly1305 alone would open one blob under two keys.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Commit(pub [u8; 32]);

impl FileKey {
    /// Takes 32 random bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// A new key.
    pub fn random(rng: &mut dyn CryptoRng) -> Self {
        let mut key = Self([0; 32]);
        rng.fill_bytes(&mut key.0);
        key
    }

    /// Reads exactly 32 bytes.
    ///
    /// # Errors
    /// [`Malformed::Length`].
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let array =
            bytes.try_into().map_err(|_| Malformed::Length { field: "key", expected: 32, found: bytes.len() })?;
        Ok(Self(array))
    }

    /// The bytes, to be stored in the encrypted database or sent to members.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// What tells this key from another one.
    pub fn commit(&self) -> Commit {
        Commit(*self.derive::<32>(COMMIT_LABEL))
    }

    fn derive<const N: usize>(&self, label: &[u8]) -> Zeroizing<[u8; N]> {
        let mut bytes = Zeroizing::new([0; N]);
        expand(&self.0, label, bytes.as_mut());
        bytes
    }
}

/// `HKDF-SHA-512-Expand(PRK = key, label)`: a key of 32 bytes is shorter than the hash and is taken as HMAC takes any.
fn expand(key: &[u8; 32], label: &[u8], bytes: &mut [u8]) {
    // `from_prk` wants a PRK as long as the hash; HMAC pads a shorter key with zeros, so the two are the same.
    let mut prk = Zeroizing::new([0; 64]);
    prk[..32].copy_from_slice(key);
    Hkdf::<Sha512>::from_prk(prk.as_ref())
        .expect("64 bytes are a PRK of SHA-512")
        .expand(label, bytes)
        .expect("at most 32 bytes of 16,320");
}

impl PartialEq for FileKey {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for FileKey {}

impl std::fmt::Debug for FileKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileKey(secret)")
    }
}

impl std::fmt::Debug for Commit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Commit(..)")
    }
}

/// A group's tag was not made with this key for this place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WrongTag;

/// Seals and opens the groups of one file: STREAM over XChaCha20-Poly1305.
pub(super) struct GroupCipher {
    aead: XChaCha20Poly1305,
    prefix: Zeroizing<[u8; PREFIX_BYTES]>,
}

impl GroupCipher {
    pub(super) fn new(key: &FileKey) -> Self {
        let aead_key = key.derive::<32>(AEAD_LABEL);
        Self { aead: XChaCha20Poly1305::new(&Key::from(*aead_key)), prefix: key.derive(NONCE_LABEL) }
    }

    /// Seals a group in place: its tag takes the last 16 bytes, whatever they held.
    pub(super) fn seal(&self, group: u32, is_last: bool, bytes: &mut [u8]) {
        debug_assert!(bytes.len() > TAG_BYTES && bytes.len() <= GROUP_BYTES);
        let (text, tag) = bytes.split_at_mut(bytes.len().saturating_sub(TAG_BYTES));
        let made = self
            .aead
            .encrypt_inout_detached(&self.nonce(group, is_last), &[], text.into())
            .expect("a group is far below the cipher's 256 GiB");
        tag.copy_from_slice(&made);
    }

    /// Opens a group in place; its plaintext is all but the last 16 bytes.
    pub(super) fn open(&self, group: u32, is_last: bool, bytes: &mut [u8]) -> Result<(), WrongTag> {
        let at = bytes.len().checked_sub(TAG_BYTES).ok_or(WrongTag)?;
        let (text, tag) = bytes.split_at_mut(at);
        let tag = Tag::try_from(&*tag).map_err(|_| WrongTag)?;
        self.aead.decrypt_inout_detached(&self.nonce(group, is_last), &[], text.into(), &tag).map_err(|_| WrongTag)
    }

    fn nonce(&self, group: u32, is_last: bool) -> XNonce {
        let mut nonce = [0; 24];
        nonce[..PREFIX_BYTES].copy_from_slice(self.prefix.as_ref());
        nonce[PREFIX_BYTES..23].copy_from_slice(&group.to_be_bytes());
        nonce[23] = u8::from(is_last);
        XNonce::from(nonce)
    }
}
