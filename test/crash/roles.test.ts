/** Roles in processes of their own: one worker dies at a step and is started again, and the scheduler's run completes. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { Random } from '../bench/random.ts';
import { expectReport, HaulRig } from '../flow/haul-rig.ts';
import { CrashRig, dovecotLane, expectDeath, forms, type Lane, scriptedLane } from './crash-rig.ts';

const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);
const random = new Random(seed);
const deaths = [
  ['pop', random.pick(['mid-retr:9', 'after-login:1', 'before-quit:1'])],
  ['pop', random.pick(['before-register:2', 'after-register:2'])],
  ['imap', random.pick(['after-intent:2', 'after-closing:2'])],
  ['imap', random.pick(['after-ok:2', 'after-record:2', 'before-unlink:2'])],
] as const;

let shared: HaulRig;
let source: Dovecot;
let destination: Dovecot;

beforeAll(async () => {
  shared = await HaulRig.make();
  source = await shared.dovecot({ protocols: ['pop3'] });
  destination = await shared.dovecot({ protocols: ['imap'] });
});

afterAll(() => shared.end());

describe(`one worker dies (seed ${seed})`, () => {
  test.concurrent.each(deaths)(
    '%s at %s, and the run completes with the next one',
    async (role, at) => {
      const mine = await CrashRig.make();
      try {
        const lanes: Lane[] = [await dovecotLane(source, destination, at.replace(':', '-'), seed)];
        for (const form of forms.slice(0, 2)) lanes.push(await scriptedLane(mine.haul, form, 'roles', seed));
        const list = await mine.haul.list(lanes.map(({ row }) => row));
        const other = mine.startWorker(list, role === 'pop' ? 'imap' : 'pop');
        const dying = mine.startWorker(list, role, at);
        const scheduler = mine.startSync(list, ['--roles', 'scheduler']);
        await expectDeath(dying, `${role} at ${at}`);
        const next = mine.startWorker(list, role);
        const ended = await scheduler.ended;
        expect(ended.status, ended.stdout + ended.stderr).toBe(0);
        expectReport(ended);
        for (const lane of lanes) await lane.expectEqual();
        for (const worker of [other, next]) {
          worker.child.kill('SIGTERM');
          expect((await worker.ended).status).toBe(0);
        }
        await mine.finishes(list, lanes);
      } finally {
        await mine.end();
      }
    },
    150_000,
  );
});
