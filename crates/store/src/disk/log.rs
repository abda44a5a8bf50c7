//! The log: segment files of frames, synced frame by frame. It is what durable means here; the index only says
//! where in it things are.

use super::frame::{FRAME_HEADER_LEN, FrameHeader, FrameWriter, MAGIC, Salt};
use super::io::{read_exact_at, sync_folder};
use crate::StoreError;
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A place in the log, and the number of the frame there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// The segment.
    pub segment: u32,
    /// Bytes from its beginning.
    pub offset: u64,
    /// The number of the frame that begins here.
    pub number: u64,
}

impl Position {
    /// Where the log of a new store begins.
    pub const START: Self = Self { segment: 1, offset: 0, number: 1 };
}

/// The end of the log that is written to.
pub struct Log {
    folder: PathBuf,
    salt: Salt,
    file: File,
    end: Position,
    is_stopped: bool,
}

/// The log's segments as readers see them.
pub struct Segments {
    folder: PathBuf,
    open: Mutex<BTreeMap<u32, Arc<File>>>,
}

/// Segments whose files stay open for readers at most.
const SEGMENTS_OPEN_MAX: usize = 128;

fn segment_path(folder: &Path, segment: u32) -> PathBuf {
    folder.join(format!("{segment:010}.log"))
}

/// The numbers of the segments that are there, ascending.
pub fn list_segments(folder: &Path) -> Result<Vec<u32>, StoreError> {
    let mut segments = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name();
        if let Some(number) = name.to_str().and_then(|name| name.strip_suffix(".log"))
            && let Ok(number) = number.parse()
        {
            segments.push(number);
        }
    }
    segments.sort_unstable();
    Ok(segments)
}

/// Removes a segment of which nothing is needed any more.
pub fn remove_segment(folder: &Path, segment: u32) -> Result<(), StoreError> {
    match std::fs::remove_file(segment_path(folder, segment)) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(error.into()),
        _ => Ok(()),
    }
}

impl Log {
    /// Reads every frame from `from` on, hands it to `replay` with the position of its first byte, cuts off a torn
    /// tail and returns the log, ready to append.
    ///
    /// # Errors
    /// `Corrupt` if anything but the last, never acknowledged frame is damaged or gone.
    pub fn recover(
        folder: &Path,
        salt: Salt,
        from: Position,
        mut replay: impl FnMut(Position, &[u8]) -> Result<(), StoreError>,
    ) -> Result<Self, StoreError> {
        let corrupt = StoreError::Corrupt { what: "the log" };
        let last = list_segments(folder)?.last().copied();
        let Some(last) = last.filter(|last| *last >= from.segment) else {
            // Only a store that never wrote a frame has no segment.
            if from != Position::START {
                return Err(corrupt);
            }
            let file = create_segment(folder, from.segment)?;
            return Ok(Self { folder: folder.to_path_buf(), salt, file, end: from, is_stopped: false });
        };
        let mut end = from;
        for segment in from.segment..=last {
            if segment != from.segment {
                end = Position { segment, offset: 0, number: end.number };
            }
            let is_whole = replay_segment(folder, salt, &mut end, &mut replay)?;
            if !is_whole && segment != last {
                return Err(corrupt);
            }
        }
        let mut file = OpenOptions::new().read(true).write(true).open(segment_path(folder, last))?;
        if file.metadata()?.len() != end.offset {
            if has_frame_after(&mut file, end, salt)? {
                return Err(corrupt);
            }
            file.set_len(end.offset)?;
            file.sync_all()?;
        }
        file.seek(SeekFrom::Start(end.offset))?;
        Ok(Self { folder: folder.to_path_buf(), salt, file, end, is_stopped: false })
    }

    /// Where the next frame will begin.
    pub fn end(&self) -> Position {
        self.end
    }

