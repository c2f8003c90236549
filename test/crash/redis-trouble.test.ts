/** Redis in trouble while a run goes on: full, silent, gone, or back without its last second. Nothing is lost or doubled. */
import { readdirSync, statSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Random } from '../bench/random.ts';
import { type Ended, type Haul, redisSay, scriptedRow } from '../flow/haul-rig.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type CrashMessage, crashMail } from './crash-mail.ts';
import { CrashRig, expectCalm, forms } from './crash-rig.ts';

const count = 60;
const leaseMs = 1000;
const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);
const [multi, , single] = forms;

let rig: CrashRig;
let messages: CrashMessage[];
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(() => {
  messages = crashMail('mail', count, new Random(seed));
});

afterEach(() => rig.end());

async function servers(settings: Readonly<Record<string, string>> = {}, form = multi!): Promise<void> {
  rig = await CrashRig.make({ leaseMs: String(leaseMs), redisLostAfterMs: '20000', ...settings });
  pop = await rig.haul.pop({ messages: [...messages] });
  imap = await rig.haul.imap({ ...form.behaviour });
  list = await rig.haul.list([scriptedRow(pop, imap)]);
}

/** Acts once, between two APPENDs, when so many messages have come whole; resolves when that is done. */
function onceStored<T>(number: number, act: () => Promise<T>): Promise<T> {
  return new Promise((done, fail) => {
    const before = imap.behaviour.drop;
    imap.behaviour.drop = (message) => {
      if (message.bytes.length > 0 && imap.stored().length >= number) {
        if (before) imap.behaviour.drop = before;
        else delete imap.behaviour.drop;
        act().then(done, fail);
      }
      return before?.(message);
    };
  });
}

/** How a run in trouble ends is its own business, if only it ends by itself, and says why where it fell short. */
async function expectEnd(haul: Haul): Promise<Ended> {
  const ended = await haul.ended;
  expect(haul.child.signalCode, ended.stderr).toBeNull();
  expect(ended.stderr).not.toMatch(/^\s+at /m);
  return ended;
}

describe.each([multi!, single!])(`to a server with $name (seed ${seed})`, (form) => {
  test('Redis dies and comes back without what it was told last', async () => {
    await servers({}, form);
    const directory = join(rig.haul.directory, 'part-1', 'appendonlydir');
    const file = () => join(directory, readdirSync(directory).find((name) => name.endsWith('.incr.aof'))!);
    // With `everysec` Redis puts off what it writes while its disk is busy.
    expect(await redisSay(rig.redis, 'CONFIG SET appendfsync no')).toBe('+OK');
    const sizes: number[] = [];
    imap.behaviour.drop = ({ bytes }) => {
      if (bytes.length > 0 && imap.stored().length <= 20) sizes.push(statSync(file()).size);
      return undefined;
    };
    const died = onceStored(42, async () => {
      await rig.redis.kill();
      const { size } = statSync(file());
      // Several batches may have come in one command, with which Redis had nothing to note.
      const kept = sizes.findLast((earlier) => earlier < size);
      truncateSync(file(), kept);
      await rig.redis.restart();
      return kept;
    });
    const haul = rig.startSync(list);
    expect(await died).toBeGreaterThan(0);
    const ended = await expectEnd(haul);
    expect([0, 3], ended.stdout + ended.stderr).toContain(ended.status);
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('Redis is gone for longer than a lease, and comes back', async () => {
    await servers({}, form);
    const gone = onceStored(20, () => rig.redis.kill());
    const haul = rig.startSync(list);
    await gone;
    const until = Date.now() + 2 * leaseMs;
    await rig.haul.reaches(() => Date.now() > until, haul);
    await rig.redis.restart();
    const ended = await expectEnd(haul);
    expect([0, 3], ended.stdout + ended.stderr).toContain(ended.status);
    await expectCalm(rig, list, { pop, imap, messages });
  });
});

describe(`in the middle of a run (seed ${seed})`, () => {
  test('Redis is full: the run ends with one clear error, and the next one goes on when there is room', async () => {
    await servers();
    const full = onceStored(20, () => redisSay(rig.redis, 'CONFIG SET maxmemory 1mb'));
    const haul = rig.startSync(list);
    expect(await full).toBe('+OK');
    const ended = await expectEnd(haul);
    expect(ended.status).toBe(1);
    expect(ended.stdout).toBe('');
    expect(ended.stderr.match(/redis-full/g), ended.stderr).toHaveLength(1);
    expect(ended.stderr).not.toContain('unexpected');
    const stored = imap.stored().length;
    expect(stored).toBeGreaterThanOrEqual(20);
    expect(stored).toBeLessThan(count);
    expect(await redisSay(rig.redis, 'CONFIG SET maxmemory 0')).toBe('+OK');
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('Redis is silent for longer than a lease, and answers again', async () => {
    await servers();
    const paused = onceStored(20, () => redisSay(rig.redis, `CLIENT PAUSE ${3 * leaseMs} ALL`));
    const haul = rig.startSync(list);
    expect(await paused).toBe('+OK');
    const ended = await expectEnd(haul);
    expect([0, 3], ended.stdout + ended.stderr).toContain(ended.status);
    await expectCalm(rig, list, { pop, imap, messages });
  });

  test('Redis is gone for good: the run ends with one clear error, and the next one goes on', async () => {
    await servers({ redisLostAfterMs: '1500' });
    const gone = onceStored(20, () => rig.redis.kill());
    const haul = rig.startSync(list);
    await gone;
    const ended = await expectEnd(haul);
    expect(ended.stdout).toBe('');
    expect(ended.stderr.match(/redis-unreachable/g), ended.stderr).toHaveLength(1);
    expect(ended.status).toBe(1);
    await rig.redis.restart();
    await expectCalm(rig, list, { pop, imap, messages });
  });
});
