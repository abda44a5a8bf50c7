//! A lane's keys and the sealing of its cells, blobs and whispers (LANE.md s.1, s.2).

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use rand_core::CryptoRng;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use wire::id::{BlobId, Hash, LaneId, ReadCap, WriteCap};
use wire::lane::{CellKind, LaneClass, derive_lane_id_from_caps};
use wire::limit::{BLOB_BYTES_MAX, CELL_SIZES, WHISPER_BYTES};
use zeroize::{Zeroize, ZeroizeOnDrop};

const NONCE: usize = 24;
const TAG: usize = 16;
/// version 1, mls_len 4, cert_count 1.
const PLAINTEXT_FIXED: usize = 6;
/// The version byte of a cell's plaintext.
const PLAINTEXT_VERSION: u8 = 1;

/// A 32-byte AEAD key of an epoch.
#[derive(Clone, Serialize, Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct SealKey([u8; 32]);

impl std::fmt::Debug for SealKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealKey(secret)")
    }
}

/// Why a cell, blob or whisper does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// Sealed with another key, for another place, or altered.
    #[error("does not open")]
    Sealed,
    /// It opens, but the plaintext is not as specified: its author's fault.
    #[error("opens, but the content is malformed")]
    Malformed,
}

/// Why something cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Over 16 MiB.
    #[error("{found} bytes are over the limit of 16 MiB")]
    TooLong {
        /// The plaintext's length.
        found: usize,
    },
}

impl SealKey {
    /// Takes exported key material of 32 bytes.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes, for a search of the disk for what must not be there.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new(&Key::from(self.0))
    }

    fn seal(&self, aad: &[u8], plaintext: &[u8], rng: &mut dyn CryptoRng) -> Vec<u8> {
        let mut nonce = [0; NONCE];
        rng.fill_bytes(&mut nonce);
        let sealed = self
            .cipher()
            .encrypt(&XNonce::from(nonce), Payload { msg: plaintext, aad })
            .expect("XChaCha20-Poly1305 takes any plaintext of at most 16 MiB");
        [nonce.as_slice(), &sealed].concat()
    }

    fn open(&self, aad: &[u8], body: &[u8]) -> Result<Vec<u8>, OpenError> {
        let (nonce, sealed) = body.split_first_chunk::<NONCE>().ok_or(OpenError::Sealed)?;
        self.cipher().decrypt(&XNonce::from(*nonce), Payload { msg: sealed, aad }).map_err(|_| OpenError::Sealed)
    }
}

/// What members share for a lane as long as it lives.
#[derive(Clone, Serialize, Deserialize)]
pub struct LaneKeys {
    /// The lane.
    pub lane_id: [u8; 32],
    read_cap: [u8; 32],
    write_cap: [u8; 32],
}

impl Drop for LaneKeys {
    fn drop(&mut self) {
        self.read_cap.zeroize();
        self.write_cap.zeroize();
    }
}

impl std::fmt::Debug for LaneKeys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("LaneKeys(secret)")
    }
}

impl LaneKeys {
    /// Derives the capabilities and the id from `lane_secret`.
    pub fn derive(class: LaneClass, lane_secret: &[u8; 32]) -> Self {
        let hkdf = Hkdf::<Sha256>::from_prk(lane_secret).expect("32 bytes are SHA-256's output length");
        let expand = |label: &[u8]| {
            let mut out = [0; 32];
            hkdf.expand(label, &mut out).expect("32 bytes are below 255 hashes");
            out
        };
        Self::from_caps(class, ReadCap(expand(b"read")), WriteCap(expand(b"write")))
    }

    /// Takes capabilities that were chosen at random: invite and door lanes.
    pub fn from_caps(class: LaneClass, read: ReadCap, write: WriteCap) -> Self {
        let lane_id = derive_lane_id_from_caps(class, &read, &write);
        Self { lane_id: lane_id.0, read_cap: read.0, write_cap: write.0 }
    }

