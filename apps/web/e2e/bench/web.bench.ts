/**
 * How fast the app is, in Chromium at a node on this machine. Each row of the table in benches/README.md is one test.
 *
 * What is measured is what its user sees, by the clock of the page or of this program; nothing is asserted but that it
 * works, for the machine decides the rest.
 */
import { appendFile } from 'node:fs/promises';
import type { Browser, Page } from '@playwright/test';
import { inviteLink, meet, newcomer, say, stands } from '../app';
import type { Harness } from '../engine/page';
import { type TestNode, expect, test } from '../fixtures';
import { BOTH, ENGINE_PATH, create, open } from '../talk';

declare const harness: Harness;

const TINY = Boolean(process.env['BENCH_TINY']);
const CATCH_UP = TINY ? 200 : 10_000;
const LARGE = TINY ? 500 : 100_000;
const SENDS = TINY ? 10 : 200;

async function report(name: string, values: Record<string, number | string>): Promise<void> {
  const line = JSON.stringify({ case: name, subject: 'web', ...values });
  console.log(line);
  const file = process.env['BENCH_OUT'];
  if (file) await appendFile(file, `${line}\n`);
}

const rounded = (value: number): number => Math.round(value * 10) / 10;
const percentile = (values: number[], share: number): number =>
  rounded([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);

/** From the navigation to the first screen that takes a press, milliseconds. */
async function load(page: Page, node: TestNode): Promise<number> {
  const begun = performance.now();
  await page.goto(node.url, { waitUntil: 'commit' });
  await page.getByTestId('create-identity').waitFor();
  return rounded(performance.now() - begun);
}

test('first load', async ({ browser, node }) => {
  for (const [name, slow] of [['web_first_load', false], ['web_first_load_10mbit_4x', true]] as const) {
    const context = await browser.newContext();
    const page = await context.newPage();
    const cdp = await context.newCDPSession(page);
    await cdp.send('Network.enable');
    if (slow) {
      const bytes = 10_000_000 / 8;
      await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 20, downloadThroughput: bytes, uploadThroughput: bytes });
      await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    }
    const cold = await load(page, node);
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const warm = await load(await context.newPage(), node);
    await report(name, { cold_ms: cold, warm_ms: warm });
    await context.close();
  }
  // What lies on the wire for a first visit: every file of the app in its packed form.
  const sizes = await firstLoadBytes(node);
  await report('web_bytes', sizes);
});

/** The packed bytes of what a first visit fetches before it is interactive, and of the whole installed app. */
async function firstLoadBytes(node: TestNode): Promise<Record<string, number>> {
  const packed = async (path: string): Promise<number> => {
    const response = await fetch(`${node.url}${path}`, { headers: { 'accept-encoding': 'br' } });
    await response.arrayBuffer();
    return Number(response.headers.get('content-length'));
  };
  const worker = await (await fetch(`${node.url}/sw.js`)).text();
  const shell = /"(\/ [^"]+)"|'(\/ [^']+)'|`(\/ [^`]+)`/.exec(worker);
  const paths = (shell?.[1] ?? shell?.[2] ?? shell?.[3] ?? '').split(' ').filter(Boolean);
  let all = 0;
  let wasm = 0;
  for (const path of paths) {
    const bytes = await packed(path);
    all += bytes;
    if (path.endsWith('.wasm')) wasm += bytes;
  }
  return { installed_bytes: all, wasm_bytes: wasm, files: paths.length };
}

test('an identity and its first invite', async ({ browser, node }) => {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(node.url);
  await page.getByTestId('create-identity').click();
  await page.getByTestId('display-name').fill('Ada');
  const begun = performance.now();
  await page.getByTestId('display-name').press('Enter');
  await page.getByTestId('invite').first().click();
  await page.getByTestId('invite-link').waitFor();
  await report('web_invite', { ms: rounded(performance.now() - begun) });
  await context.close();
});

test('from the press of Enter to delivered', async ({ browser, node }) => {
  const [ada, ben] = [await newcomer(browser, node, 'Ada'), await newcomer(browser, node, 'Ben')];
  await meet(ada, ben, node);
  await say(ada.page, 'warm');
  await stands(ada.page, 'warm', /^(delivered|read)$/);
  // Both clocks are this machine's: the time at which each text is first in the other's page.
  const watch = (page: Page): Promise<void> => page.evaluate(() => {
    const seen: Record<string, number> = {};
    Object.assign(window, { seen });
    new MutationObserver(() => {
      for (const node of document.querySelectorAll('[data-testid=message] .text p')) {
        const text = node.childNodes[0]?.nodeValue?.trim() ?? node.textContent?.trim() ?? '';
        for (const found of (node.textContent ?? '').match(/ping \d+;/g) ?? [text]) seen[found] ??= Date.now();
      }
    }).observe(document.body, { childList: true, subtree: true, characterData: true });
  });
  await watch(ben.page);
  const times: number[] = [];
  for (let at = 0; at < SENDS; at += 1) {
    await ada.page.getByTestId('composer').fill(`ping ${at};`);
    const begun = await ada.page.evaluate(() => {
      const field = document.querySelector<HTMLElement>('[data-testid=composer]')!;
      const now = Date.now();
      field.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, cancelable: true }));
      return now;
    });
    const seen = await ben.page.waitForFunction((key) => (window as unknown as { seen: Record<string, number> }).seen[key], `ping ${at};`);
    times.push((await seen.jsonValue() as number) - begun);
  }
  await report('web_send_delivered', { messages: SENDS, p50_ms: percentile(times, 0.5), p99_ms: percentile(times, 0.99) });
  await Promise.all([ada.context.close(), ben.context.close()]);
});

