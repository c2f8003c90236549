/** The account list as a table that can be searched, filtered and sorted, and what changes in it. */
import * as z from 'zod';
import { accountState, count, instant, label } from './counts.ts';

/** One account in the table. */
export const tableRow = z.strictObject({
  id: z.string(),
  group: z.string(),
  state: accountState,
  enabled: z.boolean(),
  listed: count,
  /** Messages whose end is known and good: known, appended, duplicate or vanished. */
  settled: count,
  refused: count,
  failed: count,
  pending: count,
  bytesListed: count,
  bytesAppended: count,
  startedAt: instant.nullable(),
  finishedAt: instant.nullable(),
  source: z.string(),
  destination: z.string(),
  /** Why it does not go on, in words: a pause, a wait, an error; empty otherwise. */
  note: z.string(),
  /** A person must act before it goes on. */
  needsPerson: z.boolean(),
});

/** One account in the table. */
export type TableRow = z.infer<typeof tableRow>;

/** What the table can be sorted by. */
export const sortColumns = [
  'id',
  'group',
  'state',
  'listed',
  'settled',
  'refused',
  'failed',
  'pending',
  'bytesListed',
  'bytesAppended',
  'startedAt',
  'finishedAt',
] as const;

/** Query of GET /api/table. */
export const tableQuery = z.strictObject({
  /** Words that must all occur in id, group, a host or the note, whatever their case. */
  search: z.string().max(200).optional(),
  group: label.optional(),
  state: accountState.optional(),
  host: z.string().min(1).max(500).optional(),
  needsPerson: z.literal('true').optional(),
  sort: z.enum(sortColumns).default('id'),
  order: z.enum(['asc', 'desc']).default('asc'),
  offset: z.coerce.number().int().min(0).default(0),
  limit: z.coerce.number().int().min(1).max(1000).default(100),
});

/** Query of GET /api/table. */
export type TableQuery = z.infer<typeof tableQuery>;

/** GET /api/table. */
export const tableSchema = z.strictObject({
  /** Accounts that match, on all pages. */
  total: count,
  offset: count,
  rows: z.array(tableRow),
});

/** GET /api/table. */
export type Table = z.infer<typeof tableSchema>;

/** The event `rows`: accounts that have changed since the one before; `more` when there are others, to be asked for. */
export const rowsEvent = z.strictObject({ rows: z.array(tableRow), more: z.boolean() });

/** The event `rows`. */
export type RowsEvent = z.infer<typeof rowsEvent>;
