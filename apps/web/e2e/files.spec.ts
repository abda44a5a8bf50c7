/** Files through the real engine and node: sealed here, checked there, over reloads and a node that dies. */

import type { Page } from '@playwright/test';
import type { Entry, FileItem, Timeline } from '../src/platform/engine';
import type { Harness } from './engine/page';
import { expect, test } from './fixtures';
import { ENGINE_PAGE, boot, open, pair } from './talk';

test.use({ web: ENGINE_PAGE });

declare const harness: Harness;

/** Sends files of these sizes whose bytes follow from their place, so that every slice can be checked anywhere. */
const sendFiles = (page: Page, conversation: string, sizes: number[], caption = ''): Promise<number> =>
  page.evaluate(async ({ conversation, sizes, caption }) => {
    const files = sizes.map((size, at) => {
      const bytes = new Uint8Array(size);
      for (let index = 0; index < size; index += 1) bytes[index] = (index * 7 + (index >> 12) + at) & 0xff;
      const needle = new TextEncoder().encode('a needle that nobody else may find');
      if (size > 1_000) bytes.set(needle, 100);
      return {
        data: new Blob([bytes]), name: `file-${at}.bin`, mediaType: 'application/octet-stream', width: null, height: null, durationMs: null,
        thumbhash: null, waveform: null, isVoice: false,
      };
    });
    return (await harness.engine.sendFiles({ conversation, files, caption })).entry;
  }, { conversation, sizes, caption });

/** The files of the last message with files, once all of them are as wanted. */
const files = (page: Page, conversation: string, state: string): Promise<{ entry: number; files: FileItem[]; delivery: string }> =>
  page.evaluate(async ({ conversation, state }) => {
    const key = [conversation, { at: 'latest', count: 100 }];
    const filesOf = (entry: Entry | undefined): FileItem[] => (entry?.body.kind === 'files' ? entry.body.files : []);
    const last = (timeline: Timeline): Entry | undefined => timeline.entries.findLast((entry) => entry.body.kind === 'files');
    const timeline = await harness.until<Timeline>('timeline', key, (now) => {
      const found = filesOf(last(now));
      return found.length > 0 && found.every((file) => file.transfer.state === state);
    });
    const entry = last(timeline)!;
    return { entry: entry.id, files: filesOf(entry), delivery: entry.delivery };
  }, { conversation, state });

/** Reads a file slice by slice and says where it first differs from what was sent; -1: nowhere. */
const differs = (page: Page, entry: number, index: number, size: number): Promise<number> =>
  page.evaluate(async ({ entry, index, size }) => {
    let at = 0;
    for (;;) {
      const slice = await harness.engine.readFile({ entry, index, offset: at, length: 1 << 20 });
      if (slice.length === 0) return at === size ? -1 : at;
      for (let byte = 0; byte < slice.length; byte += 1) {
        const place = at + byte;
        const isNeedle = size > 1_000 && place >= 100 && place < 134;
        if (!isNeedle && slice[byte] !== ((place * 7 + (place >> 12) + index) & 0xff)) return place;
      }
      at += slice.length;
    }
  }, { entry, index, size });

const SIZES = [0, 1, 262_127, 262_128, 262_129, 3_000_000];

test('files of every length arrive whole, and nothing of them lies open', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);
  await sendFiles(one, conversation, SIZES, 'all of them');
  const sent = await files(one, conversation, 'here');
  for (const [index, size] of SIZES.entries()) expect(await differs(one, sent.entry, index, size), `own ${size}`).toBe(-1);

  const away = await files(other, conversation, 'away');
  expect(away.files.map((file) => [file.name, file.bytes])).toEqual(SIZES.map((size, at) => [`file-${at}.bin`, size]));
  // A player reads what is not here: fetched, checked, not kept.
  expect(await differs(other, away.entry, 5, 3_000_000)).toBe(-1);
  await other.evaluate(async ({ entry, count }) => {
    for (let index = 0; index < count; index += 1) await harness.engine.fetchFile({ entry, index });
  }, { entry: away.entry, count: SIZES.length });
  const here = await files(other, conversation, 'here');
  await node.kill();
  for (const [index, size] of SIZES.entries()) expect(await differs(other, here.entry, index, size), `theirs ${size}`).toBe(-1);

  const found = await other.evaluate(async () => {
    const needle = 'a needle that nobody else may find';
    const walk = async (folder: FileSystemDirectoryHandle): Promise<string[]> => {
      const names: string[] = [];
      for await (const [name, handle] of folder as unknown as AsyncIterable<[string, FileSystemHandle]>) {
        if (handle.kind === 'directory') names.push(...await walk(handle as FileSystemDirectoryHandle));
        else if (new TextDecoder('latin1').decode(await (await (handle as FileSystemFileHandle).getFile()).arrayBuffer()).includes(needle)) names.push(name);
      }
      return names;
    };
    return walk(await navigator.storage.getDirectory());
  });
  expect(found).toEqual([]);
  await Promise.all([ada.close(), ben.close()]);
});

