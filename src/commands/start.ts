/** `mailhaul start LIST`: workers that take and give mail for whoever queues runs on the same Redis. */
import type { Command } from 'commander';
import { createLog } from '../ground/log.ts';
import { onInterrupt } from '../ground/shutdown.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { openService, type Role } from '../service.ts';
import { type CommonOptions, rolesOf, settingsOf, withCommonOptions } from './common-options.ts';

interface StartOptions extends CommonOptions {
  readonly roles?: string;
}

/** The roles of a service: it works off what is queued, and answers those who steer it. */
const startRoles: readonly Role[] = ['pop', 'imap', 'dashboard'];

/** Adds the command; `finish` gets the exit status. */
export function addStart(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('start <list>')
    .description('run workers for the accounts of the list until SIGTERM; `sync --roles scheduler` gives them work')
    .option('--roles <names>', `what this process does: ${startRoles.join(', ')} (default: all)`)
    .option('--listen <host:port>', 'where the dashboard role answers (default: the setting listen)');
  withCommonOptions(command).action(async (list: string, options: StartOptions) => {
    finish(await runStart(list, options, insist));
  });
}

async function runStart(list: string, options: StartOptions, insist: () => void): Promise<number> {
  const { env } = process;
  const settings = settingsOf(options, env);
  const roles = rolesOf(options.roles, startRoles);
  const accounts = await chooseAccounts(list, options, settings);
  const log = createLog({ level: settings.logLevel, destination: 2 });
  const interrupt = onInterrupt(insist);
  const { signal } = interrupt;
  const service = await openService({ settings, accounts, log, env, signal, roles });
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
