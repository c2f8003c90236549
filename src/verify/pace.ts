/** How fast the source may be read, and how much of it in a day: the budgets that a run has, too. */
import type { SessionBudget } from '../limits/session-budget.ts';
import { Turn, type TurnContext } from '../limits/turn.ts';
import type { PopRequest } from '../pop3/sink.ts';

/** What has come so far. */
interface Received {
  /** Bytes of all messages. */
  readonly received: number;
}

/** Headers that are asked for count as so many bytes before it is known how long they are. */
const headerOctets = 4096;

/** Messages in the rates and the day of the host; what turned out longer is counted with the next, or at the end. */
export class Pace {
  readonly #budget: SessionBudget;
  readonly #turn: Turn;
  readonly #sink: Received;
  #counted = 0;

  constructor(budget: SessionBudget, context: TurnContext, sink: Received) {
    this.#budget = budget;
    this.#turn = new Turn(context);
    this.#sink = sink;
  }

  /** The same requests, each when its turn has come. Throws `budget-waits`. */
  async *of<Request extends PopRequest>(asked: AsyncIterable<Request>): AsyncGenerator<Request> {
    for await (const request of asked) {
      const { octets, headersOnly } = request;
      const bytes = headersOnly ? Math.min(octets, headerOctets) : octets;
      for (;;) {
        const wait = await this.#budget.pass(1, bytes, this.#newExcess());
        if (!wait) break;
        await this.#turn.wait(wait);
      }
      this.#counted += bytes;
      yield request;
    }
  }

  /** Counts what came beyond what was asked for. */
  settle(): Promise<void> {
    return this.#budget.charge(this.#newExcess());
  }

  #newExcess(): number {
    const excess = Math.max(0, this.#sink.received - this.#counted);
    this.#counted += excess;
    return excess;
  }
}
