/** `mailhaul pause`, `resume`, `retry`, `run` and `accept`: each asks the running service. */
import type { Command } from 'commander';
import { printable } from '../ground/errors.ts';
import type { Steered } from '../operations/answers/deeds.ts';
import type { Deed } from '../operations/steer.ts';
import {
  ApiClient,
  type ClientOptions,
  queryOf,
  selectionOf,
  withSelection,
  withServiceOptions,
} from './api-client.ts';
import { waitForRuns } from './run-wait.ts';

interface SteerOptions extends ClientOptions {
  readonly reason?: string;
  readonly wait?: boolean;
}

const descriptions: Readonly<Record<Deed, string>> = {
  pause: 'end the sessions of accounts at their next batch, and start none until `resume`; nothing is lost',
  resume: 'lift the pause of accounts, a group or all, and go on where it was',
  retry: 'try refused logins and refused messages again, and run accounts that failed',
  run: 'have accounts run next, whatever their schedule says',
  accept: 'sign off the messages of accounts that the destination refused: they may stay behind',
};

/** Adds the five commands; `finish` gets the exit status. */
export function addSteer(program: Command, finish: (status: number) => void): void {
  for (const deed of Object.keys(descriptions) as Deed[]) {
    const command = program.command(`${deed} [id...]`).description(descriptions[deed]);
    withServiceOptions(withSelection(command));
    if (deed === 'accept')
      command.requiredOption('--reason <text>', 'why they may stay behind; kept with each message');
    else if (deed === 'pause') command.option('--reason <text>', 'why, for whoever looks later');
    if (deed === 'run')
      command.option('--wait', 'wait until these runs have ended; then report and end as `sync` does');
    command.action(async (ids: string[], options: SteerOptions) => {
      finish(await runSteer(deed, ids, options));
    });
  }
}

async function runSteer(deed: Deed, ids: readonly string[], options: SteerOptions): Promise<number> {
  const selection = selectionOf(options, ids);
  const client = await ApiClient.open(options, process.env);
  const body = options.reason === undefined ? selection : { ...selection, reason: options.reason };
  const done = await client.post<Steered>(`/api/${deed}`, body);
  if (options.wait) {
    process.stderr.write(`${steeredText(done)}waiting until the runs have ended\n`);
    return waitForRuns(client, queryOf(options, ids), options);
  }
  process.stdout.write(options.json ? `${JSON.stringify(done, null, 2)}\n` : steeredText(done));
  return 0;
}

function steeredText({ text, accounts, stillPaused, stillPausedCount }: Steered): string {
  const lines = [`${text} (${accounts} account(s))`];
  if (stillPausedCount > 0) {
    const more = stillPausedCount > stillPaused.length ? ` and ${stillPausedCount - stillPaused.length} more` : '';
    lines.push(
      `still paused: ${stillPaused.map((id) => printable(id)).join(', ')}${more}; mailhaul status says by what`,
    );
  }
  return `${lines.join('\n')}\n`;
}
