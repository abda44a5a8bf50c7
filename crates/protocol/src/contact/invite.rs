//! Invite links and the bundles behind them (LANE.md s.7).

use crate::contact::intro::KnockTarget;
use crate::contact::key_package::{CheckedKeyPackage, KeyPackageError};
use crate::contact::knock::check_text;
use crate::contact::sealed::{self, OpenSealedError, SealError, SealedBlob};
use crate::identity::{Certificate, CertificateError, NodeUrl, NodeUrlError};
use bytes::Bytes;
use data_encoding::BASE64URL_NOPAD;
use hkdf::Hkdf;
use openmls_traits::crypto::OpenMlsCrypto;
use prost::Message as _;
use rand_core::CryptoRng;
use sha2::Sha256;
use std::fmt;
use wire::Malformed;
use wire::id::{BlobId, Hash, NodeKey};
use wire::lane::LaneClass;
use wire::limit::NAME_BYTES_MAX;
use wire::proto::contact as proto;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// Bytes of every bundle blob: invites of both kinds look alike.
pub const BUNDLE_BYTES: usize = 16_384;
/// Characters after the `#`.
pub const LINK_FRAGMENT_CHARS: usize = 87;

const LINK_VERSION: u8 = 1;
const LINK_BYTES: usize = 1 + 32 + 32;
const LINK_PATH: &str = "/i";
const BUNDLE_LABEL: &[u8] = b"invite bundle 1";

/// The secret of an invite link: opens the bundle. Wiped when dropped.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct InviteSecret(pub [u8; 32]);

/// `URL/i#` base64url(1 ‖ secret ‖ bundle_hash).
#[derive(Clone, PartialEq, Eq)]
pub struct InviteLink {
    /// The node that has bundle and invite lane.
    pub node_url: NodeUrl,
    /// Opens the bundle; never sent to the node.
    pub secret: InviteSecret,
    /// The bundle's blob id, the hash of its ciphertext.
    pub bundle_id: BlobId,
}

/// What an invite link leads to.
#[derive(Clone, PartialEq, Eq)]
pub struct InviteBundle {
    /// The inviter's, verified.
    pub certificate: Certificate,
    /// Where to knock; invite class.
    pub target: KnockTarget,
    /// The node's key: that of the invite's node.
    pub node_pk: NodeKey,
    /// The inviter's display name, at most 128 bytes.
    pub name: String,
    /// Seconds since the Unix epoch.
    pub expires_s: u64,
    /// To a person or to a group.
    pub kind: InviteKind,
}

/// To what an invite invites.
#[derive(Clone, PartialEq, Eq)]
pub enum InviteKind {
    /// To talk with the inviter: knock with a Welcome for this KeyPackage.
    Person {
        /// `is_of` the bundle's certificate; makes the link one-use.
        key_package: Box<CheckedKeyPackage>,
    },
    /// Into a group: knock with a JoinRequest.
    Group {
        /// The group's title, at most 128 bytes.
        title: String,
    },
}

/// Why a text is no invite link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InviteLinkError {
    /// No `#`: the secret part is missing.
    #[error("the link is cut off: the part after # is missing")]
    NoFragment,
    /// What is before the `#` does not end in `/i`.
    #[error("this is not an invite link")]
    NotAnInvite,
    /// The node's URL.
    #[error(transparent)]
    Node(#[from] NodeUrlError),
    /// Not 87 characters after the `#`: cut off, or something was appended.
    #[error("the link is incomplete: {LINK_FRAGMENT_CHARS} characters belong after #, not {found}")]
    Length {
        /// Characters found.
        found: usize,
    },
    /// A character that cannot occur.
    #[error("the link contains a character that cannot occur in one")]
    Encoding,
    /// A version from the future.
    #[error("the link needs a newer program")]
    Unsupported {
        /// The version found.
        version: u8,
    },
}

