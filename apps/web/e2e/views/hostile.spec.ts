/** What people write is text and never anything else, whatever they write. */
import { expect, test } from '@playwright/test';
import { open } from '../open';

const HOSTILE = [
  '<script>window.stolen = 1</script>', '<img src=x onerror="window.stolen = 1">', '"><svg/onload=window.stolen=1>', '</textarea><b>x</b>',
  'javascript:window.stolen=1', '[x](javascript:window.stolen=1)', '{{constructor.constructor("window.stolen=1")()}}', '${window.stolen=1}',
  '&lt;b&gt; &#x3c;i&#x3e;', '\u202ereversed\u202c \u2066isolated', 'https://a.example/\u202egpj.exe', 'a\u0000b', 'z\u0300\u0301\u0302\u0303'.repeat(200),
  '**`_~'.repeat(300), `${'>'.repeat(400)} deep`, 'w'.repeat(60_000), '\n'.repeat(500) + 'end', '🏴‍☠️'.repeat(300), '```\n<b>\n```',
];

test('a corpus of hostile texts stays text', async ({ page }) => {
  const complaints = await open(page, { to: 'luca' });
  const kinds = await page.evaluate(async (texts) => {
    const id = window.fixture.id('luca');
    for (const text of texts) window.fixture.engine.arrive(id, 1, text, 'luca');
    await new Promise((next) => { setTimeout(next, 500); });
    const found = new Set([...document.querySelectorAll('.timeline .bubble *')].map((node) => node.tagName.toLowerCase()));
    return [...found].sort();
  }, HOSTILE);
  const OURS = ['a', 'bdi', 'blockquote', 'button', 'circle', 'code', 'div', 'em', 'p', 'path', 'pre', 's', 'span', 'strong', 'svg', 'time'];
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
