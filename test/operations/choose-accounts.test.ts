import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { chooseAccounts, chooseSoundAccounts } from '../../src/operations/choose-accounts.ts';

const settings = {
  defaults: {},
  providersFile: null,
  rules: { default: [], groups: { sales: [], slaes: [] }, accounts: { ada: [], adda: [] } },
};
const head = 'id,group,pop_host,pop_user,pop_password,imap_host,imap_user,imap_password\n';
const line = 'ada,sales,pop.example,ada,env:A,imap.example,ada,env:B\n';
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailhaul-choose-'));
});

afterAll(() => rm(folder, { recursive: true }));

async function warningsOf(choose: typeof chooseAccounts | typeof chooseSoundAccounts, text: string): Promise<string[]> {
  const list = join(folder, 'list.csv');
  await writeFile(list, text, { mode: 0o600 });
  const warnings: string[] = [];
  await choose(list, {}, settings, ({ message }) => warnings.push(message));
  return warnings;
}

test.each([chooseAccounts, chooseSoundAccounts])(
  '%o warns of rules for groups and accounts that nobody has',
  async (choose) => {
    expect(await warningsOf(choose, head + line)).toEqual([
      expect.stringMatching(/rules names the group slaes, the account adda, which .*list\.csv does not have/),
    ]);
  },
);

test('and not where the list has wrong lines, which may be those of the missing ones', async () => {
  const wrong = line.replace('ada,sales', 'adda,slaes').replace('pop.example', '');
  expect(await warningsOf(chooseSoundAccounts, head + line + wrong)).toEqual([]);
});
