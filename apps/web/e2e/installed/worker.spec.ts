/** The service worker of the built app: start without network, and a push that says nothing. */
import { expect, type Page, test } from '@playwright/test';

async function installed(page: Page): Promise<void> {
  await page.goto('/');
  await page.waitForFunction(() => navigator.serviceWorker.controller !== null);
}

test('the app starts without network, and so does an opened invite', async ({ page, context }) => {
  await installed(page);
  await context.setOffline(true);
  for (const path of ['/', '/i#abc']) {
    const response = await page.goto(path);
    expect(response?.status()).toBe(200);
    expect(response?.fromServiceWorker()).toBe(true);
  }
});

test('only files of the app are kept, and of one version', async ({ page }) => {
  await installed(page);
  const kept = await page.evaluate(async () => {
    const shells = (await caches.keys()).filter((name) => name.startsWith('shell-'));
    const requests = await Promise.all(shells.map(async (name) => (await caches.open(name)).keys()));
    return { versions: shells.length, paths: requests.flat().map(({ url }) => new URL(url).pathname) };
  });
  expect(kept.versions).toBe(1);
  expect(kept.paths).toContain('/');
  expect(kept.paths.filter((path) => !/^\/($|assets\/|icons\/|manifest\.webmanifest$)/.test(path))).toEqual([]);
});

test('a push without an open tab says that something came, and nothing else', async ({ page, context, baseURL }) => {
  await context.grantPermissions(['notifications'], { origin: baseURL ?? '' });
  await installed(page);
  const [worker] = context.serviceWorkers();
  await page.goto('about:blank');
  const shown = await worker!.evaluate(async () => {
    const scope = globalThis as unknown as { dispatchEvent(event: Event): void; registration: ServiceWorkerRegistration };
    scope.dispatchEvent(new (globalThis as unknown as { PushEvent: new (type: string) => Event }).PushEvent('push'));
    const begun = performance.now();
    while (performance.now() - begun < 20_000) {
      const notices = await scope.registration.getNotifications();
      if (notices.length > 0) return notices.map(({ title, body, data }) => ({ title, body, data: data as unknown }));
      await new Promise((done) => setTimeout(done, 50));
    }
    return [];
  });
  expect(shown).toEqual([{ title: 'New message', body: 'Open Sottovoce to read it.', data: null }]);
});
