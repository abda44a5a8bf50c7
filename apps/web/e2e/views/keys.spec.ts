/** The chat room by hand: writing, answering, editing, choosing, finding, and where the focus goes. */
import { type Page, expect, test } from '@playwright/test';
import { open } from '../open';

const calls = (page: Page, name: string) =>
  page.evaluate((one) => window.fixture.engine.calls.filter((call) => call.name === one).map((call) => call.input as Record<string, unknown>), name);

test('Enter sends, Shift-Enter does not, and the draft goes with the message', async ({ page }) => {
  const complaints = await open(page, { to: 'omar' });
  const field = page.getByTestId('composer');
  await expect(field).toBeFocused();
  await field.pressSequentially('one');
  await page.keyboard.press('Shift+Enter');
  await field.pressSequentially('two');
  await expect.poll(async () => (await calls(page, 'saveDraft')).at(-1)?.['text']).toBe('one\ntwo');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('message').last()).toHaveAttribute('data-own', 'true');
  await expect(page.getByTestId('message').last()).toHaveAttribute('data-state', 'stored');
  await expect(field).toHaveValue('');
  expect((await calls(page, 'sendText')).map((one) => one['text'])).toEqual(['one\ntwo']);
  await expect.poll(async () => (await calls(page, 'saveDraft')).at(-1)?.['text']).toBe('');
  expect(complaints).toEqual([]);
});

test('a draft survives leaving the conversation', async ({ page }) => {
  await open(page, { to: 'omar' });
  await page.getByTestId('composer').fill('half a thought');
  await page.getByTestId('conversation').filter({ hasText: 'Ida' }).first().click();
  await page.getByTestId('conversation').filter({ hasText: 'Omar Khelifi' }).click();
  await expect(page.getByTestId('composer')).toHaveValue('half a thought');
});

test('without network nothing is disabled and what is written waits', async ({ page }) => {
  await open(page, { to: 'omar' });
  await page.evaluate(() => window.fixture.engine.change((world) => { world.network = { ...world.network, state: 'offline' }; }));
  await page.getByTestId('composer').fill('later');
  await page.getByTestId('send').click();
  await expect(page.getByTestId('message').last()).toHaveAttribute('data-state', 'pending');
});

test('Up edits the last own message, R answers, Esc leaves', async ({ page }) => {
  const complaints = await open(page, { to: 'ida' });
  const field = page.getByTestId('composer');
  await page.keyboard.press('ArrowUp');
  await expect(field).toHaveValue('My oven knows only two: cold and volcano');
  await field.fill('My oven knows three');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('message').last()).toContainText('My oven knows three');
  expect(await calls(page, 'editText')).toHaveLength(1);
  await page.getByTestId('message').first().focus();
  await page.keyboard.press('r');
  await expect(field).toBeFocused();
  await expect(page.locator('.bar')).toContainText('Did you find the recipe?');
  await page.keyboard.press('Escape');
  await expect(page.locator('.bar')).not.toContainText('Did you find the recipe?');
  expect(complaints).toEqual([]);
});

test('messages are walked through with the arrows', async ({ page }) => {
  await open(page, { to: 'ida' });
  await page.getByTestId('message').last().focus();
  await page.keyboard.press('ArrowUp');
  await expect(page.getByTestId('message').nth(-2)).toBeFocused();
  await page.keyboard.press('ArrowDown');
  await page.keyboard.press('ArrowDown');
  await expect(page.getByTestId('composer')).toBeFocused();
});

test('messages are chosen and deleted here', async ({ page }) => {
  const complaints = await open(page, { to: 'ida' });
  const count = await page.getByTestId('message').count();
  await page.getByTestId('message').nth(0).focus();
  await page.keyboard.press('x');
  await page.getByTestId('message').nth(1).click();
  await expect(page.getByRole('toolbar')).toContainText('2');
  await page.getByRole('toolbar').getByRole('button', { name: 'Delete' }).click();
  await page.getByRole('button', { name: 'Delete here' }).click();
  await expect(page.getByTestId('message')).toHaveCount(count - 2);
  await expect(page.getByTestId('composer')).toBeVisible();
  expect(complaints).toEqual([]);
});

test('a message is forwarded', async ({ page }) => {
  const complaints = await open(page, { to: 'ida' });
  await page.getByTestId('message').nth(0).focus();
  await page.keyboard.press('f');
  await page.getByRole('dialog').getByRole('checkbox').first().check();
  await page.getByRole('dialog').locator('.verbs button').last().click();
  await expect.poll(async () => (await calls(page, 'sendText')).map((one) => one['isForwarded'])).toEqual([true]);
  expect(complaints).toEqual([]);
});

