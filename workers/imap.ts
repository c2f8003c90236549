/** The IMAP worker: append sessions from the queue of this process's spool, one job a session. */
import { openLogin } from '../src/accounts/login.ts';
import { profilesOf } from '../src/accounts/profiles.ts';
import { ruleOwnerOf } from '../src/append/placement.ts';
import type { JobHandler } from '../src/schedule/queues.ts';
import { attempt } from './attempt.ts';
import type { WorkerContext } from './context.ts';

/** Loaded with the first append, or shortly before: a re-run with nothing new never needs an IMAP client. */
export const loadAppends = () => import('../src/append/session.ts');

/** Handles the append jobs of a process. */
export function imapWorker(context: WorkerContext): JobHandler {
  const { redis, settings, spool, bell, kept, extra } = context;
  return (job, lost) =>
    attempt(context, 'append', job, lost, async (account, { stop, cut, log }) => {
      const endpoint = await openLogin(account, 'destination', { ...context, log });
      const { key, mailbox } = account;
      const rewrites = profilesOf(settings).of(account.destination)?.quirks.rewritesMail !== undefined;
      const task = { account: key, runId: job.run, endpoint, mailbox, rewrites, ...ruleOwnerOf(account) };
      const { appendSession } = await loadAppends();
      return appendSession(task, { redis, settings, spool, bell, log, kept, extra, signal: stop, cut });
    });
}
