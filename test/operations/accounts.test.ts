import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { openLogin } from '../../src/accounts/login.ts';
import { AccountStore } from '../../src/accounts/store.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { importAccounts, listAccounts, removeAccounts } from '../../src/operations/accounts.ts';
import { accountOf, secretOf } from '../accounts/account-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const env = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };
const defaults = loadSettings({ env: {}, options: {} });
const settings = { dataDir: '/nowhere', sealKeyFile: null, accountsReadBatch: 3 };
const users = ['ann', 'bob', 'cem', 'dia'];
const none = { added: [], changed: [], removed: [], unchanged: 0 };
let store: AccountStore;

beforeEach(async () => {
  store = await AccountStore.open(redis.client, settings, env);
});

async function stored(): Promise<string[]> {
  return (await listAccounts(store)).map(({ id }) => id);
}

async function passwordOf(account: Account): Promise<string> {
  return (await openLogin((await store.get(account.key))!, 'source', { env: {}, settings: defaults })).password;
}

describe('an import', () => {
  it('adds what is new, and writes nothing when nothing is', async () => {
    const accounts = users.map((user) => accountOf(user));
    expect(await importAccounts(store, accounts)).toEqual({ ...none, added: users });
    const [version, before] = [await store.version(), await redis.client.hgetall(globalKeys.accounts)];
    const again = users.map((user) => accountOf(user, { line: 99 }));
    expect(await importAccounts(store, again)).toEqual({ ...none, unchanged: 4 });
    expect(await store.version()).toBe(version);
    expect(await redis.client.hgetall(globalKeys.accounts)).toEqual(before);
  });

  it.each<[string, Parameters<typeof accountOf>[1]]>([
    ['password', { password: 'new' }],
    ['password that is now a reference', { password: 'env:PW' }],
    ['port', { from: { port: 1995 } }],
    ['security', { to: { security: 'starttls' } }],
    ['master user', { from: { user: 'master', authzUser: 'ann' } }],
    ['id', { id: 'Annie' }],
    ['group', { group: 'wave-2' }],
    ['mailbox', { mailbox: 'Old' }],
    ['switch', { enabled: false }],
  ])('changes the account whose %s is another, and keeps its key', async (_, more) => {
    const before = accountOf('ann');
    await importAccounts(store, [before, accountOf('bob')]);
    const after = accountOf('ann', more);
    const change = { ...none, changed: [after.id], unchanged: 1 };
    expect(await importAccounts(store, [after, accountOf('bob')])).toEqual(change);
    expect(after.key).toBe(before.key);
    expect(await store.get(before.key)).toMatchObject({ id: after.id, group: after.group, mailbox: after.mailbox });
    expect(await importAccounts(store, [after, accountOf('bob')])).toEqual({ ...none, unchanged: 2 });
  });

  it('gives the new password to the next login', async () => {
    const ann = accountOf('ann', { password: 'old' });
    await importAccounts(store, [ann]);
    expect(await passwordOf(ann)).toBe('old');
    await importAccounts(store, [accountOf('ann', { password: 'new' })]);
    expect(await passwordOf(ann)).toBe('new');
  });

  it('takes a line with another host for another account, which takes the place of the first', async () => {
    const before = accountOf('ann');
    await importAccounts(store, [before]);
    const after = accountOf('ann', { from: { host: 'new.example.com' } });
    expect(after.key).not.toBe(before.key);
    expect(await importAccounts(store, [after])).toEqual({ ...none, added: ['ann'], removed: ['ann'] });
    expect((await listAccounts(store)).map(({ key }) => key)).toEqual([after.key]);
  });

  it('removes what the list no longer has only when told, and only what came from that list', async () => {
    const [ann, bob, cem, dia] = users.map((user) => accountOf(user)) as [Account, Account, Account, Account];
    await importAccounts(store, [ann, bob], { origin: '/a.csv' });
    await importAccounts(store, [cem, dia], { origin: '/b.csv' });
    expect((await importAccounts(store, [ann], { origin: '/a.csv' })).removed).toEqual([]);
    expect((await importAccounts(store, [ann], { origin: '/a.csv', prune: true })).removed).toEqual(['bob']);
    expect(await stored()).toEqual(['ann', 'cem', 'dia']);
    expect((await importAccounts(store, [dia], { prune: true })).removed).toEqual(['ann', 'cem']);
    expect(await stored()).toEqual(['dia']);
  });

  it('replaces what does not open any more', async () => {
    const ann = accountOf('ann');
    await importAccounts(store, [ann]);
    const text = (await redis.client.hget(globalKeys.accounts, ann.key))!;
    const spoilt = JSON.parse(text);
    spoilt.source.password = spoilt.destination.password;
    await redis.client.hset(globalKeys.accounts, ann.key, JSON.stringify(spoilt));
    expect((await importAccounts(store, [accountOf('ann')])).changed).toEqual(['ann']);
    expect(await passwordOf(ann)).toBe('pw-of-ann');
    await redis.client.hset(globalKeys.accounts, ann.key, 'nonsense');
    expect((await importAccounts(store, [accountOf('ann')])).added).toEqual(['ann']);
    expect(await passwordOf(ann)).toBe('pw-of-ann');
  });

  it('loses nothing when several go on at once', async () => {
    const other = await AccountStore.open((await redis.another()).client, settings, env);
    const lists = [0, 1, 2, 3].map((i) => Array.from({ length: 8 }, (_, j) => accountOf(`u${i}-${j}`)));
    const results = await Promise.all(lists.map((list, i) => importAccounts(i % 2 ? store : other, list)));
    expect((await stored()).length).toBe(32);
    // A part that was written before somebody was faster counts as unchanged the next time.
    for (const { added, unchanged } of results) expect(added.length + unchanged).toBe(8);
  });
});

describe('a listing', () => {
  it('says everything but passwords, by id', async () => {
    const ann = accountOf('ann', { id: 'zoe', group: 'wave-1', password: 'canary-1' });
    await importAccounts(store, [ann, accountOf('bob', { to: { password: secretOf('file:canary-2') } })], {
      origin: '/lists/a.csv',
    });
    const listed = await listAccounts(store);
    expect(listed.map(({ id }) => id)).toEqual(['bob', 'zoe']);
    expect(JSON.stringify(listed)).not.toMatch(/canary|password|secret/);
    expect(listed[1]).toEqual({
      id: 'zoe',
      key: ann.key,
      group: 'wave-1',
      enabled: true,
      source: { host: 'pop.example.com', port: 995, security: 'tls', auth: 'auto', user: 'ann' },
      destination: { host: 'imap.example.com', port: 993, security: 'tls', auth: 'auto', user: 'ann' },
      mailbox: 'INBOX',
      list: '/lists/a.csv',
    });
  });
});

describe('a removal', () => {
  it('takes out what it names, names what is unknown, and leaves the rest', async () => {
    await importAccounts(
      store,
      users.map((user) => accountOf(user)),
    );
    const gone = await removeAccounts(store, ['dia', 'nobody', 'ann', 'ann']);
    expect(gone).toEqual({ removed: ['ann', 'dia'], unknown: ['nobody'] });
    expect(await stored()).toEqual(['bob', 'cem']);
    const version = await store.version();
    expect(await removeAccounts(store, ['ann'])).toEqual({ removed: [], unknown: ['ann'] });
    expect(await store.version()).toBe(version);
  });
});
