/** What two people do with the bare engine's page: for tests without views. */

import { resolve } from 'node:path';
import type { Browser, BrowserContext, Page } from '@playwright/test';
import type { Boot, ConversationRow, Entry, Network, Timeline } from '../src/platform/engine';
import type { Harness } from './engine/page';
import { type TestNode, expect } from './fixtures';

/** The page that has the engine and nothing else. */
export const ENGINE_PAGE = resolve('test-results/engine-page');

declare const harness: Harness;

/** The app, and the engine's page at {@link ENGINE_PATH}. */
export const BOTH = resolve('test-results/both');
export const ENGINE_PATH = '/engine.html';

/** A tab with the engine in it. */
export async function open(context: BrowserContext, node: TestNode, path = '/'): Promise<Page> {
  const page = await context.newPage();
  page.on('pageerror', (error) => console.error('page:', error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') console.error('console:', message.text());
  });
  await page.goto(`${node.url}${path}`);
  return page;
}

/** What the page finds. */
export const boot = (page: Page): Promise<Boot> => page.evaluate(() => harness.engine.boot());

/** Makes an account and waits until its node answers. */
export const create = (page: Page, name: string): Promise<void> =>
  page.evaluate(async (name) => {
    await harness.engine.create({ name });
    await harness.until<Network>('network', [], (network) => network.state === 'online');
  }, name);

/** Makes a conversation of two by an invite link; its id at each. */
export async function meet(one: Page, other: Page): Promise<string> {
  const link = await one.evaluate(async () => (await harness.engine.invite({})).link);
  await other.evaluate((link) => harness.engine.accept({ link: link ?? '' }), link);
  const first = (page: Page): Promise<string> =>
    page.evaluate(async () => {
      const rows = await harness.until<ConversationRow[]>('conversations', [], (rows) => rows.length > 0);
      return rows[0]?.id ?? '';
    });
  const [mine, theirs] = [await first(one), await first(other)];
  expect(mine).toBe(theirs);
  return mine;
}

/** Two browsers whose people have a conversation with each other. */
export interface Pair {
  ada: BrowserContext;
  ben: BrowserContext;
  one: Page;
  other: Page;
  conversation: string;
}

export async function pair(browser: Browser, node: TestNode, path = '/'): Promise<Pair> {
  const [ada, ben] = [await browser.newContext(), await browser.newContext()];
  const [one, other] = [await open(ada, node, path), await open(ben, node, path)];
  await create(one, 'Ada');
  await create(other, 'Ben');
  return { ada, ben, one, other, conversation: await meet(one, other) };
}

/** Sends a text; answers once it is durable. */
export const send = (page: Page, conversation: string, text: string): Promise<unknown> =>
  page.evaluate(({ conversation, text }) => harness.engine.sendText({ conversation, text }), { conversation, text });

/** The texts of a conversation once so many are there, oldest first. */
export const texts = (page: Page, conversation: string, count: number): Promise<string[]> =>
  page.evaluate(
    async ({ conversation, count }) => {
      const text = (entry: Entry): string[] => (entry.body.kind === 'text' ? [entry.body.text] : []);
      const key = [conversation, { at: 'latest', count: 1_000 }];
      const timeline = await harness.until<Timeline>(
        'timeline', key, (timeline) => timeline.entries.flatMap(text).length >= count,
      );
      return timeline.entries.flatMap(text);
    },
    { conversation, count },
  );

/** Waits until a text of ours stands so far. */
export const delivery = (page: Page, conversation: string, text: string, wanted: string[]): Promise<string> =>
  page.evaluate(
    async ({ conversation, text, wanted }) => {
      const find = (timeline: Timeline): Entry | undefined =>
        timeline.entries.find((entry) => entry.body.kind === 'text' && entry.body.text === text);
      const key = [conversation, { at: 'latest', count: 1_000 }];
      const timeline = await harness.until<Timeline>('timeline', key, (timeline) =>
        wanted.includes(find(timeline)?.delivery ?? ''),
      );
      return find(timeline)?.delivery ?? '';
    },
    { conversation, text, wanted },
  );
