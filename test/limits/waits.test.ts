import { describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys } from '../../src/ground/keys.ts';
import { amount, budgetOf, noBudget } from '../../src/limits/budgets.ts';
import { hintOf, hintText, hintWaitMs } from '../../src/limits/hints.ts';
import { notBefore, noteNotBefore } from '../../src/limits/not-before.ts';
import { clearWait, noteWait, readWaits, waitText } from '../../src/limits/waits.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const now = Date.parse('2026-03-01T12:00:00Z');

describe('waits', () => {
  it('are noted for each side, read together, and over by themselves', async () => {
    await noteWait(redis.client, 'a', { side: 'source', untilMs: now + 5000, because: 'x' });
    await noteWait(redis.client, 'a', { side: 'destination', untilMs: now + 9000, because: 'y' });
    await noteWait(redis.client, 'b', { side: 'source', untilMs: now + 5000, because: 'z' });
    await noteWait(redis.client, 'c', { side: 'source', untilMs: now, because: 'over' });
    await clearWait(redis.client, 'b', 'source');
    expect(await readWaits(redis.client, ['a', 'b', 'c', 'd'], now)).toEqual(
      new Map([
        [
          'a',
          [
            { side: 'destination', untilMs: now + 9000, because: 'y' },
            { side: 'source', untilMs: now + 5000, because: 'x' },
          ],
        ],
      ]),
    );
    expect((await readWaits(redis.client, ['a'], now + 5000)).get('a')).toHaveLength(1);
    expect(await redis.client.exists(accountKeys.waits('b'))).toBe(0);
    expect(await readWaits(redis.client, [], now)).toEqual(new Map());
  });

  it('say until when and why, with the day where it is another and seconds where it is near', () => {
    const wait = { side: 'source', because: 'pop.example.com allows 1.25 GB a day' } as const;
    expect(waitText({ ...wait, untilMs: now + 125 * 60_000 }, now)).toBe(
      'waiting until 14:05 UTC, because pop.example.com allows 1.25 GB a day',
    );
    expect(waitText({ ...wait, untilMs: now + 24 * 3_600_000 }, now)).toContain('until 2026-03-02 12:00 UTC');
    expect(waitText({ ...wait, untilMs: now + 30_000 }, now)).toContain('until 12:00:30 UTC');
  });
});

describe('what a server asks for', () => {
  const error = (details: Record<string, string | number>) =>
    new MailhaulError('account-busy', { host: 'h', user: 'u', reply: '-ERR later', ...details });
  const settings = { retryWaitsMs: [1000, 5000], hintWaitMaxMs: 60_000 };

  it('is read out of an error, where there is anything', () => {
    expect(hintOf(error({}))).toBeUndefined();
    expect(hintOf(error({ hint: 'in-use' }))).toEqual({ afterMs: undefined, throttled: false, reply: '-ERR later' });
    expect(hintOf(error({ hint: 'throttled', retryAfterMs: 5 }))).toMatchObject({ afterMs: 5, throttled: true });
    expect(hintText(error({ hint: 'in-use' }))).toBe('h asked for it: -ERR later');
  });

  it('is obeyed in full, and grows where it names no time, up to the setting', () => {
    const wait = (hint: { afterMs?: number }, count: number) =>
      hintWaitMs({ afterMs: hint.afterMs, throttled: true, reply: '' }, count, settings);
    expect([1, 2, 3, 4, 99].map((count) => wait({}, count))).toEqual([1000, 5000, 10_000, 20_000, 60_000]);
    expect(wait({ afterMs: 29_000 }, 1)).toBe(29_000);
    expect(wait({ afterMs: 1e9 }, 1)).toBe(60_000);
  });

  it('is remembered for every session to come', async () => {
    await noteNotBefore(redis.client, 'l', { untilMs: now + 5000, because: 'x' }, now);
    expect(await notBefore(redis.client, 'l')).toEqual({ untilMs: now + 5000, because: 'x' });
    expect(await notBefore(redis.client, 'other')).toBeUndefined();
    await noteNotBefore(redis.client, 'past', { untilMs: now - 1, because: 'x' }, now);
    expect(await notBefore(redis.client, 'past')).toBeUndefined();
  });
});

describe('the budget of a host', () => {
  it('is its own where it is named, in any case, and the default elsewhere', () => {
    const budgets = {
      default: { connections: 9, loginsPerSecond: 2 },
      hosts: { 'Pop.Example.com': { connections: 2 } },
    };
    expect(budgetOf({ budgets }, 'pop.example.COM')).toEqual({ ...noBudget, connections: 2, loginsPerSecond: 2 });
    expect(budgetOf({ budgets }, 'other')).toEqual({ ...noBudget, connections: 9, loginsPerSecond: 2 });
  });

  it('is named as providers name it', () => {
    expect([999, 1_250_000_000, 500_000_000, 1500].map(amount)).toEqual(['999 bytes', '1.25 GB', '500 MB', '1.5 kB']);
  });
});
