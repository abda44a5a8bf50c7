//! Credentials that expire by themselves, of the form that coturn calls REST: the name says until when, the password is
//! an HMAC of the name. Nothing is stored for them, and they name nobody.

use crate::stun::LongTermKey;
use data_encoding::{BASE64, HEXLOWER};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use zeroize::Zeroizing;

/// Bytes of a name at most that is looked at.
const NAME_BYTES_MAX: usize = 128;

/// What passwords are made from; only the node has it.
pub struct CredentialSecret(Zeroizing<Vec<u8>>);

/// A name and its password.
#[derive(Clone, PartialEq, Eq)]
pub struct Credential {
    /// Until when, a colon, and something random.
    pub username: String,
    /// Base64 of the HMAC.
    pub password: String,
    /// Seconds since the Unix epoch.
    pub expires_s: u64,
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Credential").field("expires_s", &self.expires_s).finish_non_exhaustive()
    }
}

impl std::fmt::Debug for CredentialSecret {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("CredentialSecret")
    }
}

impl CredentialSecret {
    /// Takes the secret's bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(Zeroizing::new(bytes.to_vec()))
    }

    /// Makes a credential that is good until `expires_s`.
    pub fn issue(&self, expires_s: u64, random: [u8; 12]) -> Credential {
        let username = format!("{expires_s}:{}", HEXLOWER.encode(&random));
        let password = self.password(username.as_bytes());
        Credential { username, password, expires_s }
    }

    /// The key of a name that is still good.
    pub(super) fn key(&self, username: &[u8], realm: &[u8], now_s: u64) -> Option<LongTermKey> {
        let text = std::str::from_utf8(username).ok().filter(|text| text.len() <= NAME_BYTES_MAX)?;
        let expires_s: u64 = text.split(':').next()?.parse().ok()?;
        (now_s < expires_s).then(|| LongTermKey::derive(username, realm, self.password(username).as_bytes()))
    }

    fn password(&self, username: &[u8]) -> String {
        let mut mac = Hmac::<Sha1>::new_from_slice(&self.0).expect("a key of any length");
        mac.update(username);
        BASE64.encode(&mac.finalize().into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_what_coturn_makes_of_the_same_secret() {
        // printf 1700000000:abc | openssl dgst -sha1 -hmac north -binary | base64
        let secret = CredentialSecret::new(b"north");
        assert_eq!(secret.password(b"1700000000:abc"), "g5HTmCBrPDhYXFpM/1dHUtfE+c4=");
        let credential = secret.issue(1_700_000_000, [0xAB; 12]);
        assert_eq!(credential.username, "1700000000:abababababababababababab");
        assert!(!format!("{credential:?} {secret:?}").contains(&credential.password));
    }

    #[test]
    fn a_name_is_good_until_its_second_and_no_name_is_good_for_ever() {
        let secret = CredentialSecret::new(b"north");
        let key = |name: &str, now_s| secret.key(name.as_bytes(), b"r", now_s).is_some();
        assert!(key("100:x", 99) && !key("100:x", 100));
        for name in ["", ":", "x:1", "-1:x", "99999999999999999999:x"] {
            assert!(!key(name, 0), "{name}");
        }
        assert!(!key(&format!("100:{}", "x".repeat(200)), 0));
    }
}
