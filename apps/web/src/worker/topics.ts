/** Who watches what, which of it changed, and what each saw last. */

import type { Topic } from '../platform/engine';
import type { ToPage } from '../platform/protocol';

/** A word, an id or null, and an entry or an alert: see `browser.rs`. */
export type Change = [string, string | null, number?];

export type Send = (message: ToPage) => void;

interface Watch {
  topic: Topic;
  key: unknown[];
  name: string;
  isDirty: boolean;
  json: string | null;
}

interface Page {
  send: Send;
  watches: Map<number, Watch>;
  pictures: Set<string>;
  /** The first unread entry of each conversation when it was opened, as long as it is. */
  firstUnread: Map<string, number | null>;
}

/** Between two rounds of snapshots at least: a frame. */
const FRAME_MS = 16;
/** And so many times as long as the last round took: most of the time is for what there is to show. */
const CALM = 3;
/** A conversation that nobody watches for so long is closed. */
const CLOSED_MS = 1_000;

const PICTURE = /"picture":"([0-9a-f]{64})"/g;

export class Topics {
  readonly #pages = new Map<string, Page>();
  readonly #query: (topic: Topic, key: unknown[]) => string;
  readonly #picture: (id: string) => Uint8Array<ArrayBuffer> | null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  /** When the next round may be, by the clock of this worker. */
  #nextAt = 0;

  constructor(
    query: (topic: Topic, key: unknown[]) => string,
    picture: (id: string) => Uint8Array<ArrayBuffer> | null,
  ) {
    this.#query = query;
    this.#picture = picture;
  }

  /** A page is there (again), with nothing watched yet. */
  join(tab: string, send: Send): void {
    const pictures = this.#pages.get(tab)?.pictures ?? new Set();
    this.#pages.set(tab, { send, watches: new Map(), pictures, firstUnread: new Map() });
  }

  leave(tab: string): void {
    this.#pages.delete(tab);
  }

  has(tab: string): boolean {
    return this.#pages.has(tab);
  }

  broadcast(message: ToPage): void {
    for (const page of this.#pages.values()) page.send(message);
  }

  watch(tab: string, sub: number, topic: Topic, key: unknown[]): void {
    const page = this.#pages.get(tab);
    if (!page) return;
    const watch: Watch = { topic, key, name: `${topic} ${JSON.stringify(key)}`, isDirty: true, json: null };
    page.watches.set(sub, watch);
    this.#show(page, sub, watch, new Map());
  }

  unwatch(tab: string, sub: number): void {
    const page = this.#pages.get(tab);
    const watch = page?.watches.get(sub);
    if (!page || !watch) return;
    page.watches.delete(sub);
    if (watch.topic !== 'timeline') return;
    const conversation = String(watch.key[0]);
    setTimeout(() => {
      const isOpen = [...page.watches.values()].some(
        (other) => other.topic === 'timeline' && other.key[0] === conversation,
      );
      if (!isOpen) page.firstUnread.delete(conversation);
    }, CLOSED_MS);
  }

  /** Marks what the changes touch; snapshots follow at once, or a frame after the last. */
  changed(changes: Change[]): void {
    const touched = new Set<string>();
    const all = new Set<Topic>();
    for (const [what, id] of changes) {
      switch (what) {
        case 'list':
          all.add('conversations');
          break;
        case 'conversation':
        case 'typing':
          all.add('conversations');
          touched.add(`conversation ${id}`);
          break;
        case 'added':
        case 'removed':
          // The unread ones are counted there, too.
          touched.add(`conversation ${id}`);
          all.add('conversations').add('network');
          touched.add(`timeline ${id}`);
          break;
        case 'updated':
          all.add('conversations').add('network');
          touched.add(`timeline ${id}`).add(`media ${id}`);
          all.add('storage');
          break;
        case 'person':
          for (const topic of ['me', 'conversations', 'conversation', 'timeline', 'contacts', 'alerts'] as const) {
            all.add(topic);
          }
          break;
        case 'requests':
          all.add('requests');
          break;
        case 'invites':
          all.add('invites').add('conversation');
          break;
        case 'call':
          all.add('call').add('groupCall').add('groupCalls');
          break;
        case 'bell':
          all.add('settings');
          break;
        case 'alert':
          all.add('alerts').add('conversation');
          break;
      }
    }
    this.#mark((watch) => all.has(watch.topic) || touched.has(`${watch.topic} ${String(watch.key[0])}`));
  }

  /** Marks whole topics. */
  touch(...topics: Topic[]): void {
    this.#mark((watch) => topics.includes(watch.topic));
  }

  /** Shows everybody everything: the engine came back. */
  refresh(): void {
    this.#mark(() => true);
  }

  #mark(isTouched: (watch: Watch) => boolean): void {
    let isAny = false;
    for (const page of this.#pages.values()) {
      for (const watch of page.watches.values()) {
        if (!isTouched(watch)) continue;
        watch.isDirty = true;
        isAny = true;
      }
    }
    if (isAny) this.#timer ??= setTimeout(() => this.#flush(), Math.max(0, this.#nextAt - performance.now()));
  }

  #flush(): void {
    this.#timer = undefined;
    const begun = performance.now();
    // What several pages or views watch is asked for once.
    const asked = new Map<string, string>();
    for (const page of this.#pages.values()) {
      for (const [sub, watch] of page.watches) if (watch.isDirty) this.#show(page, sub, watch, asked);
    }
    const now = performance.now();
    this.#nextAt = now + Math.max(FRAME_MS, CALM * (now - begun));
  }

  #show(page: Page, sub: number, watch: Watch, asked: Map<string, string>): void {
    let json = asked.get(watch.name);
    if (json === undefined) {
      json = this.#query(watch.topic, watch.key);
      asked.set(watch.name, json);
    }
    // Nothing to show before there is an account: it is asked for again when there is.
    if (json === '') return;
    watch.isDirty = false;
    if (watch.topic === 'timeline') json = this.#pinUnread(page, String(watch.key[0]), json);
    if (json === watch.json) return;
    watch.json = json;
    for (const [, id] of json.matchAll(PICTURE)) {
      if (!id || page.pictures.has(id)) continue;
      const bytes = this.#picture(id);
      if (!bytes) continue;
      page.pictures.add(id);
      page.send({ t: 'picture', id, bytes });
    }
    page.send({ t: 'snapshot', sub, json });
  }

  /** Where the unread ones began when the conversation was opened, although they are read by now. */
  #pinUnread(page: Page, conversation: string, json: string): string {
    const now = /"firstUnread":(null|\d+)}$/.exec(json);
    if (!now?.[1]) return json;
    const first: unknown = JSON.parse(now[1]);
    const pinned = page.firstUnread.get(conversation);
    if (pinned === undefined) {
      page.firstUnread.set(conversation, first as number | null);
      return json;
    }
    return `${json.slice(0, now.index)}"firstUnread":${pinned}}`;
  }
}
