/** What is being written into one conversation: the text, its draft on the disk, and whether others see us writing. */
import { attempt } from './attempt';
import type { Talk } from './talk.svelte';

const DRAFT_WAIT_MS = 400;
/** Others are told at most this often, and forget it by themselves soon after. */
const TYPING_EVERY_MS = 4_000;
const TYPING_ENDS_MS = 5_000;

export class Composer {
  text = $state('');
  readonly #talk: Talk;
  #savedDraft: string | null = null;
  #saving: ReturnType<typeof setTimeout> | undefined;
  #toldAt = -Infinity;
  #ending: ReturnType<typeof setTimeout> | undefined;
  /** What was being written before an edit began. */
  #aside = '';
  #editing: string | null = null;

  constructor(talk: Talk) {
    this.#talk = talk;
  }

  /** Takes the draft of the last visit; once, and not over what was already written. */
  takeDraft(draft: string | null): void {
    if (this.#savedDraft !== null) return;
    this.#savedDraft = draft ?? '';
    if (!this.text && draft) this.text = draft;
  }

  /** Begins or ends an edit: the text steps aside and comes back. */
  follow(editing: { message: string; text: string } | null): void {
    const next = editing?.message ?? null;
    if (next === this.#editing) return;
    if (this.#editing === null) this.#aside = this.text;
    this.#editing = next;
    this.text = editing ? editing.text : this.#aside;
  }

  /** The text changed by the user's hand. */
  wrote(): void {
    if (this.#editing !== null) return;
    clearTimeout(this.#saving);
    this.#saving = setTimeout(() => this.save(), DRAFT_WAIT_MS);
    if (this.text.trim()) this.#tellTyping();
    else this.#endTyping();
  }

  /** Writes the draft down now. */
  save(): void {
    clearTimeout(this.#saving);
    const draft = this.#editing === null ? this.text : this.#aside;
    if (this.#savedDraft === null || draft === this.#savedDraft) return;
    this.#savedDraft = draft;
    void attempt(this.#talk.engine.saveDraft({ conversation: this.#talk.id, text: draft }));
  }

  /** Sends what is written, or ends the edit with it. The field is free at once; a refusal brings the text back. */
  async send(): Promise<void> {
    const talk = this.#talk;
    const text = this.text.trim();
    if (!text) return;
    const { editing, replying } = talk;
    if (editing) {
      talk.editing = null;
      this.follow(null);
      if (editing.body.kind === 'text' && editing.body.text === text) return;
      await attempt(talk.engine.editText({ conversation: talk.id, message: editing.message, text }));
      return;
    }
    this.text = '';
    talk.replying = null;
    this.#forgetTyping();
    const sent = talk.engine.sendText({ conversation: talk.id, text, ...(replying ? { replyTo: replying.message } : {}) });
    talk.toNewest();
    this.save();
    if (await attempt(sent)) return;
    this.text = this.text ? `${text}\n${this.text}` : text;
    talk.replying ??= replying;
    this.save();
  }

  /** The conversation is left. */
  end(): void {
    this.save();
    this.#endTyping();
  }

  #tellTyping(): void {
    clearTimeout(this.#ending);
    this.#ending = setTimeout(() => this.#endTyping(), TYPING_ENDS_MS);
    if (performance.now() - this.#toldAt < TYPING_EVERY_MS) return;
    this.#toldAt = performance.now();
    this.#tell(true);
  }

  #endTyping(): void {
    if (this.#forgetTyping()) this.#tell(false);
  }

  /** A message ends the writing of it by itself; true where others were told of it. */
  #forgetTyping(): boolean {
    clearTimeout(this.#ending);
    const wasTold = this.#toldAt !== -Infinity;
    this.#toldAt = -Infinity;
    return wasTold;
  }

  /** That nobody learns of our writing is no failure that anyone needs to hear of. */
  #tell(isActive: boolean): void {
    this.#talk.engine.typing({ conversation: this.#talk.id, isActive }).catch(() => undefined);
  }
}
