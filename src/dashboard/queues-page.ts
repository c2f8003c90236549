/**
 * /queues: the queues as bull-board shows them, to look at only. Of its routes those that change something do not exist
 * here, and the queues that it is given cannot be changed either. This file owns bull-board.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createBullBoard } from '@bull-board/api';
import { BaseAdapter } from '@bull-board/api/dist/queueAdapters/base.js';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';
import type { Desk } from '../operations/desk.ts';
import { QueueViews } from '../operations/queue-views.ts';
import { answerError } from './answers.ts';
import { Assets } from './assets.ts';
import { isLoopbackName } from './origin.ts';

/** Most jobs of a queue that one answer holds. */
const mostJobs = 100;
type View = Awaited<ReturnType<QueueViews['all']>>[number];
type Board = Parameters<typeof createBullBoard>[0]['serverAdapter'];
type BoardRoute = Parameters<Board['setApiRoutes']>[0][number];
type BoardQueues = Parameters<Board['setQueues']>[0];
type BoardConfig = Parameters<Board['setUIConfig']>[0];

/** The page has a `base`, and its scripts make no markup out of texts; what it loads is its own. */
const pagePolicy =
  "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; worker-src 'self'; base-uri 'self'; form-action 'none'; frame-ancestors 'none'";

/** Adds the routes of the page whose files lie in `folder`. Where it was not built, none. */
export function addQueuesPage(server: FastifyInstance, desk: Desk, folder: string): void {
  const files = new Assets(folder);
  if (!files.has('index.ejs')) return;
  const template = readFileSync(join(folder, 'index.ejs'), 'utf8');
  const board = new BoardParts();
  createBullBoard({ queues: [], serverAdapter: board, options: { uiBasePath: folder, uiConfig: config } });
  const views = new QueueViews(desk);
  const refused = (_request: FastifyRequest, reply: Parameters<typeof answerError>[1]) => {
    const reason = 'the queues are only looked at here';
    answerError(new MailhaulError('request-refused', { reason }), reply.header('allow', 'GET, HEAD'), desk.log, 405);
  };
  server.route({ method: ['POST', 'PUT', 'PATCH', 'DELETE'], url: '/queues/*', handler: refused });
  server.get('/queues', (_request, reply) => reply.redirect('queues/', 302));
  server.get<{ Params: { '*': string } }>('/queues/static/*', (request, reply) =>
    files.send(`static/${request.params['*']}`, request, reply),
  );
  for (const path of ['', 'metrics-history', 'job-schedulers', 'queue/:queueName', 'queue/:queueName/:jobId']) {
    server.get(`/queues/${path}`, (request, reply) =>
      reply
        .headers({ 'content-security-policy': pagePolicy, 'referrer-policy': 'same-origin' })
        .type('text/html; charset=utf-8')
        .send(pageOf(template, baseOf(request, desk.settings.publicUrl), board.config)),
    );
  }
  for (const { route, handler } of board.reading) {
    server.get(`/queues${route}`, async (request, reply) => {
      const shown = (await views.all(desk.clock.now())).map((view) => new ShownQueue(view));
      const queues: BoardQueues = new Map(shown.map((queue) => [queue.getName(), queue]));
      const { params, query, headers } = request as { params: object; query: object; headers: object };
      const asked = { queues, uiConfig: board.config, params, query, headers, body: {} } as never;
      const answering = async () => handler(asked);
      const { status = 200, body } = await answering().catch(refuseMisspelt);
      return reply.status(status).send(body);
    });
  }
}

const config: BoardConfig = {
  boardTitle: 'Mailhaul: queues',
  hideRedisDetails: true,
  hideDocsLink: true,
  showMetrics: false,
  locale: { lng: 'en-GB' },
  miscLinks: [{ text: 'Dashboard', url: '../' }],
};

/** Takes the parts of the board: what would be served by an adapter for some web server is served here by ours. */
class BoardParts implements Board {
  config: BoardConfig = {};
  /** The routes that only read. */
  reading: { route: string; handler: BoardRoute['handler'] }[] = [];

  setQueues(): this {
    return this;
  }

  setViewsPath(): this {
    return this;
  }

  setStaticPath(): this {
    return this;
  }

  setEntryRoute(): this {
    return this;
  }

