/** The service worker of the built app at its node: start without network, and a push that says nothing. */
import type { Page } from '@playwright/test';
import { type TestNode, expect, test } from './fixtures';

async function installed(page: Page, node: TestNode): Promise<void> {
  await page.goto(node.url);
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

test('the app starts without network, and so does an opened invite', async ({ page, context, node }) => {
  await installed(page, node);
  await context.setOffline(true);
  for (const path of ['/', '/i#abc']) {
    const response = await page.goto(`${node.url}${path}`);
    expect(response?.status()).toBe(200);
    expect(response?.fromServiceWorker()).toBe(true);
  }
});

test('only files of the app are kept, and of one version', async ({ page, node }) => {
  await installed(page, node);
  const kept = await page.evaluate(async () => {
    const shells = (await caches.keys()).filter((name) => name.startsWith('shell-'));
    const requests = await Promise.all(shells.map(async (name) => (await caches.open(name)).keys()));
    return { versions: shells.length, paths: requests.flat().map(({ url }) => new URL(url).pathname) };
  });
  expect(kept.versions).toBe(1);
  expect(kept.paths).toContain('/');
  expect(kept.paths.filter((path) => !/^\/($|assets\/|icons\/|manifest\.webmanifest$)/.test(path))).toEqual([]);
});

/** What the worker had the browser show, in order; kept in the worker. */
interface Shown { title: string; body: string | undefined; data: unknown }

/**
 * Lets a push arrive at the service worker, as a push service would; answers with the first notice that the browser
 * took from it.
 *
 * The browser is not asked for its notices meanwhile: Chromium reads what is displayed first and what is stored after,
 * and forgets a notice that was stored in between, for good.
 */
async function push(page: Page, node: TestNode): Promise<Shown> {
  const cdp = await page.context().newCDPSession(page);
  const found = new Promise<string>((resolve) => {
    cdp.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
      const ours = registrations.find(({ scopeURL, isDeleted }) => scopeURL.startsWith(node.url) && !isDeleted);
      if (ours) resolve(ours.registrationId);
    });
  });
  await cdp.send('ServiceWorker.enable');
  const registrationId = await found;
  const [worker] = page.context().serviceWorkers();
  await worker!.evaluate(() => {
    const scope = globalThis as unknown as { registration: ServiceWorkerRegistration; shown: Promise<Shown> };
    const show = scope.registration.showNotification.bind(scope.registration);
    scope.shown = new Promise((resolve, reject) => {
      scope.registration.showNotification = async (title, options) => {
        try {
          await show(title, options);
          resolve({ title, body: options?.body, data: (options?.data as unknown) ?? null });
        } catch (error) {
          reject(error as Error);
          throw error;
        }
      };
    });
  });
  await page.goto('about:blank');
  await cdp.send('ServiceWorker.deliverPushMessage', { origin: node.url, registrationId, data: '\u0001' });
  return worker!.evaluate(() => (globalThis as unknown as { shown: Promise<Shown> }).shown);
}

test('a push without an open tab says that something came, and nothing else', async ({ page, context, node }) => {
  await context.grantPermissions(['notifications'], { origin: node.url });
  await installed(page, node);
  expect(await push(page, node)).toEqual({ title: 'New message', body: 'Open Sottovoce to read it.', data: null });
});
