//! KeyPackages: what a device hands out so that others can add it (LANE.md s.1, s.7).

use crate::contact::sealed::BOX_OVERHEAD_BYTES;
use crate::contact::x_wing::is_x_wing_key;
use crate::identity::{Certificate, DeviceIdentity, DeviceKey};
use bytes::Bytes;
use openmls::prelude::{
    Capabilities, CredentialType, CredentialWithKey, Extension, ExtensionType, Extensions, KeyPackage,
    KeyPackageBundle, KeyPackageIn, KeyPackageNewError, KeyPackageVerifyError, LeafNode, Lifetime, ProtocolVersion,
    UnknownExtension,
};
use openmls::storage::OpenMlsProvider;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::{Ciphersuite, VerifiableCiphersuite};
use std::fmt;
use tls_codec::{Deserialize as _, Serialize as _, VLBytes};
use wire::Malformed;
use wire::limit::DOOR_KEY_PACKAGE_BYTES_MAX;

/// The one suite: X-Wing, AES-256-GCM, SHA-384, Ed25519 (0x004E).
pub const SUITE: Ciphersuite = Ciphersuite::MLS_128_MLKEM768X25519_AES256GCM_SHA384_Ed25519;
/// The GroupContext extension with the group's policy: private use.
pub const POLICY_EXTENSION: u16 = 0xF0A1;
/// The KeyPackage extension with `good_until`: private use; 8 bytes, seconds since the Unix epoch.
pub const GOOD_UNTIL_EXTENSION: u16 = 0xF0A2;
/// Bytes of an encoded KeyPackage at most, so that it fits a door sealed.
pub const KEY_PACKAGE_BYTES_MAX: usize = DOOR_KEY_PACKAGE_BYTES_MAX - BOX_OVERHEAD_BYTES;

/// Single-use KeyPackages that a device keeps at its door.
pub const SINGLE_USE_STOCK: usize = 50;
/// Stored single-use KeyPackages below which a device adds new ones.
pub const SINGLE_USE_REFILL: usize = 20;
/// Seconds that a single-use KeyPackage is good: 30 days.
pub const SINGLE_USE_GOOD_S: u64 = 30 * 86_400;
/// Seconds that the last-resort KeyPackage is good: 7 days.
pub const LAST_RESORT_GOOD_S: u64 = 7 * 86_400;
/// Seconds past `good_until` that private parts are kept: 14 days.
pub const PRIVATE_KEPT_S: u64 = 14 * 86_400;

/// How often a KeyPackage may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyPackageUse {
    /// For one group.
    Once,
    /// Handed out when the others are used up.
    LastResort,
}

/// A KeyPackage that may be added to a group, as far as its bytes tell.
#[derive(Clone)]
pub struct CheckedKeyPackage {
    key_package: KeyPackage,
    identity: DeviceIdentity,
    good_until_s: u64,
    bytes: Bytes,
}

/// Why a KeyPackage is refused.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum KeyPackageError {
    /// Over [`KEY_PACKAGE_BYTES_MAX`].
    #[error("KeyPackage of {found} bytes, at most {KEY_PACKAGE_BYTES_MAX} are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not an encoded KeyPackage, or not its only encoding.
    #[error("not a KeyPackage")]
    Encoding,
    /// Another suite.
    #[error("the KeyPackage is for another suite")]
    Suite,
    /// A signature or rule of RFC 9420 fails.
    #[error("the KeyPackage is invalid: {0}")]
    Invalid(KeyPackageVerifyError),
    /// A lifetime other than (0, 2^64-1): a clock would decide who applies the Add.
    #[error("the KeyPackage has a lifetime that depends on the clock")]
    Lifetime,
    /// Not a basic credential of 48 bytes.
    #[error("the KeyPackage's credential: {0}")]
    Credential(Malformed),
    /// A capability that every group needs is missing.
    #[error("the KeyPackage lacks a capability that groups need")]
    Capabilities,
    /// No `good_until` of 8 bytes.
    #[error("the KeyPackage does not say how long it is good")]
    GoodUntil,
    /// A key to which nothing can be sealed.
    #[error("a key in the KeyPackage is malformed")]
    EncryptionKey,
}

