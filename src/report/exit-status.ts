/** What a finished report means for whoever called the command (design §4). */
import { isRefusedCredential } from '../ground/errors.ts';
import type { CheckReport } from './check-report.ts';
import type { Report } from './report.ts';

/**
 * 0: all settled and nothing refused that is not accepted. 12: no account got through and refused credentials are the
 * only failures (decision 0005). 3: anything else that is refused, failed or pending.
 */
export function exitStatus(report: Pick<Report, 'accounts'>): 0 | 3 | 12 {
  const bad = report.accounts.filter((account) => account.state !== 'complete');
  if (bad.length === 0) return 0;
  const onlyCredentials = bad.every(
    ({ problems, state }) =>
      state === 'failed' && problems.length > 0 && problems.every(({ code }) => isRefusedCredential(code)),
  );
  return bad.length === report.accounts.length && onlyCredentials ? 12 : 3;
}

/** The same for a check: 10 where the list is invalid, whatever else was found; remarks, which stop nothing, do not count. */
export function checkExitStatus({ accounts, problems }: CheckReport): 0 | 3 | 10 | 12 {
  if (problems.length > 0) return 10;
  const stopping = accounts.map((account) => ({
    ...account,
    problems: account.problems.filter(({ stops }) => stops !== 'none'),
  }));
  return exitStatus({ accounts: stopping });
}
