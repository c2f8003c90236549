/**
 * What a sync would do: every source is listed and held against the ledger, and the rules are asked where each message
 * would go by its header; no message is fetched and nothing written.
 */
import type { Account } from '../accounts/account.ts';
import { advised } from '../accounts/advice.ts';
import { type LoginContext, openLogin } from '../accounts/login.ts';
import { TokenDesk } from '../accounts/oauth/token-desk.ts';
import { profilesOf } from '../accounts/profiles.ts';
import { place, ruleOwnerOf } from '../append/placement.ts';
import { RuleSet } from '../append/rules/rule-set.ts';
import { type Skip, skipProblem } from '../append/skip.ts';
import { targetKey } from '../append/target.ts';
import { surveySource } from '../download/survey.ts';
import { asMailhaulError, MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { type Problem, problemOf } from '../ledger/problems.ts';
import type { TurnContext } from '../limits/turn.ts';
import { type Wait, waitText } from '../limits/waits.ts';
import { type AccountReport, buildReport, noBytes, noMessages, type Report } from '../report/report.ts';

/** What a dry run needs besides. */
export interface DryRunOptions {
  readonly env: NodeJS.ProcessEnv;
  /** Ends the work early: accounts that are not through count as failed. Left out where a person ends it at once. */
  readonly signal?: AbortSignal;
  /** Where the protocol trace goes, where the settings want one. */
  readonly log?: Log | undefined;
  /** Told what an account waits for before it can be looked at, in words. */
  readonly onWait: (text: string) => void;
  /** Called when an account is through. */
  readonly onAccount: (account: AccountReport, done: number) => void;
}

/** Surveys all accounts, `popSessions` at once. What would be fetched is counted as pending. */
export async function dryRun(
  client: RedisClient,
  settings: LoadedSettings,
  accounts: readonly Account[],
  { env, log, signal = new AbortController().signal, onWait, onAccount }: DryRunOptions,
): Promise<Report> {
  const startedAt = Date.now();
  const logins = { env, settings, tokens: new TokenDesk({ redis: client, settings, env, signal }), log };
  const reports: AccountReport[] = [];
  const queue = accounts.entries();
  let through = 0;
  const survey = async () => {
    for (const [i, account] of queue) {
      const context = {
        redis: client,
        settings,
        signal,
        onWait: (wait: Wait) => onWait(`${account.id}: ${waitText(wait, Date.now())}`),
      };
      reports[i] = await surveyAccount(account, logins, context);
      through += 1;
      onAccount(reports[i], through);
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
    const plan = await Plan.of(account, logins.settings);
    const { listed, known, refusedBefore, bytesListed, unseen } = await surveySource(key, endpoint, context, plan);
    const pending = listed - known - refusedBefore;
    const messages = { ...noMessages, listed, known, refused: refusedBefore, pending };
    const state = pending + refusedBefore > 0 ? 'incomplete' : 'complete';
    const bytes = { ...noBytes, listed: bytesListed };
    return { ...blank, state, messages, bytes, mailboxes: plan.mailboxes(), problems: plan.problems(unseen) };
  } catch (thrown) {
    const error = advised(asMailhaulError(thrown), account, 'source', profilesOf(logins.settings));
    const problems = [problemOf(error)];
    return { ...blank, state: 'failed', messages: noMessages, bytes: noBytes, problems };
  }
}

/** Where the messages of one account would go, as its rules name the mailboxes. */
class Plan {
  readonly topForbidden: boolean;
  readonly #account: Account;
  readonly #settings: Settings;
  readonly #ruleSet: RuleSet;
  readonly #counts = new Map<string, number>();
  #skipped = 0;
  /** By the names of the rules. */
  readonly #skips = new Map<string, Skip>();

  private constructor(account: Account, settings: Settings, ruleSet: RuleSet) {
    this.#account = account;
    this.#settings = settings;
    this.#ruleSet = ruleSet;
    this.topForbidden = profilesOf(settings).of(account.source)?.quirks.topForbidden !== undefined;
  }

  static async of(account: Account, settings: Settings): Promise<Plan> {
    return new Plan(account, settings, await RuleSet.of(ruleOwnerOf(account), settings));
  }

  take(header: Buffer, octets: number): void {
    const rules = { settings: this.#settings, ruleSet: this.#ruleSet, firstRun: true, now: Date.now() };
    const { target, skip } = place(header, octets, rules);
    if (skip) {
      this.#skipped += 1;
      this.#skips.set(skip.rule, skip);
      return;
    }
    const name = targetKey(target) || this.#account.mailbox;
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1);
  }

  mailboxes(): Record<string, number> {
    return Object.fromEntries(this.#counts);
  }

  problems(unseen: string | undefined): Problem[] {
    const problems: Problem[] = [];
    if (this.#skipped > 0) problems.push(skipProblem([...this.#skips.values()], this.#skipped));
    if (unseen !== undefined) problems.push(problemOf(new MailhaulError('placement-unknown', { reason: unseen })));
    return problems;
  }
}
