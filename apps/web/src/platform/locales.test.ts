/**
 * Both languages say the same, and what the source asks for exists. Ids are found in the source as whole string
 * literals ('composer-send') or as the beginning of a template (`error-${code}`).
 */

import { FluentBundle, FluentResource } from '@fluent/bundle';
import { describe, expect, it } from 'vitest';

const LOCALES = import.meta.glob<string>('../../../../locales/*/{app,chat,errors}.ftl', {
  query: '?raw', import: 'default', eager: true,
});
/** Where the engine names its alerts. */
const [ALERTS] = Object.values(import.meta.glob<string>('../../../../crates/client/src/timeline/record.rs', {
  query: '?raw', import: 'default', eager: true,
}));
const SOURCES = import.meta.glob<string>(['../**/*.{ts,svelte}', '!../**/*.{test,spec}.ts', '!../worker/pkg/**'], {
  query: '?raw', import: 'default', eager: true,
});

interface Message {
  variables: string[];
  attributes: string[];
}

function messagesOf(language: string): Map<string, Message> {
  const messages = new Map<string, Message>();
  const files = Object.entries(LOCALES).filter(([path]) => path.includes(`/${language}/`));
  expect(files.length).toBe(3);
  for (const [file, text] of files) {
    for (const match of text.matchAll(/^([a-zA-Z][\w-]*) *=(.*(?:\n(?: .*)?(?=\n|$))*)/gm)) {
      const [, id, body] = match as unknown as [string, string, string];
      expect(messages.has(id), `${id} stands twice in ${language}`).toBe(false);
      messages.set(id, {
        variables: [...new Set([...body.matchAll(/\$([\w-]+)/g)].map((found) => found[1]!))].sort(),
        attributes: [...body.matchAll(/^ +\.([\w-]+) *=/gm)].map((found) => found[1]!).sort(),
      });
    }
    const resource = new FluentResource(text);
    const bundle = new FluentBundle(language);
    expect(bundle.addResource(resource)).toEqual([]);
    const whole = (text.match(/^[a-zA-Z][\w-]* *=/gm) ?? []).length;
    expect(resource.body.length, `${file} has a message that does not parse`).toBe(whole);
  }
  return messages;
}

const source = Object.values(SOURCES).join('\n');
const literals = new Set([...source.matchAll(/(['"`])([a-z][\w-]*)\1/g)].map((match) => match[2]!));
const prefixes = new Set([...source.matchAll(/`([a-z][\w-]*-)\$\{/g)].map((match) => match[1]!));
const english = messagesOf('en');
const italian = messagesOf('it');

describe('the words of the app', () => {
  it('are the same messages in both languages', () => {
    expect([...italian.keys()].sort()).toEqual([...english.keys()].sort());
  });

  it('take the same values and have the same attributes in both languages', () => {
    for (const [id, message] of english) expect({ id, ...italian.get(id) }).toEqual({ id, ...message });
  });

  it('are all used', () => {
    const unused = [...english.keys()].filter(
      (id) => !literals.has(id) && ![...prefixes].some((prefix) => id.startsWith(prefix)),
    );
    expect(unused).toEqual([]);
  });

  it('exist wherever the source asks for them', () => {
    const asked = [...source.matchAll(/\b(?:t|attribute)\(\s*(['"`])([\w-]+)\1/g)].map((match) => match[2]!);
    expect([...new Set(asked)].filter((id) => !english.has(id))).toEqual([]);
    const begun = [...source.matchAll(/\bt\(\s*`([\w-]+-)\$\{/g)].map((match) => match[1]!);
    expect(begun.filter((prefix) => ![...english.keys()].some((id) => id.startsWith(prefix)))).toEqual([]);
  });

  it('name every alert of the engine', () => {
    const codes = [...ALERTS!.matchAll(/Alert::\w+(?: \{[^}]*\})? => \("([a-z_]+)"/g)].map((match) => match[1]!);
    expect(codes.length).toBeGreaterThan(10);
    expect(codes.filter((code) => !english.has(`alert-${code.replaceAll('_', '-')}`))).toEqual([]);
  });
});
