/** The tokens in Redis, sealed: one place for each user and provider, shared by all processes and hosts. */
import { randomBytes } from 'node:crypto';
import { MailhaulError } from '../../ground/errors.ts';
import { releaseKey, renewKey, takeKey } from '../../ground/held-key.ts';
import { tokenKeys } from '../../ground/keys.ts';
import type { RedisClient } from '../../ground/redis.ts';
import { Script } from '../../ground/redis-script.ts';
import type { Seal, SealedPlace } from '../seal.ts';

/** What is known of one user's tokens at one provider. Never log it. */
export interface TokenRecord {
  readonly access: string;
  /** When it was given and when it ends, in milliseconds since 1970. */
  readonly givenAt: number;
  readonly endsAt: number;
  /** What another access token is had for; undefined where none is needed. */
  readonly refresh?: string | undefined;
  /** The refresh token before that one: for a provider that has never heard of the newer one. */
  readonly before?: string | undefined;
}

/** A record, and the text that it was at that moment in Redis. */
export interface FoundRecord {
  readonly text: string;
  readonly record: TokenRecord | undefined;
}

// The text that was read is the fence: who was overtaken writes nothing.
const replaceScript = new Script(`
  if (redis.call('GET', KEYS[1]) or '') ~= ARGV[1] then return 0 end
  if ARGV[3] == '0' then redis.call('SET', KEYS[1], ARGV[2])
  else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
  return 1
`);

/** Reads and writes such records. */
export class TokenStore {
  readonly #redis: RedisClient;
  readonly #seal: Seal;

  constructor(redis: RedisClient, seal: Seal) {
    this.#redis = redis;
    this.#seal = seal;
  }

  /** What is stored; a text that does not open here is as good as none. */
  async read(identity: string): Promise<FoundRecord> {
    const text = (await this.#redis.get(tokenKeys.tokens(identity))) ?? '';
    if (text === '') return { text, record: undefined };
    try {
      return { text, record: JSON.parse(this.#seal.open(text, placeOf(identity))) as TokenRecord };
    } catch (error) {
      if (error instanceof MailhaulError || error instanceof SyntaxError) return { text, record: undefined };
      throw error;
    }
  }

  /** Puts a record in the place of what was read; false when another process was faster. */
  async replace(identity: string, found: FoundRecord, record: TokenRecord, now: number): Promise<boolean> {
    const sealed = this.#seal.seal(JSON.stringify(record), placeOf(identity));
    // Tokens that are had without a person are forgotten when they end.
    const ttl = record.refresh === undefined ? Math.max(1, Math.ceil(record.endsAt - now)) : 0;
    const reply = await replaceScript.run(this.#redis, [tokenKeys.tokens(identity)], [found.text, sealed, ttl]);
    // ioredis may send the script twice when a reconnect hid the first answer: our own text means that it is there.
    return reply === 1 || (await this.#redis.get(tokenKeys.tokens(identity))) === sealed;
  }

  /** Takes the turn to ask the provider, for so many milliseconds unless it is renewed; undefined while another process has it. */
  async lock(identity: string, ms: number): Promise<string | undefined> {
    const token = randomBytes(16).toString('hex');
    return (await takeKey(this.#redis, tokenKeys.lock(identity), token, ms)) ? token : undefined;
  }

  /** Keeps the turn for so many milliseconds more, if it is not another's by now. */
  async renew(identity: string, token: string, ms: number): Promise<void> {
    await renewKey(this.#redis, tokenKeys.lock(identity), token, ms).catch(() => {});
  }

  /** Gives the turn back. */
  async unlock(identity: string, token: string): Promise<void> {
    await releaseKey(this.#redis, tokenKeys.lock(identity), token).catch(() => {});
  }
}

function placeOf(identity: string): SealedPlace {
  return { account: identity, column: 'oauth', purpose: 'tokens' };
}
