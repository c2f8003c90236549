/** A session that obeys: it does not begin while its account is paused, and ends soon when somebody or something says so. */
import type { Account } from '../src/accounts/account.ts';
import { asMailhaulError } from '../src/ground/errors.ts';
import type { Log } from '../src/ground/log.ts';
import { countSessionFailure } from '../src/limits/roll-call.ts';
import type { SessionJob, SessionKind } from '../src/schedule/queues.ts';
import type { RunControl } from '../src/schedule/run-control.ts';
import type { WorkerContext } from './context.ts';

/** Tells a session when to end. */
export interface SessionSignals {
  /** Ends it at the next batch boundary. */
  readonly stop: AbortSignal;
  /** It has had its time to end in order: its connections are dropped. */
  readonly cut: AbortSignal;
  /** Its lines say of which account and run they are. */
  readonly log: Log;
}

/** Runs one session of an account, and says how it ended. */
export type Session = (account: Account, signals: SessionSignals) => Promise<Parameters<RunControl['ended']>[2]>;

/** One job, and what may end it besides a pause and the end of the process. */
export interface SteeredJob {
  readonly kind: SessionKind;
  readonly job: SessionJob;
  /** BullMQ gave it to somebody else. */
  readonly lost: AbortSignal;
  /** The window of its run has closed. */
  readonly closed: AbortSignal;
  /** Its account left the list; the reason of the abort is the error that says so. */
  readonly removed: AbortSignal;
}

/** Runs one session of an account and tells run control how it ended. */
export async function steered(
  { control, steering, settings, signal, cut: ending, redis, log: all }: WorkerContext,
  account: Account,
  { kind, job, lost, closed, removed }: SteeredJob,
  session: Session,
): Promise<void> {
  // Whoever resumed while this session was ending found its job still there, and queued none. What was heard of that may
  // be older than what is.
  const rest = async () => {
    await steering.refresh();
    return steering.pausedBy(account) ? control.paused(job) : control.ended(kind, job, 'resumed');
  };
  const pause = steering.signalFor(account);
  if (pause.aborted) return rest();
  const cut = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const cutLater = () => {
    timer = setTimeout(() => cut.abort(pause.reason), settings.pauseGraceMs);
  };
  pause.addEventListener('abort', cutLater, { once: true });
  const log = all.child({ account: account.id, run: job.run });
  const onlyPaused = () => pause.aborted && !signal.aborted && !lost.aborted;
  const beganAt = performance.now();
  try {
    const end = await session(account, {
      stop: AbortSignal.any([signal, lost, closed, removed, pause]),
      cut: AbortSignal.any([ending, cut.signal]),
      log,
    });
    if (end === 'interrupted' && onlyPaused()) return await rest();
    // 'interrupted' would leave the run to the next start, and there is none for this account.
    if (end === 'interrupted' && removed.aborted && !signal.aborted && !lost.aborted) throw removed.reason;
    noteEnd(log, { kind, end, beganAt });
    await control.ended(kind, job, end);
  } catch (thrown) {
    if (ending.aborted) return control.ended(kind, job, 'interrupted');
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

/** Ends of sessions that did nothing, and will be tried again in a moment. */
const idle: ReadonlySet<unknown> = new Set(['busy', 'unserved', 'full', 'hold', 'superseded']);

function noteEnd(
  log: Log,
  { kind, end, beganAt }: { kind: SessionKind; end: Awaited<ReturnType<Session>>; beganAt: number },
): void {
  const seconds = Math.round(performance.now() - beganAt) / 1000;
  log[idle.has(end) ? 'debug' : 'info'](
    { kind, end: typeof end === 'string' ? end : 'waits', seconds },
    'session ended',
  );
}
