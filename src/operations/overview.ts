/** The whole service at a glance, from what the board remembers. Pure. */
import type { RunState } from '../ledger/run.ts';
import { totalsOf } from '../ledger/standing.ts';
import type { Pause } from '../limits/steering.ts';
import { type Rate, secondsLeft } from '../progress/rate.ts';
import { noBytes, noMessages } from '../report/report.ts';
import type { Overview } from './answers/overview.ts';
import type { BoardEntry } from './board-memory.ts';
import { addMessages, HostSums, type HostTotals, noStates } from './census.ts';
import type { Health } from './health.ts';
import { spoolSizes } from './measure.ts';
import { shownPause } from './status.ts';

/** Everything that is added up over all accounts. */
export interface BoardSums {
  readonly accounts: Readonly<Record<RunState, number>>;
  readonly total: number;
  readonly needPerson: number;
  readonly openRuns: number;
  readonly messages: Overview['messages'];
  readonly bytes: Overview['bytes'];
  /** Messages that runs under way have still to settle. */
  readonly pendingInOpenRuns: number;
  readonly groups: readonly string[];
}

/** Adds all accounts up. */
export function sumsOf(entries: readonly BoardEntry[]): BoardSums {
  const [accounts, messages, bytes] = [noStates(), { ...noMessages }, { ...noBytes }];
  const groups = new Set<string>();
  let [needPerson, openRuns, pendingInOpenRuns] = [0, 0, 0];
  for (const { row, counts, standing } of entries) {
    const { run } = standing;
    accounts[row.state] += 1;
    if (row.needsPerson) needPerson += 1;
    if (row.group !== '') groups.add(row.group);
    if (!run) continue;
    addMessages(messages, counts);
    bytes.listed += run.bytesListed;
    bytes.downloaded += run.downloaded;
    bytes.appended += run.bytesAppended;
    if (run.finishedAt > 0) continue;
    openRuns += 1;
    pendingInOpenRuns += counts.pending;
  }
  const total = entries.length;
  return { accounts, total, needPerson, openRuns, messages, bytes, pendingInOpenRuns, groups: [...groups].sort() };
}

/** What each host gave and took. */
export function hostSumsOf(entries: readonly BoardEntry[]): ReadonlyMap<string, HostTotals> {
  const sums = new HostSums();
  for (const { account, standing } of entries) sums.add(account, totalsOf(standing));
  return sums.hosts;
}

/** What an overview is put together from. */
export interface OverviewParts {
  /** Milliseconds since 1970. */
  readonly now: number;
  readonly sums: BoardSums;
  readonly health: Health;
  readonly rate: Rate;
  readonly pauses: readonly Pause[];
}

/** The overview. */
export function overviewOf({ now, sums, health, rate, pauses }: OverviewParts): Overview {
  const { pendingInOpenRuns: pending, groups, ...counted } = sums;
  const left = pending > 0 ? secondsLeft(pending, rate.messages) : undefined;
  return {
    version: 1,
    at: new Date(now).toISOString(),
    ready: health.ready,
    processes: health.processes.map(({ host, pid, roles, spoolBytes }) => ({
      host,
      pid,
      roles: [...roles],
      spoolBytes,
    })),
    spoolBytes: [...spoolSizes(health.processes).values()].reduce((all, one) => all + one, 0),
    ...counted,
    accounts: { ...counted.accounts },
    rate: { messages: rounded(rate.messages), bytes: rounded(rate.bytes) },
    etaSeconds: left === undefined ? null : Math.ceil(left),
    // Those of single accounts may be thousands, and stand in their rows.
    pauses: pauses.filter(({ scope }) => !('account' in scope)).map((pause) => shownPause(pause)),
    groups: [...groups],
  };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}
