/** A QR code as one path of dark squares, with its three corners apart: they are drawn rounder. */
import { encode } from 'uqr';

/** Side of each of the three corner squares, in modules. */
export const CORNER_SIDE = 7;

export interface QrPicture {
  /** Modules along one side. */
  side: number;
  /** Path data of the dark modules outside the corners. */
  path: string;
  /** Where the corners begin. */
  corners: [number, number][];
}

/** Draws `text`; the picture has no margin of its own. Capital letters and digits take least room. */
export function qrOf(text: string): QrPicture {
  const { size, data } = encode(text, { ecc: 'M', border: 0, boostEcc: true });
  const far = size - CORNER_SIDE;
  const isCorner = (x: number, y: number): boolean =>
    (y < CORNER_SIDE && (x < CORNER_SIDE || x >= far)) || (y >= far && x < CORNER_SIDE);
  let path = '';
  data.forEach((row, y) => {
    for (let x = 0; x < size; x += 1) {
      if (!row[x] || isCorner(x, y)) continue;
      const begin = x;
      while (x + 1 < size && row[x + 1] && !isCorner(x + 1, y)) x += 1;
      path += `M${begin} ${y}h${x - begin + 1}v1H${begin}z`;
    }
  });
  return { side: size, path, corners: [[0, 0], [far, 0], [0, far]] };
}

/** Bytes as capital hexadecimal: what cameras read back unharmed, in a code's dense mode. */
export function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('').toUpperCase();
}

/** The bytes of such a text; null where it is none. */
export function bytesOfHex(text: string): Uint8Array | null {
  if (!/^(?:[0-9A-F]{2})+$/i.test(text)) return null;
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16));
}
