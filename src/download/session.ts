/**
 * One download session: take the source's lease, list, subtract what is known, fetch oldest first into the spool, and
 * say QUIT only when everything that was fetched is durable.
 */
import { type Clock, systemClock } from '../ground/clock.ts';
import { crashPoint } from '../ground/crash-point.ts';
import { MailhaulError } from '../ground/errors.ts';
import { probesWait, spooledKeys } from '../ledger/batches.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { isFirstRun, type Run, readRun, updateRun } from '../ledger/run.ts';
import { LedgerTable } from '../ledger/table.ts';
import { rememberOneAtATime } from '../limits/hosts.ts';
import { Lease, loginKey } from '../limits/lease.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import { withinBudget } from '../limits/within-budget.ts';
import { kindOf } from '../message/fingerprint.ts';
import type { PopClient } from '../pop3/client.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import type { PopRequest } from '../pop3/sink.ts';
import { Books } from './books.ts';
import { noteBreaker, readOrder } from './breakers.ts';
import { noteExpiry } from './expiry.ts';
import { Gate } from './gate.ts';
import { HandOver } from './hand-over.ts';
import { lacksQuit, noteFetching, noteQuit, nudge } from './nudge.ts';
import { openWithin, Pace, takeFrom } from './pace.ts';
import { type Pick, pick } from './pick.ts';
import { Probe } from './probe.ts';
import { renamedMail } from './renamed.ts';
import { type Asked, nothingTaken, type Taken, Taker } from './taker.ts';
import type { DownloadContext, DownloadEnd, DownloadTask } from './task.ts';
import { expectUidl } from './uidl-refused.ts';

/** Runs one session. Throws MailhaulError; what was fetched before is handed over all the same. */
export async function downloadSession(task: DownloadTask, context: DownloadContext): Promise<DownloadEnd | Wait> {
  const { redis, settings } = context;
  const lease = await Lease.take(redis, loginKey('pop', task.endpoint), settings.leaseMs, context.cut);
  if (!lease) return 'busy';
  try {
    return await withinBudget('source', task, context, lease, (budget) =>
      new Session(task, context, lease, budget).run(),
    );
  } finally {
    await lease.release();
  }
}

class Session {
  readonly #task: DownloadTask;
  readonly #context: DownloadContext;
  readonly #lease: Lease;
  readonly #clock: Clock;
  readonly #startedAt: number;
  readonly #budget: SessionBudget;
  readonly #gate: Gate;
  #ended: DownloadEnd | Wait = 'done';

  constructor(task: DownloadTask, context: DownloadContext, lease: Lease, budget: SessionBudget) {
    this.#budget = budget;
    this.#task = task;
    this.#context = context;
    this.#lease = lease;
    this.#clock = context.clock ?? systemClock;
    this.#startedAt = this.#clock.now();
    this.#gate = new Gate(context.redis, task.account, context.spool.space, this.#clock);
  }

