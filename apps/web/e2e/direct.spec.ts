/** Files from browser to browser: the node's own counters say what it saw of them. */

import { type Browser, type Page, chromium } from '@playwright/test';
import type { Entry, FileItem, Timeline, Transfer } from '../src/platform/engine';
import type { Harness } from './engine/page';
import { TestNode, expect, freePort, test as base } from './fixtures';
import { ENGINE_PAGE, type Pair, boot, create, meet, open, send, texts } from './talk';

declare const harness: Harness;

const SIZE = 32_000_000;

interface World extends Pair {
  node: TestNode;
  /** Bytes of files that the node took and gave. */
  seen(): Promise<{ in: number; out: number }>;
}

/** Two browsers at a node that counts. */
const test = base.extend<{ second: Browser; world: World }>({
  second: async ({ launchOptions }, use) => {
    const browser = await chromium.launch(launchOptions);
    await use(browser);
    await browser.close();
  },
  world: async ({ browser, second }, use) => {
    const metrics = `127.0.0.1:${await freePort()}`;
    const node = await TestNode.start(ENGINE_PAGE, ['--admin-listen', metrics]);
    const [ada, ben] = [await browser.newContext(), await second.newContext()];
    const [one, other] = [await open(ada, node), await open(ben, node)];
    await create(one, 'Ada');
    await create(other, 'Ben');
    const conversation = await meet(one, other);
    const seen = async (): Promise<{ in: number; out: number }> => {
      const text = await (await fetch(`http://${metrics}/metrics`)).text();
      const count = (name: string): number => Number(new RegExp(`^\\w*${name} (\\d+)$`, 'm').exec(text)?.[1] ?? NaN);
      return { in: count('file_bytes_in_total'), out: count('file_bytes_out_total') };
    };
    await use({ node, ada, ben, one, other, conversation, seen });
    await Promise.all([ada.close(), ben.close()]);
    await node.remove();
  },
});

/** Sends one file; its upload is paused at once, so that the node gets nothing by itself. */
const sendPaused = (page: Page, conversation: string, size: number): Promise<number> =>
  page.evaluate(async ({ conversation, size }) => {
    const bytes = new Uint8Array(size);
    for (let at = 0; at < size; at += 1) bytes[at] = (at * 7 + (at >> 12)) & 0xff;
    const file = {
      data: new Blob([bytes]), name: 'film.bin', mediaType: 'application/octet-stream', width: null, height: null, durationMs: null, thumbhash: null,
      waveform: null, isVoice: false,
    };
    const { entry } = await harness.engine.sendFiles({ conversation, files: [file], caption: '' });
    await harness.engine.pauseFile({ entry, index: 0 });
    return entry;
  }, { conversation, size });

/** The file of the last message with one, once it is as wanted; and every way by which it was seen to move. */
const file = (page: Page, conversation: string, wanted: Partial<Record<string, string>>): Promise<{ entry: number; ways: string[]; transfer: Transfer }> =>
  page.evaluate(async ({ conversation, wanted }) => {
    const last = (timeline: Timeline): Entry | undefined => timeline.entries.findLast((entry) => entry.body.kind === 'files');
    const of = (entry: Entry | undefined): FileItem | undefined => (entry?.body.kind === 'files' ? entry.body.files[0] : undefined);
    const ways = new Set<string>();
    const timeline = await harness.until<Timeline>('timeline', [conversation, { at: 'latest', count: 100 }], (now) => {
      const transfer = of(last(now))?.transfer;
      if (transfer?.state === 'moving') ways.add(transfer.way);
      return transfer !== undefined && Object.entries(wanted).every(([name, value]) => (transfer as unknown as Record<string, unknown>)[name] === value);
    });
    const entry = last(timeline)!;
    return { entry: entry.id, ways: [...ways], transfer: of(entry)!.transfer };
  }, { conversation, wanted });

/** The reader writes first: whoever has not written in a conversation shows no address there. */
async function ask(one: Page, other: Page, conversation: string): Promise<void> {
  await send(other, conversation, 'send it to me');
  await texts(one, conversation, 1);
}

const get = (page: Page, entry: number): Promise<void> => page.evaluate((entry) => harness.engine.fetchFile({ entry, index: 0 }), entry);

/** Where a file first differs from what was sent; -1: nowhere. */
const differs = (page: Page, entry: number, size: number): Promise<number> =>
  page.evaluate(async ({ entry, size }) => {
    let at = 0;
    for (;;) {
      const slice = await harness.engine.readFile({ entry, index: 0, offset: at, length: 1 << 20 });
      if (slice.length === 0) return at === size ? -1 : at;
      for (let byte = 0; byte < slice.length; byte += 1) {
        const place = at + byte;
        if (slice[byte] !== ((place * 7 + (place >> 12)) & 0xff)) return place;
      }
      at += slice.length;
    }
  }, { entry, size });

test('a file goes from browser to browser, and the node sees nothing of it', async ({ world }) => {
  const { node, one, other, conversation, seen } = world;
  await ask(one, other, conversation);
  await sendPaused(one, conversation, SIZE);
  const { entry } = await file(other, conversation, { state: 'away' });
  const there = file(other, conversation, { state: 'here' });
  await get(other, entry);
  expect((await there).ways).toEqual(['direct']);
  // Everybody has it: the upload is called off.
  await file(one, conversation, { state: 'here' });
  expect(await seen()).toEqual({ in: 0, out: 0 });
  await node.kill();
  expect(await differs(other, entry, SIZE)).toBe(-1);
});

test('what either side forbids goes through the node', async ({ world }) => {
  const { one, other, conversation, seen } = world;
  await ask(one, other, conversation);
  await other.evaluate((conversation) => harness.engine.forbidDirect({ conversation, isForbidden: true }), conversation);
  const sent = await sendPaused(one, conversation, SIZE);
  const { entry } = await file(other, conversation, { state: 'away' });
  await one.evaluate((entry) => harness.engine.resumeFile({ entry, index: 0 }), sent);
  await file(one, conversation, { state: 'here' });
  const there = file(other, conversation, { state: 'here' });
  await get(other, entry);
  expect((await there).ways).toEqual(['node']);
  const { in: taken, out: given } = await seen();
  expect(Math.min(taken, given)).toBeGreaterThanOrEqual(SIZE);
  expect(await differs(other, entry, SIZE)).toBe(-1);
});

test('what was announced before its sender went away comes when it is back', async ({ world }) => {
  const { ada, node, one, other, conversation } = world;
  await ask(one, other, conversation);
  const sent = await sendPaused(one, conversation, SIZE);
  const { entry } = await file(other, conversation, { state: 'away' });
  await one.close();
  await get(other, entry);
  await file(other, conversation, { state: 'paused', reason: 'sender' });
  const again = await open(ada, node);
  expect((await boot(again)).state).toBe('ready');
  await again.evaluate((entry) => harness.engine.resumeFile({ entry, index: 0 }), sent);
  await file(other, conversation, { state: 'here' });
  expect(await differs(other, entry, SIZE)).toBe(-1);
});
