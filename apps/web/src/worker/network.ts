/** Sockets and blobs: carries out what the engine wants and tells it what happened. */

import type { FileOrder } from './files';
import { Retry } from './pkg/sottovoce';
import type { Core } from './pkg/sottovoce';

/** A connection that stood for so long was a success. */
const STOOD_MS = 30_000;
/** How long one may take to stand. */
const CONNECT_MS = 10_000;
/** No longer wait between attempts while somebody is in a call: half a minute without its node ends it. */
const URGENT_MS = 1_000;
/** How long one blob may take. */
const BLOB_MS = 180_000;
const BLOB_BYTES_MAX = 16 << 20;

/** What `Core.takeOutgoing` holds. */
type Outgoing =
  | { kind: 'connect'; link: string; url: string }
  | { kind: 'hangup'; link: string }
  | { kind: 'send'; link: string; frames: Uint8Array<ArrayBuffer>[] }
  | { kind: 'put'; node: string; id: string; url: string; blob: Uint8Array<ArrayBuffer> }
  | { kind: 'get'; node: string; id: string; url: string }
  | FileOrder;

const OK = 0;
const NOT_FOUND = 1;
const REFUSED = 2;
const NO_ANSWER = 3;

function blobStatus(status: number): number {
  if (status >= 200 && status < 300) return OK;
  if (status === 404) return NOT_FOUND;
  return status === 408 || status === 429 || status >= 500 ? NO_ANSWER : REFUSED;
}

/** Fetches a blob with its status. */
export async function getBlob(url: string): Promise<{ status: number; bytes: Uint8Array<ArrayBuffer> }> {
  const none = new Uint8Array();
  try {
    const response = await fetch(url, {
      cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer', signal: AbortSignal.timeout(BLOB_MS),
    });
    const status = blobStatus(response.status);
    if (status !== OK) return { status, bytes: none };
    if (Number(response.headers.get('content-length') ?? 0) > BLOB_BYTES_MAX) return { status: REFUSED, bytes: none };
    const bytes = new Uint8Array(await response.arrayBuffer());
    return bytes.length > BLOB_BYTES_MAX ? { status: REFUSED, bytes: none } : { status: OK, bytes };
  } catch {
    return { status: NO_ANSWER, bytes: none };
  }
}

interface Link {
  url: string;
  socket: WebSocket | null;
  retry: Retry;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** What the network tells its owner. */
export interface NetworkEvents {
  /** Something waits in the core: run it soon. */
  wake(): void;
  /** A connection stands or is gone. */
  changed(): void;
  /** A connection to conversations stands: what was missed comes now. */
  connected(): void;
  /** Somebody waits for the network now. */
  isUrgent(): boolean;
  /** A file is to move, or not to. */
  file(order: FileOrder): void;
}

export class Network {
  readonly #links = new Map<string, Link>();
  readonly #core: Core;
  readonly #events: NetworkEvents;

  constructor(core: Core, events: NetworkEvents) {
    this.#core = core;
    this.#events = events;
  }

  perform(outgoing: Outgoing[]): void {
    for (const item of outgoing) {
      switch (item.kind) {
        case 'connect':
          this.#hangup(item.link);
          this.#links.set(item.link, { url: item.url, socket: null, retry: new Retry(), timer: undefined });
          this.#connect(item.link);
          break;
        case 'hangup':
          this.#hangup(item.link);
          break;
        case 'send':
          this.#send(item.link, item.frames);
          break;
        case 'put':
          void this.#put(item.node, item.id, item.url, item.blob);
          break;
        case 'get':
          void this.#get(item.node, item.id, item.url);
          break;
        default:
          this.#events.file(item);
      }
    }
  }

  /** Whether the connection to a node's doors stands. */
  isConnected(node: string): boolean {
    return this.#links.get(`1 ${node}`)?.socket?.readyState === WebSocket.OPEN;
  }

  /** The network is back: no more waiting. */
  online(): void {
    for (const [name, link] of this.#links) {
      if (link.timer !== undefined) {
        clearTimeout(link.timer);
        link.timer = undefined;
        link.retry.succeeded();
        this.#connect(name);
      }
    }
  }

  /** The network is gone: connections that do not know it yet are given up. */
  offline(): void {
    this.closeAll();
  }

  /** Closes every connection; each is made again after a while. */
  closeAll(): void {
    for (const link of this.#links.values()) link.socket?.close();
  }

  /** Wants nothing any more. */
  stop(): void {
    for (const name of [...this.#links.keys()]) this.#hangup(name);
  }

  #connect(name: string): void {
    const link = this.#links.get(name);
    if (!link) return;
    let socket: WebSocket;
    try {
      socket = new WebSocket(link.url);
    } catch {
      this.#again(name, link);
      return;
    }
    link.socket = socket;
    socket.binaryType = 'arraybuffer';
    const isCurrent = (): boolean => this.#links.get(name) === link && link.socket === socket;
    const patience = setTimeout(() => {
      if (socket.readyState === WebSocket.CONNECTING) socket.close();
    }, CONNECT_MS);
    let stood: ReturnType<typeof setTimeout> | undefined;
    socket.onopen = () => {
      if (!isCurrent()) return;
      stood = setTimeout(() => link.retry.succeeded(), STOOD_MS);
      this.#core.connected(name);
      if (name.startsWith('0 ')) this.#events.connected();
      this.#events.changed();
      this.#events.wake();
    };
    socket.onmessage = (event: MessageEvent<ArrayBuffer | string>) => {
      if (!isCurrent()) return;
      if (typeof event.data === 'string' || !this.#core.frame(name, new Uint8Array(event.data))) {
        // No node says such a thing.
        socket.close();
        return;
      }
      this.#events.wake();
    };
    socket.onclose = () => {
      clearTimeout(patience);
      clearTimeout(stood);
      if (!isCurrent()) return;
      link.socket = null;
      this.#core.disconnected(name);
      this.#events.changed();
      this.#events.wake();
      this.#again(name, link);
    };
  }

  #again(name: string, link: Link): void {
    link.timer = setTimeout(() => {
      link.timer = undefined;
      this.#connect(name);
    }, Math.min(link.retry.failed(), this.#events.isUrgent() ? URGENT_MS : Infinity));
  }

  #hangup(name: string): void {
    const link = this.#links.get(name);
    if (!link) return;
    this.#links.delete(name);
    clearTimeout(link.timer);
    link.socket?.close();
    link.retry.free();
    this.#events.changed();
  }

  #send(name: string, frames: Uint8Array<ArrayBuffer>[]): void {
    const socket = this.#links.get(name)?.socket;
    // What was meant for a connection that is gone dies with it: the device sends it again on the next.
    if (socket?.readyState === WebSocket.OPEN) for (const frame of frames) socket.send(frame);
  }

  async #put(node: string, id: string, url: string, blob: Uint8Array<ArrayBuffer>): Promise<void> {
    let status = NO_ANSWER;
    try {
      const response = await fetch(url, {
        method: 'PUT', body: blob, cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(BLOB_MS),
      });
      status = blobStatus(response.status);
    } catch {
      // No answer.
    }
    this.#core.blobPut(node, id, status);
    this.#events.wake();
  }

  async #get(node: string, id: string, url: string): Promise<void> {
    const { status, bytes } = await getBlob(url);
    this.#core.blobGot(node, id, status, bytes);
    this.#events.wake();
  }
}

export type { Outgoing };
