/**
 * Appends the messages of batches: twin? → append → settle. Commands are sent one behind the other and their answers
 * are dealt with as they come; what a crash leaves behind is always either never sent or recorded as an intent.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../ground/clock.ts';
import { crashPoint } from '../ground/crash-point.ts';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Settings } from '../ground/settings.ts';
import type { AppendOutcome } from '../imap/append-channel.ts';
import { hintDetails } from '../imap/classify.ts';
import { classifyRefusal } from '../imap/classify-append.ts';
import { storageUnitBytes } from '../imap/mailbox-quota.ts';
import { noteMerged } from '../ledger/changed-mail.ts';
import { endIntent, recordIntent } from '../ledger/intent.ts';
import { MailboxNumbers } from '../ledger/mailbox-numbers.ts';
import { BudgetSpent, type SessionBudget } from '../limits/session-budget.ts';
import { appendCommands } from './append-commands.ts';
import type { Batch, BatchScope } from './batch.ts';
import type { Destination, OpenMailbox } from './destination.ts';
import type { InFlight } from './in-flight.ts';
import type { Place } from './indexes.ts';
import { appendMessageOf, type Item, indexRecordOf, settlementOf } from './items.ts';
import { MergeWatch } from './merged.ts';
import { commandLimits } from './pace.ts';
import { MailboxFull, wholeQuota } from './quota.ts';
import { Refusals } from './refusals.ts';
import { reasonOf, refuse, refuseUnsendable } from './refuse.ts';
import { withRepair } from './repair-item.ts';
import type { Found } from './twin-search.ts';

/** What the appender works with. */
export interface AppenderContext {
  readonly scope: BatchScope;
  readonly settings: Settings;
  readonly destination: Destination;
  readonly inFlight: InFlight;
  readonly host: string;
  readonly user: string;
  /** What the session may take of the host. */
  readonly budget: SessionBudget;
  readonly clock: Clock;
  readonly log: Log;
}

/** Sends messages of one batch to one mailbox and settles them by the answers. */
export class Appender {
  /** What it refused, and may take later. */
  readonly refusals: Refusals;
  readonly #context: AppenderContext;
  /** The commands that the server had no room for, message by message, one behind the other. */
  #filling: Promise<void> = Promise.resolve();
  readonly #merges = new MergeWatch();
  readonly #numbers: MailboxNumbers;
  /** UIDNEXT of its mailbox, at the most, when a command was claimed. */
  readonly #claimedAt = new Map<string, number>();

  constructor(context: AppenderContext) {
    this.#context = context;
    this.#numbers = new MailboxNumbers(context.scope.redis, context.scope.account);
    this.refusals = new Refusals({
      ...context,
      sendTogether: (batch, mailbox, items) => this.#sendCommand(batch, mailbox, items),
      send: (batch, mailbox, items) => this.send(batch, mailbox, items),
      settleFound: (batch, mailbox, found) => this.settleFound(batch, mailbox, found),
    });
  }

  /**
   * Sends messages in their order; returns when the last has been handed to a channel, before its answer. Throws
   * MailboxFull at the first that does not fit.
   */
  async send(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<void> {
    const { destination, settings, budget, inFlight } = this.#context;
    const sendable = await refuseUnsendable(this.#context, batch, mailbox, items);
    for (const command of appendCommands(sendable, destination.channels.features, commandLimits(settings, budget))) {
      await this.#filling;
      const sizes = command.map((item) => item.message.size);
      const count = await destination.quotas.admit(mailbox.path, sizes, () => inFlight.drain());
      if (count > 0) await this.#sendCommand(batch, mailbox, command.slice(0, count));
      if (count < command.length) throw new MailboxFull(mailbox.path);
    }
  }

  /** Settles messages that stand at the destination already, and makes them their owners' in the index. */
  async settleFound(batch: Batch, mailbox: Place, found: readonly Found[]): Promise<void> {
    if (found.length === 0) return;
    const { run } = this.#context.scope;
    const number = await this.#numbers.of(mailbox.path);
    await mailbox.index.put(found.filter(({ claims }) => claims).map(({ item, uid }) => indexRecordOf(item, uid)));
    await batch.settle(
      found.map(({ item, uid, outcome }) =>
        withRepair(settlementOf(item, outcome, run, { mailbox: mailbox.path, mailboxNumber: number, uid }), item),
      ),
    );
  }

  async #sendCommand(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<void> {
    const settled = await this.#dispatch(batch, mailbox, items);
    this.#context.inFlight.add(settled());
  }

  /**
   * Hands a command to a channel. What it returns gives a promise that resolves when the answer is settled: as a promise
   * by itself it would be waited for.
   */
  async #dispatch(batch: Batch, mailbox: OpenMailbox, items: readonly Item[]): Promise<() => Promise<void>> {
    const { destination, inFlight, budget } = this.#context;
    inFlight.check();
    if (budget.limited) {
      const wait = await budget.pass(
        items.length,
        items.reduce((bytes, item) => bytes + (item.repaired ?? item.message).size, 0),
      );
      if (wait) throw new BudgetSpent(wait);
      inFlight.check();
    }
    const command = randomBytes(8).toString('hex');
    const handle = await destination.channels.append({
      path: mailbox.path,
      messages: items.map((item) => appendMessageOf(item, batch.file, mailbox.lastingFlags)),
      beforeClosing: () => this.#claim(batch, mailbox, items, command),
      // What Redis confirmed may be long ago: the process may have slept since.
      atClosing: () => destination.assertHeld(),
    });
    handle.sent.then(() => crashPoint('after-closing')).catch(() => {});
    const settled = handle.done.then((outcome) => this.#settleOutcome(batch, mailbox, items, command, outcome));
    return () => settled;
  }

  /** Fence and intent (design §8): only when both are written may the closing bytes go. */
  async #claim(batch: Batch, mailbox: OpenMailbox, items: readonly Item[], command: string): Promise<void> {
    const { redis, account, token } = this.#context.scope;
    const { uidValidity, uidNext } = mailbox.index;
    this.#claimedAt.set(command, uidNext);
    const indexes = items.map(({ index }) => index);
    const repairs = Object.fromEntries(
      items.flatMap((item) => (item.repaired ? [[item.index, item.repaired.repairs]] : [])),
    );
    const intent = { command, batch: batch.name, indexes, mailbox: mailbox.path, uidValidity, uidNext, repairs };
    const [recorded] = await Promise.all([
      recordIntent(redis, account, token, intent),
      mailbox.index.put(items.map((item) => indexRecordOf(item, 0))),
    ]);
    crashPoint('after-intent');
    if (!recorded) throw new MailhaulError('lease-lost', { what: `the destination ${this.#context.host}` });
  }

