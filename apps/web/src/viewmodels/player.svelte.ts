/** The one voice note or audio file that plays: it goes on when its conversation is left. */
import type { ConversationId, EntryId } from '../platform/engine';
import { errorText } from '../platform/errors';
import { EngineError } from '../platform/engine';
import { toasts } from './toast.svelte';

export interface Track {
  entry: EntryId;
  index: number;
  conversation: ConversationId;
  senderName: string;
  url: string;
  /** As its sender says; the decoder knows better once it plays. */
  durationMs: number;
}

const SPEEDS = [1, 1.5, 2] as const;

class Player {
  track: Track | null = $state.raw(null);
  isPlaying = $state(false);
  atMs = $state(0);
  speed: (typeof SPEEDS)[number] = $state(1);
  #audio: HTMLAudioElement | null = null;

  isAt(entry: EntryId, index: number): boolean {
    return this.track?.entry === entry && this.track.index === index;
  }

  /** Plays `track` from where it stopped, or pauses it. */
  toggle(track: Track): void {
    if (!this.isAt(track.entry, track.index)) this.#load(track);
    else if (this.isPlaying) {
      this.#audio?.pause();
      return;
    }
    void this.#audio?.play().catch(() => undefined);
  }

  seek(track: Track, ms: number): void {
    if (!this.isAt(track.entry, track.index)) this.#load(track);
    this.atMs = Math.max(0, Math.min(ms, this.track?.durationMs ?? ms));
    if (this.#audio) this.#audio.currentTime = this.atMs / 1_000;
  }

  faster(): void {
    this.speed = SPEEDS[(SPEEDS.indexOf(this.speed) + 1) % SPEEDS.length]!;
    if (this.#audio) this.#audio.playbackRate = this.speed;
  }

  stop(): void {
    this.#audio?.pause();
    this.#audio?.removeAttribute('src');
    this.#audio?.load();
    this.track = null;
    this.isPlaying = false;
    this.atMs = 0;
  }

  #load(track: Track): void {
    const audio = (this.#audio ??= this.#make());
    this.track = track;
    this.atMs = 0;
    audio.src = track.url;
    audio.playbackRate = this.speed;
  }

  #make(): HTMLAudioElement {
    const audio = new Audio();
    audio.preload = 'auto';
    audio.onplay = () => { this.isPlaying = true; };
    audio.onpause = () => { this.isPlaying = false; };
    audio.ontimeupdate = () => { this.atMs = audio.currentTime * 1_000; };
    audio.onended = () => { this.atMs = 0; };
    audio.onerror = () => {
      if (!this.track) return;
      this.stop();
      toasts.say(errorText(new EngineError('bad-audio')));
    };
    return audio;
  }
}

export const player = new Player();
