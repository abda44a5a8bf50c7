/** Keys for the eye: a few groups, enough to tell two apart when they are read aloud. */

const GROUPS = 4;
const GROUP_CHARS = 4;

/** "k7f2 9m3q x84d tw06": the beginning of an account's hexadecimal id or of its `svc1…` text. */
export function shortKey(account: string): string {
  const chars = account.replace(/^svc1/, '');
  return (chars.match(new RegExp(`.{1,${GROUP_CHARS}}`, 'g')) ?? []).slice(0, GROUPS).join(' ');
}
