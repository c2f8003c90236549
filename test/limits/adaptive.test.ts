import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostKeys } from '../../src/ground/keys.ts';
import { type AdaptiveState, adapt, allowedNow, freshState, type Observation } from '../../src/limits/adaptive.ts';
import { observe, readAdaptive } from '../../src/limits/adaptive-state.ts';
import { readHostUsage } from '../../src/limits/usage.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const rules = { limit: 20, raiseMs: 60_000, slowFactor: 4 };
const throttled = (inUse: number): Observation => ({ kind: 'throttled', inUse });
const login = (ms: number, inUse = 8): Observation => ({ kind: 'login', ms, inUse });

function through(observations: readonly Observation[], now = 1_000_000, state = freshState): AdaptiveState {
  return observations.reduce((last, observation) => adapt(last, observation, now, rules), state);
}

describe('the connections of a host', () => {
  it('are cut by half on throttling, once for all who are turned away together, and come back one by one', () => {
    const state = through([throttled(16), throttled(15), throttled(14)]);
    expect(allowedNow(state, 1_000_000, rules)).toBe(8);
    expect(allowedNow(state, 1_000_000 + 59_999, rules)).toBe(8);
    expect(allowedNow(state, 1_000_000 + 60_000, rules)).toBe(9);
    expect(allowedNow(state, 1_000_000 + 24 * 3_600_000, rules)).toBe(20);
    const again = adapt(state, throttled(9), 1_070_000, rules);
    expect(allowedNow(again, 1_070_000, rules)).toBe(4);
  });

  it('are cut when logins take much longer than ever, many in a row, and not by one large maildrop', () => {
    const usual = through([login(200), login(180), login(220)]);
    expect(allowedNow(through([login(60_000), login(200)], 1_000_000, usual), 1_000_000, rules)).toBe(20);
    const slow = through(Array(5).fill(login(5000)), 1_000_000, usual);
    expect(allowedNow(slow, 1_000_000, rules)).toBe(4);
    expect(slow.slow).toBe(0);
  });

  it('have no limit again where none is configured, once the host has borne enough', () => {
    const free = { ...rules, limit: 0 };
    const state = adapt(freshState, throttled(40), 0, free);
    expect(allowedNow(state, 0, free)).toBe(20);
    expect(allowedNow(state, 2000 * 60_000, free)).toBe(0);
  });

  it('are never above the limit, never none, never cut below half, and come back whatever happened', () => {
    const observation = fc.oneof(
      fc.record({ kind: fc.constant('throttled' as const), inUse: fc.integer({ min: 1, max: 60 }) }),
      fc.record({
        kind: fc.constant('login' as const),
        ms: fc.integer({ min: 1, max: 90_000 }),
        inUse: fc.integer({ min: 1, max: 60 }),
      }),
    );
    const step = fc.tuple(fc.integer({ min: 0, max: 120_000 }), observation);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), fc.integer({ min: 1, max: 50 }), (steps, limit) => {
        const own = { ...rules, limit };
        let state = freshState;
        let now = 1_000_000;
        for (const [later, seen] of steps) {
          now += later;
          const before = allowedNow(state, now, own);
          state = adapt(state, seen, now, own);
          const after = allowedNow(state, now, own);
          expect(after).toBeGreaterThanOrEqual(1);
          expect(after).toBeLessThanOrEqual(before);
          expect(after).toBeGreaterThanOrEqual(Math.max(1, Math.floor(Math.min(before, seen.inUse) / 2)));
          expect(before).toBeLessThanOrEqual(limit);
        }
        expect(allowedNow(state, now + limit * own.raiseMs, own)).toBe(limit);
      }),
    );
  });
});

describe('what is known of a host', () => {
  it('is shared, and no throttling is lost to others that write at the same time', async () => {
    await redis.client.zadd(hostKeys.connections('h'), 9_000_000, 'a', 9_000_000, 'b', 9_000_000, 'c', 9_000_000, 'd');
    const seen = Array.from({ length: 10 }, (_, at) =>
      observe(redis.client, 'h', at === 5 ? { kind: 'throttled' } : { kind: 'login', ms: 100 }, 1_000_000, rules),
    );
    await Promise.all(seen);
    expect(await readAdaptive(redis.client, 'h')).toMatchObject({ base: 2, cutAt: 1_000_000 });
    const budgets = { default: {}, hosts: { H: { connections: 20 } } };
    const settings = { budgets, adaptiveRaiseMs: 60_000, adaptiveSlowFactor: 4 };
    const [usage, other] = await readHostUsage(redis.client, settings, ['H', 'other'], 1_030_000);
    expect(usage).toMatchObject({ host: 'H', connections: 4, allowed: 2, limit: 20, waitingUntil: 1_060_000 });
    expect(usage!.because).toContain('throttled');
    expect(other).toMatchObject({ connections: 0, allowed: 0, limit: 0, waitingUntil: 0, because: '' });
  });
});
