/**
 * Which part of a conversation is in the page: a window that slides with the reader, so that a hundred thousand
 * messages cost what a hundred do.
 *
 * At the newest end the window follows what arrives; away from it, it stands around what is being read, and nothing
 * that arrives moves it.
 */
import type { Entry, EntryId, Timeline, Window } from '../platform/engine';

/** Entries of the first frame. */
export const FIRST_COUNT = 24;
const STEP = 60;
/** Most entries in the page at once. */
export const COUNT_MAX = 180;
/** Entries drawn around a place that is jumped to. */
const JUMP_COUNT = 80;

export const LATEST: Window = { at: 'latest', count: FIRST_COUNT };

/** What the reader sees of the present window. */
export interface View {
  /** The entry at the top of what is seen. */
  anchor: EntryId | null;
  isNearTop: boolean;
  isNearBottom: boolean;
  /** More than one screen away from the newest. */
  isAway: boolean;
  /** At the newest, and following it. */
  isAtEnd: boolean;
}

/** The window to be shown next; `window` itself where nothing is to change. */
export function nextWindow(window: Window, shown: Timeline, view: View): Window {
  const { anchor } = view;
  if (view.isNearTop && shown.hasOlder) {
    if (window.at === 'latest' && !view.isAway) return grown(window);
    return anchor === null ? window : moved(window, shown, anchor);
  }
  if (window.at !== 'latest' && view.isNearBottom) {
    if (!shown.hasNewer && view.isAway) return window;
    if (!shown.hasNewer) return { at: 'latest', count: Math.max(FIRST_COUNT, Math.min(shown.entries.length, COUNT_MAX)) };
    return anchor === null ? window : moved(window, shown, anchor);
  }
  if (window.at === 'latest' && view.isAway && anchor !== null) return { at: 'around', entry: anchor, count: COUNT_MAX };
  return window;
}

/** Around a place that is jumped to. */
export function windowAround(entry: EntryId): Window {
  return { at: 'around', entry, count: JUMP_COUNT };
}

/** How many of `next` came after everything that is shown. */
export function arrivedSince(shown: readonly Entry[], next: readonly Entry[]): number {
  const known = new Set(shown.map((entry) => entry.id));
  return next.length - 1 - next.findLastIndex((entry) => known.has(entry.id));
}

/** Whether what is shown is the newest end. */
export function isNewest(shown: Timeline): boolean {
  return !shown.hasNewer;
}

function grown(window: Window & { at: 'latest' }): Window {
  return window.count >= COUNT_MAX ? window : { at: 'latest', count: Math.min(COUNT_MAX, window.count + STEP) };
}

/** Moves the middle to what is read, if that brings anything: not for a handful of entries. */
function moved(window: Window, shown: Timeline, anchor: EntryId): Window {
  if (window.at !== 'around') return { at: 'around', entry: anchor, count: COUNT_MAX };
  if (window.count === COUNT_MAX && distance(shown.entries, window.entry, anchor) < STEP / 4) return window;
  return { at: 'around', entry: anchor, count: COUNT_MAX };
}

function distance(entries: readonly Entry[], a: EntryId, b: EntryId): number {
  const from = entries.findIndex((entry) => entry.id === a);
  const to = entries.findIndex((entry) => entry.id === b);
  return from < 0 || to < 0 ? Infinity : Math.abs(from - to);
}
