import { beforeEach, describe, expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { giveUpAppend, noteAppend, queueAppend } from '../../src/ledger/append-state.ts';
import { endIntent, openIntents, recordIntent } from '../../src/ledger/intent.ts';
import { MailboxNumbers } from '../../src/ledger/mailbox-numbers.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = '1'.repeat(32);
const queue = (run = 'r1', spool = 's') => queueAppend(redis.client, account, spool, run);

beforeEach(() => startRun(redis.client, account, 'r1', 1000, false));

describe('an append session', () => {
  it('is queued once, whoever asks and how many at once', async () => {
    const numbers = await Promise.all([queue(), queue(), queue()]);
    expect(numbers.filter((number) => number > 0)).toHaveLength(1);
  });

  it('is queued for each spool, under another number', async () => {
    const [one, two] = [await queue('r1', 's'), await queue('r1', 't')];
    expect(two).toBeGreaterThan(one);
  });

  it.each(['active', 'failed'] as const)('is not queued again while it is %s', async (state) => {
    await noteAppend(redis.client, account, 's', state);
    expect(await queue()).toBe(0);
  });

  it('is not queued for a run that is over', async () => {
    expect(await queue('r0')).toBe(0);
  });

  it('does not end while a batch waits', async () => {
    await noteAppend(redis.client, account, 's', 'active');
    await redis.client.zadd(accountKeys.batches(account, 's'), 1, 'b');
    expect(await giveUpAppend(redis.client, account, 's')).toBe(false);
    expect(await queue()).toBe(0);
  });

  it('ends so that the next batch queues another', async () => {
    await noteAppend(redis.client, account, 's', 'active');
    expect(await giveUpAppend(redis.client, account, 's')).toBe(true);
    expect(await queue()).toBeGreaterThan(0);
  });

  it('that was queued early goes on once its run has listed something, whoever hears of that', async () => {
    await noteAppend(redis.client, account, 's', 'active');
    await updateRun(redis.client, account, 'r1', { listed: 1 });
    expect(await giveUpAppend(redis.client, account, 's', 'r1')).toBe(false);
    expect(await queue()).toBe(0);
  });

  it('that was queued early ends while nothing is listed and no batch waits, so that a listing queues another', async () => {
    await noteAppend(redis.client, account, 's', 'active');
    await redis.client.zadd(accountKeys.batches(account, 's'), 1, 'b');
    expect(await giveUpAppend(redis.client, account, 's', 'r1')).toBe(false);
    await redis.client.del(accountKeys.batches(account, 's'));
    expect(await giveUpAppend(redis.client, account, 's', 'r1')).toBe(true);
    expect(await queue()).toBeGreaterThan(0);
  });

  it('leaves no batch without a session, however giving up and handing over meet', async () => {
    for (let round = 0; round < 30; round += 1) {
      await startRun(redis.client, account, 'r1', 1000, false);
      await noteAppend(redis.client, account, 's', 'active');
      const handOver = redis.client.zadd(accountKeys.batches(account, 's'), 1, 'b').then(() => queue());
      const [ended, queued] = await Promise.all([giveUpAppend(redis.client, account, 's'), handOver]);
      expect(queued > 0).toBe(ended);
      await redis.client.del(accountKeys.batches(account, 's'));
    }
  });
});

describe('an intent', () => {
  const intent = { command: 'c', batch: 'b', indexes: [0, 2], mailbox: 'Büro', uidValidity: 5, uidNext: 9 };

  it('is kept until it is ended', async () => {
    await redis.client.set(accountKeys.fence(account), 'mine');
    expect(await recordIntent(redis.client, account, 'mine', intent)).toBe(true);
    expect(await recordIntent(redis.client, account, 'mine', { ...intent, command: 'd' })).toBe(true);
    expect(await openIntents(redis.client, account)).toEqual(
      expect.arrayContaining([intent, { ...intent, command: 'd' }]),
    );
    await endIntent(redis.client, account, 'd');
    expect(await openIntents(redis.client, account)).toEqual([intent]);
  });

  it('is kept over the start of a run', async () => {
    await redis.client.set(accountKeys.fence(account), 'mine');
    await recordIntent(redis.client, account, 'mine', intent);
    await startRun(redis.client, account, 'r2', 1000, false);
    expect(await openIntents(redis.client, account)).toEqual([intent]);
  });

  it.each(['another', undefined])('is not recorded under the fence %s', async (fence) => {
    if (fence) await redis.client.set(accountKeys.fence(account), fence);
    expect(await recordIntent(redis.client, account, 'mine', intent)).toBe(false);
    expect(await openIntents(redis.client, account)).toEqual([]);
  });
});

/** As a session asks that has asked for none before. */
const number = (path: string) => new MailboxNumbers(redis.client, account).of(path);

it('a mailbox gets a number that stays', async () => {
  const first = await Promise.all([number('INBOX'), number('Sent'), number('INBOX')]);
  expect(first).toEqual([1, 2, 1]);
  expect(await number('Sent')).toBe(2);
  const session = new MailboxNumbers(redis.client, account);
  expect(await session.of('Sent')).toBe(2);
  await redis.client.del(accountKeys.mailboxes(account));
  expect(await session.of('Sent')).toBe(2);
});

it('has no number for a mailbox where all are given: its messages are settled all the same', async () => {
  const full = Object.fromEntries(Array.from({ length: 65_535 }, (_, n) => [`From/${n}`, n + 1]));
  await redis.client.hset(accountKeys.mailboxes(account), full);
  expect(await number('From/one more')).toBe(0);
  expect(await number('From/65534')).toBe(65_535);
});
