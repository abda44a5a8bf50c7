/** One sentence in passing, with one verb where it can be undone. */

export interface Toast { id: number; text: string; verb: string | null; act: (() => void) | null }

/** How long one stays, unless held by the pointer or the focus. */
const SHOWN_MS = 6_000;
const TOASTS_MAX = 3;

class Toasts {
  shown: Toast[] = $state.raw([]);
  #timers = new Map<number, ReturnType<typeof setTimeout>>();
  #next = 1;

  /** Says `text`; `verb` and `act` are the way back. */
  say(text: string, verb: string | null = null, act: (() => void) | null = null): number {
    const id = this.#next++;
    this.shown = [...this.shown, { id, text, verb, act }].slice(-TOASTS_MAX);
    this.release(id);
    return id;
  }

  hold(id: number): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
  }

  release(id: number): void {
    this.hold(id);
    this.#timers.set(id, setTimeout(() => this.drop(id), SHOWN_MS));
  }

  drop(id: number): void {
    this.hold(id);
    this.shown = this.shown.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
