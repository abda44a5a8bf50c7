//! Opus in Ogg (RFC 3533, RFC 7845): the packets of a file of one or two channels, and a file of packets.

use std::io::{ErrorKind, Read, Write};

/// Bytes of an Opus packet at most.
pub const PACKET_BYTES_MAX: usize = 60 << 10;
/// Samples at 48 kHz that one packet has at most: 120 ms.
pub const PACKET_SAMPLES_MAX: u64 = 5_760;
/// Samples of a page that is written: a second.
const PAGE_SAMPLES: u64 = 48_000;
/// Segments of a page at most.
const SEGMENTS_MAX: usize = 255;
/// Pages of other streams that are passed over between two of ours.
const FOREIGN_PAGES_MAX: u32 = 10_000;
const CAPTURE: &[u8; 4] = b"OggS";
const HEAD: &[u8; 8] = b"OpusHead";
const TAGS: &[u8; 8] = b"OpusTags";
const FLAG_CONTINUED: u8 = 1;
const FLAG_FIRST: u8 = 2;
const FLAG_LAST: u8 = 4;
/// Samples that a decoder drops at the begin: what encoders usually say.
const PRE_SKIP: u16 = 312;

/// Why a file cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum OggError {
    /// It cannot be read.
    #[error("the file cannot be read")]
    Read(#[from] std::io::Error),
    /// It is no Ogg file, or a damaged one.
    #[error("this is no Ogg file, or a damaged one")]
    Damaged,
    /// No Opus in it, or of more than two channels.
    #[error("only Opus of one or two channels can be played")]
    NotOpus,
    /// A packet that no encoder makes.
    #[error("a packet of {bytes} bytes is too long")]
    TooLong {
        /// Its bytes so far.
        bytes: usize,
    },
}

/// Samples at 48 kHz of a packet (RFC 6716 s.3.1); none for what is no packet.
pub fn samples(packet: &[u8]) -> Option<u64> {
    let toc = *packet.first()?;
    let config = toc >> 3;
    let frame: u64 = match config {
        0..=11 => [480, 960, 1_920, 2_880][usize::from(config & 3)],
        12..=15 => [480, 960][usize::from(config & 1)],
        _ => [120, 240, 480, 960][usize::from(config & 3)],
    };
    let count = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u64::from(packet.get(1)? & 0x3F),
    };
    Some(frame * count).filter(|samples| (1..=PACKET_SAMPLES_MAX).contains(samples))
}

/// CRC of a page (RFC 3533 s.6): polynomial 0x04C11DB7, not reflected, from 0.
fn crc(bytes: &[u8]) -> u32 {
    bytes.iter().fold(0, |crc, byte| CRC_TABLE[((crc >> 24) as u8 ^ byte) as usize] ^ crc << 8)
}

const CRC_TABLE: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut value = (at as u32) << 24;
        let mut bit = 0;
        while bit < 8 {
            value = if value >> 31 == 1 { value << 1 ^ 0x04C1_1DB7 } else { value << 1 };
            bit += 1;
        }
        table[at] = value;
        at += 1;
    }
    table
};

/// Reads packets from a file.
#[derive(Debug)]
pub struct OggReader<R> {
    input: R,
    serial: u32,
    /// Lengths of the segments of the page that are not read yet, and their bytes.
    segments: Vec<u8>,
    at_segment: usize,
    body: Vec<u8>,
    at_body: usize,
    packet: Vec<u8>,
    is_last: bool,
}

impl<R: Read> OggReader<R> {
    /// Reads the headers.
    ///
    /// # Errors
    /// See [`OggError`].
    pub fn new(input: R) -> Result<Self, OggError> {
        let mut this = Self {
            input,
            serial: 0,
            segments: Vec::new(),
            at_segment: 0,
            body: Vec::new(),
            at_body: 0,
            packet: Vec::new(),
            is_last: false,
        };
        this.next_page(true)?;
        let head = this.next_raw()?.ok_or(OggError::NotOpus)?;
        // Version 0.x, mapping family 0 (RFC 7845 s.5.1).
        let is_opus = head.len() >= 19 && head.starts_with(HEAD) && head[8] < 16;
        if !is_opus || !matches!(head[9], 1 | 2) || head[18] != 0 {
            return Err(OggError::NotOpus);
        }
        match this.next_raw()? {
            Some(tags) if tags.starts_with(TAGS) => Ok(this),
            _ => Err(OggError::NotOpus),
        }
    }

    /// The next packet with its samples; none at the end.
    ///
    /// # Errors
    /// See [`OggError`].
    pub fn next_packet(&mut self) -> Result<Option<(Vec<u8>, u64)>, OggError> {
        let Some(packet) = self.next_raw()? else { return Ok(None) };
        let samples = samples(&packet).ok_or(OggError::Damaged)?;
        Ok(Some((packet, samples)))
    }

