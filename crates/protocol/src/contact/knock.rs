//! Knocks: one 16 KiB cell, HPKE-sealed to an intro key, signed inside by a certified device.

use crate::contact::intro::{IntroKey, IntroPublic, ProviderError};
use crate::contact::key_package::{KeyPackageError, SUITE};
use crate::contact::knock_kind::KnockKind;
use crate::contact::sealed::{FRAME_HEAD_BYTES, OpenSealedError, SealError, frame, unframe};
use crate::contact::x_wing::X_WING_ENC_BYTES;
use crate::identity::{Certificate, CertificateError, DeviceKey, NodeUrl, NodeUrlError, UnverifiedCertificate};
use bytes::Bytes;
use openmls_traits::crypto::OpenMlsCrypto;
use openmls_traits::types::HpkeCiphertext;
use prost::Message as _;
use std::fmt;
use wire::Malformed;
use wire::id::{Hash, LaneId};
use wire::limit::{NAME_BYTES_MAX, NOTE_BYTES_MAX};
use wire::proto::contact as proto;
use zeroize::Zeroizing;

/// Bytes of a knock's body: a cell size.
pub const KNOCK_BODY_BYTES: usize = 16_384;
/// Bytes of an encoded Knock at most: what the cell leaves.
pub const KNOCK_CONTENT_BYTES_MAX: usize = PLAINTEXT_BYTES - FRAME_HEAD_BYTES - SIGNATURE_BYTES;

const AEAD_TAG_BYTES: usize = 16;
const PLAINTEXT_BYTES: usize = KNOCK_BODY_BYTES - X_WING_ENC_BYTES - AEAD_TAG_BYTES;
const SIGNATURE_BYTES: usize = 64;
const INFO_LABEL: &[u8] = b"sottovoce knock 1";
const SIGNATURE_LABEL: &[u8] = b"sottovoce knock signature 1";

/// A first message from a device that shares no group with us, or none that works.
#[derive(Clone, PartialEq, Eq)]
pub struct Knock {
    /// The sender's, verified.
    pub certificate: Certificate,
    /// A word to the recipient, at most 500 bytes.
    pub note: String,
    /// The sender's display name, at most 128 bytes.
    pub name: String,
    /// Where the sender's door is.
    pub node_url: Option<NodeUrl>,
    /// What it wants.
    pub kind: KnockKind,
}

