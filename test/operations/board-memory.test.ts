import { expect, it } from 'vitest';
import { runFields } from '../../src/ledger/run.ts';
import { totalNames } from '../../src/ledger/total-names.ts';
import { BoardMemory } from '../../src/operations/board-memory.ts';
import { accountOf } from '../dashboard/dashboard-rig.ts';

const [ann, bob] = [accountOf('ann'), accountOf('bob')];

/** What Redis tells of an account. */
function told(run: Record<string, string | number>, before: Record<string, number> = {}): string {
  return [...totalNames.map((name) => before[name] ?? ''), ...runFields.map((name) => run[name] ?? '')].join('\0');
}

function memoryOf(...accounts: ReturnType<typeof accountOf>[]): BoardMemory {
  const memory = new BoardMemory((account) => ({ account, pause: undefined, runsAgain: true }));
  memory.take(accounts);
  return memory;
}

it('looks again soon at a run that moves, and less and less often, but in time, at one that does not', () => {
  const memory = memoryOf(ann);
  const due = (now: number) => memory.openKeys(now, 3000, 10).length > 0;
  memory.enter(ann.key, told({ id: 'r1', appended: 1 }), 0);
  expect(due(0)).toBe(true);
  memory.enter(ann.key, told({ id: 'r1', appended: 1 }), 0);
  memory.enter(ann.key, told({ id: 'r1', appended: 1 }), 1000);
  expect([due(2900), due(3000)]).toEqual([false, true]);
  for (let turn = 0; turn < 9; turn += 1) memory.enter(ann.key, told({ id: 'r1', appended: 1 }), 10_000);
  expect([due(12_900), due(13_000)]).toEqual([false, true]);
  memory.enter(ann.key, told({ id: 'r1', appended: 2 }), 13_000);
  expect(due(13_000)).toBe(true);
  memory.enter(ann.key, told({ id: 'r1', appended: 2, finishedAt: 5 }), 14_000);
  expect(due(99_000)).toBe(false);
});

it('gives runs that go on their turns', () => {
  const memory = memoryOf(ann, bob);
  for (const { key } of [ann, bob]) memory.enter(key, told({ id: 'r1' }), 0);
  expect(memory.openKeys(0, 5000, 1)).toEqual([ann.key]);
  memory.enter(ann.key, told({ id: 'r1', appended: 1 }), 0);
  expect(memory.openKeys(0, 5000, 1)).toEqual([bob.key]);
});

it('counts as moved what came after the first look, each message once, whatever a read finds while a run begins', () => {
  const memory = memoryOf(ann);
  memory.enter(ann.key, told({ id: 'r1', number: 1, appended: 100, bytesAppended: 9 }), 0);
  memory.loaded();
  expect([memory.moved.messages, memory.carried.messages]).toEqual([0, 100]);
  memory.enter(ann.key, told({ id: 'r1', number: 1, appended: 130 }), 1);
  expect(memory.moved.messages).toBe(30);
  // The next run has begun, and its sums were read before.
  memory.enter(ann.key, told({ id: 'r2', number: 2 }), 2);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([30, 130]);
  memory.enter(ann.key, told({ id: 'r2', number: 2, appended: 5 }, { appended: 130 }), 3);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([35, 135]);
});

it('counts the first run of an account that is new, and not what another brings along; what goes, goes from the sum', () => {
  const memory = memoryOf(ann);
  memory.loaded();
  memory.enter(ann.key, told({ id: 'r1', number: 1, appended: 4 }), 0);
  memory.take([ann, bob]);
  memory.enter(bob.key, told({ id: 'r7', number: 7, appended: 10 }, { appended: 90 }), 0);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([4, 104]);
  memory.take([ann]);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([4, 4]);
  // The one run that it has was a `sync` before the service knew it.
  memory.take([ann, bob]);
  memory.enter(bob.key, told({ id: 'r1', number: 1, appended: 10, finishedAt: 5 }), 0);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([4, 14]);
});

it('counts from nothing again what is appended after Redis was flushed, and not what a backup of it brings along', () => {
  const memory = memoryOf(ann);
  memory.enter(ann.key, told({ id: 'r3', number: 3, appended: 100 }), 0);
  memory.loaded();
  memory.enter(ann.key, told({}), 1);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([0, 0]);
  memory.enter(ann.key, told({ id: 'r4', number: 1, appended: 7 }), 2);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([7, 7]);
  // Flushed and begun anew between two looks.
  memory.enter(ann.key, told({ id: 'r5', number: 1, appended: 2 }), 3);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([9, 2]);
  memory.enter(ann.key, told({ id: 'r8', number: 4, appended: 5 }, { appended: 2 }), 4);
  expect(memory.moved.messages).toBe(14);
  memory.enter(ann.key, told({ id: 'r2', number: 2, appended: 1 }, { appended: 90 }), 5);
  expect([memory.moved.messages, memory.carried.messages]).toEqual([14, 91]);
});
