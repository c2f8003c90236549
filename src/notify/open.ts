/** Notifications of a process, where the settings have any; without them nothing is loaded and nothing asked. */
import type { AccountBook } from '../accounts/book.ts';
import { systemClock } from '../ground/clock.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Notifier } from './notifier.ts';
import type { Teller } from './teller.ts';

/** What notifications work with. */
export interface NotificationsContext {
  readonly redis: RedisClient;
  readonly settings: Settings;
  readonly log: Log;
  readonly env: NodeJS.ProcessEnv;
  readonly book: Pick<AccountBook, 'get'>;
}

/** What a process has of them. */
export interface Notifications {
  readonly notifier: Notifier;
  /** Run control and scheduler, or a `sync`, say these. None throws. */
  readonly onEnded: Teller['ended'];
  readonly onWait: Teller['waits'];
  /** Writes that all runs have finished and tells what happened, within `notifySyncMs`: the end of a `sync`. Never throws. */
  atEnd(signal: AbortSignal): Promise<void>;
  /** Cuts short what is under way: it is told again by whoever comes next. */
  close(): Promise<void>;
}

/** Undefined where nobody wants to be told. Throws what Redis throws. */
export async function openNotifications(context: NotificationsContext): Promise<Notifications | undefined> {
  const { redis, settings, log, book, env } = context;
  if (Object.keys(settings.notifications).length === 0) return undefined;
  const [{ Outbox }, { Teller }, { Notifier, tellFinished }] = await Promise.all([
    import('./outbox.ts'),
    import('./teller.ts'),
    import('./notifier.ts'),
  ]);
  const cut = new AbortController();
  const clock = systemClock;
  const outbox = new Outbox(redis, settings.notifyOutboxMax);
  const notifier = new Notifier({ redis, outbox, settings, env, clock, log, signal: cut.signal });
  await notifier.register();
  const teller = new Teller({ redis, outbox, settings, log, accountOf: (key) => book.get(key) });
  return {
    notifier,
    onEnded: (account, run, runsAgain) => teller.ended(account, run, runsAgain),
    onWait: (account, wait, now) => teller.waits(account, wait, now),
    atEnd: async (signal) => {
      const untilMs = clock.now() + settings.notifySyncMs;
      const timed = AbortSignal.any([signal, AbortSignal.timeout(settings.notifySyncMs)]);
      await tellFinished(outbox, { groupsAtWork: () => new Set() }, clock.now()).catch((error: Error) => {
        log.warn({ reason: error.message }, 'not noted for notifications');
      });
      timed.addEventListener('abort', () => cut.abort(timed.reason), { once: true });
      await notifier.tellAll(untilMs, timed);
    },
    close: () => {
      cut.abort(new Error('the process ends'));
      return notifier.close();
    },
  };
}
