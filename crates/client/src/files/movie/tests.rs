//! Movies put together box by box, covered, and read back.

use super::*;
use proptest::prelude::*;

fn part(kind: &[u8; 4], body: &[u8]) -> Vec<u8> {
    [&(body.len() as u32 + 8).to_be_bytes()[..], kind, body].concat()
}

fn table(numbers: &[u32]) -> Vec<u8> {
    [&[0; 4][..], &numbers.iter().flat_map(|number| number.to_be_bytes()).collect::<Vec<_>>()].concat()
}

const TIMES: [u32; 4] = [0xE1E1_E1E1, 0xE2E2_E2E2, 7, 8];

/// A track with samples of 10 bytes, two in each chunk.
fn track(id: u32, handler: &[u8; 4], entry: &[u8], chunks: &[u32], extra: &[u8]) -> Vec<u8> {
    let stbl = [
        part(b"stsd", entry),
        part(b"stsc", &table(&[1, 1, 2, 1])),
        part(
            b"stsz",
            &table(&[0, chunks.len() as u32 * 2].iter().copied().chain(vec![10; chunks.len() * 2]).collect::<Vec<_>>()),
        ),
        part(b"stco", &table(&[&[chunks.len() as u32], chunks].concat())),
    ];
    let mdia = [
        part(b"mdhd", &table(&TIMES)),
        part(b"hdlr", &[&table(&[0]), &handler[..], &[0; 12]].concat()),
        part(b"minf", &part(b"stbl", &stbl.concat())),
    ];
    let tkhd = part(b"tkhd", &table(&[TIMES[0], TIMES[1], id, 0]));
    part(b"trak", &[tkhd, part(b"mdia", &mdia.concat()), extra.to_vec()].concat())
}

const SAMPLES_AT: u32 = 24 + 8;

fn file(tracks: &[Vec<u8>], index: &[u8], behind: &[u8]) -> Vec<u8> {
    let moov = [part(b"mvhd", &table(&TIMES)), tracks.concat(), index.to_vec()].concat();
    let samples: Vec<u8> = (0..80).map(|at| 0x80 | at).collect();
    [part(b"ftyp", b"isom\0\0\0\0isommp42"), part(b"mdat", &samples), part(b"moov", &moov), behind.to_vec()].concat()
}

fn read(file: &[u8]) -> impl FnMut(u64, usize) -> Option<Vec<u8>> + '_ {
    |at, length| Some(file.get(at as usize..)?.get(..length)?.to_vec())
}

/// A movie that says where it was taken, and the same when it is covered.
pub(in crate::files) fn placed() -> (Vec<u8>, Vec<u8>) {
    let original = file(&[picture()], &part(b"udta", &part(b"\xa9xyz", b"+47.3769+008.5417/")), &[]);
    let bytes = covered(&original).1;
    (original, bytes)
}

