/** What goes wrong around the real app: a node that dies, no network, two tabs, a wrong clock, a full disk. */
import { cp, readFile, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Page } from '@playwright/test';
import { type Person, axeFindings, createIdentity, inviteLink, listen, meet, message, newcomer, say, stands, whenThere } from './app';
import type { Harness } from './engine/page';
import { type TestNode, expect, test } from './fixtures';
import { BOTH, ENGINE_PATH, boot, create, meet as meetEngines, open, texts } from './talk';

declare const harness: Harness;

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, at) => `message ${from + at}`);

/** The texts of the open conversation, as they stand in the page. */
const shown = (page: Page): Promise<string[]> =>
  page.locator('[data-testid=message] .text p').evaluateAll((nodes) =>
    nodes.flatMap((node) => [...node.childNodes].map((child) => child.nodeValue?.trim() ?? '')).filter((text) => /^message \d+$/.test(text)));

async function pair(browser: Parameters<typeof newcomer>[0], node: TestNode): Promise<[Person, Person]> {
  const [ada, ben] = [await newcomer(browser, node, 'Ada'), await newcomer(browser, node, 'Ben')];
  await meet(ada, ben, node);
  return [ada, ben];
}

const close = (...people: Person[]): Promise<void[]> => Promise.all(people.map(({ context }) => context.close()));

test('a node that is killed in mid-conversation costs nothing', async ({ browser, node }) => {
  const [ada, ben] = await pair(browser, node);
  for (const text of numbers(1, 5)) await say(ada.page, text);
  await stands(ada.page, 'message 5', /^(delivered|read)$/);
  // Some of these reach it before it dies, others do not.
  for (const text of numbers(6, 9)) await say(ada.page, text);
  await node.kill();
  for (const text of numbers(10, 14)) await say(ada.page, text);
  await stands(ada.page, 'message 14', /^pending$/);
  await say(ben.page, 'message 15');
  await stands(ben.page, 'message 15', /^pending$/);
  await node.resume();
  await stands(ada.page, 'message 14', /^(delivered|read)$/);
  await expect(message(ada.page, 'message 15')).toHaveAttribute('data-state', 'received');
  expect((await shown(ben.page)).filter((text) => text !== 'message 15')).toEqual(numbers(1, 14));
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
  await close(ada, ben);
});

test('without network history is read and what is written leaves later, in order', async ({ browser, node }) => {
  const [ada, ben] = await pair(browser, node);
  await say(ada.page, 'message 1');
  await stands(ada.page, 'message 1', /^(delivered|read)$/);
  await ada.page.waitForFunction(() => navigator.serviceWorker.controller !== null);
  await ada.context.setOffline(true);
  await node.kill();
  // Opened anew without any network: the app, its history, and what is written now.
  await ada.page.reload();
  await expect(message(ada.page, 'message 1')).toBeVisible();
  for (const text of numbers(2, 6)) await say(ada.page, text);
  await stands(ada.page, 'message 6', /^pending$/);
  await expect(ada.page.getByText(/No network|Looking for the node/)).toBeVisible();
  await node.resume();
  await ada.context.setOffline(false);
  await stands(ada.page, 'message 6', /^(delivered|read)$/);
  expect(await shown(ben.page)).toEqual(numbers(1, 6));
  await close(ada, ben);
});

test('who was away finds everything, in order, once', async ({ browser, node }) => {
  const [ada, ben] = await pair(browser, node);
  await say(ada.page, 'message 1');
  await stands(ada.page, 'message 1', /^(delivered|read)$/);
  await ben.page.close();
  for (const text of numbers(2, 11)) await say(ada.page, text);
  await stands(ada.page, 'message 11', /^stored$/);
  const again = await ben.context.newPage();
  await again.goto(node.url);
  await again.getByTestId('conversation').first().click();
  await expect(message(again, 'message 11')).toBeVisible();
  expect(await shown(again)).toEqual(numbers(1, 11));
  await stands(ada.page, 'message 11', /^(delivered|read)$/);
  await close(ada, ben);
});

