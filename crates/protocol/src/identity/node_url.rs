//! A node's URL: parsed strictly, kept normalised, so that equal URLs are equal bytes.

use core::net::{Ipv4Addr, Ipv6Addr};
use std::fmt;
use wire::limit::NODE_URL_BYTES_MAX;

/// `https://host[:port][/path]`, or `http://` for this machine only. At most 255 bytes.
///
/// Normalised: lower-case scheme and host, no default port, no trailing slash, no query, fragment or user part.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NodeUrl(String);

/// Why a text is no node URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NodeUrlError {
    /// Longer than 255 bytes.
    #[error("the node's URL has {found} bytes, at most 255 are allowed")]
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Neither `https://` nor `http://`.
    #[error("the node's URL must begin with https://")]
    Scheme,
    /// `http://` to another machine.
    #[error("the node's URL must begin with https:// unless the node runs on this machine")]
    Insecure,
    /// No host, or none that is a name or an address.
    #[error("the node's URL has no valid host name")]
    Host,
    /// A port outside 1 to 65,535.
    #[error("the node's URL has no valid port")]
    Port,
    /// A path with other than letters, digits and `-._~/`, or with an empty or dot segment.
    #[error("the node's URL has a path that is not allowed")]
    Path,
    /// A user part, query or fragment.
    #[error("the node's URL must not have a user, query or fragment")]
    Extra,
}

impl NodeUrl {
    /// Reads and normalises.
    ///
    /// # Errors
    /// The first [`NodeUrlError`] that applies.
    pub fn parse(text: &str) -> Result<Self, NodeUrlError> {
        if text.len() > NODE_URL_BYTES_MAX {
            return Err(NodeUrlError::TooLong { found: text.len() });
        }
        let (scheme, rest) = text.split_once("://").ok_or(NodeUrlError::Scheme)?;
        let is_secure = match scheme.to_ascii_lowercase().as_str() {
            "https" => true,
            "http" => false,
            _ => return Err(NodeUrlError::Scheme),
        };
        if rest.contains(['@', '?', '#', '\\']) {
            return Err(NodeUrlError::Extra);
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let host = Host::parse(host)?;
        if !is_secure && !host.is_loopback() {
            return Err(NodeUrlError::Insecure);
        }
        let default_port = if is_secure { 443 } else { 80 };
        let mut url = format!("{}://{host}", if is_secure { "https" } else { "http" });
        if let Some(port) = port.filter(|port| *port != default_port) {
            url.push_str(&format!(":{port}"));
        }
        url.push_str(check_path(path)?);
        if url.len() > NODE_URL_BYTES_MAX {
            return Err(NodeUrlError::TooLong { found: url.len() });
        }
        Ok(Self(url))
    }

    /// The normalised text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for NodeUrl {
    type Error = NodeUrlError;

    fn try_from(text: String) -> Result<Self, NodeUrlError> {
        Self::parse(&text)
    }
}

impl From<NodeUrl> for String {
    fn from(url: NodeUrl) -> Self {
        url.0
    }
}

impl fmt::Display for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for NodeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NodeUrl(..)")
    }
}

impl std::str::FromStr for NodeUrl {
    type Err = NodeUrlError;

    fn from_str(text: &str) -> Result<Self, NodeUrlError> {
        Self::parse(text)
    }
}

enum Host {
    Name(String),
    V4(Ipv4Addr),
    V6(Ipv6Addr),
}

impl Host {
    fn parse(text: &str) -> Result<Self, NodeUrlError> {
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(NodeUrlError::Host)?;
            return inner.parse().map(Self::V6).map_err(|_| NodeUrlError::Host);
        }
        let name = text.to_ascii_lowercase();
        let last = name.rsplit('.').next().unwrap_or_default();
        // What ends in a number is an address or nothing: other readers would take 127.1 or 0x7f for one.
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            return name.parse().map(Self::V4).map_err(|_| NodeUrlError::Host);
        }
        let is_label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
                && !label.starts_with('-')
                && !label.ends_with('-')
        };
        if name.len() <= 253 && name.split('.').all(is_label) { Ok(Self::Name(name)) } else { Err(NodeUrlError::Host) }
    }

    fn is_loopback(&self) -> bool {
        match self {
            Self::Name(name) => name == "localhost" || name.ends_with(".localhost"),
            Self::V4(address) => address.is_loopback(),
            Self::V6(address) => address.is_loopback(),
        }
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::V4(address) => write!(f, "{address}"),
            Self::V6(address) => write!(f, "[{address}]"),
        }
    }
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), NodeUrlError> {
    let after_bracket = match (authority.starts_with('['), authority.rfind(']')) {
        (false, None) => 0,
        (true, Some(index)) => index + 1,
        (true, None) | (false, Some(_)) => return Err(NodeUrlError::Host),
    };
    let Some(colon) = authority[after_bracket..].find(':') else {
        return Ok((authority, None));
    };
    let (host, port) = authority.split_at(after_bracket + colon);
    let port = &port[1..];
    if port.is_empty() || port.len() > 5 || !port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NodeUrlError::Port);
    }
    match port.parse() {
        Ok(0) | Err(_) => Err(NodeUrlError::Port),
        Ok(port) => Ok((host, Some(port))),
    }
}

