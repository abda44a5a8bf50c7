/**
 * What somebody wrote, read into a small tree: paragraphs, quotes, code, emphasis, links, mentions.
 *
 * The tree is drawn as elements and text nodes, never as markup, so nothing in a message can become any. Reading takes
 * time in proportion to the length, whatever the text.
 */

/** Text set apart, which may hold more of the kind. */
export interface Emphasis { kind: 'strong' | 'emphasis' | 'strike'; parts: Inline[] }

export type Inline =
  | { kind: 'text'; text: string }
  | Emphasis
  | { kind: 'code'; text: string }
  | { kind: 'link'; text: string; href: string }
  | { kind: 'mention'; text: string };

export type Block =
  | { kind: 'paragraph'; parts: Inline[] }
  | { kind: 'quote'; parts: Inline[] }
  | { kind: 'code'; text: string };

/** Longest text that is recognised as a link. */
export const LINK_CHARS_MAX = 2_048;
const DEPTH_MAX = 4;
/** Farthest that a closing mark is looked for. */
const SPAN_CHARS_MAX = 2_000;

const FENCE = '```';
const MARKS: readonly { mark: string; kind: 'strong' | 'emphasis' | 'strike' }[] = [
  { mark: '**', kind: 'strong' }, { mark: '*', kind: 'strong' }, { mark: '__', kind: 'emphasis' }, { mark: '_', kind: 'emphasis' },
  { mark: '~~', kind: 'strike' }, { mark: '~', kind: 'strike' },
];
/** No link crosses white space, brackets that quote it, or marks that turn the direction of writing. */
const LINK = /(?:https?:\/\/|www\.)[^\s<>"`\u0000-\u001f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]{3,}/iy;
const LETTER = /[\p{L}\p{N}]/u;

/** Reads `text`; `names` are the people who may be mentioned. */
export function parseText(text: string, names: readonly string[] = []): Block[] {
  const mentions = [...names].filter(Boolean).sort((a, b) => b.length - a.length);
  const lines = text.replace(/\r\n?/g, '\n').split('\n');
  const fences = lines.flatMap((line, index) => (line.trimStart().startsWith(FENCE) ? [index] : []));
  const blocks: Block[] = [];
  let plain: string[] = [];
  const endPlain = () => {
    const whole = plain.join('\n').replace(/^\n+|\n+$/g, '');
    if (whole) blocks.push({ kind: 'paragraph', parts: inlines(whole, mentions, 0) });
    plain = [];
  };
  for (let at = 0; at < lines.length; at += 1) {
    const line = lines[at]!;
    if (fences[0] === at) {
      fences.shift();
      const end = fences.shift();
      if (end !== undefined) {
        endPlain();
        blocks.push({ kind: 'code', text: lines.slice(at + 1, end).join('\n') });
        at = end;
        continue;
      }
    }
    if (line.startsWith('>')) {
      endPlain();
      const begin = at;
      while (lines[at + 1]?.startsWith('>')) at += 1;
      const quoted = lines.slice(begin, at + 1).map((one) => one.replace(/^>\s?/, '')).join('\n');
      blocks.push({ kind: 'quote', parts: inlines(quoted, mentions, 0) });
      continue;
    }
    plain.push(line);
  }
  endPlain();
  return blocks;
}

/** The words alone, on one line, without marks: for previews and what is read aloud. */
export function plainText(text: string, charsMax = 200): string {
  const blocks = parseText(text.slice(0, charsMax * 4));
  const whole = blocks.map((block) => (block.kind === 'code' ? block.text : textOf(block.parts))).join(' ');
  return whole.replace(/\s+/g, ' ').trim().slice(0, charsMax);
}

function textOf(parts: readonly Inline[]): string {
  return parts.map((part) => ('parts' in part ? textOf(part.parts) : part.text)).join('');
}

/** Whether `text` is nothing but one to three emoji, which are drawn large. */
export function isEmojiOnly(text: string): boolean {
  const tight = text.trim();
  if (!tight || tight.length > 40) return false;
  if (!/^[\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Regional_Indicator}\u200d\ufe0f\u20e3\s]+$/u.test(tight)) return false;
  return [...new Intl.Segmenter().segment(tight.replace(/\s+/g, ''))].length <= 3;
}

