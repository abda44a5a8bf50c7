//! One client's WebSocket: bytes to requests, outbox to bytes. One task, and no buffer while it is idle.

use crate::listen::Guard;
use crate::shared::{Call, Shared, now_ms};
use crate::websocket::{
    CloseCode, Fragments, HEADER_BYTES_MAX, Message, frame_bytes, parse_frame, push_close, push_ping, push_pong,
    write_binary_header,
};
use bytes::Bytes;
use delivery::{ConnId, Frames, Leave, Out, Prepared, render};
use std::cell::RefCell;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use wire::node::parse_requests;

/// Bytes read at once, into a buffer of the thread.
const READ_BYTES: usize = 64 << 10;
/// Bytes of answers and pushes that are rendered at once.
const RENDER_BYTES: usize = 256 << 10;
/// A thread's buffer longer than this is let go after use.
const KEEP_BYTES: usize = 1 << 20;
/// Bytes of an unfinished message from which on they count against the node's common room.
const COUNTED_BYTES: usize = 16 << 10;
/// Bytes that are read and dropped after a close.
const LINGER_BYTES_MAX: usize = 8 << 20;
/// Bytes of pongs that may wait.
const PONG_BYTES_MAX: usize = 1_024;
/// Requests that are handled before others get the machine.
const EXCHANGE_REQUESTS_MAX: u64 = 256;
/// Rounds of one poll before others get their turn.
const ROUNDS_MAX: usize = 16;

/// What a thread lends to the connection that it is polling.
struct Scratch {
    read: Box<[u8]>,
    prepared: VecDeque<Prepared>,
    outs: Vec<Out>,
    frames: Frames,
    wakers: Vec<Waker>,
}

impl Scratch {
    fn clear(&mut self) {
        self.prepared.clear();
        self.outs.clear();
        self.frames.bounds.clear();
        self.frames.buffer.clear();
    }
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::new(Scratch {
        read: vec![0; READ_BYTES].into_boxed_slice(),
        prepared: VecDeque::new(),
        outs: Vec::new(),
        frames: Frames { gap: HEADER_BYTES_MAX, ..Frames::default() },
        wakers: Vec::new(),
    });
}

/// A connection after its upgrade; a future that ends with it.
pub struct Socket<S> {
    /// Its place among all connections, given back with it.
    _guard: Option<Guard>,
    stream: S,
    shared: Arc<Shared>,
    conn: ConnId,
    /// The start of a frame that is not whole.
    inbound: Vec<u8>,
    fragments: Fragments,
    /// Requests that wait until the outbox has room, and the bytes that they came in.
    waiting: VecDeque<Prepared>,
    waiting_bytes: usize,
    /// Bytes that the socket did not take yet.
    outbound: Vec<u8>,
    written: usize,
    /// Bytes counted against the node's common room.
    held_bytes: usize,
    heard: bool,
    /// News was written since anything was read.
    is_unheard: bool,
    /// The client closed, as one does who reads all.
    is_goodbye: bool,
    /// `inbound` came with the upgrade and was not looked at.
    is_new: bool,
    /// How to end, once what was asked before is handled.
    closing: Option<CloseCode>,
    is_close_sent: bool,
    lingered_bytes: usize,
    is_over: bool,
}

/// What an exchange with the machine left to do.
struct Exchange {
    call: Call,
    has_more: bool,
    is_drained: bool,
}

enum Round {
    /// Once more; the machine may have more at once, or only if something is read.
    Again {
        is_due: bool,
    },
    Over,
}

