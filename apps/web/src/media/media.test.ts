import { describe, expect, test } from 'vitest';
import { findMetadata } from './metadata';
import { sizeOf } from './size';

const bytes = (...parts: (string | number[])[]): Uint8Array =>
  new Uint8Array(parts.flatMap((part) => (typeof part === 'string' ? [...part].map((one) => one.charCodeAt(0)) : part)));

/** An Exif header with one directory of these tags. */
function exif(...tags: number[]): number[] {
  const entries = tags.flatMap((tag) => [tag >> 8, tag & 0xff, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0]);
  return [0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, tags.length, ...entries];
}

function jpeg(...segments: [marker: number, content: Uint8Array][]): Uint8Array {
  return bytes([0xff, 0xd8], ...segments.map(([marker, content]) => [0xff, marker, (content.length + 2) >> 8, (content.length + 2) & 0xff, ...content]), [0xff, 0xda]);
}

describe('metadata of pictures', () => {
  test('a place is found in Exif and XMP of every format', () => {
    const place = bytes('Exif\0\0', exif(0x010f, 0x8825));
    expect(findMetadata(jpeg([0xe1, place]))).toEqual({ has: true, hasPlace: true });
    expect(findMetadata(jpeg([0xe1, bytes('http://ns.adobe.com/xap/1.0/\0', '<x exif:GPSLatitude="45"/>')]))).toEqual({ has: true, hasPlace: true });
    const png = bytes([0x89], 'PNG\r\n\x1a\n', [0, 0, 0, 22], 'eXIf', exif(0x8825), [0, 0, 0, 0]);
    expect(findMetadata(png)).toEqual({ has: true, hasPlace: true });
    const webp = bytes('RIFF', [0, 0, 0, 0], 'WEBP', 'EXIF', [22, 0, 0, 0], exif(0x8825));
    expect(findMetadata(webp)).toEqual({ has: true, hasPlace: true });
  });

  test('a camera without a place is metadata, and a bare picture has none', () => {
    expect(findMetadata(jpeg([0xe1, bytes('Exif\0\0', exif(0x010f))]))).toEqual({ has: true, hasPlace: false });
    expect(findMetadata(jpeg([0xe0, bytes('JFIF\0')], [0xdb, bytes([1, 2, 3])]))).toEqual({ has: false, hasPlace: false });
    expect(findMetadata(bytes('no picture'))).toEqual({ has: false, hasPlace: false });
  });

  test('what is cut, lies about lengths or goes in circles ends', () => {
    const whole = jpeg([0xe1, bytes('Exif\0\0', exif(0x010f, 0x8825))]);
    for (let length = 0; length < whole.length; length += 1) expect(() => findMetadata(whole.subarray(0, length))).not.toThrow();
    expect(() => findMetadata(jpeg([0xe1, bytes('Exif\0\0MM', [0, 42, 0xff, 0xff, 0xff, 0xff])]))).not.toThrow();
    expect(() => findMetadata(bytes([0x89], 'PNG\r\n\x1a\n', [0xff, 0xff, 0xff, 0xff], 'tEXt'))).not.toThrow();
  });
});

describe('claimed sizes of pictures', () => {
  test('each format says its own', () => {
    const frame = bytes([8], [0x03, 0x20], [0x04, 0xb0], [3, 0, 0]);
    expect(sizeOf(jpeg([0xe0, bytes('JFIF\0')], [0xc2, frame]))).toEqual({ width: 1_200, height: 800 });
    expect(sizeOf(bytes([0x89], 'PNG\r\n\x1a\n', [0, 0, 0, 13], 'IHDR', [0, 0, 2, 0, 0, 0, 1, 0]))).toEqual({ width: 512, height: 256 });
    expect(sizeOf(bytes('GIF89a', [0x40, 0x01, 0xf0, 0x00]))).toEqual({ width: 320, height: 240 });
    const vp8x = bytes('RIFF', [0, 0, 0, 0], 'WEBP', 'VP8X', [10, 0, 0, 0, 0, 0, 0, 0], [0xff, 0x01, 0], [0x0f, 0x01, 0]);
    expect(sizeOf(vp8x)).toEqual({ width: 512, height: 272 });
    const heif = bytes([0, 0, 0, 8], 'ftyp', [0, 0, 0, 20], 'ispe', [0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 3, 0]);
    expect(sizeOf(heif)).toEqual({ width: 1_024, height: 768 });
  });

  test('none, nothing and rubbish have no size', () => {
    for (const rubbish of [bytes(), bytes('GIF89a', [0, 0, 0, 0]), bytes([0xff, 0xd8, 0xff]), bytes('plain text'), bytes([0, 0, 0, 8], 'ftyp')]) {
      expect(sizeOf(rubbish)).toBeNull();
    }
    const vp8x = bytes('RIFF', [0, 0, 0, 0], 'WEBP', 'VP8X');
    for (let length = 0; length < vp8x.length; length += 1) expect(() => sizeOf(vp8x.subarray(0, length))).not.toThrow();
  });
});