function inlines(text: string, mentions: readonly string[], depth: number): Inline[] {
  const parts: Inline[] = [];
  /** Per mark, up to where it is known that none closes. */
  const unclosed = new Map<string, number>();
  let begin = 0;
  let at = 0;
  const push = (part: Inline, end: number) => {
    if (at > begin) parts.push({ kind: 'text', text: text.slice(begin, at) });
    parts.push(part);
    at = end;
    begin = end;
  };
  while (at < text.length) {
    const found = codeAt(text, at, unclosed) ?? linkAt(text, at) ?? mentionAt(text, at, mentions)
      ?? (depth < DEPTH_MAX ? markAt(text, at, mentions, depth, unclosed) : null);
    if (found) push(found.part, found.end);
    else at += 1;
  }
  if (at > begin) parts.push({ kind: 'text', text: text.slice(begin, at) });
  return parts;
}

interface Found { part: Inline; end: number }

function codeAt(text: string, at: number, unclosed: Map<string, number>): Found | null {
  if (text[at] !== '`') return null;
  const end = closing(text, at, '`', unclosed, () => true);
  return end > at + 1 ? { part: { kind: 'code', text: text.slice(at + 1, end) }, end: end + 1 } : null;
}

function markAt(text: string, at: number, mentions: readonly string[], depth: number, unclosed: Map<string, number>): Found | null {
  const char = text[at]!;
  if (char !== '*' && char !== '_' && char !== '~') return null;
  if (at > 0 && (LETTER.test(text[at - 1]!) || text[at - 1] === char)) return null;
  for (const { mark, kind } of MARKS) {
    if (!text.startsWith(mark, at)) continue;
    const inner = at + mark.length;
    if (!text[inner] || /\s/.test(text[inner]) || text[inner] === char) return null;
    const isEnd = (end: number) =>
      !/\s/.test(text[end - 1]!) && !LETTER.test(text[end + mark.length] ?? ' ') && text[end + mark.length] !== char;
    const end = closing(text, inner - 1, mark, unclosed, isEnd);
    if (end > inner) return { part: { kind, parts: inlines(text.slice(inner, end), mentions, depth + 1) }, end: end + mark.length };
    return null;
  }
  return null;
}

/** Where `mark` closes on the same line after `from`, or -1. */
function closing(text: string, from: number, mark: string, unclosed: Map<string, number>, isEnd: (end: number) => boolean): number {
  if ((unclosed.get(mark) ?? -1) > from) return -1;
  const lineEnd = text.indexOf('\n', from + 1);
  const limit = Math.min(lineEnd < 0 ? text.length : lineEnd, from + SPAN_CHARS_MAX);
  const span = text.slice(0, limit);
  let end = span.indexOf(mark, from + 1);
  while (end >= 0 && !isEnd(end)) end = span.indexOf(mark, end + 1);
  if (end < 0) unclosed.set(mark, limit);
  return end;
}

function linkAt(text: string, at: number): Found | null {
  const char = text[at]!;
  if (char !== 'h' && char !== 'H' && char !== 'w' && char !== 'W') return null;
  if (at > 0 && LETTER.test(text[at - 1]!)) return null;
  LINK.lastIndex = at;
  const match = LINK.exec(text)?.[0];
  if (!match || match.length > LINK_CHARS_MAX) return null;
  const shown = withoutTail(match);
  const href = safeHref(shown);
  return href ? { part: { kind: 'link', text: shown, href }, end: at + shown.length } : null;
}

/** What follows a link in a sentence does not belong to it; a bracket does where it was opened inside. */
function withoutTail(link: string): string {
  let end = link.length;
  const count = (char: string) => link.slice(0, end).split(char).length;
  for (;;) {
    const last = link[end - 1]!;
    if (/[.,;:!?'’”»…*_~]/.test(last)) end -= 1;
    else if (last === ')' && count(')') > count('(')) end -= 1;
    else if (last === ']' && count(']') > count('[')) end -= 1;
    else return link.slice(0, end);
  }
}

function safeHref(shown: string): string | null {
  try {
    const url = new URL(/^www\./i.test(shown) ? `https://${shown}` : shown);
    const isWeb = url.protocol === 'https:' || url.protocol === 'http:';
    return isWeb && url.hostname.includes('.') && !url.username && !url.password ? url.href : null;
  } catch {
    return null;
  }
}

function mentionAt(text: string, at: number, mentions: readonly string[]): Found | null {
  if (text[at] !== '@' || (at > 0 && LETTER.test(text[at - 1]!))) return null;
  for (const name of mentions) {
    const end = at + 1 + name.length;
    const isSame = text.slice(at + 1, end).toLocaleLowerCase() === name.toLocaleLowerCase();
    if (isSame && !LETTER.test(text[end] ?? ' ')) return { part: { kind: 'mention', text: text.slice(at, end) }, end };
  }
  return null;
}
