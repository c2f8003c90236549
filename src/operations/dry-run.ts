/** What a sync would do: every source is listed and held against the ledger; nothing is fetched and nothing written. */
import type { Account } from '../accounts/account.ts';
import { openLogin } from '../accounts/login.ts';
import { surveySource } from '../download/survey.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import { problemOf } from '../ledger/problems.ts';
import { type AccountReport, buildReport, noBytes, noMessages, type Report } from '../report/report.ts';

/** Surveys all accounts, `popSessions` at once. What would be fetched is counted as pending. */
export async function dryRun(
  client: RedisClient,
  settings: Settings,
  accounts: readonly Account[],
  env: NodeJS.ProcessEnv,
): Promise<Report> {
  const startedAt = Date.now();
  const reports: AccountReport[] = [];
  const queue = accounts.entries();
  const survey = async () => {
    for (const [i, account] of queue) reports[i] = await surveyAccount(client, settings, account, env);
  };
  await Promise.all(Array.from({ length: Math.min(settings.popSessions, accounts.length) }, survey));
  return buildReport('dry-run', startedAt, Date.now(), reports);
}

async function surveyAccount(
  redis: RedisClient,
  settings: Settings,
  account: Account,
  env: NodeJS.ProcessEnv,
): Promise<AccountReport> {
  const { id, group, key } = account;
  const blank = { id, group, mailboxes: {}, repaired: 0, rewritten: 0 };
  try {
    const endpoint = await openLogin(account, 'source', env);
    const { listed, known, refusedBefore, bytesListed } = await surveySource(key, endpoint, { redis, settings });
    const pending = listed - known - refusedBefore;
    const messages = { ...noMessages, listed, known, refused: refusedBefore, pending };
    const state = pending + refusedBefore > 0 ? 'incomplete' : 'complete';
    return { ...blank, state, messages, bytes: { ...noBytes, listed: bytesListed }, problems: [] };
  } catch (thrown) {
    const problems = [problemOf(asMailhaulError(thrown))];
    return { ...blank, state: 'failed', messages: noMessages, bytes: noBytes, problems };
  }
}
