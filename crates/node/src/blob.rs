//! Blobs over HTTP (LANE.md N11): `PUT /v1/blob/{id}?ttl_s=N` with a length, durable on return; `GET /v1/blob/{id}`.

use crate::budget::Budget;
use crate::http::try_later;
use crate::shared::{Shared, now_ms};
use axum::body::{Body, Bytes};
use axum::extract::{Path, RawQuery, State};
use axum::http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use delivery::Storage;
use futures_util::stream;
use http_body_util::{BodyExt, Limited};
use sha2::{Digest, Sha256};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::sync::Semaphore;
use wire::id::BlobId;

/// Bytes read from the store at once.
const CHUNK_BYTES: usize = 256 << 10;
/// How long an upload may take.
const UPLOAD_MAX: Duration = Duration::from_secs(300);
/// How long an upload waits for its turn.
const TURN_MAX: Duration = Duration::from_secs(10);

/// What blob requests may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlobLimits {
    /// Bytes of uploads held in memory at once, of all clients together.
    pub upload_bytes_max: usize,
    /// Bytes stored an hour, of all clients together.
    pub bytes_per_h: u64,
    /// Seconds that a blob is kept at most unless a cell pins it.
    pub ttl_s_max: u64,
}

/// Blob requests' share of the node.
pub struct Blobs {
    shared: Arc<Shared>,
    limits: BlobLimits,
    /// One permit a KiB of an upload in memory.
    turns: Semaphore,
    budget: Budget,
}

impl Blobs {
    /// Within `limits`.
    pub fn new(shared: Arc<Shared>, limits: BlobLimits) -> Self {
        let turns = Semaphore::new(limits.upload_bytes_max >> 10);
        let budget = Budget::new(limits.bytes_per_h);
        Self { shared, limits, turns, budget }
    }

    /// The rest of the node.
    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }
}

fn bad(what: &'static str) -> Response {
    (StatusCode::BAD_REQUEST, what).into_response()
}

/// `ttl_s=N` and nothing else.
fn parse_ttl_s(query: Option<&str>) -> Option<u64> {
    query?.strip_prefix("ttl_s=")?.parse().ok().filter(|ttl_s| *ttl_s > 0)
}

