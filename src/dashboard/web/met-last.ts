/** What a run met last, where that is not said elsewhere on the page. */
import type { AccountDetail } from '../../operations/answers/account-status.ts';

/** What the ledger writes of a wait begins so. A wait has a box of its own, with when it ends. */
const wait = /^until /;

/** The error that keeps the account back and that no problem and no wait tells already; empty for none. */
export function looseError({ error, problems, state }: Pick<AccountDetail, 'error' | 'problems' | 'state'>): string {
  // In other states it is what the run has got over since.
  if ((state !== 'waiting' && state !== 'failed') || wait.test(error)) return '';
  return problems.some(({ text }) => text === error) ? '' : error;
}

/** What a run of the past met last, as a line of its history. */
export function metLast(error: string): string {
  return error.replace(wait, 'waited until ');
}
