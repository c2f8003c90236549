/**
 * Intents: which messages an APPEND whose closing bytes may have been sent carries. An intent without a settlement is
 * what a crash leaves behind: its messages are in doubt.
 */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** One APPEND command. */
export interface Intent {
  /** Unique name of the command. */
  readonly command: string;
  readonly batch: string;
  /** Places of the messages in the batch. */
  readonly indexes: readonly number[];
  readonly mailbox: string;
  readonly uidValidity: number;
  /** No message of the command has a lower UID. */
  readonly uidNext: number;
  /** The repairs of the messages that were sent in another form than that of the source, by their places in the batch. */
  readonly repairs?: Readonly<Record<number, readonly string[]>>;
}

const recordScript = new Script(
  `
  if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
  redis.call('HSET', KEYS[2], ARGV[2], ARGV[3])
  return 1
`,
  true,
);

/** Records an intent if the fence is ours. Returns false when it is another's: nothing may be sent. */
export async function recordIntent(
  redis: RedisClient,
  account: string,
  token: string,
  intent: Intent,
): Promise<boolean> {
  const keys = [accountKeys.fence(account), accountKeys.intents(account)];
  return (await recordScript.run(redis, keys, [token, intent.command, JSON.stringify(intent)])) === 1;
}

/** All intents of an account that no settlement has ended. */
export async function openIntents(redis: RedisClient, account: string): Promise<Intent[]> {
  const hash = await redis.hgetall(accountKeys.intents(account));
  return Object.values(hash).map((json) => JSON.parse(json) as Intent);
}

/** Ends an intent: the destination refused the command, or its messages were looked for and their end is known. */
export async function endIntent(redis: RedisClient, account: string, command: string): Promise<void> {
  await redis.hdel(accountKeys.intents(account), command);
}
