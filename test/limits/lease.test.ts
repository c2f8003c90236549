import { once } from 'node:events';
import { describe, expect, it, onTestFinished } from 'vitest';
import { accountKeys, loginKeys } from '../../src/ground/keys.ts';
import { installFence, Lease, loginKey } from '../../src/limits/lease.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const login = '2'.repeat(32);
const account = '3'.repeat(32);
const key = loginKeys.lease(login);

/** A lease that is given back at the end of the test. */
async function take(leaseMs = 30_000): Promise<Lease | undefined> {
  const lease = await Lease.take(redis.client, login, leaseMs);
  if (lease) onTestFinished(() => lease.release());
  return lease;
}

const lostOf = async (lease: Lease) => {
  if (!lease.lost.aborted) await once(lease.lost, 'abort');
  return (lease.lost.reason as { code: string }).code;
};

describe('a lease', () => {
  it('has one holder, however many ask at once', async () => {
    const leases = await Promise.all(Array.from({ length: 10 }, () => take()));
    expect(leases.filter((lease) => lease !== undefined)).toHaveLength(1);
  });

  it('is free again when it was given back', async () => {
    await (await take())!.release();
    expect(await take()).toBeDefined();
  });

  it('is a random token of 128 bits with a time to live', async () => {
    const lease = (await take())!;
    expect(lease.token).toMatch(/^[0-9a-f]{32}$/);
    expect(await redis.client.get(key)).toBe(lease.token);
    expect(await redis.client.pttl(key)).toBeGreaterThan(25_000);
  });

  it('is held for as long as its holder lives, longer than its time', async () => {
    const lease = (await take(300))!;
    const renewed = await redis.another();
    // Its time to live falls and rises again, more often than it could have without renewal.
    let rises = 0;
    for (let last = 0; rises < 4; ) {
      const left = await renewed.client.pttl(key);
      if (left > last) rises += 1;
      last = left;
      expect(left).toBeGreaterThan(0);
    }
    expect(lease.lost.aborted).toBe(false);
    await lease.confirm();
  });

  it('is lost in time by a holder whom Redis does not answer, however long he would wait for it', async () => {
    const lease = (await take(300))!;
    const began = performance.now();
    const pid = Number(/^process_id:(\d+)/m.exec(await redis.client.info('server'))![1]);
    process.kill(pid, 'SIGSTOP');
    try {
      expect(await lostOf(lease)).toBe('lease-lost');
      expect(performance.now() - began).toBeLessThan(10_000);
    } finally {
      process.kill(pid, 'SIGCONT');
    }
  });

  it('ends by itself when its holder is gone', async () => {
    await redis.client.set(key, 'a holder that died', 'PX', 50);
    let lease: Lease | undefined;
    while (!lease) lease = await take();
    expect(await redis.client.get(key)).toBe(lease.token);
  });

  it('confirms while it is held', async () => {
    await (await take())!.confirm();
  });

  it('is lost by the clock in a process that slept, before its timers know', async () => {
    const lease = (await take(100))!;
    lease.assertHeld();
    const began = Date.now();
    while (Date.now() < began + 150);
    expect(lease.lost.aborted).toBe(false);
    expect(() => lease.assertHeld()).toThrow(expect.objectContaining({ code: 'lease-lost' }));
    expect(await lostOf(lease)).toBe('lease-lost');
  });

  it('is lost to a takeover: noticed by asking', async () => {
    const lease = (await take())!;
    await redis.client.set(key, 'another');
    expect(await codeOf(lease.confirm())).toBe('lease-lost');
    expect(lease.lost.aborted).toBe(true);
  });

  it('is lost with all of Redis', async () => {
    const lease = (await take())!;
    await redis.client.flushall();
    expect(await codeOf(lease.confirm())).toBe('lease-lost');
  });

  it('is lost to a takeover: noticed by the renewal', async () => {
    const lease = (await take(60))!;
    await redis.client.set(key, 'another');
    expect(await lostOf(lease)).toBe('lease-lost');
    expect(await redis.client.get(key)).toBe('another');
  });

  it('is lost to FLUSHALL: noticed by the renewal, and not taken back', async () => {
    const lease = (await take(60))!;
    await redis.client.flushall();
    expect(await lostOf(lease)).toBe('lease-lost');
    expect(await redis.client.exists(key)).toBe(0);
  });

  it('of another is not given back', async () => {
    const lease = (await take())!;
    await redis.client.set(key, 'another');
    await lease.release();
    expect(await redis.client.get(key)).toBe('another');
  });

  it('is lost when Redis cannot be asked in time', async () => {
    const own = await redis.another();
    const lease = (await Lease.take(own.client, login, 60))!;
    await own.close();
    expect(await lostOf(lease)).toBe('lease-lost');
  });
});

describe('the key of a login', () => {
  const endpoint = { host: 'mail.example.com', port: 993, user: 'alice' };

  it('is the same for one login however its host is written', () => {
    expect(loginKey('imap', { ...endpoint, host: 'Mail.Example.COM' })).toBe(loginKey('imap', endpoint));
    expect(loginKey('imap', endpoint)).toMatch(/^[0-9a-f]{32}$/);
  });

  it.each([{ host: 'other.example.com' }, { port: 143 }, { user: 'Alice' }])('changes with %j', (other) => {
    expect(loginKey('imap', { ...endpoint, ...other })).not.toBe(loginKey('imap', endpoint));
    expect(loginKey('pop', endpoint)).not.toBe(loginKey('imap', endpoint));
  });
});

describe('the append fence', () => {
  it('is the token of the lease', async () => {
    const lease = (await take())!;
    await installFence(redis.client, account, lease);
    expect(await redis.client.get(accountKeys.fence(account))).toBe(lease.token);
  });

  it('is not installed by who has lost the lease', async () => {
    const lease = (await take())!;
    await redis.client.set(key, 'another');
    expect(await codeOf(installFence(redis.client, account, lease))).toBe('lease-lost');
    expect(await redis.client.exists(accountKeys.fence(account))).toBe(0);
  });
});
