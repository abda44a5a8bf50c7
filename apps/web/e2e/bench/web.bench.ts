/**
 * How fast the app is, in Chromium at a node on this machine. Each row of the table in benches/README.md is one test.
 *
 * What is measured is what its user sees, by the clock of the page or of this program; nothing is asserted but that it
 * works, for the machine decides the rest.
 */
import { readFile } from 'node:fs/promises';
import type { BrowserContext, Page } from '@playwright/test';
import { type Person, createIdentity, inviteLink, meet, say, stands, whenThere } from '../app';
import type { Harness } from '../engine/page';
import { type TestNode, expect } from '../fixtures';
import { BOTH, ENGINE_PATH, create, open } from '../talk';
import { TINY, report, test } from './measure';

declare const harness: Harness;

const CATCH_UP = TINY ? 200 : 10_000;
const LARGE = TINY ? 500 : 100_000;
const CONVERSATIONS = TINY ? 5 : 50;
const SENDS = TINY ? 10 : 200;
const ROUNDS = TINY ? 2 : 9;

const rounded = (value: number): number => Math.round(value * 10) / 10;
const percentile = (values: number[], share: number): number =>
  rounded([...values].sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0);

const firstPage = async (context: BrowserContext): Promise<Page> => context.pages()[0] ?? context.newPage();

/** Somebody new, at their list. */
async function newcomer(context: BrowserContext, node: TestNode, name: string): Promise<Person> {
  const page = await firstPage(context);
  await page.goto(node.url);
  await createIdentity(page, name);
  await page.getByTestId('search').waitFor();
  return { context, page, complaints: [] };
}

/** From the navigation to the first screen that takes a press, milliseconds. */
async function load(page: Page, node: TestNode): Promise<number> {
  await page.addInitScript(() => {
    const observer = new MutationObserver(() => {
      if (!document.querySelector('[data-testid=create-identity]')) return;
      observer.disconnect();
      Object.assign(window, { firstAt: Date.now() });
    });
    observer.observe(document, { childList: true, subtree: true });
  });
  const begun = Date.now();
  await page.goto(node.url, { waitUntil: 'commit' });
  const first = await page.waitForFunction(() => (window as unknown as { firstAt?: number }).firstAt);
  return (await first.jsonValue() ?? NaN) - begun;
}

test('first load', async ({ profile, node }) => {
  for (const [name, slow] of [['web_first_load', false], ['web_first_load_10mbit_4x', true]] as const) {
    const context = await profile();
    const page = await firstPage(context);
    const cdp = await context.newCDPSession(page);
    await cdp.send('Network.enable');
    if (slow) {
      const bytes = 10_000_000 / 8;
      await cdp.send('Network.emulateNetworkConditions', { offline: false, latency: 20, downloadThroughput: bytes, uploadThroughput: bytes });
      await cdp.send('Emulation.setCPUThrottlingRate', { rate: 4 });
    }
    let fetched = 0;
    cdp.on('Network.loadingFinished', ({ encodedDataLength }) => (fetched += encodedDataLength));
    const cold = await load(page, node);
    const first = fetched;
    await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
    const warm = await load(await context.newPage(), node);
    await report(name, { cold_ms: cold, warm_ms: warm, page_bytes: first });
  }
  // Every file of the app in its packed form.
  const sizes = await installedBytes(node);
  await report('web_bytes', sizes);
});

/** Bytes of a file on the wire. */
async function packed(node: TestNode, path: string): Promise<number> {
  const response = await fetch(`${node.url}${path}`, { headers: { 'accept-encoding': 'br' } });
  await response.arrayBuffer();
  return Number(response.headers.get('content-length'));
}

/** The packed bytes of the whole installed app. */
async function installedBytes(node: TestNode): Promise<Record<string, number>> {
  const worker = await (await fetch(`${node.url}/sw.js`)).text();
  const shell = /"(\/ [^"]+)"|'(\/ [^']+)'|`(\/ [^`]+)`/.exec(worker);
  const paths = (shell?.[1] ?? shell?.[2] ?? shell?.[3] ?? '').split(' ').filter(Boolean);
  let all = 0;
  let wasm = 0;
  for (const path of paths) {
    const bytes = await packed(node, path);
    all += bytes;
    if (path.endsWith('.wasm')) wasm += bytes;
  }
  return { installed_bytes: all, wasm_bytes: wasm, files: paths.length };
}

