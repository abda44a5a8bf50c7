/**
 * What an encoded picture says beside its pixels. Only looked for, never taken apart: a picture that is sent as it is
 * (`original`) may carry the place and the camera, and whoever sends it shall know.
 */

export interface Metadata {
  /** There is some: camera, software, time, text. */
  has: boolean;
  /** It names a place. */
  hasPlace: boolean;
}

const NONE: Metadata = { has: false, hasPlace: false };
/** The GPS directory's tag in a TIFF header (Exif 2.32, s.4.6.3). */
const GPS_TAG = 0x8825;
/** Entries of a directory that are looked at. */
const ENTRIES_MAX = 512;

const ascii = (bytes: Uint8Array, at: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(at, Math.min(at + length, bytes.length)));

/** Reads the first bytes of a JPEG, PNG, WebP or HEIF file; anything else has none that we know of. */
export function findMetadata(bytes: Uint8Array): Metadata {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return inJpeg(bytes);
  if (ascii(bytes, 1, 3) === 'PNG') return inPng(bytes);
  if (ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return inWebp(bytes);
  if (ascii(bytes, 4, 4) === 'ftyp') return inHeif(bytes);
  return NONE;
}

function inJpeg(bytes: Uint8Array): Metadata {
  const view = viewOf(bytes);
  let found = NONE;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    // Pixels begin.
    if (marker === 0xda) break;
    const length = view.getUint16(at + 2);
    const name = ascii(bytes, at + 4, 29);
    if (marker === 0xe1 && name.startsWith('Exif\0\0')) found = join(found, inTiff(bytes.subarray(at + 10, at + 2 + length)));
    else if (marker === 0xe1 && name.startsWith('http://ns.adobe.com/xap/1.0/')) found = join(found, inXmp(bytes.subarray(at, at + 2 + length)));
    else if (marker === 0xed || marker === 0xfe) found = join(found, { has: true, hasPlace: false });
    at += 2 + Math.max(length, 2);
  }
  return found;
}

function inPng(bytes: Uint8Array): Metadata {
  const view = viewOf(bytes);
  let found = NONE;
  for (let at = 8; at + 12 <= bytes.length; ) {
    const length = view.getUint32(at);
    const name = ascii(bytes, at + 4, 4);
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (name === 'eXIf') found = join(found, inTiff(content));
    else if (name === 'tEXt' || name === 'zTXt' || name === 'iTXt') found = join(found, inXmp(content));
    else if (name === 'tIME') found = join(found, { has: true, hasPlace: false });
    at += 12 + length;
  }
  return found;
}

function inWebp(bytes: Uint8Array): Metadata {
  const view = viewOf(bytes);
  let found = NONE;
  for (let at = 12; at + 8 <= bytes.length; ) {
    const length = view.getUint32(at + 4, true);
    const name = ascii(bytes, at, 4);
    const content = bytes.subarray(at + 8, at + 8 + length);
    if (name === 'EXIF') found = join(found, inTiff(ascii(content, 0, 4) === 'Exif' ? content.subarray(6) : content));
    else if (name === 'XMP ') found = join(found, inXmp(content));
    at += 8 + length + (length % 2);
  }
  return found;
}

/** A HEIF file keeps Exif as an item somewhere inside; where there is one, a place is assumed. */
function inHeif(bytes: Uint8Array): Metadata {
  const begin = ascii(bytes, 0, Math.min(bytes.length, 65_536));
  const has = begin.includes('Exif') || begin.includes('mime');
  return { has, hasPlace: has };
}

function inTiff(bytes: Uint8Array): Metadata {
  const order = ascii(bytes, 0, 2);
  if (bytes.length < 8 || (order !== 'II' && order !== 'MM')) return { has: bytes.length > 0, hasPlace: false };
  const isLittle = order === 'II';
  const view = viewOf(bytes);
  const at = view.getUint32(4, isLittle);
  if (at + 2 > bytes.length) return { has: true, hasPlace: false };
  const count = Math.min(view.getUint16(at, isLittle), ENTRIES_MAX);
  for (let index = 0; index < count; index += 1) {
    const entry = at + 2 + index * 12;
    if (entry + 12 > bytes.length) break;
    if (view.getUint16(entry, isLittle) === GPS_TAG) return { has: true, hasPlace: true };
  }
  return { has: true, hasPlace: false };
}

function inXmp(bytes: Uint8Array): Metadata {
  return { has: true, hasPlace: new TextDecoder('latin1').decode(bytes).includes('GPS') };
}

const join = (a: Metadata, b: Metadata): Metadata => ({ has: a.has || b.has, hasPlace: a.hasPlace || b.hasPlace });
const viewOf = (bytes: Uint8Array): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
