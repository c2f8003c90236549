/** `mailhaul check LIST` */
import type { Command } from 'commander';
import { printable } from '../ground/errors.ts';
import { interruptedStatus } from '../ground/shutdown.ts';
import { check } from '../operations/check.ts';
import { chooseSoundAccounts } from '../operations/choose-accounts.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import type { CheckedAccountReport } from '../report/check-report.ts';
import { checkText, readiness } from '../report/check-text.ts';
import { checkExitStatus } from '../report/exit-status.ts';
import { type CommonOptions, settingsOf, traceLog, waitLines, warn, withCommonOptions } from './common-options.ts';
import { withRedis } from './with-redis.ts';

/** Adds the command; `finish` gets the exit status. */
export function addCheck(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('check <list>')
    .description('look at every account of the list on both sides and say what will be in the way; writes nothing');
  withCommonOptions(command).action(async (list: string, options: CommonOptions) => {
    finish(await runCheck(list, options, insist));
  });
}

async function runCheck(list: string, options: CommonOptions, insist: () => void): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = withProviderLimits(settingsOf(options, env));
  const { accounts, wrong } = await chooseSoundAccounts(list, options, settings, warn);
  return withRedis(settings, insist, async (redis, signal) => {
    const onAccount = (account: CheckedAccountReport, done: number) => {
      const codes = account.problems.map(({ code }) => code).join(', ');
      const line = `${printable(account.id)}: ${readiness(account)}${codes === '' ? '' : `: ${codes}`}`;
      if (!options.quiet) stderr.write(`${done}/${accounts.length} ${line}\n`);
    };
    const asked = { settings, accounts, wrong, env, signal, onAccount, onWait: waitLines(options, stderr) };
    const report = await check({ ...asked, redis, log: traceLog(settings, 'check') });
    stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : checkText(report, wrong));
    return signal.aborted ? interruptedStatus : checkExitStatus(report);
  });
}
