/**
 * The face that an id draws: one of twelve hues, rings around one centre (two for a group), and initials.
 *
 * An account's id is a hash already and a conversation's is random, so that the first bytes of either are as good as any.
 */

export interface Ring { cx: number; cy: number; r: number }
export interface Face { hue: number; width: number; rings: Ring[] }

/** Side of the square that faces are drawn on. */
export const FACE_SIDE = 48;
const HUES = 12;
/** Bytes of an id that a face is drawn from. */
const BYTES = 6;
const INNER_RADIUS = 4;
const FACES_MAX = 2_000;
const faces = new Map<string, Face>();

/** The face of an account or a group; the same id draws the same face everywhere. */
export function faceOf(id: string, isGroup: boolean): Face {
  const key = isGroup ? `g${id}` : id;
  const known = faces.get(key);
  if (known) return known;
  const face = draw(bytesOf(id), isGroup);
  if (faces.size >= FACES_MAX) faces.clear();
  faces.set(key, face);
  return face;
}

/** The hue alone, for names and quotes. */
export function hueOf(id: string): number {
  return faceOf(id, false).hue;
}

/** One or two letters of a name: of its first and its last word. */
export function initialsOf(name: string): string {
  const words = name.split(/[\s._-]+/u).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const first = letterOf(words[0]);
  const last = words.length > 1 ? letterOf(words[words.length - 1]) : '';
  return (first + last).toLocaleUpperCase() || '·';
}

function letterOf(word: string | undefined): string {
  return word?.match(/[\p{L}\p{N}]\p{M}*/u)?.[0] ?? '';
}

/** The first bytes of a hexadecimal id; what is missing or no number is zero. */
function bytesOf(id: string): Uint8Array {
  return Uint8Array.from({ length: BYTES }, (_, at) => Number.parseInt(id.slice(at * 2, at * 2 + 2), 16) || 0);
}

function draw(bytes: Uint8Array, isGroup: boolean): Face {
  const share = (index: number) => bytes[index]! / 255;
  const angle = ((bytes[1]! << 8) | bytes[2]!) / 65_536 * 2 * Math.PI;
  const distance = 18 + share(3) * 9;
  const step = 6.4 + share(4) * 2.2;
  const width = Math.round((2 + share(5) * 1.3) * 10) / 10;
  const middle = FACE_SIDE / 2;
  const dx = Math.cos(angle) * distance;
  const dy = Math.sin(angle) * distance;
  const reach = isGroup ? distance + 4 : distance + middle;
  const rings: Ring[] = [];
  for (let r = INNER_RADIUS; r < reach; r += step) {
    rings.push(ring(middle + dx, middle + dy, r));
    if (isGroup) rings.push(ring(middle - dx, middle - dy, r));
  }
  return { hue: bytes[0]! % HUES, width, rings };
}

function ring(cx: number, cy: number, r: number): Ring {
  const short = (value: number) => Math.round(value * 10) / 10;
  return { cx: short(cx), cy: short(cy), r: short(r) };
}
