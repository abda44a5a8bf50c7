/** Files on their way into a message: chosen, prepared one after the other, looked at, sent. */
import { findMetadata } from '../media/metadata';
import { decoder } from '../media/decoder';
import type { Engine, OutgoingFile } from '../platform/engine';
import { formatBytes, t } from '../platform/i18n';
import { attempt } from './attempt';
import { base64Of, kindOf } from './files';
import type { Talk } from './talk.svelte';

/** Files of one message (`docs/spec/FILES.md`, s.4). */
export const FILES_MAX = 32;
/** Where metadata stands in a file, if there is any. */
const HEAD_BYTES = 256 << 10;
/** A picture that is decoded in a browser at all. */
const PICTURE_BYTES_MAX = 96 << 20;
/** Moving pictures would stand still. */
const AS_IT_IS = new Set(['image/gif']);

export interface Item {
  readonly id: number;
  readonly source: File;
  readonly isPhoto: boolean;
  /** Sent without what its camera wrote into it. */
  readonly isMovie: boolean;
  /** Encoded anew, without metadata; null: not yet, or it cannot be. */
  prepared: OutgoingFile | null;
  /** A photo or movie that cannot be cleaned here: it goes as it is or not at all, and its sender says so. */
  isUnclean: boolean;
  hasMetadata: boolean;
  hasPlace: boolean;
  isReady: boolean;
}

/** What cameras write and browsers do not read, or not all of them; some name no type. */
const RAW_TYPE = /^image\/(?!svg\+xml$)/;
const MOVIE_TYPE = /^video\/(mp4|quicktime|3gpp2?|x-m4v)$/;
const MOVIE_NAME = /\.(mp4|mov|m4v|3gp|3g2)$/i;
const RAW_NAME = /\.(heic|heif|avif|tiff?|dng|cr[23]|nef|arw|raf|orf|rw2)$/i;

let nextId = 1;

export class Outgoing {
  items: Item[] = $state.raw([]);
  caption = $state('');
  /** Send what was chosen byte for byte, metadata included. */
  isOriginal = $state(false);
  problem = $state('');
  isSending = $state(false);
  readonly #talk: Talk;
  readonly #engine: Engine;
  #limit: number | null;

  constructor(talk: Talk, limit: number | null) {
    this.#talk = talk;
    this.#engine = talk.engine;
    this.#limit = limit;
  }

  get isReady(): boolean {
    return this.items.every((item) => item.isReady);
  }

  get readyCount(): number {
    return this.items.filter((item) => item.isReady).length;
  }

  get unclean(): number {
    return this.items.filter((item) => item.isUnclean).length;
  }

  get maySend(): boolean {
    return this.items.length > 0 && this.isReady && !this.isSending && (this.isOriginal || this.unclean === 0);
  }

  get withPlace(): number {
    return this.items.filter((item) => item.hasPlace).length;
  }

  get withMetadata(): number {
    return this.items.filter((item) => item.hasMetadata).length;
  }

