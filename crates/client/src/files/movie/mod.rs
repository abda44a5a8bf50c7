//! What a camera wrote into a movie beside picture and sound (ISO/IEC 14496-12, and QuickTime, which it comes from):
//! found, and covered byte for byte. Nothing moves, nothing is decoded, and the movie plays as before.
//!
//! What is not known to be needed goes: places, names, times, previews, tracks of a sensor or a drone. What cannot be
//! read is not called clean.

use std::ops::Range;

/// Bytes of a movie's index (`moov`) at most: hours of it have a few million.
const INDEX_BYTES_MAX: u64 = 32 << 20;
/// Boxes in a file at most: a fragmented one has two for each second or so.
const BOXES_MAX: usize = 1 << 17;
const HEAD_BYTES: usize = 16;

/// Boxes of a file that players need; any other may be skipped by them (s.4.2), and is covered.
const OF_FILE: [&[u8; 4]; 11] =
    [b"ftyp", b"styp", b"moov", b"moof", b"mdat", b"sidx", b"ssix", b"mfra", b"pdin", b"wide", b"prft"];
const OF_INDEX: [&[u8; 4]; 6] = [b"mvhd", b"trak", b"mvex", b"iods", b"pssh", b"clip"];
const OF_TRACK: [&[u8; 4]; 9] = [b"tkhd", b"tref", b"trgr", b"edts", b"mdia", b"clip", b"matt", b"load", b"tapt"];
/// Tracks that stay: picture, sound, and a picture beside (depth). Sensors, drones and clocks write the others.
const HANDLERS: [&[u8; 4]; 3] = [b"vide", b"soun", b"auxv"];
/// Boxes that hold what somebody wrote about a movie, wherever they are.
const ABOUT: [&[u8; 4]; 3] = [b"udta", b"meta", b"uuid"];
/// Words with which places begin: 3GPP, QuickTime, Apple's keys, and tracks of GoPro, Google and DJI.
const PLACES: [&[u8]; 7] = [b"loci", b"\xa9xyz", b"location", b"GPS", b"gpmd", b"camm", b"djmd"];

/// Reads bytes of a file from an offset on; `None` where it cannot.
pub type Read<'a> = dyn FnMut(u64, usize) -> Option<Vec<u8>> + 'a;

/// Why a movie cannot be cleaned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MovieError {
    /// The file cannot be read.
    #[error("the movie cannot be read")]
    Unreadable,
    /// It is put together in a way that is not known here.
    #[error("the movie is put together in a way that cannot be cleaned")]
    Unknown,
}

/// What was found in a movie, and what it reads as without it.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Movie {
    /// Somebody wrote something beside picture, sound and their times.
    pub has_metadata: bool,
    /// A place, by the words that name one.
    pub has_place: bool,
    /// In order, none upon another.
    covers: Vec<Cover>,
}

/// A range that reads as something else.
#[derive(Debug, PartialEq, Eq)]
struct Cover {
    range: Range<u64>,
    /// None: zeros.
    bytes: Option<Vec<u8>>,
}

/// A box: its type, where its content begins, where it ends.
#[derive(Debug, Clone, Copy)]
struct Part<O> {
    kind: [u8; 4],
    start: O,
    body: O,
    end: O,
}

/// Whether a file's first bytes are those of a movie.
pub fn is_movie(head: &[u8]) -> bool {
    let brand = head.get(8..12).unwrap_or_default();
    match head.get(4..8) {
        Some(b"ftyp") => !matches!(brand, b"M4A " | b"M4B " | b"F4A "),
        // Before there were brands; a text does not begin with a length.
        Some(b"moov" | b"wide" | b"mdat") => head[0] < b' ',
        _ => false,
    }
}

