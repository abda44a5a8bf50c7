/**
 * The rooms around the conversations, on the fixture engine: axe finds nothing on any screen, nothing is wider than
 * the window, and each does what it says by the keyboard.
 */
import { expect, type Page, test } from '@playwright/test';
import axe from 'axe-core';
import type { Overlay, SettingsPage } from '../../src/views/overlay';
import { open } from '../open';

/** The narrowest window and a desktop, and with them both themes: what axe reads of a page depends on no more. */
const LOOKS = [{ width: 320, theme: 'dark' }, { width: 1280, theme: 'light' }] as const;
/** A loaded machine takes its time over axe. */
const AXE_MS = 120_000;

type Show = Overlay | ((page: Page) => Promise<Overlay>);
interface Screen { query?: string; show?: Show; go?: (page: Page) => Promise<unknown>; seen: string | RegExp }

const group = async (page: Page, kind: 'group' | 'add-members' | 'rename' | 'leave' | 'timer' | 'invite'): Promise<Overlay> =>
  ({ kind, conversation: await page.evaluate(() => window.fixture.id('harvest')) });
const safety = async (page: Page): Promise<Overlay> => ({
  kind: 'safety',
  account: await page.evaluate(() => window.fixture.engine.world.places.get(window.fixture.id('luca'))?.row.peer ?? ''),
});
const button = (name: string | RegExp) => (page: Page) => page.getByRole('button', { name }).click();

const SCREENS: Record<string, Screen> = {
  welcome: { query: 'boot=empty', seen: 'Say it softly.' },
  name: { query: 'boot=empty', go: (page) => page.getByTestId('create-identity').click(), seen: 'What should people call you?' },
  restore: { query: 'boot=empty', go: button('I have 24 words'), seen: 'Come back with your words' },
  unlock: { query: 'boot=locked', seen: 'Good to see you' },
  ...Object.fromEntries((
    ['storage-refused', 'storage-lost', 'storage-full', 'database-newer', 'database-damaged', 'older-tab', 'browser-too-old', 'engine-stops'] as const
  ).map((reason) => [`stop ${reason}`, { query: `boot=${reason}`, seen: /./ }])),
  erase: { query: 'boot=database-damaged', go: button('Begin anew'), seen: 'Forget everything here?' },
  invite: { show: { kind: 'invite' }, go: (page) => page.getByTestId('invite-link').waitFor(), seen: 'Invite someone' },
  'invite group': { show: (page) => group(page, 'invite'), go: (page) => page.getByTestId('invite-link').waitFor(), seen: 'Invite to the group' },
  add: { show: { kind: 'add', text: 'svc1qq@https://node.example' }, seen: 'Open a link' },
  accept: { show: { kind: 'accept', link: 'https://node.example/i#abc' }, go: (page) => page.getByTestId('accept-invite').waitFor(), seen: /would like to talk/ },
  requests: { show: { kind: 'request', id: 'request-1' }, seen: 'Requests' },
  'new group': { show: { kind: 'new-group' }, seen: 'New group' },
  group: { show: (page) => group(page, 'group'), seen: 'Lemon harvest' },
  'add members': { show: (page) => group(page, 'add-members'), seen: 'Add people' },
  rename: { show: (page) => group(page, 'rename'), seen: 'Rename the group' },
  leave: { show: (page) => group(page, 'leave'), seen: /^Leave/ },
  timer: { show: (page) => group(page, 'timer'), seen: 'Messages disappear' },
  safety: { show: safety, go: (page) => page.getByRole('img', { name: /Your code/ }).waitFor(), seen: 'Same on both screens?' },
  differs: { show: safety, go: button('See what to do'), seen: 'They differ' },
  'words hidden': { show: { kind: 'words' }, seen: 'Write these down, in order' },
  words: { show: { kind: 'words' }, go: button('Show the words'), seen: 'Write these down, in order' },
  check: {
    show: { kind: 'words' },
    go: async (page) => {
      await button('Show the words')(page);
      await button(/written them down/)(page);
      await page.getByRole('textbox').first().fill('cooper');
      await button('Check')(page);
    },
    seen: 'Just to be sure',
  },
  settings: { show: { kind: 'settings' }, seen: 'Settings' },
  ...Object.fromEntries(Object.entries({
    you: 'You', words: 'Your words', notifications: 'Notifications', privacy: 'Privacy', look: 'Look and language', node: 'Node', about: 'About',
  }).map(([page, title]) => [`settings ${page}`, {
    show: { kind: 'settings', page: page as SettingsPage }, seen: new RegExp(`^${title}$`),
  } satisfies Screen])),
  passphrase: { show: { kind: 'settings', page: 'words' }, go: button('Set a passphrase'), seen: 'Set a passphrase' },
  alert: {
    show: { kind: 'alert', alert: { id: 1, conversation: null, code: 'two_histories', name: null, hasEvidence: true, atMs: 0, isSeen: false } },
    seen: /two different stories/,
  },
};

