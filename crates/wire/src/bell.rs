//! What a client leaves with a node to be told, without content, that a lane it reads has grown (LANE.md N15).

use crate::Malformed;
use crate::limit::BELL_ENDPOINT_BYTES_MAX;

/// Bytes of a client's push key: an uncompressed point of P-256 (RFC 8291 s.2, `p256dh`).
pub const PUSH_KEY_BYTES: usize = 65;
/// Bytes of a client's authentication secret (RFC 8291 s.3.2, `auth`).
pub const PUSH_AUTH_BYTES: usize = 16;

/// A push subscription (RFC 8030) with the keys that a message to it is sealed with (RFC 8291). Whoever knows the
/// endpoint can wake the device: it is never shown.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Bell {
    endpoint: String,
    /// `p256dh`, not yet known to be a point of the curve.
    pub key: [u8; PUSH_KEY_BYTES],
    /// `auth`.
    pub auth: [u8; PUSH_AUTH_BYTES],
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Bell(..)")
    }
}

impl Bell {
    /// Checks what can be seen of a subscription: an http or https URL of at most 1,024 visible ASCII characters
    /// without a fragment or a user, and the lengths of both keys. Where it may point is for the node to judge.
    ///
    /// # Errors
    /// Names the field.
    pub fn parse(endpoint: &[u8], key: &[u8], auth: &[u8]) -> Result<Self, Malformed> {
        let (field, limit, found) = ("endpoint", BELL_ENDPOINT_BYTES_MAX, endpoint.len());
        if found > limit {
            return Err(Malformed::TooLong { field, limit, found });
        }
        let text = std::str::from_utf8(endpoint).map_err(|_| Malformed::Value { field })?;
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let rest = rest.ok_or(Malformed::Value { field })?;
        let is_visible = rest.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        if !is_visible || authority.is_empty() || authority.contains('@') {
            return Err(Malformed::Value { field });
        }
        let length = |field, expected, found: usize| Malformed::Length { field, expected, found };
        Ok(Self {
            endpoint: text.to_owned(),
            key: key.try_into().map_err(|_| length("p256dh", PUSH_KEY_BYTES, key.len()))?,
            auth: auth.try_into().map_err(|_| length("auth", PUSH_AUTH_BYTES, auth.len()))?,
        })
    }

    /// Where the push service listens for it.
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Result<Bell, Malformed> {
        Bell::parse(text.as_bytes(), &[4; PUSH_KEY_BYTES], &[1; PUSH_AUTH_BYTES])
    }

    #[test]
    fn endpoint_is_a_url_of_visible_ascii_within_its_limit() {
        for good in ["https://push.example/a?b=c", "http://127.0.0.1:9/x", "https://push.example"] {
            assert_eq!(endpoint(good).expect("a bell").endpoint(), good);
        }
        for bad in
            ["", "ftp://x/", "https://", "https:///a", "https://a@b/", "https://a/b c", "https://a/#x", "https://ü/"]
        {
            assert_eq!(endpoint(bad), Err(Malformed::Value { field: "endpoint" }), "{bad}");
        }
        let long = |bytes: usize| format!("https://a/{}", "x".repeat(bytes - 10));
        assert!(endpoint(&long(BELL_ENDPOINT_BYTES_MAX)).is_ok());
        assert!(matches!(endpoint(&long(BELL_ENDPOINT_BYTES_MAX + 1)), Err(Malformed::TooLong { .. })));
    }

    #[test]
    fn keys_of_another_length_are_refused_and_nothing_is_shown() {
        for (key, auth) in [(64, 16), (66, 16), (65, 15), (65, 17), (0, 0)] {
            let parsed = Bell::parse(b"https://a/", &vec![4; key], &vec![1; auth]);
            assert!(matches!(parsed, Err(Malformed::Length { .. })), "{key} {auth}");
        }
        assert_eq!(format!("{:?}", endpoint("https://push.example/secret")), "Ok(Bell(..))");
    }
}
