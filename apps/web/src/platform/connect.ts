/** The engine as a page sees it: spawns this tab's worker, asks again what was not answered, hands out snapshots. */

import workerUrl from '../worker/main.ts?worker&url';
import { EngineError } from './engine';
import type { Action, Boot, Engine, Entry, StopReason, Topic, Topics } from './engine';
import { Peers } from './peer';
import { PROTOCOL } from './protocol';
import type { ToOwner, ToPage } from './protocol';
import { ownScript } from './trusted';

/** Workers started within a minute before the page gives up. */
const STARTS_MAX = 3;
const STARTS_WITHIN_MS = 60_000;

const ACTIONS = [
  'create', 'unlock', 'openForThisVisit', 'erase',
  'sendText', 'sendFiles', 'lookAtMovie', 'forwardFiles', 'fetchFile', 'pauseFile', 'resumeFile', 'cancelFile', 'fileInfo', 'readFile', 'dropFiles', 'editText', 'react', 'deleteForEveryone', 'deleteHere', 'retry', 'setTimer', 'typing', 'markRead',
  'saveDraft', 'invite', 'revokeInvite', 'previewInvite', 'accept', 'add', 'answerRequest', 'newGroup', 'addMembers',
  'removeMember', 'setAdmin', 'rename', 'leave', 'restart', 'pin', 'archive', 'mute', 'markUnread', 'block',
  'setPetname', 'setName', 'setPicture', 'search', 'safetyNumber', 'verifyQr', 'setVerified', 'messageInfo',
  'seeAlert', 'exportEvidence', 'recoveryWords', 'setWordsKept', 'setReadReceipts', 'setTyping', 'setPassphrase',
  'setPush', 'setDirect', 'forbidDirect', 'about',
  'callStart', 'callAccept', 'callDecline', 'callHangUp', 'callDescribe', 'callCandidates', 'callMedia',
  'groupCallJoin', 'groupCallLeave', 'groupCallSilence', 'groupCallOffer', 'groupCallPeople', 'groupCallMedia',
] as const satisfies readonly Action[];
/** Fails to compile where an action is missing above. */
const isComplete: Exclude<Action, (typeof ACTIONS)[number]> extends never ? true : false = true;

interface Call {
  action: string;
  input: unknown;
  resolve: (value: unknown) => void;
  reject: (error: EngineError) => void;
}

interface Watch {
  topic: Topic;
  key: unknown[];
  listener: (snapshot: never) => void;
}

