// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import type { ConversationRow, Entry } from '../platform/engine';
import { isToBeTold, noticeOf, titleOf } from './notices.svelte';

const row = (part: Partial<ConversationRow> = {}): ConversationRow => ({
  id: 'c', isDirect: true, title: 'Ida', peer: 'ida', picture: null, state: 'active', memberCount: 2, unread: 0, isMarkedUnread: false,
  isPinned: false, isArchived: false, mutedUntilMs: null, forbidsDirect: false, isBlocked: false, isVerified: false, timerSeconds: 0, lastMs: 0, last: null,
  draft: null, typing: [], ...part,
});
const entry = (part: Partial<Entry> = {}): Entry => ({
  id: 1, message: 'm', conversation: 'c', sender: 'ida', senderName: 'Ida', isOwn: false, sentMs: 0, receivedMs: 0,
  body: { kind: 'text', text: 'the gate code is 4711' }, reply: null, delivery: 'received', isUnread: true, editedMs: null, expiresMs: null,
  isForwarded: false, reactions: [], ...part,
});

describe('a notice', () => {
  it('comes for what others wrote, unread, where nothing is muted or blocked', () => {
    expect(isToBeTold(entry(), row(), 0)).toBe(true);
    expect(isToBeTold(entry({ isOwn: true }), row(), 0)).toBe(false);
    expect(isToBeTold(entry({ isUnread: false }), row(), 0)).toBe(false);
    expect(isToBeTold(entry(), row({ isBlocked: true }), 0)).toBe(false);
    expect(isToBeTold(entry(), row({ mutedUntilMs: 10 }), 9)).toBe(false);
    expect(isToBeTold(entry(), row({ mutedUntilMs: 10 }), 10)).toBe(true);
    expect(isToBeTold(entry({ body: { kind: 'notice', notice: 'began', account: null, name: null, title: null } }), row(), 0)).toBe(false);
  });

  it('names nobody and says nothing unless the user allowed it', () => {
    const said = JSON.stringify(noticeOf(entry(), row(), false));
    expect(said).not.toContain('4711');
    expect(said).not.toContain('Ida');
    expect(noticeOf(entry(), row(), true)).toEqual({ title: 'Ida', body: 'the gate code is 4711' });
    expect(noticeOf(entry(), row({ isDirect: false, title: 'Harvest' }), true).title).toBe('Harvest');
  });

  it('is cut where a text is long', () => {
    expect(noticeOf(entry({ body: { kind: 'text', text: 'x'.repeat(9_000) } }), row(), true).body.length).toBeLessThanOrEqual(160);
  });
});

describe('the title of the tab', () => {
  it('counts what is unread and not muted', () => {
    expect(titleOf([], 0)).toBe('Sottovoce');
    expect(titleOf([row({ unread: 2 }), row({ isMarkedUnread: true }), row({ unread: 9, mutedUntilMs: 5 }), row({ unread: 9, isArchived: true })], 0)).toBe('(3) Sottovoce');
  });
});
