import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig } from 'vite';
import { shell } from './build/shell.ts';

export default defineConfig({
  plugins: [svelte(), shell()],
  build: {
    target: 'es2022',
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
  // The words lie at the root, where the command line can find them.
  server: { fs: { allow: ['.', '../../locales'] } },
  // The node knows the workers by these names: the engine's may speak to other nodes, the decoder's to nobody.
  worker: {
    format: 'es',
    rollupOptions: {
      output: { entryFileNames: (chunk) => (chunk.facadeModuleId?.includes('/media/') ? 'assets/media-[hash].js' : 'assets/worker-[hash].js') },
    },
  },
});
