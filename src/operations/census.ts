/** How the whole service stands: accounts by state, sums, what each host took; for the API and the metrics alike. */
import type { Account } from '../accounts/account.ts';
import type { Run, RunState } from '../ledger/run.ts';
import type { RunTotals } from '../ledger/total-names.ts';
import type { MessageCounts } from '../report/report.ts';
import { accountState } from './answers/counts.ts';

/** All states, so that one which no account has is told as 0. */
export const runStates: readonly RunState[] = accountState.options;

/** What one host gave and took since its accounts are known: numbers that only grow. */
export interface HostTotals {
  readonly appended: number;
  readonly duplicate: number;
  readonly refused: number;
  readonly vanished: number;
  /** Bytes of messages. */
  readonly downloaded: number;
  readonly uploaded: number;
}

/** The counts of all accounts. */
export interface Counted {
  readonly accounts: Readonly<Record<RunState, number>>;
  /** Runs that have not ended, by state. */
  readonly openRuns: number;
  readonly messages: MessageCounts;
  /** By the host name of a source or a destination. */
  readonly hosts: ReadonlyMap<string, HostTotals>;
}

/** Who has the counts. */
export interface Census {
  /** The counts, at most `maxAgeMs` old. Throws what Redis throws. */
  counted(maxAgeMs: number): Promise<Counted>;
}

/** The state that an account is shown in: a pause shows while there is something that it holds up. */
export function shownState(run: Run | undefined, isPaused: boolean): RunState {
  const open = run === undefined || run.finishedAt === 0;
  if (open && isPaused) return 'paused';
  return run?.state ?? 'queued';
}

/** No account in any state. */
export function noStates(): Record<RunState, number> {
  return Object.fromEntries(runStates.map((state) => [state, 0])) as Record<RunState, number>;
}

/** Adds counts of messages to a sum: ten thousand times in a moment, so each by its name. */
export function addMessages(sum: Record<keyof MessageCounts, number>, counts: MessageCounts): void {
  sum.listed += counts.listed;
  sum.known += counts.known;
  sum.appended += counts.appended;
  sum.duplicate += counts.duplicate;
  sum.refused += counts.refused;
  sum.failed += counts.failed;
  sum.vanished += counts.vanished;
  sum.pending += counts.pending;
}

type Growing = { -readonly [Name in keyof HostTotals]: HostTotals[Name] };

/** What hosts gave and took, added up account by account. */
export class HostSums {
  readonly hosts = new Map<string, Growing>();

  /** Adds all runs of an account. */
  add({ source, destination }: Account, totals: RunTotals): void {
    const from = this.#of(source.host);
    from.downloaded += totals.downloaded;
    from.vanished += totals.vanished;
    const to = this.#of(destination.host);
    to.appended += totals.appended;
    to.duplicate += totals.duplicate;
    to.refused += totals.refused;
    to.uploaded += totals.bytesAppended;
  }

  #of(host: string): Growing {
    const known = this.hosts.get(host);
    if (known) return known;
    const fresh = { appended: 0, duplicate: 0, refused: 0, vanished: 0, downloaded: 0, uploaded: 0 };
    this.hosts.set(host, fresh);
    return fresh;
  }
}
