/** Files in the app itself, from one person's disk to the other's: seen, saved, heard, found again after a reload. */
import { readFile } from 'node:fs/promises';
import type { Download, Page } from '@playwright/test';
import { axeFindings, meet, newcomer } from './app';
import { expect, test } from './fixtures';

/** A picture of one colour that a camera might have made. */
const photo = async (page: Page, colour: string): Promise<Buffer> =>
  Buffer.from(await page.evaluate(async (colour) => {
    const canvas = new OffscreenCanvas(1_600, 1_200);
    const pen = canvas.getContext('2d')!;
    pen.fillStyle = colour;
    pen.fillRect(0, 0, 1_600, 1_200);
    return Array.from(new Uint8Array(await (await canvas.convertToBlob({ type: 'image/jpeg' })).arrayBuffer()));
  }, colour));

const bytesOf = async (download: Download): Promise<Buffer> => {
  expect(await download.failure()).toBeNull();
  return readFile(await download.path());
};

/** A colour in the middle of the drawn picture at `index`. */
const drawn = (page: Page, index: number): Promise<number[]> =>
  page.locator('canvas.sharp').nth(index).evaluate((canvas: HTMLCanvasElement) => {
    const pen = new OffscreenCanvas(1, 1).getContext('2d')!;
    pen.drawImage(canvas, canvas.width >> 1, canvas.height >> 1, 1, 1, 0, 0, 1, 1);
    return Array.from(pen.getImageData(0, 0, 1, 1).data.slice(0, 3));
  });

test('photos, papers and a voice note cross from one browser to the other', async ({ browser, node }) => {
  test.setTimeout(240_000);
  const ada = await newcomer(browser, node, 'Ada', { viewport: { width: 1280, height: 800 } });
  const ben = await newcomer(browser, node, 'Ben', { viewport: { width: 1280, height: 800 }, permissions: ['microphone'] });
  await meet(ada, ben, node);
  const plan = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => (at * 7 + (at >> 10)) & 0xff));
  const names = ['plan.pdf', 'it’s (final).html'];
  await ada.page.getByTestId('attach-input').setInputFiles([
    { name: 'one.jpg', mimeType: 'image/jpeg', buffer: await photo(ada.page, '#c02020') },
    { name: 'two.jpg', mimeType: 'image/jpeg', buffer: await photo(ada.page, '#2020c0') },
    { name: names[0]!, mimeType: 'application/pdf', buffer: plan },
    { name: names[1]!, mimeType: 'text/html', buffer: Buffer.from('<script>alert(1)</script>') },
  ]);
  await ada.page.getByTestId('caption').fill('From the harbour');
  await ada.page.getByTestId('send-files').filter({ hasText: 'Send' }).click();

  // Both pictures become sharp by themselves, and are what was sent.
  await expect(ben.page.locator('canvas.sharp')).toHaveCount(2);
  for (const [index, place] of [[0, 0], [1, 2]] as const) {
    await expect.poll(async () => (await drawn(ben.page, index))[place]!).toBeGreaterThan(150);
    expect((await drawn(ben.page, index))[2 - place]!).toBeLessThan(80);
  }
  expect(await axeFindings(ben.page)).toEqual([]);

  // What is saved is what was sent, by one press where it is here, and never opened as a page.
  const action = (name: RegExp) => ben.page.getByRole('button', { name });
  await action(/^Download .*plan\.pdf/).click();
  await expect(action(/^Save .*plan\.pdf/)).toBeVisible();
  const saved = ben.page.waitForEvent('download');
  await action(/^Save .*plan\.pdf/).click();
  expect((await saved).suggestedFilename()).toBe('plan.pdf');
  expect((await bytesOf(await saved)).equals(plan)).toBe(true);
  await action(/^Download .*final/).click();
  await expect(action(/^Save .*final/)).toBeVisible();
  const page = ben.page.waitForEvent('download');
  await action(/^Save .*final/).click();
  expect((await bytesOf(await page)).toString()).toBe('<script>alert(1)</script>');

  // All of a message at once.
  const all: Download[] = [];
  ben.page.on('download', (download) => all.push(download));
  await ben.page.getByTestId('message').filter({ hasText: 'From the harbour' }).getByText('From the harbour').click({ button: 'right' });
  await ben.page.locator('[data-item=save]').click();
  await expect.poll(() => all.length).toBe(4);
  expect(all.map((download) => download.suggestedFilename()).sort()).toEqual([...names, 'one.jpg', 'two.jpg'].sort());
  for (const download of all) expect((await bytesOf(download)).length).toBeGreaterThan(20);

  // Ben speaks; Ada hears it, from where she wants.
  await ben.page.getByTestId('record').focus();
  await ben.page.keyboard.press('Enter');
  await expect(ben.page.getByText('0:03')).toBeVisible();
  await ben.page.getByTestId('record-send').click();
  const place = ada.page.getByRole('slider').first();
  await ada.page.getByRole('button', { name: /Play voice note/ }).first().click();
  await expect.poll(async () => Number(await place.getAttribute('aria-valuenow'))).toBeGreaterThan(0);
  await ada.page.getByRole('button', { name: /Pause voice note/ }).first().click();
  await place.focus();
  await ada.page.keyboard.press('Home');
  await expect.poll(async () => Number(await place.getAttribute('aria-valuenow'))).toBe(0);

  // After a reload all of it is here without the node.
  await ben.page.reload();
  await ben.page.getByTestId('composer').waitFor();
  await node.kill();
  await expect(ben.page.locator('canvas.sharp')).toHaveCount(2);
  const again = ben.page.waitForEvent('download');
  await action(/^Save .*plan\.pdf/).click();
  expect((await bytesOf(await again)).equals(plan)).toBe(true);
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
  await Promise.all([ada.context.close(), ben.context.close()]);
});
