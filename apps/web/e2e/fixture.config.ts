import { defineConfig } from '@playwright/test';

/** Views on the fixture engine: built as the product is, served under its content security policy. */
export default defineConfig({
  testDir: '.',
  testMatch: ['views/*.spec.ts'],
  outputDir: '../test-results/views',
  fullyParallel: true,
  forbidOnly: true,
  workers: 2,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [['list']],
  globalSetup: './fixture/setup.ts',
  use: {
    actionTimeout: 40_000,
    navigationTimeout: 60_000,
    // Set by the setup, before any worker reads this.
    baseURL: process.env['FIXTURE_URL'] ?? 'http://127.0.0.1',
    locale: 'en-GB',
    timezoneId: 'Europe/Rome',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync', '--force-color-profile=srgb', '--font-render-hinting=none',
        '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
      ],
    },
  },
});
