import { defineConfig } from 'vite';

/** Builds the bare engine's page into a folder of its own, as the app is built. */
export default defineConfig({
  root: 'e2e/engine',
  build: {
    outDir: '../../test-results/engine-page',
    emptyOutDir: true,
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
  },
  worker: { format: 'es', rollupOptions: { output: { entryFileNames: 'assets/worker-[hash].js' } } },
});
