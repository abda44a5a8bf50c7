/** The emoji of the picker: loaded when it is first opened, found by word, toned. */
import type { Language } from '../platform/i18n';

export interface Emoji { emoji: string; hasTones: boolean; words: string }
export interface EmojiGroup { id: string; emoji: Emoji[] }

/** Skin tone modifiers, from none to the darkest. */
export const TONES: readonly string[] = ['', '\u{1F3FB}', '\u{1F3FC}', '\u{1F3FD}', '\u{1F3FE}', '\u{1F3FF}'];
const FOUND_MAX = 80;
const loaded = new Map<Language, Promise<EmojiGroup[]>>();

export function loadEmoji(language: Language): Promise<EmojiGroup[]> {
  let groups = loaded.get(language);
  if (!groups) {
    groups = read(language);
    groups.catch(() => loaded.delete(language));
    loaded.set(language, groups);
  }
  return groups;
}

async function read(language: Language): Promise<EmojiGroup[]> {
  const file = language === 'it' ? await import('../views/chat/emoji/it.json') : await import('../views/chat/emoji/en.json');
  return Object.entries(file.default as Record<string, string[]>).map(([id, lines]) => ({ id, emoji: lines.map(parseLine) }));
}

function parseLine(line: string): Emoji {
  const space = line.indexOf(' ');
  const mark = line.slice(0, space);
  const hasTones = mark.endsWith('*') && mark.length > 1;
  return { emoji: hasTones ? mark.slice(0, -1) : mark, hasTones, words: line.slice(space + 1) };
}

/** Those with words that begin with each word of `query`; whole words first. */
export function findEmoji(groups: readonly EmojiGroup[], query: string): Emoji[] {
  const wanted = plain(query).split(/\s+/).filter(Boolean);
  if (wanted.length === 0) return [];
  const found = groups.flatMap((group) => group.emoji).flatMap((one) => {
    const words = plain(one.words).split(/[\s-]+/);
    if (!wanted.every((part) => words.some((word) => word.startsWith(part)))) return [];
    const rank = wanted.every((part) => words.includes(part)) ? (words[0] === wanted[0] ? 0 : 1) : 2;
    return [{ one, rank }];
  });
  return found.sort((a, b) => a.rank - b.rank).slice(0, FOUND_MAX).map(({ one }) => one);
}

/** `emoji` in a skin tone: after its first character, in the place of the sign that asks for colour. */
export function toned(emoji: Pick<Emoji, 'emoji' | 'hasTones'>, tone: string): string {
  if (!tone || !emoji.hasTones) return emoji.emoji;
  const [first = '', ...rest] = [...emoji.emoji];
  return first + tone + (rest[0] === '\ufe0f' ? rest.slice(1) : rest).join('');
}

function plain(text: string): string {
  return text.normalize('NFD').replace(/\p{M}/gu, '').toLocaleLowerCase();
}
