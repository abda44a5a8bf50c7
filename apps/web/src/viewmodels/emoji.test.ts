import { describe, expect, it } from 'vitest';
import { TONES, findEmoji, loadEmoji, toned } from './emoji';

describe('emoji', () => {
  it('are the same in both languages', async () => {
    const [en, italian] = await Promise.all([loadEmoji('en'), loadEmoji('it')]);
    expect(italian.map((group) => group.emoji.map((one) => one.emoji + one.hasTones))).toEqual(en.map((group) => group.emoji.map((one) => one.emoji + one.hasTones)));
    expect(en.flatMap((group) => group.emoji).length).toBeGreaterThan(1_500);
  });

  it('are found by word in the language of the user', async () => {
    expect(findEmoji(await loadEmoji('en'), 'lemon')[0]?.emoji).toBe('🍋');
    expect(findEmoji(await loadEmoji('it'), 'limone')[0]?.emoji).toBe('🍋');
    expect(findEmoji(await loadEmoji('it'), 'CITTA').some((one) => one.words.includes('città'))).toBe(true);
    expect(findEmoji(await loadEmoji('en'), '')).toEqual([]);
    expect(findEmoji(await loadEmoji('en'), 'zzzz')).toEqual([]);
  });

  it('take a skin tone where they can', () => {
    expect(toned({ emoji: '👍', hasTones: true }, TONES[3]!)).toBe('👍🏽');
    expect(toned({ emoji: '✌️', hasTones: true }, TONES[1]!)).toBe('✌🏻');
    expect(toned({ emoji: '👩‍🌾', hasTones: true }, TONES[5]!)).toBe('👩🏿‍🌾');
    expect(toned({ emoji: '🍋', hasTones: false }, TONES[1]!)).toBe('🍋');
    expect(toned({ emoji: '👍', hasTones: true }, '')).toBe('👍');
  });
});
