/** What the two workers have in common: an account is looked up, a session runs, and run control hears of its end. */
import type { Account } from '../src/accounts/account.ts';
import { untilRemoved } from '../src/accounts/book.ts';
import { MailhaulError } from '../src/ground/errors.ts';
import type { SessionJob, SessionKind } from '../src/schedule/queues.ts';
import { sessionTerms } from '../src/schedule/session-terms.ts';
import type { WorkerContext } from './context.ts';

/** Runs one session of an account until `stop`, and says how it ended. */
export type Session = (account: Account, stop: AbortSignal) => Promise<string>;

/**
 * Does a job. An account that was removed ends its session at the next batch boundary, and its run after a few more
 * looks at the book: an editor may have taken its line away for a moment. What is spooled stays where it is.
 */
export async function attempt(
  context: WorkerContext,
  kind: SessionKind,
  job: SessionJob,
  lost: AbortSignal,
  session: Session,
): Promise<void> {
  const { book, control, redis, signal, cut, log } = context;
  // Watched before the account is looked up, so that no removal falls between the two.
  const removal = untilRemoved(book, job.account);
  const { account: key, run } = job;
  removal.signal.addEventListener('abort', () => log.info({ account: key, run, kind }, 'account removed'));
  const terms = await sessionTerms(redis, job, Date.now());
  try {
    if (terms.signal.aborted) return await control.ended(kind, job, 'interrupted');
    const account = await book.get(job.account);
    if (!account) {
      // Another process may know it: its reconciler queues the session again.
      if (!book.shared) return await control.ended(kind, job, 'superseded');
      throw new MailhaulError('account-unlisted');
    }
    const end = await session(account, AbortSignal.any([signal, lost, removal.signal, terms.signal]));
    // 'interrupted' would leave the run to the next start, and there is none for this account.
    if (end === 'interrupted' && removal.signal.aborted && !signal.aborted && !lost.aborted)
      throw removal.signal.reason;
    await control.ended(kind, job, end);
  } catch (error) {
    if (cut.aborted) await control.ended(kind, job, 'interrupted');
    else await control.failed(kind, job, error);
  } finally {
    terms.end();
    removal.stop();
  }
}
