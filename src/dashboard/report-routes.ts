/** The report of all accounts, of a group or of single ones, to be downloaded: as `mailhaul report` makes it. */
import { Readable } from 'node:stream';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Desk } from '../operations/desk.ts';
import { type OpenReport, openReport, type ReportFormat, reportFormats, scopeText } from '../operations/full-report.ts';
import { matching } from '../operations/status.ts';
import { typed } from './api-route.ts';
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
  // One after the other: each reads all accounts, and many might be asked for at once.
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = (work: () => Promise<OpenReport>) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
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
      const meant = matching(await book.all(), { group, ids, limit: 0 });
      const accounts = meant.filter(({ enabled }) => enabled);
      const whole = group === undefined && ids === undefined;
      const scope = scopeText(group, ids !== undefined, 'the service', meant.length - accounts.length);
      const report = await inTurn(() => openReport({ redis, settings, accounts, scope, whole }));
      const [type, ending] = media[format];
      const name = `mailhaul-report-${new Date(clock.now()).toISOString().slice(0, 10)}.${ending}`;
      // A file to be kept, never a page of this site.
      reply.type(`${type}; charset=utf-8`).header('content-disposition', `attachment; filename="${name}"`);
      return reply.send(Readable.from(report.pieces(format, messages === 'true')));
    },
  );
}
