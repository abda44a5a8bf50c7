//! Credentials for clients, and where they lead: said over the connection that nobody's name is on.

use aws_lc_rs::hmac;
use calls::turn::CredentialSecret;
use ed25519_dalek::SigningKey;
use std::net::SocketAddr;
use wire::relay::RelayTerms;

/// What a secret for credentials is derived with: they outlive a restart of the node.
const SECRET_LABEL: &[u8] = b"sottovoce relay credential 1";
/// What the random part of a name is derived with.
const NAME_LABEL: &[u8] = b"sottovoce relay name 1";

/// The secret that passwords are made from.
pub fn credential_secret(key: &SigningKey) -> CredentialSecret {
    CredentialSecret::new(derive(key, SECRET_LABEL, &[]).as_ref())
}

fn derive(key: &SigningKey, label: &[u8], more: &[u8]) -> hmac::Tag {
    let mut mac = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key.as_bytes()));
    mac.update(label);
    mac.update(more);
    mac.sign()
}

/// What makes credentials.
pub struct Issuer {
    secret: CredentialSecret,
    name_key: [u8; 32],
    lifetime_s: u64,
    urls: Vec<String>,
}

impl Issuer {
    /// For a relay that is reached at `urls`. `random` is this process's own.
    pub fn new(key: &SigningKey, random: [u8; 32], lifetime_s: u64, urls: Vec<String>) -> Self {
        let name_key = derive(key, NAME_LABEL, &random);
        let name_key = std::array::from_fn(|at| name_key.as_ref()[at]);
        Self { secret: credential_secret(key), name_key, lifetime_s, urls }
    }

    /// A credential that no other one can be linked to, the `nth` of this process.
    pub fn issue(&self, now_s: u64, nth: u64) -> RelayTerms {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.name_key), &nth.to_be_bytes());
        let random = std::array::from_fn(|at| tag.as_ref()[at]);
        // Whole minutes: the second at which it was asked for is nobody's business.
        let expires_s = now_s.saturating_add(self.lifetime_s).next_multiple_of(60);
        let credential = self.secret.issue(expires_s, random);
        RelayTerms { urls: self.urls.clone(), username: credential.username, password: credential.password, expires_s }
    }
}

/// Where the relay is: by UDP, and by TCP or TLS on the port of HTTP.
pub fn urls(public_url: Option<&str>, http: SocketAddr, is_tls: bool, udp_port: u16) -> Vec<String> {
    let (host, http_port, is_tls) = match public_url.and_then(split_url) {
        Some(split) => split,
        None => {
            let host = match http {
                SocketAddr::V4(v4) => v4.ip().to_string(),
                SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
            };
            (host, http.port(), is_tls)
        }
    };
    let scheme = if is_tls { "turns" } else { "turn" };
    vec![
        format!("stun:{host}:{udp_port}"),
        format!("turn:{host}:{udp_port}?transport=udp"),
        format!("{scheme}:{host}:{http_port}?transport=tcp"),
    ]
}

/// Host, port and whether it is TLS, of an http or https URL.
fn split_url(url: &str) -> Option<(String, u16, bool)> {
    let (rest, is_tls) = match url.strip_prefix("https://") {
        Some(rest) => (rest, true),
        None => (url.strip_prefix("http://")?, false),
    };
    let authority = rest.split(['/', '?', '#']).next()?;
    let default = if is_tls { 443 } else { 80 };
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => Some((host.to_owned(), port.parse().ok()?, is_tls)),
        _ => Some((authority.to_owned(), default, is_tls)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_say_what_clients_can_reach() {
        let http = "192.0.2.1:7440".parse().expect("an address");
        let plain = ["stun:192.0.2.1:9", "turn:192.0.2.1:9?transport=udp", "turn:192.0.2.1:7440?transport=tcp"];
        assert_eq!(urls(None, http, false, 9), plain);
        let named = urls(Some("https://chat.example"), http, false, 7_440);
        assert_eq!(named[1..], ["turn:chat.example:7440?transport=udp", "turns:chat.example:443?transport=tcp"]);
        assert_eq!(
            urls(Some("https://[2001:db8::1]:8443"), http, true, 1)[2],
            "turns:[2001:db8::1]:8443?transport=tcp"
        );
        assert_eq!(urls(Some("https://[2001:db8::1]"), http, true, 1)[0], "stun:[2001:db8::1]:1");
    }

    #[test]
    fn credentials_differ_and_outlive_the_process() {
        let key = SigningKey::from_bytes(&[3; 32]);
        let issuer = Issuer::new(&key, [1; 32], 3_600, Vec::new());
        let (one, two) = (issuer.issue(1_000, 1), issuer.issue(1_000, 2));
        assert_ne!(one.username, two.username);
        assert_eq!(one.expires_s, 4_620);
        let after = Issuer::new(&key, [2; 32], 3_600, Vec::new());
        assert_ne!(after.issue(1_000, 1).username, one.username, "another process, another name");
        let again = CredentialSecret::new(derive(&key, SECRET_LABEL, &[]).as_ref());
        let made: [u8; 12] = std::array::from_fn(|at| {
            u8::from_str_radix(&one.username[5 + 2 * at..7 + 2 * at], 16).expect("hexadecimal")
        });
        assert_eq!(again.issue(one.expires_s, made).password, one.password);
    }
}
