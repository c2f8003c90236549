/** The report for people: a table, the sum that must agree, and what needs somebody. */
import { printable } from '../ground/errors.ts';
import type { AccountReport, MessageCounts, Report } from './report.ts';

const columns = ['listed', 'known', 'appended', 'duplicate', 'refused', 'failed', 'vanished', 'pending'] as const;
const idMaxLength = 40;
const pathMaxLength = 100;
const cellMaxLength = 10_000;

/** The whole report, with a line break at its end. With `recheck` the destination was opened in any case. */
export function reportText(report: Report, options: { recheck?: boolean } = {}): string {
  const { run, accounts, totals } = report;
  const rows = [
    ['account', 'state', ...columns],
    ...accounts.map((account) => row(shorten(account.id), account.state, account.messages)),
    ...(accounts.length > 1 ? [row('total', '', totals.messages)] : []),
  ];
  return [
    table(rows),
    '',
    sumLine(totals.messages),
    `${size(totals.bytes.downloaded)} downloaded, ${size(totals.bytes.appended)} appended in ${run.seconds} s.`,
    ...mailboxLines(accounts, run.id === 'dry-run' ? 'Would go to' : 'Appended by mailbox'),
    ...(options.recheck ? [] : quietLine(report)),
    ...accounts.flatMap(problemLines),
    '',
  ].join('\n');
}

/** Every message accounted for (design §2, promise 5). */
export function sumLine(messages: MessageCounts): string {
  const parts = columns.slice(1).map((name) => `${name} ${number(messages[name])}`);
  return `listed ${number(messages.listed)} = ${parts.join(' + ')}`;
}

/** A whole number with thin groups of three: 12,345. */
export function number(value: number): string {
  return value.toLocaleString('en-US');
}

/** A moment as people read it: `2026-03-01 22:15:07 UTC`. `iso` is ISO 8601 in UTC, or empty. */
export function moment(iso: string): string {
  return iso.replace(/^(\S+)T(\d\d:\d\d:\d\d)(?:\.\d+)?Z$/, '$1 $2 UTC');
}

/** Bytes in the unit that suits them, powers of ten. */
export function size(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  const power = bytes < 1000 ? 0 : Math.min(units.length - 1, Math.floor(Math.log10(bytes) / 3));
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${units[power]}`;
}

function row(id: string, state: string, messages: MessageCounts): string[] {
  return [id, state, ...columns.map((name) => number(messages[name]))];
}

/**
 * A table whose first row is its heading: names to the left, numbers to the right. `left` are the columns of names. Cells
 * may hold what others wrote: nothing in them is more than text on a terminal.
 */
export function table(given: readonly string[][], left: readonly number[] = [0, 1]): string {
  const rows = given.map((cells) => cells.map((cell) => printable(cell, cellMaxLength)));
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const line = (cells: readonly string[]) =>
    cells.map((cell, i) => (left.includes(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join('  ');
  return rows.map((cells) => line(cells).trimEnd()).join('\n');
}

function mailboxLines(accounts: readonly AccountReport[], heading: string): string[] {
  const counts = new Map<string, number>();
  for (const { mailboxes } of accounts) {
    for (const [path, count] of Object.entries(mailboxes)) counts.set(path, (counts.get(path) ?? 0) + count);
  }
  if (counts.size === 0) return [];
  const parts = [...counts]
    .sort((a, b) => b[1] - a[1])
    .map(([path, count]) => `${printable(path, pathMaxLength)} ${number(count)}`);
  const shown = parts.length > 12 ? [...parts.slice(0, 12), `and ${parts.length - 12} more`] : parts;
  return [`${heading}: ${shown.join(', ')}.`];
}

/** A re-run with nothing new says that it left the destination alone (design §2, promise 6). */
function quietLine(report: Report): string[] {
  const { appended, duplicate, pending, refused, failed } = report.totals.messages;
  const quiet = appended + duplicate + pending + failed === 0 && report.totals.bytes.downloaded === 0;
  const ended = report.accounts.every(({ state }) => state === 'complete' || state === 'incomplete');
  if (!quiet || !ended) return [];
  return [
    refused > 0
      ? 'Nothing new; the destination was not opened.'
      : 'Nothing new: everything listed is known to be there. The destination was not opened.',
  ];
}

function problemLines(account: AccountReport): string[] {
  return account.problems.flatMap((problem) => [
    '',
    `${printable(account.id)}: ${problem.code}${problem.count > 1 ? ` (${number(problem.count)} times)` : ''}`,
    `  ${problem.text}`,
    `  → ${problem.remedy}`,
  ]);
}

function shorten(id: string): string {
  return id.length > idMaxLength ? `${id.slice(0, idMaxLength - 1)}…` : id;
}
