/**
 * Builds the service worker with the list of the app's own files and a version that changes with any of them.
 */
import type { Plugin } from 'vite';

/** Files of `public/` that the installed app shows without network. */
const PUBLIC_FILES = ['/manifest.webmanifest', '/icons/icon.svg', '/icons/icon-192.png', '/icons/badge-96.png'];
const WORKER = 'sw.js';
const VERSION_BYTES = 8;

/** Emits `sw.js` from `src/sw.ts`. */
export function shell(): Plugin {
  return {
    name: 'sottovoce:shell',
    apply: 'build',
    enforce: 'post',
    buildStart() {
      this.emitFile({ type: 'chunk', id: 'src/sw.ts', fileName: WORKER });
    },
    generateBundle: {
      order: 'post',
      async handler(_options, bundle) {
        const worker = bundle[WORKER];
        if (worker?.type !== 'chunk') this.error('the service worker was not built');
        if (worker.imports.length > 0) this.error('the service worker must stand alone');
        const files = Object.values(bundle)
          .filter(({ fileName }) => fileName !== WORKER && fileName !== 'index.html' && !/\.(map|br|gz)$/.test(fileName))
          .sort((one, other) => (one.fileName < other.fileName ? -1 : 1));
        const page = bundle['index.html'];
        const named = files.map(({ fileName }) => fileName);
        const told = [worker.code, ...named, page?.type === 'asset' ? String(page.source) : ''].join('\n');
        const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(told)));
        const version = Array.from(hash.subarray(0, VERSION_BYTES), (byte) => byte.toString(16).padStart(2, '0')).join('');
        const paths = ['/', ...PUBLIC_FILES, ...named.map((name) => `/${name}`)];
        worker.code = worker.code.replace('%SHELL%', paths.join(' ')).replace('%VERSION%', version);
      },
    },
  };
}
