/**
 * The worker of a call's media: seals what leaves, opens what comes, with keys that come straight from the engine's
 * worker. A frame that does not open is dropped; nothing leaves before there is a key.
 */

/// <reference lib="webworker" />

import { OWNER_CHANNEL } from '../platform/protocol';
import type { CallKeys, KeysWish } from '../platform/protocol';
import initialise, { Frames } from '../worker/pkg/sottovoce';
import wasmUrl from '../worker/pkg/sottovoce_bg.wasm?url';
import type { FromMedia, StreamKind, ToMedia } from './protocol';

interface Transformer { readable: ReadableStream<Encoded>; writable: WritableStream<Encoded>; options: StreamKind }
interface Encoded { data: ArrayBuffer }
type Scope = DedicatedWorkerGlobalScope & { onrtctransform: ((event: { transformer: Transformer }) => void) | null };

const scope = globalThis as unknown as Scope;
let frames: Frames | null = null;
/** Dropped since the last report: the page says when it is many. */
const counts = { sealed: 0, opened: 0, dropped: 0, slowestMs: 0 };

const ready = initialise({ module_or_path: wasmUrl }).then(() => {
  frames = new Frames();
});

function say(message: FromMedia): void {
  scope.postMessage(message);
}

async function wish(call: string): Promise<void> {
  await ready;
  const name = `sottovoce:call:${crypto.randomUUID()}`;
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<CallKeys>) => {
    channel.close();
    frames?.enter(Date.now(), data.epoch, data.ownLeaf, data.peerLeaf, data.baseKey);
    data.baseKey.fill(0);
    say({ t: 'keyed' });
  };
  const owner = new BroadcastChannel(OWNER_CHANNEL);
  const message: KeysWish = { t: 'keys', call, channel: name };
  owner.postMessage(message);
  owner.close();
}

function turn({ isSealing, hasPicture }: StreamKind, frame: Encoded): boolean {
  if (!frames) return false;
  const begun = performance.now();
  const data = new Uint8Array(frame.data);
  const turned = isSealing ? frames.seal(hasPicture, data) : frames.open(Date.now(), hasPicture, data);
  counts.slowestMs = Math.max(counts.slowestMs, performance.now() - begun);
  if (!turned) {
    counts.dropped += 1;
    return false;
  }
  if (isSealing) counts.sealed += 1;
  else counts.opened += 1;
  frame.data = turned.buffer as ArrayBuffer;
  return true;
}

function pipe({ readable, writable, options }: Transformer): void {
  const transform = new TransformStream<Encoded, Encoded>({
    transform(frame, controller) {
      if (turn(options, frame)) controller.enqueue(frame);
    },
  });
  // It ends with the call.
  readable.pipeThrough(transform).pipeTo(writable).catch(() => undefined);
}

scope.onrtctransform = ({ transformer }) => pipe(transformer);
scope.onmessage = ({ data }: MessageEvent<ToMedia>) => {
  switch (data.t) {
    case 'call':
      void wish(data.call);
      break;
    case 'streams':
      pipe({ readable: data.readable as ReadableStream<Encoded>, writable: data.writable as WritableStream<Encoded>, options: data.kind });
      break;
    case 'counts':
      say({ t: 'counts', ...counts });
      break;
  }
};
