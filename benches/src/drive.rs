//! The load generator's loop: thousands of sockets on one thread, one readiness call for all.

use anyhow::{Context, bail};
use rustix::event::{Timespec, epoll};
use rustls::ClientConnection;
use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::Duration;

/// Bytes read from a socket at once.
const READ_BYTES: usize = 256 << 10;
/// Sockets reported by one readiness call.
const READY_MAX: usize = 1_024;
/// An input buffer keeps no more than this when it is empty.
const INPUT_KEPT_BYTES: usize = 16 << 10;

/// A socket's place in its [`Driver`].
pub type LinkId = usize;

/// One client socket.
#[derive(Debug)]
pub struct Link {
    stream: TcpStream,
    tls: Option<Box<ClientConnection>>,
    input: Vec<u8>,
    input_at: usize,
    output: Vec<u8>,
    waits_to_write: bool,
}

impl Link {
    /// Connects and, with `tls`, shakes hands; blocks meanwhile.
    pub fn connect(address: SocketAddr, tls: Option<&Arc<rustls::ClientConfig>>) -> anyhow::Result<Self> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let tls = match tls {
            None => None,
            Some(config) => {
                let mut tls = Box::new(ClientConnection::new(Arc::clone(config), "localhost".try_into()?)?);
                while tls.is_handshaking() {
                    tls.complete_io(&mut stream)?;
                }
                Some(tls)
            }
        };
        Ok(Self { stream, tls, input: Vec::new(), input_at: 0, output: Vec::new(), waits_to_write: false })
    }

    /// Writes all of it, then reads until `is_enough`; only before the link is added to a driver.
    pub fn exchange(&mut self, request: &[u8], is_enough: impl Fn(&[u8]) -> bool) -> anyhow::Result<()> {
        let mut buffer = [0; 4_096];
        match &mut self.tls {
            None => self.stream.write_all(request)?,
            Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.stream).write_all(request)?,
        }
        while !is_enough(self.input()) {
            let length = match &mut self.tls {
                None => self.stream.read(&mut buffer)?,
                Some(tls) => rustls::Stream::new(tls.as_mut(), &mut self.stream).read(&mut buffer)?,
            };
            if length == 0 {
                bail!("the server closed the connection");
            }
            self.input.extend_from_slice(&buffer[..length]);
        }
        Ok(())
    }

    /// What was received and not yet consumed.
    pub fn input(&self) -> &[u8] {
        &self.input[self.input_at..]
    }

    /// Marks received bytes as consumed.
    pub fn consume(&mut self, bytes: usize) {
        self.input_at += bytes;
        if self.input_at >= self.input.len() {
            self.input.clear();
            self.input_at = 0;
            self.input.shrink_to(INPUT_KEPT_BYTES);
        } else if self.input_at > READ_BYTES {
            self.input.drain(..self.input_at);
            self.input_at = 0;
        }
    }

    /// Where bytes to send go; [`Driver::flush`] sends them.
    pub fn output(&mut self) -> &mut Vec<u8> {
        &mut self.output
    }

    /// Reads what is there; false at the end of the stream.
    fn fill(&mut self, scratch: &mut [u8]) -> std::io::Result<bool> {
        if let Some(tls) = &mut self.tls {
            return fill_tls(tls, &mut self.stream, &mut self.input, scratch);
        }
        loop {
            match self.stream.read(scratch) {
                Ok(0) => return Ok(false),
                Ok(length) => {
                    self.input.extend_from_slice(&scratch[..length]);
                    if length < scratch.len() {
                        return Ok(true);
                    }
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Writes what the socket takes; true when nothing is left.
    fn drain(&mut self) -> std::io::Result<bool> {
        if let Some(tls) = &mut self.tls {
            tls.writer().write_all(&self.output)?;
            self.output.clear();
            while tls.wants_write() {
                match tls.write_tls(&mut self.stream) {
                    Ok(_) => {}
                    Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                    Err(error) => return Err(error),
                }
            }
            return Ok(true);
        }
        while !self.output.is_empty() {
            match self.stream.write(&self.output) {
                Ok(written) if written == self.output.len() => self.output.clear(),
                Ok(written) => drop(self.output.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

fn fill_tls(
    tls: &mut ClientConnection,
    stream: &mut TcpStream,
    input: &mut Vec<u8>,
    scratch: &mut [u8],
) -> std::io::Result<bool> {
    loop {
        let is_open = match tls.read_tls(stream) {
            Ok(length) => length > 0,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) => return Err(error),
        };
        tls.process_new_packets().map_err(std::io::Error::other)?;
        loop {
            match tls.reader().read(scratch) {
                Ok(0) => return Ok(false),
                Ok(length) => input.extend_from_slice(&scratch[..length]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        if !is_open {
            return Ok(false);
        }
    }
}

/// All sockets of a case.
pub struct Driver {
    epoll: OwnedFd,
    links: Vec<Link>,
    scratch: Vec<u8>,
    ready: Vec<epoll::Event>,
}

impl Driver {
    /// Without sockets.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            links: Vec::new(),
            scratch: vec![0; READ_BYTES],
            ready: Vec::with_capacity(READY_MAX),
        })
    }

    /// Takes a connected link over.
    pub fn add(&mut self, link: Link) -> anyhow::Result<LinkId> {
        let id = self.links.len();
        link.stream.set_nonblocking(true)?;
        epoll::add(&self.epoll, &link.stream, epoll::EventData::new_u64(id as u64), epoll::EventFlags::IN)?;
        self.links.push(link);
        Ok(id)
    }

    /// A link.
    pub fn link(&mut self, id: LinkId) -> &mut Link {
        &mut self.links[id]
    }

    /// Waits for input on any link and reads it; at the end of `timeout` there may be none.
    ///
    /// # Errors
    /// A server that closes a connection fails the case.
    pub fn poll(&mut self, timeout: Duration, ready: &mut Vec<LinkId>) -> anyhow::Result<()> {
        ready.clear();
        self.ready.clear();
        let timeout = Timespec::try_from(timeout)?;
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.ready), Some(&timeout)) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        for at in 0..self.ready.len() {
            let (id, flags) = (self.ready[at].data.u64() as usize, self.ready[at].flags);
            if flags.contains(epoll::EventFlags::OUT) {
                self.flush(id)?;
            }
            if flags.intersects(epoll::EventFlags::IN | epoll::EventFlags::HUP | epoll::EventFlags::ERR) {
                if !self.links[id].fill(&mut self.scratch).context("reading from the server")? {
                    bail!("the server closed a connection");
                }
                ready.push(id);
            }
        }
        Ok(())
    }

    /// Sends a link's output now, or as soon as its socket takes it.
    pub fn flush(&mut self, id: LinkId) -> anyhow::Result<()> {
        let link = &mut self.links[id];
        let waits = !link.drain().context("writing to the server")?;
        if waits != link.waits_to_write {
            link.waits_to_write = waits;
            let flags = if waits { epoll::EventFlags::IN | epoll::EventFlags::OUT } else { epoll::EventFlags::IN };
            epoll::modify(&self.epoll, &link.stream, epoll::EventData::new_u64(id as u64), flags)?;
        }
        Ok(())
    }
}
