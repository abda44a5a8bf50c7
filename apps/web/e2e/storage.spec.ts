/** What a browser may do to the engine's storage, and what a page finds then. Nothing acknowledged is lost. */

import type { BrowserContext, Page } from '@playwright/test';
import type { Harness } from './engine/page';
import { type TestNode, expect, test } from './fixtures';
import { ENGINE_PAGE, boot, create, meet, open, send } from './talk';

test.use({ web: ENGINE_PAGE });

declare const harness: Harness;

/** A page of the same origin without an engine. */
async function blank(context: BrowserContext, node: TestNode): Promise<Page> {
  await context.route('**/blank', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
  const page = await context.newPage();
  await page.goto(`${node.url}/blank`);
  return page;
}

const refusal = (page: Page, call: (engine: Harness['engine']) => Promise<unknown>): Promise<string> =>
  page.evaluate(`(${call.toString()})(harness.engine).then(() => 'done', (error) => error.code)`);

test('the files of the origin hold no plaintext', async ({ browser, node }) => {
  const [ada, ben] = [await browser.newContext(), await browser.newContext()];
  const [one, other] = [await open(ada, node), await open(ben, node)];
  // Megabytes of ciphertext hold every word of three letters sooner or later: the needles are long.
  const [ours, theirs] = ['Ada of the long name', 'Ben of the long name'];
  await create(one, ours);
  await create(other, theirs);
  const conversation = await meet(one, other);
  for (let index = 0; index < 5; index++) await send(one, conversation, `a very plain sentence ${index}`);
  await one.close();

  const page = await blank(ada, node);
  const files = await page.evaluate(async () => {
    const found: Record<string, number[]> = {};
    const walk = async (folder: FileSystemDirectoryHandle, path: string): Promise<void> => {
      for await (const [name, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>) {
        if (handle.kind === 'directory') await walk(handle as FileSystemDirectoryHandle, `${path}/${name}`);
        else {
          const file = await (handle as FileSystemFileHandle).getFile();
          found[`${path}/${name}`] = Array.from(new Uint8Array(await file.arrayBuffer()));
        }
      }
    };
    await walk(await navigator.storage.getDirectory(), '');
    return found;
  });
  const bytes = Object.values(files).map((file) => Buffer.from(file));
  expect(Math.max(...bytes.map((file) => file.length))).toBeGreaterThan(50_000);
  for (const needle of ['plain sentence', 'SQLite format 3', 'CREATE TABLE', ours, theirs]) {
    expect(bytes.some((file) => file.includes(needle)), needle).toBe(false);
  }
  // The search is one that finds what is there: the pool names its files in the clear.
  expect(bytes.some((file) => file.includes('sottovoce.db'))).toBe(true);
  await Promise.all([ada.close(), ben.close()]);
});

test('a passphrase locks the account until it is given', async ({ browser, node }) => {
  const context = await browser.newContext();
  const page = await open(context, node);
  await create(page, 'Ada');
  await page.evaluate(() => harness.engine.setPassphrase({ current: '', passphrase: 'correct horse' }));
  await page.reload();
  expect(await boot(page)).toEqual({ state: 'locked' });
  expect(await refusal(page, (engine) => engine.unlock({ passphrase: 'battery staple' }))).toBe('passphrase-wrong');
  const me = await page.evaluate(() => harness.engine.unlock({ passphrase: 'correct horse' }));
  expect(me.name).toBe('Ada');
  expect(
    await refusal(page, (engine) => engine.setPassphrase({ current: 'wrong', passphrase: '' })),
  ).toBe('passphrase-wrong');
  await page.evaluate(() => harness.engine.setPassphrase({ current: 'correct horse', passphrase: '' }));
  await page.reload();
  expect((await boot(page)).state).toBe('ready');
  await context.close();
});

test('words bring the same account back after everything was erased', async ({ browser, node }) => {
  const context = await browser.newContext();
  const page = await open(context, node);
  await create(page, 'Ada');
  const words = await page.evaluate(() => harness.engine.recoveryWords());
  expect(words).toHaveLength(24);
  const before = await boot(page);
  await page.evaluate(() => harness.engine.erase());
  await page.reload();
  expect((await boot(page)).state).toBe('empty');
  const bad = await refusal(page, (engine) => engine.create({ name: 'Ada', words: 'abandon abandon' }));
  expect(bad).toBe('words-count');
  const me = await page.evaluate((words) => harness.engine.create({ name: 'Ada', words: words.join(' ') }), words);
  expect(before.state === 'ready' && before.me.account).toBe(me.account);
  await context.close();
});

test('a browser without storage is told of, and goes on in memory by choice alone', async ({ browser, node }) => {
  const context = await browser.newContext();
  await context.route('**/assets/worker-*', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: `delete StorageManager.prototype.getDirectory;\n${await response.text()}` });
  });
  const page = await open(context, node);
  expect(await boot(page)).toEqual({ state: 'stopped', reason: 'storage-refused' });
  expect(await refusal(page, (engine) => engine.create({ name: 'Ada' }))).toBe('stopped');
  expect((await page.evaluate(() => harness.engine.openForThisVisit())).state).toBe('empty');
  expect((await page.evaluate(() => harness.engine.create({ name: 'Ada' }))).name).toBe('Ada');
  const found = await boot(page);
  expect(found.state === 'ready' && found.isPersistent).toBe(false);
  await page.reload();
  expect(await boot(page)).toEqual({ state: 'stopped', reason: 'storage-refused' });
  await context.close();
});