  setErrorHandler(): this {
    return this;
  }

  setApiRoutes(routes: readonly BoardRoute[]): this {
    this.reading = routes
      .filter(({ method }) => [method].flat().every((one) => one === 'get'))
      .flatMap(({ route, handler }) => [route].flat().map((one) => ({ route: one, handler })));
    return this;
  }

  setUIConfig(given: BoardConfig): this {
    this.config = given;
    return this;
  }
}

/** A queue as the board sees it. */
class ShownQueue extends BaseAdapter {
  readonly #view: View;

  constructor(view: View) {
    super('bullmq', { readOnlyMode: true });
    this.#view = view;
  }

  getName = () => this.#view.name;
  getRedisInfo = async () => null;
  getJob = (id: string) => this.#view.getJob(id) as never;
  getJobs = async (statuses: readonly string[], start = 0, end = start) =>
    (await this.#view.getJobs(statuses as never, start, Math.min(end, start + mostJobs - 1))) as never;
  getJobCounts = () => this.#view.getJobCounts() as never;
  getJobLogs = async (id: string) => (await this.#view.getJobLogs(id)).logs;
  getMetrics = async () => ({ meta: { count: 0, prevTS: 0, prevCount: 0 }, data: [], count: 0 }) as never;
  isPaused = () => this.#view.isPaused();
  getJobSchedulersCount = () => this.#view.getJobSchedulersCount();
  getJobStatuses = () => ['active', 'waiting', 'prioritized', 'delayed', 'completed', 'failed'] as never;
  getStatuses = () => ['latest', ...(this.getJobStatuses() as string[])] as never;
  getGlobalConcurrency = async () => null;
  override getWorkers = async () => this.normalizeWorkers(await this.#view.getWorkers(), ':w:');

  async getJobSchedulers() {
    const all = await this.#view.getJobSchedulers(0, mostJobs - 1);
    return all.map(({ key, name, every, next, iterationCount }) => ({
      id: key,
      name,
      every,
      next,
      iterationCount,
    })) as never;
  }

  // What the board asks of its own adapter beyond the base: of flows there are none.
  getQueueName = () => this.#view.name;
  getQueueQualifiedName = () => this.#view.name;
  getFlowProducer = async () => null;

  addJob = refuse;
  clean = refuse;
  empty = refuse;
  obliterate = refuse;
  pause = refuse;
  promoteAll = refuse;
  removeJobScheduler = refuse;
  resume = refuse;
  runJobSchedulerNow = refuse;
  setGlobalConcurrency = refuse;
  updateJobScheduler = refuse;
}

async function refuse(): Promise<never> {
  throw new MailhaulError('request-refused', { reason: 'the queues are only looked at here' });
}

/** The board decodes some of what it is asked once more: what cannot be decoded is no fault of the service. */
function refuseMisspelt(error: unknown): never {
  if (error instanceof URIError) throw new MailhaulError('request-refused', { reason: 'a name in it is misspelt' });
  throw error;
}

/** Where the page is for its browser: below the path of the proxy, if it came that way. */
function baseOf({ headers: { host = '' } }: FastifyRequest, publicUrl: string | null): string {
  const path = publicUrl === null || isLoopbackName(host) ? '/' : new URL(publicUrl).pathname;
  return `${path.replace(/\/$/, '')}/queues/`;
}

/** The board's own page without what a strict policy forbids: styles inside it, and letters from elsewhere. */
function pageOf(template: string, base: string, uiConfig: BoardConfig): string {
  const own = (pattern: RegExp) => [...template.matchAll(pattern)].map(([tag]) => tag).join('\n');
  return `<!doctype html>
<html lang="en" dir="ltr">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<base href="${base.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`)}">
<title>Mailhaul: queues</title>
<link rel="icon" type="image/svg+xml" id="fav-logo" href="static/images/logo.svg">
${own(/<link href="static\/[\w./-]+\.css" rel="stylesheet">/g)}
</head>
<body class="preload">
<script id="__UI_CONFIG__" type="application/json">${JSON.stringify(uiConfig).replaceAll('<', '\\u003c')}</script>
<div id="root">Loading</div>
${own(/<script defer src="static\/[\w./-]+\.js"><\/script>/g)}
</body>
</html>
`;
}
