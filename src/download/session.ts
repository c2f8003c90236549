/**
 * One download session: take the source's lease, list, subtract what is known, fetch oldest first into the spool, and
 * say QUIT only when everything that was fetched is durable or settled.
 */
import { type Clock, systemClock } from '../ground/clock.ts';
import { crashPoint } from '../ground/crash-point.ts';
import { MailhaulError } from '../ground/errors.ts';
import { probesWait, spoolsWithBatches } from '../ledger/batches.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { type Run, readRun, updateRun } from '../ledger/run.ts';
import { rememberOneAtATime } from '../limits/hosts.ts';
import { Lease, loginKey } from '../limits/lease.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { Wait } from '../limits/waits.ts';
import { withinBudget } from '../limits/within-budget.ts';
import { kindOf } from '../message/fingerprint.ts';
import type { MaildropListing } from '../pop3/listing.ts';
import { Books } from './books.ts';
import { noteBreaker, readOrder } from './breakers.ts';
import { noteExpiry } from './expiry.ts';
import { type Known, KnownMail } from './known.ts';
import { lacksQuit, noteFetching, noteQuit, nudge } from './nudge.ts';
import { openWithin } from './pace.ts';
import { type Pick, pick } from './pick.ts';
import { Probe } from './probe.ts';
import { Registrar } from './registrar.ts';
import { renamedMail } from './renamed.ts';
import type { SourceClient, TakeEnd, TakePlan } from './source-client.ts';
import { TakeRequests } from './take-requests.ts';
import { nothingTaken, type Taken } from './taker.ts';
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
  readonly #budget: SessionBudget;
  /** True where the source is still to hear the QUIT that an earlier session did not come to. */
  #owesQuit = false;

  constructor(task: DownloadTask, context: DownloadContext, lease: Lease, budget: SessionBudget) {
    this.#budget = budget;
    this.#task = task;
    this.#context = context;
    this.#lease = lease;
    this.#clock = context.clock ?? systemClock;
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
    if (this.#task.expectsMail) this.#context.announce();
    const known = new KnownMail(redis, account, run.number);
    const client = await openWithin(
      this.#budget,
      this.#task.endpoint,
      this.#lease,
      this.#context,
      (endpoint, options) => this.#context.sources.connect(endpoint, options),
      known.begin,
    );
    log.info({ kind: 'download', host: this.#task.endpoint.host }, 'session begins');
    crashPoint('after-login');
    try {
      await noteExpiry(redis, this.#task, client);
      const ended = await this.#take(client, run, known);
      // What this session and those before it left in the spool, where it is not settled yet (decision 0023).
      await spool.makeDurable(account);
      crashPoint('before-quit');
      await client.quit();
      if (!this.#owesQuit) await noteQuit(redis, account);
      return ended;
    } catch (error) {
      client.destroy();
      if (!(error instanceof MailhaulError) || error.code !== 'pipelining-broken') throw error;
      await rememberOneAtATime(redis, this.#task.endpoint.host, this.#task.endpoint.port);
      await noteProblem(redis, account, problemOf(error));
      return 'unpipelined';
    }
  }

  /** Lists and fetches. When it returns, everything that was fetched is whole and registered. */
  async #take(client: SourceClient, run: Run, reading: KnownMail): Promise<DownloadEnd | Wait> {
    const { redis, spool, log } = this.#context;
    const { account } = this.#task;
    const [listing, known] = await Promise.all([client.list(), reading.all()]);
    const { spooled, ledger, firstRun } = known;
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
    const requests = new TakeRequests(listing, { ...todo, wanted }, this.#task.account, {
      ...{ ...this.#context, clock: this.#clock, lost: this.#lease.lost, budget: this.#budget },
    });
    const watching = probe
      .watch(client, todo.wanted.length, run, over.signal, () => requests.endWith('probe'))
      // Whatever keeps it from looking ends the session by itself, and not at the same moment.
      .catch(() => {});
    const receiver = this.#registrar();
    const end = await requests.run((wanted) => client.take(this.#plan(todo, known, run), wanted, receiver));
    over.abort();
    await watching;
    for (const { claimed } of end.due) receiver.release(claimed);
    await this.#throwFailure(run, end);
    const { taken } = end;
    if (taken.messages > 0) await this.#noteTaken(taken);
    taken.unreadable.push(...aside);
    await books.close(taken, listing.hasUidl, this.#budget.oversized);
    return requests.ended === 'done' && this.#mayHideMore(client, listing, taken, run) ? 'more' : requests.ended;
  }

  /** What is fetched, and what whoever fetches must know to tell it from what is known. */
  #plan(todo: Pick, { ledger, spooled, firstRun }: Known, { number: run }: Run): TakePlan {
    const { settings, spool, appends } = this.#context;
    const { account, id } = this.#task;
    const kind = kindOf(settings.dedupe);
    return {
      directory: spool.directory,
      owner: { account, id, kind: 'messages', firstRun, fingerprints: kind },
      limits: settings,
      run,
      kind,
      keepsHeaders: appends,
      known: todo.anonymous > 0 ? { ledger, spooled } : undefined,
      renamed: renamedMail(todo.keys, ledger, todo.wanted.length, run),
    };
  }

  #registrar(): Registrar {
    const { redis, spool } = this.#context;
    const announce = () => this.#context.announce();
    return new Registrar({ redis, spool, account: this.#task.account, taker: this.#lease.token, announce });
  }

  async #noteTaken({ messages, bytes }: Taken): Promise<void> {
    this.#context.log.info({ messages, bytes }, 'mail taken');
    await this.#context.spool.noteCarried(this.#task.account);
  }

  /**
   * Throws what a session ended with, if it did not come to its end. Where that may be of the message that was coming, or
   * else of the one whose answer was due, it is remembered.
   */
  async #throwFailure(run: Run, { failure, handOverFailure, current, due }: TakeEnd): Promise<void> {
    const { redis } = this.#context;
    if (failure) await noteBreaker(redis, this.#task.account, run.number, current ?? due[0], failure.error);
    // What was fetched and not handed over matters more than why no more was fetched.
    const first = handOverFailure ?? failure;
    if (first) throw first.error;
  }

  /** Nothing new; but after a session without QUIT the source may show the same messages for ever (see `nudge`). */
  async #nudge(
    client: SourceClient,
    listing: MaildropListing,
    books: Books,
    aside: Taken['unreadable'],
  ): Promise<DownloadEnd> {
    const { redis, settings, spool } = this.#context;
    const { account } = this.#task;
    if (aside.length > 0) await books.close({ ...nothingTaken(), unreadable: aside }, true, 0);
    const stuck = await lacksQuit(redis, account);
    if (!stuck || !listing.hasUidl || listing.length > settings.popNudgeMaxMessages) return 'done';
    // What waits on another host may not be durable there (decision 0023): the source is to keep it until it has arrived.
    this.#owesQuit = (await spoolsWithBatches(redis, account)).some((id) => id !== spool.id);
    if (this.#owesQuit) return 'done';
    await nudge(client, listing, new Set(aside.map(({ number }) => number)), this.#budget);
    return 'more';
  }

  /**
   * Some sources list a part of their mail (Gmail about 250 messages) and more when that was fetched: a further session
   * looks, until one finds nothing new. Not where it would mean to fetch everything again, or to wait for the server.
   */
  #mayHideMore(client: SourceClient, listing: MaildropListing, taken: Taken, run: Run): boolean {
    const { messages, unreadable } = taken;
    const found = messages > 0 || (unreadable.length > 0 && !run.draining);
    const mayAskAgain = this.#task.listsInParts || !client.capabilities.has('LOGIN-DELAY');
    return found && listing.hasUidl && mayAskAgain;
  }
}
