//! VP8 in IVF: a header of 32 bytes, then each frame behind 12 bytes that say its length and its time.

use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};

/// Bytes of a frame at most.
pub const FRAME_BYTES_MAX: usize = 2 << 20;
const MAGIC: &[u8; 4] = b"DKIF";
const VP8: &[u8; 4] = b"VP80";
const HEADER_BYTES: u16 = 32;
/// Ticks a second of what is written and of RTP.
const CLOCK: u32 = 90_000;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum IvfError {
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    /// It is no IVF file, or a damaged one.
    #[error("this is no IVF file, or a damaged one")]
    Damaged,
    /// Not VP8.
    #[error("only VP8 can be played")]
    NotVp8,
    /// A frame that is too large.
    #[error("a frame of {bytes} bytes is too long")]
    TooLong {
        /// Its bytes.
        bytes: usize,
    },
}

/// Width and height of a key frame; none for any other frame (RFC 6386 s.9.1).
pub fn dimensions(frame: &[u8]) -> Option<(u16, u16)> {
    let head = frame.first_chunk::<10>()?;
    let is_key = head[0] & 1 == 0 && head[3..6] == [0x9D, 0x01, 0x2A];
    let side = |low, high| u16::from_le_bytes([low, high]) & 0x3FFF;
    is_key.then(|| (side(head[6], head[7]), side(head[8], head[9])))
}

/// Reads frames from a file.
#[derive(Debug)]
pub struct IvfReader<R> {
    input: R,
    rate: u32,
    scale: u32,
}

impl<R: Read> IvfReader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// See [`IvfError`].
    pub fn new(mut input: R) -> Result<Self, IvfError> {
        let mut head = [0; HEADER_BYTES as usize];
        read(&mut input, &mut head)?;
        if !head.starts_with(MAGIC) || u16::from_le_bytes([head[6], head[7]]) != HEADER_BYTES {
            return Err(IvfError::Damaged);
        }
        if &head[8..12] != VP8 {
            return Err(IvfError::NotVp8);
        }
        let number = |at: usize| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]);
        let (rate, scale) = (number(16), number(20));
        if rate == 0 || scale == 0 { Err(IvfError::Damaged) } else { Ok(Self { input, rate, scale }) }
    }

    /// The next frame with its time in ticks of 90 kHz; none at the end.
    ///
    /// # Errors
    /// See [`IvfError`].
    pub fn next_frame(&mut self) -> Result<Option<(Vec<u8>, u64)>, IvfError> {
        let mut head = [0; 12];
        let mut first = [0; 1];
        if self.input.read(&mut first)? == 0 {
            return Ok(None);
        }
        head[0] = first[0];
        read(&mut self.input, &mut head[1..])?;
        let [a, b, c, d, pts @ ..] = head;
        let bytes = u32::from_le_bytes([a, b, c, d]) as usize;
        if bytes > FRAME_BYTES_MAX {
            return Err(IvfError::TooLong { bytes });
        }
        let mut frame = vec![0; bytes];
        read(&mut self.input, &mut frame)?;
        let ticks = u128::from(u64::from_le_bytes(pts)) * u128::from(self.scale) * u128::from(CLOCK);
        let time = u64::try_from(ticks / u128::from(self.rate)).map_err(|_| IvfError::Damaged)?;
        Ok(Some((frame, time)))
    }
}

fn read(input: &mut impl Read, into: &mut [u8]) -> Result<(), IvfError> {
    input.read_exact(into).map_err(|error| match error.kind() {
        ErrorKind::UnexpectedEof => IvfError::Damaged,
        _ => IvfError::Read(error),
    })
}

/// Writes frames to a file.
#[derive(Debug)]
pub struct IvfWriter<W> {
    output: W,
    frames: u32,
}

