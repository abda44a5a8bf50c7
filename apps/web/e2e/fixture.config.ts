import { defineConfig } from '@playwright/test';

const PORT = Number(process.env['FIXTURE_PORT'] ?? 4180);

/** Views on the fixture engine: built as the product is, served under its content security policy. */
export default defineConfig({
  testDir: '.',
  testMatch: ['views/*.spec.ts'],
  outputDir: '../test-results/views',
  snapshotPathTemplate: '{testDir}/views/shots/{arg}{ext}',
  fullyParallel: true,
  workers: 2,
  timeout: 60_000,
  expect: { timeout: 10_000, toHaveScreenshot: { maxDiffPixelRatio: 0.02 } },
  reporter: 'line',
  use: {
    baseURL: `http://127.0.0.1:${PORT}`,
    locale: 'en-GB',
    timezoneId: 'Europe/Rome',
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync', '--force-color-profile=srgb', '--font-render-hinting=none'],
    },
  },
  webServer: {
    command: `npx vite build --config e2e/fixture/vite.config.ts && npx vite preview --config e2e/fixture/vite.config.ts --host 127.0.0.1 --port ${PORT} --strictPort`,
    cwd: '..',
    port: PORT,
    timeout: 180_000,
    reuseExistingServer: false,
  },
});
