/** Builds the pages that only tests need. */

import { build } from 'vite';

export default async function setup(): Promise<void> {
  await build({ configFile: 'e2e/engine/vite.config.ts', logLevel: 'warn' });
}
