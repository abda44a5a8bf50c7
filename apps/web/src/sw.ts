/**
 * The service worker: keeps the app's own files for a start without network, hands out a new version only when the
 * user agreed, and says "New message" when a push comes and no tab could say more. It holds no keys and keeps no
 * message; a push carries nothing. Files pass through it from a tab to a player (`platform/file-service.ts`).
 *
 * The build replaces `%SHELL%` with the paths of its files and `%VERSION%` with a hash of them (`build/shell.ts`).
 */

/// <reference lib="webworker" />

import { type FilePath, type FileReply, type FileRequest, parseFilePath, serveFile } from './platform/file-service';

const worker = globalThis as unknown as ServiceWorkerGlobalScope;
const SHELL = '%SHELL%'.split(' ');
const VERSION = '%VERSION%';
const PREFIX = 'shell-';
const CACHE = PREFIX + VERSION;
/** Versions kept: the present one and the one that a tab may still run. */
const VERSIONS_MAX = 2;
const WORDS_CACHE = 'words';
const WORDS_URL = '/words.json';
/** How long a tab may take to say whether it told the user. */
const WAKE_MS = 6_000;
const FALLBACK = { title: 'New message', body: '' };

worker.addEventListener('install', (event) => event.waitUntil(keepShell()));
worker.addEventListener('activate', (event) => event.waitUntil(dropOld().then(() => worker.clients.claim())));
worker.addEventListener('message', (event) => {
  if ((event.data as { type?: string } | null)?.type === 'update') event.waitUntil(worker.skipWaiting());
});
worker.addEventListener('fetch', (event) => {
  const { request } = event;
  const url = new URL(request.url);
  if (request.method !== 'GET' || url.origin !== worker.location.origin) return;
  const file = parseFilePath(url);
  if (file) {
    event.respondWith(fromTab(file, request, event.clientId));
    return;
  }
  const isPage = request.mode === 'navigate' && (url.pathname === '/' || url.pathname === '/i');
  if (isPage) event.respondWith(fromCache('/', request));
  else if (SHELL.includes(url.pathname) || url.pathname.startsWith('/assets/')) event.respondWith(fromCache(url.pathname, request));
});
worker.addEventListener('push', (event) => event.waitUntil(tell()));
worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(open((event.notification.data as { conversation?: string } | null)?.conversation));
});

/** Fetches what no earlier version kept; a file's name holds its hash, so what is there is right. */
async function keepShell(): Promise<void> {
  const cache = await caches.open(CACHE);
  await Promise.all(SHELL.map(async (path) => {
    const known = path.startsWith('/assets/') ? await caches.match(path) : undefined;
    const response = known ?? (await fetch(path, { cache: path.startsWith('/assets/') ? 'default' : 'reload' }));
    if (!response.ok) throw new Error(`${response.status}`);
    await cache.put(path, response);
  }));
}

async function dropOld(): Promise<void> {
  const shells = (await caches.keys()).filter((name) => name.startsWith(PREFIX) && name !== CACHE);
  await Promise.all(shells.slice(0, Math.max(0, shells.length - (VERSIONS_MAX - 1))).map((name) => caches.delete(name)));
}

/** The present version first, then one that a tab still runs, then the network. */
async function fromCache(path: string, request: Request): Promise<Response> {
  const cache = await caches.open(CACHE);
  return (await cache.match(path)) ?? (path === '/' ? undefined : await caches.match(path)) ?? fetch(request);
}

/** How long a tab may take for one slice: it may have to fetch it first. */
const SLICE_MS = 60_000;

/** A file, read by the tab that asks, or by any where a download has none of its own. */
async function fromTab(path: FilePath, request: Request, clientId: string): Promise<Response> {
  const tab = (clientId ? await worker.clients.get(clientId) : undefined) ?? (await worker.clients.matchAll({ type: 'window' }))[0];
  // A page that somebody sent is not to be opened as one.
  if (!tab || (request.mode === 'navigate' && !path.isSaved)) return new Response(null, { status: 404 });
  try {
    return await serveFile(request.headers.get('range'), path.isSaved, (offset, length) => ask(tab, { type: 'file', entry: path.entry, index: path.index, offset, length }));
  } catch {
    return new Response(null, { status: 502 });
  }
}

function ask(tab: Client, request: FileRequest): Promise<Exclude<FileReply, { error: string }>> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => reject(new Error('silent')), SLICE_MS);
    port1.onmessage = ({ data }: MessageEvent<FileReply>) => {
      clearTimeout(timer);
      port1.close();
      if ('error' in data) reject(new Error(data.error));
      else resolve(data);
    };
    tab.postMessage(request, [port2]);
  });
}

async function tell(): Promise<void> {
  const tabs = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (tabs.length > 0 && (await Promise.any(tabs.map(wake)).catch(() => false))) return;
  const { title, body } = await words();
  await worker.registration.showNotification(title, { body, tag: 'new', icon: '/icons/icon-192.png', badge: '/icons/badge-96.png' });
}

/** Whether the tab told its user; rejects where it did not, so that the first that did counts. */
function wake(tab: Client): Promise<true> {
  return new Promise((resolve, reject) => {
    const { port1, port2 } = new MessageChannel();
    const timer = setTimeout(() => reject(new Error('silent')), WAKE_MS);
    port1.onmessage = (event: MessageEvent<{ isTold?: boolean }>) => {
      clearTimeout(timer);
      if (event.data.isTold) resolve(true);
      else reject(new Error('not told'));
    };
    tab.postMessage({ type: 'wake' }, [port2]);
  });
}

async function words(): Promise<{ title: string; body: string }> {
  try {
    const kept = await (await caches.open(WORDS_CACHE)).match(WORDS_URL);
    return kept ? ((await kept.json()) as { title: string; body: string }) : FALLBACK;
  } catch {
    return FALLBACK;
  }
}

async function open(conversation: string | undefined): Promise<void> {
  const [tab] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (!tab) await worker.clients.openWindow(conversation ? `/#c/${conversation}` : '/');
  else {
    await tab.focus();
    if (conversation) tab.postMessage({ type: 'open', conversation });
  }
}
