import { beforeEach, expect, it } from 'vitest';
import { Backlog } from '../../src/append/backlog.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { isDone } from '../../src/ledger/batches.ts';
import { recordIntent } from '../../src/ledger/intent.ts';
import type { Manifest } from '../../src/spool/batch-file.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { alice } from '../spool/spool-rig.ts';

const redis = useRedis();

async function register(batch: string, adopted = false): Promise<void> {
  const manifest = { account: alice, batch, bytes: 1, messages: [], kind: 'messages' } as unknown as Manifest;
  await registerBatch(redis.client, 's', manifest, adopted);
}

/** How many scripts `work` has called. */
async function scriptsOf(work: () => Promise<unknown>): Promise<number> {
  await redis.client.config('RESETSTAT');
  await work();
  const stats = await redis.client.info('commandstats');
  return [...stats.matchAll(/cmdstat_evalsha:calls=(\d+)/g)].reduce((sum, [, calls]) => sum + Number(calls), 0);
}

beforeEach(async () => {
  await redis.client.set(accountKeys.fence(alice), 'mine');
});

it('tells what waits in its order, and of each batch what was adopted and settled', async () => {
  for (const [name, adopted] of [
    ['c', false],
    ['a', true],
    ['b', false],
  ] as const)
    await register(name, adopted);
  await redis.client.setbit(accountKeys.batchDone(alice, 'b'), 3, 1);
  const backlog = new Backlog(redis.client, alice, 's');
  expect(await backlog.waiting()).toEqual(['c', 'a', 'b']);
  expect(await backlog.take('c')).toEqual({ adopted: false, done: null, intents: [] });
  expect(await backlog.take('a')).toMatchObject({ adopted: true, done: null });
  const { done } = await backlog.take('b');
  expect([2, 3, 4].map((at) => isDone(done, at))).toEqual([false, true, false]);
});

it('gives each batch its own intents, those of earlier sessions alone', async () => {
  const intent = (command: string, batch: string) => {
    return { command, batch, indexes: [0], mailbox: 'INBOX', uidValidity: 1, uidNext: 1 };
  };
  for (const name of ['a', 'b']) await register(name);
  for (const [command, batch] of [
    ['1', 'b'],
    ['2', 'a'],
    ['3', 'b'],
  ] as const) {
    await recordIntent(redis.client, alice, 'mine', intent(command, batch));
  }
  const backlog = new Backlog(redis.client, alice, 's');
  await backlog.waiting();
  expect((await backlog.take('a')).intents).toEqual([intent('2', 'a')]);
  await recordIntent(redis.client, alice, 'mine', intent('4', 'b'));
  const left = (await backlog.take('b')).intents.map(({ command }) => command).sort();
  expect(left).toEqual(['1', '3']);
});

it('reads ahead as much as is soon needed, and the rest when its turn comes', async () => {
  const names = Array.from({ length: 70 }, (_, i) => `batch ${i}`);
  for (const [i, name] of names.entries()) await register(name, i % 3 === 0);
  const backlog = new Backlog(redis.client, alice, 's');
  await backlog.waiting();
  const adopted: boolean[] = [];
  const scripts = await scriptsOf(async () => {
    for (const name of names) adopted.push((await backlog.take(name)).adopted);
  });
  expect(adopted).toEqual(names.map((_, i) => i % 3 === 0));
  expect(scripts).toBe(2);
});

it('takes a batch that came since it looked last', async () => {
  await register('a');
  const backlog = new Backlog(redis.client, alice, 's');
  await backlog.waiting();
  await register('b', true);
  expect((await backlog.take('b')).adopted).toBe(true);
  expect(await backlog.waiting()).toEqual(['a', 'b']);
});
