// @vitest-environment jsdom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { FixtureEngine } from '../../e2e/fixture/engine';
import { conversationId } from '../../e2e/fixture/world';
import { EngineError, type Entry } from '../platform/engine';
import { Composer } from './composer.svelte';
import { wordBefore } from './suggest';
import { Talk } from './talk.svelte';
import { toasts } from './toast.svelte';

const ID = conversationId('omar');
let engine: FixtureEngine;
let talk: Talk;
let composer: Composer;

const inputs = (name: string) => engine.calls.filter((call) => call.name === name).map((call) => call.input as Record<string, unknown>);
function write(text: string) {
  composer.text = text;
  composer.wrote();
}

beforeEach(() => {
  vi.useFakeTimers();
  engine = new FixtureEngine();
  talk = new Talk(engine, ID);
  composer = new Composer(talk);
  composer.takeDraft(null);
});
afterEach(() => {
  composer.end();
  vi.useRealTimers();
});

describe('what is written', () => {
  it('is sent without the space around it, and the field is free at once', async () => {
    write('  Ten. \n');
    const sent = composer.send();
    expect(composer.text).toBe('');
    await sent;
    expect(inputs('sendText')).toEqual([{ conversation: ID, text: 'Ten.' }]);
  });

  it('is not sent where there is nothing', async () => {
    write(' \n ');
    await composer.send();
    expect(inputs('sendText')).toEqual([]);
  });

  it('comes back when it is refused, before what was written since', async () => {
    engine.sendText = () => Promise.reject(new EngineError('storage-full'));
    write('kept');
    const sent = composer.send();
    composer.text = 'next';
    await sent;
    expect(composer.text).toBe('kept\nnext');
    expect(toasts.shown.length).toBeGreaterThan(0);
  });

  it('answers what it was begun as an answer to', async () => {
    talk.replying = { message: 'm1', body: { kind: 'text', text: 'x' } } as Entry;
    write('yes');
    await composer.send();
    expect(inputs('sendText')[0]).toMatchObject({ replyTo: 'm1' });
    expect(talk.replying).toBeNull();
  });
});

describe('a draft', () => {
  it('is saved once writing rests, and only when it changed', async () => {
    write('h');
    write('half');
    await vi.advanceTimersByTimeAsync(1_000);
    composer.save();
    expect(inputs('saveDraft').map((one) => one['text'])).toEqual(['half']);
  });

  it('is taken once, and never over what is being written', () => {
    const fresh = new Composer(talk);
    fresh.text = 'typed first';
    fresh.takeDraft('old');
    expect(fresh.text).toBe('typed first');
    const other = new Composer(talk);
    other.takeDraft('old');
    other.text = '';
    other.takeDraft('old');
    expect(other.text).toBe('');
  });

  it('steps aside for an edit and comes back', async () => {
    write('half');
    const entry = { message: 'm2', body: { kind: 'text', text: 'before' } } as Entry;
    talk.editing = entry;
    composer.follow({ message: 'm2', text: 'before' });
    expect(composer.text).toBe('before');
    composer.save();
    expect(inputs('saveDraft').map((one) => one['text'])).toEqual(['half']);
    await composer.send();
    expect(inputs('editText')).toEqual([]);
    expect(composer.text).toBe('half');
  });
});

describe('others', () => {
  it('are told of writing at most every four seconds, and when it ends', async () => {
    for (let i = 0; i < 10; i += 1) {
      write(`text ${i}`);
      await vi.advanceTimersByTimeAsync(300);
    }
    expect(inputs('typing').map((one) => one['isActive'])).toEqual([true]);
    await vi.advanceTimersByTimeAsync(6_000);
    expect(inputs('typing').map((one) => one['isActive'])).toEqual([true, false]);
  });
});

describe('a message', () => {
  it('ends the writing by itself', async () => {
    write('done');
    await composer.send();
    await vi.advanceTimersByTimeAsync(6_000);
    expect(inputs('typing').map((one) => one['isActive'])).toEqual([true]);
  });
});

describe('the word before the caret', () => {
  it('asks for people after @ and for emoji after :', () => {
    expect(wordBefore('ask @ida', 8)).toEqual({ mark: '@', text: 'ida' });
    expect(wordBefore('@', 1)).toEqual({ mark: '@', text: '' });
    expect(wordBefore('a :lem', 6)).toEqual({ mark: ':', text: 'lem' });
    expect(wordBefore('a :l', 4)).toBeNull();
    expect(wordBefore('at 10:30', 8)).toBeNull();
    expect(wordBefore('mail@ida', 8)).toBeNull();
    expect(wordBefore('@ida next', 9)).toBeNull();
  });
});
