/** A page of accounts is read, and not many more than it shows. */
import { expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { systemClock } from '../../src/ground/clock.ts';
import { listStatus, type StatusContext, type StatusQuery } from '../../src/operations/status.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const id = (at: number) => `u${String(at).padStart(4, '0')}`;
const accounts = Array.from({ length: 2000 }, (_, at) => ({ id: id(at), key: id(at), group: '' }) as Account);

async function page(query: StatusQuery): Promise<{ ids: string[]; next: string | null; read: number }> {
  let read = 0;
  const context: StatusContext = {
    redis: redis.client,
    book: { all: async () => accounts },
    steering: { pausedBy: () => undefined },
    clock: systemClock,
    readWaits: async (keys) => {
      read += keys.length;
      return new Map();
    },
  };
  const { accounts: shown, next } = await listStatus(context, query);
  return { ids: shown.map((account) => account.id), next, read };
}

it('reads the accounts of the page and one more', async () => {
  expect(await page({ limit: 3, after: id(999) })).toEqual({
    ids: [id(1000), id(1001), id(1002)],
    next: id(1002),
    read: 4,
  });
  expect(await page({ limit: 3, after: id(1996) })).toMatchObject({ next: null, read: 3 });
});

it('looks through all of them for a state', async () => {
  expect(await page({ limit: 3, state: 'failed' })).toEqual({ ids: [], next: null, read: 2000 });
});
