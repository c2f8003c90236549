import { describe, expect, it } from 'vitest';
import { Script } from '../../src/ground/redis-script.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const add = new Script(`
  redis.call('APPEND', KEYS[1], ARGV[1])
  return redis.call('GET', KEYS[1])
`);

describe('a script', () => {
  it('runs on a Redis that has never seen it, and again', async () => {
    expect(await add.run(redis.client, ['k'], ['a'])).toBe('a');
    expect(await add.run(redis.client, ['k'], [1])).toBe('a1');
  });

  it('runs once, not twice, after Redis forgot it', async () => {
    await add.run(redis.client, ['k'], ['a']);
    await redis.client.script('FLUSH');
    expect(await add.run(redis.client, ['k'], ['b'])).toBe('ab');
  });

  it('is sent whole only when it must be', async () => {
    await add.run(redis.client, ['k'], ['a']);
    await redis.client.config('RESETSTAT');
    await add.run(redis.client, ['k'], ['b']);
    const stats = await redis.client.info('commandstats');
    expect(stats).toContain('cmdstat_evalsha');
    expect(stats).not.toContain('cmdstat_eval:');
  });

  it('takes bytes as they are', async () => {
    const bytes = Buffer.from([0, 255, 13, 10]);
    await add.run(redis.client, ['k'], [bytes]);
    expect(await redis.client.getBuffer('k')).toEqual(bytes);
  });

  it('tells of an error of its own, and is not run again because of it', async () => {
    const wrong = new Script(`
      redis.call('APPEND', KEYS[1], 'a')
      return redis.call('INCR', KEYS[1])
    `);
    for (let run = 1; run <= 3; run += 1) {
      await expect(wrong.run(redis.client, ['k'], [])).rejects.toThrow('not an integer');
      expect(await redis.client.get('k')).toBe('a'.repeat(run));
    }
  });
});
