/**
 * Files from device to device (docs/spec/FILES.md s.7): asks for what is fetched, gives what is asked for. Whom to ask
 * and to answer is the engine's decision, what is said on a channel the core's; here are channels and copies.
 */

import type { PeerAsk, PeerNews } from '../platform/peer';
import type { Copies } from './copies';
import { type Core, type DirectFetching, DirectServing } from './pkg/sottovoce';
import { Refusal, refusalOf } from './refusal';

/** What `Core.takeOutgoing` says of connections. */
export type DirectOrder =
  | { kind: 'give'; attempt: string; id: number; file: string; size: number; sdp: string }
  | { kind: 'connect-direct'; attempt: string; sdp: string };

export interface DirectEvents {
  ask(ask: PeerAsk): void;
  /** The STUN server of the own node. */
  stun(): string;
  settle(): void;
  failed(error: unknown): void;
}

/** How long a connection may take to stand, from the first word on. */
const CONNECT_MS = 8_000;
/** How often a channel is looked at. */
const LOOK_MS = 250;
/** Whoever asks for nothing for so long wants nothing more. */
const IDLE_MS = 30_000;
/** Bytes that a channel may hold for the network. */
const AHEAD_BYTES = 4 << 20;
const AHEAD_AGAIN_BYTES = 1 << 20;
const REPORT_MS = 250;

/** What a page made for us, or is about to. */
interface Peer {
  described(sdp: string): void;
  channel(channel: RTCDataChannel): void;
  over(): void;
}

/** Another device that may have a file. */
export class Source {
  /** Whether the channel stands; decided once. */
  readonly opened: Promise<boolean>;
  readonly #close: () => void;
  readonly #fetching: DirectFetching;
  #settle: (isOpen: boolean) => void = () => undefined;
  #channel: RTCDataChannel | null = null;
  #isOpen = false;
  #isOver = false;
  #taken: (result: unknown) => void = () => undefined;
  #broken: (error: unknown) => void = () => undefined;

  constructor(fetching: DirectFetching, close: () => void) {
    this.#fetching = fetching;
    this.#close = close;
    this.opened = new Promise((resolve) => {
      this.#settle = resolve;
    });
    setTimeout(() => {
      if (!this.#isOpen) this.close();
    }, CONNECT_MS);
  }

  get isOpen(): boolean {
    return this.#isOpen && !this.#isOver;
  }

  take(channel: RTCDataChannel): void {
    if (this.#isOver) return channel.close();
    this.#channel = channel;
    channel.binaryType = 'arraybuffer';
    const open = (): void => {
      this.#isOpen = true;
      this.#settle(true);
    };
    channel.onopen = open;
    if (channel.readyState === 'open') open();
    channel.onclose = () => this.close();
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      try {
        if (!(data instanceof ArrayBuffer)) throw new Refusal('direct-malformed');
        this.#taken(this.#fetching.take(performance.now(), new Uint8Array(data)));
      } catch (error) {
        this.#broken(error);
        this.close();
      }
    };
  }

  /** The leaves, which are those of the file. */
  leaves(): Promise<Uint8Array> {
    return this.#run<Uint8Array>((resolve) => {
      this.#say(this.#fetching.open(performance.now()));
      return (result) => {
        if (result === true) resolve(this.#fetching.leaves() ?? new Uint8Array());
      };
    });
  }

  /** The groups from `first` on, checked and in order; until `signal`. */
  groups(first: number, end: number, signal: AbortSignal, take: (group: Uint8Array) => void): Promise<void> {
    return this.#run<void>((resolve, reject) => {
      signal.addEventListener('abort', () => reject(new Refusal('direct-aborted')), { once: true });
      this.#say(this.#fetching.begin(performance.now(), first, end));
      if (this.#fetching.isDone()) resolve();
      return (result) => {
        if (!(result instanceof Uint8Array)) return;
        take(result);
        if (this.#fetching.isDone()) resolve();
        else this.#say(this.#fetching.ask());
      };
    });
  }

  #run<T>(begin: (resolve: (value: T) => void, reject: (error: unknown) => void) => (result: unknown) => void): Promise<T> {
    let look: ReturnType<typeof setInterval> | undefined;
    return new Promise<T>((resolve, reject) => {
      if (!this.isOpen) return reject(new Refusal('direct-closed'));
      this.#broken = reject;
      look = setInterval(() => {
        if (this.#fetching.isStalled(performance.now())) reject(new Refusal('direct-stalled'));
      }, LOOK_MS);
      this.#taken = begin(resolve, reject);
    }).finally(() => {
      clearInterval(look);
      this.#taken = () => undefined;
      this.#broken = () => undefined;
    });
  }

  #say(message: Uint8Array | undefined): void {
    if (message) this.#channel?.send(message as Uint8Array<ArrayBuffer>);
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#settle(false);
    this.#broken(new Refusal('direct-closed'));
    this.#channel?.close();
    this.#close();
    this.#fetching.free();
  }
}

export class Direct {
  readonly #core: Core;
  readonly #copies: Copies;
  readonly #events: DirectEvents;
  readonly #peers = new Map<number, Peer>();
  /** Connections that wait for their answer. */
  readonly #asked = new Map<string, number>();
  #next = 1;

  constructor(core: Core, copies: Copies, events: DirectEvents) {
    this.#core = core;
    this.#copies = copies;
    this.#events = events;
    core.beginDirect();
  }

