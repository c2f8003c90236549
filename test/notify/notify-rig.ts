/** What the tests of notifications share: settings, events, and a notifier on a real Redis with a clock of its own. */
import { pino } from 'pino';
import { onTestFinished } from 'vitest';
import type { Clock } from '../../src/ground/clock.ts';
import { silentLog } from '../../src/ground/log.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import { type LoadedSettings, loadSettings } from '../../src/ground/settings-load.ts';
import { type NotifyTarget, notifyShape } from '../../src/ground/settings-notify.ts';
import { Notifier } from '../../src/notify/notifier.ts';
import { Outbox } from '../../src/notify/outbox.ts';
import { noMessages } from '../../src/report/report.ts';

/** Secrets that webhooks are signed with. */
export const [secretA, secretB] = ['a', 'b'].map(
  (letter) => `whsec_${Buffer.from(letter.repeat(32)).toString('base64')}`,
) as [string, string];

/** A target as the settings check and complete it. */
export function targetOf(fields: object): NotifyTarget {
  return notifyShape.notifications.parse({ it: fields })['it']!;
}

export function webhookTo(url: string, more: object = {}): NotifyTarget {
  return targetOf({ kind: 'webhook', url, secrets: [secretA], ...more });
}

/** The settings with these targets. */
export function settingsFor(
  notifications: Record<string, NotifyTarget>,
  more: Partial<LoadedSettings> = {},
): LoadedSettings {
  const loaded = loadSettings({ env: {}, options: { dataDir: 'nowhere' } });
  return { ...loaded, notifyTimeoutMs: 5000, notifyPollMs: 50, ...more, notifications };
}

/** A process that notifies: its outbox, and a clock that is set by hand. It begins one `notifyBatchMs` ago. */
export class NotifyRig {
  readonly outbox: Outbox;
  readonly notifier: Notifier;
  readonly #clock: { now: number };
  readonly logged: string[];

  constructor(redis: RedisClient, settings: LoadedSettings, clock = { now: Date.now() - 300_000 }, env = {}) {
    this.#clock = clock;
    this.outbox = new Outbox(redis, settings.notifyOutboxMax);
    this.logged = [];
    const log = pino({ level: 'debug', base: null }, { write: (line: string) => void this.logged.push(line) });
    const real: Clock = { now: () => clock.now, wait: () => Promise.resolve() };
    const signal = new AbortController().signal;
    this.notifier = new Notifier({ redis, outbox: this.outbox, settings, env, clock: real, log, signal });
    onTestFinished(() => this.notifier.close());
  }

  get now(): number {
    return this.#clock.now;
  }

  pass(ms: number): void {
    this.#clock.now += ms;
  }

  /** Tells all there is, one try each; retries whose time has not come are left. */
  tellAll(): Promise<void> {
    return this.notifier.tellAll(this.now, new AbortController().signal);
  }

  /** The run of an account has ended. */
  ended(account: string, { group = 'wave-1', state = 'complete', code = '', run = 'r1' } = {}): Promise<void> {
    const messages = { ...noMessages, listed: 3, appended: 3 };
    const event = { what: 'ended', at: this.now, account, group, run, state: state as 'complete', messages } as const;
    return this.outbox.ended(`key-${account}`, event, code);
  }
}

/** A log of nothing, for contexts that need one. */
export const quiet = silentLog();
