/**
 * The board: what all who look at one dashboard see, read and put into words once for all of them. While nobody looks it
 * sleeps, but for the sample of the throughput.
 */
import { type Clock, inTime } from '../ground/clock.ts';
import { asMailhaulError } from '../ground/errors.ts';
import type { Log } from '../ground/log.ts';
import type { RedisClient } from '../ground/redis.ts';
import type { Settings } from '../ground/settings.ts';
import type { Steering } from '../limits/steering.ts';
import { RateMeter } from '../progress/rate.ts';
import { ScheduleBook } from '../schedule/schedule.ts';
import type { Overview } from './answers/overview.ts';
import type { RowsEvent, Table, TableQuery } from './answers/table.ts';
import { BoardKeeper, type KeeperParts } from './board-keeper.ts';
import type { BoardEntry } from './board-memory.ts';
import type { Census, Counted } from './census.ts';
import { health } from './health.ts';
import type { Live, LiveEvent } from './live.ts';
import { type BoardSums, hostSumsOf, overviewOf, sumsOf } from './overview.ts';
import { TableView } from './table.ts';
import { ThroughputSampler } from './throughput.ts';

const closeMs = 2000;
/** A Redis that takes longer than this is away, as far as those who look are concerned: its commands wait for minutes. */
const awayMs = 2000;
/** Rows in one event; of more only that there are others is told. */
const rowsAtOnce = 500;
/** An overview in which nothing has changed is told again after so many turns: who looks sees that it is not stale. */
const quietTurns = 15;

/** What the board works with. */
export interface BoardParts extends Omit<KeeperParts, 'circumstances' | 'settings' | 'steering'> {
  readonly settings: Pick<
    Settings,
    | 'eventsMs'
    | 'boardOpenMs'
    | 'boardSweepMs'
    | 'schedulerLateMs'
    | 'throughputStepMs'
    | 'throughputSteps'
    | 'schedules'
  >;
  readonly redis: RedisClient;
  readonly steering: Pick<Steering, 'pausedBy' | 'pauses' | 'onChange'>;
  readonly clock: Clock;
  readonly log: Log;
}

type Listener = (event: LiveEvent) => void;

/** One for a process. */
export class Board implements Live, Census {
  readonly #parts: BoardParts;
  readonly #keeper: BoardKeeper;
  readonly #sampler: ThroughputSampler;
  readonly #view = new TableView();
  readonly #rate = new RateMeter();
  readonly #listeners = new Set<Listener>();
  readonly #closed = new AbortController();
  #sums: { readonly version: number; readonly sums: BoardSums } | undefined;
  #hosts: { readonly version: number; readonly hosts: Counted['hosts'] } | undefined;
  #told: { readonly overview: string; readonly turn: number } | undefined;
  #turn = 0;
  #turning: Promise<void> | undefined;