  hear(news: PeerNews): void {
    const peer = this.#peers.get(news.id);
    switch (news.op) {
      case 'described': return peer?.described(news.sdp);
      case 'channel': return peer ? peer.channel(news.channel) : news.channel.close();
      case 'over': return peer?.over();
    }
  }

  perform(order: DirectOrder): void {
    if (order.kind === 'give') return this.#give(order);
    const id = this.#asked.get(order.attempt);
    this.#asked.delete(order.attempt);
    if (id !== undefined) this.#events.ask({ op: 'accept', id, sdp: order.sdp });
  }

  /** Asks for a file that is being fetched; its leaves where they are known. */
  ask(attachment: number): Source {
    const id = this.#next++;
    let attempt: string | undefined;
    const source = new Source(this.#core.directFetching(performance.now(), attachment, undefined), () => {
      this.#peers.delete(id);
      this.#events.ask({ op: 'close', id });
      if (attempt) this.#asked.delete(attempt);
    });
    this.#peers.set(id, {
      described: (sdp) => this.#guard(() => {
        attempt = this.#core.askDirectly(Date.now(), attachment, sdp);
        if (attempt) this.#asked.set(attempt, id);
        else source.close();
      }, () => source.close()),
      channel: (channel) => source.take(channel),
      over: () => source.close(),
    });
    this.#events.ask({ op: 'offer', id, stun: this.#events.stun() });
    return source;
  }

  #give(order: Extract<DirectOrder, { kind: 'give' }>): void {
    const id = this.#next++;
    let giver: Giver | null = null;
    let isOver = false;
    const end = (): void => {
      if (isOver) return;
      isOver = true;
      clearTimeout(patience);
      this.#peers.delete(id);
      giver?.close();
      this.#events.ask({ op: 'close', id });
      this.#guard(() => this.#core.endDirect(Date.now(), order.attempt), () => undefined);
    };
    const patience = setTimeout(() => {
      if (!giver?.isOpen) end();
    }, CONNECT_MS);
    this.#peers.set(id, {
      described: (sdp) => this.#guard(() => this.#core.answerDirectly(Date.now(), order.attempt, sdp), end),
      channel: (channel) => {
        const report = (done: number, total: number): void => this.#guard(() => this.#core.fileMovedDirectly(Date.now(), order.id, done, total), end);
        giver = new Giver(channel, order.size, this.#copies.read(order.file), report, end);
      },
      over: end,
    });
    this.#events.ask({ op: 'answer', id, stun: this.#events.stun(), sdp: order.sdp });
  }

  #guard(work: () => void, otherwise: () => void): void {
    try {
      work();
    } catch (error) {
      otherwise();
      // A description that says nothing is the browser's doing; all else is the database's.
      if (refusalOf(error)?.code !== 'direct-malformed') this.#events.failed(error);
    }
    this.#events.settle();
  }
}

/** Gives a copy to whoever asks on a channel. */
class Giver {
  readonly #channel: RTCDataChannel;
  readonly #serving: DirectServing;
  readonly #copy: Promise<Blob | null>;
  readonly #report: (done: number, total: number) => void;
  readonly #end: () => void;
  readonly #look: ReturnType<typeof setInterval>;
  #isGiving = false;
  #isOver = false;
  /** Ends the wait for room on the channel. */
  #wake: () => void = () => undefined;
  #movedMs = performance.now();
  #toldMs = 0;

  constructor(channel: RTCDataChannel, size: number, copy: Promise<Blob | null>, report: (done: number, total: number) => void, end: () => void) {
    this.#channel = channel;
    this.#serving = new DirectServing(size);
    this.#copy = copy;
    this.#report = report;
    this.#end = end;
    channel.binaryType = 'arraybuffer';
    channel.bufferedAmountLowThreshold = AHEAD_AGAIN_BYTES;
    channel.onclose = end;
    channel.onmessage = ({ data }: MessageEvent<unknown>) => {
      this.#movedMs = performance.now();
      try {
        if (!(data instanceof ArrayBuffer)) throw new Refusal('direct-malformed');
        this.#serving.take(new Uint8Array(data));
        if (!this.#isGiving) void this.#give().catch(end);
      } catch {
        end();
      }
    };
    this.#look = setInterval(() => {
      if (performance.now() - this.#movedMs > IDLE_MS) end();
    }, LOOK_MS);
  }

  get isOpen(): boolean {
    return this.#channel.readyState === 'open';
  }

  async #give(): Promise<void> {
    this.#isGiving = true;
    const copy = await this.#copy;
    if (!copy) return this.#end();
    for (let want = this.#next(); want && !this.#isOver; want = this.#next()) {
      const bytes = new Uint8Array(await copy.slice(want.from, want.to).arrayBuffer());
      if (this.#isOver) return;
      for (const frame of this.#serving.frames(bytes) as Uint8Array<ArrayBuffer>[]) this.#channel.send(frame);
      this.#movedMs = performance.now();
      if (this.#movedMs - this.#toldMs > REPORT_MS) {
        this.#toldMs = this.#movedMs;
        this.#report(Math.min(this.#serving.givenBytes(), copy.size), copy.size);
      }
      if (this.#channel.bufferedAmount > AHEAD_BYTES) await this.#room();
    }
    this.#isGiving = false;
  }

  #next(): { from: number; to: number } | undefined {
    return this.#isOver ? undefined : this.#serving.next() as { from: number; to: number } | undefined;
  }

  #room(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#channel.onbufferedamountlow = () => resolve();
    });
  }

  close(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    clearInterval(this.#look);
    this.#channel.close();
    this.#serving.free();
    this.#wake();
  }
}
