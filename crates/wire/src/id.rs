//! Newtypes for the ids, hashes and capabilities of the specification.

use crate::Malformed;
use std::fmt;
use zeroize::{Zeroize, ZeroizeOnDrop};

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $bytes:literal, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
        pub struct $name(pub [u8; $bytes]);

        impl $name {
            /// The length in bytes.
            pub const LEN: usize = $bytes;

            /// Reads exactly the right number of bytes.
            pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
                let array = bytes.try_into().map_err(|_| Malformed::Length {
                    field: $field,
                    expected: $bytes,
                    found: bytes.len(),
                })?;
                Ok(Self(array))
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; $bytes] {
                &self.0
            }

            /// Lower-case hexadecimal: for files and command lines, never for logs.
            pub fn to_hex(&self) -> String {
                data_encoding::HEXLOWER.encode(&self.0)
            }

            /// Reads hexadecimal of either case.
            pub fn from_hex(text: &str) -> Result<Self, Malformed> {
                let bytes = data_encoding::HEXLOWER_PERMISSIVE
                    .decode(text.as_bytes())
                    .map_err(|_| Malformed::Value { field: $field })?;
                Self::parse(&bytes)
            }
        }

        impl AsRef<[u8]> for $name {
            fn as_ref(&self) -> &[u8] {
                &self.0
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

macro_rules! secret {
    ($(#[$doc:meta])* $name:ident, $field:literal) => {
        $(#[$doc])*
        #[derive(Clone, Zeroize, ZeroizeOnDrop)]
        pub struct $name(pub [u8; 32]);

        impl $name {
            /// Reads exactly 32 bytes.
            pub fn parse(bytes: &[u8]) -> Result<Self, Malformed> {
                let array = bytes.try_into().map_err(|_| Malformed::Length {
                    field: $field,
                    expected: 32,
                    found: bytes.len(),
                })?;
                Ok(Self(array))
            }

            /// The bytes.
            pub fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }

            /// `H(secret)`, what the node stores.
            pub fn hash(&self) -> Hash {
                Hash::of(&[&self.0])
            }
        }

        impl PartialEq for $name {
            fn eq(&self, other: &Self) -> bool {
                use subtle::ConstantTimeEq;
                self.0.ct_eq(&other.0).into()
            }
        }
        impl Eq for $name {}

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(secret)"))
            }
        }
    };
}

id!(
    /// A lane: `H("sottovoce lane id 1" ‖ class ‖ H(read_cap) ‖ H(write_cap))`.
    LaneId, 32, "lane_id"
);
id!(
    /// A call: 16 random bytes, chosen by whoever calls.
    CallId, 16, "call_id"
);
id!(
    /// One attempt to move a file from device to device, 16 random bytes.
    AttemptId, 16, "attempt"
);
id!(
    /// A room: the first 16 bytes of `H("sottovoce room 1" ‖ H(member) ‖ H(host))`.
    RoomId, 16, "room_id"
);
id!(
    /// A SHA-256 hash.
    Hash, 32, "hash"
);
id!(
    /// A node's Ed25519 public key.
    NodeKey, 32, "node_pk"
);
id!(
    /// A blob: `H(ciphertext)`.
    BlobId, 32, "blob_id"
);
id!(
    /// A file's blob at a node: random, so that nothing is told by it and nobody guesses it.
    FileId, 32, "blob_id"
);
id!(
    /// A door: `H("sottovoce door 1" ‖ account_id)`.
    DoorId, 32, "door_id"
);
id!(
    /// An account: the hash of its root public keys.
    AccountId, 32, "account_id"
);
id!(
    /// One installation of an account, random.
    DeviceId, 16, "device_id"
);
id!(
    /// A message, random, chosen by its sender.
    MsgId, 16, "msg_id"
);
secret!(
    /// The capability to read a lane.
    ReadCap, "read_cap"
);
secret!(
    /// The capability to append to a lane.
    WriteCap, "write_cap"
);
secret!(
    /// The preimage that owns a door.
    DoorOwner, "owner"
);
secret!(
    /// The preimage that owns a file's blob: appends to it, deletes it.
    FileOwner, "owner"
);

secret!(
    /// The capability to see who is in a room, and to join it.
    RoomMember, "member"
);
secret!(
    /// The capability to send people out of a room, and to end it.
    RoomHost, "host"
);

impl Hash {
    /// SHA-256 over the concatenation of `parts`.
    pub fn of(parts: &[&[u8]]) -> Self {
        use sha2::{Digest, Sha256};
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part);
        }
        Self(hasher.finalize().into())
    }

    /// Thirty-two zero bytes: "none" in fixed layouts.
    pub const ZERO: Self = Self([0; 32]);
}
