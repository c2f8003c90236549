/** One batch being appended: its file, the messages that are left of it, and their settlement. */

import { crashPoint } from '../ground/crash-point.ts';
import type { RedisClient } from '../ground/redis.ts';
import { dropProbes, isDone } from '../ledger/batches.ts';
import { endIntent, type Intent } from '../ledger/intent.ts';
import { type Settlement, settle } from '../ledger/settle.ts';
import { LedgerTable } from '../ledger/table.ts';
import type { RepairName } from '../message/repair.ts';
import type { BatchFile, SpooledMessage } from '../spool/batch-file.ts';
import type { Spool } from '../spool/spool.ts';
import type { Backlog } from './backlog.ts';

/** What settling a batch takes. */
export interface BatchScope {
  readonly redis: RedisClient;
  readonly spool: Spool;
  readonly account: string;
  /** The append fence. */
  readonly token: string;
  /** Number of the account's run. */
  readonly run: number;
  readonly backlog: Backlog;
}

/** A message of the batch that is not settled. */
export interface Left {
  readonly index: number;
  readonly message: SpooledMessage;
  readonly doubt: Doubt | undefined;
}

/** Where a message may stand whose APPEND got no answer. */
export interface Doubt {
  readonly mailbox: string;
  /** Its lowest possible UID there, as long as the mailbox has this UIDVALIDITY. */
  readonly uidNext: number;
  readonly uidValidity: number;
  /** The repairs of the form in which it was sent, where it was one. */
  readonly repairs?: readonly RepairName[] | undefined;
}

/** An open batch. Its file is closed, and deleted, when the last message is settled. */
export class Batch {
  readonly name: string;
  readonly file: BatchFile;
  readonly #scope: BatchScope;
  /** Commands of earlier sessions that got no answer. */
  #unanswered: string[] = [];
  /** Commands of this session that may have stored something although they were refused, with those that are left. */
  readonly #unsure = new Map<string, Set<number>>();

  private constructor(name: string, file: BatchFile, scope: BatchScope) {
    this.name = name;
    this.file = file;
    this.#scope = scope;
  }

  /** Opens a batch. Throws `spool-damaged`. */
  static async open(name: string, scope: BatchScope): Promise<Batch> {
    return new Batch(name, await scope.spool.openBatch(scope.account, name), scope);
  }

  /** The messages that are left, in their order. Asked for once. */
  async left(): Promise<Left[]> {
    const { done, intents, adopted } = await this.#scope.backlog.take(this.name);
    const doubtful = new Map<number, Doubt>();
    for (const intent of intents) {
      this.#unanswered.push(intent.command);
      for (const index of intent.indexes) doubtful.set(index, doubtOf(intent, index, doubtful.get(index)));
    }
    const settled = adopted ? await this.#settleKnown(done) : new Set<number>();
    return this.file.manifest.messages
      .map((message, index) => ({ index, message, doubt: doubtful.get(index) }))
      .filter(({ index }) => !isDone(done, index) && !settled.has(index));
  }

  /** Ends the intents that an earlier session left: all their messages were looked for. */
  async endDoubt(): Promise<void> {
    const commands = this.#unanswered;
    this.#unanswered = [];
    for (const command of commands) await endIntent(this.#scope.redis, this.#scope.account, command);
  }

  /** Settles messages; `command` is the APPEND whose intent ends with them. */
  async settle(settlements: readonly Settlement[], command = ''): Promise<void> {
    if (settlements.length === 0) return;
    const { redis, spool, account, token } = this.#scope;
    const sure = this.#sureWith(settlements);
    const left = await settle(redis, { account, spool: spool.id, batch: this.name, token, command }, settlements);
    for (const one of sure) await endIntent(redis, account, one);
    if (left === 0) await this.#remove();
  }

  /** Keeps the intent of a command that was refused and may have stored messages, until the end of each is known. */
  stayUnsure(command: string, indexes: readonly number[]): void {
    this.#unsure.set(command, new Set(indexes));
  }

  /** The commands of which nothing is unsure any more after these ends. */
  #sureWith(settlements: readonly Settlement[]): string[] {
    for (const left of this.#unsure.values()) for (const { index } of settlements) left.delete(index);
    const sure = [...this.#unsure].filter(([, left]) => left.size === 0).map(([command]) => command);
    for (const command of sure) this.#unsure.delete(command);
    return sure;
  }

  /** Takes a batch of probes out, with those that proved nothing. */
  async dropProbes(): Promise<void> {
    const { redis, spool, account } = this.#scope;
    await dropProbes(redis, account, spool.id, this.name);
    await this.#remove();
  }

  /** Closes the file; what is left of the batch stays for another session. */
  async close(): Promise<void> {
    await this.file.close().catch(() => {});
  }

  async #remove(): Promise<void> {
    crashPoint('before-unlink');
    await this.close();
    await this.#scope.spool.remove(this.#scope.account, this.name);
  }

  /** A file that was found in the directory: the ledger knows which of its messages were settled before. */
  async #settleKnown(done: Buffer | null): Promise<Set<number>> {
    const { redis, account } = this.#scope;
    const ledger = await LedgerTable.load(redis, account);
    const settlements = this.file.manifest.messages.flatMap((message, index): Settlement[] => {
      const record = ledger.get(Buffer.from(message.key, 'hex'));
      if (isDone(done, index) || !record || record.outcome === 'vanished') return [];
      return [{ index, outcome: 'known', record, mailbox: '', refusal: '' }];
    });
    await this.settle(settlements);
    return new Set(settlements.map(({ index }) => index));
  }
}

/** What an intent says of one of its messages, besides what an earlier one said. */
function doubtOf({ mailbox, uidNext, uidValidity, repairs }: Intent, index: number, before: Doubt | undefined): Doubt {
  const names = repairs?.[index] as readonly RepairName[] | undefined;
  // A mailbox that was replaced in between has UIDs of its own: those before are of no use
  const lowest = before?.uidValidity === uidValidity ? Math.min(uidNext, before.uidNext) : uidNext;
  return { mailbox, uidNext: lowest, uidValidity, repairs: names ?? before?.repairs };
}
