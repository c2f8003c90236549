/** A board over a real Redis, with accounts that nobody works for. */
import { onTestFinished } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { systemClock } from '../../src/ground/clock.ts';
import { silentLog } from '../../src/ground/log.ts';
import type { RedisHandle } from '../../src/ground/redis.ts';
import type { Settings } from '../../src/ground/settings.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { Bell } from '../../src/limits/bell.ts';
import { Steering } from '../../src/limits/steering.ts';
import type { Overview } from '../../src/operations/answers/overview.ts';
import type { RowsEvent, Table, TableQuery } from '../../src/operations/answers/table.ts';
import { Board } from '../../src/operations/board.ts';

/** A board and what it hears. */
export interface BoardRig {
  readonly board: Board;
  readonly bell: Bell;
  readonly steering: Steering;
  /** The book; `set` changes it as an import does. */
  readonly book: { set(accounts: readonly Account[]): void };
  table(query?: Partial<TableQuery>): Promise<Table>;
}

/** All of a table's queries have these fields. */
export const wholeTable: TableQuery = { sort: 'id', order: 'asc', offset: 0, limit: 100 };

/** Opens one that reads at once what it is asked for; it is closed with the test. */
export async function openBoard(
  handle: RedisHandle,
  accounts: readonly Account[],
  more: Partial<Settings> = {},
): Promise<BoardRig> {
  const settings = {
    ...loadSettings({ env: {}, options: { dataDir: '/nowhere' } }),
    eventsMs: 50,
    boardOpenMs: 50,
    ...more,
  };
  const redis = handle.client;
  const bell = await Bell.open(redis, handle.duplicate());
  const steering = await Steering.open(redis, handle.duplicate(), settings);
  const listeners = new Set<() => void>();
  let list = accounts;
  const book = {
    all: async () => list,
    onChange: (listener: () => void) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
  };
  const board = new Board({ redis, settings, book, steering, bell, clock: systemClock, log: silentLog() });
  board.begin();
  onTestFinished(async () => {
    await board.close();
    await steering.close();
    await bell.close();
  });
  const set = (accountsNow: readonly Account[]) => {
    list = accountsNow;
    for (const listener of listeners) listener();
  };
  const table = (query: Partial<TableQuery> = {}) => board.tableOf({ ...wholeTable, ...query });
  return { board, bell, steering, book: { set }, table };
}

/** Remembers what a board tells; `stop` ends that. */
export function watch(board: Board) {
  const overviews: Overview[] = [];
  const rows: RowsEvent[] = [];
  const stop = board.subscribe(({ name, data }) => {
    if (name === 'overview') overviews.push(JSON.parse(data) as Overview);
    else rows.push(JSON.parse(data) as RowsEvent);
  });
  return { overviews, rows, stop };
}
