//! What a browser is told that the app may do (docs/decisions/0014-the-page-and-its-worker.md): as little as it needs.

use axum::http::HeaderMap;
use axum::http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS};

/// The page, and every file but the engine's worker: it speaks to this node alone.
///
/// `sottovoce` is the app's own policy, for the URLs of its two workers; the views make elements and no markup. A frame
/// is where a download begins; the app itself stands in none.
pub const PAGE: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; style-src 'self'; \
    img-src 'self' blob: data:; media-src 'self' blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; \
    frame-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types sottovoce";

/// The engine's worker: it may speak to the nodes of other people's conversations too. It has no document, so nothing
/// that anybody wrote can run there.
pub const WORKER: &str = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' https: wss:; \
    worker-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// The worker that decodes other people's pictures: it reaches nothing at all.
pub const MEDIA: &str = "default-src 'none'; script-src 'self'; worker-src 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// Everything that is not the app.
pub const NOTHING: &str = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox";

/// Everything shut but what the app has a use for: copying and sharing an invite, calls, media in full size.
const PERMISSIONS: &str = "accelerometer=(), autoplay=(self), \
    browsing-topics=(), camera=(self), clipboard-read=(), clipboard-write=(self), compute-pressure=(), \
    display-capture=(self), encrypted-media=(), fullscreen=(self), gamepad=(), geolocation=(), gyroscope=(), hid=(), \
    identity-credentials-get=(), idle-detection=(), local-fonts=(), magnetometer=(), \
    microphone=(self), midi=(), otp-credentials=(), payment=(), picture-in-picture=(self), \
    private-state-token-issuance=(), private-state-token-redemption=(), publickey-credentials-create=(), \
    publickey-credentials-get=(), screen-wake-lock=(self), serial=(), speaker-selection=(self), \
    storage-access=(), usb=(), window-management=(), xr-spatial-tracking=()";

/// Where the build puts the engine's worker and the decoder's; a test of the app holds it to that.
const WORKER_PREFIX: &str = "/assets/worker-";
const MEDIA_PREFIX: &str = "/assets/media-";

/// The policy of the file at a path.
pub fn for_path(path: &str) -> &'static str {
    match path {
        _ if path.starts_with(WORKER_PREFIX) => WORKER,
        _ if path.starts_with(MEDIA_PREFIX) => MEDIA,
        _ => PAGE,
    }
}

/// What every file of the app carries beside its policy.
pub fn put_app_headers(headers: &mut HeaderMap, policy: &'static str) {
    put_common_headers(headers);
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    for (name, value) in [
        ("cross-origin-opener-policy", "same-origin"),
        ("cross-origin-embedder-policy", "require-corp"),
        ("origin-agent-cluster", "?1"),
        ("permissions-policy", PERMISSIONS),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
}

/// What every other answer carries, unless it says otherwise itself.
pub fn put_common_headers(headers: &mut HeaderMap) {
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, NOTHING),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        headers.entry(name).or_insert(HeaderValue::from_static(value));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directive<'a>(policy: &'a str, name: &str) -> Vec<&'a str> {
        let mut found = policy.split(';').map(|part| part.split_whitespace().collect::<Vec<_>>());
        found.find(|words| words.first() == Some(&name)).map(|words| words[1..].to_vec()).unwrap_or_default()
    }

    #[test]
    fn no_policy_lets_text_become_code_or_the_page_speak_to_anybody_else() {
        assert_eq!(directive(MEDIA, "script-src"), ["'self'"]);
        assert!(directive(MEDIA, "connect-src").is_empty());
        for policy in [PAGE, WORKER, MEDIA] {
            assert_eq!(directive(policy, "default-src"), ["'none'"]);
            assert!(directive(policy, "script-src").iter().all(|word| ["'self'", "'wasm-unsafe-eval'"].contains(word)));
            assert_eq!(directive(policy, "require-trusted-types-for"), ["'script'"]);
            for word in ["'unsafe-inline'", "'unsafe-eval'", "http:", "*"] {
                assert!(!policy.split([' ', ';']).any(|found| found == word), "{word}");
            }
        }
        assert_eq!(directive(PAGE, "connect-src"), ["'self'"]);
        assert!(!PAGE.contains("https:") && !PAGE.contains("wss:"));
    }

    #[test]
    fn policies_are_one_line_without_a_directive_twice() {
        for policy in [PAGE, WORKER, MEDIA, NOTHING, PERMISSIONS] {
            assert!(!policy.contains("  ") && !policy.contains('\n'), "{policy}");
            let split = if policy == PERMISSIONS { ',' } else { ';' };
            let mut names: Vec<&str> =
                policy.split(split).filter_map(|part| part.trim().split([' ', '=']).next()).collect();
            let count = names.len();
            names.sort_unstable();
            names.dedup();
            assert_eq!(names.len(), count);
        }
    }

    #[test]
    fn only_the_engines_worker_may_reach_other_nodes() {
        assert_eq!(for_path("/assets/worker-12345678.js"), WORKER);
        assert_eq!(for_path("/assets/media-12345678.js"), MEDIA);
        for path in ["/", "/sw.js", "/assets/index-12345678.js", "/worker-12345678.js"] {
            assert_eq!(for_path(path), PAGE, "{path}");
        }
    }
}
