import { expect, it } from 'vitest';
import type { TableRow } from '../../src/operations/answers/table.ts';
import { TableView } from '../../src/operations/table.ts';
import { wholeTable } from './board-rig.ts';

function row(id: string, more: Partial<TableRow> = {}): { row: TableRow } {
  const zero = { listed: 0, settled: 0, refused: 0, failed: 0, pending: 0, bytesListed: 0, bytesAppended: 0 };
  const blank = { id, group: '', state: 'queued' as const, enabled: true, startedAt: null, finishedAt: null };
  const said = { source: 'pop.test', destination: 'imap.test', note: '', needsPerson: false };
  return { row: { ...zero, ...blank, ...said, ...more } };
}

const entries = [
  row('ann', { listed: 5, group: 'Wave-1', state: 'failed', note: 'imap.test refuses Ärger', needsPerson: true }),
  row('bob', { listed: 9, group: 'Wave-2', state: 'running', startedAt: '2026-01-02T00:00:00.000Z' }),
  row('cyd', { listed: 5, group: 'Wave-1', source: 'POP.other', startedAt: '2026-01-01T00:00:00.000Z' }),
];
const view = new TableView();
const ids = (query: object, version = 1) =>
  view.page({ version, entries }, { ...wholeTable, ...query }).rows.map(({ id }) => id);

it('finds accounts in which all words occur, whatever their case', () => {
  expect(ids({ search: ' wave-1  REFUSES ' })).toEqual(['ann']);
  expect(ids({ search: 'ärger' })).toEqual(['ann']);
  expect(ids({ search: 'wave-1' })).toEqual(['ann', 'cyd']);
  expect(ids({ search: 'pop.other' })).toEqual(['cyd']);
  expect(ids({ search: 'ann bob' })).toEqual([]);
});

it('narrows by group, state, host and need', () => {
  expect(ids({ group: 'Wave-1' })).toEqual(['ann', 'cyd']);
  expect(ids({ group: 'wave-1' })).toEqual([]);
  expect(ids({ state: 'running' })).toEqual(['bob']);
  expect(ids({ host: 'pop.OTHER' })).toEqual(['cyd']);
  expect(ids({ host: 'imap.test', needsPerson: 'true' })).toEqual(['ann']);
});

it('sorts by any column either way, and breaks ties by id', () => {
  expect(ids({ sort: 'listed' })).toEqual(['ann', 'cyd', 'bob']);
  expect(ids({ sort: 'listed', order: 'desc' })).toEqual(['bob', 'ann', 'cyd']);
  expect(ids({ sort: 'id', order: 'desc' })).toEqual(['cyd', 'bob', 'ann']);
  expect(ids({ sort: 'startedAt' })).toEqual(['ann', 'cyd', 'bob']);
  expect(ids({ sort: 'state' })).toEqual(['cyd', 'bob', 'ann']);
});

it('cuts pages and says how many there are', () => {
  expect(view.page({ version: 1, entries }, { ...wholeTable, offset: 1, limit: 1 })).toMatchObject({
    total: 3,
    offset: 1,
    rows: [{ id: 'bob' }],
  });
  expect(view.page({ version: 1, entries }, { ...wholeTable, offset: 9 })).toMatchObject({ total: 3, rows: [] });
});

it('keeps an order only until something has changed', () => {
  expect(ids({ sort: 'pending', order: 'desc' }, 7)).toEqual(['ann', 'bob', 'cyd']);
  const changed = [entries[0]!, row('bob', { pending: 3 }), entries[2]!];
  const { rows } = view.page({ version: 8, entries: changed }, { ...wholeTable, sort: 'pending', order: 'desc' });
  expect(rows.map(({ id }) => id)).toEqual(['bob', 'ann', 'cyd']);
});
