/** News of the page itself, which the platform writes and the banners show. */
class PageNews {
  /** Another tab held the engine and is gone: this one takes over just now. */
  isTakenOver = $state(false);
}

export const pageNews = new PageNews();
