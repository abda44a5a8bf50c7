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

interface Transformer {
  readable: ReadableStream<Encoded>;
  writable: WritableStream<Encoded>;
  options: StreamKind;
  /** Not everywhere. */
  generateKeyFrame?: () => Promise<unknown>;
  sendKeyFrameRequest?: () => Promise<unknown>;
}
interface Encoded { data: ArrayBuffer }
type Scope = DedicatedWorkerGlobalScope & { onrtctransform: ((event: { transformer: Transformer }) => void) | null };

const scope = globalThis as unknown as Scope;
let frames: Frames | null = null;
/** Those of pictures. */
const pictures: Transformer[] = [];

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
    for (const one of pictures) askPicture(one);
    say({ t: 'keyed' });
  };
  const owner = new BroadcastChannel(OWNER_CHANNEL);
  const message: KeysWish = { t: 'keys', call, channel: name };
  owner.postMessage(message);
  owner.close();
}

function turn({ isSealing, hasPicture }: StreamKind, frame: Encoded): boolean {
  if (!frames) return false;
  const data = new Uint8Array(frame.data);
  const turned = isSealing ? frames.seal(hasPicture, data) : frames.open(Date.now(), hasPicture, data);
  if (!turned) return false;
  frame.data = turned.buffer as ArrayBuffer;
  return true;
}

/** The first frames were dropped without a key: the next is to be a whole picture. */
function askPicture(one: Transformer): void {
  const asked = one.options.isSealing ? one.generateKeyFrame?.() : one.sendKeyFrameRequest?.();
  asked?.catch(() => undefined);
}

function pipe(transformer: Transformer): void {
  const { readable, writable, options } = transformer;
  if (options.hasPicture) pictures.push(transformer);
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
  }
};
