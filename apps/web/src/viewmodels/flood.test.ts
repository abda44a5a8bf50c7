import { describe, expect, it } from 'vitest';
import type { Entry } from '../platform/engine';
import { AWAY, FILL, STEP, calmed, flooded } from './flood';


const ROOM = 36;
const range = (from: number, to: number): Entry[] => Array.from({ length: to - from }, (_, at) => ({ id: from + at }) as Entry);
const ids = (entries: readonly Entry[]): number[] => entries.map((entry) => entry.id);

describe('a flood', () => {
  it('is shown in order, a few with each frame, and ends at its newest', () => {
    let shown = range(0, 20);
    const whole = range(0, 50);
    const frames: number[] = [];
    while (shown[shown.length - 1]!.id < 49) {
      const before = new Set(ids(shown));
      shown = flooded(shown, whole, ROOM);
      frames.push(ids(shown).filter((id) => !before.has(id)).length);
      expect(ids(shown)).toEqual([...ids(shown)].sort((a, b) => a - b));
    }
    expect(frames).toEqual([...Array<number>(Math.floor(30 / STEP)).fill(STEP), ...(30 % STEP ? [30 % STEP] : [])]);
    expect(shown.length).toBeLessThanOrEqual(ROOM);
  });

  it('passes over what nobody would see', () => {
    const shown = flooded(range(0, 20), range(900, 1_000), ROOM);
    expect(ids(shown)).toEqual([...ids(range(0, 20)), ...ids(range(1_000 - ROOM, 1_000 - ROOM + STEP))]);
  });

  it('takes away no more in a frame than it may, and keeps a screen full', () => {
    const next = flooded(range(0, 180), range(100, 280), ROOM);
    expect(next).toHaveLength(180 + STEP - AWAY);
    let shown = range(0, 20);
    for (let frame = 0; frame < 40; frame += 1) shown = flooded(shown, range(900, 1_000), ROOM);
    expect(ids(shown)).toEqual(ids(range(1_000 - ROOM, 1_000)));
  });

  it('forgets what was removed meanwhile', () => {
    const whole = range(0, 40).filter((entry) => entry.id !== 10);
    expect(ids(flooded(range(0, 30), whole, ROOM))).not.toContain(10);
  });
});

describe('calm', () => {
  it('brings what was passed over, from the newest on, and nothing that is gone', () => {
    const whole = range(100, 160);
    let shown = [...range(0, 4), ...range(150, 160)];
    shown = calmed(shown, whole);
    expect(ids(shown)).toEqual(ids(range(150 - FILL, 160)));
    for (let frame = 0; frame < 40; frame += 1) shown = calmed(shown, whole);
    expect(ids(shown)).toEqual(ids(whole));
  });
});
