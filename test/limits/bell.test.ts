import { describe, expect, it, onTestFinished } from 'vitest';
import { Bell } from '../../src/limits/bell.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const long = 600_000;

async function openBell(): Promise<Bell> {
  const handle = await redis.another();
  const bell = await Bell.open(handle.client, handle.duplicate());
  onTestFinished(() => bell.close());
  return bell;
}

describe('the bell', () => {
  it('wakes who waits in another process, and in this one', async () => {
    const [here, there] = [await openBell(), await openBell()];
    const both = [here.next('a', long).rung, there.next('a', long).rung];
    here.ring('a');
    await Promise.all(both);
  });

  it('wakes all who wait for one account', async () => {
    const bell = await openBell();
    const all = [1, 2, 3].map(() => bell.next('a', long).rung);
    bell.ring('a');
    await Promise.all(all);
  });

  it('is not missed when it rings between the look and the wait', async () => {
    const [here, there] = [await openBell(), await openBell()];
    const next = here.next('a', long);
    const heard = new Promise<void>((resolve) => here.listen(() => resolve()));
    there.ring('a');
    await heard;
    await next.rung;
  });

  it('does not wake who waits for another account', async () => {
    const bell = await openBell();
    let woken = false;
    const other = bell.next('b', long);
    void other.rung.then(() => {
      woken = true;
    });
    const mine = bell.next('a', long);
    bell.ring('a');
    await mine.rung;
    expect(woken).toBe(false);
    other.cancel();
    await other.rung;
  });

  it('is waited for no longer than asked', async () => {
    const bell = await openBell();
    await bell.next('a', 1).rung;
  });

  it('is not waited for by who is stopped, before or meanwhile', async () => {
    const bell = await openBell();
    await bell.next('a', long, AbortSignal.abort()).rung;
    const stop = new AbortController();
    const next = bell.next('a', long, stop.signal);
    stop.abort();
    await next.rung;
  });

  it('tells listeners every account that rings until they stop', async () => {
    const bell = await openBell();
    const heard: string[] = [];
    const stop = bell.listen((account) => heard.push(account));
    for (const account of ['a', 'b']) {
      const next = bell.next(account, long);
      bell.ring(account);
      await next.rung;
    }
    stop();
    const next = bell.next('c', long);
    bell.ring('c');
    await next.rung;
    expect(heard).toEqual(['a', 'b']);
  });

  it('lets all go when it is closed', async () => {
    const bell = await openBell();
    const all = ['a', 'a', 'b'].map((account) => bell.next(account, long).rung);
    await bell.close();
    await Promise.all(all);
  });

  it('is never a reason to fail', async () => {
    const handle = await redis.another();
    const bell = await Bell.open(handle.client, handle.duplicate());
    await handle.close();
    bell.ring('a');
    await bell.close();
  });
});