/** A movie of one picture track, with the place where it was taken. */
function movie(): Buffer {
  const box = (kind: string, ...bodies: Buffer[]): Buffer => {
    const body = Buffer.concat(bodies);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(body.length + 8);
    head.write(kind, 4, 'latin1');
    return Buffer.concat([head, body]);
  };
  const times = Buffer.alloc(24).fill(0x22, 4, 12);
  const handler = Buffer.from('\0\0\0\0\0\0\0\0vide\0\0\0\0', 'latin1');
  const track = box('trak', box('tkhd', times), box('mdia', box('mdhd', times), box('hdlr', handler)));
  return Buffer.concat([
    box('ftyp', Buffer.from('isom')), box('mdat', Buffer.alloc(600_000, 0x7a)),
    box('moov', box('mvhd', times), track, box('udta', box('\xa9xyz', Buffer.from('+47.3769+008.5417/')))),
  ]);
}

test('a movie goes without its place, whose bytes are zeros at the other side', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);
  const original = movie();
  const refusal = await one.evaluate(async ({ conversation, text }) => {
    const data = new Blob([Uint8Array.from(text, (letter) => letter.charCodeAt(0))]);
    const found = await harness.engine.lookAtMovie({ data });
    if (!found.hasMetadata || !found.hasPlace) return 'found nothing';
    const file = { data, name: 'walk.mp4', mediaType: 'video/mp4', width: null, height: null, durationMs: null, thumbhash: null, waveform: null, isVoice: false, isCovered: true };
    await harness.engine.sendFiles({ conversation, files: [file], caption: '' });
    const cut = { ...file, data: data.slice(0, data.size - 1) };
    return harness.engine.sendFiles({ conversation, files: [cut], caption: '' }).then(() => 'sent', (error: { code: string }) => error.code);
  }, { conversation, text: original.toString('latin1') });
  expect(refusal).toBe('movie-unknown');
  const away = await files(other, conversation, 'away');
  const got = await other.evaluate(async (entry) => {
    let all = '';
    for (;;) {
      const slice = await harness.engine.readFile({ entry, index: 0, offset: all.length, length: 1 << 20 });
      if (slice.length === 0) return all;
      for (const byte of slice) all += String.fromCharCode(byte);
    }
  }, away.entry);
  expect(got.length).toBe(original.length);
  // Not the bytes themselves, which would fill a report.
  expect(got.slice(0, 600_000) === original.toString('latin1').slice(0, 600_000)).toBe(true);
  expect(/47\.3769|udta|xyz|\x22\x22/.exec(got)?.[0]).toBeUndefined();
  await Promise.all([ada.close(), ben.close()]);
});

test('an upload goes on after the page was closed and the node was killed', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);
  const size = 24_000_000;
  await sendFiles(one, conversation, [size]);
  await node.kill();
  await one.close();
  await node.resume();
  const again = await open(ada, node);
  expect((await boot(again)).state).toBe('ready');
  const sent = await files(again, conversation, 'here');
  expect(sent.files[0]?.bytes).toBe(size);
  const away = await files(other, conversation, 'away');
  await other.evaluate((entry) => harness.engine.fetchFile({ entry, index: 0 }), away.entry);
  await node.kill();
  await other.close();
  await node.resume();
  const theirs = await open(ben, node);
  expect((await boot(theirs)).state).toBe('ready');
  const here = await files(theirs, conversation, 'here');
  expect(await differs(theirs, here.entry, 0, size)).toBe(-1);
  await Promise.all([ada.close(), ben.close()]);
});

test('what is cleared here can be had again, and what is deleted for everyone cannot', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);
  await sendFiles(one, conversation, [500_000]);
  const away = await files(other, conversation, 'away');
  await other.evaluate((entry) => harness.engine.fetchFile({ entry, index: 0 }), away.entry);
  await files(other, conversation, 'here');
  await other.evaluate((entry) => harness.engine.dropFiles({ files: [{ entry, index: 0 }] }), away.entry);
  await files(other, conversation, 'away');
  expect(await differs(other, away.entry, 0, 500_000)).toBe(-1);

  await one.evaluate(async (conversation) => {
    const { entries } = await harness.until<Timeline>('timeline', [conversation, { at: 'latest', count: 9 }], () => true);
    const { message } = entries.findLast((entry) => entry.body.kind === 'files')!;
    await harness.engine.deleteForEveryone({ conversation, message });
  }, conversation);
  await other.evaluate((conversation) => harness.until<Timeline>('timeline', [conversation, { at: 'latest', count: 9 }],
    (timeline) => timeline.entries.some((entry) => entry.body.kind === 'deleted')), conversation);
  const names = await other.evaluate(async () => {
    const folder = await (await navigator.storage.getDirectory()).getDirectoryHandle('files');
    const found: string[] = [];
    for await (const name of (folder as unknown as { keys(): AsyncIterable<string> }).keys()) found.push(name);
    return found;
  });
  expect(names).toEqual([]);
  await Promise.all([ada.close(), ben.close()]);
});
