//! The routes of files (FILES.md s.5). No cookie, no account, no lane: whoever has an id may read, whoever has the
//! owner's secret may append and delete.

use crate::file::download;
use crate::file::range::{Asked, asked};
use crate::file::record::FileRecord;
use crate::file::refusal::{Progress, Refusal};
use crate::file::terms::Unpaid;
use crate::file::upload::{Append, append};
use crate::file::{Files, whole_hour};
use crate::shared::now_ms;
use axum::Router;
use axum::body::Body;
use axum::body::HttpBody;
use axum::extract::{Path, State};
use axum::http::header::{
    ACCEPT_RANGES, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, AUTHORIZATION, AsHeaderName, CACHE_CONTROL, CONTENT_LENGTH,
    CONTENT_RANGE, CONTENT_TYPE, IF_RANGE, RANGE,
};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::middleware::map_response;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use data_encoding::HEXLOWER;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use wire::file::{
    FILE_OWNER, FILE_TTL, FILE_WORK, FileWork, PARTIAL_UPLOAD, TERMS_PATH, UPLOAD_COMPLETE, UPLOAD_LENGTH,
    UPLOAD_OFFSET,
};
use wire::id::{FileId, FileOwner, Hash};
use wire::limit::{FILE_PART_BYTES, FILE_UNFINISHED_DAYS};

/// Where a file is.
const FILE_PATH: &str = "/v1/file/{id}";
/// Where it is kept for longer.
const KEEP_PATH: &str = "/v1/file/{id}/keep";
const DAY_S: u64 = 86_400;

/// The routes.
pub fn router(files: Arc<Files>) -> Router {
    Router::new()
        .route(TERMS_PATH, get(terms).options(preflight))
        .route(FILE_PATH, get(read).head(offset).post(create).patch(extend).delete(remove).options(preflight))
        .route(KEEP_PATH, post(keep).options(preflight))
        .with_state(files)
        .layer(map_response(open_to_all))
}

