/** What keeps the place of a reader: some rows that are seen, and how far below the upper edge each stands. */

export interface Placed { key: string; top: number; bottom: number }

export interface Anchor {
  /** At the newest end: stay there, whatever grows. */
  isAtEnd: boolean;
  /** Seen rows from above, with the distance of each from the upper edge; the one that the edge cuts comes last. */
  rows: { key: string; offset: number }[];
}

/** Within this of the end counts as being there. */
export const END_PX = 56;
const KEPT_ROWS = 6;

/** Takes the anchor of a view that begins at `scrollTop`; `at` measures one of `count` rows in order. */
export function takeAnchor(count: number, at: (index: number) => Placed, scrollTop: number, viewHeight: number, fullHeight: number): Anchor {
  const rows: Anchor['rows'] = [];
  for (let index = firstBelow(count, at, scrollTop); index < count && rows.length < KEPT_ROWS; index += 1) {
    const row = at(index);
    if (row.top > scrollTop + viewHeight) break;
    rows.push({ key: row.key, offset: row.top - scrollTop });
  }
  // A row that is cut may change above the edge (a name goes when its run goes on): what is below it shall not move.
  if (rows.length > 1 && rows[0]!.offset < 0) rows.push(rows.shift()!);
  return { isAtEnd: fullHeight - viewHeight - scrollTop <= END_PX, rows };
}

/** Where to scroll so that the anchor stands where it stood; null where all its rows are gone. */
export function restoreAnchor(anchor: Anchor, topOf: (key: string) => number | null, viewHeight: number, fullHeight: number): number | null {
  const end = Math.max(0, fullHeight - viewHeight);
  if (anchor.isAtEnd) return end;
  for (const { key, offset } of anchor.rows) {
    const top = topOf(key);
    if (top !== null) return Math.max(0, Math.min(end, top - offset));
  }
  return null;
}

/** Index of the first row whose lower edge lies below `y`; rows are in order, so halving finds it. */
function firstBelow(count: number, at: (index: number) => Placed, y: number): number {
  let low = 0;
  let high = count;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(middle).bottom > y) high = middle;
    else low = middle + 1;
  }
  return low;
}
