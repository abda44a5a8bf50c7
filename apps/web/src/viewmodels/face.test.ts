import { describe, expect, it } from 'vitest';
import { faceOf, initialsOf } from './face';

/** An id with these first bytes. */
const idOf = (...bytes: number[]) => bytes.map((byte) => byte.toString(16).padStart(2, '0')).join('').padEnd(64, '0');

describe('a face', () => {
  it('is the same for the same id and another for another', () => {
    expect(faceOf(idOf(1, 2, 3), false)).toEqual(faceOf(idOf(1, 2, 3), false));
    for (const other of [idOf(2, 2, 3), idOf(1, 9, 3), idOf(1, 2, 3, 9), idOf(1, 2, 3, 0, 99), idOf(1, 2, 3, 0, 0, 200)]) {
      expect(faceOf(other, false), other).not.toEqual(faceOf(idOf(1, 2, 3), false));
    }
  });

  it('is drawn even of what is no id', () => {
    for (const id of ['', 'a', 'no id', '🍋']) expect(faceOf(id, false).rings.length).toBeGreaterThanOrEqual(3);
  });

  it('stays within twelve hues and draws at least three rings', () => {
    for (let i = 0; i < 500; i += 1) {
      const face = faceOf(idOf(i % 256, i * 7 % 256, i * 31 % 256, i * 57 % 256, i * 91 % 256, i * 101 % 256), i % 2 === 0);
      expect(face.hue).toBeGreaterThanOrEqual(0);
      expect(face.hue).toBeLessThan(12);
      expect(face.rings.length).toBeGreaterThanOrEqual(3);
    }
  });

  it('has two centres for a group', () => {
    expect(new Set(faceOf(idOf(7, 8, 9), true).rings.map((ring) => ring.cx)).size).toBe(2);
    expect(new Set(faceOf(idOf(7, 8, 9), false).rings.map((ring) => ring.cx)).size).toBe(1);
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
