/** What a sync would do: every source is listed and held against the ledger; nothing is fetched and nothing written. */
import type { Account } from '../accounts/account.ts';
import { advised } from '../accounts/advice.ts';
import { type LoginContext, openLogin } from '../accounts/login.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { surveySource } from '../download/survey.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { problemOf } from '../ledger/problems.ts';
import type { TurnContext } from '../limits/turn.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import { type AccountReport, buildReport, noBytes, noMessages, type Report } from '../report/report.ts';

/** What a dry run needs besides. */
export interface DryRunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Told what an account waits for before it can be looked at, in words. */
  readonly onWait: (text: string) => void;
}

/** Surveys all accounts, `popSessions` at once. What would be fetched is counted as pending. */
export async function dryRun(
  client: RedisClient,
  settings: LoadedSettings,
  accounts: readonly Account[],
  { env, onWait }: DryRunOptions,
): Promise<Report> {
  const startedAt = Date.now();
  // A person ends it at once.
  const { signal } = new AbortController();
  const logins = { env, settings, tokens: new TokenDesk({ redis: client, settings, env, signal }) };
  const reports: AccountReport[] = [];
  const queue = accounts.entries();
  const survey = async () => {
    for (const [i, account] of queue) {
      const context = {
        redis: client,
        settings,
        signal,
        onWait: (wait: Wait) => onWait(`${account.id}: ${waitText(wait, Date.now())}`),
      };
      reports[i] = await surveyAccount(account, logins, context);
    }
  };
  await Promise.all(Array.from({ length: Math.min(settings.popSessions, accounts.length) }, survey));
  return buildReport('dry-run', startedAt, Date.now(), reports);
}

async function surveyAccount(account: Account, logins: LoginContext, context: TurnContext): Promise<AccountReport> {
  const { id, group, key } = account;
  const blank = { id, group, mailboxes: {}, repaired: 0, rewritten: 0 };
  try {
    const endpoint = await openLogin(account, 'source', logins);
    const { listed, known, refusedBefore, bytesListed } = await surveySource(key, endpoint, context);
    const pending = listed - known - refusedBefore;
    const messages = { ...noMessages, listed, known, refused: refusedBefore, pending };
    const state = pending + refusedBefore > 0 ? 'incomplete' : 'complete';
    return { ...blank, state, messages, bytes: { ...noBytes, listed: bytesListed }, problems: [] };
  } catch (thrown) {
    const error = advised(asMailhaulError(thrown), account, 'source', profilesOf(logins.settings));
    const problems = [problemOf(error)];
    return { ...blank, state: 'failed', messages: noMessages, bytes: noBytes, problems };
  }
}
