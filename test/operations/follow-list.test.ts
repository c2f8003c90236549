import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, rename, rm, stat, symlink, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { setTimeout as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AccountStore } from '../../src/accounts/store.ts';
import { importAccounts, listAccounts } from '../../src/operations/accounts.ts';
import { followList } from '../../src/operations/follow-list.ts';
import { accountOf } from '../accounts/account-rig.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const env = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };
const settings = { dataDir: '/nowhere', sealKeyFile: null, accountsReadBatch: 100, defaults: {}, providersFile: null };
let folder: string;
let list: string;
let store: AccountStore;
let lines: string[];
let ending: AbortController;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailhaul-follow-'));
  list = join(folder, 'accounts.csv');
  store = await AccountStore.open(redis.client, settings, env);
  lines = [];
  ending = new AbortController();
});

afterEach(async () => {
  ending.abort();
  await rm(folder, { recursive: true, force: true });
});

const log = () =>
  pino(
    { base: null },
    new Writable({
      write: (chunk, _encoding, done) => {
        lines.push(String(chunk));
        done();
      },
    }),
  );

/** The text of a list of these users. */
function listOf(users: readonly string[], password = 'pw'): string {
  const rows = users.map((user) => `${user},p.example,i.example,${user},${password},${user},${password}\n`);
  return `id,pop_host,imap_host,pop_user,pop_password,imap_user,imap_password\n${rows.join('')}`;
}

function write(text: string, path = list): Promise<void> {
  return writeFile(path, text, { mode: 0o600 });
}

/** Follows the list: quick to see a change, and slow to look without notice unless told. */
function follow(accountsPollMs = 600_000, listSettleMs = 20) {
  return followList(list, {
    store,
    settings: { ...settings, listSettleMs, accountsPollMs },
    log: log(),
    signal: ending.signal,
  });
}

async function ids(): Promise<string> {
  return (await listAccounts(store)).map(({ id }) => id).join();
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await turn(5);
}

const errors = () => lines.filter((line) => line.includes('"level":50'));

describe('a followed list', () => {
  it('is imported before anything else is done', async () => {
    await write(listOf(['ann', 'bob']));
    expect((await follow()).added).toEqual(['ann', 'bob']);
    expect(await ids()).toBe('ann,bob');
  });

  it('that is wrong at the start is an error, and nothing is stored', async () => {
    expect(await codeOf(follow())).toBe('list-unreadable');
    await write(`${listOf(['ann'])}bob,p.example,i.example,bob,pw\n`);
    expect(await codeOf(follow())).toBe('list-invalid');
    expect(await ids()).toBe('');
  });

  it.each<[string, (text: string) => Promise<void>]>([
    ['written in place', (text) => write(text)],
    [
      'replaced by another file',
      async (text) => {
        await write(text, `${list}.new`);
        await rename(`${list}.new`, list);
      },
    ],
    [
      'taken away and made anew, as some editors do',
      async (text) => {
        await rename(list, `${list}~`);
        await write(text);
        await unlink(`${list}~`);
      },
    ],
  ])('is imported again when it is %s, time after time', async (_, change) => {
    await write(listOf(['ann', 'bob']));
    await follow();
    for (const users of [['ann', 'cem'], ['ann'], ['ann', 'dia', 'eve']]) {
      await change(listOf(users));
      await until(async () => (await ids()) === users.join());
    }
    expect(errors()).toEqual([]);
  });

  it('behind a link is imported again when the link points elsewhere', async () => {
    await write(listOf(['ann']), join(folder, 'one'));
    await write(listOf(['bob']), join(folder, 'two'));
    await symlink('one', list);
    await follow();
    await symlink('two', `${list}.new`);
    await rename(`${list}.new`, list);
    await until(async () => (await ids()) === 'bob');
  });

  it('is seen to change where no notice comes', async () => {
    const elsewhere = await mkdtemp(join(tmpdir(), 'mailhaul-follow-'));
    try {
      await write(listOf(['ann']), join(elsewhere, 'list'));
      await symlink(join(elsewhere, 'list'), list);
      await follow(20);
      await write(listOf(['bob']), join(elsewhere, 'list'));
      await until(async () => (await ids()) === 'bob');
    } finally {
      await rm(elsewhere, { recursive: true });
    }
  });

  it('is read only when it has been left alone for a while', async () => {
    await write(listOf(['ann']));
    // Longer than a busy disk keeps one of the writes.
    await follow(600_000, 1000);
    const header = listOf([]);
    for (let part = 1; part <= header.length; part += 2) {
      await write(header.slice(0, part));
      await turn(10);
    }
    await write(listOf(['bob']));
    await until(async () => (await ids()) === 'bob');
    expect(errors()).toEqual([]);
  });

  it('that goes or turns wrong leaves what is stored, and says so once', async () => {
    await write(listOf(['ann', 'bob']));
    await follow(20);
    await unlink(list);
    await until(() => errors().length > 0);
    await write(`${listOf(['ann'])}bob,canary\n`);
    await until(() => errors().length > 1);
    // Some looks later it has not said it again.
    const looks = (await stat(list)).mtimeMs + 200;
    await until(() => Date.now() > looks);
    expect(await ids()).toBe('ann,bob');
    expect(errors().map((line) => JSON.parse(line).code)).toEqual(['list-unreadable', 'list-invalid']);
    expect(lines.join('')).not.toContain('canary');
    await write(listOf(['bob']));
    await until(async () => (await ids()) === 'bob');
    expect(errors()).toHaveLength(2);
  });

  it('is imported again at SIGHUP, whether it changed or not', async () => {
    await write(listOf(['ann']));
    await follow();
    await redis.client.flushall();
    process.kill(process.pid, 'SIGHUP');
    await until(async () => (await ids()) === 'ann');
  });

  it('is imported again when Redis was emptied', async () => {
    await write(listOf(['ann']));
    await follow(20);
    await redis.client.flushall();
    await until(async () => (await ids()) === 'ann');
  });

  it('leaves alone what another list brought', async () => {
    await importAccounts(store, [accountOf('zoe')], { origin: '/other.csv' });
    await write(listOf(['ann']));
    await follow();
    await write(listOf(['bob']));
    await until(async () => (await ids()) === 'bob,zoe');
  });

  it('is followed no more after the end', async () => {
    const before = process.listenerCount('SIGHUP');
    await write(listOf(['ann']));
    await follow(5);
    expect(process.listenerCount('SIGHUP')).toBe(before + 1);
    ending.abort();
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });

  it('that others can read draws a warning when it holds passwords', async () => {
    const warned = () => lines.filter((line) => line.includes('list-secrets-readable')).length;
    await write(listOf(['ann']));
    await follow();
    expect(warned()).toBe(0);
    await chmod(list, 0o644);
    await write(listOf(['bob']));
    await until(async () => (await ids()) === 'bob');
    expect(warned()).toBe(1);
    await write(listOf(['cem'], 'env:PW'));
    await until(async () => (await ids()) === 'cem');
    expect(warned()).toBe(1);
  });
});
