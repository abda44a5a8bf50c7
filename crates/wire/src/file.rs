//! Files at the node (FILES.md s.5): paths, header fields, and the work for storing and keeping.

use crate::Malformed;
use crate::id::{FileId, Hash};
use crate::work::leading_zero_bits;
use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

/// Where the terms are.
pub const TERMS_PATH: &str = "/v1/file-terms";
/// Bytes of a challenge: random[8] ‖ good until u64 (s) ‖ HMAC[32].
pub const CHALLENGE_BYTES: usize = 48;
/// Up to this length a file costs the work that the terms name; one bit more for each doubling over it.
pub const WORK_FREE_BYTES: u64 = 16 << 20;
/// Bits of work at most, whatever the length.
pub const WORK_BITS_MAX: u32 = 64;
/// Pieces of irregular length after which a node may keep whole parts only.
pub const PIECES_MAX: usize = 1_024;

/// `upload-offset`: bytes that are durable, or where the body begins.
pub const UPLOAD_OFFSET: &str = "upload-offset";
/// `upload-length`: bytes of the whole blob.
pub const UPLOAD_LENGTH: &str = "upload-length";
/// `upload-complete`: `?1` or `?0` (RFC 9651 booleans).
pub const UPLOAD_COMPLETE: &str = "upload-complete";
/// `file-owner`: hexadecimal of H(owner).
pub const FILE_OWNER: &str = "file-owner";
/// `file-ttl`: seconds.
pub const FILE_TTL: &str = "file-ttl";
/// `file-work`: see [`FileWork`].
pub const FILE_WORK: &str = "file-work";
/// The media type of an appended body.
pub const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// The path of a file's blob.
pub fn file_path(id: &FileId) -> String {
    format!("/v1/file/{}", id.to_hex())
}

/// The path at which a file's blob is kept for longer.
pub fn keep_path(id: &FileId) -> String {
    format!("/v1/file/{}/keep", id.to_hex())
}

/// A challenge with the nonce that does the work: the header field `file-work`, `hex(challenge):nonce`, the nonce in
/// decimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileWork {
    /// As the node gave it: [`CHALLENGE_BYTES`]. (A named length here lets rustc 1.95 panic at `..work` in a closure.)
    pub challenge: [u8; 48],
    /// What was found.
    pub nonce: u64,
}

impl FileWork {
    /// Reads the header field.
    ///
    /// # Errors
    /// `Value` for anything else.
    pub fn parse(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed::Value { field: FILE_WORK };
        let (challenge, nonce) = text.split_once(':').ok_or(malformed)?;
        let is_plain = !nonce.is_empty() && nonce.bytes().all(|byte| byte.is_ascii_digit());
        Ok(Self {
            challenge: parse_challenge(challenge)?,
            nonce: nonce.parse().ok().filter(|_| is_plain).ok_or(malformed)?,
        })
    }

    /// The header field.
    pub fn to_text(&self) -> String {
        format!("{}:{}", HEXLOWER.encode(&self.challenge), self.nonce)
    }

    /// `H(challenge ‖ id ‖ length u64 ‖ nonce u64)`.
    pub fn digest(&self, id: &FileId, length: u64) -> Hash {
        Hash::of(&[&self.challenge, &id.0, &length.to_be_bytes(), &self.nonce.to_be_bytes()])
    }

    /// Whether it does the work for a blob of `length` bytes, where the terms name `work_bits`.
    pub fn is_done(&self, id: &FileId, length: u64, work_bits: u32) -> bool {
        leading_zero_bits(&self.digest(id, length)) >= bits_for(work_bits, length)
    }

    /// Tries `tries` nonces from `start`; the first that does the work.
    pub fn search(
        challenge: &[u8; CHALLENGE_BYTES],
        id: &FileId,
        length: u64,
        work_bits: u32,
        start: u64,
        tries: u64,
    ) -> Option<Self> {
        let candidates = (start..start.saturating_add(tries)).map(|nonce| Self { challenge: *challenge, nonce });
        candidates.into_iter().find(|work| work.is_done(id, length, work_bits))
    }
}

impl std::fmt::Debug for FileWork {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("FileWork(..)")
    }
}

/// Reads a challenge as the terms give it.
///
/// # Errors
/// `Value` unless it is 96 hexadecimal digits.
pub fn parse_challenge(text: &str) -> Result<[u8; CHALLENGE_BYTES], Malformed> {
    let bytes = HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok();
    bytes.and_then(|bytes| bytes.try_into().ok()).ok_or(Malformed::Value { field: "challenge" })
}

/// Bits of work for a blob of `length` bytes: one more for each whole doubling over 16 MiB.
pub fn bits_for(work_bits: u32, length: u64) -> u32 {
    let doublings = (length / WORK_FREE_BYTES).checked_ilog2().unwrap_or(0);
    work_bits.saturating_add(doublings).min(WORK_BITS_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_grows_by_a_bit_for_each_whole_doubling_over_16_mib() {
        let mib = |count: u64| count << 20;
        let lengths = [0, 1, mib(16), mib(32) - 1, mib(32), mib(63), mib(64), mib(1_024), 17 << 30, u64::MAX];
        assert_eq!(lengths.map(|length| bits_for(14, length)), [14, 14, 14, 14, 15, 15, 16, 20, 24, 53]);
        assert_eq!(bits_for(u32::MAX, mib(32)), WORK_BITS_MAX);
    }

    #[test]
    fn work_is_bound_to_challenge_id_and_length() {
        let (challenge, id) = ([7; CHALLENGE_BYTES], FileId([1; 32]));
        let work = FileWork::search(&challenge, &id, 5_000, 10, 0, 1 << 20).expect("2^20 tries for 2^10");
        assert!(work.is_done(&id, 5_000, 10));
        let is_elsewhere = [
            work.digest(&FileId([2; 32]), 5_000),
            work.digest(&id, 5_001),
            FileWork { challenge: [8; CHALLENGE_BYTES], ..work }.digest(&id, 5_000),
            FileWork { nonce: work.nonce + 1, ..work }.digest(&id, 5_000),
        ];
        assert!(is_elsewhere.iter().all(|digest| *digest != work.digest(&id, 5_000)));
        assert_eq!(FileWork::search(&challenge, &id, 5_000, 64, u64::MAX - 1, 9), None, "ends where numbers end");
    }

    #[test]
    fn work_reads_back_and_nothing_else_is_work() {
        let work = FileWork { challenge: [0xab; CHALLENGE_BYTES], nonce: u64::MAX };
        assert_eq!(FileWork::parse(&work.to_text()), Ok(work));
        let hex = "ab".repeat(CHALLENGE_BYTES);
        for bad in
            ["", ":", "ab:1", &hex, &format!("{hex}:"), &format!("{hex}:+1"), &format!("{hex}:18446744073709551616")]
        {
            assert!(FileWork::parse(bad).is_err(), "{bad}");
        }
    }
}
