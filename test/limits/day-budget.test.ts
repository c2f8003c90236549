import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { loginKeys } from '../../src/ground/keys.ts';
import { chargeDay, reserveDay } from '../../src/limits/day-budget.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const hour = 3_600_000;
const day = 24 * hour;
const start = 1_700_000_000_000;
const budget = { login: 'l', limit: 1000, dayMs: day };
const ask = (bytes: number, now: number, excess = 0) => reserveDay(redis.client, budget, bytes, now, excess);

describe('the bytes of a day', () => {
  it('are granted up to the limit, and then again when the oldest are a day ago', async () => {
    expect(await ask(600, start)).toEqual({ granted: true, oversized: false, at: start });
    expect(await ask(400, start + 5 * hour)).toMatchObject({ granted: true });
    const refused = await ask(1, start + 6 * hour);
    expect(refused.granted).toBe(false);
    // A hundredth of a day at most is lost to the buckets.
    expect(refused.at).toBeGreaterThanOrEqual(start + day);
    expect(refused.at).toBeLessThanOrEqual(start + day + day / 96);
    expect((await ask(601, start + 6 * hour)).at).toBeGreaterThan(start + 29 * hour);
    expect(await ask(600, refused.at - 1)).toMatchObject({ granted: false, at: refused.at });
    expect(await ask(600, refused.at)).toMatchObject({ granted: true });
  });

  it('let a message through that is larger than all of them, alone in its day', async () => {
    await ask(1, start);
    const refused = await ask(5000, start + hour);
    expect(refused.granted).toBe(false);
    expect(await ask(5000, refused.at)).toEqual({ granted: true, oversized: true, at: refused.at });
    const after = await ask(1, refused.at + 1);
    expect(after.granted).toBe(false);
    expect(after.at - refused.at).toBeGreaterThanOrEqual(day);
    expect(await ask(1, after.at)).toMatchObject({ granted: true, oversized: false });
  });

  it('count what came beyond the listing, granted or not', async () => {
    expect(await ask(10, start, 985)).toMatchObject({ granted: true });
    expect(await ask(10, start, 0)).toMatchObject({ granted: false });
    await chargeDay(redis.client, { ...budget, login: 'other' }, 999, start);
    expect(await reserveDay(redis.client, { ...budget, login: 'other' }, 2, start)).toMatchObject({ granted: false });
  });

  it('are kept in a bounded hash that expires', async () => {
    for (let at = 0; at < 400; at += 1) await ask(1, start + at * 10 * 60_000);
    expect(await redis.client.hlen(loginKeys.dayBytes('l'))).toBeLessThanOrEqual(98);
    expect(await redis.client.pttl(loginKeys.dayBytes('l'))).toBeGreaterThan(0);
  });

  it('are never more than the limit in any span of a day, over simulated days of many workers', async () => {
    const call = fc.record({
      laterMs: fc.integer({ min: 0, max: 3 * hour }),
      bytes: fc.integer({ min: 1, max: 700 }),
      excess: fc.constantFrom(0, 0, 0, 20),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(call, { minLength: 20, maxLength: 60 }), async (calls) => {
        await redis.client.flushall();
        const moved: { at: number; bytes: number; limited: boolean }[] = [];
        let now = start;
        for (const { laterMs, bytes, excess } of calls) {
          now += laterMs;
          const { granted, at } = await ask(bytes, now, excess);
          if (excess > 0) moved.push({ at: now, bytes: excess, limited: false });
          if (granted) moved.push({ at: now, bytes, limited: true });
          else expect(at).toBeGreaterThan(now);
        }
        for (const last of moved.filter(({ limited }) => limited)) {
          const upTo = moved.indexOf(last);
          const span = moved.slice(0, upTo + 1).filter(({ at }) => at > last.at - day);
          expect(span.reduce((sum, { bytes }) => sum + bytes, 0)).toBeLessThanOrEqual(budget.limit);
        }
      }),
      { numRuns: 40 },
    );
  });

  it('let work go on by itself: who comes back when told is let in', async () => {
    let now = start;
    let carried = 0;
    for (let tries = 0; carried < 5000 && tries < 200; tries += 1) {
      const { granted, at } = await ask(90, now);
      if (granted) carried += 90;
      else expect(at).toBeGreaterThan(now);
      now = at;
    }
    expect(carried).toBeGreaterThanOrEqual(5000);
    expect(now - start).toBeLessThan(5.2 * day);
  });
});
