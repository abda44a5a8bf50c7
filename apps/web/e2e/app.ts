/** What people do with the app itself: for tests that look at the page alone, as its user does. */

import type { Browser, BrowserContext, BrowserContextOptions, Locator, Page } from '@playwright/test';
import axe from 'axe-core';
import { type TestNode, expect } from './fixtures';

/** One person: a browser profile and its tab. */
export interface Person {
  context: BrowserContext;
  page: Page;
  /** What the page complained of. */
  complaints: string[];
}

/** What a browser says of a node that is away is no fault of the page. */
const HARMLESS = /WebSocket connection to|ERR_CONNECTION|ERR_INTERNET_DISCONNECTED|preloaded using link preload|Failed to load resource/;

/** Notes what a page complains of. */
export function listen(page: Page, complaints: string[] = []): string[] {
  page.on('pageerror', (error) => complaints.push(String(error)));
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type()) && !HARMLESS.test(message.text())) complaints.push(message.text());
  });
  return complaints;
}

/** A fresh profile with an identity, at its list. */
export async function newcomer(browser: Browser, node: TestNode, name: string, options: BrowserContextOptions = {}): Promise<Person> {
  const context = await browser.newContext({ locale: 'en-GB', ...options });
  const page = await context.newPage();
  const complaints = listen(page);
  await page.goto(node.url);
  await createIdentity(page, name);
  await page.getByTestId('search').waitFor();
  return { context, page, complaints };
}

export async function createIdentity(page: Page, name: string): Promise<void> {
  await page.getByTestId('create-identity').click();
  await page.getByTestId('display-name').fill(name);
  await page.getByTestId('display-name').press('Enter');
}

/** The whole link of a new invite; the dialog is closed again. */
export async function inviteLink(page: Page): Promise<string> {
  await page.getByTestId('invite').first().click();
  const field = page.getByTestId('invite-link');
  await field.waitFor();
  const link = await field.inputValue();
  await page.keyboard.press('Escape');
  await field.waitFor({ state: 'hidden' });
  return link;
}

/** Follows a link in the person's tab, and waits until both have the conversation open. */
export async function meet(inviter: Person, other: Person, node: TestNode): Promise<void> {
  const link = await inviteLink(inviter.page);
  expect(link.startsWith(`${node.url}/i#`)).toBe(true);
  await other.page.goto(link);
  await other.page.getByTestId('accept-invite').click();
  await other.page.getByTestId('composer').waitFor();
  await inviter.page.getByTestId('conversation').first().click();
  await inviter.page.getByTestId('composer').waitFor();
}

export async function say(page: Page, text: string): Promise<void> {
  await page.getByTestId('composer').fill(text);
  await page.getByTestId('composer').press('Enter');
}

/** The messages whose text is this and nothing else; what they quote and when they came does not count. */
export const message = (page: Page, text: string): Locator =>
  page.getByTestId('message').filter({
    has: page.locator(`xpath=.//div[contains(concat(" ", @class, " "), " text ")]//text()[normalize-space() = "${text}"]/..`),
  });

/** When something with a text is first in the page, by the clock of this machine. Playwright itself looks every half second. */
export const whenThere = (page: Page, css: string, text = ''): Promise<number> =>
  page.evaluate(([css, text]) => new Promise<number>((resolve) => {
    const look = (): void => {
      if (![...document.querySelectorAll(css)].some((node) => node.textContent?.includes(text))) return;
      observer.disconnect();
      resolve(Date.now());
    };
    const observer = new MutationObserver(look);
    observer.observe(document.body, { childList: true, subtree: true, characterData: true });
    look();
  }), [css, text] as const);

/** Waits until an own message stands at least so far. */
export async function stands(page: Page, text: string, states: RegExp): Promise<void> {
  await expect(message(page, text)).toHaveAttribute('data-state', states);
}

/** What axe finds on the page as it is, once nothing moves. */
export async function axeFindings(page: Page): Promise<string[]> {
  await page.evaluate(() => Promise.all(document.getAnimations().map((one) => one.finished.catch(() => undefined))));
  // An evaluation is not held to the page's policy as an inserted script would be.
  await page.evaluate(axe.source);
  return page.evaluate(async () => {
    const { axe: reader } = window as unknown as { axe: typeof axe };
    const { violations } = await reader.run(document, { resultTypes: ['violations'] });
    return violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html.slice(0, 160)}`));
  });
}
