/** What the app says about messages and conversations, in one line. */
import type { AccountId, ConversationRow, Entry } from '../platform/engine';
import { formatClock, formatDuration, isolate, t } from '../platform/i18n';
import { filesLine } from './files';
import { plainText } from './text';

let me: AccountId = '';

/** Tells this module who "you" are. */
export function knowMe(account: AccountId): void {
  me = account;
}

/** One line of an entry, without marks: for rows, quotes, live regions. */
export function entryLine(entry: Entry): string {
  switch (entry.body.kind) {
    case 'text': return plainText(entry.body.text);
    case 'files': return filesLine(entry.body.files, plainText(entry.body.caption));
    case 'unknown': return t('message-unknown');
    case 'deleted': return t('message-deleted');
    case 'timer':
    case 'call':
    case 'notice': return noticeText(entry, false);
  }
}

/** The sentence of a notice, or empty where the entry is none. */
export function noticeText(entry: Entry, isDirect: boolean): string {
  const { body } = entry;
  const by = isolate(entry.senderName);
  if (body.kind === 'timer') {
    const who = entry.isOwn ? 'me' : 'other';
    return body.seconds === 0
      ? t('notice-timer-off', { who, by })
      : t('notice-timer', { who, by, time: formatDuration(body.seconds) });
  }
  if (body.kind === 'call') {
    const line = t(`notice-call-${body.sentence}`, { time: formatClock(body.seconds) });
    return body.text === '' ? line : `${line}: ${plainText(body.text)}`;
  }
  if (body.kind !== 'notice') return '';
  const isAboutMe = body.account !== null && body.account === me;
  const values = {
    who: entry.isOwn ? 'me' : 'other', by, whom: isAboutMe ? 'me' : 'other', name: isolate(body.name ?? ''), title: isolate(body.title ?? ''),
  };
  switch (body.notice) {
    case 'began': return isDirect || body.title === null ? t('notice-began-direct') : t('notice-began', values);
    case 'added': return t('notice-added', values);
    case 'removed': return body.account === entry.sender ? t('notice-left', values) : t('notice-removed', values);
    case 'became-admin': return t('notice-became-admin', values);
    case 'no-longer-admin': return t('notice-no-longer-admin', values);
    case 'renamed': return t('notice-renamed', values);
    case 'ended': return t('notice-ended');
    case 'restarted': return t('notice-restarted');
  }
}

/** First word of a name, as in "Ida: …". */
export function shortName(name: string): string {
  return name.trim().split(/\s+/)[0] ?? name;
}

/** What stands in the second line of a row of the list. */
export type RowLine =
  | { kind: 'typing' | 'failed' | 'plain'; text: string; by: string | null }
  | { kind: 'draft'; text: string; by: null };

export function rowLine(row: ConversationRow): RowLine {
  const { last, draft, typing } = row;
  if (typing.length > 0) return { kind: 'typing', text: typingText(row), by: null };
  if (draft) return { kind: 'draft', text: plainText(draft), by: null };
  if (!last) return { kind: 'plain', text: '', by: null };
  if (last.isOwn && last.delivery === 'failed') return { kind: 'failed', text: entryLine(last), by: null };
  const isSpoken = last.body.kind === 'text' || last.body.kind === 'files' || last.body.kind === 'unknown';
  const by = !row.isDirect && isSpoken ? (last.isOwn ? t('row-you') : shortName(last.senderName)) : null;
  const text = last.body.kind === 'notice' || last.body.kind === 'timer' ? noticeText(last, row.isDirect) : entryLine(last);
  return { kind: 'plain', text, by };
}

/** "is writing…", "Luca and Sara are writing…", "3 people are writing…"; empty where nobody does. */
export function typingText({ isDirect, typing }: Pick<ConversationRow, 'isDirect' | 'typing'>): string {
  const [first, second] = typing.map((name) => isolate(shortName(name)));
  if (first === undefined) return '';
  if (isDirect) return t('typing-direct');
  if (second === undefined) return t('typing-one', { name: first });
  return typing.length === 2 ? t('typing-two', { first, second }) : t('typing-many', { count: typing.length });
}

/** Whether nothing of this conversation is announced now. */
export function isMuted(row: Pick<ConversationRow, 'mutedUntilMs'>, nowMs = Date.now()): boolean {
  return row.mutedUntilMs !== null && row.mutedUntilMs > nowMs;
}

export function isUnread(row: Pick<ConversationRow, 'unread' | 'isMarkedUnread'>): boolean {
  return row.unread > 0 || row.isMarkedUnread;
}

/** Whether something can be written into it at all. */
export function isWritable(row: Pick<ConversationRow, 'state' | 'isBlocked'>): boolean {
  return !row.isBlocked && !['leaving', 'left', 'restarted', 'disputed'].includes(row.state);
}
