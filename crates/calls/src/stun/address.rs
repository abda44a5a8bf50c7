//! XOR-MAPPED-ADDRESS and its like (RFC 8489 s.14.2): an address that no NAT recognises.

use super::message::{StunError, TransactionId};
use super::{COOKIE, attribute};
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// IPv4 in an address, and in REQUESTED-ADDRESS-FAMILY.
pub const IPV4: u8 = 1;
/// IPv6.
pub const IPV6: u8 = 2;
/// Bytes of an address's value at most.
pub const VALUE_BYTES_MAX: usize = 20;

/// The number of an address's family.
pub fn family(address: &SocketAddr) -> u8 {
    if address.is_ipv4() { IPV4 } else { IPV6 }
}

/// Reads a value.
///
/// # Errors
/// `Attribute` for another length or family.
pub fn parse(value: &[u8], transaction: &TransactionId) -> Result<SocketAddr, StunError> {
    let malformed = StunError::Attribute { kind: attribute::XOR_PEER_ADDRESS };
    let [_, family, port @ ..] = value else { return Err(malformed) };
    let (port, ip) = port.split_at_checked(2).ok_or(malformed)?;
    let port = u16::from_be_bytes([port[0], port[1]]) ^ (COOKIE >> 16) as u16;
    let mask = mask(transaction);
    let ip = match (*family, ip.len()) {
        (IPV4, 4) => IpAddr::V4(Ipv4Addr::from(std::array::from_fn(|at| ip[at] ^ mask[at]))),
        (IPV6, 16) => IpAddr::V6(Ipv6Addr::from(std::array::from_fn(|at| ip[at] ^ mask[at]))),
        _ => return Err(malformed),
    };
    Ok(SocketAddr::new(ip, port))
}

/// Writes a value; returns its length.
pub fn write(address: &SocketAddr, transaction: &TransactionId, output: &mut [u8; VALUE_BYTES_MAX]) -> usize {
    output[..2].copy_from_slice(&[0, family(address)]);
    output[2..4].copy_from_slice(&(address.port() ^ (COOKIE >> 16) as u16).to_be_bytes());
    let mask = mask(transaction);
    let mut put = |ip: &[u8]| {
        for ((output, byte), mask) in output[4..].iter_mut().zip(ip).zip(mask) {
            *output = byte ^ mask;
        }
        4 + ip.len()
    };
    match address.ip() {
        IpAddr::V4(ip) => put(&ip.octets()),
        IpAddr::V6(ip) => put(&ip.octets()),
    }
}

/// Cookie ‖ transaction id.
fn mask(transaction: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(&transaction.0);
    mask
}
