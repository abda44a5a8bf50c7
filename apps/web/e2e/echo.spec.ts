/** A browser rings a command line that echoes: the test call with which a user tries their devices. */

import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import type { Page } from '@playwright/test';
import { inviteLink, newcomer } from './app';
import { BIN, expect, test } from './fixtures';

const run = promisify(execFile);

test.use({ options: ['--relay', 'private'] });

interface Kept { peers: RTCPeerConnection[] }

/** Calls without a look at oneself first, and keeps the page's connections where the test finds them. */
const KEEP = `
  localStorage.setItem('call-preview', 'off');
  globalThis.kept = { peers: [] };
  const Own = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Own { constructor(...a) { super(...a); globalThis.kept.peers.push(this); } };
`;

/** A number that the browser counted of what comes. */
const counted = (page: Page, kind: 'audio' | 'video', name: string): Promise<number> =>
  page.evaluate(async ({ kind, name }) => {
    const peer = (globalThis as unknown as { kept: Kept }).kept.peers.at(-1);
    const reports = [...((await peer?.getStats())?.values() ?? [])] as Record<string, unknown>[];
    return Number(reports.find((one) => one['type'] === 'inbound-rtp' && one['kind'] === kind)?.[name] ?? 0);
  }, { kind, name });

/** The loudest moment within so long, of what is heard of the other side. */
const loudest = (page: Page, ms: number): Promise<number> =>
  page.evaluate(async (ms) => {
    const stream = (document.querySelector('[data-who=them]') as HTMLVideoElement).srcObject as MediaStream;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let peak = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) {
      analyser.getFloatTimeDomainData(samples);
      peak = Math.max(peak, ...samples.map(Math.abs));
      await new Promise((done) => setTimeout(done, 10));
    }
    await context.close();
    return peak;
  }, ms);

test('a browser that rings the echo sees its own frames and hears its own tone', async ({ browser, node }) => {
  const profile = await mkdtemp(join(tmpdir(), 'sottovoce-echo-'));
  const words = (...more: string[]): string[] => ['--profile', profile, '--json', ...more];
  const cli = join(BIN, 'sottovoce');
  let echo: ChildProcess | null = null;
  try {
    await run(cli, words('new', '--node', node.url, '--name', 'Echo'));
    const ada = await newcomer(browser, node, 'Ada', { permissions: ['camera', 'microphone'], reducedMotion: 'reduce' });
    await ada.context.addInitScript(KEEP);
    await ada.page.reload();
    const link = await inviteLink(ada.page);
    await run(cli, words('accept', link));
    await ada.page.getByTestId('conversation').first().click();
    await ada.page.getByTestId('composer').waitFor();

    echo = spawn(cli, words('answer', '--echo', '--once'), { stdio: ['ignore', 'pipe', 'ignore'] });
    const over = once(echo, 'exit');
    const said: Record<string, unknown>[] = [];
    if (echo.stdout) createInterface({ input: echo.stdout }).on('line', (line) => said.push(JSON.parse(line) as Record<string, unknown>));
    await expect.poll(() => said.some(({ type }) => type === 'waiting')).toBe(true);
    await ada.page.getByTestId('call-video').click();
    await expect(ada.page.getByTestId('call')).toHaveAttribute('data-flowing', 'true');
    await expect(ada.page.getByTestId('call')).toHaveAttribute('data-way', 'relayed');
    await expect.poll(() => counted(ada.page, 'video', 'framesDecoded')).toBeGreaterThan(10);
    const before = await counted(ada.page, 'video', 'framesDecoded');
    await expect.poll(() => counted(ada.page, 'video', 'framesDecoded')).toBeGreaterThan(before + 10);
    await expect.poll(() => loudest(ada.page, 2_000)).toBeGreaterThan(0.05);
    // Both have the same words, so nobody is between them.
    await expect.poll(() => said.find(({ state }) => state === 'talking')).toBeTruthy();
    const shown = await ada.page.getByTestId('call-words').locator('.voice').textContent();
    expect((said.find(({ state }) => state === 'talking')?.['words'] as string[]).join(', ')).toBe(shown);

    await ada.page.getByTestId('call-hang-up').click();
    await over;
    const ended = said.find(({ type }) => type === 'call-ended');
    expect(ended).toMatchObject({ outcome: 'talked' });
    expect(ada.complaints).toEqual([]);
  } finally {
    echo?.kill('SIGKILL');
    await rm(profile, { recursive: true, force: true });
  }
});