    /// Writes a frame, syncs it, and returns where it begins.
    ///
    /// # Errors
    /// After `Io` the frame may be there or not; nothing more is taken (`Stopped`) until the store is reopened.
    pub fn append(&mut self, frame: &mut FrameWriter) -> Result<Position, StoreError> {
        if self.is_stopped {
            return Err(StoreError::Stopped);
        }
        let bytes = frame.finish(self.end.number, self.salt);
        // A failed sync may have dropped the pages and the error with them, so a second try proves nothing.
        let written = self.file.write_all(bytes).and_then(|()| self.file.sync_data());
        self.is_stopped = written.is_err();
        written?;
        let begin = self.end;
        self.end.offset += bytes.len() as u64;
        self.end.number += 1;
        Ok(begin)
    }

    /// Goes on in a new segment. The one before is synced as a whole, frame by frame.
    pub fn rotate(&mut self) -> Result<(), StoreError> {
        let segment = self.end.segment.checked_add(1).ok_or(StoreError::Stopped)?;
        self.is_stopped = true;
        self.file = create_segment(&self.folder, segment)?;
        self.end = Position { segment, offset: 0, number: self.end.number };
        self.is_stopped = false;
        Ok(())
    }

    /// Takes nothing more until the store is reopened.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }
}

fn create_segment(folder: &Path, segment: u32) -> Result<File, StoreError> {
    let path = segment_path(folder, segment);
    let file = OpenOptions::new().read(true).write(true).create_new(true).open(path)?;
    sync_folder(folder)?;
    Ok(file)
}

/// Replays frames from `end` on and moves `end` behind the last good one; `false` if bytes are left behind it.
fn replay_segment(
    folder: &Path,
    salt: Salt,
    end: &mut Position,
    replay: &mut impl FnMut(Position, &[u8]) -> Result<(), StoreError>,
) -> Result<bool, StoreError> {
    let mut file = match File::open(segment_path(folder, end.segment)) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(StoreError::Corrupt { what: "the log" }),
        other => other?,
    };
    let file_len = file.metadata()?.len();
    if file_len < end.offset {
        return Err(StoreError::Corrupt { what: "the log" });
    }
    file.seek(SeekFrom::Start(end.offset))?;
    let mut reader = BufReader::with_capacity(64 << 10, file);
    let mut payload = Vec::new();
    while end.offset < file_len {
        let left = file_len - end.offset;
        let mut header = [0; FRAME_HEADER_LEN];
        if left < FRAME_HEADER_LEN as u64 {
            return Ok(false);
        }
        reader.read_exact(&mut header)?;
        let Some(header) = FrameHeader::parse(&header, salt) else { return Ok(false) };
        let frame_len = FRAME_HEADER_LEN as u64 + u64::from(header.payload_len);
        if header.number != end.number || left < frame_len {
            return Ok(false);
        }
        payload.resize(header.payload_len as usize, 0);
        reader.read_exact(&mut payload)?;
        if !header.is_of(&payload, salt) {
            return Ok(false);
        }
        replay(*end, &payload)?;
        end.offset += frame_len;
        end.number += 1;
    }
    Ok(true)
}

/// Whether any frame begins behind a damaged one. A frame is written only when the one before it is durable, so a
/// later frame proves that the damaged one was acknowledged and then spoilt: that is no torn tail.
fn has_frame_after(file: &mut File, end: Position, salt: Salt) -> Result<bool, StoreError> {
    const WINDOW: usize = 1 << 20;
    let file_len = file.metadata()?.len();
    let mut at = end.offset + 1;
    let mut window = vec![0; WINDOW + FRAME_HEADER_LEN];
    while at + FRAME_HEADER_LEN as u64 <= file_len {
        let len = usize::try_from(file_len - at).unwrap_or(usize::MAX).min(window.len());
        read_exact_at(file, &mut window[..len], at)?;
        let is_frame = window[..len].windows(FRAME_HEADER_LEN).any(|bytes| {
            bytes.starts_with(&MAGIC)
                && bytes
                    .first_chunk()
                    .and_then(|header| FrameHeader::parse(header, salt))
                    .is_some_and(|header| header.number > end.number)
        });
        if is_frame {
            return Ok(true);
        }
        at += WINDOW as u64;
    }
    Ok(false)
}

