/** How fast files are between two browsers, through the node and directly, with the engine alone on the page. */

import type { Page } from '@playwright/test';
import type { Entry, FileItem, Timeline } from '../../src/platform/engine';
import type { Harness } from '../engine/page';
import { ENGINE_PAGE, create, meet, open, send, texts } from '../talk';
import { TINY, report, test } from './measure';

declare const harness: Harness;

const MIB = 1 << 20;
const LARGE = TINY ? 16 * MIB : 1024 * MIB;
const DIRECT = TINY ? 16 * MIB : 256 * MIB;

test.use({ web: ENGINE_PAGE });

/** Seals and writes down a file of random bytes; milliseconds until that is durable. */
const sendFile = (page: Page, conversation: string, size: number, isPaused: boolean): Promise<number> =>
  page.evaluate(async ({ conversation, size, isPaused }) => {
    const parts: Blob[] = [];
    for (let at = 0; at < size; at += 1 << 20) {
      const part = new Uint8Array(1 << 20);
      for (let from = 0; from < part.length; from += 65_536) crypto.getRandomValues(part.subarray(from, from + 65_536));
      parts.push(new Blob([part]));
    }
    const file = {
      data: new Blob(parts), name: 'film.bin', mediaType: 'application/octet-stream', width: null, height: null, durationMs: null, thumbhash: null,
      waveform: null, isVoice: false,
    };
    const begun = performance.now();
    const { entry } = await harness.engine.sendFiles({ conversation, files: [file], caption: '' });
    if (isPaused) await harness.engine.pauseFile({ entry, index: 0 });
    return performance.now() - begun;
  }, { conversation, size, isPaused });

/** Waits for the last file to be in a state; milliseconds until then, and until the first byte of it moved. */
const until = (page: Page, conversation: string, state: string, isFetched: boolean): Promise<{ ms: number; firstMs: number }> =>
  page.evaluate(async ({ conversation, state, isFetched }) => {
    const last = (timeline: Timeline): Entry | undefined => timeline.entries.findLast((entry) => entry.body.kind === 'files');
    const of = (entry: Entry | undefined): FileItem | undefined => (entry?.body.kind === 'files' ? entry.body.files[0] : undefined);
    const key = [conversation, { at: 'latest', count: 20 }];
    const begun = performance.now();
    let firstMs = NaN;
    if (isFetched) {
      const found = last(await harness.until<Timeline>('timeline', key, (now) => of(last(now)) !== undefined));
      await harness.engine.fetchFile({ entry: found!.id, index: 0 });
    }
    await harness.until<Timeline>('timeline', key, (now) => {
      const transfer = of(last(now))?.transfer;
      if (transfer?.state === 'moving' && transfer.done > 0 && Number.isNaN(firstMs)) firstMs = performance.now() - begun;
      return transfer?.state === state;
    });
    return { ms: performance.now() - begun, firstMs };
  }, { conversation, state, isFetched });

const speed = (bytes: number, ms: number): number => Math.round(bytes / ms * 1_000 / MIB);

test('files through the node', async ({ profile, node }) => {
  const [one, other] = [await open(await profile(), node), await open(await profile(), node)];
  await create(one, 'Ada');
  await create(other, 'Ben');
  const conversation = await meet(one, other);
  await one.evaluate(() => harness.engine.setDirect({ isOn: false }));
  const sealMs = await sendFile(one, conversation, LARGE, false);
  const sent = await until(one, conversation, 'here', false);
  await until(other, conversation, 'away', false);
  const got = await until(other, conversation, 'here', true);
  await report('web_file_send', { bytes: LARGE, seconds: (sealMs + sent.ms) / 1_000, seal_seconds: sealMs / 1_000, mib_per_s: speed(LARGE, sealMs + sent.ms) });
  await report('web_file_receive', { bytes: LARGE, seconds: got.ms / 1_000, mib_per_s: speed(LARGE, got.ms) });
});

test('a file from browser to browser', async ({ profile, node }) => {
  const [one, other] = [await open(await profile(), node), await open(await profile(), node)];
  await create(one, 'Ada');
  await create(other, 'Ben');
  const conversation = await meet(one, other);
  await send(other, conversation, 'send it to me');
  await texts(one, conversation, 1);
  await sendFile(one, conversation, DIRECT, true);
  await until(other, conversation, 'away', false);
  const got = await until(other, conversation, 'here', true);
  await report('direct', { bytes: DIRECT, seconds: got.ms / 1_000, mb_per_s: Math.round(DIRECT / got.ms / 1_000), first_byte_ms: Math.round(got.firstMs) });
});
