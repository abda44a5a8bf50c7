//! The SFrame header (RFC 9605 s.4.3): one byte of configuration, then KID and counter where they do not fit in it.

/// Bytes of a header at most.
pub const HEADER_BYTES_MAX: usize = 17;
/// KIDs and counters below this are in the configuration byte.
const INLINE_END: u64 = 8;

/// KID and CTR.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// KID: which key sealed the frame.
    pub key_id: u64,
    /// CTR: the frame's number under that key.
    pub counter: u64,
}

/// Bytes that are no header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeaderError {
    /// It ends before it is complete.
    #[error("the header is cut off")]
    CutOff,
    /// KID or CTR is not in the fewest bytes that hold it (s.4.3 demands it).
    #[error("KID or CTR is not encoded in the fewest bytes")]
    NotMinimal,
}

/// An encoded header.
#[derive(Debug, Clone, Copy)]
pub struct Encoded {
    bytes: [u8; HEADER_BYTES_MAX],
    length: usize,
}

impl Encoded {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

impl Header {
    /// Reads the header that `bytes` begin with, and tells how many bytes it has.
    ///
    /// # Errors
    /// See [`HeaderError`].
    pub fn parse(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let config = *bytes.first().ok_or(HeaderError::CutOff)?;
        let (key_id, at) = read(bytes, 1, config >> 4)?;
        let (counter, at) = read(bytes, at, config & 0x0F)?;
        Ok((Self { key_id, counter }, at))
    }

    /// Encodes it in the fewest bytes.
    pub fn encode(&self) -> Encoded {
        let mut encoded = Encoded { bytes: [0; HEADER_BYTES_MAX], length: 1 };
        let key_id = write(&mut encoded, self.key_id);
        let counter = write(&mut encoded, self.counter);
        encoded.bytes[0] = key_id << 4 | counter;
        encoded
    }
}

/// Reads a value of which `nibble` says: itself, or with its high bit set, one less than the bytes that it has.
fn read(bytes: &[u8], at: usize, nibble: u8) -> Result<(u64, usize), HeaderError> {
    let low = nibble & 7;
    if nibble & 8 == 0 {
        return Ok((u64::from(low), at));
    }
    let length = usize::from(low) + 1;
    let end = at + length;
    let value = bytes.get(at..end).ok_or(HeaderError::CutOff)?;
    let value = value.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    if value < INLINE_END || bytes_of(value) != length {
        return Err(HeaderError::NotMinimal);
    }
    Ok((value, end))
}

/// Appends the bytes of a value, if it needs any, and returns its nibble.
fn write(encoded: &mut Encoded, value: u64) -> u8 {
    if value < INLINE_END {
        return value as u8;
    }
    let length = bytes_of(value);
    encoded.bytes[encoded.length..encoded.length + length].copy_from_slice(&value.to_be_bytes()[8 - length..]);
    encoded.length += length;
    8 | (length - 1) as u8
}

/// The fewest bytes that hold a value, at least one.
fn bytes_of(value: u64) -> usize {
    (8 - value.leading_zeros() as usize / 8).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;
    use proptest::prelude::*;

    #[test]
    fn vectors_of_rfc_9605_appendix_c_1() {
        let vectors: serde_json::Value = serde_json::from_str(include_str!("../../vectors/rfc9605.json")).unwrap();
        let vectors = vectors["header"].as_array().unwrap();
        assert_eq!(vectors.len(), 289);
        for vector in vectors {
            let [key_id, counter, encoded] = [0, 1, 2].map(|at| vector[at].as_str().unwrap());
            let header = Header { key_id: key_id.parse().unwrap(), counter: counter.parse().unwrap() };
            let bytes = HEXLOWER.decode(encoded.as_bytes()).unwrap();
            assert_eq!(header.encode().as_bytes(), bytes, "{encoded}");
            assert_eq!(Header::parse(&bytes), Ok((header, bytes.len())), "{encoded}");
            for cut in 0..bytes.len() {
                assert_eq!(Header::parse(&bytes[..cut]), Err(HeaderError::CutOff), "{encoded}");
            }
        }
    }

    #[test]
    fn values_in_more_bytes_than_they_need_are_refused() {
        for bytes in [&[0x80, 7][..], &[0x90, 0, 8], &[0x08, 0], &[0x09, 0, 255], &[0x0F, 0, 1, 1, 1, 1, 1, 1, 1]] {
            assert_eq!(Header::parse(bytes), Err(HeaderError::NotMinimal), "{bytes:?}");
        }
        assert!(Header::parse(&[0x80, 8]).is_ok());
    }

    proptest! {
        #[test]
        fn what_parses_encodes_to_the_same_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..24)) {
            if let Ok((header, length)) = Header::parse(&bytes) {
                let encoded = header.encode();
                prop_assert_eq!(encoded.as_bytes(), &bytes[..length]);
            }
        }
    }
}
