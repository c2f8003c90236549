/** The report of all accounts, of a group or of single ones, to be downloaded: as `mailhaul report` makes it. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import * as z from 'zod';
import type { Desk } from '../operations/desk.ts';
import { Exports } from '../operations/export-archive.ts';
import { openReport, type ReportFormat, reportFormats, scopeText } from '../operations/full-report.ts';
import { matching } from '../operations/status.ts';
import { typed } from './api-route.ts';
import { sendFile } from './export-routes.ts';
import { accountsQuery } from './requests.ts';

const media: Readonly<Record<ReportFormat, readonly [type: string, ending: string]>> = {
  text: ['text/plain', 'txt'],
  json: ['application/json', 'json'],
  csv: ['text/csv', 'csv'],
  html: ['text/html', 'html'],
};

const query = z.strictObject({
  ...accountsQuery.pick({ group: true, id: true }).shape,
  format: z.enum(reportFormats).default('html'),
  /** With csv: a line for each message that did not arrive instead of each account. */
  messages: z.literal('true').optional(),
});

/** Adds GET /api/report. */
export function addReport(server: FastifyInstance, desk: Desk): void {
  // Each reads and holds all accounts until its reader has taken it: whoever may look could ask for many at once.
  const reports = new Exports(desk.settings, desk.settings.dataDir);
  server.addHook('preClose', () => reports.close());
  typed(server).get(
    '/api/report',
    {
      summary: 'The report of the move, as a file',
      description:
        'Of accounts that are switched on, as `mailhaul report` makes it (docs/report.md). With `format=csv`, `messages=true` has a line for each message that did not arrive instead of each account.',
      tag: 'accounts',
      query,
      answer: { media: Object.values(media).map(([type]) => type), description: 'The file.' },
    },
    async ({ query: { group, id, format, messages } }, reply) => {
      const { redis, settings, book, clock } = desk;
      const ids = typeof id === 'string' ? [id] : id;
      const whole = group === undefined && ids === undefined;
      const [type, ending] = media[format];
      const name = `mailhaul-report-${new Date(clock.now()).toISOString().slice(0, 10)}.${ending}`;
      const gone = new AbortController();
      reply.raw.once('close', () => gone.abort());
      const done = reports.during(gone.signal, async (signal) => {
        signal.addEventListener('abort', () => reply.raw.destroy(), { once: true });
        const meant = matching(await book.all(), { group, ids, limit: 0 });
        const accounts = meant.filter(({ enabled }) => enabled);
        const scope = scopeText(group, ids !== undefined, 'the service', meant.length - accounts.length);
        const report = await openReport({ redis, settings, accounts, scope, whole, signal });
        const pieces = Readable.from(report.pieces(format, messages === 'true'));
        // A file to be kept, never a page of this site.
        await sendFile(reply, `${type}; charset=utf-8`, name, pieces);
      });
      await done.catch((error: unknown) => {
        // Nobody is left who could be told.
        if (!reply.raw.destroyed) throw error;
      });
      return reply;
    },
  );
}
