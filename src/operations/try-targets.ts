/** Sends a test to everyone who is to be notified. */
import { randomUUID } from 'node:crypto';
import { systemClock } from '../ground/clock.ts';
import type { MailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { Settings } from '../ground/settings.ts';

/** How it went with one target; `error` is undefined where the test was taken. */
export interface TriedTarget {
  readonly target: string;
  readonly error: MailhaulError | undefined;
}

/** Sends a test to each target of the settings, one after the other. Never throws: what went wrong is in the result. */
export async function tryTargets(
  settings: Settings,
  context: { readonly env: NodeJS.ProcessEnv; readonly log: Log; readonly signal: AbortSignal },
): Promise<TriedTarget[]> {
  const { failureOf, senderOf } = await import('../notify/senders.ts');
  const { testNotification } = await import('../notify/message.ts');
  const tried: TriedTarget[] = [];
  for (const [target, fields] of Object.entries(settings.notifications)) {
    const notification = testNotification({
      name: target,
      target: fields,
      dashboard: settings.publicUrl,
      at: systemClock.now(),
    });
    const send = senderOf(target, fields, { ...context, settings, clock: systemClock });
    const error = await send({ id: `msg_test_${randomUUID()}`, notification }).then(
      () => undefined,
      (thrown: unknown) => failureOf(target, thrown),
    );
    tried.push({ target, error });
  }
  return tried;
}
