import { describe, expect, it, onTestFinished } from 'vitest';
import { globalKeys } from '../../src/ground/keys.ts';
import { isSpoolServed, SpoolService, spoolUnservedMs } from '../../src/limits/spool-service.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();

async function serve(ms = 30_000): Promise<SpoolService> {
  const service = await SpoolService.begin(redis.client, 's', ms);
  onTestFinished(() => service.end());
  return service;
}

describe('a spool', () => {
  it('is served from the moment an append worker begins, and no other spool is', async () => {
    expect(await isSpoolServed(redis.client, 's')).toBe(false);
    await serve();
    expect(await isSpoolServed(redis.client, 's')).toBe(true);
    expect(await isSpoolServed(redis.client, 't')).toBe(false);
    expect(await spoolUnservedMs(redis.client, 's', Date.now() + 1e9)).toBe(0);
  });

  it('stays served for longer than one word lasts', async () => {
    await serve(150);
    const told = await redis.client.get(globalKeys.spoolSeen('s'));
    let now = told;
    for (let changes = 0; changes < 4; ) {
      const seen = await redis.client.get(globalKeys.spoolSeen('s'));
      if (seen !== now) changes += 1;
      now = seen;
      expect(await isSpoolServed(redis.client, 's')).toBe(true);
    }
  });

  it('is not served any more when its worker is gone', async () => {
    (await serve(60)).end();
    while (await isSpoolServed(redis.client, 's'));
    const seen = Number(await redis.client.get(globalKeys.spoolSeen('s')));
    expect(await spoolUnservedMs(redis.client, 's', seen + 5000)).toBe(5000);
  });

  it('is taken for served until now where Redis remembers nothing', async () => {
    expect(await spoolUnservedMs(redis.client, 's', 1000)).toBe(0);
    expect(await spoolUnservedMs(redis.client, 's', 4000)).toBe(3000);
  });
});
