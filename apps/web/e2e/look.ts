/**
 * Looks at every screen: `npx playwright test -c e2e/look.config.ts` writes pictures of all of them, at three widths and at 200 %,
 * in both themes, into the folder that `LOOK` names, to be seen beside the design.
 */
import { type Page, test } from '@playwright/test';
import { open } from './open';

const INTO = process.env['LOOK'] ?? 'test-results/look';
const ONLY = process.env['ONLY'];
/** Phone, tablet, desktop, and a desktop's window at 200 %. */
const SIZES = [[360, 800], [800, 800], [1280, 800], [640, 400]] as const;
const THEMES = ['light', 'dark'] as const;

/** Two pictures, drawn on the spot, and a file. */
async function someFiles(page: Page) {
  const pictures = await page.evaluate(() => Promise.all([1, 2, 5].map((seed) => window.fixture.picture(seed))));
  return [
    ...pictures.map((base64, at) => ({ name: `harbour-${at}.jpg`, mimeType: 'image/jpeg', buffer: Buffer.from(base64, 'base64') })),
    { name: 'plan.pdf', mimeType: 'application/pdf', buffer: Buffer.alloc(220_000) },
  ];
}

const SCREENS: Record<string, { query?: string; go?: (page: Page) => Promise<unknown>; to?: string }> = {
  list: {},
  harvest: { to: 'harvest' },
  ida: { to: 'ida' },
  rosa: { to: 'rosa' },
  many: { to: 'many' },
  yuki: { to: 'yuki' },
  blocked: { to: 'tommaso' },
  empty: { query: 'empty' },
  search: { go: async (page) => page.getByTestId('search').fill('le') },
  switcher: { go: async (page) => { await page.keyboard.press('Control+k'); await page.keyboard.type('le'); } },
  keys: { go: async (page) => page.keyboard.press('?') },
  'message-menu': { to: 'harvest', go: async (page) => page.getByTestId('message').nth(-3).click({ button: 'right' }) },
  chosen: { to: 'ida', go: async (page) => { const m = page.getByTestId('message'); await m.nth(2).click({ button: 'right' }); await page.locator('[data-item=select]').click(); await m.nth(1).click(); } },
  emoji: { to: 'ida', go: async (page) => { await page.getByTestId('composer').fill('x'); await page.getByRole('button', { name: 'Emoji' }).click(); await page.locator('[data-emoji]').first().waitFor(); } },
  mention: { to: 'harvest', go: async (page) => page.getByTestId('composer').pressSequentially('ask @') },
  replying: { to: 'ida', go: async (page) => { await page.getByTestId('message').nth(3).click({ button: 'right' }); await page.locator('[data-item=reply]').click(); } },
  'search-here': { to: 'many', go: async (page) => { await page.getByRole('button', { name: 'Search here' }).click(); await page.keyboard.type('ferry'); await page.locator('search .count').filter({ hasText: 'of' }).waitFor(); } },
  delete: { to: 'ida', go: async (page) => { await page.getByTestId('message').nth(-1).click({ button: 'right' }); await page.locator('[data-item=delete]').click(); } },
  info: { to: 'ida', go: async (page) => { await page.getByTestId('message').nth(-1).click({ button: 'right' }); await page.locator('[data-item=info]').click(); } },
  forward: { to: 'ida', go: async (page) => { await page.getByTestId('message').nth(-1).click({ button: 'right' }); await page.locator('[data-item=forward]').click(); } },
  'row-menu': { go: async (page) => page.getByTestId('conversation').nth(1).click({ button: 'right' }) },
  side: { to: 'harvest', go: async (page) => { if (await page.locator('aside').count() === 0) await page.locator('header [aria-expanded]').last().click(); } },
  invite: { go: async (page) => { await page.getByTestId('invite').click(); await page.getByTestId('invite-link').waitFor(); } },
  settings: { go: async (page) => page.getByTestId('settings').click() },
  request: { go: async (page) => page.locator('button.row').first().click() },
  rtl: { to: 'harvest', go: async (page) => page.evaluate(() => { document.documentElement.dir = 'rtl'; }) },
  italian: { to: 'harvest', go: async (page) => { await page.evaluate(() => localStorage.setItem('language', 'it')); await page.reload(); await page.locator('.timeline.begun').waitFor(); } },
  files: { query: 'files', to: 'files' },
  album: { query: 'files', to: 'files', go: async (page) => { await page.locator('.timeline').evaluate((node) => { node.scrollTop = 0; }); await page.locator('canvas.sharp').first().waitFor(); } },
  viewer: { query: 'files', to: 'files', go: async (page) => { await page.locator('.album .open').first().click(); await page.locator('canvas.sharp').first().waitFor(); } },
  media: { query: 'files', to: 'files', go: async (page) => { await page.evaluate(() => window.fixture.sheet({ name: 'media', conversation: window.fixture.id('files') })); } },
  storage: { query: 'files', go: async (page) => { await page.evaluate(() => window.fixture.show({ kind: 'settings', page: 'storage' })); await page.waitForTimeout(400); } },
  'send-files': { query: 'files', to: 'files', go: async (page) => { await page.getByTestId('attach-input').setInputFiles(await someFiles(page)); await page.getByTestId('send-files').filter({ hasText: 'Send' }).waitFor(); } },
  ringing: { to: 'ida', go: async (page) => { await page.evaluate(() => window.fixture.engine.ring('ida')); await page.getByTestId('ringing').waitFor(); } },
  preview: { to: 'ida', go: async (page) => { await page.getByTestId('call-video').click(); await page.getByTestId('preview-go').waitFor(); await page.waitForTimeout(600); } },
  devices: { to: 'ida', go: async (page) => { await page.getByTestId('call-video').click(); await page.getByTestId('preview-devices').click(); await page.waitForTimeout(600); } },
  call: { to: 'ida', go: async (page) => { await page.evaluate(() => window.fixture.talk('ida')); await page.locator('.them.shown').waitFor(); } },
  'call-menu': { to: 'ida', go: async (page) => { await page.evaluate(() => window.fixture.talk('ida')); await page.locator('.them.shown').waitFor(); await page.getByTestId('call-more').click(); } },
  'call-small': { to: 'ida', go: async (page) => { await page.evaluate(() => window.fixture.talk('ida')); await page.locator('.them.shown').waitFor(); await page.getByTestId('call-small').click(); } },
  'call-rtl': { to: 'ida', go: async (page) => { await page.evaluate(() => { document.documentElement.dir = 'rtl'; return window.fixture.talk('ida'); }); await page.locator('.them.shown').waitFor(); } },
  'group-call': { to: 'harvest', go: async (page) => { await page.evaluate(() => window.fixture.gather()); await page.getByTestId('tile').nth(8).waitFor(); await page.waitForTimeout(600); } },
  'group-speaker': { to: 'harvest', go: async (page) => { await page.evaluate(() => window.fixture.gather(true)); await page.getByTestId('tile').nth(8).waitFor(); await page.waitForTimeout(600); } },
  'group-preview': { to: 'harvest', go: async (page) => { await page.getByTestId('call-video').click(); await page.getByTestId('preview-go').waitFor(); await page.waitForTimeout(600); } },
  privacy: { go: async (page) => { await page.evaluate(() => window.fixture.show({ kind: 'settings', page: 'privacy' })); await page.waitForTimeout(400); } },
  offline: { to: 'luca', go: async (page) => page.evaluate(() => window.fixture.engine.change((world) => { world.network = { ...world.network, state: 'offline' }; })) },
};

for (const [name, { query, go, to }] of Object.entries(SCREENS)) {
  if (ONLY && !ONLY.split(',').includes(name)) continue;
  for (const theme of THEMES) {
    for (const [width, height] of SIZES) {
      test(`${name} ${width} ${theme}`, async ({ page }) => {
        await page.setViewportSize({ width, height });
        await open(page, { theme, ...(query ? { query } : {}), ...(to ? { to } : {}) });
        await go?.(page);
        await page.waitForTimeout(400);
        await page.screenshot({ path: `${INTO}/${name}-${width}-${theme}.png` });
      });
    }
  }
}
