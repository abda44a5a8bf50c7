/**
 * Which screen is shown, kept in the page's history so that Back, reload and a second tab work.
 *
 * Everything stands in the fragment, which browsers never send: a path such as `/c/<id>` would tell the node at each
 * reload who is read. The paths are `/` and, for invite links, `/i` (`crates/protocol/src/contact/invite.rs`).
 */
import type { Overlay } from '../views/overlay';

export type Route =
  | { name: 'list' }
  | { name: 'archive' }
  | { name: 'conversation'; id: string }
  /** `link` is the whole invite link. */
  | { name: 'invite'; link: string };

export const HOME: Route = { name: 'list' };
const INVITE_PATH = '/i';

/** The route that an address names; anything unknown is home. */
export function parseRoute(url: URL): Route {
  if (url.pathname === INVITE_PATH && url.hash.length > 1) return { name: 'invite', link: url.href };
  const [name, id = ''] = url.hash.replace(/^#\/?/, '').split('/');
  if (name === 'c' && /^[0-9a-f]+$/.test(id)) return { name: 'conversation', id };
  return name === 'archive' ? { name: 'archive' } : HOME;
}

/** The address of a route, for links and history. */
export function hrefOf(route: Route): string {
  switch (route.name) {
    case 'list': return '/';
    case 'archive': return '/#archive';
    case 'conversation': return `/#c/${route.id}`;
    case 'invite': return route.link;
  }
}

/** What we keep in each of our history entries. */
interface Mark { depth: number; overlay: Overlay | null }

class Router {
  current: Route = $state.raw(HOME);
  /** What lies over the panes; Back takes it away. */
  overlay: Overlay | null = $state.raw(null);
  /** How many of our own entries lie behind the present one: whether Back stays in the app. */
  #depth = 0;
  /** Where `history.back()` is under way, what to do once it arrived. */
  #afterBack: (() => void)[] | null = null;

  /** Follows the address bar from now on. */
  start(): () => void {
    this.#read(null);
    history.replaceState(this.#mark(), '');
    const onPop = (event: PopStateEvent) => {
      this.#read(event.state as Mark | null);
      const due = this.#afterBack ?? [];
      this.#afterBack = null;
      for (const run of due) run();
    };
    addEventListener('popstate', onPop);
    return () => removeEventListener('popstate', onPop);
  }

  /** Shows `route`; an overlay goes. */
  go(route: Route, how: 'push' | 'replace' = 'push'): void {
    if (this.#afterBack) {
      this.#afterBack.push(() => this.go(route, how));
      return;
    }
    const isInPlace = how === 'replace' || this.overlay !== null || hrefOf(route) === hrefOf(this.current);
    this.current = route;
    this.overlay = null;
    if (!isInPlace) this.#depth += 1;
    this.#write(isInPlace);
  }

  /** Lays `overlay` over the panes, or puts it in the place of the one that is there. */
  open(overlay: Overlay): void {
    if (this.#afterBack) {
      this.#afterBack.push(() => this.open(overlay));
      return;
    }
    const isInPlace = this.overlay !== null;
    this.overlay = overlay;
    if (!isInPlace) this.#depth += 1;
    this.#write(isInPlace);
  }

  /** Takes the overlay away. */
  close(): void {
    if (this.overlay === null) return;
    this.overlay = null;
    this.#back();
  }

  /** Back to the screen before, or to `fallback` where that lies outside the app. */
  back(fallback: Route = HOME): void {
    if (this.#depth > 0) this.#back();
    else this.go(fallback, 'replace');
  }

  /** For links: lets the browser have its new tabs, and does the rest without loading. */
  follow(event: MouseEvent, route: Route, how: 'push' | 'replace' = 'push'): void {
    if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    event.preventDefault();
    this.go(route, how);
  }

  #back(): void {
    this.#afterBack ??= [];
    history.back();
  }

  #read(mark: Mark | null): void {
    this.current = parseRoute(new URL(location.href));
    this.overlay = mark?.overlay ?? null;
    this.#depth = mark?.depth ?? 0;
  }

  #mark(): Mark {
    return { depth: this.#depth, overlay: $state.snapshot(this.overlay) as Overlay | null };
  }

  #write(isInPlace: boolean): void {
    if (isInPlace) history.replaceState(this.#mark(), '', hrefOf(this.current));
    else history.pushState(this.#mark(), '', hrefOf(this.current));
  }
}

export const router = new Router();