async function show(page: Page, { query, show: shown, go, seen }: Screen): Promise<string[]> {
  const complaints = await open(page, query ? { query } : {});
  if (shown) {
    const overlay = typeof shown === 'function' ? await shown(page) : shown;
    await page.evaluate((each) => window.fixture.show(each), overlay);
  }
  await go?.(page);
  await expect(page.getByRole('heading', { name: seen }).first()).toBeVisible();
  return complaints;
}

test.beforeEach(({ page }) => page.setViewportSize({ width: 1280, height: 800 }));

for (const [name, screen] of Object.entries(SCREENS)) {
  test(`${name} is accessible at every width, light and dark`, async ({ page }) => {
    test.setTimeout(AXE_MS);
    const complaints = await show(page, screen);
    // A Playwright evaluation is not held to the page's policy as an inserted script would be.
    await page.evaluate(axe.source);
    for (const { width, theme } of LOOKS) {
      await page.setViewportSize({ width, height: 740 });
      await page.emulateMedia({ colorScheme: theme });
      const { found, excess } = await page.evaluate(async () => {
        const { violations } = await (window as unknown as { axe: typeof axe }).axe.run(document);
        return {
          found: violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`),
          excess: document.documentElement.scrollWidth - innerWidth,
        };
      });
      expect({ width, theme, found }).toEqual({ width, theme, found: [] });
      expect(excess, `wider than ${width}`).toBeLessThanOrEqual(0);
    }
    expect(complaints).toEqual([]);
  });
}

test('first run takes a name and Enter', async ({ page }) => {
  await show(page, SCREENS['welcome']!);
  await page.getByTestId('create-identity').press('Enter');
  const name = page.getByTestId('display-name');
  await expect(name).toBeFocused();
  await name.press('Enter');
  await expect(page.getByRole('alert')).toHaveText(/Write a name/);
  await name.fill('Teresa');
  await name.press('Enter');
  await expect(page.getByTestId('search')).toBeVisible();
  expect(await page.evaluate(() => window.fixture.engine.calls.find(({ name }) => name === 'create')?.input)).toEqual({ name: 'Teresa' });
});

test('the invite holds the whole link, focused and selected, and gives the focus back', async ({ page }) => {
  await open(page);
  const key = page.getByTestId('invite').first();
  await key.click();
  const link = page.getByTestId('invite-link');
  await expect(link).toBeFocused();
  const { value, chosen } = await link.evaluate((node: HTMLInputElement) => ({
    value: node.value, chosen: node.value.slice(node.selectionStart ?? 0, node.selectionEnd ?? 0),
  }));
  expect(value).toMatch(/^https?:\/\/[^#]+\/i#\S+$/);
  expect(chosen).toBe(value);
  await page.keyboard.press('Escape');
  await expect(link).toBeHidden();
  await expect(key).toBeFocused();
});

test('a closed link says so and another can be made', async ({ page }) => {
  await show(page, SCREENS['invite']!);
  const before = await page.getByTestId('invite-link').inputValue();
  await button('Close this link')(page);
  await expect(page.getByText('Link closed.')).toBeVisible();
  await button('New link')(page);
  expect(await page.getByTestId('invite-link').inputValue()).not.toBe(before);
});

test('the words are kept only once three of them were right', async ({ page }) => {
  await show(page, SCREENS['words']!);
  const words = await page.getByRole('listitem').locator('[lang=en]').allTextContents();
  expect(words).toHaveLength(24);
  await button(/written them down/)(page);
  const kept = () => page.evaluate(() => window.fixture.engine.calls.some(({ name }) => name === 'setWordsKept'));
  const fields = page.getByRole('textbox', { name: /^Word / });
  await expect(fields).toHaveCount(3);
  await button('Check')(page);
  expect(await kept()).toBe(false);
  for (const field of await fields.all()) {
    const place = Number(/\d+/.exec((await field.evaluate((node: HTMLInputElement) => node.labels?.[0]?.textContent)) ?? '')?.[0]);
    await field.fill(words[place - 1]!.toUpperCase());
  }
  await fields.last().press('Enter');
  await expect.poll(kept).toBe(true);
});

test('an alert begins at its least harmful way on', async ({ page }) => {
  await show(page, SCREENS['alert']!);
  await expect(page.getByRole('alertdialog')).toBeVisible();
  await expect(page.getByRole('button', { name: 'Understood' })).toBeFocused();
});

test('an alert gives its proof as a file, by hand', async ({ page }) => {
  await show(page, SCREENS['alert']!);
  const [file] = await Promise.all([page.waitForEvent('download'), button('Save the proof')(page)]);
  expect(file.suggestedFilename()).toBe('sottovoce-proof-1.bin');
});

test('the language changes at once and stays', async ({ page }) => {
  await show(page, SCREENS['settings look']!);
  await page.getByText('Italiano').click();
  await expect(page.getByRole('heading', { name: 'Aspetto e lingua' })).toBeVisible();
  await expect(page.locator('html')).toHaveAttribute('lang', /^it/);
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('lang', /^it/);
});

test('the look is chosen over that of the device', async ({ page }) => {
  await show(page, SCREENS['settings look']!);
  await page.getByText('Dark', { exact: true }).click();
  expect(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme)).toBe('dark');
});

test('a chosen picture is made small and encoded anew', async ({ page }) => {
  await show(page, SCREENS['settings you']!);
  await page.evaluate(async () => {
    const canvas = document.createElement('canvas');
    canvas.width = 900;
    canvas.height = 600;
    const drawing = canvas.getContext('2d')!;
    for (let at = 0; at < 4_000; at += 1) {
      drawing.fillStyle = `hsl(${(at * 47) % 360} 80% 50%)`;
      drawing.fillRect((at * 131) % 900, (at * 71) % 600, 23, 19);
    }
    const blob = await new Promise<Blob>((resolve) => canvas.toBlob((made) => resolve(made!), 'image/png'));
    const chosen = new DataTransfer();
    chosen.items.add(new File([blob], 'me.png', { type: 'image/png' }));
    const picker = document.querySelector<HTMLInputElement>('input[type=file]')!;
    picker.files = chosen.files;
    picker.dispatchEvent(new Event('change', { bubbles: true }));
  });
  const sent = () => page.evaluate(() => {
    const call = window.fixture.engine.calls.find(({ name }) => name === 'setPicture');
    const bytes = (call?.input as { picture: Uint8Array } | undefined)?.picture;
    return bytes ? { size: bytes.length, kind: String.fromCharCode(...bytes.slice(8, 12)) } : null;
  });
  await expect.poll(sent).not.toBeNull();
  const { size, kind } = (await sent())!;
  expect(size).toBeLessThanOrEqual(16_384);
  expect(kind).toBe('WEBP');
});

test('notifications are asked for by the switch alone', async ({ page, context }) => {
  await context.grantPermissions([]);
  await page.addInitScript(() => {
    const asked = { count: 0 };
    Object.assign(window, { asked });
    Notification.requestPermission = () => { asked.count += 1; return Promise.resolve('denied'); };
  });
  await show(page, SCREENS['settings notifications']!);
  const count = () => page.evaluate(() => (window as unknown as { asked: { count: number } }).asked.count);
  expect(await count()).toBe(0);
  await page.getByRole('switch', { name: 'While a tab is open' }).click();
  expect(await count()).toBe(1);
});
