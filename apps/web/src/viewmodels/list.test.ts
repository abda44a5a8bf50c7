import { describe, expect, it } from 'vitest';
import { FixtureEngine } from '../../e2e/fixture/engine';
import type { ConversationRow } from '../platform/engine';
import { matching, shownRows, unreadCount, unreadMessages } from './list';

const NOW = new Date(2026, 4, 3, 18, 46).getTime();

function rows(): Promise<ConversationRow[]> {
  const engine = new FixtureEngine({ now: NOW });
  return new Promise((resolve) => engine.watch('conversations', [], resolve));
}

describe('the list', () => {
  it('has what is pinned first, then the newest, and the archive apart', async () => {
    const shown = shownRows(await rows(), 'all', false);
    expect(shown[0]!.isPinned).toBe(true);
    const times = shown.slice(1).map((row) => row.lastMs);
    expect(times).toEqual([...times].sort((a, b) => b - a));
    expect(shown.some((row) => row.isArchived)).toBe(false);
    expect(shownRows(await rows(), 'all', true).map((row) => row.title)).toEqual(['Old flat']);
  });

  it('filters', async () => {
    expect(shownRows(await rows(), 'groups', false).every((row) => !row.isDirect)).toBe(true);
    expect(shownRows(await rows(), 'unread', false).map((row) => row.title).sort()).toEqual(['Lemon harvest', 'Reading circle', 'Yuki Sato']);
    expect(shownRows(await rows(), 'requests', false)).toEqual([]);
  });

  it('counts what is new without what is muted', async () => {
    const all = await rows();
    expect(unreadCount(all)).toBe(2);
    expect(unreadMessages(all)).toBe(2);
  });
});

describe('a search by name', () => {
  it('finds beginnings of words, whatever their case and accents', () => {
    const names = ['Ida Marchetti', 'Zoë Brandt', 'Nonna Rosa'];
    const find = (query: string) => matching(names, query, (name) => name);
    expect(find('mar')).toEqual(['Ida Marchetti']);
    expect(find('ZOE')).toEqual(['Zoë Brandt']);
    expect(find('r non')).toEqual(['Nonna Rosa']);
    expect(find('archetti')).toEqual([]);
    expect(find('')).toEqual(names);
  });
});
