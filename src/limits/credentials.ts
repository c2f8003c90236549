/**
 * A refused user name or password is tried at most `credentialTries` times for each host, user and secret, counted in
 * Redis across commands, because accounts lock (design §9). A changed secret starts anew.
 */
import { digest, hexDigest } from '../ground/digest.ts';
import { asMailhaulError, isRefusedCredential, MailhaulError } from '../ground/errors.ts';
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { type WithTokens, withToken } from './token-login.ts';

const rememberMs = 30 * 24 * 3600 * 1000;

/** What is counted: one login with one secret. */
export interface LoginAttempt {
  readonly login: string;
  readonly host: string;
  readonly user: string;
  readonly secret: string;
}

/** Throws `credentials-refused` without asking the server when this secret was refused too often. */
export async function mayTryLogin(redis: RedisClient, attempt: LoginAttempt, tries: number): Promise<void> {
  const refused = Number((await redis.hget(loginKeys.refusedLogins(attempt.login), markOf(attempt))) ?? 0);
  if (refused < tries) return;
  const { host, user } = attempt;
  const reply = `refused ${refused} times before; not tried again until the password changes or someone says retry`;
  throw new MailhaulError('credentials-refused', { host, user, reply });
}

/** Counts a refusal. Returns how many there were. */
export async function countRefusedLogin(redis: RedisClient, attempt: LoginAttempt): Promise<number> {
  const key = loginKeys.refusedLogins(attempt.login);
  const refused = await redis.hincrby(key, markOf(attempt), 1);
  await redis.pexpire(key, rememberMs);
  return refused;
}

/** A login worked: earlier refusals were of the server's making. */
export async function forgetRefusedLogins(redis: RedisClient, attempt: LoginAttempt): Promise<void> {
  await redis.hdel(loginKeys.refusedLogins(attempt.login), markOf(attempt), cutMark(attempt));
}

/** Someone said `retry`: whatever secret this login has, it is tried again. Returns true when any was refused. */
export async function forgetRefusals(redis: RedisClient, login: string): Promise<boolean> {
  const key = loginKeys.refusedLogins(login);
  const counts = await redis.hvals(key);
  await redis.del(key);
  return counts.some((count) => Number(count) > 0);
}

/** What an attempt is made of. */
interface Credentials extends WithTokens {
  readonly host: string;
  readonly user: string;
  readonly password: string;
  readonly authzUser?: string | undefined;
}

/** What refusals of a master user are counted under, beside the mailboxes that he is to open. */
export function masterLogin({ host, user }: { host: string; user: string }): string {
  return hexDigest(16, 'master', host.toLowerCase(), user);
}

// A master user who ever got in has the right secret: what is refused later is about one mailbox.
const trusted = -1_000_000;

/**
 * Logs in by `connect`, unless this secret was refused too often; counts its refusal, and forgets when it works. The
 * secret of a master user is counted for each mailbox, and for himself until it worked once: one wrong line must not
 * keep all others out, nor may a wrong secret be tried at every mailbox until he is locked out. Of an access token only
 * the second in a row counts as refused: the first may have ended.
 */
export async function countedLogin<Endpoint extends Credentials, T>(
  redis: RedisClient,
  login: string,
  endpoint: Endpoint,
  tries: number,
  connect: (endpoint: Endpoint) => Promise<T>,
): Promise<T> {
  const { host, user, password, authzUser, tokens } = endpoint;
  const attempt = { login, host, user, secret: tokens?.identity ?? password };
  const master = authzUser ? { ...attempt, login: masterLogin(attempt) } : undefined;
  await mayTryLogin(redis, attempt, tries);
  if (master) await mayTryLogin(redis, master, tries);
  try {
    const connection = await withToken(endpoint, connect);
    await forgetRefusedLogins(redis, attempt);
    if (master) await trustLogin(redis, master);
    return connection;
  } catch (thrown) {
    const error = asMailhaulError(thrown);
    if (isRefusedCredential(error.code)) {
      await countRefusedLogin(redis, attempt);
      if (master) await countRefusedLogin(redis, master);
    }
    throw error.code === 'login-cut' ? await judgeCut(redis, attempt, error, tries) : thrown;
  }
}

/** A connection that ends at the password may have been lost by chance; again and again, that is how it is refused. */
async function judgeCut(redis: RedisClient, attempt: LoginAttempt, error: MailhaulError, tries: number) {
  const key = loginKeys.refusedLogins(attempt.login);
  const cuts = await redis.hincrby(key, cutMark(attempt), 1);
  await redis.pexpire(key, rememberMs);
  return cuts < tries ? new MailhaulError('connection-lost', error.details, error) : error;
}

function cutMark(attempt: LoginAttempt): string {
  return `cut:${markOf(attempt)}`;
}

async function trustLogin(redis: RedisClient, attempt: LoginAttempt): Promise<void> {
  const key = loginKeys.refusedLogins(attempt.login);
  await redis.hset(key, markOf(attempt), trusted);
  await redis.pexpire(key, rememberMs);
}

/**
 * Of the secret only 16 bits of a digest reach Redis: enough to notice a change, and shared by every 65,536th guess,
 * so that it confirms none.
 */
function markOf(attempt: LoginAttempt): string {
  return digest(2, 'login secret', attempt.login, attempt.secret).toString('hex');
}
