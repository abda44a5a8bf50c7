//! What comes out of the codec holds pixels and nothing else, and nothing that goes in takes it down.

use super::codec::{SIDE_MAX, blur, draw, measure, prepare};
use super::message::{Answer, Body, Encoding, PictureError};
use super::{Found, Kind, kind_of, metadata};
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::PngEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, Rgb, RgbImage, RgbaImage};

/// A photo of a gradient: red grows to the right, green downwards.
fn gradient(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, 90]))
}

/// A TIFF header with these tags in its first directory, each one LONG.
fn tiff(tags: &[(u16, u16)]) -> Vec<u8> {
    let mut bytes = b"MM\0\x2a\0\0\0\x08".to_vec();
    bytes.extend((tags.len() as u16).to_be_bytes());
    for (tag, value) in tags {
        bytes.extend(tag.to_be_bytes());
        // SHORT, one of it, on the left of its four bytes.
        bytes.extend([0, 3, 0, 0, 0, 1]);
        bytes.extend(value.to_be_bytes());
        bytes.extend([0, 0]);
    }
    bytes.extend([0; 4]);
    bytes
}

/// A JPEG as a phone makes it: held upright (orientation 6), with the place where it was.
fn phone_photo(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 90).encode_image(&gradient(width, height)).unwrap();
    let mut exif = b"Exif\0\0".to_vec();
    exif.extend(tiff(&[(0x010f, 7), (0x0112, 6), (0x8825, 26)]));
    let mut photo = vec![0xff, 0xd8, 0xff, 0xe1];
    photo.extend((exif.len() as u16 + 2).to_be_bytes());
    photo.extend(exif);
    photo.extend([0xff, 0xfe, 0, 9]);
    photo.extend(b"comment");
    photo.extend(&bytes[2..]);
    photo
}

fn has(bytes: &[u8], word: &[u8]) -> bool {
    bytes.windows(word.len()).any(|window| window == word)
}

