//! Decodes a picture, turns it as its camera was held, brings its colours to sRGB, shrinks it, and encodes it anew.
//! Sizes and quality are those of the web app (`apps/web/src/media`).

use super::message::{Answer, Body, Encoding, Measured, PictureError};
use super::metadata;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::webp::WebPEncoder;
use image::imageops::FilterType;
use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader, Limits, RgbImage};
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};
use std::io::Cursor;

/// Pixels along a side, and in all, of a picture that is decoded at all.
pub(super) const SIDE_MAX: u32 = 16_384;
pub(super) const PIXELS_MAX: u64 = 64 << 20;
/// The longer side of a picture as it is sent, unless it is sent as it is.
const SENT_SIDE_MAX: u32 = 2_560;
/// Of JPEG, in hundredths.
const QUALITY: u8 = 82;
/// What a thumbhash is made from, along the longer side.
const HASH_SIDE: u32 = 100;
/// Bytes that a decoder may ask for.
const DECODER_BYTES_MAX: u64 = 512 << 20;

/// A decoded picture and the colours that it is in.
struct Decoded {
    image: DynamicImage,
    profile: Option<Vec<u8>>,
    is_jpeg: bool,
}

fn refused(error: &ImageError) -> PictureError {
    match error {
        ImageError::Limits(_) => PictureError::TooLarge,
        _ => PictureError::Bad,
    }
}

/// What a picture says of its size is read before a decoder makes room for it.
fn decode(bytes: &[u8]) -> Result<Decoded, PictureError> {
    let format = image::guess_format(bytes).map_err(|_| PictureError::Bad)?;
    if !matches!(format, ImageFormat::Jpeg | ImageFormat::Png | ImageFormat::WebP | ImageFormat::Gif) {
        return Err(PictureError::Bad);
    }
    let mut limits = Limits::default();
    (limits.max_image_width, limits.max_image_height) = (Some(SIDE_MAX), Some(SIDE_MAX));
    limits.max_alloc = Some(DECODER_BYTES_MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|error| refused(&error))?;
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > PIXELS_MAX {
        return Err(PictureError::TooLarge);
    }
    let orientation = decoder.orientation().unwrap_or(Orientation::NoTransforms);
    let profile = decoder.icc_profile().ok().flatten();
    let decoded = DynamicImage::from_decoder(decoder).map_err(|error| refused(&error))?;
    // Sixteen bits a colour are more than anybody is sent.
    let mut image = match decoded {
        DynamicImage::ImageRgb8(_) | DynamicImage::ImageRgba8(_) => decoded,
        other if other.color().has_alpha() => other.into_rgba8().into(),
        other => other.into_rgb8().into(),
    };
    image.apply_orientation(orientation);
    Ok(Decoded { image, profile, is_jpeg: format == ImageFormat::Jpeg })
}

/// The same within a box; never larger than it is.
fn within(image: DynamicImage, width: u32, height: u32) -> DynamicImage {
    if image.width() <= width && image.height() <= height {
        return image;
    }
    image.resize(width, height, FilterType::CatmullRom)
}

/// Brings colours to sRGB: what encodes it anew drops the profile, which may name a device.
fn to_srgb(image: &mut DynamicImage, profile: Option<&[u8]>) {
    let Some(profile) = profile.and_then(|profile| ColorProfile::new_from_slice(profile).ok()) else { return };
    if profile.color_space != DataColorSpace::Rgb {
        return;
    }
    let (layout, samples) = match image {
        DynamicImage::ImageRgb8(image) => (Layout::Rgb, image.as_mut()),
        DynamicImage::ImageRgba8(image) => (Layout::Rgba, image.as_mut()),
        _ => return,
    };
    let made = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), layout, TransformOptions::default());
    let Ok(transform) = made else { return };
    let source: &[u8] = samples;
    let mut target = vec![0; source.len()];
    if transform.transform(source, &mut target).is_ok() {
        samples.copy_from_slice(&target);
    }
}

fn thumbhash(image: &DynamicImage) -> Vec<u8> {
    let small = image.thumbnail(HASH_SIDE.min(image.width()), HASH_SIDE.min(image.height())).into_rgba8();
    thumbhash::rgba_to_thumb_hash(small.width() as usize, small.height() as usize, small.as_raw())
}

fn is_opaque(image: &DynamicImage) -> bool {
    match image {
        DynamicImage::ImageRgba8(image) => image.pixels().all(|pixel| pixel.0[3] == u8::MAX),
        _ => true,
    }
}

