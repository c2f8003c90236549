/** The report of a check for people: a table, each problem once with all accounts that have it, and how long it will take. */
import type { MailhaulError } from '../ground/errors.ts';
import type { Cause, CheckedAccountReport, CheckReport, EstimateReport } from './check-report.ts';
import { number, size, table } from './text.ts';

const idMaxLength = 40;
/** Ids that are named with a problem; the table names all. */
const idsShown = 20;

const words: Readonly<Record<string, string>> = { complete: 'ready', incomplete: 'partly', failed: 'blocked' };

/** The state of a checked account in a word: ready, partly (some messages will stay behind) or blocked. */
export function readiness({ state }: Pick<CheckedAccountReport, 'state'>): string {
  return words[state] ?? state;
}

/** The whole report, with a line break at its end. `wrong` is what is wrong with the list. */
export function checkText(report: CheckReport, wrong?: MailhaulError): string {
  const { accounts, causes, run, notes } = report;
  const heading = ['account', 'state', 'problems', 'messages', 'size', 'to come'];
  const rows = [heading, ...accounts.map(row)];
  return [
    ...(wrong ? listLines(wrong) : []),
    ...(accounts.length > 0 ? [table(rows, [0, 1, 2]), ''] : []),
    verdict(accounts, run.seconds),
    estimateLine(report),
    ...report.estimate.because.map((because) => `  ${because}.`),
    ...causes.flatMap(causeLines),
    '',
    'What no check can see:',
    ...notes.map((note) => `  ${note}`),
    '',
  ].join('\n');
}

/** Many mistakes in one sentence would be hard to read. */
function listLines({ message, remedy, details }: MailhaulError): string[] {
  const mistakes = String(details['reason'] ?? '').split('\n');
  const heading = `the account list ${details['path']} has ${details['count']} wrong line(s):`;
  const lines = mistakes.length > 1 ? [heading, ...mistakes.map((mistake) => `  ${mistake}`)] : [message];
  return [...lines, `  → ${remedy}`, ''];
}

function row(account: CheckedAccountReport): string[] {
  const { id, problems, messages, bytes, check } = account;
  const codes = [...new Set(problems.map(({ code }) => code))].join(', ');
  const name = id.length > idMaxLength ? `${id.slice(0, idMaxLength - 1)}…` : id;
  const counts = check.incoming
    ? [number(messages.listed), size(bytes.listed), number(check.incoming.messages)]
    : ['?', '?', '?'];
  return [name, readiness(account), codes || '-', ...counts];
}

function verdict(accounts: readonly CheckedAccountReport[], seconds: number): string {
  const count = (state: string) => number(accounts.filter((account) => account.state === state).length);
  return `${count('complete')} of ${number(accounts.length)} account(s) ready, ${count('incomplete')} partly, ${count('failed')} blocked; looked at in ${seconds} s, and nothing was written on either side.`;
}

function estimateLine({ estimate, accounts }: CheckReport): string {
  const known = accounts.flatMap(({ check }) => check.incoming ?? []);
  const messages = known.reduce((sum, one) => sum + one.messages, 0);
  const bytes = known.reduce((sum, one) => sum + one.bytes, 0);
  if (messages === 0) return 'Nothing is to come from the accounts that could be looked at.';
  return `${number(messages)} message(s), ${size(bytes)}, are to come: about ${durationText(estimate)}.`;
}

/** `40 s`, `25 minutes`, `3 hours`, `9 days`. */
export function durationText({ seconds, days }: EstimateReport): string {
  if (days > 1) return `${days} days`;
  if (seconds < 120) return `${Math.ceil(seconds)} s`;
  if (seconds < 7200) return `${Math.ceil(seconds / 60)} minutes`;
  return seconds < 172_800 ? `${Math.ceil(seconds / 3600)} hours` : `${Math.ceil(seconds / 86_400)} days`;
}

function causeLines({ code, count, text, remedy, accounts }: Cause): string[] {
  const shown = accounts.slice(0, idsShown).join(', ');
  const more = accounts.length > idsShown ? ` and ${number(accounts.length - idsShown)} more` : '';
  const who = accounts.length === 1 ? shown : `${number(accounts.length)} accounts: ${shown}${more}`;
  const times = count > accounts.length ? ` (${number(count)} messages)` : '';
  return ['', `${code}${times}: ${who}`, `  ${text}`, `  → ${remedy}`];
}
