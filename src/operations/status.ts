/** How single accounts stand: a page of them, or one with everything that is known of it. */
import type { Account } from '../accounts/account.ts';
import type { Clock } from '../ground/clock.ts';
import type { RedisClient } from '../ground/redis.ts';
import { rewrittenProblems } from '../ledger/changed-mail.ts';
import { readProblems } from '../ledger/problems.ts';
import { readAcceptances } from '../ledger/refusals.ts';
import { type Run, type RunState, readRun, readRunMailboxes, readRuns } from '../ledger/run.ts';
import type { Pause, Steering } from '../limits/steering.ts';
import type { Wait } from '../limits/waits.ts';
import { messageCounts, noBytes, noMessages } from '../report/report.ts';
import { readScheduleStates, type ScheduleState } from '../schedule/state.ts';
import type { AccountDetail, AccountStatus, ShownPause, StatusPage } from './answers/account-status.ts';
import { shownState } from './census.ts';
import { type Accounts, accountById, narrowed } from './selection.ts';

/** Runs that are read in one round trip while a page is being filled. */
const atOnce = 500;

/** What status works with. */
export interface StatusContext {
  readonly redis: RedisClient;
  readonly book: Accounts;
  readonly steering: Pick<Steering, 'pausedBy'>;
  readonly clock: Clock;
  /** What accounts wait for at `now`, by their keys; one that waits for nothing is left out. */
  readonly readWaits: (accounts: readonly string[], now: number) => Promise<ReadonlyMap<string, readonly Wait[]>>;
}

/** Which accounts are listed; what is left out does not narrow the list. */
export interface StatusQuery {
  readonly group?: string | undefined;
  readonly state?: RunState | undefined;
  readonly underWay?: boolean | undefined;
  /** Ids only; unknown ones are an error. */
  readonly ids?: readonly string[] | undefined;
  /** The id of the last account of the page before. */
  readonly after?: string | undefined;
  /** Most accounts of one page. */
  readonly limit: number;
}

/** Lists accounts. Throws `account-unknown` or `group-unknown`. */
export async function listStatus(context: StatusContext, query: StatusQuery): Promise<StatusPage> {
  const candidates = matching(await context.book.all(), query);
  const found: AccountStatus[] = [];
  // Where nothing is left out, one account more than the page has tells that there is another page.
  const part = query.state === undefined ? Math.min(atOnce, query.limit + 1) : atOnce;
  for (let at = 0; at < candidates.length; at += part) {
    for (const status of await statusOf(context, candidates.slice(at, at + part))) {
      if (query.state !== undefined && status.state !== query.state) continue;
      if (query.underWay !== undefined && status.underWay !== query.underWay) continue;
      if (found.length === query.limit) return { accounts: found, next: found.at(-1)!.id };
      found.push(status);
    }
  }
  return { accounts: found, next: null };
}

/** Shows one account. Throws `account-unknown`. */
export async function showAccount(context: StatusContext, id: string): Promise<AccountDetail> {
  const account = await accountById(context.book, id);
  const { redis } = context;
  const [[status], run, mailboxes, noted, accepted] = await Promise.all([
    statusOf(context, [account]),
    readRun(redis, account.key),
    readRunMailboxes(redis, account.key),
    readProblems(redis, account.key),
    readAcceptances(redis, account.key),
  ]);
  const problems = [...noted, ...(run ? rewrittenProblems(run) : [])];
  const place = ({ host, port, user }: Account['source']) => ({ host, port, user });
  const { source, destination } = account;
  return { ...status!, source: place(source), destination: place(destination), mailboxes, problems, accepted };
}

/** The accounts that a query is about, but for their state, in the order of their ids. Throws as `listStatus` does. */
export function matching(all: readonly Account[], { ids, group, after }: StatusQuery): Account[] {
  return narrowed(all, { ids, group })
    .filter(({ id }) => after === undefined || id > after)
    .sort((a, b) => (a.id < b.id ? -1 : 1));
}

async function statusOf(context: StatusContext, accounts: readonly Account[]): Promise<AccountStatus[]> {
  const keys = accounts.map(({ key }) => key);
  // Before the runs: one that begins in between is then seen in them.
  const schedules = await readScheduleStates(context.redis, keys);
  const [runs, waits] = await Promise.all([
    readRuns(context.redis, keys),
    context.readWaits(keys, context.clock.now()),
  ]);
  return accounts.map((account, i) => {
    const [run, pause] = [runs[i], context.steering.pausedBy(account)];
    const { id, group } = account;
    const waiting = (waits.get(account.key) ?? []).map(shownWait);
    const state = shownState(run, pause !== undefined);
    const blank = { messages: noMessages, bytes: noBytes, run: null, error: '' };
    const underWay = account.enabled && pause === undefined && isUnderWay(run, schedules[i]!);
    return { id, group, state, ...(run ? runPart(run) : blank), underWay, paused: shownPause(pause), waiting };
  });
}

/** Also between the scheduler's claim of a run and its beginning. */
function isUnderWay(run: Run | undefined, { askedAt, run: claimed }: ScheduleState): boolean {
  if (askedAt > 0 || (run && run.finishedAt === 0)) return true;
  return claimed !== '' && claimed !== run?.id;
}

function runPart(run: Run): Pick<AccountStatus, 'messages' | 'bytes' | 'run' | 'error'> {
  return {
    messages: messageCounts(run),
    bytes: { listed: run.bytesListed, downloaded: run.downloaded, appended: run.bytesAppended },
    run: { id: run.id, startedAt: iso(run.startedAt), finishedAt: run.finishedAt > 0 ? iso(run.finishedAt) : null },
    error: run.error,
  };
}

/** A pause as people read it; account keys mean nothing to them. */
export function shownPause(pause: Pause): ShownPause;
export function shownPause(pause: Pause | undefined): ShownPause | null;
export function shownPause(pause: Pause | undefined): ShownPause | null {
  if (!pause) return null;
  const { scope, by, reason, at } = pause;
  const name = 'all' in scope ? 'all' : 'group' in scope ? `group ${scope.group}` : 'account';
  return { scope: name, by, reason, at: iso(at) };
}

function shownWait({ side, untilMs, because }: Wait): AccountStatus['waiting'][number] {
  return { side, until: iso(untilMs), because };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
