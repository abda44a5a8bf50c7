/** From the switch in the settings to the message at the push service, which here is a server on loopback. */
import { type IncomingMessage, createServer } from 'node:http';
import { once } from 'node:events';
import { meet, message, newcomer, say, stands } from './app';
import { expect, test } from './fixtures';

// Without TLS and into this machine.
test.use({ options: ['--push', 'private'] });

/** A push service that takes everything; headers and length of what came. */
async function pushService(): Promise<{ url: string; came: { encoding: string; bytes: number }[]; stop: () => void }> {
  const came: { encoding: string; bytes: number }[] = [];
  const server = createServer((asked: IncomingMessage, answer) => {
    let bytes = 0;
    asked.on('data', (part: Buffer) => (bytes += part.length));
    asked.on('end', () => {
      came.push({ encoding: asked.headers['content-encoding'] ?? '', bytes });
      answer.writeHead(201).end();
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  return { url: `http://127.0.0.1:${address.port}/push/secret`, came, stop: () => server.close() };
}

test('a browser that was closed is rung once, by its own wish, without content', async ({ browser, node }) => {
  const service = await pushService();
  const [ada, ben] = [await newcomer(browser, node, 'Ada'), await newcomer(browser, node, 'Ben')];
  await ada.context.grantPermissions(['notifications'], { origin: node.url });
  // Chromium without a window has no push service of its own: the subscription is one at ours, its keys are real.
  await ada.context.addInitScript((endpoint) => {
    let subscription: unknown = null;
    PushManager.prototype.getSubscription = () => Promise.resolve(subscription as PushSubscription | null);
    PushManager.prototype.subscribe = async (options) => {
      const { publicKey } = await crypto.subtle.generateKey({ name: 'ECDH', namedCurve: 'P-256' }, true, ['deriveBits']);
      const keys = { p256dh: await crypto.subtle.exportKey('raw', publicKey), auth: crypto.getRandomValues(new Uint8Array(16)).buffer };
      subscription = {
        endpoint, options, getKey: (name: 'p256dh' | 'auth') => keys[name],
        unsubscribe: () => { subscription = null; return Promise.resolve(true); },
      };
      return subscription as PushSubscription;
    };
  }, service.url);
  await ada.page.reload();
  await ada.page.getByTestId('search').waitFor();
  await meet(ada, ben, node);
  await say(ben.page, 'before');
  await expect(message(ada.page, 'before')).toBeVisible();

  await ada.page.getByTestId('settings').click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Notifications' }).click();
  const closed = ada.page.getByRole('switch', { name: 'While the app is closed' });
  await expect(closed).not.toBeChecked();
  await closed.click();
  await expect(closed).toBeChecked();
  await ada.page.goto('about:blank');

  // It rings for the first; the second finds nobody asleep.
  await expect(async () => {
    await say(ben.page, 'wake up');
    expect(service.came.length).toBeGreaterThan(0);
  }).toPass();
  await say(ben.page, 'are you there?');
  await stands(ben.page, 'are you there?', /^stored$/);
  expect(service.came).toHaveLength(1);
  expect(service.came[0]!.encoding).toBe('aes128gcm');
  // Salt, record size, key, one byte with its delimiter and seal.
  expect(service.came[0]!.bytes).toBe(16 + 4 + 1 + 65 + 2 + 16);

  // Back again it is on still, and can be turned off.
  await ada.page.goto(node.url);
  await ada.page.getByTestId('settings').click();
  await ada.page.getByRole('dialog').getByRole('button', { name: 'Notifications' }).click();
  await expect(closed).toBeChecked();
  await closed.click();
  await expect(closed).not.toBeChecked();
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
  await Promise.all([ada.context.close(), ben.context.close()]);
  service.stop();
});
