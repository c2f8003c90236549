/** What can be done with accounts, and how the API is asked for it. */
import type { Steered } from '../../operations/answers/deeds.ts';
import type { Table } from '../../operations/answers/table.ts';
import { ask, tell } from './api.ts';
import { number } from './format.ts';
import { type ListQuery, queryText } from './route.ts';

/** A deed by its name in the API. */
export type Deed = 'pause' | 'resume' | 'run' | 'retry' | 'accept';

/** Which accounts are meant; a filter stands for those that it finds at the moment of the deed. */
export type Meant =
  | { readonly all: true }
  | { readonly group: string }
  | { readonly account: readonly string[] }
  | { readonly filter: ListQuery; readonly except: ReadonlySet<string> };

/** A deed in words. */
export interface DeedWords {
  readonly name: string;
  readonly does: string;
  /** Whether the deed is given a reason, which stands in the audit log. */
  readonly reason: 'none' | 'optional' | 'required';
}

/** All deeds. */
export const deedWords: Readonly<Record<Deed, DeedWords>> = {
  pause: {
    name: 'Pause',
    does: 'Sessions end at their next batch boundary, and none begins until somebody resumes.',
    reason: 'optional',
  },
  resume: { name: 'Resume', does: 'The pause is lifted, and what is unfinished goes on.', reason: 'none' },
  run: { name: 'Run now', does: 'A run begins as soon as budgets allow, whatever the schedule says.', reason: 'none' },
  retry: {
    name: 'Retry',
    does: 'Refused logins and refused messages are tried again, and accounts that need it run again. Correct the cause first: too many refused logins lock an account.',
    reason: 'none',
  },
  accept: {
    name: 'Accept',
    does: 'The refused messages are signed off: they stay where they are, are not tried again, and no longer count as missing. Your reason stands in the report.',
    reason: 'required',
  },
};

/** Ids in one request, far below what one may weigh. */
const idsAtOnce = 1000;

/** Does a deed. Throws a Fault; what was done before it stays done. */
export async function doDeed(deed: Deed, meant: Meant, reason: string): Promise<Steered> {
  const why = reason.trim() === '' ? {} : { reason: reason.trim() };
  if ('all' in meant || 'group' in meant) return tell<Steered>(`api/${deed}`, { ...meant, ...why });
  const ids = 'filter' in meant ? (await idsOf(meant.filter)).filter((id) => !meant.except.has(id)) : meant.account;
  let sum: Steered = { accounts: 0, text: 'there is no such account any more', stillPaused: [], stillPausedCount: 0 };
  for (let at = 0; at < ids.length; at += idsAtOnce) {
    sum = added(sum, await tell<Steered>(`api/${deed}`, { account: ids.slice(at, at + idsAtOnce), ...why }));
  }
  return sum;
}

/** The ids of all accounts that a filter finds. Throws a Fault. */
async function idsOf(filter: ListQuery): Promise<string[]> {
  const query = queryText({ ...filter, sort: 'id', order: 'asc' });
  const ids = new Set<string>();
  for (let offset = 0; ; offset += idsAtOnce) {
    const { total, rows } = await ask<Table>(`api/table?${query}&offset=${offset}&limit=${idsAtOnce}`);
    for (const { id } of rows) ids.add(id);
    if (rows.length === 0 || offset + rows.length >= total) return [...ids];
  }
}

function added(sum: Steered, more: Steered): Steered {
  const accounts = sum.accounts + more.accounts;
  return {
    accounts,
    text: sum.accounts === 0 ? more.text : `${number(accounts)} accounts`,
    stillPaused: [...sum.stillPaused, ...more.stillPaused].slice(0, 20),
    stillPausedCount: sum.stillPausedCount + more.stillPausedCount,
  };
}

/** What was done, in a sentence. */
export function doneText(deed: Deed, what: string, { text, stillPaused, stillPausedCount }: Steered): string {
  const done = `${deedWords[deed].name}, ${what}: ${text}.`;
  if (stillPausedCount === 0) return done;
  const others = stillPausedCount > 1 ? ` and ${number(stillPausedCount - 1)} more` : '';
  return `${done} Another pause still holds ${stillPaused[0] ?? 'it'}${others}.`;
}