/// Why a knock cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealKnockError {
    /// It does not fit: a Welcome belongs into a blob then.
    #[error(transparent)]
    TooLarge(#[from] SealError),
    /// A field is over its limit, or the KeyPackage is not the certified device's.
    #[error(transparent)]
    Misuse(#[from] Malformed),
    /// The signer is not the certified device.
    #[error("the signing key is not the certified one")]
    WrongSigner,
    /// The provider failed.
    #[error(transparent)]
    Provider(#[from] ProviderError),
}

/// Why a cell is no knock for us.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum OpenKnockError {
    /// Not sealed to this key for this lane, or of a version from the future.
    #[error(transparent)]
    Sealed(#[from] OpenSealedError),
    /// A field is missing or over its limit.
    #[error(transparent)]
    Malformed(#[from] Malformed),
    /// A kind of knock from the future.
    #[error("this kind of knock needs a newer program")]
    Unsupported,
    /// The sender's certificate, or one of a Welcome.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// The certified device did not sign this for this lane and key.
    #[error("the knock is not signed by its sender")]
    Signature,
    /// The KeyPackage.
    #[error(transparent)]
    KeyPackage(#[from] KeyPackageError),
    /// The KeyPackage is of another device than the sender.
    #[error("the KeyPackage is not the sender's")]
    NotTheirs,
    /// The sender's node.
    #[error(transparent)]
    Node(#[from] NodeUrlError),
}

/// Seals a knock for the lane into exactly 16,384 bytes. HPKE's randomness is the provider's.
///
/// # Errors
/// The first [`SealKnockError`] that applies; [`SealKnockError::TooLarge`] means: use a blob.
pub fn seal_knock(
    crypto: &impl OpenMlsCrypto,
    lane_id: &LaneId,
    to: &IntroPublic,
    signer: &DeviceKey,
    knock: &Knock,
) -> Result<Bytes, SealKnockError> {
    if signer.public() != *knock.certificate.device_pk() {
        return Err(SealKnockError::WrongSigner);
    }
    knock.check()?;
    let content = Zeroizing::new(knock.to_proto().encode_to_vec());
    if content.len() > KNOCK_CONTENT_BYTES_MAX {
        return Err(SealError::TooLarge { limit: KNOCK_CONTENT_BYTES_MAX, found: content.len() }.into());
    }
    let signature = signer.sign_labelled(&signed_message(lane_id, to, &content));
    let signed = Zeroizing::new([&signature[..], &content].concat());
    let plaintext = frame(&signed, PLAINTEXT_BYTES)?;
    let sealed = crypto
        .hpke_seal(SUITE.hpke_config(), to.as_bytes(), &info(lane_id), &[], &plaintext)
        .map_err(ProviderError::from)?;
    let body = [sealed.kem_output.as_slice(), sealed.ciphertext.as_slice()].concat();
    if body.len() == KNOCK_BODY_BYTES { Ok(body.into()) } else { Err(ProviderError.into()) }
}

/// Opens a cell's body from one of our lanes and checks everything that needs no clock: signatures, certificate,
/// limits, KeyPackage. The certificates inside a Welcome are parsed, not verified.
///
/// # Errors
/// The first [`OpenKnockError`] that applies; nothing is to be kept then.
pub fn open_knock(
    crypto: &impl OpenMlsCrypto,
    lane_id: &LaneId,
    intro: &IntroKey,
    body: &[u8],
) -> Result<Knock, OpenKnockError> {
    if body.len() != KNOCK_BODY_BYTES {
        return Err(Malformed::Length { field: "body", expected: KNOCK_BODY_BYTES, found: body.len() }.into());
    }
    let (kem_output, ciphertext) = body.split_at(X_WING_ENC_BYTES);
    let input = HpkeCiphertext { kem_output: kem_output.to_vec().into(), ciphertext: ciphertext.to_vec().into() };
    let plaintext = crypto
        .hpke_open(SUITE.hpke_config(), &input, intro.private(), &info(lane_id), &[])
        .map_err(|_| OpenSealedError::Sealed)?;
    let plaintext = Zeroizing::new(plaintext);
    let (signature, content) =
        unframe(&plaintext)?.split_first_chunk::<SIGNATURE_BYTES>().ok_or(Malformed::Missing { field: "signature" })?;
    let message = proto::Knock::decode(content).map_err(|_| Malformed::Protobuf { field: "knock" })?;
    let certificate = UnverifiedCertificate::parse(&message.certificate)?;
    if !certificate.claimed_device_pk().verifies(&signed_message(lane_id, intro.public(), content), signature) {
        return Err(OpenKnockError::Signature);
    }
    Knock::from_proto(crypto, message, certificate.verify()?)
}

impl Knock {
    fn check(&self) -> Result<(), Malformed> {
        check_text("note", &self.note, NOTE_BYTES_MAX)?;
        check_text("name", &self.name, NAME_BYTES_MAX)?;
        self.kind.check(&self.certificate)
    }

    fn to_proto(&self) -> proto::Knock {
        proto::Knock {
            certificate: self.certificate.as_bytes().clone(),
            note: self.note.clone(),
            name: self.name.clone(),
            node_url: self.node_url.as_ref().map(ToString::to_string).unwrap_or_default(),
            kind: Some(self.kind.to_proto()),
        }
    }

    fn from_proto(
        crypto: &impl OpenMlsCrypto,
        message: proto::Knock,
        certificate: Certificate,
    ) -> Result<Self, OpenKnockError> {
        check_text("note", &message.note, NOTE_BYTES_MAX)?;
        check_text("name", &message.name, NAME_BYTES_MAX)?;
        let node_url = Some(message.node_url).filter(|url| !url.is_empty()).map(|url| NodeUrl::parse(&url));
        let node_url = node_url.transpose()?;
        let kind = KnockKind::from_proto(crypto, message.kind.ok_or(OpenKnockError::Unsupported)?, &certificate)?;
        Ok(Self { certificate, note: message.note, name: message.name, node_url, kind })
    }
}

impl fmt::Debug for Knock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Knock({:?})", self.kind)
    }
}

/// Refuses a text over its limit.
pub(super) fn check_text(field: &'static str, text: &str, limit: usize) -> Result<(), Malformed> {
    if text.len() > limit { Err(Malformed::TooLong { field, limit, found: text.len() }) } else { Ok(()) }
}

fn info(lane_id: &LaneId) -> Vec<u8> {
    [INFO_LABEL, &lane_id.0].concat()
}

/// Binds the lane and the recipient's key: whoever received a knock cannot seal it on to somebody else.
fn signed_message(lane_id: &LaneId, to: &IntroPublic, content: &[u8]) -> Vec<u8> {
    let Hash(to) = to.hash();
    [SIGNATURE_LABEL, &lane_id.0, &to, content].concat()
}
