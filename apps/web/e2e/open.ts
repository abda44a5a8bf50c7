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
  page.on('console', (message) => { if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text()); });
  await page.clock.setFixedTime(NOW);
  await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
  await page.goto(`/?${query}`);
  await page.waitForFunction(() => 'fixture' in window);
  // Optional fonts that were late the first time are there the second.
  await page.evaluate(() => document.fonts.ready);
  await page.reload();
  await page.waitForFunction(() => 'fixture' in window);
  await page.evaluate(() => document.fonts.ready);
  if (to) {
    await page.evaluate((name) => { location.hash = `c/${window.fixture.id(name)}`; }, to);
    await page.getByTestId('message').first().waitFor();
  }
  return complaints;
}