    fn next_raw(&mut self) -> Result<Option<Vec<u8>>, OggError> {
        loop {
            while let Some(length) = self.segments.get(self.at_segment).copied() {
                let end = self.at_body + usize::from(length);
                let part = self.body.get(self.at_body..end).ok_or(OggError::Damaged)?;
                if self.packet.len() + part.len() > PACKET_BYTES_MAX {
                    return Err(OggError::TooLong { bytes: self.packet.len() + part.len() });
                }
                self.packet.extend_from_slice(part);
                (self.at_segment, self.at_body) = (self.at_segment + 1, end);
                if length < 255 {
                    return Ok(Some(std::mem::take(&mut self.packet)));
                }
            }
            if self.is_last || !self.next_page(false)? {
                return Ok(None);
            }
        }
    }

    /// Reads the next page of our stream; false at the end of the file.
    fn next_page(&mut self, is_first: bool) -> Result<bool, OggError> {
        for _ in 0..FOREIGN_PAGES_MAX {
            let mut head = [0; 27];
            match self.input.read_exact(&mut head) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::UnexpectedEof && !is_first => return Ok(false),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Err(OggError::Damaged),
                Err(error) => return Err(error.into()),
            }
            if !head.starts_with(CAPTURE) || head[4] != 0 {
                return Err(OggError::Damaged);
            }
            let mut segments = vec![0; usize::from(head[26])];
            self.read(&mut segments)?;
            let mut body = vec![0; segments.iter().map(|length| usize::from(*length)).sum()];
            self.read(&mut body)?;
            let found = u32::from_le_bytes([head[22], head[23], head[24], head[25]]);
            let serial = u32::from_le_bytes([head[14], head[15], head[16], head[17]]);
            let flags = head[5];
            head[22..26].fill(0);
            if crc(&[&head[..], &segments, &body].concat()) != found {
                return Err(OggError::Damaged);
            }
            if is_first {
                self.serial = serial;
            } else if serial != self.serial {
                continue;
            }
            if (flags & FLAG_CONTINUED != 0) == self.packet.is_empty() && !segments.is_empty() {
                return Err(OggError::Damaged);
            }
            self.is_last = flags & FLAG_LAST != 0;
            (self.segments, self.body) = (segments, body);
            (self.at_segment, self.at_body) = (0, 0);
            return Ok(true);
        }
        Err(OggError::Damaged)
    }

    fn read(&mut self, into: &mut [u8]) -> Result<(), OggError> {
        self.input.read_exact(into).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof => OggError::Damaged,
            _ => OggError::Read(error),
        })
    }
}

/// Writes packets to a file, a page a second.
#[derive(Debug)]
pub struct OggWriter<W: Write> {
    output: W,
    serial: u32,
    sequence: u32,
    segments: Vec<u8>,
    body: Vec<u8>,
    page_samples: u64,
    /// Samples up to the end of what was written.
    granule: u64,
}

