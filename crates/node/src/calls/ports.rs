//! Opening relays' sockets: a port from the range, even if asked for, with the one above if asked for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use tokio::net::UdpSocket;

/// Ports that are tried before the range counts as full.
const TRIES_MAX: usize = 64;

/// Where a relay's socket is bound: to the listener's own address, or anywhere where others see another one.
pub fn bind_address(listening: &SocketAddr, own: &IpAddr, is_told: bool) -> IpAddr {
    match own {
        _ if !is_told => listening.ip(),
        IpAddr::V4(_) if listening.is_ipv4() => listening.ip(),
        IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        IpAddr::V6(_) if listening.is_ipv6() => listening.ip(),
        IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    }
}

/// What was opened.
#[derive(Debug)]
pub struct Ports {
    /// A socket.
    pub first: UdpSocket,
    /// One at the port above.
    pub next: Option<UdpSocket>,
}

/// Opens a socket, and the next one if `with_next`; none where no port is to be had.
pub fn open(ip: IpAddr, ports: (u16, u16), is_even: bool, with_next: bool) -> Option<Ports> {
    let count = u32::from(ports.1 - ports.0) + 1;
    let mut random = [0; 4];
    getrandom::fill(&mut random).ok()?;
    let start = u32::from_le_bytes(random) % count;
    for at in 0..TRIES_MAX.min(count as usize) as u32 {
        let port = u16::try_from(u32::from(ports.0) + (start + at) % count).ok()?;
        let is_fitting = (!is_even || port.is_multiple_of(2)) && (!with_next || port < ports.1);
        let Some(first) = is_fitting.then(|| bind(ip, port)).flatten() else { continue };
        if !with_next {
            return Some(Ports { first, next: None });
        }
        if let Some(next) = bind(ip, port + 1) {
            return Some(Ports { first, next: Some(next) });
        }
    }
    None
}

fn bind(ip: IpAddr, port: u16) -> Option<UdpSocket> {
    let socket = std::net::UdpSocket::bind(SocketAddr::new(ip, port)).ok()?;
    socket.set_nonblocking(true).ok()?;
    UdpSocket::from_std(socket).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(socket: &UdpSocket) -> u16 {
        socket.local_addr().map_or(0, |address| address.port())
    }

    #[tokio::test]
    async fn even_ports_and_pairs_are_what_was_asked_for() {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        for _ in 0..8 {
            let pair = open(ip, (20_000, 30_000), true, true).expect("ports");
            assert!(port(&pair.first).is_multiple_of(2));
            assert_eq!(pair.next.map(|next| port(&next)), Some(port(&pair.first) + 1));
            let lone = open(ip, (20_000, 30_000), false, false).expect("a port");
            assert!((20_000..=30_000).contains(&port(&lone.first)) && lone.next.is_none());
        }
    }

    #[tokio::test]
    async fn a_full_range_is_full() {
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let held = open(ip, (20_000, 30_000), true, true).expect("ports");
        let range = (port(&held.first), port(&held.first) + 1);
        assert!(open(ip, range, false, false).is_none());
    }
}