impl<S> Drop for Socket<S> {
    fn drop(&mut self) {
        self.shared.release_inbound(self.held_bytes);
        let how = if self.is_unheard && !self.is_goodbye { Leave::Unheard } else { Leave::Heard };
        self.shared.leave(self.conn, how);
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    /// Takes over the stream of a connection that the machine knows; `early` came with the upgrade.
    pub fn new(stream: S, early: &Bytes, shared: Arc<Shared>, conn: ConnId, guard: Option<Guard>) -> Self {
        Self {
            _guard: guard,
            stream,
            shared,
            conn,
            inbound: early.to_vec(),
            fragments: Fragments::default(),
            waiting: VecDeque::new(),
            waiting_bytes: 0,
            outbound: Vec::new(),
            written: 0,
            held_bytes: 0,
            heard: true,
            is_unheard: false,
            is_goodbye: false,
            is_new: !early.is_empty(),
            closing: None,
            is_close_sent: false,
            lingered_bytes: 0,
            is_over: false,
        }
    }

    /// Writes what the socket did not take before.
    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        if self.outbound.is_empty() {
            return Poll::Ready(Ok(()));
        }
        while self.written < self.outbound.len() {
            let n = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.outbound[self.written..]))?;
            if n == 0 {
                return Poll::Ready(Err(std::io::ErrorKind::WriteZero.into()));
            }
            self.written += n;
        }
        self.outbound = Vec::new();
        self.written = 0;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    /// Writes `bytes` now if nothing waits before them, and keeps what the socket does not take.
    fn write(&mut self, cx: &mut Context<'_>, mut bytes: &[u8]) -> std::io::Result<()> {
        self.shared.counters.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        while self.outbound.is_empty() && !bytes.is_empty() {
            match Pin::new(&mut self.stream).poll_write(cx, bytes) {
                Poll::Ready(Ok(0)) => return Err(std::io::ErrorKind::WriteZero.into()),
                Poll::Ready(Ok(n)) => bytes = &bytes[n..],
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Pending => break,
            }
        }
        self.outbound.extend_from_slice(bytes);
        Ok(())
    }

    fn close(&mut self, code: CloseCode) {
        if self.closing.is_some() {
            return;
        }
        self.closing = Some(code);
        let is_fault = match code {
            CloseCode::Normal | CloseCode::Away | CloseCode::TryLater => false,
            CloseCode::Protocol | CloseCode::Unsupported | CloseCode::Malformed | CloseCode::TooLong => true,
        };
        if is_fault {
            self.shared.counters.closed_malformed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Parses all whole frames of `bytes`; what is left goes to `inbound`.
    fn take_frames(&mut self, bytes: &[u8], prepared: &mut VecDeque<Prepared>) {
        let joined;
        let mut rest = if self.inbound.is_empty() {
            bytes
        } else {
            self.inbound.extend_from_slice(bytes);
            if frame_bytes(&self.inbound).is_some_and(|wanted| self.inbound.len() < wanted) {
                return;
            }
            joined = std::mem::take(&mut self.inbound);
            &joined[..]
        };
        while !rest.is_empty() && self.closing.is_none() {
            match parse_frame(rest, &mut self.fragments) {
                Ok(None) => {
                    self.inbound.extend_from_slice(rest);
                    return;
                }
                Ok(Some((taken, message))) => {
                    rest = &rest[taken..];
                    if let Some(message) = message {
                        self.take_message(message, prepared);
                    }
                }
                Err(code) => self.close(code),
            }
        }
    }

    fn take_message(&mut self, message: Message, prepared: &mut VecDeque<Prepared>) {
        match message {
            Message::Binary(frame) => {
                self.waiting_bytes = self.waiting_bytes.saturating_add(frame.len());
                match parse_requests(frame) {
                    Ok(requests) => prepared.extend(requests.into_iter().map(Prepared::new)),
                    Err(_) => self.close(CloseCode::Malformed),
                }
            }
            // Not every ping of a flood needs its pong.
            Message::Ping(payload) if self.outbound.len() < PONG_BYTES_MAX => {
                push_pong(&payload, &mut self.outbound);
            }
            Message::Ping(_) | Message::Pong => {}
            Message::Close => {
                self.is_goodbye = true;
                self.close(CloseCode::Normal);
            }
        }
    }

    /// Counts what is held of messages that are not whole or not handled; closes when the node has no room for it.
    fn count_held(&mut self) {
        if self.waiting.is_empty() {
            self.waiting_bytes = 0;
        }
        let bytes = self.inbound.capacity() + self.fragments.bytes() + self.waiting_bytes;
        let bytes = if bytes > COUNTED_BYTES { bytes } else { 0 };
        if bytes > self.held_bytes {
            if self.shared.hold_inbound(bytes - self.held_bytes) {
                self.held_bytes = bytes;
            } else {
                self.inbound = Vec::new();
                self.waiting.clear();
                self.close(CloseCode::TryLater);
            }
        } else if bytes < self.held_bytes {
            self.shared.release_inbound(self.held_bytes - bytes);
            self.held_bytes = bytes;
        }
    }

    /// Hands requests to the machine and takes what it has for this connection.
    fn exchange(&mut self, cx: &Context<'_>, scratch: &mut Scratch) -> Exchange {
        let shared = Arc::clone(&self.shared);
        let mut inner = shared.lock();
        let call = inner.attend(self.conn, cx.waker(), std::mem::take(&mut self.heard));
        if inner.is_stopping {
            self.waiting.clear();
            scratch.prepared.clear();
        }
        let mut handled = 0;
        if !self.waiting.is_empty() || !scratch.prepared.is_empty() {
            let now_ms = now_ms();
            while handled < EXCHANGE_REQUESTS_MAX
                && inner.node.may_handle(self.conn)
                && let Some(request) = self.waiting.pop_front().or_else(|| scratch.prepared.pop_front())
            {
                inner.node.handle(now_ms, &shared.engine, self.conn, request);
                handled += 1;
            }
        }
        inner.node.drain(self.conn, RENDER_BYTES, &mut scratch.outs);
        let has_more = inner.node.has_output(self.conn) || !self.waiting.is_empty() || !scratch.prepared.is_empty();
        let is_drained = inner.is_drained;
        shared.unlock(inner, Some(self.conn), &mut scratch.wakers);
        shared.counters.requests.fetch_add(handled, Ordering::Relaxed);
        self.waiting.append(&mut scratch.prepared);
        if self.waiting.is_empty() && self.waiting.capacity() > 0 {
            self.waiting = VecDeque::new();
        }
        self.count_held();
        Exchange { call, has_more, is_drained }
    }

    fn poll_read(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<std::io::Result<()>> {
        let mut buffer = ReadBuf::new(&mut scratch.read);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
        let bytes = buffer.filled().len();
        self.is_over |= bytes == 0;
        self.heard = true;
        self.is_unheard &= bytes == 0;
        let read = std::mem::take(&mut scratch.read);
        self.take_frames(&read[..bytes], &mut scratch.prepared);
        scratch.read = read;
        Poll::Ready(Ok(()))
    }

    /// One round of reading, deciding and writing; `Pending` once there is nothing to do.
    fn poll_round(
        &mut self,
        cx: &mut Context<'_>,
        scratch: &mut Scratch,
        is_due: bool,
    ) -> Poll<std::io::Result<Round>> {
        if self.poll_flush(cx)?.is_pending() {
            // A slow reader is not read from: what it asks waits on its own side.
            let call = self.shared.lock().attend(self.conn, cx.waker(), false);
            return if call == Call::End { Poll::Ready(Ok(Round::Over)) } else { Poll::Pending };
        }
        if self.is_over {
            return Poll::Ready(Ok(Round::Over));
        }
        if let Some(code) = self.closing {
            if !std::mem::replace(&mut self.is_close_sent, true) {
                push_close(code, &mut self.outbound);
                return Poll::Ready(Ok(Round::Again { is_due: false }));
            }
            return self.poll_linger(cx, scratch);
        }
        // Whoever returns without asking the stream is not woken by it.
        let skips_read = !self.waiting.is_empty();
        let mut has_read = std::mem::take(&mut self.is_new);
        if has_read {
            self.take_frames(&[], &mut scratch.prepared);
        } else if !skips_read && self.poll_read(cx, scratch)?.is_ready() {
            has_read = true;
        }
        if !has_read && !is_due {
            return Poll::Pending;
        }
        let exchange = self.exchange(cx, scratch);
        let has_written = !scratch.outs.is_empty();
        if has_written {
            self.render(cx, scratch)?;
        }
        match exchange.call {
            Call::None => {}
            Call::Ping => push_ping(&mut self.outbound),
            Call::End => self.is_over = true,
        }
        if exchange.is_drained && !exchange.has_more && !has_written {
            self.close(CloseCode::Away);
        }
        let is_due = exchange.has_more || (exchange.is_drained && has_written);
        let is_ending = self.closing.is_some() || self.is_over;
        let is_again = has_read || skips_read || is_due || is_ending || !self.outbound.is_empty();
        if is_again { Poll::Ready(Ok(Round::Again { is_due })) } else { Poll::Pending }
    }

    /// After the close is out: ends our side and reads on until the client ends its own. Ending at once would reset the
    /// connection, and the client might never see why.
    fn poll_linger(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> Poll<std::io::Result<Round>> {
        ready!(Pin::new(&mut self.stream).poll_shutdown(cx))?;
        if self.shared.lock().attend(self.conn, cx.waker(), false) == Call::End {
            return Poll::Ready(Ok(Round::Over));
        }
        loop {
            let mut buffer = ReadBuf::new(&mut scratch.read);
            ready!(Pin::new(&mut self.stream).poll_read(cx, &mut buffer))?;
            let bytes = buffer.filled().len();
            self.lingered_bytes = self.lingered_bytes.saturating_add(bytes);
            if bytes == 0 || self.lingered_bytes > LINGER_BYTES_MAX {
                return Poll::Ready(Ok(Round::Over));
            }
        }
    }

    fn render(&mut self, cx: &mut Context<'_>, scratch: &mut Scratch) -> std::io::Result<()> {
        let Scratch { outs, frames, .. } = scratch;
        self.is_unheard = self.is_unheard || outs.iter().any(Out::is_news);
        render(outs, &self.shared.engine, &|bytes| self.shared.sign(bytes), frames);
        outs.clear();
        self.shared.counters.frames.fetch_add(frames.bounds.len() as u64, Ordering::Relaxed);
        for bounds in frames.bounds.drain(..) {
            let gap = &mut frames.buffer[bounds.start - HEADER_BYTES_MAX..bounds.start];
            let header_bytes = write_binary_header(bounds.len(), gap);
            self.write(cx, &frames.buffer[bounds.start - header_bytes..bounds.end])?;
        }
        frames.buffer.clear();
        if frames.buffer.capacity() > KEEP_BYTES {
            frames.buffer = Vec::new();
        }
        Ok(())
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> Future for Socket<S> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let socket = self.get_mut();
        SCRATCH.with_borrow_mut(|scratch| {
            // Whoever was woken looks into the outbox at least once; later rounds only if something came of it.
            let mut is_due = true;
            for _ in 0..ROUNDS_MAX {
                match socket.poll_round(cx, scratch, is_due) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Ok(Round::Again { is_due: again })) => is_due = again,
                    // Whatever the peer's network did is no news.
                    Poll::Ready(Ok(Round::Over) | Err(_)) => {
                        scratch.clear();
                        return Poll::Ready(());
                    }
                }
            }
            cx.waker().wake_by_ref();
            Poll::Pending
        })
    }
}
