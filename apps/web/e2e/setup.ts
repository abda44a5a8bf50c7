/**
 * Builds the pages that only tests need.
 *
 * | folder | holds |
 * |---|---|
 * | `test-results/engine-page` | the bare engine on a page, without views |
 * | `test-results/both` | the app, and that page as `/engine.html`: one node for people and for what drives them |
 */

import { cp, readdir, rename, rm } from 'node:fs/promises';
import { resolve } from 'node:path';
import { build } from 'vite';

const APP = process.env['SOTTOVOCE_WEB'] ?? resolve('dist');

export default async function setup(): Promise<void> {
  await build({ configFile: 'e2e/engine/vite.config.ts', logLevel: 'warn' });
  const both = 'test-results/both';
  await rm(both, { recursive: true, force: true });
  await cp('test-results/engine-page', both, { recursive: true });
  await rename(`${both}/index.html`, `${both}/engine.html`);
  await cp(APP, both, { recursive: true });
  // Unpacked: the tests change files of it.
  for (const name of await readdir(both, { recursive: true })) {
    if (/\.(br|gz)$/.test(name)) await rm(`${both}/${name}`);
  }
}
