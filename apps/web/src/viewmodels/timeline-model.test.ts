// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine, Entry, Timeline, Window } from '../platform/engine';
import { TOGETHER, TimelineModel } from './timeline.svelte';
import type { View } from './window';

const SIZE = 100;
const FRAME_MS = 20;
let take: (snapshot: Timeline) => void;
let asked: Window[];
let model: TimelineModel;
let stop: () => void;

const entry = (id: number): Entry => ({
  id, message: `m${id}`, conversation: 'c', sender: 'ida', senderName: 'Ida', isOwn: false, sentMs: id * 1_000, receivedMs: 0,
  body: { kind: 'text', text: `t${id}` }, reply: null, delivery: 'received', isUnread: false, editedMs: null, expiresMs: null,
  isForwarded: false, reactions: [],
});

/** The newest end of a conversation of `count`. */
const end = (count: number): Timeline => {
  const from = Math.max(0, count - SIZE);
  return { entries: Array.from({ length: count - from }, (_, at) => entry(from + at)), hasOlder: from > 0, hasNewer: false, firstUnread: null };
};
const ids = (): number[] => model.shown.entries.map((one) => one.id);
const look = (isAtEnd: boolean): void => {
  const view: View = { anchor: ids()[0] ?? null, isNearTop: true, isNearBottom: true, isAway: false, isAtEnd };
  model.move(view);
};

beforeEach(() => {
  vi.useFakeTimers();
  asked = [];
  const engine = {
    watch: (_: string, [, window]: [string, Window], listener: (snapshot: Timeline) => void) => {
      asked.push(window);
      take = listener;
      return () => undefined;
    },
  } as unknown as Engine;
  model = new TimelineModel(engine, 'c');
  stop = model.start();
  take(end(200));
  asked = [];
});
afterEach(() => {
  stop();
  vi.useRealTimers();
});

describe('many that arrive together', () => {
  it('are shown from the newest on, more with each frame, and nothing is asked for meanwhile', () => {
    take(end(300));
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids().at(-1)).toBe(299);
    expect(ids()).toHaveLength(TOGETHER);
    expect(model.shown.hasOlder).toBe(true);
    look(true);
    expect(asked).toEqual([]);
    expect(model.whole.entries).toHaveLength(SIZE);
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(2 * TOGETHER);
    vi.advanceTimersByTime(FRAME_MS * 10);
    expect(ids()).toEqual(end(300).entries.map((one) => one.id));
  });

  it('are shown at once to a reader who looks at something else', () => {
    look(false);
    take(end(200));
    take(end(230));
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(SIZE);
  });
});

describe('a few', () => {
  it('are shown with everything else', () => {
    take(end(200 + TOGETHER));
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(SIZE);
    expect(ids().at(-1)).toBe(199 + TOGETHER);
  });
});
