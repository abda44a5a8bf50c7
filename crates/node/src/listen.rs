//! Listeners: accept, TLS, HTTP/1, until told to stop.

use crate::calls::{Relay, stream};
use crate::stall::{Impatient, STALL_MAX};
use crate::tls::Tls;
use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio_rustls::server::TlsStream;

/// How long a client may take for a request's head, and for a TLS handshake.
const HEAD_MAX: Duration = Duration::from_secs(10);
/// Bytes of a request that a connection reads ahead at most, a head included; it has less until it needs more.
const BUFFER_BYTES_MAX: usize = 64 << 10;
/// How long to wait after `accept` failed, for example for want of descriptors.
const ACCEPT_REST: Duration = Duration::from_millis(50);

/// A client's stream.
#[derive(Debug)]
pub enum Stream {
    /// Without TLS: loopback, or behind something that does TLS.
    Plain(TcpStream),
    /// With TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

macro_rules! either {
    ($self:expr, $stream:ident => $call:expr) => {
        match $self.get_mut() {
            Self::Plain(stream) => {
                let $stream = Pin::new(stream);
                $call
            }
            Self::Tls(stream) => {
                let $stream = Pin::new(stream.as_mut());
                $call
            }
        }
    };
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        either!(self, stream => stream.poll_read(cx, buf))
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<std::io::Result<usize>> {
        either!(self, stream => stream.poll_write(cx, buf))
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        either!(self, stream => stream.poll_flush(cx))
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        either!(self, stream => stream.poll_shutdown(cx))
    }
}

/// Counts connections, in all and by address. Addresses are in memory while they are connected and nowhere else.
#[derive(Debug)]
pub struct Places {
    all: Arc<Semaphore>,
    by_address: Mutex<HashMap<IpAddr, u32>>,
    per_address_max: u32,
}

/// A connection's place; giving it up makes room for another.
#[derive(Debug, Clone)]
pub struct Guard {
    _place: Arc<Place>,
}

#[derive(Debug)]
struct Place {
    places: Arc<Places>,
    address: Option<IpAddr>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        let Some(address) = self.address else { return };
        let mut by_address = self.places.by_address.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = by_address.get_mut(&address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                by_address.remove(&address);
            }
        }
    }
}

impl Places {
    /// For so many connections in all and from one address. Loopback is not counted: there a proxy may speak for all.
    pub fn new(connections_max: u32, per_address_max: u32) -> Arc<Self> {
        let all = Arc::new(Semaphore::new(connections_max as usize));
        Arc::new(Self { all, by_address: Mutex::new(HashMap::new()), per_address_max })
    }

    fn enter(self: &Arc<Self>, address: IpAddr) -> Option<Guard> {
        let permit = Arc::clone(&self.all).try_acquire_owned().ok()?;
        let address = Some(address.to_canonical()).filter(|address| !address.is_loopback());
        if let Some(address) = address {
            let mut by_address = self.by_address.lock().unwrap_or_else(PoisonError::into_inner);
            let count = by_address.entry(address).or_default();
            if *count >= self.per_address_max {
                return None;
            }
            *count += 1;
        }
        Some(Guard { _place: Arc::new(Place { places: Arc::clone(self), address, _permit: permit }) })
    }
}

/// Accepts until `stop` says so; returns when no request is being answered any more. WebSockets live on by themselves.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<Tls>>,
    places: Arc<Places>,
    relay: Option<Arc<Relay>>,
    router: Router,
    mut stop: watch::Receiver<bool>,
) {
    let (busy, mut idle) = tokio::sync::mpsc::channel::<()>(1);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stop.wait_for(|is_stopping| *is_stopping) => break,
        };
        let Ok((tcp, address)) = accepted else {
            tokio::time::sleep(ACCEPT_REST).await;
            continue;
        };
        // No room: closing at once is the only answer that costs nothing.
        let Some(guard) = places.enter(address.ip()) else { continue };
        let _ = tcp.set_nodelay(true);
        let (tls, relay, router) = (tls.clone(), relay.clone(), router.clone());
        let (mut stop, busy) = (stop.clone(), busy.clone());
        tokio::spawn(async move {
            let mut stream = match tls {
                None => Stream::Plain(tcp),
                Some(tls) => match tokio::time::timeout(HEAD_MAX, tls.accept(tcp)).await {
                    Ok(Some(stream)) => Stream::Tls(Box::new(stream)),
                    Ok(None) | Err(_) => return,
                },
            };
            if let Some(relay) = relay {
                let first = tokio::select! {
                    first = tokio::time::timeout(HEAD_MAX, stream::is_stun(&mut stream)) => first,
                    // Browsers connect ahead and say nothing: no reason to wait for them.
                    _ = stop.wait_for(|is_stopping| *is_stopping) => return,
                };
                match first {
                    Ok(Ok(true)) => {
                        // It outlives requests of HTTP, and does not keep the node from ending.
                        tokio::spawn(relay.serve_stream(stream, address, guard, stop));
                        return;
                    }
                    Ok(Ok(false)) => {}
                    Ok(Err(_)) | Err(_) => return,
                }
            }
            serve_connection(stream, router, guard, stop).await;
            drop(busy);
        });
    }
    drop(listener);
    drop(busy);
    let _ = idle.recv().await;
}

async fn serve_connection(stream: Stream, router: Router, guard: Guard, mut stop: watch::Receiver<bool>) {
    let service = TowerToHyperService::new(router);
    let service = hyper::service::service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(guard.clone());
        hyper::service::Service::call(&service, request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(BUFFER_BYTES_MAX).keep_alive(true);
    let connection = http.serve_connection(TokioIo::new(Impatient::new(stream, STALL_MAX)), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    // A broken connection is the client's to notice.
    tokio::select! {
        _ = connection.as_mut() => return,
        _ = stop.wait_for(|is_stopping| *is_stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    #[test]
    fn places_are_bounded_by_address_and_given_back() {
        let places = Places::new(100, 2);
        let first = places.enter(address("192.0.2.1")).expect("room");
        let _second = places.enter(address("::ffff:192.0.2.1")).expect("room for the same address, written otherwise");
        assert!(places.enter(address("192.0.2.1")).is_none());
        let _other = places.enter(address("192.0.2.2")).expect("room for another");
        drop(first);
        let _third = places.enter(address("192.0.2.1")).expect("room again");
    }

    #[test]
    fn places_are_bounded_in_all_and_loopback_is_not_counted_by_address() {
        let places = Places::new(3, 1);
        let guards: Vec<_> = (0..3).map(|_| places.enter(address("127.0.0.1")).expect("room")).collect();
        assert!(places.enter(address("192.0.2.1")).is_none());
        // A guard that moved on with an upgraded connection still holds its place.
        let kept = guards[0].clone();
        drop(guards);
        assert!(places.enter(address("192.0.2.1")).is_some());
        drop(kept);
    }
}
