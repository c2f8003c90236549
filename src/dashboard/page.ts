/** What stands at /: the page for a browser; for others how the service stands, in plain text, and where to ask for more. */
import type { FastifyInstance } from 'fastify';
import { type Counted, runStates } from '../operations/census.ts';
import type { Desk } from '../operations/desk.ts';
import { type Health, health } from '../operations/health.ts';
import { number, sumLine } from '../report/text.ts';
import type { Assets } from './assets.ts';
import { wantsPage } from './login-page.ts';

/** The page runs its own script and nothing else, and no text can become markup in it. */
const pageHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
  'referrer-policy': 'same-origin',
};
const unbuilt = 'The page of the dashboard was not built. In the checkout of Mailhaul: npm run build\n';

/** Adds the route of the page. */
export function addPage(server: FastifyInstance, { redis, settings, clock, census }: Desk, assets: Assets): void {
  server.get('/', async (request, reply) => {
    reply.header('vary', 'accept');
    if (wantsPage(request)) {
      if (!assets.has('index.html')) return reply.status(503).type('text/plain; charset=utf-8').send(unbuilt);
      return assets.send('index.html', request, reply.headers(pageHeaders));
    }
    const [found, counted] = await Promise.all([health(redis, settings, clock.now()), census.counted(1000)]);
    return reply.type('text/plain; charset=utf-8').send(statusPage(found, counted));
  });
}

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
    'A browser gets the dashboard here, and the queues at /queues.',
    '',
  ].join('\n');
}
