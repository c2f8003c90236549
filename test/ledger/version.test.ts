import { describe, expect, it } from 'vitest';
import type { MailhaulError } from '../../src/ground/errors.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import type { RedisClient } from '../../src/ground/redis.ts';
import { LedgerVersion, ledgerFormat, type Migration } from '../../src/ledger/version.ts';
import { useRedis } from './redis-rig.ts';

const rig = useRedis();
const key = (n: number) => `mh:{${String(n).padStart(32, '0')}}:ledger`;

/** A step as a later version may have it: renames a field of every account, some at a time. */
function step(to: number, dies?: (done: number) => boolean): Migration & { times: number } {
  return {
    to,
    times: 0,
    async run(redis, confirm) {
      this.times += 1;
      for (let n = 0; n < 5; n += 1) {
        await confirm();
        if (dies?.(n)) throw new Error('killed');
        const old = await redis.hget(key(n), `count${to - 1}`);
        if (old === null) continue;
        await redis
          .multi()
          .hset(key(n), `count${to}`, old)
          .hdel(key(n), `count${to - 1}`)
          .exec();
      }
    },
  };
}

function open(version: number, migrations: readonly Migration[] = [], client: RedisClient = rig.client) {
  const options = { leaseMs: 2000, redisStartTimeoutMs: 3000, where: 'here', format: { version, migrations } };
  return LedgerVersion.open(client, options);
}

async function refusal(opening: Promise<LedgerVersion>): Promise<Pick<MailhaulError, 'code' | 'message'>> {
  return opening.then(
    () => ({ code: 'unexpected', message: 'it opened' }),
    (error: MailhaulError) => error,
  );
}

/** What today's builds leave: accounts, and no version. */
async function dataOfFirstBuilds(): Promise<void> {
  for (let n = 0; n < 5; n += 1) await rig.client.hset(key(n), 'count1', n);
}

const fields = async (field: string) =>
  Promise.all([0, 1, 2, 3, 4].map(async (n) => Number((await rig.client.hget(key(n), field)) ?? -1)));

describe('the version of the data', () => {
  it('is written into an empty Redis', async () => {
    const two = step(2);
    await (await open(2, [two])).close();
    expect(await rig.client.get(globalKeys.version)).toBe('2');
    expect(two.times).toBe(0);
    expect(await rig.client.keys('*')).toEqual([globalKeys.version]);
  });

  it('is 1 where there is data and no version: nothing is to be done today', async () => {
    await dataOfFirstBuilds();
    expect(ledgerFormat.version).toBe(1);
    await (await open(1)).close();
    expect(await rig.client.get(globalKeys.version)).toBe('1');
    expect(await fields('count1')).toEqual([0, 1, 2, 3, 4]);
  });

  it('is brought up step by step, each once, and the next start has nothing to do', async () => {
    await dataOfFirstBuilds();
    const steps = [step(2), step(3)];
    await (await open(3, steps)).close();
    await (await open(3, steps)).close();
    expect(await fields('count3')).toEqual([0, 1, 2, 3, 4]);
    expect(steps.map(({ times }) => times)).toEqual([1, 1]);
    expect(await rig.client.get(globalKeys.version)).toBe('3');
    expect(await rig.client.exists(globalKeys.migration, globalKeys.processes)).toBe(0);
  });

  it('goes on where a migration was killed in the middle', async () => {
    await dataOfFirstBuilds();
    await expect(open(3, [step(2), step(3, (n) => n === 2)])).rejects.toThrow('killed');
    expect(await rig.client.get(globalKeys.version)).toBe('2');
    const again = step(2);
    await (await open(3, [again, step(3)])).close();
    expect(again.times).toBe(0);
    expect(await fields('count3')).toEqual([0, 1, 2, 3, 4]);
  });

  it('is migrated by one process when several start at once, and all go on after it', async () => {
    await dataOfFirstBuilds();
    const steps = Array.from({ length: 4 }, () => step(2));
    const clients = await Promise.all(steps.map(async () => (await rig.another()).client));
    const opened = await Promise.all(steps.map((each, i) => open(2, [each], clients[i])));
    expect(steps.reduce((sum, { times }) => sum + times, 0)).toBe(1);
    expect(await rig.client.zcard(globalKeys.processes)).toBe(4);
    for (const each of opened) await each.close();
    expect(await rig.client.exists(globalKeys.processes)).toBe(0);
  });

  it('of a newer program is left alone', async () => {
    await rig.client.set(globalKeys.version, 7);
    await dataOfFirstBuilds();
    const { code, message } = await refusal(open(2, [step(2)]));
    expect(code).toBe('ledger-newer');
    expect(message).toMatch(/here has version 7.* knows version 2/);
    expect(await fields('count1')).toEqual([0, 1, 2, 3, 4]);
    expect(await rig.client.get(globalKeys.version)).toBe('7');
    await rig.client.set(globalKeys.version, '2-beta');
    expect((await refusal(open(2, [step(2)]))).code).toBe('ledger-newer');
  });
});

describe('an upgrade in place', () => {
  it('waits for nobody, and is refused while an older process is at work', async () => {
    await dataOfFirstBuilds();
    const old = await open(1);
    const { code, message } = await refusal(open(2, [step(2)]));
    expect(code).toBe('ledger-in-use');
    expect(message).toContain('from version 1 to 2, and 1 older process');
    expect(await fields('count1')).toEqual([0, 1, 2, 3, 4]);
    expect(await rig.client.exists(globalKeys.migration)).toBe(0);
    await old.close();
    await (await open(2, [step(2)])).close();
    expect(await fields('count2')).toEqual([0, 1, 2, 3, 4]);
    expect((await refusal(open(1))).code).toBe('ledger-newer');
  });

  it('does not wait for one that was killed longer than its lease', async () => {
    await dataOfFirstBuilds();
    await rig.client.set(globalKeys.version, 1);
    await rig.client.zadd(globalKeys.processes, Date.now() - 1, '1:dead');
    await (await open(2, [step(2)])).close();
    expect(await rig.client.get(globalKeys.version)).toBe('2');
  });

  it('keeps an older process out that starts while the migration is under way', async () => {
    await dataOfFirstBuilds();
    const other = (await rig.another()).client;
    let late: Promise<{ code: string }> | undefined;
    const slow: Migration = {
      to: 2,
      run: async (redis, confirm) => {
        late = refusal(open(1, [], other));
        while ((await redis.zcard(globalKeys.processes)) < 2) await confirm();
        await step(2).run(redis, confirm);
      },
    };
    await (await open(2, [slow])).close();
    expect((await late)?.code).toBe('ledger-newer');
  });

  it('ends a migration whose lease another took over', async () => {
    await dataOfFirstBuilds();
    const stolen: Migration = {
      to: 2,
      run: async (redis, confirm) => {
        await redis.set(globalKeys.migration, 'another', 'PX', 100);
        await confirm();
      },
    };
    expect((await refusal(open(2, [stolen]))).code).toBe('ledger-migrating');
    expect(await rig.client.get(globalKeys.version)).toBe('1');
  });
});