fn encoded(answer: &Answer) -> (Encoding, &[u8]) {
    match &answer.body {
        Body::Encoded(encoding, bytes) => (*encoding, bytes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn place_and_camera_are_gone_and_the_photo_stands_upright() {
    let photo = phone_photo(60, 40);
    assert_eq!(metadata::find(&photo), Found { has_any: true, has_place: true });
    let answer = prepare(&photo).unwrap();
    assert_eq!((answer.measured.width, answer.measured.height), (40, 60));
    assert_eq!(answer.measured.found, Found { has_any: true, has_place: true });
    assert!(!answer.measured.thumbhash.is_empty());
    let (encoding, bytes) = encoded(&answer);
    assert_eq!(encoding, Encoding::Jpeg);
    assert!(!has(bytes, b"Exif") && !has(bytes, b"comment"));
    assert_eq!(metadata::find(bytes), Found::default());
    // Turned to the right: what was on the left is above.
    let image = image::load_from_memory(bytes).unwrap().into_rgb8();
    assert!(image.get_pixel(20, 2).0[0] < 40 && image.get_pixel(20, 57).0[0] > 215);
    let measured = measure(&photo).unwrap().measured;
    assert_eq!((measured.width, measured.height), (40, 60));
    assert!(measured.found.has_place);
}

#[test]
fn large_photo_shrinks_and_keeps_its_shape() {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 80).encode_image(&gradient(3_000, 1_500)).unwrap();
    let answer = prepare(&bytes).unwrap();
    assert_eq!((answer.measured.width, answer.measured.height), (2_560, 1_280));
    assert_eq!(image::load_from_memory(encoded(&answer).1).unwrap().width(), 2_560);
}

#[test]
fn transparency_stays_and_a_drawing_loses_nothing() {
    let see_through = RgbaImage::from_fn(30, 20, |x, _| image::Rgba([200, 10, 10, (x * 8) as u8]));
    let drawing = RgbImage::from_fn(200, 100, |x, _| Rgb(if x < 100 { [255; 3] } else { [0; 3] }));
    for (image, alpha) in [(DynamicImage::from(see_through), true), (drawing.into(), false)] {
        let mut png = Vec::new();
        let color = image.color().into();
        PngEncoder::new(&mut png).write_image(image.as_bytes(), image.width(), image.height(), color).unwrap();
        let answer = prepare(&png).unwrap();
        let (encoding, bytes) = encoded(&answer);
        assert_eq!(encoding, Encoding::Webp);
        let decoded = image::load_from_memory(bytes).unwrap();
        assert_eq!(decoded.color().has_alpha(), alpha);
        assert_eq!(decoded.into_rgba8(), image.into_rgba8());
    }
}

#[test]
fn colours_of_another_profile_come_to_those_of_the_web() {
    let profile = moxcms::ColorProfile::new_display_p3().encode().unwrap();
    let mut png = Vec::new();
    let mut encoder = PngEncoder::new(&mut png);
    encoder.set_icc_profile(profile).unwrap();
    let image = RgbImage::from_pixel(8, 8, Rgb([200, 100, 50]));
    encoder.write_image(image.as_raw(), 8, 8, ExtendedColorType::Rgb8).unwrap();
    let answer = prepare(&png).unwrap();
    let (_, bytes) = encoded(&answer);
    assert!(!has(bytes, b"ICC"));
    // The same light has more red in a narrower space.
    let pixel = image::load_from_memory(bytes).unwrap().into_rgb8().get_pixel(4, 4).0;
    assert!(pixel[0] > 206 && pixel[2] < 46, "{pixel:?}");
}

#[test]
fn bombs_and_rubbish_are_refused() {
    // A PNG whose header claims more than anybody decodes; with a right checksum, so that only the size is wrong.
    let claim = |width: u32, height: u32| {
        let mut chunk = b"IHDR".to_vec();
        chunk.extend(width.to_be_bytes());
        chunk.extend(height.to_be_bytes());
        chunk.extend([8, 2, 0, 0, 0]);
        let mut table = !0_u32;
        for byte in &chunk {
            table ^= u32::from(*byte);
            for _ in 0..8 {
                table = if table & 1 == 1 { (table >> 1) ^ 0xedb8_8320 } else { table >> 1 };
            }
        }
        let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0d".to_vec();
        png.extend(chunk);
        png.extend((!table).to_be_bytes());
        png.extend(b"\0\0\0\0IDAT\x35\xaf\x06\x1e");
        png
    };
    assert_eq!(prepare(&claim(SIDE_MAX + 1, 1)), Err(PictureError::TooLarge));
    assert_eq!(prepare(&claim(SIDE_MAX, SIDE_MAX)), Err(PictureError::TooLarge));
    assert_eq!(prepare(b"no picture at all"), Err(PictureError::Bad));
    assert_eq!(draw(b"", 5, 5), Err(PictureError::Bad));
    assert_eq!(measure(&[0xff, 0xd8, 0xff]), Err(PictureError::Bad));
    assert_eq!(blur(&[1, 2, 3]), Err(PictureError::Bad));
    // What is cut gives a picture or none, and no panic.
    let photo = phone_photo(60, 40);
    for length in (0..photo.len()).step_by(7) {
        let _ = prepare(&photo[..length]);
        let _ = metadata::find(&photo[..length]);
    }
}

#[test]
fn pixels_fit_their_box_and_a_thumbhash_gives_some() {
    let photo = phone_photo(60, 40);
    let answer = draw(&photo, 20, 20).unwrap();
    assert!(answer.measured.width <= 20 && answer.measured.height == 20);
    let thumbhash = measure(&photo).unwrap().measured.thumbhash;
    let answer = blur(&thumbhash).unwrap();
    assert!(matches!(&answer.body, Body::Rgb(rgb) if rgb.len() >= 32 * 3));
}

#[test]
fn place_is_found_in_every_format_and_no_circle_is_endless() {
    let place = tiff(&[(0x8825, 1)]);
    let mut png = b"\x89PNG\r\n\x1a\n".to_vec();
    png.extend((place.len() as u32).to_be_bytes());
    png.extend(b"eXIf");
    png.extend(&place);
    png.extend([0; 4]);
    let mut webp = b"RIFF\0\0\0\0WEBPEXIF".to_vec();
    webp.extend((place.len() as u32).to_le_bytes());
    webp.extend(&place);
    let mut text = b"\xff\xd8\xff\xe1\0\x40http://ns.adobe.com/xap/1.0/\0<x exif:GPSLatitude='4'/>".to_vec();
    text.extend([0; 40]);
    for bytes in [png, webp, text] {
        assert_eq!(metadata::find(&bytes), Found { has_any: true, has_place: true });
        for length in 0..bytes.len() {
            let _ = metadata::find(&bytes[..length]);
        }
    }
    let circle = b"\xff\xd8\xff\xe1\0\0".repeat(50);
    let _ = metadata::find(&circle);
    let _ = metadata::find(b"\x89PNG\r\n\x1a\n\xff\xff\xff\xfftEXt");
    assert_eq!(metadata::find(b"no picture"), Found::default());
}

#[test]
fn first_bytes_say_what_a_file_is() {
    for (head, kind) in [
        (&b"\xff\xd8\xff\xe0"[..], Kind::Photo),
        (b"\x89PNG\r\n\x1a\n", Kind::Photo),
        (b"RIFF\x10\0\0\0WEBPVP8 ", Kind::Photo),
        (b"RIFF\x10\0\0\0WAVEfmt ", Kind::Other),
        (b"GIF89a", Kind::Animation),
        (b"\0\0\0\x18ftypheic\0\0\0\0", Kind::Foreign),
        (b"\0\0\0\x18ftypisom\0\0\0\0", Kind::Movie),
        (b"\0\0\0\x18ftypM4A \0\0\0\0", Kind::Other),
        (b"II*\0\x08\0\0\0", Kind::Foreign),
        (b"%PDF-1.7", Kind::Other),
        (b"", Kind::Other),
    ] {
        assert_eq!(kind_of(head), kind, "{head:?}");
    }
}
