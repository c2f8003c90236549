/**
 * A refused user name or password is tried at most `credentialTries` times for each host, user and secret, counted in
 * Redis across commands, because accounts lock (design §9). A changed secret starts anew.
 */
import { digest } from '../ground/digest.ts';
import { asMailhaulError, isRefusedCredential, MailhaulError } from '../ground/errors.ts';
import { loginKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

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
  await redis.hdel(loginKeys.refusedLogins(attempt.login), markOf(attempt));
}

/** Someone said `retry`: whatever secret this login has, it is tried again. Returns true when any was refused. */
export async function forgetRefusals(redis: RedisClient, login: string): Promise<boolean> {
  return (await redis.del(loginKeys.refusedLogins(login))) === 1;
}

/** What an attempt is made of. */
interface Credentials {
  readonly host: string;
  readonly user: string;
  readonly password: string;
}

/** Logs in by `connect`, unless this secret was refused too often; counts its refusal, and forgets when it works. */
export async function countedLogin<T>(
  redis: RedisClient,
  login: string,
  { host, user, password }: Credentials,
  tries: number,
  connect: () => Promise<T>,
): Promise<T> {
  const attempt = { login, host, user, secret: password };
  await mayTryLogin(redis, attempt, tries);
  try {
    const connection = await connect();
    await forgetRefusedLogins(redis, attempt);
    return connection;
  } catch (error) {
    if (isRefusedCredential(asMailhaulError(error).code)) await countRefusedLogin(redis, attempt);
    throw error;
  }
}

/**
 * Of the secret only 16 bits of a digest reach Redis: enough to notice a change, and shared by every 65,536th guess,
 * so that it confirms none.
 */
function markOf(attempt: LoginAttempt): string {
  return digest(2, 'login secret', attempt.login, attempt.secret).toString('hex');
}
