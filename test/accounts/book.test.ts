import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { fixedBook, StoreBook, untilRemoved } from '../../src/accounts/book.ts';
import { AccountStore } from '../../src/accounts/store.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import { silentLog } from '../../src/ground/log.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf } from './account-rig.ts';

const redis = useRedis();
const env = { MAILHAUL_SEAL_KEY: randomBytes(32).toString('base64') };
const settings = { dataDir: '/nowhere', sealKeyFile: null, accountsReadBatch: 100 };
const [ann, bob] = [accountOf('ann'), accountOf('bob')];
const open: StoreBook[] = [];
let store: AccountStore;

beforeEach(async () => {
  store = await AccountStore.open(redis.client, settings, env);
});

afterEach(async () => {
  for (const book of open.splice(0)) await book.close();
});

async function bookOf(pollMs = 600_000): Promise<StoreBook> {
  const book = await StoreBook.open(store, redis.handle.duplicate(), pollMs, silentLog());
  open.push(book);
  return book;
}

async function change(put: readonly Account[], drop: readonly Account[] = []): Promise<void> {
  const listed = put.map((account) => ({ account, origin: '' }));
  await store.change(await store.version(), { put: listed, drop: drop.map(({ key }) => key) });
}

const ids = (accounts: readonly Account[]) => accounts.map(({ id }) => id).sort();
const changed = (book: StoreBook) => new Promise<void>((resolve) => book.onChange(resolve));

describe('the stored book', () => {
  it('shows what is stored now, and tells of every change', async () => {
    const book = await bookOf();
    expect(await book.all()).toEqual([]);
    let heard = changed(book);
    await change([ann, bob]);
    await heard;
    expect(ids(await book.all())).toEqual(['ann', 'bob']);
    expect((await book.get(ann.key))?.id).toBe('ann');
    heard = changed(book);
    await change([], [ann]);
    await heard;
    expect(ids(await book.all())).toEqual(['bob']);
    expect([await book.get(ann.key), await book.has(ann.key), await book.has(bob.key)]).toEqual([
      undefined,
      false,
      true,
    ]);
  });

  it('is read anew only when it has changed', async () => {
    await change([ann]);
    const book = await bookOf();
    const first = await book.all();
    expect(await book.all()).toBe(first);
    await change([bob]);
    // Without waiting for the notice.
    expect(ids(await book.all())).toEqual(['ann', 'bob']);
  });

  it('notices a change of which no notice came, and a Redis that was emptied', async () => {
    await change([ann]);
    const book = await bookOf(5);
    let heard = changed(book);
    await redis.client.hset(globalKeys.accountsState, 'version', 'another');
    await heard;
    heard = changed(book);
    await redis.client.flushall();
    await heard;
    expect(await book.all()).toEqual([]);
  });

  it('tells nobody who stopped listening', async () => {
    const book = await bookOf();
    let calls = 0;
    const stop = book.onChange(() => {
      calls += 1;
    });
    stop();
    const heard = changed(book);
    await change([ann]);
    await heard;
    expect(calls).toBe(0);
  });
});

describe('a session of an account', () => {
  it('ends when the account is removed, and not when another is, or its password changes', async () => {
    await change([ann, bob]);
    const book = await bookOf();
    const [first, second] = [untilRemoved(book, ann.key), untilRemoved(book, bob.key)];
    const gone = new Promise((resolve) => first.signal.addEventListener('abort', resolve, { once: true }));
    await change([accountOf('bob', { password: 'new' })]);
    await change([], [ann]);
    await gone;
    expect((first.signal.reason as { code: string }).code).toBe('account-unlisted');
    expect(second.signal.aborted).toBe(false);
    first.stop();
    second.stop();
  });
});

it('a fixed book shows its accounts, and none else', async () => {
  const book = fixedBook([ann]);
  expect([book.shared, await book.has(ann.key), await book.get(bob.key)]).toEqual([false, true, undefined]);
  expect(await book.get(ann.key)).toBe(ann);
  expect(ids(await book.all())).toEqual(['ann']);
});
