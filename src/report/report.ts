/** The report of a run: the same document for sync, verify and report (design §4). Its sums always agree. */
import type { RedisClient } from '../ground/redis.ts';
import { rewrittenProblems } from '../ledger/changed-mail.ts';
import { type Problem, readProblems } from '../ledger/problems.ts';
import { pendingIn, type Run, type RunCounts, type RunState, readRun, readRunMailboxes } from '../ledger/run.ts';

/** How the messages of an account stand; listed is the sum of the others. */
export interface MessageCounts {
  readonly listed: number;
  readonly known: number;
  readonly appended: number;
  readonly duplicate: number;
  readonly refused: number;
  readonly failed: number;
  readonly vanished: number;
  readonly pending: number;
}

/** Bytes of messages at the source. */
export interface ByteCounts {
  readonly listed: number;
  readonly downloaded: number;
  readonly appended: number;
}

/** What the report needs to know of an account. */
export interface ReportedAccount {
  readonly key: string;
  readonly id: string;
  readonly group: string;
}

/** One account's part of the report. */
export interface AccountReport {
  readonly id: string;
  readonly group: string;
  readonly state: RunState;
  readonly messages: MessageCounts;
  readonly bytes: ByteCounts;
  /** Messages appended in the run, by mailbox; in a dry run those that would be, by the mailboxes' names in the rules. */
  readonly mailboxes: Readonly<Record<string, number>>;
  readonly repaired: number;
  readonly rewritten: number;
  readonly problems: readonly Problem[];
}

/** The random sample whose content `verify` compared. */
export interface SampleReport {
  /** As it was asked for: `500` messages of each account, or `5%` of them. */
  readonly size: string;
  readonly seed: number;
  /** By the ids of the accounts that were looked at: how many messages were compared, chosen among how many. */
  readonly accounts: Readonly<Record<string, SampledAccount>>;
}

/** How much of an account a sample was. */
export interface SampledAccount {
  readonly compared: number;
  readonly of: number;
}

/** The report as its JSON document. */
export interface Report {
  readonly version: 1;
  readonly run: {
    readonly id: string;
    readonly startedAt: string;
    readonly finishedAt: string;
    readonly seconds: number;
    /** Only where `verify` compared the content of a random sample. */
    readonly sample?: SampleReport;
  };
  readonly accounts: readonly AccountReport[];
  readonly totals: { readonly accounts: number; readonly messages: MessageCounts; readonly bytes: ByteCounts };
}

/** The report of the accounts of one run. `startedAt` and `finishedAt` are milliseconds since 1970. */
export function buildReport(
  id: string,
  startedAt: number,
  finishedAt: number,
  accounts: readonly AccountReport[],
): Report {
  const iso = (ms: number) => new Date(ms).toISOString();
  const seconds = Math.round((finishedAt - startedAt) / 100) / 10;
  return {
    version: 1,
    run: { id, startedAt: iso(startedAt), finishedAt: iso(finishedAt), seconds },
    accounts,
    totals: {
      accounts: accounts.length,
      messages: sum(
        accounts.map((account) => account.messages),
        noMessages,
      ),
      bytes: sum(
        accounts.map((account) => account.bytes),
        noBytes,
      ),
    },
  };
}

/** What the ledger says of one account's current run. */
export async function accountReport(redis: RedisClient, account: ReportedAccount): Promise<AccountReport> {
  const [run, mailboxes, problems] = await Promise.all([
    readRun(redis, account.key),
    readRunMailboxes(redis, account.key),
    readProblems(redis, account.key),
  ]);
  return runReport(account, run, mailboxes, problems);
}

/** An account's part of the report, from what was read of its run; undefined is none yet. */
export function runReport(
  { id, group }: ReportedAccount,
  run: Run | undefined,
  mailboxes: Readonly<Record<string, number>>,
  problems: readonly Problem[],
): AccountReport {
  const blank = { id, group, state: 'queued' as const, messages: noMessages, bytes: noBytes, mailboxes: {} };
  if (!run) return { ...blank, repaired: 0, rewritten: 0, problems };
  const bytes = { listed: run.bytesListed, downloaded: run.downloaded, appended: run.bytesAppended };
  const { state, repaired, rewritten } = run;
  const told = { repaired, rewritten, problems: [...problems, ...rewrittenProblems(run)] };
  return { id, group, state, messages: messageCounts(run), bytes, mailboxes, ...told };
}

/** The counts of a run; what is listed and not accounted for otherwise is pending. */
export function messageCounts(run: RunCounts): MessageCounts {
  const { known, appended, duplicate, vanished, failed } = run;
  const refused = run.refused + run.refusedBefore;
  const pending = pendingIn(run);
  // Before the first listing nothing is listed, but batches of an earlier run may be settled already.
  const listed = known + appended + duplicate + refused + failed + vanished + pending;
  return { listed, known, appended, duplicate, refused, failed, vanished, pending };
}

/** Counts of nothing. */
export const noMessages: MessageCounts = {
  listed: 0,
  known: 0,
  appended: 0,
  duplicate: 0,
  refused: 0,
  failed: 0,
  vanished: 0,
  pending: 0,
};

/** Bytes of nothing. */
export const noBytes: ByteCounts = { listed: 0, downloaded: 0, appended: 0 };

/** Adds up counts field by field. */
export function sum<T extends object>(parts: readonly T[], zero: T): T {
  const total = { ...zero } as Record<string, number>;
  for (const part of parts) {
    for (const [name, value] of Object.entries(part)) total[name] = (total[name] ?? 0) + Number(value);
  }
  return total as T;
}