    /// The lane.
    pub fn id(&self) -> LaneId {
        LaneId(self.lane_id)
    }

    /// The capability to read.
    pub fn read_cap(&self) -> ReadCap {
        ReadCap(self.read_cap)
    }

    /// The capability to append.
    pub fn write_cap(&self) -> WriteCap {
        WriteCap(self.write_cap)
    }
}

/// What a cell carries inside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plaintext {
    /// An MLS message.
    pub mls: Vec<u8>,
    /// Device certificates of added leaves.
    pub certificates: Vec<Vec<u8>>,
}

/// A sealed cell, with the blob that it points to where the plaintext is too large for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedCell {
    /// App or handshake.
    pub is_handshake: bool,
    /// `H(blob)`, or zero.
    pub attach: [u8; 32],
    /// One of the four sizes.
    pub body: Vec<u8>,
    /// The blob's ciphertext.
    pub blob: Option<Vec<u8>>,
}

impl SealedCell {
    /// App or handshake.
    pub fn kind(&self) -> CellKind {
        if self.is_handshake { CellKind::Handshake } else { CellKind::App }
    }

    /// `H(body)`.
    pub fn body_hash(&self) -> Hash {
        Hash::of(&[&self.body])
    }
}

impl Plaintext {
    fn encoded_len(&self) -> usize {
        PLAINTEXT_FIXED + self.mls.len() + self.certificates.iter().map(|cert| 2 + cert.len()).sum::<usize>()
    }

    fn encode(&self, total: usize) -> Vec<u8> {
        let mut out = Vec::with_capacity(total);
        out.push(PLAINTEXT_VERSION);
        out.extend_from_slice(&(self.mls.len() as u32).to_be_bytes());
        out.extend_from_slice(&self.mls);
        out.push(self.certificates.len() as u8);
        for certificate in &self.certificates {
            out.extend_from_slice(&(certificate.len() as u16).to_be_bytes());
            out.extend_from_slice(certificate);
        }
        out.resize(total, 0);
        out
    }

    fn parse(bytes: &[u8]) -> Result<Self, OpenError> {
        let mut rest = bytes;
        if take(&mut rest, 1)?[0] != PLAINTEXT_VERSION {
            return Err(OpenError::Malformed);
        }
        let mls_len = u32::from_be_bytes(take_array(&mut rest)?) as usize;
        let mls = take(&mut rest, mls_len)?.to_vec();
        let count = take(&mut rest, 1)?[0];
        let certificates = (0..count)
            .map(|_| {
                let len = u16::from_be_bytes(take_array(&mut rest)?) as usize;
                Ok(take(&mut rest, len)?.to_vec())
            })
            .collect::<Result<_, OpenError>>()?;
        if rest.iter().any(|byte| *byte != 0) {
            return Err(OpenError::Malformed);
        }
        Ok(Self { mls, certificates })
    }
}

fn take<'a>(rest: &mut &'a [u8], len: usize) -> Result<&'a [u8], OpenError> {
    let (head, tail) = rest.split_at_checked(len).ok_or(OpenError::Malformed)?;
    *rest = tail;
    Ok(head)
}

fn take_array<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], OpenError> {
    let mut out = [0; N];
    out.copy_from_slice(take(rest, N)?);
    Ok(out)
}

fn cell_aad(lane_id: &LaneId, kind: CellKind, attach: &Hash) -> [u8; 65] {
    let mut aad = [0; 65];
    aad[..32].copy_from_slice(&lane_id.0);
    aad[32] = kind as u8;
    aad[33..].copy_from_slice(&attach.0);
    aad
}

