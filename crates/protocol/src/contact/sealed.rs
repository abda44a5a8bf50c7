//! Padded boxes: `nonce 24 ‖ XChaCha20-Poly1305(key, aad, frame)`, and the frame that fills them.

use bytes::Bytes;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use rand_core::CryptoRng;
use wire::id::{BlobId, Hash};
use wire::limit::{BLOB_BYTES_MAX, CELL_SIZES};
use zeroize::Zeroizing;

const NONCE_BYTES: usize = 24;
const TAG_BYTES: usize = 16;
/// Version and length in front of a frame's content.
pub(super) const FRAME_HEAD_BYTES: usize = 5;
/// What a box adds to its content, before padding.
pub(super) const BOX_OVERHEAD_BYTES: usize = NONCE_BYTES + TAG_BYTES + FRAME_HEAD_BYTES;
const FRAME_VERSION: u8 = 1;

/// A sealed blob and its id, `H(ciphertext)`.
#[derive(Clone, PartialEq, Eq)]
pub struct SealedBlob {
    /// The id under which the node stores it.
    pub id: BlobId,
    /// What the node stores, padded.
    pub ciphertext: Bytes,
}

/// A content that cannot be sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// It does not fit into the size that is sent.
    #[error("{found} bytes do not fit, at most {limit} do")]
    TooLarge {
        /// Bytes at most.
        limit: usize,
        /// Bytes found.
        found: usize,
    },
}

/// A box that does not open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum OpenSealedError {
    /// Not sealed with this key for this place, or changed on the way.
    #[error("does not open with this key")]
    Sealed,
    /// A version from the future.
    #[error("version {version} needs a newer program")]
    Unsupported {
        /// The version found.
        version: u8,
    },
    /// Sealed rightly, but length or padding is wrong.
    #[error("length or padding is wrong")]
    Padding,
}

impl SealedBlob {
    pub(super) fn new(ciphertext: Vec<u8>) -> Self {
        Self { id: BlobId(Hash::of(&[&ciphertext]).0), ciphertext: ciphertext.into() }
    }
}

impl std::fmt::Debug for SealedBlob {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedBlob({} bytes)", self.ciphertext.len())
    }
}

/// Seals `content` into exactly `size` bytes.
pub(super) fn seal(
    key: &[u8; 32],
    aad: &[u8],
    content: &[u8],
    size: usize,
    rng: &mut dyn CryptoRng,
) -> Result<Vec<u8>, SealError> {
    let limit = size.saturating_sub(BOX_OVERHEAD_BYTES);
    if size < BOX_OVERHEAD_BYTES || content.len() > limit {
        return Err(SealError::TooLarge { limit, found: content.len() });
    }
    let plaintext = frame(content, size - NONCE_BYTES - TAG_BYTES)?;
    let mut nonce = [0u8; NONCE_BYTES];
    rng.fill_bytes(&mut nonce);
    let ciphertext = XChaCha20Poly1305::new(key.into())
        .encrypt(&XNonce::from(nonce), Payload { msg: &plaintext, aad })
        .expect("a frame is far below the cipher's bound");
    Ok([&nonce[..], &ciphertext].concat())
}

/// Opens what [`seal`] made.
pub(super) fn open(key: &[u8; 32], aad: &[u8], sealed: &[u8]) -> Result<Vec<u8>, OpenSealedError> {
    let (nonce, ciphertext) = sealed.split_first_chunk::<NONCE_BYTES>().ok_or(OpenSealedError::Sealed)?;
    let plaintext = XChaCha20Poly1305::new(key.into())
        .decrypt(&XNonce::from(*nonce), Payload { msg: ciphertext, aad })
        .map_err(|_| OpenSealedError::Sealed)?;
    unframe(&Zeroizing::new(plaintext)).map(<[u8]>::to_vec)
}

