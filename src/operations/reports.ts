/** The reports of the last runs of accounts: a page of them, as a report of `sync` has them. */
import { type AccountReport, accountReport } from '../report/report.ts';
import type { ReportPage } from './answers/reports.ts';
import { matching, type StatusContext, type StatusQuery } from './status.ts';

/** Accounts that are read at once. */
const atOnce = 50;

/** What the ledger says of the last runs of enabled accounts. Throws `account-unknown` or `group-unknown`. */
export async function listReports(
  { redis, book }: Pick<StatusContext, 'redis' | 'book'>,
  query: Pick<StatusQuery, 'group' | 'ids' | 'after' | 'limit'>,
): Promise<ReportPage> {
  const enabled = matching(await book.all(), query).filter((account) => account.enabled);
  const chosen = enabled.slice(0, query.limit);
  const accounts: AccountReport[] = [];
  for (let at = 0; at < chosen.length; at += atOnce) {
    const part = chosen.slice(at, at + atOnce);
    accounts.push(...(await Promise.all(part.map((account) => accountReport(redis, account)))));
  }
  return { accounts, next: enabled.length > chosen.length ? chosen.at(-1)!.id : null };
}
