//! X-Wing encapsulation keys: ML-KEM-768 (1,184 bytes) then X25519 (32 bytes).
//!
//! OpenMLS accepts any bytes as an encryption key of a leaf or parent node and fails only when a commit is sealed to
//! it. One member with a malformed key would so stop everybody else's commits, hence the check before such a key is let
//! in.

/// Bytes of an encapsulation key.
pub const X_WING_PK_BYTES: usize = ML_KEM_PK_BYTES + 32;
/// Bytes of an encapsulated secret.
pub const X_WING_ENC_BYTES: usize = 1_120;

const ML_KEM_PK_BYTES: usize = 1_184;
/// ML-KEM's seed rho ends its key; before it are 12-bit coefficients.
const COEFFICIENT_BYTES: usize = ML_KEM_PK_BYTES - 32;
const Q: u16 = 3_329;

/// Whether encapsulation to `key` can succeed: right length, every coefficient below q (FIPS 203 s.7.2).
///
/// A pure function of the bytes, so that it may decide whether a commit is valid (LANE.md C5).
pub fn is_x_wing_key(key: &[u8]) -> bool {
    key.len() == X_WING_PK_BYTES
        && key[..COEFFICIENT_BYTES].chunks_exact(3).all(|bytes| {
            let [a, b, c] = [0, 1, 2].map(|index| u16::from(bytes[index]));
            (a | ((b & 0x0f) << 8)) < Q && ((b >> 4) | (c << 4)) < Q
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::key_package::SUITE;
    use crate::mls::SuiteCrypto;
    use openmls_traits::crypto::OpenMlsCrypto;

    fn can_seal(crypto: &SuiteCrypto, key: &[u8]) -> bool {
        crypto.hpke_seal(SUITE.hpke_config(), key, b"", b"", b"").is_ok()
    }

    #[test]
    fn verdict_is_the_librarys() {
        let crypto = SuiteCrypto;
        let good = crypto.derive_hpke_keypair(SUITE.hpke_config(), &[1; 32]).unwrap().public;
        let mut cases = vec![good.clone(), vec![], vec![0; 1_216], vec![0xff; 1_216], good[..1_215].to_vec()];
        cases.push([&good[..], &[0]].concat());
        // Low and high coefficient of the first and the last triple, at q - 1 and at q.
        for at in [0, COEFFICIENT_BYTES - 3] {
            for value in [Q - 1, Q] {
                let [low, high] = value.to_le_bytes();
                let mut key = good.clone();
                (key[at], key[at + 1]) = (low, (key[at + 1] & 0xf0) | high);
                cases.push(key);
                let mut key = good.clone();
                (key[at + 1], key[at + 2]) = ((key[at + 1] & 0x0f) | (low << 4), (value >> 4) as u8);
                cases.push(key);
            }
        }
        let verdicts: Vec<bool> = cases.iter().map(|key| is_x_wing_key(key)).collect();
        assert_eq!(verdicts, cases.iter().map(|key| can_seal(&crypto, key)).collect::<Vec<_>>());
        assert_eq!(
            verdicts,
            [true, false, true, false, false, false, true, true, false, false, true, true, false, false]
        );
    }
}