impl Segments {
    /// The segments in a folder.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), open: Mutex::new(BTreeMap::new()) }
    }

    /// Reads `len` bytes of a segment.
    pub fn read(&self, segment: u32, offset: u64, len: usize) -> Result<Vec<u8>, StoreError> {
        let file = self.file(segment)?;
        let mut bytes = vec![0; len];
        match read_exact_at(&file, &mut bytes, offset) {
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => Err(StoreError::Corrupt { what: "the log" }),
            Err(error) => Err(error.into()),
            Ok(()) => Ok(bytes),
        }
    }

    /// Closes a segment's file.
    pub fn forget(&self, segment: u32) {
        self.open.lock().unwrap_or_else(PoisonError::into_inner).remove(&segment);
    }

    fn file(&self, segment: u32) -> Result<Arc<File>, StoreError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&segment) {
            return Ok(Arc::clone(file));
        }
        let file = match File::open(segment_path(&self.folder, segment)) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(StoreError::Corrupt { what: "the log" }),
            other => Arc::new(other?),
        };
        if open.len() >= SEGMENTS_OPEN_MAX {
            open.pop_first();
        }
        open.insert(segment, Arc::clone(&file));
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SALT: Salt = Salt(7);

    fn frame(text: &[u8]) -> FrameWriter {
        let mut frame = FrameWriter::default();
        frame.clear();
        frame.put(text, None);
        frame
    }

    fn recover(folder: &Path) -> Result<(Log, usize), StoreError> {
        let mut frames = 0;
        let log = Log::recover(folder, SALT, Position::START, |_, _| {
            frames += 1;
            Ok(())
        })?;
        Ok((log, frames))
    }

    #[test]
    fn a_failed_write_stops_the_log() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = recover(folder.path()).unwrap();
        log.append(&mut frame(b"one")).unwrap();
        // A file that cannot be written to stands for a disk that fails.
        log.file = File::open(segment_path(folder.path(), 1)).unwrap();
        assert!(matches!(log.append(&mut frame(b"two")), Err(StoreError::Io(_))));
        assert!(matches!(log.append(&mut frame(b"three")), Err(StoreError::Stopped)));
        drop(log);
        assert_eq!(recover(folder.path()).unwrap().1, 1);
    }

    #[test]
    fn what_a_client_stored_cannot_pass_for_a_frame() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = recover(folder.path()).unwrap();
        log.append(&mut frame(b"one")).unwrap();
        let mut tail = b"a torn frame, with a body that looks like one of a later number: ".to_vec();
        tail.extend_from_slice(frame(b"forged").finish(99, Salt(8)));
        log.file.write_all(&tail).unwrap();
        let (log, frames) = recover(folder.path()).unwrap();
        assert_eq!(frames, 1);
        assert_eq!(log.file.metadata().unwrap().len(), log.end().offset, "the tail is cut off");
    }

    #[test]
    fn a_later_frame_behind_damage_is_found_anywhere() {
        for gap in [1, 31, 32, (1 << 20) - 1, 1 << 20, (1 << 20) + 40] {
            let folder = tempfile::tempdir().unwrap();
            let (mut log, _) = recover(folder.path()).unwrap();
            log.append(&mut frame(b"one")).unwrap();
            log.file.write_all(&vec![0; gap]).unwrap();
            log.file.write_all(frame(b"three").finish(3, SALT)).unwrap();
            assert!(matches!(recover(folder.path()), Err(StoreError::Corrupt { .. })), "{gap}");
        }
    }

    #[test]
    fn numbers_go_on_over_segments() {
        let folder = tempfile::tempdir().unwrap();
        let (mut log, _) = recover(folder.path()).unwrap();
        for text in [b"one", b"two"] {
            log.append(&mut frame(text)).unwrap();
            log.rotate().unwrap();
        }
        let end = log.end();
        assert_eq!((end.segment, end.offset, end.number), (3, 0, 3));
        let (log, frames) = recover(folder.path()).unwrap();
        assert_eq!((log.end(), frames), (end, 2));
        remove_segment(folder.path(), 2).unwrap();
        assert!(matches!(recover(folder.path()), Err(StoreError::Corrupt { .. })), "a gap");
    }
}
