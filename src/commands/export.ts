/** `mailhaul export messages ID [LIST]` and `mailhaul export uidl-map ID [LIST]` */
import { resolve } from 'node:path';
import { type Command, Option } from 'commander';
import { errorRow, MailhaulError } from '../ground/errors.ts';
import { interruptedStatus } from '../ground/shutdown.ts';
import { writeExport } from '../operations/export-file.ts';
import { type ExportedMessages, type ExportOptions, exportMessages } from '../operations/export-messages.ts';
import { inMailbox, type UidlMap, uidlMap, uidlMapCsv } from '../operations/export-uidl-map.ts';
import { type RewrittenUidlist, readUidlist, rewriteUidlist } from '../operations/export-uidlist.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { oneAccount } from '../operations/one-account.ts';
import { number } from '../report/text.ts';
import {
  type CommonOptions,
  settingsOf,
  traceLog,
  waitLines,
  withProcessOptions,
  withTraceOption,
} from './common-options.ts';
import { besideService } from './with-redis.ts';

interface ExportCommandOptions extends CommonOptions {
  readonly out?: string;
}

interface UidlMapOptions extends ExportCommandOptions {
  readonly format: 'csv' | 'dovecot-uidlist';
  readonly uidlist?: string;
  readonly mailbox?: string;
}

/** Adds the commands; `finish` gets the exit status. */
export function addExport(program: Command, finish: (status: number) => void, insist: () => void): void {
  const group = program.command('export').description('what a move leaves to be dealt with, as files');
  const messages = group
    .command('messages <id> [list]')
    .description(
      'fetch the messages of an account that were refused or failed once more, as .eml with their reasons; of the list, else of the service',
    )
    .option('--out <dir>', 'directory for them (default: one named after the account)');
  withProcessOptions(withTraceOption(messages)).action(
    async (id: string, list: string | undefined, options: ExportCommandOptions) => {
      finish(await forAccount(id, list, options, insist, (work) => runMessages(id, options, work)));
    },
  );
  const map = group
    .command('uidl-map <id> [list]')
    .description('which id of POP3 is which UID at the destination, for servers that can keep the ids of POP3')
    .addOption(new Option('--format <format>', 'what is written').choices(['csv', 'dovecot-uidlist']).default('csv'))
    .option('--uidlist <file>', 'the dovecot-uidlist of the mailbox, which a copy is made of')
    .option('--mailbox <name>', 'the mailbox it belongs to (default: imap_mailbox of the account)')
    .option('--out <file>', 'file for it (default: standard output)');
  withProcessOptions(withTraceOption(map)).action(
    async (id: string, list: string | undefined, options: UidlMapOptions) => {
      refuseHalfAsked(options);
      finish(await forAccount(id, list, options, insist, (work) => runUidlMap(id, options, work)));
    },
  );
  for (const sub of group.commands) sub.exitOverride();
}

/** Looks the account up and works on it, beside a running service where there is one. */
async function forAccount(
  id: string,
  list: string | undefined,
  options: CommonOptions,
  insist: () => void,
  work: (options: ExportOptions) => Promise<number>,
): Promise<number> {
  const { env, stderr } = process;
  const settings = withProviderLimits(settingsOf(options, env));
  return besideService(settings, insist, async (redis, signal) => {
    const account = await oneAccount(id, list, { redis, settings, env });
    const log = traceLog(settings, 'export');
    const status = await work({ redis, settings, env, account, signal, log, onWait: waitLines(options, stderr) });
    return signal.aborted ? interruptedStatus : status;
  });
}

async function runMessages(id: string, { out, json }: ExportCommandOptions, work: ExportOptions): Promise<number> {
  const directory = resolve(out ?? directoryNameOf(id));
  const exported = await exportMessages(directory, work);
  const { rows, failure } = exported;
  const document = { version: 1, account: id, directory, messages: rows };
  process.stdout.write(json ? `${JSON.stringify(document, null, 2)}\n` : messagesText(exported, directory));
  if (failure) {
    process.stderr.write(`mailhaul: ${failure.code}: ${failure.message}\n  → ${failure.remedy}\n`);
    return errorRow(failure.code).exit ?? 3;
  }
  return rows.every(({ file }) => file !== '') ? 0 : 3;
}

