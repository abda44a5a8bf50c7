/** What a timeline shows: the rows of the present window, and what moves the window. */
import type { ConversationId, Engine, Entry, EntryId, Timeline, Window } from '../platform/engine';
import { paced, soon } from './engine.svelte';
import { type Row, buildRows, keepSame } from './rows';
import { FLOOD_FROM, calmed, flooded, missing } from './flood';
import { type View, arrivedSince, isNewest, latest, nextWindow, screenful, windowAround } from './window';

const NOTHING: Timeline = { entries: [], hasOlder: false, hasNewer: false, firstUnread: null };
/** Nothing more arrived for so long: what was passed over is drawn as well. */
const CALM_MS = 200;

export class TimelineModel {
  /** False until the first snapshot. */
  isLoaded = $state(false);
  /** The window as the engine has it. */
  whole: Timeline = $state.raw(NOTHING);
  /** What of it is in the page: all, or while many arrive so many as a screen shows (`flood.ts`). */
  shown: Timeline = $state.raw(NOTHING);
  rows: Row[] = $state.raw([]);
  /** First entry below the unread line; stays until the conversation is left. */
  unreadFrom: EntryId | null = $state(null);
  /** How many were unread when it was opened. */
  unreadAtStart = $state(0);

  readonly #engine: Engine;
  readonly #conversation: ConversationId;
  #window: Window = latest();
  #stop: (() => void) | null = null;
  /** The window that was asked for and has not answered. */
  #isAsking = false;
  /** The reader follows the newest: nothing else is looked at. */
  #isAtEnd = true;
  /** Ends the work that is left for later frames. */
  #stopFilling: (() => void) | null = null;

  constructor(engine: Engine, conversation: ConversationId) {
    this.#engine = engine;
    this.#conversation = conversation;
  }

  /** Watches until the returned function is called. */
  start(): () => void {
    this.#watch(latest());
    return () => {
      this.#stop?.();
      this.#stopFilling?.();
    };
  }

  /** The reader moved: loads what lies beyond, where that is near. */
  move(view: View): void {
    this.#isAtEnd = view.isAtEnd;
    if (this.#isAsking || this.#stopFilling) return;
    const next = nextWindow(this.#window, this.shown, view);
    if (next !== this.#window) this.#watch(next);
  }

  /** Shows the newest end. */
  toNewest(): void {
    if (this.#window.at !== 'latest') this.#watch(latest());
  }

  /** Brings `entry` into the window; true where it is there already. */
  reveal(entry: EntryId): boolean {
    if (this.shown.entries.some((one) => one.id === entry)) return true;
    this.#watch(windowAround(entry));
    return false;
  }

  /** Takes the unread line away, as when something was answered. */
  forgetUnread(): void {
    this.unreadFrom = null;
    this.#build(this.shown.entries);
  }

  get isNewestShown(): boolean {
    return isNewest(this.shown);
  }

  #watch(window: Window): void {
    this.#stop?.();
    this.#window = window;
    this.#isAsking = true;
    const calm = paced((snapshot: Timeline) => this.#take(snapshot));
    const stop = this.#engine.watch('timeline', [this.#conversation, window], calm.take);
    this.#stop = () => {
      stop();
      calm.cancel();
    };
  }

  #take(snapshot: Timeline): void {
    this.#isAsking = false;
    const entries = keepSame(this.whole.entries, snapshot.entries, (entry) => entry.id);
    const isFollowing = this.isLoaded && this.#isAtEnd && this.#window.at === 'latest' && !document.hidden;
    const isFlood = isFollowing && (this.#stopFilling !== null || arrivedSince(this.shown.entries, entries) >= FLOOD_FROM);
    this.whole = { ...snapshot, entries };
    if (!this.isLoaded) {
      this.isLoaded = true;
      this.unreadFrom = snapshot.firstUnread;
      if (snapshot.firstUnread !== null && !entries.some((entry) => entry.id === snapshot.firstUnread)) {
        this.#watch(windowAround(snapshot.firstUnread));
      }
    }
    this.#stopFilling?.();
    this.#stopFilling = null;
    if (isFlood) {
      this.#narrow();
      this.#flood();
    } else if (isFollowing && missing(this.shown.entries, entries).length > FLOOD_FROM) this.#calm();
    else this.#show(entries);
  }

  /** A flood needs no more than a screen; what lies above comes again when somebody looks for it. */
  #narrow(): void {
    const window = latest();
    if (this.#window.at === 'latest' && this.#window.count > window.count) this.#watch(window);
  }

  /** Shows more of what arrived with each frame; when nothing follows, what was passed over. */
  #flood(): void {
    const next = this.#isAtEnd ? flooded(this.shown.entries, this.whole.entries, screenful(window.innerHeight)) : this.whole.entries;
    this.#show(next);
    const isThere = next[next.length - 1] === this.whole.entries[this.whole.entries.length - 1];
    if (!isThere) this.#stopFilling = soon(() => this.#flood());
    else if (next.length !== this.whole.entries.length || next[0] !== this.whole.entries[0]) {
      const timer = setTimeout(() => this.#calm(), CALM_MS);
      this.#stopFilling = () => clearTimeout(timer);
    }
  }

  #calm(): void {
    this.#stopFilling = null;
    const next = calmed(this.shown.entries, this.whole.entries);
    this.#show(next);
    if (next.length < this.whole.entries.length) this.#stopFilling = soon(() => this.#calm());
  }

  #show(entries: Entry[]): void {
    const { hasOlder } = this.whole;
    this.shown = { ...this.whole, entries, hasOlder: hasOlder || entries[0] !== this.whole.entries[0] };
    this.#build(entries);
  }

  #build(entries: Entry[]): void {
    const rows = buildRows(entries, this.unreadFrom, this.isNewestShown);
    this.rows = keepSame(this.rows, rows, (row) => row.key);
  }
}
