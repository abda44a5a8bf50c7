/**
 * Our connection to the room of a call of many (docs/spec/CALLS.md s.8 and s.9): we send once, the room sends on. There is no
 * renegotiation: another network, or another room, is another connection, and the one before goes once it stands.
 */

import type { Engine, GroupCallNow } from '../platform/engine';
import { ownScript } from '../platform/trusted';
import { type Given, NOTHING, PICTURE_BITS } from './media';
import { type Counted, type Quality, type Way, count, judge, wayOf } from './quality';
import { CONTEXT, type FromRoomMedia, MARK, type RoomSlot, type RoomStream, type RoomTell, type ToRoomMedia } from './room-protocol';
import workerUrl from './room-worker.ts?worker&url';
import { attachTo, connectionOptions } from './transform';

const PICTURES = 25;
const VOICES = 16;
const LOOK_MS = 500;
const RETRY_MS = 1_500;
/** A picture of which nothing came for so long is off. */
const STILL_MS = 4_000;
/** Decoded sound that is louder than this is somebody speaking. */
const SPEAKING = 0.015;

const LAYERS: RTCRtpEncodingParameters[] = [
  { rid: '0', scaleResolutionDownBy: 4, maxBitrate: 120_000 },
  { rid: '1', scaleResolutionDownBy: 2, maxBitrate: 450_000 },
  { rid: '2', maxBitrate: PICTURE_BITS.plain },
];

/** What comes of one leaf. */
export interface Seen { camera: MediaStream | null; screen: MediaStream | null; isMuted: boolean; hasHand: boolean; level: number }
/** One media that receives: what it is of, as its frames prove. */
interface Slot { name: string; line: RTCRtpTransceiver; stream: MediaStream; leaf: number | null; context: number; frames: number; cameMs: number; level: number }
/** Who is to be seen how large: their number in the room. */
export interface Wish { person: number; isScreen: boolean; layer: number }

export interface RoomWatcher {
  changed: () => void;
  isOnline: () => boolean;
  /** It cannot be entered: full, or not ours. */
  refused: (why: 'full' | 'denied') => void;
}

/** One attempt at, or one standing of, a connection. */
interface Line {
  offer: number;
  peer: RTCPeerConnection;
  channel: RTCDataChannel;
  senders: Record<keyof Given, RTCRtpTransceiver>;
  slots: Slot[];
  isAnswered: boolean;
  /** When it was begun. */
  sinceMs: number;
}

export class Room {
  readonly call: string;
  isFlowing = false;
  way: Way | null = null;
  quality: Quality | null = null;
  readonly #engine: Engine;
  readonly #watcher: RoomWatcher;
  readonly #worker = new Worker(ownScript(workerUrl), { type: 'module', name: 'room' });
  readonly #marks = new Map<number, number>();
  #given: Given = NOTHING;
  #savesData = false;
  #now: GroupCallNow;
  #room: number;
  #offers = 0;
  #line: Line | null = null;
  /** The one before, until the next stands. */
  #old: Line | null = null;
  #wishes: Wish[] = [];
  #wanted = '';
  /** In which slot somebody is. */
  readonly #places = new Map<string, number>();
  readonly #looks: ReturnType<typeof setInterval>;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #counted: Counted | null = null;
  #isClosed = false;

  constructor(engine: Engine, now: GroupCallNow, given: Given, watcher: RoomWatcher) {
    this.call = now.call;
    this.#engine = engine;
    this.#watcher = watcher;
    this.#now = now;
    this.#room = now.room;
    this.#given = given;
    this.#worker.onmessage = ({ data }: MessageEvent<FromRoomMedia>) => this.#hear(data);
    this.#say({ t: 'call', call: now.call });
    this.#looks = setInterval(() => void this.#look(), LOOK_MS);
    void this.#connect();
  }

