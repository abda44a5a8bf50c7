/** Links that do not work any more, and a node that is another one: what people are told, and that nothing is lost. */
import { axeFindings, createIdentity, inviteLink, listen, meet, message, newcomer, say, stands } from './app';
import { expect, test } from './fixtures';

test('a link that is broken, used or closed says so, and leads back', async ({ browser, node }) => {
  const ada = await newcomer(browser, node, 'Ada');
  const used = await inviteLink(ada.page);
  const ben = await newcomer(browser, node, 'Ben');
  await ben.page.goto(used);
  await ben.page.getByTestId('accept-invite').click();
  await ben.page.getByTestId('composer').waitFor();
  await ada.page.getByTestId('conversation').first().waitFor();

  await ada.page.getByTestId('invite').first().click();
  const closed = await ada.page.getByTestId('invite-link').inputValue();
  await ada.page.getByRole('button', { name: 'Close this link' }).first().click();
  await expect(ada.page.getByText('Link closed. It leads nowhere any more.')).toBeVisible();

  // A piece is missing, with an account and without.
  const newer = await browser.newContext({ locale: 'en-GB' });
  const stranger = await newer.newPage();
  const complaints = listen(stranger);
  for (const page of [ben.page, stranger]) {
    await page.goto(`${closed.slice(0, -9)}`);
    if (page === stranger) await createIdentity(page, 'Cleo');
    await expect(page.getByRole('heading', { name: 'This invite doesn’t work' })).toBeVisible();
    await expect(page.getByText('Copy the whole link and try again')).toBeVisible();
    expect(await axeFindings(page)).toEqual([]);
    await page.getByRole('button', { name: 'Not now' }).click();
    await page.getByTestId('search').waitFor();
  }

  // Somebody else used it; its maker closed it.
  for (const link of [used, closed]) {
    await stranger.goto(link);
    await stranger.getByTestId('accept-invite').click();
    await expect(stranger.getByRole('heading', { name: /Ada.* was not reached/ })).toBeVisible();
    expect(await axeFindings(stranger)).toEqual([]);
    await stranger.getByRole('alertdialog').getByRole('button', { name: 'Understood' }).click();
    await expect(stranger.getByRole('alertdialog')).toBeHidden();
  }
  expect([...ada.complaints, ...ben.complaints, ...complaints]).toEqual([]);
  await Promise.all([ada.context.close(), ben.context.close(), newer.close()]);
});

test('another node at the same address is told of and gets nothing', async ({ browser, node }) => {
  const [ada, ben] = [await newcomer(browser, node, 'Ada'), await newcomer(browser, node, 'Ben')];
  await meet(ada, ben, node);
  await say(ada.page, 'before');
  await stands(ada.page, 'before', /^(delivered|read)$/);
  const back = await node.replace();
  await expect(ada.page.getByRole('heading', { name: 'Another node answers at this address' })).toBeVisible();
  await ada.page.getByRole('alertdialog').getByRole('button', { name: 'Look' }).click();
  await expect(ada.page.getByRole('dialog').or(ada.page.getByRole('alertdialog')).getByText('Nothing was sent to it.').last()).toBeVisible();
  await ada.page.getByRole('button', { name: 'Understood' }).last().click();
  await say(ada.page, 'to whom?');
  await stands(ada.page, 'to whom?', /^pending$/);
  expect(await axeFindings(ada.page)).toEqual([]);
  await back();
  await stands(ada.page, 'to whom?', /^(delivered|read)$/);
  await expect(message(ben.page, 'to whom?')).toBeVisible();
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
  await Promise.all([ada.context.close(), ben.context.close()]);
});
