import { describe, expect, it } from 'vitest';
import { givenIn, hostOf } from './given';
import { fitsBytes } from './limits';
import { shortKey } from './key';

describe('what somebody gave', () => {
  const link = `https://node.example/i#${'A-_9'.repeat(21)}abc`;

  it('is found as a link in a longer text', () => {
    expect(givenIn(`Here: ${link} see you`)).toEqual({ kind: 'link', link });
    expect(givenIn('http://127.0.0.1:8440/i#abc')).toEqual({ kind: 'link', link: 'http://127.0.0.1:8440/i#abc' });
  });

  it('is found as an address', () => {
    const address = 'svc1qqqq@https://node.example';
    expect(givenIn(`my address: ${address}, write!`)).toEqual({ kind: 'address', address });
  });

  it('is nothing where there is neither', () => {
    for (const text of ['', 'hello', 'https://node.example', 'https://node.example/i', 'svc1@', 'javascript:alert(1)']) {
      expect(givenIn(text)).toBeNull();
    }
  });

  it('names a node without its scheme', () => {
    expect(hostOf('https://node.example/')).toBe('node.example');
    expect(hostOf('node.example')).toBe('node.example');
  });
});

describe('a limit', () => {
  it('counts bytes, not letters', () => {
    expect(fitsBytes('a'.repeat(128), 128)).toBe(true);
    expect(fitsBytes('a'.repeat(129), 128)).toBe(false);
    expect(fitsBytes('é'.repeat(65), 128)).toBe(false);
  });
});

describe('a key', () => {
  it('is read aloud as four groups of four', () => {
    expect(shortKey('svc1k7f29m3qx84dtw06abcdef')).toBe('k7f2 9m3q x84d tw06');
    expect(shortKey('ab')).toBe('ab');
  });
});
