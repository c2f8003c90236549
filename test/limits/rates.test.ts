import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostKeys } from '../../src/ground/keys.ts';
import { type RateRequest, reserveRate } from '../../src/limits/rates.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const messages = (cost: number, perSecond = 4): RateRequest => ({ name: 'messages', cost, perSecond });
const bytes = (cost: number, perSecond = 1000): RateRequest => ({ name: 'bytes', cost, perSecond });
const ask = (requests: RateRequest[], now: number, aheadMs = 10_000) =>
  reserveRate(redis.client, 'h', requests, now, aheadMs);

describe('rates', () => {
  it('give each caller a time of its own', async () => {
    expect(await ask([messages(1)], 1000)).toEqual({ granted: true, at: 1000 });
    expect(await ask([messages(1)], 1000)).toEqual({ granted: true, at: 1250 });
    expect(await ask([messages(1)], 1100)).toEqual({ granted: true, at: 1500 });
    expect(await ask([messages(1)], 9000)).toEqual({ granted: true, at: 9000 });
  });

  it('turn away who would have to wait for too long, and count nothing for it', async () => {
    await ask([messages(40)], 1000);
    expect(await ask([messages(1)], 1000, 9999)).toEqual({ granted: false, at: 11_000 });
    expect(await ask([messages(1)], 1001, 9999)).toEqual({ granted: true, at: 11_000 });
  });

  it('let a caller begin when every one of them allows it', async () => {
    await ask([messages(1), bytes(3000)], 1000);
    expect(await ask([messages(1), bytes(10)], 1000)).toEqual({ granted: true, at: 4000 });
    expect(await ask([messages(1)], 1000)).toEqual({ granted: true, at: 4250 });
  });

  it('that are 0 are no limit, and Redis is not asked', async () => {
    expect(await ask([messages(1, 0), bytes(1e9, 0)], 1000)).toEqual({ granted: true, at: 1000 });
    expect(await redis.client.exists(hostKeys.rates('h'))).toBe(0);
  });

  it('are never exceeded in any span, however many workers ask and whenever', async () => {
    const call = fc.record({ laterMs: fc.integer({ min: 0, max: 700 }), cost: fc.integer({ min: 1, max: 5 }) });
    const rate = fc.integer({ min: 1, max: 50 });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 5, maxLength: 60 }), rate, async (calls, perSecond) => {
        await redis.client.flushall();
        const begun: { at: number; cost: number }[] = [];
        let now = 1_700_000_000_000;
        for (const { laterMs, cost } of calls) {
          now += laterMs;
          const { granted, at } = await ask([messages(cost, perSecond)], now, 2000);
          expect(at).toBeGreaterThanOrEqual(now);
          if (granted) expect(at - now).toBeLessThanOrEqual(2000);
          if (granted) begun.push({ at, cost });
        }
        for (const first of begun) {
          for (const last of begun.filter(({ at }) => at >= first.at)) {
            const within = begun.filter(({ at }) => at >= first.at && at <= last.at);
            const cost = within.reduce((sum, one) => sum + one.cost, 0);
            const allowed = ((last.at - first.at) / 1000) * perSecond;
            expect(cost).toBeLessThanOrEqual(allowed + last.cost + 0.001);
          }
        }
      }),
      { numRuns: 60 },
    );
  });

  it('are shared by callers that ask at the same moment', async () => {
    const grants = await Promise.all(Array.from({ length: 20 }, () => ask([messages(1, 10)], 1000)));
    expect(grants.map(({ at }) => at).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 20 }, (_, at) => 1000 + at * 100),
    );
  });
});
