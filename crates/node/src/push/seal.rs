//! The payload of a push message, sealed for the browser alone (RFC 8291 over RFC 8188, one record).

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{ECDH_P256, PrivateKey, UnparsedPublicKey, agree};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
use wire::bell::{Bell, PUSH_KEY_BYTES};

/// The record size that is announced; the one record is shorter.
const RECORD_BYTES: u32 = 4_096;
/// What every message says: that this is version 1 of saying nothing. One length, whatever happened.
const NOTHING: &[u8] = &[1];
const SALT_BYTES: usize = 16;

struct Bytes(usize);

impl KeyType for Bytes {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF-SHA-256, extract and expand at once.
fn derive<const N: usize>(salt: &[u8], ikm: &[u8], info: &[&[u8]]) -> Result<[u8; N], Unspecified> {
    let mut out = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(ikm).expand(info, Bytes(N))?.fill(&mut out)?;
    Ok(out)
}

/// The body of a message to `bell` that says nothing.
///
/// # Errors
/// Where the client's key is no point of P-256, or there is no randomness.
pub fn seal_nothing(bell: &Bell) -> Result<Vec<u8>, Unspecified> {
    let mut salt = [0; SALT_BYTES];
    getrandom::fill(&mut salt).map_err(|_| Unspecified)?;
    seal(bell, &PrivateKey::generate(&ECDH_P256)?, &salt, NOTHING)
}

/// RFC 8291 s.3.4, with the sender's key and the salt of this message.
fn seal(bell: &Bell, key: &PrivateKey, salt: &[u8; SALT_BYTES], plaintext: &[u8]) -> Result<Vec<u8>, Unspecified> {
    let own = key.compute_public_key()?;
    let own: &[u8] = own.as_ref();
    let info = |ecdh: &[u8]| derive::<32>(&bell.auth, ecdh, &[b"WebPush: info\0", &bell.key, own]);
    let ikm = agree(key, UnparsedPublicKey::new(&ECDH_P256, &bell.key), Unspecified, info)?;
    let content_key: [u8; 16] = derive(salt, &ikm, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce: [u8; 12] = derive(salt, &ikm, &[b"Content-Encoding: nonce\0"])?;

    // The delimiter of the last record.
    let mut record = [plaintext, &[2]].concat();
    let cipher = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &content_key)?);
    cipher.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)?;
    let key_bytes = u8::try_from(PUSH_KEY_BYTES).map_err(|_| Unspecified)?;
    Ok([salt.as_slice(), &RECORD_BYTES.to_be_bytes(), &[key_bytes], own, &record].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64URL_NOPAD;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(text.as_bytes()).expect("base64url")
    }

    #[test]
    fn message_of_rfc_8291_comes_out_byte_for_byte() {
        let bell = Bell::parse(
            b"https://push.example.net/push/JzLQ3raZJfFBR0aqvOMsLrt54w4rJUsV",
            &bytes("BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"),
            &bytes("BTBZMqHH6r4Tts7J_aSIgg"),
        )
        .expect("a bell");
        let key = PrivateKey::from_private_key(&ECDH_P256, &bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"));
        let salt: [u8; 16] = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().expect("16 bytes");
        let sealed = seal(&bell, &key.expect("a key"), &salt, b"When I grow up, I want to be a watermelon");
        let expected = "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6T\
            lzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN";
        assert_eq!(BASE64URL_NOPAD.encode(&sealed.expect("sealed")), expected);
    }

    #[test]
    fn key_that_is_no_point_of_the_curve_is_refused_and_two_messages_differ() {
        let bell = |key: &[u8]| Bell::parse(b"https://push.example/1", key, &[1; 16]).expect("a bell");
        assert!(seal_nothing(&bell(&[4; 65])).is_err());
        let point = PrivateKey::generate(&ECDH_P256).and_then(|key| key.compute_public_key()).expect("a key");
        let good = bell(point.as_ref());
        let (one, other) = (seal_nothing(&good).expect("sealed"), seal_nothing(&good).expect("sealed"));
        assert_eq!(one.len(), other.len());
        assert_ne!(one, other);
    }
}