/** The app's page beside a bare engine that can write much. */
async function crowd(browser: Browser, node: TestNode) {
  const ada = await newcomer(browser, node, 'Ada');
  const context = await browser.newContext();
  const other = await open(context, node, ENGINE_PATH);
  await create(other, 'Ben');
  const link = await inviteLink(ada.page);
  await other.evaluate((link) => harness.engine.accept({ link }), link);
  await ada.page.getByTestId('conversation').first().click();
  await ada.page.getByTestId('composer').waitFor();
  const conversation = /[0-9a-f]{32}/.exec(ada.page.url())?.[0] ?? '';
  const write = (count: number): Promise<void> => other.evaluate(async ([id, count]) => {
    await harness.until<{ id: string }[]>('conversations', [], (rows) => rows.some((row) => row.id === id));
    for (let sent = 0; sent < count; sent += 200) {
      await Promise.all(Array.from({ length: Math.min(200, count - sent) }, (_, at) =>
        harness.engine.sendText({ conversation: id, text: `line ${sent + at} of a long conversation about lemons` })));
    }
    await harness.until<{ waiting: number }>('network', [], (network) => network.waiting === 0);
  }, [conversation, count] as const);
  return { ada, context, conversation, write };
}

const watchTasks = (page: Page): Promise<void> => page.evaluate(() => {
  const tasks = { longest: 0 };
  Object.assign(window, { tasks });
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) tasks.longest = Math.max(tasks.longest, entry.duration);
  }).observe({ type: 'longtask' });
});
const longestTask = (page: Page): Promise<number> => page.evaluate(() => Math.round((window as unknown as { tasks: { longest: number } }).tasks.longest));

test.describe('much', () => {
  test.use({ web: BOTH });

  test('catching up', async ({ browser, node }) => {
    const { ada, context, write } = await crowd(browser, node);
    await ada.page.goto('about:blank');
    await write(CATCH_UP);
    await ada.page.goto(node.url, { waitUntil: 'commit' });
    const begun = performance.now();
    await ada.page.getByTestId('search').waitFor();
    await watchTasks(ada.page);
    await expect(ada.page.getByTestId('conversation').first()).toContainText(`line ${CATCH_UP - 1} `, { timeout: 600_000 });
    await report('web_catch_up', { messages: CATCH_UP, ms: rounded(performance.now() - begun), longest_task_ms: await longestTask(ada.page) });
    await Promise.all([ada.context.close(), context.close()]);
  });

  test('typing while a thousand arrive', async ({ browser, node }) => {
    const { ada, context, write } = await crowd(browser, node);
    await watchTasks(ada.page);
    await ada.page.evaluate(() => {
      const frames = { longest: 0, count: 0 };
      Object.assign(window, { frames });
      let last = performance.now();
      const frame = (): void => {
        const now = performance.now();
        frames.longest = Math.max(frames.longest, now - last);
        frames.count += 1;
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    const writing = write(TINY ? 100 : 1_000);
    let isWritten = false;
    void writing.then(() => { isWritten = true; });
    const field = ada.page.getByTestId('composer');
    while (!isWritten) await field.pressSequentially('softly ', { delay: 30 });
    const { longest, count } = await ada.page.evaluate(() => (window as unknown as { frames: { longest: number; count: number } }).frames);
    await report('web_typing', { messages: TINY ? 100 : 1_000, longest_frame_ms: Math.round(longest), frames: count, longest_task_ms: await longestTask(ada.page) });
    await Promise.all([ada.context.close(), context.close()]);
  });

  test('a large conversation', async ({ browser, node }) => {
    const { ada, context, conversation, write } = await crowd(browser, node);
    await write(LARGE);
    await expect(ada.page.getByTestId('conversation').first()).toContainText(`line ${LARGE - 1} `, { timeout: 1_000_000 });
    await ada.page.goto(node.url);
    await ada.page.getByTestId('conversation').first().waitFor();
    const opened = await ada.page.evaluate(async ([id, text]) => {
      const begun = performance.now();
      location.hash = `c/${id}`;
      while (!document.querySelector('.timeline.begun')?.textContent?.includes(text)) await new Promise((next) => { requestAnimationFrame(next); });
      return performance.now() - begun;
    }, [conversation, `line ${LARGE - 1} `] as const);
    const words = `line ${LARGE >> 1}`;
    const begun = performance.now();
    await ada.page.getByTestId('search').fill(words);
    await ada.page.locator('a.hit').first().waitFor();
    const found = performance.now() - begun;
    const cdp = await ada.context.newCDPSession(ada.page);
    const { usedSize } = await cdp.send('Runtime.getHeapUsage');
    await report('web_large', { messages: LARGE, open_ms: rounded(opened), search_ms: rounded(found), page_heap_bytes: usedSize });
    await Promise.all([ada.context.close(), context.close()]);
  });
});
