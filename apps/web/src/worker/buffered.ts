/**
 * Handles on files of the origin's private file system that keep what is written until it is to be durable.
 *
 * SQLite writes its log in pieces, one for each page and one for the head of each. A browser takes every piece with a
 * call of its own, which in a private window goes to another process and back. Pieces that continue each other are
 * joined here and handed over when the log is flushed: until then they were as good as unwritten anyway.
 */

/** Bytes joined at most. */
const BUFFER_BYTES_MAX = 1 << 20;
const BUFFER_BYTES_MIN = 64 << 10;

interface At { at?: number }

/** What the database's pool uses of a `FileSystemSyncAccessHandle`. */
export interface Handle {
  read(into: Uint8Array<ArrayBuffer>, options?: At): number;
  write(bytes: Uint8Array<ArrayBuffer>, options?: At): number;
  truncate(size: number): void;
  getSize(): number;
  flush(): void;
  close(): void;
}

export class BufferedHandle implements Handle {
  readonly #handle: Handle;
  /** The handle is the only one on its file, so that nobody else changes its length. */
  #size: number;
  #buffer = new Uint8Array(0);
  /** Where what waits in the buffer belongs, and how much it is. */
  #from = 0;
  #length = 0;

  constructor(handle: Handle) {
    this.#handle = handle;
    this.#size = handle.getSize();
  }

  read(into: Uint8Array<ArrayBuffer>, { at = 0 }: At = {}): number {
    if (at < this.#from + this.#length && at + into.length > this.#from) this.#handOver();
    return this.#handle.read(into, { at });
  }

  write(bytes: Uint8Array<ArrayBuffer>, { at = 0 }: At = {}): number {
    const end = this.#from + this.#length;
    const isWithin = at >= this.#from && at + bytes.length <= end;
    if (!isWithin && (at !== end || this.#length + bytes.length > BUFFER_BYTES_MAX)) {
      this.#handOver();
      this.#from = at;
    }
    const place = at - this.#from;
    this.#grow(place + bytes.length);
    this.#buffer.set(bytes, place);
    this.#length = Math.max(this.#length, place + bytes.length);
    this.#size = Math.max(this.#size, at + bytes.length);
    return bytes.length;
  }

  truncate(size: number): void {
    this.#handOver();
    this.#handle.truncate(size);
    this.#size = size;
  }

  getSize(): number {
    return this.#size;
  }

  flush(): void {
    this.#handOver();
    this.#handle.flush();
  }

  close(): void {
    try {
      this.#handOver();
    } finally {
      this.#handle.close();
    }
  }

  #grow(length: number): void {
    if (length <= this.#buffer.length) return;
    const next = new Uint8Array(Math.max(BUFFER_BYTES_MIN, length, this.#buffer.length * 2));
    next.set(this.#buffer.subarray(0, this.#length));
    this.#buffer = next;
  }

  /** Writes what waits. A disk that has no room takes less than it is given: what was to be written is dropped then. */
  #handOver(): void {
    if (this.#length === 0) return;
    const bytes = this.#buffer.subarray(0, this.#length);
    const at = this.#from;
    this.#length = 0;
    let written = 0;
    try {
      written = this.#handle.write(bytes, { at });
    } finally {
      if (written !== bytes.length) this.#size = this.#handle.getSize();
    }
    if (written !== bytes.length) throw new DOMException('no room', 'QuotaExceededError');
  }
}

/** Every handle that `work` opens is a buffered one. */
export async function withBufferedHandles<T>(work: () => Promise<T>): Promise<T> {
  const { prototype } = FileSystemFileHandle as unknown as { prototype: { createSyncAccessHandle(): Promise<Handle> } };
  // eslint-disable-next-line @typescript-eslint/unbound-method -- it is called on what it was called on
  const open = prototype.createSyncAccessHandle;
  prototype.createSyncAccessHandle = async function buffered(this: unknown): Promise<Handle> {
    return new BufferedHandle(await open.call(this));
  };
  try {
    return await work();
  } finally {
    prototype.createSyncAccessHandle = open;
  }
}
