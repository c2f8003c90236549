/** The whole report of accounts, from Redis and the records of verifications alone: no server is asked. */
import { hostname } from 'node:os';
import type { Account } from '../accounts/account.ts';
import { programVersion } from '../ground/package-root.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { accountsCsv, messagesCsv } from '../report/full-csv.ts';
import { fullJson } from '../report/full-json.ts';
import { buildFullReport, type FullReport, type ReportMessages } from '../report/full-report.ts';
import { fullText } from '../report/full-text.ts';
import { fullHtml } from '../report/html/page.ts';
import { readStandings, type Standing } from '../report/standing.ts';
import { accountFaults } from '../report/sums.ts';
import { readAccepted, readUndelivered } from '../report/undelivered.ts';
import type { VerificationRecord } from '../report/verification.ts';
import { readThroughput } from './throughput.ts';
import { readVerifyDocument, VerificationRecords } from './verification-records.ts';

/** Accounts that are read at once. */
const atOnce = 50;
/** Pieces are put together until they have so many characters. */
const pieceChars = 65_536;

/** How a report can be had. */
export const reportFormats = ['text', 'json', 'csv', 'html'] as const;

/** How a report can be had. */
export type ReportFormat = (typeof reportFormats)[number];

/** What a report is made of and how it is headed. */
export interface ReportOptions {
  readonly redis: RedisClient;
  readonly settings: Pick<LoadedSettings, 'dataDir'> & Pick<Settings, 'reportMessagesMax' | 'throughputStepMs'>;
  readonly accounts: readonly Pick<Account, 'key' | 'id' | 'group'>[];
  /** Which accounts these are, in words. */
  readonly scope: string;
  /** Ends it at once, with what the signal says. */
  readonly signal?: AbortSignal | undefined;
  /** True for all accounts of the service: then what it appended over time is told, too. */
  readonly whole?: boolean | undefined;
  readonly title?: string | undefined;
  /** Who made it; told only where it is given. */
  readonly by?: string | undefined;
  /** True to name this host. */
  readonly withHost?: boolean | undefined;
  /** The document of a verification that was made elsewhere. */
  readonly verificationFile?: string | undefined;
}

/**
 * Which accounts a report is about, in words: `group wave-1 of the service`. `off` is how many are left out of it because
 * they are switched off.
 */
export function scopeText(group: string | undefined, chosen: boolean, whole: string, off = 0): string {
  const parts = [...(group === undefined ? [] : [`group ${group}`]), ...(chosen ? ['chosen accounts'] : [])];
  const without = off > 0 ? `, without ${off} switched off` : '';
  return `${parts.length > 0 ? parts.join(', ') : 'all accounts'} of ${whole}${without}`;
}

/** A report that is ready to be written, more than once if need be. */
export interface OpenReport {
  readonly full: FullReport;
  /** The report in a format; with `messages`, CSV has a line for each message that did not arrive instead of each account. */
  pieces(format: ReportFormat, messages?: boolean): AsyncGenerator<string>;
}

/** Reads how the accounts stand and holds the sums against each other. Throws `verification-file`. */
export async function openReport(options: ReportOptions): Promise<OpenReport> {
  const { redis, settings, accounts, scope, signal, title = 'Report of the mail migration', by = '' } = options;
  const standings: Standing[] = [];
  for (let at = 0; at < accounts.length; at += atOnce) {
    signal?.throwIfAborted();
    standings.push(...(await agreedStandings(redis, accounts.slice(at, at + atOnce))));
  }
  const host = options.withHost ? hostname() : '';
  const head = { title, madeAt: new Date().toISOString(), version: programVersion(), scope, by, host };
  const moved = options.whole ? await readThroughput(redis, settings) : undefined;
  const full = buildFullReport(head, standings, await recordsOf(options), moved);
  const messages = messagesOf(redis, standings);
  const limits = { messagesMax: settings.reportMessagesMax };
  const pieces = (format: ReportFormat, ofMessages = false) => {
    if (format === 'json') return large(fullJson(full, messages), signal);
    if (format === 'html') return large(fullHtml(full, messages, limits), signal);
    if (format === 'text') return large(fullText(full, messages, limits), signal);
    return large(ofMessages ? messagesCsv(messages) : accountsCsv(full), signal);
  };
  return { full, pieces };
}

/** What was read in mid-change does not agree for a moment: then it is read once more. */
async function agreedStandings(redis: RedisClient, accounts: ReportOptions['accounts']): Promise<Standing[]> {
  const standings = await readStandings(redis, accounts);
  const again: Promise<void>[] = standings.map(async (standing, i) => {
    if (accountFaults(standing).length === 0) return;
    standings[i] = (await readStandings(redis, [standing.account]))[0]!;
  });
  await Promise.all(again);
  return standings;
}

/** By the keys of the accounts; of two records the newer one counts. */
async function recordsOf({ settings, accounts, verificationFile }: ReportOptions) {
  const records = await new VerificationRecords(settings.dataDir).read(accounts.map(({ key }) => key));
  if (verificationFile === undefined) return records;
  const elsewhere = await readVerifyDocument(verificationFile);
  const newer = (a: VerificationRecord, b: VerificationRecord | undefined) => !b || a.startedAt > b.startedAt;
  for (const { key, id } of accounts) {
    const record = elsewhere.get(id);
    if (record && newer(record, records.get(key))) records.set(key, record);
  }
  return records;
}

/** The messages of one account are in memory at a time. */
function messagesOf(redis: RedisClient, standings: readonly Standing[]): ReportMessages {
  return {
    async *undelivered() {
      for (const { account, refused, owed } of standings) {
        if (refused + owed > 0) yield await readUndelivered(redis, account);
      }
    },
    async *accepted() {
      for (const { account, accepted } of standings) if (accepted > 0) yield await readAccepted(redis, account);
    },
  };
}

async function* large(
  pieces: Iterable<string> | AsyncIterable<string>,
  signal: AbortSignal | undefined,
): AsyncGenerator<string> {
  let text = '';
  for await (const piece of pieces) {
    signal?.throwIfAborted();
    text += piece;
    if (text.length < pieceChars) continue;
    yield text;
    text = '';
  }
  if (text !== '') yield text;
}