fn covered(file: &[u8]) -> (Movie, Vec<u8>) {
    let movie = look(file.len() as u64, &mut read(file)).unwrap();
    let mut bytes = file.to_vec();
    movie.cover(0, &mut bytes);
    (movie, bytes)
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn picture() -> Vec<u8> {
    track(1, b"vide", b"avc1", &[SAMPLES_AT], &[])
}

#[test]
fn what_a_camera_wrote_is_covered_and_nothing_moves() {
    let udta = part(b"udta", &part(b"\xa9xyz", b"+47.3769+008.5417/"));
    let meta = part(b"meta", b"com.apple.quicktime.make Camera");
    let tracks =
        [track(1, b"vide", b"avc1", &[SAMPLES_AT], &udta), track(2, b"soun", b"mp4a", &[SAMPLES_AT + 20], &meta)];
    let original = file(&tracks, &[udta.clone(), meta.clone()].concat(), &part(b"uuid", b"xmp of an editor"));
    let (movie, bytes) = covered(&original);
    assert!(movie.has_metadata && movie.has_place);
    for word in [&b"+47"[..], b"xyz", b"Camera", b"editor", b"udta", b"meta", b"uuid", &TIMES[0].to_be_bytes()] {
        assert!(has(&original, word) && !has(&bytes, word), "{word:?}");
    }
    assert_eq!(bytes.len(), original.len());
    let (start, end) = (SAMPLES_AT as usize, SAMPLES_AT as usize + 80);
    assert_eq!(bytes[start..end], original[start..end], "picture and sound");
    let (again, same) = covered(&bytes);
    assert!(!again.has_metadata && !again.has_place);
    assert_eq!(same, bytes, "what is clean stays");
}

#[test]
fn tracks_of_sensors_go_with_their_samples() {
    let chapters = part(b"tref", &[part(b"chap", &3_u32.to_be_bytes()), part(b"cdep", &2_u32.to_be_bytes())].concat());
    let tracks = [
        track(1, b"vide", b"avc1", &[SAMPLES_AT, SAMPLES_AT + 40], &chapters),
        track(2, b"soun", b"mp4a", &[SAMPLES_AT + 60], &[]),
        track(3, b"meta", b"gpmd", &[SAMPLES_AT + 20], &[]),
    ];
    let original = file(&tracks, &[], &[]);
    let (movie, bytes) = covered(&original);
    assert!(movie.has_metadata && movie.has_place);
    let at = SAMPLES_AT as usize;
    assert_eq!(bytes[at + 20..at + 40], [0; 20]);
    assert_eq!((&bytes[at..at + 20], &bytes[at + 40..at + 80]), (&original[at..at + 20], &original[at + 40..at + 80]));
    assert!(!has(&bytes, b"gpmd") && !has(&bytes, b"chap") && has(&bytes, b"cdep"));
}

#[test]
fn any_part_reads_as_the_whole_does() {
    let original = file(
        &[picture(), track(3, b"meta", b"camm", &[SAMPLES_AT + 20], &[])],
        &part(b"udta", b"x"),
        &part(b"free", b"maker"),
    );
    let (movie, bytes) = covered(&original);
    for start in 0..original.len() {
        for length in [1, 7, 64] {
            let end = (start + length).min(original.len());
            let mut some = original[start..end].to_vec();
            movie.cover(start as u64, &mut some);
            assert_eq!(some, bytes[start..end], "{start}");
        }
    }
}

#[test]
fn songs_stay_as_they_are() {
    let original = file(&[track(1, b"soun", b"mp4a", &[SAMPLES_AT], &[])], &part(b"udta", b"title"), &[]);
    assert_eq!(covered(&original), (Movie::default(), original));
    assert!(!is_movie(b"\0\0\0\x20ftypM4A \0\0\0\0"));
    assert!(is_movie(b"\0\0\0\x20ftypisom\0\0\0\0") && is_movie(b"\0\0\0\x08wide\0\0\0\0mdat"));
    assert!(!is_movie(b"The moov of a text") && !is_movie(b"abcdwide") && !is_movie(b""));
}

#[test]
fn what_is_not_understood_is_not_called_clean() {
    let unknown = |file: &[u8]| look(file.len() as u64, &mut read(file)).unwrap_err();
    let good = file(&[picture()], &[], &[]);
    let trailer = [&good[..], b"proprietary trailer with a place"].concat();
    assert_eq!(unknown(&trailer), MovieError::Unknown);
    assert_eq!(unknown(&good[..good.len() - 1]), MovieError::Unknown);
    assert_eq!(unknown(&file(&[picture()], &part(b"cmov", b""), &[])), MovieError::Unknown);
    assert_eq!(unknown(&file(&[picture()], &[], &part(b"moov", b""))), MovieError::Unknown);
    assert_eq!(unknown(&part(b"ftyp", b"isom")), MovieError::Unknown);
    let sensor = track(3, b"meta", b"gpmd", &[SAMPLES_AT], &[]);
    assert_eq!(unknown(&file(&[picture(), sensor.clone()], &[], &part(b"moof", b""))), MovieError::Unknown);
    let outside = track(3, b"meta", b"gpmd", &[u32::MAX], &[]);
    assert_eq!(unknown(&file(&[picture(), outside], &[], &[])), MovieError::Unknown);
    let upon_index = track(3, b"meta", b"gpmd", &[SAMPLES_AT + 80], &[]);
    assert_eq!(unknown(&file(&[picture(), upon_index], &[], &[])), MovieError::Unknown);
    assert_eq!(look(100, &mut |_, _| None), Err(MovieError::Unreadable));
}

proptest! {
    #[test]
    fn broken_movies_end_with_an_answer(at in 0_usize..600, value: u8, cut in 0_usize..700) {
        let sensor = track(3, b"meta", b"gpmd", &[SAMPLES_AT + 20], &[]);
        let mut bytes = file(&[picture(), sensor], &part(b"udta", b"x"), &[]);
        let length = bytes.len();
        bytes[at % length] = value;
        bytes.truncate(cut.max(8));
        if let Ok(movie) = look(bytes.len() as u64, &mut read(&bytes)) {
            let mut covered = bytes.clone();
            movie.cover(0, &mut covered);
            prop_assert_eq!(covered.len(), bytes.len());
        }
    }
}
