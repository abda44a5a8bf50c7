/**
 * The worker of a room's media: seals what leaves, opens what comes of any leaf of the epoch, and tells whose it is. Keys
 * come straight from the engine's worker, epoch after epoch. A frame that does not open is dropped.
 */

/// <reference lib="webworker" />

import { OWNER_CHANNEL } from '../platform/protocol';
import type { GroupKeys, KeysWish } from '../platform/protocol';
import initialise, { GroupFrames, readRoomTell, writeRoomSay } from '../worker/pkg/sottovoce';
import wasmUrl from '../worker/pkg/sottovoce_bg.wasm?url';
import type { FromRoomMedia, RoomStream, RoomTell, ToRoomMedia } from './room-protocol';

interface Transformer { readable: ReadableStream<Encoded>; writable: WritableStream<Encoded>; options: RoomStream }
interface Encoded { data: ArrayBuffer }
type Scope = DedicatedWorkerGlobalScope & { onrtctransform: ((event: { transformer: Transformer }) => void) | null };

/** How long a frame waits for the key of the next epoch: others read of it a moment before us. */
const EARLY_MS = 1_000;

const scope = globalThis as unknown as Scope;
let frames: GroupFrames | null = null;
/** Those who wait for the next key. */
let waiting: (() => void)[] = [];
const sources = new Map<string, string>();
const marked = new Map<number, number>();

const ready = initialise({ module_or_path: wasmUrl }).then(() => {
  frames = new GroupFrames();
});

function say(message: FromRoomMedia): void {
  scope.postMessage(message);
}

function enter({ epoch, ownLeaf, leaves, gone, baseKey }: GroupKeys): void {
  frames?.enter(Date.now(), epoch, ownLeaf, Uint32Array.from(leaves), Uint32Array.from(gone), baseKey);
  baseKey.fill(0);
  for (const leaf of gone) marked.delete(leaf);
  say({ t: 'keyed', epoch });
  for (const go of waiting.splice(0)) go();
}

async function wish(call: string): Promise<void> {
  await ready;
  const name = `sottovoce:call:${crypto.randomUUID()}`;
  // It stays open: each epoch brings a key.
  const channel = new BroadcastChannel(name);
  channel.onmessage = ({ data }: MessageEvent<GroupKeys>) => enter(data);
  const owner = new BroadcastChannel(OWNER_CHANNEL);
  const message: KeysWish = { t: 'keys', call, channel: name, isGroup: true };
  owner.postMessage(message);
  owner.close();
}

function nextKey(): Promise<void> {
  return new Promise((resolve) => {
    const go = (): void => {
      clearTimeout(timer);
      resolve();
    };
    const timer = setTimeout(() => {
      waiting = waiting.filter((one) => one !== go);
      resolve();
    }, EARLY_MS);
    waiting.push(go);
  });
}

async function open(slot: string, hasPicture: boolean, frame: Encoded): Promise<boolean> {
  if (!frames) return false;
  let opened = frames.open(Date.now(), hasPicture, new Uint8Array(frame.data));
  if (opened.isEarly) {
    opened.free();
    await nextKey();
    opened = frames.open(Date.now(), hasPicture, new Uint8Array(frame.data));
  }
  const plain = opened.takeFrame();
  const { leaf, context, marks } = opened;
  opened.free();
  if (!plain) return false;
  frame.data = plain.buffer as ArrayBuffer;
  const source = `${leaf} ${context}`;
  if (sources.get(slot) !== source) {
    sources.set(slot, source);
    say({ t: 'source', slot, leaf, context });
  }
  if (marks >= 0 && marked.get(leaf) !== marks) {
    marked.set(leaf, marks);
    say({ t: 'marks', leaf, marks });
  }
  return true;
}

function seal(context: number, hasPicture: boolean, frame: Encoded): boolean {
  const sealed = frames?.seal(context, hasPicture, new Uint8Array(frame.data));
  if (!sealed) return false;
  frame.data = sealed.buffer as ArrayBuffer;
  return true;
}

function pipe({ readable, writable, options }: Transformer): void {
  const transform = new TransformStream<Encoded, Encoded>({
    async transform(frame, controller) {
      const { hasPicture } = options;
      const isGood = options.isSealing ? seal(options.context, hasPicture, frame) : await open(options.slot, hasPicture, frame);
      if (isGood) controller.enqueue(frame);
    },
  });
  // It ends with the call.
  readable.pipeThrough(transform).pipeTo(writable).catch(() => undefined);
}

scope.onrtctransform = ({ transformer }) => pipe(transformer);
scope.onmessage = ({ data }: MessageEvent<ToRoomMedia>) => {
  switch (data.t) {
    case 'call':
      void wish(data.call);
      break;
    case 'streams':
      pipe({ readable: data.readable as ReadableStream<Encoded>, writable: data.writable as WritableStream<Encoded>, options: data.kind });
      break;
    case 'tell':
      void ready.then(() => {
        const told = readRoomTell(new Uint8Array(data.bytes));
        if (told !== undefined) say({ t: 'told', ...(JSON.parse(told) as RoomTell) });
      });
      break;
    case 'want':
      void ready.then(() => say({ t: 'say', bytes: writeRoomSay(JSON.stringify(data.slots)) as Uint8Array<ArrayBuffer> }));
      break;
    case 'marks':
      void ready.then(() => frames?.setMarks(data.marks));
      break;
  }
};