/// Why a blob is no bundle of the link.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OpenBundleError {
    /// The node gave other bytes than those the link names.
    #[error("the node gave another invite than the link names")]
    Substituted,
    /// Does not open with the link's secret.
    #[error(transparent)]
    Sealed(#[from] OpenSealedError),
    /// A field is missing or over its limit.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// The inviter's certificate.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The inviter's KeyPackage.
    #[error(transparent)]
    KeyPackage(#[from] KeyPackageError),
    /// The KeyPackage is of another device than the inviter.
    #[error("the KeyPackage is not the inviter's")]
    NotTheirs,
}

/// Why a bundle cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealBundleError {
    /// It does not fit 16 KiB.
    #[error(transparent)]
    TooLarge(#[from] SealError),
    /// A text over its limit, a target of another class, or a KeyPackage of another device.
    #[error(transparent)]
    Misuse(#[from] Malformed),
}

impl InviteSecret {
    /// Makes a fresh secret.
    pub fn generate(rng: &mut dyn CryptoRng) -> Self {
        let mut secret = Self([0; 32]);
        rng.fill_bytes(&mut secret.0);
        secret
    }

    fn bundle_key(&self) -> Zeroizing<[u8; 32]> {
        let mut key = Zeroizing::new([0u8; 32]);
        Hkdf::<Sha256>::from_prk(&self.0)
            .and_then(|hkdf| hkdf.expand(BUNDLE_LABEL, key.as_mut()).map_err(|_| hkdf::InvalidPrkLength))
            .expect("a secret is as long as the hash, and so is the key");
        key
    }
}

impl InviteLink {
    /// Reads a link; surrounding whitespace is ignored.
    ///
    /// # Errors
    /// The first [`InviteLinkError`] that applies.
    pub fn parse(text: &str) -> Result<Self, InviteLinkError> {
        let (url, fragment) = text.trim().split_once('#').ok_or(InviteLinkError::NoFragment)?;
        let node_url = NodeUrl::parse(url.strip_suffix(LINK_PATH).ok_or(InviteLinkError::NotAnInvite)?)?;
        let found = fragment.chars().count();
        if found != LINK_FRAGMENT_CHARS {
            return Err(InviteLinkError::Length { found });
        }
        let bytes = BASE64URL_NOPAD.decode(fragment.as_bytes()).map_err(|_| InviteLinkError::Encoding)?;
        let bytes = Zeroizing::new(bytes);
        let bytes: &[u8; LINK_BYTES] = bytes.as_slice().try_into().map_err(|_| InviteLinkError::Length { found })?;
        if bytes[0] != LINK_VERSION {
            return Err(InviteLinkError::Unsupported { version: bytes[0] });
        }
        let (mut secret, mut bundle_id) = (InviteSecret([0; 32]), BlobId([0; 32]));
        secret.0.copy_from_slice(&bytes[1..33]);
        bundle_id.0.copy_from_slice(&bytes[33..]);
        Ok(Self { node_url, secret, bundle_id })
    }

    /// The link's text: a secret until it is used. Wiped when dropped.
    pub fn to_text(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new([0u8; LINK_BYTES]);
        bytes[0] = LINK_VERSION;
        bytes[1..33].copy_from_slice(&self.secret.0);
        bytes[33..].copy_from_slice(&self.bundle_id.0);
        let fragment = Zeroizing::new(BASE64URL_NOPAD.encode(bytes.as_ref()));
        Zeroizing::new(format!("{}{LINK_PATH}#{}", self.node_url, *fragment))
    }
}

impl InviteBundle {
    /// Opens what a link leads to, for a look at it before it is followed.
    ///
    /// # Errors
    /// As [`Self::open`].
    pub fn preview(link: &InviteLink, ciphertext: &[u8]) -> Result<Self, OpenBundleError> {
        Self::open(&crate::mls::SuiteCrypto, link, ciphertext)
    }

    /// Seals the bundle into a blob of 16,384 bytes, whose id goes into the link.
    ///
    /// # Errors
    /// [`SealBundleError`].
    pub fn seal(&self, secret: &InviteSecret, rng: &mut dyn CryptoRng) -> Result<SealedBlob, SealBundleError> {
        check_text("name", &self.name, NAME_BYTES_MAX)?;
        if self.target.class != LaneClass::Invite {
            return Err(Malformed::Value { field: "class" }.into());
        }
        let (key_package, title, is_group) = match &self.kind {
            InviteKind::Person { key_package } if !key_package.is_of(&self.certificate) => {
                return Err(Malformed::Value { field: "key_package" }.into());
            }
            InviteKind::Person { key_package } => (key_package.as_bytes().clone(), "", false),
            InviteKind::Group { title } => (Bytes::new(), title.as_str(), true),
        };
        check_text("title", title, NAME_BYTES_MAX)?;
        let message = proto::InviteBundle {
            certificate: self.certificate.as_bytes().clone(),
            intro_pk: Bytes::copy_from_slice(self.target.intro_pk.as_bytes()),
            write_cap: Bytes::copy_from_slice(self.target.write_cap.as_bytes()),
            read_hash: Bytes::copy_from_slice(&self.target.read_hash.0),
            key_package,
            name: self.name.clone(),
            expires_s: self.expires_s,
            group: is_group,
            node_pk: Bytes::copy_from_slice(&self.node_pk.0),
            title: title.to_owned(),
        };
        let content = Zeroizing::new(message.encode_to_vec());
        Ok(SealedBlob::new(sealed::seal(&secret.bundle_key(), &[], &content, BUNDLE_BYTES, rng)?))
    }

    /// Opens the blob that the link names and verifies certificate and KeyPackage. The caller compares `expires_s` and
    /// the KeyPackage's `good_until` with its clock, and `node_pk` with the node's.
    ///
    /// # Errors
    /// The first [`OpenBundleError`] that applies.
    pub fn open(crypto: &impl OpenMlsCrypto, link: &InviteLink, ciphertext: &[u8]) -> Result<Self, OpenBundleError> {
        if Hash::of(&[ciphertext]).0 != link.bundle_id.0 {
            return Err(OpenBundleError::Substituted);
        }
        let content = Zeroizing::new(sealed::open(&link.secret.bundle_key(), &[], ciphertext)?);
        let message = proto::InviteBundle::decode(content.as_slice())
            .map_err(|_| Malformed::Protobuf { field: "invite bundle" })?;
        check_text("name", &message.name, NAME_BYTES_MAX)?;
        check_text("title", &message.title, NAME_BYTES_MAX)?;
        let certificate = Certificate::from_bytes(&message.certificate)?;
        let target = KnockTarget::parse(LaneClass::Invite, &message.write_cap, &message.read_hash, &message.intro_pk)?;
        let kind = if message.group {
            InviteKind::Group { title: message.title }
        } else {
            let key_package = CheckedKeyPackage::parse(crypto, &message.key_package)?;
            if !key_package.is_of(&certificate) {
                return Err(OpenBundleError::NotTheirs);
            }
            InviteKind::Person { key_package: Box::new(key_package) }
        };
        Ok(Self {
            certificate,
            target,
            node_pk: NodeKey::parse(&message.node_pk)?,
            name: message.name,
            expires_s: message.expires_s,
            kind,
        })
    }
}

impl PartialEq for InviteSecret {
    fn eq(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq;
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for InviteSecret {}

impl fmt::Debug for InviteSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteSecret(secret)")
    }
}

impl fmt::Debug for InviteLink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InviteLink(secret)")
    }
}

impl fmt::Debug for InviteKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Person { .. } => "Person(..)",
            Self::Group { .. } => "Group(..)",
        })
    }
}

impl fmt::Debug for InviteBundle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InviteBundle({:?})", self.kind)
    }
}
