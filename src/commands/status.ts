/** `mailhaul status`: how the running service stands, and each of its accounts. */
import type { Command } from 'commander';
import { printable } from '../ground/errors.ts';
import type { AccountStatus, ShownPause } from '../operations/answers/account-status.ts';
import { number, table } from '../report/text.ts';
import { ApiClient, type ClientOptions, queryOf, withSelection, withServiceOptions } from './api-client.ts';

/** Of a line with a reason in it, which may be as long as the API takes it. */
const lineMaxLength = 2000;

interface StatusOptions extends ClientOptions {
  readonly state?: string;
}

interface ServiceStatus {
  readonly ready: boolean;
  readonly accounts: Readonly<Record<string, number>>;
  readonly openRuns: number;
  readonly pauses: readonly ShownPause[];
  readonly processes: readonly unknown[];
}

/** Adds the command; `finish` gets the exit status. */
export function addStatus(program: Command, finish: (status: number) => void): void {
  const command = program.command('status [id...]').description('show how the running service and its accounts stand');
  withServiceOptions(withSelection(command));
  command.option('--state <state>', 'only accounts in this state');
  command.action(async (ids: string[], options: StatusOptions) => {
    await runStatus(ids, options);
    finish(0);
  });
}

async function runStatus(ids: readonly string[], options: StatusOptions): Promise<void> {
  const client = await ApiClient.open(options, process.env);
  const query = queryOf(options, ids);
  if (options.state !== undefined) query.set('state', options.state);
  const service = await client.get<ServiceStatus>('/api/status');
  const accounts = await client.pages<AccountStatus>('/api/accounts', query);
  if (options.json) process.stdout.write(`${JSON.stringify({ version: 1, service, accounts }, null, 2)}\n`);
  else process.stdout.write(statusText(service, accounts));
}

function statusText(service: ServiceStatus, accounts: readonly AccountStatus[]): string {
  const { ready, processes, openRuns, pauses } = service;
  const states = Object.entries(service.accounts).filter(([, count]) => count > 0);
  const rows = [
    ['account', 'state', 'listed', 'settled', 'refused', 'failed', 'pending', 'now'],
    ...accounts.map(({ id, state, messages, ...account }) => {
      const { listed, known, appended, duplicate, vanished, refused, failed, pending } = messages;
      const counts = [listed, known + appended + duplicate + vanished, refused, failed, pending].map(number);
      return [id, state, ...counts, nowText(account)];
    }),
  ];
  return [
    `${ready ? 'ready' : 'not ready'}: ${processes.length} process(es), ${number(openRuns)} open run(s); ${
      states.map(([state, count]) => `${state} ${number(count)}`).join(', ') || 'no accounts'
    }`,
    ...pauses
      .filter(({ scope }) => scope !== 'account')
      .map(({ scope, by, at, reason }) => `paused: ${scope}, by ${by} at ${at}${reason ? `: ${reason}` : ''}`)
      .map((line) => printable(line, lineMaxLength)),
    '',
    table(rows, [0, 1, 7]),
    '',
  ].join('\n');
}

/** Why it does not go on, in words: a pause, a wait, or the error that its run met. */
function nowText({ paused, waiting, error }: Pick<AccountStatus, 'paused' | 'waiting' | 'error'>): string {
  if (paused) return `paused (${paused.scope}) by ${paused.by}${paused.reason ? `: ${paused.reason}` : ''}`;
  const waits = waiting.map(({ until, because }) => `waiting until ${until}, because ${because}`);
  return waits.length > 0 ? waits.join('; ') : error;
}
