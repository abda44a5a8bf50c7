/**
 * SHA-256 (FIPS 180-4), synchronous and for short public texts only: faces are drawn from it before the first frame,
 * which WebCrypto's promise would miss. Nothing secret passes here.
 */

const ROUND_WORDS = roots(64, 3);
const START_WORDS = roots(8, 2);
const BLOCK_BYTES = 64;

/** The 32 bytes of SHA-256 over the UTF-8 form of `text`. */
export function sha256(text: string): Uint8Array {
  const state = Uint32Array.from(START_WORDS);
  const message = padded(new TextEncoder().encode(text));
  const view = new DataView(message.buffer);
  const schedule = new Uint32Array(64);
  for (let at = 0; at < message.length; at += BLOCK_BYTES) absorb(state, schedule, view, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, index) => digest.setUint32(index * 4, word));
  return new Uint8Array(digest.buffer);
}

function padded(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const blocks = Math.ceil((bytes.length + 9) / BLOCK_BYTES);
  const message = new Uint8Array(blocks * BLOCK_BYTES);
  message.set(bytes);
  message[bytes.length] = 0x80;
  new DataView(message.buffer).setUint32(message.length - 4, bytes.length * 8);
  return message;
}

function absorb(state: Uint32Array, schedule: Uint32Array, view: DataView, at: number): void {
  for (let i = 0; i < 16; i += 1) schedule[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i += 1) {
    const a = schedule[i - 15]!;
    const b = schedule[i - 2]!;
    const s0 = turn(a, 7) ^ turn(a, 18) ^ (a >>> 3);
    const s1 = turn(b, 17) ^ turn(b, 19) ^ (b >>> 10);
    schedule[i] = schedule[i - 16]! + s0 + schedule[i - 7]! + s1;
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i += 1) {
    const t1 = (h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUND_WORDS[i]! + schedule[i]!) | 0;
    const t2 = ((turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0;
    [h, g, f, e, d, c, b, a] = [g, f, e, (d + t1) | 0, c, b, a, (t1 + t2) | 0];
  }
  [a, b, c, d, e, f, g, h].forEach((word, index) => { state[index] = state[index]! + word; });
}

function turn(word: number, bits: number): number {
  return (word >>> bits) | (word << (32 - bits));
}

/** First 32 fractional bits of the `degree`-th roots of the first `count` primes, exact in integers. */
function roots(count: number, degree: 2 | 3): number[] {
  const words: number[] = [];
  for (let candidate = 2n; words.length < count; candidate += 1n) {
    if (isPrime(candidate)) words.push(Number(wholeRoot(candidate << BigInt(32 * degree), BigInt(degree)) & 0xffff_ffffn));
  }
  return words;
}

function isPrime(n: bigint): boolean {
  for (let d = 2n; d * d <= n; d += 1n) if (n % d === 0n) return false;
  return true;
}

function wholeRoot(value: bigint, degree: bigint): bigint {
  let low = 0n;
  let high = 1n << 40n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (middle ** degree <= value) low = middle;
    else high = middle;
  }
  return low;
}