test('storage that is gone or damaged is said, not begun anew', async ({ browser, node }) => {
  const context = await browser.newContext();
  const page = await open(context, node);
  await create(page, 'Ada');
  await page.close();

  const other = await blank(context, node);
  await other.evaluate(async () => {
    const root = await navigator.storage.getDirectory();
    const walk = async (folder: FileSystemDirectoryHandle): Promise<void> => {
      for await (const [, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>) {
        if (handle.kind === 'directory') {
          await walk(handle as FileSystemDirectoryHandle);
          continue;
        }
        const size = (await (handle as FileSystemFileHandle).getFile()).size;
        if (size <= 8_192) continue;
        const writable = await (handle as FileSystemFileHandle).createWritable({ keepExistingData: true });
        // Behind the pool's own header.
        await writable.write({ type: 'write', position: 4_096 + 100, data: new Uint8Array(500) });
        await writable.close();
      }
    };
    await walk(root);
  });
  const damaged = await open(context, node);
  expect(await boot(damaged)).toEqual({ state: 'stopped', reason: 'database-damaged' });
  await damaged.close();

  // A tab that was closed lets its files go a little later.
  await expect(() => other.evaluate(async () => {
    await (await navigator.storage.getDirectory()).removeEntry('sottovoce', { recursive: true });
  })).toPass();
  const lost = await open(context, node);
  expect(await boot(lost)).toEqual({ state: 'stopped', reason: 'storage-lost' });
  await lost.evaluate(() => harness.engine.erase());
  expect((await boot(lost)).state).toBe('empty');
  await context.close();
});

test('an older tab that owns the engine is told of, and followed once it is closed', async ({ browser, node }) => {
  const context = await browser.newContext();
  const older = await blank(context, node);
  await older.evaluate(
    () =>
      new Promise<void>((held) => {
        void navigator.locks.request('sottovoce:engine', () => {
          const channel = new BroadcastChannel('sottovoce:owner');
          channel.onmessage = ({ data }: MessageEvent<{ tab: string }>) => {
            new BroadcastChannel(`sottovoce:to:${data.tab}`).postMessage({ t: 'owner', owner: 'old', version: 0 });
          };
          held();
          return new Promise(() => undefined);
        });
      }),
  );
  const page = await open(context, node);
  expect(await boot(page)).toEqual({ state: 'stopped', reason: 'older-tab' });
  await older.close();
  await page.waitForFunction(() => harness.boots.at(-1) === 'empty');
  await create(page, 'Ada');
  await context.close();
});

test('an account that is erased can be made again and again', async ({ browser, node }) => {
  const context = await browser.newContext();
  const page = await open(context, node);
  for (let round = 0; round < 8; round++) {
    const name = `Ada ${round}`;
    expect((await page.evaluate((name) => harness.engine.create({ name }), name)).name).toBe(name);
    await page.evaluate(() => harness.engine.erase());
  }
  await context.close();
});
