//! HTTP: readiness, blobs, the web app, and the way to the WebSocket.

use crate::blob::{get_blob, preflight, put_blob};
use crate::file::Files;
use crate::listen::{Guard, Stream};
use crate::shared::Shared;
use crate::socket::Socket;
use crate::stall::Impatient;
use crate::web::policy;
use crate::web::serve::{Served, serve, version};
use aws_lc_rs::digest;
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CONNECTION, HeaderValue, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, UPGRADE};
use axum::http::header::{HeaderName, SEC_WEBSOCKET_VERSION};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use hyper_util::rt::TokioIo;
use std::sync::Arc;
use wire::node::{PUSH_KEY_PATH, Refusal, SOCKET_PATH};

/// The routes that everybody may use.
pub fn router(state: Arc<crate::blob::Blobs>, files: Arc<Files>, site: Served, push_key: Option<String>) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/v1/blob/{id}", get(get_blob).put(put_blob).options(preflight))
        .route(SOCKET_PATH, get(upgrade))
        .route(PUSH_KEY_PATH, get(async || push_key.ok_or((StatusCode::NOT_FOUND, "no push here\n"))))
        .with_state(state)
        .merge(crate::file::http::router(files))
        .route("/version", get(version).with_state(Arc::clone(&site)))
        .fallback_service(any(serve).with_state(site))
        .layer(map_response(guarded))
}

/// No answer leaves without saying what a browser may do with it.
async fn guarded(mut response: Response) -> Response {
    policy::put_common_headers(response.headers_mut());
    response
}

/// A refusal with the seconds after which to try again.
pub fn try_later(status: StatusCode, retry_after_s: u32, what: &'static str) -> Response {
    (status, [(RETRY_AFTER, HeaderValue::from(retry_after_s))], what).into_response()
}

fn has_token(headers: &HeaderMap, name: HeaderName, token: &str) -> bool {
    let values = headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|found| found.trim().eq_ignore_ascii_case(token))
}

/// The key of a well-formed WebSocket handshake (RFC 6455 s.4.2.1).
fn websocket_key(headers: &HeaderMap) -> Option<&HeaderValue> {
    let is_version_13 = headers.get(SEC_WEBSOCKET_VERSION).is_some_and(|version| version == "13");
    let is_upgrade = has_token(headers, CONNECTION, "upgrade") && has_token(headers, UPGRADE, "websocket");
    headers.get(SEC_WEBSOCKET_KEY).filter(|_| is_version_13 && is_upgrade)
}

fn accept_value(key: &HeaderValue) -> String {
    let mut hash = digest::Context::new(&digest::SHA1_FOR_LEGACY_USE_ONLY);
    hash.update(key.as_bytes());
    hash.update(b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    base64(hash.finish().as_ref())
}

/// Standard base64 with padding: the handshake's only use of it.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for at in 0..4 {
            let six = (word >> (18 - 6 * at)) & 63;
            text.push(if at <= chunk.len() { char::from(ALPHABET[six as usize]) } else { '=' });
        }
    }
    text
}

async fn upgrade(State(state): State<Arc<crate::blob::Blobs>>, mut request: Request) -> Response {
    let Some(key) = websocket_key(request.headers()) else {
        return (StatusCode::UPGRADE_REQUIRED, [(UPGRADE, "websocket")], "a WebSocket is spoken here\n")
            .into_response();
    };
    let accept = accept_value(key);
    let guard = request.extensions_mut().remove::<Guard>();
    let shared = Arc::clone(state.shared());
    let mut hello_nonce = [0; 32];
    if getrandom::fill(&mut hello_nonce).is_err() {
        return try_later(StatusCode::SERVICE_UNAVAILABLE, 1, "no randomness\n");
    }
    let on_upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = on_upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<Impatient<Stream>>>() else { return };
        run_socket(parts.io.into_inner().into_inner(), parts.read_buf, shared, hello_nonce, guard);
    });
    let headers = [(CONNECTION, "upgrade"), (UPGRADE, "websocket"), (SEC_WEBSOCKET_ACCEPT, accept.as_str())];
    (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// Starts a task of its own: that of the upgrade was larger.
fn run_socket(stream: Stream, early: bytes::Bytes, shared: Arc<Shared>, hello_nonce: [u8; 32], guard: Option<Guard>) {
    let conn = match shared.connect(hello_nonce) {
        Ok(conn) => conn,
        Err(refusal) => {
            tokio::spawn(refuse(stream, refusal));
            return;
        }
    };
    // The task is the socket itself: an async block would hold it twice.
    match stream {
        Stream::Plain(tcp) => tokio::spawn(Socket::new(tcp, &early, shared, conn, guard)),
        Stream::Tls(tls) => tokio::spawn(Socket::new(tls, &early, shared, conn, guard)),
    };
}

/// Says why there is no room, instead of a Hello, and closes.
async fn refuse(mut stream: Stream, refusal: Refusal) {
    use crate::websocket::{CloseCode, HEADER_BYTES_MAX, push_close, write_binary_header};
    use tokio::io::AsyncWriteExt;
    let frame = wire::node::encode_events(vec![(0, wire::node::Event::Refused(refusal))]);
    let mut out = vec![0; HEADER_BYTES_MAX];
    let header_bytes = write_binary_header(frame.len(), &mut out);
    out.extend_from_slice(&frame);
    push_close(CloseCode::TryLater, &mut out);
    // Whether it arrives is the peer's affair.
    let _ = stream.write_all(&out[HEADER_BYTES_MAX - header_bytes..]).await;
    let _ = stream.shutdown().await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn handshake_answers_as_in_rfc_6455() {
        let key = HeaderValue::from_static("dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(accept_value(&key), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        assert_eq!([base64(b""), base64(b"f"), base64(b"fo"), base64(b"foo")], ["", "Zg==", "Zm8=", "Zm9v"]);
    }
}
