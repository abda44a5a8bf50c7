//! What a knock says, and its protobuf.

use crate::contact::intro::KnockTarget;
use crate::contact::key_package::CheckedKeyPackage;
use crate::contact::knock::OpenKnockError;
use crate::contact::welcome::{BlobKey, BlobReference, OpenWelcomeError, WelcomePackage};
use crate::identity::Certificate;
use bytes::Bytes;
use openmls_traits::crypto::OpenMlsCrypto;
use std::fmt;
use wire::Malformed;
use wire::id::BlobId;
use wire::lane::LaneClass;
use wire::proto::contact as proto;

/// Bytes of an MLS group id at most.
pub const GROUP_ID_BYTES_MAX: usize = 64;
/// Bytes of an epoch authenticator: the suite's hash.
pub const AUTHENTICATOR_BYTES: usize = 48;
/// Bytes of an evidence in a knock at most.
pub const KNOCK_EVIDENCE_BYTES_MAX: usize = 4 << 10;

/// What the sender wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KnockKind {
    /// A Welcome to a group.
    Welcome(WelcomeKnock),
    /// To be added to the group of an invite.
    Join(Box<JoinRequest>),
    /// To be removed and added again (LANE.md s.6).
    Readd(Box<Readd>),
}

/// A Welcome and why it comes.
#[derive(Clone, PartialEq, Eq)]
pub struct WelcomeKnock {
    /// Here or in a blob.
    pub content: WelcomeContent,
    /// Why.
    pub purpose: WelcomePurpose,
}

/// Where the Welcome is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WelcomeContent {
    /// In the knock.
    Inline(WelcomePackage),
    /// The Welcome here, tree and certificates in a blob, for [`WelcomePackage::open_rest`].
    Apart {
        /// The encoded Welcome.
        welcome: Bytes,
        /// The blob.
        rest: BlobReference,
    },
}

/// Why a Welcome comes.
#[derive(Clone, PartialEq, Eq)]
pub enum WelcomePurpose {
    /// A group that the recipient is not in.
    New,
    /// It answers a [`Readd`] and replaces the group of the same id.
    Readd,
    /// It restarts the group of this id (LANE.md s.6).
    Reboot {
        /// The group that it replaces; 1 to 64 bytes.
        group_id: Bytes,
    },
}

/// Asks to be added.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinRequest {
    /// The sender's; `is_of` its certificate.
    pub key_package: CheckedKeyPackage,
    /// The invite-class lane that takes the Welcome.
    pub reply: KnockTarget,
}

/// Asks for Remove and Add of the sender's leaf.
#[derive(Clone, PartialEq, Eq)]
pub struct Readd {
    /// 1 to 64 bytes.
    pub group_id: Bytes,
    /// The sender's epoch.
    pub epoch: u64,
    /// Its authenticator there.
    pub authenticator: [u8; AUTHENTICATOR_BYTES],
    /// The sender's; `is_of` its certificate.
    pub key_package: CheckedKeyPackage,
    /// The leaf whose commit failed for the sender alone.
    pub suspect_leaf: Option<u32>,
    /// An encoded Evidence, at most 4 KiB; not parsed here.
    pub evidence: Option<Bytes>,
}

impl KnockKind {
    pub(super) fn to_proto(&self) -> proto::knock::Kind {
        match self {
            Self::Welcome(welcome) => proto::knock::Kind::Welcome(welcome.to_proto()),
            Self::Join(join) => proto::knock::Kind::Join(proto::JoinRequest {
                key_package: join.key_package.as_bytes().clone(),
                reply_write_cap: Bytes::copy_from_slice(join.reply.write_cap.as_bytes()),
                reply_read_hash: Bytes::copy_from_slice(&join.reply.read_hash.0),
                reply_intro_pk: Bytes::copy_from_slice(join.reply.intro_pk.as_bytes()),
            }),
            Self::Readd(readd) => proto::knock::Kind::Readd(proto::Readd {
                group_id: readd.group_id.clone(),
                epoch: readd.epoch,
                authenticator: Bytes::copy_from_slice(&readd.authenticator),
                key_package: readd.key_package.as_bytes().clone(),
                suspect_leaf: readd.suspect_leaf,
                evidence: readd.evidence.clone().unwrap_or_default(),
            }),
        }
    }

    pub(super) fn from_proto(
        crypto: &impl OpenMlsCrypto,
        kind: proto::knock::Kind,
        certificate: &Certificate,
    ) -> Result<Self, OpenKnockError> {
        Ok(match kind {
            proto::knock::Kind::Welcome(message) => Self::Welcome(WelcomeKnock::from_proto(message)?),
            proto::knock::Kind::Join(message) => Self::Join(Box::new(JoinRequest {
                key_package: own_key_package(crypto, &message.key_package, certificate)?,
                reply: KnockTarget::parse(
                    LaneClass::Invite,
                    &message.reply_write_cap,
                    &message.reply_read_hash,
                    &message.reply_intro_pk,
                )?,
            })),
            proto::knock::Kind::Readd(message) => Self::Readd(Box::new(Readd {
                key_package: own_key_package(crypto, &message.key_package, certificate)?,
                group_id: group_id(message.group_id)?,
                epoch: message.epoch,
                authenticator: array("authenticator", &message.authenticator)?,
                suspect_leaf: message.suspect_leaf,
                evidence: evidence(message.evidence)?,
            })),
        })
    }

