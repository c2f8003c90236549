/** The tests of the steps: which lanes die when, and what must hold afterwards. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { type CrashStep, crashSteps } from '../../src/ground/crash-point.ts';
import { Random } from '../bench/random.ts';
import { HaulRig } from '../flow/haul-rig.ts';
import { CrashRig, dovecotLane, forms, type Lane, scriptedLane } from './crash-rig.ts';

/** A lane and the time at which it dies at the step. */
interface Dying {
  readonly lane: Lane;
  readonly times: number;
}

/** Which time it is that kills, where a command carries many messages and where it carries one. */
const batchTimes = [1, 2, 4] as const;
const times: Readonly<Record<CrashStep, readonly number[]>> = {
  'after-login': [1],
  'mid-retr': [1, 2, 17],
  'before-register': batchTimes,
  'after-register': batchTimes,
  'before-quit': [1],
  'after-intent': batchTimes,
  'after-closing': batchTimes,
  'after-ok': batchTimes,
  'after-record': batchTimes,
  'before-unlink': batchTimes,
};

/** Steps that the program comes past once for each command. */
const ofCommands = ['after-intent', 'after-closing', 'after-ok', 'after-record'] as const;
const middleCommand = 13;

/** The lanes that died the first time at a step: they have more than a batch left, and come past these steps again. */
const earliest = forms.length + 1;
const secondSteps = ['after-login', 'before-quit', ...ofCommands, 'before-unlink'] as const;

/** The seed of a run of tests: given by MAILHAUL_TEST_SEED, or another one each time. */
export const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);

/** Describes the deaths at some of the steps; the servers of the real lanes are shared by all of them. */
export function describeDeaths(steps: readonly CrashStep[]): void {
  let shared: HaulRig;
  let source: Dovecot;
  let destination: Dovecot;
  let rig: CrashRig;

  beforeAll(async () => {
    shared = await HaulRig.make();
    source = await shared.dovecot({ protocols: ['pop3'] });
    destination = await shared.dovecot({ protocols: ['imap'] });
  });
  afterAll(() => shared.end());
  beforeEach(async () => {
    rig = await CrashRig.make();
  });
  afterEach(() => rig.end());

  /** The first time on all lanes; the others on the real one and on two of the scripted ones, in turn. */
  async function dyingAt(step: CrashStep): Promise<Dying[]> {
    const number = crashSteps.indexOf(step);
    const dying: Dying[] = [];
    for (const [turn, time] of times[step].entries()) {
      const lane = await dovecotLane(source, destination, `${step}-${time}`, seed + turn);
      dying.push({ lane, times: time });
      for (const [at, form] of forms.entries()) {
        if (turn > 0 && (at + number + turn) % 2 === 1) continue;
        const middle = turn === 2 && !form.multiAppend && ofCommands.some((name) => name === step);
        const scripted = await scriptedLane(rig.haul, form, `${turn}`, seed + 10 * turn + at);
        dying.push({ lane: scripted, times: middle ? middleCommand : time });
      }
    }
    return dying;
  }

  describe(`dies, is started again, and has everything there once (seed ${seed})`, () => {
    test.each(steps)(
      '%s',
      async (step) => {
        const random = new Random(seed + crashSteps.indexOf(step));
        const dying = await dyingAt(step);
        const lanes = dying.map(({ lane }) => lane);
        const list = await rig.haul.list(lanes.map(({ row }) => row));
        for (const { lane, times: time } of dying) await rig.dies(list, lane.id, step, time);
        await rig.dies(list, random.pick(lanes.slice(0, earliest)).id, random.pick(secondSteps), 1);
        await rig.finishes(list, lanes);
      },
      180_000,
    );
  });
}
