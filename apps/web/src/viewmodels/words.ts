/** The 24 words: typed in again, and three of them asked for. */
import { EngineError } from '../platform/engine';
import { RECOVERY_WORDS } from './limits';

/** How many are asked. */
export const ASKED_WORDS = 3;

/** Words out of typed or pasted text, numbers and punctuation left out. */
export function wordsOf(text: string): string[] {
  return text.normalize('NFKD').toLowerCase().split(/[^\p{L}\p{M}]+/u).filter((word) => word !== '');
}

/** The phrase as the engine takes it. */
export function phraseOf(text: string): string {
  const words = wordsOf(text);
  if (words.length !== RECOVERY_WORDS) throw new EngineError('words-count', { found: words.length });
  return words.join(' ');
}

/** Three different places from 0, in order, by `random` in [0, 1). */
export function askedPlaces(count: number, random: () => number = secureRandom): number[] {
  const places = new Set<number>();
  while (places.size < Math.min(ASKED_WORDS, count)) places.add(Math.floor(random() * count));
  return [...places].sort((one, other) => one - other);
}

/** Whether `typed` is `word`; capitals and spaces around do not matter. */
export function isSameWord(typed: string, word: string): boolean {
  return typed.trim().toLowerCase() === word;
}

function secureRandom(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) / 2 ** 32;
}