/// Seals a plaintext into the smallest cell that holds it, or into a blob and a cell that points to it.
///
/// # Errors
/// [`SealError::TooLong`] over 16 MiB.
pub fn seal_cell(
    key: &SealKey,
    lane_id: &LaneId,
    kind: CellKind,
    plaintext: &Plaintext,
    rng: &mut dyn CryptoRng,
) -> Result<SealedCell, SealError> {
    let is_handshake = kind == CellKind::Handshake;
    let len = plaintext.encoded_len();
    if plaintext.certificates.len() <= usize::from(u8::MAX)
        && let Some(size) = CELL_SIZES.iter().find(|size| len + NONCE + TAG <= **size)
    {
        let aad = cell_aad(lane_id, kind, &Hash::ZERO);
        let body = key.seal(&aad, &plaintext.encode(size - NONCE - TAG), rng);
        return Ok(SealedCell { is_handshake, attach: [0; 32], body, blob: None });
    }
    let mut blob_key = [0; 32];
    rng.fill_bytes(&mut blob_key);
    let blob = seal_blob(&SealKey(blob_key), lane_id, &encode_blob(plaintext), rng)?;
    let attach = Hash::of(&[&blob]);
    let mut mls = blob_key.to_vec();
    mls.extend_from_slice(&(blob.len() as u32).to_be_bytes());
    let pointer = Plaintext { mls, certificates: Vec::new() };
    let body = key.seal(&cell_aad(lane_id, kind, &attach), &pointer.encode(CELL_SIZES[0] - NONCE - TAG), rng);
    Ok(SealedCell { is_handshake, attach: attach.0, body, blob: Some(blob) })
}

/// In a blob the number of certificates is two bytes: a commit may add up to 1,023 leaves.
fn encode_blob(plaintext: &Plaintext) -> Vec<u8> {
    let mut out = vec![PLAINTEXT_VERSION];
    out.extend_from_slice(&(plaintext.mls.len() as u32).to_be_bytes());
    out.extend_from_slice(&plaintext.mls);
    out.extend_from_slice(&(plaintext.certificates.len() as u16).to_be_bytes());
    for certificate in &plaintext.certificates {
        out.extend_from_slice(&(certificate.len() as u16).to_be_bytes());
        out.extend_from_slice(certificate);
    }
    out
}

fn parse_blob(bytes: &[u8]) -> Result<Plaintext, OpenError> {
    let mut rest = bytes;
    if take(&mut rest, 1)?[0] != PLAINTEXT_VERSION {
        return Err(OpenError::Malformed);
    }
    let mls_len = u32::from_be_bytes(take_array(&mut rest)?) as usize;
    let mls = take(&mut rest, mls_len)?.to_vec();
    let count = u16::from_be_bytes(take_array(&mut rest)?);
    let certificates = (0..count)
        .map(|_| {
            let len = u16::from_be_bytes(take_array(&mut rest)?) as usize;
            Ok(take(&mut rest, len)?.to_vec())
        })
        .collect::<Result<_, OpenError>>()?;
    Ok(Plaintext { mls, certificates })
}

/// A cell after its outer seal: the plaintext, or where the plaintext is.
#[derive(Debug)]
pub enum Opened {
    /// The plaintext.
    Here(Plaintext),
    /// It lies in the attached blob.
    InBlob {
        /// Opens the blob.
        key: SealKey,
        /// The blob's length in bytes.
        len: u32,
    },
}

/// Opens a cell's outer seal.
pub fn open_cell(
    key: &SealKey,
    lane_id: &LaneId,
    kind: CellKind,
    attach: &Hash,
    body: &[u8],
) -> Result<Opened, OpenError> {
    let plaintext = Plaintext::parse(&key.open(&cell_aad(lane_id, kind, attach), body)?)?;
    if *attach == Hash::ZERO {
        return Ok(Opened::Here(plaintext));
    }
    let mut rest = plaintext.mls.as_slice();
    let key = SealKey(take_array(&mut rest)?);
    let len = u32::from_be_bytes(take_array(&mut rest)?);
    if !rest.is_empty() || len as usize > BLOB_BYTES_MAX {
        return Err(OpenError::Malformed);
    }
    Ok(Opened::InBlob { key, len })
}

