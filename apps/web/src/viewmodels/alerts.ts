/** Which alerts are about whom, and the proof as a file by the user's hand. */

const ABOUT_NODE = new Set(['two_histories', 'lost_items', 'withholds', 'wrong_node', 'member_contradicts']);
const ABOUT_KEY = new Set(['key_changed', 'changes_keys_too_often']);

/** The node misbehaves, or seems to. */
export function isAboutNode(code: string): boolean {
  return ABOUT_NODE.has(code.replaceAll('-', '_'));
}

/** Comparing numbers helps. */
export function isAboutKey(code: string): boolean {
  return ABOUT_KEY.has(code.replaceAll('-', '_'));
}

/** Hands `bytes` to the browser to save under `name`. */
export function savedAs(bytes: Uint8Array, name: string): void {
  const url = URL.createObjectURL(new Blob([bytes as Uint8Array<ArrayBuffer>], { type: 'application/octet-stream' }));
  const anchor = document.createElement('a');
  anchor.href = url;
  anchor.download = name;
  anchor.click();
  // The browser has begun to read it once the click was handled.
  setTimeout(() => URL.revokeObjectURL(url), 0);
}
