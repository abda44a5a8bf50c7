/**
 * Two people, two browsers, the real app at a real node: from nothing to a group, and back after a reload.
 *
 * A proxy writes down every place that either browser asks for; axe reads every screen on the way.
 */
import type { Page } from '@playwright/test';
import { axeFindings, createIdentity, inviteLink, listen, message, newcomer, say, stands } from './app';
import { HOSTILE, OURS } from './hostile';
import { expect, test } from './fixtures';
import { Recorder } from './recorder';

async function looksRight(page: Page, screen: string): Promise<void> {
  expect(await axeFindings(page), screen).toEqual([]);
  const excess = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
  expect(excess, `${screen} is wider than the window`).toBeLessThanOrEqual(0);
}

const menuOf = async (page: Page, text: string, item: string): Promise<void> => {
  await message(page, text).click({ button: 'right' });
  await page.locator(`[data-item=${item}]`).click();
};
const button = (page: Page, name: string | RegExp) => page.getByRole('button', { name });

test('two people do all that there is, and reach their node alone', async ({ browser, node }) => {
  test.setTimeout(300_000);
  const recorder = await Recorder.start();
  const proxy = recorder.proxy;

  // Ada begins.
  const ada = await browser.newContext({ locale: 'en-GB', proxy, permissions: ['clipboard-read', 'clipboard-write'] });
  const one = await ada.newPage();
  const complaints = listen(one);
  const asked = new Set<string>();
  const note = (url: string): void => { if (!/^(blob|data):/.test(url)) asked.add(new URL(url).origin.replace(/^ws/, 'http')); };
  ada.on('request', (request) => note(request.url()));
  one.on('websocket', (socket) => note(socket.url()));
  await one.goto(node.url);
  await one.getByTestId('create-identity').waitFor();
  await looksRight(one, 'welcome');
  await one.getByTestId('create-identity').click();
  await one.getByTestId('display-name').fill('Ada');
  await looksRight(one, 'name');
  await one.getByTestId('display-name').press('Enter');
  await one.getByTestId('search').waitFor();
  await looksRight(one, 'nobody yet');
  const link = await inviteLink(one);

  // Ben comes by the link.
  const ben = await browser.newContext({ locale: 'it-IT', proxy, viewport: { width: 360, height: 740 } });
  const other = await ben.newPage();
  listen(other, complaints);
  await other.goto(link);
  await other.getByTestId('create-identity').waitFor();
  await expect(other.getByText('Ada', { exact: false }).first()).toBeVisible();
  await looksRight(other, 'invited');
  await createIdentity(other, 'Ben');
  await other.getByTestId('accept-invite').waitFor();
  await looksRight(other, 'an invite');
  await other.getByTestId('accept-invite').click();
  await other.getByTestId('composer').waitFor();
  await looksRight(other, 'an empty conversation on a phone');

  // They talk.
  await one.getByTestId('conversation').first().click();
  await say(one, 'hello');
  await expect(message(other, 'hello')).toHaveAttribute('data-state', 'received');
  await stands(one, 'hello', /^(delivered|read)$/);
  await say(other, 'hello yourself');
  await expect(message(one, 'hello yourself')).toHaveAttribute('data-own', 'false');
  await message(one, 'hello yourself').focus();
  await one.keyboard.press('r');
  await say(one, 'how are you?');
  await expect(message(other, 'how are you?').locator('.quote')).toContainText('hello yourself');
  await one.keyboard.press('ArrowUp');
  await say(one, 'how are you today?');
  await expect(message(other, 'how are you today?')).toBeVisible();
  await message(one, 'hello yourself').click({ button: 'right' });
  await one.getByRole('menuitemcheckbox').first().click();
  await expect(message(other, 'hello yourself')).toContainText('👍');
  await say(one, 'not this');
  await stands(one, 'not this', /^(stored|delivered|read)$/);
  await menuOf(one, 'not this', 'delete');
  await looksRight(one, 'deleting');
  await button(one, 'Delete for everyone').click();
  await expect(message(other, 'not this')).toHaveCount(0);
  await looksRight(one, 'a conversation');
  await looksRight(other, 'a conversation on a phone');

  // What is set for the two.
  await one.getByTestId('search').fill('yourself');
  await one.locator('a.hit').first().waitFor();
  await looksRight(one, 'search');
  await one.getByTestId('search').fill('');
  if (await button(one, /Messages disappear|Disappear/).count() === 0) await one.locator('header [aria-expanded]').last().click();
  await looksRight(one, 'the side pane');
  await one.locator('aside, .side').getByText('Safety number').first().click();
  await one.getByRole('img', { name: /Your code/ }).waitFor();
  await looksRight(one, 'safety number');
  await button(one, 'They match').click();
  await one.keyboard.press('Escape');
  await expect(one.getByTestId('conversation').first()).toContainText('compared');

  // A group.
  await one.getByTestId('invite').first().click();
  await one.getByTestId('invite-link').waitFor();
  await looksRight(one, 'an invite of one\'s own');
  await button(one, 'Make a group').click();
  await one.getByRole('textbox', { name: 'Name of the group' }).fill('Lemons');
  await one.getByRole('checkbox', { name: /Ben/ }).click();
  await looksRight(one, 'a new group');
  await button(one, /Make it with/).click();
  await expect(one.locator('h1')).toContainText('Lemons');
  await say(one, 'to both of us');
  await other.goto(`${node.url}/`);
  await other.getByTestId('conversation').filter({ hasText: 'Lemons' }).click();
  await expect(message(other, 'to both of us')).toBeVisible();
  await say(other, 'seen');
  await expect(message(one, 'seen')).toBeVisible();
  await looksRight(one, 'a group');

  // Every page of the settings.
  await one.getByTestId('settings').click();
  for (const name of ['Your words', 'Notifications', 'Privacy', 'Look and language', 'Node', 'About', 'You']) {
    await one.getByRole('dialog').getByRole('navigation').getByRole('button', { name }).first().click();
    await expect(one.getByRole('heading', { name, exact: true })).toBeVisible();
    if (name === 'About') {
      const { web } = await (await fetch(`${node.url}/version`)).json() as { web: string };
      await expect(one.getByText(web)).toBeVisible();
    }
    await looksRight(one, `settings: ${name}`);
  }
  await one.goto(`${node.url}/`);

  // After a reload all is there.
  await one.reload();
  await one.getByTestId('conversation').filter({ has: one.locator('.name', { hasText: /^Ben$/ }) }).click();
  await expect(message(one, 'how are you today?')).toBeVisible();
  await expect(message(one, 'not this')).toHaveCount(0);
  expect(complaints).toEqual([]);

  const { host, origin } = new URL(node.url);
  expect([...new Set(recorder.places)]).toEqual([host]);
  expect([...asked].filter((url) => url !== origin)).toEqual([]);
  expect(recorder.places.length).toBeGreaterThan(20);
  // The recorder is one that finds what there is to find.
  await one.goto('http://elsewhere.invalid/').catch(() => undefined);
  expect(recorder.places).toContain('elsewhere.invalid');
  await Promise.all([ada.close(), ben.close()]);
  await recorder.stop();
});