test('an identity and its first invite', async ({ profile, node }) => {
  const page = await firstPage(await profile());
  await page.goto(node.url);
  await page.getByTestId('create-identity').click();
  await page.getByTestId('display-name').fill('Ada');
  const [offered, shown] = [whenThere(page, '[data-testid=invite]'), whenThere(page, '[data-testid=invite-link]')];
  const begun = Date.now();
  await page.getByTestId('display-name').press('Enter');
  const offeredAt = await offered;
  await page.evaluate(() => document.querySelector<HTMLElement>('[data-testid=invite]')!.click());
  await report('web_invite', { ms: (await shown) - begun, list_ms: offeredAt - begun });
});

test('from the press of Enter to delivered', async ({ profile, node }) => {
  const context = await profile();
  // What the page and its workers ask for, and not what the service worker brings for later.
  const files = new Set<string>();
  context.on('request', (request) => {
    const { origin, pathname } = new URL(request.url());
    if (!request.serviceWorker() && origin === node.url && /^\/(assets\/.*|icons\/.*|[^/]*)$/.test(pathname)) files.add(pathname);
  });
  const [ada, ben] = [await newcomer(context, node, 'Ada'), await newcomer(await profile(), node, 'Ben')];
  await meet(ada, ben, node);
  await say(ada.page, 'warm');
  await stands(ada.page, 'warm', /^(delivered|read)$/);
  const bytes = await Promise.all([...files].map((path) => packed(node, path)));
  await report('web_first_chat', { files: bytes.length, bytes: bytes.reduce((sum, one) => sum + one, 0) });
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
});

test('another tab takes over', async ({ profile, node }) => {
  const [ada, ben] = [await newcomer(await profile(), node, 'Ada'), await newcomer(await profile(), node, 'Ben')];
  await meet(ada, ben, node);
  await say(ada.page, 'warm');
  await stands(ada.page, 'warm', /^(delivered|read)$/);
  const times: number[] = [];
  let owner = ada.page;
  for (let round = 0; round < ROUNDS; round += 1) {
    const next = await ada.context.newPage();
    await next.goto(owner.url());
    await expect(next.getByTestId('message').last()).toBeVisible();
    await next.getByTestId('composer').fill(`round ${round};`);
    const shownAt = whenThere(next, '[data-testid=message] .text', `round ${round};`);
    const begun = Date.now();
    await Promise.all([owner.close(), next.getByTestId('composer').press('Enter')]);
    times.push((await shownAt) - begun);
    owner = next;
  }
  await report('web_takeover', { rounds: ROUNDS, p50_ms: percentile(times, 0.5), longest_ms: Math.max(...times) });
});

/** The app's page beside a bare engine that can write much. */
async function crowd(profile: () => Promise<BrowserContext>, node: TestNode) {
  const ada = await newcomer(await profile(), node, 'Ada');
  const context = await profile();
  const other = await open(context, node, ENGINE_PATH);
  await create(other, 'Ben');
  const link = await inviteLink(ada.page);
  await other.evaluate((link) => harness.engine.accept({ link }), link);
  await ada.page.getByTestId('conversation').first().click();
  await ada.page.getByTestId('composer').waitFor();
  const conversation = /[0-9a-f]{32}/.exec(ada.page.url())?.[0] ?? '';
  /** Lines in their conversation, or in another that both are in. */
  const write = (count: number, place = conversation): Promise<void> => other.evaluate(async ([id, count]) => {
    await harness.until<{ id: string }[]>('conversations', [], (rows) => rows.some((row) => row.id === id));
    for (let sent = 0; sent < count; sent += 200) {
      await Promise.all(Array.from({ length: Math.min(200, count - sent) }, (_, at) =>
        harness.engine.sendText({ conversation: id, text: `line ${sent + at} of a long conversation about lemons` })));
    }
    await harness.until<{ waiting: number }>('network', [], (network) => network.waiting === 0);
  }, [place, count] as const);
  const newGroup = (title: string): Promise<string> => other.evaluate(async ([id, title]) => {
    const rows = await harness.until<{ id: string; peer: string | null }[]>('conversations', [], (rows) => rows.some((row) => row.id === id && row.peer));
    const peer = rows.find((row) => row.id === id)?.peer ?? '';
    return (await harness.engine.newGroup({ title, members: [peer] })).conversation;
  }, [conversation, title] as const);
  return { ada, conversation, write, newGroup };
}