impl<W: Write + Seek> IvfWriter<W> {
    /// Writes the header.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(mut output: W, (width, height): (u16, u16)) -> std::io::Result<Self> {
        let mut head = MAGIC.to_vec();
        head.extend(0_u16.to_le_bytes());
        head.extend(HEADER_BYTES.to_le_bytes());
        head.extend(VP8);
        head.extend(width.to_le_bytes());
        head.extend(height.to_le_bytes());
        head.extend(CLOCK.to_le_bytes());
        head.extend(1_u32.to_le_bytes());
        head.extend([0; 8]);
        output.write_all(&head)?;
        Ok(Self { output, frames: 0 })
    }

    /// Writes a frame; `time` in ticks of 90 kHz from the begin.
    ///
    /// # Errors
    /// What the output says; [`ErrorKind::InvalidData`] for a frame that is too long.
    pub fn write(&mut self, frame: &[u8], time: u64) -> std::io::Result<()> {
        if frame.len() > FRAME_BYTES_MAX {
            return Err(ErrorKind::InvalidData.into());
        }
        self.output.write_all(&(frame.len() as u32).to_le_bytes())?;
        self.output.write_all(&time.to_le_bytes())?;
        self.output.write_all(frame)?;
        self.frames = self.frames.saturating_add(1);
        Ok(())
    }

    /// Notes how many there are.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.output.seek(SeekFrom::Start(24))?;
        self.output.write_all(&self.frames.to_le_bytes())?;
        self.output.seek(SeekFrom::End(0))?;
        self.output.flush()?;
        Ok(self.output)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::io::Cursor;

    fn file(frames: &[(Vec<u8>, u64)]) -> Vec<u8> {
        let mut writer = IvfWriter::new(Cursor::new(Vec::new()), (640, 480)).unwrap();
        frames.iter().for_each(|(frame, time)| writer.write(frame, *time).unwrap());
        writer.finish().unwrap().into_inner()
    }

    fn all(file: &[u8]) -> Result<Vec<(Vec<u8>, u64)>, IvfError> {
        let mut reader = IvfReader::new(file)?;
        let mut found = Vec::new();
        while let Some(frame) = reader.next_frame()? {
            found.push(frame);
        }
        Ok(found)
    }

    #[test]
    fn what_is_written_reads_the_same_and_is_counted() {
        let frames: Vec<_> = (0..5_u64).map(|at| (vec![at as u8; 10 * at as usize], at * 3_000)).collect();
        let written = file(&frames);
        assert_eq!(all(&written).unwrap(), frames);
        assert_eq!(written[24..28], 5_u32.to_le_bytes());
    }

    #[test]
    fn times_are_told_in_the_clock_of_rtp_whatever_the_files_is() {
        let mut written = file(&[(vec![1], 0), (vec![2], 1), (vec![3], 30)]);
        written[16..20].copy_from_slice(&30_u32.to_le_bytes());
        let times: Vec<u64> = all(&written).unwrap().into_iter().map(|(_, time)| time).collect();
        assert_eq!(times, [0, 3_000, 90_000]);
        let mut endless = file(&[(vec![1], u64::MAX)]);
        endless[20..24].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(all(&endless), Err(IvfError::Damaged)));
    }

    #[test]
    fn key_frames_tell_their_size() {
        assert_eq!(dimensions(&[0x10, 2, 0, 0x9D, 1, 0x2A, 0x80, 2, 0xE0, 1, 9]), Some((640, 480)));
        assert_eq!(dimensions(&[0x11, 2, 0, 0x9D, 1, 0x2A, 0x80, 2, 0xE0, 1, 9]), None);
        assert_eq!(dimensions(&[0x10, 2, 0, 0x9D, 1, 0x2A]), None);
    }

    #[test]
    fn cut_files_other_codecs_and_huge_frames_are_refused() {
        let written = file(&[(vec![7; 50], 0)]);
        assert!(matches!(all(&written[..written.len() - 1]), Err(IvfError::Damaged)));
        assert!(matches!(all(&written[..40]), Err(IvfError::Damaged)));
        assert!(matches!(all(&written[..20]), Err(IvfError::Damaged)));
        let mut other = written.clone();
        other[8..12].copy_from_slice(b"AV01");
        assert!(matches!(all(&other), Err(IvfError::NotVp8)));
        let mut huge = written;
        huge[32..36].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(all(&huge), Err(IvfError::TooLong { .. })));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = all(&bytes);
            let _ = all(&[&file(&[])[..], &bytes].concat());
            let _ = dimensions(&bytes);
        }
    }
}
