/**
 * Calls of two through the real node, with the browser's made-up devices: a green picture and a beep once a second.
 * What counts is what the receiver decoded: frames, colours, a tone.
 */
import type { Browser, Page } from '@playwright/test';
import { type Person, axeFindings, meet, newcomer } from './app';
import { type TestNode, expect, test } from './fixtures';

test.use({ options: ['--relay', 'private'] });

interface Tapped { peers: RTCPeerConnection[]; isTapped: boolean }

/** Keeps the page's connections where a test finds them; a tap takes frames as the wire brings them. */
const tap = (isTapped: boolean) => `
  globalThis.tapped = { peers: [], isTapped: ${isTapped} };
  const Own = RTCPeerConnection;
  globalThis.RTCPeerConnection = class extends Own { constructor(...a) { super(...a); globalThis.tapped.peers.push(this); } };
  if (${isTapped}) Object.defineProperty(RTCRtpReceiver.prototype, 'transform', { set() {}, get() { return null; } });
`;

async function two(browser: Browser, node: TestNode, isTapped = false): Promise<[Person, Person]> {
  const people: Person[] = [];
  for (const name of ['Ada', 'Ben']) {
    const person = await newcomer(browser, node, name, { permissions: ['camera', 'microphone'], reducedMotion: 'reduce' });
    await person.context.addInitScript(tap(isTapped && name === 'Ben'));
    await person.page.reload();
    await person.page.getByTestId('search').waitFor();
    people.push(person);
  }
  const [ada, ben] = people as [Person, Person];
  await meet(ada, ben, node);
  return [ada, ben];
}

const call = (page: Page) => page.getByTestId('call');

/** A number of the receiving side that the browser counted. */
const counted = (page: Page, kind: 'audio' | 'video', name: string): Promise<number> =>
  page.evaluate(async ({ kind, name }) => {
    const peer = (globalThis as unknown as { tapped: Tapped }).tapped.peers.at(-1);
    const reports = [...((await peer?.getStats())?.values() ?? [])] as Record<string, unknown>[];
    return Number(reports.find((one) => one['type'] === 'inbound-rtp' && one['kind'] === kind)?.[name] ?? 0);
  }, { kind, name });

/** The loudest moment within so long, of what the other side is heard saying. */
const loudest = (page: Page, ms: number): Promise<number> =>
  page.evaluate(async (ms) => {
    const stream = (document.querySelector('[data-who=them]') as HTMLVideoElement).srcObject as MediaStream;
    const context = new AudioContext();
    const analyser = context.createAnalyser();
    context.createMediaStreamSource(stream).connect(analyser);
    const samples = new Float32Array(analyser.fftSize);
    let peak = 0;
    const end = performance.now() + ms;
    while (performance.now() < end) {
      analyser.getFloatTimeDomainData(samples);
      peak = Math.max(peak, ...samples.map(Math.abs));
      await new Promise((done) => setTimeout(done, 10));
    }
    await context.close();
    return peak;
  }, ms);

/** The mean colour of the other side's picture. */
const colour = (page: Page): Promise<number[]> =>
  page.evaluate(() => {
    const video = document.querySelector('[data-who=them]') as HTMLVideoElement;
    const canvas = Object.assign(document.createElement('canvas'), { width: 64, height: 48 });
    const drawing = canvas.getContext('2d')!;
    drawing.drawImage(video, 0, 0, 64, 48);
    const { data } = drawing.getImageData(0, 0, 64, 48);
    const sums = [0, 0, 0];
    for (let at = 0; at < data.length; at += 4) for (const part of [0, 1, 2]) sums[part]! += data[at + part]!;
    return sums.map((sum) => sum / (data.length / 4));
  });

/** Whether it is the green picture that the browser makes up. */
async function isPicture(page: Page): Promise<boolean> {
  const [red = 0, green = 0, blue = 0] = await colour(page);
  return green > red + 30 && green > blue + 30;
}

async function talk(ada: Person, ben: Person): Promise<void> {
  await ada.page.getByTestId('call-video').click();
  await ben.page.getByTestId('call-accept-video').click();
  for (const { page } of [ada, ben]) await expect(call(page)).toHaveAttribute('data-flowing', 'true');
}