  /** Adds what was dropped, pasted or picked; what is too much is said and left out. */
  add(files: readonly File[]): void {
    this.problem = '';
    const room = FILES_MAX - this.items.length;
    if (files.length > room) this.problem = t('send-files-too-many', { count: FILES_MAX });
    const fitting = files.slice(0, room).filter((file) => {
      if (this.#limit === null || file.size <= this.#limit) return true;
      this.problem = t('send-files-too-large', { name: file.name, limit: formatBytes(this.#limit) });
      return false;
    });
    const items = fitting.map((source): Item => {
      const isPhoto = kindOf(source.type) === 'photo' && source.size <= PICTURE_BYTES_MAX;
      const isMovie = !isPhoto && (MOVIE_TYPE.test(source.type) || MOVIE_NAME.test(source.name));
      const isUnclean = !isPhoto && (RAW_TYPE.test(source.type) || RAW_NAME.test(source.name));
      return { id: nextId++, source, isPhoto, isMovie, prepared: null, isUnclean, hasMetadata: false, hasPlace: false, isReady: !isPhoto && !isMovie };
    });
    this.items = [...this.items, ...items];
    for (const item of items) {
      if (item.isPhoto) void this.#prepare(item);
      else if (item.isMovie) void this.#look(item);
    }
  }

  remove(item: Item): void {
    this.items = this.items.filter((one) => one.id !== item.id);
  }

  /** Sends what is here; false where it was refused, and then everything stays. */
  async send(): Promise<boolean> {
    if (!this.maySend) return false;
    this.isSending = true;
    const { replying } = this.#talk;
    const files = await Promise.all(this.items.map((item) => this.#outgoing(item)));
    const sent = this.#engine.sendFiles({
      conversation: this.#talk.id, files, caption: this.caption.trim(), ...(replying ? { replyTo: replying.message } : {}),
    });
    const isDone = await attempt(sent);
    this.isSending = false;
    if (!isDone) return false;
    this.#talk.replying = null;
    this.#talk.toNewest();
    return true;
  }

  async #prepare(item: Item): Promise<void> {
    const part: Partial<Item> = { isReady: true };
    try {
      const metadata = findMetadata(new Uint8Array(await item.source.slice(0, HEAD_BYTES).arrayBuffer()));
      Object.assign(part, { hasMetadata: metadata.has, hasPlace: metadata.hasPlace });
      const made = AS_IT_IS.has(item.source.type)
        ? { data: item.source as Blob, ...await decoder.measure(item.source) }
        : await decoder.prepare(item.source);
      const { data, width, height, thumbhash } = made;
      part.prepared = {
        data, width, height, thumbhash: base64Of(thumbhash), name: nameFor(item.source.name, data.type), mediaType: data.type, durationMs: null, waveform: null, isVoice: false,
      };
    } catch {
      part.isUnclean = true;
    }
    this.#replace(item, part);
  }

  async #look(item: Item): Promise<void> {
    const found = await this.#engine.lookAtMovie({ data: item.source }).catch(() => ({ isUnclean: true }));
    this.#replace(item, { ...found, isReady: true });
  }

  #replace(item: Item, part: Partial<Item>): void {
    this.items = this.items.map((one) => (one.id === item.id ? { ...one, ...part } : one));
  }

  async #outgoing({ source, prepared, isMovie }: Item): Promise<OutgoingFile> {
    if (prepared && !this.isOriginal) return prepared;
    const { width, height, thumbhash } = prepared ?? { width: null, height: null, thumbhash: null };
    const mediaType = source.type.toLowerCase() || 'application/octet-stream';
    const shape = kindOf(mediaType) === 'video' ? await videoShape(source) : { width, height, durationMs: null };
    return { data: source, name: source.name, mediaType, thumbhash, waveform: null, isVoice: false, isCovered: isMovie && !this.isOriginal, ...shape };
  }
}

/** A picture that was encoded anew has another ending. */
function nameFor(name: string, mediaType: string): string {
  const endings: Record<string, string> = { 'image/jpeg': 'jpg', 'image/webp': 'webp', 'image/png': 'png', 'image/gif': 'gif' };
  const ending = endings[mediaType];
  if (!ending || new RegExp(`\\.(${ending}|jpeg)$`, 'i').test(name)) return name;
  return `${name.replace(/\.[^.]{1,8}$/, '')}.${ending}`;
}

interface Shape { width: number | null; height: number | null; durationMs: number | null }

const SHAPE_MS = 3_000;

/** What a video says of itself, as far as this browser can tell. */
function videoShape(source: Blob): Promise<Shape> {
  return new Promise((resolve) => {
    const video = document.createElement('video');
    const url = URL.createObjectURL(source);
    const end = () => {
      clearTimeout(timer);
      const isKnown = video.videoWidth > 0;
      const durationMs = Number.isFinite(video.duration) ? Math.round(video.duration * 1_000) : null;
      resolve({ width: isKnown ? video.videoWidth : null, height: isKnown ? video.videoHeight : null, durationMs });
      video.removeAttribute('src');
      URL.revokeObjectURL(url);
    };
    const timer = setTimeout(end, SHAPE_MS);
    video.preload = 'metadata';
    video.muted = true;
    video.onloadedmetadata = end;
    video.onerror = end;
    video.src = url;
  });
}
