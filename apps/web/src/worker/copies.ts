/** Sealed copies of files, one for each, in a folder of the origin's private file system; or in memory for one visit. */

/** One copy that is being written, from its beginning to its end. */
export interface Writer {
  /** Bytes that are there from an earlier run. */
  size(): number;
  read(at: number, length: number): Uint8Array<ArrayBuffer>;
  write(at: number, bytes: Uint8Array): void;
  /** Cuts what lies behind. */
  truncate(size: number): void;
  flush(): void;
  close(): void;
}

export interface Copies {
  write(name: string): Promise<Writer>;
  /** A complete copy, read lazily; null where there is none. */
  read(name: string): Promise<Blob | null>;
  remove(name: string): Promise<void>;
  /** Removes everything that nobody knows. */
  sweep(known: ReadonlySet<string>): Promise<void>;
}

const FOLDER = 'files';

class Folder implements Copies {
  readonly #folder: FileSystemDirectoryHandle;

  constructor(folder: FileSystemDirectoryHandle) {
    this.#folder = folder;
  }

  async write(name: string): Promise<Writer> {
    const handle = await (await this.#folder.getFileHandle(name, { create: true })).createSyncAccessHandle();
    return {
      size: () => handle.getSize(),
      read: (at, length) => {
        const bytes = new Uint8Array(length);
        return bytes.subarray(0, handle.read(bytes, { at }));
      },
      write: (at, bytes) => {
        // A full disk writes less than it was given.
        if (handle.write(bytes, { at }) !== bytes.length) throw new DOMException('no room', 'QuotaExceededError');
      },
      truncate: (size) => handle.truncate(size),
      flush: () => handle.flush(),
      close: () => handle.close(),
    };
  }

  async read(name: string): Promise<Blob | null> {
    try {
      return await (await this.#folder.getFileHandle(name)).getFile();
    } catch {
      return null;
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await this.#folder.removeEntry(name);
    } catch (error) {
      if (!(error instanceof DOMException && error.name === 'NotFoundError')) throw error;
    }
  }

  async sweep(known: ReadonlySet<string>): Promise<void> {
    // The types know no listing yet.
    const names = (this.#folder as unknown as { keys(): AsyncIterable<string> }).keys();
    for await (const name of names) {
      if (!known.has(name)) await this.remove(name).catch(() => undefined);
    }
  }
}

/** For a visit without storage: gone with the tab, as everything of it is. */
class Memory implements Copies {
  readonly #copies = new Map<string, Uint8Array<ArrayBuffer>>();

  async write(name: string): Promise<Writer> {
    let bytes = this.#copies.get(name) ?? new Uint8Array();
    const keep = (next: Uint8Array<ArrayBuffer>): void => {
      bytes = next;
      this.#copies.set(name, next);
    };
    keep(bytes);
    let length = bytes.length;
    return {
      size: () => length,
      read: (at, count) => bytes.slice(at, Math.min(at + count, length)),
      write: (at, more) => {
        const end = at + more.length;
        if (end > bytes.length) {
          const larger = new Uint8Array(Math.max(end, bytes.length * 2));
          larger.set(bytes);
          keep(larger);
        }
        bytes.set(more, at);
        length = Math.max(length, end);
      },
      truncate: (size) => { length = Math.min(length, size); },
      flush: () => undefined,
      close: () => keep(bytes.slice(0, length)),
    };
  }

  async read(name: string): Promise<Blob | null> {
    const bytes = this.#copies.get(name);
    return bytes ? new Blob([bytes]) : null;
  }

  async remove(name: string): Promise<void> {
    this.#copies.delete(name);
  }

  async sweep(): Promise<void> {
    this.#copies.clear();
  }
}

/** The copies of this origin, or of this visit alone. */
export async function openCopies(isVolatile: boolean): Promise<Copies> {
  if (isVolatile) return new Memory();
  const root = await navigator.storage.getDirectory();
  return new Folder(await root.getDirectoryHandle(FOLDER, { create: true }));
}

export async function eraseCopies(): Promise<void> {
  const root = await navigator.storage.getDirectory();
  await root.removeEntry(FOLDER, { recursive: true }).catch(() => undefined);
}
