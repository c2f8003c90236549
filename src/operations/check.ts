/** What will be in the way of a migration: every account of a list is looked at on both sides, and nothing is written. */

import type { Account } from '../accounts/account.ts';
import { notesOf } from '../accounts/advice.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { type CheckContext, type CheckedAccount, checkAccount } from '../check/account.ts';
import { commonCauses, type ToldFinding } from '../check/causes.ts';
import { Doors } from '../check/doors.ts';
import { type EstimateRules, estimateAccount, estimateAll, type Load } from '../check/estimate.ts';
import { remedyFor } from '../check/explain.ts';
import type { Listed } from '../check/look.ts';
import { Queues } from '../check/queue.ts';
import { type Member, withSharedQuotas } from '../check/shared-quota.ts';
import { daysLeft, type TlsFacts } from '../check/tls.ts';
import { systemClock } from '../ground/clock.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { type Problem, problemOf } from '../ledger/problems.ts';
import { budgetOf } from '../limits/budgets.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import {
  type AccountCheck,
  type CheckedAccountReport,
  type CheckReport,
  popBlindness,
  type TlsReport,
} from '../report/check-report.ts';
import { buildReport, noBytes, noMessages } from '../report/report.ts';

/** What is checked, and how. */
export interface CheckOptions {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly accounts: readonly Account[];
  /** What is wrong with the list that they come from. */
  readonly wrong: MailhaulError | undefined;
  readonly env: NodeJS.ProcessEnv;
  /** Where the protocol trace goes, where the settings want one. */
  readonly log?: Log | undefined;
  /** Ends the work early: accounts that are not through count as failed. */
  readonly signal: AbortSignal;
  /** Told what an account waits for before it can be looked at, in words. */
  readonly onWait: (text: string) => void;
  /** Called when an account is through. */
  readonly onAccount: (account: CheckedAccountReport, done: number) => void;
}

interface Done {
  readonly report: CheckedAccountReport;
  readonly told: readonly ToldFinding[];
  readonly load: Load | undefined;
}

/** Checks all accounts, `popSessions` at once. Throws only what stops everything, such as a lost Redis. */
export async function check(options: CheckOptions): Promise<CheckReport> {
  const startedAt = Date.now();
  const { accounts, settings, wrong } = options;
  const rules = estimateRules(settings);
  const { redis, env, signal, log } = options;
  const logins = { env, settings, tokens: new TokenDesk({ redis, settings, env, signal }), log };
  const shared = { doors: new Doors(), queues: new Queues(), logins };
  const looked: Member[] = [];
  const queue = accounts.entries();
  let through = 0;
  const work = async () => {
    for (const [i, account] of queue) {
      const checked = await checkAccount(account, contextOf(account, shared, options));
      looked[i] = { account, checked };
      through += 1;
      options.onAccount(doneOf(looked[i], rules, settings).report, through);
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.popSessions, accounts.length) }, work));
  // Only now is it known what comes from all of those who share a quota.
  const done = withSharedQuotas(looked).map((member) => doneOf(member, rules, settings));
  const reports = done.map(({ report }) => report);
  const causes = commonCauses(done.flatMap(({ told }) => told)).map(({ ids, error, count, remedy }) => ({
    ...problemOf(error, count),
    remedy,
    accounts: ids,
  }));
  const loads = done.flatMap(({ load }) => load ?? []);
  return {
    ...buildReport('check', startedAt, Date.now(), reports),
    accounts: reports,
    problems: wrong ? [problemOf(wrong, Math.max(1, Number(wrong.details['count'])))] : [],
    causes,
    estimate: estimateAll(loads, rules),
    notes: [...popBlindness, ...providerNotes(accounts, settings)],
  };
}

function contextOf(
  account: Account,
  shared: Pick<CheckContext, 'doors' | 'queues' | 'logins'>,
  { redis, settings, signal, onWait }: CheckOptions,
): CheckContext {
  const told = (wait: Wait) => onWait(`${account.id}: ${waitText(wait, systemClock.now())}`);
  return { redis, settings, signal, ...shared, onWait: told };
}