/// Decodes, shrinks and encodes anew: what comes out holds pixels and nothing else.
pub(super) fn prepare(bytes: &[u8]) -> Result<Answer, PictureError> {
    let Decoded { image, profile, is_jpeg } = decode(bytes)?;
    let mut image = within(image, SENT_SIDE_MAX, SENT_SIDE_MAX);
    to_srgb(&mut image, profile.as_deref());
    let thumbhash = thumbhash(&image);
    let (width, height) = (image.width(), image.height());
    let body = match (is_opaque(&image), is_jpeg) {
        (false, _) => Body::Encoded(Encoding::Webp, webp(&image)?),
        (true, true) => Body::Encoded(Encoding::Jpeg, jpeg(image.into_rgb8())?),
        (true, false) => {
            // A drawing or the picture of a screen is smaller without loss, a photograph with it.
            let image = image.into_rgb8();
            let lossless = webp(&DynamicImage::from(image.clone()))?;
            let lossy = jpeg(image)?;
            if lossless.len() <= lossy.len() {
                Body::Encoded(Encoding::Webp, lossless)
            } else {
                Body::Encoded(Encoding::Jpeg, lossy)
            }
        }
    };
    Ok(Answer { measured: Measured { width, height, thumbhash, found: metadata::find(bytes) }, body })
}

fn jpeg(image: RgbImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut bytes, QUALITY);
    let (width, height) = image.dimensions();
    let written = encoder.write_image(image.as_raw(), width, height, image::ExtendedColorType::Rgb8);
    written.map_err(|error| refused(&error)).map(|()| bytes)
}

fn webp(image: &DynamicImage) -> Result<Vec<u8>, PictureError> {
    let mut bytes = Vec::new();
    let encoder = WebPEncoder::new_lossless(&mut bytes);
    let (width, height) = (image.width(), image.height());
    let written = encoder.write_image(image.as_bytes(), width, height, image.color().into());
    written.map_err(|error| refused(&error)).map(|()| bytes)
}

/// A preview and the size of a picture that is sent as it is.
pub(super) fn measure(bytes: &[u8]) -> Result<Answer, PictureError> {
    let Decoded { mut image, profile, .. } = decode(bytes)?;
    let (width, height) = (image.width(), image.height());
    image = image.thumbnail(HASH_SIDE.min(width), HASH_SIDE.min(height));
    to_srgb(&mut image, profile.as_deref());
    let measured = Measured { width, height, thumbhash: thumbhash(&image), found: metadata::find(bytes) };
    Ok(Answer { measured, body: Body::Nothing })
}

/// Pixels within a box.
pub(super) fn draw(bytes: &[u8], width: u32, height: u32) -> Result<Answer, PictureError> {
    let Decoded { mut image, profile, .. } = decode(bytes)?;
    if image.width() > width || image.height() > height {
        image = image.thumbnail(width.max(1), height.max(1));
    }
    to_srgb(&mut image, profile.as_deref());
    Ok(drawn(&image))
}

/// The preview that a thumbhash holds.
pub(super) fn blur(thumbhash: &[u8]) -> Result<Answer, PictureError> {
    let (width, height, rgba) = thumbhash::thumb_hash_to_rgba(thumbhash).map_err(|()| PictureError::Bad)?;
    let sides = u32::try_from(width).ok().zip(u32::try_from(height).ok()).ok_or(PictureError::Bad)?;
    let image = image::RgbaImage::from_raw(sides.0, sides.1, rgba).ok_or(PictureError::Bad)?;
    if sides.0 == 0 || sides.1 == 0 {
        return Err(PictureError::Bad);
    }
    Ok(drawn(&image.into()))
}

/// On black, as a terminal mostly is.
fn drawn(image: &DynamicImage) -> Answer {
    let image = image.to_rgba8();
    let mut rgb = Vec::with_capacity(image.as_raw().len() / 4 * 3);
    for pixel in image.pixels() {
        let [red, green, blue, alpha] = pixel.0.map(u16::from);
        rgb.extend([red, green, blue].map(|value| (value * alpha / 255) as u8));
    }
    let (width, height) = image.dimensions();
    let measured = Measured { width, height, thumbhash: Vec::new(), found: Default::default() };
    Answer { measured, body: Body::Rgb(rgb) }
}
