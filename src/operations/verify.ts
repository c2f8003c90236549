/**
 * Proof that everything ever listed is at the destination: every account is verified. Nothing is written on either side nor
 * in the ledger; the data directory gets a record, for reports.
 */
import type { Account } from '../accounts/account.ts';
import { advisedOfEither } from '../accounts/advice.ts';
import { openLogin } from '../accounts/login.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { systemClock } from '../ground/clock.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { problemOf } from '../ledger/problems.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import {
  type AccountReport,
  buildReport,
  type MessageCounts,
  noBytes,
  noMessages,
  type Report,
  type SampledAccount,
} from '../report/report.ts';
import { type VerifiedAccount, verifyAccount } from '../verify/account.ts';
import type { VerdictCounts } from '../verify/findings.ts';
import { RowFile } from '../verify/rows.ts';
import type { Depth } from '../verify/sample.ts';
import { tryAgain } from './try-again.ts';
import { VerificationKeeper } from './verification-keeper.ts';
import { sampleSizeText } from './verify-depth.ts';

/** Each takes memory for all messages of its account. */
const accountsAtOnce = 4;

/** What is verified, and how. */
export interface VerifyOptions {
  readonly redis: RedisClient;
  readonly settings: LoadedSettings;
  readonly accounts: readonly Account[];
  readonly env: NodeJS.ProcessEnv;
  /** Where the protocol trace goes, where the settings want one. */
  readonly log?: Log | undefined;
  /** Of which messages the content is compared. */
  readonly depth: Depth;
  /** File that gets one line a message; undefined for none. */
  readonly messagesFile: string | undefined;
  /** False to leave no record in the data directory. */
  readonly record?: boolean;
  /** Ends the work early: accounts that are not through count as failed. */
  readonly signal: AbortSignal;
  /** Told what an account waits for before it can be looked at, in words. */
  readonly onWait: (text: string) => void;
  /** Called when an account is through. */
  readonly onAccount: (account: AccountReport, done: number, sampled: SampledAccount | undefined) => void;
}

/** What came of one account; `sampled` is undefined where it could not be looked at. */
interface Verified {
  readonly report: AccountReport;
  readonly sampled?: SampledAccount;
}

/** What the findings of all accounts go into. */
interface Books {
  readonly rows: RowFile | undefined;
  readonly keeper: VerificationKeeper | undefined;
}

/** Verifies all accounts, a few at once. Throws `verify-file`, `verification-file`. */
export async function verify(options: VerifyOptions): Promise<Report> {
  const startedAt = Date.now();
  const { accounts, messagesFile, depth } = options;
  const keeper = options.record === false ? undefined : await VerificationKeeper.open(options);
  const rows = messagesFile === undefined ? undefined : await RowFile.create(messagesFile);
  const verified: Verified[] = [];
  const queue = accounts.entries();
  let done = 0;
  const work = async () => {
    for (const [i, account] of queue) {
      const { report, sampled } = await reportAccount(account, options, { rows, keeper });
      verified[i] = sampled ? { report, sampled } : { report };
      done += 1;
      options.onAccount(report, done, sampled);
    }
  };
  try {
    await Promise.all(Array.from({ length: Math.min(accountsAtOnce, accounts.length) }, work));
  } finally {
    await rows?.close();
  }
  const reports = verified.map(({ report }) => report);
  const report = buildReport('verify', startedAt, Date.now(), reports);
  if (typeof depth !== 'object') return report;
  const sampled = verified.flatMap(({ report: { id }, sampled }) => (sampled ? [[id, sampled] as const] : []));
  const sample = { size: sampleSizeText(depth), seed: depth.seed, accounts: Object.fromEntries(sampled) };
  return { ...report, run: { ...report.run, sample } };
}

async function reportAccount(account: Account, options: VerifyOptions, { rows, keeper }: Books): Promise<Verified> {
  const { id, group } = account;
  const blank = { id, group, mailboxes: {}, repaired: 0, rewritten: 0 };
  try {
    const begun = await keeper?.begin(account.key);
    const verified = await tryAccount(account, options);
    const { findings, bytesListed, rewritten, unread, chosen } = verified;
    await rows?.add(findings.rows(id));
    const counts = findings.counts();
    const problems = [...findings.problems(), ...unread.map((error) => problemOf(error))];
    const bytes = { ...noBytes, listed: bytesListed };
    const state = stateOf(counts);
    if (begun) await keeper?.keep(begun, { state, verdicts: counts, problems, chosen });
    return {
      report: { ...blank, rewritten, state, messages: messagesOf(counts), bytes, problems },
      sampled: chosen,
    };
  } catch (thrown) {
    const error = asMailhaulError(thrown);
    if (error.stops === 'run') throw error;
    const problems = [problemOf(advisedOfEither(error, account, profilesOf(options.settings)))];
    return { report: { ...blank, state: 'failed', messages: noMessages, bytes: noBytes, problems } };
  }
}

/** Verifies one account, again where that may help. */
async function tryAccount(account: Account, options: VerifyOptions): Promise<VerifiedAccount> {
  const { redis, settings, env, depth, signal, log } = options;
  const logins = { env, settings, tokens: new TokenDesk({ redis, settings, env, signal }), log };
  const onWait = (wait: Wait) => options.onWait(`${account.id}: ${waitText(wait, systemClock.now())}`);
  return tryAgain(settings, signal, async (oneAtATime) => {
    const source = await openLogin(account, 'source', logins);
    const destination = await openLogin(account, 'destination', logins);
    const topForbidden = profilesOf(settings).of(account.source)?.quirks.topForbidden !== undefined;
    const context = { redis, settings, signal, oneAtATime, topForbidden, onWait };
    const merges = profilesOf(settings).of(account.destination)?.quirks.mergesDuplicates !== undefined;
    return verifyAccount({ account: account.key, source, destination, depth, merges }, context);
  });
}

function messagesOf(counts: VerdictCounts): MessageCounts {
  const parts = {
    known: counts.present + counts.moved + counts.doubled + counts.accepted,
    refused: counts.refused,
    failed: counts.missing + counts.altered + counts.unproven,
    vanished: counts.vanished,
    pending: counts.pending + counts.unrecorded,
  };
  const listed = Object.values(parts).reduce((sum, count) => sum + count, 0);
  return { ...noMessages, ...parts, listed };
}

function stateOf(counts: VerdictCounts): 'complete' | 'incomplete' {
  const { refused, failed, pending } = messagesOf(counts);
  return refused + failed + pending + counts.doubled === 0 ? 'complete' : 'incomplete';
}
