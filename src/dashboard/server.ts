/** The dashboard role: health, metrics, the API and the web page over HTTP. */

import { isIP } from 'node:net';
import { join } from 'node:path';
import { fastifyCookie } from '@fastify/cookie';
import { type FastifyInstance, fastify } from 'fastify';
import { inTime } from '../ground/clock.ts';
import { hexDigest } from '../ground/digest.ts';
import { MailhaulError } from '../ground/errors.ts';
import { packageRoot, programVersion } from '../ground/package-root.ts';
import { type Desk, type DeskParts, openDesk } from '../operations/desk.ts';
import { health } from '../operations/health.ts';
import { listenAt } from '../operations/listen-address.ts';
import { measure } from '../operations/measure.ts';
import { ensureTokens, type Tokens } from '../operations/token.ts';
import { answerError } from './answers.ts';
import { addApi } from './api.ts';
import { Assets, addAssets } from './assets.ts';
import { addBoard } from './board-routes.ts';
import { addEvents, Viewers } from './events.ts';
import { Guard, securityHeaders } from './guard.ts';
import { addLogin } from './login.ts';
import { showLogin } from './login-page.ts';
import { Metrics } from './metrics.ts';
import { documentRoutes } from './openapi.ts';
import { isLoopbackAddress, isLoopbackName } from './origin.ts';
import { addPage } from './page.ts';
import { addQueuesPage } from './queues-page.ts';
import { Sessions } from './sessions.ts';

/** A dashboard that answers. */
export interface Dashboard {
  /** http://HOST:PORT */
  readonly url: string;
  /** Every route that it has, as `METHOD PATTERN`. */
  readonly routes: readonly string[];
  /** Takes no more requests and drops the connections. */
  close(): Promise<void>;
}

/** Adds routes; the guard stands before every one of them (visitor.ts says what a route may ask of it). */
type AddRoutes = (server: FastifyInstance, desk: Desk) => void | Promise<void>;

/** The routes of what people ask for, each in a file of its own. */
const parts: readonly AddRoutes[] = [addOpenRoutes, addBoard, addApi];

/** Where the build put the files of the web page, and those of the page of the queues. */
export interface PageFolders {
  readonly page: string;
  readonly queues: string;
}

/** Begins to answer. Throws `listen-failed` or `token-unusable`. */
export async function openDashboard(deskParts: DeskParts, folders = builtFolders()): Promise<Dashboard> {
  const desk = openDesk(deskParts);
  const { settings, log } = desk;
  const { host, port } = listenAt(settings);
  const tokens = await ensureTokens(settings.dataDir);
  const server = newServer(desk);
  const routes: string[] = [];
  server.addHook('onRoute', ({ method, url }) => void routes.push(...[method].flat().map((one) => `${one} ${url}`)));
  await documentRoutes(server);
  const assets = new Assets(folders.page);
  await addDoor(server, desk, tokens, isLoopbackName(isIP(host) === 6 ? `[${host}]` : host));
  for (const add of parts) await add(server, desk);
  addAssets(server, assets);
  addPage(server, desk, assets);
  addQueuesPage(server, desk, folders.queues);
  try {
    const url = await server.listen({ host, port });
    log.info({ url }, 'dashboard');
    desk.board.begin();
    return { url, routes, close: () => server.close().then(() => desk.board.close()) };
  } catch (error) {
    await server.close().catch(() => {});
    throw new MailhaulError('listen-failed', { where: `${host}:${port}`, reason: (error as Error).message });
  }
}

function newServer({ settings, log }: Desk): FastifyInstance {
  const server = fastify({
    logger: false,
    bodyLimit: settings.apiMaxBytes,
    requestTimeout: settings.apiTimeoutMs,
    connectionTimeout: settings.apiTimeoutMs,
    forceCloseConnections: true,
    // The longest id, each character as three bytes (RFC 3986 §2.1).
    routerOptions: { maxParamLength: 4500 },
    // A path that is none gets no further than this: no guard, and no other answer.
    frameworkErrors: (error, _request, reply) => answerError(error, reply.headers(securityHeaders), log),
    // What a proxy says of who sent a request counts where the proxy runs here: its own, last word alone.
    trustProxy: settings.publicUrl !== null && ((address, hop) => hop === 0 && isLoopbackAddress(address)),
  });
  server.removeContentTypeParser('text/plain');
  server.setErrorHandler((error, request, reply) => {
    if (!showLogin(error, request, reply)) answerError(error, reply, log);
  });
  server.setNotFoundHandler((request, reply) => {
    const reason = `there is no ${request.method} ${request.url.split('?')[0]}`;
    answerError(new MailhaulError('request-refused', { reason }), reply, log, 404);
  });
  return server;
}

/** Puts the guard before all routes, and adds those of who comes and goes. */
async function addDoor(server: FastifyInstance, desk: Desk, tokens: Tokens, loopback: boolean): Promise<void> {
  const { redis, settings, clock, live, log } = desk;
  const publicUrl = settings.publicUrl === null ? undefined : new URL(settings.publicUrl);
  const secure = publicUrl?.protocol === 'https:';
  // Cookies go to every port of a host: each service has a name of its own for its cookie.
  const cookie = `${secure ? '__Host-' : ''}mailhaul-${hexDigest(4, 'cookie', tokens.steer)}`;
  const sessions = new Sessions(redis, settings, hexDigest(16, tokens.steer, tokens.look), clock);
  const failuresPerMinute = settings.apiFailuresPerMinute;
  const guard = new Guard({ tokens, loopback, publicUrl, failuresPerMinute, sessions, cookie, log });
  const viewers = new Viewers(settings, sessions);
  await server.register(fastifyCookie);
  server.decorateRequest('visitor', null);
  server.addHook('onRequest', (request, reply) => guard.check(request, reply));
  const ended = (login: string) => viewers.end(login);
  await addLogin(server, { guard, sessions, cookie, secure, version: programVersion(), ended, log });
  addEvents(server, live, viewers);
}

function addOpenRoutes(server: FastifyInstance, context: Desk): void {
  const { redis, settings, clock } = context;
  const metrics = new Metrics();
  const open = { config: { access: 'open' } } as const;
  server.get('/healthz', open, async () => ({ alive: true }));
  server.get('/readyz', open, async (_request, reply) => {
    const { processes: _, ...found } = await health(redis, settings, clock.now());
    return reply.status(found.ready ? 200 : 503).send(found);
  });
  server.get('/metrics', open, async (_request, reply) => {
    const measured = await inTime(measure(context, clock.now()), settings.metricsTimeoutMs);
    const { text, type } = await metrics.text(measured);
    return reply.type(type).send(text);
  });
}

function builtFolders(): PageFolders {
  const built = join(packageRoot(), 'dist');
  return { page: join(built, 'dashboard'), queues: join(built, 'queues-page') };
}
