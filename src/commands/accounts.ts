/** `mailhaul accounts import`, `list` and `remove`: the account list of the running service. */
import { readFile } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Command } from 'commander';
import { MailhaulError } from '../ground/errors.ts';
import type { AccountStatus } from '../operations/answers/account-status.ts';
import { table } from '../report/text.ts';
import { ApiClient, type ClientOptions, queryOf, withServiceOptions } from './api-client.ts';

interface ImportOptions extends ClientOptions {
  readonly prune?: boolean;
}

interface Done {
  readonly text: string;
}

/** Adds the commands; `finish` gets the exit status. */
export function addAccounts(program: Command, finish: (status: number) => void): void {
  const accounts = program.command('accounts').description('the account list of the running service');
  const add = (name: string, description: string) =>
    withServiceOptions(accounts.command(name).description(description));
  add('import <list>', 'add and change accounts as the list says')
    .option('--prune', 'remove accounts that the list does not have')
    .action(async (list: string, options: ImportOptions) => {
      await runImport(list, options);
      finish(0);
    });
  add('list', 'show the accounts, without their passwords')
    .option('--group <name>', 'only the accounts of this group')
    .action(async (options: ClientOptions) => {
      await runList(options);
      finish(0);
    });
  add('remove <id...>', 'remove accounts; their mail stays on both sides').action(
    async (ids: string[], options: ClientOptions) => {
      const client = await ApiClient.open(options, process.env);
      print(await client.post<Done>('/api/accounts/remove', { account: ids }), options);
      finish(0);
    },
  );
  for (const sub of accounts.commands) sub.exitOverride();
}

async function runImport(list: string, options: ImportOptions): Promise<void> {
  const client = await ApiClient.open(options, process.env);
  if (!client.isPrivate) {
    throw new MailhaulError('usage', {
      reason: 'a list has passwords in it: name the service by https, or on this host',
    });
  }
  const text = await readFile(list, 'utf8').catch((error: Error) => {
    throw new MailhaulError('list-unreadable', { path: list, reason: error.message });
  });
  const body = { name: basename(list), folder: dirname(resolve(list)), text, prune: options.prune ?? false };
  print(await client.post<Done>('/api/accounts/import', body), options);
}

async function runList(options: ClientOptions): Promise<void> {
  const client = await ApiClient.open(options, process.env);
  const accounts = await client.pages<AccountStatus>('/api/accounts', queryOf(options));
  const shown = accounts.map(({ id, group, state }) => ({ id, group, state }));
  if (options.json) process.stdout.write(`${JSON.stringify({ version: 1, accounts: shown }, null, 2)}\n`);
  else {
    const rows = [['account', 'group', 'state'], ...shown.map(({ id, group, state }) => [id, group, state])];
    process.stdout.write(`${table(rows, [0, 1, 2])}\n`);
  }
}

function print(done: Done, { json }: ClientOptions): void {
  process.stdout.write(json ? `${JSON.stringify(done, null, 2)}\n` : `${done.text}\n`);
}
