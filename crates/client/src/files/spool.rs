//! Seals a stream, whose size is not known, into the profile: what came once cannot be read again.

use crate::files::folder::{Folder, sync_folder_of, write_problem};
use crate::files::{Problem, SealedCopy};
use protocol::file::{CHUNK_BYTES, FileKey, GROUP_BYTES, GrowingSealer, SealError, Shape};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use wire::id::FileId;

/// Reads a stream to its end and keeps it sealed; its size comes back, too.
///
/// # Errors
/// [`Problem`]; nothing is left of it then.
pub fn spool(
    mut stream: impl Read,
    folder: &Folder,
    file: FileId,
    key: FileKey,
    bytes_max: u64,
) -> Result<(SealedCopy, u64), Problem> {
    folder.make().map_err(|error| write_problem(&error))?;
    let part = folder.part(&file);
    let result = seal(&mut stream, &part, &key, bytes_max).and_then(|sealed| {
        let unwritable = |error: std::io::Error| write_problem(&error);
        std::fs::rename(&part, folder.copy(&file))
            .and_then(|()| sync_folder_of(&folder.copy(&file)))
            .map_err(unwritable)?;
        Ok(sealed)
    });
    if result.is_err() {
        // Nobody knows of it: the next sweep would remove it.
        let _ = std::fs::remove_file(&part);
    }
    let (leaves, size) = result?;
    Ok((SealedCopy { file, key, leaves }, size))
}

fn seal(
    stream: &mut impl Read,
    part: &std::path::Path,
    key: &FileKey,
    bytes_max: u64,
) -> Result<(protocol::file::Leaves, u64), Problem> {
    let unwritable = |error: std::io::Error| write_problem(&error);
    let mut out = File::create(part).map_err(unwritable)?;
    let mut growing = GrowingSealer::new(key);
    let (mut held, mut next) = (vec![0; GROUP_BYTES], vec![0; GROUP_BYTES]);
    let mut held_bytes = fill(stream, &mut held)?;
    let mut size = held_bytes as u64;
    // One chunk is held back: only when more comes it is not the last.
    while held_bytes == CHUNK_BYTES {
        let next_bytes = fill(stream, &mut next)?;
        if next_bytes == 0 {
            break;
        }
        size += next_bytes as u64;
        if size > bytes_max {
            return Err(Problem::TooLarge);
        }
        growing.seal_next(&mut held).map_err(problem)?;
        out.write_all(&held).map_err(unwritable)?;
        std::mem::swap(&mut held, &mut next);
        held_bytes = next_bytes;
    }
    let (sealer, mut leaves) = growing.finish(size).map_err(problem)?;
    let shape: Shape = *sealer.shape();
    for group in leaves.len()..shape.groups() {
        let bytes = held.get_mut(..shape.group_bytes(group)).ok_or(Problem::TooLarge)?;
        leaves.push(sealer.seal(group, bytes).map_err(problem)?);
        out.write_all(bytes).map_err(unwritable)?;
    }
    out.write_all(leaves.as_bytes()).map_err(unwritable)?;
    out.sync_all().map_err(unwritable)?;
    Ok((leaves, size))
}

/// Reads a chunk, or what is left.
fn fill(stream: &mut impl Read, buffer: &mut [u8]) -> Result<usize, Problem> {
    let mut filled = 0;
    while filled < CHUNK_BYTES {
        match stream.read(&mut buffer[filled..CHUNK_BYTES]) {
            Ok(0) => break,
            Ok(bytes) => filled += bytes,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return Err(Problem::Unreadable),
        }
    }
    Ok(filled)
}

fn problem(error: SealError) -> Problem {
    match error {
        SealError::TooLarge(_) => Problem::TooLarge,
        SealError::Changed | SealError::WrongGroup { .. } => Problem::Unreadable,
    }
}