/** Both sides have as many sessions as the fewer of the two. */
function estimateRules(settings: Settings): EstimateRules {
  return {
    budgetOf: (host) => budgetOf(settings, host),
    sessions: Math.min(settings.popSessions, settings.imapSessions),
    dayMs: settings.budgetDayMs,
    messagesPerSecond: settings.estimateMessagesPerSecond,
    bytesPerSecond: settings.estimateBytesPerSecond,
  };
}

/** What there is to know of the providers of the list, each said once. */
function providerNotes(accounts: readonly Account[], settings: Settings): string[] {
  const profiles = profilesOf(settings);
  const sides = (['source', 'destination'] as const).flatMap((side) =>
    accounts.flatMap((account) => notesOf(profiles.of(account[side]), side)),
  );
  return [...new Set(sides)];
}

function doneOf({ account, checked }: Member, rules: EstimateRules, settings: Settings): Done {
  const { id, group, source, destination } = account;
  const told = checked.findings.map(({ error, count, side }) => {
    const endpoint = account[side];
    return {
      id,
      error,
      count,
      remedy: remedyFor(error, { side, user: endpoint.user, profile: profilesOf(settings).of(endpoint) }),
    };
  });
  const incoming = checked.source.look?.incoming;
  const { messages = 0, bytes = 0 } = incoming ?? {};
  const load = incoming && { sourceHost: source.host, destinationHost: destination.host, messages, bytes };
  const problems = told.map(({ error, count, remedy }) => ({ ...problemOf(error, count), remedy }));
  const counts = incoming && {
    listed: incoming.listed,
    known: incoming.known,
    refused: incoming.refusedBefore,
    pending: messages,
  };
  const report: CheckedAccountReport = {
    id,
    group,
    state: stateOf(problems),
    messages: { ...noMessages, ...counts },
    bytes: { ...noBytes, listed: incoming?.bytesListed ?? 0 },
    mailboxes: {},
    repaired: 0,
    rewritten: 0,
    problems,
    check: checkOf(account, checked, load, rules),
  };
  return { report, told, load };
}

function stateOf(problems: readonly Problem[]): 'complete' | 'incomplete' | 'failed' {
  const stops = problems.map((problem) => problem.stops);
  if (stops.some((stop) => stop !== 'none' && stop !== 'message')) return 'failed';
  return stops.includes('message') ? 'incomplete' : 'complete';
}

function checkOf(
  { source, destination }: Account,
  checked: CheckedAccount,
  load: Load | undefined,
  rules: EstimateRules,
): AccountCheck {
  const from = checked.source.look;
  const to = checked.destination.look;
  const place = ({ host, port, security }: Account['source']) => ({ host, port, security });
  return {
    incoming: load ? { messages: load.messages, bytes: load.bytes } : null,
    source: {
      ...place(source),
      tls: tlsReport(checked.source.tls),
      capabilities: listedOf(checked.source.capabilities),
      uniqueIds: from ? uniqueIds(from.hasUidl, from.incoming.anonymous) : null,
    },
    destination: {
      ...place(destination),
      tls: tlsReport(checked.destination.tls),
      capabilities: listedOf(checked.destination.capabilities),
      messages: to?.messages ?? null,
      appendLimitBytes: to?.appendLimit ?? null,
      quota: to?.quota ? { usedBytes: to.quota.usedBytes, limitBytes: to.quota.limitBytes } : null,
    },
    estimate: load ? estimateAccount(load, rules) : null,
  };
}

function listedOf(capabilities: Listed | undefined): string[] | null {
  if (!capabilities) return null;
  return [...capabilities].map((one) => (typeof one === 'string' ? one : one.join(' ').trim()));
}

function uniqueIds(hasUidl: boolean, anonymous: number): 'good' | 'shared' | 'missing' {
  if (!hasUidl) return 'missing';
  return anonymous > 0 ? 'shared' : 'good';
}

function tlsReport(tls: TlsFacts | undefined): TlsReport | null {
  if (!tls) return null;
  const { protocol, name, issuer, endsAt } = tls;
  return { protocol, name, issuer, endsAt: new Date(endsAt).toISOString(), daysLeft: daysLeft(tls, Date.now()) };
}
