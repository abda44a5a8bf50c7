// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Engine, Entry, Timeline, Window } from '../platform/engine';
import { FILL, FLOOD_FROM, STEP } from './flood';
import { TimelineModel } from './timeline.svelte';
import { type View, screenful } from './window';

const SIZE = screenful(window.innerHeight);
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
  it('are shown a few with each frame, and nothing is asked for meanwhile; in the end all are there', () => {
    take(end(300));
    vi.advanceTimersByTime(FRAME_MS);
    const first = ids();
    expect(first).toContain(199);
    expect(first.filter((id) => id > 199)).toHaveLength(STEP);
    expect(model.shown.hasOlder).toBe(true);
    look(true);
    expect(asked).toEqual([]);
    expect(model.whole.entries).toHaveLength(SIZE);
    vi.advanceTimersByTime(FRAME_MS * SIZE);
    expect(ids().at(-1)).toBe(299);
    expect(ids().length).toBeLessThanOrEqual(SIZE + STEP);
    vi.advanceTimersByTime(2_000);
    expect(ids()).toEqual(end(300).entries.map((one) => one.id));
  });

  it('are all there when the reader looks at something else meanwhile', () => {
    take(end(300));
    vi.advanceTimersByTime(FRAME_MS);
    look(false);
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toEqual(end(300).entries.map((one) => one.id));
  });

  it('are shown at once to a reader who looks at something else', () => {
    look(false);
    take(end(200));
    take(end(200 + FLOOD_FROM + 9));
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(SIZE);
  });
});

describe('a screen of older ones', () => {
  it('comes a few with each frame, from the newest on', () => {
    const grown: Timeline = { entries: Array.from({ length: 150 }, (_, at) => entry(50 + at)), hasOlder: true, hasNewer: false, firstUnread: null };
    take(grown);
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(SIZE + FILL);
    expect(ids().at(-1)).toBe(199);
    look(true);
    expect(asked).toEqual([]);
    vi.advanceTimersByTime(FRAME_MS * 30);
    expect(ids()).toEqual(grown.entries.map((one) => one.id));
  });
});

describe('a few', () => {
  it('are shown with everything else', () => {
    take(end(199 + FLOOD_FROM));
    vi.advanceTimersByTime(FRAME_MS);
    expect(ids()).toHaveLength(SIZE);
    expect(ids().at(-1)).toBe(198 + FLOOD_FROM);
  });
});
