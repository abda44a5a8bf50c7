/** The word before the caret that asks for a list: `@` for people, `:` for emoji. */

export interface Asked { mark: '@' | ':'; text: string }

const WORD_MAX = 40;

export function wordBefore(text: string, caret: number): Asked | null {
  const before = text.slice(Math.max(0, caret - WORD_MAX), caret);
  const match = /(?:^|[\s(])([@:])([\p{L}\p{N}_]*)$/u.exec(before);
  if (!match) return null;
  const [, mark, word] = match as unknown as [string, '@' | ':', string];
  return mark === ':' && word.length < 2 ? null : { mark, text: word };
}
