import { describe, expect, it } from 'vitest';
import { HOME, type Route, hrefOf, parseRoute } from './route.svelte';

const at = (path: string) => parseRoute(new URL(path, 'https://node.example'));

describe('a route', () => {
  it('comes back from its own address', () => {
    const link = `https://node.example/i#${'A'.repeat(87)}`;
    const routes: Route[] = [HOME, { name: 'archive' }, { name: 'conversation', id: '0a1b' }, { name: 'invite', link }];
    for (const route of routes) expect(at(hrefOf(route))).toEqual(route);
  });

  it('never puts an id where it would be sent', () => {
    const url = new URL(hrefOf({ name: 'conversation', id: 'beef' }), 'https://node.example');
    expect(url.pathname + url.search).toBe('/');
  });

  it('is home for anything unknown', () => {
    for (const path of ['/x', '/#nowhere', '/#c', '/#c/', '/#c/<img>', '/#%', '/i']) expect(at(path)).toEqual(HOME);
  });
});
