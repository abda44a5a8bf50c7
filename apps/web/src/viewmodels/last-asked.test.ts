import { beforeEach, describe, expect, it } from 'vitest';
import { LastAsked } from './last-asked';

let asked: { question: string; answer: (text: string) => void; refuse: () => void }[];
let taken: (string | null)[];
let last: LastAsked<string, string>;

const settle = async () => { for (let round = 0; round < 5; round += 1) await Promise.resolve(); };

beforeEach(() => {
  [asked, taken] = [[], []];
  last = new LastAsked(
    (question) => new Promise((resolve, reject) => { asked.push({ question, answer: resolve, refuse: () => reject(new Error('no')) }); }),
    (answer) => taken.push(answer),
  );
});

describe('a question', () => {
  it('is asked at once, and those between the first and the last are not', async () => {
    for (const question of ['l', 'le', 'lem', 'lemo']) last.ask(question);
    expect(asked.map((one) => one.question)).toEqual(['l']);
    asked[0]!.answer('L');
    await settle();
    expect(asked.map((one) => one.question)).toEqual(['l', 'lemo']);
    expect(taken).toEqual([]);
    asked[1]!.answer('LEMO');
    await settle();
    expect(taken).toEqual(['LEMO']);
  });

  it('that is refused has no answer, and the next is asked all the same', async () => {
    last.ask('a');
    asked[0]!.refuse();
    await settle();
    last.ask('b');
    asked[1]!.answer('B');
    await settle();
    expect(taken).toEqual([null, 'B']);
  });

  it('that is forgotten is answered to nobody', async () => {
    last.ask('a');
    last.ask('b');
    last.forget();
    asked[0]!.answer('A');
    await settle();
    expect(asked).toHaveLength(1);
    expect(taken).toEqual([]);
  });
});
