// @vitest-environment jsdom
import { describe, expect, it } from 'vitest';
import type { Contact, Member } from '../platform/engine';
import { choosable, listed } from './people';
import { middleSquare } from './picture';

const contact = (name: string, part: Partial<Contact> = {}): Contact => ({
  account: name, name, ownName: name, picture: null, address: null, isVerified: false, isBlocked: false, conversation: null, ...part,
});
const member = (name: string, part: Partial<Member> = {}): Member => ({
  account: name, name, picture: null, isAdmin: false, isSelf: false, isVerified: false, isContact: true, ...part,
});

describe('people to choose from', () => {
  const all = [contact('Zoë'), contact('ada', { ownName: 'Countess' }), contact('Bob', { isBlocked: true }), contact('Ida')];

  it('are contacts who are neither blocked nor inside, by name', () => {
    expect(choosable(all, [member('Ida')], '').map(({ name }) => name)).toEqual(['ada', 'Zoë']);
  });

  it('are found by part of either name, whatever its accents and capitals', () => {
    expect(choosable(all, [], 'ZOE').map(({ name }) => name)).toEqual(['Zoë']);
    expect(choosable(all, [], 'count').map(({ name }) => name)).toEqual(['ada']);
    expect(choosable(all, [], 'nobody')).toEqual([]);
  });
});

describe('members', () => {
  it('are listed oneself first, then admins, then by name', () => {
    const group = [member('Zoë'), member('Ada'), member('Tom', { isAdmin: true }), member('Me', { isSelf: true })];
    expect(listed(group).map(({ name }) => name)).toEqual(['Me', 'Tom', 'Ada', 'Zoë']);
  });
});

describe('a picture', () => {
  it('is cropped to the square in its middle', () => {
    expect(middleSquare(400, 300)).toEqual({ x: 50, y: 0, side: 300 });
    expect(middleSquare(3, 8)).toEqual({ x: 0, y: 2, side: 3 });
  });
});
