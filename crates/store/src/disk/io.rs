//! The few file operations that the standard library leaves to the platform.

use std::fs::File;
use std::io;
use std::path::Path;

/// Reads exactly as many bytes as `bytes` holds from `offset` on, without moving the file's cursor.
#[cfg(unix)]
pub fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

/// Reads exactly as many bytes as `bytes` holds from `offset` on.
#[cfg(windows)]
pub fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    use std::os::windows::fs::FileExt;
    while !bytes.is_empty() {
        match file.seek_read(bytes, offset)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                bytes = &mut bytes[read..];
                offset += read as u64;
            }
        }
    }
    Ok(())
}

/// Makes the names in a folder durable.
#[cfg(unix)]
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Windows keeps names durable by itself and cannot sync a folder.
#[cfg(windows)]
pub fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}

/// Writes a file so that it is there as a whole or not at all, durably.
pub fn write_atomically(folder: &Path, name: &str, temporary: &str, bytes: &[u8]) -> io::Result<()> {
    let temporary = folder.join(temporary);
    let mut file = File::create(&temporary)?;
    io::Write::write_all(&mut file, bytes)?;
    file.sync_all()?;
    drop(file);
    std::fs::rename(&temporary, folder.join(name))?;
    sync_folder(folder)
}
