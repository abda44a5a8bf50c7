//! MESSAGE-INTEGRITY with long-term keys (RFC 8489 s.9.2, s.14.5) and FINGERPRINT (s.14.7).

use super::message::Message;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What FINGERPRINT's CRC is masked with.
pub(super) const FINGERPRINT_MASK: u32 = 0x5354_554E;

/// The key of a user: MD5(username ":" realm ":" password). The algorithms are STUN's; nothing secret depends on them.
#[derive(Clone)]
pub struct LongTermKey(Zeroizing<[u8; 16]>);

impl LongTermKey {
    /// Derives it. The three are as they are in messages; passwords here are ASCII, so nothing needs to be prepared.
    pub fn derive(username: &[u8], realm: &[u8], password: &[u8]) -> Self {
        let mut hash = Md5::new();
        for part in [username, b":", realm, b":", password] {
            hash.update(part);
        }
        Self(Zeroizing::new(hash.finalize().into()))
    }

    pub(super) fn mac(&self, bytes: &[u8]) -> [u8; 20] {
        mac(&*self.0, [bytes])
    }
}

impl std::fmt::Debug for LongTermKey {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("LongTermKey")
    }
}

impl Message<'_> {
    /// Whether MESSAGE-INTEGRITY is there and is that of the key.
    pub fn is_authentic(&self, key: &LongTermKey) -> bool {
        self.is_authentic_with(&*key.0)
    }

    /// The same with the key's bytes.
    fn is_authentic_with(&self, key: &[u8]) -> bool {
        let Some(at) = self.integrity_at else { return false };
        // The length is counted as if nothing followed.
        let length = u16::try_from(at + 24 - super::HEADER_BYTES).unwrap_or(u16::MAX).to_be_bytes();
        let found = mac(key, [&self.bytes[..2], &length, &self.bytes[4..at]]);
        found.ct_eq(&self.bytes[at + 4..at + 24]).into()
    }

    /// Whether there is no FINGERPRINT, or the right one.
    pub fn is_fingerprint_right(&self) -> bool {
        self.fingerprint_at.is_none_or(|at| {
            let value = (crc32(&self.bytes[..at]) ^ FINGERPRINT_MASK).to_be_bytes();
            self.bytes[at + 4..at + 8] == value
        })
    }
}

fn mac<const N: usize>(key: &[u8], parts: [&[u8]; N]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("a key of any length");
    parts.into_iter().for_each(|part| mac.update(part));
    mac.finalize().into_bytes().into()
}

