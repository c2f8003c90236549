/** How far each target has been told, in Redis: saved after each delivery, and before each for the message that is tried. */
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';

/** A message that is being delivered. It stays the same, with its id, until it is delivered or dropped. */
export interface PlannedMessage {
  readonly id: string;
  /** Its last event: id in the stream, and number. */
  readonly last: string;
  readonly lastNumber: number;
  /** When it was made, and when it is tried next; milliseconds since 1970. */
  readonly at: number;
  readonly nextAt: number;
  /** Tries that failed. */
  readonly tries: number;
}

/** How far one target has been told. */
export interface TargetProgress {
  /** The last event that is through: id in the stream, and number; -1 where it is not known. */
  readonly last: string;
  readonly number: number;
  /** Events that the target was never told of: its next message says how many. */
  readonly missed: number;
  readonly planned?: PlannedMessage | undefined;
}

/** The progress of who has been told nothing, and is to be told everything. */
export const fromStart: TargetProgress = { last: '0-0', number: -1, missed: 0 };

/** The progress of a target; undefined where none is known: it is new, or Redis was flushed. */
export async function readProgress(redis: RedisClient, name: string): Promise<TargetProgress | undefined> {
  const json = await redis.hget(globalKeys.outboxTargets, name);
  return json === null ? undefined : (JSON.parse(json) as TargetProgress);
}

/** Saves the progress of a target. */
export async function saveProgress(redis: RedisClient, name: string, progress: TargetProgress): Promise<void> {
  await redis.hset(globalKeys.outboxTargets, name, JSON.stringify(progress));
}

/** The same, for a target of which nothing is known yet. */
export async function beginProgress(redis: RedisClient, name: string, progress: TargetProgress): Promise<void> {
  await redis.hsetnx(globalKeys.outboxTargets, name, JSON.stringify(progress));
}

/** Forgets targets that the settings no longer have. Returns how far the others are. */
export async function keepTargets(redis: RedisClient, names: readonly string[]): Promise<TargetProgress[]> {
  const all = await redis.hgetall(globalKeys.outboxTargets);
  const gone = Object.keys(all).filter((name) => !names.includes(name));
  if (gone.length > 0) await redis.hdel(globalKeys.outboxTargets, ...gone);
  return names.map((name) => (all[name] === undefined ? fromStart : (JSON.parse(all[name]) as TargetProgress)));
}