/// Opens the plaintext that a cell left in a blob.
pub fn open_cell_blob(key: &SealKey, lane_id: &LaneId, len: u32, blob: &[u8]) -> Result<Plaintext, OpenError> {
    if blob.len() != len as usize {
        return Err(OpenError::Malformed);
    }
    parse_blob(&open_blob(key, lane_id, blob)?)
}

/// Seals a blob that belongs to a lane, padded to a multiple of 64 KiB so that its length says little.
///
/// # Errors
/// [`SealError::TooLong`] over 16 MiB.
pub fn seal_blob(
    key: &SealKey,
    lane_id: &LaneId,
    content: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    const STEP: usize = 65_536;
    let total = (content.len() + 4 + NONCE + TAG).next_multiple_of(STEP);
    if total > BLOB_BYTES_MAX {
        return Err(SealError::TooLong { found: content.len() });
    }
    let mut plaintext = Vec::with_capacity(total);
    plaintext.extend_from_slice(&(content.len() as u32).to_be_bytes());
    plaintext.extend_from_slice(content);
    plaintext.resize(total - NONCE - TAG, 0);
    Ok(key.seal(&lane_id.0, &plaintext, rng))
}

/// Opens a blob that belongs to a lane.
pub fn open_blob(key: &SealKey, lane_id: &LaneId, blob: &[u8]) -> Result<Vec<u8>, OpenError> {
    let plaintext = key.open(&lane_id.0, blob)?;
    let mut rest = plaintext.as_slice();
    let len = u32::from_be_bytes(take_array(&mut rest)?) as usize;
    Ok(take(&mut rest, len)?.to_vec())
}

/// The id of a blob.
pub fn blob_id(blob: &[u8]) -> BlobId {
    BlobId(Hash::of(&[blob]).0)
}

/// Seals a whisper of at most 982 bytes to exactly 1,024.
pub fn seal_whisper(
    key: &SealKey,
    lane_id: &LaneId,
    content: &[u8],
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let total = WHISPER_BYTES - NONCE - TAG;
    if content.len() + 2 > total {
        return Err(SealError::TooLong { found: content.len() });
    }
    let mut plaintext = Vec::with_capacity(total);
    plaintext.extend_from_slice(&(content.len() as u16).to_be_bytes());
    plaintext.extend_from_slice(content);
    plaintext.resize(total, 0);
    Ok(key.seal(&lane_id.0, &plaintext, rng))
}

