/** One connection of a call: descriptions, candidates, tracks. What it describes and hears goes through the engine. */

import type { CallNow, Engine } from '../platform/engine';
import { type Given, Mix, NOTHING, PICTURE_BITS } from './media';
import { type Counted, type Quality, type Way, count, judge, wayOf } from './quality';
import { Sealer, connectionOptions } from './transform';

/** Candidates that come together leave together. */
const GATHER_MS = 40;
/** A broken way gets so long to mend itself before another is looked for, and each try so long. */
const RESTART_MS = 1_500;
/** Who was called leaves the looking to the caller for so long. */
const LATE_MS = 10_000;
/** An offer that nobody answered for so long is made again. */
const OFFER_MS = 5_000;
const LOOK_MS = 2_000;

/** What a connection tells, and asks, of whoever shows it. */
export interface Watcher {
  changed: () => void;
  isOnline: () => boolean;
  /** The other side closed its end, without having said so in the conversation. */
  left: () => void;
}

export class Connection {
  readonly call: string;
  readonly remote = new MediaStream();
  way: Way | null = null;
  quality: Quality | null = null;
  isFlowing = false;
  readonly #engine: Engine;
  readonly #peer: RTCPeerConnection;
  readonly #sealer: Sealer;
  readonly #watcher: Watcher;
  readonly #mix = new Mix();
  #given: Given = NOTHING;
  #voice: MediaStreamTrack | null = null;
  #savesData = false;
  #last: CallNow;
  readonly #attached = new WeakSet<RTCRtpSender | RTCRtpReceiver>();
  readonly #mayDirect: boolean;
  /** More than relays is looked for now. */
  #isOpen: boolean;
  #described = false;
  #offeredMs = 0;
  #taken = 0;
  #candidatesTaken = 0;
  #waiting: string[] = [];
  #isComplete = false;
  #gather: ReturnType<typeof setTimeout> | undefined;
  #again: ReturnType<typeof setTimeout> | undefined;
  #looks: ReturnType<typeof setInterval> | undefined;
  #counted: Counted | null = null;
  #chain: Promise<void> = Promise.resolve();
  #isClosed = false;

  constructor(engine: Engine, now: CallNow, given: Given, mayDirect: boolean, watcher: Watcher) {
    this.call = now.call;
    this.#engine = engine;
    this.#watcher = watcher;
    this.#last = now;
    this.#mayDirect = mayDirect;
    this.#isOpen = this.#bothOpen(now);
    this.#sealer = new Sealer(now.call, () => {
      void this.#askPicture();
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
    this.#hold(given);
    if (now.isOutgoing) for (const kind of ['audio', 'video'] as const) this.#send(this.#peer.addTransceiver(kind, { direction: 'sendrecv' }), kind);
  }

  /** Follows what the engine says of the call, one thing after the other. */
  follow(now: CallNow): void {
    this.#last = now;
    this.#then(() => this.#follow(now));
  }

