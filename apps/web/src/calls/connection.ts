/** One connection of a call: descriptions, candidates, tracks. What it describes and hears goes through the engine. */

import type { CallNow, Engine } from '../platform/engine';
import { Sealer, connectionOptions } from './transform';
import type { Counts } from './protocol';

/** Candidates that come together leave together. */
const GATHER_MS = 40;
/** Tries to come back by another way before the engine's patience ends. */
const RESTART_MS = 1_500;

/** What a connection tells, and asks, of whoever shows it. */
export interface Watcher { changed: () => void; isOnline: () => boolean }

export class Connection {
  readonly call: string;
  readonly remote = new MediaStream();
  /** By which way media flows. */
  way: 'direct' | 'relayed' | null = null;
  isFlowing = false;
  counts: Counts | null = null;
  readonly #engine: Engine;
  readonly #peer: RTCPeerConnection;
  readonly #sealer: Sealer;
  readonly #local: MediaStream;
  readonly #watcher: Watcher;
  #last: CallNow;
  readonly #attached = new WeakSet<RTCRtpSender | RTCRtpReceiver>();
  readonly #mayDirect: boolean;
  /** What the connection gathers now. */
  #isOpen: boolean;
  #described = false;
  #taken = 0;
  #candidatesTaken = 0;
  #waiting: string[] = [];
  #isComplete = false;
  #gather: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #chain: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(engine: Engine, now: CallNow, local: MediaStream, mayDirect: boolean, watcher: Watcher) {
    this.call = now.call;
    this.#engine = engine;
    this.#local = local;
    this.#watcher = watcher;
    this.#last = now;
    this.#mayDirect = mayDirect;
    this.#isOpen = this.#bothOpen(now);
    this.#sealer = new Sealer(now.call, (message) => {
      if (message.t === 'keyed') void this.#askPicture();
      else this.counts = message;
      watcher.changed();
    });
    this.#peer = new RTCPeerConnection({ ...this.#ways(now), ...connectionOptions(), bundlePolicy: 'max-bundle' });
    this.#peer.onicecandidate = ({ candidate }) => this.#found(candidate);
    this.#peer.onconnectionstatechange = () => this.#turned();
    this.#peer.ontrack = ({ track, receiver }) => {
      this.#attach(receiver, false, track.kind === 'video');
      this.remote.addTrack(track);
      watcher.changed();
    };
    if (now.isOutgoing) for (const kind of ['audio', 'video'] as const) this.#send(this.#peer.addTransceiver(kind, { direction: 'sendrecv' }), kind);
  }

  /** Follows what the engine says of the call, one thing after the other. */
  follow(now: CallNow): void {
    this.#last = now;
    this.#chain = this.#chain.then(() => (this.#isClosed ? undefined : this.#follow(now))).catch((error: unknown) => {
      console.error('call:', error instanceof Error ? error.name : 'failed');
    });
  }

  async #follow(now: CallNow): Promise<void> {
    const peer = this.#peer;
    if (now.remote && now.remote.number > this.#taken) {
      if (now.want === 'answer') {
        this.#setWays(now);
        await peer.setRemoteDescription({ type: 'offer', sdp: now.remote.sdp });
        for (const one of peer.getTransceivers()) {
          one.direction = 'sendrecv';
          this.#send(one, one.receiver.track.kind as 'audio' | 'video');
        }
      } else if (peer.signalingState === 'have-local-offer') {
        await peer.setRemoteDescription({ type: 'answer', sdp: now.remote.sdp });
      }
      this.#taken = now.remote.number;
    }
    if (now.want === 'offer' && !this.#described) await this.#offer(now);
    if (now.want === 'answer' && peer.signalingState === 'have-remote-offer') {
      await peer.setLocalDescription(await peer.createAnswer());
      await this.#describe(now, false);
    }
    if (peer.remoteDescription) {
      for (const candidate of now.candidates.slice(this.#candidatesTaken)) {
        this.#candidatesTaken += 1;
        await peer.addIceCandidate({ candidate, sdpMid: '0', sdpMLineIndex: 0 }).catch(() => undefined);
      }
    }
    // Who offered did not know yet what the other side allows.
    if (now.isOutgoing && this.#bothOpen(now) && !this.#isOpen && peer.signalingState === 'stable') {
      this.#setWays(now);
      await this.#offer(now, true);
    }
  }

  async #offer(now: CallNow, isRestart = false): Promise<void> {
    await this.#peer.setLocalDescription(await this.#peer.createOffer({ iceRestart: isRestart }));
    await this.#describe(now, true);
  }

  async #describe({ call, hasVideo }: CallNow, isOffer: boolean): Promise<void> {
    this.#described = true;
    // Candidates follow by themselves, to the one who answered.
    const sdp = (this.#peer.localDescription?.sdp ?? '').replace(/^a=(candidate|end-of-candidates).*\r\n/gm, '');
    await this.#engine.callDescribe({ call, isOffer, hasVideo, mayDirect: this.#mayDirect, sdp });
  }

  /** Our tracks on a line of the connection, sealed, and nothing but codecs whose frames can be. */
  #send(line: RTCRtpTransceiver, kind: 'audio' | 'video'): void {
    const wanted = kind === 'video' ? ['video/VP8', 'video/rtx'] : ['audio/opus'];
    const codecs = (RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter(({ mimeType }) => wanted.includes(mimeType));
    line.setCodecPreferences(codecs);
    this.#attach(line.sender, true, kind === 'video');
    this.#attach(line.receiver, false, kind === 'video');
    const [track] = kind === 'video' ? this.#local.getVideoTracks() : this.#local.getAudioTracks();
    void line.sender.replaceTrack(track ?? null);
  }

  #attach(part: RTCRtpSender | RTCRtpReceiver, isSealing: boolean, hasPicture: boolean): void {
    if (this.#attached.has(part)) return;
    this.#attached.add(part);
    this.#sealer.attach(part, { isSealing, hasPicture });
  }

  /** Sends another picture, or none. */
  async show(track: MediaStreamTrack | null): Promise<void> {
    await this.#lines('video')[0]?.sender.replaceTrack(track);
  }

  /** Sends from another microphone. */
  async speak(track: MediaStreamTrack | null): Promise<void> {
    await this.#lines('audio')[0]?.sender.replaceTrack(track);
  }

  #lines(kind: string): RTCRtpTransceiver[] {
    return this.#peer.getTransceivers().filter((line) => line.receiver.track.kind === kind);
  }

  /** Both sides said that they may see each other's address (CALLS.md s.5): until then nothing but a relay is looked for. */
  #bothOpen(now: CallNow): boolean {
    return this.#mayDirect && now.remote?.mayDirect === true;
  }

  /** Holds from the next offer or answer on. */
  #setWays(now: CallNow): void {
    this.#isOpen = this.#bothOpen(now);
    this.#peer.setConfiguration({ ...this.#ways(now), bundlePolicy: 'max-bundle' });
  }

  #ways({ relay }: CallNow): RTCConfiguration {
    const iceServers = relay && relay.urls.length > 0 ? [{ urls: relay.urls, username: relay.username, credential: relay.credential }] : [];
    return { iceServers, iceTransportPolicy: this.#isOpen ? 'all' : 'relay' };
  }

  #found(candidate: RTCIceCandidate | null): void {
    if (candidate === null) this.#isComplete = true;
    else if (candidate.candidate !== '') this.#waiting.push(candidate.candidate);
    this.#gather ??= setTimeout(() => this.#tell(), candidate === null ? 0 : GATHER_MS);
  }

  #tell(): void {
    this.#gather = undefined;
    const candidates = this.#waiting.splice(0);
    if (this.#isClosed) return;
    void this.#engine.callCandidates({ call: this.call, candidates, isComplete: this.#isComplete }).catch(() => undefined);
  }

  #turned(): void {
    const state = this.#peer.connectionState;
    const isFlowing = state === 'connected';
    clearTimeout(this.#again);
    if (isFlowing !== this.isFlowing && (isFlowing || state === 'disconnected' || state === 'failed')) {
      this.isFlowing = isFlowing;
      void this.#engine.callMedia({ call: this.call, isFlowing }).catch(() => undefined);
    }
    if (isFlowing) void this.#askWay();
    else if (state === 'disconnected' || state === 'failed') this.#again = setTimeout(() => this.restart(), RESTART_MS);
    this.#watcher.changed();
  }

  /** Looks for another way: a network changed, the node came back. The caller does, so that only one does. */
  restart(): void {
    clearTimeout(this.#again);
    const now = this.#last;
    if (this.#isClosed || this.isFlowing || !now.isOutgoing || now.state !== 'talking') return;
    this.#again = setTimeout(() => this.restart(), 2 * RESTART_MS);
    if (this.#peer.signalingState !== 'stable' || !this.#watcher.isOnline()) return;
    this.#setWays(now);
    this.#chain = this.#chain.then(() => this.#offer(now, true)).catch(() => undefined);
  }

  async #askWay(): Promise<void> {
    const stats = await this.#peer.getStats();
    for (const report of stats.values() as Iterable<Record<string, unknown>>) {
      if (report['type'] !== 'candidate-pair' || report['nominated'] !== true) continue;
      const local = stats.get(report['localCandidateId'] as string) as { candidateType?: string } | undefined;
      const remote = stats.get(report['remoteCandidateId'] as string) as { candidateType?: string } | undefined;
      this.way = [local, remote].some((end) => end?.candidateType === 'relay') ? 'relayed' : 'direct';
    }
    this.#watcher.changed();
  }

  /** The first frames were dropped without a key: a whole picture is asked for. */
  async #askPicture(): Promise<void> {
    const [line] = this.#lines('video');
    const parameters = line?.sender.getParameters();
    if (line && parameters?.encodings.length) await line.sender.setParameters(parameters).catch(() => undefined);
  }

  /** For tests and the sign of quality: what the browser counted. */
  stats(): Promise<RTCStatsReport> {
    this.#sealer.askCounts();
    return this.#peer.getStats();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#gather);
    clearTimeout(this.#again);
    this.#peer.close();
    this.#sealer.stop();
  }
}
