/**
 * The outbox: a bounded stream of what is to be told, in Redis, where it survives whoever wrote it. Each script counts
 * and writes in one breath and may be sent twice. All its keys share one hash tag.
 */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { EndedEvent, FinishedEvent, NeedsEvent, OutboxEntry, OutboxEvent, SpentEvent } from './events.ts';

/** Writes an event behind the others; `max` is about how many the stream has at most. */
const add = `
  local function add(max, json, code, states)
    local number = redis.call('INCR', KEYS[2])
    redis.call('XADD', KEYS[1], 'MAXLEN', '~', max, '*',
      'number', string.format('%d', number), 'event', json, 'code', code, 'states', states)
    return 1
  end
`;

const endedScript = new Script(`${add}
  local run, code = string.match(redis.call('HGET', KEYS[3], ARGV[2]) or '|', '^([^|]*)|(.*)$')
  if run == ARGV[3] then return 0 end
  redis.call('HSET', KEYS[3], ARGV[2], ARGV[3] .. '|' .. ARGV[6])
  redis.call('HINCRBY', KEYS[4], ARGV[4], 1)
  redis.call('HINCRBY', KEYS[4], ARGV[4] .. '|' .. ARGV[5], 1)
  return add(ARGV[1], ARGV[7], ARGV[6] ~= code and ARGV[6] or '', '{}')
`);

const needsScript = new Script(`${add}
  local run, code = string.match(redis.call('HGET', KEYS[3], ARGV[2]) or '|', '^([^|]*)|(.*)$')
  if code == ARGV[3] then return 0 end
  redis.call('HSET', KEYS[3], ARGV[2], run .. '|' .. ARGV[3])
  return add(ARGV[1], ARGV[4], ARGV[3], '{}')
`);

const finishedScript = new Script(`${add}
  local states, fields = {}, {}
  local flat = redis.call('HGETALL', KEYS[3])
  for i = 1, #flat, 2 do
    local at = string.find(flat[i], '|', 1, true)
    local state, group = flat[i], ''
    if at then state, group = string.sub(flat[i], 1, at - 1), string.sub(flat[i], at) end
    if group == ARGV[3] then
      states[state] = tonumber(flat[i + 1])
      fields[#fields + 1] = flat[i]
    end
  end
  if #fields == 0 then return 0 end
  redis.call('HDEL', KEYS[3], unpack(fields))
  return add(ARGV[1], ARGV[2], '', cjson.encode(states))
`);

const spentScript = new Script(`${add}
  if not redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[3]) then return 0 end
  return add(ARGV[1], ARGV[2], '', '{}')
`);

const { outbox, outboxNumber, outboxTold, outboxEnded } = globalKeys;

/** Writes events, each once, and reads them. All of it throws what Redis throws. */
export class Outbox {
  readonly #redis: RedisClient;
  readonly #max: number;

  /** `max` is `notifyOutboxMax`. */
  constructor(redis: RedisClient, max: number) {
    this.#redis = redis;
    this.#max = max;
  }

  /** A run ended; `code` says why its account needs a person, empty where it needs none. */
  async ended(key: string, event: EndedEvent, code: string): Promise<void> {
    const { run, state, group } = event;
    const args = [this.#max, key, run, state, group, code, JSON.stringify(event)];
    await endedScript.run(this.#redis, [outbox, outboxNumber, outboxTold, outboxEnded], args);
  }

  /** A run waits for a person, because of `code`. */
  async needs(key: string, event: NeedsEvent, code: string): Promise<void> {
    const args = [this.#max, key, code, JSON.stringify(event)];
    await needsScript.run(this.#redis, [outbox, outboxNumber, outboxTold], args);
  }

  /** No run of the group is open any more, or of all; nothing where none has ended since that was told last. */
  async finished(event: FinishedEvent): Promise<void> {
    const args = [this.#max, JSON.stringify(event), event.group === null ? '' : `|${event.group}`];
    await finishedScript.run(this.#redis, [outbox, outboxNumber, outboxEnded], args);
  }

  /** A daily budget is used up; told once in `everyMs` for each host, side and group. */
  async spent(event: SpentEvent, everyMs: number): Promise<void> {
    const { side, host, group } = event;
    const args = [this.#max, JSON.stringify(event), everyMs];
    await spentScript.run(this.#redis, [outbox, outboxNumber, globalKeys.outboxSpent(side, host, group)], args);
  }

  /** Groups of which runs ended since they were last told to be finished; `any` for all together. */
  async unfinished(): Promise<{ groups: ReadonlySet<string>; any: boolean }> {
    const fields = await this.#redis.hkeys(outboxEnded);
    const groups = fields.flatMap((field) => (field.includes('|') ? [field.slice(field.indexOf('|') + 1)] : []));
    return { groups: new Set(groups), any: fields.some((field) => !field.includes('|')) };
  }

  /** Up to `count` events behind the one with this id, oldest first. */
  async after(id: string, count: number): Promise<OutboxEntry[]> {
    return (await this.#redis.xrange(outbox, `(${id}`, '+', 'COUNT', count)).map(entryOf);
  }

  /** The same up to and with `last`. */
  async between(id: string, last: string): Promise<OutboxEntry[]> {
    return (await this.#redis.xrange(outbox, `(${id}`, last)).map(entryOf);
  }

  /** The newest event; undefined for none. */
  async newest(): Promise<OutboxEntry | undefined> {
    const [entry] = await this.#redis.xrevrange(outbox, '+', '-', 'COUNT', 1);
    return entry && entryOf(entry);
  }

  /** Forgets what every target has been told: the events up to and with this one. */
  async trim(id: string): Promise<void> {
    const [ms = '0', count = '0'] = id.split('-');
    if (id !== '0-0') await this.#redis.xtrim(outbox, 'MINID', `${ms}-${BigInt(count) + 1n}`);
  }
}

function entryOf([id, fields]: [string, string[]]): OutboxEntry {
  const field = (name: string) => fields[fields.indexOf(name) + 1]!;
  const event = JSON.parse(field('event')) as OutboxEvent;
  return { id, number: Number(field('number')), event, code: field('code'), states: JSON.parse(field('states')) };
}
