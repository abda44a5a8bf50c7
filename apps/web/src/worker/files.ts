/**
 * Moves files: seals what the page gives into a copy of the origin's own, sends copies to the node, fetches and checks
 * what others sent, reads slices for players. What moves when is the engine's decision; keys never leave the core.
 */

import type { OutgoingFile } from '../platform/engine';
import type { Copies, Writer } from './copies';
import type { Direct, DirectOrder, Source } from './direct';
import { type Core, FileMovie, type FileOpening, FileSealing, fileWork } from './pkg/sottovoce';
import { Refusal, refusalOf } from './refusal';

/** What `Core.takeOutgoing` says of files. */
export type FileOrder =
  | { kind: 'upload'; id: number; file: string; node: string; url: string; owner: string; ownerHash: string; sealed: number; total: number }
  | { kind: 'fetch'; id: number; file: string; url: string; mayDirect: boolean }
  | DirectOrder
  | { kind: 'stop-file'; id: number }
  | { kind: 'discard'; order: number; id: number; file: string; url: string; owner: string | null; keepsCopy: boolean };

export interface FileEvents {
  /** Something was told to the core: carry out what follows from it. */
  settle(): void;
  /** The database refused: begin everything anew. */
  failed(error: unknown): void;
}

/** Where a file lies and how long its parts are (`Face::file_where`). */
export interface Where { id: number; file: string; node: string | null; sealed: number; total: number; groups: number }

interface Terms { challenge: string; work_bits: number; bytes_max: number; ttl_s_max: number }

interface Open { opening: FileOpening; url: string; last: { group: number; bytes: Uint8Array } | null }

const GROUP_BYTES = 256 << 10;
/** What one request appends: as much is sent again at most after an interruption. */
const PIECE_BYTES = 4 << 20;
/** How long one piece may take. */
const PIECE_MS = 120_000;
/** Without a byte for so long a download is given up. */
const STALL_MS = 60_000;
const FLUSH_BYTES = 16 << 20;
const REPORT_MS = 250;
const TTL_S = 45 * 86_400;
const TRIES = 1 << 14;
/** Files that players and pictures read at the same time. */
const OPEN_MAX = 24;

const OPTIONS = { cache: 'no-store', credentials: 'omit', referrerPolicy: 'no-referrer' } as const;

/** A code of `Problem` for an answer of the node. */
function problemOf(status: number): string {
  if (status === 404) return 'file-gone';
  if (status === 413) return 'file-too-large';
  if (status === 507) return 'file-node-full';
  if (status === 429 || status === 503) return 'file-busy';
  return status >= 500 || status === 408 ? 'file-network' : 'file-refused';
}

function codeOf(error: unknown): string {
  const refusal = error instanceof Refusal ? error.code : refusalOf(error)?.code;
  if (refusal) return refusal;
  return error instanceof DOMException && error.name === 'QuotaExceededError' ? 'storage-full' : 'file-network';
}

function movieOf(data: Blob): FileMovie {
  const reader = new FileReaderSync();
  return new FileMovie(data.size, (at: number, length: number) => new Uint8Array(reader.readAsArrayBuffer(data.slice(at, at + length))));
}

/** What a camera wrote into a movie. */
export function lookAtMovie(data: Blob): { hasMetadata: boolean; hasPlace: boolean } {
  const movie = movieOf(data);
  const { hasMetadata, hasPlace } = movie;
  movie.free();
  return { hasMetadata, hasPlace };
}

export class Files {
  fileBytesMax: number | null = null;
  /** Connections to other devices, where this browser has them. */
  direct: Direct | null = null;
  readonly #core: Core;
  readonly #copies: Copies;
  readonly #events: FileEvents;
  readonly #running = new Map<number, AbortController>();
  readonly #open = new Map<number, Open>();
  /** Copies that are being written, for whoever reads along. */
  readonly #writers = new Map<number, { writer: Writer; groups: number }>();

  constructor(core: Core, copies: Copies, events: FileEvents) {
    this.#core = core;
    this.#copies = copies;
    this.#events = events;
  }