impl<W: Write> OggWriter<W> {
    /// Writes the headers.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(output: W, serial: u32) -> std::io::Result<Self> {
        let mut this =
            Self { output, serial, sequence: 0, segments: Vec::new(), body: Vec::new(), page_samples: 0, granule: 0 };
        let mut head = HEAD.to_vec();
        head.extend([1, 2]);
        head.extend(PRE_SKIP.to_le_bytes());
        head.extend(48_000_u32.to_le_bytes());
        head.extend([0, 0, 0]);
        this.push(&head);
        this.page(FLAG_FIRST)?;
        let mut tags = TAGS.to_vec();
        let vendor = b"sottovoce";
        tags.extend((vendor.len() as u32).to_le_bytes());
        tags.extend(vendor);
        tags.extend([0; 4]);
        this.push(&tags);
        this.page(0)?;
        Ok(this)
    }

    /// Writes a packet that comes `lost` samples after the one before: a decoder fills them.
    ///
    /// # Errors
    /// What the output says; [`ErrorKind::InvalidData`] for what is no packet.
    pub fn write(&mut self, packet: &[u8], lost: u64) -> std::io::Result<()> {
        let samples = samples(packet).filter(|_| packet.len() <= PACKET_BYTES_MAX).ok_or(ErrorKind::InvalidData)?;
        let segments = packet.len() / 255 + 1;
        if lost > 0 || self.segments.len() + segments > SEGMENTS_MAX {
            self.page(0)?;
        }
        self.granule = self.granule.saturating_add(lost).saturating_add(samples);
        self.page_samples += samples;
        self.push(packet);
        if self.page_samples >= PAGE_SAMPLES { self.page(0) } else { Ok(()) }
    }

    /// Ends the stream.
    ///
    /// # Errors
    /// What the output says.
    pub fn finish(mut self) -> std::io::Result<W> {
        self.page_samples = self.page_samples.max(1);
        self.page(FLAG_LAST)?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn push(&mut self, packet: &[u8]) {
        self.segments.extend(std::iter::repeat_n(255, packet.len() / 255));
        self.segments.push((packet.len() % 255) as u8);
        self.body.extend_from_slice(packet);
    }

    fn page(&mut self, flags: u8) -> std::io::Result<()> {
        if self.segments.is_empty() && flags == 0 {
            return Ok(());
        }
        let mut page = CAPTURE.to_vec();
        page.extend([0, flags]);
        page.extend(self.granule.to_le_bytes());
        page.extend(self.serial.to_le_bytes());
        page.extend(self.sequence.to_le_bytes());
        page.extend([0; 4]);
        page.push(self.segments.len() as u8);
        page.append(&mut self.segments);
        page.append(&mut self.body);
        let crc = crc(&page);
        page[22..26].copy_from_slice(&crc.to_le_bytes());
        self.sequence = self.sequence.wrapping_add(1);
        self.page_samples = 0;
        self.output.write_all(&page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn packets(count: usize) -> Vec<Vec<u8>> {
        // CELT, 20 ms, one frame; lengths around those at which lacing changes.
        (0..count).map(|at| [vec![0xF8], vec![at as u8; [3, 253, 254, 255, 256, 700][at % 6]]].concat()).collect()
    }

    fn file(packets: &[Vec<u8>], lost: u64) -> Vec<u8> {
        let mut writer = OggWriter::new(Vec::new(), 7).unwrap();
        packets.iter().for_each(|packet| writer.write(packet, lost).unwrap());
        writer.finish().unwrap()
    }

    fn read(file: &[u8]) -> Result<Vec<Vec<u8>>, OggError> {
        let mut reader = OggReader::new(file)?;
        let mut found = Vec::new();
        while let Some((packet, samples)) = reader.next_packet()? {
            assert!(samples <= PACKET_SAMPLES_MAX);
            found.push(packet);
        }
        Ok(found)
    }

    #[test]
    fn what_is_written_reads_the_same_with_and_without_gaps() {
        for lost in [0, 960] {
            let packets = packets(170);
            assert_eq!(read(&file(&packets, lost)).unwrap(), packets);
        }
        assert!(read(&file(&[], 0)).unwrap().is_empty());
    }

    #[test]
    fn the_last_granule_counts_what_was_lost() {
        let written = file(&packets(10), 960);
        let last = written.windows(4).rposition(|window| window == CAPTURE).unwrap();
        let granule = u64::from_le_bytes(written[last + 6..last + 14].try_into().unwrap());
        assert_eq!(granule, 10 * 2 * 960);
    }

    #[test]
    fn packets_last_as_long_as_their_first_byte_says() {
        for (packet, expected) in [
            (&[0xF8_u8][..], Some(960)),
            (&[0xE0], Some(120)),
            (&[0xE1], Some(240)),
            (&[0x18], Some(2_880)),
            (&[0x63, 6], Some(6 * 480)),
            (&[0x1B, 2], Some(5_760)),
            (&[0x1B, 3], None),
            (&[0xFB, 0], None),
            (&[0xFB], None),
            (&[], None),
        ] {
            assert_eq!(samples(packet), expected, "{packet:?}");
        }
    }

    #[test]
    fn altered_and_cut_files_are_damaged_and_other_codecs_refused() {
        let written = file(&packets(60), 0);
        for at in [0, 4, 20, 30, 100, written.len() - 1] {
            let mut altered = written.clone();
            altered[at] ^= 1;
            assert!(matches!(read(&altered), Err(OggError::Damaged | OggError::NotOpus)), "{at}");
        }
        assert!(matches!(read(&written[..written.len() - 5]), Err(OggError::Damaged)));
        assert!(matches!(read(b""), Err(OggError::Damaged)));
        let mut vorbis = OggWriter {
            output: Vec::new(),
            serial: 1,
            sequence: 0,
            segments: Vec::new(),
            body: Vec::new(),
            page_samples: 0,
            granule: 0,
        };
        vorbis.push(b"\x01vorbis and what follows it");
        vorbis.page(FLAG_FIRST).unwrap();
        assert!(matches!(read(&vorbis.output), Err(OggError::NotOpus)));
    }

    proptest! {
        #[test]
        fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), at in 0_usize..400) {
            let _ = read(&bytes);
            let mut written = file(&packets(3), 0);
            let at = at.min(written.len());
            written.splice(at.., bytes);
            let _ = read(&written);
        }
    }
}
