/** `mailhaul authorize ID [LIST]` */
import type { Command } from 'commander';
import { type Authorized, authorize } from '../operations/authorize.ts';
import { oneAccount } from '../operations/one-account.ts';
import { type CommonOptions, settingsOf, withProcessOptions } from './common-options.ts';
import { besideService } from './with-redis.ts';

interface AuthorizeCommandOptions extends CommonOptions {
  readonly device?: boolean;
}

/** Adds the command; `finish` gets the exit status. */
export function addAuthorize(program: Command, finish: (status: number) => void, insist: () => void): void {
  const command = program
    .command('authorize <id> [list]')
    .description(
      'obtain the consent of a person whose account logs in with oauth2: and the kind refresh-token; of the list, else of the service',
    )
    .option('--device', 'show a code to type in on any machine, instead of an address for a browser on this one');
  withProcessOptions(command).action(async (id: string, list: string | undefined, options: AuthorizeCommandOptions) => {
    finish(await runAuthorize(id, list, options, insist));
  });
}

async function runAuthorize(
  id: string,
  list: string | undefined,
  options: AuthorizeCommandOptions,
  insist: () => void,
): Promise<number> {
  const { env, stdout, stderr } = process;
  const settings = settingsOf(options, env);
  return besideService(settings, insist, async (redis, signal) => {
    const account = await oneAccount(id, list, { redis, settings, env });
    const tell = (text: string) => void stderr.write(`${text}\n`);
    const asked = { redis, settings, env, device: options.device ?? false, signal, tell };
    const authorized = await authorize(account, asked);
    const document = JSON.stringify({ version: 1, account: id, authorized }, null, 2);
    stdout.write(options.json ? `${document}\n` : told(authorized, id, list));
    return 0;
  });
}

function told(authorized: readonly Authorized[], id: string, list: string | undefined): string {
  const lines = authorized.map(({ side, provider, user }) => `${user} has consented (${provider}, ${side}).\n`);
  if (list === undefined) lines.push(`mailhaul run ${id} begins its run now.\n`);
  return lines.join('');
}