  /** Lets files move, and removes copies that nobody knows. */
  async start(): Promise<void> {
    const known = new Set(this.#core.beginFiles(Date.now()));
    this.#events.settle();
    await this.#copies.sweep(known);
  }

  stop(): void {
    for (const id of [...this.#running.keys()]) this.#abort(id);
    for (const { opening } of this.#open.values()) opening.free();
    this.#open.clear();
  }

  perform(order: FileOrder): void {
    switch (order.kind) {
      case 'upload': return this.#run(order.id, (signal) => this.#upload(order, signal));
      case 'fetch': return this.#run(order.id, (signal) => this.#fetch(order, signal));
      case 'stop-file': return this.#abort(order.id);
      case 'discard': return void this.#discard(order);
      case 'give':
      case 'connect-direct': return this.direct?.perform(order);
    }
  }

  /** Seals a file of the page into a copy; what the core is to know of it. */
  async seal({ data, isCovered, ...rest }: OutgoingFile): Promise<Record<string, unknown>> {
    const estimate = await navigator.storage?.estimate?.();
    if (estimate?.quota && data.size > estimate.quota - (estimate.usage ?? 0)) throw new Refusal('storage-full');
    const sealing = new FileSealing(data.size);
    if (isCovered) sealing.cover(movieOf(data));
    const file = sealing.file();
    const writer = await this.#copies.write(file);
    try {
      const slices = new Slices(data);
      let at = 0;
      for (let group = 0; group < sealing.groups(); group += 1) {
        const bytes = new Uint8Array(sealing.groupBytes(group));
        await slices.fill(bytes.subarray(0, sealing.chunkBytes(group)));
        sealing.sealNext(bytes);
        writer.write(at, bytes);
        at += bytes.length;
      }
      writer.write(at, sealing.leaves());
      writer.flush();
      writer.close();
      this.#core.keepSealed(sealing);
    } catch (error) {
      writer.close();
      await this.#copies.remove(file).catch(() => undefined);
      throw error instanceof DOMException && error.name === 'NotReadableError' ? new Refusal('file-unreadable') : error instanceof DOMException ? new Refusal('storage-full') : error;
    }
    return { ...rest, file, size: data.size };
  }

  /** Copies that nothing came of. */
  async unseal(files: readonly string[]): Promise<void> {
    for (const file of files) {
      this.#core.dropSealed(file);
      await this.#copies.remove(file).catch(() => undefined);
    }
  }

  async drop(files: readonly string[]): Promise<void> {
    for (const file of files) await this.#copies.remove(file);
  }

  /** At most `length` bytes of a file, from `offset` on; what is not here is fetched, checked and not kept. */
  async read(where: Where, node: string, offset: number, length: number): Promise<Uint8Array> {
    const open = await this.#opened(where, node);
    const { opening } = open;
    if (offset >= opening.size()) return new Uint8Array();
    const group = opening.groupOf(offset);
    if (open.last?.group !== group) {
      const sealed = await this.#group(where, open, group);
      open.last = { group, bytes: opening.open(group, sealed) };
    }
    const from = offset - opening.chunkStart(group);
    // A copy: what crosses to the page is given away.
    return open.last.bytes.slice(from, from + length);
  }

  async #opened(where: Where, node: string): Promise<Open> {
    const known = this.#open.get(where.id);
    if (known) {
      this.#open.delete(where.id);
      this.#open.set(where.id, known);
      return known;
    }
    const url = `${(where.node ?? node).replace(/\/$/, '')}/v1/file/${where.file}`;
    const opening = this.#core.opening(where.id, await this.#leaves(where, url));
    const open: Open = { opening, url, last: null };
    this.#open.set(where.id, open);
    for (const [id, oldest] of this.#open) {
      if (this.#open.size <= OPEN_MAX) break;
      this.#open.delete(id);
      oldest.opening.free();
    }
    return open;
  }

  /** None for a file of one group that is not here: it is checked against its message alone. */
  async #leaves(where: Where, url: string): Promise<Uint8Array | undefined> {
    const copy = await this.#copies.read(where.file);
    if (copy && copy.size === where.total) return new Uint8Array(await copy.slice(where.sealed).arrayBuffer());
    return where.groups > 1 ? getRange(url, where.sealed, where.total) : undefined;
  }

  async #group(where: Where, { opening, url }: Open, group: number): Promise<Uint8Array> {
    const [start, length] = [opening.groupStart(group), opening.groupBytes(group)];
    const writing = this.#writers.get(where.id);
    if (writing && group < writing.groups) return writing.writer.read(start, length);
    const copy = await this.#copies.read(where.file);
    if (copy && copy.size === where.total) {
      const bytes = new Uint8Array(await copy.slice(start, start + length).arrayBuffer());
      // A disk that forgets: the node still knows.
      if (opening.check(group, bytes)) return bytes;
    }
    return getRange(url, start, start + length);
  }

  #run(id: number, work: (signal: AbortSignal) => Promise<void>): void {
    this.#abort(id);
    const controller = new AbortController();
    this.#running.set(id, controller);
    void work(controller.signal).catch((error: unknown) => {
      if (controller.signal.aborted) return;
      this.#tell(() => this.#core.fileStopped(Date.now(), id, codeOf(error)));
    }).finally(() => {
      if (this.#running.get(id) === controller) this.#running.delete(id);
    });
  }

  #abort(id: number): void {
    this.#running.get(id)?.abort();
    this.#running.delete(id);
  }

  #tell(report: () => void): void {
    try {
      report();
    } catch (error) {
      this.#events.failed(error);
    }
    this.#events.settle();
  }

