import { randomBytes } from 'node:crypto';
import { beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { openLogin } from '../../src/accounts/login.ts';
import { AccountStore } from '../../src/accounts/store.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';
import { accountOf, secretOf } from './account-rig.ts';

const redis = useRedis();
const env = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };
const defaults = loadSettings({ env: {}, options: {} });
const settings = { dataDir: '/nowhere', sealKeyFile: null, accountsReadBatch: 7 };
let store: AccountStore;

beforeEach(async () => {
  store = await AccountStore.open(redis.client, settings, env);
});

async function put(...accounts: Account[]): Promise<void> {
  const { version } = await store.all();
  expect(await store.change(version, { put: accounts.map((account) => ({ account, origin: '' })), drop: [] })).toBe(
    true,
  );
}

async function passwords(account: Account, more: NodeJS.ProcessEnv = {}): Promise<string[]> {
  const sides = await Promise.all(
    (['source', 'destination'] as const).map((side) => openLogin(account, side, { env: more, settings: defaults })),
  );
  return sides.map(({ password }) => password);
}

describe('stored accounts', () => {
  it('come back as they were, one by one and all at once, with their passwords', async () => {
    const full = accountOf('ann', {
      id: 'Ann',
      group: 'wave-1',
      enabled: false,
      mailbox: 'Old/Mail',
      from: { auth: 'PLAIN', security: 'starttls', port: 110, authzUser: 'ann2', tlsCaFile: import.meta.filename },
      to: { host: '::1', password: secretOf('env:ANN_PW') },
    });
    const others = Array.from({ length: 20 }, (_, i) => accountOf(`u${i}`));
    await put(full, ...others);
    const { accounts } = await store.all();
    expect(accounts.size).toBe(21);
    const stored = await store.get(full.key);
    for (const account of [stored!, accounts.get(full.key)!.account]) {
      expect(JSON.parse(JSON.stringify(account))).toEqual(JSON.parse(JSON.stringify({ ...full, line: 0 })));
      expect(await passwords(account, { ANN_PW: 'from-env' })).toEqual(['pw-of-ann', 'from-env']);
    }
    expect(await passwords((await store.get(others[9]!.key))!)).toEqual(['pw-of-u9', 'pw-of-u9']);
    expect(await store.get('0'.repeat(32))).toBeUndefined();
    expect([await store.has(full.key), await store.has('0'.repeat(32))]).toEqual([true, false]);
  });

  it.each(['canary-7', 'env:CANARY-7'.replace('-', '_'), 'file:canary-7', 'command:echo canary-7'])(
    'have nothing of %s in Redis',
    async (password) => {
      await put(accountOf('ann', { password }));
      const said = JSON.stringify([
        await redis.client.hgetall(globalKeys.accounts),
        await redis.client.hgetall(globalKeys.accountsState),
      ]);
      expect(said).toContain('pop.example.com');
      expect(said).not.toMatch(/canary/i);
      expect(said).not.toContain(Buffer.from(password).toString('base64').slice(0, 12));
    },
  );

  it('never show a password when they are printed', async () => {
    await put(accountOf('ann'));
    expect(JSON.stringify(await store.get(accountOf('ann').key))).not.toContain('pw-of-ann');
  });

  it('do not open for another account, another server or another side', async () => {
    const [ann, bob] = [accountOf('ann'), accountOf('bob')];
    await put(ann, bob);
    const texts = await Promise.all([ann, bob].map(({ key }) => redis.client.hget(globalKeys.accounts, key)));
    const [first, second] = texts.map((text) => JSON.parse(text!));
    const spoilt = [
      { ...second, source: { ...second.source, password: first.source.password } },
      { ...second, source: { ...second.source, password: second.destination.password } },
      { ...second, source: { ...second.source, security: 'none' } },
      { ...second, source: { ...second.source, port: 1995 } },
    ];
    for (const value of spoilt) {
      await redis.client.hset(globalKeys.accounts, bob.key, JSON.stringify(value));
      expect(await codeOf(passwords((await store.get(bob.key))!))).toBe('seal-broken');
    }
    const byMaster = accountOf('bob', { from: { user: 'master', authzUser: 'bob' } });
    expect(byMaster.key).toBe(bob.key);
    await put(byMaster);
    const third = JSON.parse((await redis.client.hget(globalKeys.accounts, bob.key))!);
    const { authzUser: _none, ...asItself } = third.source;
    // The password of a master user is his alone, though the account is that of the mailbox.
    for (const source of [
      { ...third.source, user: 'someone' },
      { ...asItself, user: 'bob' },
    ]) {
      await redis.client.hset(globalKeys.accounts, bob.key, JSON.stringify({ ...third, source }));
      expect(await codeOf(passwords((await store.get(bob.key))!))).toBe('seal-broken');
    }
    const elsewhere = { ...second, source: { ...second.source, host: 'evil.example.com' } };
    for (const text of [JSON.stringify(elsewhere), 'no JSON', '{}']) {
      await redis.client.hset(globalKeys.accounts, bob.key, text);
      expect(await codeOf(store.get(bob.key))).toBe('seal-broken');
      expect([...(await store.all()).accounts.keys()]).toEqual([ann.key]);
    }
  });
});

