/** Calls of many: those under way, the one that this page is in, who is seen in it. */

import type { Quality, Way } from '../calls/quality';
import { ring } from '../calls/ring';
import { Room, type Wish } from '../calls/room';
import { canSeal } from '../calls/transform';
import type { ConversationId, Engine, GroupCall, GroupCallNow, GroupCalls, Participant } from '../platform/engine';
import { t } from '../platform/i18n';
import { attempt } from './attempt';
import { OwnMedia } from './own-media.svelte';
import { preferences } from './preferences.svelte';
import { toasts } from './toast.svelte';

/** One person's picture, or their screen. */
export interface Tile {
  key: string;
  person: Participant;
  isScreen: boolean;
  stream: MediaStream | null;
  isMuted: boolean;
  hasHand: boolean;
  isSpeaking: boolean;
}

/** Pictures on one page. */
export const PAGE = 25;
/** Whoever speaks is shown so for so long at least: a frame that jumps is no help. */
const SPEAKER_MS = 1_500;

class GroupCallModel {
  all: GroupCalls = $state.raw({ calls: [], ended: null });
  now: GroupCallNow | null = $state.raw(null);
  preview: { conversation: ConversationId; name: string } | null = $state.raw(null);
  /** This tab has the media. */
  isHere = $state(false);
  isSmall = $state(false);
  hasHand = $state(false);
  isSpeakerView = $state(false);
  page = $state(0);
  isFlowing = $state(false);
  way: Way | null = $state(null);
  quality: Quality | null = $state.raw(null);
  tiles: Tile[] = $state.raw([]);
  sounds: MediaStream[] = $state.raw([]);
  /** The leaf of who speaks. */
  speaker: number | null = $state(null);
  readonly own = new OwnMedia(() => this.#give());
  readonly pages = $derived(Math.max(1, Math.ceil(this.tiles.length / PAGE)));
  #speakerMs = 0;
  #room: Room | null = null;
  #engine: Engine | null = null;
  #silence: (() => void) | null = null;
  #isOnline = true;
  #ended = '';

  listen(engine: Engine): () => void {
    this.#engine = engine;
    const ends = new AbortController();
    const again = () => this.#room?.restart();
    addEventListener('online', again, { signal: ends.signal });
    addEventListener('pagehide', () => {
      if (!this.isHere) return;
      void this.leave();
      this.#room?.close();
    }, { signal: ends.signal });
    const stops = [
      engine.watch('groupCall', [], (now) => this.#take(now)),
      engine.watch('groupCalls', [], (all) => this.#takeAll(all)),
      engine.watch('network', [], ({ state }) => {
        const wasOnline = this.#isOnline;
        this.#isOnline = state === 'online';
        if (this.#isOnline && !wasOnline) again();
      }),
    ];
    return () => {
      for (const stop of stops) stop();
      ends.abort();
      this.#take(null);
    };
  }

  /** The call that is under way in a conversation. */
  in(conversation: ConversationId): GroupCall | null {
    return this.all.calls.find((one) => one.conversation === conversation) ?? null;
  }

  get ringing(): GroupCall | null {
    return this.isHere || this.preview ? null : (this.all.calls.find(({ isRinging, isHere }) => isRinging && !isHere) ?? null);
  }

  #takeAll(all: GroupCalls): void {
    this.all = all;
    const { ringing } = this;
    if (ringing && !this.#silence) this.#silence = ring(true);
    if (!ringing) {
      this.#silence?.();
      this.#silence = null;
    }
    const { ended } = all;
    if (ended && this.#ended === ended.call && this.isHere === false) {
      this.#ended = '';
      if (ended.reason !== 'left') toasts.say(t(`group-call-ended-${ended.reason}`));
    }
  }

  #take(now: GroupCallNow | null): void {
    const before = this.now;
    this.now = now;
    if (before && before.call !== now?.call) {
      this.#ended = this.isHere ? before.call : '';
      this.#end();
      this.#takeAll(this.all);
    }
    if (!now || !this.isHere || !this.own.isOpen || !this.#engine || now.relay === null) return;
    if (!this.#room) {
      this.#room = new Room(this.#engine, now, this.own.given, {
        changed: () => this.#look(),
        isOnline: () => this.#isOnline,
        refused: (why) => {
          toasts.say(t(`group-call-${why}`));
          void this.leave();
        },
      });
      void this.#room.save(preferences.savesData);
      this.#give();
    }
    this.#room.follow(now);
    this.#look();
  }

  #give(): void {
    this.#room?.give(this.own.given, { isMuted: this.own.isMuted, hasHand: this.hasHand });
    this.#look();
  }

  #look(): void {
    const room = this.#room;
    const now = this.now;
    if (!room || !now) return;
    this.isFlowing = room.isFlowing;
    this.way = room.way;
    this.quality = room.quality;
    const tiles: Tile[] = [];
    let loudest: { leaf: number; level: number } | null = null;
    for (const person of now.people) {
      if (person.isSelf) {
        const { given, isMuted } = this.own;
        tiles.push({ key: person.device, person, isScreen: false, stream: this.#own(given.camera), isMuted, hasHand: this.hasHand, isSpeaking: false });
        continue;
      }
      const seen = person.leaf === null ? null : room.seen(person.leaf);
      const isMuted = seen?.isMuted ?? false;
      tiles.push({
        key: person.device, person, isScreen: false, stream: seen?.camera ?? null, isMuted, hasHand: seen?.hasHand ?? false,
        isSpeaking: person.leaf !== null && person.leaf === this.speaker,
      });
      if (seen?.screen) tiles.push({ key: `${person.device} screen`, person, isScreen: true, stream: seen.screen, isMuted: false, hasHand: false, isSpeaking: false });
      if (seen && person.leaf !== null && seen.level > (loudest?.level ?? 0)) loudest = { leaf: person.leaf, level: seen.level };
    }
    if (loudest && loudest.leaf !== this.speaker && performance.now() - this.#speakerMs > SPEAKER_MS) {
      this.speaker = loudest.leaf;
      this.#speakerMs = performance.now();
    }
    // Screens first, then the others as they came; oneself last.
    this.tiles = tiles.sort((a, b) => rank(a) - rank(b));
    this.page = Math.min(this.page, this.pages - 1);
    const { sounds } = room;
    if (sounds.length !== this.sounds.length || sounds.some((one, at) => one !== this.sounds[at])) this.sounds = sounds;
    room.want(this.#wishes());
  }

  #ownStream: MediaStream | null = null;
  #own(track: MediaStreamTrack | null): MediaStream | null {
    if (track === null) this.#ownStream = null;
    else if (this.#ownStream?.getVideoTracks()[0] !== track) this.#ownStream = new MediaStream([track]);
    return this.#ownStream;
  }

  /** What the speaker view shows large. */
  get main(): Tile | null {
    const others = this.tiles.filter(({ person }) => !person.isSelf);
    return others.find(({ isScreen }) => isScreen) ?? others.find(({ isSpeaking }) => isSpeaking) ?? others[0] ?? this.tiles[0] ?? null;
  }

  get shown(): Tile[] {
    return this.tiles.slice(this.page * PAGE, (this.page + 1) * PAGE);
  }

  #wishes(): Wish[] {
    const main = this.isSpeakerView ? this.main : null;
    const shown = this.isSpeakerView ? this.tiles.slice(0, PAGE) : this.shown;
    const layer = this.isSmall || this.isSpeakerView || shown.length > 9 ? 0 : shown.length > 4 ? 1 : 2;
    const wishes: Wish[] = [];
    for (const tile of shown) {
      const { person } = tile;
      if (person.isSelf || person.number === null) continue;
      wishes.push({ person: person.number, isScreen: tile.isScreen, layer: tile.isScreen || tile.key === main?.key ? 2 : layer });
    }
    // A screen that is not seen yet must be asked for to be seen.
    for (const { person } of shown) {
      const isNew = !person.isSelf && person.number !== null && !wishes.some((one) => one.isScreen && one.person === person.number);
      if (isNew) wishes.push({ person: person.number!, isScreen: true, layer: 2 });
    }
    return wishes;
  }

  raiseHand(): void {
    this.hasHand = !this.hasHand;
    this.#give();
  }

  /** The user wants to be in a group's call: first they see themselves, and who is there. */
  async start(conversation: ConversationId, name: string, hasVideo: boolean): Promise<void> {
    if (this.now || this.preview || this.own.isOpen || !this.#engine) return;
    if (!canSeal()) {
      toasts.say(t('call-cannot-seal'));
      return;
    }
    if (!preferences.hasPreview) {
      if (await this.own.open(hasVideo)) await this.#join(conversation);
      return;
    }
    this.preview = { conversation, name };
    if (!(await this.own.open(hasVideo))) this.preview = null;
    else if (!this.preview) this.own.close();
  }

  async join(): Promise<void> {
    const { preview } = this;
    if (!preview) return;
    this.preview = null;
    await this.#join(preview.conversation);
  }

  async #join(conversation: ConversationId): Promise<void> {
    if (!this.#engine) return;
    this.isHere = true;
    if (!(await attempt(this.#engine.groupCallJoin({ conversation, hasVideo: this.own.hasCamera })))) this.#end();
    else this.#take(this.now);
  }

  leavePreview(): void {
    this.preview = null;
    this.own.close();
  }

  async leave(): Promise<void> {
    if (this.now && this.#engine) await attempt(this.#engine.groupCallLeave({ call: this.now.call }));
  }

  async silence(call: string): Promise<void> {
    if (this.#engine) await attempt(this.#engine.groupCallSilence({ call }));
  }

  async saveData(isOn: boolean): Promise<void> {
    await this.own.saveData(isOn);
    await this.#room?.save(isOn);
  }

  #end(): void {
    this.#room?.close();
    this.#room = null;
    this.own.close();
    this.isHere = this.isSmall = this.hasHand = this.isFlowing = false;
    this.tiles = [];
    this.sounds = [];
    this.speaker = null;
    this.way = null;
    this.quality = null;
    this.page = 0;
  }
}

const rank = ({ isScreen, person }: Tile): number => (isScreen ? 0 : person.isSelf ? 2 : 1);

export const groupCalls = new GroupCallModel();
