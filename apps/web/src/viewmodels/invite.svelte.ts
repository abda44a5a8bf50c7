/** The link on screen: made when the dialog opens, made anew when what it allows changes. */
import type { ConversationId, Engine, Invite } from '../platform/engine';

export const VALID_CHOICES_SECONDS = [3_600, 86_400, 604_800, 2_592_000] as const;
const VALID_DEFAULT_SECONDS = 604_800;

export class InviteMaker {
  current: Invite | null = $state.raw(null);
  error: unknown = $state.raw(null);
  isBusy = $state(false);
  validSeconds = $state(VALID_DEFAULT_SECONDS);
  needsApproval = $state(false);
  /** Somebody may hold it: it stays when another is made. */
  #isGiven = false;
  #turn = 0;

  constructor(private readonly engine: Engine, private readonly conversation: ConversationId | undefined) {}

  /** Makes a link by the present choices; the one on screen is closed if nobody can have it. */
  async make(): Promise<void> {
    const turn = ++this.#turn;
    const before = this.#isGiven ? null : this.current;
    this.isBusy = true;
    this.error = null;
    try {
      const made = await this.engine.invite({
        validSeconds: this.validSeconds,
        ...(this.conversation === undefined ? {} : { conversation: this.conversation, needsApproval: this.needsApproval }),
      });
      if (turn !== this.#turn) {
        await this.engine.revokeInvite({ id: made.id });
        return;
      }
      this.current = made;
      this.#isGiven = false;
      if (before) await this.engine.revokeInvite({ id: before.id });
    } catch (error) {
      if (turn === this.#turn) this.error = error;
    } finally {
      if (turn === this.#turn) this.isBusy = false;
    }
  }

  /** It was copied, shared or shown long enough: another may hold it now. */
  give(): void {
    this.#isGiven = true;
  }

  /** Closes the link on screen for good. */
  async close(): Promise<void> {
    const closing = this.current;
    if (!closing) return;
    try {
      await this.engine.revokeInvite({ id: closing.id });
      this.current = { ...closing, link: null };
    } catch (error) {
      this.error = error;
    }
  }
}

/** Whether a link leads anywhere at `nowMs`. */
export function isOpen(invite: Invite, nowMs: number): boolean {
  return invite.link !== null && !invite.isUsed && (invite.expiresMs === null || invite.expiresMs > nowMs);
}
