/** One open conversation: what is being answered, edited, chosen, and what can be done with its messages. */
import { getContext, setContext } from 'svelte';
import type { ConversationDetail, ConversationId, Engine, Entry, EntryId } from '../platform/engine';
import { t } from '../platform/i18n';
import { attempt } from './attempt';
import { sheets } from './sheet.svelte';
import { TimelineModel } from './timeline.svelte';
import { toasts } from './toast.svelte';

const TALK = Symbol('talk');

/** Somebody said it: it can be answered, passed on, reacted to. */
export const isSpoken = ({ body }: Entry): boolean => body.kind === 'text' || body.kind === 'files';

export class Talk {
  readonly id: ConversationId;
  readonly engine: Engine;
  readonly timeline: TimelineModel;
  detail: ConversationDetail | null = $state.raw(null);
  replying: Entry | null = $state.raw(null);
  editing: Entry | null = $state.raw(null);
  /** The chosen messages; null while none are being chosen. */
  chosen: ReadonlySet<EntryId> | null = $state.raw(null);
  /** Search within this conversation is open. */
  isSearching = $state(false);
  /** Set by the timeline: scrolls to the newest. */
  toNewest: () => void = () => undefined;
  /** Set by the composer: takes the focus, with a text to add where one is given. */
  focusComposer: (insert?: string) => void = () => undefined;

  constructor(engine: Engine, id: ConversationId) {
    this.engine = engine;
    this.id = id;
    this.timeline = new TimelineModel(engine, id);
  }

  /** Names that may be mentioned here: everybody's but one's own. */
  get names(): string[] {
    const { detail } = this;
    if (!detail || detail.row.isDirect) return [];
    return detail.members.flatMap((one) => (one.isSelf ? [] : [one.name, one.name.split(/\s+/)[0]!]));
  }

  reply(entry: Entry): void {
    if (!isSpoken(entry)) return;
    this.editing = null;
    this.replying = entry;
    this.focusComposer();
  }

  mayEdit(entry: Entry): boolean {
    return entry.isOwn && entry.body.kind === 'text' && entry.delivery !== 'failed' && entry.delivery !== 'pending';
  }

  edit(entry: Entry): void {
    if (!this.mayEdit(entry)) return;
    this.replying = null;
    this.editing = entry;
    this.focusComposer();
  }

  /** Edits the newest own message that is in the page; false where there is none. */
  editLast(): boolean {
    const last = this.timeline.shown.entries.findLast((entry) => this.mayEdit(entry));
    if (last) this.edit(last);
    return last !== undefined;
  }

  react(entry: Entry, emoji: string): void {
    const isMine = entry.reactions.some((one) => one.isMine && one.emoji === emoji);
    void attempt(this.engine.react({ conversation: this.id, message: entry.message, emoji: isMine ? '' : emoji }));
  }

  retry(entry: Entry): void {
    void attempt(this.engine.retry({ entry: entry.id }));
  }

  async copy(entries: readonly Entry[]): Promise<void> {
    const texts = entries.flatMap((entry) => {
      const { body } = entry;
      return body.kind === 'text' ? [body.text] : body.kind === 'files' && body.caption ? [body.caption] : [];
    });
    if (texts.length === 0) return;
    try {
      await navigator.clipboard.writeText(texts.join('\n'));
      toasts.say(t('copied', { count: texts.length }));
    } catch {
      toasts.say(t('copy-refused'));
    }
  }

  forward(entries: readonly Entry[]): void {
    const spoken = entries.filter(isSpoken);
    if (spoken.length > 0) sheets.open({ name: 'forward', entries: spoken });
  }

  askDelete(entries: Entry[]): void {
    if (entries.length > 0) sheets.open({ name: 'delete', conversation: this.id, entries });
  }

  choose(entry: Entry): void {
    const chosen = new Set(this.chosen ?? []);
    if (!chosen.delete(entry.id)) chosen.add(entry.id);
    this.chosen = chosen;
  }

  chosenEntries(): Entry[] {
    return this.timeline.whole.entries.filter((entry) => this.chosen?.has(entry.id));
  }

  /** Leaves the innermost of what is under way; false where nothing is. */
  leaveMode(): boolean {
    if (this.chosen) this.chosen = null;
    else if (this.isSearching) this.isSearching = false;
    else if (this.editing) this.editing = null;
    else if (this.replying) this.replying = null;
    else return false;
    return true;
  }
}

export function provideTalk(talk: Talk): Talk {
  return setContext(TALK, talk);
}

export function useTalk(): Talk {
  return getContext<Talk>(TALK);
}
