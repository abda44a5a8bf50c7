/** What axe-core says of every screen of the chat room: nothing. */
import { type Page, expect, test } from '@playwright/test';
import axe from 'axe-core';
import { open } from '../open';

async function findings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: reader } = window as unknown as { axe: typeof axe };
    const { violations } = await reader.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)} ${node.failureSummary ?? ''}`));
  });
}

const menuOf = (nth: number, item: string) => async (page: Page) => {
  await page.getByTestId('message').nth(nth).click({ button: 'right' });
  await page.locator(`[data-item=${item}]`).click();
};

const SCREENS: [string, string | undefined, (page: Page) => Promise<unknown>][] = [
  ['the list', undefined, async () => undefined],
  ['a group', 'harvest', async () => undefined],
  ['two people', 'ida', async () => undefined],
  ['a changed key', 'rosa', async () => undefined],
  ['the results of a search', undefined, (page) => page.getByTestId('search').fill('le')],
  ['the quick switcher', undefined, (page) => page.keyboard.press('Control+k')],
  ['the keys', undefined, (page) => page.keyboard.press('?')],
  ['a menu', 'ida', (page) => page.getByTestId('message').last().click({ button: 'right' })],
  ['choosing', 'ida', menuOf(1, 'select')],
  ['answering', 'ida', menuOf(0, 'reply')],
  ['forwarding', 'ida', menuOf(0, 'forward')],
  ['deleting', 'ida', menuOf(-1, 'delete')],
  ['who has a message', 'ida', menuOf(-1, 'info')],
  ['the emoji', 'ida', async (page) => { await page.locator('.bar [aria-haspopup=dialog]').click(); await page.locator('[data-emoji]').first().waitFor(); }],
  ['a call that comes', 'ida', async (page) => { await page.emulateMedia({ reducedMotion: 'reduce' }); await page.evaluate(() => window.fixture.engine.ring('ida')); await page.getByTestId('ringing').waitFor(); }],
  ['a look at oneself before a call', 'ida', async (page) => { await page.getByTestId('call-video').click(); await page.getByTestId('preview-devices').click(); await page.getByTestId('audioinput').waitFor(); }],
  ['a call', 'ida', async (page) => { await page.evaluate(() => window.fixture.talk('ida')); await page.locator('.them.shown').waitFor(); await page.getByTestId('call-more').click(); }],
  ['a call of many', 'harvest', async (page) => { await page.evaluate(() => window.fixture.gather()); await page.getByTestId('tile').nth(8).waitFor(); }],
  ['mentioning', 'harvest', (page) => page.getByTestId('composer').pressSequentially('@')],
];

for (const [width, theme] of [[1280, 'light'], [360, 'dark']] as const) {
  for (const [name, to, go] of SCREENS) {
    test(`${name} at ${width} px, ${theme}`, async ({ page }) => {
      await page.setViewportSize({ width, height: 800 });
      const complaints = await open(page, { theme, ...(to ? { to } : {}) });
      await go(page);
      await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
      expect(await findings(page)).toEqual([]);
      expect(complaints).toEqual([]);
    });
  }
}
