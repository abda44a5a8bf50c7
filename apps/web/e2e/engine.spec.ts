/** The engine in a browser, without views: two people at a real node. */

import type { Harness } from './engine/page';
import { expect, test } from './fixtures';
import { ENGINE_PAGE, boot, create, delivery, meet, open, pair, send, texts } from './talk';

test.use({ web: ENGINE_PAGE });

declare const harness: Harness;

test('two browsers meet, talk, and keep their history over a reload', async ({ browser, node }) => {
  const [ada, ben] = [await browser.newContext(), await browser.newContext()];
  const [one, other] = [await open(ada, node), await open(ben, node)];
  expect(await boot(one)).toEqual({ state: 'empty', defaultNode: node.url });
  await create(one, 'Ada');
  await create(other, 'Ben');
  const conversation = await meet(one, other);

  await send(one, conversation, 'hello');
  expect(await texts(other, conversation, 1)).toEqual(['hello']);
  await send(other, conversation, 'hello yourself');
  expect(await texts(one, conversation, 2)).toEqual(['hello', 'hello yourself']);
  expect(['delivered', 'read']).toContain(await delivery(one, conversation, 'hello', ['delivered', 'read']));

  await one.reload();
  const found = await boot(one);
  expect(found).toMatchObject({ state: 'ready', me: { name: 'Ada' } });
  expect(await texts(one, conversation, 2)).toEqual(['hello', 'hello yourself']);
  await send(other, conversation, 'still there?');
  expect(await texts(one, conversation, 3)).toEqual(['hello', 'hello yourself', 'still there?']);
  await Promise.all([ada.close(), ben.close()]);
});

test('a second tab agrees, and takes over when the first is closed', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);

  const second = await open(ada, node);
  expect((await boot(second)).state).toBe('ready');
  await send(second, conversation, 'from the second tab');
  expect(await texts(one, conversation, 1)).toEqual(['from the second tab']);
  expect(await texts(other, conversation, 1)).toEqual(['from the second tab']);

  // What is asked for while there is no owner is done by the next, once.
  const asked = second.evaluate(
    (conversation) =>
      new Promise<number>((done) => {
        const channel = new BroadcastChannel('sottovoce:news');
        const began = performance.now();
        channel.onmessage = () => done(performance.now() - began);
        document.title = 'waiting';
        void harness.engine.sendText({ conversation, text: 'during the change' });
      }),
    conversation,
  );
  await second.waitForFunction(() => document.title === 'waiting');
  await one.close();
  const took = await asked;
  expect(took).toBeLessThan(5_000);
  test.info().annotations.push({ type: 'takeover', description: `${Math.round(took)} ms` });
  await send(second, conversation, 'after the change');
  const all = ['from the second tab', 'during the change', 'after the change'];
  expect(await texts(second, conversation, 3)).toEqual(all);
  expect(await texts(other, conversation, 3)).toEqual(all);
  await Promise.all([ada.close(), ben.close()]);
});

test('what is written without network goes out later, in order', async ({ browser, node }) => {
  const { ada, ben, one, other, conversation } = await pair(browser, node);
  await send(one, conversation, 'first');
  expect(await texts(other, conversation, 1)).toEqual(['first']);

  await node.kill();
  for (const text of ['second', 'third']) await send(one, conversation, text);
  expect(await delivery(one, conversation, 'third', ['pending'])).toBe('pending');
  await node.resume();
  expect(await texts(other, conversation, 3)).toEqual(['first', 'second', 'third']);
  expect(['stored', 'delivered', 'read']).toContain(
    await delivery(one, conversation, 'third', ['stored', 'delivered', 'read']),
  );
  await Promise.all([ada.close(), ben.close()]);
});