describe('a change', () => {
  it('is refused when somebody else was faster, and changes nothing then', async () => {
    const { version } = await store.all();
    await put(accountOf('ann'));
    const change = { put: [{ account: accountOf('bob'), origin: '' }], drop: [accountOf('ann').key] };
    expect(await store.change(version, change)).toBe(false);
    expect([...(await store.all()).accounts.values()].map(({ account }) => account.id)).toEqual(['ann']);
  });

  it('of many accounts goes in parts, with one notice at the end', async () => {
    const other = await redis.another();
    const notices: string[] = [];
    const listener = other.duplicate();
    const heard = new Promise<void>((resolve) => {
      listener.on('message', (_channel: string, version: string) => {
        notices.push(version);
        resolve();
      });
    });
    await listener.subscribe(globalKeys.accountsChanged);
    const accounts = Array.from({ length: 50 }, (_, i) => accountOf(`u${i}`));
    await put(...accounts);
    const { version } = await store.all();
    await heard;
    expect(notices).toEqual([version]);
    expect(await store.change(version, { put: [], drop: accounts.slice(10).map(({ key }) => key) })).toBe(true);
    expect((await store.all()).accounts.size).toBe(10);
  });

  it('gives another version, also after Redis was emptied', async () => {
    const versions = new Set<string | undefined>([await store.version()]);
    for (let i = 0; i < 4; i += 1) {
      if (i === 2) await redis.client.flushall();
      await put(accountOf(`u${i}`));
      versions.add(await store.version());
    }
    expect(versions.size).toBe(5);
    expect(versions.has(undefined)).toBe(true);
  });
});

describe('another key', () => {
  const other = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };

  it('is refused at once when something was sealed', async () => {
    await put(accountOf('ann'));
    expect(await codeOf(AccountStore.open(redis.client, settings, other))).toBe('seal-key-wrong');
    await AccountStore.open(redis.client, settings, env);
  });

  it('is refused at its first change when both began with an empty Redis', async () => {
    const late = await AccountStore.open(redis.client, settings, other);
    await put(accountOf('ann'));
    const { version } = await store.all();
    const change = { put: [{ account: accountOf('bob'), origin: '' }], drop: [] };
    expect(await codeOf(late.change(version, change))).toBe('seal-key-wrong');
  });

  it('is not made up where the right one is missing', async () => {
    await put(accountOf('ann'));
    expect(await codeOf(AccountStore.open(redis.client, settings, {}))).toBe('seal-key-invalid');
  });
});

it('10,000 accounts are read in a few round trips, and no password is opened', async () => {
  const big = await AccountStore.open(redis.client, { ...settings, accountsReadBatch: 500 }, env);
  const accounts = Array.from({ length: 10_000 }, (_, i) => accountOf(`u${i}`));
  await big.change(undefined, { put: accounts.map((account) => ({ account, origin: '/list' })), drop: [] });
  // Spoilt passwords show that nobody looks at them.
  const spoil = await redis.client.hgetall(globalKeys.accounts);
  const some = Object.entries(spoil).slice(0, 100);
  for (const [key, text] of some) await redis.client.hset(globalKeys.accounts, key, text.replace(/"AQ/g, '"BQ'));
  const before = await commandsDone();
  expect((await big.all()).accounts.size).toBe(10_000);
  expect((await commandsDone()) - before).toBeLessThan(30);
});

async function commandsDone(): Promise<number> {
  return Number(/total_commands_processed:(\d+)/.exec(await redis.client.info('stats'))![1]);
}
