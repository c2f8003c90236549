/**
 * What becomes of refused messages (docs/refusals.md): tried again on fresh connections, lightened, repaired, or given
 * up with the reason. They are held until nothing else is under way, and then tried all together, so that other mail
 * goes on meanwhile and many of them cost no more waits than one. Nothing of this is kept: until a message is settled it
 * is left in its batch, and another session begins with it anew.
 */
import type { Clock } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Settings } from '../ground/settings.ts';
import { type Attempt, grouped, type RefusedCommand } from './attempt.ts';
import type { Batch, BatchScope } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import { GivingUp } from './giving-up.ts';
import type { InFlight } from './in-flight.ts';
import { type Item, indexRecordOf, lighterItem } from './items.ts';
import { noteLightened, noteRepaired } from './notices.ts';
import { answerText } from './refused-text.ts';
import { repairItem } from './repair-item.ts';
import { type Sorted, TwinSearch } from './twin-search.ts';

/** What refused messages are dealt with by. */
export interface RefusalsContext {
  readonly scope: BatchScope;
  readonly settings: Settings;
  readonly destination: Destination;
  readonly inFlight: InFlight;
  readonly host: string;
  readonly user: string;
  readonly clock: Clock;
  readonly log: Log;
  /** Sends messages in one command. */
  sendTogether(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<void>;
  /** Sends messages in as many commands as it takes. */
  send(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<void>;
  settleFound(batch: Batch, mailbox: OpenMailbox, found: Sorted['found']): Promise<void>;
}

/**
 * Each is a few hundred bytes, and keeps its batch with its open file: with more of either other mail waits until these
 * are dealt with.
 */
const mostHeld = 1000;
const mostBatches = 32;

/** The refused messages of one session. */
export class Refusals {
  readonly #context: RefusalsContext;
  readonly #twins: TwinSearch;
  readonly #givingUp: GivingUp;
  /** What came before, by the item that is on its way. */
  readonly #attempts = new WeakMap<Item, Attempt>();
  #held: Attempt[] = [];
  /** Mailboxes that were gone and were made again. */
  readonly #recreated = new Set<string>();

  constructor(context: RefusalsContext) {
    this.#context = context;
    this.#twins = new TwinSearch(context.destination, context.inFlight, context.settings.dedupe);
    this.#givingUp = new GivingUp(context);
  }

  /** How many wait for their next try. */
  get size(): number {
    return this.#held.length;
  }

  /** True when these are to be dealt with before more is sent. */
  get crowded(): boolean {
    if (this.#held.length < mostBatches) return false;
    return this.#held.length >= mostHeld || new Set(this.#held.map(({ batch }) => batch)).size >= mostBatches;
  }

  /** Takes the messages of a refused command. Throws `mailbox-refused`, `refusals-in-a-row`. */
  async take(refused: RefusedCommand): Promise<void> {
    const { batch, mailbox, items, verdict } = refused;
    if (verdict.action === 'create') return this.#takeHomeless(refused);
    if (items.length > 1 && verdict.unknown !== true) {
      // A refused command stored nothing (RFC 3502 §4). Which of its messages is to blame is found by halving it.
      const half = Math.ceil(items.length / 2);
      await this.#context.sendTogether(batch, mailbox, items.slice(0, half));
      return this.#context.sendTogether(batch, mailbox, items.slice(half));
    }
    for (const item of items) await this.#takeOne(this.#attemptOf(refused, item));
  }

  /** Tells that messages were stored. */
  async noteStored({ batch, mailbox, items }: Pick<RefusedCommand, 'batch' | 'mailbox' | 'items'>): Promise<void> {
    this.#givingUp.noteStored(items.length);
    for (const item of items) {
      const before = this.#attempts.get(item);
      if (!before) continue;
      const { scope, host, log } = this.#context;
      const told = { scope, host, log, batch: batch.name, mailbox: mailbox.path, reply: answerText(before.answer) };
      if (item.lightened) await noteLightened(told, item.lightened);
      if (item.repaired) await noteRepaired(told, item, item.repaired);
    }
  }

  /** Tries them when they are due, or returns when `rung` does. Nothing may be under way. */
  async retryWhenDue(rung: Promise<void>): Promise<void> {
    const ms = this.#dueInMs();
    if (ms <= 0) return this.#retry();
    const over = new AbortController();
    await Promise.race([rung, this.#context.clock.wait(ms, over.signal).catch(() => {})]);
    over.abort();
  }

  /**
   * Tries them until none is left, unless the signal ends it: what is left to the next session begins its tries anew, so
   * who is not in a hurry comes to their end. Nothing may be under way.
   */
  async finish(signal: AbortSignal): Promise<void> {
    while (this.size > 0 && !signal.aborted) {
      await this.#context.clock.wait(Math.max(0, this.#dueInMs()), signal).catch(() => {});
      if (!signal.aborted) await this.#retry();
    }
  }

  #dueInMs(): number {
    return Math.max(...this.#held.map(({ dueAt }) => dueAt)) - this.#context.clock.now();
  }

  #attemptOf({ batch, mailbox, answer, verdict }: RefusedCommand, item: Item): Attempt {
    const before = this.#attempts.get(item);
    // What is found from here on was stored by us, whatever the answer said
    const { uidNext, uidValidity } = mailbox.index;
    const doubt = item.doubt ?? { mailbox: mailbox.path, uidNext, uidValidity };
    return {
      batch,
      mailbox,
      answer,
      verdict,
      item: { ...item, doubt },
      tries: (before?.tries ?? 0) + 1,
      waits: before?.waits ?? 0,
      storedBefore: before?.storedBefore ?? this.#givingUp.stored,
      dueAt: this.#context.clock.now(),
      last: false,
    };
  }

  async #takeOne(attempt: Attempt): Promise<void> {
    const { batch, mailbox, verdict, item, waits } = attempt;
    const lighter = verdict.action === 'flags' ? lighterItem(item) : undefined;
    if (lighter) {
      this.#attempts.set(lighter, attempt);
      return this.#context.sendTogether(batch, mailbox, [lighter]);
    }
    const repaired = await this.#repaired(attempt);
    if (repaired) {
      await mailbox.index.drop([indexRecordOf(item, 0)]);
      return this.#hold({ ...attempt, item: repaired });
    }
    const waitMs = this.#context.settings.refusalWaitsMs[waits];
    if (verdict.action !== 'again' || (waitMs === undefined && verdict.unknown !== true))
      return this.#givingUp.giveUp(attempt);
    const dueAt = attempt.dueAt + (waitMs ?? 0);
    this.#hold({ ...attempt, waits: waits + 1, dueAt, last: waitMs === undefined });
  }

  #hold(attempt: Attempt): void {
    this.#held.push(attempt);
    attempt.batch.file.rest();
  }

  async #repaired({ verdict: { repair }, item, batch }: Attempt): Promise<Item | undefined> {
    const { settings } = this.#context;
    if (!repair || !settings.repairs.includes(repair) || item.repaired?.repairs.includes(repair)) return undefined;
    return repairItem(item, batch.file, repair, settings);
  }

  /** Somebody deleted the mailbox: it is made again, once (RFC 3501 §6.3.11). */
  #takeHomeless(refused: RefusedCommand): void {
    const { mailbox, answer, items } = refused;
    if (this.#recreated.has(mailbox.path)) {
      const { host } = this.#context;
      throw new MailhaulError('mailbox-refused', { host, mailbox: mailbox.path, reply: answerText(answer) });
    }
    for (const item of items) this.#hold(this.#attemptOf(refused, item));
  }

