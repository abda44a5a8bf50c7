import { describe, expect, it } from 'vitest';
import { EngineError } from '../platform/engine';
import { ASKED_WORDS, askedPlaces, isSameWord, phraseOf, wordsOf } from './words';

const PHRASE = Array.from({ length: 24 }, (_, index) => ['lemon', 'harbour', 'quiet'][index % 3]!);

describe('the 24 words', () => {
  it('are found among numbers, lines and capitals', () => {
    expect(wordsOf('1. Lemon\n2) harbour,  3 QUIET')).toEqual(['lemon', 'harbour', 'quiet']);
  });

  it('are 24, or are refused with how many there are', () => {
    expect(phraseOf(` ${PHRASE.join('  ')} `)).toBe(PHRASE.join(' '));
    for (const count of [0, 1, 23]) {
      const short = PHRASE.slice(0, count).join(' ');
      expect(() => phraseOf(short)).toThrow(expect.objectContaining({ code: 'words-count', values: { found: count } }));
    }
    expect(() => phraseOf([...PHRASE, 'more'].join(' '))).toThrow(EngineError);
  });

  it('are asked for at three different places, in order', () => {
    for (let turn = 0; turn < 200; turn += 1) {
      const places = askedPlaces(24);
      expect(new Set(places).size).toBe(ASKED_WORDS);
      expect([...places].sort((one, other) => one - other)).toEqual(places);
      expect(places.every((place) => place >= 0 && place < 24)).toBe(true);
    }
    const draws = [0.5, 0.5, 0, 0.99];
    expect(askedPlaces(24, () => draws.shift() ?? 0)).toEqual([0, 12, 23]);
  });

  it('are compared without capitals and spaces around', () => {
    expect(isSameWord(' Lemon ', 'lemon')).toBe(true);
    expect(isSameWord('lemons', 'lemon')).toBe(false);
  });
});
