/** Logins to the dashboard: kept in Redis under a digest of what the cookie holds, so that who reads Redis cannot enter. */
import { createHash, randomBytes } from 'node:crypto';
import type { Clock } from '../ground/clock.ts';
import { hexDigest } from '../ground/digest.ts';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Role } from '../operations/token.ts';

/** What the cookie holds: 256 random bits. */
const idPattern = /^[\w-]{43}$/;

/** What is kept of a login. */
interface Login {
  readonly role: Role;
  /** Milliseconds since 1970. */
  readonly startedAt: number;
  /** A mark of the tokens of the service: with another token all logins are over. */
  readonly tokens: string;
}

/** How long logins last, and how many. */
export type SessionSettings = Pick<Settings, 'loginIdleMs' | 'loginMaxMs' | 'loginsMax'>;

/** The logins of one service. All throw what Redis throws. */
export class Sessions {
  readonly #redis: RedisClient;
  readonly #settings: SessionSettings;
  readonly #tokens: string;
  readonly #clock: Clock;

  /** `tokens` is a mark of the tokens of the service. */
  constructor(redis: RedisClient, settings: SessionSettings, tokens: string, clock: Clock) {
    this.#redis = redis;
    this.#settings = settings;
    this.#tokens = tokens;
    this.#clock = clock;
  }

  /** Begins a login, and ends those of its role that are too many. Gives what the cookie is to hold. */
  async begin(role: Role): Promise<string> {
    const id = randomBytes(32).toString('base64url');
    const mark = markOf(id);
    const { loginIdleMs, loginMaxMs, loginsMax } = this.#settings;
    const now = this.#clock.now();
    const login: Login = { role, startedAt: now, tokens: this.#tokens };
    // Each role has its own: who may only look ends no login that steers.
    const all = globalKeys.logins(role);
    await this.#redis.zremrangebyscore(all, '-inf', now);
    await this.#redis.zadd(all, now + loginMaxMs, mark);
    await this.#redis.set(globalKeys.login(mark), JSON.stringify(login), 'PX', Math.min(loginIdleMs, loginMaxMs));
    // Read and not popped: of logins that begin at once each ends the same old ones.
    const tooMany = await this.#redis.zrange(all, 0, String(-(loginsMax + 1)));
    await Promise.all(tooMany.map((one) => this.end(one)));
    return id;
  }

  /** The role of a login that lasts, by its mark; that counts as using it. */
  async use(mark: string): Promise<Role | undefined> {
    const key = globalKeys.login(mark);
    const json = await this.#redis.get(key);
    if (json === null) return undefined;
    const { role, startedAt, tokens } = JSON.parse(json) as Login;
    const { loginIdleMs, loginMaxMs } = this.#settings;
    const leftMs = startedAt + loginMaxMs - this.#clock.now();
    if (leftMs <= 0 || tokens !== this.#tokens) return undefined;
    await this.#redis.pexpire(key, Math.min(loginIdleMs, leftMs));
    return role;
  }

  /** Ends a login, by its mark. */
  async end(mark: string): Promise<void> {
    await this.#redis.del(globalKeys.login(mark));
    for (const role of ['look', 'steer']) await this.#redis.zrem(globalKeys.logins(role), mark);
  }
}

/** The mark of a login, 64 hexadecimal digits, from what its cookie holds; undefined where that is no id of ours. */
export function readMark(cookie: string | undefined): string | undefined {
  return cookie !== undefined && idPattern.test(cookie) ? markOf(cookie) : undefined;
}

/** What a page must send along with everything but GET: only who has the cookie can work it out. */
export function csrfOf(id: string): string {
  return hexDigest(32, 'csrf', id);
}

function markOf(id: string): string {
  return createHash('sha256').update(id).digest('hex');
}