/// Lets the page of another node use this one's blobs (docs/decisions/0014): they are sealed, named by their hash, and
/// whoever may ask for one without a browser may ask with one. Nothing of a browser's own, such as a cookie, is taken.
fn open_to_all(mut response: Response) -> Response {
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static("retry-after"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers what a browser asks before it puts a blob at another node (Fetch, CORS preflight).
pub async fn preflight() -> Response {
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, PUT")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static("content-type")),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    open_to_all((StatusCode::NO_CONTENT, headers).into_response())
}

/// Stores a blob; 201 once it is durable, 200 if it was here.
pub async fn put_blob(
    State(blobs): State<Arc<Blobs>>,
    Path(id): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Body,
) -> Response {
    open_to_all(put(&blobs, &id, query.as_deref(), &headers, body).await)
}

async fn put(blobs: &Arc<Blobs>, id: &str, query: Option<&str>, headers: &HeaderMap, body: Body) -> Response {
    let Ok(id) = BlobId::from_hex(id) else { return bad("the id is not 64 hexadecimal digits\n") };
    let Some(ttl_s) = parse_ttl_s(query) else { return bad("ttl_s is missing or not a number\n") };
    if ttl_s > blobs.limits.ttl_s_max {
        return bad("ttl_s is over the limit\n");
    }
    let length = headers.get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse::<u64>().ok());
    let Some(length) = length else { return (StatusCode::LENGTH_REQUIRED, "a length is needed\n").into_response() };
    if length > blobs.shared.policy.blob_bytes_max {
        return (StatusCode::PAYLOAD_TOO_LARGE, "a blob over the limit\n").into_response();
    }
    if length == 0 {
        return bad("an empty blob\n");
    }
    if blobs.shared.is_disk_full.load(Ordering::Relaxed) {
        return try_later(StatusCode::INSUFFICIENT_STORAGE, 60, "no room on disk\n");
    }
    // The body is held in memory until it is stored: as much at once as the limit says.
    let permits = u32::try_from((length >> 10) + 1).unwrap_or(u32::MAX);
    let Ok(Ok(_turn)) = tokio::time::timeout(TURN_MAX, blobs.turns.acquire_many(permits)).await else {
        return try_later(StatusCode::SERVICE_UNAVAILABLE, 5, "too many uploads\n");
    };
    if let Err(retry_after_s) = blobs.budget.spend(length) {
        return try_later(StatusCode::TOO_MANY_REQUESTS, retry_after_s, "too many bytes\n");
    }
    let limit = usize::try_from(length).unwrap_or(usize::MAX);
    let Ok(Ok(body)) = tokio::time::timeout(UPLOAD_MAX, Limited::new(body, limit).collect()).await else {
        return bad("the body did not come as announced\n");
    };
    let bytes = body.to_bytes();
    if bytes.len() != limit {
        return bad("the body did not come as announced\n");
    }
    store(blobs, id, bytes, ttl_s).await
}

async fn store(blobs: &Arc<Blobs>, id: BlobId, bytes: Bytes, ttl_s: u64) -> Response {
    let shared = Arc::clone(&blobs.shared);
    let stored = tokio::task::spawn_blocking(move || {
        if Sha256::digest(&bytes)[..] != id.0 {
            return Ok(false);
        }
        let keep_until_s = (now_ms() / 1_000).saturating_add(ttl_s);
        shared.engine.store().put_blob(&id, &bytes, keep_until_s).map(|()| true)
    });
    match stored.await {
        Ok(Ok(true)) => {
            blobs.shared.counters.blobs.fetch_add(1, Ordering::Relaxed);
            StatusCode::CREATED.into_response()
        }
        Ok(Ok(false)) => bad("the id is not the hash of the body\n"),
        Ok(Err(error)) => {
            tracing::error!(%error, "storing a blob failed");
            try_later(StatusCode::INTERNAL_SERVER_ERROR, 5, "the node could not store it\n")
        }
        Err(_) => try_later(StatusCode::INTERNAL_SERVER_ERROR, 5, "the node could not store it\n"),
    }
}

/// Streams a blob.
pub async fn get_blob(State(blobs): State<Arc<Blobs>>, Path(id): Path<String>) -> Response {
    open_to_all(read(&blobs, &id).await)
}

async fn read(blobs: &Blobs, id: &str) -> Response {
    let Ok(id) = BlobId::from_hex(id) else { return bad("the id is not 64 hexadecimal digits\n") };
    let shared = Arc::clone(&blobs.shared);
    let info = match tokio::task::spawn_blocking(move || shared.engine.blob(&id)).await {
        Ok(Ok(Some(info))) => info,
        Ok(Ok(None)) => return (StatusCode::NOT_FOUND, "no such blob\n").into_response(),
        Ok(Err(_)) | Err(_) => {
            return try_later(StatusCode::INTERNAL_SERVER_ERROR, 5, "the node could not read it\n");
        }
    };
    let shared = Arc::clone(&blobs.shared);
    let chunks = stream::try_unfold(0_u64, move |offset| {
        let shared = Arc::clone(&shared);
        async move {
            if offset >= info.size {
                return Ok(None);
            }
            let read = tokio::task::spawn_blocking(move || shared.engine.store().read_blob(&id, offset, CHUNK_BYTES));
            match read.await {
                Ok(Ok(Some(chunk))) if !chunk.is_empty() => {
                    let next = offset + chunk.len() as u64;
                    Ok(Some((chunk, next)))
                }
                // It went away meanwhile: the length announced tells the client that this is not all.
                Ok(Ok(_)) => Err(std::io::Error::from(std::io::ErrorKind::UnexpectedEof)),
                Ok(Err(_)) | Err(_) => Err(std::io::Error::other("the store failed")),
            }
        }
    });
    let headers = [(CONTENT_TYPE, "application/octet-stream".to_owned()), (CONTENT_LENGTH, info.size.to_string())];
    (headers, Body::from_stream(chunks)).into_response()
}