test('two tabs agree, and one takes over from the other', async ({ browser, node }) => {
  const [ada, ben] = await pair(browser, node);
  const second = await ada.context.newPage();
  await second.goto(ada.page.url());
  await second.getByTestId('composer').waitFor();
  await say(second, 'message 1');
  await stands(ada.page, 'message 1', /^(delivered|read)$/);
  await say(ada.page, 'message 2');
  await stands(second, 'message 2', /^(delivered|read)$/);

  await second.getByTestId('composer').fill('message 3');
  const shownAt = whenThere(second, '[data-testid=message] .text', 'message 3');
  const begun = Date.now();
  await ada.page.close();
  await second.getByTestId('composer').press('Enter');
  console.log(`measured: takeover ${(await shownAt) - begun} ms from when the first tab is told to close`);
  await stands(second, 'message 3', /^(delivered|read)$/);
  await say(ben.page, 'message 4');
  await expect(message(second, 'message 4')).toBeVisible();
  expect(await shown(second)).toEqual(numbers(1, 4));
  expect(await shown(ben.page)).toEqual(numbers(1, 4));
  await close(ada, ben);
});

/** A copy of the app in which files are changed; the node can be started again with it. */
async function changed(name: string, file: RegExp, change: (bytes: Buffer) => Buffer): Promise<string> {
  const folder = `test-results/changed-${name}`;
  await rm(folder, { recursive: true, force: true });
  await cp(BOTH, folder, { recursive: true });
  const found = (await readdir(folder, { recursive: true })).filter((path) => file.test(path));
  expect(found.length).toBeGreaterThan(0);
  for (const path of found) await writeFile(join(folder, path), change(await readFile(join(folder, path))));
  // Browsers keep what is named by a hash for ever: other files have other names.
  const names = (await readdir(join(folder, 'assets'))).flatMap((path) => /-([\w-]{8})\./.exec(path)?.[1] ?? []);
  const renamed = (text: string): string =>
    names.reduce((all, hash) => all.replaceAll(`-${hash}.`, `-${[...hash].reverse().join('')}.`), text);
  for (const path of await readdir(folder, { recursive: true })) {
    if (!/\.(js|css|html)$/.test(path)) continue;
    await writeFile(join(folder, path), renamed(await readFile(join(folder, path), 'utf8')));
  }
  for (const path of await readdir(join(folder, 'assets'))) await rename(join(folder, 'assets', path), join(folder, 'assets', renamed(path)));
  return folder;
}