function messagesText({ rows }: ExportedMessages, directory: string): string {
  if (rows.length === 0) return 'No message was refused or failed that nobody has accepted.\n';
  const without = rows.filter(({ file }) => file === '');
  const lines = [`${number(rows.length - without.length)} of ${number(rows.length)} message(s) are in ${directory}.`];
  if (without.length > 0) lines.push(`${number(without.length)} could not be had again; index.csv says why.`);
  return `${lines.join('\n')}\n`;
}

/** A name that is one directory here, whatever stands in the id. */
function directoryNameOf(id: string): string {
  return id.replace(/[^\p{L}\p{N}@._+-]/gu, '_').replace(/^\./, '_');
}

/** Throws `usage` before anything is done. */
function refuseHalfAsked({ format, uidlist, mailbox, json, out }: UidlMapOptions): void {
  const refuse = (reason: string) => {
    throw new MailhaulError('usage', { reason });
  };
  if (format === 'csv' && uidlist !== undefined) refuse('--uidlist is for --format dovecot-uidlist');
  if (format === 'csv') return;
  if (uidlist === undefined) refuse('--format dovecot-uidlist needs --uidlist FILE: the file of the mailbox as it is');
  if (mailbox === '') refuse('--mailbox must not be empty');
  if (json && out === undefined) refuse('--json and the dovecot-uidlist cannot both go to standard output: add --out');
}

async function runUidlMap(id: string, options: UidlMapOptions, work: ExportOptions): Promise<number> {
  const { format, out, json, quiet } = options;
  const map = await uidlMap(work);
  const { unsure, missing, anonymous } = map;
  const list = format === 'csv' ? undefined : await keptIds(options, map, work.account.mailbox);
  const pieces = list ? [list.bytes] : uidlMapCsv(map);
  if (out !== undefined) await writeExport(out, pieces);
  if (json) {
    const { kept, absent, merged } = list ?? {};
    const told = { mapped: map.messages.length, unsure, missing, anonymous, ...(list && { kept, absent, merged }) };
    const messages = out === undefined ? { messages: map.messages } : { out: resolve(out) };
    process.stdout.write(`${JSON.stringify({ version: 1, account: id, ...told, ...messages }, null, 2)}\n`);
  } else if (out === undefined) {
    for (const piece of pieces) process.stdout.write(piece);
  }
  if (!quiet) process.stderr.write(mapText(map, list));
  return unsure + missing + anonymous > 0 ? 3 : 0;
}

async function keptIds(options: UidlMapOptions, map: UidlMap, main: string): Promise<RewrittenUidlist> {
  const { uidlist = '', mailbox = main } = options;
  const bytes = await readUidlist(uidlist);
  return rewriteUidlist(bytes, uidlist, inMailbox(map, mailbox));
}

function mapText({ messages, unsure, missing, anonymous }: UidlMap, list: RewrittenUidlist | undefined): string {
  const lines = [`${number(messages.length)} message(s) of the source have a place in the map.`];
  if (unsure > 0) {
    lines.push(
      `${number(unsure)} were delivered, and the destination did not tell their UIDs; after mailhaul sync --recheck more may be known.`,
    );
  }
  if (missing > 0) lines.push(`${number(missing)} are not delivered yet, or were refused.`);
  if (anonymous > 0) lines.push(`${number(anonymous)} have no id of their own at the source.`);
  if (list) {
    const { kept, absent, merged } = list;
    lines.push(`${number(kept)} line(s) of the dovecot-uidlist have the id of the source now.`);
    if (absent > 0) lines.push(`${number(absent)} message(s) are not in that mailbox any more.`);
    if (merged > 0) lines.push(`${number(merged)} share a message with another one, whose id it has.`);
  }
  return `${lines.join('\n')}\n`;
}