/// Lets the page of another node use this one's files (docs/decisions/0014): nothing of a browser's own is taken.
async fn open_to_all(mut response: Response) -> Response {
    let exposed = "upload-offset, upload-length, upload-complete, content-range, accept-ranges, retry-after";
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Answers what a browser asks first (Fetch, CORS preflight).
async fn preflight() -> Response {
    let allowed = "authorization, content-type, range, upload-offset, upload-length, upload-complete, file-owner, \
                   file-ttl, file-work";
    let headers = [
        (ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, HEAD, POST, PATCH, DELETE")),
        (ACCESS_CONTROL_ALLOW_HEADERS, HeaderValue::from_static(allowed)),
        (ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("86400")),
    ];
    (StatusCode::NO_CONTENT, headers).into_response()
}

fn field(headers: &HeaderMap, name: impl AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}

fn number(headers: &HeaderMap, name: &'static str) -> Option<u64> {
    let text = field(headers, name)?;
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// `?1` or `?0` (RFC 9651 s.3.3.6).
fn is_complete(headers: &HeaderMap) -> Option<bool> {
    match field(headers, UPLOAD_COMPLETE)? {
        "?1" => Some(true),
        "?0" => Some(false),
        _ => None,
    }
}

/// The hash of `authorization: Bearer hex(owner)`.
fn owner(headers: &HeaderMap) -> Option<Hash> {
    let (scheme, owner) = field(headers, AUTHORIZATION)?.split_once(' ')?;
    let owner = HEXLOWER.decode(owner.trim().to_ascii_lowercase().as_bytes()).ok()?;
    scheme.eq_ignore_ascii_case("bearer").then(|| FileOwner::parse(&owner).ok())?.map(|owner| owner.hash())
}

fn now_s() -> u64 {
    now_ms() / 1_000
}

async fn terms(State(files): State<Arc<Files>>) -> Response {
    let mut random = [0; 8];
    if getrandom::fill(&mut random).is_err() {
        return Refusal::Failed.into_response();
    }
    let challenge = HEXLOWER.encode(&files.challenges.issue(random, now_s()));
    let (limits, bytes_max) = (&files.limits, files.shared.policy.file_bytes_max);
    let (work_bits, ttl_s_max) = (limits.work_bits, limits.ttl_s_max);
    let json = format!(
        "{{\"challenge\":\"{challenge}\",\"work_bits\":{work_bits},\"bytes_max\":{bytes_max},\
         \"ttl_s_max\":{ttl_s_max},\"part_bytes\":{FILE_PART_BYTES}}}\n"
    );
    ([(CONTENT_TYPE, "application/json")], json).into_response()
}

impl Files {
    async fn record(self: &Arc<Self>, id: FileId) -> Result<Option<FileRecord>, Refusal> {
        let found = self.blocking(move |files| files.ledger.get(&id)).await;
        found.map_err(|error| {
            tracing::error!(%error, "reading a file's record failed");
            Refusal::Failed
        })
    }

    /// A file's record, for whoever has its owner's secret; `NotFound` for everybody else.
    async fn owned(self: &Arc<Self>, id: FileId, headers: &HeaderMap) -> Result<FileRecord, Refusal> {
        let owner = owner(headers).ok_or(Refusal::NotFound)?;
        self.record(id).await?.filter(|record| record.owner == owner).ok_or(Refusal::NotFound)
    }

    /// The record of a file that may be read.
    async fn readable(self: &Arc<Self>, id: FileId) -> Result<FileRecord, Refusal> {
        let is_readable = |record: &FileRecord| record.is_complete && record.keep_until_s > now_s();
        self.record(id).await?.filter(is_readable).ok_or(Refusal::NotFound)
    }

    /// Takes work for a blob.
    fn redeem(&self, headers: &HeaderMap, id: &FileId, length: u64) -> Result<(), Refusal> {
        let work = field(headers, FILE_WORK).and_then(|work| FileWork::parse(work).ok());
        let work = work.ok_or(Refusal::Malformed("file-work is missing or no work\n"))?;
        self.challenges.redeem(&work, id, length, self.limits.work_bits, now_s()).map_err(|unpaid| match unpaid {
            Unpaid::Work => Refusal::Unpaid,
            Unpaid::Crowded => Refusal::Crowded,
        })
    }

    fn ttl_s(&self, headers: &HeaderMap) -> Result<u64, Refusal> {
        let ttl_s = number(headers, FILE_TTL).filter(|ttl_s| (1..=self.limits.ttl_s_max).contains(ttl_s));
        ttl_s.ok_or(Refusal::Malformed("file-ttl is missing or out of bounds\n"))
    }
}

/// `POST`: begins an upload, or says how far one is that the same owner has begun.
async fn create(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let malformed = Refusal::Malformed;
    let id = FileId::from_hex(&id).map_err(|_| malformed("the id is not 64 hexadecimal digits\n"))?;
    let length = number(&headers, UPLOAD_LENGTH).ok_or(malformed("upload-length is missing or no number\n"))?;
    let completes = is_complete(&headers).ok_or(malformed("upload-complete is missing or no boolean\n"))?;
    let owner = field(&headers, FILE_OWNER).and_then(|owner| Hash::from_hex(owner).ok());
    let owner = owner.ok_or(malformed("file-owner is missing or no hash\n"))?;
    let ttl_s = files.ttl_s(&headers)?;
    if length > files.shared.policy.file_bytes_max {
        return Err(Refusal::TooLong);
    }
    if length == 0 {
        return Err(malformed("an empty blob\n"));
    }
    if let Some(record) = files.record(id).await? {
        return begun(&record, owner, length);
    }
    let mut folder = [0; 16];
    getrandom::fill(&mut folder).map_err(|_| Refusal::Failed)?;
    let keep_until_s = whole_hour(now_s().saturating_add(u64::from(FILE_UNFINISHED_DAYS) * DAY_S));
    let runs = Vec::new();
    let record = FileRecord { length, owner, folder, offset: 0, is_complete: false, keep_until_s, ttl_s, runs };
    check_length(&record, completes, &body)?;
    files.redeem(&headers, &id, length)?;
    if files.shared.counters.files_open.load(Ordering::Relaxed) >= u64::from(files.limits.uploads_open_max) {
        return Err(Refusal::Crowded);
    }
    if !files.has_room(length) {
        return Err(Refusal::NoRoom);
    }
    let claim = files.turns.take(&id).await.ok_or(Refusal::Conflict("begun elsewhere\n"))?;
    let made = record.clone();
    let is_made = files.blocking(move |files| files.ledger.create(&id, &made)).await;
    if !is_made.map_err(|_| Refusal::Failed)? {
        let there = files.record(id).await?.ok_or(Refusal::Failed)?;
        return begun(&there, owner, length);
    }
    if body.is_end_stream() {
        return Ok(Progress::from(&record).told_by(StatusCode::CREATED.into_response()));
    }
    appended(&files, StatusCode::CREATED, Append { id, record, claim, body, completes }).await
}

fn begun(record: &FileRecord, owner: Hash, length: u64) -> Result<Response, Refusal> {
    if record.owner != owner || record.length != length {
        return Err(Refusal::Conflict("another file has this id\n"));
    }
    Ok(Progress::from(record).told_by(StatusCode::OK.into_response()))
}

/// Compares what the request says of its own length with what is left of the blob.
fn check_length(record: &FileRecord, completes: bool, body: &Body) -> Result<(), Refusal> {
    let hint = body.size_hint();
    let is_over = record.offset.checked_add(hint.lower()).is_none_or(|end| end > record.length);
    let is_under = completes && hint.upper().is_some_and(|upper| record.offset.saturating_add(upper) < record.length);
    if is_over || is_under {
        return Err(Refusal::Length(Progress::from(record)));
    }
    Ok(())
}

/// `HEAD`: how far an upload is. Whoever was appending ends first, so that it is true.
async fn offset(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = FileId::from_hex(&id).map_err(|_| Refusal::NotFound)?;
    let mut record = files.owned(id, &headers).await?;
    if !record.is_complete {
        let _claim = files.turns.take(&id).await.ok_or(Refusal::Crowded)?;
        record = files.owned(id, &headers).await?;
    }
    Ok(Progress::from(&record).told_by(StatusCode::NO_CONTENT.into_response()))
}

/// `PATCH`: appends.
async fn extend(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let id = FileId::from_hex(&id).map_err(|_| Refusal::NotFound)?;
    // Before anybody is ended for it.
    files.owned(id, &headers).await?;
    if field(&headers, CONTENT_TYPE) != Some(PARTIAL_UPLOAD) {
        return Err(Refusal::MediaType);
    }
    let malformed = Refusal::Malformed;
    let offset = number(&headers, UPLOAD_OFFSET).ok_or(malformed("upload-offset is missing or no number\n"))?;
    let completes = is_complete(&headers).ok_or(malformed("upload-complete is missing or no boolean\n"))?;
    let claim = files.turns.take(&id).await.ok_or(Refusal::Crowded)?;
    let record = files.owned(id, &headers).await?;
    // The last request may be said again, when its answer was lost.
    if offset != record.offset || (record.is_complete && !(completes && body.is_end_stream())) {
        return Err(Refusal::Offset(Progress::from(&record)));
    }
    check_length(&record, completes, &body)?;
    appended(&files, StatusCode::NO_CONTENT, Append { id, record, claim, body, completes }).await
}

/// Appends in a task of its own: it ends as it should when the connection does not.
async fn appended(files: &Arc<Files>, status: StatusCode, job: Append) -> Result<Response, Refusal> {
    let appending = tokio::spawn(append(Arc::clone(files), job));
    let (record, result) = appending.await.map_err(|_| Refusal::Failed)?;
    let response = match result.map_err(Refusal::from) {
        Ok(()) => status.into_response(),
        Err(Refusal::NotFound) => return Err(Refusal::NotFound),
        Err(refusal) => refusal.into_response(),
    };
    Ok(Progress::from(&record).told_by(response))
}

/// `GET`: a complete blob or one range of it.
async fn read(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Refusal> {
    let id = FileId::from_hex(&id).map_err(|_| Refusal::NotFound)?;
    let record = files.readable(id).await?;
    let length = record.length;
    // Nothing here has a validator: with `if-range` the whole is what was asked for.
    let range = field(&headers, RANGE).filter(|_| !headers.contains_key(IF_RANGE));
    let (status, first, end) = match asked(range, length) {
        Asked::Whole => (StatusCode::OK, 0, length),
        Asked::Range(first, end) => (StatusCode::PARTIAL_CONTENT, first, end),
        Asked::Outside => {
            let outside = [(CONTENT_RANGE, format!("bytes */{length}"))];
            return Ok((StatusCode::RANGE_NOT_SATISFIABLE, outside, "no such range\n").into_response());
        }
    };
    let permit = Arc::clone(&files.downloads).try_acquire_owned().map_err(|_| Refusal::Crowded)?;
    let mut response = (status, download::body(&files, record, first, end, permit)).into_response();
    let mut put = |name: HeaderName, value: HeaderValue| response.headers_mut().insert(name, value);
    put(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    put(CONTENT_LENGTH, HeaderValue::from(end - first));
    put(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if status == StatusCode::PARTIAL_CONTENT {
        let range = HeaderValue::try_from(format!("bytes {first}-{}/{length}", end - 1));
        put(CONTENT_RANGE, range.map_err(|_| Refusal::Failed)?);
    }
    Ok(response)
}

/// `DELETE`: the same answer for what is deleted, was deleted, never was, or belongs to another.
async fn remove(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let id = FileId::from_hex(&id).map_err(|_| Refusal::Malformed("the id is not 64 hexadecimal digits\n"))?;
    owner(&headers).ok_or(Refusal::Unowned)?;
    match delete(&files, id, &headers).await {
        Ok(()) | Err(Refusal::NotFound) => Ok(StatusCode::NO_CONTENT),
        Err(refusal) => Err(refusal),
    }
}

async fn delete(files: &Arc<Files>, id: FileId, headers: &HeaderMap) -> Result<(), Refusal> {
    files.owned(id, headers).await?;
    let claim = files.turns.take(&id).await.ok_or(Refusal::Crowded)?;
    let record = files.owned(id, headers).await?;
    // Nobody changes a record without the turn.
    let removed = files.blocking(move |files| files.ledger.remove(&id, &record)).await;
    drop(claim);
    files.trash.notify_one();
    removed.map_err(|_| Refusal::Failed)?.then_some(()).ok_or(Refusal::Crowded)
}

/// `POST …/keep`: anybody who has the id may pay for more time.
async fn keep(
    State(files): State<Arc<Files>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Refusal> {
    let id = FileId::from_hex(&id).map_err(|_| Refusal::NotFound)?;
    let ttl_s = files.ttl_s(&headers)?;
    let keep_until_s = whole_hour(now_s().saturating_add(ttl_s));
    let length = files.readable(id).await?.length;
    files.redeem(&headers, &id, length)?;
    let _claim = files.turns.take(&id).await.ok_or(Refusal::Crowded)?;
    let record = files.readable(id).await?;
    if record.keep_until_s < keep_until_s {
        let next = FileRecord { keep_until_s, ..record.clone() };
        let kept = files.blocking(move |files| files.ledger.replace(&id, &record, &next)).await;
        kept.map_err(|_| Refusal::Failed)?.then_some(()).ok_or(Refusal::NotFound)?;
    }
    Ok(StatusCode::NO_CONTENT)
}
