/** The whole report of a move: the report of the runs (design §4), and what a person files with it. Pure. */
import { MailhaulError } from '../ground/errors.ts';
import { type Problem, problemOf } from '../ledger/problems.ts';
import type { RunState } from '../ledger/run.ts';
import {
  type AccountReport,
  type ByteCounts,
  buildReport,
  type MessageCounts,
  noBytes,
  noMessages,
  type Report,
  sum,
} from './report.ts';
import type { Standing } from './standing.ts';
import { accountFaults, totalFaults } from './sums.ts';
import type { AcceptedMessage, UndeliveredMessage } from './undelivered.ts';
import { type Proof, proofOf, type Verification, type VerificationRecord, verificationOf } from './verification.ts';

/** Accounts by their states; a state that none has is left out. */
export type StateCounts = Readonly<Partial<Record<RunState, number>>>;

/** The accounts of one group together. */
export interface GroupReport {
  /** Empty for accounts without a group. */
  readonly group: string;
  readonly accounts: number;
  readonly states: StateCounts;
  readonly messages: MessageCounts;
  readonly bytes: ByteCounts;
  /** Accounts whose verification holds. */
  readonly proved: number;
}

/** One problem that accounts have. */
export interface ReportCause extends Problem {
  /** Their ids. */
  readonly accounts: readonly string[];
}

/** Who made the report of what, when. */
export interface ReportHead {
  readonly title: string;
  /** ISO 8601. */
  readonly madeAt: string;
  /** Version of Mailhaul. */
  readonly version: string;
  /** Which accounts it is about, in words. */
  readonly scope: string;
  /** Who made it and on which host; empty unless it was asked for. */
  readonly by: string;
  readonly host: string;
}

/** What was appended, step by step; steps in which nobody looked are missing. */
export interface MovedOverTime {
  readonly stepMs: number;
  /** `at` is when a step began, ISO 8601. */
  readonly samples: readonly { readonly at: string; readonly messages: number; readonly bytes: number }[];
}

/** What a report tells of all accounts, before single messages. */
export interface FullReport {
  readonly head: ReportHead;
  readonly report: Report;
  readonly groups: readonly GroupReport[];
  readonly states: StateCounts;
  /** Accounts whose runs have not ended: their numbers are on the move. */
  readonly open: number;
  /** Where sums do not agree, in words; what this report says of those is not to be relied on. */
  readonly faults: readonly string[];
  readonly causes: readonly ReportCause[];
  readonly verification: Verification;
  /** What the service appended in each step of time; nothing for a report of some accounts. */
  readonly moved: MovedOverTime;
  /** Messages that failed and cannot be named: they have no unique id of their own at the source. */
  readonly unnamed: number;
}

/** The messages of a report, account by account; each call reads them anew. */
export interface ReportMessages {
  undelivered(): AsyncIterable<readonly UndeliveredMessage[]>;
  accepted(): AsyncIterable<readonly AcceptedMessage[]>;
}

const severity = ['run', 'host', 'account', 'message', 'none'];

/** Puts it together; `records` are verifications by the keys of the accounts. */
export function buildFullReport(
  head: ReportHead,
  standings: readonly Standing[],
  records: ReadonlyMap<string, VerificationRecord>,
  moved: MovedOverTime = { stepMs: 0, samples: [] },
): FullReport {
  const proofs = standings.map((standing) => proofOf(standing, records.get(standing.account.key)));
  const accounts = standings.map(reportWithFaults);
  const report = reportOfRuns(head, standings, accounts);
  const groups = groupsOf(accounts, proofs);
  const mine = standings.flatMap((standing) =>
    accountFaults(standing).map((fault) => `${standing.report.id}: ${fault}`),
  );
  return {
    head,
    report,
    groups,
    states: statesOf(accounts),
    open: standings.filter(({ run }) => run !== undefined && run.finishedAt === 0).length,
    faults: [...totalFaults(report, groups), ...mine],
    causes: causesOf(accounts),
    verification: verificationOf(proofs),
    moved,
    unnamed: standings.reduce((all, { report: { messages }, owed }) => all + Math.max(0, messages.failed - owed), 0),
  };
}

/** The problem that sums do not agree, with the account that has it. */
function reportWithFaults(standing: Standing): AccountReport {
  const { report } = standing;
  const faults = accountFaults(standing);
  if (faults.length === 0) return report;
  const problem = problemOf(new MailhaulError('sums-disagree', { reason: faults.join('; ') }));
  return { ...report, problems: [problem, ...report.problems] };
}

/** From the beginning of the first run to the end of the last; the id is that of the runs where it is one. */
function reportOfRuns(head: ReportHead, standings: readonly Standing[], accounts: readonly AccountReport[]): Report {
  const runs = standings.flatMap(({ run }) => run ?? []);
  const ids = new Set(runs.map(({ id }) => id));
  const [id = 'report'] = ids.size === 1 ? ids : [];
  const madeAt = Date.parse(head.madeAt);
  let [from, to] = [madeAt, 0];
  for (const { startedAt, finishedAt } of runs) {
    if (startedAt > 0) from = Math.min(from, startedAt);
    to = Math.max(to, finishedAt > 0 ? finishedAt : madeAt);
  }
  return buildReport(id, from, to === 0 ? madeAt : Math.max(from, to), accounts);
}

function groupsOf(accounts: readonly AccountReport[], proofs: readonly Proof[]): GroupReport[] {
  const members = new Map<string, number[]>();
  for (const [i, { group }] of accounts.entries()) {
    const places = members.get(group);
    if (places) places.push(i);
    else members.set(group, [i]);
  }
  return [...members]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([group, places]) => {
      const those = places.map((i) => accounts[i]!);
      return {
        group,
        accounts: those.length,
        states: statesOf(those),
        messages: sum(
          those.map(({ messages }) => messages),
          noMessages,
        ),
        bytes: sum(
          those.map(({ bytes }) => bytes),
          noBytes,
        ),
        proved: places.filter((i) => proofs[i]!.state === 'proved').length,
      };
    });
}

function statesOf(accounts: readonly AccountReport[]): StateCounts {
  const counts: Partial<Record<RunState, number>> = {};
  for (const { state } of accounts) counts[state] = (counts[state] ?? 0) + 1;
  return counts;
}

/** The same problem of many accounts is told once, with the words of the first; what stops most comes first. */
function causesOf(accounts: readonly AccountReport[]): ReportCause[] {
  const causes = new Map<string, { problem: Problem; count: number; ids: string[] }>();
  for (const { id, problems } of accounts) {
    for (const problem of problems) {
      const key = `${problem.code} ${problem.remedy}`;
      const cause = causes.get(key) ?? { problem, count: 0, ids: [] };
      cause.count += problem.count;
      cause.ids.push(id);
      causes.set(key, cause);
    }
  }
  const told = [...causes.values()].map(({ problem, count, ids }) => ({ ...problem, count, accounts: ids }));
  return told.sort(
    (a, b) => severity.indexOf(a.stops) - severity.indexOf(b.stops) || b.accounts.length - a.accounts.length,
  );
}
