/** A session that obeys pauses: it does not begin while its account is paused, and ends soon when that is paused. */
import type { Account } from '../src/accounts/account.ts';
import { asMailhaulError } from '../src/ground/errors.ts';
import { countSessionFailure } from '../src/limits/roll-call.ts';
import type { SessionJob, SessionKind } from '../src/schedule/queues.ts';
import type { WorkerContext } from './context.ts';

/** Tells a session when to end. */
export interface SessionSignals {
  /** Ends it at the next batch boundary. */
  readonly stop: AbortSignal;
  /** It has had its time to end in order: its connections are dropped. */
  readonly cut: AbortSignal;
}

/** One job, and the signal that BullMQ gave it to somebody else. */
export interface SteeredJob {
  readonly kind: SessionKind;
  readonly job: SessionJob;
  readonly lost: AbortSignal;
}

/** Runs one session of an account and tells run control how it ended. */
export async function steered(
  { control, steering, settings, signal, redis }: WorkerContext,
  account: Account,
  { kind, job, lost }: SteeredJob,
  session: (signals: SessionSignals) => Promise<string>,
): Promise<void> {
  const pause = steering.signalFor(account);
  if (pause.aborted) return control.paused(job);
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const cutLater = () => {
    timer = setTimeout(() => cut.abort(pause.reason), settings.pauseGraceMs);
  };
  pause.addEventListener('abort', cutLater, { once: true });
  const onlyPaused = () => pause.aborted && !signal.aborted && !lost.aborted;
  // Whoever resumed while this session was ending found its job still there, and queued none.
  const rest = () => (steering.pausedBy(account) ? control.paused(job) : control.ended(kind, job, 'resumed'));
  try {
    const end = await session({ stop: AbortSignal.any([signal, lost, pause]), cut: cut.signal });
    if (end === 'interrupted' && onlyPaused()) await rest();
    else await control.ended(kind, job, end);
  } catch (thrown) {
    const error = asMailhaulError(thrown);
    if (error.retry === 'soon' && onlyPaused()) return rest();
    const { host } = kind === 'download' ? account.source : account.destination;
    await countSessionFailure(redis, error.code, host);
    await control.failed(kind, job, thrown);
  } finally {
    clearTimeout(timer);
    pause.removeEventListener('abort', cutLater);
  }
}
