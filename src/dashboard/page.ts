/** The page at /: how the service stands, in plain text, and where to ask for more. */
import { type Counted, runStates } from '../operations/census.ts';
import type { Health } from '../operations/health.ts';
import { number, sumLine } from '../report/text.ts';

/** The text, with a line break at its end. */
export function statusPage({ ready, processes }: Health, { accounts, messages, openRuns }: Counted): string {
  const states = runStates.map((state) => `${state} ${number(accounts[state])}`);
  return [
    `Mailhaul: ${ready ? 'ready' : 'not ready'}; ${number(processes.length)} process(es), ${number(openRuns)} open run(s)`,
    `accounts: ${states.join(', ')}`,
    `messages of the last runs: ${sumLine(messages)}`,
    '',
    'GET  /api/status  /api/accounts  /api/accounts/ID  /api/audit',
    'POST /api/pause  /api/resume  /api/retry  /api/run  /api/accept  /api/accounts/import  /api/accounts/remove',
    'GET  /metrics  /healthz  /readyz (these three ask for no token)',
    '',
  ].join('\n');
}
