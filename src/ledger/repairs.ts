/** Messages that stand at the destination in a repaired form (design §2.2): what each was, and what it is now. */
import { accountKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** One repaired message. */
export interface Repair {
  /** Key of the message in the ledger, hexadecimal. */
  readonly key: string;
  /** Its unique id at the source; empty where it has none. */
  readonly uidl: string;
  /** The names of its repairs. */
  readonly repairs: readonly string[];
  /** SHA-256 of the bytes of RETR and of those that were sent, hexadecimal. */
  readonly before: string;
  readonly after: string;
  /** Bytes that were sent. */
  readonly size: number;
  /** SHA-256 of the body that was sent, in the canonical form of design §8, hexadecimal. */
  readonly body: string;
  /** Fingerprint of the header that was sent, hexadecimal. */
  readonly fingerprint: string;
}

/** All repaired messages of an account: key (hexadecimal) → what was done. */
export async function readRepairs(redis: RedisClient, account: string): Promise<Map<string, Repair>> {
  const repairs = (await redis.hvals(accountKeys.repairs(account))).map((json) => JSON.parse(json) as Repair);
  return new Map(repairs.map((repair) => [repair.key, repair]));
}
