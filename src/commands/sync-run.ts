/** What `mailhaul sync` does when it knows its settings and accounts, and its own Redis is being started. */
import type { LoadedSettings } from '../ground/settings-load.ts';
import { Closers, interruptedStatus, onInterrupt } from '../ground/shutdown.ts';
import { dryRun } from '../operations/dry-run.ts';
import { sync } from '../operations/sync.ts';
import { noDisplay } from '../progress/display.ts';
import type { Tally } from '../progress/tally.ts';
import { exitStatus } from '../report/exit-status.ts';
import type { AccountReport, Report } from '../report/report.ts';
import { reportText } from '../report/text.ts';
import { haulRoles, openRedis, openService } from '../service.ts';
import { type CommonOptions, commandLog, displayFor, rolesOf, traceLog, waitLines, warn } from './common-options.ts';

/** The options of the command. */
export interface SyncCommandOptions extends CommonOptions {
  readonly dryRun?: boolean;
  readonly recheck?: boolean;
  readonly roles?: string;
}

type SyncAccounts = Parameters<typeof dryRun>[2];

/** Brings the accounts up to date, or shows what there is to do. Returns the exit status; throws MailhaulError. */
export async function haul(
  settings: LoadedSettings,
  accounts: SyncAccounts,
  options: SyncCommandOptions,
  insist: () => void,
): Promise<number> {
  const { env, stdout, stderr } = process;
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
    const show = (tally: Tally, now: number) => display.show(tally, now);
    const onTally = display === noDisplay ? undefined : show;
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

async function runDry(settings: LoadedSettings, accounts: SyncAccounts, options: SyncCommandOptions): Promise<Report> {
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
