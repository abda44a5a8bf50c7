/** What every row stands on: lines of JSON, and browsers with a profile on the disk. */

import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from '@playwright/test';
import { test as base } from '../fixtures';

export const TINY = Boolean(process.env['BENCH_TINY']);

export async function report(name: string, values: Record<string, number | string>): Promise<void> {
  const line = JSON.stringify({ case: name, subject: 'web', ...values });
  console.log(line);
  const file = process.env['BENCH_OUT'];
  if (file) await appendFile(file, `${line}\n`);
}

/** A browser of its own with a profile on the disk, as people have it: a private window keeps all in another process. */
export const test = base.extend<{ profile: () => Promise<BrowserContext> }>({
  profile: async ({ launchOptions }, use) => {
    const made: { context: BrowserContext; folder: string }[] = [];
    await use(async () => {
      const folder = await mkdtemp(join(tmpdir(), 'sottovoce-profile-'));
      const context = await chromium.launchPersistentContext(folder, { ...launchOptions, locale: 'en-GB' });
      made.push({ context, folder });
      return context;
    });
    for (const { context, folder } of made) {
      await context.close();
      await rm(folder, { recursive: true, force: true });
    }
  },
});