/** A line for each file that the origin keeps: its size and hash. Their names change nothing. */
async function sumsOfFiles(): Promise<string[]> {
  const sums: string[] = [];
  const walk = async (folder: FileSystemDirectoryHandle): Promise<void> => {
    for await (const [, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>) {
      if (handle.kind === 'directory') {
        await walk(handle as FileSystemDirectoryHandle);
        continue;
      }
      const bytes = await (await (handle as FileSystemFileHandle).getFile()).arrayBuffer();
      const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
      sums.push(`${bytes.byteLength} ${[...hash].join(' ')}`);
    }
  };
  await walk(await navigator.storage.getDirectory());
  return sums.sort();
}

test.describe('an app that was changed', () => {
  test.use({ web: BOTH });

  test('a clock that is an hour off changes neither order nor delivery', async ({ browser, node }) => {
    const ben = await newcomer(browser, node, 'Ben');
    await node.kill();
    const early = Buffer.from('{const now=Date.now.bind(Date);Date.now=()=>now()-36e5;}\n');
    await node.resume(await changed('clock', /^assets\/worker-.*\.js$/, (bytes) => Buffer.concat([early, bytes])));
    const ada = await newcomer(browser, node, 'Ada');
    await meet(ada, ben, node);
    for (let round = 0; round < 3; round += 1) {
      await say(ada.page, `message ${round * 2 + 1}`);
      await expect(message(ben.page, `message ${round * 2 + 1}`)).toBeVisible();
      await say(ben.page, `message ${round * 2 + 2}`);
      await expect(message(ada.page, `message ${round * 2 + 2}`)).toBeVisible();
    }
    await stands(ada.page, 'message 5', /^(delivered|read)$/);
    await stands(ben.page, 'message 6', /^(delivered|read)$/);
    for (const { page } of [ada, ben]) expect(await shown(page)).toEqual(numbers(1, 6));
    await close(ada, ben);
  });

  test('an invite that has run out says so, and leads in while it holds', async ({ browser, node }) => {
    const ada = await newcomer(browser, node, 'Ada');
    const link = await inviteLink(ada.page);
    // For whoever comes now a link's week is over.
    await node.kill();
    const late = Buffer.from('{const now=Date.now.bind(Date);Date.now=()=>now()+8*864e5;}\n');
    await node.resume(await changed('late', /^assets\/worker-.*\.js$/, (bytes) => Buffer.concat([late, bytes])));
    const context = await browser.newContext({ locale: 'en-GB' });
    const page = await context.newPage();
    const complaints = listen(page);
    await page.goto(link);
    await createIdentity(page, 'Ben');
    await expect(page.getByRole('heading', { name: 'This invite doesn’t work' })).toBeVisible();
    await expect(page.getByText('This invite is used up or has run out. Ask for a new one.')).toBeVisible();
    await expect(page.getByTestId('accept-invite')).toBeHidden();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Not now' }).click();
    await page.getByTestId('search').waitFor();

    // Whose clock says that it holds comes in by it.
    await node.kill();
    await node.resume(BOTH);
    const third = await browser.newContext({ locale: 'en-GB' });
    const other = await third.newPage();
    await other.goto(link);
    await createIdentity(other, 'Cleo');
    await other.getByTestId('accept-invite').click();
    await other.getByTestId('composer').waitFor();
    expect([...ada.complaints, ...complaints]).toEqual([]);
    await Promise.all([ada.context.close(), context.close(), third.close()]);
  });

  test('a database of a newer version is left alone, and said so', async ({ browser, node }) => {
    // The version that it writes gets a 99 in front.
    const [old, newer] = [Buffer.from('; PRAGMA user_version = '), Buffer.from('; PRAGMA user_version=99')];
    const folder = await changed('newer', /\.wasm$/, (bytes) => {
      const at = bytes.indexOf(old);
      expect(at).toBeGreaterThan(0);
      newer.copy(bytes, at);
      return bytes;
    });
    await node.kill();
    await node.resume(folder);
    const context = await browser.newContext({ locale: 'en-GB' });
    const page = await open(context, node, ENGINE_PATH);
    await create(page, 'Ada');
    await page.close();
    await node.kill();
    await node.resume(BOTH);
    // A page of the origin without an engine reads the files.
    await context.route('**/blank', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html>' }));
    const files = async (): Promise<string[]> => {
      const blank = await context.newPage();
      await blank.goto(`${node.url}/blank`);
      const sums = await blank.evaluate(sumsOfFiles);
      await blank.close();
      return sums;
    };
    // Opening writes the log of the newer version home, once; after that nothing is touched.
    const seen: string[][] = [];
    for (let round = 0; round < 2; round += 1) {
      const older = await open(context, node, ENGINE_PATH);
      expect(await boot(older)).toEqual({ state: 'stopped', reason: 'database-newer' });
      await older.close();
      seen.push(await files());
    }
    expect(seen[0]!.length).toBeGreaterThan(0);
    expect(seen[1]).toEqual(seen[0]);
    await context.close();
  });
});

test.describe('storage that runs out', () => {
  test.use({ web: BOTH });

  test('a full disk refuses what it cannot keep, and keeps what it has', async ({ browser, node }) => {
    const [ada, ben] = [await browser.newContext(), await browser.newContext()];
    const [one, other] = [await open(ada, node, ENGINE_PATH), await open(ben, node, ENGINE_PATH)];
    await create(one, 'Ada');
    await create(other, 'Ben');
    const conversation = await meetEngines(one, other);
    const send = (text: string): Promise<string> =>
      one.evaluate(
        ([conversation, text]) =>
          harness.engine.sendText({ conversation: conversation!, text: text! }).then(() => 'kept', (error: { code: string }) => error.code),
        [conversation, text] as const,
      );
    expect(await send('message 1')).toBe('kept');
    const { usage } = await one.evaluate(() => navigator.storage.estimate());
    const cdp = await ada.newCDPSession(one);
    const origin = new URL(node.url).origin;
    await cdp.send('Storage.overrideQuotaForOrigin', { origin, quotaSize: (usage ?? 0) + 300_000 });
    let kept = 1;
    let refusal = '';
    for (let at = 2; at < 400 && refusal === ''; at += 1) {
      const answer = await send(`message ${at} ${'x'.repeat(20_000)}`);
      if (answer === 'kept') kept += 1;
      else refusal = answer;
    }
    expect(refusal).toBe('storage-full');
    await cdp.send('Storage.overrideQuotaForOrigin', { origin });
    await one.reload();
    expect((await boot(one)).state).toBe('ready');
    const all = await texts(one, conversation, kept);
    expect(all.map((text) => /message \d+/.exec(text)?.[0])).toEqual(numbers(1, kept));
    expect((await texts(other, conversation, kept)).length).toBe(kept);
    expect(await send('message 1000')).toBe('kept');
    await Promise.all([ada.close(), ben.close()]);
  });

  test('a thousand messages that arrive while one scrolls move nothing that is read', async ({ browser, node }) => {
    test.setTimeout(300_000);
    const ada = await newcomer(browser, node, 'Ada');
    const ben = await browser.newContext();
    const other = await open(ben, node, ENGINE_PATH);
    await create(other, 'Ben');
    await ada.page.getByTestId('invite').first().click();
    const link = await ada.page.getByTestId('invite-link').inputValue();
    await ada.page.keyboard.press('Escape');
    await other.evaluate((link) => harness.engine.accept({ link }), link);
    await ada.page.getByTestId('conversation').first().click();
    await ada.page.getByTestId('composer').waitFor();
    const conversation = /[0-9a-f]{32}/.exec(ada.page.url())?.[0] ?? '';
    await other.evaluate(async (id) => {
      await harness.until<{ id: string }[]>('conversations', [], (rows) => rows.some((row) => row.id === id));
      await Promise.all(Array.from({ length: 120 }, (_, at) => harness.engine.sendText({ conversation: id, text: `early ${at}` })));
    }, conversation);
    await expect(message(ada.page, 'early 119')).toBeVisible();
    await ada.page.locator('.timeline').evaluate((node) => { node.scrollTop -= 1_500; });
    await ada.page.locator('.jump').waitFor();
    // Watches each frame: what is topmost stays where it is but for what the reader scrolls.
    await ada.page.evaluate(() => {
      const timeline = document.querySelector<HTMLElement>('.timeline')!;
      const watch = { worst: 0, longest: 0, frames: 0, isOver: false };
      Object.assign(window, { watch });
      let last = performance.now();
      let mark: { node: Element; top: number } | null = null;
      const frame = (): void => {
        const now = performance.now();
        watch.longest = Math.max(watch.longest, now - last);
        watch.frames += 1;
        last = now;
        const edge = timeline.getBoundingClientRect().top;
        if (mark?.node.isConnected) watch.worst = Math.max(watch.worst, Math.abs(mark.node.getBoundingClientRect().top - mark.top));
        const node = [...timeline.querySelectorAll('[data-testid=message]')].find((one) => one.getBoundingClientRect().top >= edge);
        // Every 20 frames the reader scrolls a little, one way and back.
        if (watch.frames % 20 === 0) timeline.scrollTop += watch.frames % 40 === 0 ? 90 : -90;
        mark = node ? { node, top: node.getBoundingClientRect().top } : null;
        if (!watch.isOver) requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    await other.evaluate(async (id) => {
      for (let batch = 0; batch < 20; batch += 1) {
        await Promise.all(Array.from({ length: 50 }, (_, at) => harness.engine.sendText({ conversation: id, text: `late ${batch * 50 + at}` })));
      }
    }, conversation);
    // Some of the early ones are unread, too.
    await expect(ada.page.locator('.jump')).toContainText(/1,[01]\d\d/, { timeout: 120_000 });
    const watched = await ada.page.evaluate(() => {
      const { watch } = window as unknown as { watch: { worst: number; longest: number; frames: number; isOver: boolean } };
      watch.isOver = true;
      return watch;
    });
    console.log(`measured: longest frame ${Math.round(watched.longest)} ms of ${watched.frames}`);
    expect(watched.frames).toBeGreaterThan(20);
    expect(watched.worst).toBeLessThanOrEqual(2);
    await ada.page.locator('.jump').click();
    await expect(message(ada.page, 'late 999')).toBeInViewport();
    expect(ada.complaints).toEqual([]);
    await Promise.all([ada.context.close(), ben.close()]);
  });
});
