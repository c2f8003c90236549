/** The whole report as CSV, in two shapes: a line for each account, and a line for each message that did not arrive. */
import { csvLine } from '../ground/csv.ts';
import type { FullReport, ReportMessages } from './full-report.ts';
import type { AccountReport } from './report.ts';
import type { AcceptedMessage, UndeliveredMessage } from './undelivered.ts';
import type { Proof } from './verification.ts';
import { visible } from './visible.ts';

const counts = ['listed', 'known', 'appended', 'duplicate', 'refused', 'failed', 'vanished', 'pending'] as const;

/** The columns of the accounts. */
export const accountColumns = [
  'account',
  'group',
  'state',
  ...counts,
  'bytes_listed',
  'bytes_downloaded',
  'bytes_appended',
  'repaired',
  'rewritten',
  'verified',
  'verified_at',
  'problems',
] as const;

/** The columns of the messages. */
export const messageColumns = [
  'account',
  'group',
  'fate',
  'uidl',
  'date',
  'message_id',
  'subject',
  'size',
  'sha256',
  'code',
  'text',
  'reply',
  'tries',
  'at',
  'remedy',
  'accepted_by',
  'accepted_because',
] as const;

/** One line for each account. Sums that do not agree have a line of their own, before all others. */
export function* accountsCsv({ report, verification, faults }: FullReport): Generator<string> {
  yield csvLine(accountColumns);
  const blank = accountColumns.slice(1, -1).map(() => '');
  for (const fault of faults) yield csvLine(['SUMS DO NOT AGREE', ...blank, visible(fault)]);
  for (const [i, account] of report.accounts.entries()) yield csvLine(accountCells(account, verification.proofs[i]!));
}

/** One line for each message that did not arrive, those included that were accepted: their fate is `accepted`. */
export async function* messagesCsv(messages: ReportMessages): AsyncGenerator<string> {
  yield csvLine(messageColumns);
  for await (const part of messages.undelivered()) {
    for (const message of part) yield csvLine(messageCells(message, message.fate, message.remedy, '', ''));
  }
  for await (const part of messages.accepted()) {
    for (const message of part) yield csvLine(messageCells(message, 'accepted', '', message.by, message.reason));
  }
}

function accountCells({ id, group, state, messages, bytes, ...account }: AccountReport, proof: Proof) {
  return [
    visible(id),
    visible(group),
    state,
    ...counts.map((name) => messages[name]),
    bytes.listed,
    bytes.downloaded,
    bytes.appended,
    account.repaired,
    account.rewritten,
    proof.state,
    proof.record?.startedAt ?? '',
    account.problems.map(({ code, count }) => (count > 1 ? `${code} (${count})` : code)).join(', '),
  ];
}

function messageCells(
  message: UndeliveredMessage | AcceptedMessage,
  fate: string,
  remedy: string,
  by: string,
  because: string,
) {
  const { account, group, uidl, date, messageId, subject, size, sha256, code, text, reply, tries, at } = message;
  const told = [account, group, fate, uidl, date, messageId, subject].map(visible);
  return [...told, size, sha256, code, visible(text), visible(reply), tries, at, remedy, visible(by), visible(because)];
}
