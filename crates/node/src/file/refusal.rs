//! What is answered when it is not done.

use crate::file::record::FileRecord;
use crate::file::upload::Why;
use crate::http::try_later;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use wire::file::{UPLOAD_COMPLETE, UPLOAD_LENGTH, UPLOAD_OFFSET};

const RETRY_ROOM_S: u32 = 60;
const RETRY_BUSY_S: u32 = 5;

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    offset: u64,
    length: u64,
    is_complete: bool,
}

impl From<&FileRecord> for Progress {
    fn from(record: &FileRecord) -> Self {
        Self { offset: record.offset, length: record.length, is_complete: record.is_complete }
    }
}

impl Progress {
    /// The same answer with the header fields that say so.
    pub fn told_by(self, mut response: Response) -> Response {
        let headers = response.headers_mut();
        headers.insert(UPLOAD_OFFSET, HeaderValue::from(self.offset));
        headers.insert(UPLOAD_LENGTH, HeaderValue::from(self.length));
        let complete = if self.is_complete { "?1" } else { "?0" };
        headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static(complete));
        response
    }
}

/// Why something was not done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The request is not as the specification has it.
    Malformed(&'static str),
    /// The body would end elsewhere than it should.
    Length(Progress),
    /// No secret was shown.
    Unowned,
    /// The work does not pay.
    Unpaid,
    /// As for what never was.
    NotFound,
    /// Something else is there.
    Conflict(&'static str),
    /// The upload is elsewhere.
    Offset(Progress),
    /// Longer than the node takes.
    TooLong,
    /// The body's type is another.
    MediaType,
    /// Too many at once.
    Crowded,
    /// The disk or the quota has no room.
    NoRoom,
    /// The hour's bytes are used up.
    Budget(u32),
    /// Nothing came for too long.
    Idle,
    /// The node stops.
    Stopping,
    /// The store failed.
    Failed,
}

impl From<Why> for Refusal {
    fn from(why: Why) -> Self {
        match why {
            Why::Ousted => Self::Conflict("continued elsewhere\n"),
            Why::Stopping => Self::Stopping,
            Why::Idle => Self::Idle,
            Why::Broken | Why::Length => Self::Malformed("the body is not as long as it should be\n"),
            Why::Crowded => Self::Crowded,
            Why::Budget(retry_after_s) => Self::Budget(retry_after_s),
            Why::Full => Self::NoRoom,
            Why::Pieces => Self::Malformed("too many pieces: send whole parts\n"),
            Why::Gone => Self::NotFound,
            Why::Storage => Self::Failed,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let plain = |status: StatusCode, what: &'static str| (status, what).into_response();
        match self {
            Self::Malformed(what) => plain(StatusCode::BAD_REQUEST, what),
            Self::Length(progress) => {
                progress.told_by(plain(StatusCode::BAD_REQUEST, "the body is not as long as it should be\n"))
            }
            Self::Unowned => plain(StatusCode::UNAUTHORIZED, "the owner's secret is needed\n"),
            Self::Unpaid => plain(StatusCode::FORBIDDEN, "the work does not pay: ask for new terms\n"),
            Self::NotFound => plain(StatusCode::NOT_FOUND, "no such file\n"),
            Self::Conflict(what) => plain(StatusCode::CONFLICT, what),
            Self::Offset(progress) => progress.told_by(plain(StatusCode::CONFLICT, "another offset\n")),
            Self::TooLong => plain(StatusCode::PAYLOAD_TOO_LARGE, "longer than the node takes\n"),
            Self::MediaType => plain(StatusCode::UNSUPPORTED_MEDIA_TYPE, "application/partial-upload is needed\n"),
            Self::Idle => plain(StatusCode::REQUEST_TIMEOUT, "nothing came for too long\n"),
            Self::Crowded => try_later(StatusCode::SERVICE_UNAVAILABLE, RETRY_BUSY_S, "too many at once\n"),
            Self::NoRoom => try_later(StatusCode::INSUFFICIENT_STORAGE, RETRY_ROOM_S, "no room\n"),
            Self::Budget(after_s) => try_later(StatusCode::TOO_MANY_REQUESTS, after_s, "too many bytes this hour\n"),
            Self::Stopping => try_later(StatusCode::SERVICE_UNAVAILABLE, 1, "the node stops\n"),
            Self::Failed => try_later(StatusCode::INTERNAL_SERVER_ERROR, RETRY_BUSY_S, "the node could not do it\n"),
        }
    }
}
