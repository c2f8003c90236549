/** Puts what happens to accounts into the outbox, where somebody wants to be told. */
import { type ErrorCode, errorRow } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { readProblems } from '../ledger/problems.ts';
import { type Run, readRun } from '../ledger/run.ts';
import type { Wait } from '../limits/waits.ts';
import { isForPerson, needsPerson } from '../report/needs-person.ts';
import { messageCounts } from '../report/report.ts';
import type { Outbox } from './outbox.ts';

/** What of an account is told. */
export interface NamedAccount {
  readonly key: string;
  readonly id: string;
  readonly group: string;
}

/** What the teller works with. */
export interface TellerContext {
  readonly redis: RedisClient;
  readonly outbox: Outbox;
  readonly settings: Pick<Settings, 'budgetDayMs'>;
  readonly log: Log;
  /** An account by its key. */
  readonly accountOf: (key: string) => Promise<NamedAccount | undefined>;
}

/** None of it throws: what cannot be told is in the log, and no run suffers from it. */
export class Teller {
  readonly #context: TellerContext;

  constructor(context: TellerContext) {
    this.#context = context;
  }

  /** The run of an account ended. Told once, however often it is said. `runsAgain`: its schedule has a further run. */
  ended(account: NamedAccount, run: Run, runsAgain = true): Promise<void> {
    return this.#quietly(account.key, async () => {
      const { redis, outbox } = this.#context;
      const { id: runId, finishedAt: at, state } = run;
      const told = { account: account.id, group: account.group, run: runId };
      const event = { what: 'ended', at, ...told, state, messages: messageCounts(run) } as const;
      // Most runs are complete: what they met need not be read.
      const codes = state === 'complete' ? [] : (await readProblems(redis, account.key)).map(({ code }) => code);
      await outbox.ended(account.key, event, needsPerson(run, codes, runsAgain) ? reasonIn(codes) : '');
    });
  }

  /** A run waits: for a budget of the day, or for what only a person can give. */
  waits(key: string, { side, untilMs, spent, error }: Wait, now: number): Promise<void> {
    if (spent === undefined && error === undefined) return Promise.resolve();
    return this.#quietly(key, async () => {
      const { redis, outbox, settings, accountOf } = this.#context;
      const account = await accountOf(key);
      const run = await readRun(redis, key);
      if (!account || !run) return;
      const { id, group } = account;
      if (spent !== undefined) {
        await outbox.spent({ what: 'spent', at: now, host: spent, side, until: untilMs, group }, settings.budgetDayMs);
      }
      const waiting = { ...run, state: 'waiting', finishedAt: 0 } as const;
      if (error === undefined || !needsPerson(waiting, [error.code])) return;
      await outbox.needs(key, { what: 'needs', at: now, account: id, group, run: run.id }, error.code);
    });
  }

  async #quietly(key: string, work: () => Promise<void>): Promise<void> {
    await work().catch((error: Error) => {
      this.#context.log.warn({ key, reason: error.message }, 'not noted for notifications');
    });
  }
}

/** What a person is told first: what stops the whole account before what stops a message. */
function reasonIn(codes: readonly ErrorCode[]): string {
  const stops = (code: ErrorCode) => errorRow(code).stops;
  const forPerson = codes.filter(isForPerson);
  return (
    forPerson.find((code) => stops(code) !== 'message') ??
    forPerson[0] ??
    codes.find((code) => stops(code) !== 'none') ??
    codes[0] ??
    'unexpected'
  );
}