/// `version 1 ‖ length u32 ‖ content ‖ zeros`, exactly `size` bytes.
pub(super) fn frame(content: &[u8], size: usize) -> Result<Zeroizing<Vec<u8>>, SealError> {
    let limit = size.saturating_sub(FRAME_HEAD_BYTES);
    let too_large = SealError::TooLarge { limit, found: content.len() };
    let length = u32::try_from(content.len()).map_err(|_| too_large)?;
    if content.len() > limit {
        return Err(too_large);
    }
    let mut framed = Zeroizing::new(vec![0u8; size]);
    framed[0] = FRAME_VERSION;
    framed[1..FRAME_HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    framed[FRAME_HEAD_BYTES..FRAME_HEAD_BYTES + content.len()].copy_from_slice(content);
    Ok(framed)
}

/// The content of a frame; anything but zeros after it is refused.
pub(super) fn unframe(framed: &[u8]) -> Result<&[u8], OpenSealedError> {
    let (&version, rest) = framed.split_first().ok_or(OpenSealedError::Padding)?;
    if version != FRAME_VERSION {
        return Err(OpenSealedError::Unsupported { version });
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(OpenSealedError::Padding)?;
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| OpenSealedError::Padding)?;
    let (content, zeros) = rest.split_at_checked(length).ok_or(OpenSealedError::Padding)?;
    if zeros.iter().all(|byte| *byte == 0) { Ok(content) } else { Err(OpenSealedError::Padding) }
}

/// The size of a blob for so many bytes of content: the smallest cell size, above 64 KiB the next Padmé size.
///
/// # Errors
/// [`SealError::TooLarge`] over 16 MiB.
pub(super) fn blob_size(content_bytes: usize) -> Result<usize, SealError> {
    let limit = BLOB_BYTES_MAX - BOX_OVERHEAD_BYTES;
    if content_bytes > limit {
        return Err(SealError::TooLarge { limit, found: content_bytes });
    }
    let needed = content_bytes + BOX_OVERHEAD_BYTES;
    Ok(CELL_SIZES.into_iter().find(|size| *size >= needed).unwrap_or_else(|| padme(needed)))
}

/// Padmé: keeps as many leading bits as a size needs to say its own magnitude; adds at most 12 %.
fn padme(size: usize) -> usize {
    let exponent = size.ilog2();
    let kept = exponent.checked_ilog2().map_or(0, |bits| bits + 1);
    let mask = (1usize << exponent.saturating_sub(kept)) - 1;
    (size + mask) & !mask
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::SeedableRng;

    const KEY: [u8; 32] = [1; 32];

    fn sealed(content: &[u8]) -> Vec<u8> {
        seal(&KEY, b"aad", content, 1_024, &mut ChaCha20Rng::from_seed([2; 32])).expect("fits")
    }

    /// Agrees with an independent implementation of frame, ChaCha20 and HChaCha20.
    #[test]
    fn box_is_golden() {
        let found = sealed(b"content");
        assert_eq!(found.len(), 1_024);
        assert_eq!(Hash::of(&[&found]).to_hex(), "00b4781c95b2661d062fd140d9f042cd07957154e8e55d82a4f3a46f959fdcca");
    }

    #[test]
    fn content_fits_to_the_last_byte_and_not_one_past() {
        let limit = 1_024 - BOX_OVERHEAD_BYTES;
        assert_eq!(open(&KEY, b"aad", &sealed(&vec![7; limit])), Ok(vec![7; limit]));
        assert_eq!(
            seal(&KEY, b"", &vec![7; limit + 1], 1_024, &mut ChaCha20Rng::from_seed([2; 32])),
            Err(SealError::TooLarge { limit, found: limit + 1 })
        );
        let nowhere = seal(&KEY, b"", b"", BOX_OVERHEAD_BYTES - 1, &mut ChaCha20Rng::from_seed([2; 32]));
        assert_eq!(nowhere, Err(SealError::TooLarge { limit: 0, found: 0 }));
    }

    #[test]
    fn every_flipped_byte_and_every_truncation_fails_to_open() {
        let good = sealed(b"content");
        for index in 0..good.len() {
            let mut changed = good.clone();
            changed[index] ^= 1;
            assert_eq!(open(&KEY, b"aad", &changed), Err(OpenSealedError::Sealed), "byte {index}");
            assert_eq!(open(&KEY, b"aad", &good[..index]), Err(OpenSealedError::Sealed), "first {index}");
        }
        assert_eq!(open(&KEY, b"other", &good), Err(OpenSealedError::Sealed));
        assert_eq!(open(&[9; 32], b"aad", &good), Err(OpenSealedError::Sealed));
    }

    #[test]
    fn frames_are_read_strictly() {
        let good = frame(b"abc", 16).expect("fits");
        assert_eq!(unframe(&good), Ok(&b"abc"[..]));
        let with = |index: usize, value: u8| {
            let mut changed = good.to_vec();
            changed[index] = value;
            unframe(&changed).map(<[u8]>::to_vec)
        };
        assert_eq!(with(0, 2), Err(OpenSealedError::Unsupported { version: 2 }));
        assert_eq!(with(4, 12), Err(OpenSealedError::Padding), "longer than the frame");
        assert_eq!(with(1, 255), Err(OpenSealedError::Padding));
        assert_eq!(with(15, 1), Err(OpenSealedError::Padding), "padding is not zero");
        assert_eq!(with(4, 2), Err(OpenSealedError::Padding), "content in the padding");
        for length in 0..FRAME_HEAD_BYTES {
            assert_eq!(unframe(&good[..length]), Err(OpenSealedError::Padding));
        }
    }

    #[test]
    fn blob_sizes_are_cell_sizes_then_padme() {
        assert_eq!(blob_size(0), Ok(1_024));
        assert_eq!(blob_size(1_024 - BOX_OVERHEAD_BYTES), Ok(1_024));
        assert_eq!(blob_size(1_025 - BOX_OVERHEAD_BYTES), Ok(4_096));
        assert_eq!(blob_size(65_536 - BOX_OVERHEAD_BYTES), Ok(65_536));
        assert_eq!(blob_size(65_537 - BOX_OVERHEAD_BYTES), Ok(67_584));
        let limit = BLOB_BYTES_MAX - BOX_OVERHEAD_BYTES;
        assert_eq!(blob_size(limit), Ok(BLOB_BYTES_MAX));
        assert_eq!(blob_size(limit + 1), Err(SealError::TooLarge { limit, found: limit + 1 }));
    }

    proptest! {
        #[test]
        fn padme_covers_and_wastes_little(size in 1usize..=BLOB_BYTES_MAX) {
            let padded = padme(size);
            prop_assert!(padded >= size && padded <= BLOB_BYTES_MAX);
            prop_assert!((padded - size) * 100 <= size * 12);
            prop_assert_eq!(padme(padded), padded);
        }

        #[test]
        fn any_content_survives(content in prop::collection::vec(any::<u8>(), 0..900), seed: [u8; 32]) {
            let sealed = seal(&KEY, b"aad", &content, 1_024, &mut ChaCha20Rng::from_seed(seed)).expect("fits");
            prop_assert_eq!(open(&KEY, b"aad", &sealed), Ok(content));
        }

        #[test]
        fn any_bytes_unframe_or_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = unframe(&bytes).is_ok();
            let _ = open(&KEY, b"", &bytes).is_ok();
        }
    }
}