test('two people see and hear each other, sealed, through the node', async ({ browser, node }) => {
  const [ada, ben] = await two(browser, node);
  await ada.page.getByTestId('call-video').click();
  await ben.page.getByTestId('ringing').waitFor();
  expect(await axeFindings(ben.page)).toEqual([]);
  await ben.page.getByTestId('call-accept-video').click();
  for (const { page } of [ada, ben]) {
    await expect(call(page)).toHaveAttribute('data-flowing', 'true');
    await expect(call(page)).toHaveAttribute('data-way', 'relayed');
    await expect.poll(() => counted(page, 'video', 'framesDecoded')).toBeGreaterThan(10);
    const before = await counted(page, 'video', 'framesDecoded');
    await expect.poll(() => counted(page, 'video', 'framesDecoded')).toBeGreaterThan(before + 10);
    await expect.poll(() => isPicture(page)).toBe(true);
    expect(await loudest(page, 3_000)).toBeGreaterThan(0.05);
  }
  const words = await ada.page.getByTestId('call-words').locator('.voice').textContent();
  expect(words?.split(', ').length).toBe(5);
  await expect(ben.page.getByTestId('call-words').locator('.voice')).toHaveText(words ?? '');
  expect(await axeFindings(ada.page)).toEqual([]);

  await ada.page.getByTestId('call-mute').click();
  await expect.poll(() => loudest(ben.page, 2_500)).toBeLessThan(0.005);
  await ada.page.getByTestId('call-mute').click();
  await expect.poll(() => loudest(ben.page, 2_500)).toBeGreaterThan(0.05);

  await ada.page.getByTestId('call-hang-up').click();
  for (const { page } of [ada, ben]) {
    await expect(call(page)).toHaveCount(0);
    await expect(page.getByText(/^Call, \D?\d+:\d\d/).first()).toBeVisible();
  }
  expect([...ada.complaints, ...ben.complaints]).toEqual([]);
});

test('frames that were tapped on the way show nothing of the picture', async ({ browser, node }) => {
  const [ada, ben] = await two(browser, node, true);
  await talk(ada, ben);
  await expect.poll(() => counted(ada.page, 'video', 'framesDecoded')).toBeGreaterThan(10);
  await expect.poll(() => counted(ben.page, 'video', 'packetsReceived')).toBeGreaterThan(100);
  // A decoder of VP8 makes noise of anything whose first bytes are right, as these are; never the picture.
  expect(await isPicture(ben.page)).toBe(false);
  expect(await isPicture(ada.page)).toBe(true);
});

test('a call is declined here and missed there, and both are told', async ({ browser, node }) => {
  const [ada, ben] = await two(browser, node);
  await ada.page.getByTestId('call-voice').click();
  await ben.page.getByTestId('ringing').waitFor();
  await ben.page.keyboard.press('d');
  await expect(ada.page.getByText('Call declined').first()).toBeVisible();
  await expect(ben.page.getByText('You declined the call').first()).toBeVisible();

  await ada.page.getByTestId('call-voice').click();
  await ben.page.getByTestId('ringing').waitFor();
  await ada.page.getByTestId('call-hang-up').click();
  await expect(ben.page.getByTestId('ringing')).toHaveCount(0);
  await expect(ben.page.getByText('Missed call').first()).toBeVisible();
  await expect(ada.page.getByText('Nobody picked up').first()).toBeVisible();
});

test('a relayed call whose node was killed comes back, or is said to be over', async ({ browser, node }) => {
  const [ada, ben] = await two(browser, node);
  await talk(ada, ben);
  await expect.poll(() => counted(ben.page, 'video', 'framesDecoded')).toBeGreaterThan(10);
  await node.kill();
  await expect(call(ada.page)).toHaveAttribute('data-flowing', 'false');
  await node.resume();
  // The engine gives a broken way half a minute; how soon it is found to be broken is the browser's.
  const stands = async (page: Page): Promise<string> =>
    (await call(page).count()) === 0 ? 'over' : ((await call(page).getAttribute('data-flowing')) ?? '');
  await expect.poll(() => stands(ada.page), { timeout: 90_000 }).toMatch(/^(true|over)$/);
  if ((await stands(ada.page)) === 'over') {
    for (const { page } of [ada, ben]) await expect(call(page)).toHaveCount(0, { timeout: 90_000 });
  }
});
