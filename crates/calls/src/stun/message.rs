//! Reading a message: the header, then its attributes in one pass, borrowed from the packet.

use super::{COOKIE, HEADER_BYTES, address, attribute};
use core::net::SocketAddr;

/// Peers in one CreatePermission at most.
pub const PEERS_MAX: usize = 16;
/// Unknown attributes that an answer names at most.
pub const UNKNOWN_MAX: usize = 8;
/// Attributes of a message at most.
const ATTRIBUTES_MAX: usize = 64;

/// The transaction's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TransactionId(pub [u8; 12]);

/// What a message is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// It wants an answer.
    Request,
    /// It wants none.
    Indication,
    /// It is an answer.
    Success,
    /// It is a refusal.
    Error,
}

/// What a message is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub enum Method {
    /// Where am I?
    Binding = 0x001,
    /// A relayed address, please.
    Allocate = 0x003,
    /// For longer, or no longer.
    Refresh = 0x004,
    /// To a peer.
    Send = 0x006,
    /// From a peer.
    Data = 0x007,
    /// These peers may send.
    CreatePermission = 0x008,
    /// A number for a peer.
    ChannelBind = 0x009,
}

impl Method {
    const ALL: [Self; 7] = [
        Self::Binding,
        Self::Allocate,
        Self::Refresh,
        Self::Send,
        Self::Data,
        Self::CreatePermission,
        Self::ChannelBind,
    ];
}

/// Why bytes are no message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    /// Shorter than a header, or not as long as the header says.
    #[error("{bytes} bytes are no STUN message")]
    Length {
        /// What came.
        bytes: usize,
    },
    /// The first two bits or the cookie are not those of STUN.
    #[error("not STUN")]
    NotStun,
    /// A method that is not used here.
    #[error("method {method:#x} is unknown")]
    Method {
        /// Its number.
        method: u16,
    },
    /// An attribute's value is malformed, or it runs over the end.
    #[error("attribute {kind:#06x} is malformed")]
    Attribute {
        /// Its type.
        kind: u16,
    },
    /// More attributes, peers or bytes than there may be.
    #[error("too many attributes")]
    TooMany,
}

/// A message, as far as it is understood. Attributes behind MESSAGE-INTEGRITY do not count, FINGERPRINT aside.
#[derive(Debug, Clone)]
pub struct Message<'a> {
    /// All of it.
    pub(super) bytes: &'a [u8],
    /// Its class.
    pub class: Class,
    /// Its method.
    pub method: Method,
    /// Its transaction.
    pub transaction: TransactionId,
    /// USERNAME
    pub username: Option<&'a [u8]>,
    /// REALM
    pub realm: Option<&'a [u8]>,
    /// NONCE
    pub nonce: Option<&'a [u8]>,
    /// Where MESSAGE-INTEGRITY begins.
    pub(super) integrity_at: Option<usize>,
    /// Where FINGERPRINT begins.
    pub(super) fingerprint_at: Option<usize>,
    /// REQUESTED-TRANSPORT: the protocol's number
    pub requested_transport: Option<u8>,
    /// REQUESTED-ADDRESS-FAMILY
    pub requested_family: Option<u8>,
    /// LIFETIME in seconds
    pub lifetime_s: Option<u32>,
    /// EVEN-PORT: whether the next port is to be reserved
    pub even_port: Option<bool>,
    /// RESERVATION-TOKEN
    pub reservation_token: Option<[u8; 8]>,
    /// CHANNEL-NUMBER
    pub channel: Option<u16>,
    /// DATA: where in the packet
    pub data: Option<(usize, usize)>,
    /// ERROR-CODE
    pub error_code: Option<u16>,
    /// XOR-MAPPED-ADDRESS
    pub mapped: Option<SocketAddr>,
    /// XOR-RELAYED-ADDRESS
    pub relayed: Option<SocketAddr>,
    peers: [Option<SocketAddr>; PEERS_MAX],
    unknown: [u16; UNKNOWN_MAX],
    unknown_count: usize,
}

/// Whether a packet's first byte may be STUN's and not that of ChannelData (RFC 8656 s.12).
pub fn is_stun(first: u8) -> bool {
    first & 0xC0 == 0
}

impl<'a> Message<'a> {
    /// Reads a packet that is a message and nothing else.
    ///
    /// # Errors
    /// See [`StunError`].
    pub fn parse(bytes: &'a [u8]) -> Result<Self, StunError> {
        let length = StunError::Length { bytes: bytes.len() };
        let header = bytes.first_chunk::<HEADER_BYTES>().ok_or(length)?;
        if !is_stun(header[0]) || header[4..8] != COOKIE.to_be_bytes() {
            return Err(StunError::NotStun);
        }
        let attributes = usize::from(u16::from_be_bytes([header[2], header[3]]));
        if attributes % 4 != 0 || bytes.len() != HEADER_BYTES + attributes {
            return Err(length);
        }
        let (class, method) = split_type(u16::from_be_bytes([header[0], header[1]]))?;
        let transaction = TransactionId(std::array::from_fn(|at| header[8 + at]));
        let mut message = Self::empty(bytes, class, method, transaction);
        let mut at = HEADER_BYTES;
        for _ in 0..ATTRIBUTES_MAX {
            let Some(head) = bytes.get(at..at + 4) else { return Ok(message) };
            let (kind, length) = (u16::from_be_bytes([head[0], head[1]]), u16::from_be_bytes([head[2], head[3]]));
            let start = at + 4;
            let end = start + usize::from(length);
            let value = bytes.get(start..end).ok_or(StunError::Attribute { kind })?;
            message.take(kind, value, at)?;
            at = start + usize::from(length).next_multiple_of(4);
        }
        if at < bytes.len() { Err(StunError::TooMany) } else { Ok(message) }
    }

