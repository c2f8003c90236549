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

/** The numbers of an account's mailboxes, each asked for once: for a session, which a flush of Redis does not outlive. */
export class MailboxNumbers {
  readonly #redis: RedisClient;
  readonly #account: string;
  readonly #known = new Map<string, number>();

  constructor(redis: RedisClient, account: string) {
    this.#redis = redis;
    this.#account = account;
  }

  /** The number of a mailbox, from 1; it is given one when it has none. 0 where no number is left. */
  async of(path: string): Promise<number> {
    const known = this.#known.get(path);
    if (known !== undefined) return known;
    const number = Number(await numberScript.run(this.#redis, [accountKeys.mailboxes(this.#account)], [path]));
    this.#known.set(path, number);
    return number;
  }
}
