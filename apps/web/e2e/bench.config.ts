import { defineConfig } from '@playwright/test';
import tests from '../playwright.config';

/** The figures of the web app: `npm run bench`, one JSON line for each on standard output. Never part of the tests. */
export default defineConfig({
  ...tests,
  testDir: 'bench',
  testMatch: '*.bench.ts',
  testIgnore: [],
  outputDir: '../test-results/bench',
  globalSetup: './setup.ts',
  timeout: 1_200_000,
  reporter: [['line']],
});
