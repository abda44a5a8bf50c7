/** Opens the app on the fixture engine at a fixed time, and fails on anything the page complains of. */
import type { Page } from '@playwright/test';
import type {} from './fixture/main';

/** Sunday 3 May 2026, 18:46 in Rome. */
export const NOW = new Date('2026-05-03T16:46:00Z');

export interface Opening {
  theme?: 'light' | 'dark';
  query?: string;
  /** Name of the conversation to open. */
  to?: string;
}

export async function open(page: Page, { theme = 'light', query = '', to }: Opening = {}): Promise<string[]> {
  const complaints: string[] = [];
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    // A font that is asked for early comes late on a slow machine: no fault of the page.
    if (message.text().includes('preloaded using link preload')) return;
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  await page.clock.setFixedTime(NOW);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  // A test does not depend on how fast a font was there.
  await page.route('**/*.css', async (route) => {
    const response = await route.fetch();
    await route.fulfill({ response, body: (await response.text()).replaceAll('font-display:optional', 'font-display:block') });
  });
  await page.goto(`/?${query}`);
  await page.waitForFunction(() => 'fixture' in window);
  await page.evaluate(() => document.fonts.ready);
  if (to) {
    await page.evaluate((name) => { location.hash = `c/${window.fixture.id(name)}`; }, to);
    await page.locator('.timeline.begun').waitFor();
  }
  await page.evaluate(() => document.fonts.ready);
  return complaints;
}
