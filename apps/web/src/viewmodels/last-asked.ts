/** Asks one thing at a time. While an answer is under way only the last question waits: those before it are forgotten. */
export class LastAsked<Q, A> {
  readonly #ask: (question: Q) => Promise<A>;
  readonly #take: (answer: A | null) => void;
  #isAsking = false;
  #next: { question: Q } | null = null;
  #round = 0;

  /** `take` gets the answer to the last question, or null where it was refused. */
  constructor(ask: (question: Q) => Promise<A>, take: (answer: A | null) => void) {
    this.#ask = ask;
    this.#take = take;
  }

  ask(question: Q): void {
    this.#next = { question };
    if (!this.#isAsking) void this.#go();
  }

  /** Nobody wants an answer any more. */
  forget(): void {
    this.#next = null;
    this.#round += 1;
  }

  async #go(): Promise<void> {
    this.#isAsking = true;
    while (this.#next) {
      const { question } = this.#next;
      this.#next = null;
      const round = this.#round;
      const answer = await this.#ask(question).catch(() => null);
      if (!this.#next && round === this.#round) this.#take(answer);
    }
    this.#isAsking = false;
  }
}
