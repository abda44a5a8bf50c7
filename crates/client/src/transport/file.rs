//! Files over HTTP: resumable upload, ranges (FILES.md s.5).

use crate::files::{Owner, Problem};
use crate::transport::stream::{ConnectError, Target, Tls, connect};
use bytes::Bytes;
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HOST, HeaderName, RANGE};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use std::ops::Range;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::mpsc;
use wire::file::{
    CHALLENGE_BYTES, FILE_OWNER, FILE_TTL, FILE_WORK, FileWork, PARTIAL_UPLOAD, TERMS_PATH, UPLOAD_COMPLETE,
    UPLOAD_LENGTH, UPLOAD_OFFSET, file_path, parse_challenge,
};
use wire::id::{FileId, Hash};

/// How long a node may take to answer what carries no body.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of a node's terms at most.
const TERMS_BYTES_MAX: usize = 4_096;
/// What a file's connection reads at once at most.
const BUFFER_BYTES: usize = 512 << 10;

/// A node's conditions for storing files.
#[derive(Debug, Clone)]
pub struct Terms {
    /// Work is bound to it.
    pub challenge: [u8; CHALLENGE_BYTES],
    /// Leading zero bits for up to 16 MiB.
    pub work_bits: u32,
    /// Bytes of a blob at most.
    pub bytes_max: u64,
    /// Seconds that a blob is kept at most.
    pub ttl_s_max: u64,
}

#[derive(Deserialize)]
struct RawTerms {
    challenge: String,
    work_bits: u32,
    bytes_max: u64,
    ttl_s_max: u64,
}

/// What makes an upload.
#[derive(Debug)]
pub struct Created {
    /// Bytes of the blob.
    pub length: u64,
    /// How long it is kept.
    pub ttl_s: u64,
    /// For it.
    pub work: FileWork,
}

/// A node's answer to making an upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// It has so many bytes.
    Offset(u64),
    /// It was begun before: ask for its offset.
    Begun,
}

/// What a request carries: nothing, or so many bytes out of a pipe.
#[derive(Debug)]
pub struct Outbound {
    slices: Option<mpsc::Receiver<Bytes>>,
    left: u64,
    sent: Arc<AtomicU64>,
}

/// The pipe was closed before the announced bytes were sent.
#[derive(Debug, thiserror::Error)]
#[error("the file ended early")]
pub struct Cut;

/// Where bytes are put into a request.
#[derive(Debug, Clone)]
pub struct Pipe {
    slices: mpsc::Sender<Bytes>,
    sent: Arc<AtomicU64>,
}

impl Pipe {
    /// Waits for room and gives bytes to the connection.
    ///
    /// # Errors
    /// [`Problem::Network`] once the connection is over.
    pub async fn send(&self, slice: Bytes) -> Result<(), Problem> {
        self.slices.send(slice).await.map_err(|_| Problem::Network)
    }

    /// Bytes that the connection has taken.
    pub fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }
}

impl Outbound {
    fn none() -> Self {
        Self { slices: None, left: 0, sent: Arc::default() }
    }

    /// A body of so many bytes, and the pipe that fills it.
    pub fn pipe(bytes: u64) -> (Pipe, Self) {
        let (tx, rx) = mpsc::channel(1);
        let sent = Arc::new(AtomicU64::new(0));
        (Pipe { slices: tx, sent: sent.clone() }, Self { slices: Some(rx), left: bytes, sent })
    }
}