/// Looks through a movie of `size` bytes. A file without a picture track (a song) has nothing that is covered.
///
/// # Errors
/// See [`MovieError`]; it goes as it is or not at all then.
pub fn look(size: u64, read: &mut Read<'_>) -> Result<Movie, MovieError> {
    let mut movie = Movie::default();
    let (mut index, mut at, mut is_fragmented) = (None, 0, false);
    for _ in 0..BOXES_MAX {
        if at == size {
            let (start, bytes) = index.ok_or(MovieError::Unknown)?;
            return movie.take_index(start, bytes, size, is_fragmented);
        }
        let part = part_of_file(at, size, read)?;
        match &part.kind {
            b"moov" if index.is_none() && part.end - part.start <= INDEX_BYTES_MAX => {
                let bytes = read(part.start, (part.end - part.start) as usize).ok_or(MovieError::Unreadable)?;
                index = Some((part.start, bytes));
            }
            b"moov" => return Err(MovieError::Unknown),
            b"moof" => is_fragmented = true,
            kind if OF_FILE.contains(&kind) => {}
            kind => {
                movie.has_metadata |= !matches!(kind, b"free" | b"skip");
                let named = part.start + 4..part.start + 8;
                movie.covers.push(Cover { range: named, bytes: Some(b"free".to_vec()) });
                movie.covers.push(Cover { range: part.body..part.end, bytes: None });
            }
        }
        at = part.end;
    }
    Err(MovieError::Unknown)
}

/// Looks through a movie on the disk.
///
/// # Errors
/// See [`look`].
#[cfg(not(target_arch = "wasm32"))]
pub fn look_at(file: &mut std::fs::File, size: u64) -> Result<Movie, MovieError> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    look(size, &mut |at, length| {
        let mut bytes = vec![0; length];
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes)).ok().map(|()| bytes)
    })
}

fn part_of_file(at: u64, size: u64, read: &mut Read<'_>) -> Result<Part<u64>, MovieError> {
    let length = (size - at).min(HEAD_BYTES as u64) as usize;
    let head = read(at, length).ok_or(MovieError::Unreadable)?;
    let (kind, head_bytes, bytes) = head_of(&head, size - at).ok_or(MovieError::Unknown)?;
    Ok(Part { kind, start: at, body: at + head_bytes, end: at + bytes })
}

