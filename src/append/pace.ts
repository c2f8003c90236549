/** What budgets have to do with one append session: its logins, the size of its commands, and what the report says. */
import { MailhaulError } from '../ground/errors.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { ImapEndpoint } from '../imap/door.ts';
import { noteProblem, problemOf } from '../ledger/problems.ts';
import { countedLogin } from '../limits/credentials.ts';
import type { SessionBudget } from '../limits/session-budget.ts';
import type { CommandLimits } from './append-commands.ts';
import { Destination, type DestinationOptions } from './destination.ts';

/** Opens the destination of an account; a refused login is counted. Throws MailhaulError. */
export async function openDestination(
  { endpoint, mailbox }: { endpoint: ImapEndpoint; mailbox: string },
  options: Omit<DestinationOptions, 'endpoint' | 'mailbox'>,
): Promise<Destination> {
  const { redis, settings, lease } = options;
  return countedLogin(redis, lease.login, endpoint, settings.credentialTries, (fresh) =>
    Destination.open({ ...options, endpoint: fresh, mailbox }),
  );
}

/** How large a command may be: no larger than what the host takes in a second, or from this login in a day. */
export function commandLimits(settings: Settings, { limits }: SessionBudget): CommandLimits {
  const least = (...given: number[]) => Math.max(1, Math.floor(Math.min(...given.filter((limit) => limit > 0))));
  return {
    appendMaxMessages: least(settings.appendMaxMessages, limits.messagesPerSecond, limits.messagesPerSecondPerAccount),
    appendMaxBytes: least(settings.appendMaxBytes, limits.bytesPerSecond, limits.uploadBytesPerDay),
  };
}

/** Tells the report of messages that were larger than a whole day's budget. */
export async function noteOversized(redis: RedisClient, account: string, host: string, count: number): Promise<void> {
  if (count === 0) return;
  await noteProblem(redis, account, problemOf(new MailhaulError('budget-oversized', { host, count }), count));
}
