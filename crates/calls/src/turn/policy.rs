//! Limits, and which peers may be sent to.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Shortest and usual lifetime of an allocation, in seconds.
pub const LIFETIME_S: u32 = 600;
/// Longest lifetime of an allocation, in seconds.
pub const LIFETIME_S_MAX: u32 = 3_600;
/// Lifetime of a permission, in milliseconds.
pub const PERMISSION_MS: u64 = 300_000;
/// Lifetime of a channel, in milliseconds.
pub const CHANNEL_MS: u64 = 600_000;
/// How long a port stays reserved, in milliseconds.
pub const RESERVATION_MS: u64 = 30_000;
/// Numbers of channels. RFC 8656 s.12 ends them at 0x4FFF, RFC 5766 s.11 at 0x7FFF: clients that follow the older one,
/// coturn's among them, take any of these, and nothing else begins with such a byte.
pub const CHANNELS: core::ops::RangeInclusive<u16> = 0x4000..=0x7FFF;
/// How long a nonce is good, in milliseconds.
pub const NONCE_MS: u64 = 3_600_000;

/// What an operator may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Allocations at once.
    pub allocations_max: usize,
    /// Allocations of one credential.
    pub allocations_per_user_max: u32,
    /// Allocations of one client's address.
    pub allocations_per_address_max: u32,
    /// Permissions of an allocation.
    pub permissions_max: usize,
    /// Channels of an allocation.
    pub channels_max: usize,
    /// Bytes a second that one allocation relays, both directions together.
    pub allocation_bytes_per_s: u64,
    /// Bytes a second that all of them relay.
    pub bytes_per_s: u64,
    /// Answers a second to requests of whoever has no credential: no more can be bounced off the node.
    pub open_answers_per_s: u64,
    /// Whether peers may be in private networks, on this machine, anywhere.
    pub may_relay_private: bool,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            allocations_max: 4_096,
            allocations_per_user_max: 32,
            allocations_per_address_max: 256,
            permissions_max: 64,
            channels_max: 64,
            allocation_bytes_per_s: 4 << 20,
            bytes_per_s: 128 << 20,
            open_answers_per_s: 10_000,
            may_relay_private: false,
        }
    }
}

/// Whether an address is one that the whole Internet reaches: what is not may be behind the operator's own walls.
pub fn is_public(ip: &IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => is_public_v4(*ip),
        IpAddr::V6(ip) => is_public_v6(*ip),
    }
}

fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    let is_inside =
        matches!((a, b), (0 | 10 | 127 | 224.., _) | (172, 16..32) | (192, 168) | (169, 254) | (100, 64..128));
    let is_reserved =
        matches!((a, b, c), (192, 0, 0 | 2) | (192, 88, 99) | (198, 18 | 19, _) | (198, 51, 100) | (203, 0, 113));
    !is_inside && !is_reserved
}

fn is_public_v6(ip: Ipv6Addr) -> bool {
    let [a, b, ..] = ip.segments();
    match (a, b) {
        // Teredo, benchmarks, ORCHID, documentation; 6to4 could name any IPv4 address.
        (0x2001, 0 | 2 | 0x10..0x30 | 0xDB8) | (0x2002, _) => false,
        (0x3FFF, 0..0x1000) => false,
        // Global unicast is all that is left: mapped, NAT64, unique local, link local and multicast are outside.
        (0x2000..0x4000, _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_behind_walls_are_not_public() {
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255",
            "192.0.0.1",
            "192.168.1.1",
            "198.18.0.1",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::ffff:8.8.8.8",
            "64:ff9b::808:808",
            "fc00::1",
            "fd12::1",
            "fe80::1",
            "ff02::1",
            "2002:7f00:1::",
            "2001::1",
            "2001:db8::1",
        ] {
            assert!(!is_public(&text.parse().unwrap()), "{text}");
        }
    }

    #[test]
    fn addresses_of_the_internet_are_public() {
        for text in [
            "8.8.8.8",
            "100.63.0.1",
            "100.128.0.1",
            "172.15.0.1",
            "172.32.0.1",
            "193.0.0.1",
            "223.255.255.1",
            "2606:4700::1",
            "2a00::1",
            "2001:4860::8888",
        ] {
            assert!(is_public(&text.parse().unwrap()), "{text}");
        }
    }
}
