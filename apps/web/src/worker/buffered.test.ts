import { beforeEach, describe, expect, it } from 'vitest';
import { BufferedHandle, type Handle } from './buffered';

/** A file in memory that counts what it is asked. */
class Memory implements Handle {
  bytes = new Uint8Array(0);
  writes: { at: number; length: number }[] = [];
  flushes = 0;
  isClosed = false;
  room = Infinity;

  read(into: Uint8Array<ArrayBuffer>, { at = 0 } = {}): number {
    const found = this.bytes.subarray(at, at + into.length);
    into.set(found);
    return found.length;
  }

  write(bytes: Uint8Array<ArrayBuffer>, { at = 0 } = {}): number {
    this.writes.push({ at, length: bytes.length });
    const taken = bytes.subarray(0, Math.max(0, Math.min(bytes.length, this.room - at)));
    this.truncate(Math.max(this.bytes.length, at + taken.length));
    this.bytes.set(taken, at);
    return taken.length;
  }

  truncate(size: number): void {
    const next = new Uint8Array(size);
    next.set(this.bytes.subarray(0, size));
    this.bytes = next;
  }

  getSize(): number { return this.bytes.length; }
  flush(): void { this.flushes += 1; }
  close(): void { this.isClosed = true; }
}

const piece = (length: number, value: number): Uint8Array<ArrayBuffer> => new Uint8Array(length).fill(value);

let memory: Memory;
let handle: BufferedHandle;

function read(at: number, length: number): number[] {
  const into = new Uint8Array(length);
  return [...into.subarray(0, handle.read(into, { at }))];
}

beforeEach(() => {
  memory = new Memory();
  memory.bytes = piece(10, 9);
  handle = new BufferedHandle(memory);
});

describe('what is written', () => {
  it('reaches the file at the flush, in one piece where it continues itself', () => {
    handle.write(piece(2, 1), { at: 10 });
    handle.write(piece(3, 2), { at: 12 });
    expect(memory.writes).toEqual([]);
    handle.flush();
    expect(memory.writes).toEqual([{ at: 10, length: 5 }]);
    expect(memory.flushes).toBe(1);
    expect([...memory.bytes.subarray(10)]).toEqual([1, 1, 2, 2, 2]);
  });

  it('is copied: the memory that it came from is used again', () => {
    const bytes = piece(2, 1);
    handle.write(bytes, { at: 0 });
    bytes.fill(7);
    handle.flush();
    expect([...memory.bytes.subarray(0, 2)]).toEqual([1, 1]);
  });

  it('is read back, sized and overwritten before it is in the file', () => {
    handle.write(piece(4, 1), { at: 10 });
    expect(handle.getSize()).toBe(14);
    handle.write(piece(1, 5), { at: 11 });
    expect(memory.writes).toEqual([]);
    expect(read(9, 5)).toEqual([9, 1, 5, 1, 1]);
    expect(read(0, 2)).toEqual([9, 9]);
  });

  it('keeps its order where it does not continue itself', () => {
    handle.write(piece(4, 1), { at: 0 });
    handle.write(piece(4, 2), { at: 2 });
    handle.write(piece(1, 3), { at: 20 });
    handle.flush();
    expect([...memory.bytes.subarray(0, 7)]).toEqual([1, 1, 2, 2, 2, 2, 9]);
    expect(memory.bytes[20]).toBe(3);
    expect(memory.writes).toHaveLength(3);
  });

  it('is not held without a limit', () => {
    for (let at = 0; at < 40; at += 1) handle.write(piece(64 << 10, at), { at: at * (64 << 10) });
    expect(memory.writes).toEqual([{ at: 0, length: 1 << 20 }, { at: 1 << 20, length: 1 << 20 }]);
    handle.write(piece(3 << 20, 1), { at: 0 });
    handle.flush();
    expect(memory.bytes.every((byte, at) => byte === (at < 3 << 20 ? 1 : 0))).toBe(true);
  });

  it('is cut with the file, and written before the file is closed', () => {
    handle.write(piece(4, 1), { at: 10 });
    handle.truncate(12);
    expect([handle.getSize(), memory.bytes.length]).toEqual([12, 12]);
    handle.write(piece(1, 2), { at: 12 });
    handle.close();
    expect(memory.bytes[12]).toBe(2);
    expect(memory.isClosed).toBe(true);
  });
});

describe('a full disk', () => {
  it('is told of at the flush, and what it did not take is forgotten', () => {
    memory.room = 12;
    handle.write(piece(8, 1), { at: 10 });
    expect(() => handle.flush()).toThrow(expect.objectContaining({ name: 'QuotaExceededError' }));
    expect(handle.getSize()).toBe(12);
    memory.room = Infinity;
    handle.flush();
    expect(memory.writes).toHaveLength(1);
    handle.write(piece(1, 2), { at: 10 });
    handle.flush();
    expect([...memory.bytes.subarray(10)]).toEqual([2, 1]);
  });
});
