//! The node's push key, by which push services know it, and the tokens that it signs (RFC 8292).

use anyhow::{Context as _, anyhow};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;

/// How long a token holds; a service takes 24 hours at most.
const HOLDS_S: u64 = 12 * 3_600;

/// The node's key for push services: P-256, and nothing else is signed with it.
pub struct PushKey {
    key: EcdsaKeyPair,
    /// Whom a push service may write to: a `mailto:` or `https:` URL.
    contact: Option<String>,
}

impl PushKey {
    /// A fresh key as it is kept: PKCS#8.
    ///
    /// # Errors
    /// Without randomness.
    pub fn generate() -> anyhow::Result<Vec<u8>> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &SystemRandom::new());
        Ok(document.map_err(|_| anyhow!("no randomness"))?.as_ref().to_vec())
    }

    /// The key that was kept.
    ///
    /// # Errors
    /// If it is damaged.
    pub fn parse(pkcs8: &[u8], contact: Option<String>) -> anyhow::Result<Self> {
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8);
        Ok(Self { key: key.map_err(|error| anyhow!("{error}")).context("the push key is damaged")?, contact })
    }

    /// The public key as browsers take it (`applicationServerKey`): base64url of the uncompressed point.
    pub fn public(&self) -> String {
        BASE64URL_NOPAD.encode(self.key.public_key().as_ref())
    }

    /// The value of `Authorization` for a push service at `origin`.
    ///
    /// # Errors
    /// Where signing fails.
    pub fn authorization(&self, origin: &str, now_s: u64) -> anyhow::Result<String> {
        let contact = self.contact.as_ref().map_or_else(String::new, |contact| format!(",\"sub\":\"{contact}\""));
        let claims = format!("{{\"aud\":\"{origin}\",\"exp\":{}{contact}}}", now_s.saturating_add(HOLDS_S));
        let head = BASE64URL_NOPAD.encode(br#"{"typ":"JWT","alg":"ES256"}"#);
        let signed = format!("{head}.{}", BASE64URL_NOPAD.encode(claims.as_bytes()));
        let signature = self.key.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| anyhow!("cannot sign"))?;
        Ok(format!("vapid t={signed}.{}, k={}", BASE64URL_NOPAD.encode(signature.as_ref()), self.public()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    #[test]
    fn token_names_service_time_and_contact_and_is_signed_with_the_key_beside_it() {
        let kept = PushKey::generate().expect("a key");
        let key = PushKey::parse(&kept, Some("mailto:op@example.org".to_owned())).expect("a key");
        let value = key.authorization("https://push.example", 1_000).expect("signed");
        let (token, public) = value.strip_prefix("vapid t=").and_then(|rest| rest.split_once(", k=")).expect("a value");
        assert_eq!(public, key.public());
        let (signed, signature) = token.rsplit_once('.').expect("three parts");
        let decode = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url");
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, decode(public))
            .verify(signed.as_bytes(), &decode(signature))
            .expect("signed");
        let claims = String::from_utf8(decode(signed.split_once('.').expect("two parts").1)).expect("text");
        assert_eq!(claims, r#"{"aud":"https://push.example","exp":44200,"sub":"mailto:op@example.org"}"#);
        assert!(PushKey::parse(&kept[1..], None).is_err());
    }
}
