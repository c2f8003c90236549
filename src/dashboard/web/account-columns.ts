/** The columns of the account list. */
import type { TableQuery, TableRow } from '../../operations/answers/table.ts';
import { bytes, instant, number } from './format.ts';

/** A column that the list can be sorted by. */
export interface Column {
  readonly sort: TableQuery['sort'];
  readonly name: string;
  /** Numbers stand to the right, and begin with the largest when sorted. */
  readonly isFigure: boolean;
}

/** In their order. */
export const columns: readonly Column[] = [
  { sort: 'id', name: 'Account', isFigure: false },
  { sort: 'state', name: 'State', isFigure: false },
  { sort: 'group', name: 'Group', isFigure: false },
  { sort: 'settled', name: 'Settled', isFigure: true },
  { sort: 'listed', name: 'Listed', isFigure: true },
  { sort: 'pending', name: 'Pending', isFigure: true },
  { sort: 'refused', name: 'Refused', isFigure: true },
  { sort: 'failed', name: 'Failed', isFigure: true },
  { sort: 'bytesListed', name: 'Size', isFigure: true },
  { sort: 'finishedAt', name: 'Finished', isFigure: true },
];

/** What a cell of figures says. */
export function figureText(row: TableRow, sort: TableQuery['sort'], nowMs: number): string {
  switch (sort) {
    case 'bytesListed':
    case 'bytesAppended':
      return row[sort] === 0 ? '' : bytes(row[sort]);
    case 'finishedAt':
    case 'startedAt':
      return row[sort] === null ? '' : instant(Date.parse(row[sort]), nowMs);
    case 'refused':
    case 'failed':
      return row[sort] === 0 ? '' : number(row[sort]);
    case 'listed':
    case 'settled':
    case 'pending':
      return row.startedAt === null ? '' : number(row[sort]);
    default:
      return row[sort];
  }
}

/** The part of a row that places it in a list sorted and filtered so. */
export function placeOf(row: TableRow, sort: TableQuery['sort'], byState: boolean, byPerson: boolean): string {
  return `${row[sort]} ${byState ? row.state : ''} ${byPerson ? row.needsPerson : ''}`;
}
