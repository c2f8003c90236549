/** The routes below /api: each says what it takes and gives (api-route.ts) and calls one operation. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';
import type { AccountAdmin } from '../operations/account-admin.ts';
import {
  accountDetailSchema,
  type ServiceStatus,
  serviceStatusSchema,
  statusPageSchema,
} from '../operations/answers/account-status.ts';
import { auditSchema, importedSchema, removedSchema, steeredSchema } from '../operations/answers/deeds.ts';
import { reportPageSchema } from '../operations/answers/reports.ts';
import type { Desk } from '../operations/desk.ts';
import { health } from '../operations/health.ts';
import { removeUploadedLists } from '../operations/list-upload.ts';
import { listReports } from '../operations/reports.ts';
import { listStatus, showAccount, shownPause } from '../operations/status.ts';
import { type Asker, audited, type Deed, steer } from '../operations/steer.ts';
import { typed } from './api-route.ts';
import { addExports } from './export-routes.ts';
import { addDocument } from './openapi.ts';
import { addReport } from './report-routes.ts';
import {
  acceptBody,
  accountsQuery,
  auditQuery,
  idParams,
  importBody,
  removeBody,
  reportsQuery,
  steerBody,
} from './requests.ts';
import { addTasks } from './task-routes.ts';
import { nameOf } from './visitor.ts';

/** Counts in /api/status may be this old. */
const statusAgeMs = 1000;

/** Adds the routes, after `documentRoutes`. */
export function addApi(server: FastifyInstance, context: Desk): void {
  addLooking(server, context);
  addSteering(server, context);
  addAdmin(server, context);
  addTasks(server, context);
  addReport(server, context);
  addExports(server, context);
  addDocument(server);
}

function addLooking(server: FastifyInstance, context: Desk): void {
  const api = typed(server);
  api.get(
    '/api/status',
    { summary: 'The service in a few numbers', tag: 'status', answer: serviceStatusSchema },
    async () => serviceStatus(context),
  );
  api.get(
    '/api/accounts',
    {
      summary: 'Accounts, a page in the order of their ids',
      description: 'The next page begins at the `next` of this one, given as `after`.',
      tag: 'accounts',
      query: accountsQuery,
      answer: statusPageSchema,
    },
    async ({ query }) => listStatus(context, pageOf(query, context)),
  );
  api.get(
    '/api/reports',
    {
      summary: 'Reports of the last runs, a page in the order of the ids',
      description:
        'Of accounts that are switched on. The next page begins at the `next` of this one, given as `after`.',
      tag: 'accounts',
      query: reportsQuery,
      answer: reportPageSchema,
    },
    async ({ query }) => listReports(context, pageOf(query, context)),
  );
  api.get(
    '/api/accounts/:id',
    { summary: 'Everything about one account', tag: 'accounts', params: idParams, answer: accountDetailSchema },
    async ({ params }) => showAccount(context, params.id),
  );
  api.get(
    '/api/audit',
    { summary: 'Who did what, newest first', tag: 'service', query: auditQuery, answer: auditSchema },
    async ({ query }) => ({ entries: await context.audit.newest(query.limit ?? 100) }),
  );
}

/** What each deed does. */
const deeds = {
  pause: 'End sessions at their next batch boundary, and begin none until resume',
  resume: 'Lift a pause of exactly this scope, and go on',
  retry: 'Try refused logins and refused messages again, and run what failed',
  run: 'Have accounts run soon, whatever their schedule says',
  accept: 'Sign off refused messages: they may stay behind',
} as const satisfies Record<Deed, string>;

function addSteering(server: FastifyInstance, context: Desk): void {
  for (const [deed, summary] of Object.entries(deeds) as [Deed, string][]) {
    typed(server).post(
      `/api/${deed}`,
      {
        summary,
        description: 'Names accounts, a group or all: exactly one of the three.',
        tag: 'steering',
        body: deed === 'accept' ? acceptBody : steerBody,
        answer: steeredSchema,
      },
      async (request) => {
        const { reason = '', ...selection } = request.body;
        return steer(context, deed, selection, { by: nameOf(request), reason });
      },
    );
  }
}

function addAdmin(server: FastifyInstance, context: Desk): void {
  const { settings } = context;
  server.addHook('onReady', () => removeUploadedLists(settings.dataDir));
  const api = typed(server);
  api.post(
    '/api/accounts/import',
    {
      summary: 'Take in an account list',
      description: 'Its passwords go in and never come out again: they are sealed, and no answer has them.',
      tag: 'steering',
      body: importBody,
      answer: importedSchema,
      bodyLimit: settings.apiImportMaxBytes,
    },
    async (request) => {
      const { name, text, prune = false, folder } = request.body;
      return audited(context, 'import', name, asker(request), async () => {
        const done = await adminOf(context).importList(
          name,
          text,
          folder === undefined ? { prune } : { prune, folder },
        );
        const { added, changed, removed, unchanged } = done;
        const words = `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged} unchanged`;
        return { ...done, text: words };
      });
    },
  );
  api.post(
    '/api/accounts/remove',
    {
      summary: 'Remove accounts',
      description: 'What is known of their mail stays: imported again they go on where they were.',
      tag: 'steering',
      body: removeBody,
      answer: removedSchema,
    },
    async (request) => {
      const { account } = request.body;
      return audited(context, 'remove', account.join(', '), asker(request), async () => {
        const known = new Set((await context.book.all()).map(({ id }) => id));
        const unknown = account.filter((id) => !known.has(id));
        if (unknown.length > 0) throw new MailhaulError('account-unknown', { id: unknown.join(', ') });
        const done = await adminOf(context).remove(account);
        return { ...done, text: `${done.removed.length} removed` };
      });
    },
  );
}

/** What a query asks for, and no more accounts than one answer may have. */
function pageOf<T extends { id?: string | string[] | undefined; limit?: number | undefined }>(
  { id, limit, ...rest }: T,
  { settings }: Desk,
) {
  const most = settings.apiPageAccounts;
  return { ...rest, ids: typeof id === 'string' ? [id] : id, limit: Math.min(limit ?? most, most) };
}

async function serviceStatus({ redis, settings, census, steering, clock }: Desk): Promise<ServiceStatus> {
  const now = clock.now();
  const [{ ready, processes }, { accounts, openRuns, messages }] = await Promise.all([
    health(redis, settings, now),
    census.counted(statusAgeMs),
  ]);
  const pauses = steering.pauses().map((pause) => shownPause(pause));
  const shown = processes.map(({ host, pid, roles, spoolBytes }) => ({ host, pid, roles, spoolBytes }));
  return { version: 1, ready, accounts, openRuns, messages, pauses, processes: shown };
}

function adminOf({ admin }: Desk): AccountAdmin {
  if (admin) return admin;
  throw new MailhaulError('accounts-fixed');
}

function asker(request: FastifyRequest): Asker {
  return { by: nameOf(request), reason: '' };
}
