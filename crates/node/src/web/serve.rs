//! Requests for the web app, and `/version`.

use crate::web::{Encoding, File, Keep, Site, Variant, policy};
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{
    ACCEPT_ENCODING, ALLOW, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, IF_NONE_MATCH, VARY,
};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// What the node serves, if it serves an app.
pub type Served = Arc<Option<Site>>;

/// What a browser shows that follows an invite link to a node without the app. What is behind the `#` stayed with it.
const INVITE: &str = "This is an invitation to a private chat. Take it with: sottovoce accept 'THE WHOLE LINK'\n";

/// Everything that is no route of its own.
pub async fn serve(State(site): State<Served>, request: Request) -> Response {
    if *request.method() != Method::GET && *request.method() != Method::HEAD {
        let allow = [(ALLOW, HeaderValue::from_static("GET, HEAD"))];
        return (StatusCode::METHOD_NOT_ALLOWED, allow, "only GET and HEAD are for this place\n").into_response();
    }
    let path = request.uri().path();
    let Some(site) = site.as_ref() else {
        return if path == "/i" { INVITE.into_response() } else { not_found() };
    };
    let Some(file) = site.file(path) else { return not_found() };
    let mut response = answer(file, request.headers(), *request.method() == Method::HEAD);
    policy::put_app_headers(response.headers_mut(), policy::for_path(path));
    response
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
}

fn answer(file: &File, asked: &HeaderMap, is_head: bool) -> Response {
    let Some(variant) = choose(file, asked) else {
        return (StatusCode::NOT_ACCEPTABLE, "no encoding of it is accepted\n").into_response();
    };
    let is_known = asked.get_all(IF_NONE_MATCH).into_iter().any(|known| names(known, &variant.etag));
    let mut response = if is_known {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        let body = if is_head { Body::empty() } else { Body::from(variant.bytes.clone()) };
        let mut response = Response::new(body);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(file.content_type));
        response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(variant.bytes.len()));
        let encoding = match variant.encoding {
            Encoding::Identity => None,
            Encoding::Gzip => Some("gzip"),
            Encoding::Brotli => Some("br"),
        };
        if let Some(encoding) = encoding {
            response.headers_mut().insert(CONTENT_ENCODING, HeaderValue::from_static(encoding));
        }
        response
    };
    let keep = match file.keep {
        Keep::Immutable => "public, max-age=31536000, immutable",
        Keep::Ask => "no-cache",
    };
    let headers = response.headers_mut();
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(keep));
    headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
    headers.insert(ETAG, variant.etag.clone());
    response
}

/// The smallest body that the client takes.
fn choose<'a>(file: &'a File, asked: &HeaderMap) -> Option<&'a Variant> {
    let takes = |variant: &&Variant| match variant.encoding {
        Encoding::Identity => quality(asked, "identity") != Some(false),
        Encoding::Gzip => quality(asked, "gzip") == Some(true),
        Encoding::Brotli => quality(asked, "br") == Some(true),
    };
    file.variants.iter().find(takes)
}

/// Whether an encoding is accepted (RFC 9110 s.12.5.3); `None`: nothing is said of it.
fn quality(asked: &HeaderMap, name: &str) -> Option<bool> {
    let values = asked.get_all(ACCEPT_ENCODING).into_iter().filter_map(|value| value.to_str().ok());
    let mut any = None;
    for part in values.flat_map(|value| value.split(',')) {
        let mut words = part.split(';').map(str::trim);
        let token = words.next().unwrap_or_default();
        let is_refused = words
            .filter_map(|word| word.strip_prefix("q=").or_else(|| word.strip_prefix("Q=")))
            .any(|weight| weight.parse::<f32>().is_ok_and(|weight| weight <= 0.0));
        if token.eq_ignore_ascii_case(name) {
            return Some(!is_refused);
        }
        if token == "*" {
            any = Some(!is_refused);
        }
    }
    any
}

/// Whether a list of entity tags holds this one (RFC 9110 s.13.1.2: compared weakly).
fn names(list: &HeaderValue, etag: &HeaderValue) -> bool {
    let (Ok(list), Ok(etag)) = (list.to_str(), etag.to_str()) else { return false };
    list.split(',').map(str::trim).any(|known| known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag)
}

/// `GET /version`: `{"version": TEXT, "web": HASH or null}`; the hash is [`Site::hash`].
pub async fn version(State(site): State<Served>) -> Response {
    let web = site.as_ref().as_ref().map_or_else(|| "null".to_owned(), |site| format!("\"{}\"", site.hash().to_hex()));
    let text = format!("{{\"version\":\"{}\",\"web\":{web}}}\n", env!("CARGO_PKG_VERSION"));
    ([(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")], text).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(values: &[&'static str]) -> HeaderMap {
        values.iter().map(|value| (ACCEPT_ENCODING, HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn encodings_are_taken_as_the_client_weighs_them() {
        for (values, name, expected) in [
            (&["gzip, deflate, br"][..], "br", Some(true)),
            (&["gzip", "BR;q=0.5"], "br", Some(true)),
            (&["br;q=0, gzip"], "br", Some(false)),
            (&["br; q=0.000"], "br", Some(false)),
            (&["*"], "br", Some(true)),
            (&["*, br;q=0"], "br", Some(false)),
            (&["*;q=0, br"], "identity", Some(false)),
            (&[], "br", None),
            (&["brotli"], "br", None),
        ] {
            assert_eq!(quality(&asked(values), name), expected, "{values:?}");
        }
    }

    #[test]
    fn entity_tags_are_compared_one_by_one() {
        let etag = HeaderValue::from_static("\"abc\"");
        for (list, expected) in
            [("\"abc\"", true), ("\"x\", W/\"abc\"", true), ("*", true), ("\"ab\"", false), ("abc", false), ("", false)]
        {
            assert_eq!(names(&HeaderValue::from_static(list), &etag), expected, "{list}");
        }
    }
}
