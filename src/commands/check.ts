/** `mailhaul check LIST` */
import type { Command } from 'commander';
import { printable } from '../ground/errors.ts';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { interruptedStatus } from '../ground/shutdown.ts';
import { check } from '../operations/check.ts';
import { chooseSoundAccounts } from '../operations/choose-accounts.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { tryTargets } from '../operations/try-targets.ts';
import type { CheckedAccountReport } from '../report/check-report.ts';
import { checkText, readiness } from '../report/check-text.ts';
import { checkExitStatus } from '../report/exit-status.ts';
import {
  type CommonOptions,
  commandLog,
  settingsOf,
  traceLog,
  waitLines,
  warn,
  withCommonOptions,
} from './common-options.ts';
import { withRedis } from './with-redis.ts';

interface CheckOptions extends CommonOptions {
  readonly notify?: boolean;
}

/** Adds the command; `finish` gets the exit status. */
export function addCheck(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('check <list>')
    .description('look at every account of the list on both sides and say what will be in the way; writes nothing')
    .option('--notify', 'send a test to each target under notifications in the settings');
  withCommonOptions(command).action(async (list: string, options: CheckOptions) => {
    finish(await runCheck(list, options, insist));
  });
}

async function runCheck(list: string, options: CheckOptions, insist: () => void): Promise<number> {
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
    const told = options.notify && !signal.aborted ? await runNotify(settings, env, signal) : true;
    const status = checkExitStatus(report);
    return signal.aborted ? interruptedStatus : status === 0 && !told ? 3 : status;
  });
}

/** True where every target took its test. */
async function runNotify(settings: LoadedSettings, env: NodeJS.ProcessEnv, signal: AbortSignal): Promise<boolean> {
  const tried = await tryTargets(settings, { env, signal, log: commandLog(settings) });
  for (const { target, error } of tried) {
    if (error) warn(error);
    else process.stderr.write(`notifications: ${target} took a test\n`);
  }
  if (tried.length === 0) process.stderr.write('notifications: the settings have no target\n');
  return tried.every(({ error }) => error === undefined);
}
