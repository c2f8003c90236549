/** The table: rows searched, filtered, sorted and cut into pages. Sort orders are kept while nothing has changed. */
import type { Table, TableQuery, TableRow } from './answers/table.ts';
import { runStates } from './census.ts';

/** One line of the table. */
export interface TableEntry {
  readonly row: TableRow;
  /** What is searched, in lower case; made when it is first needed. */
  words?: string | undefined;
}

/** All lines in the order of their ids, under a number that is another whenever anything in them is. */
export interface TableLines {
  readonly version: number;
  readonly entries: readonly TableEntry[];
}

interface Sorted {
  readonly version: number;
  readonly entries: readonly TableEntry[];
}

type Column = TableQuery['sort'];

/** Answers queries. */
export class TableView {
  readonly #sorted = new Map<string, Sorted>();

  /** The page that a query asks for. */
  page(lines: TableLines, query: TableQuery): Table {
    const { offset, limit } = query;
    const holds = filterOf(query);
    const sorted = this.#sort(lines, query.sort, query.order);
    if (!holds) return { total: sorted.length, offset, rows: rowsOf(sorted, offset, limit) };
    const found = sorted.filter(holds);
    return { total: found.length, offset, rows: rowsOf(found, offset, limit) };
  }

  #sort({ version, entries }: TableLines, column: Column, order: 'asc' | 'desc'): readonly TableEntry[] {
    if (column === 'id' && order === 'asc') return entries;
    const name = `${column} ${order}`;
    const known = this.#sorted.get(name);
    if (known?.version === version) return known.entries;
    // Sorting is stable, and the entries come in the order of their ids: so that one breaks all ties.
    const compare = comparatorOf(column);
    const sorted = [...entries].sort(order === 'asc' ? compare : (a, b) => compare(b, a));
    this.#sorted.set(name, { version, entries: sorted });
    return sorted;
  }
}

function rowsOf(entries: readonly TableEntry[], offset: number, limit: number): TableRow[] {
  return entries.slice(offset, offset + limit).map(({ row }) => row);
}

/** By the value of a column; states in the order in which a run has them, what is missing first. */
function comparatorOf(column: Column): (a: TableEntry, b: TableEntry) => number {
  if (column === 'state') return (a, b) => runStates.indexOf(a.row.state) - runStates.indexOf(b.row.state);
  return (a, b) => {
    const [left, right] = [a.row[column] ?? '', b.row[column] ?? ''];
    return left < right ? -1 : left > right ? 1 : 0;
  };
}

/** What an entry must be like; undefined where any will do. */
function filterOf(query: TableQuery): ((entry: TableEntry) => boolean) | undefined {
  const tests: ((entry: TableEntry) => boolean)[] = [];
  const { group, state, needsPerson } = query;
  const host = query.host?.toLowerCase();
  if (group !== undefined) tests.push(({ row }) => row.group === group);
  if (state !== undefined) tests.push(({ row }) => row.state === state);
  if (needsPerson !== undefined) tests.push(({ row }) => row.needsPerson);
  if (host !== undefined) {
    tests.push(({ row }) => row.source.toLowerCase() === host || row.destination.toLowerCase() === host);
  }
  const words = (query.search ?? '').toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length > 0) tests.push((entry) => hasAll(entry, words));
  return tests.length === 0 ? undefined : (entry) => tests.every((test) => test(entry));
}

function hasAll(entry: TableEntry, words: readonly string[]): boolean {
  entry.words ??= wordsOf(entry.row);
  const { words: text } = entry;
  return words.every((word) => text.includes(word));
}

function wordsOf({ id, group, source, destination, note }: TableRow): string {
  return [id, group, source, destination, note].join('\n').toLowerCase();
}
