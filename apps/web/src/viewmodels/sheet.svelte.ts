/** The chat room's own dialogs; what else lies over the panes is an `Overlay` (`views/overlay.ts`) of the router. */
import type { ConversationId, Entry, EntryId } from '../platform/engine';

export type Sheet =
  /** The shortcuts. */
  | { name: 'keys' }
  /** Go to any conversation or person. */
  | { name: 'switcher' }
  /** Choose to whom these go on. */
  | { name: 'forward'; entries: Entry[] }
  | { name: 'message-info'; entry: Entry }
  /** A message's pictures, beginning with the file at `index`. */
  | { name: 'viewer'; entry: Entry; index: number }
  /** Files to send here: dropped, pasted or picked. */
  | { name: 'send-files'; files: readonly File[] }
  /** All files of a conversation. */
  | { name: 'media'; conversation: ConversationId }
  /** A question before something that cannot be undone. */
  | { name: 'delete'; conversation: ConversationId; entries: Entry[] }

class Sheets {
  current: Sheet | null = $state.raw(null);

  open(sheet: Sheet): void {
    this.current = sheet;
  }

  close(): void {
    this.current = null;
  }
}

export const sheets = new Sheets();

/** A wish to show one entry of the open conversation, tinted; the timeline takes it. */
class Jumps {
  wanted: { conversation: ConversationId; entry: EntryId } | null = $state.raw(null);

  to(conversation: ConversationId, entry: EntryId): void {
    this.wanted = { conversation, entry };
  }
}

export const jumps = new Jumps();
