import { describe, expect, it, onTestFinished } from 'vitest';
import { globalKeys } from '../../src/ground/keys.ts';
import { type Pause, Steering } from '../../src/limits/steering.ts';
import { useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const ann = { key: 'a'.repeat(32), group: 'wave-1' };
const bob = { key: 'b'.repeat(32), group: 'wave-2' };

async function open(steeringPollMs = 600_000): Promise<Steering> {
  const handle = await redis.another();
  const steering = await Steering.open(handle.client, handle.duplicate(), { steeringPollMs });
  onTestFinished(() => steering.close());
  return steering;
}

/** Resolves when the next change is known. */
function changed(steering: Steering): Promise<void> {
  return new Promise((resolve) => {
    const stop = steering.onChange(() => {
      stop();
      resolve();
    });
  });
}

describe('steering', () => {
  it('tells other processes of a pause, by whom and why', async () => {
    const [here, there] = [await open(), await open()];
    const heard = changed(there);
    expect(await here.pause({ group: 'wave-1' }, 'ops', 'maintenance', 1234)).toBe(true);
    await heard;
    const pause = there.pausedBy(ann);
    expect(pause).toMatchObject({ scope: { group: 'wave-1' }, by: 'ops', reason: 'maintenance', at: 1234 });
    expect(pause!.id).toMatch(/^[0-9a-f]{32}$/);
    expect(there.pausedBy(bob)).toBeUndefined();
    expect(there.pauses()).toEqual([pause]);
  });

  it('aborts the signal of a session that runs, here and there, with the pause as the reason', async () => {
    const [here, there] = [await open(), await open()];
    const signals = [here.signalFor(ann), there.signalFor(ann)];
    const spared = there.signalFor(bob);
    const heard = changed(there);
    await here.pause({ account: ann.key }, 'ops', '', 1);
    await heard;
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, true]);
    expect((signals[1]!.reason as Pause).by).toBe('ops');
    expect(spared.aborted).toBe(false);
  });

  it('gives an aborted signal while the account is paused and a fresh one after resume', async () => {
    const steering = await open();
    await steering.pause({ all: true }, 'ops', '', 1);
    expect(steering.signalFor(ann).aborted).toBe(true);
    expect(await steering.resume({ all: true })).toBe(true);
    const fresh = steering.signalFor(ann);
    expect(fresh.aborted).toBe(false);
    await steering.pause({ all: true }, 'ops', '', 2);
    expect(fresh.aborted).toBe(true);
  });

  it('pauses an account that comes into a paused group later, and one that moves there', async () => {
    const steering = await open();
    const signal = steering.signalFor(bob);
    await steering.pause({ group: 'wave-1' }, 'ops', '', 1);
    expect(steering.signalFor({ key: 'c'.repeat(32), group: 'wave-1' }).aborted).toBe(true);
    expect(signal.aborted).toBe(false);
    expect(steering.signalFor({ ...bob, group: 'wave-1' }).aborted).toBe(true);
  });

  it('makes good a word that was lost, by looking', async () => {
    const [here, there] = [await open(), await open(50)];
    const signal = there.signalFor(ann);
    const heard = changed(there);
    // As a process does whose publish never arrived.
    await here.pause({ all: true }, 'ops', '', 1);
    await heard;
    const resumed = changed(there);
    await here.resume({ all: true });
    await resumed;
    const quiet = changed(there);
    const pause: Pause = { id: 'x', scope: { all: true }, by: 'ops', reason: '', at: 3 };
    await redis.client.hset(globalKeys.paused, 'all', JSON.stringify(pause));
    await redis.client.set(globalKeys.pausedVersion, 'another');
    await quiet;
    expect(there.pausedBy(ann)).toEqual(pause);
    expect(signal.aborted).toBe(true);
  });

  it('keeps the first pause of a scope, and has a new id after resume', async () => {
    const steering = await open();
    await steering.pause({ all: true }, 'first', 'a', 1);
    const { id } = steering.pausedBy(ann)!;
    expect(await steering.pause({ all: true }, 'second', 'b', 2)).toBe(false);
    expect(steering.pausedBy(ann)).toMatchObject({ id, by: 'first', reason: 'a' });
    expect((await open()).pausedBy(ann)).toMatchObject({ id, by: 'first' });
    await steering.resume({ all: true });
    await steering.pause({ all: true }, 'third', '', 3);
    expect(steering.pausedBy(ann)!.id).not.toBe(id);
  });

  it('lifts the pause of exactly one scope', async () => {
    const steering = await open();
    await steering.pause({ group: 'wave-1' }, 'ops', '', 1);
    await steering.pause({ account: ann.key }, 'ops', '', 2);
    expect(await steering.resume({ group: 'wave-1' })).toBe(true);
    expect(steering.pausedBy(ann)).toMatchObject({ scope: { account: ann.key } });
    expect(await steering.resume({ all: true })).toBe(false);
  });

  it('knows at its start what was paused before', async () => {
    await (await open()).pause({ all: true }, 'ops', '', 1);
    expect((await open()).pausedBy(bob)).toBeDefined();
  });
});
