//! One end of a connection: what ICE and DTLS need of it, and SDP for those who speak nothing else.
//!
//! No SDP of another device is given to anybody: it is written here from fields that were checked.

use std::fmt::Write as _;
use wire::Malformed;
use wire::limit::{ICE_WORD_BYTES_MAX, PATH_ADDRESSES_MAX, PATH_HOST_BYTES_MAX};

/// What the one channel is called.
pub const CHANNEL_LABEL: &str = "sottovoce file 1";
/// Shortest user name fragment (RFC 8839 s.5.4).
const UFRAG_BYTES_MIN: usize = 4;
/// Shortest password.
const PWD_BYTES_MIN: usize = 22;
/// Bytes of a session description of this machine that are looked at.
const SDP_BYTES_MAX: usize = 64 << 10;
/// Bytes of a message that an end takes.
const MESSAGE_BYTES_MAX: usize = 256 << 10;

/// One end.
#[derive(Clone, PartialEq, Eq)]
pub struct Path {
    /// ICE user name fragment, 4 to 256 ice-chars.
    pub ufrag: String,
    /// ICE password, 22 to 256 ice-chars.
    pub pwd: String,
    /// SHA-256 of the DTLS certificate.
    pub fingerprint: [u8; 32],
    /// Where it may be reached, at most 8.
    pub addresses: Vec<Address>,
}

/// A UDP address.
#[derive(Clone, PartialEq, Eq)]
pub struct Address {
    /// An IP address, or a name under `.local` that hides it.
    pub host: String,
    /// Not 0.
    pub port: u16,
    /// As a STUN server saw it.
    pub is_reflexive: bool,
}

/// Which end writes a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Asks for the file and offers the connection.
    Ask,
    /// Has the file and answers.
    Answer,
}

impl std::fmt::Debug for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Path({} addresses)", self.addresses.len())
    }
}

impl std::fmt::Debug for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Address(..)")
    }
}

impl Path {
    /// Checks every limit.
    ///
    /// # Errors
    /// [`Malformed`] names what is wrong.
    pub fn check(&self) -> Result<(), Malformed> {
        check_word("ufrag", &self.ufrag, UFRAG_BYTES_MIN)?;
        check_word("pwd", &self.pwd, PWD_BYTES_MIN)?;
        if self.addresses.len() > PATH_ADDRESSES_MAX {
            let (limit, found) = (PATH_ADDRESSES_MAX, self.addresses.len());
            return Err(Malformed::TooLong { field: "addresses", limit, found });
        }
        self.addresses.iter().try_for_each(Address::check)
    }

    /// What a description of this machine says; candidates that are of no use are left out.
    ///
    /// # Errors
    /// [`Malformed`] where something is missing.
    pub fn of_sdp(sdp: &str) -> Result<Self, Malformed> {
        if sdp.len() > SDP_BYTES_MAX {
            return Err(Malformed::TooLong { field: "sdp", limit: SDP_BYTES_MAX, found: sdp.len() });
        }
        let attribute = |name: &'static str| {
            let found = sdp.lines().find_map(|line| line.strip_prefix("a=")?.strip_prefix(name)?.strip_prefix(':'));
            found.map(str::trim).ok_or(Malformed::Missing { field: name })
        };
        let mut addresses: Vec<Address> = Vec::new();
        for line in sdp.lines() {
            let found = line.trim().strip_prefix("a=candidate:").and_then(Address::of_candidate);
            if let Some(found) = found.filter(|found| !addresses.contains(found))
                && addresses.len() < PATH_ADDRESSES_MAX
            {
                addresses.push(found);
            }
        }
        let path = Self {
            ufrag: attribute("ice-ufrag")?.to_owned(),
            pwd: attribute("ice-pwd")?.to_owned(),
            fingerprint: parse_fingerprint(attribute("fingerprint")?)?,
            addresses,
        };
        path.check()?;
        Ok(path)
    }

    /// A description of this end (RFC 8866, RFC 8841).
    pub fn to_sdp(&self, role: Role) -> String {
        let setup = match role {
            Role::Ask => "actpass",
            Role::Answer => "active",
        };
        let fingerprint: Vec<String> = self.fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
        let mut sdp = format!(
            "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE 0\r\n\
             m=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\nc=IN IP4 0.0.0.0\r\na=mid:0\r\n\
             a=ice-ufrag:{}\r\na=ice-pwd:{}\r\na=fingerprint:sha-256 {}\r\na=setup:{setup}\r\na=sctp-port:5000\r\n\
             a=max-message-size:{MESSAGE_BYTES_MAX}\r\n",
            self.ufrag,
            self.pwd,
            fingerprint.join(":"),
        );
        for (number, address) in (1_u32..).zip(&self.addresses) {
            let (kind, preference) =
                if address.is_reflexive { ("srflx raddr 0.0.0.0 rport 9", 100) } else { ("host", 126) };
            let priority = (preference << 24) + (65_535_u32.saturating_sub(number) << 8) + 255;
            // Writing to a string cannot fail.
            let _ =
                write!(sdp, "a=candidate:{number} 1 udp {priority} {} {} typ {kind}\r\n", address.host, address.port,);
        }
        sdp
    }
}

impl Address {
    fn check(&self) -> Result<(), Malformed> {
        if self.port == 0 {
            return Err(Malformed::Value { field: "port" });
        }
        if self.host.len() > PATH_HOST_BYTES_MAX {
            let (limit, found) = (PATH_HOST_BYTES_MAX, self.host.len());
            return Err(Malformed::TooLong { field: "host", limit, found });
        }
        // Nobody resolves a name of another's choice: only one that stays on the local network.
        let is_name = self.host.strip_suffix(".local").is_some_and(|name| {
            !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
        let is_address = self.host.parse::<core::net::IpAddr>().is_ok();
        if is_name || is_address { Ok(()) } else { Err(Malformed::Value { field: "host" }) }
    }

    /// RFC 8839 s.5.1: foundation, component, transport, priority, address, port, `typ`, kind.
    fn of_candidate(text: &str) -> Option<Self> {
        let fields: Vec<&str> = text.split_ascii_whitespace().take(8).collect();
        let [_, "1", transport, _, host, port, "typ", kind] = fields.as_slice() else { return None };
        if !transport.eq_ignore_ascii_case("udp") || !matches!(*kind, "host" | "srflx") {
            return None;
        }
        let address = Self { host: (*host).to_owned(), port: port.parse().ok()?, is_reflexive: *kind == "srflx" };
        address.check().is_ok().then_some(address)
    }
}

/// ice-char of RFC 8839 s.5.1.
fn check_word(field: &'static str, word: &str, least: usize) -> Result<(), Malformed> {
    if word.len() > ICE_WORD_BYTES_MAX {
        return Err(Malformed::TooLong { field, limit: ICE_WORD_BYTES_MAX, found: word.len() });
    }
    let is_word = word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/');
    if word.len() < least || !is_word { Err(Malformed::Value { field }) } else { Ok(()) }
}

fn parse_fingerprint(text: &str) -> Result<[u8; 32], Malformed> {
    let wrong = || Malformed::Value { field: "fingerprint" };
    let (hash, digits) = text.split_once(' ').ok_or_else(wrong)?;
    if !hash.eq_ignore_ascii_case("sha-256") {
        return Err(wrong());
    }
    let mut fingerprint = [0; 32];
    let mut pairs = digits.trim().split(':');
    for byte in &mut fingerprint {
        let pair = pairs.next().filter(|pair| pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
        *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong)?;
    }
    if pairs.next().is_some() { Err(wrong()) } else { Ok(fingerprint) }
}
