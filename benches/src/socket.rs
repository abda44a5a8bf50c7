//! The client side of RFC 6455 over a [`Link`]: upgrade, masked binary frames, pongs.

use crate::drive::Link;
use anyhow::{bail, ensure};
use bytes::Bytes;
use std::net::SocketAddr;
use wire::limit::FRAME_BYTES_MAX;

const BINARY: u8 = 0x2;
const CONTINUATION: u8 = 0x0;
const CLOSE: u8 = 0x8;
const PING: u8 = 0x9;
const PONG: u8 = 0xA;
const FIN: u8 = 0x80;
const MASKED: u8 = 0x80;

/// Upgrades a new link to a WebSocket; blocks until the node agreed.
pub fn upgrade(link: &mut Link, address: SocketAddr) -> anyhow::Result<()> {
    let request = format!(
        "GET {} HTTP/1.1\r\nHost: {address}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: c290dG92b2NlIGJlbmNoZQ==\r\n\r\n",
        wire::node::SOCKET_PATH
    );
    link.exchange(request.as_bytes(), |input| head_bytes(input).is_some())?;
    let head = head_bytes(link.input()).unwrap_or_default();
    ensure!(link.input().starts_with(b"HTTP/1.1 101 "), "the node refused the WebSocket");
    link.consume(head);
    Ok(())
}

fn head_bytes(input: &[u8]) -> Option<usize> {
    input.windows(4).position(|four| four == b"\r\n\r\n").map(|at| at + 4)
}

/// Appends one masked frame to the link's output; its bytes on the wire.
pub fn push_frame(link: &mut Link, payload: &[u8], mask: u32) -> usize {
    push(link, BINARY, payload, mask)
}

fn push(link: &mut Link, opcode: u8, payload: &[u8], mask: u32) -> usize {
    let output = link.output();
    let before = output.len();
    output.push(FIN | opcode);
    match payload.len() {
        length @ 0..=125 => output.push(MASKED | length as u8),
        length @ 126..=0xFFFF => {
            output.push(MASKED | 126);
            output.extend_from_slice(&(length as u16).to_be_bytes());
        }
        length => {
            output.push(MASKED | 127);
            output.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
    let mask = mask.to_ne_bytes();
    output.extend_from_slice(&mask);
    let start = output.len();
    output.extend_from_slice(payload);
    for (at, byte) in output[start..].iter_mut().enumerate() {
        *byte ^= mask[at % 4];
    }
    output.len() - before
}

/// What a link remembers between two reads.
#[derive(Debug, Default)]
pub struct Incoming {
    fragments: Vec<u8>,
}

impl Incoming {
    /// The next whole message, if it was received.
    pub fn next(&mut self, link: &mut Link) -> anyhow::Result<Option<Bytes>> {
        loop {
            let input = link.input();
            let Some((opcode, is_last, head, length)) = parse_head(input)? else { return Ok(None) };
            let Some(payload) = input.get(head..head + length) else { return Ok(None) };
            let message = match opcode {
                BINARY if is_last => Some(Bytes::copy_from_slice(payload)),
                BINARY | CONTINUATION => {
                    self.fragments.extend_from_slice(payload);
                    is_last.then(|| std::mem::take(&mut self.fragments).into())
                }
                PING => {
                    let payload = payload.to_vec();
                    push(link, PONG, &payload, 0x5A5A_5A5A);
                    None
                }
                PONG => None,
                CLOSE => bail!("the node closed the WebSocket"),
                _ => bail!("the node sent a frame of opcode {opcode}"),
            };
            link.consume(head + length);
            if message.is_some() {
                return Ok(message);
            }
        }
    }
}

fn parse_head(input: &[u8]) -> anyhow::Result<Option<(u8, bool, usize, usize)>> {
    let [first, second, rest @ ..] = input else { return Ok(None) };
    ensure!(second & MASKED == 0, "the node masked a frame");
    let (head, length) = match (second, rest) {
        (126, [a, b, ..]) => (4, u64::from(u16::from_be_bytes([*a, *b]))),
        (127, [a, b, c, d, e, f, g, h, ..]) => (10, u64::from_be_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
        (126 | 127, _) => return Ok(None),
        (short, _) => (2, u64::from(*short)),
    };
    ensure!(length <= 2 * FRAME_BYTES_MAX as u64, "the node sent a frame over the limit");
    Ok(Some((first & 0x0F, first & FIN != 0, head, length as usize)))
}
