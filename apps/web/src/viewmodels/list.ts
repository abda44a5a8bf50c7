/** Which conversations the list shows, and in what order. */
import type { ConversationRow } from '../platform/engine';
import { isMuted, isUnread } from './say';

export type Filter = 'all' | 'unread' | 'groups' | 'requests';
export const FILTERS: readonly Filter[] = ['all', 'unread', 'groups', 'requests'];

/** The rows under `filter`: pinned first, then the newest; the archive apart. */
export function shownRows(rows: readonly ConversationRow[], filter: Filter, isArchive: boolean): ConversationRow[] {
  return rows
    .filter((row) => row.isArchived === isArchive)
    .filter((row) => filter === 'all' || (filter === 'unread' && isUnread(row)) || (filter === 'groups' && !row.isDirect))
    .sort((a, b) => Number(b.isPinned) - Number(a.isPinned) || b.lastMs - a.lastMs || (a.id < b.id ? -1 : 1));
}

/** Conversations with something new that is neither muted nor put away. */
export function unreadCount(rows: readonly ConversationRow[]): number {
  return rows.filter((row) => isUnread(row) && !row.isArchived && !isMuted(row)).length;
}

/** Messages not yet read, for the title of the page. */
export function unreadMessages(rows: readonly ConversationRow[]): number {
  return rows.reduce((sum, row) => (row.isArchived || isMuted(row) ? sum : sum + Math.max(row.unread, row.isMarkedUnread ? 1 : 0)), 0);
}

/** Those whose name has every word of `query` at the beginning of one of its own. */
export function matching<V>(values: readonly V[], query: string, nameOf: (value: V) => string): V[] {
  const wanted = folded(query).split(/\s+/).filter(Boolean);
  return values.filter((value) => {
    const words = folded(nameOf(value)).split(/[\s._-]+/);
    return wanted.every((one) => words.some((word) => word.startsWith(one)));
  });
}

/** Without case and accents. */
export function folded(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}
