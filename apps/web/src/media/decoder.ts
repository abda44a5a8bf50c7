/** Calls of the media worker: one at a time, each with an end; a worker that died or hangs is replaced. */
import { EngineError } from '../platform/engine';
import { ownScript } from '../platform/trusted';
import workerUrl from './worker.ts?worker&url';
import { DECODE_MS, type Drawn, type MediaAnswer, type MediaRequest, type Measured, type Prepared } from './protocol';

type Ask = MediaRequest extends infer R ? (R extends { id: number } ? Omit<R, 'id'> : never) : never;

interface Job { ask: Ask; resolve: (value: never) => void; reject: (error: unknown) => void }

export class Decoder {
  #worker: Worker | null = null;
  #queue: Job[] = [];
  #current: { job: Job; id: number; timer: ReturnType<typeof setTimeout> } | null = null;
  #nextId = 1;

  prepare(data: Blob): Promise<Prepared> {
    return this.#ask({ act: 'prepare', data });
  }

  measure(data: Blob): Promise<Measured> {
    return this.#ask({ act: 'measure', data });
  }

  draw(data: Blob, side: number): Promise<Drawn> {
    return this.#ask({ act: 'draw', data, side });
  }

  blur(thumbhash: Uint8Array): Promise<Drawn> {
    return this.#ask({ act: 'blur', thumbhash });
  }

  #ask<R>(ask: Ask): Promise<R> {
    return new Promise<R>((resolve, reject) => {
      this.#queue.push({ ask, resolve: resolve as (value: never) => void, reject });
      this.#next();
    });
  }

  #next(): void {
    const job = this.#current ? undefined : this.#queue.shift();
    if (!job) return;
    const id = this.#nextId++;
    this.#current = { job, id, timer: setTimeout(() => this.#fail(), DECODE_MS) };
    this.#begin().postMessage({ ...job.ask, id });
  }

  #begin(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(ownScript(workerUrl), { type: 'module', name: 'media' });
    worker.onmessage = ({ data }: MessageEvent<MediaAnswer>) => this.#take(data);
    worker.onerror = () => this.#fail();
    this.#worker = worker;
    return worker;
  }

  #take(answer: MediaAnswer): void {
    const current = this.#current;
    if (!current || current.id !== answer.id) return;
    clearTimeout(current.timer);
    this.#current = null;
    if (answer.ok) current.job.resolve(answer.value as never);
    else current.job.reject(new EngineError(answer.code));
    this.#next();
  }

  /** The worker died or hangs: this picture is given up, the others go on in another worker. */
  #fail(): void {
    this.#worker?.terminate();
    this.#worker = null;
    const current = this.#current;
    if (!current) return;
    clearTimeout(current.timer);
    this.#current = null;
    current.job.reject(new EngineError('bad-picture'));
    this.#next();
  }
}

export const decoder = new Decoder();