/** Random bytes in hexadecimal. */
function randomHex(bytes: number): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(bytes)), (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** The time, then 80 random bits: a message takes its id from its call, and the indexes of messages grow at their end. */
function callId(): string {
  return Date.now().toString(16).padStart(12, '0').slice(-12) + randomHex(10);
}

function isSupported(): boolean {
  return (
    typeof Worker === 'function' &&
    typeof WebAssembly === 'object' &&
    typeof BroadcastChannel === 'function' &&
    typeof indexedDB === 'object' &&
    'locks' in navigator &&
    isSecureContext
  );
}

/** What kind of image the bytes are; nothing else is shown. */
function imageType(bytes: Uint8Array): string | null {
  const begins = (...head: number[]): boolean => head.every((byte, at) => bytes[at] === byte);
  if (begins(0xff, 0xd8, 0xff)) return 'image/jpeg';
  if (begins(0x89, 0x50, 0x4e, 0x47)) return 'image/png';
  if (begins(0x52, 0x49, 0x46, 0x46) && bytes[8] === 0x57) return 'image/webp';
  return null;
}

class Connection {
  readonly #tab = randomHex(16);
  readonly #calls = new Map<string, Call>();
  readonly #watches = new Map<number, Watch>();
  readonly #pictures = new Map<string, string>();
  readonly #bootListeners = new Set<(boot: Boot) => void>();
  readonly #arrivalListeners = new Set<(entries: Entry[]) => void>();
  readonly #takeoverListeners = new Set<(isUnderWay: boolean) => void>();
  readonly #starts: number[] = [];
  #worker: Worker | null = null;
  #owner: string | null = null;
  /** The owner before this one had opened the engine, and this one has not yet. */
  #isTakenOver = false;
  #boot: Boot | null = null;
  #nextSub = 1;
  readonly #peers = new Peers((news, transfer) => this.#worker?.postMessage({ t: 'peer', news, tab: this.#tab } satisfies ToOwner, transfer));

  constructor() {
    if (isSupported()) this.#start();
    else this.#stop('browser-too-old');
  }

  #start(): void {
    const now = Date.now();
    this.#starts.push(now);
    if (this.#starts.filter((at) => at > now - STARTS_WITHIN_MS).length > STARTS_MAX) {
      this.#stop(this.#boot ? 'engine-stops' : 'browser-too-old');
      return;
    }
    this.#owner = null;
    const worker = new Worker(ownScript(workerUrl), { type: 'module', name: this.#tab });
    this.#worker = worker;
    worker.onmessage = (event: MessageEvent<ToPage>) => this.#hear(event.data);
    worker.onerror = () => {
      if (this.#worker === worker) this.#restart();
    };
    this.#say({ t: 'hello', version: PROTOCOL });
  }

  #restart(): void {
    this.#peers.closeAll();
    this.#worker?.terminate();
    this.#start();
  }

  #stop(reason: StopReason): void {
    this.#worker?.terminate();
    this.#worker = null;
    this.#setBoot({ state: 'stopped', reason });
  }

  #say(message: ToOwner extends infer M ? (M extends ToOwner ? Omit<M, 'tab'> : never) : never): void {
    this.#worker?.postMessage({ ...message, tab: this.#tab });
  }

  #hear(message: ToPage): void {
    switch (message.t) {
      case 'owner':
        if (message.owner !== this.#owner || message.isAgain) {
          if (this.#owner !== null && message.owner !== this.#owner && this.#boot?.state === 'ready') this.#setTakenOver(true);
          this.#owner = message.owner;
          this.#say({ t: 'hello', version: PROTOCOL });
          for (const [sub, watch] of this.#watches) this.#sayWatch(sub, watch);
          for (const [id, call] of this.#calls) this.#sayCall(id, call);
        }
        break;
      case 'boot':
        this.#setTakenOver(false);
        this.#setBoot(message.boot);
        break;
      case 'answer':
        this.#calls.get(message.id)?.resolve(message.value);
        this.#calls.delete(message.id);
        break;
      case 'refusal':
        this.#calls.get(message.id)?.reject(new EngineError(message.code, message.values));
        this.#calls.delete(message.id);
        break;
      case 'snapshot':
        this.#watches.get(message.sub)?.listener(this.#parse(message.json) as never);
        break;
      case 'picture':
        this.#takePicture(message.id, message.bytes);
        break;
      case 'arrival':
        for (const listener of this.#arrivalListeners) listener(message.entries);
        break;
      case 'peer':
        this.#peers.hear(message.ask);
        break;
      case 'crashed':
        console.error('the engine stopped:', message.detail);
        this.#restart();
        break;
    }
  }

  #setTakenOver(isUnderWay: boolean): void {
    if (this.#isTakenOver === isUnderWay) return;
    this.#isTakenOver = isUnderWay;
    for (const listener of this.#takeoverListeners) listener(isUnderWay);
  }

  #setBoot(boot: Boot): void {
    this.#boot = boot.state === 'ready' ? { ...boot, me: { ...boot.me, picture: this.#pictureUrl(boot.me.picture) } } : boot;
    for (const listener of this.#bootListeners) listener(this.#boot);
  }

  #takePicture(id: string, bytes: Uint8Array<ArrayBuffer>): void {
    const type = imageType(bytes);
    if (type && !this.#pictures.has(id)) this.#pictures.set(id, URL.createObjectURL(new Blob([bytes], { type })));
  }

  #pictureUrl(id: string | null): string | null {
    return (id && this.#pictures.get(id)) ?? null;
  }

  /** Only a field is written like this: within a text every quotation mark has a backslash. */
  #parse(json: string): unknown {
    return JSON.parse(
      json.replace(/"picture":"([0-9a-f]{64})"/g, (_, id: string) => `"picture":${JSON.stringify(this.#pictureUrl(id))}`),
    );
  }

  #sayCall(id: string, call: Call): void {
    this.#say({ t: 'call', id, action: call.action, input: call.input });
  }

  #sayWatch(sub: number, watch: Watch): void {
    this.#say({ t: 'watch', sub, topic: watch.topic, key: watch.key });
  }

  boot(): Promise<Boot> {
    if (this.#boot) return Promise.resolve(this.#boot);
    return new Promise((resolve) => {
      const stop = this.onBoot((boot) => {
        stop();
        resolve(boot);
      });
    });
  }

  onBoot(listener: (boot: Boot) => void): () => void {
    this.#bootListeners.add(listener);
    return () => this.#bootListeners.delete(listener);
  }

  onArrival(listener: (entries: Entry[]) => void): () => void {
    this.#arrivalListeners.add(listener);
    return () => this.#arrivalListeners.delete(listener);
  }

  onTakeover(listener: (isUnderWay: boolean) => void): () => void {
    this.#takeoverListeners.add(listener);
    return () => this.#takeoverListeners.delete(listener);
  }

  watch<T extends Topic>(
    topic: T,
    key: Topics[T]['key'],
    listener: (snapshot: Topics[T]['snapshot']) => void,
  ): () => void {
    const sub = this.#nextSub++;
    const watch: Watch = { topic, key, listener };
    this.#watches.set(sub, watch);
    if (this.#owner) this.#sayWatch(sub, watch);
    return () => {
      if (this.#watches.delete(sub) && this.#owner) this.#say({ t: 'unwatch', sub });
    };
  }

  call(action: string, input: unknown): Promise<unknown> {
    if (!this.#worker) return Promise.reject(new EngineError('stopped'));
    const id = callId();
    return new Promise((resolve, reject) => {
      const call: Call = { action, input, resolve, reject };
      this.#calls.set(id, call);
      if (this.#owner) this.#sayCall(id, call);
      if (action === 'create') void this.#askToPersist();
    });
  }

  /** Asked for where the user begins to keep something here; a browser that asks back does it now. */
  async #askToPersist(): Promise<void> {
    try {
      await navigator.storage.persist();
    } catch {
      // A browser without it: what it keeps it keeps.
    }
    if (this.#owner) this.#say({ t: 'persisted' });
  }
}

/** Connects this page to the engine; call it once. */
export function connect(): Engine {
  const connection = new Connection();
  const actions = Object.fromEntries(
    ACTIONS.map((action) => [action, (input?: unknown) => connection.call(action, input ?? {})]),
  );
  return {
    ...(isComplete && (actions as unknown as Engine)),
    boot: () => connection.boot(),
    watch: (topic, key, listener) => connection.watch(topic, key, listener),
    onBoot: (listener) => connection.onBoot(listener),
    onArrival: (listener) => connection.onArrival(listener),
    onTakeover: (listener) => connection.onTakeover(listener),
  };
}
