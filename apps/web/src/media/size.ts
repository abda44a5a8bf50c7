/** The size that an encoded picture claims, read from its header without decoding anything. */

export interface Size { width: number; height: number }

const ascii = (bytes: Uint8Array, at: number, length: number): string => String.fromCharCode(...bytes.subarray(at, at + length));

/** Of a JPEG, PNG, GIF, WebP, BMP or AVIF/HEIF file; null for anything else, and for none at all. */
export function sizeOf(bytes: Uint8Array): Size | null {
  const size = claimed(bytes);
  return size && size.width > 0 && size.height > 0 ? size : null;
}

function claimed(bytes: Uint8Array): Size | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length >= 24 && ascii(bytes, 1, 3) === 'PNG') return { width: view.getUint32(16), height: view.getUint32(20) };
  if (bytes.length >= 10 && ascii(bytes, 0, 4) === 'GIF8') return { width: view.getUint16(6, true), height: view.getUint16(8, true) };
  if (bytes.length >= 26 && ascii(bytes, 0, 2) === 'BM') return { width: view.getInt32(18, true), height: Math.abs(view.getInt32(22, true)) };
  if (bytes.length >= 30 && ascii(bytes, 0, 4) === 'RIFF' && ascii(bytes, 8, 4) === 'WEBP') return inWebp(bytes, view);
  if (bytes[0] === 0xff && bytes[1] === 0xd8) return inJpeg(bytes, view);
  if (ascii(bytes, 4, 4) === 'ftyp') return inHeif(bytes, view);
  return null;
}

function inWebp(bytes: Uint8Array, view: DataView): Size | null {
  switch (ascii(bytes, 12, 4)) {
    case 'VP8 ': return { width: view.getUint16(26, true) & 0x3fff, height: view.getUint16(28, true) & 0x3fff };
    case 'VP8L': {
      const bits = view.getUint32(21, true);
      return { width: (bits & 0x3fff) + 1, height: ((bits >> 14) & 0x3fff) + 1 };
    }
    case 'VP8X': return { width: (view.getUint32(24, true) & 0xffffff) + 1, height: (view.getUint32(26, true) >>> 8) + 1 };
    default: return null;
  }
}

/** The first start-of-frame segment. */
function inJpeg(bytes: Uint8Array, view: DataView): Size | null {
  for (let at = 2; at + 9 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    const isFrame = marker >= 0xc0 && marker <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(marker);
    if (isFrame) return { width: view.getUint16(at + 7), height: view.getUint16(at + 5) };
    // Padding between segments.
    at += marker === 0xff ? 1 : 2 + Math.max(2, view.getUint16(at + 2));
  }
  return null;
}

/** The largest image spatial extents property (ISO/IEC 23008-12 s.6.5.3): of tiles, the whole. */
function inHeif(bytes: Uint8Array, view: DataView): Size | null {
  let found: Size | null = null;
  for (let at = 8; at + 16 <= bytes.length; at += 1) {
    if (bytes[at] !== 0x69 || ascii(bytes, at, 4) !== 'ispe') continue;
    const size = { width: view.getUint32(at + 8), height: view.getUint32(at + 12) };
    if (!found || size.width * size.height > found.width * found.height) found = size;
  }
  return found;
}
