/** Steering the running service: pause, resume, retry, run and accept, for accounts, a group or all of them. */
import type { Account } from '../accounts/account.ts';
import type { Clock } from '../ground/clock.ts';
import { asMailhaulError, MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import { isFull } from '../ledger/full-mailbox.ts';
import { acceptRefused, reopenRefused } from '../ledger/refusals.ts';
import { readRun } from '../ledger/run.ts';
import { forgetRefusals, masterLogin } from '../limits/credentials.ts';
import { loginKey } from '../limits/lease.ts';
import type { Steering } from '../limits/steering.ts';
import type { RunControl } from '../schedule/run-control.ts';
import type { Steered } from './answers/deeds.ts';
import type { AuditLog } from './audit.ts';
import { type Accounts, type Selected, type Selection, select, selectionText } from './selection.ts';

/** Accounts that are dealt with at once. */
const atOnce = 50;

/** Longer than a session takes to end once it has said that it does. */
const lookAgainMs = 1000;

/** What steering works with. */
export interface SteerContext {
  readonly redis: RedisClient;
  readonly book: Accounts;
  readonly steering: Steering;
  readonly control: Pick<RunControl, 'resume'>;
  /** Has the account run soon, whatever its schedule says; its pause stays. */
  readonly askRun: (account: string, now: number) => Promise<void>;
  readonly audit: AuditLog;
  readonly clock: Clock;
}

/** Who asks, and why. */
export interface Asker {
  readonly by: string;
  readonly reason: string;
}

/** Deeds by their names. Each throws `account-unknown`, `group-unknown` or `request-refused` before it does anything. */
export const deeds = { pause, resume, retry, run, accept } as const;

/** The name of a deed. */
export type Deed = keyof typeof deeds;

/** Does a deed and writes it, or its failure, into the audit log. */
export async function steer(context: SteerContext, deed: Deed, selection: Selection, asker: Asker): Promise<Steered> {
  return audited(context, deed, selectionText(selection), asker, async () => {
    const selected = await select(context.book, selection);
    const text = await deeds[deed](context, selected, asker);
    const held = selected.accounts.filter((account) => deed !== 'pause' && context.steering.pausedBy(account));
    const stillPaused = held.slice(0, 20).map(({ id }) => id);
    return { accounts: selected.accounts.length, text, stillPaused, stillPausedCount: held.length };
  });
}

/** Does anything that people ask for and writes it, or its failure, into the audit log. */
export async function audited<T extends { readonly text: string }>(
  { audit, clock }: Pick<SteerContext, 'audit' | 'clock'>,
  action: string,
  scope: string,
  { by, reason }: Asker,
  work: () => Promise<T>,
): Promise<T> {
  try {
    const done = await work();
    await audit.add({ by, action, scope, reason, result: done.text }, clock.now());
    return done;
  } catch (thrown) {
    const { code } = asMailhaulError(thrown);
    await audit.add({ by, action, scope, reason, result: `refused: ${code}` }, clock.now());
    throw thrown;
  }
}

/** Ends the sessions of the accounts at their next batch boundaries, and starts none until `resume`. */
async function pause({ steering, clock }: SteerContext, { scopes }: Selected, { by, reason }: Asker): Promise<string> {
  let paused = 0;
  for (const scope of scopes) if (await steering.pause(scope, by, reason, clock.now())) paused += 1;
  return paused === 0 ? 'paused already' : 'paused';
}

/** Lifts the pauses of exactly these scopes, and goes on with what is unfinished. */
async function resume(context: SteerContext, { scopes, accounts }: Selected): Promise<string> {
  let resumed = 0;
  for (const scope of scopes) if (await context.steering.resume(scope)) resumed += 1;
  const free = accounts.filter((account) => !context.steering.pausedBy(account));
  await forEach(free, ({ key }) => context.control.resume(key));
  if (resumed > 0) void lookAgain(context, free);
  return resumed === 0 ? 'not paused' : 'resumed';
}

/**
 * A session that was just ending for the pause may have had its job still in the queue when its run was looked after:
 * then nobody goes on. The reconciler would find it, later.
 */
async function lookAgain({ clock, steering, control }: SteerContext, accounts: readonly Account[]): Promise<void> {
  try {
    await clock.wait(lookAgainMs);
    const free = accounts.filter((account) => !steering.pausedBy(account));
    await forEach(free, ({ key }) => control.resume(key));
  } catch {
    // Redis is gone, or the service: whoever comes next looks after its runs.
  }
}

/** Forgets refused logins, makes refused messages pending again, looks at full mailboxes, and has who needs it run again. */
async function retry(context: SteerContext, { accounts }: Selected): Promise<string> {
  const { redis } = context;
  const counts = { logins: 0, messages: 0, runs: 0 };
  await forEach(accounts, async ({ key, source, destination }) => {
    const masters = [source, destination].filter(({ authzUser }) => authzUser).map(masterLogin);
    const logins = [loginKey('pop', source), loginKey('imap', destination), ...masters];
    const forgotten = (await Promise.all(logins.map((login) => forgetRefusals(redis, login)))).filter(Boolean).length;
    const reopened = await reopenRefused(redis, key);
    const last = await readRun(redis, key);
    const unfinished = last?.state === 'failed' || last?.state === 'incomplete';
    const full = last?.finishedAt === 0 && (await isFull(redis, key));
    if (full) await context.control.resume(key);
    counts.logins += forgotten;
    counts.messages += reopened;
    if (forgotten + reopened === 0 && !unfinished && !full) return;
    counts.runs += 1;
    // One that waits for room goes on with the run that it has.
    if (!full) await context.askRun(key, context.clock.now());
  });
  const { logins, messages, runs } = counts;
  return `${runs} account(s) run again, ${messages} refused message(s) and ${logins} refused login(s) are tried again`;
}

/** Has the accounts run soon, whatever their schedule says. */
async function run(context: SteerContext, { accounts }: Selected): Promise<string> {
  await forEach(accounts, ({ key }) => context.askRun(key, context.clock.now()));
  return `${accounts.length} account(s) run next`;
}

/** Signs off what the destination refused (design §4). Throws `nothing-refused`. */
async function accept(context: SteerContext, { accounts }: Selected, { by, reason }: Asker): Promise<string> {
  if (reason.trim() === '') throw new MailhaulError('request-refused', { reason: 'accept needs a reason' });
  const at = context.clock.now();
  let accepted = 0;
  await forEach(accounts, async ({ key }) => {
    accepted += await acceptRefused(context.redis, key, { by, reason, at });
  });
  if (accepted > 0) return `${accepted} refused message(s) accepted`;
  const what = accounts.length === 1 ? accounts[0]!.id : `these ${accounts.length} accounts`;
  throw new MailhaulError('nothing-refused', { what });
}

async function forEach(accounts: readonly Account[], work: (account: Account) => Promise<void>): Promise<void> {
  const queue = accounts.values();
  const worker = async () => {
    for (const account of queue) await work(account);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, accounts.length) }, worker));
}