impl Body for Outbound {
    type Data = Bytes;
    type Error = Cut;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Cut>>> {
        let body = &mut *self;
        let Some(slices) = body.slices.as_mut().filter(|_| body.left > 0) else {
            return Poll::Ready(None);
        };
        match slices.poll_recv(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(slice)) => {
                let bytes = slice.len() as u64;
                body.sent.fetch_add(bytes, Ordering::Relaxed);
                let Some(left) = body.left.checked_sub(bytes) else {
                    return Poll::Ready(Some(Err(Cut)));
                };
                body.left = left;
                Poll::Ready(Some(Ok(Frame::data(slice))))
            }
            Poll::Ready(None) => Poll::Ready(Some(Err(Cut))),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// A connection to a node's files.
#[derive(Debug)]
pub struct Session {
    sender: SendRequest<Outbound>,
    authority: String,
    base_path: String,
    connection: tokio::task::JoinHandle<()>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Session {
    /// Connects.
    ///
    /// # Errors
    /// [`Problem::Network`]; [`Problem::Refused`] where no later attempt would do better.
    pub async fn open(target: &Target, tls: &Tls) -> Result<Self, Problem> {
        let stream = connect(target, tls).await.map_err(|error| match error {
            ConnectError::Insecure | ConnectError::Setup(_) => Problem::Refused,
            ConnectError::Unreachable(_) | ConnectError::Timeout | ConnectError::Tls(_) | ConnectError::NotANode => {
                Problem::Network
            }
        })?;
        let (sender, connection) = Builder::new()
            .max_buf_size(BUFFER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Problem::Network)?;
        let connection = tokio::spawn(async move {
            // Whoever waits for an answer is told by its own future.
            let _ = connection.await;
        });
        Ok(Self { sender, authority: target.authority.clone(), base_path: target.base_path.clone(), connection })
    }

    /// The node's conditions now.
    ///
    /// # Errors
    /// [`Problem::Refused`] where the node keeps no files.
    pub async fn terms(&mut self) -> Result<Terms, Problem> {
        let response = self.ask(Method::GET, TERMS_PATH, &[], Outbound::none()).await?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Err(Problem::Refused),
            status => return Err(problem(status)),
        }
        let limited = http_body_util::Limited::new(response.into_body(), TERMS_BYTES_MAX);
        let body = tokio::time::timeout(ANSWER_TIMEOUT, limited.collect()).await.map_err(|_| Problem::Network)?;
        let body = body.map_err(|_| Problem::Network)?.to_bytes();
        let raw: RawTerms = serde_json::from_slice(&body).map_err(|_| Problem::Refused)?;
        Ok(Terms {
            challenge: parse_challenge(&raw.challenge).map_err(|_| Problem::Refused)?,
            work_bits: raw.work_bits,
            bytes_max: raw.bytes_max,
            ttl_s_max: raw.ttl_s_max,
        })
    }

    /// Makes an upload without bytes.
    ///
    /// # Errors
    /// [`Problem`] by the node's answer.
    pub async fn create(&mut self, file: &FileId, owner: &Owner, created: &Created) -> Result<Answer, Problem> {
        let fields = [
            (UPLOAD_LENGTH, created.length.to_string()),
            (UPLOAD_COMPLETE, "?0".to_owned()),
            (FILE_OWNER, Hash::of(&[&owner.0]).to_hex()),
            (FILE_TTL, created.ttl_s.to_string()),
            (FILE_WORK, created.work.to_text()),
        ];
        let response = self.ask(Method::POST, &file_path(file), &fields, Outbound::none()).await?;
        let answer = match response.status() {
            StatusCode::CREATED => offset_of(&response).map(Answer::Offset),
            StatusCode::OK => Ok(offset_of(&response).map_or(Answer::Begun, Answer::Offset)),
            // The challenge is too old: the next attempt has a new one.
            StatusCode::FORBIDDEN => Err(Problem::Busy),
            // Another's: our id is random, so this node does not tell the truth.
            status => Err(problem(status)),
        };
        drain(response).await?;
        answer
    }

    /// The bytes that the node has of an upload; none where it has no such upload of this owner.
    ///
    /// # Errors
    /// [`Problem`] by the node's answer.
    pub async fn offset(&mut self, file: &FileId, owner: &Owner) -> Result<Option<u64>, Problem> {
        let response = self.ask(Method::HEAD, &file_path(file), &[bearer(owner)], Outbound::none()).await?;
        match response.status() {
            StatusCode::NO_CONTENT | StatusCode::OK => offset_of(&response).map(Some),
            StatusCode::NOT_FOUND => Ok(None),
            status => Err(problem(status)),
        }
    }

    /// Appends what comes out of a pipe, to the end of the blob; the bytes that the node then has.
    ///
    /// # Errors
    /// [`Problem`] by the node's answer; [`Problem::Network`] where the connection ends before it.
    pub async fn append(mut self, file: &FileId, owner: &Owner, offset: u64, body: Outbound) -> Result<u64, Problem> {
        let fields = [
            bearer(owner),
            (CONTENT_TYPE.as_str(), PARTIAL_UPLOAD.to_owned()),
            (UPLOAD_OFFSET, offset.to_string()),
            (UPLOAD_COMPLETE, "?1".to_owned()),
        ];
        let request = self.request(Method::PATCH, &file_path(file), &fields, body)?;
        let response = self.sender.send_request(request).await.map_err(|_| Problem::Network)?;
        match response.status() {
            status if status.is_success() => offset_of(&response),
            // It is elsewhere than we thought, or its time was over: ask again.
            StatusCode::CONFLICT | StatusCode::NOT_FOUND => Err(Problem::Network),
            status => Err(problem(status)),
        }
    }

    /// Bytes of a complete blob, as a stream.
    ///
    /// # Errors
    /// [`Problem::Gone`] where there is none; [`Problem::Damaged`] where it is shorter than announced.
    pub async fn range(&mut self, file: &FileId, range: Range<u64>) -> Result<Incoming, Problem> {
        let fields = [(RANGE.as_str(), format!("bytes={}-{}", range.start, range.end.saturating_sub(1)))];
        let response = self.ask(Method::GET, &file_path(file), &fields, Outbound::none()).await?;
        match response.status() {
            StatusCode::PARTIAL_CONTENT => {
                let expected = format!("bytes {}-{}/", range.start, range.end.saturating_sub(1));
                let found = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
                if found.is_some_and(|found| found.starts_with(&expected)) {
                    Ok(response.into_body())
                } else {
                    Err(Problem::Damaged)
                }
            }
            // The whole of it, which may be what was asked for.
            StatusCode::OK if range.start == 0 => Ok(response.into_body()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(Problem::Gone),
            StatusCode::RANGE_NOT_SATISFIABLE => Err(Problem::Damaged),
            status => Err(problem(status)),
        }
    }

    /// Deletes a blob; that there is none is as good.
    ///
    /// # Errors
    /// [`Problem`] by the node's answer.
    pub async fn delete(&mut self, file: &FileId, owner: &Owner) -> Result<(), Problem> {
        let response = self.ask(Method::DELETE, &file_path(file), &[bearer(owner)], Outbound::none()).await?;
        match response.status() {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(()),
            status => Err(problem(status)),
        }
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        fields: &[(&'static str, String)],
        body: Outbound,
    ) -> Result<Response<Incoming>, Problem> {
        let request = self.request(method, path, fields, body)?;
        self.sender.ready().await.map_err(|_| Problem::Network)?;
        tokio::time::timeout(ANSWER_TIMEOUT, self.sender.send_request(request))
            .await
            .map_err(|_| Problem::Network)?
            .map_err(|_| Problem::Network)
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        fields: &[(&'static str, String)],
        body: Outbound,
    ) -> Result<Request<Outbound>, Problem> {
        let mut request =
            Request::builder().method(method).uri(format!("{}{path}", self.base_path)).header(HOST, &self.authority);
        if body.slices.is_some() {
            request = request.header(CONTENT_LENGTH, body.left);
        }
        for (name, value) in fields {
            request = request.header(HeaderName::from_static(name), value);
        }
        request.body(body).map_err(|_| Problem::Refused)
    }
}

fn bearer(owner: &Owner) -> (&'static str, String) {
    (AUTHORIZATION.as_str(), format!("Bearer {}", Hash(owner.0).to_hex()))
}

fn offset_of(response: &Response<Incoming>) -> Result<u64, Problem> {
    let value = response.headers().get(UPLOAD_OFFSET).and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).ok_or(Problem::Refused)
}

/// Reads an answer to its end, so that the connection can be used again.
async fn drain(response: Response<Incoming>) -> Result<(), Problem> {
    let limited = http_body_util::Limited::new(response.into_body(), TERMS_BYTES_MAX);
    let body = tokio::time::timeout(ANSWER_TIMEOUT, limited.collect()).await.map_err(|_| Problem::Network)?;
    body.map(|_| ()).map_err(|_| Problem::Network)
}

fn problem(status: StatusCode) -> Problem {
    match status {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::TooLarge,
        StatusCode::INSUFFICIENT_STORAGE => Problem::NodeFull,
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => Problem::Busy,
        StatusCode::REQUEST_TIMEOUT => Problem::Network,
        status if status.is_server_error() => Problem::Network,
        _ => Problem::Refused,
    }
}
