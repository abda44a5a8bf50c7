/** How views reach the engine: by context, and by topics that are reactive while they are looked at. */
import { getContext, setContext } from 'svelte';
import type { Engine, Topic, Topics } from '../platform/engine';

const ENGINE = Symbol('engine');
/** A hidden page gets no frames; its snapshots (title, badges) are applied by this clock instead. */
const HIDDEN_MS = 250;

export function provideEngine(engine: Engine): Engine {
  return setContext(ENGINE, engine);
}

export function useEngine(): Engine {
  const engine = getContext<Engine | undefined>(ENGINE);
  if (!engine) throw new Error('no engine was provided above this view');
  return engine;
}

export interface Watched<T extends Topic> {
  /** The latest snapshot; undefined until the first one came for the present key. */
  readonly current: Topics[T]['snapshot'] | undefined;
}

/**
 * Watches `topic` for as long as the calling component lives.
 *
 * `key` may read reactive state: another key drops the old snapshot and watches anew; null watches nothing.
 * The first snapshot is shown at once; those that follow faster than frames are drawn are skipped over,
 * the last one wins.
 */
export function watchTopic<T extends Topic>(
  topic: T,
  key: () => Topics[T]['key'] | null,
  engine: Engine = useEngine(),
): Watched<T> {
  let current: Topics[T]['snapshot'] | undefined = $state.raw();
  const text = $derived.by(() => {
    const now = key();
    return now === null ? null : JSON.stringify(now);
  });
  $effect.pre(() => {
    if (text === null) {
      current = undefined;
      return;
    }
    current = undefined;
    const calm = paced((snapshot: Topics[T]['snapshot']) => { current = snapshot; });
    const stop = engine.watch(topic, JSON.parse(text) as Topics[T]['key'], calm.take);
    return () => {
      stop();
      calm.cancel();
    };
  });
  return { get current() { return current; } };
}

/** Hands on the first value at once and then at most one per frame, the latest. */
export function paced<V>(apply: (value: V) => void): { take: (value: V) => void; cancel: () => void } {
  let isFirst = true;
  let waiting: { value: V } | null = null;
  let cancelWait: (() => void) | null = null;
  const flush = () => {
    cancelWait = null;
    const due = waiting;
    waiting = null;
    if (due) apply(due.value);
  };
  return {
    take(value) {
      if (isFirst) {
        isFirst = false;
        apply(value);
        return;
      }
      waiting = { value };
      cancelWait ??= soon(flush);
    },
    cancel() {
      cancelWait?.();
      cancelWait = null;
      waiting = null;
    },
  };
}

/** Runs at the next frame, or soon where none is drawn; the returned function prevents it. */
export function soon(run: () => void): () => void {
  if (document.hidden) {
    const timer = setTimeout(run, HIDDEN_MS);
    return () => clearTimeout(timer);
  }
  const frame = requestAnimationFrame(run);
  return () => cancelAnimationFrame(frame);
}