  #reporter(id: number, total: number, tell = (done: number): void => this.#core.fileMoved(Date.now(), id, done, total)): (done: number) => void {
    let told = 0;
    return (done) => {
      const now = performance.now();
      if (now - told < REPORT_MS && done < total) return;
      told = now;
      this.#tell(() => tell(done));
    };
  }

  async #upload(order: Extract<FileOrder, { kind: 'upload' }>, signal: AbortSignal): Promise<void> {
    const copy = await this.#copies.read(order.file);
    if (copy?.size !== order.total) throw new Refusal('file-unreadable');
    const authorization = `Bearer ${order.owner}`;
    const report = this.#reporter(order.id, order.total);
    let offset = await this.#begin(order, authorization, signal);
    while (offset < order.total) {
      const end = Math.min(offset + PIECE_BYTES, order.total);
      const response = await fetch(order.url, {
        ...OPTIONS, method: 'PATCH', body: copy.slice(offset, end), signal: AbortSignal.any([signal, AbortSignal.timeout(PIECE_MS)]),
        headers: {
          authorization, 'content-type': 'application/partial-upload', 'upload-offset': String(offset), 'upload-complete': end === order.total ? '?1' : '?0',
        },
      });
      const known = Number(response.headers.get('upload-offset'));
      if (!response.ok && response.status !== 409) throw new Refusal(problemOf(response.status));
      if (!Number.isSafeInteger(known) || known > order.total || (response.ok && known <= offset)) throw new Refusal('file-refused');
      offset = known;
      report(offset);
    }
    const leaves = new Uint8Array(await copy.slice(order.sealed).arrayBuffer());
    if (!signal.aborted) this.#tell(() => this.#core.fileUploaded(Date.now(), order.id, leaves));
  }

  /** Where the node is with it; makes the upload where it knows nothing. */
  async #begin(order: Extract<FileOrder, { kind: 'upload' }>, authorization: string, signal: AbortSignal): Promise<number> {
    const soon = AbortSignal.any([signal, AbortSignal.timeout(PIECE_MS)]);
    const head = await fetch(order.url, { ...OPTIONS, method: 'HEAD', headers: { authorization }, signal: soon });
    if (head.ok) return Number(head.headers.get('upload-offset'));
    if (head.status !== 404) throw new Refusal(problemOf(head.status));
    const terms = await this.terms(order.node);
    if (order.total > terms.bytes_max) throw new Refusal('file-too-large');
    const response = await fetch(order.url, {
      ...OPTIONS, method: 'POST', signal: AbortSignal.any([signal, AbortSignal.timeout(PIECE_MS)]),
      headers: {
        'upload-length': String(order.total), 'upload-complete': '?0', 'file-owner': order.ownerHash, 'file-ttl': String(Math.min(TTL_S, terms.ttl_s_max)),
        'file-work': await this.#work(terms, order.file, order.total, signal),
      },
    });
    if (!response.ok) throw new Refusal(problemOf(response.status));
    return Number(response.headers.get('upload-offset') ?? 0);
  }

  /** What a node takes, and what it asks for. */
  async terms(node: string): Promise<Terms> {
    const response = await fetch(`${node.replace(/\/$/, '')}/v1/file-terms`, { ...OPTIONS, signal: AbortSignal.timeout(PIECE_MS) });
    if (!response.ok) throw new Refusal(problemOf(response.status));
    return (await response.json()) as Terms;
  }

  /** Searches in small steps: messages go on meanwhile. */
  async #work(terms: Terms, file: string, length: number, signal: AbortSignal): Promise<string> {
    for (let start = 0; !signal.aborted; start += TRIES) {
      const found = fileWork(terms.challenge, file, length, terms.work_bits, start, TRIES);
      if (found) return found;
      await new Promise((resolve) => setTimeout(resolve));
    }
    throw new Refusal('file-network');
  }

  async #fetch(order: Extract<FileOrder, { kind: 'fetch' }>, signal: AbortSignal): Promise<void> {
    const source = order.mayDirect ? this.direct?.ask(order.id) ?? null : null;
    signal.addEventListener('abort', () => source?.close(), { once: true });
    try {
      await this.#fetchFrom(order, source, signal);
    } finally {
      source?.close();
    }
  }

  async #fetchFrom(order: Extract<FileOrder, { kind: 'fetch' }>, source: Source | null, signal: AbortSignal): Promise<void> {
    const where = JSON.parse(this.#core.fileWhere(order.id)) as Where;
    const leaves = await this.#leavesFor(order, where, source, signal);
    const opening = this.#core.opening(order.id, where.groups > 1 ? leaves : undefined);
    const writer = await this.#copies.write(order.file);
    const writing = { writer, groups: 0 };
    try {
      if (signal.aborted) return;
      writing.groups = keptGroups(opening, writer);
      writer.truncate(opening.groupStart(writing.groups));
      this.#writers.set(order.id, writing);
      while (writing.groups < where.groups && !signal.aborted) await this.#receiveSome(order, where, opening, writing, source, signal);
      if (signal.aborted) return;
      writer.write(where.sealed, leaves);
      writer.flush();
    } finally {
      if (this.#writers.get(order.id) === writing) this.#writers.delete(order.id);
      writer.close();
      opening.free();
    }
    this.#tell(() => this.#core.fileFetched(Date.now(), order.id));
  }

  /** From the node, or from the other device where the node does not have them. */
  async #leavesFor(order: Extract<FileOrder, { kind: 'fetch' }>, where: Where, source: Source | null, signal: AbortSignal): Promise<Uint8Array> {
    try {
      return await getRange(order.url, where.sealed, where.total, signal);
    } catch (error) {
      if (!source || signal.aborted || !(await source.opened)) throw error;
      // Of a file of one group they are the root.
      const leaves = await source.leaves().catch(() => null);
      if (!leaves) throw error;
      return leaves;
    }
  }

  /** From the other device once its channel stands, until then and after it from the node. */
  async #receiveSome(
    order: Extract<FileOrder, { kind: 'fetch' }>, where: Where, opening: FileOpening, writing: { writer: Writer; groups: number }, source: Source | null, signal: AbortSignal,
  ): Promise<void> {
    if (source?.isOpen) {
      try {
        await this.#receiveDirectly(order, where, opening, writing, source, signal);
      } catch (error) {
        source.close();
        if (error instanceof DOMException) throw error;
      }
      return;
    }
    const turn = new AbortController();
    let isNode = true;
    void source?.opened.then((isOpen) => {
      if (isOpen && isNode) turn.abort();
    });
    try {
      await this.#receive(order, where, opening, writing, AbortSignal.any([signal, turn.signal]));
    } catch (error) {
      if (signal.aborted || (turn.signal.aborted && source?.isOpen)) return;
      if (!source || turn.signal.aborted || !(await source.opened)) throw error;
    } finally {
      isNode = false;
    }
  }

  async #receiveDirectly(
    order: Extract<FileOrder, { kind: 'fetch' }>, where: Where, opening: FileOpening, writing: { writer: Writer; groups: number }, source: Source, signal: AbortSignal,
  ): Promise<void> {
    const report = this.#reporter(order.id, where.total, (done) => this.#core.fileMovedDirectly(Date.now(), order.id, done, where.total));
    let unflushed = 0;
    await source.groups(writing.groups, where.groups, signal, (group) => {
      const at = opening.groupStart(writing.groups);
      writing.writer.write(at, group);
      writing.groups += 1;
      unflushed += group.length;
      if (unflushed >= FLUSH_BYTES) {
        writing.writer.flush();
        unflushed = 0;
      }
      report(at + group.length);
    });
  }

  /** The rest of a file in one stream, each group checked before it is kept. */
  async #receive(
    order: Extract<FileOrder, { kind: 'fetch' }>, where: Where, opening: FileOpening, writing: { writer: Writer; groups: number }, signal: AbortSignal,
  ): Promise<void> {
    const report = this.#reporter(order.id, where.total);
    let at = opening.groupStart(writing.groups);
    const patience = new Patience(signal);
    const response = await fetch(order.url, { ...OPTIONS, headers: { range: `bytes=${at}-${where.sealed - 1}` }, signal: patience.signal });
    if (response.status !== 206 || !response.body) throw new Refusal(problemOf(response.ok ? 502 : response.status));
    const group = new Uint8Array(GROUP_BYTES);
    let filled = 0;
    let unflushed = 0;
    const reader = response.body.getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      patience.renew();
      for (let from = 0; from < part.value.length; ) {
        const wanted = opening.groupBytes(writing.groups);
        const taken = part.value.subarray(from, from + wanted - filled);
        group.set(taken, filled);
        from += taken.length;
        filled += taken.length;
        if (filled < wanted) continue;
        const whole = group.subarray(0, wanted);
        if (!opening.check(writing.groups, whole)) throw new Refusal('file-damaged');
        writing.writer.write(at, whole);
        at += wanted;
        filled = 0;
        writing.groups += 1;
        unflushed += wanted;
        if (writing.groups === where.groups && from < part.value.length) throw new Refusal('file-damaged');
      }
      if (unflushed >= FLUSH_BYTES) {
        writing.writer.flush();
        unflushed = 0;
      }
      report(at);
    }
    patience.end();
    if (writing.groups < where.groups) throw new Refusal('file-network');
  }

  /** First the copy here, then the blob at the node. */
  async #discard(order: Extract<FileOrder, { kind: 'discard' }>): Promise<void> {
    this.#abort(order.id);
    this.#open.get(order.id)?.opening.free();
    this.#open.delete(order.id);
    let isDone = true;
    try {
      if (!order.keepsCopy) await this.#copies.remove(order.file);
      if (order.owner !== null) {
        const response = await fetch(order.url, {
          ...OPTIONS, method: 'DELETE', headers: { authorization: `Bearer ${order.owner}` }, signal: AbortSignal.timeout(PIECE_MS),
        });
        // What a node refuses for good is not asked again; the blob expires.
        isDone = !['file-network', 'file-busy'].includes(response.ok ? '' : problemOf(response.status));
      }
    } catch {
      isDone = false;
    }
    this.#tell(() => this.#core.fileDiscarded(Date.now(), order.order, isDone));
  }
}