test('the quick switcher opens a conversation and the focus lies in its composer', async ({ page }) => {
  const complaints = await open(page);
  await page.keyboard.press('Control+k');
  await page.keyboard.type('omar');
  await page.keyboard.press('Enter');
  await expect(page.locator('h1')).toContainText('Omar Khelifi');
  await expect(page.getByTestId('composer')).toBeFocused();
  await page.keyboard.press('Control+k');
  await page.keyboard.press('Escape');
  await expect(page.getByTestId('composer')).toBeFocused();
  expect(complaints).toEqual([]);
});

test('a search of everything jumps to the message', async ({ page }) => {
  await open(page);
  await page.getByTestId('search').fill('thirty');
  await page.locator('a.hit').first().click();
  await expect(page.locator('.msg.tinted')).toContainText('thirty');
  await expect(page.getByTestId('search')).toHaveValue('thirty');
});

test('an emoji is found by name, toned, and put where the caret is', async ({ page }) => {
  await open(page, { to: 'omar' });
  await page.getByTestId('composer').pressSequentially('a :lemo');
  await expect(page.getByRole('option').first()).toBeVisible();
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('composer')).toHaveValue('a 🍋 ');
});

test('a mention is taken from the people of the group', async ({ page }) => {
  await open(page, { to: 'harvest' });
  await page.getByTestId('composer').pressSequentially('@nonna');
  await page.keyboard.press('Tab');
  await expect(page.getByTestId('composer')).toHaveValue('@Nonna Rosa ');
  await page.keyboard.press('Enter');
  await expect(page.getByTestId('message').last().locator('.mention')).toHaveText('@Nonna Rosa');
});

test('what was seen has been read, and the title counts the rest', async ({ page }) => {
  await open(page);
  await expect(page).toHaveTitle(/^\(2\) /);
  await page.getByTestId('conversation').filter({ hasText: 'Lemon harvest' }).click();
  await expect.poll(async () => (await calls(page, 'markRead')).length).toBeGreaterThan(0);
  await expect(page).toHaveTitle(/^\(1\) .*Lemon harvest/);
  await expect(page.locator('.timeline .unread')).toBeVisible();
});

test('new messages are said politely, many of them in one sentence', async ({ page }) => {
  await open(page, { to: 'ida' });
  const region = page.getByRole('log');
  await page.evaluate(() => window.fixture.engine.arrive(window.fixture.id('ida'), 1, 'Flour and butter'));
  await expect(region).toContainText('Flour and butter');
  await page.evaluate(() => window.fixture.engine.arrive(window.fixture.id('ida'), 20));
  await expect(region).toContainText('20');
});

test('the page scrolls nowhere sideways at 320 px and at twice the size', async ({ page }) => {
  for (const [width, to] of [[320, undefined], [320, 'harvest'], [640, 'harvest']] as const) {
    await page.setViewportSize({ width, height: 500 });
    await open(page, to ? { to } : {});
    const wide = await page.evaluate(() => [...document.querySelectorAll('html, .rows, .pane, .talk, .timeline, footer')]
      .filter((node) => node.scrollWidth > node.clientWidth + 1).map((node) => node.className));
    expect(wide).toEqual([]);
  }
});

test('on a phone, back returns the focus to the row', async ({ page }) => {
  await page.setViewportSize({ width: 360, height: 700 });
  await open(page);
  const row = page.getByTestId('conversation').filter({ hasText: 'Omar Khelifi' });
  await row.click();
  await expect(page.locator('h1')).toContainText('Omar');
  await page.getByRole('button', { name: 'Back' }).click();
  await expect(row).toBeFocused();
});

test.describe('on touch', () => {
  test.use({ hasTouch: true, viewport: { width: 360, height: 700 } });

  /** A finger that goes from a message `dx` to the side, and rests for `ms` before it is lifted. */
  async function drag(page: Page, nth: number, dx: number, ms = 0) {
    const box = (await page.getByTestId('message').nth(nth).locator('[data-bubble]').boundingBox())!;
    const [x, y] = [box.x + 20, box.y + box.height / 2];
    const cdp = await page.context().newCDPSession(page);
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchStart', touchPoints: [{ x, y }] });
    for (let step = 1; step <= 8 && dx !== 0; step += 1) {
      await cdp.send('Input.dispatchTouchEvent', { type: 'touchMove', touchPoints: [{ x: x + (dx * step) / 8, y }] });
    }
    if (ms > 0) await page.getByRole('menu').waitFor({ timeout: ms });
    await cdp.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
  }

  test('a swipe answers a message, a short one does not', async ({ page }) => {
    const complaints = await open(page, { to: 'ida' });
    await drag(page, 0, 30);
    await expect(page.locator('.bar')).not.toContainText('Did you find the recipe?');
    await drag(page, 0, 90);
    await expect(page.locator('.bar')).toContainText('Did you find the recipe?');
    expect(complaints).toEqual([]);
  });

  test('a long press opens the menu of a message', async ({ page }) => {
    await open(page, { to: 'ida' });
    await drag(page, 0, 0, 5_000);
    await expect(page.getByRole('menu')).toBeVisible();
  });
});
