import { describe, expect, it } from 'vitest';
import { bytesOfHex, CORNER_SIDE, hexOf, qrOf } from './qr';

/** Draws a picture's path back into modules. */
function modulesOf({ side, path }: { side: number; path: string }): boolean[][] {
  const rows = Array.from({ length: side }, () => Array.from({ length: side }, () => false));
  for (const [, x, y, length] of path.matchAll(/M(\d+) (\d+)h(\d+)v1H\d+z/g)) {
    for (let at = Number(x); at < Number(x) + Number(length); at += 1) rows[Number(y)]![at] = true;
  }
  return rows;
}

describe('a QR code', () => {
  it('has its three corners apart, and nothing drawn in them', () => {
    const picture = qrOf('https://node.example/i#abc');
    const rows = modulesOf(picture);
    expect(picture.corners).toEqual([[0, 0], [picture.side - CORNER_SIDE, 0], [0, picture.side - CORNER_SIDE]]);
    for (const [left, top] of picture.corners) {
      for (let y = top; y < top + CORNER_SIDE; y += 1) expect(rows[y]!.slice(left, left + CORNER_SIDE)).not.toContain(true);
    }
    // The timing pattern between the corners: dark, light, dark...
    expect(rows[6]!.slice(8, picture.side - 8).every((isDark, index) => isDark === (index % 2 === 0))).toBe(true);
  });

  it('takes a whole invite link and a safety number', () => {
    expect(qrOf(`https://a-rather-long-name.of-a-node.example:8443/i#${'x'.repeat(87)}`).side).toBeLessThanOrEqual(61);
    expect(qrOf(hexOf(new Uint8Array(65))).side).toBeLessThanOrEqual(45);
  });

  it('carries bytes as capital hexadecimal and gives them back', () => {
    const bytes = Uint8Array.from({ length: 65 }, (_, index) => (index * 37) % 256);
    expect(bytesOfHex(hexOf(bytes))).toEqual(bytes);
    for (const text of ['', 'F', 'XY', 'https://node.example']) expect(bytesOfHex(text)).toBeNull();
  });
});
