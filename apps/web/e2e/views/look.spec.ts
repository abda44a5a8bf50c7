/** The main screens as they were last seen and found good. */
import { test } from '@playwright/test';
import { expectLook } from '../coarse';
import { open } from '../open';

const SHOTS: [string, number, 'light' | 'dark', string | undefined, string?][] = [
  ['list-phone-light', 360, 'light', undefined],
  ['list-phone-dark', 360, 'dark', undefined],
  ['two-phone-light', 360, 'light', 'ida'],
  ['two-phone-dark', 360, 'dark', 'ida'],
  ['group-tablet-light', 800, 'light', 'harvest'],
  ['group-tablet-dark', 800, 'dark', 'harvest'],
  ['group-desktop-light', 1280, 'light', 'harvest'],
  ['group-desktop-dark', 1280, 'dark', 'harvest'],
  ['nobody-desktop-light', 1280, 'light', undefined, 'empty'],
];

for (const [name, width, theme, to, query] of SHOTS) {
  test(name, async ({ page }) => {
    await page.setViewportSize({ width, height: 800 });
    await open(page, { theme, ...(to ? { to } : {}), ...(query ? { query } : {}) });
    await expectLook(page, name);
  });
}
