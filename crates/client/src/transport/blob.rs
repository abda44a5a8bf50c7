//! Blobs over HTTP: put with a time to live, get by id (LANE.md N11).

use crate::transport::stream::{ConnectError, Stream, Target, Tls, connect};
use bytes::{Bytes, BytesMut};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, HOST};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use protocol::event::BlobFailure;
use std::time::Duration;
use wire::id::{BlobId, Hash};
use wire::limit::BLOB_BYTES_MAX;
use wire::node::blob_path;

/// How long one blob may take.
const BLOB_TIMEOUT: Duration = Duration::from_secs(180);

/// Puts a blob; on return it is durable at the node.
///
/// # Errors
/// [`BlobFailure::Network`] where trying again may help, else [`BlobFailure::Refused`].
pub async fn put(target: &Target, tls: &Tls, blob_id: &BlobId, blob: Bytes, ttl_s: u64) -> Result<(), BlobFailure> {
    let path = format!("{}{}?ttl_s={ttl_s}", target.base_path, blob_path(blob_id));
    within(async {
        let response = request(target, tls, Method::PUT, path, blob).await?;
        check(response.status())
    })
    .await
}

/// Gets a blob whose bytes hash to its id.
///
/// # Errors
/// [`BlobFailure::NotFound`] where the node says so; [`BlobFailure::Refused`] also where the bytes are not the
/// blob or exceed 16 MiB.
pub async fn get(target: &Target, tls: &Tls, blob_id: &BlobId) -> Result<Bytes, BlobFailure> {
    let path = format!("{}{}", target.base_path, blob_path(blob_id));
    within(async {
        let response = request(target, tls, Method::GET, path, Bytes::new()).await?;
        check(response.status())?;
        let blob = read(response.into_body()).await?;
        if Hash::of(&[&blob]).0 == blob_id.0 { Ok(blob) } else { Err(BlobFailure::Refused) }
    })
    .await
}

async fn within<T>(work: impl Future<Output = Result<T, BlobFailure>>) -> Result<T, BlobFailure> {
    tokio::time::timeout(BLOB_TIMEOUT, work).await.map_err(|_| BlobFailure::Network)?
}

async fn request(
    target: &Target,
    tls: &Tls,
    method: Method,
    path: String,
    body: Bytes,
) -> Result<Response<Incoming>, BlobFailure> {
    let stream = connect(target, tls).await.map_err(|error| match error {
        ConnectError::Insecure | ConnectError::Setup(_) => BlobFailure::Refused,
        ConnectError::Unreachable(_) | ConnectError::Timeout | ConnectError::Tls(_) | ConnectError::NotANode => {
            BlobFailure::Network
        }
    })?;
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, &target.authority)
        .header(CONTENT_LENGTH, body.len())
        .body(Full::new(body))
        .map_err(|_| BlobFailure::Refused)?;
    send(stream, request).await
}

async fn send(stream: Stream, request: Request<Full<Bytes>>) -> Result<Response<Incoming>, BlobFailure> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.map_err(|_| BlobFailure::Network)?;
    // The connection works beside the request and ends with it.
    tokio::spawn(connection);
    sender.send_request(request).await.map_err(|_| BlobFailure::Network)
}

fn check(status: StatusCode) -> Result<(), BlobFailure> {
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::NOT_FOUND => Err(BlobFailure::NotFound),
        StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(BlobFailure::Network),
        status if status.is_server_error() => Err(BlobFailure::Network),
        _ => Err(BlobFailure::Refused),
    }
}

async fn read(mut body: Incoming) -> Result<Bytes, BlobFailure> {
    let mut blob = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| BlobFailure::Network)?.into_data() else { continue };
        if blob.len() + data.len() > BLOB_BYTES_MAX {
            return Err(BlobFailure::Refused);
        }
        blob.extend_from_slice(&data);
    }
    Ok(blob.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::identity::NodeUrl;
    use rustls::RootCertStore;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    /// A server that answers one request with `answer`; what it was asked.
    async fn server(answer: Vec<u8>, body_bytes: usize) -> (Target, tokio::task::JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let task = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = Vec::new();
            let mut buffer = [0; 4_096];
            let end = |asked: &[u8]| asked.windows(4).position(|window| window == b"\r\n\r\n");
            while end(&asked).is_none_or(|at| asked.len() < at + 4 + body_bytes) {
                let read = stream.read(&mut buffer).await.unwrap();
                asked.extend_from_slice(&buffer[..read]);
            }
            // The client hangs up early on what is too long.
            let _ = stream.write_all(&answer).await;
            asked
        });
        (Target::of(&NodeUrl::parse(&url).unwrap()), task)
    }

    fn answer(status: &str, body: &[u8]) -> Vec<u8> {
        let mut answer = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        answer.extend_from_slice(body);
        answer
    }

    fn tls() -> Tls {
        Tls::with_roots(RootCertStore::empty()).unwrap()
    }

    fn id(blob: &[u8]) -> BlobId {
        BlobId(Hash::of(&[blob]).0)
    }

    #[tokio::test]
    async fn blob_is_put_with_length_and_time_to_live() {
        let (target, task) = server(answer("201 Created", b""), 5).await;
        put(&target, &tls(), &id(b"bytes"), Bytes::from_static(b"bytes"), 60).await.unwrap();
        let asked = String::from_utf8(task.await.unwrap()).unwrap();
        assert!(asked.starts_with(&format!("PUT {}?ttl_s=60 HTTP/1.1\r\n", blob_path(&id(b"bytes")))), "{asked}");
        assert!(asked.contains("content-length: 5\r\n") && asked.ends_with("\r\n\r\nbytes"), "{asked}");
    }

    #[tokio::test]
    async fn blob_is_returned_only_if_it_is_the_one_asked_for() {
        let (target, _task) = server(answer("200 OK", b"bytes"), 0).await;
        assert_eq!(get(&target, &tls(), &id(b"bytes")).await.unwrap(), "bytes");
        let (target, _task) = server(answer("200 OK", b"other"), 0).await;
        assert_eq!(get(&target, &tls(), &id(b"bytes")).await, Err(BlobFailure::Refused));
    }

    #[tokio::test]
    async fn blob_is_taken_at_the_limit_and_refused_past_it() {
        let blob = vec![7; BLOB_BYTES_MAX];
        let (target, _task) = server(answer("200 OK", &blob), 0).await;
        assert_eq!(get(&target, &tls(), &id(&blob)).await.unwrap().len(), BLOB_BYTES_MAX);
        let blob = vec![7; BLOB_BYTES_MAX + 1];
        let (target, _task) = server(answer("200 OK", &blob), 0).await;
        assert_eq!(get(&target, &tls(), &id(&blob)).await, Err(BlobFailure::Refused));
    }

    #[tokio::test]
    async fn answers_tell_what_trying_again_would_do() {
        for (status, failure) in [
            ("404 Not Found", BlobFailure::NotFound),
            ("413 Content Too Large", BlobFailure::Refused),
            ("429 Too Many Requests", BlobFailure::Network),
            ("503 Service Unavailable", BlobFailure::Network),
        ] {
            let (target, _task) = server(answer(status, b""), 0).await;
            assert_eq!(get(&target, &tls(), &id(b"x")).await, Err(failure), "{status}");
        }
    }
}
