import { afterEach, expect, test, vi } from 'vitest';
import { type PeerNews, Peers } from './peer';

/** A connection that gathers when it is told to. */
class Connection {
  static made: Connection[] = [];
  connectionState = 'new';
  iceGatheringState = 'new';
  localDescription: { sdp: string } | null = null;
  remote: unknown = null;
  isClosed = false;
  onconnectionstatechange: (() => void) | null = null;
  onicegatheringstatechange: (() => void) | null = null;
  ondatachannel: ((event: { channel: unknown }) => void) | null = null;

  constructor(readonly options: unknown) {
    Connection.made.push(this);
  }

  createDataChannel(label: string): unknown {
    return { label };
  }

  setLocalDescription(): Promise<void> {
    this.localDescription = { sdp: 'own' };
    return Promise.resolve();
  }

  setRemoteDescription(remote: unknown): Promise<void> {
    this.remote = remote;
    return Promise.resolve();
  }

  close(): void {
    this.isClosed = true;
  }
}

function world(canTransfer = true): { peers: Peers; said: PeerNews[] } {
  Connection.made = [];
  vi.useFakeTimers();
  vi.stubGlobal('RTCPeerConnection', Connection);
  const said: PeerNews[] = [];
  const peers = new Peers((news, transfer) => {
    if (!canTransfer && transfer.length > 0) throw new DOMException('no', 'DataCloneError');
    said.push(news);
  });
  return { peers, said };
}

afterEach(() => {
  vi.useRealTimers();
  vi.unstubAllGlobals();
});

test('whoever asks hands its channel over at once and describes itself within the time', async () => {
  const { peers, said } = world();
  peers.hear({ op: 'offer', id: 1, stun: 'stun:n:1' });
  expect(said).toEqual([{ op: 'channel', id: 1, channel: { label: 'sottovoce file 1' } }]);
  await vi.advanceTimersByTimeAsync(400);
  expect(said[1]).toEqual({ op: 'described', id: 1, sdp: 'own' });
  peers.hear({ op: 'accept', id: 1, sdp: 'theirs' });
  expect(Connection.made[0]?.remote).toEqual({ type: 'answer', sdp: 'theirs' });
  expect(Connection.made[0]?.options).toEqual({ iceServers: [{ urls: 'stun:n:1' }] });
});

test('whoever answers hands over the first channel and no other', async () => {
  const { peers, said } = world();
  peers.hear({ op: 'answer', id: 2, stun: 'stun:n:1', sdp: 'theirs' });
  await vi.advanceTimersByTimeAsync(400);
  const made = Connection.made[0]!;
  made.ondatachannel?.({ channel: 'first' });
  expect(made.ondatachannel).toBeNull();
  expect(said.map((news) => news.op)).toEqual(['described', 'channel']);
});

test('a browser that cannot hand a channel over, and a connection that breaks, end it with a word', async () => {
  const { peers, said } = world(false);
  peers.hear({ op: 'offer', id: 1, stun: 'stun:n:1' });
  expect(said).toEqual([{ op: 'over', id: 1 }]);
  expect(Connection.made[0]?.isClosed).toBe(true);
  const again = world();
  again.peers.hear({ op: 'offer', id: 1, stun: 'stun:n:1' });
  const made = Connection.made[0]!;
  made.connectionState = 'failed';
  made.onconnectionstatechange?.();
  expect(again.said.at(-1)).toEqual({ op: 'over', id: 1 });
  await vi.advanceTimersByTimeAsync(1_000);
  expect(again.said.filter((news) => news.op === 'described')).toEqual([]);
});

test('a page makes few connections and ends all when its worker is gone', () => {
  const { peers, said } = world();
  for (let id = 1; id <= 9; id += 1) peers.hear({ op: 'offer', id, stun: 'stun:n:1' });
  expect(Connection.made.length).toBe(8);
  expect(said.filter((news) => news.op === 'over')).toEqual([]);
  peers.closeAll();
  expect(Connection.made.every((made) => made.isClosed)).toBe(true);
});