/// Capabilities of every leaf, as few bytes as possible: a two-member update must fit a cell of 4 KiB.
pub fn capabilities() -> Capabilities {
    Capabilities::new(
        Some(&[ProtocolVersion::Mls10]),
        Some(&[SUITE]),
        Some(&REQUIRED_EXTENSIONS),
        Some(&[]),
        Some(&[CredentialType::Basic]),
    )
}

/// (0, 2^64-1): valid at any clock.
pub fn lifetime() -> Lifetime {
    Lifetime::init(0, u64::MAX)
}

const REQUIRED_EXTENSIONS: [ExtensionType; 3] =
    [ExtensionType::LastResort, ExtensionType::Unknown(POLICY_EXTENSION), ExtensionType::Unknown(GOOD_UNTIL_EXTENSION)];

/// Builds a KeyPackage; the private parts go to the provider's storage under its reference.
///
/// Init and leaf key come from the provider's randomness.
///
/// # Errors
/// The library's: storage or provider.
pub fn build_key_package<P: OpenMlsProvider>(
    provider: &P,
    signer: &DeviceKey,
    identity: &DeviceIdentity,
    good_until_s: u64,
    usage: KeyPackageUse,
) -> Result<KeyPackageBundle, KeyPackageNewError> {
    let good_until = UnknownExtension(good_until_s.to_be_bytes().to_vec());
    let extensions = Extensions::single(Extension::Unknown(GOOD_UNTIL_EXTENSION, good_until))
        .expect("a private extension is allowed in a KeyPackage");
    let builder = KeyPackage::builder()
        .key_package_lifetime(lifetime())
        .key_package_extensions(extensions)
        .leaf_node_capabilities(capabilities());
    let builder = match usage {
        KeyPackageUse::Once => builder,
        KeyPackageUse::LastResort => builder.mark_as_last_resort(),
    };
    let credential_with_key = CredentialWithKey {
        credential: identity.to_credential(),
        signature_key: signer.public().as_bytes().as_slice().into(),
    };
    builder.build(SUITE, provider, signer, credential_with_key)
}

/// The `good_until` of a KeyPackage, in seconds since the Unix epoch; only a claimer compares it with a clock.
///
/// # Errors
/// [`KeyPackageError::GoodUntil`].
pub fn good_until(key_package: &KeyPackage) -> Result<u64, KeyPackageError> {
    let extension = key_package.extensions().unknown(GOOD_UNTIL_EXTENSION).ok_or(KeyPackageError::GoodUntil)?;
    extension.0.as_slice().try_into().map(u64::from_be_bytes).map_err(|_| KeyPackageError::GoodUntil)
}

/// Checks what every leaf must satisfy, whether from a KeyPackage or from a commit's path: credential, capabilities,
/// encryption key. A pure function of the leaf (LANE.md C5).
///
/// # Errors
/// [`KeyPackageError::Credential`], [`KeyPackageError::Capabilities`], [`KeyPackageError::EncryptionKey`].
pub fn check_leaf(leaf: &LeafNode) -> Result<DeviceIdentity, KeyPackageError> {
    let identity = DeviceIdentity::from_credential(leaf.credential()).map_err(KeyPackageError::Credential)?;
    let capabilities = leaf.capabilities();
    let has_all = capabilities.versions().contains(&ProtocolVersion::Mls10)
        && capabilities.ciphersuites().contains(&VerifiableCiphersuite::from(SUITE))
        && REQUIRED_EXTENSIONS.iter().all(|extension| capabilities.extensions().contains(extension))
        && capabilities.credentials().contains(&CredentialType::Basic);
    if !has_all {
        return Err(KeyPackageError::Capabilities);
    }
    // The library shows the key's bytes only in their encoding, opaque<V>.
    let encoded = leaf.encryption_key().tls_serialize_detached().map_err(|_| KeyPackageError::Encoding)?;
    let key = VLBytes::tls_deserialize_exact(&encoded).map_err(|_| KeyPackageError::Encoding)?;
    if !is_x_wing_key(key.as_slice()) {
        return Err(KeyPackageError::EncryptionKey);
    }
    Ok(identity)
}

