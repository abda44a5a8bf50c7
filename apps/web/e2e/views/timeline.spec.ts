/** The timeline with a hundred thousand messages, and the place of its reader. */
import { type Page, expect, test } from '@playwright/test';
import { open } from '../open';

/** The topmost message that is wholly seen, and where it stands; right after the scroll, where one is asked for. */
function topmost(page: Page, scrollTop: number | null = null): Promise<{ key: string; top: number }> {
  return page.evaluate((scrollTop) => {
    const scroller = document.querySelector('.timeline')!;
    if (scrollTop !== null) scroller.scrollTop = scrollTop;
    const edge = scroller.getBoundingClientRect().top;
    const first = [...document.querySelectorAll<HTMLElement>('[data-testid=message]')].find((one) => one.getBoundingClientRect().top >= edge)!;
    return { key: first.dataset['key']!, top: Math.round(first.getBoundingClientRect().top) };
  }, scrollTop);
}

const topOf = (page: Page, key: string) =>
  page.evaluate((one) => Math.round(document.querySelector(`[data-key="${one}"]`)!.getBoundingClientRect().top), key);
const frames = (page: Page) => page.evaluate(() => new Promise((done) => { requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(done, 50))); }));

test('a conversation of 100,000 messages opens at its newest and holds few of them', async ({ page }) => {
  const complaints = await open(page, { to: 'ida' });
  const ms = await page.evaluate(async () => {
    const begun = performance.now();
    location.hash = `c/${window.fixture.id('many')}`;
    while (!document.querySelector('.timeline.begun')?.textContent?.includes('100000:')) await new Promise((next) => { requestAnimationFrame(next); });
    return performance.now() - begun;
  });
  test.info().annotations.push({ type: 'measured', description: `opened in ${Math.round(ms)} ms` });
  expect(await page.getByTestId('message').count()).toBeLessThanOrEqual(180);
  await expect(page.getByTestId('message').last()).toBeInViewport();
  expect(complaints).toEqual([]);
});

test('nothing that is read moves when history loads above', async ({ page }) => {
  await open(page, { to: 'many' });
  for (let step = 0; step < 6; step += 1) {
    const count = await page.evaluate(() => document.querySelector('[data-testid=message]')!.getAttribute('data-key'));
    const before = await topmost(page, 120);
    await expect.poll(() => page.evaluate(() => document.querySelector('[data-testid=message]')!.getAttribute('data-key'))).not.toBe(count);
    await frames(page);
    expect(Math.abs(await topOf(page, before.key) - before.top)).toBeLessThanOrEqual(1);
    expect(await page.getByTestId('message').count()).toBeLessThanOrEqual(180);
  }
});

test('1,000 messages that arrive move nothing that is read, and are counted', async ({ page }) => {
  await open(page, { to: 'many' });
  await page.locator('.timeline').evaluate((node) => { node.scrollTop -= 2_500; });
  await frames(page);
  const before = await topmost(page);
  const longest = await page.evaluate(async () => {
    const tasks: number[] = [];
    new PerformanceObserver((list) => tasks.push(...list.getEntries().map((entry) => entry.duration))).observe({ type: 'longtask' });
    const id = window.fixture.id('many');
    for (let batch = 0; batch < 50; batch += 1) {
      window.fixture.engine.arrive(id, 20);
      await new Promise((next) => { setTimeout(next, 4); });
    }
    await new Promise((next) => { setTimeout(next, 300); });
    return Math.max(0, ...tasks);
  });
  test.info().annotations.push({ type: 'measured', description: `longest task ${Math.round(longest)} ms` });
  expect(Math.abs(await topOf(page, before.key) - before.top)).toBeLessThanOrEqual(1);
  await expect(page.locator('.jump')).toContainText('1,000');
  await page.locator('.jump').click();
  await expect(page.getByTestId('message').last()).toContainText('One more thing 20');
  await expect(page.getByTestId('message').last()).toBeInViewport();
});

test('the newest stays in view when the composer grows and the window shrinks', async ({ page }) => {
  await open(page, { to: 'many' });
  const last = page.getByTestId('message').last();
  await page.getByTestId('composer').fill('one\ntwo\nthree\nfour\nfive');
  await frames(page);
  await expect(last).toBeInViewport({ ratio: 0.9 });
  await page.setViewportSize({ width: 800, height: 420 });
  await frames(page);
  await expect(last).toBeInViewport({ ratio: 0.9 });
});

test('a search goes to a place far away and comes back', async ({ page }) => {
  await open(page, { to: 'many' });
  await page.keyboard.press('Control+f');
  await page.locator('search input').fill('777: ');
  await expect(page.locator('.msg.tinted')).toContainText('777: ');
  await expect(page.locator('.msg.tinted')).toBeInViewport();
  await page.keyboard.press('Escape');
  await page.locator('.jump').click();
  await expect(page.getByTestId('message').last()).toContainText('100000:');
});

test('a quote leads to its message', async ({ page }) => {
  await open(page, { to: 'harvest' });
  await page.locator('.quote').first().click();
  await expect(page.locator('.msg.tinted')).toContainText('First basket');
});

test('the time stands beside the text and not in it, whichever way it is read', async ({ page }) => {
  const complaints = await open(page, { to: 'ida' });
  const gaps = await page.locator('[data-testid=message] p[dir=auto]:has(> .meta)').evaluateAll((paragraphs) => paragraphs.flatMap((paragraph) => {
    const meta = paragraph.querySelector('.meta')!;
    const text = document.createRange();
    text.setStart(paragraph, 0);
    text.setEndBefore(meta);
    const time = meta.getBoundingClientRect();
    const isRtl = getComputedStyle(paragraph).direction === 'rtl';
    const besides = [...text.getClientRects()].filter((line) => line.bottom > time.top + 4);
    return besides.map((line) => ({ isRtl, gap: Math.round(isRtl ? line.left - time.right : time.left - line.right) }));
  }));
  expect(gaps.some(({ isRtl }) => isRtl)).toBe(true);
  expect(gaps.filter(({ gap }) => gap < 8)).toEqual([]);
  expect(complaints).toEqual([]);
});
