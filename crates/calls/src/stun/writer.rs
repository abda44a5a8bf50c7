//! Writing a message: header, attributes, then MESSAGE-INTEGRITY and FINGERPRINT.

use super::integrity::{LongTermKey, crc32};
use super::message::{Class, Message, Method, TransactionId, join_type};
use super::{COOKIE, HEADER_BYTES, address, attribute};
use core::net::SocketAddr;

/// A message that is being written. Its attributes must stay below 64 KiB: all callers write a few short ones.
#[derive(Debug)]
pub struct Writer {
    bytes: Vec<u8>,
    transaction: TransactionId,
}

impl Writer {
    /// A message without attributes.
    pub fn new(class: Class, method: Method, transaction: TransactionId) -> Self {
        let mut bytes = Vec::with_capacity(128);
        bytes.extend_from_slice(&join_type(class, method).to_be_bytes());
        bytes.extend_from_slice(&[0, 0]);
        bytes.extend_from_slice(&COOKIE.to_be_bytes());
        bytes.extend_from_slice(&transaction.0);
        Self { bytes, transaction }
    }

    /// An answer to a request.
    pub fn answer(request: &Message<'_>, class: Class) -> Self {
        Self::new(class, request.method, request.transaction)
    }

    /// Any attribute.
    #[must_use]
    pub fn put(mut self, kind: u16, value: &[u8]) -> Self {
        let length = u16::try_from(value.len()).expect("no value of ours is as long");
        self.bytes.extend_from_slice(&kind.to_be_bytes());
        self.bytes.extend_from_slice(&length.to_be_bytes());
        self.bytes.extend_from_slice(value);
        self.bytes.resize(self.bytes.len().next_multiple_of(4), 0);
        self.set_length(0);
        self
    }

    /// An attribute that is an address.
    #[must_use]
    pub fn put_address(self, kind: u16, socket: &SocketAddr) -> Self {
        let mut value = [0; address::VALUE_BYTES_MAX];
        let length = address::write(socket, &self.transaction, &mut value);
        self.put(kind, &value[..length])
    }

    /// An attribute that is a number of four bytes.
    #[must_use]
    pub fn put_u32(self, kind: u16, value: u32) -> Self {
        self.put(kind, &value.to_be_bytes())
    }

    /// ERROR-CODE.
    #[must_use]
    pub fn put_error(self, code: u16, reason: &str) -> Self {
        let mut value = vec![0, 0, (code / 100) as u8, (code % 100) as u8];
        value.extend_from_slice(reason.as_bytes());
        self.put(attribute::ERROR_CODE, &value)
    }

    /// Ends with MESSAGE-INTEGRITY.
    pub fn finish_with(mut self, key: &LongTermKey) -> Vec<u8> {
        self.set_length(24);
        let mac = key.mac(&self.bytes);
        self.put(attribute::MESSAGE_INTEGRITY, &mac).bytes
    }

    /// Ends with FINGERPRINT.
    pub fn finish_with_fingerprint(mut self) -> Vec<u8> {
        self.set_length(8);
        let value = crc32(&self.bytes) ^ super::integrity::FINGERPRINT_MASK;
        self.put_u32(attribute::FINGERPRINT, value).bytes
    }

    /// Ends here.
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes the length with so many more bytes than there are.
    fn set_length(&mut self, more: usize) {
        let length = self.bytes.len() - HEADER_BYTES + more;
        let length = u16::try_from(length).expect("no message of ours is as long");
        self.bytes[2..4].copy_from_slice(&length.to_be_bytes());
    }
}
