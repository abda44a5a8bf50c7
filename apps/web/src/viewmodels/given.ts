/** What somebody gave the user: a link or an address, perhaps within a longer text. */

export type Given = { kind: 'link'; link: string } | { kind: 'address'; address: string };

/** Finds an invite link or an address in pasted text; null where there is neither. */
export function givenIn(text: string): Given | null {
  const link = text.match(/https?:\/\/\S+\/i#[\w-]+/)?.[0];
  if (link) return { kind: 'link', link };
  const address = text.match(/svc1\w+@https?:\/\/[^\s,;]+/i)?.[0];
  return address ? { kind: 'address', address } : null;
}

/** Whom a node's address names, for reading: without the scheme. */
export function hostOf(node: string): string {
  return node.replace(/^https?:\/\//, '').replace(/\/$/, '');
}
