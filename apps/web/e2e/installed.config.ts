import { defineConfig } from '@playwright/test';
import views from './fixture.config';

const PORT = Number(process.env['INSTALLED_PORT'] ?? 4181);

/** The built app with its service worker, without a node. */
export default defineConfig({
  ...views,
  testMatch: ['installed/*.spec.ts'],
  outputDir: '../test-results/installed',
  use: { ...views.use, baseURL: `http://127.0.0.1:${PORT}` },
  webServer: {
    command: `npx vite build --outDir test-results/app && npx vite preview --outDir test-results/app --host 127.0.0.1 --port ${PORT} --strictPort`,
    cwd: '..',
    port: PORT,
    timeout: 180_000,
    reuseExistingServer: false,
  },
});
