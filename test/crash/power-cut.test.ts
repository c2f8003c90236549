/** The machine stops: what had not reached the disk is gone, of the spool, of Redis and of everything else. */
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CrashStep } from '../../src/ground/crash-point.ts';
import { isAlive, readMark } from '../../src/ground/process-owner.ts';
import { Random } from '../bench/random.ts';
import { type Ended, expectReport, HaulRig, scriptedRow } from '../flow/haul-rig.ts';
import { CutDisk, whyNoDisk } from '../servers/cut-disk.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type CrashMessage, crashMail } from './crash-mail.ts';
import { expectDeath, expectStored, forms, laneMessages, type ScriptedLane, scriptedLane } from './crash-rig.ts';
import { seed } from './dying-at-steps.ts';

const refusal = whyNoDisk();
const patienceMs = 180_000;

let rig: HaulRig;
let disk: CutDisk;

beforeEach(async (context) => {
  context.skip(refusal !== undefined, refusal);
  rig = await HaulRig.make();
  await rig.settings({ batchMaxMessages: '6', leaseMs: '1000' });
  disk = await CutDisk.make(rig.dataDir, join(rig.directory, 'disk.ext4'));
  rig.atEnd(() => disk.end());
  rig.atEnd(() => killRedis()());
});

afterEach(async () => {
  await rig?.end();
});

/** Kills Mailhaul's own Redis, which outlives Mailhaul, and returns what waits for its end. */
function killRedis(): () => Promise<void> {
  const server = readMark(join(rig.dataDir, 'redis', 'server.json'));
  if (!server || !isAlive(server)) return async () => {};
  process.kill(server.pid, 'SIGKILL');
  return async () => {
    while (isAlive(server)) await new Promise((resume) => setTimeout(resume, 1));
  };
}

/** Everything on this machine stops; the servers are elsewhere. */
async function cutPower(): Promise<void> {
  const end = killRedis();
  await disk.stop();
  await end();
  await disk.restart();
}

/** How often, and where, the machine stops. */
const stops: readonly (readonly [step: CrashStep, times: number])[] = [
  ['mid-retr', 17],
  ['before-register', 2],
  ['after-register', 3],
  ['before-quit', 1],
  ['after-intent', 2],
  ['after-closing', 2],
  ['after-ok', 2],
  ['after-record', 2],
  ['before-unlink', 2],
];

test(
  `the power fails at each step, and everything is there once (seed ${seed})`,
  async () => {
    const lanes: ScriptedLane[] = [];
    for (const [at, [step]] of stops.entries()) {
      lanes.push(await scriptedLane(rig, forms[at % forms.length]!, step, seed + at));
    }
    const list = await rig.list(lanes.map(({ row }) => row));
    for (const [at, [step, times]] of stops.entries()) {
      const { id } = lanes[at]!;
      const args = ['--json', '--account', id];
      await expectDeath(rig.startSync(list, args, { MAILHAUL_CRASH_AT: `${step}:${times}` }), `${id} at ${step}`);
      await cutPower();
    }
    const ended = await rig.sync(list);
    expect(ended.status, ended.stdout + ended.stderr).toBe(0);
    for (const { id, messages } of expectReport(ended).accounts) {
      const { listed, known, appended, duplicate } = messages;
      expect([listed, known + appended + duplicate], id).toEqual([laneMessages, laneMessages]);
    }
    for (const lane of lanes) await lane.expectEqual();
    const again = expectReport(await rig.sync(list));
    expect(again.totals.messages).toMatchObject({ known: lanes.length * laneMessages, appended: 0, pending: 0 });
    for (const lane of lanes) await lane.expectEqual();
  },
  patienceMs,
);

describe('a source that hides what it gave to a session that said QUIT', () => {
  const count = 40;
  let pop: ScriptedPop3;
  let imap: ScriptedImap;
  let messages: readonly CrashMessage[];
  let list: string;

  beforeEach(async () => {
    messages = crashMail('mail', count, new Random(seed));
    pop = await rig.pop({ messages: [...messages], hides: { atMost: 25 } });
    imap = await rig.imap({ login: () => 'NO [UNAVAILABLE] not today' });
    list = await rig.list([scriptedRow(pop, imap)]);
  });

  async function expectAllThere(ended: Ended): Promise<void> {
    expect(ended.status, ended.stdout + ended.stderr).toBe(0);
    expect(expectReport(ended).accounts[0]!.state).toBe('complete');
    expectStored(imap, messages);
  }

  test(
    'nothing of it has arrived when the power fails: it is in the spool',
    async () => {
      const waiting = await rig.sync(list);
      expect(waiting.account.messages).toMatchObject({ appended: 0, pending: count });
      expect(pop.hidden.size).toBe(count);
      await cutPower();
      delete imap.behaviour.login;
      await expectAllThere(await rig.sync(list));
    },
    patienceMs,
  );

  test(
    'the power fails right behind QUIT',
    async () => {
      const haul = rig.startSync(list);
      pop.behaviour.afterQuit = () => haul.child.kill('SIGKILL');
      await expectDeath(haul, 'behind QUIT');
      await cutPower();
      expect(pop.hidden.size).toBe(25);
      delete pop.behaviour.afterQuit;
      delete imap.behaviour.login;
      await expectAllThere(await rig.sync(list));
    },
    patienceMs,
  );
});
