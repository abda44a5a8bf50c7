import { defineConfig } from '@playwright/test';

/** A machine with two busy cores is slow, not broken: what a test waits for has a long limit, what it measures its own. */
export default defineConfig({
  testDir: 'e2e',
  testMatch: '*.spec.ts',
  testIgnore: ['**/views/**'],
  outputDir: 'test-results/playwright',
  timeout: 180_000,
  expect: { timeout: 30_000 },
  maxFailures: Number(process.env['MAX_FAILURES'] ?? 0),
  workers: 1,
  forbidOnly: true,
  reporter: [['list']],
  globalSetup: './e2e/setup.ts',
  use: {
    actionTimeout: 60_000,
    navigationTimeout: 60_000,
    launchOptions: {
      executablePath: process.env['CHROMIUM'] ?? '/usr/bin/chromium',
      args: [
        '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync',
        // A microphone that beeps once a second, for voice notes.
        '--use-fake-device-for-media-stream', '--use-fake-ui-for-media-stream',
        // Playwright's own list, of which only the last counts, and the questions that Chromium asks about forms.
        '--disable-features=AutofillServerCommunication,AvoidUnnecessaryBeforeUnloadCheckSync,DestroyProfileOnBrowserClose,'
          + 'HttpsUpgrades,HttpsFirstBalancedModeAutoEnable,LensOverlay,MediaRouter,PaintHolding,ThirdPartyStoragePartitioning,'
          + 'AvoidCorsURLLoaderRestartOnRedirect,OptimizationHints,NetworkTimeServiceQuerying,AimEnabled,PreconnectToSearch,'
          // Names under .local need multicast, which a test's machine may not have.
          + 'WebRtcHideLocalIpsWithMdns',
      ],
    },
  },
});
