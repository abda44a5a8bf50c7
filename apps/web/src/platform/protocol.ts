/**
 * What pages and the engine's worker say to each other, within a tab and between tabs.
 *
 * Each tab has a worker; the one that holds the lock `sottovoce:engine` owns the engine, the others pass on. A page
 * names its calls by 16 random bytes and asks again when another worker took over: the engine does each once.
 */

import type { Boot, Entry, Topic } from './engine';
import type { PeerAsk, PeerNews } from './peer';

/** Grows with every change of these messages; an owner of another version is not talked to. */
export const PROTOCOL = 2;

/** Held by the worker that owns the engine. */
export const ENGINE_LOCK = 'sottovoce:engine';
/** Where the owner listens to other tabs' workers. */
export const OWNER_CHANNEL = 'sottovoce:owner';
/** Where every worker hears that there is a new owner. */
export const NEWS_CHANNEL = 'sottovoce:news';
/** Held by a tab's worker as long as it lives. */
export const tabLock = (tab: string): string => `sottovoce:tab:${tab}`;
/** Where a tab's worker listens to the owner. */
export const tabChannel = (tab: string): string => `sottovoce:to:${tab}`;

/** From the worker of a call's media to the owner, on {@link OWNER_CHANNEL}: the keys go to a channel of its own. */
export interface KeysWish { t: 'keys'; call: string; channel: string; isGroup?: true }
/** The answer. No page listens there. */
export interface CallKeys { epoch: number; ownLeaf: number; peerLeaf: number; baseKey: Uint8Array }
/** The answers for a call of many, one for each epoch. */
export interface GroupKeys { epoch: number; ownLeaf: number; leaves: number[]; gone: number[]; baseKey: Uint8Array }

/** From a page to the owner. */
export type ToOwner = { tab: string } & (
  | { t: 'hello'; version: number }
  | { t: 'call'; id: string; action: string; input: unknown }
  | { t: 'watch'; sub: number; topic: Topic; key: unknown[] }
  | { t: 'unwatch'; sub: number }
  /** The browser answered whether the storage stays. */
  | { t: 'persisted' }
  /** From the owner's own page alone. */
  | { t: 'peer'; news: PeerNews }
);

/** From the owner to a page. */
export type ToPage =
  /** There is a (new) owner, or one that forgot the page: say hello, then everything that is not answered. */
  | { t: 'owner'; owner: string; version: number; isAgain?: true }
  | { t: 'boot'; boot: Boot }
  | { t: 'answer'; id: string; value: unknown }
  | { t: 'refusal'; id: string; code: string; values: Record<string, string | number> }
  /** JSON: parsing it costs the page less than a structured clone. */
  | { t: 'snapshot'; sub: number; json: string }
  /** Pictures are named by their hash in snapshots, and sent once a tab. */
  | { t: 'picture'; id: string; bytes: Uint8Array<ArrayBuffer> }
  | { t: 'arrival'; entries: Entry[] }
  /** To the owner's own page alone. */
  | { t: 'peer'; ask: PeerAsk }
  /** The worker cannot go on; the page starts another. */
  | { t: 'crashed'; detail: string };