  constructor(parts: BoardParts) {
    this.#parts = parts;
    const schedules = new ScheduleBook(parts.settings.schedules);
    this.#keeper = new BoardKeeper({
      ...parts,
      circumstances: (account) => {
        const { when, cutOverAt } = schedules.of(account);
        const runsAgain = when.kind !== 'once' || (cutOverAt ?? 0) > parts.clock.now();
        return { account, pause: parts.steering.pausedBy(account), runsAgain };
      },
    });
    this.#sampler = new ThroughputSampler({
      ...parts,
      look: () => this.#sample(),
      failed: (error) => this.#failed(error),
    });
  }

  /** Begins to listen and to sample, and reads all accounts in the background. */
  begin(): void {
    this.#keeper.listen();
    this.#sampler.begin();
  }

  async close(): Promise<void> {
    this.#closed.abort();
    this.#listeners.clear();
    // A Redis that is away must not keep the process.
    await inTime(Promise.all([this.#sampler.close(), this.#turning, this.#keeper.close()]), closeMs);
  }

  subscribe(listener: Listener): () => void {
    // One who has left and come back is another one.
    const own: Listener = (event) => listener(event);
    this.#listeners.add(own);
    if (this.#turning && this.#told) {
      own({ name: 'overview', data: this.#told.overview });
      own(missedRows);
    }
    this.#wake();
    return () => void this.#listeners.delete(own);
  }

  /** A page of the table, at most `eventsMs` old. Throws what Redis throws. */
  async tableOf(query: TableQuery): Promise<Table> {
    await this.#keeper.fresh(this.#parts.settings.eventsMs);
    return this.#view.page(this.#keeper.memory, query);
  }

  /** The overview, at most `eventsMs` old. Throws what Redis throws. */
  async overview(): Promise<Overview> {
    await this.#keeper.fresh(this.#parts.settings.eventsMs);
    return this.#overview();
  }

  /** Everything that is known of the accounts, at most so old, in the order of their ids. Throws what Redis throws. */
  async entries(maxAgeMs: number): Promise<readonly BoardEntry[]> {
    await this.#keeper.fresh(maxAgeMs);
    return this.#keeper.memory.entries;
  }

  async counted(maxAgeMs: number): Promise<Counted> {
    await this.#keeper.fresh(maxAgeMs);
    const { accounts, openRuns, messages } = this.#summed();
    return { accounts, openRuns, messages, hosts: this.#hostTotals() };
  }

  #wake(): void {
    if (this.#listeners.size === 0 || this.#closed.signal.aborted) return;
    this.#turning ??= this.#work().finally(() => {
      this.#turning = undefined;
      this.#wake();
    });
  }

  /** Turns follow each other as long as anybody looks. */
  async #work(): Promise<void> {
    const { clock, settings } = this.#parts;
    const { signal } = this.#closed;
    let isFirst = true;
    while (this.#listeners.size > 0 && !signal.aborted) {
      await this.#takeTurn(isFirst).catch((error: unknown) => this.#failed(error));
      isFirst = false;
      await clock.wait(settings.eventsMs, signal).catch(() => {});
    }
    this.#told = undefined;
  }

  async #takeTurn(isFirst: boolean): Promise<void> {
    this.#keeper.sweep(this.#parts.settings.eventsMs);
    // While Redis is away the overview says so, and the rows stay as they were.
    const reading = this.#keeper.fresh(0).then(
      () => true,
      (error: unknown) => this.#failed(error),
    );
    // Half of the accounts are no sum: the first look is waited for.
    const read = this.#keeper.memory.isLoaded ? await inTime(reading, awayMs) : await reading;
    this.#turn += 1;
    this.#tellOverview(JSON.stringify(await this.#overview()));
    if (isFirst) {
      this.#keeper.memory.takeChanges();
      this.#tell(missedRows);
    } else if (read) this.#tellRows();
  }

  #tellOverview(overview: string): void {
    const { overview: before = '', turn = 0 } = this.#told ?? {};
    if (withoutTime(overview) === withoutTime(before) && this.#turn - turn < quietTurns) return;
    this.#told = { overview, turn: this.#turn };
    this.#tell({ name: 'overview', data: overview });
  }

  #tellRows(): void {
    const { entries, members } = this.#keeper.memory.takeChanges();
    if (entries.length === 0 && !members) return;
    const more = members || entries.length > rowsAtOnce;
    const rows = entries.slice(0, rowsAtOnce).map(({ row }) => row);
    this.#tell({ name: 'rows', data: JSON.stringify({ rows, more } satisfies RowsEvent) });
  }

  #tell(event: LiveEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  async #overview(): Promise<Overview> {
    const { redis, settings, steering, clock } = this.#parts;
    const now = clock.now();
    const found = await health(redis, settings, now);
    const { messages, bytes } = this.#keeper.memory.moved;
    const rate = this.#rate.note(now, messages, bytes);
    return overviewOf({ now, sums: this.#summed(), health: found, rate, pauses: steering.pauses() });
  }

  #summed(): BoardSums {
    const { version, entries } = this.#keeper.memory;
    if (this.#sums?.version !== version) this.#sums = { version, sums: sumsOf(entries) };
    return this.#sums.sums;
  }

  #hostTotals(): Counted['hosts'] {
    const { version, entries } = this.#keeper.memory;
    if (this.#hosts?.version !== version) this.#hosts = { version, hosts: hostSumsOf(entries) };
    return this.#hosts.hosts;
  }

  async #sample() {
    this.#keeper.sweep(this.#parts.settings.throughputStepMs);
    await this.#keeper.fresh(0);
    this.#keeper.expire();
    const { moved, carried } = this.#keeper.memory;
    this.#rate.note(this.#parts.clock.now(), moved.messages, moved.bytes);
    return { moved, carried };
  }

  #failed(thrown: unknown): false {
    if (!this.#closed.signal.aborted) this.#parts.log.debug({ reason: asMailhaulError(thrown).message }, 'board');
    return false;
  }
}

/** Who comes later may have asked for the table before something changed that was told before he came. */
const missedRows: LiveEvent = { name: 'rows', data: JSON.stringify({ rows: [], more: true } satisfies RowsEvent) };

/** The time of an overview stands at its beginning, before any other. */
function withoutTime(overview: string): string {
  return overview.replace(/"at":"[^"]*"/, '');
}
