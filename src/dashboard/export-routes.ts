/**
 * /api/accounts/ID/export: files for who is not at this machine. Both open a session at the source, which costs a login,
 * and hand out what is in a mailbox: so they are POST, which only who may steer is let through with, and no other site.
 */
import { once } from 'node:events';
import { Readable } from 'node:stream';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { asMailhaulError } from '../ground/errors.ts';
import type { Desk } from '../operations/desk.ts';
import { type ExportArchive, Exports } from '../operations/export-archive.ts';
import type { ExportOptions } from '../operations/export-messages.ts';
import { uidlMap, uidlMapCsv } from '../operations/export-uidl-map.ts';
import { narrowed } from '../operations/selection.ts';
import { audited } from '../operations/steer.ts';
import { answerError } from './answers.ts';
import { typed } from './api-route.ts';
import { idParams } from './requests.ts';
import { nameOf } from './visitor.ts';

/** A mail server that does not do its part is not a fault of the service. */
const badGateway = 502;

/** Adds the routes. */
export function addExports(server: FastifyInstance, desk: Desk): void {
  const exports = new Exports(desk.settings, desk.settings.dataDir);
  server.addHook('onListen', () => exports.removeLeftovers());
  server.addHook('preClose', () => exports.close());
  const api = typed(server);
  const messages = 'The messages as .eml files and index.csv, as `mailhaul export messages` writes them.';
  api.post(
    '/api/accounts/:id/export/messages',
    {
      summary: 'Fetch the messages of an account that were refused or failed once more, with their reasons',
      description: 'Opens a session at the source. The header mailhaul-incomplete has the code of what cut it short.',
      tag: 'accounts',
      params: idParams,
      answer: { media: 'application/zip', description: messages },
    },
    (request, reply) =>
      exporting(desk, exports, request, reply, 'export messages', async (options) => {
        let text = '';
        await exports.archive(options, async (archive) => {
          const got = archive.rows.filter(({ file }) => file !== '').length;
          text = `${got} of ${archive.rows.length} message(s)`;
          await sendArchive(archive, got, request.params.id, reply);
        });
        return text;
      }),
  );
  const map = 'The columns uidl, mailbox, uidvalidity, uid and size, as `mailhaul export uidl-map` prints them.';
  api.post(
    '/api/accounts/:id/export/uidl-map',
    {
      summary: 'Which id of POP3 is which UID at the destination',
      description:
        'Opens a session at the source. The headers mailhaul-unsure, mailhaul-missing and mailhaul-anonymous count messages that have no line.',
      tag: 'accounts',
      params: idParams,
      answer: { media: 'text/csv', description: map },
    },
    (request, reply) =>
      exporting(desk, exports, request, reply, 'export uidl-map', async (options) => {
        const found = await uidlMap(options);
        const { unsure, missing, anonymous } = found;
        const counts = { 'mailhaul-unsure': unsure, 'mailhaul-missing': missing, 'mailhaul-anonymous': anonymous };
        await sendFile(
          reply,
          'text/csv; charset=utf-8',
          `${request.params.id}.csv`,
          Readable.from(uidlMapCsv(found)),
          counts,
        );
        return `${found.messages.length} message(s)`;
      }),
  );
}

/** Looks the account up and works on it, until the work has ended or nobody waits for it any more. */
async function exporting(
  desk: Desk,
  exports: Exports,
  request: FastifyRequest<{ Params: { id: string } }>,
  reply: FastifyReply,
  action: string,
  work: (options: ExportOptions) => Promise<string>,
): Promise<FastifyReply> {
  const { redis, settings, env, book, log } = desk;
  const { id } = request.params;
  const { raw } = reply;
  const gone = new AbortController();
  raw.once('close', () => gone.abort());
  // The source has its own time limits, and apiExportMaxMs is that of the whole.
  request.raw.setTimeout(0);
  const done = audited(desk, action, `account ${id}`, { by: nameOf(request), reason: '' }, async () => {
    const account = narrowed(await book.all(), { ids: [id] })[0]!;
    let text = '';
    await exports.during(gone.signal, async (signal) => {
      signal.addEventListener('abort', () => raw.destroy(), { once: true });
      const onWait = (what: string) => log.info({ account: id, what }, 'an export waits');
      text = await work({ redis, settings, env, account, signal, onWait });
    });
    return { text: raw.writableFinished ? text : `${text}; broken off` };
  });
  await done.catch((thrown: unknown) => {
    const { stops } = asMailhaulError(thrown);
    // Of what has begun the client sees that it is not whole.
    if (!raw.headersSent)
      answerError(thrown, reply, log, stops === 'account' || stops === 'host' ? badGateway : undefined);
  });
  return reply;
}

async function sendArchive(
  { zip, rows, failure }: ExportArchive,
  got: number,
  id: string,
  reply: FastifyReply,
): Promise<void> {
  if (failure && got === 0) throw failure;
  const counts = { 'mailhaul-messages': rows.length, ...(failure && { 'mailhaul-incomplete': failure.code }) };
  await sendFile(reply, 'application/zip', `${id}.zip`, zip(), counts);
}

/** Sends it, and waits until it has gone or nobody takes it. */
export async function sendFile(
  reply: FastifyReply,
  type: string,
  name: string,
  content: Readable,
  headers: Readonly<Record<string, string | number>> = {},
): Promise<void> {
  const file = name.replace(/[^A-Za-z0-9@._+-]/g, '_');
  reply.headers({ 'content-type': type, 'content-disposition': `attachment; filename="${file}"`, ...headers });
  const closed = reply.raw.closed || once(reply.raw, 'close');
  reply.send(content);
  await closed;
}
