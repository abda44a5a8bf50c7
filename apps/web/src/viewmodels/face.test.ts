import { describe, expect, it } from 'vitest';
import { faceOf, initialsOf } from './face';
import { sha256 } from './sha256';

describe('sha256', () => {
  it('agrees with WebCrypto at every padding length', async () => {
    for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1_000]) {
      const text = 'ä'.repeat(length >> 1) + 'x'.repeat(length & 1);
      const expected = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)));
      expect([...sha256(text)], `length ${length}`).toEqual([...expected]);
    }
  });
});

describe('a face', () => {
  it('is the same for the same key and another for another', () => {
    expect(faceOf('a1', false)).toEqual(faceOf('a1', false));
    expect(faceOf('a1', false)).not.toEqual(faceOf('a2', false));
  });

  it('stays within twelve hues and draws at least three rings', () => {
    for (let i = 0; i < 500; i += 1) {
      const face = faceOf(`key ${i}`, i % 2 === 0);
      expect(face.hue).toBeGreaterThanOrEqual(0);
      expect(face.hue).toBeLessThan(12);
      expect(face.rings.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('has two centres for a group', () => {
    expect(new Set(faceOf('g', true).rings.map((ring) => ring.cx)).size).toBe(2);
    expect(new Set(faceOf('g', false).rings.map((ring) => ring.cx)).size).toBe(1);
  });
});

describe('initials', () => {
  it('take the first and the last word', () => {
    expect(initialsOf('Ida Marchetti')).toBe('IM');
    expect(initialsOf('sara de luca')).toBe('SL');
    expect(initialsOf('Tommaso')).toBe('T');
    expect(initialsOf('佐藤 雪')).toBe('佐雪');
    expect(initialsOf('  🍋  ')).toBe('·');
    expect(initialsOf('')).toBe('·');
  });
});
