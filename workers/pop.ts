/** The POP worker: download sessions from the queue, one job a session. */
import { openLogin } from '../src/accounts/login.ts';
import { downloadSession } from '../src/download/session.ts';
import { isSpoolServed } from '../src/limits/spool-service.ts';
import type { JobHandler } from '../src/schedule/queues.ts';
import { scheduleFields } from '../src/schedule/schedule.ts';
import { sessionTerms } from '../src/schedule/session-terms.ts';
import type { WorkerContext } from './context.ts';

/** Handles the download jobs of a process. */
export function popWorker(context: WorkerContext): JobHandler {
  const { accounts, control, redis, settings, spool, log, bell, signal, env } = context;
  return async (job, lost) => {
    const account = accounts.get(job.account);
    if (!account) return control.ended('download', job, 'superseded');
    const terms = await sessionTerms(redis, job, Date.now());
    try {
      if (terms.signal.aborted) return await control.ended('download', job, 'interrupted');
      if (!(await isSpoolServed(redis, spool.id))) return await control.ended('download', job, 'unserved');
      const endpoint = await openLogin(account, 'source', env);
      const { order } = scheduleFields(settings.schedules, account);
      const task = { account: account.key, id: account.id, runId: job.run, endpoint, order };
      const announce = () =>
        void control
          .announce(account.key, job.run, spool.id)
          .catch((error: Error) => log.warn({ reason: error.message }, 'announce'));
      const stop = AbortSignal.any([signal, lost, terms.signal]);
      const end = await downloadSession(task, { redis, settings, spool, log, bell, signal: stop, announce });
      await control.ended('download', job, end);
    } catch (error) {
      await control.failed('download', job, error);
    } finally {
      terms.end();
    }
  };
}
