//! Case `seal`: sealing and hashing a file's groups on one core, beside XChaCha20-Poly1305 and then BLAKE3 in memory.

use crate::Scale;
use crate::report::{Measurement, Subject, median, rounded};
use chacha20poly1305::aead::AeadInOut;
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use protocol::file::{FileKey, GROUP_BYTES, Leaves, Opener, Reference, Sealer, Shape};
use std::hint::black_box;
use std::time::Instant;

const GROUPS: u64 = 4_096;

/// Bytes a second of the plain tools over the same buffers: each group is encrypted, then hashed with all before it.
fn plain(groups: u64, buffer: &mut [u8]) -> anyhow::Result<f64> {
    let aead = XChaCha20Poly1305::new(&[7; 32].into());
    let mut hasher = blake3::Hasher::new();
    let started = Instant::now();
    for group in 0..groups {
        let mut nonce = [0; 24];
        nonce[..8].copy_from_slice(&group.to_be_bytes());
        let (text, tag) = buffer.split_at_mut(GROUP_BYTES - 16);
        let made = aead.encrypt_inout_detached(&XNonce::from(nonce), &[], text.into())?;
        tag.copy_from_slice(&made);
        hasher.update(buffer);
    }
    black_box(hasher.finalize());
    Ok((groups * GROUP_BYTES as u64) as f64 / started.elapsed().as_secs_f64())
}

/// Bytes a second of our sealing, the root included.
fn ours(groups: u64, buffer: &mut [u8]) -> anyhow::Result<f64> {
    let key = FileKey::new([7; 32]);
    let shape = Shape::of((groups - 1) * (GROUP_BYTES as u64 - 16))?;
    let started = Instant::now();
    let sealer = Sealer::new(&key, shape);
    let mut leaves = Leaves::default();
    let mut bytes = 0_u64;
    for group in 0..shape.groups() {
        let sealed = &mut buffer[..shape.group_bytes(group)];
        bytes += sealed.len() as u64;
        leaves.push(sealer.seal(group, sealed)?);
    }
    black_box(leaves.root());
    Ok(bytes as f64 / started.elapsed().as_secs_f64())
}

/// Bytes a second of checking and opening one group again and again.
fn opening(groups: u64, buffer: &mut [u8]) -> anyhow::Result<f64> {
    let key = FileKey::new([7; 32]);
    let shape = Shape::of(GROUP_BYTES as u64 - 16)?;
    let mut leaves = Leaves::default();
    leaves.push(Sealer::new(&key, shape).seal(0, buffer)?);
    let root = leaves.root().ok_or_else(|| anyhow::anyhow!("a leaf has a root"))?;
    let reference = Reference {
        file_id: wire::id::FileId([0; 32]),
        node_url: None,
        commit: key.commit(),
        key,
        root,
        size: shape.size(),
        name: String::new(),
        media_type: String::new(),
        look: Default::default(),
    };
    let opener = Opener::new(&reference, leaves)?;
    let sealed = buffer.to_vec();
    let started = Instant::now();
    for _ in 0..groups {
        buffer.copy_from_slice(&sealed);
        black_box(opener.open(0, buffer)?);
    }
    Ok((groups * GROUP_BYTES as u64) as f64 / started.elapsed().as_secs_f64())
}

/// The rounds take turns; the ratio is that of each round's own neighbours.
pub fn run(scale: &Scale) -> anyhow::Result<()> {
    let groups = scale.of(GROUPS).max(8);
    let mut buffer = vec![3; GROUP_BYTES];
    let (mut plains, mut sealed, mut opened, mut ratios) = (vec![], vec![], vec![], vec![]);
    for _ in 0..scale.rounds.max(1) {
        let (plain, ours) = (plain(groups, &mut buffer)?, ours(groups, &mut buffer)?);
        plains.push(plain);
        sealed.push(ours);
        ratios.push(ours / plain);
        opened.push(opening(groups, &mut buffer)?);
    }
    let mib = |values: Vec<f64>| median(values).map(|value| (value / f64::from(1 << 20)).round());
    Measurement::new("seal", Subject::Client)
        .with("bytes", groups * GROUP_BYTES as u64)
        .with("plain_mib_per_s", mib(plains))
        .with("seal_mib_per_s", mib(sealed))
        .with("open_mib_per_s", mib(opened))
        .with("ratio_to_plain", median(ratios).map(rounded))
        .print()
}