/// A box's type, the bytes of its head and of all of it; `None` where it is longer than what it lies in.
fn head_of(head: &[u8], most: u64) -> Option<([u8; 4], u64, u64)> {
    let kind = head.get(4..8)?.try_into().ok()?;
    let (head_bytes, bytes) = match u32_at(head, 0)? {
        0 => (8, most),
        1 => (16, u64::from(u32_at(head, 8)?) << 32 | u64::from(u32_at(head, 12)?)),
        bytes => (8, u64::from(bytes)),
    };
    (head_bytes <= bytes && bytes <= most).then_some((kind, head_bytes, bytes))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

/// The boxes in a part of the index.
fn parts(bytes: &[u8], range: Range<usize>) -> Result<Vec<Part<usize>>, MovieError> {
    let (mut parts, mut at) = (Vec::new(), range.start);
    // QuickTime may end a list with a zero of four bytes.
    while range.end - at >= 8 {
        let head = &bytes[at..range.end];
        let (kind, head_bytes, length) = head_of(head, head.len() as u64).ok_or(MovieError::Unknown)?;
        let end = at + length as usize;
        parts.push(Part { kind, start: at, body: at + head_bytes as usize, end });
        at = end;
    }
    Ok(parts)
}

/// The first box of a type on a path of types.
fn find(bytes: &[u8], within: Part<usize>, path: &[&[u8; 4]]) -> Result<Option<Part<usize>>, MovieError> {
    let mut found = within;
    for kind in path {
        match parts(bytes, found.body..found.end)?.into_iter().find(|part| part.kind == **kind) {
            Some(part) => found = part,
            None => return Ok(None),
        }
    }
    Ok(Some(found))
}

impl Movie {
    /// Overlays bytes that were read from `at` on with what they are to be.
    pub fn cover(&self, at: u64, bytes: &mut [u8]) {
        let end = at + bytes.len() as u64;
        let first = self.covers.partition_point(|cover| cover.range.end <= at);
        for Cover { range, bytes: by } in self.covers[first..].iter().take_while(|cover| cover.range.start < end) {
            let (from, to) = (range.start.max(at), range.end.min(end));
            let target = &mut bytes[(from - at) as usize..(to - at) as usize];
            match by {
                None => target.fill(0),
                Some(by) => target.copy_from_slice(&by[(from - range.start) as usize..(to - range.start) as usize]),
            }
        }
    }

    fn take_index(
        mut self,
        start: u64,
        mut bytes: Vec<u8>,
        size: u64,
        is_fragmented: bool,
    ) -> Result<Self, MovieError> {
        let all = Part { kind: *b"moov", start: 0, body: 0, end: bytes.len() };
        let index = parts(&bytes, 0..all.end)?.pop().ok_or(MovieError::Unknown)?;
        let tracks: Vec<_> =
            parts(&bytes, index.body..index.end)?.into_iter().filter(|part| part.kind == *b"trak").collect();
        let handlers = tracks.iter().map(|track| handler(&bytes, *track)).collect::<Result<Vec<_>, _>>()?;
        if find(&bytes, index, &[b"cmov"])?.is_some() {
            return Err(MovieError::Unknown);
        }
        if !handlers.contains(b"vide") {
            return Ok(Self::default());
        }
        let mut gone = Vec::new();
        for (track, handler) in tracks.into_iter().zip(handlers) {
            if HANDLERS.contains(&&handler) {
                continue;
            }
            if is_fragmented {
                // Its samples are named all over the file.
                return Err(MovieError::Unknown);
            }
            for range in samples(&bytes, track, size)? {
                self.covers.push(Cover { range, bytes: None });
            }
            gone.push(track_id(&bytes, track)?);
            self.drop_part(&mut bytes, track);
        }
        for part in parts(&bytes, index.body..index.end)? {
            match &part.kind {
                b"mvhd" => clear_times(&mut bytes, part)?,
                b"trak" => self.clean_track(&mut bytes, part, &gone)?,
                kind if OF_INDEX.contains(&kind) => {}
                _ => self.drop_part(&mut bytes, part),
            }
        }
        self.covers.push(Cover { range: start..start + bytes.len() as u64, bytes: Some(bytes) });
        self.in_order()
    }

    fn clean_track(&mut self, bytes: &mut [u8], track: Part<usize>, gone: &[u32]) -> Result<(), MovieError> {
        for part in parts(bytes, track.body..track.end)? {
            match &part.kind {
                b"tkhd" => clear_times(bytes, part)?,
                b"mdia" => self.clean_media(bytes, part)?,
                b"tref" => {
                    for reference in parts(bytes, part.body..part.end)? {
                        let mut ids =
                            bytes[reference.body..reference.end].chunks_exact(4).filter_map(|id| u32_at(id, 0));
                        if ids.any(|id| gone.contains(&id)) {
                            bytes[reference.start + 4..reference.start + 8].copy_from_slice(b"free");
                        }
                    }
                }
                kind if OF_TRACK.contains(&kind) => {}
                _ => self.drop_part(bytes, part),
            }
        }
        Ok(())
    }

    fn clean_media(&mut self, bytes: &mut [u8], media: Part<usize>) -> Result<(), MovieError> {
        for part in parts(bytes, media.body..media.end)? {
            match &part.kind {
                b"mdhd" => clear_times(bytes, part)?,
                b"minf" | b"stbl" => self.clean_media(bytes, part)?,
                kind if ABOUT.contains(&kind) => self.drop_part(bytes, part),
                _ => {}
            }
        }
        Ok(())
    }

    /// Makes a box one that holds nothing.
    fn drop_part(&mut self, bytes: &mut [u8], part: Part<usize>) {
        let body = &mut bytes[part.body..part.end];
        self.has_metadata |= !matches!(&part.kind, b"free" | b"skip") && body.iter().any(|byte| *byte != 0);
        self.has_place |= PLACES.iter().any(|word| body.windows(word.len()).any(|window| window == *word));
        body.fill(0);
        bytes[part.start + 4..part.start + 8].copy_from_slice(b"free");
    }

    /// Sorts what covers; what would lie upon another is no movie that is known here.
    fn in_order(mut self) -> Result<Self, MovieError> {
        self.covers.retain(|cover| !cover.range.is_empty());
        self.covers.sort_by_key(|cover| (cover.range.start, cover.range.end));
        let mut covers: Vec<Cover> = Vec::with_capacity(self.covers.len());
        for cover in self.covers {
            match covers.last_mut() {
                Some(last) if last.bytes.is_none() && cover.bytes.is_none() && cover.range.start <= last.range.end => {
                    last.range.end = last.range.end.max(cover.range.end);
                }
                Some(last) if cover.range.start < last.range.end => return Err(MovieError::Unknown),
                _ => covers.push(cover),
            }
        }
        Ok(Self { covers, ..self })
    }
}

/// What a track is for.
fn handler(bytes: &[u8], track: Part<usize>) -> Result<[u8; 4], MovieError> {
    let part = find(bytes, track, &[b"mdia", b"hdlr"])?.ok_or(MovieError::Unknown)?;
    let handler = bytes[part.body..part.end].get(8..12).and_then(|handler| handler.try_into().ok());
    handler.ok_or(MovieError::Unknown)
}

fn track_id(bytes: &[u8], track: Part<usize>) -> Result<u32, MovieError> {
    let part = find(bytes, track, &[b"tkhd"])?.ok_or(MovieError::Unknown)?;
    let body = &bytes[part.body..part.end];
    let at = if body.first() == Some(&1) { 20 } else { 12 };
    u32_at(body, at).ok_or(MovieError::Unknown)
}

/// When a movie, a track or its media was made and changed.
fn clear_times(bytes: &mut [u8], part: Part<usize>) -> Result<(), MovieError> {
    let body = &mut bytes[part.body..part.end];
    let length = if body.first() == Some(&1) { 16 } else { 8 };
    body.get_mut(4..4 + length).ok_or(MovieError::Unknown)?.fill(0);
    Ok(())
}

/// Where the samples of a track lie (s.8.7): chunks, each of so many samples of such sizes.
fn samples(bytes: &[u8], track: Part<usize>, size: u64) -> Result<Vec<Range<u64>>, MovieError> {
    let Some(table) = find(bytes, track, &[b"mdia", b"minf", b"stbl"])? else { return Ok(Vec::new()) };
    let body = |kind| Ok(find(bytes, table, &[kind])?.map(|part| &bytes[part.body..part.end]));
    let offsets: Vec<u64> = match (body(b"stco")?, body(b"co64")?) {
        (Some(chunks), None) => entries(chunks, 4)?.filter_map(|entry| u32_at(entry, 0)).map(u64::from).collect(),
        (None, Some(chunks)) => {
            let entries = entries(chunks, 8)?.filter_map(|entry| Some(u64::from_be_bytes(*entry.first_chunk()?)));
            entries.collect()
        }
        (None, None) => return Ok(Vec::new()),
        (Some(_), Some(_)) => return Err(MovieError::Unknown),
    };
    let sizes = body(b"stsz")?.ok_or(MovieError::Unknown)?;
    let all_of = u32_at(sizes, 4).ok_or(MovieError::Unknown)?;
    let mut each = if all_of == 0 { sizes.get(12..).unwrap_or_default() } else { &[] }.chunks_exact(4);
    let runs: Vec<(u64, u64)> = entries(body(b"stsc")?.ok_or(MovieError::Unknown)?, 12)?
        .filter_map(|entry| Some((u64::from(u32_at(entry, 0)?), u64::from(u32_at(entry, 4)?))))
        .collect();
    let (mut ranges, mut run) = (Vec::new(), 0);
    for (number, offset) in (1_u64..).zip(offsets) {
        while runs.get(run + 1).is_some_and(|(first, _)| *first <= number) {
            run += 1;
        }
        let count = runs.get(run).ok_or(MovieError::Unknown)?.1;
        let length = if all_of == 0 {
            let mut length = 0;
            for _ in 0..count {
                length += each.next().and_then(|entry| u32_at(entry, 0)).map(u64::from).ok_or(MovieError::Unknown)?;
            }
            length
        } else {
            count.checked_mul(u64::from(all_of)).ok_or(MovieError::Unknown)?
        };
        let end = offset.checked_add(length).filter(|end| *end <= size).ok_or(MovieError::Unknown)?;
        ranges.push(offset..end);
    }
    Ok(ranges)
}

/// The entries of a table: version and flags, their number, themselves.
fn entries(table: &[u8], entry_bytes: usize) -> Result<impl Iterator<Item = &[u8]>, MovieError> {
    let count = u32_at(table, 4).ok_or(MovieError::Unknown)? as usize;
    let all = count.checked_mul(entry_bytes).and_then(|length| table.get(8..)?.get(..length));
    Ok(all.ok_or(MovieError::Unknown)?.chunks_exact(entry_bytes))
}

#[cfg(test)]
pub(super) mod tests;