impl CheckedKeyPackage {
    /// Parses, verifies both signatures and checks everything that does not need a clock or a certificate.
    ///
    /// # Errors
    /// The first [`KeyPackageError`] that applies.
    pub fn parse(crypto: &impl OpenMlsCrypto, bytes: &[u8]) -> Result<Self, KeyPackageError> {
        if bytes.len() > KEY_PACKAGE_BYTES_MAX {
            return Err(KeyPackageError::TooLong { found: bytes.len() });
        }
        let unverified = KeyPackageIn::tls_deserialize_exact(bytes).map_err(|_| KeyPackageError::Encoding)?;
        let key_package = unverified.validate(crypto, ProtocolVersion::Mls10).map_err(|error| match error {
            KeyPackageVerifyError::LifetimeError(_) => KeyPackageError::Lifetime,
            other => KeyPackageError::Invalid(other),
        })?;
        let checked = Self::check(key_package)?;
        if checked.bytes != bytes {
            return Err(KeyPackageError::Encoding);
        }
        Ok(checked)
    }

    /// Checks a KeyPackage whose signatures the library has verified, such as one of an Add: a pure function of it.
    ///
    /// # Errors
    /// The first [`KeyPackageError`] that applies.
    pub fn check(key_package: KeyPackage) -> Result<Self, KeyPackageError> {
        if key_package.ciphersuite() != SUITE {
            return Err(KeyPackageError::Suite);
        }
        if *key_package.life_time() != lifetime() {
            return Err(KeyPackageError::Lifetime);
        }
        let identity = check_leaf(key_package.leaf_node())?;
        if !is_x_wing_key(key_package.hpke_init_key().as_slice()) {
            return Err(KeyPackageError::EncryptionKey);
        }
        let good_until_s = good_until(&key_package)?;
        let bytes: Bytes = key_package.tls_serialize_detached().map_err(|_| KeyPackageError::Encoding)?.into();
        if bytes.len() > KEY_PACKAGE_BYTES_MAX {
            return Err(KeyPackageError::TooLong { found: bytes.len() });
        }
        Ok(Self { key_package, identity, good_until_s, bytes })
    }

    /// The library's KeyPackage.
    pub fn key_package(&self) -> &KeyPackage {
        &self.key_package
    }

    /// The library's KeyPackage.
    pub fn into_key_package(self) -> KeyPackage {
        self.key_package
    }

    /// The encoded KeyPackage.
    pub fn as_bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// The device that it adds.
    pub fn identity(&self) -> &DeviceIdentity {
        &self.identity
    }

    /// Seconds since the Unix epoch.
    pub fn good_until_s(&self) -> u64 {
        self.good_until_s
    }

    /// Whether a claimer whose clock says `now_s` may still use it.
    pub fn is_good_at(&self, now_s: u64) -> bool {
        now_s <= self.good_until_s
    }

    /// How often it may be used.
    pub fn usage(&self) -> KeyPackageUse {
        if self.key_package.last_resort() { KeyPackageUse::LastResort } else { KeyPackageUse::Once }
    }

    /// Whether it is of the certified device and signed with the certified key.
    pub fn is_of(&self, certificate: &Certificate) -> bool {
        certificate.covers(&self.identity, self.key_package.leaf_node().signature_key().as_slice())
    }
}

impl PartialEq for CheckedKeyPackage {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for CheckedKeyPackage {}

impl fmt::Debug for CheckedKeyPackage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CheckedKeyPackage({:?})", self.usage())
    }
}
