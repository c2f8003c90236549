/** `mailhaul start [LIST]`: the service: begins runs when their schedules say so, and takes and gives mail. */
import type { Command } from 'commander';
import { createLog } from '../ground/log.ts';
import { ServiceManager } from '../ground/service-manager.ts';
import { onInterrupt } from '../ground/shutdown.ts';
import { followList, withoutList } from '../operations/follow-list.ts';
import { allRoles, openService } from '../service.ts';
import { type CommonOptions, rolesOf, settingsOf, withCommonOptions } from './common-options.ts';

interface StartOptions extends CommonOptions {
  readonly roles?: string;
}

/** Adds the command; `finish` gets the exit status. */
export function addStart(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('start [list]')
    .description('run the stored accounts by their schedules until SIGTERM, and keep these as the list says')
    .option('--roles <names>', `what this process does: ${allRoles.join(', ')} (default: all)`)
    .option('--listen <host:port>', 'where the dashboard role answers (default: the setting listen)');
  withCommonOptions(command).action(async (list: string | undefined, options: StartOptions) => {
    finish(await runStart(list, options, insist));
  });
}

async function runStart(list: string | undefined, options: StartOptions, insist: () => void): Promise<number> {
  const { env } = process;
  const settings = settingsOf(options, env);
  const roles = rolesOf(options.roles, allRoles);
  const log = createLog({ level: settings.logLevel, destination: 2 });
  const interrupt = onInterrupt(insist, settings.stopWithinMs);
  const { signal, cut } = interrupt;
  const manager = new ServiceManager(env, log);
  const service = await openService({
    settings,
    accounts: {
      prepare: async (store) =>
        list === undefined ? withoutList({ log, signal }) : followList(list, { store, settings, log, signal }),
    },
    log,
    env,
    signal,
    cut,
    roles,
    byItself: true,
  });
  try {
    for (const { code, message } of service.warnings) log.warn({ code }, message);
    log.info({ roles: [...roles], redis: service.redis.where }, 'ready');
    const { client } = service.redis;
    await manager.ready([...roles].join(', '), async () => (await client.ping()) === 'PONG');
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      signal.addEventListener('abort', () => resolve(), { once: true });
    });
    log.info('stopping');
    void manager.stopping('waiting for sessions to reach their next batch boundary');
    return 0;
  } finally {
    await service.close();
    await manager.close();
    interrupt.stop();
  }
}
