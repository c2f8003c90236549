import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hostKeys } from '../../src/ground/keys.ts';
import { observe } from '../../src/limits/adaptive-state.ts';
import { type SlotRequest, Slots } from '../../src/limits/slots.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const ttlMs = 30_000;

function request(login: string, more: Partial<SlotRequest> = {}): SlotRequest {
  const limits = { connections: 2, connectionsPerAccount: 0, raiseMs: 60_000, fairShareMs: 30_000 };
  return { host: 'h', login, count: 1, ttlMs, ...limits, ...more };
}

const ask = (login: string, now: number, more: Partial<SlotRequest> = {}) =>
  Slots.take(redis.client, request(login, more), now);

async function got(login: string, now: number, more: Partial<SlotRequest> = {}): Promise<Slots> {
  const slots = await ask(login, now, more);
  if (!(slots instanceof Slots)) throw new Error(`${login} was turned away: ${slots.because}`);
  return slots;
}

const open = (now: number) => redis.client.zcount(hostKeys.connections('h'), `(${now}`, '+inf');

describe('connection slots', () => {
  it('are given up to the limit, and again when they were given back', async () => {
    const first = await got('a', 1000);
    await got('b', 1000);
    expect(await ask('c', 1000)).toEqual({ until: 1300, because: 'connections', allowed: 2 });
    await first.release();
    await got('c', 1300);
  });

  it('of a dead holder come back by themselves, and those that are renewed do not', async () => {
    await got('dead', 1000);
    const alive = await got('alive', 1000);
    await alive.renew(20_000);
    expect(await ask('c', 30_999)).toMatchObject({ because: 'connections' });
    await got('c', 31_000);
    expect(await ask('d', 31_000)).toMatchObject({ because: 'connections' });
  });

  it('are random tokens of 128 bits under keys that expire', async () => {
    await got('a', 1000);
    const [token] = await redis.client.zrange(hostKeys.connections('h'), 0, '-1');
    expect(token).toMatch(/^[0-9a-f]{32}:1$/);
    expect(await redis.client.pttl(hostKeys.connections('h'))).toBeGreaterThan(0);
  });

  it('are bounded for each account, which is told so', async () => {
    const more = { connections: 0, connectionsPerAccount: 3, count: 2 };
    const slots = await got('a', 1000, more);
    expect(await slots.grow(1000)).toBe(true);
    expect(await slots.grow(1000)).toBe(false);
    expect(await ask('a', 1000, more)).toMatchObject({ because: 'account', allowed: 3 });
    await got('b', 1000, more);
  });

  it('are taken all or none, and one more only when nobody waits', async () => {
    const pair = await got('a', 1000, { count: 2, connections: 3 });
    expect(await ask('b', 1000, { count: 2, connections: 3 })).toMatchObject({ because: 'connections' });
    expect(await open(1000)).toBe(2);
    expect(await pair.grow(1000)).toBe(false);
    await redis.client.del(hostKeys.waiting('h'), hostKeys.waitingUntil('h'));
    expect(await pair.grow(1000)).toBe(true);
  });

  it('follow what was learned of the host, but one session always gets its own', async () => {
    const holders = [await got('a', 1000, { connections: 8 }), await got('b', 1000, { connections: 8 })];
    await observe(redis.client, 'h', { kind: 'throttled' }, 1000, { limit: 8, raiseMs: 60_000, slowFactor: 4 });
    expect(await ask('c', 1000, { connections: 8 })).toMatchObject({ because: 'adaptive', allowed: 1 });
    for (const holder of holders) await holder.release();
    await got('c', 1300, { connections: 8, count: 2 });
    expect(await ask('d', 1300, { connections: 8 })).toMatchObject({ because: 'adaptive' });
    await got('d', 1000 + 5 * 60_000, { connections: 8 });
  });

  it('go to those who waited before anybody who comes back', async () => {
    const huge = await got('huge', 1000);
    await got('other', 1000);
    for (const [at, small] of ['x', 'y', 'z'].entries()) await ask(small, 1001 + at);
    await huge.renew(2000);
    expect(huge.waiting).toBe(3);
    await huge.release();
    expect(await ask('huge', 2001)).toMatchObject({ because: 'connections' });
    await got('x', 2002);
  });

  it('go to the first of the queue alone once it has been the first for long', async () => {
    const holder = await got('a', 1000, { connections: 1 });
    await ask('first', 1001, { connections: 1 });
    await ask('second', 1002, { connections: 1 });
    await holder.release();
    expect(await ask('second', 40_000, { connections: 1 })).toMatchObject({ because: 'connections' });
    await got('first', 40_001, { connections: 1 });
  });

  it('are not kept for somebody who left the queue without a word', async () => {
    const holder = await got('a', 1000, { connections: 1 });
    await ask('gone', 1001, { connections: 1 });
    await holder.release();
    await got('b', 1301 + 60_000, { connections: 1 });
  });
});

