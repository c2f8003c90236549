/** How the whole service stands: accounts by state, sums, what each host took; for the API and the metrics alike. */
import type { Account } from '../accounts/account.ts';
import type { RedisClient } from '../ground/redis.ts';
import { type Run, type RunState, type RunTotals, readRunsAndTotals } from '../ledger/run.ts';
import type { Steering } from '../limits/steering.ts';
import { type MessageCounts, messageCounts, noMessages, sum } from '../report/report.ts';
import type { Accounts } from './selection.ts';

const atOnce = 500;

/** All states, so that one which no account has is told as 0. */
export const runStates: readonly RunState[] = [
  'queued',
  'running',
  'waiting',
  'paused',
  'complete',
  'incomplete',
  'failed',
];

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

const noTotals: HostTotals = { appended: 0, duplicate: 0, refused: 0, vanished: 0, downloaded: 0, uploaded: 0 };

/** The state that an account is shown in: a pause shows while there is something that it holds up. */
export function shownState(run: Run | undefined, isPaused: boolean): RunState {
  const open = run === undefined || run.finishedAt === 0;
  if (open && isPaused) return 'paused';
  return run?.state ?? 'queued';
}

/** Counts all accounts, and not more often than asked: many may ask at once. */
export class Census {
  readonly #redis: RedisClient;
  readonly #book: Accounts;
  readonly #steering: Pick<Steering, 'pausedBy'>;
  #counting: Promise<Counted> | undefined;
  #countedAt = Number.NEGATIVE_INFINITY;

  constructor(redis: RedisClient, book: Accounts, steering: Pick<Steering, 'pausedBy'>) {
    this.#redis = redis;
    this.#book = book;
    this.#steering = steering;
  }

  /** The counts, at most `maxAgeMs` old. */
  async counted(maxAgeMs: number): Promise<Counted> {
    if (this.#counting && performance.now() - this.#countedAt <= maxAgeMs) return this.#counting;
    this.#countedAt = performance.now();
    const counting = this.#count();
    this.#counting = counting;
    counting.catch(() => {
      if (this.#counting === counting) this.#counting = undefined;
    });
    return counting;
  }

  async #count(): Promise<Counted> {
    const all = await this.#book.all();
    const states = Object.fromEntries(runStates.map((state) => [state, 0])) as Record<RunState, number>;
    const hosts = new Map<string, HostTotals>();
    let messages = noMessages;
    let openRuns = 0;
    for (let at = 0; at < all.length; at += atOnce) {
      const part = all.slice(at, at + atOnce);
      const found = await readRunsAndTotals(
        this.#redis,
        part.map(({ key }) => key),
      );
      for (const [i, { run, totals }] of found.entries()) {
        const account = part[i]!;
        states[shownState(run, this.#steering.pausedBy(account) !== undefined)] += 1;
        if (run && run.finishedAt === 0) openRuns += 1;
        addTotals(hosts, account, totals);
      }
      messages = sum([messages, ...found.flatMap(({ run }) => (run ? [messageCounts(run)] : []))], noMessages);
    }
    return { accounts: states, openRuns, messages, hosts };
  }
}

function addTotals(hosts: Map<string, HostTotals>, { source, destination }: Account, totals: RunTotals): void {
  const { appended, duplicate, refused, vanished, downloaded, bytesAppended } = totals;
  const add = (host: string, more: Partial<HostTotals>) => {
    hosts.set(host, sum([hosts.get(host) ?? noTotals, { ...noTotals, ...more }], noTotals));
  };
  add(source.host, { downloaded, vanished });
  add(destination.host, { appended, duplicate, refused, uploaded: bytesAppended });
}
