/** `mailhaul sync LIST` */

import type { Command } from 'commander';
import { beginEmbeddedRedis, isOwnRedis } from '../ground/embedded-redis.ts';
import { refuseIdleAccess } from '../ground/redis-target.ts';
import { endUnusedThread } from '../ground/second-thread.ts';
import { chooseAccounts } from '../operations/choose-accounts.ts';
import { withProviderLimits } from '../operations/known-limits.ts';
import { settingsOf, warn, withCommonOptions, withPlacementOption } from './common-options.ts';
import type { SyncCommandOptions } from './sync-run.ts';

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
  let letGo: (() => Promise<void>) | undefined;
  try {
    const settings = withProviderLimits(settingsOf(options, process.env));
    const accounts = await chooseAccounts(list, options, settings, warn);
    if (isOwnRedis(settings)) {
      refuseIdleAccess(settings);
      letGo = await beginEmbeddedRedis(settings.dataDir, settings);
    }
    // While Redis reads its file: most of the program is behind this.
    const { haul } = await import('./sync-run.ts');
    return await haul(settings, accounts, options, insist);
  } finally {
    endUnusedThread();
    await letGo?.();
  }
}
