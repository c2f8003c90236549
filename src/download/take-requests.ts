/** Which messages a download session asks for, and when it asks for no more. */
import type { Clock } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { Spool } from '../spool/spool.ts';
import { Gate } from './gate.ts';
import { Lead } from './lead.ts';
import { Pace } from './pace.ts';
import type { Pick } from './pick.ts';
import type { TakeEnd, TakeRequest, Taking } from './source-client.ts';
import type { DownloadEnd } from './task.ts';

/** What the requests of a session depend on. */
export interface TakeContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly spool: Spool;
  readonly clock: Clock;
  readonly budget: SessionBudget;
  /** Ends the session at the next batch boundary. */
  readonly signal: AbortSignal;
  /** Given when the session has lost its lease. */
  readonly lost: AbortSignal;
  /** Whether mail is appended by this process, too. */
  readonly appends: boolean;
}

/** The requests of one session, in the order of its pick. */
export class TakeRequests {
  readonly #listing: MaildropListing;
  readonly #todo: Pick;
  readonly #account: string;
  readonly #context: TakeContext;
  readonly #gate: Gate;
  readonly #pace: Pace;
  readonly #lead: Lead | undefined;
  readonly #startedAt: number;
  #taking: Taking | undefined;
  #isOver = false;
  #ended: DownloadEnd | Wait = 'done';

  constructor(listing: MaildropListing, todo: Pick, account: string, context: TakeContext) {
    const { redis, spool, clock, budget, appends } = context;
    this.#listing = listing;
    this.#todo = todo;
    this.#account = account;
    this.#context = context;
    this.#gate = new Gate(redis, account, spool.space, clock);
    this.#pace = new Pace(budget);
    this.#lead = appends ? new Lead(spool.space, account, clock) : undefined;
    this.#startedAt = clock.now();
  }

  /** How the session ended: `done` where all was asked for. */
  get ended(): DownloadEnd | Wait {
    return this.#ended;
  }

  /** Nothing more is asked for, for this reason. */
  endWith(reason: DownloadEnd): void {
    this.#ended = reason;
  }

  /** Has the messages taken by `take`, and counts what came beyond their listed sizes. */
  async run(take: (requests: AsyncIterable<TakeRequest>) => Taking): Promise<TakeEnd> {
    this.#taking = take(this.#make());
    this.#pace.watch(this.#taking);
    const end = await this.#taking.end;
    this.#isOver = true;
    await this.#pace.settle().catch(() => {});
    return end;
  }

  /** The messages to ask for, as space for them is found and until the session's budget is used up. */
  async *#make(): AsyncGenerator<TakeRequest> {
    const { settings, clock, budget, signal, lost } = this.#context;
    let bytes = 0;
    for (const place of this.#todo.wanted) {
      const octets = this.#listing.octets(place);
      await this.#lead?.check(lost);
      const wait = this.#pace.limited ? await this.#pace.pass(octets) : undefined;
      const over = bytes >= settings.sessionMaxBytes || clock.now() - this.#startedAt >= settings.sessionMaxMs;
      if (wait) this.#ended = wait;
      else if (over || budget.shouldYield) this.#ended = 'budget';
      else if (await this.#gate.isClosed()) this.#ended = 'full';
      if (signal.aborted) this.#ended = 'interrupted';
      if (this.#ended === 'done' && !(await this.#claim(octets))) {
        const held = (await this.#gate.isClosed()) ? 'full' : 'hold';
        this.#ended = signal.aborted ? 'interrupted' : held;
      }
      if (this.#ended !== 'done') return;
      // The session broke off while there was no space: nobody gives back what is claimed now.
      if (this.#isOver) return this.#context.spool.space.release(this.#account, octets);
      bytes += octets;
      yield {
        number: this.#listing.number(place),
        octets,
        uidl: this.#listing.uidl(place),
        hasOwnUidl: this.#todo.hasOwnUidl(place),
        claimed: octets,
      };
    }
  }

  /** Claims space for a message, waiting for it at most `popHoldMs` (design §3). */
  async #claim(octets: number): Promise<boolean> {
    const { spool, clock, settings, signal, lost } = this.#context;
    const { space } = spool;
    if (space.tryClaim(this.#account, octets)) return true;
    const until = clock.now() + settings.popHoldMs;
    this.#taking?.closeSoon();
    while (!space.tryClaim(this.#account, octets)) {
      const over = clock.now() >= until || signal.aborted;
      if (over || (await this.#gate.isClosed())) return false;
      await space.changed(lost);
    }
    return true;
  }
}
