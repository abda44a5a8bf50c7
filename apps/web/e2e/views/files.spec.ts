/** Files in the chat room: what is seen, what is pressed, what leaves. */
import { type Page, expect, test } from '@playwright/test';
import axe from 'axe-core';
import { open } from '../open';

const calls = (page: Page, name: string) =>
  page.evaluate((one) => window.fixture.engine.calls.filter((call) => call.name === one).map((call) => call.input as Record<string, unknown>), name);

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: reader } = window as unknown as { axe: typeof axe };
    const { violations } = await reader.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
  });
}

const picture = async (page: Page, seed = 1): Promise<Buffer> => Buffer.from(await page.evaluate((one) => window.fixture.picture(one), seed), 'base64');

/** A JPEG with an Exif header that names a place, and a word to look for. */
function withPlace(jpeg: Buffer): Buffer {
  const tiff = Buffer.from([0x4d, 0x4d, 0, 42, 0, 0, 0, 8, 0, 1, 0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
  const content = Buffer.concat([Buffer.from('Exif\0\0', 'latin1'), tiff, Buffer.from('lat 44.1 lon 9.7')]);
  const length = Buffer.from([(content.length + 2) >> 8, (content.length + 2) & 0xff]);
  return Buffer.concat([jpeg.subarray(0, 2), Buffer.from([0xff, 0xe1]), length, content, jpeg.subarray(2)]);
}

const sent = (page: Page) => page.evaluate(async () => {
  const { talk } = window.fixture.engine.world.places.get(window.fixture.id('files'))!;
  const { id, body } = talk.last()!;
  const files = body.kind === 'files' ? body.files : [];
  return Promise.all(files.map(async (file) => ({
    ...file, text: new TextDecoder('latin1').decode(await window.fixture.engine.readFile({ entry: id, index: file.index, offset: 0, length: file.bytes })),
  })));
});

test('a photo leaves without its place unless its sender wants it', async ({ page }) => {
  const complaints = await open(page, { query: 'files', to: 'files' });
  const placed = withPlace(await picture(page));
  const file = { name: 'terrace.jpg', mimeType: 'image/jpeg', buffer: placed };
  await page.getByTestId('attach-input').setInputFiles(file);
  await page.getByTestId('caption').fill('Look');
  await page.getByTestId('send-files').filter({ hasText: 'Send' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const [plain] = await sent(page);
  expect(plain).toMatchObject({ kind: 'photo', name: 'terrace.jpg', width: 1_200, height: 900, mediaType: 'image/jpeg' });
  expect(plain!.text).not.toContain('lat 44.1');
  expect(plain!.thumbhash).not.toBeNull();

  await page.getByTestId('attach-input').setInputFiles(file);
  await page.getByRole('switch', { name: 'Send as original files' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'says where it was taken' })).toBeVisible();
  await page.getByTestId('send-files').filter({ hasText: 'Send' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const [original] = await sent(page);
  expect(original!.text).toContain('lat 44.1');
  expect(original!.bytes).toBe(placed.length);
  expect((await calls(page, 'sendFiles')).map((one) => one['caption'])).toEqual(['Look', '']);
  expect(complaints).toEqual([]);
});

test('a video leaves without its place unless its sender wants it', async ({ page }) => {
  await open(page, { query: 'files', to: 'files' });
  const file = { name: 'walk.mov', mimeType: 'video/quicktime', buffer: Buffer.from('seen by the engine alone') };
  await page.getByTestId('attach-input').setInputFiles(file);
  await page.getByTestId('send-files').filter({ hasText: 'Send' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  await page.getByTestId('attach-input').setInputFiles(file);
  await page.getByRole('switch', { name: 'Send as original files' }).click();
  await expect(page.getByRole('status').filter({ hasText: 'says where it was taken' })).toBeVisible();
  await page.getByTestId('send-files').filter({ hasText: 'Send' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  const files = (await calls(page, 'sendFiles')).map((one) => (one['files'] as { isCovered?: boolean }[])[0]!.isCovered ?? false);
  expect(files).toEqual([true, false]);
});

test('files are dropped and pasted as well as picked, and each can be left out', async ({ page }) => {
  await open(page, { query: 'files', to: 'files' });
  const transfer = await page.evaluateHandle(() => {
    const data = new DataTransfer();
    data.items.add(new File(['one'], 'one.txt', { type: 'text/plain' }));
    data.items.add(new File(['two'], 'two.txt', { type: 'text/plain' }));
    return data;
  });
  await page.dispatchEvent('main', 'dragenter', { dataTransfer: transfer });
  await expect(page.getByText('Let go to send')).toBeVisible();
  await page.dispatchEvent('main', 'drop', { dataTransfer: transfer });
  await expect(page.getByText('Let go to send')).toBeHidden();
  await expect(page.getByRole('dialog', { name: /2.* files/ })).toBeVisible();
  await page.getByRole('button', { name: /Leave out .*one.txt/ }).click();
  await page.getByTestId('send-files').click();
  expect((await sent(page)).map(({ name, text }) => [name, text])).toEqual([['two.txt', 'two']]);

  await page.getByTestId('composer').focus();
  await page.evaluate(() => {
    const clipboardData = new DataTransfer();
    clipboardData.items.add(new File(['three'], 'three.txt', { type: 'text/plain' }));
    document.activeElement!.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
  });
  await expect(page.getByRole('dialog').getByText('three.txt')).toBeVisible();
});

test('a picture that cannot be cleaned goes only if its sender says so, and a bomb is not opened', async ({ page }) => {
  await open(page, { query: 'files', to: 'files' });
  const bomb = Buffer.from('iVBORw0KGgoAAAANSUhEUgAB', 'base64');
  const claims = Buffer.concat([bomb.subarray(0, 16), Buffer.from([0, 1, 0, 0, 0, 1, 0, 0, 8, 6, 0, 0, 0]), Buffer.alloc(64)]);
  await page.getByTestId('attach-input').setInputFiles([
    { name: 'broken.jpg', mimeType: 'image/jpeg', buffer: Buffer.from('no picture at all') },
    { name: 'bomb.png', mimeType: 'image/png', buffer: claims },
    { name: 'phone.heic', mimeType: '', buffer: Buffer.alloc(99) },
    { name: 'good.jpg', mimeType: 'image/jpeg', buffer: await picture(page) },
  ]);
  await expect(page.getByText(/What the camera wrote into .*3.* of them can’t be taken out here/)).toBeVisible();
  await expect(page.getByTestId('send-files')).toBeDisabled();
  expect(await findings(page)).toEqual([]);
  await page.getByRole('status').getByRole('button', { name: 'Send as original files' }).click();
  await page.getByTestId('send-files').filter({ hasText: 'Send' }).click();
  await expect(page.getByRole('dialog')).toBeHidden();
  expect((await sent(page)).map(({ name, width }) => [name, width])).toEqual([['broken.jpg', null], ['bomb.png', null], ['phone.heic', null], ['good.jpg', 1_200]]);
});

test('the album and the viewer go by keys', async ({ page }) => {
  const complaints = await open(page, { query: 'files', to: 'files' });
  const album = page.getByRole('group', { name: /3.* pictures/ });
  await album.scrollIntoViewIfNeeded();
  const tiles = album.getByRole('button', { name: /Open picture/ });
  await tiles.first().focus();
  await page.keyboard.press('ArrowRight');
  await expect(tiles.nth(1)).toBeFocused();
  await page.keyboard.press('Enter');
  const viewer = page.getByRole('dialog', { name: /Picture .*2.* of .*3/ });
  await expect(viewer).toBeVisible();
  await page.keyboard.press('ArrowRight');
  await expect(page.getByRole('dialog', { name: /Picture .*3.* of .*3/ })).toBeVisible();
  await page.keyboard.press('+');
  await expect(page.locator('dialog .sheet')).toHaveAttribute('style', /scale\(1\.5\)/);
  await page.keyboard.press('0');
  await expect(page.locator('dialog .sheet')).toHaveAttribute('style', /scale\(1\)/);
  expect(await findings(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await expect(page.locator('dialog')).toHaveCount(0);
  await expect(tiles.nth(1)).toBeFocused();
  expect(complaints).toEqual([]);
});

test('a ring pauses and goes on, a cross cancels', async ({ page }) => {
  await open(page, { query: 'files', to: 'files' });
  await page.getByRole('button', { name: /Pause .*orchard-backup.img/ }).click();
  await page.getByRole('button', { name: /Go on with .*orchard-backup.img/ }).click();
  await page.getByRole('button', { name: /Cancel .*concert/ }).click();
  await page.getByRole('button', { name: /Download .*recipe.pdf/ }).click();
  for (const [name, index] of [['pauseFile', 0], ['resumeFile', 0], ['cancelFile', 1], ['fetchFile', 0]] as const) {
    expect((await calls(page, name)).map((one) => one['index']), name).toContain(index);
  }
});

test('photos are fetched by being seen, videos and files when they are asked for', async ({ page }) => {
  await open(page, { query: 'files', to: 'files' });
  await page.evaluate(() => window.fixture.engine.change((world) => {
    const { talk } = world.places.get(window.fixture.id('files'))!;
    const last = talk.last()!;
    if (last.body.kind !== 'files') return;
    talk.change(talk.indexOf(last.id), { body: { ...last.body, files: last.body.files.map((file) => ({ ...file, transfer: { state: 'away' } })) } });
  }));
  await expect.poll(async () => (await calls(page, 'fetchFile')).length).toBe(2);
});

test('a voice note is spoken, looked at, and sent', async ({ page }) => {
  const complaints = await open(page, { query: 'files', to: 'files' });
  await page.clock.resume();
  await page.getByTestId('record').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('record-send')).toBeVisible();
  expect(await findings(page)).toEqual([]);
  await expect(page.getByText('0:01')).toBeVisible();
  await page.getByTestId('record-send').click();
  await expect.poll(async () => (await calls(page, 'sendFiles')).length).toBe(1);
  const [note] = await sent(page);
  expect(note).toMatchObject({ kind: 'voice', mediaType: 'audio/webm' });
  expect(note!.durationMs).toBeGreaterThan(900);
  expect(note!.bytes).toBeGreaterThan(1_000);
  expect(atob(note!.waveform!).length).toBeGreaterThan(10);

  await page.getByTestId('record').focus();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('record-send')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('composer')).toBeFocused();
  expect(await calls(page, 'sendFiles')).toHaveLength(1);
  expect(complaints).toEqual([]);
});

for (const [width, theme] of [[1280, 'light'], [360, 'dark']] as const) {
  test(`nothing to mend for axe at ${width} px, ${theme}`, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    const complaints = await open(page, { theme, query: 'files', to: 'files' });
    expect(await findings(page), 'the timeline').toEqual([]);
    await page.getByTestId('attach-input').setInputFiles([{ name: 'a.jpg', mimeType: 'image/jpeg', buffer: await picture(page) }, { name: 'plan.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(9) }]);
    await page.getByTestId('send-files').filter({ hasText: 'Send' }).waitFor();
    expect(await findings(page), 'what is sent').toEqual([]);
    await page.keyboard.press('Escape');
    await page.evaluate(() => window.fixture.sheet({ name: 'media', conversation: window.fixture.id('files') }));
    await expect(page.getByRole('tabpanel')).toBeVisible();
    expect(await findings(page), 'all media').toEqual([]);
    await page.getByRole('tab', { name: 'Files' }).click();
    await expect(page.getByText('printer-driver')).toHaveCount(2);
    expect(await findings(page), 'all files').toEqual([]);
    await page.keyboard.press('Escape');
    await page.evaluate(() => window.fixture.show({ kind: 'settings', page: 'storage' }));
    await expect(page.getByText('Largest')).toBeVisible();
    expect(await findings(page), 'storage').toEqual([]);
    expect(complaints).toEqual([]);
  });
}
