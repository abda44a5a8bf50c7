//! The secrets of MLS on a device's disk, cut out of OpenMLS's stored values: none may outlive its epoch (LANE.md I7).

use protocol::event::ConversationId;
use protocol::storage::{MemoryStorage, Space, Storage};
use std::collections::BTreeSet;

/// Labels of OpenMLS's values in the store.
const MESSAGE_SECRETS: u8 = 9;
const EPOCH_SECRETS: u8 = 12;
const EPOCH_KEYS: u8 = 15;
/// A secret of SHA-384's length, as stored: its length, then its bytes.
const SECRET_BYTES: usize = 48;
/// An X-Wing public key's length as stored, its bytes, and the private key's length.
const PUBLIC_KEY_BYTES: usize = 1_216;
const PRIVATE_KEY_BYTES: usize = 32;

/// The first 32 bytes of a secret: enough to find it again.
pub type Mark = [u8; 32];

/// What a group's stored values hold in this epoch.
///
/// # Errors
/// If a value is not laid out as this file believes: then it would look in the wrong place.
pub fn of_group(storage: &MemoryStorage, id: ConversationId) -> Result<BTreeSet<Mark>, String> {
    let mut marks = BTreeSet::new();
    let value = |label| value_of(storage, label, id);
    if let Some(bytes) = value(EPOCH_SECRETS) {
        // init and exporter; the authenticator, which is shown to others; external and resumption.
        let at = take_secrets(&bytes, 1, 2, &mut marks)?;
        let at = take_secrets(&bytes, at, 1, &mut BTreeSet::new())?;
        take_secrets(&bytes, at, 2, &mut marks)?;
    }
    if let Some(bytes) = value(MESSAGE_SECRETS) {
        // No past epochs; sender data, membership, confirmation; the context, which is public; the secret tree.
        let tree_at = take_secrets(&bytes, 3, 3, &mut marks)?;
        take_tree(&bytes, tree_at, &mut marks)?;
    }
    for (key, bytes) in storage.scan(Space::Mls, &[EPOCH_KEYS]).unwrap_or_default() {
        if is_of(&key, id) {
            take_private_keys(&bytes, &mut marks)?;
        }
    }
    Ok(marks)
}

fn is_of(key: &[u8], id: ConversationId) -> bool {
    key.windows(id.0.len()).any(|window| window == id.0)
}

fn value_of(storage: &MemoryStorage, label: u8, id: ConversationId) -> Option<Vec<u8>> {
    let rows = storage.scan(Space::Mls, &[label]).unwrap_or_default();
    rows.into_iter().find(|(key, _)| is_of(key, id)).map(|(_, value)| value)
}

fn mark_at(bytes: &[u8], at: usize) -> Option<Mark> {
    bytes.get(at..at + 32)?.try_into().ok()
}

/// So many secrets in a row, or as many empty ones; where they end.
fn take_secrets(bytes: &[u8], from: usize, count: usize, marks: &mut BTreeSet<Mark>) -> Result<usize, String> {
    let mut at = from;
    for _ in 0..count {
        match bytes.get(at) {
            Some(0) => at += 1,
            Some(len) if usize::from(*len) == SECRET_BYTES => {
                marks.extend(mark_at(bytes, at + 1));
                at += 1 + SECRET_BYTES;
            }
            other => return Err(format!("no secret of {SECRET_BYTES} bytes at {at}: {other:?}")),
        }
    }
    Ok(at)
}

/// The tree's nodes: wherever the length of a secret stands before bytes that look like one.
fn take_tree(bytes: &[u8], context_at: usize, marks: &mut BTreeSet<Mark>) -> Result<(), String> {
    let (mut len, mut at) = (0usize, context_at);
    for shift in [0, 7, 14] {
        let Some(byte) = bytes.get(at) else { return Err("no context".into()) };
        len |= usize::from(byte & 0x7F) << shift;
        at += 1;
        if byte & 0x80 == 0 {
            break;
        }
    }
    let tree = bytes.get(at + len..).ok_or("the context is longer than its value")?;
    for start in 0..tree.len() {
        if usize::from(tree[start]) == SECRET_BYTES && tree.len() > start + SECRET_BYTES {
            let mark = mark_at(tree, start + 1).filter(|mark| mark.iter().collect::<BTreeSet<_>>().len() > 16);
            marks.extend(mark);
        }
    }
    Ok(())
}

/// Private keys stand behind public ones.
fn take_private_keys(bytes: &[u8], marks: &mut BTreeSet<Mark>) -> Result<(), String> {
    let count = usize::from(*bytes.get(1).ok_or("no keys")?);
    let pair = 2 + PUBLIC_KEY_BYTES + 1 + PRIVATE_KEY_BYTES;
    if bytes.len() != 2 + count * pair {
        return Err(format!("{count} pairs of keys in {} bytes", bytes.len()));
    }
    for pair in bytes[2..].chunks_exact(pair) {
        marks.extend(mark_at(pair, 2 + PUBLIC_KEY_BYTES + 1));
    }
    Ok(())
}
