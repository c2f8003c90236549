/**
 * Leases: who may use a login now. A lease is a random 128-bit token under a key with a time to live; it is compared
 * for equality and never counted, so that a Redis that lost its last second, or all, cannot revive an old holder.
 */
import { randomBytes } from 'node:crypto';
import { hexDigest } from '../ground/digest.ts';
import { MailhaulError } from '../ground/errors.ts';
import { releaseKey, renewKey, takeKey } from '../ground/held-key.ts';
import { accountKeys, loginKeys } from '../ground/keys.ts';
import { onReplaced, type RedisClient } from '../ground/redis.ts';

/** Where a login is, and whose mailbox it opens: that of `authzUser` where a master user logs in. */
export interface LoginName {
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly authzUser?: string | undefined;
}

/**
 * The digest that names one login at one server: the hash tag of all its keys. It is that of the mailbox, since the
 * mailboxes that one master user opens must not share a lease, an index or a budget.
 */
export function loginKey(side: 'pop' | 'imap', { host, port, user, authzUser }: LoginName): string {
  return hexDigest(16, side, host.toLowerCase(), String(port), authzUser || user);
}

/** What is known of a lease when it has been taken; `asked` is the time before Redis was asked for it. */
interface HeldLease {
  readonly login: string;
  readonly token: string;
  readonly ms: number;
  readonly asked: number;
}

/** A lease that is held and renewed until it is released or lost. */
export class Lease {
  readonly login: string;
  readonly token: string;
  readonly #redis: RedisClient;
  readonly #ms: number;
  readonly #lost = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /** Ends the lease unless it is renewed in time: a Redis that is out of reach may leave the answer open for longer. */
  #deadline: NodeJS.Timeout | undefined;
  /** When the lease ends unless it is renewed, by the clock of this process. */
  #until: number;

  readonly #cut: AbortSignal | undefined;
  readonly #onCut = () => this.#lose();
  readonly #stopListening: () => void;

  private constructor(redis: RedisClient, held: HeldLease, cut: AbortSignal | undefined) {
    const { login, token, ms, asked } = held;
    this.#redis = redis;
    this.login = login;
    this.token = token;
    this.#ms = ms;
    this.#until = asked + ms;
    this.#cut = cut;
    this.#renewLater();
    this.#loseInTime();
    // A Redis that lost its last second may still know this token, and not what was written under it: the index of a
    // mailbox, a settlement, an intent. Who begins anew looks at the destination first.
    this.#stopListening = onReplaced(redis, () => {
      this.#lose();
      // Ahead of all that its holder may still send.
      void this.release();
    });
    cut?.addEventListener('abort', this.#onCut, { once: true });
    if (cut?.aborted) this.#lose();
  }

  /**
   * Takes the lease of a login, or returns undefined when somebody else has it. `cut` makes it as good as lost: who
   * holds it drops its connections, and gives it back.
   */
  static async take(redis: RedisClient, login: string, leaseMs: number, cut?: AbortSignal): Promise<Lease | undefined> {
    const token = randomBytes(16).toString('hex');
    const key = loginKeys.lease(login);
    const asked = Date.now();
    if (!(await takeKey(redis, key, token, leaseMs))) return undefined;
    return new Lease(redis, { login, token, ms: leaseMs, asked }, cut);
  }

  /** Aborted with a `lease-lost` error as soon as the lease is known to be another's, or cannot be renewed in time. */
  get lost(): AbortSignal {
    return this.#lost.signal;
  }

  /** Asks Redis whether the lease is still ours. Throws `lease-lost`. */
  async confirm(): Promise<void> {
    if ((await this.#redis.get(loginKeys.lease(this.login))) !== this.token) this.#lose();
    this.#lost.signal.throwIfAborted();
  }

  /**
   * Throws `lease-lost` when the lease is lost, or its time is up by the clock: in a process that was asleep, answers
   * that were waiting for it come before its timers.
   */
  assertHeld(): void {
    if (Date.now() >= this.#until) this.#lose();
    this.#lost.signal.throwIfAborted();
  }

  /** Gives the lease back. */
  async release(): Promise<void> {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    this.#stopListening();
    this.#cut?.removeEventListener('abort', this.#onCut);
    await releaseKey(this.#redis, loginKeys.lease(this.login), this.token).catch(() => {});
  }

  #renewLater(): void {
    this.#timer = setTimeout(() => void this.#renew(), this.#ms / 3);
    this.#timer.unref();
  }

  async #renew(): Promise<void> {
    const asked = Date.now();
    const ours = await renewKey(this.#redis, loginKeys.lease(this.login), this.token, this.#ms).catch(() => undefined);
    if (ours === true) {
      this.#until = asked + this.#ms;
      this.#loseInTime();
    }
    if (ours === false || Date.now() > this.#until) this.#lose();
    else if (!this.#lost.signal.aborted) this.#renewLater();
  }

  #loseInTime(): void {
    clearTimeout(this.#deadline);
    this.#deadline = setTimeout(() => this.#lose(), this.#until - Date.now());
    this.#deadline.unref();
  }

  #lose(): void {
    clearTimeout(this.#timer);
    clearTimeout(this.#deadline);
    if (!this.#lost.signal.aborted) this.#lost.abort(new MailhaulError('lease-lost', { what: 'this login' }));
  }
}

/** Installs the lease's token as the append fence of the account that is about to be served (design §8). */
export async function installFence(redis: RedisClient, account: string, lease: Lease): Promise<void> {
  await lease.confirm();
  await redis.set(accountKeys.fence(account), lease.token);
}
