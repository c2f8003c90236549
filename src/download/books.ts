/** The books of one download session: what is counted at its listing, and what did not reach the spool. */
import { systemClock } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { KeyTable } from '../ledger/key-table.ts';
import { forgetOwed, noteUnreadable, readOwed } from '../ledger/owed.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { keyBytes, type LedgerRecord, uidlKey } from '../ledger/record.ts';
import { updateRun } from '../ledger/run.ts';
import { recordEnds } from '../ledger/settle.ts';
import type { LedgerTable } from '../ledger/table.ts';
import type { Pick } from './pick.ts';
import type { Taken } from './taker.ts';

/** Counts, problems and debts of one session. */
export class Books {
  readonly #redis: RedisClient;
  readonly #account: string;
  readonly #task: { runId: string; endpoint: { host: string } };
  readonly #run: number;
  readonly #todo: Pick;
  /** Messages that no listing shows any more, though they were fetched once and lost with a spool. */
  #hidden = 0;

  constructor(
    redis: RedisClient,
    account: string,
    task: { runId: string; endpoint: { host: string } },
    run: number,
    todo: Pick,
  ) {
    this.#redis = redis;
    this.#account = account;
    this.#task = task;
    this.#run = run;
    this.#todo = todo;
  }

  /** Enters the listing, and settles what earlier listings left open. */
  async open(ledger: LedgerTable, spooled: ReadonlySet<string>): Promise<void> {
    const vanished = await this.#settleOwed(ledger, spooled);
    const { listed, bytesListed, known, refusedBefore, anonymous } = this.#todo;
    const all = listed + this.#hidden + vanished;
    await this.#update({ listed: all, bytesListed, known, refusedBefore, failed: this.#hidden });
    if (this.#hidden > 0) await this.#note('message-hidden', { count: this.#hidden }, this.#hidden);
    if (anonymous === 0) return;
    if (anonymous < listed) await this.#note('uidl-shared', { count: anonymous });
    else await this.#note('uidl-missing', {});
  }

  /** Enters what a session found out besides what it spooled. */
  async close(taken: Taken, hasUidl: boolean, oversized: number): Promise<void> {
    const { known, refusedBefore, unreadable, vanished, renamed } = taken;
    await recordEnds(this.#redis, this.#account, renamed);
    await recordEnds(
      this.#redis,
      this.#account,
      vanished.flatMap((asked) => this.#vanishedRecord(asked)),
    );
    const owed = hasUidl ? unreadable.filter(({ asked }) => asked.hasOwnUidl) : [];
    const messages = owed.map(({ asked: { uidl, claimed }, reply }) => {
      return { key: uidlKey(uidl).toString('hex'), uidl: uidl.toString('latin1'), size: claimed, reply };
    });
    await noteUnreadable(this.#redis, this.#account, messages, systemClock.now());
    await this.#update({
      known: this.#todo.known + known,
      refusedBefore: this.#todo.refusedBefore + refusedBefore,
      failed: this.#hidden + unreadable.length,
    });
    if (oversized > 0) await this.#note('budget-oversized', { count: oversized }, oversized);
    if (renamed.length > 0) await this.#note('uidl-reset', {}, 1);
    const [first] = unreadable;
    if (!first) return;
    await this.#note('message-unreadable', { number: first.number, reply: first.reply }, unreadable.length);
  }

  /** Returns how many messages have vanished since they were listed in vain. */
  async #settleOwed(ledger: LedgerTable, spooled: ReadonlySet<string>): Promise<number> {
    const owed = await readOwed(this.#redis, this.#account);
    if (owed.size === 0) return 0;
    const listed = new KeyTable(this.#todo.keys, keyBytes);
    const vanished: LedgerRecord[] = [];
    const settled: string[] = [];
    for (const [name, reason] of owed) {
      const key = Buffer.from(name, 'hex');
      if (ledger.get(key)) settled.push(name);
      // The spool was looked at first, and may have lost it since: the debt stands until the ledger has the message.
      else if (spooled.has(name)) continue;
      else if (listed.find(key) !== -1) continue;
      else if (reason === 'spool-lost') this.#hidden += 1;
      else vanished.push(...this.#vanishedRecord({ key }));
    }
    await recordEnds(this.#redis, this.#account, vanished);
    await forgetOwed(this.#redis, this.#account, [...settled, ...vanished.map(({ key }) => key.toString('hex'))]);
    return vanished.length;
  }

  #vanishedRecord(message: { key: Buffer } | { uidl: Buffer; hasOwnUidl: boolean }): LedgerRecord[] {
    if ('uidl' in message && !message.hasOwnUidl) return [];
    const key = 'key' in message ? message.key : uidlKey(message.uidl);
    return [{ key, outcome: 'vanished', mailbox: 0, uid: 0, size: 0, content: Buffer.alloc(8), run: this.#run }];
  }

  async #update(fields: Parameters<typeof updateRun>[3]): Promise<void> {
    await updateRun(this.#redis, this.#account, this.#task.runId, fields);
  }

  async #note(
    code: ConstructorParameters<typeof MailhaulError>[0],
    details: Record<string, string | number>,
    count = 1,
  ) {
    const error = new MailhaulError(code, { host: this.#task.endpoint.host, ...details });
    await noteProblem(this.#redis, this.#account, problemOf(error, count));
  }
}
