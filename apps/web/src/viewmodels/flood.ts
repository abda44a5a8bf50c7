/**
 * Which entries are in the page while more arrive than can be read: a screen's worth, a few more with each frame, and
 * those that nobody would see are passed over until it is calm again. Whole screens of older ones come likewise.
 */
import type { Entry } from '../platform/engine';

/** So many that arrive together are a flood. */
export const FLOOD_FROM = 9;
/** Entries added in one frame. */
export const STEP = 4;
/** Entries added in one frame when nothing arrives, above what is seen. */
export const FILL = 8;
/** Entries taken away in one frame at most. */
export const AWAY = 16;

/** What is shown next of `whole` to a reader at its end, after `shown`; `room` fills the screen. */
export function flooded(shown: readonly Entry[], whole: readonly Entry[], room: number): Entry[] {
  const now = new Map(whole.map((entry) => [entry.id, entry]));
  const known = new Set(shown.map((entry) => entry.id));
  const ahead = whole.slice(whole.findLastIndex((entry) => known.has(entry.id)) + 1);
  const reached = ahead.slice(Math.max(0, ahead.length - room)).slice(0, STEP);
  // What slid out of the window fills the screen until enough others are there.
  const first = whole[0]?.id ?? Infinity;
  const kept = shown.flatMap((entry) => now.get(entry.id) ?? (entry.id < first ? [entry] : []));
  const next = [...kept, ...reached];
  const over = Math.max(0, next.length - room);
  return next.slice(Math.min(over, AWAY));
}

/** What of `whole` is not shown. */
export function missing(shown: readonly Entry[], whole: readonly Entry[]): Entry[] {
  const known = new Set(shown.map((entry) => entry.id));
  return whole.filter((entry) => !known.has(entry.id));
}

/** What is shown next when nothing more arrives: some of what is missing, the newest of it first. */
export function calmed(shown: readonly Entry[], whole: readonly Entry[]): Entry[] {
  const later = new Set(missing(shown, whole).slice(0, -FILL));
  return whole.filter((entry) => !later.has(entry));
}
