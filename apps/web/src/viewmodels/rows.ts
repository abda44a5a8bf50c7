/** The rows of a timeline: messages in runs, days, the unread line, notices; and how to keep unchanged ones the same. */
import type { Entry, EntryId } from '../platform/engine';

export type Row =
  | { kind: 'day'; key: string; ms: number }
  | { kind: 'unread'; key: string }
  | { kind: 'notice'; key: string; entry: Entry }
  | MessageRow;

export interface MessageRow {
  kind: 'message';
  key: string;
  entry: Entry;
  /** First and last of a run of one sender. */
  isFirst: boolean;
  isLast: boolean;
  /** The newest own message: its delivery is said in words. */
  isTold: boolean;
}

/** Messages of one sender within this time stand in one run. */
export const RUN_MS = 4 * 60_000;

export const keyOf = (entry: EntryId): string => `e${entry}`;

/** The rows of `entries`, oldest first. `unreadFrom` is the first entry below the unread line. */
export function buildRows(entries: readonly Entry[], unreadFrom: EntryId | null, isNewestShown: boolean): Row[] {
  const rows: Row[] = [];
  const newest = entries[entries.length - 1];
  let before: Entry | null = null;
  let run: MessageRow | null = null;
  for (const entry of entries) {
    if (!before || !isSameDay(before.sentMs, entry.sentMs)) {
      rows.push({ kind: 'day', key: `d${dayOf(entry.sentMs)}-${entry.id}`, ms: entry.sentMs });
      run = null;
    }
    if (entry.id === unreadFrom) {
      rows.push({ kind: 'unread', key: 'unread' });
      run = null;
    }
    if (entry.body.kind === 'notice' || entry.body.kind === 'timer' || entry.body.kind === 'call') {
      rows.push({ kind: 'notice', key: keyOf(entry.id), entry });
      run = null;
    } else {
      const goesOn: boolean = run !== null && continues(run.entry, entry);
      if (goesOn && run) run.isLast = false;
      run = {
        kind: 'message', key: keyOf(entry.id), entry, isFirst: !goesOn, isLast: true,
        isTold: isNewestShown && entry === newest && entry.isOwn && entry.body.kind !== 'deleted',
      };
      rows.push(run);
    }
    before = entry;
  }
  return rows;
}

function continues(before: Entry, entry: Entry): boolean {
  return before.sender === entry.sender && entry.sentMs - before.sentMs < RUN_MS && entry.sentMs >= before.sentMs;
}

function dayOf(ms: number): number {
  return new Date(ms).setHours(0, 0, 0, 0);
}

function isSameDay(a: number, b: number): boolean {
  return Math.abs(a - b) < 86_400_000 * 2 && dayOf(a) === dayOf(b);
}

/**
 * `next`, with every object that says the same as one of `before` replaced by that one: snapshots are copies,
 * and a row whose entry is the same object is not drawn again.
 */
export function keepSame<V extends object, K>(before: readonly V[], next: readonly V[], id: (value: V) => K): V[] {
  const known = new Map(before.map((value) => [id(value), value]));
  return next.map((value) => {
    const old = known.get(id(value));
    return old && isSame(old, value) ? old : value;
  });
}

/** Deep equality of plain objects. */
export function isSame(a: unknown, b: unknown): boolean {
  if (Object.is(a, b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const keys = Object.keys(a);
  if (keys.length !== Object.keys(b).length) return false;
  return keys.every((key) => isSame((a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]));
}
