/**
 * Connection slots of a host, shared by all workers: random tokens that lapse unless their holder renews them, so that
 * those of a killed worker come back by themselves. Who finds none free stands in a queue, in the order of asking.
 */
import { randomBytes } from 'node:crypto';
import { hostKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import { enough } from './adaptive.ts';

/** What a login asks for. */
export interface SlotRequest {
  /** In lower case. */
  readonly host: string;
  readonly login: string;
  /** Connections that are needed at once, all or none. */
  readonly count: number;
  /** The configured limits; 0 for none. */
  readonly connections: number;
  readonly connectionsPerAccount: number;
  /** What the host is thought to bear is raised by one after each such time. */
  readonly raiseMs: number;
  /** A slot lapses this long after it was taken or renewed. */
  readonly ttlMs: number;
  /** Who has been the first in the queue for this long is passed by nobody. */
  readonly fairShareMs: number;
}

/** Why there was no slot. */
export type SlotRefusal = 'connections' | 'adaptive' | 'account';

/** Turned away: when to ask again, in milliseconds since 1970, and why. */
export interface SlotRefused {
  readonly until: number;
  readonly because: SlotRefusal;
  /** How many connections are allowed. */
  readonly allowed: number;
}

/** The first in the queue asks this often; those behind it less often. */
const pollMs = 300;
const pollMaxMs = 30_000;
/** Who was told to come back and did not, so long after it, has left the queue. */
const graceMs = 60_000;
/**
 * So many at the head of the queue may pass each other, and anybody may pass those who were told to come later, so that
 * no slot stands empty while they sleep.
 */
const overtaking = 8;

const luaAllowed = `
  local function allowed_now(limit, now, raise)
    local base, cut = unpack(redis.call('HMGET', KEYS[5], 'base', 'cutAt'))
    base = tonumber(base or 0)
    if base == 0 then return limit, false end
    local learned = base + math.max(0, math.floor((now - tonumber(cut)) / raise))
    if limit > 0 and learned >= limit then return limit, false end
    if limit == 0 and learned > ${enough} then return 0, false end
    return learned, true
  end
`;

const takeScript = new Script(`${luaAllowed}
  local now, ttl, token, login = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3], ARGV[4]
  local count, limit, per_login = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
  local queues = ARGV[10] == '1'
  if redis.call('ZSCORE', KEYS[1], token .. ':1') then return {1, 0, '', 0} end
  redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now - ${graceMs})) do
    redis.call('ZREM', KEYS[3], gone)
    redis.call('ZREM', KEYS[4], gone)
  end
  local allowed, learned = allowed_now(limit, now, tonumber(ARGV[8]))
  local in_use = redis.call('ZCARD', KEYS[1])
  local rank = redis.call('ZRANK', KEYS[3], login)
  local ahead = rank or redis.call('ZCARD', KEYS[3])
  local free = allowed == 0 and math.huge or allowed - in_use
  local fits = count <= free or (in_use == 0 and (limit == 0 or count <= limit))
  local head = redis.call('ZRANGE', KEYS[3], 0, 0)[1] or ''
  local last_head, since = unpack(redis.call('HMGET', KEYS[5], 'head', 'headSince'))
  if head ~= last_head and head ~= '' then
    redis.call('HSET', KEYS[5], 'head', head, 'headSince', now)
    since = now
  end
  local patient = now - tonumber(since or now) <= tonumber(ARGV[9])
  local due = redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', now, 'LIMIT', 0, 2)
  local alone = #due == 0 or (#due == 1 and due[1] == login)
  local own_fits = per_login == 0 or redis.call('ZCARD', KEYS[2]) + count <= per_login
  local rooms = math.max(1, math.floor(free / count))
  local turn = ahead < rooms or (rank and patient and (alone or ahead < rooms + ${overtaking}))
  if not queues then turn = allowed == 0 or ahead == 0 end
  if fits and own_fits and turn then
    for i = 1, count do
      redis.call('ZADD', KEYS[1], now + ttl, token .. ':' .. i)
      redis.call('ZADD', KEYS[2], now + ttl, token .. ':' .. i)
    end
    redis.call('PEXPIRE', KEYS[1], ttl * 2)
    redis.call('PEXPIRE', KEYS[2], ttl * 2)
    redis.call('ZREM', KEYS[3], login)
    redis.call('ZREM', KEYS[4], login)
    return {1, 0, '', redis.call('ZCARD', KEYS[3])}
  end
  local until_ms = now + math.min(${pollMaxMs}, ${pollMs} * (1 + math.floor(ahead / 4)))
  if queues then
    redis.call('ZADD', KEYS[3], 'NX', now, login)
    redis.call('ZADD', KEYS[4], until_ms, login)
  end
  local why = not own_fits and 'account' or (learned and 'adaptive' or 'connections')
  return {0, string.format('%d', until_ms), why, why == 'account' and per_login or allowed}
`);

// A slot whose connection is open is put back even when Redis forgot it: it is the truth.
const renewScript = new Script(`
  for i = 4, #ARGV do
    redis.call('ZADD', KEYS[1], ARGV[1] + ARGV[2], ARGV[i])
    redis.call('ZADD', KEYS[2], ARGV[1] + ARGV[2], ARGV[i])
  end
  redis.call('PEXPIRE', KEYS[1], ARGV[2] * 2)
  redis.call('PEXPIRE', KEYS[2], ARGV[2] * 2)
  return redis.call('ZCOUNT', KEYS[4], ARGV[1] - ARGV[3], '+inf')
`);

const releaseScript = new Script(`
  for _, token in ipairs(ARGV) do
    redis.call('ZREM', KEYS[1], token)
    redis.call('ZREM', KEYS[2], token)
  end
  return 1
`);

/** The slots of one session. `now` is milliseconds since 1970 in every call. */
export class Slots {
  readonly #redis: RedisClient;
  readonly #request: SlotRequest;
  readonly #tokens: string[] = [];
  #waiting = 0;

  private constructor(redis: RedisClient, request: SlotRequest) {
    this.#redis = redis;
    this.#request = request;
  }

  /** Takes all the slots that are asked for, or none and a place in the queue. */
  static async take(redis: RedisClient, request: SlotRequest, now: number): Promise<Slots | SlotRefused> {
    const slots = new Slots(redis, request);
    return (await slots.#take(request.count, now, true)) ?? slots;
  }

  /** One connection more, if nobody waits for it. */
  async grow(now: number): Promise<boolean> {
    return (await this.#take(1, now, false)) === undefined;
  }

  /** How many logins waited for a connection of this host when the slots were taken or renewed last. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Keeps the slots for another `ttlMs`. */
  async renew(now: number): Promise<void> {
    const args = [now, this.#request.ttlMs, graceMs, ...this.#tokens];
    this.#waiting = Number(await renewScript.run(this.#redis, this.#keys(), args));
  }

  /** Gives all slots back. */
  async release(): Promise<void> {
    await releaseScript.run(this.#redis, this.#keys(), this.#tokens.splice(0));
  }

  async #take(count: number, now: number, queues: boolean): Promise<SlotRefused | undefined> {
    const { ttlMs, login, connections, connectionsPerAccount, raiseMs, fairShareMs } = this.#request;
    const token = randomBytes(16).toString('hex');
    const limits = [count, connections, connectionsPerAccount, raiseMs, fairShareMs, queues ? 1 : 0];
    const reply = await takeScript.run(this.#redis, this.#keys(), [now, ttlMs, token, login, ...limits]);
    const [granted, until, because, number] = reply as [number, string, SlotRefusal, number];
    if (granted !== 1) return { until: Number(until), because, allowed: number };
    for (let i = 1; i <= count; i += 1) this.#tokens.push(`${token}:${i}`);
    this.#waiting = Math.max(this.#waiting, number);
    return undefined;
  }

  #keys(): string[] {
    const { host, login } = this.#request;
    return [
      hostKeys.connections(host),
      hostKeys.loginConnections(host, login),
      hostKeys.waiting(host),
      hostKeys.waitingUntil(host),
      hostKeys.adaptive(host),
    ];
  }
}
