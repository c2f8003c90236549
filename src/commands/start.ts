/** `mailhaul start [LIST]`: the service: begins runs when their schedules say so, and takes and gives mail. */
import type { Command } from 'commander';
import { MailhaulError } from '../ground/errors.ts';
import { createLog } from '../ground/log.ts';
import { onInterrupt } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { allRoles, openService } from '../service.ts';
import { type CommonOptions, rolesOf, settingsOf, withCommonOptions } from './common-options.ts';

interface StartOptions extends CommonOptions {
  readonly roles?: string;
}

/** Adds the command; `finish` gets the exit status. */
export function addStart(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('start [list]')
    .description('run the accounts of the list by their schedules until SIGTERM')
    .option('--roles <names>', `what this process does: ${allRoles.join(', ')} (default: all)`);
  withCommonOptions(command).action(async (list: string | undefined, options: StartOptions) => {
    finish(await runStart(list, options, insist));
  });
}

async function runStart(list: string | undefined, options: StartOptions, insist: () => void): Promise<number> {
  const { env } = process;
  const settings = settingsOf(options, env);
  const roles = rolesOf(options.roles, allRoles);
  if (list === undefined)
    throw new MailhaulError('usage', { reason: 'start needs an account list: mailhaul start LIST' });
  const accounts = await chooseAccounts(list, options, settings);
  const log = createLog({ level: settings.logLevel, destination: 2 });
  const interrupt = onInterrupt(insist);
  const { signal } = interrupt;
  const service = await openService({ settings, accounts, log, env, signal, roles, byItself: true });
  try {
    for (const { code, message } of service.warnings) log.warn({ code }, message);
    log.info({ roles: [...roles], accounts: accounts.length, redis: service.redis.where }, 'ready');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    log.info('stopping');
    return 0;
  } finally {
    await service.close();
    interrupt.stop();
  }
}
