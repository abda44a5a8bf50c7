import { describe, expect, it } from 'vitest';
import type { Entry, Timeline, Window } from '../platform/engine';
import { type Placed, restoreAnchor, takeAnchor } from './anchor';
import { buildRows, isSame, keepSame, RUN_MS } from './rows';
import { COUNT_MAX, FIRST_COUNT, LATEST, type View, arrivedSince, nextWindow, windowAround } from './window';

const NOON = new Date(2026, 4, 3, 12).getTime();

function entry(id: number, part: Partial<Entry> = {}): Entry {
  return {
    id, message: `m${id}`, conversation: 'c', sender: 'ida', senderName: 'Ida', isOwn: false, sentMs: NOON + id * 1_000, receivedMs: NOON,
    body: { kind: 'text', text: `t${id}` }, reply: null, delivery: 'received', isUnread: false, editedMs: null, expiresMs: null,
    isForwarded: false, reactions: [], ...part,
  };
}

describe('rows', () => {
  it('stand in runs of one sender within four minutes', () => {
    const rows = buildRows([entry(1), entry(2), entry(3, { sender: 'luca' }), entry(4, { sentMs: NOON + RUN_MS * 2, sender: 'luca' })], null, true);
    const runs = rows.flatMap((row) => (row.kind === 'message' ? [[row.isFirst, row.isLast]] : []));
    expect(runs).toEqual([[true, false], [false, true], [true, true], [true, true]]);
  });

  it('are parted by days, the unread line and notices', () => {
    const rows = buildRows([
      entry(1, { sentMs: NOON - 86_400_000 }), entry(2), entry(3, { body: { kind: 'timer', seconds: 60 } }), entry(4),
    ], 4, true);
    expect(rows.map((row) => row.kind)).toEqual(['day', 'message', 'day', 'message', 'notice', 'unread', 'message']);
    expect(new Set(rows.map((row) => row.key)).size).toBe(rows.length);
  });

  it('tell the delivery of the newest own message alone', () => {
    const own = (id: number) => entry(id, { isOwn: true, sender: 'me', delivery: 'stored' });
    const told = (isNewestShown: boolean) =>
      buildRows([own(1), own(2)], null, isNewestShown).flatMap((row) => (row.kind === 'message' ? [row.isTold] : []));
    expect(told(true)).toEqual([false, true]);
    expect(told(false)).toEqual([false, false]);
  });

  it('keep what is the same object', () => {
    const before = [entry(1), entry(2)];
    const after = keepSame(before, [entry(1), entry(2, { delivery: 'read' }), entry(3)], (one) => one.id);
    expect(after[0]).toBe(before[0]);
    expect(after[1]).not.toBe(before[1]);
    expect(after).toHaveLength(3);
    expect(isSame({ a: [1, { b: null }] }, { a: [1, { b: null }] })).toBe(true);
    expect(isSame({ a: [] }, { a: {} })).toBe(false);
    expect(isSame({ a: undefined }, {})).toBe(false);
  });
});

/** A conversation of `count` entries, answering windows as an engine does. */
function conversation(count: number): (window: Window) => Timeline {
  return (window) => {
    const middle = window.at === 'around' ? window.entry : count;
    const size = window.at === 'range' ? count : window.count;
    const from = window.at === 'latest' ? Math.max(0, count - size) : Math.max(0, middle - Math.floor(size / 2));
    const to = Math.min(count, from + size);
    return {
      entries: Array.from({ length: to - from }, (_, index) => entry(from + index)), hasOlder: from > 0, hasNewer: to < count, firstUnread: null,
    };
  };
}

const view = (part: Partial<View>): View => ({ anchor: null, isNearTop: false, isNearBottom: false, isAway: false, isAtEnd: false, ...part });

