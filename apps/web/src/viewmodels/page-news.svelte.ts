/** News of the page itself, which the platform tells and the banners show. */
import type { Engine } from '../platform/engine';

/** Shorter than this, nobody needs to know. */
const PATIENCE_MS = 300;

class PageNews {
  /** Another tab held the engine and is gone: this one takes over just now. */
  isTakenOver = $state(false);

  /** Follows the engine until the returned function is called. */
  follow(engine: Engine): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const stop = engine.onTakeover((isUnderWay) => {
      clearTimeout(timer);
      if (isUnderWay) timer = setTimeout(() => (this.isTakenOver = true), PATIENCE_MS);
      else this.isTakenOver = false;
    });
    return () => {
      clearTimeout(timer);
      stop();
    };
  }
}

export const pageNews = new PageNews();
