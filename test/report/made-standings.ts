/** How made-up accounts stand, for tests of what a report makes of them. */
import type { Run } from '../../src/ledger/run.ts';
import { noTotals } from '../../src/ledger/standing.ts';
import type { ReportHead, ReportMessages } from '../../src/report/full-report.ts';
import { runReport } from '../../src/report/report.ts';
import type { Standing } from '../../src/report/standing.ts';
import type { AcceptedMessage, UndeliveredMessage } from '../../src/report/undelivered.ts';

/** A run that ended well, with nothing in it. */
export const plainRun: Run = {
  id: 'run-1',
  number: 1,
  state: 'complete',
  startedAt: Date.parse('2026-03-01T20:00:00Z'),
  finishedAt: Date.parse('2026-03-01T20:10:00Z'),
  download: 'done',
  listed: 0,
  known: 0,
  accepted: 0,
  appended: 0,
  duplicate: 0,
  refused: 0,
  refusedBefore: 0,
  failed: 0,
  vanished: 0,
  bytesListed: 0,
  downloaded: 0,
  bytesAppended: 0,
  repaired: 0,
  rewritten: 0,
  rewritesAt: '',
  destinationOpened: true,
  draining: false,
  probed: false,
  destinationMessages: 0,
  recheck: false,
  waitMaxMs: 0,
  taker: '',
  error: '',
};

/** What is not like the others about an account. */
export interface Made {
  readonly group?: string;
  /** Null for an account that never ran. */
  readonly run?: Partial<Run> | null;
  readonly refused?: number;
  readonly owed?: number;
  readonly mailboxes?: Readonly<Record<string, number>>;
}

/** An account whose sums agree unless they are made otherwise. */
export function standingOf(id: string, made: Made = {}): Standing {
  const { group = 'wave-1', refused, owed = 0 } = made;
  const account = { key: `key of ${id}`, id, group };
  const run = made.run === null ? undefined : { ...plainRun, ...made.run };
  const mailboxes = made.mailboxes ?? (run && run.appended > 0 ? { INBOX: run.appended } : {});
  const report = runReport(account, run, mailboxes, []);
  const totals = { ...noTotals, appended: run?.appended ?? 0, duplicate: run?.duplicate ?? 0 };
  return { account, report, run, totals, refused: refused ?? report.messages.refused, owed, accepted: 0, reopened: 0 };
}

/** The head of a report. */
export const plainHead: ReportHead = {
  title: 'A report',
  madeAt: '2026-03-02T09:00:00.000Z',
  version: '1.2.3',
  scope: 'all accounts of the service',
  by: '',
  host: '',
};

/** A message that was refused. */
export function undelivered(more: Partial<UndeliveredMessage> = {}): UndeliveredMessage {
  return {
    account: 'ann',
    group: 'wave-1',
    uidl: 'u1',
    date: '04-Mar-2014 10:20:30 +0100',
    messageId: '<1@x>',
    subject: 'a subject',
    size: 2048,
    sha256: 'ab',
    code: 'append-refused',
    text: 'the text',
    reply: 'NO the reply',
    tries: 1,
    fate: 'refused',
    remedy: 'the remedy',
    at: '2026-03-01T20:05:00.000Z',
    ...more,
  };
}

/** Messages as a report reads them, those of each account together. */
export function messagesOf(
  refused: readonly (readonly UndeliveredMessage[])[] = [],
  accepted: readonly (readonly AcceptedMessage[])[] = [],
): ReportMessages {
  const stream = async function* <T>(parts: readonly T[]) {
    yield* parts;
  };
  return { undelivered: () => stream(refused), accepted: () => stream(accepted) };
}

/** All pieces in one. */
export async function textOf(pieces: Iterable<string> | AsyncIterable<string>): Promise<string> {
  let text = '';
  for await (const piece of pieces) text += piece;
  return text;
}
