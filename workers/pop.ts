/** The POP worker: download sessions from the queue, one job a session. */
import { openLogin } from '../src/accounts/login.ts';
import { downloadSession } from '../src/download/session.ts';
import { isSpoolServed } from '../src/limits/spool-service.ts';
import type { JobHandler } from '../src/schedule/queues.ts';
import type { WorkerContext } from './context.ts';
import { steered } from './steered.ts';

/** Handles the download jobs of a process. */
export function popWorker(context: WorkerContext): JobHandler {
  const { accounts, control, redis, settings, spool, log, bell, env } = context;
  return async (job, lost) => {
    const account = accounts.get(job.account);
    if (!account) return control.ended('download', job, 'superseded');
    await steered(context, account, { kind: 'download', job, lost }, async ({ stop, cut }) => {
      if (!(await isSpoolServed(redis, spool.id))) return 'unserved';
      const endpoint = await openLogin(account, 'source', env);
      const task = { account: account.key, id: account.id, runId: job.run, endpoint };
      const announce = () =>
        void control
          .announce(account.key, job.run, spool.id)
          .catch((error: Error) => log.warn({ reason: error.message }, 'announce'));
      return downloadSession(task, { redis, settings, spool, log, bell, signal: stop, cut, announce });
    });
  };
}
