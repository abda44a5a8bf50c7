import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import type { CallNow, Engine } from '../platform/engine';
import { Connection } from './connection';
import { NOTHING } from './media';

const HOST = 'candidate:1 1 udp 2122260223 192.0.2.7 50000 typ host';
const RELAY = 'candidate:2 1 udp 41885439 198.51.100.1 3478 typ relay raddr 0.0.0.0 rport 0';

interface FakeLine { direction: string; sender: object; receiver: { track: { kind: string } }; setCodecPreferences: () => void }

/** As much of a connection as gathers: what a description finds is what the policy allowed when it was made. */
class FakePeer {
  signalingState = 'stable';
  connectionState = 'new';
  localDescription: { type: string; sdp: string } | null = null;
  remoteDescription: object | null = null;
  onicecandidate: ((event: { candidate: { candidate: string } | null }) => void) | null = null;
  #lines: FakeLine[] = [];
  #configuration: RTCConfiguration;

  constructor(configuration: RTCConfiguration) { this.#configuration = configuration; }
  setConfiguration(configuration: RTCConfiguration): void { this.#configuration = configuration; }
  addTransceiver(kind: string): FakeLine {
    const line = { direction: 'sendrecv', sender: { replaceTrack: () => Promise.resolve(), getParameters: () => ({ encodings: [] }) }, receiver: { track: { kind } }, setCodecPreferences: () => undefined };
    this.#lines.push(line);
    return line;
  }
  getTransceivers(): FakeLine[] { return this.#lines; }
  createOffer(): Promise<object> { return Promise.resolve({ type: 'offer', sdp: 'v=0' }); }
  createAnswer(): Promise<object> { return Promise.resolve({ type: 'answer', sdp: 'v=0' }); }
  setLocalDescription(description: { type: string; sdp: string }): Promise<void> {
    this.localDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-local-offer' : 'stable';
    const found = this.#configuration.iceTransportPolicy === 'relay' ? [RELAY] : [HOST, RELAY];
    for (const candidate of found) this.onicecandidate?.({ candidate: { candidate } });
    this.onicecandidate?.({ candidate: null });
    return Promise.resolve();
  }
  setRemoteDescription(description: { type: string }): Promise<void> {
    this.remoteDescription = description;
    this.signalingState = description.type === 'offer' ? 'have-remote-offer' : 'stable';
    return Promise.resolve();
  }
  close(): void { this.signalingState = 'closed'; }
}

class FakeEngine {
  readonly described: { isOffer: boolean; mayDirect: boolean }[] = [];
  readonly candidates: string[] = [];
  callDescribe(input: { isOffer: boolean; mayDirect: boolean }): Promise<void> {
    this.described.push(input);
    return Promise.resolve();
  }
  callCandidates(input: { candidates: string[] }): Promise<void> {
    this.candidates.push(...input.candidates);
    return Promise.resolve();
  }
}

const call = (change: Partial<CallNow>): CallNow => ({
  call: 'ca11', conversation: 'c' as CallNow['conversation'], name: 'Ida', isOutgoing: true, hasVideo: true, state: 'connecting', want: null, remote: null,
  candidates: [], relay: { urls: ['turn:node.example'], username: '1:2', credential: '3' }, mayDirect: false, words: null, answeredMs: null, ...change,
});
const remote = (mayDirect: boolean, number = 1): CallNow['remote'] => ({ number, hasVideo: true, mayDirect, sdp: 'v=0' });
const settled = (): Promise<unknown> => vi.advanceTimersByTimeAsync(1_000);
const open = (engine: FakeEngine, now: CallNow, mayDirect: boolean): Connection => {
  const watcher = { changed: () => undefined, isOnline: () => true, left: () => undefined };
  const connection = new Connection(engine as unknown as Engine, now, NOTHING, mayDirect, watcher);
  connection.follow(now);
  return connection;
};

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('RTCPeerConnection', FakePeer);
  vi.stubGlobal('RTCRtpReceiver', { getCapabilities: () => ({ codecs: [] }) });
  vi.stubGlobal('RTCRtpScriptTransform', class {});
  vi.stubGlobal('Worker', class { postMessage(): void {} terminate(): void {} });
  vi.stubGlobal('MediaStream', class {});
  vi.stubGlobal('location', new URL('https://node.example/'));
});
afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

describe.each([[true, true], [true, false], [false, true], [false, false]])('where we allow that our address is seen: %s, and they: %s', (ours, theirs) => {
  test('the caller names a relay alone until both said so', async () => {
    const engine = new FakeEngine();
    const connection = open(engine, call({ state: 'calling', want: 'offer' }), ours);
    await settled();
    expect(engine.described).toMatchObject([{ isOffer: true, mayDirect: ours }]);
    expect(engine.candidates).toEqual([RELAY]);

    connection.follow(call({ remote: remote(theirs) }));
    await settled();
    expect(engine.candidates.includes(HOST)).toBe(ours && theirs);
    expect(engine.described.length).toBe(ours && theirs ? 2 : 1);
    connection.follow(call({ state: 'talking', remote: remote(theirs, 2) }));
    await settled();
    expect(engine.described.length).toBe(ours && theirs ? 2 : 1);
    connection.close();
  });

  test('who answers names more than a relay only if both said so, and no more once one took it back', async () => {
    const engine = new FakeEngine();
    const connection = open(engine, call({ isOutgoing: false, want: 'answer', remote: remote(theirs) }), ours);
    await settled();
    expect(engine.described).toMatchObject([{ isOffer: false, mayDirect: ours }]);
    expect(engine.candidates).toEqual(ours && theirs ? [HOST, RELAY] : [RELAY]);

    engine.candidates.length = 0;
    connection.follow(call({ isOutgoing: false, state: 'talking', want: 'answer', remote: remote(false, 2) }));
    await settled();
    expect(engine.candidates).toEqual([RELAY]);
    connection.close();
  });
});

test('where both looked for another way at once, the caller keeps to its offer and the other side answers it', async () => {
  for (const isOutgoing of [true, false]) {
    const engine = new FakeEngine();
    const first = isOutgoing ? call({ state: 'calling', want: 'offer' }) : call({ isOutgoing, want: 'answer', remote: remote(false) });
    const connection = open(engine, first, false);
    await settled();
    const talking = call({ isOutgoing, state: 'talking', remote: remote(false) });
    connection.follow(talking);
    await settled();
    connection.restart(true);
    await settled();
    engine.described.length = 0;
    connection.follow(call({ isOutgoing, state: 'talking', want: 'answer', remote: remote(false, 2) }));
    await settled();
    expect(engine.described.map((one) => one.isOffer)).toEqual(isOutgoing ? [] : [false]);
    connection.close();
  }
});

test('where both see that the node came back, the caller looks for another way and the other side waits for it', async () => {
  for (const isOutgoing of [true, false]) {
    const engine = new FakeEngine();
    const first = isOutgoing ? call({ state: 'calling', want: 'offer' }) : call({ isOutgoing, want: 'answer', remote: remote(false) });
    const connection = open(engine, first, false);
    await settled();
    connection.follow(call({ isOutgoing, state: 'talking', remote: remote(false) }));
    await settled();
    engine.described.length = 0;
    connection.nodeBack();
    await settled();
    expect(engine.described.map((one) => one.isOffer)).toEqual(isOutgoing ? [true] : []);
    connection.close();
  }
});

test('a way that surely changed is looked for at once, one that may mend itself later', async () => {
  const engine = new FakeEngine();
  const connection = open(engine, call({ state: 'calling', want: 'offer' }), false);
  await settled();
  connection.follow(call({ state: 'talking', remote: remote(false) }));
  await settled();
  connection.isFlowing = true;
  connection.restart();
  await settled();
  expect(engine.described.length).toBe(1);
  connection.restart(true);
  await vi.advanceTimersByTimeAsync(0);
  expect(engine.described.length).toBe(2);
  connection.close();
});
