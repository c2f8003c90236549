/** What the two workers have in common: an account is looked up, a session runs, and run control hears of its end. */
import type { Account } from '../src/accounts/account.ts';
import { advised } from '../src/accounts/advice.ts';
import { untilRemoved } from '../src/accounts/book.ts';
import { profilesOf } from '../src/accounts/profiles.ts';
import { MailhaulError } from '../src/ground/errors.ts';
import type { SessionJob, SessionKind } from '../src/schedule/queues.ts';
import { sessionTerms } from '../src/schedule/session-terms.ts';
import type { WorkerContext } from './context.ts';
import { type Session, steered } from './steered.ts';

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
  const { book, control, redis, log } = context;
  const terms = await sessionTerms(redis, job, Date.now());
  // Watched before the account is looked up, so that no removal falls between the two.
  const removal = untilRemoved(book, job.account);
  const { account: key, run } = job;
  removal.signal.addEventListener('abort', () => log.info({ key, run, kind }, 'account removed'));
  try {
    if (terms.signal.aborted) return await control.ended(kind, job, 'interrupted');
    const account = await lookUp(context, job.account);
    // Another process may know it: its reconciler queues the session again.
    if (!account) return await control.ended(kind, job, 'superseded');
    const steeredJob = { kind, job, lost, closed: terms.signal, removed: removal.signal };
    await steered(context, account, steeredJob, withAdvice(context, kind, session));
  } catch (error) {
    await control.failed(kind, job, error);
  } finally {
    terms.end();
    removal.stop();
  }
}

/** A refused login is told with what the provider's profile knows about it. */
function withAdvice({ settings }: WorkerContext, kind: SessionKind, session: Session): Session {
  return async (account, signals) => {
    try {
      return await session(account, signals);
    } catch (thrown) {
      if (!(thrown instanceof MailhaulError)) throw thrown;
      throw advised(thrown, account, kind === 'download' ? 'source' : 'destination', profilesOf(settings));
    }
  };
}

async function lookUp({ book }: WorkerContext, key: string): Promise<Account | undefined> {
  const account = await book.get(key);
  if (!account && book.shared) throw new MailhaulError('account-unlisted');
  return account;
}