/** Groups from the first on that an earlier run left whole. */
function keptGroups(opening: FileOpening, writer: Writer): number {
  let group = 0;
  const size = writer.size();
  for (; group < opening.groups(); group += 1) {
    const [start, length] = [opening.groupStart(group), opening.groupBytes(group)];
    if (start + length > size || !opening.check(group, writer.read(start, length))) break;
  }
  return group;
}

/** Ends a request that gives nothing for too long. */
class Patience {
  readonly signal: AbortSignal;
  readonly #controller = new AbortController();
  #timer: ReturnType<typeof setTimeout>;

  constructor(signal: AbortSignal) {
    this.signal = AbortSignal.any([signal, this.#controller.signal]);
    this.#timer = this.#wait();
  }

  renew(): void {
    clearTimeout(this.#timer);
    this.#timer = this.#wait();
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #wait(): ReturnType<typeof setTimeout> {
    return setTimeout(() => this.#controller.abort(), STALL_MS);
  }
}

/** The bytes of a blob from `from` to before `to`, all of them. */
async function getRange(url: string, from: number, to: number, signal?: AbortSignal): Promise<Uint8Array> {
  const soon = AbortSignal.timeout(PIECE_MS);
  const response = await fetch(url, { ...OPTIONS, headers: { range: `bytes=${from}-${to - 1}` }, signal: signal ? AbortSignal.any([signal, soon]) : soon });
  if (response.status !== 206) throw new Refusal(problemOf(response.ok ? 502 : response.status));
  const bytes = new Uint8Array(await response.arrayBuffer());
  if (bytes.length !== to - from) throw new Refusal('file-network');
  return bytes;
}

/** Reads a file of the page from its beginning, in pieces that are larger than what is asked for. */
class Slices {
  readonly #data: Blob;
  #at = 0;
  #piece = new Uint8Array();
  #used = 0;

  constructor(data: Blob) {
    this.#data = data;
  }

  async fill(target: Uint8Array): Promise<void> {
    for (let filled = 0; filled < target.length; ) {
      if (this.#used === this.#piece.length) {
        this.#piece = new Uint8Array(await this.#data.slice(this.#at, this.#at + PIECE_BYTES).arrayBuffer());
        this.#at += this.#piece.length;
        this.#used = 0;
        if (this.#piece.length === 0) throw new Refusal('file-unreadable');
      }
      const taken = this.#piece.subarray(this.#used, this.#used + target.length - filled);
      target.set(taken, filled);
      filled += taken.length;
      this.#used += taken.length;
    }
  }
}
