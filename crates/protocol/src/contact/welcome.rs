//! A Welcome and what it takes to use it: the tree and the members' certificates; small ones travel in the knock,
//! large ones as a blob.

use crate::contact::sealed::{self, OpenSealedError, SealError, SealedBlob};
use crate::identity::{CertificateError, UnverifiedCertificate};
use bytes::Bytes;
use prost::Message as _;
use rand_core::CryptoRng;
use std::fmt;
use wire::Malformed;
use wire::id::{BlobId, Hash};
use wire::limit::{BLOB_BYTES_MAX, GROUP_LEAVES_MAX};
use wire::proto::contact as proto;
use zeroize::{Zeroize, ZeroizeOnDrop};

/// What a blob of tree and certificates is sealed for.
const REST_LABEL: &[u8] = b"sottovoce welcome rest 1";

/// An MLS Welcome with the ratchet tree and the certificates of its leaves.
#[derive(Clone, PartialEq, Eq)]
pub struct WelcomePackage {
    /// The encoded Welcome.
    pub welcome: Bytes,
    /// The encoded ratchet tree.
    pub tree: Bytes,
    /// Certificates of the members, at most 1,024; verified by whoever joins.
    pub certificates: Vec<UnverifiedCertificate>,
}

/// The key of one blob, random.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct BlobKey(pub [u8; 32]);

/// Where a sealed blob is and what opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct BlobReference {
    /// `H(ciphertext)`.
    pub id: BlobId,
    /// Opens it.
    pub key: BlobKey,
}

/// Why a blob is no Welcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenWelcomeError {
    /// Over 16 MiB.
    #[error("blob of {found} bytes")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// The node gave other bytes than those of the id.
    #[error("the node gave another blob")]
    Substituted,
    /// The blob does not open.
    #[error(transparent)]
    Sealed(#[from] OpenSealedError),
    /// Not the content it should be.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A certificate whose layout is wrong.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
}

impl WelcomePackage {
    /// Seals tree and certificates into a blob that every joiner of one commit shares; the Welcome stays out of it.
    ///
    /// # Errors
    /// [`SealError::TooLarge`] over 16 MiB.
    pub fn seal_rest(&self, rng: &mut dyn CryptoRng) -> Result<(BlobReference, SealedBlob), SealError> {
        let mut key = BlobKey([0; 32]);
        rng.fill_bytes(&mut key.0);
        let content = proto::Welcome { welcome: Bytes::new(), ..self.to_proto() }.encode_to_vec();
        let size = sealed::blob_size(content.len())?;
        let blob = SealedBlob::new(sealed::seal(&key.0, REST_LABEL, &content, size, rng)?);
        Ok((BlobReference { id: blob.id, key }, blob))
    }

    /// Opens the blob that a knock named, beside the Welcome in the knock. The certificates are parsed, not verified.
    ///
    /// # Errors
    /// The first [`OpenWelcomeError`] that applies.
    pub fn open_rest(welcome: Bytes, reference: &BlobReference, ciphertext: &[u8]) -> Result<Self, OpenWelcomeError> {
        if ciphertext.len() > BLOB_BYTES_MAX {
            return Err(OpenWelcomeError::TooLong { found: ciphertext.len() });
        }
        if Hash::of(&[ciphertext]).0 != reference.id.0 {
            return Err(OpenWelcomeError::Substituted);
        }
        let content = sealed::open(&reference.key.0, REST_LABEL, ciphertext)?;
        let message =
            proto::Welcome::decode(content.as_slice()).map_err(|_| Malformed::Protobuf { field: "welcome" })?;
        if !message.welcome.is_empty() {
            return Err(Malformed::Value { field: "welcome" }.into());
        }
        Self::from_proto(proto::Welcome { welcome, ..message })
    }

    pub(super) fn to_proto(&self) -> proto::Welcome {
        proto::Welcome {
            welcome: self.welcome.clone(),
            tree: self.tree.clone(),
            certificates: self.certificates.iter().map(|certificate| certificate.as_bytes().clone()).collect(),
            ..proto::Welcome::default()
        }
    }

    pub(super) fn from_proto(message: proto::Welcome) -> Result<Self, OpenWelcomeError> {
        if message.welcome.is_empty() {
            return Err(Malformed::Missing { field: "welcome" }.into());
        }
        if message.tree.is_empty() {
            return Err(Malformed::Missing { field: "tree" }.into());
        }
        let found = message.certificates.len();
        if found > GROUP_LEAVES_MAX {
            return Err(Malformed::TooLong { field: "certificates", limit: GROUP_LEAVES_MAX, found }.into());
        }
        let certificates =
            message.certificates.iter().map(|bytes| UnverifiedCertificate::parse(bytes)).collect::<Result<_, _>>()?;
        Ok(Self { welcome: message.welcome, tree: message.tree, certificates })
    }
}

impl BlobKey {
    /// Reads exactly 32 bytes.
    pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
        let length = Malformed::Length { field: "blob_key", expected: 32, found: bytes.len() };
        bytes.try_into().map(Self).map_err(|_| length)
    }
}

impl PartialEq for BlobKey {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for BlobKey {}

impl fmt::Debug for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobKey(secret)")
    }
}

impl fmt::Debug for BlobReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BlobReference(secret)")
    }
}

impl fmt::Debug for WelcomePackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WelcomePackage({} certificates)", self.certificates.len())
    }
}
