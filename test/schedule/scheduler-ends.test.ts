/** What the scheduler says of the ends of runs, and of who is still at work. */
import { expect, test } from 'vitest';
import { hourMs } from './plan-rig.ts';
import { accountOf, alice, bob, schedules, useScheduler } from './scheduler-rig.ts';

const { world, start, finish, stateOf } = useScheduler();

/** Hears of ends as `id state, again`, and whether the account's state says by then that nothing is under way. */
function hearing() {
  const heard: string[] = [];
  const onEnded = async (account: { id: string; key: string }, run: { state: string }, runsAgain: boolean) => {
    const { run: open } = await stateOf(account.key);
    heard.push(`${account.id} ${run.state}${runsAgain ? ', again' : ''}${open === '' ? ', seen' : ''}`);
  };
  return { heard, onEnded };
}

test('each end is told before it counts as seen, also one that came while no scheduler was there', async () => {
  const first = hearing();
  world.list = [accountOf(alice, 'alice'), accountOf(bob, 'bob')];
  const { scheduler } = await start({}, first);
  await scheduler.tick();
  await finish(alice);
  scheduler.rang(alice);
  await scheduler.tick();
  expect(first.heard).toEqual(['alice complete, again']);
  await finish(bob, { listed: 1 });
  await scheduler.close();
  const second = hearing();
  const { scheduler: next } = await start({}, second);
  await next.tick();
  expect(second.heard).toEqual(['bob incomplete, again']);
  await next.tick();
  expect(second.heard).toHaveLength(1);
});

test('an account that is to run once does not run again', async () => {
  const { heard, onEnded } = hearing();
  const once = { ...schedules, default: { ...schedules.default, when: 'once' } };
  world.list = [accountOf(alice, 'alice')];
  const { scheduler } = await start({ schedules: once }, { onEnded });
  await scheduler.tick();
  await finish(alice);
  scheduler.rang(alice);
  await scheduler.tick();
  expect(heard).toEqual(['alice complete']);
});

test('groups are at work while runs are open or due, unless somebody paused them; who does not lead does not know', async () => {
  world.list = [accountOf(alice, 'alice', 'a'), accountOf(bob, 'bob', 'night')];
  const paused = new Set<string>();
  const steering = {
    pausedBy: ({ id }: { id: string }) => (paused.has(id) ? 'somebody' : undefined),
    onChange: () => () => {},
  };
  const { scheduler } = await start({}, { steering });
  expect(scheduler.groupsAtWork()).toBe(undefined);
  await scheduler.tick();
  // The window of the night is closed at noon: its account is due and waits.
  expect([...scheduler.groupsAtWork()!].sort()).toEqual(['a', 'night']);
  paused.add('bob');
  expect([...scheduler.groupsAtWork()!]).toEqual(['a']);
  await finish(alice);
  scheduler.rang(alice);
  const ticking = scheduler.tick();
  expect(scheduler.groupsAtWork()).toBe(undefined);
  await ticking;
  expect([...scheduler.groupsAtWork()!]).toEqual([]);
  world.now += hourMs;
  await scheduler.tick();
  expect([...scheduler.groupsAtWork()!]).toEqual(['a']);
  const { scheduler: other } = await start();
  await other.tick();
  expect(other.groupsAtWork()).toBe(undefined);
});
