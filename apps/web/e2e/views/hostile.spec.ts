/** What people write is text and never anything else, whatever they write. */
import { expect, test } from '@playwright/test';
import { HOSTILE, OURS } from '../hostile';
import { open } from '../open';

test('a corpus of hostile texts stays text', async ({ page }) => {
  const complaints = await open(page, { to: 'luca' });
  const kinds = await page.evaluate(async (texts) => {
    const id = window.fixture.id('luca');
    for (const text of texts) window.fixture.engine.arrive(id, 1, text, 'luca');
    await new Promise((next) => { setTimeout(next, 500); });
    const found = new Set([...document.querySelectorAll('.timeline .bubble *')].map((node) => node.tagName.toLowerCase()));
    return [...found].sort();
  }, HOSTILE);
  expect(kinds.filter((kind) => !OURS.includes(kind))).toEqual([]);
  expect(await page.evaluate(() => 'stolen' in window)).toBe(false);
  const hrefs = await page.locator('.timeline a').evaluateAll((links) => links.map((link) => [link.getAttribute('href'), link.getAttribute('rel')]));
  for (const [href, rel] of hrefs) {
    expect(href).toMatch(/^https?:\/\//);
    expect(rel).toContain('noopener');
    expect(rel).toContain('noreferrer');
  }
  const { width, room } = await page.evaluate(() => {
    const node = document.querySelector('.timeline')!;
    return { width: node.scrollWidth, room: node.clientWidth };
  });
  expect(width).toBeLessThanOrEqual(room);
  expect(complaints).toEqual([]);
});
