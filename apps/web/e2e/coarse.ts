/**
 * Compares a screen with its committed picture as an eye from afar does: by the mean colour of squares.
 *
 * The app brings its fonts, but how a machine rounds and smooths their edges, and which glyphs it has for emoji and for
 * scripts that the app's fonts lack, is its own. Within a square of 16 px that vanishes; a part that moved, went,
 * or changed its colour does not. What a square cannot show (overflow, contrast, names) axe and the other tests hold.
 */
import { existsSync } from 'node:fs';
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Page, expect } from '@playwright/test';

const KNOWN = 'e2e/views/shots';
const FOUND = 'test-results/views-found';
const SQUARE_PX = 16;
/** Of 255, in any channel: text in another weight of smoothing stays below a third of it. */
const COLOUR_MAX = 24;
/** Share of squares that may differ. Measured: 0.005 without any font for emoji and with hinting, 0.02 with other faces. */
const DIFFERING_MAX = 0.01;

/** The share of squares that differ; 1 where the sizes do. Runs in a blank page, which can decode pictures. */
async function share(page: Page, one: Buffer, other: Buffer): Promise<number> {
  const blank = await page.context().newPage();
  try {
    return await blank.evaluate(
      async ({ pictures, square, most }) => {
        const grids = await Promise.all(pictures.map(async (text) => {
          const bytes = Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
          const bitmap = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
          const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
          const drawing = canvas.getContext('2d')!;
          drawing.drawImage(bitmap, 0, 0);
          const { data } = drawing.getImageData(0, 0, bitmap.width, bitmap.height);
          const wide = Math.ceil(bitmap.width / square);
          const sums = new Float64Array(wide * Math.ceil(bitmap.height / square) * 4);
          for (let at = 0; at < data.length; at += 4) {
            const [x, y] = [(at / 4) % bitmap.width, Math.floor(at / 4 / bitmap.width)];
            const cell = (Math.floor(y / square) * wide + Math.floor(x / square)) * 4;
            for (let channel = 0; channel < 3; channel += 1) sums[cell + channel]! += data[at + channel]!;
            sums[cell + 3]! += 1;
          }
          return { size: `${bitmap.width}x${bitmap.height}`, sums };
        }));
        const [mine, theirs] = grids;
        if (!mine || !theirs || mine.size !== theirs.size) return 1;
        let differing = 0;
        for (let cell = 0; cell < mine.sums.length; cell += 4) {
          const count = mine.sums[cell + 3]!;
          const differs = [0, 1, 2].some((channel) => Math.abs(mine.sums[cell + channel]! - theirs.sums[cell + channel]!) / count > most);
          if (differs) differing += 1;
        }
        return differing / (mine.sums.length / 4);
      },
      { pictures: [one.toString('base64'), other.toString('base64')], square: SQUARE_PX, most: COLOUR_MAX },
    );
  } finally {
    await blank.close();
  }
}

/** Holds the page to `e2e/views/shots/NAME.png`; with `RENEW_SHOTS` set that file is written instead. */
export async function expectLook(page: Page, name: string): Promise<void> {
  const found = await page.screenshot({ animations: 'disabled', caret: 'hide' });
  const known = join(KNOWN, `${name}.png`);
  if (process.env['RENEW_SHOTS'] || !existsSync(known)) {
    await mkdir(KNOWN, { recursive: true });
    await writeFile(known, found);
    expect(process.env['RENEW_SHOTS'], `${known} was not there: it is now, look at it`).toBeTruthy();
    return;
  }
  const differing = await share(page, found, await readFile(known));
  if (differing > DIFFERING_MAX) {
    const into = join(FOUND, `${name}.png`);
    await mkdir(dirname(into), { recursive: true });
    await writeFile(into, found);
  }
  expect(differing, `${name} looks different: see ${FOUND}; RENEW_SHOTS=1 takes it as right`).toBeLessThanOrEqual(DIFFERING_MAX);
}
