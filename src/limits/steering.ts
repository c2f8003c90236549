/**
 * Steering: what people have paused, known to every process within seconds. Redis holds it; a word on a channel tells
 * of a change at once, and a look now and then makes good a word that was lost. A flushed Redis forgets its pauses.
 */
import { randomBytes } from 'node:crypto';
import { globalKeys } from '../ground/keys.ts';
import type { RedisClient } from '../ground/redis.ts';
import { Script } from '../ground/redis-script.ts';
import type { Settings } from '../ground/settings.ts';

/** What a pause is about: everything, a group, or one account by its key. */
export type Scope = { readonly all: true } | { readonly group: string } | { readonly account: string };

/** One pause. */
export interface Pause {
  /** Random: a pause that was lifted and set again is another one. */
  readonly id: string;
  readonly scope: Scope;
  /** Who paused it, as the audit log names people. */
  readonly by: string;
  /** Why; empty when nobody said. */
  readonly reason: string;
  /** Milliseconds since 1970. */
  readonly at: number;
}

/** What steering needs to know of an account. */
export interface SteeredAccount {
  readonly key: string;
  readonly group?: string;
}

interface Signalled {
  readonly account: SteeredAccount;
  readonly controller: AbortController;
}

// A scope that is paused already keeps its pause: who asked first, and why, stays known.
const changeScript = new Script(`
  local changed
  if ARGV[2] == '' then changed = redis.call('HDEL', KEYS[1], ARGV[1])
  else changed = redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) end
  if changed == 1 then redis.call('SET', KEYS[2], ARGV[3]) end
  return changed
`);

/** The pauses as one process knows them. */
export class Steering {
  readonly #redis: RedisClient;
  readonly #subscriber: RedisClient;
  readonly #pollMs: number;
  readonly #listeners = new Set<() => void>();
  /** Sessions that may have to end, by account key and group. */
  readonly #signals = new Map<string, Signalled>();
  #pauses = new Map<string, Pause>();
  #version: string | null = null;
  #reading: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(redis: RedisClient, subscriber: RedisClient, pollMs: number) {
    this.#redis = redis;
    this.#subscriber = subscriber;
    this.#pollMs = pollMs;
    subscriber.on('message', () => void this.refresh().catch(() => {}));
  }

  /** Reads what is paused, and listens for changes on a connection of its own. */
  static async open(
    redis: RedisClient,
    subscriber: RedisClient,
    settings: Pick<Settings, 'steeringPollMs'>,
  ): Promise<Steering> {
    const steering = new Steering(redis, subscriber, settings.steeringPollMs);
    await subscriber.subscribe(globalKeys.steering);
    await steering.refresh();
    steering.#pollLater();
    return steering;
  }

  /** The widest pause that holds an account; undefined while nothing does, and for an account that there is not. */
  pausedBy(account: SteeredAccount | undefined): Pause | undefined {
    if (!account) return undefined;
    const group = account.group === undefined ? undefined : this.#pauses.get(fieldOf({ group: account.group }));
    return this.#pauses.get('all') ?? group ?? this.#pauses.get(fieldOf({ account: account.key }));
  }

  /** All pauses, the oldest first. */
  pauses(): readonly Pause[] {
    return [...this.#pauses.values()].sort((a, b) => a.at - b.at);
  }

  /** A signal that is aborted as soon as the account is paused; after `resume` a new one is to be asked for. */
  signalFor(account: SteeredAccount): AbortSignal {
    const pause = this.pausedBy(account);
    if (pause) return AbortSignal.abort(pause);
    // An account that changed its group has sessions that know the old one.
    const name = `${account.key} ${account.group ?? ''}`;
    const known = this.#signals.get(name);
    if (known) return known.controller.signal;
    const fresh = { account, controller: new AbortController() };
    this.#signals.set(name, fresh);
    return fresh.controller.signal;
  }

  /** Pauses a scope. Returns false when it was paused already; that pause stays as it is. */
  async pause(scope: Scope, by: string, reason: string, now: number): Promise<boolean> {
    const pause: Pause = { id: randomBytes(16).toString('hex'), scope, by, reason, at: now };
    return this.#change(fieldOf(scope), JSON.stringify(pause));
  }

  /** Lifts the pause of exactly this scope. Returns false when there was none. */
  async resume(scope: Scope): Promise<boolean> {
    return this.#change(fieldOf(scope), '');
  }

  /** Calls the listener whenever something was paused or resumed; returns how to stop that. */
  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /** Looks now whether anything changed. Throws what Redis throws; one look at a time. */
  refresh(): Promise<void> {
    this.#reading = this.#reading.catch(() => {}).then(() => this.#read());
    return this.#reading;
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#listeners.clear();
    await this.#subscriber.unsubscribe().catch(() => {});
  }

  async #change(field: string, json: string): Promise<boolean> {
    const version = randomBytes(16).toString('hex');
    const keys = [globalKeys.paused, globalKeys.pausedVersion];
    const changed = (await changeScript.run(this.#redis, keys, [field, json, version])) === 1;
    await this.#redis.publish(globalKeys.steering, version).catch(() => 0);
    await this.refresh();
    return changed;
  }

  async #read(): Promise<void> {
    const version = await this.#redis.get(globalKeys.pausedVersion);
    if (version === this.#version) return;
    const hash = await this.#redis.hgetall(globalKeys.paused);
    this.#pauses = new Map(Object.entries(hash).map(([field, json]) => [field, JSON.parse(json) as Pause]));
    this.#version = version;
    for (const [name, { account, controller }] of this.#signals) {
      const pause = this.pausedBy(account);
      if (!pause) continue;
      this.#signals.delete(name);
      controller.abort(pause);
    }
    for (const listener of [...this.#listeners]) listener();
  }

  #pollLater(): void {
    if (this.#closed) return;
    this.#timer = setTimeout(() => {
      void this.refresh()
        .catch(() => {})
        .finally(() => this.#pollLater());
    }, this.#pollMs);
    this.#timer.unref();
  }
}

function fieldOf(scope: Scope): string {
  if ('all' in scope) return 'all';
  return 'group' in scope ? `group:${scope.group}` : `account:${scope.account}`;
}