describe('many workers', () => {
  it('never hold more than the limits, and leave nothing behind when they die', async () => {
    const step = fc.record({
      worker: fc.integer({ min: 0, max: 11 }),
      does: fc.constantFrom('take', 'take', 'take', 'release', 'renew', 'grow', 'die'),
      laterMs: fc.integer({ min: 0, max: 9000 }),
      count: fc.integer({ min: 1, max: 2 }),
    });
    const limits = fc.record({ connections: fc.integer({ min: 2, max: 6 }), connectionsPerAccount: fc.constant(3) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80 }), limits, async (steps, limit) => {
        await redis.client.flushall();
        const held = new Map<number, { slots: Slots; count: number; until: number }>();
        let now = 1_000_000;
        for (const { worker, does, laterMs, count } of steps) {
          now += laterMs;
          // A holder that did not renew in time has dropped its connection with its lease.
          for (const [name, { until }] of held) if (until <= now) held.delete(name);
          const mine = held.get(worker);
          if (does === 'take' && !mine) {
            const slots = await ask(`w${worker}`, now, { ...limit, count });
            if (slots instanceof Slots) held.set(worker, { slots, count, until: now + ttlMs });
          } else if (mine && does === 'release') {
            await mine.slots.release();
            held.delete(worker);
          } else if (mine && does === 'renew') {
            await mine.slots.renew(now);
            mine.until = now + ttlMs;
          } else if (mine && does === 'grow' && (await mine.slots.grow(now))) mine.count += 1;
          else if (does === 'die') held.delete(worker);
          const counts = [...held.values()].map((one) => one.count);
          expect(counts.reduce((sum, one) => sum + one, 0)).toBeLessThanOrEqual(limit.connections);
          expect(Math.max(0, ...counts)).toBeLessThanOrEqual(limit.connectionsPerAccount);
          expect(await open(now)).toBeLessThanOrEqual(limit.connections);
        }
        now += ttlMs + 1;
        expect(await open(now)).toBe(0);
      }),
      { numRuns: 40 },
    );
  });

  it('asking all at once get the limit, no more and no less', async () => {
    const all = await Promise.all(Array.from({ length: 50 }, (_, at) => ask(`w${at}`, 1000, { connections: 7 })));
    expect(all.filter((one) => one instanceof Slots)).toHaveLength(7);
  });

  it('with one huge mailbox among 100 small ones: nobody starves, nobody is served twice before all were once', async () => {
    let now = 1_000_000;
    const returns = new Map<string, number>([['huge', now]]);
    for (let at = 0; at < 100; at += 1) returns.set(`s${at}`, now + 1 + at);
    const done: string[] = [];
    let hugeTurns = 0;
    const running: { name: string; slots: Slots; ends: number }[] = [];
    while (done.length < 100) {
      now += 50;
      for (const one of running.splice(0)) {
        const yields = one.name === 'huge' && now >= one.ends - 600_000 + 30_000;
        if (now < one.ends && !yields) {
          running.push(one);
          continue;
        }
        await one.slots.release();
        if (one.name === 'huge') returns.set('huge', now);
        else done.push(one.name);
      }
      for (const [name, at] of [...returns].filter(([, due]) => due <= now)) {
        const slots = await ask(name, now);
        if (!(slots instanceof Slots)) {
          returns.set(name, slots.until);
          continue;
        }
        returns.delete(name);
        if (name === 'huge') hugeTurns += 1;
        running.push({ name, slots, ends: now + (name === 'huge' ? 600_000 : 500) });
        expect(at).toBeLessThanOrEqual(now);
      }
      for (const one of running) await one.slots.renew(now);
      expect(now).toBeLessThan(1_000_000 + 3_600_000);
    }
    // Two slots, half a second each: with the huge one on one of them for 30 s the small ones still take under a minute.
    expect(now - 1_000_000).toBeLessThan(60_000);
    expect(hugeTurns).toBeLessThanOrEqual(2);
  });
});
