/** How this browser lets frames be sealed; a call without is none. */

import { ownScript } from '../platform/trusted';
import type { FromMedia, StreamKind, ToMedia } from './protocol';
import workerUrl from './worker.ts?worker&url';

interface Scripted { transform: unknown }
interface Streamed { createEncodedStreams(): { readable: ReadableStream; writable: WritableStream } }
type ScriptTransform = new (worker: Worker, options: object) => unknown;

const scriptTransform = (): ScriptTransform | null =>
  (globalThis as { RTCRtpScriptTransform?: ScriptTransform }).RTCRtpScriptTransform ?? null;
const hasStreams = (): boolean => typeof RTCRtpSender !== 'undefined' && 'createEncodedStreams' in RTCRtpSender.prototype;

/** Whether frames can be sealed at all. */
export const canSeal = (): boolean => scriptTransform() !== null || hasStreams();

/** What a connection needs where frames come as streams. */
export const connectionOptions = (): object => (scriptTransform() === null ? { encodedInsertableStreams: true } : {});

/** Lets everything that this sender or receiver moves go through a worker; `hand` gives it the streams where there is no other way. */
export function attachTo(worker: Worker, part: RTCRtpSender | RTCRtpReceiver, kind: object, hand: (readable: ReadableStream, writable: WritableStream) => void): void {
  const Transform = scriptTransform();
  if (Transform) {
    (part as unknown as Scripted).transform = new Transform(worker, kind);
    return;
  }
  const { readable, writable } = (part as unknown as Streamed).createEncodedStreams();
  hand(readable, writable);
}

export class Sealer {
  readonly #worker = new Worker(ownScript(workerUrl), { type: 'module', name: 'call' });

  constructor(call: string, onmessage: (message: FromMedia) => void) {
    this.#worker.onmessage = ({ data }: MessageEvent<FromMedia>) => onmessage(data);
    this.#say({ t: 'call', call });
  }

  /** Lets everything that this sender or receiver moves go through the worker. */
  attach(part: RTCRtpSender | RTCRtpReceiver, kind: StreamKind): void {
    attachTo(this.#worker, part, kind, (readable, writable) => this.#say({ t: 'streams', kind, readable, writable }, [readable, writable]));
  }

  stop(): void {
    this.#worker.terminate();
  }

  #say(message: ToMedia, moved: Transferable[] = []): void {
    this.#worker.postMessage(message, moved);
  }
}
