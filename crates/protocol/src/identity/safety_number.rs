//! Safety numbers: sixty digits that two people compare, the same on both sides.

use sha2::{Digest, Sha512};
use std::fmt;
use wire::id::AccountId;

/// Hash rounds for each half: slows a search for an account with look-alike digits.
const ROUNDS: u32 = 5_200;
const LABEL: &[u8] = b"sottovoce safety number 1";
/// The version in a QR code.
pub const QR_VERSION: u8 = 1;
/// Bytes of a QR code: version, the account that shows it, the account that reads it.
pub const QR_BYTES: usize = 1 + 2 * AccountId::LEN;

/// Sixty decimal digits over two account ids.
#[derive(Clone, PartialEq, Eq)]
pub struct SafetyNumber(String);

/// What is wrong with a scanned code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum QrError {
    /// Not a safety number's code.
    #[error("this is not a safety number")]
    Malformed,
    /// A code of a later version.
    #[error("this safety number needs a newer program")]
    Unsupported,
    /// The other side sees somebody else in our place: it talks with another account than ours.
    #[error("the other device does not talk with your account")]
    NotUs,
    /// The device that was scanned belongs to another account than the one we talk with.
    #[error("this is not the account you talk with")]
    NotThem,
}

impl SafetyNumber {
    /// Derives the number; the order of the two does not matter.
    pub fn derive(one: &AccountId, other: &AccountId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        Self(half(low) + &half(high))
    }

    /// The sixty digits.
    pub fn digits(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SafetyNumber {
    /// Twelve groups of five.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for index in 0..12 {
            if index > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&self.0[index * 5..index * 5 + 5])?;
        }
        Ok(())
    }
}

impl fmt::Debug for SafetyNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SafetyNumber(..)")
    }
}

/// The bytes to show as a QR code: version ‖ ours ‖ theirs.
pub fn qr_bytes(ours: &AccountId, theirs: &AccountId) -> [u8; QR_BYTES] {
    let mut bytes = [0u8; QR_BYTES];
    bytes[0] = QR_VERSION;
    bytes[1..33].copy_from_slice(&ours.0);
    bytes[33..].copy_from_slice(&theirs.0);
    bytes
}

/// Compares a code scanned from the other's screen with whom we think we talk with.
///
/// # Errors
/// The first [`QrError`] that applies.
pub fn check_qr(ours: &AccountId, theirs: &AccountId, scanned: &[u8]) -> Result<(), QrError> {
    match scanned.first() {
        None => return Err(QrError::Malformed),
        Some(&QR_VERSION) => {}
        Some(_) => return Err(QrError::Unsupported),
    }
    if scanned.len() != QR_BYTES {
        return Err(QrError::Malformed);
    }
    if scanned[1..33] != theirs.0 {
        return Err(QrError::NotThem);
    }
    if scanned[33..] != ours.0 {
        return Err(QrError::NotUs);
    }
    Ok(())
}

/// Thirty digits of one account: six groups of five bytes, each modulo 100,000.
fn half(account_id: &AccountId) -> String {
    let mut hash = Sha512::new().chain_update(LABEL).chain_update(account_id.0).finalize();
    for _ in 1..ROUNDS {
        hash = Sha512::new().chain_update(hash).chain_update(account_id.0).finalize();
    }
    let group = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| (number << 8) | u64::from(*byte)) % 100_000;
    hash[..30].chunks_exact(5).map(|bytes| format!("{:05}", group(bytes))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: AccountId = AccountId([1; 32]);
    const B: AccountId = AccountId([2; 32]);
    /// Agrees with an independent computation.
    const GOLDEN: &str = "10908 10828 04470 96499 52204 71921 78741 06844 09286 62529 51400 90950";

    #[test]
    fn number_is_golden() {
        assert_eq!(SafetyNumber::derive(&A, &B).to_string(), GOLDEN);
    }

    #[test]
    fn both_sides_see_the_same_sixty_digits() {
        let number = SafetyNumber::derive(&A, &B);
        assert_eq!(number, SafetyNumber::derive(&B, &A));
        assert_eq!(number.digits().len(), 60);
        assert!(number.digits().bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn another_account_gives_another_number() {
        let mut other = B;
        other.0[31] ^= 1;
        assert_ne!(SafetyNumber::derive(&A, &B), SafetyNumber::derive(&A, &other));
    }

    #[test]
    fn scanned_code_is_compared_from_the_other_side() {
        let shown = qr_bytes(&B, &A);
        assert_eq!(check_qr(&A, &B, &shown), Ok(()));
        assert_eq!(check_qr(&A, &AccountId([3; 32]), &shown), Err(QrError::NotThem));
        assert_eq!(check_qr(&AccountId([3; 32]), &B, &shown), Err(QrError::NotUs));
        assert_eq!(check_qr(&A, &B, &shown[..64]), Err(QrError::Malformed));
        assert_eq!(check_qr(&A, &B, &[]), Err(QrError::Malformed));
        assert_eq!(check_qr(&A, &B, &[2]), Err(QrError::Unsupported));
    }

    #[test]
    fn every_flipped_byte_of_a_code_is_rejected() {
        for index in 0..QR_BYTES {
            let mut shown = qr_bytes(&B, &A);
            shown[index] ^= 0x80;
            assert!(check_qr(&A, &B, &shown).is_err(), "byte {index}");
        }
    }
}
