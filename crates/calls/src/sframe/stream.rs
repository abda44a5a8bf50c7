//! Whose frames: KIDs made of an epoch, a leaf of the call's MLS group and a context (RFC 9605 s.5.2).

use super::Misuse;

/// E: low bits of the epoch in a KID.
const EPOCH_BITS: u32 = 8;
/// S: bits of the leaf's index; a group has at most 1,024 leaves.
const LEAF_BITS: u32 = 10;
/// Leaves of a call's group at most.
pub const LEAVES_MAX: u32 = 1 << LEAF_BITS;
/// Contexts of one leaf at most: with them a KID has at most three bytes.
pub const CONTEXTS_MAX: u8 = 64;

/// One outgoing stream of one leaf: a microphone, a camera, a screen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct StreamId {
    leaf: u16,
    context: u8,
}

impl StreamId {
    /// A leaf's stream.
    ///
    /// # Errors
    /// `Stream` at [`LEAVES_MAX`] or [`CONTEXTS_MAX`] and above.
    pub fn new(leaf: u32, context: u8) -> Result<Self, Misuse> {
        match u16::try_from(leaf) {
            Ok(index) if leaf < LEAVES_MAX && context < CONTEXTS_MAX => Ok(Self { leaf: index, context }),
            _ => Err(Misuse::Stream { leaf, context }),
        }
    }

    /// The leaf's index.
    pub fn leaf(self) -> u32 {
        u32::from(self.leaf)
    }

    /// The stream's number among those of its leaf.
    pub fn context(self) -> u8 {
        self.context
    }
}

/// KID: context ‖ leaf ‖ low bits of the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId {
    /// The stream.
    pub stream: StreamId,
    /// The low bits of the epoch.
    pub epoch_low: u8,
}

impl KeyId {
    /// The KID of a stream in an epoch.
    pub fn new(stream: StreamId, epoch: u64) -> Self {
        Self { stream, epoch_low: epoch_low(epoch) }
    }

    /// Takes a KID apart; `None` where its context is none of ours.
    pub fn parse(key_id: u64) -> Option<Self> {
        let [_, _, _, _, _, _, _, epoch_low] = key_id.to_be_bytes();
        let leaf = u32::try_from(key_id >> EPOCH_BITS & u64::from(LEAVES_MAX - 1)).ok()?;
        let context = u8::try_from(key_id >> (EPOCH_BITS + LEAF_BITS)).ok()?;
        Some(Self { stream: StreamId::new(leaf, context).ok()?, epoch_low })
    }

    /// The number in a header.
    pub fn to_u64(self) -> u64 {
        u64::from(self.stream.context) << (EPOCH_BITS + LEAF_BITS)
            | u64::from(self.stream.leaf) << EPOCH_BITS
            | u64::from(self.epoch_low)
    }
}

/// What a KID tells of an epoch.
pub(super) fn epoch_low(epoch: u64) -> u8 {
    epoch.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_id_is_laid_out_as_in_rfc_9605_section_5_2() {
        let key_id = |leaf, context, epoch| KeyId::new(StreamId::new(leaf, context).unwrap(), epoch).to_u64();
        assert_eq!(key_id(0, 0, 0), 0);
        assert_eq!(key_id(3, 0, 14), 3 << 8 | 14);
        assert_eq!(key_id(1_023, 63, 511), 0xFF_FF_FF, "three bytes at most");
        assert_eq!(KeyId::parse(1 << 24), None);
        assert_eq!(KeyId::parse(u64::MAX), None);
    }

    #[test]
    fn leaves_and_contexts_end_at_their_limits() {
        assert!(StreamId::new(1_023, 63).is_ok());
        assert_eq!(StreamId::new(1_024, 0), Err(Misuse::Stream { leaf: 1_024, context: 0 }));
        assert_eq!(StreamId::new(0, 64), Err(Misuse::Stream { leaf: 0, context: 64 }));
        assert!(StreamId::new(u32::MAX, 0).is_err());
    }

    proptest! {
        #[test]
        fn every_key_id_round_trips(leaf in 0..LEAVES_MAX, context in 0..CONTEXTS_MAX, epoch in any::<u64>()) {
            let key_id = KeyId::new(StreamId::new(leaf, context).unwrap(), epoch);
            prop_assert_eq!(KeyId::parse(key_id.to_u64()), Some(key_id));
        }
    }
}
