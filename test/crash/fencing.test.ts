/**
 * Who wakes up too late, who is not alone, and a Redis that forgot: there may be more work, but nothing is lost and
 * nothing is there twice.
 */
import { readFileSync } from 'node:fs';
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CrashStep } from '../../src/ground/crash-point.ts';
import { loginKeys } from '../../src/ground/keys.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import { loginKey } from '../../src/limits/lease.ts';
import { Random } from '../bench/random.ts';
import { type Haul, redisSay, scriptedRow } from '../flow/haul-rig.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type CrashMessage, crashMail } from './crash-mail.ts';
import { CrashRig, expectCalm, expectStored, type Form, forms } from './crash-rig.ts';

const count = 60;
const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);
const [multi, , single] = forms;

let rig: CrashRig;
let messages: CrashMessage[];
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await CrashRig.make();
  messages = crashMail('mail', count, new Random(seed));
});

afterEach(() => rig.end());

async function servers(form = multi!): Promise<void> {
  pop = await rig.haul.pop({ messages: [...messages] });
  imap = await rig.haul.imap({ ...form.behaviour });
  list = await rig.haul.list([scriptedRow(pop, imap)]);
}

/** True when a process was stopped (proc(5): state T). */
function isAsleep({ child }: Haul): boolean {
  return /\) T /.test(readFileSync(`/proc/${child.pid}/stat`, 'latin1'));
}

/** Another does all of it on the same directory, and then the sleeper wakes up. */
async function expectTakeover(sleeper: Haul): Promise<void> {
  await expectEnd(rig.startSync(list));
  expectStored(imap, messages);
  sleeper.child.kill('SIGCONT');
  await expectEnd(sleeper);
  expectStored(imap, messages);
  await expectCalm(rig, list, { pop, imap, messages });
}

/**
 * A run that stops itself. A signal from outside might hit it between its last look at the clock and the write of the closing
 * bytes, the one moment in which a pause may double a message (docs/failures.md).
 */
async function asleepAt(step: CrashStep, { multiAppend }: Form): Promise<Haul> {
  const sleeper = rig.startSync(list, [], `${step}:${multiAppend ? 3 : 13}:SIGSTOP`);
  await rig.haul.reaches(() => isAsleep(sleeper), sleeper);
  return sleeper;
}

/** Waits until the lease of the destination is not that of the session which had it. */
async function leaseLapses(): Promise<void> {
  const key = loginKeys.lease(loginKey('imap', { host: '127.0.0.1', port: imap.port, user: 'ann' }));
  const handle = await connectRedis(rig.redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  try {
    const held = await handle.client.get(key);
    expect(held).not.toBeNull();
    while ((await handle.client.get(key)) === held);
  } finally {
    await handle.close();
  }
}

/** Waits for a run that another may have disturbed: how it ends is its own business, if only it ends. */
async function expectEnd(haul: Haul): Promise<void> {
  const ended = await haul.ended;
  expect(haul.child.signalCode, ended.stderr).toBeNull();
  expect([0, 3], ended.stdout + ended.stderr).toContain(ended.status);
}

describe.each([multi!, single!])(`a process that sleeps for longer than its lease: $name (seed ${seed})`, (form) => {
  test('another takes over on its directory', async () => {
    await servers(form);
    await expectTakeover(await asleepAt('after-ok', form));
  });

  test('another takes over elsewhere; what lies in the spool of the sleeper waits for it', async () => {
    await servers(form);
    const sleeper = await asleepAt('after-record', form);
    const other = rig.startSync(list, [], '', join(rig.haul.directory, 'other'));
    await leaseLapses();
    sleeper.child.kill('SIGCONT');
    await expectEnd(sleeper);
    await expectEnd(other);
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('it falls asleep when Redis has just confirmed that it may send, and the other has sent it when it wakes up', async () => {
    await servers(form);
    await expectTakeover(await asleepAt('after-intent', form));
  });

  test('it wakes up while the other is at work', async () => {
    await servers(form);
    const sleeper = await asleepAt('after-closing', form);
    const its = imap.connections.length;
    const other = rig.startSync(list);
    const isAtWork = () => imap.connections.slice(its).some(({ appends }) => appends.length > 0);
    await rig.haul.reaches(isAtWork, other);
    sleeper.child.kill('SIGCONT');
    await expectEnd(other);
    await expectEnd(sleeper);
    await expectCalm(rig, list, { pop, imap, messages });
  });
});

describe('two services on one Redis', () => {
  test.each(['the same directory', 'a directory of its own'])('sync one list at once, from %s', async (where) => {
    await servers();
    const first = rig.startSync(list);
    const second = rig.startSync(list, [], '', where.startsWith('a') ? join(rig.haul.directory, 'other') : undefined);
    await expectEnd(first);
    await expectEnd(second);
    await expectCalm(rig, list, { pop, imap, messages });
  });
});

describe('a Redis that forgets', () => {
  test.each([multi!, single!])('all of it, in the middle of a run, again and again: $name', async (form) => {
    await servers(form);
    const flushAt = [7, 21, 35];
    const flushes: Promise<string>[] = [];
    imap.behaviour.drop = ({ bytes, number }) => {
      const due = bytes.length > 0 && number >= (flushAt[flushes.length] ?? Number.POSITIVE_INFINITY);
      if (due) flushes.push(redisSay(rig.redis, 'FLUSHALL'));
      return undefined;
    };
    const haul = rig.startSync(list);
    await expectEnd(haul);
    expect(await Promise.all(flushes)).toEqual(['+OK', '+OK', '+OK']);
    expectStored(imap, messages);
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('all of it, between a death and the next run', async () => {
    await servers();
    for (const [step, times] of [
      ['mid-retr', 20],
      ['after-closing', 2],
      ['after-ok', 2],
    ] as const) {
      await rig.dies(list, 'one', step, times);
      expect(await redisSay(rig.redis, 'FLUSHALL')).toBe('+OK');
    }
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('what it knew since an earlier copy of its file', async () => {
    await servers();
    const data = join(rig.haul.directory, 'part-1');
    const copy = join(rig.haul.directory, 'copy');
    await rig.dies(list, 'one', 'after-record', 1);
    await rig.redis.stop();
    await cp(data, copy, { recursive: true });
    await rig.redis.restart();
    await rig.dies(list, 'one', 'after-ok', 4);
    const stored = imap.stored().length;
    expect(stored).toBeGreaterThan(20);
    await rig.redis.stop();
    await rm(data, { recursive: true });
    await cp(copy, data, { recursive: true });
    await rig.redis.restart();
    // Batches that it remembers and that are long settled make this run fall short; the next one catches up.
    await expectEnd(rig.startSync(list));
    await expectCalm(rig, list, { pop, imap, messages });
  });
});
