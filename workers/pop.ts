/** The POP worker: download sessions from the queue, one job a session. */
import { openLogin } from '../src/accounts/login.ts';
import { downloadSession } from '../src/download/session.ts';
import { isSpoolServed } from '../src/limits/spool-service.ts';
import type { JobHandler } from '../src/schedule/queues.ts';
import type { WorkerContext } from './context.ts';

/** Handles the download jobs of a process. */
export function popWorker(context: WorkerContext): JobHandler {
  const { accounts, control, redis, settings, spool, log, bell, signal, cut, env } = context;
  return async (job, lost) => {
    const account = accounts.get(job.account);
    if (!account) return control.ended('download', job, 'superseded');
    try {
      if (!(await isSpoolServed(redis, spool.id))) return await control.ended('download', job, 'unserved');
      const endpoint = await openLogin(account, 'source', env);
      const task = { account: account.key, id: account.id, runId: job.run, endpoint };
      const announce = () =>
        void control
          .announce(account.key, job.run, spool.id)
          .catch((error: Error) => log.warn({ reason: error.message }, 'announce'));
      const stop = AbortSignal.any([signal, lost]);
      const end = await downloadSession(task, { redis, settings, spool, log, bell, signal: stop, cut, announce });
      await control.ended('download', job, end);
    } catch (error) {
      if (cut.aborted) await control.ended('download', job, 'interrupted');
      else await control.failed('download', job, error);
    }
  };
}
