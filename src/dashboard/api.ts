/** The routes below /api: each checks what it was sent and calls one operation. */
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { MailhaulError } from '../ground/errors.ts';
import type { AccountAdmin } from '../operations/account-admin.ts';
import type { Desk } from '../operations/desk.ts';
import { health } from '../operations/health.ts';
import { listReports } from '../operations/reports.ts';
import { listStatus, showAccount, shownPause } from '../operations/status.ts';
import { type Asker, audited, type Deed, steer } from '../operations/steer.ts';
import {
  acceptBody,
  accountsQuery,
  auditQuery,
  checked,
  importBody,
  noQuery,
  removeBody,
  reportsQuery,
  steerBody,
} from './requests.ts';
import { nameOf } from './visitor.ts';

/** Counts in /api/status may be this old. */
const statusAgeMs = 1000;

/** Adds the routes. */
export function addApi(server: FastifyInstance, context: Desk): void {
  server.get('/api/status', async (request) => {
    checked(noQuery, request.query, 'query');
    return serviceStatus(context);
  });
  server.get('/api/accounts', async (request) => {
    return listStatus(context, pageOf(checked(accountsQuery, request.query, 'query'), context));
  });
  server.get('/api/reports', async (request) => {
    return listReports(context, pageOf(checked(reportsQuery, request.query, 'query'), context));
  });
  server.get<{ Params: { id: string } }>('/api/accounts/:id', async (request) => {
    checked(noQuery, request.query, 'query');
    return showAccount(context, request.params.id);
  });
  server.get('/api/audit', async (request) => {
    const { limit } = checked(auditQuery, request.query, 'query');
    return { entries: await context.audit.newest(limit ?? 100) };
  });
  for (const deed of ['pause', 'resume', 'retry', 'run', 'accept'] as const satisfies readonly Deed[]) {
    server.post(`/api/${deed}`, async (request) => {
      checked(noQuery, request.query, 'query');
      const { reason = '', ...selection } = checked(deed === 'accept' ? acceptBody : steerBody, request.body, 'body');
      return steer(context, deed, selection, { by: nameOf(request), reason });
    });
  }
  addAdmin(server, context);
}

function addAdmin(server: FastifyInstance, context: Desk): void {
  const { settings } = context;
  server.post('/api/accounts/import', { bodyLimit: settings.apiImportMaxBytes }, async (request) => {
    const { name, text, prune = false, folder } = checked(importBody, request.body, 'body');
    return audited(context, 'import', name, asker(request), async () => {
      const done = await adminOf(context).importList(name, text, folder === undefined ? { prune } : { prune, folder });
      const { added, changed, removed, unchanged } = done;
      const words = `${added.length} added, ${changed.length} changed, ${removed.length} removed, ${unchanged} unchanged`;
      return { ...done, text: words };
    });
  });
  server.post('/api/accounts/remove', async (request) => {
    const { account } = checked(removeBody, request.body, 'body');
    return audited(context, 'remove', account.join(', '), asker(request), async () => {
      const known = new Set((await context.book.all()).map(({ id }) => id));
      const unknown = account.filter((id) => !known.has(id));
      if (unknown.length > 0) throw new MailhaulError('account-unknown', { id: unknown.join(', ') });
      const done = await adminOf(context).remove(account);
      return { ...done, text: `${done.removed.length} removed` };
    });
  });
}

/** What a query asks for, and no more accounts than one answer may have. */
function pageOf<T extends { id?: string | string[] | undefined; limit?: number | undefined }>(
  { id, limit, ...rest }: T,
  { settings }: Desk,
) {
  const most = settings.apiPageAccounts;
  return { ...rest, ids: typeof id === 'string' ? [id] : id, limit: Math.min(limit ?? most, most) };
}

async function serviceStatus({ redis, settings, census, steering, clock }: Desk) {
  const now = clock.now();
  const [{ ready, processes }, { accounts, openRuns, messages }] = await Promise.all([
    health(redis, settings, now),
    census.counted(statusAgeMs),
  ]);
  const pauses = steering.pauses().map(shownPause);
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
