/**
 * The one Trusted Types policy of the page (`sottovoce`, named in the node's Content-Security-Policy): it lets our own
 * scripts be started as workers and nothing else. Views never need it.
 */

interface Policy { createScriptURL(url: string): string }
interface Factory { createPolicy(name: string, rules: { createScriptURL(url: string): string }): Policy }

let policy: Policy | undefined;

/** The URL of one of our own scripts, as the browser wants it for a worker. */
export function ownScript(url: URL | string): string {
  policy ??= (globalThis as { trustedTypes?: Factory }).trustedTypes?.createPolicy('sottovoce', { createScriptURL: own })
    ?? { createScriptURL: own };
  return policy.createScriptURL(String(url));
}

function own(url: string): string {
  const target = new URL(url, location.href);
  const isOurs = target.origin === location.origin && (target.pathname === '/sw.js' || /\.(js|ts)$/.test(target.pathname));
  if (!isOurs) throw new TypeError('not a script of this app');
  return target.href;
}
