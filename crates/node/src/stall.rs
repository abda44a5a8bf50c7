//! A connection whose peer takes nothing for too long is over: what waits for it would hold memory and a place.

use std::io::{Error, ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Sleep, sleep};

/// How long a peer may take nothing while there is something for it.
pub const STALL_MAX: Duration = Duration::from_secs(60);

/// A stream that fails with [`ErrorKind::TimedOut`] once its peer took nothing for too long.
#[derive(Debug)]
pub struct Impatient<S> {
    stream: S,
    most: Duration,
    /// Since something waits to be taken.
    waits: Option<Pin<Box<Sleep>>>,
}

impl<S> Impatient<S> {
    /// Around a stream whose peer may take nothing for so long.
    pub fn new(stream: S, most: Duration) -> Self {
        Self { stream, most, waits: None }
    }

    /// The stream again, for who has a patience of its own.
    pub fn into_inner(self) -> S {
        self.stream
    }

    /// What a write came to, unless it has been waited for too long.
    fn judge<T>(&mut self, cx: &mut Context<'_>, written: Poll<Result<T>>) -> Poll<Result<T>> {
        if written.is_ready() {
            self.waits = None;
            return written;
        }
        let most = self.most;
        let waits = self.waits.get_or_insert_with(|| Box::pin(sleep(most)));
        waits.as_mut().poll(cx).map(|()| Err(Error::from(ErrorKind::TimedOut)))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Impatient<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Impatient<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.judge(cx, written)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.judge(cx, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.judge(cx, shut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    #[tokio::test]
    async fn peer_that_takes_nothing_ends_the_connection_and_one_that_takes_does_not() {
        let (ours, mut theirs) = tokio::io::duplex(8);
        let mut patient = Impatient::new(ours, STALL_MAX);
        let mut taken = [0; 48];
        let (written, read) = tokio::join!(patient.write_all(&[1; 48]), theirs.read_exact(&mut taken));
        written.expect("they take it");
        assert_eq!(read.expect("it comes"), 48);
        let mut hasty = Impatient::new(patient.stream, Duration::from_millis(50));
        hasty.write_all(&[1; 8]).await.expect("there is room for it");
        let error = hasty.write_all(&[1; 48]).await.expect_err("nobody takes it");
        assert_eq!(error.kind(), ErrorKind::TimedOut);
        drop(theirs);
    }
}