/// Opens a whisper.
pub fn open_whisper(key: &SealKey, lane_id: &LaneId, body: &[u8]) -> Result<Vec<u8>, OpenError> {
    let plaintext = key.open(&lane_id.0, body)?;
    let mut rest = plaintext.as_slice();
    let len = u16::from_be_bytes(take_array(&mut rest)?) as usize;
    Ok(take(&mut rest, len)?.to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    fn parts() -> (SealKey, LaneId, ChaCha20Rng) {
        (SealKey([7; 32]), LaneId([9; 32]), ChaCha20Rng::from_seed([1; 32]))
    }

    fn plaintext(mls: usize) -> Plaintext {
        Plaintext { mls: vec![3; mls], certificates: vec![vec![4; 10]] }
    }

    #[test]
    fn cell_has_the_smallest_size_that_holds_it() {
        let (key, lane, mut rng) = parts();
        let overhead = NONCE + TAG + PLAINTEXT_FIXED + 12;
        for (size, next) in CELL_SIZES.iter().zip(CELL_SIZES.iter().skip(1)) {
            let full = seal_cell(&key, &lane, CellKind::App, &plaintext(size - overhead), &mut rng).unwrap();
            assert_eq!(full.body.len(), *size);
            let over = seal_cell(&key, &lane, CellKind::App, &plaintext(size - overhead + 1), &mut rng).unwrap();
            assert_eq!(over.body.len(), *next);
        }
    }

    #[test]
    fn cell_opens_only_in_its_place() {
        let (key, lane, mut rng) = parts();
        let cell = seal_cell(&key, &lane, CellKind::App, &plaintext(100), &mut rng).unwrap();
        let open =
            |key: &SealKey, lane: &LaneId, kind, attach: &Hash, body: &[u8]| open_cell(key, lane, kind, attach, body);
        assert!(
            matches!(open(&key, &lane, CellKind::App, &Hash::ZERO, &cell.body), Ok(Opened::Here(p)) if p == plaintext(100))
        );
        assert!(open(&SealKey([8; 32]), &lane, CellKind::App, &Hash::ZERO, &cell.body).is_err());
        assert!(open(&key, &LaneId([8; 32]), CellKind::App, &Hash::ZERO, &cell.body).is_err());
        assert!(open(&key, &lane, CellKind::Handshake, &Hash::ZERO, &cell.body).is_err());
        assert!(open(&key, &lane, CellKind::App, &Hash([1; 32]), &cell.body).is_err());
        let mut altered = cell.body.clone();
        altered[500] ^= 1;
        assert!(open(&key, &lane, CellKind::App, &Hash::ZERO, &altered).is_err());
    }

    #[test]
    fn large_plaintext_travels_as_a_blob() {
        let (key, lane, mut rng) = parts();
        let large = plaintext(70_000);
        let cell = seal_cell(&key, &lane, CellKind::Handshake, &large, &mut rng).unwrap();
        let blob = cell.blob.clone().unwrap();
        assert_eq!(cell.body.len(), CELL_SIZES[0]);
        assert_eq!(blob.len() % 65_536, 0);
        assert_eq!(Hash(cell.attach), Hash::of(&[&blob]));
        let opened = open_cell(&key, &lane, CellKind::Handshake, &Hash(cell.attach), &cell.body).unwrap();
        let Opened::InBlob { key: blob_key, len } = opened else { panic!("a pointer") };
        assert_eq!(open_cell_blob(&blob_key, &lane, len, &blob).unwrap(), large);
        assert!(open_cell_blob(&blob_key, &lane, len, &blob[1..]).is_err());
        assert!(open_cell_blob(&blob_key, &LaneId([0; 32]), len, &blob).is_err());
    }

    #[test]
    fn blob_over_16_mib_is_refused() {
        let (key, lane, mut rng) = parts();
        let limit = BLOB_BYTES_MAX - 4 - NONCE - TAG;
        assert_eq!(seal_blob(&key, &lane, &vec![0; limit], &mut rng).unwrap().len(), BLOB_BYTES_MAX);
        assert!(seal_blob(&key, &lane, &vec![0; limit + 1], &mut rng).is_err());
    }

    #[test]
    fn whisper_is_1024_bytes_and_bounded() {
        let (key, lane, mut rng) = parts();
        let limit = WHISPER_BYTES - NONCE - TAG - 2;
        let whisper = seal_whisper(&key, &lane, &vec![5; limit], &mut rng).unwrap();
        assert_eq!(whisper.len(), WHISPER_BYTES);
        assert_eq!(open_whisper(&key, &lane, &whisper).unwrap(), vec![5; limit]);
        assert!(seal_whisper(&key, &lane, &vec![5; limit + 1], &mut rng).is_err());
        assert!(open_whisper(&key, &LaneId([1; 32]), &whisper).is_err());
    }

    #[test]
    fn plaintext_with_bytes_after_its_end_is_malformed() {
        let mut bytes = plaintext(5).encode(100);
        assert!(Plaintext::parse(&bytes).is_ok());
        bytes[99] = 1;
        assert_eq!(Plaintext::parse(&bytes), Err(OpenError::Malformed));
        for cut in 0..20 {
            assert!(Plaintext::parse(&bytes[..cut]).is_err());
        }
    }

    #[test]
    fn lane_keys_are_golden() {
        let keys = LaneKeys::derive(LaneClass::Group, &[1; 32]);
        assert_eq!(keys.id(), derive_lane_id_from_caps(LaneClass::Group, &keys.read_cap(), &keys.write_cap()));
        assert_eq!(keys.id().to_hex().len(), 64);
        assert_ne!(keys.read_cap, keys.write_cap);
    }
}
