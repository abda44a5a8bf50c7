//! STUN messages (RFC 8489) with the attributes of TURN (RFC 8656).
//!
//! | module | holds |
//! |---|---|
//! | [`message`] | reading: header, attributes |
//! | [`writer`] | writing |
//! | [`integrity`] | MESSAGE-INTEGRITY, FINGERPRINT, long-term keys |
//! | [`address`] | addresses in attributes |

pub mod address;
pub mod integrity;
pub mod message;
pub mod writer;

pub use integrity::LongTermKey;
pub use message::{Class, Message, Method, StunError, TransactionId};
pub use writer::Writer;

/// Bytes of a header.
pub const HEADER_BYTES: usize = 20;
/// The magic cookie.
pub const COOKIE: u32 = 0x2112_A442;

/// Attribute types that are read or written here.
pub mod attribute {
    /// USERNAME
    pub const USERNAME: u16 = 0x0006;
    /// MESSAGE-INTEGRITY
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    /// ERROR-CODE
    pub const ERROR_CODE: u16 = 0x0009;
    /// UNKNOWN-ATTRIBUTES
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    /// CHANNEL-NUMBER
    pub const CHANNEL_NUMBER: u16 = 0x000C;
    /// LIFETIME
    pub const LIFETIME: u16 = 0x000D;
    /// XOR-PEER-ADDRESS
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    /// DATA
    pub const DATA: u16 = 0x0013;
    /// REALM
    pub const REALM: u16 = 0x0014;
    /// NONCE
    pub const NONCE: u16 = 0x0015;
    /// XOR-RELAYED-ADDRESS
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    /// REQUESTED-ADDRESS-FAMILY
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    /// EVEN-PORT
    pub const EVEN_PORT: u16 = 0x0018;
    /// REQUESTED-TRANSPORT
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    /// XOR-MAPPED-ADDRESS
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    /// RESERVATION-TOKEN
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    /// FINGERPRINT
    pub const FINGERPRINT: u16 = 0x8028;
    /// The first type that a receiver may skip.
    pub const OPTIONAL_FROM: u16 = 0x8000;
}
