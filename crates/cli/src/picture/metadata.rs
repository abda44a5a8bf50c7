//! What an encoded picture says beside its pixels. Only looked for, never taken apart: a picture that is sent as it is
//! may carry the place and the camera, and whoever sends it shall know. The web app looks in the same way
//! (`apps/web/src/media/metadata.ts`).

use super::Found;

/// The GPS directory's tag in a TIFF header (Exif 2.32 s.4.6.3).
const GPS_TAG: u16 = 0x8825;
/// Entries of a directory that are looked at.
const ENTRIES_MAX: usize = 512;

impl Found {
    const SOME: Self = Self { has_any: true, has_place: false };

    fn and(self, other: Self) -> Self {
        Self { has_any: self.has_any || other.has_any, has_place: self.has_place || other.has_place }
    }
}

/// Looks through a JPEG, PNG or WebP file; anything else has none that we know of.
pub(super) fn find(bytes: &[u8]) -> Found {
    match bytes {
        [0xff, 0xd8, ..] => in_jpeg(bytes),
        [0x89, b'P', b'N', b'G', ..] => in_png(bytes),
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => in_webp(bytes),
        _ => Found::default(),
    }
}

fn in_jpeg(bytes: &[u8]) -> Found {
    let (mut found, mut at) = (Found::default(), 2_usize);
    while let Some(&[0xff, marker, high, low]) = bytes.get(at..).and_then(|rest| rest.first_chunk()) {
        // Pixels begin.
        if marker == 0xda {
            break;
        }
        let length = usize::from(u16::from_be_bytes([high, low])).max(2);
        let end = (at + 2 + length).min(bytes.len());
        let content = bytes.get(at + 4..end).unwrap_or_default();
        found = found.and(match marker {
            0xe1 => match content.strip_prefix(b"Exif\0\0") {
                Some(exif) => in_tiff(exif),
                None if content.starts_with(b"http://ns.adobe.com/") => in_text(content),
                None => Found::default(),
            },
            // What editors write, and comments.
            0xed | 0xfe => Found::SOME,
            _ => Found::default(),
        });
        at += 2 + length;
    }
    found
}

fn in_png(bytes: &[u8]) -> Found {
    let (mut found, mut at) = (Found::default(), 8_usize);
    while let Some((head, rest)) = bytes.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let length = u32::from_be_bytes([head[0], head[1], head[2], head[3]]) as usize;
        let content = &rest[..length.min(rest.len())];
        found = found.and(match &head[4..] {
            b"eXIf" => in_tiff(content),
            b"tEXt" | b"zTXt" | b"iTXt" => in_text(content),
            b"tIME" => Found::SOME,
            _ => Found::default(),
        });
        let Some(next) = at.checked_add(12).and_then(|at| at.checked_add(length)) else { break };
        at = next;
    }
    found
}

fn in_webp(bytes: &[u8]) -> Found {
    let (mut found, mut at) = (Found::default(), 12_usize);
    while let Some((head, rest)) = bytes.get(at..).and_then(|rest| rest.split_first_chunk::<8>()) {
        let length = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let content = &rest[..length.min(rest.len())];
        found = found.and(match &head[..4] {
            b"EXIF" => in_tiff(content.strip_prefix(b"Exif\0\0").unwrap_or(content)),
            b"XMP " => in_text(content),
            _ => Found::default(),
        });
        let Some(next) = at.checked_add(8).and_then(|at| at.checked_add(length)?.checked_add(length % 2)) else {
            break;
        };
        at = next;
    }
    found
}

fn in_tiff(bytes: &[u8]) -> Found {
    let is_little = match bytes.first_chunk() {
        Some(b"II") => true,
        Some(b"MM") => false,
        _ => return Found { has_any: !bytes.is_empty(), has_place: false },
    };
    let short = |at: usize| {
        let bytes = *bytes.get(at..)?.first_chunk::<2>()?;
        Some(if is_little { u16::from_le_bytes(bytes) } else { u16::from_be_bytes(bytes) })
    };
    let long = |at: usize| {
        let bytes = *bytes.get(at..)?.first_chunk::<4>()?;
        Some(if is_little { u32::from_le_bytes(bytes) } else { u32::from_be_bytes(bytes) })
    };
    let Some(at) = long(4).map(|at| at as usize) else { return Found::SOME };
    let count = short(at).map_or(0, usize::from).min(ENTRIES_MAX);
    let mut tags = (0..count).map_while(|index| short(at + 2 + index * 12));
    Found { has_any: true, has_place: tags.any(|tag| tag == GPS_TAG) }
}

fn in_text(bytes: &[u8]) -> Found {
    Found { has_any: true, has_place: bytes.windows(3).any(|window| window == b"GPS") }
}