describe('a window', () => {
  it('stays while nothing is near', () => {
    expect(nextWindow(LATEST, conversation(1_000)(LATEST), view({ isNearBottom: true }))).toBe(LATEST);
  });

  it('reaches the first of 100,000 messages by scrolling and never holds more than its limit', () => {
    const ask = conversation(100_000);
    let window: Window = LATEST;
    let shown = ask(window);
    let steps = 0;
    while (shown.hasOlder && steps < 5_000) {
      window = nextWindow(window, shown, view({ anchor: shown.entries[0]!.id, isNearTop: true, isAway: true }));
      shown = ask(window);
      expect(shown.entries.length).toBeLessThanOrEqual(COUNT_MAX);
      steps += 1;
    }
    expect(shown.entries[0]!.id).toBe(0);
    expect(steps).toBeLessThan(1_300);
  });

  it('comes back to the newest and follows it again', () => {
    const ask = conversation(1_000);
    let window: Window = windowAround(500);
    for (let step = 0; step < 50 && window.at !== 'latest'; step += 1) {
      const shown = ask(window);
      window = nextWindow(window, shown, view({ anchor: shown.entries[shown.entries.length - 8]!.id, isNearBottom: true, isAway: shown.hasNewer }));
    }
    expect(window.at).toBe('latest');
  });

  it('stops following when the reader goes away from the newest', () => {
    const shown = conversation(1_000)(LATEST);
    const next = nextWindow(LATEST, shown, view({ anchor: shown.entries[3]!.id, isAway: true }));
    expect(next).toEqual({ at: 'around', entry: shown.entries[3]!.id, count: COUNT_MAX });
  });

  it('rests between following and standing still', () => {
    const around: Window = { at: 'around', entry: 990, count: COUNT_MAX };
    const shown = conversation(1_000)(around);
    expect(nextWindow(around, shown, view({ anchor: 985, isNearBottom: true, isAway: true }))).toBe(around);
  });

  it('does not ask again for the same', () => {
    const window: Window = { at: 'around', entry: 500, count: COUNT_MAX };
    const shown = conversation(1_000)(window);
    expect(nextWindow(window, shown, view({ anchor: 502, isNearTop: true, isAway: true }))).toBe(window);
    const short = conversation(FIRST_COUNT - 5)(LATEST);
    expect(nextWindow(LATEST, short, view({ anchor: 1, isNearTop: true, isNearBottom: true }))).toBe(LATEST);
  });
});

describe('what arrived', () => {
  it('is what stands behind everything shown', () => {
    const ids = (from: number, to: number) => Array.from({ length: to - from }, (_, at) => entry(from + at));
    expect(arrivedSince(ids(0, 40), ids(10, 50))).toBe(10);
    expect(arrivedSince(ids(60, 100), ids(0, 100))).toBe(0);
    expect(arrivedSince(ids(0, 40), ids(100, 140))).toBe(40);
    expect(arrivedSince([], [])).toBe(0);
  });
});

describe('an anchor', () => {
  const take = (placed: Placed[], ...rest: [number, number, number]) => takeAnchor(placed.length, (index) => placed[index]!, ...rest);
  const place = (heights: [string, number][]): Placed[] => {
    let top = 0;
    return heights.map(([key, height]) => ({ key, top, bottom: (top += height) }));
  };
  const topIn = (placed: Placed[]) => (key: string) => placed.find((row) => row.key === key)?.top ?? null;
  const before = place([['a', 100], ['b', 100], ['c', 100], ['d', 100], ['e', 100]]);

  it('stands still when history loads above', () => {
    const anchor = take(before, 130, 200, 500);
    const after = place([['x', 70], ['y', 330], ['a', 100], ['b', 100], ['c', 100], ['d', 100], ['e', 100]]);
    expect(restoreAnchor(anchor, topIn(after), 200, 900)).toBe(130 + 400);
  });

  it('stands still when something above it grows, or the view gets lower', () => {
    const anchor = take(before, 130, 200, 500);
    expect(restoreAnchor(anchor, topIn(place([['a', 180], ['b', 100], ['c', 100], ['d', 100], ['e', 100]])), 200, 580)).toBe(210);
    expect(restoreAnchor(anchor, topIn(before), 80, 500)).toBe(130);
  });

  it('holds what is wholly seen when the row that the edge cuts loses its name', () => {
    const anchor = take(before, 130, 200, 500);
    const after = place([['x', 300], ['a', 100], ['b', 73], ['c', 100], ['d', 100], ['e', 100]]);
    // The third row stands 70 below the edge, as before.
    expect(restoreAnchor(anchor, topIn(after), 200, 773)).toBe(473 - 70);
  });

  it('falls back to the next row when its own is gone', () => {
    const anchor = take(before, 130, 200, 500);
    expect(restoreAnchor(anchor, topIn(place([['a', 100], ['c', 100], ['d', 100], ['e', 100], ['f', 100]])), 200, 500)).toBe(30);
    expect(restoreAnchor(anchor, () => null, 200, 500)).toBeNull();
  });

  it('stays at the end when it was there', () => {
    const anchor = take(before, 300, 200, 500);
    expect(anchor.isAtEnd).toBe(true);
    expect(restoreAnchor(anchor, topIn(before), 200, 740)).toBe(540);
  });
});
