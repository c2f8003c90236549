/** `mailhaul sync LIST` */

import type { Command } from 'commander';
import type { LoadedSettings } from '../ground/settings-load.ts';
import { Closers, interruptedStatus, onInterrupt } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { dryRun } from '../operations/dry-run.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { sync } from '../operations/sync.ts';
import type { Tally } from '../progress/tally.ts';
import { exitStatus } from '../report/exit-status.ts';
import type { AccountReport, Report } from '../report/report.ts';
import { reportText } from '../report/text.ts';
import { haulRoles, openRedis, openService } from '../service.ts';
import {
  type CommonOptions,
  commandLog,
  displayFor,
  rolesOf,
  settingsOf,
  traceLog,
  waitLines,
  warn,
  withCommonOptions,
  withPlacementOption,
} from './common-options.ts';

interface SyncCommandOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly recheck?: boolean;
  readonly roles?: string;
}

/** Adds the command; `finish` gets the exit status. */
export function addSync(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('sync <list>')
    .description('bring every account of the list up to date once; never deletes on either side')
    .option('--dry-run', 'show what would be fetched and where it would go; fetch nothing')
    .option('--roles <names>', 'what this process does: scheduler, pop, imap (default: all); others run `start`')
    .option('--recheck', 'open the destination even when nothing is new');
  withCommonOptions(withPlacementOption(command)).action(async (list: string, options: SyncCommandOptions) => {
    finish(await runSync(list, options, insist));
  });
}

async function runSync(list: string, options: SyncCommandOptions, insist: () => void): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = withProviderLimits(settingsOf(options, env));
  const accounts = await chooseAccounts(list, options, settings, warn);
  const finish = (report: Report) => {
    stdout.write(options.json ? `${JSON.stringify(report, null, 2)}\n` : reportText(report, options));
    return exitStatus(report);
  };
  if (options.dryRun) return finish(await runDry(settings, accounts, options));
  const interrupt = onInterrupt(insist, settings.stopWithinMs);
  const roles = rolesOf(options.roles, haulRoles);
  const log = commandLog(settings);
  const { signal, cut } = interrupt;
  const service = await openService({ settings, accounts, log, env, signal, cut, roles });
  try {
    for (const warning of service.warnings) warn(warning);
    const display = await displayFor(options, stderr, settings.progressLogMs);
    const onTally = (tally: Tally, now: number) => display.show(tally, now);
    const { notifications } = service;
    const recheck = options.recheck ?? false;
    const { onEnded } = notifications ?? {};
    const report = await sync(service, { settings, accounts, recheck, signal, log, onTally, onEnded });
    display.end();
    const status = finish(report);
    if (!signal.aborted) await notifications?.atEnd(signal);
    return signal.aborted ? interruptedStatus : status;
  } finally {
    await service.close();
    interrupt.stop();
  }
}

async function runDry(
  settings: LoadedSettings,
  accounts: Parameters<typeof dryRun>[2],
  options: SyncCommandOptions,
): Promise<Report> {
  const { env, stderr } = process;
  const closers = new Closers();
  try {
    const { client } = await openRedis(settings, closers);
    const line = waitLines(options, stderr);
    const onAccount = ({ id, messages, problems }: AccountReport, done: number) => {
      const codes = problems.map(({ code }) => code).join(', ');
      const text = `${messages.listed} listed, ${messages.pending} to come${codes === '' ? '' : `: ${codes}`}`;
      line(`${done}/${accounts.length} ${id}: ${text}`);
    };
    return await dryRun(client, settings, accounts, {
      env,
      log: traceLog(settings, 'dry-run'),
      onWait: line,
      onAccount,
    });
  } finally {
    await closers.close();
  }
}
