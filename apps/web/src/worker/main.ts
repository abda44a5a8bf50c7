/**
 * The worker of a tab: waits for the lock on the engine and meanwhile passes on what its page and the owner say.
 *
 * Its name is the tab's id. The lock goes to the next worker the moment its owner is gone, so that one that was
 * closed or killed is followed at once; pages then say again what was not answered.
 */

import { ENGINE_LOCK, NEWS_CHANNEL, OWNER_CHANNEL, PROTOCOL, tabChannel, tabLock } from '../platform/protocol';
import type { KeysWish, ToOwner, ToPage } from '../platform/protocol';
import { Owner } from './owner';
import wasmUrl from './pkg/sottovoce_bg.wasm?url';

/** How long an owner may take to answer a hello before it is taken for an older version. */
const ANSWER_MS = 5_000;

const tab = self.name;
const toPage = (message: ToPage): void => {
  (self as unknown as { postMessage(message: ToPage): void }).postMessage(message);
};

const ownerChannel = new BroadcastChannel(OWNER_CHANNEL);
const newsChannel = new BroadcastChannel(NEWS_CHANNEL);
const ownChannel = new BroadcastChannel(tabChannel(tab));
let owner: Owner | null = null;
let isAnswered = false;

/** An owner of another version would misunderstand this page: it shows a stop screen until that tab is closed. */
function relay(message: ToPage): void {
  if (message.t === 'owner') {
    isAnswered = true;
    if (message.version !== PROTOCOL) {
      toPage({ t: 'boot', boot: { state: 'stopped', reason: 'older-tab' } });
      return;
    }
  }
  toPage(message);
}

self.onmessage = (event: MessageEvent<ToOwner>) => {
  if (owner) owner.hear(event.data, toPage);
  else ownerChannel.postMessage(event.data);
};
ownChannel.onmessage = (event: MessageEvent<ToPage>) => {
  if (!owner) relay(event.data);
};
newsChannel.onmessage = (event: MessageEvent<ToPage>) => {
  if (!owner) relay(event.data);
};

function crash(error: unknown): void {
  toPage({ t: 'crashed', detail: error instanceof Error ? `${error.name}: ${error.message}` : String(error) });
  self.close();
}

/** Before the lock is there: whoever waits for it takes over the sooner. */
const compiled = WebAssembly.compileStreaming(fetch(wasmUrl));
// Whoever owns the engine says so where it cannot.
compiled.catch(() => undefined);

/** Forever, as long as the worker lives. */
const forever = new Promise<never>(() => undefined);

void navigator.locks.request(tabLock(tab), () => forever);

void navigator.locks.request(ENGINE_LOCK, async () => {
  const engine = new Owner(tab, compiled, crash, toPage);
  owner = engine;
  ownerChannel.onmessage = (event: MessageEvent<ToOwner | KeysWish>) => {
    if (event.data.t === 'keys') {
      engine.wishKeys(event.data);
      return;
    }
    const channel = engine.channelOf(event.data.tab);
    engine.hear(event.data, (message) => channel.postMessage(message));
  };
  const news: ToPage = { t: 'owner', owner: tab, version: PROTOCOL };
  toPage(news);
  newsChannel.postMessage(news);
  try {
    await engine.start();
  } catch (error) {
    crash(error);
  }
  await forever;
});

setTimeout(() => {
  if (!owner && !isAnswered) toPage({ t: 'boot', boot: { state: 'stopped', reason: 'older-tab' } });
}, ANSWER_MS);
