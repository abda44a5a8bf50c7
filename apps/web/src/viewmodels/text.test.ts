import { describe, expect, it } from 'vitest';
import { type Inline, isEmojiOnly, parseText, plainText } from './text';

const inline = (text: string, names: string[] = []): Inline[] => {
  const [block] = parseText(text, names);
  return block && 'parts' in block ? block.parts : [];
};
const kinds = (text: string, names: string[] = []) => inline(text, names).map((part) => part.kind);

describe('a message is read', () => {
  it('with emphasis, code and strike', () => {
    expect(inline('At `180 °C` or it **sulks**')).toEqual([
      { kind: 'text', text: 'At ' }, { kind: 'code', text: '180 °C' }, { kind: 'text', text: ' or it ' },
      { kind: 'strong', parts: [{ kind: 'text', text: 'sulks' }] },
    ]);
    expect(inline('_so_ ~not~')).toEqual([
      { kind: 'emphasis', parts: [{ kind: 'text', text: 'so' }] }, { kind: 'text', text: ' ' },
      { kind: 'strike', parts: [{ kind: 'text', text: 'not' }] },
    ]);
    expect(inline('*a _b_ c*')[0]).toMatchObject({ kind: 'strong', parts: [{ text: 'a ' }, { kind: 'emphasis' }, { text: ' c' }] });
  });

  it('without emphasis where marks are part of words', () => {
    for (const text of ['snake_case_name', '2*3*4', '* not closed', 'a ** b ** c', '~5 or ~6 o', '****', '__init', '5 * 3 = 15 * 1']) {
      expect(kinds(text), text).toEqual(['text']);
    }
  });

  it('in blocks of quotes and code', () => {
    expect(parseText('say\n> one\n> two\nand\n```\n<b> *x*\n```\nend').map((block) => block.kind)).toEqual(
      ['paragraph', 'quote', 'paragraph', 'code', 'paragraph'],
    );
    expect(parseText('```\n<b> *x*\n```')).toEqual([{ kind: 'code', text: '<b> *x*' }]);
    expect(parseText('```\nnever closed').map((block) => block.kind)).toEqual(['paragraph']);
  });

  it('with links that keep what is theirs', () => {
    const hrefs = (text: string) => inline(text).flatMap((part) => (part.kind === 'link' ? [part.text] : []));
    expect(hrefs('see https://a.example/x_(y), or www.b.example.')).toEqual(['https://a.example/x_(y)', 'www.b.example']);
    expect(hrefs('(https://a.example/x)')).toEqual(['https://a.example/x']);
    expect(hrefs('https://a.example/?q=*x*&r=_y_')).toEqual(['https://a.example/?q=*x*&r=_y']);
  });

  it('never with a link that is no web page or hides where it leads', () => {
    for (const text of ['javascript:alert(1)', 'data:text/html,x', 'https://user:pw@a.example', 'http://localhost', 'file:///etc', 'https://']) {
      expect(kinds(text), text).not.toContain('link');
    }
    const [first] = inline('https://a.example/\u202egpj.exe');
    expect(first).toMatchObject({ kind: 'link', text: 'https://a.example/' });
  });

  it('with mentions of those who are here', () => {
    expect(inline('ask @Ida Marchetti, @ida', ['Ida', 'Ida Marchetti'])).toEqual([
      { kind: 'text', text: 'ask ' }, { kind: 'mention', text: '@Ida Marchetti' }, { kind: 'text', text: ', ' }, { kind: 'mention', text: '@ida' },
    ]);
    expect(kinds('mail@Ida @Idaho', ['Ida'])).toEqual(['text']);
  });

  it('whole: nothing that was written is lost', () => {
    const hostile = '<img src=x onerror=alert(1)> &amp; \u0000 \u202e "</script>" {{x}} ${y}';
    expect(inline(hostile)).toEqual([{ kind: 'text', text: hostile }]);
  });

  it('in time that grows with its length', () => {
    const texts = ['*'.repeat(60_000), '*a '.repeat(20_000), '`'.repeat(60_000), '_a*b~c`'.repeat(8_000), 'x'.repeat(60_000), '> '.repeat(30_000),
      '```\n'.repeat(15_000), 'https://a.example/('.repeat(3_000), '@'.repeat(60_000), ' *a* _b'.repeat(8_000), '['.repeat(60_000)];
    for (const text of texts) {
      const begun = performance.now();
      parseText(text, ['Ida', 'Luca']);
      expect(performance.now() - begun, text.slice(0, 12)).toBeLessThan(1_500);
    }
  });
});

describe('the words alone', () => {
  it('stand on one line without marks', () => {
    expect(plainText('**First**\n> quote\n`code`')).toBe('First quote code');
    expect(plainText('x'.repeat(70_000)).length).toBe(200);
  });
});

describe('emoji alone', () => {
  it('are told from text', () => {
    for (const text of ['🍋', '🍋🍋', '👩‍👩‍👧 ❤️', '🇮🇹', ' 👍🏽 ']) expect(isEmojiOnly(text), text).toBe(true);
    for (const text of ['', 'a', '🍋 lemon', '🍋🍋🍋🍋', '12', '   ']) expect(isEmojiOnly(text), text).toBe(false);
  });
});
