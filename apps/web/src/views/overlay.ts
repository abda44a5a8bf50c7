/**
 * What lies over (or, on a phone, in place of) the list and the conversation: one at a time, named by a plain object,
 * so that a key, a link, a banner and a row open the same thing. `Overlays.svelte` shows it and loads its code then.
 */

import type { AccountId, Alert, ConversationId } from '../platform/engine';

export type SettingsPage =
  | 'you' | 'words' | 'notifications' | 'privacy' | 'storage' | 'look' | 'node' | 'about';

export type Overlay =
  /** A link for one person, or into a group. */
  | { kind: 'invite'; conversation?: ConversationId }
  /** A link or an address that somebody gave us; `text` is what was pasted. */
  | { kind: 'add'; text?: string }
  /** A link that was opened: who invites, and whether we follow. */
  | { kind: 'accept'; link: string }
  | { kind: 'request'; id: string }
  | { kind: 'new-group' }
  /** Members, roles, links, name, leaving. */
  | { kind: 'group'; conversation: ConversationId }
  | { kind: 'add-members'; conversation: ConversationId }
  | { kind: 'rename'; conversation: ConversationId }
  | { kind: 'leave'; conversation: ConversationId }
  | { kind: 'timer'; conversation: ConversationId }
  | { kind: 'safety'; account: AccountId }
  | { kind: 'words' }
  | { kind: 'settings'; page?: SettingsPage }
  | { kind: 'alert'; alert: Alert };