/// CRC-32 as in ITU V.42.
pub(super) fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| CRC_TABLE[((crc ^ u32::from(*byte)) & 0xFF) as usize] ^ crc >> 8)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = at as u32;
        let mut bit = 0;
        while bit < 8 {
            value = if value & 1 == 1 { value >> 1 ^ 0xEDB8_8320 } else { value >> 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

#[cfg(test)]
mod tests {
    use super::super::attribute;
    use super::super::{Class, Method, Writer};
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    const SHORT_TERM: &[u8] = b"VOkJxbRl1RmTxUk/WvJxBt";
    const REQUEST: &str = "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf";
    const ANSWER_IPV4: &str = "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96";
    const ANSWER_IPV6: &str = "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a1470113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c";
    const LONG_TERM: &str = "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b900000015001c662f2f3439396b39353464364f4c33346f4c394653547679363473410014000b6578616d706c652e6f72670000080014f67024656dd64a3e02b8e0712e85c9a28ca89666";

    fn bytes(vector: &str) -> Vec<u8> {
        HEXLOWER.decode(vector.as_bytes()).unwrap()
    }

    #[test]
    fn request_of_rfc_5769_section_2_1_is_authentic_and_an_altered_one_is_not() {
        let vector = bytes(REQUEST);
        let request = Message::parse(&vector).unwrap();
        assert_eq!((request.class, request.method), (Class::Request, Method::Binding));
        assert_eq!(request.username, Some(&b"evtj:h6vY"[..]));
        assert_eq!(request.unknown(), [0x0024]);
        assert!(request.is_authentic_with(SHORT_TERM) && request.is_fingerprint_right());
        assert!(!request.is_authentic_with(b"another"));
        for at in 8..vector.len() - 12 {
            let mut altered = vector.clone();
            altered[at] ^= 1;
            if let Ok(altered) = Message::parse(&altered) {
                assert!(!altered.is_authentic_with(SHORT_TERM) || at >= vector.len() - 32, "{at}");
                assert!(!altered.is_fingerprint_right(), "{at}");
            }
        }
    }

    #[test]
    fn answers_of_rfc_5769_sections_2_2_and_2_3_read_as_they_say() {
        for (vector, mapped) in
            [(ANSWER_IPV4, "192.0.2.1:32853"), (ANSWER_IPV6, "[2001:db8:1234:5678:11:2233:4455:6677]:32853")]
        {
            let vector = bytes(vector);
            let answer = Message::parse(&vector).unwrap();
            assert_eq!((answer.class, answer.method), (Class::Success, Method::Binding));
            assert_eq!(answer.mapped, Some(mapped.parse().unwrap()));
            assert!(answer.is_authentic_with(SHORT_TERM) && answer.is_fingerprint_right());
        }
    }

    #[test]
    fn request_of_rfc_5769_section_2_4_is_authentic_with_its_long_term_key() {
        let vector = bytes(LONG_TERM);
        let request = Message::parse(&vector).unwrap();
        let username = request.username.unwrap();
        assert_eq!(username, "マトリックス".as_bytes());
        assert_eq!((request.realm, request.nonce.unwrap().len()), (Some(&b"example.org"[..]), 28));
        let key = LongTermKey::derive(username, b"example.org", b"TheMatrIX");
        assert!(request.is_authentic(&key));
        assert!(!request.is_authentic(&LongTermKey::derive(username, b"example.org", b"TheMatrix")));
    }

    #[test]
    fn what_is_written_is_authentic_and_reads_the_same() {
        let key = LongTermKey::derive(b"user", b"realm", b"password");
        let peer = "[2001:db8::1]:9".parse().unwrap();
        let written = Writer::new(Class::Request, Method::ChannelBind, super::super::TransactionId([9; 12]))
            .put(attribute::USERNAME, b"user")
            .put_u32(attribute::CHANNEL_NUMBER, 0x4001_0000)
            .put_address(attribute::XOR_PEER_ADDRESS, &peer)
            .finish_with(&key);
        let read = Message::parse(&written).unwrap();
        assert_eq!((read.channel, read.username), (Some(0x4001), Some(&b"user"[..])));
        assert_eq!(read.peers().collect::<Vec<_>>(), [peer]);
        assert!(read.is_authentic(&key));
        let written = Writer::answer(&read, Class::Error).put_error(438, "Stale Nonce").finish_with_fingerprint();
        let read = Message::parse(&written).unwrap();
        assert_eq!((read.error_code, read.class, read.method), (Some(438), Class::Error, Method::ChannelBind));
        assert!(read.has_fingerprint() && read.is_fingerprint_right() && !read.is_authentic(&key));
    }

    #[test]
    fn lengths_and_limits_are_held() {
        use super::super::StunError;
        let of = |body: &[u8]| {
            let mut bytes = bytes("000100002112a442000000000000000000000000");
            bytes[2..4].copy_from_slice(&(body.len() as u16).to_be_bytes());
            bytes.extend_from_slice(body);
            bytes
        };
        assert!(Message::parse(&of(&[])).is_ok());
        assert_eq!(Message::parse(&of(&[])[..19]).unwrap_err(), StunError::Length { bytes: 19 });
        assert_eq!(Message::parse(&of(&[0, 6, 0, 1])).unwrap_err(), StunError::Attribute { kind: 6 });
        assert_eq!(Message::parse(&of(&[0, 0x0D, 0, 3, 1, 1, 1, 1])).unwrap_err(), StunError::Attribute { kind: 13 });
        let many = |count: usize| of(&[0x80, 0x22, 0, 0].repeat(count));
        assert!(Message::parse(&many(63)).is_ok());
        assert_eq!(Message::parse(&many(65)).unwrap_err(), StunError::TooMany);
        let peers = |count: usize| of(&[0, 0x12, 0, 8, 0, 1, 1, 1, 1, 1, 1, 1].repeat(count));
        assert_eq!(Message::parse(&peers(16)).unwrap().peers().count(), 16);
        assert_eq!(Message::parse(&peers(17)).unwrap_err(), StunError::TooMany);
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_parser_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut framed = bytes.clone();
            if framed.len() >= 20 {
                let length = ((framed.len() - 20) as u16).to_be_bytes();
                framed[..8].copy_from_slice(&[0, 1, length[0], length[1], 0x21, 0x12, 0xA4, 0x42]);
            }
            for bytes in [&bytes, &framed] {
                if let Ok(message) = Message::parse(bytes) {
                    prop_assert!(!message.is_authentic_with(b"key"));
                    message.is_fingerprint_right();
                }
            }
        }
    }
}