/** What a person's page, worker and service worker hold that is theirs alone: the private memory of their processes. */
async function processBytes({ context, page }: Person): Promise<number> {
  const cdp = await (context.browser() ?? raise('a profile has a browser')).newBrowserCDPSession();
  const { processInfo } = await cdp.send('SystemInfo.getProcessInfo');
  await (await context.newCDPSession(page)).send('HeapProfiler.collectGarbage');
  const rollups = await Promise.all(processInfo.filter(({ type }) => type === 'renderer').map(({ id }) => readFile(`/proc/${id}/smaps_rollup`, 'utf8')));
  const bytes = rollups.map((text) => [...text.matchAll(/^Private_\w+:\s+(\d+) kB/gm)].reduce((sum, [, kib]) => sum + Number(kib) * 1_024, 0));
  return bytes.reduce((sum, one) => sum + one, 0);
}

function raise(what: string): never {
  throw new Error(what);
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
  // A hundred thousand are not written at the pace that a node allows in one conversation.
  const PACE = 1_000_000;
  const limits = ['lane_appends_per_s', 'lane_appends_burst'].flatMap((name) => ['--limit', `${name}=${PACE}`]);
  test.use({ web: BOTH, options: limits });

  test('catching up', async ({ profile, node }) => {
    const { ada, write } = await crowd(profile, node);
    await ada.page.goto('about:blank');
    await write(CATCH_UP);
    await ada.page.goto(node.url, { waitUntil: 'commit' });
    const begun = Date.now();
    await ada.page.getByTestId('search').waitFor();
    await watchTasks(ada.page);
    const readAt = await whenThere(ada.page, '[data-testid=conversation]', `line ${CATCH_UP - 1} `);
    await report('web_catch_up', { messages: CATCH_UP, ms: readAt - begun, longest_task_ms: await longestTask(ada.page) });
  });

  test('typing while a thousand arrive', async ({ profile, node }) => {
    const { ada, write } = await crowd(profile, node);
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
  });

  test('a large conversation', async ({ profile, node }) => {
    const { ada, conversation, write } = await crowd(profile, node);
    await write(LARGE);
    await expect(ada.page.getByTestId('conversation').first()).toContainText(`line ${LARGE - 1} `, { timeout: 1_000_000 });
    await ada.page.goto(node.url);
    await ada.page.getByTestId('conversation').first().waitFor();
    const open = (): Promise<number> => ada.page.evaluate(async ([id, text]) => {
      const begun = performance.now();
      location.hash = `c/${id}`;
      while (!document.querySelector('.timeline.begun')?.textContent?.includes(text)) await new Promise((next) => { requestAnimationFrame(next); });
      return performance.now() - begun;
    }, [conversation, `line ${LARGE - 1} `] as const);
    const opened = await open();
    const again: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      await ada.page.evaluate(() => { location.hash = ''; });
      await expect(ada.page.locator('.timeline')).toHaveCount(0);
      again.push(await open());
    }
    const words = `line ${LARGE >> 1}`;
    const foundAt = whenThere(ada.page, 'a.hit', words);
    const begun = await ada.page.evaluate((words) => {
      const field = document.querySelector<HTMLInputElement>('[data-testid=search]')!;
      field.value = words;
      field.dispatchEvent(new Event('input', { bubbles: true }));
      return Date.now();
    }, words);
    const found = (await foundAt) - begun;
    await report('web_large', { messages: LARGE, open_ms: rounded(opened), open_again_ms: percentile(again, 0.5), search_ms: found, process_bytes: await processBytes(ada) });
  });

  test('fifty conversations', async ({ profile, node }) => {
    const { ada, conversation, write, newGroup } = await crowd(profile, node);
    const all = [conversation];
    while (all.length < CONVERSATIONS) all.push(await newGroup(`Group ${all.length}`));
    const each = LARGE / CONVERSATIONS;
    for (const place of all) await write(each, place);
    const rows = ada.page.getByTestId('conversation');
    const last = rows.filter({ hasText: `line ${each - 1} ` });
    await expect(last).toHaveCount(CONVERSATIONS, { timeout: 1_000_000 });
    const caughtUp = await processBytes(ada);
    await ada.page.goto(node.url);
    await expect(last).toHaveCount(CONVERSATIONS);
    // Somebody who looks into each of them.
    for (const place of all) {
      await ada.page.evaluate((id) => { location.hash = `c/${id}`; }, place);
      // It opens where the unread ones begin; End leads to the newest.
      const messages = ada.page.locator('.timeline.begun').getByTestId('message');
      await messages.first().waitFor();
      await messages.last().press('End');
      await expect(messages.last()).toContainText(`line ${each - 1} `);
    }
    await report('web_memory', { conversations: CONVERSATIONS, messages: LARGE, caught_up_bytes: caughtUp, process_bytes: await processBytes(ada) });
  });
});
