/** The whole report for a terminal or a text file. */
import type { FullReport, GroupReport, ReportCause, ReportMessages } from './full-report.ts';
import type { MessageCounts } from './report.ts';
import { moment, number, size, sumLine, table } from './text.ts';
import type { AcceptedMessage, ToldMessage, UndeliveredMessage } from './undelivered.ts';
import type { Verification } from './verification.ts';
import { proofWords, verificationWords } from './verification-words.ts';
import { visible } from './visible.ts';

const columns = ['listed', 'known', 'appended', 'duplicate', 'refused', 'failed', 'vanished', 'pending'] as const;
const idMaxLength = 40;
/** Ids that are named with a problem; the table names all. */
const idsShown = 20;

/** How much of a report a person reads. */
export interface ReportLimits {
  /** Messages that are shown one by one; of the others it is told how many there are, and how to have them. */
  readonly messagesMax: number;
}

/** Writes it piece by piece, with a line break at its end. */
export async function* fullText(
  full: FullReport,
  messages: ReportMessages,
  limits: ReportLimits,
): AsyncGenerator<string> {
  const { head, report, groups, faults, causes, verification, open } = full;
  const by = head.by ? ` by ${visible(head.by)}` : '';
  const host = head.host ? ` on ${visible(head.host)}` : '';
  yield `${visible(head.title)}\nMailhaul ${head.version}, ${moment(head.madeAt)}${by}${host}: ${visible(head.scope)}\n\n`;
  if (faults.length > 0) yield lines(['THE SUMS DO NOT AGREE: do not rely on these numbers.', ...faults.map(item), '']);
  yield lines([...verificationLines(verification), '']);
  if (open > 0) yield `${number(open)} run(s) still go on: these are the numbers of this moment.\n\n`;
  yield `${sumLine(report.totals.messages)}\n`;
  const { bytes } = report.totals;
  yield `${size(bytes.listed)} listed, ${size(bytes.downloaded)} downloaded, ${size(bytes.appended)} appended.\n`;
  yield lines(causes.flatMap(causeLines));
  if (groups.length > 1) yield `\n${groupTable(groups)}\n`;
  yield `\n${accountTable(full)}\n`;
  yield* messageLines('Messages that did not arrive', messages.undelivered(), undeliveredLines, limits);
  if (full.unnamed > 0) yield `\n${unnamedText(full.unnamed)}\n`;
  yield* messageLines('Accepted: messages that may stay behind', messages.accepted(), acceptedLines, limits);
}

/** Of messages that failed and that nothing names. */
export function unnamedText(count: number): string {
  return `${number(count)} message(s) that failed have no unique id at the source and cannot be named one by one.`;
}

function verificationLines(verification: Verification): string[] {
  const { headline, found, proves, provesNot } = verificationWords(verification);
  const not = provesNot.length > 0 ? ['It does not prove:', ...provesNot.map(item)] : [];
  return [headline, ...found.map(item), ...proves.map(item), ...not];
}

function groupTable(groups: readonly GroupReport[]): string {
  const rows = groups.map(({ group, accounts, messages, proved }) => [
    shorten(group || '(none)'),
    number(accounts),
    number(proved),
    ...columns.map((name) => number(messages[name])),
  ]);
  return table([['group', 'accounts', 'verified', ...columns], ...rows], [0]);
}

function accountTable({ report: { accounts, totals }, verification: { proofs } }: FullReport): string {
  const row = (id: string, state: string, proof: string, messages: MessageCounts) => [
    id,
    state,
    proof,
    ...columns.map((name) => number(messages[name])),
  ];
  const rows = accounts.map(({ id, state, messages }, i) => {
    return row(shorten(id), state, proofWords[proofs[i]!.state], messages);
  });
  const total = accounts.length > 1 ? [row('total', '', '', totals.messages)] : [];
  return table([['account', 'state', 'verified', ...columns], ...rows, ...total], [0, 1, 2]);
}

function causeLines({ code, count, text, remedy, accounts }: ReportCause): string[] {
  const shown = accounts.slice(0, idsShown).map(visible).join(', ');
  const more = accounts.length > idsShown ? ` and ${number(accounts.length - idsShown)} more` : '';
  const times = count > accounts.length ? ` (${number(count)})` : '';
  return ['', `${code}${times}: ${shown}${more}`, `  ${visible(text)}`, `  → ${visible(remedy)}`];
}

async function* messageLines<T extends ToldMessage>(
  heading: string,
  parts: AsyncIterable<readonly T[]>,
  linesOf: (part: readonly T[]) => string[],
  { messagesMax }: ReportLimits,
): AsyncGenerator<string> {
  let [shown, left] = [0, 0];
  for await (const part of parts) {
    if (part.length === 0) continue;
    if (shown === 0) yield `\n${heading}:\n`;
    const room = part.slice(0, messagesMax - shown);
    shown += room.length;
    left += part.length - room.length;
    if (room.length > 0) yield lines(['', `${visible(room[0]!.account)}:`, ...linesOf(room)]);
  }
  if (left > 0) yield `\nand ${number(left)} more: --format csv --messages and --format json have all of them.\n`;
}

function undeliveredLines(messages: readonly UndeliveredMessage[]): string[] {
  return messages.flatMap((message) => [...toldLines(message, message.fate), `    → ${message.remedy}`]);
}

function acceptedLines(messages: readonly AcceptedMessage[]): string[] {
  return messages.flatMap((message) => [
    ...toldLines(message, 'accepted'),
    `    accepted by ${visible(message.by)} at ${moment(message.at)}: ${visible(message.reason)}`,
  ]);
}

function toldLines({ uidl, date, subject, size: bytes, code, text, reply }: ToldMessage, fate: string): string[] {
  const parts = [uidl && `UIDL ${uidl}`, date, bytes > 0 && size(bytes), subject && `“${subject}”`].filter(Boolean);
  const said = reply !== '' && !text.includes(reply) ? [`    the server said: ${visible(reply)}`] : [];
  return [`  ${fate}: ${visible(parts.join(', '))}`, `    ${code}: ${visible(text)}`, ...said];
}

function shorten(id: string): string {
  const shown = visible(id);
  return shown.length > idMaxLength ? `${shown.slice(0, idMaxLength - 1)}…` : shown;
}

function item(text: string): string {
  return `  ${visible(text)}`;
}

function lines(some: readonly string[]): string {
  return some.map((line) => `${line}\n`).join('');
}
