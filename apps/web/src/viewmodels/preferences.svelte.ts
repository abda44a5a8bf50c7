/** What this browser remembers about the look of the page; never anything of a conversation. */

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

  /** The skin tone that emoji get: a modifier, or nothing. */
  get tone(): string { return this.#tone; }
  set tone(value: string) {
    this.#tone = value;
    keep('skin-tone', value);
  }

  get recentEmoji(): readonly string[] { return this.#recent; }
  useEmoji(emoji: string): void {
    this.#recent = [emoji, ...this.#recent.filter((one) => one !== emoji)].slice(0, 24);
    keep('emoji', this.#recent.join(' '));
  }
}

export const preferences = new Preferences();