  async #retry(): Promise<void> {
    const { destination, inFlight } = this.#context;
    const groups = grouped(this.#held.splice(0), ({ mailbox }) => mailbox.path);
    destination.channels.renew();
    for (const [path, attempts] of groups) {
      const gone = attempts.some(({ verdict }) => verdict.action === 'create');
      if (gone) this.#recreated.add(path);
      const mailbox = await (gone ? destination.reopen(path, attempts.length) : destination.use(path, 0));
      await this.#tryAll(mailbox, attempts);
    }
    await inFlight.drain();
  }

  /** Looks for each at the destination before it is sent: a refusal is no proof that it is not there. */
  async #tryAll(mailbox: OpenMailbox, attempts: readonly Attempt[]): Promise<void> {
    const { destination, inFlight } = this.#context;
    for (let left = attempts; left.length > 0; ) {
      await inFlight.drain();
      await destination.indexes.refresh(mailbox);
      const later: Attempt[] = [];
      const homeless: Attempt[] = [];
      const busy = new Set<string>();
      for (const attempt of left) {
        const mark = attempt.item.fingerprint.toString('hex');
        if (busy.has(mark)) later.push(attempt);
        else if (!(await this.#tryOne(mailbox, attempt))) homeless.push(attempt);
        busy.add(mark);
      }
      for (const [batch, group] of grouped(homeless, (attempt) => attempt.batch)) {
        await this.#context.send(
          batch,
          mailbox,
          group.map(({ item }) => item),
        );
      }
      left = later;
    }
  }

  /** False for a message that may be sent along with others: only its mailbox was missing. */
  async #tryOne(mailbox: OpenMailbox, attempt: Attempt): Promise<boolean> {
    const { batch, item, verdict, last } = attempt;
    const { found } = await this.#twins.sort(batch, mailbox, [item], true);
    if (found.length > 0) {
      await mailbox.index.drop([indexRecordOf(item, 0)]);
      await this.#context.settleFound(batch, mailbox, found);
      this.#attempts.set(item, attempt);
      if (found[0]!.outcome === 'appended') await this.noteStored({ batch, mailbox, items: [item] });
    } else if (last) await this.#givingUp.giveUp(attempt);
    else {
      this.#attempts.set(item, attempt);
      if (verdict.action === 'create') return false;
      await this.#context.sendTogether(batch, mailbox, [item]);
    }
    return true;
  }
}
