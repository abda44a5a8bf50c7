/** A call of four through the real node's room: what counts is what each receiver decoded of each other. */
import type { Page } from '@playwright/test';
import { type Person, axeFindings, inviteLink, newcomer } from './app';
import { expect, test } from './fixtures';

test.use({ options: ['--relay', 'private'] });

const NAMES = ['Ada', 'Ben', 'Cleo', 'Dora'] as const;
const room = (page: Page) => page.getByTestId('group-call');
/** Others of whom frames were decoded here within the last seconds, as the browser counts them: without, a tile shows no picture. */
const pictures = (page: Page) => page.locator('[data-testid=tile][data-self=false][data-shown=true]');

const join = (page: Page): Promise<void> => page.getByTestId('group-call-join').click();

test('four people see and hear each other in a group; one comes late, one leaves and the words change', async ({ browser, node }) => {
  const people: Person[] = [];
  for (const name of NAMES) {
    const person = await newcomer(browser, node, name, { permissions: ['camera', 'microphone'], reducedMotion: 'reduce' });
    await person.page.evaluate(() => localStorage.setItem('call-preview', 'off'));
    people.push(person);
  }
  const [ada, ben, cleo, dora] = people as [Person, Person, Person, Person];
  for (const other of [ben, cleo, dora]) {
    const link = await inviteLink(ada.page);
    await other.page.goto(link);
    await other.page.getByTestId('accept-invite').click();
    await other.page.getByTestId('composer').waitFor();
  }
  const one = ada.page;
  await one.goto(node.url);
  await expect(one.getByTestId('conversation')).toHaveCount(3);
  await one.getByTestId('invite').first().click();
  await one.getByTestId('invite-link').waitFor();
  await one.getByRole('button', { name: 'Make a group', exact: true }).click();
  await one.getByRole('textbox', { name: 'Name of the group' }).fill('Lemons');
  for (const name of NAMES.slice(1)) await one.getByRole('checkbox', { name: new RegExp(name) }).click();
  await one.getByRole('button', { name: /Make it with/ }).click();
  await expect(one.locator('h1')).toContainText('Lemons');
  for (const { page } of [ben, cleo, dora]) {
    await page.goto(node.url);
    await page.getByTestId('conversation').filter({ hasText: 'Lemons' }).first().click();
  }

  await one.getByTestId('call-video').click();
  await expect(room(one)).toHaveAttribute('data-flowing', 'true');
  for (const { page } of [ben, cleo]) {
    await page.getByTestId('group-call-banner').waitFor();
    await join(page);
    await expect(room(page)).toHaveAttribute('data-state', 'in');
    await page.getByTestId('call-camera').click();
  }
  for (const { page } of [ada, ben, cleo]) await expect(pictures(page)).toHaveCount(2);

  // Late, and it still has a picture of everybody.
  await join(dora.page);
  await dora.page.getByTestId('call-camera').click();
  for (const { page } of people) {
    await expect(pictures(page)).toHaveCount(3);
  }
  expect(await axeFindings(one)).toEqual([]);
  const words = one.getByTestId('call-words').locator('.voice');
  const before = (await words.textContent()) ?? '';
  await expect(dora.page.getByTestId('call-words').locator('.voice')).toHaveText(before);

  // A hand and a muted microphone are seen; the beep of the others lights a frame.
  await ben.page.getByTestId('call-hand').click();
  await expect(one.locator('[data-testid=tile] .hand')).toHaveCount(1);
  await expect(one.locator('[data-testid=tile].speaking')).toHaveCount(1);

  await cleo.page.getByTestId('call-hang-up').click();
  await expect(room(cleo.page)).toHaveCount(0);
  for (const { page } of [ada, ben, dora]) await expect(page.getByTestId('tile')).toHaveCount(3);
  await expect(words).not.toHaveText(before);
  await expect(pictures(one)).toHaveCount(2);
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
});
