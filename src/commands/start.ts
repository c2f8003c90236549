/** `mailhaul start [LIST]`: the service: begins runs when their schedules say so, and takes and gives mail. */

import type { Command } from 'commander';
import { untilAborted } from '../ground/clock.ts';
import { MailhaulError } from '../ground/errors.ts';
import { ServiceManager } from '../ground/service-manager.ts';
import { onInterrupt } from '../ground/shutdown.ts';
import { followList, withoutList } from '../operations/follow-list.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { allRoles, openService, type Service } from '../service.ts';
import {
  type CommonOptions,
  rolesOf,
  serviceLog,
  settingsOf,
  withPlacementOption,
  withProcessOptions,
  withTraceOption,
} from './common-options.ts';

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
  withProcessOptions(withTraceOption(withPlacementOption(command))).action(
    async (list: string | undefined, options: StartOptions) => {
      finish(await runStart(list, options, insist));
    },
  );
}

async function runStart(list: string | undefined, options: StartOptions, insist: () => void): Promise<number> {
  const { env } = process;
  const settings = withProviderLimits(settingsOf(options, env));
  const roles = rolesOf(options.roles, allRoles);
  const log = await serviceLog(settings, options, env);
  const interrupt = onInterrupt(insist, settings.stopWithinMs);
  // Sessions have nothing to wait for once Redis is lost.
  const lost = new AbortController();
  const signal = AbortSignal.any([interrupt.signal, lost.signal]);
  const cut = AbortSignal.any([interrupt.cut, lost.signal]);
  const teller = new Teller(new ServiceManager(env, log), [...roles].join(', '), signal);
  const onReload = (work: () => Promise<void>) => teller.reload(work);
  const service = await openService({
    settings,
    accounts: {
      prepare: async (store) =>
        list === undefined
          ? withoutList({ log, signal, onReload })
          : followList(list, { store, settings, log, signal, onReload }),
    },
    log,
    env,
    signal,
    cut,
    roles,
    byItself: true,
  });
  try {
    for (const { code, message } of service.warnings) log.warn({ code, reason: message }, 'redis is unsafe');
    log.info({ roles: [...roles], redis: service.redis.where }, 'ready');
    await teller.ready(service);
    await untilAborted(signal, service.redis.lost);
    log.info('stopping');
    void teller.stopping();
    if (interrupt.signal.aborted) return 0;
    lost.abort();
    const reason = `it was away for longer than redisLostAfterMs (${settings.redisLostAfterMs} ms)`;
    throw new MailhaulError('redis-unreachable', { where: service.redis.where, reason });
  } finally {
    await service.close();
    await teller.close();
    interrupt.stop();
  }
}

/** What the service manager hears of this service, in an order that it understands. */
class Teller {
  readonly #manager: ServiceManager;
  readonly #status: string;
  readonly #signal: AbortSignal;
  #service: Service | undefined;

  constructor(manager: ServiceManager, status: string, signal: AbortSignal) {
    this.#manager = manager;
    this.#status = status;
    this.#signal = signal;
  }

  ready(service: Service): Promise<void> {
    this.#service = service;
    const { client } = service.redis;
    return this.#manager.ready(this.#status, async () => (await client.ping()) === 'PONG');
  }

  /** `systemctl reload` waits for READY. Before the first READY and after STOPPING nobody is told. */
  async reload(work: () => Promise<void>): Promise<void> {
    const service = this.#service;
    if (service) await this.#manager.reloading();
    await work();
    if (service && !this.#signal.aborted) await this.ready(service);
  }

  stopping(): Promise<void> {
    return this.#manager.stopping('waiting for sessions to reach their next batch boundary');
  }

  close(): Promise<void> {
    return this.#manager.close();
  }
}
