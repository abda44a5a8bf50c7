import { describe, expect, test } from 'vitest';
import type { FileItem, Transfer } from '../platform/engine';
import { bars, clock, filesLine, kindOf, progressOf, ratioOf, transferLine } from './files';

const file = (transfer: Transfer, part: Partial<FileItem> = {}): FileItem => ({
  index: 0, name: 'plan.pdf', kind: 'file', mediaType: 'application/pdf', bytes: 4_000_000, width: null, height: null, durationMs: null,
  thumbhash: null, waveform: null, isUnsafe: false, transfer, ...part,
});

/** Without the marks that isolate what a sentence is about. */
const plain = (text: string): string => text.replace(/[\u2068\u2069]/g, '');

describe('files', () => {
  test('only pictures that every browser draws are photos', () => {
    expect(['image/jpeg', 'image/svg+xml', 'video/mp4', 'audio/ogg', 'application/zip'].map(kindOf)).toEqual(['photo', 'file', 'video', 'audio', 'file']);
  });

  test('a moving file says how much, how fast and how long', () => {
    const moving: Transfer = { state: 'moving', done: 1_000_000, bytesPerSecond: 500_000, secondsLeft: 6, way: 'node' };
    expect(transferLine(file(moving)).map(plain)).toEqual(['1 MB of 4 MB', '500 kB/s', '10 seconds left']);
    expect(progressOf(file(moving))).toBe(0.25);
  });

  test('a pause without network is no failure', () => {
    expect(transferLine(file({ state: 'paused', done: 1, reason: 'network' }))).toEqual(['Paused, no network. Goes on by itself.']);
    expect(progressOf(file({ state: 'here' }))).toBeNull();
    expect(progressOf(file({ state: 'queued', done: 0 }, { bytes: 0 }))).toBe(0);
  });

  test('one line names the file, counts the pictures, and keeps the caption', () => {
    expect(filesLine([file({ state: 'here' })], '')).toBe('plan.pdf');
    const photo = { kind: 'photo', name: 'a.jpg', durationMs: null } as const;
    expect(plain(filesLine([photo, photo], 'The harbour'))).toBe('2 photos · The harbour');
    expect(plain(filesLine([photo, file({ state: 'here' })], ''))).toBe('2 files');
  });

  test('times, places and waves stay within bounds', () => {
    expect([0, 7_400, 760_000, 3_723_000].map(clock)).toEqual(['0:00', '0:07', '12:40', '1:02:03']);
    expect(ratioOf({ width: 10_000, height: 10 })).toBe(2.2);
    expect(ratioOf({ width: null, height: 3 })).toBeCloseTo(4 / 3);
    expect(bars(new Uint8Array([0, 255, 0, 0]), 2)).toEqual([1, 0.08]);
    expect(bars(null, 3)).toHaveLength(3);
  });
});
