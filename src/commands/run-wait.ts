/** `mailhaul run --wait`: until the runs that were asked for have ended, and then what a `sync` would say of them. */
import { systemClock } from '../ground/clock.ts';
import { newRunId } from '../ground/run-id.ts';
import type { StatusPage } from '../operations/answers/account-status.ts';
import { exitStatus } from '../report/exit-status.ts';
import { type AccountReport, buildReport } from '../report/report.ts';
import { reportText } from '../report/text.ts';
import type { ApiClient, ClientOptions } from './api-client.ts';
import { settingsOf } from './common-options.ts';

/**
 * Waits until no account of the query has a run before it or under way; a paused one is not waited for. Prints the
 * report and returns the exit status of a `sync`. Throws what the client throws, when the service goes away for one.
 */
export async function waitForRuns(client: ApiClient, query: URLSearchParams, options: ClientOptions): Promise<number> {
  const { runWaitMs } = settingsOf(options, process.env);
  const startedAt = systemClock.now();
  const one = new URLSearchParams([...query, ['underWay', 'true'], ['limit', '1']]);
  for (;;) {
    const began = performance.now();
    const { accounts } = await client.get<StatusPage>(`/api/accounts?${one}`);
    if (accounts.length === 0) break;
    // The looking itself takes the service at most a twentieth of its time.
    await systemClock.wait(Math.max(runWaitMs, 20 * (performance.now() - began)));
  }
  const accounts = await client.pages<AccountReport>('/api/reports', query);
  const report = buildReport(newRunId(startedAt), startedAt, systemClock.now(), accounts);
  process.stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report));
  return exitStatus(report);
}
