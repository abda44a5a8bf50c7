//! Where calls are relayed, and with which short-lived credential (CALLS.md s.6).

use crate::Malformed;
use crate::proto::node as raw;

/// URLs of one relay at most.
pub const RELAY_URLS_MAX: usize = 8;
/// Bytes of one URL at most.
pub const RELAY_URL_BYTES_MAX: usize = 300;
/// Bytes of a name and of a password at most.
pub const RELAY_CREDENTIAL_BYTES_MAX: usize = 128;

/// What a node answers to a request for a relay.
#[derive(Clone, PartialEq, Eq)]
pub struct RelayTerms {
    /// `stun:`, `turn:` and `turns:` URLs (RFC 7064, RFC 7065), the best first.
    pub urls: Vec<String>,
    /// The name; it names nobody.
    pub username: String,
    /// The password.
    pub password: String,
    /// Until when they are good, seconds since the Unix epoch.
    pub expires_s: u64,
}

impl std::fmt::Debug for RelayTerms {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("RelayTerms").field("expires_s", &self.expires_s).finish_non_exhaustive()
    }
}

impl RelayTerms {
    pub(crate) fn encode(self) -> raw::RelayTerms {
        let Self { urls, username, password, expires_s } = self;
        raw::RelayTerms { urls, username, password, expires_s }
    }

    pub(crate) fn parse(terms: raw::RelayTerms) -> Result<Self, Malformed> {
        let at_most = |field, found, limit| {
            if found > limit { Err(Malformed::TooLong { field, limit, found }) } else { Ok(()) }
        };
        at_most("urls", terms.urls.len(), RELAY_URLS_MAX)?;
        for url in &terms.urls {
            at_most("url", url.len(), RELAY_URL_BYTES_MAX)?;
            let is_known = ["stun:", "turn:", "turns:"].iter().any(|scheme| url.starts_with(scheme));
            if !is_known || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
                return Err(Malformed::Value { field: "url" });
            }
        }
        at_most("username", terms.username.len(), RELAY_CREDENTIAL_BYTES_MAX)?;
        at_most("password", terms.password.len(), RELAY_CREDENTIAL_BYTES_MAX)?;
        let raw::RelayTerms { urls, username, password, expires_s } = terms;
        Ok(Self { urls, username, password, expires_s })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms(urls: Vec<String>) -> raw::RelayTerms {
        raw::RelayTerms { urls, username: "1:a".into(), password: "hush".into(), expires_s: 1 }
    }

    #[test]
    fn terms_are_taken_at_their_limits_and_refused_one_past_them() {
        let url = |bytes: usize| format!("turn:{}", "h".repeat(bytes - 5));
        assert!(RelayTerms::parse(terms(vec![url(RELAY_URL_BYTES_MAX); RELAY_URLS_MAX])).is_ok());
        assert!(RelayTerms::parse(terms(vec![url(RELAY_URL_BYTES_MAX + 1)])).is_err());
        assert!(RelayTerms::parse(terms(vec![url(20); RELAY_URLS_MAX + 1])).is_err());
        for url in ["https://host", "", "turn:a b", "turn:\u{e9}"] {
            assert!(RelayTerms::parse(terms(vec![url.to_owned()])).is_err(), "{url}");
        }
        let long = raw::RelayTerms { password: "p".repeat(RELAY_CREDENTIAL_BYTES_MAX + 1), ..terms(Vec::new()) };
        assert!(RelayTerms::parse(long).is_err());
    }

    #[test]
    fn no_password_is_shown() {
        let terms = RelayTerms::parse(terms(Vec::new())).expect("terms");
        assert!(!format!("{terms:?}").contains("hush"));
    }
}
