/**
 * Connections to other devices. They can only be made by a page, so the owner's worker asks its own page for them; the
 * channel is handed to the worker, and no byte of a file crosses the page.
 */

/** What the worker asks of its page. */
export type PeerAsk =
  | { op: 'offer'; id: number; stun: string }
  | { op: 'answer'; id: number; stun: string; sdp: string }
  | { op: 'accept'; id: number; sdp: string }
  | { op: 'close'; id: number };

/** What the page says of it. */
export type PeerNews =
  | { op: 'described'; id: number; sdp: string }
  | { op: 'channel'; id: number; channel: RTCDataChannel }
  | { op: 'over'; id: number };

export const CHANNEL_LABEL = 'sottovoce file 1';
/** How long candidates are gathered: what comes later is not waited for. */
const GATHER_MS = 400;
/** Connections of a page at most. */
const PEERS_MAX = 8;

type Say = (news: PeerNews, transfer: Transferable[]) => void;

/** Whether a worker can be handed a channel: it knows the class then. */
export const canTakeChannels = (): boolean => 'RTCDataChannel' in globalThis;

export class Peers {
  readonly #say: Say;
  readonly #peers = new Map<number, RTCPeerConnection>();

  constructor(say: Say) {
    this.#say = say;
  }

  hear(ask: PeerAsk): void {
    switch (ask.op) {
      case 'offer': return void this.#offer(ask).catch(() => this.#end(ask.id));
      case 'answer': return void this.#answer(ask).catch(() => this.#end(ask.id));
      case 'accept': return void this.#peers.get(ask.id)?.setRemoteDescription({ type: 'answer', sdp: ask.sdp }).catch(() => this.#end(ask.id));
      case 'close': return this.#close(ask.id);
    }
  }

  /** The worker that asked is gone. */
  closeAll(): void {
    for (const id of [...this.#peers.keys()]) this.#close(id);
  }

  #make(id: number, stun: string): RTCPeerConnection {
    if (this.#peers.size >= PEERS_MAX) throw new Error('too many');
    const peer = new RTCPeerConnection({ iceServers: [{ urls: stun }] });
    this.#peers.set(id, peer);
    peer.onconnectionstatechange = () => {
      if (peer.connectionState === 'failed' || peer.connectionState === 'closed') this.#end(id);
    };
    return peer;
  }

  async #offer({ id, stun }: { id: number; stun: string }): Promise<void> {
    const peer = this.#make(id, stun);
    this.#give(id, peer.createDataChannel(CHANNEL_LABEL, { ordered: true }));
    await peer.setLocalDescription();
    await this.#describe(id, peer);
  }

  async #answer({ id, stun, sdp }: { id: number; stun: string; sdp: string }): Promise<void> {
    const peer = this.#make(id, stun);
    peer.ondatachannel = ({ channel }) => {
      peer.ondatachannel = null;
      this.#give(id, channel);
    };
    await peer.setRemoteDescription({ type: 'offer', sdp });
    await peer.setLocalDescription();
    await this.#describe(id, peer);
  }

  /** In the task in which it came: later it cannot be handed over any more. */
  #give(id: number, channel: RTCDataChannel): void {
    try {
      this.#say({ op: 'channel', id, channel }, [channel as unknown as Transferable]);
    } catch {
      this.#end(id);
    }
  }

  async #describe(id: number, peer: RTCPeerConnection): Promise<void> {
    await new Promise<void>((resolve) => {
      if (peer.iceGatheringState === 'complete') return resolve();
      setTimeout(resolve, GATHER_MS);
      peer.onicegatheringstatechange = () => {
        if (peer.iceGatheringState === 'complete') resolve();
      };
    });
    if (this.#peers.has(id)) this.#say({ op: 'described', id, sdp: peer.localDescription?.sdp ?? '' }, []);
  }

  #end(id: number): void {
    if (this.#peers.has(id)) this.#say({ op: 'over', id }, []);
    this.#close(id);
  }

  #close(id: number): void {
    const peer = this.#peers.get(id);
    this.#peers.delete(id);
    if (!peer) return;
    peer.onconnectionstatechange = null;
    peer.close();
  }
}
