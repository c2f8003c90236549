/** The POP worker: download sessions from the queue, one job a session. */
import { openLogin } from '../src/accounts/login.ts';
import { profilesOf } from '../src/accounts/profiles.ts';
import { isHeldBack } from '../src/download/gate.ts';
import { downloadSession } from '../src/download/session.ts';
import type { SourceThread } from '../src/download/thread/source-thread.ts';
import { isFirstRun } from '../src/ledger/run.ts';
import { isSpoolServed } from '../src/limits/spool-service.ts';
import type { JobHandler, Queues } from '../src/schedule/queues.ts';
import { scheduleFields } from '../src/schedule/schedule.ts';
import { attempt } from './attempt.ts';
import type { WorkerContext } from './context.ts';
import { loadAppends } from './imap.ts';

/** What only downloads need. */
interface PopContext extends WorkerContext {
  readonly sources: SourceThread;
  readonly queues: Pick<Queues, 'depth'>;
}

/** Handles the download jobs of a process. */
export function popWorker(context: PopContext): JobHandler {
  const { control, redis, settings, spool, bell, appends, queues } = context;
  const common = { redis, settings, spool, bell, appends, sources: context.sources };
  return (job, lost) =>
    attempt(context, 'download', job, lost, async (account, { stop, cut, log }) => {
      if (!(await isSpoolServed(redis, spool.id))) return 'unserved';
      if (await isHeldBack(redis, account.key, spool.space)) return 'full';
      // There will be something to append: what that takes is loaded, and the destination opened, while the source is far away.
      const first = await isFirstRun(redis, account.key);
      if (context.appends && first) void loadAppends().catch(() => {});
      // Where an attempt has failed, the source may let nobody in. And while others wait for a place, it is theirs.
      const expectsMail = first && job.tries === 0 && (await queues.depth('download', spool.id)).waiting === 0;
      const endpoint = await openLogin(account, 'source', { ...context, log });
      const { order } = scheduleFields(settings.schedules, account);
      const quirks = profilesOf(settings).of(account.source)?.quirks;
      const task = {
        account: account.key,
        id: account.id,
        runId: job.run,
        endpoint,
        order,
        topForbidden: quirks?.topForbidden !== undefined,
        listsInParts: quirks?.drainSessions !== undefined,
        expectsMail,
      };
      const announce = () =>
        void control
          .announce(account.key, job.run, spool.id)
          .catch((error: Error) => log.warn({ reason: error.message }, 'append not announced'));
      return downloadSession(task, { ...common, log, signal: stop, cut, announce });
    });
}
