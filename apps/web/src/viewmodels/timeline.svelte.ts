/** What a timeline shows: the rows of the present window, and what moves the window. */
import type { ConversationId, Engine, Entry, EntryId, Timeline, Window } from '../platform/engine';
import { paced, soon } from './engine.svelte';
import { type Row, buildRows, keepSame } from './rows';
import { LATEST, type View, arrivedSince, isNewest, nextWindow, windowAround } from './window';

const NOTHING: Timeline = { entries: [], hasOlder: false, hasNewer: false, firstUnread: null };
/** Entries drawn in one frame while many arrive: more than a screen has room for, fewer than anybody would wait for. */
export const TOGETHER = 24;

export class TimelineModel {
  /** False until the first snapshot. */
  isLoaded = $state(false);
  /** The window as the engine has it. */
  whole: Timeline = $state.raw(NOTHING);
  /** What of it is in the page: all, or while many arrive the newest, and more with each frame. */
  shown: Timeline = $state.raw(NOTHING);
  rows: Row[] = $state.raw([]);
  /** First entry below the unread line; stays until the conversation is left. */
  unreadFrom: EntryId | null = $state(null);
  /** How many were unread when it was opened. */
  unreadAtStart = $state(0);

  readonly #engine: Engine;
  readonly #conversation: ConversationId;
  #window: Window = LATEST;
  #stop: (() => void) | null = null;
  /** The window that was asked for and has not answered. */
  #isAsking = false;
  /** The reader follows the newest: nothing else is looked at. */
  #isAtEnd = true;
  #stopFilling: (() => void) | null = null;

  constructor(engine: Engine, conversation: ConversationId) {
    this.#engine = engine;
    this.#conversation = conversation;
  }

  /** Watches until the returned function is called. */
  start(): () => void {
    this.#watch(LATEST);
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
    if (this.#window.at !== 'latest') this.#watch(LATEST);
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
    const isFlood = this.isLoaded && this.#isAtEnd && this.#window.at === 'latest' && !document.hidden
      && arrivedSince(this.shown.entries, entries) > TOGETHER;
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
    this.#show(isFlood ? TOGETHER : entries.length);
  }

  /** Shows the newest of the window, and more with each frame until all are there. */
  #show(count: number): void {
    const { entries, hasOlder } = this.whole;
    const isAll = count >= entries.length;
    const shown = isAll ? entries : entries.slice(-count);
    this.shown = { ...this.whole, entries: shown, hasOlder: hasOlder || !isAll };
    this.#build(shown);
    this.#stopFilling = isAll ? null : soon(() => this.#show(count + TOGETHER));
  }

  #build(entries: Entry[]): void {
    const rows = buildRows(entries, this.unreadFrom, this.isNewestShown);
    this.rows = keepSame(this.rows, rows, (row) => row.key);
  }
}
