/** Mailboxes by number, so that a record of the ledger needs two bytes for its mailbox. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';

/** What the two bytes hold. Templates of rules may make more mailboxes over the years: those beyond have no number. */
const numbersMax = 65_535;

const numberScript = new Script(`
  local known = redis.call('HGET', KEYS[1], ARGV[1])
  if known then return tonumber(known) end
  local number = redis.call('HLEN', KEYS[1]) + 1
  if number > ${numbersMax} then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], number)
  return number
`);

/** The number of a mailbox in an account's ledger, from 1; it is given one when it has none. 0 where no number is left. */
export async function mailboxNumber(redis: RedisClient, account: string, path: string): Promise<number> {
  return Number(await numberScript.run(redis, [accountKeys.mailboxes(account)], [path]));
}