    /// Checks what the types leave open, before sealing.
    pub(super) fn check(&self, certificate: &Certificate) -> Result<(), Malformed> {
        let (group, key_package, evidence_bytes) = match self {
            Self::Welcome(WelcomeKnock { purpose: WelcomePurpose::Reboot { group_id }, .. }) => {
                (Some(group_id), None, 0)
            }
            Self::Welcome(_) => (None, None, 0),
            Self::Join(join) => (None, Some(&join.key_package), 0),
            Self::Readd(readd) => {
                (Some(&readd.group_id), Some(&readd.key_package), readd.evidence.as_ref().map_or(0, Bytes::len))
            }
        };
        group.map_or(Ok(()), |group| check_group_id(group))?;
        check_evidence(evidence_bytes)?;
        match key_package {
            Some(key_package) if !key_package.is_of(certificate) => Err(Malformed::Value { field: "key_package" }),
            Some(_) | None => Ok(()),
        }
    }
}

impl WelcomeKnock {
    fn to_proto(&self) -> proto::Welcome {
        let message = match &self.content {
            WelcomeContent::Inline(package) => package.to_proto(),
            WelcomeContent::Apart { welcome, rest } => proto::Welcome {
                welcome: welcome.clone(),
                blob_id: Bytes::copy_from_slice(&rest.id.0),
                blob_key: Bytes::copy_from_slice(&rest.key.0),
                ..proto::Welcome::default()
            },
        };
        match &self.purpose {
            WelcomePurpose::New => message,
            WelcomePurpose::Readd => proto::Welcome { readd: true, ..message },
            WelcomePurpose::Reboot { group_id } => proto::Welcome { reboot_of: group_id.clone(), ..message },
        }
    }

    fn from_proto(mut message: proto::Welcome) -> Result<Self, OpenKnockError> {
        let reboot_of = std::mem::take(&mut message.reboot_of);
        let purpose = match (message.readd, reboot_of.is_empty()) {
            (false, true) => WelcomePurpose::New,
            (true, true) => WelcomePurpose::Readd,
            (false, false) => WelcomePurpose::Reboot { group_id: group_id(reboot_of)? },
            (true, false) => return Err(Malformed::Value { field: "reboot_of" }.into()),
        };
        let is_inline = message.blob_id.is_empty() && message.blob_key.is_empty();
        let content = if is_inline {
            WelcomeContent::Inline(WelcomePackage::from_proto(message).map_err(inline_error)?)
        } else {
            if message.welcome.is_empty() {
                return Err(Malformed::Missing { field: "welcome" }.into());
            }
            if !(message.tree.is_empty() && message.certificates.is_empty()) {
                return Err(Malformed::Value { field: "blob_id" }.into());
            }
            let (id, key) = (BlobId::parse(&message.blob_id)?, BlobKey::parse(&message.blob_key)?);
            WelcomeContent::Apart { welcome: message.welcome, rest: BlobReference { id, key } }
        };
        Ok(Self { content, purpose })
    }
}

fn inline_error(error: OpenWelcomeError) -> OpenKnockError {
    match error {
        OpenWelcomeError::Malformed(error) => error.into(),
        OpenWelcomeError::Certificate(error) => error.into(),
        OpenWelcomeError::Sealed(error) => error.into(),
        OpenWelcomeError::TooLong { .. } | OpenWelcomeError::Substituted => {
            Malformed::Value { field: "welcome" }.into()
        }
    }
}

fn own_key_package(
    crypto: &impl OpenMlsCrypto,
    bytes: &[u8],
    certificate: &Certificate,
) -> Result<CheckedKeyPackage, OpenKnockError> {
    let key_package = CheckedKeyPackage::parse(crypto, bytes)?;
    if key_package.is_of(certificate) { Ok(key_package) } else { Err(OpenKnockError::NotTheirs) }
}

fn check_group_id(bytes: &[u8]) -> Result<(), Malformed> {
    match bytes.len() {
        0 => Err(Malformed::Missing { field: "group_id" }),
        1..=GROUP_ID_BYTES_MAX => Ok(()),
        found => Err(Malformed::TooLong { field: "group_id", limit: GROUP_ID_BYTES_MAX, found }),
    }
}

fn group_id(bytes: Bytes) -> Result<Bytes, Malformed> {
    check_group_id(&bytes).map(|()| bytes)
}

fn check_evidence(found: usize) -> Result<(), Malformed> {
    if found > KNOCK_EVIDENCE_BYTES_MAX {
        return Err(Malformed::TooLong { field: "evidence", limit: KNOCK_EVIDENCE_BYTES_MAX, found });
    }
    Ok(())
}

fn evidence(bytes: Bytes) -> Result<Option<Bytes>, Malformed> {
    check_evidence(bytes.len())?;
    Ok(Some(bytes).filter(|bytes| !bytes.is_empty()))
}

fn array<const N: usize>(field: &'static str, bytes: &[u8]) -> Result<[u8; N], Malformed> {
    bytes.try_into().map_err(|_| Malformed::Length { field, expected: N, found: bytes.len() })
}

macro_rules! redacted {
    ($($name:ident),*) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        })*
    };
}
redacted!(WelcomeKnock, WelcomePurpose, JoinRequest, Readd);