  async run(): Promise<DownloadEnd | Wait> {
    const { redis, spool, log } = this.#context;
    const { account, runId } = this.#task;
    const run = await readRun(redis, account);
    if (run?.id !== runId) return 'superseded';
    await Promise.all([
      updateRun(redis, account, runId, { download: 'active', state: 'running', taker: this.#lease.token }),
      spool.removeUnfinished(account),
    ]);
    if (await probesWait(redis, account)) return 'hold';
    const client = await openWithin(this.#budget, this.#task.endpoint, this.#lease, this.#context);
    log.info({ kind: 'download', host: this.#task.endpoint.host }, 'session begins');
    crashPoint('after-login');
    await noteExpiry(redis, this.#task, client);
    try {
      const ended = await this.#take(client, run);
      crashPoint('before-quit');
      await client.quit();
      await noteQuit(redis, account);
      return ended;
    } catch (error) {
      client.destroy();
      if (!(error instanceof MailhaulError) || error.code !== 'pipelining-broken') throw error;
      await rememberOneAtATime(redis, this.#task.endpoint.host, this.#task.endpoint.port);
      await noteProblem(redis, account, problemOf(error));
      return 'unpipelined';
    }
  }

  /** Lists and fetches. When it returns, everything that was fetched is durable and registered. */
  async #take(client: PopClient, run: Run): Promise<DownloadEnd | Wait> {
    const { redis, settings, spool, log } = this.#context;
    const { account, id } = this.#task;
    // What is known is read while the source lists: both take their time when there is much of it.
    const [listing, { spooled, ledger, firstRun }] = await Promise.all([client.list(), this.#known()]);
    await expectUidl(redis, account, this.#task.endpoint, client, listing);
    const todo = pick(listing, ledger, spooled, run.number, this.#task.order);
    const books = new Books(redis, account, this.#task, run.number, todo);
    await books.open(ledger, spooled);
    log.info({ listed: todo.listed, wanted: todo.wanted.length }, 'listed');
    if (todo.wanted.length > 0 || run.recheck) this.#context.announce();
    const { wanted, aside } = await readOrder(redis, account, listing, todo, run.number);
    if (wanted.length === 0) return this.#nudge(client, listing, books, aside);
    await noteFetching(redis, account);
    const probe = new Probe(this.#task, this.#context, this.#lease.token);
    const forgotten = ledger.size + spooled.size === 0 && (await spool.wasCarried(account));
    if (probe.isWorthwhile(client, todo.wanted.length, forgotten ? await probe.answer(run) : run)) {
      await probe.run(client, listing, todo, firstRun, this.#budget);
      return 'probed';
    }
    const over = new AbortController();
    const watching = probe.watch(client, todo.wanted.length, run, over.signal, () => {
      this.#ended = 'probe';
    });
    const handOver = new HandOver(redis, spool, () => this.#context.announce(), this.#lease.token);
    const asked = new Map<number, Asked>();
    const taker = new Taker({
      asked: (number) => takeFrom(asked, number),
      spool,
      owner: { account, id, kind: 'messages', firstRun, fingerprints: kindOf(settings.dedupe) },
      limits: settings,
      handOver,
      ledger,
      spooled,
      renamed: renamedMail(todo.keys, ledger, todo.wanted.length, run.number),
      run: run.number,
      kind: kindOf(settings.dedupe),
    });
    const pace = new Pace(this.#budget, asked, taker);
    try {
      const requests = this.#requests(listing, { ...todo, wanted }, asked, pace, taker);
      await client.fetch(requests, taker).catch((error) => this.#brokeOff(run, taker.current, asked, error));
    } finally {
      over.abort();
      await watching.catch(() => {});
      await pace.settle().catch(() => {});
      // Whole messages are kept, whatever ended the session: they need not be fetched again.
      try {
        await taker.finish();
      } finally {
        for (const { claimed } of asked.values()) spool.space.release(account, claimed);
      }
    }
    if (taker.taken.messages > 0) await this.#noteTaken(taker.taken);
    taker.taken.unreadable.push(...aside);
    await books.close(taker.taken, listing.hasUidl, this.#budget.oversized);
    return this.#ended === 'done' && this.#mayHideMore(client, listing, taker, run) ? 'more' : this.#ended;
  }

  /** Nobody else downloads for this account meanwhile: what leaves the spool goes into the ledger. */
  async #known(): Promise<{ spooled: Set<string>; ledger: LedgerTable; firstRun: boolean }> {
    const { redis } = this.#context;
    const { account } = this.#task;
    // The spool first: a message goes from there into the ledger, and must be seen in one of them.
    const spooled = await spooledKeys(redis, account);
    const [ledger, firstRun] = await Promise.all([LedgerTable.load(redis, account), isFirstRun(redis, account)]);
    return { spooled, ledger, firstRun };
  }

  async #noteTaken({ messages, bytes }: Taken): Promise<void> {
    this.#context.log.info({ messages, bytes }, 'mail taken');
    await this.#context.spool.noteCarried(this.#task.account);
  }

  /** Remembers at which message the session ended: the one that was coming, else the one whose answer was due. */
  async #brokeOff(run: Run, coming: Asked | undefined, asked: Map<number, Asked>, error: unknown): Promise<never> {
    const [due] = asked.values();
    await noteBreaker(this.#context.redis, this.#task.account, run.number, coming ?? due, error);
    throw error;
  }

  /** Nothing new; but after a session without QUIT the source may show the same messages for ever (see `nudge`). */
  async #nudge(
    client: PopClient,
    listing: MaildropListing,
    books: Books,
    aside: Taken['unreadable'],
  ): Promise<DownloadEnd> {
    const { redis, settings } = this.#context;
    if (aside.length > 0) await books.close({ ...nothingTaken(), unreadable: aside }, true, 0);
    const stuck = await lacksQuit(redis, this.#task.account);
    if (!stuck || !listing.hasUidl || listing.length > settings.popNudgeMaxMessages) return 'done';
    await nudge(client, listing, new Set(aside.map(({ number }) => number)), this.#budget);
    return 'more';
  }

  /**
   * Some sources list a part of their mail (Gmail about 250 messages) and more when that was fetched: a further session
   * looks, until one finds nothing new. Not where it would mean to fetch everything again, or to wait for the server.
   */
  #mayHideMore(client: PopClient, listing: MaildropListing, taker: Taker, run: Run): boolean {
    const { messages, unreadable } = taker.taken;
    const found = messages > 0 || (unreadable.length > 0 && !run.draining);
    const mayAskAgain = this.#task.listsInParts || !client.capabilities.has('LOGIN-DELAY');
    return found && listing.hasUidl && mayAskAgain;
  }

  /** The messages to ask for, as space for them is found and until the session's budget is used up. */
  async *#requests(
    listing: MaildropListing,
    todo: Pick,
    asked: Map<number, Asked>,
    pace: Pace,
    taker: Taker,
  ): AsyncGenerator<PopRequest> {
    const { settings } = this.#context;
    let bytes = 0;
    for (const place of todo.wanted) {
      const octets = listing.octets(place);
      const wait = pace.limited ? await pace.pass(octets) : undefined;
      const over = bytes >= settings.sessionMaxBytes || this.#clock.now() - this.#startedAt >= settings.sessionMaxMs;
      if (wait) this.#ended = wait;
      else if (over || this.#budget.shouldYield) this.#ended = 'budget';
      else if (await this.#gate.isClosed()) this.#ended = 'full';
      if (this.#context.signal.aborted) this.#ended = 'interrupted';
      if (this.#ended === 'done' && !(await this.#claim(octets, taker))) {
        const held = (await this.#gate.isClosed()) ? 'full' : 'hold';
        this.#ended = this.#context.signal.aborted ? 'interrupted' : held;
      }
      if (this.#ended !== 'done') return;
      const number = listing.number(place);
      const uidl = Buffer.from(listing.uidl(place));
      asked.set(number, { uidl, hasOwnUidl: todo.hasOwnUidl(place), claimed: octets });
      bytes += octets;
      yield { number, octets };
    }
  }

  /** Claims space for a message, waiting for it at most `popHoldMs` (design §3). */
  async #claim(octets: number, taker: Taker): Promise<boolean> {
    const { space } = this.#context.spool;
    if (space.tryClaim(this.#task.account, octets)) return true;
    const until = this.#clock.now() + this.#context.settings.popHoldMs;
    await taker.closeSoon();
    while (!space.tryClaim(this.#task.account, octets)) {
      const over = this.#clock.now() >= until || this.#context.signal.aborted;
      if (over || (await this.#gate.isClosed())) return false;
      await space.changed(this.#lease.lost);
    }
    return true;
  }
}