  follow(now: GroupCallNow): void {
    const hasMoved = now.room !== this.#room;
    this.#now = now;
    this.#room = now.room;
    if (hasMoved) void this.#connect();
    const line = this.#line;
    if (!line) return;
    if (now.answer?.offer === line.offer && !line.isAnswered) {
      line.isAnswered = true;
      void line.peer.setRemoteDescription({ type: 'answer', sdp: now.answer.sdp }).catch(() => this.#again(line));
    } else if (!line.isAnswered && now.refusal) {
      if (now.refusal === 'no-answer') this.#again(line);
      else this.#watcher.refused(now.refusal);
    }
  }

  async #connect(): Promise<void> {
    const { relay } = this.#now;
    const iceServers = relay && relay.urls.length > 0 ? [{ urls: relay.urls, username: relay.username, credential: relay.credential }] : [];
    const peer = new RTCPeerConnection({ iceServers, ...connectionOptions(), bundlePolicy: 'max-bundle' });
    const channel = peer.createDataChannel('room');
    channel.binaryType = 'arraybuffer';
    const sends = (kind: 'audio' | 'video', context: number, sendEncodings: RTCRtpEncodingParameters[] = []): RTCRtpTransceiver => {
      const one = peer.addTransceiver(kind, { direction: 'sendonly', sendEncodings });
      limitCodecs(one, kind);
      this.#attach(one.sender, { isSealing: true, hasPicture: kind === 'video', context });
      return one;
    };
    const senders = {
      microphone: sends('audio', CONTEXT.microphone), screenSound: sends('audio', CONTEXT.screenSound),
      camera: sends('video', CONTEXT.camera, LAYERS.map((one) => ({ ...one }))), screen: sends('video', CONTEXT.screen, [{ maxBitrate: PICTURE_BITS.plain }]),
    };
    const slots: Slot[] = [];
    for (const [kind, many] of [['video', PICTURES], ['audio', VOICES]] as const) {
      for (let at = 0; at < many; at += 1) {
        const line = peer.addTransceiver(kind, { direction: 'recvonly' });
        const name = `${this.#offers + 1} ${kind} ${at}`;
        limitCodecs(line, kind);
        this.#attach(line.receiver, { isSealing: false, hasPicture: kind === 'video', slot: name });
        slots.push({ name, line, stream: new MediaStream([line.receiver.track]), leaf: null, context: 0, frames: 0, cameMs: -STILL_MS, level: 0 });
      }
    }
    this.#offers += 1;
    const line: Line = { offer: this.#offers, peer, channel, senders, slots, isAnswered: false, sinceMs: performance.now() };
    this.#old ??= this.#line;
    if (this.#line !== this.#old) this.#line?.peer.close();
    this.#line = line;
    channel.onopen = () => this.#want(true);
    channel.onmessage = ({ data }: MessageEvent<ArrayBuffer>) => { if (this.#line === line) this.#say({ t: 'tell', bytes: data }); };
    peer.onconnectionstatechange = () => this.#turned(line);
    await this.#send(line);
    await peer.setLocalDescription(await peer.createOffer());
    const sdp = (peer.localDescription?.sdp ?? '').replace(/^a=(candidate|end-of-candidates).*\r\n/gm, '');
    if (this.#isClosed || this.#line !== line) return;
    await this.#engine.groupCallOffer({ call: this.call, room: this.#room, offer: line.offer, sdp }).catch(() => this.#again(line));
  }

  #attach(part: RTCRtpSender | RTCRtpReceiver, kind: RoomStream): void {
    attachTo(this.#worker, part, kind, (readable, writable) => this.#say({ t: 'streams', kind, readable, writable }, [readable, writable]));
  }

  #say(message: ToRoomMedia, moved: Transferable[] = []): void {
    this.#worker.postMessage(message, moved);
  }

  #turned(line: Line): void {
    if (this.#isClosed || this.#line !== line) return;
    const state = line.peer.connectionState;
    const isFlowing = state === 'connected';
    if (isFlowing) {
      this.#old?.peer.close();
      this.#old = null;
    }
    if (isFlowing !== this.isFlowing && (isFlowing || state === 'disconnected' || state === 'failed')) {
      this.isFlowing = isFlowing;
      void this.#engine.groupCallMedia({ call: this.call, isFlowing }).catch(() => undefined);
    }
    if (state === 'disconnected' || state === 'failed') this.#again(line);
    this.#watcher.changed();
  }

  #again(line: Line): void {
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => { if (this.#line === line && line.peer.connectionState !== 'connected') this.restart(); }, RETRY_MS);
  }

  /** Enters again, in our own place, because the network changed or the node came back. */
  restart(): void {
    if (this.#isClosed) return;
    if (this.#watcher.isOnline()) void this.#connect();
    else if (this.#line) this.#again(this.#line);
  }

  /** Sends this from now on. */
  give(given: Given, marks: { isMuted: boolean; hasHand: boolean }): void {
    this.#given = given;
    this.#say({ t: 'marks', marks: (marks.isMuted ? MARK.muted : 0) | (marks.hasHand ? MARK.hand : 0) });
    if (this.#line) void this.#send(this.#line);
  }

  async #send({ senders }: Line): Promise<void> {
    for (const [key, { sender }] of Object.entries(senders) as [keyof Given, RTCRtpTransceiver][]) {
      if (sender.track !== this.#given[key]) await sender.replaceTrack(this.#given[key]);
    }
    await this.save(this.#savesData);
  }

  /** Sends no large picture. */
  async save(savesData: boolean): Promise<void> {
    this.#savesData = savesData;
    const sender = this.#line?.senders.camera.sender;
    const parameters = sender?.getParameters();
    const largest = parameters?.encodings.at(-1);
    if (!sender || !parameters || !largest || parameters.encodings.length < LAYERS.length) return;
    largest.active = !savesData;
    await sender.setParameters(parameters).catch(() => undefined);
  }

  #hear(message: FromRoomMedia): void {
    switch (message.t) {
      case 'told':
        this.#told(message);
        break;
      case 'source': {
        const slot = this.#line?.slots.find(({ name }) => name === message.slot);
        if (slot) [slot.leaf, slot.context] = [message.leaf, message.context];
        break;
      }
      case 'marks':
        this.#marks.set(message.leaf, message.marks);
        break;
      case 'say':
        if (this.#line?.channel.readyState === 'open') this.#line.channel.send(message.bytes);
        return;
      case 'keyed':
        break;
    }
    this.#watcher.changed();
  }

  #told({ people }: RoomTell): void {
    void this.#engine.groupCallPeople({ call: this.call, room: this.#room, people }).catch(() => undefined);
  }

  /** Who is to be seen, the most important first. */
  want(wishes: Wish[]): void {
    this.#wishes = wishes;
    this.#want(false);
  }

  #want(isNew: boolean): void {
    const line = this.#line;
    if (line?.channel.readyState !== 'open') return;
    const pictures = line.slots.filter(({ line: one }) => one.receiver.track.kind === 'video' && one.mid !== null);
    const slots: RoomSlot[] = [];
    const wishes = this.#wishes.slice(0, pictures.length);
    const keyOf = ({ person, isScreen }: Wish): string => `${person} ${isScreen}`;
    const keys = new Set(wishes.map(keyOf));
    for (const key of this.#places.keys()) if (isNew || !keys.has(key)) this.#places.delete(key);
    // Whoever has a slot keeps it: to move costs a whole picture.
    const free = pictures.map((_, at) => at).filter((at) => ![...this.#places.values()].includes(at));
    for (const wish of wishes) {
      const at = this.#places.get(keyOf(wish)) ?? free.shift() ?? 0;
      this.#places.set(keyOf(wish), at);
      slots.push({ mid: pictures[at]?.line.mid ?? '', person: wish.person, source: wish.isScreen ? 1 : 0, layer: wish.layer });
    }
    const wanted = JSON.stringify(slots);
    if (slots.length === 0 || (wanted === this.#wanted && !isNew)) return;
    this.#wanted = wanted;
    this.#say({ t: 'want', slots });
  }

  /** What comes of a leaf now. */
  seen(leaf: number): Seen {
    const marks = this.#marks.get(leaf) ?? 0;
    const seen: Seen = { camera: null, screen: null, isMuted: (marks & MARK.muted) !== 0, hasHand: (marks & MARK.hand) !== 0, level: 0 };
    for (const slot of this.#line?.slots ?? []) {
      if (slot.leaf !== leaf) continue;
      if (slot.line.receiver.track.kind === 'audio') seen.level = Math.max(seen.level, slot.context === CONTEXT.microphone ? slot.level : 0);
      else if (performance.now() - slot.cameMs > STILL_MS) continue;
      else if (slot.context === CONTEXT.camera) seen.camera = slot.stream;
      else if (slot.context === CONTEXT.screen) seen.screen = slot.stream;
    }
    if (seen.isMuted || seen.level < SPEAKING) seen.level = 0;
    return seen;
  }

  /** The streams that are to be heard. */
  get sounds(): MediaStream[] {
    return (this.#line?.slots ?? []).filter(({ line }) => line.receiver.track.kind === 'audio').map(({ stream }) => stream);
  }

  async #look(): Promise<void> {
    const line = this.#line;
    if (line?.peer.connectionState !== 'connected') {
      // An offer that nothing came of.
      if (line && performance.now() - line.sinceMs > 8 * RETRY_MS) this.restart();
      return;
    }
    const stats = await line.peer.getStats();
    if (this.#isClosed || this.#line !== line) return;
    const byMid = new Map(line.slots.map((slot) => [slot.line.mid, slot]));
    for (const report of stats.values() as Iterable<Record<string, unknown>>) {
      if (report['type'] !== 'inbound-rtp') continue;
      const slot = byMid.get(report['mid'] as string);
      if (!slot) continue;
      slot.level = Number(report['audioLevel'] ?? 0);
      const frames = Number(report['framesDecoded'] ?? 0);
      if (frames > slot.frames) slot.cameMs = performance.now();
      slot.frames = frames;
    }
    const counted = count(stats);
    if (!this.#counted || counted.atMs - this.#counted.atMs > 1_900) {
      if (this.#counted) this.quality = judge(this.#counted, counted);
      this.#counted = counted;
    }
    this.way = wayOf(stats) ?? this.way;
    this.#watcher.changed();
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#looks);
    clearTimeout(this.#retry);
    this.#line?.peer.close();
    this.#old?.peer.close();
    this.#worker.terminate();
  }
}

function limitCodecs(line: RTCRtpTransceiver, kind: 'audio' | 'video'): void {
  const wanted = kind === 'video' ? ['video/VP8', 'video/rtx'] : ['audio/opus'];
  line.setCodecPreferences((RTCRtpReceiver.getCapabilities(kind)?.codecs ?? []).filter(({ mimeType }) => wanted.includes(mimeType)));
}
