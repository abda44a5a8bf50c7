/** What this browser remembers about the look of the page; never anything of a conversation. */

import type { Choice } from '../calls/media';
import type { FileKind } from '../platform/engine';

export type Theme = 'system' | 'light' | 'dark';

function kept(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

function keep(key: string, value: string): void {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Without storage the choice holds for this visit.
  }
}

function parsed<T extends object>(text: string | null): Partial<T> {
  try {
    const found: unknown = JSON.parse(text ?? '{}');
    return typeof found === 'object' && found !== null ? found : {};
  } catch {
    return {};
  }
}

/** What is fetched as soon as it is seen. */
export interface Fetches {
  pictures: boolean;
  voice: boolean;
  /** Everything else, videos too. */
  files: boolean;
  /** Also where the network counts bytes. */
  metered: boolean;
}

const FETCHES: Fetches = { pictures: true, voice: true, files: false, metered: false };
/** Larger ones wait until they are asked for. */
const FETCHED_BYTES_MAX = 20_000_000;

interface Connection { saveData?: boolean; type?: string }

class Preferences {
  #isSideOpen = $state(kept('side') !== 'shut');
  #hasSingleKeys = $state(kept('single-keys') !== 'off');
  #tone = $state(kept('skin-tone') ?? '');
  #recent: string[] = $state.raw((kept('emoji') ?? '').split(' ').filter(Boolean));

  /** The side pane, where there is room for it. */
  get isSideOpen(): boolean { return this.#isSideOpen; }
  set isSideOpen(value: boolean) {
    this.#isSideOpen = value;
    keep('side', value ? 'open' : 'shut');
  }

  /** Single letters act on messages. */
  get hasSingleKeys(): boolean { return this.#hasSingleKeys; }
  set hasSingleKeys(value: boolean) {
    this.#hasSingleKeys = value;
    keep('single-keys', value ? 'on' : 'off');
  }

  #isAlwaysRelayed = $state(kept('always-relayed') !== 'off');
  #isNoiseSuppressed = $state(kept('noise') !== 'kept');
  #savesData = $state(kept('calls-save') === 'on');

  /** Calls go through the node, so that the other side sees no address of ours. */
  get isAlwaysRelayed(): boolean { return this.#isAlwaysRelayed; }
  set isAlwaysRelayed(value: boolean) {
    this.#isAlwaysRelayed = value;
    keep('always-relayed', value ? 'on' : 'off');
  }

  get isNoiseSuppressed(): boolean { return this.#isNoiseSuppressed; }
  set isNoiseSuppressed(value: boolean) {
    this.#isNoiseSuppressed = value;
    keep('noise', value ? 'less' : 'kept');
  }

  /** A smaller picture in calls. */
  get savesData(): boolean { return this.#savesData; }
  set savesData(value: boolean) {
    this.#savesData = value;
    keep('calls-save', value ? 'on' : 'off');
  }

  #hasPreview = $state(kept('call-preview') !== 'off');
  /** Before a call one sees oneself. */
  get hasPreview(): boolean { return this.#hasPreview; }
  set hasPreview(value: boolean) {
    this.#hasPreview = value;
    keep('call-preview', value ? 'on' : 'off');
  }

  #devices: Choice = $state.raw({ audioinput: '', audiooutput: '', videoinput: '', ...parsed<Choice>(kept('call-devices')) });
  /** The devices of calls, by names that mean something to this browser alone. */
  get devices(): Choice { return this.#devices; }
  setDevice(part: Partial<Choice>): void {
    this.#devices = { ...this.#devices, ...part };
    keep('call-devices', JSON.stringify(this.#devices));
  }

  /** The skin tone that emoji get: a modifier, or nothing. */
  get tone(): string { return this.#tone; }
  set tone(value: string) {
    this.#tone = value;
    keep('skin-tone', value);
  }

  #fetches: Fetches = $state.raw({ ...FETCHES, ...parsed<Fetches>(kept('fetches')) });

  get fetches(): Fetches { return this.#fetches; }
  setFetches(part: Partial<Fetches>): void {
    this.#fetches = { ...this.#fetches, ...part };
    keep('fetches', JSON.stringify(this.#fetches));
  }

  /** Whether a file that is seen is fetched without being asked for. */
  fetchesBySight(file: { kind: FileKind; bytes: number }): boolean {
    const connection = (navigator as { connection?: Connection }).connection;
    const isMetered = connection?.saveData === true || connection?.type === 'cellular';
    if (file.bytes > FETCHED_BYTES_MAX || (isMetered && !this.#fetches.metered)) return false;
    return this.#fetches[file.kind === 'photo' ? 'pictures' : file.kind === 'voice' ? 'voice' : 'files'];
  }

  get recentEmoji(): readonly string[] { return this.#recent; }
  useEmoji(emoji: string): void {
    this.#recent = [emoji, ...this.#recent.filter((one) => one !== emoji)].slice(0, 24);
    keep('emoji', this.#recent.join(' '));
  }
}

export const preferences = new Preferences();