    fn empty(bytes: &'a [u8], class: Class, method: Method, transaction: TransactionId) -> Self {
        Self {
            bytes,
            class,
            method,
            transaction,
            username: None,
            realm: None,
            nonce: None,
            integrity_at: None,
            fingerprint_at: None,
            requested_transport: None,
            requested_family: None,
            lifetime_s: None,
            even_port: None,
            reservation_token: None,
            channel: None,
            data: None,
            error_code: None,
            mapped: None,
            relayed: None,
            peers: [None; PEERS_MAX],
            unknown: [0; UNKNOWN_MAX],
            unknown_count: 0,
        }
    }

    /// Of attributes that come twice the first counts (RFC 8489 s.14), XOR-PEER-ADDRESS aside.
    fn take(&mut self, kind: u16, value: &'a [u8], at: usize) -> Result<(), StunError> {
        let malformed = StunError::Attribute { kind };
        if self.fingerprint_at.is_some() {
            // It is the last one.
            return Err(malformed);
        }
        if kind == attribute::FINGERPRINT {
            self.fingerprint_at = (value.len() == 4).then_some(at);
            return if value.len() == 4 { Ok(()) } else { Err(malformed) };
        }
        if self.integrity_at.is_some() {
            return Ok(());
        }
        let number = || value.first_chunk::<4>().filter(|_| value.len() == 4).ok_or(malformed);
        match kind {
            attribute::USERNAME => keep(&mut self.username, text(value, 512, malformed)?),
            attribute::REALM => keep(&mut self.realm, text(value, 762, malformed)?),
            attribute::NONCE => keep(&mut self.nonce, text(value, 762, malformed)?),
            attribute::MESSAGE_INTEGRITY if value.len() == 20 => self.integrity_at = Some(at),
            attribute::MESSAGE_INTEGRITY => return Err(malformed),
            attribute::REQUESTED_TRANSPORT => keep(&mut self.requested_transport, number()?[0]),
            attribute::REQUESTED_ADDRESS_FAMILY => keep(&mut self.requested_family, number()?[0]),
            attribute::LIFETIME => keep(&mut self.lifetime_s, u32::from_be_bytes(*number()?)),
            attribute::CHANNEL_NUMBER => {
                let number = number()?;
                keep(&mut self.channel, u16::from_be_bytes([number[0], number[1]]));
            }
            attribute::EVEN_PORT => {
                let [reserve] = value else { return Err(malformed) };
                keep(&mut self.even_port, reserve & 0x80 != 0);
            }
            attribute::RESERVATION_TOKEN => {
                keep(&mut self.reservation_token, value.try_into().map_err(|_| malformed)?);
            }
            attribute::DATA => keep(&mut self.data, (at + 4, value.len())),
            attribute::XOR_PEER_ADDRESS => {
                let peer = address::parse(value, &self.transaction)?;
                let slot = self.peers.iter_mut().find(|slot| slot.is_none()).ok_or(StunError::TooMany)?;
                *slot = Some(peer);
            }
            attribute::XOR_MAPPED_ADDRESS => keep(&mut self.mapped, address::parse(value, &self.transaction)?),
            attribute::XOR_RELAYED_ADDRESS => keep(&mut self.relayed, address::parse(value, &self.transaction)?),
            attribute::ERROR_CODE => {
                let head = value.first_chunk::<4>().ok_or(malformed)?;
                keep(&mut self.error_code, u16::from(head[2] & 7) * 100 + u16::from(head[3]));
            }
            attribute::UNKNOWN_ATTRIBUTES | attribute::OPTIONAL_FROM.. => {}
            unknown => {
                if let Some(slot) = self.unknown.get_mut(self.unknown_count) {
                    *slot = unknown;
                    self.unknown_count += 1;
                }
            }
        }
        Ok(())
    }

    /// XOR-PEER-ADDRESS, each of them.
    pub fn peers(&self) -> impl Iterator<Item = SocketAddr> + '_ {
        self.peers.iter().map_while(|peer| *peer)
    }

    /// Attributes that had to be understood and are not.
    pub fn unknown(&self) -> &[u16] {
        &self.unknown[..self.unknown_count]
    }

    /// Whether it has a MESSAGE-INTEGRITY, right or wrong.
    pub fn has_integrity(&self) -> bool {
        self.integrity_at.is_some()
    }

    /// Whether it ends with a FINGERPRINT.
    pub fn has_fingerprint(&self) -> bool {
        self.fingerprint_at.is_some()
    }
}

fn keep<T>(slot: &mut Option<T>, value: T) {
    slot.get_or_insert(value);
}

fn text(value: &[u8], bytes_max: usize, malformed: StunError) -> Result<&[u8], StunError> {
    if value.len() > bytes_max { Err(malformed) } else { Ok(value) }
}

/// Class and method share their bits (RFC 8489 s.5, figure 3).
fn split_type(kind: u16) -> Result<(Class, Method), StunError> {
    let class = match (kind & 0x0100 != 0, kind & 0x0010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    let number = kind & 0x000F | (kind & 0x00E0) >> 1 | (kind & 0x3E00) >> 2;
    let method = Method::ALL.into_iter().find(|method| *method as u16 == number);
    Ok((class, method.ok_or(StunError::Method { method: number })?))
}

/// The other way round; every method here is below 16.
pub(crate) fn join_type(class: Class, method: Method) -> u16 {
    let class = match class {
        Class::Request => 0,
        Class::Indication => 0x0010,
        Class::Success => 0x0100,
        Class::Error => 0x0110,
    };
    class | method as u16
}
