/**
 * Notifications while a tab lives, and what the service worker may say when none does.
 *
 * The browser's permission is asked by `turnOn` alone, which only an act of the user calls. What is shown says no more
 * than the user allows: who wrote and what, or only that something came.
 */
import type { ConversationRow, Engine, Entry } from '../platform/engine';
import { formatNumber, t } from '../platform/i18n';

const ON_KEY = 'notices';
const TEXT_KEY = 'notices-text';
/** Where the service worker reads its words, in the language of the page. */
export const WORDS_CACHE = 'words';
export const WORDS_URL = '/words.json';
/** How long the page may take to fetch what it was woken for. */
const WAKE_MS = 4_000;
const TEXT_CHARS_MAX = 160;

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice holds for this visit.
  }
}

class Notices {
  readonly isPossible = 'Notification' in globalThis;
  #isOn = $state(kept(ON_KEY) === 'on');
  #showsText = $state(kept(TEXT_KEY) === 'on');
  #permission: NotificationPermission = $state(this.isPossible ? Notification.permission : 'denied');

  get isOn(): boolean { return this.#isOn && this.#permission === 'granted'; }
  /** Who wrote and what is shown, not only that something came. */
  get showsText(): boolean { return this.#showsText; }
  /** The user was never asked and never said no. */
  get isOpen(): boolean { return this.isPossible && this.#permission === 'default' && kept(ON_KEY) === null; }

  /** Asks the browser; by an act of the user alone. */
  async turnOn(): Promise<boolean> {
    if (!this.isPossible) return false;
    this.#permission = await Notification.requestPermission();
    this.#set(this.#permission === 'granted');
    await this.teachWorker();
    return this.isOn;
  }

  turnOff(): void {
    this.#set(false);
  }

  setShowsText(isOn: boolean): void {
    this.#showsText = isOn;
    keep(TEXT_KEY, isOn ? 'on' : 'off');
  }

  /** Shows what arrived, one notice for each conversation; nothing where the user looks at the page. */
  async arrived(entries: readonly Entry[], rowOf: (conversation: string) => ConversationRow | undefined, nowMs = Date.now()): Promise<number> {
    if (!this.isOn || document.hasFocus()) return 0;
    const newest = new Map<string, { entry: Entry; row: ConversationRow }>();
    for (const entry of entries) {
      const row = rowOf(entry.conversation);
      if (row && isToBeTold(entry, row, nowMs)) newest.set(entry.conversation, { entry, row });
    }
    for (const { entry, row } of newest.values()) {
      const { title, body } = noticeOf(entry, row, this.#showsText);
      await show(title, { body, tag: row.id, data: { conversation: row.id }, icon: '/icons/icon-192.png', badge: '/icons/badge-96.png' });
    }
    return newest.size;
  }

  /** Leaves the worker its words in the page's language. */
  async teachWorker(): Promise<void> {
    if (!('caches' in globalThis)) return;
    const words = JSON.stringify({ title: t('notice-new'), body: t('notice-new-more') });
    const cache = await caches.open(WORDS_CACHE);
    await cache.put(WORDS_URL, new Response(words, { headers: { 'content-type': 'application/json' } }));
  }

  /**
   * Answers the service worker when a push wakes it: this tab's engine has the network anyway, so what was pushed for
   * arrives by itself; the worker only learns whether somebody was told. `onopen` is called when a notice is pressed.
   */
  listen(engine: Engine, onopen: (conversation: string) => void): () => void {
    const workers = navigator.serviceWorker as ServiceWorkerContainer | undefined;
    if (!workers) return () => {};
    const onMessage = (event: MessageEvent<{ type?: string; conversation?: string }>) => {
      const { type, conversation } = event.data ?? {};
      if (type === 'open' && conversation) onopen(conversation);
      if (type !== 'wake') return;
      const answer = event.ports[0];
      let timer: ReturnType<typeof setTimeout> | undefined;
      const done = (isTold: boolean) => {
        clearTimeout(timer);
        stop();
        answer?.postMessage({ isTold });
      };
      // The worker's notice is the fallback: an arrival that this page shows, or that its user sees, replaces it.
      const stop = engine.onArrival(() => done(this.isOn || document.hasFocus()));
      timer = setTimeout(() => done(document.hasFocus()), WAKE_MS);
    };
    workers.addEventListener('message', onMessage);
    workers.startMessages();
    return () => workers.removeEventListener('message', onMessage);
  }

  #set(isOn: boolean): void {
    this.#isOn = isOn;
    keep(ON_KEY, isOn ? 'on' : 'off');
  }
}

export const notices = new Notices();

/** Whether an arrival is worth a notice. */
export function isToBeTold(entry: Entry, row: ConversationRow, nowMs: number): boolean {
  const isMuted = row.mutedUntilMs !== null && row.mutedUntilMs > nowMs;
  return !entry.isOwn && entry.isUnread && entry.body.kind !== 'notice' && !isMuted && !row.isBlocked;
}

/** The words of a notice. */
export function noticeOf(entry: Entry, row: ConversationRow, showsText: boolean): { title: string; body: string } {
  if (!showsText) return { title: t('notice-new'), body: '' };
  const text = entry.body.kind === 'text' ? entry.body.text.slice(0, TEXT_CHARS_MAX) : t('notice-new');
  if (row.isDirect) return { title: entry.senderName, body: text };
  return { title: row.title, body: t('notice-in-group', { name: entry.senderName, text }) };
}

/** The tab's title: how many messages wait unread in conversations that are not muted. */
export function titleOf(rows: readonly ConversationRow[], nowMs: number): string {
  const unread = rows
    .filter((row) => !row.isArchived && !row.isBlocked && !(row.mutedUntilMs !== null && row.mutedUntilMs > nowMs))
    .reduce((sum, row) => sum + (row.unread || Number(row.isMarkedUnread)), 0);
  return unread > 0 ? `(${formatNumber(unread)}) Sottovoce` : 'Sottovoce';
}

async function show(title: string, options: NotificationOptions): Promise<void> {
  const registration = await (navigator.serviceWorker as ServiceWorkerContainer | undefined)?.getRegistration();
  if (registration?.active) await registration.showNotification(title, options);
  else new Notification(title, options);
}