  async #settleOutcome(
    batch: Batch,
    mailbox: OpenMailbox,
    items: readonly Item[],
    command: string,
    outcome: AppendOutcome,
  ): Promise<void> {
    crashPoint('after-ok');
    const claimedAt = this.#claimedAt.get(command) ?? 0;
    this.#claimedAt.delete(command);
    if (outcome.kind === 'refused') return this.#settleRefusal(batch, mailbox, items, command, outcome);
    const { host, scope } = this.#context;
    const { redis, account, run } = scope;
    const number = await this.#numbers.of(mailbox.path);
    const uids = outcome.uidValidity === mailbox.index.uidValidity ? outcome.uids : undefined;
    const place = (i: number) => ({ mailbox: mailbox.path, mailboxNumber: number, uid: uids?.[i] ?? 0 });
    const merged = this.#merges.merged(mailbox.index, uids, claimedAt);
    const isKept = (_: unknown, i: number) => !merged[i];
    const records = items.map((item, i) => indexRecordOf(item, place(i).uid));
    await Promise.all([
      mailbox.index.put(records.filter(isKept), (uidNext) =>
        uids ? nextAfter(uidNext, uids.filter(isKept)) : uidNext,
      ),
      mailbox.index.drop(items.filter((_, i) => merged[i]).map((item) => indexRecordOf(item, 0))),
      batch.settle(
        items.map((item, i) =>
          withRepair(settlementOf(item, merged[i] ? 'duplicate' : 'appended', run, place(i)), item),
        ),
        command,
      ),
    ]);
    await noteMerged(redis, account, host, merged.filter(Boolean).length);
    await this.refusals.noteStored({ batch, mailbox, items });
    crashPoint('after-record');
  }

  /** What is refused for its own sake is dealt with message by message; anything else ends the session. */
  async #settleRefusal(
    batch: Batch,
    mailbox: OpenMailbox,
    items: readonly Item[],
    command: string,
    answer: Extract<AppendOutcome, { kind: 'refused' }>,
  ): Promise<void> {
    const { scope, host, user } = this.#context;
    const verdict = classifyRefusal(answer);
    if (verdict.unknown)
      batch.stayUnsure(
        command,
        items.map(({ index }) => index),
      );
    else await endIntent(scope.redis, scope.account, command);
    const { action, code, repair: _, unknown: __, ...hint } = verdict;
    if (action !== 'account-full' && action !== 'wait' && action !== 'account') {
      return this.refusals.take({ batch, mailbox, items, answer, verdict });
    }
    await mailbox.index.drop(items.map((item) => indexRecordOf(item, 0)));
    const reply = `${answer.reply} ${answer.text}`;
    if (action === 'account-full') return this.#fill(batch, mailbox, items, printable(reply));
    throw new MailhaulError(code, { host, user, reply, mailbox: mailbox.path, ...hintDetails(hint) });
  }

  /**
   * The server has no room for all of a command, and stored none of it (RFC 3502 §4). How much of it fits is found
   * message by message; what does not stays in the spool.
   */
  async #fill(batch: Batch, mailbox: OpenMailbox, items: readonly Item[], reply: string): Promise<void> {
    const { destination, host } = this.#context;
    const [only] = items;
    if (only && items.length === 1) {
      const quota = await destination.quotas.largest(mailbox.path);
      // Told in whole units, which some servers round up: what is as large as that has met its end all the same.
      if (only.message.size <= quota - storageUnitBytes) throw new MailboxFull(mailbox.path, reply);
      const reason = reasonOf('message-too-big', { host, size: only.message.size, limit: wholeQuota(quota) });
      return refuse(this.#context, batch, only, reason);
    }
    this.#filling = this.#filling.then(async () => {
      for (const item of items) await (await this.#dispatch(batch, mailbox, [item]))();
    });
    return this.#filling;
  }
}

/** Where the indexed part of a mailbox ends when messages got these UIDs; unchanged if others may lie in between. */
function nextAfter(uidNext: number, uids: readonly number[]): number {
  let next = uidNext;
  for (const uid of uids) {
    if (uid !== next) return uidNext;
    next += 1;
  }
  return next;
}
