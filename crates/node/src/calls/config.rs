//! What the operator says about relaying calls.

use calls::room::RoomPolicy;
use calls::turn::Policy;
use std::net::IpAddr;

/// Everything that the relay needs to know.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RelayConfig {
    /// Whether calls are relayed at all.
    pub is_on: bool,
    /// The addresses at which this machine is reached, one of IPv4, one of IPv6; none: where HTTP listens.
    pub addresses: Vec<IpAddr>,
    /// The first and the last port of relayed addresses.
    pub ports: (u16, u16),
    /// Limits.
    pub policy: Policy,
    /// Rooms for calls of many, on the same port.
    pub rooms: RoomPolicy,
    /// Seconds that a credential is good.
    pub credential_s: u64,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            is_on: true,
            addresses: Vec::new(),
            ports: (49_152, 65_535),
            policy: Policy::default(),
            rooms: RoomPolicy::default(),
            credential_s: 12 * 3_600,
        }
    }
}

/// Reads one address, or two of different families with a comma between.
pub fn parse_addresses(text: &str) -> Option<Vec<IpAddr>> {
    let addresses: Vec<IpAddr> = text.split(',').map(|text| text.trim().parse().ok()).collect::<Option<_>>()?;
    match addresses.as_slice() {
        [one] if !one.is_unspecified() => Some(addresses),
        [one, other] if one.is_ipv4() != other.is_ipv4() && !one.is_unspecified() && !other.is_unspecified() => {
            Some(addresses)
        }
        _ => None,
    }
}

/// Reads `FIRST-LAST`: at least two ports, none of them a system's.
pub fn parse_ports(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-')?;
    let ports: (u16, u16) = (first.trim().parse().ok()?, last.trim().parse().ok()?);
    (ports.0 >= 1_024 && ports.0 < ports.1).then_some(ports)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_and_ports_are_read_or_refused() {
        assert_eq!(parse_addresses("192.0.2.1").map(|found| found.len()), Some(1));
        assert_eq!(parse_addresses("192.0.2.1, 2001:db8::1").map(|found| found.len()), Some(2));
        for text in ["", "host", "0.0.0.0", "::", "192.0.2.1,192.0.2.2", "192.0.2.1,", "1.1.1.1,::"] {
            assert_eq!(parse_addresses(text), None, "{text}");
        }
        assert_eq!(parse_ports("49152-65535"), Some((49_152, 65_535)));
        for text in ["", "1-2", "5000", "6000-5000", "6000-6000", "6000-70000"] {
            assert_eq!(parse_ports(text), None, "{text}");
        }
    }
}