  #then(step: () => Promise<void>): void {
    this.#chain = this.#chain.then(() => (this.#isClosed ? undefined : step())).catch((error: unknown) => {
      console.error('call:', error instanceof Error ? error.name : 'failed');
    });
  }

  async #follow(now: CallNow): Promise<void> {
    const peer = this.#peer;
    if (now.remote && now.remote.number > this.#taken) {
      this.#taken = now.remote.number;
      if (now.want === 'answer') {
        // Both looked for another way at once: the caller's offer holds, and the other side takes its own back.
        if (!now.isOutgoing || peer.signalingState !== 'have-local-offer') await this.#hear(now, now.remote.sdp);
      } else if (peer.signalingState === 'have-local-offer') {
        await peer.setRemoteDescription({ type: 'answer', sdp: now.remote.sdp });
      }
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
    if (now.isOutgoing && this.#bothOpen(now) && !this.#isOpen && peer.signalingState === 'stable') await this.#offer(now, true);
  }

  async #hear(now: CallNow, sdp: string): Promise<void> {
    this.#setWays(now);
    await this.#peer.setRemoteDescription({ type: 'offer', sdp });
    for (const one of this.#peer.getTransceivers()) {
      one.direction = 'sendrecv';
      this.#send(one, one.receiver.track.kind as 'audio' | 'video');
    }
  }

  async #offer(now: CallNow, isRestart = false): Promise<void> {
    if (isRestart) this.#setWays(now);
    this.#offeredMs = performance.now();
    this.#isComplete = false;
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
    void line.sender.replaceTrack(kind === 'video' ? this.#picture() : this.#voice);
  }

  #attach(part: RTCRtpSender | RTCRtpReceiver, isSealing: boolean, hasPicture: boolean): void {
    if (this.#attached.has(part)) return;
    this.#attached.add(part);
    this.#sealer.attach(part, { isSealing, hasPicture });
  }

  /** Sends this from now on: the screen rather than the camera, its sound with the voice. */
  async give(given: Given): Promise<void> {
    this.#hold(given);
    await this.#lines('video')[0]?.sender.replaceTrack(this.#picture());
    await this.#lines('audio')[0]?.sender.replaceTrack(this.#voice);
    await this.save(this.#savesData);
  }

  #hold(given: Given): void {
    const isSame = given.microphone === this.#given.microphone && given.screenSound === this.#given.screenSound;
    this.#given = given;
    if (!isSame) this.#voice = this.#mix.of(given);
  }

  #picture(): MediaStreamTrack | null {
    return this.#given.screen ?? this.#given.camera;
  }

  /** Sends a picture of few bits, or of as many as there is room for. */
  async save(savesData: boolean): Promise<void> {
    this.#savesData = savesData;
    const sender = this.#lines('video')[0]?.sender;
    const parameters = sender?.getParameters();
    const [encoding] = parameters?.encodings ?? [];
    if (!sender || !parameters || !encoding) return;
    encoding.maxBitrate = savesData ? PICTURE_BITS.saving : PICTURE_BITS.plain;
    await sender.setParameters(parameters).catch(() => undefined);
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
    this.#peer.setConfiguration({ ...this.#ways(now), ...connectionOptions(), bundlePolicy: 'max-bundle' });
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
    if (isFlowing !== this.isFlowing && (isFlowing || state === 'disconnected' || state === 'failed')) {
      this.isFlowing = isFlowing;
      void this.#engine.callMedia({ call: this.call, isFlowing }).catch(() => undefined);
    }
    clearTimeout(this.#again);
    if (isFlowing) this.#flows();
    else if (state === 'disconnected' || state === 'failed') this.#again = setTimeout(() => this.restart(), this.#patience());
    this.#watcher.changed();
  }

  /**
   * The caller looks, and the other side only where nothing comes of that: a browser that has to take its own offer back
   * for another one does not decode the picture any more.
   */
  #patience(): number {
    return this.#last.isOutgoing ? RESTART_MS : LATE_MS;
  }

  #flows(): void {
    this.#looks ??= setInterval(() => void this.#look(), LOOK_MS);
    void this.#look();
    // Whoever goes away with their page closes the connection; the conversation may hear of it much later.
    const transport = this.#peer.getSenders()[0]?.transport;
    if (transport) transport.onstatechange = () => {
      const isTheOne = this.#peer.getSenders()[0]?.transport === transport;
      if (isTheOne && transport.state === 'closed' && !this.#isClosed) this.#watcher.left();
    };
  }

  /** The node came back: a relay of its that is forgotten now looks whole for a while yet. Both sides see it; the caller looks. */
  nodeBack(): void {
    if (this.#last.isOutgoing) this.restart(true);
  }

  /** Looks for another way: the one there was broke, or surely (`isSure`) is no longer what it was, for the network changed. */
  restart(isSure = false): void {
    const now = this.#last;
    if (this.#isClosed || now.state !== 'talking' || (this.isFlowing && !isSure)) return;
    clearTimeout(this.#again);
    this.#again = setTimeout(() => this.restart(), 2 * this.#patience());
    if (!this.#watcher.isOnline()) return;
    const { signalingState } = this.#peer;
    const isDue = signalingState === 'stable' || (signalingState === 'have-local-offer' && performance.now() - this.#offeredMs > OFFER_MS);
    if (isDue) this.#then(() => this.#offer(this.#last, true));
  }

  async #look(): Promise<void> {
    const stats = await this.#peer.getStats();
    if (this.#isClosed) return;
    const counted = count(stats);
    if (this.#counted) this.quality = judge(this.#counted, counted);
    this.#counted = counted;
    this.way = wayOf(stats) ?? this.way;
    this.#watcher.changed();
  }

  /**
   * The first frames were dropped without a key: a whole picture is sent next. Where transformers can ask for it, the
   * worker does.
   */
  async #askPicture(): Promise<void> {
    const sender = this.#lines('video')[0]?.sender;
    const parameters = sender?.getParameters();
    if (!sender || !parameters?.encodings.length) return;
    const options = { encodingOptions: parameters.encodings.map(() => ({ keyFrame: true })) };
    const set = sender.setParameters.bind(sender) as (parameters: RTCRtpSendParameters, options: object) => Promise<void>;
    await set(parameters, options).catch(() => undefined);
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#gather);
    clearTimeout(this.#again);
    clearInterval(this.#looks);
    this.#peer.close();
    this.#mix.stop();
    this.#sealer.stop();
  }
}