fn check_path(path: &str) -> Result<&str, NodeUrlError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
    };
    match path.strip_prefix('/') {
        None => Ok(path),
        Some(inner) if inner.split('/').all(is_segment) => Ok(path),
        Some(_) => Err(NodeUrlError::Path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn urls_are_normalised() {
        for (text, expected) in [
            ("https://node.example", "https://node.example"),
            ("HTTPS://Node.Example:443/", "https://node.example"),
            ("https://node.example:8443/chat/", "https://node.example:8443/chat"),
            ("http://localhost:80", "http://localhost"),
            ("http://127.0.0.1:7000", "http://127.0.0.1:7000"),
            ("http://[0:0:0:0:0:0:0:1]:7000/", "http://[::1]:7000"),
            ("https://[2001:DB8::1]", "https://[2001:db8::1]"),
            ("https://10.0.0.7", "https://10.0.0.7"),
            ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
            ("http://a.localhost:1", "http://a.localhost:1"),
        ] {
            assert_eq!(NodeUrl::parse(text).map(|url| url.to_string()), Ok(expected.to_owned()), "{text}");
        }
    }

    #[test]
    fn what_is_no_node_url_is_named() {
        use NodeUrlError::*;
        for (text, expected) in [
            ("", Scheme),
            ("node.example", Scheme),
            ("ftp://node.example", Scheme),
            ("wss://node.example", Scheme),
            ("http://node.example", Insecure),
            ("http://10.0.0.7", Insecure),
            ("http://localhost.example", Insecure),
            ("http://127.0.0.1.example", Insecure),
            ("https://", Host),
            ("https:///x", Host),
            ("https://:443", Host),
            ("https://a..b", Host),
            ("https://-a.example", Host),
            ("https://a_b.example", Host),
            ("https://node.example.", Host),
            ("https://bücher.example", Host),
            ("https://no de.example", Host),
            ("http://127.1", Host),
            ("http://0x7f000001", Host),
            ("http://2130706433", Host),
            ("http://1.2.3.4.5", Host),
            ("https://[::1", Host),
            ("https://[::1]x", Host),
            ("https://[fe80::1%25eth0]", Host),
            ("https://node.example:", Port),
            ("https://node.example:0", Port),
            ("https://node.example:65536", Port),
            ("https://node.example:+80", Port),
            ("https://node.example:80:80", Port),
            ("https://node.example/a//b", Path),
            ("https://node.example/../x", Path),
            ("https://node.example/a%20b", Path),
            ("https://user@node.example", Extra),
            ("https://node.example?x", Extra),
            ("https://node.example/#x", Extra),
            ("https://node.example\\x", Extra),
        ] {
            assert_eq!(NodeUrl::parse(text), Err(expected), "{text}");
        }
    }

    #[test]
    fn limit_is_255_bytes() {
        let base = "https://node.example/";
        let at = format!("{base}{}", "a".repeat(NODE_URL_BYTES_MAX - base.len()));
        assert_eq!(NodeUrl::parse(&at).map(|url| url.as_str().len()), Ok(255));
        assert_eq!(NodeUrl::parse(&format!("{at}a")), Err(NodeUrlError::TooLong { found: 256 }));
    }

    #[test]
    fn debug_hides_the_url() {
        assert_eq!(format!("{:?}", NodeUrl::parse("https://node.example").unwrap()), "NodeUrl(..)");
    }

    proptest! {
        #[test]
        fn normalised_urls_are_fixed_points(text in "(https?|HTTP)://(localhost|[a-zA-Z0-9.:\\[\\]-]{1,20})(:[0-9]{1,5})?(/[a-z./]{0,9})?") {
            if let Ok(url) = NodeUrl::parse(&text) {
                prop_assert_eq!(NodeUrl::parse(url.as_str()), Ok(url.clone()));
            }
        }

        #[test]
        fn any_text_parses_or_is_refused(text in ".{0,300}") {
            let _ = NodeUrl::parse(&text).is_ok();
        }
    }
}
