/** The dashboard role: health, metrics and the API over HTTP. */

import { isIP } from 'node:net';
import { type FastifyInstance, fastify } from 'fastify';
import { inTime } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import { type Desk, type DeskParts, openDesk } from '../operations/desk.ts';
import { health } from '../operations/health.ts';
import { listenAt } from '../operations/listen-address.ts';
import { measure } from '../operations/measure.ts';
import { ensureToken } from '../operations/token.ts';
import { answerError } from './answers.ts';
import { addApi } from './api.ts';
import { Guard, isLoopbackName } from './guard.ts';
import { Metrics } from './metrics.ts';
import { statusPage } from './page.ts';

/** A dashboard that answers. */
export interface Dashboard {
  /** http://HOST:PORT */
  readonly url: string;
  /** Takes no more requests and drops the connections. */
  close(): Promise<void>;
}

/** Begins to answer. Throws `listen-failed` or `token-unusable`. */
export async function openDashboard(parts: DeskParts): Promise<Dashboard> {
  const context = openDesk(parts);
  const { settings, log } = context;
  const { host, port } = listenAt(settings);
  const token = await ensureToken(settings.dataDir);
  const loopback = isLoopbackName(isIP(host) === 6 ? `[${host}]` : host);
  const guard = new Guard({ token, loopback, failuresPerMinute: settings.apiFailuresPerMinute });
  const server = fastify({
    logger: false,
    bodyLimit: settings.apiMaxBytes,
    requestTimeout: settings.apiTimeoutMs,
    connectionTimeout: settings.apiTimeoutMs,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 2000 },
  });
  server.removeContentTypeParser('text/plain');
  server.setErrorHandler((error, _request, reply) => answerError(error, reply, log));
  server.setNotFoundHandler((request, reply) => {
    const reason = `there is no ${request.method} ${request.url.split('?')[0]}`;
    answerError(new MailhaulError('request-refused', { reason }), reply, log, 404);
  });
  server.addHook('onRequest', async (request, reply) => guard.check(request, reply));
  addOpenRoutes(server, context);
  addApi(server, context);
  server.get('/', async (_request, reply) => {
    const now = context.clock.now();
    const [found, counted] = await Promise.all([health(context.redis, settings, now), context.census.counted(1000)]);
    return reply.type('text/plain; charset=utf-8').send(statusPage(found, counted));
  });
  try {
    const url = await server.listen({ host, port });
    log.info({ url }, 'dashboard');
    context.board.begin();
    return { url, close: () => server.close().then(() => context.board.close()) };
  } catch (error) {
    await server.close().catch(() => {});
    throw new MailhaulError('listen-failed', { where: `${host}:${port}`, reason: (error as Error).message });
  }
}

function addOpenRoutes(server: FastifyInstance, context: Desk): void {
  const { redis, settings, clock } = context;
  const metrics = new Metrics();
  server.get('/healthz', async () => ({ alive: true }));
  server.get('/readyz', async (_request, reply) => {
    const { processes: _, ...found } = await health(redis, settings, clock.now());
    return reply.status(found.ready ? 200 : 503).send(found);
  });
  server.get('/metrics', async (_request, reply) => {
    const measured = await inTime(measure(context, clock.now()), settings.metricsTimeoutMs);
    const { text, type } = await metrics.text(measured);
    return reply.type(type).send(text);
  });
}