test('hostile texts stay text, at whoever writes and at whoever reads them', async ({ browser, node }) => {
  const [ada, ben] = [await newcomer(browser, node, 'Ada <b>'), await newcomer(browser, node, 'Ben')];
  const link = await inviteLink(ada.page);
  await ben.page.goto(link);
  await ben.page.getByTestId('accept-invite').click();
  await ben.page.getByTestId('composer').waitFor();
  await ada.page.getByTestId('conversation').first().click();
  for (const text of HOSTILE) await say(ada.page, text);
  await say(ada.page, 'the last one');
  for (const { page, complaints } of [ada, ben]) {
    await message(page, 'the last one').waitFor();
    const kinds = new Set<string>();
    // The window of messages that the page holds is looked at from its end to its beginning.
    for (let step = 0; step < 4; step += 1) {
      for (const kind of await page.locator('.timeline .bubble *').evaluateAll((nodes) => nodes.map((node) => node.tagName.toLowerCase()))) {
        kinds.add(kind);
      }
      await page.locator('.timeline').evaluate((node) => { node.scrollTop = 0; });
    }
    expect([...kinds].filter((kind) => !OURS.includes(kind))).toEqual([]);
    expect(await page.evaluate(() => 'stolen' in window)).toBe(false);
    for (const [href, rel] of await page.locator('.timeline a').evaluateAll((links) => links.map((link) => [link.getAttribute('href'), link.getAttribute('rel')]))) {
      expect(href).toMatch(/^https?:\/\//);
      expect(rel).toContain('noreferrer');
    }
    const { width, room } = await page.evaluate(() => {
      const timeline = document.querySelector('.timeline')!;
      return { width: timeline.scrollWidth, room: timeline.clientWidth };
    });
    expect(width).toBeLessThanOrEqual(room);
    expect(await page.locator('h1 b, .name b').count()).toBe(0);
    expect(complaints).toEqual([]);
  }
  expect(await ben.page.getByTestId('message').count()).toBe(await ada.page.getByTestId('message').count());
  await Promise.all([ada.context.close(), ben.context.close()]);
});
