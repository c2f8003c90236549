import { setTimeout as delay } from 'node:timers/promises';
import { beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import type { HostBudget } from '../../src/limits/budgets.ts';
import { SessionBudget } from '../../src/limits/session-budget.ts';
import { readHostUsage } from '../../src/limits/usage.ts';
import { noteWait, readWaits, type Wait } from '../../src/limits/waits.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const start = Date.parse('2026-03-01T12:00:00Z');
let now: number;
let waited: number[];
let stop: AbortController;

beforeEach(() => {
  now = start;
  waited = [];
  stop = new AbortController();
});

function settingsWith(budget: Partial<HostBudget>, more = {}) {
  const loaded = loadSettings({ env: {}, options: { dataDir: 'nowhere' } });
  return { ...loaded, leaseMs: 1000, budgets: { default: {}, hosts: { 'mail.example': budget } }, ...more };
}

function open(
  budget: Partial<HostBudget>,
  more: { account?: string; side?: Wait['side']; settings?: object } = {},
): Promise<SessionBudget | Wait> {
  const clock = {
    now: () => now,
    wait: async (ms: number) => {
      waited.push(ms);
      now += ms;
    },
  };
  const { account = 'a', side = 'source', settings = {} } = more;
  const task = { side, account, login: `login of ${account}`, host: 'Mail.Example' };
  const context = { redis: redis.client, settings: settingsWith(budget, settings), clock, signal: stop.signal };
  return SessionBudget.open(task, context);
}

async function opened(...args: Parameters<typeof open>): Promise<SessionBudget> {
  const budget = await open(...args);
  if (!(budget instanceof SessionBudget)) throw new Error(budget.because);
  onTestFinished(() => budget.close());
  return budget;
}

const refused = (code: 'account-busy' | 'credentials-refused', more = {}) =>
  new MailhaulError(code, { host: 'mail.example', user: 'u', reply: 'no', hint: 'throttled', ...more });
const usage = async (budget: Partial<HostBudget>) =>
  (await readHostUsage(redis.client, settingsWith(budget), ['mail.example'], now))[0]!;

describe('a session', () => {
  it('keeps the messages a second of its login beside those of the host, and others have their own', async () => {
    const budget = { messagesPerSecondPerAccount: 4, messagesPerSecond: 100 };
    const [mine, other] = [await opened(budget), await opened(budget, { account: 'b' })];
    expect(mine.limited).toBe(true);
    expect(await mine.pass(8, 0)).toBeUndefined();
    expect(waited).toEqual([]);
    expect(await mine.pass(1, 0)).toBeUndefined();
    expect(waited).toEqual([2000]);
    // The clock went on by two seconds with the wait.
    expect(await other.pass(1, 0)).toBeUndefined();
    expect(waited).toEqual([2000]);
    // Too long to sit and wait: the session is told when to come back, and has taken nothing from the host.
    expect(await mine.pass(400, 0)).toBeUndefined();
    const wait = await mine.pass(1, 0);
    expect(wait?.because).toBe(
      'Mail.Example allows 100 message(s) a second, and 4 message(s) a second for each account',
    );
    expect(await other.pass(1, 0)).toBeUndefined();
  });

  it('has its connections until its end, and others are told why they wait', async () => {
    const budget = { connections: 2 };
    const first = await opened(budget, { side: 'destination' });
    expect(await usage(budget)).toMatchObject({ connections: 2, limit: 2, allowed: 2 });
    const wait = await open(budget, { account: 'b' });
    expect(wait).toEqual({
      side: 'source',
      untilMs: now + 300,
      because: 'Mail.Example allows 2 connection(s) at once',
    });
    expect(await usage(budget)).toMatchObject({ waiting: 1 });
    await first.close();
    await opened(budget, { account: 'b' });
  });

  it('that could never begin is an error', async () => {
    expect(await codeOf(open({ connections: 1 }, { side: 'destination' }))).toBe('budget-too-small');
    expect(await codeOf(open({ connectionsPerAccount: 1 }, { side: 'destination' }))).toBe('budget-too-small');
    await opened({ connections: 1 });
  });

  it('waits no more once it has begun', async () => {
    await noteWait(redis.client, 'a', { side: 'source', untilMs: now + 1000, because: 'x' });
    await (await opened({})).close();
    expect(await readWaits(redis.client, ['a'], now)).toEqual(new Map());
  });

  it('renews its connections, and hears that others wait for them', async () => {
    const budget = { connections: 1 };
    const mine = await opened(budget);
    await open(budget, { account: 'b' });
    now += 29_999;
    while ((await usage(budget)).connections === 0) await delay(10);
    expect(mine.shouldYield).toBe(false);
    now += 1;
    while (!mine.shouldYield) {
      await open(budget, { account: 'b' });
      await delay(10);
    }
  });

  it('has one connection more only while there is one', async () => {
    const mine = await opened({ connections: 3 }, { side: 'destination' });
    expect(await mine.another(async () => 'third')).toBe('third');
    expect(await mine.another(async () => 'fourth')).toBeUndefined();
  });

  it('logs in when it is time to, the second login of a pair included', async () => {
    const budget = { loginsPerSecond: 2 };
    const mine = await opened(budget, { side: 'destination' });
    await mine.login(async () => 'in');
    await mine.loginAgain(async () => 'in');
    expect(waited).toEqual([500]);
    const next = await opened(budget, { account: 'b' });
    await next.login(async () => 'in');
    expect(waited).toEqual([500, 500]);
  });

  it('that would have to sit and wait for its login for too long comes back later', async () => {
    const budget = { loginsPerSecond: 0.01 };
    await opened(budget);
    const wait = await open(budget, { account: 'b' });
    expect(wait).toMatchObject({ untilMs: start + 100_000, because: 'Mail.Example allows 0.01 login(s) a second' });
    expect(await usage(budget)).toMatchObject({ connections: 1 });
  });

  it('leaves a server alone that asked for it, and so does every other session of this login', async () => {
    const mine = await opened({});
    await mine.noteFailure(refused('account-busy', { retryAfterMs: 5000 }));
    await mine.close();
    expect(await open({})).toMatchObject({ untilMs: now + 5000, because: 'Mail.Example asked for it: no' });
    await opened({}, { account: 'b' });
    now += 5000;
    const later = await opened({});
    later.noteLoginDelay(60_000);
    await later.close();
    expect(await open({})).toMatchObject({ because: 'Mail.Example wants 60 s between two logins' });
  });

  it('spares a host that throttles, and not one that refuses a password', async () => {
    const budget = { connections: 8 };
    const sessions = [];
    for (const account of ['a', 'b', 'c', 'd', 'x']) sessions.push(await opened(budget, { account }));
    await sessions[0]!.noteFailure(refused('credentials-refused'));
    await sessions.shift()!.close();
    expect(await usage(budget)).toMatchObject({ allowed: 8 });
    await sessions[0]!.noteFailure(refused('account-busy'));
    for (const session of sessions) await session.close();
    expect(await usage(budget)).toMatchObject({ limit: 8, allowed: 2, waitingUntil: now + 60_000 });
    await opened(budget, { account: 'e' });
    await opened(budget, { account: 'f' });
    expect(await open(budget, { account: 'g' })).toMatchObject({
      because: 'Mail.Example throttled or grew slow and is given 2 connection(s) for now',
    });
  });

  it('takes mail at the pace and to the amount that its host allows', async () => {
    const mine = await opened({ messagesPerSecond: 2, bytesPerSecond: 1e6, downloadBytesPerDay: 1_250_000_000 });
    expect(mine.limited).toBe(true);
    expect(await mine.pass(1, 100)).toBeUndefined();
    expect(await mine.pass(1, 100)).toBeUndefined();
    expect(waited).toEqual([500]);
    expect(await mine.pass(100, 40_000_000)).toBeUndefined();
    expect(await mine.pass(1, 1)).toEqual({
      side: 'source',
      untilMs: expect.any(Number),
      because: 'Mail.Example allows 2 message(s) and 1 MB a second',
    });
    now += 100_000;
    expect(await mine.pass(1, 1, 1_300_000_000)).toMatchObject({
      side: 'source',
      because: 'Mail.Example allows 1.25 GB a day',
      spent: 'Mail.Example',
    });
  });

  it('of a host without limits is not asked anything for its mail', async () => {
    expect((await opened({ connections: 5, uploadBytesPerDay: 9 })).limited).toBe(false);
    expect((await opened({ uploadBytesPerDay: 9 }, { side: 'destination' })).limited).toBe(true);
  });
});
