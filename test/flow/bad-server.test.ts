/** Servers, disks and Redis that fail while mail is on its way: nothing is lost, nothing is doubled. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AccountReport } from '../../src/report/report.ts';
import type { AppendedMessage, ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Fault, FaultLanes, type Outcome } from './fault-lanes.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, redisSay, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

function mail(count: number, size = 300): { bytes: Buffer; uidl: string }[] {
  return Array.from({ length: count }, (_, at) => {
    const head = `Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\n`;
    return { bytes: Buffer.from(`${head}${`.line ${at} \xe9\r\n`.repeat(size / 10)}`, 'latin1'), uidl: `u${at}` };
  });
}

async function servers(popMore: PopBehaviour = {}, imapMore: ImapBehaviour = {}): Promise<void> {
  pop = await rig.pop({ messages: mail(40), ...popMore });
  imap = await rig.imap(imapMore);
  list = await rig.list([scriptedRow(pop, imap)]);
}

/** Exactly these messages of the source are there, byte for byte, once each, in whatever order. */
function expectStored(but: readonly number[] = []): void {
  const wanted = pop.behaviour.messages!.filter((_, at) => !but.includes(at)).map(({ bytes }) => bytes);
  expect(imap.stored()).toHaveLength(wanted.length);
  const sorted = (all: Buffer[]) => Buffer.concat([...all].sort(Buffer.compare));
  expect(sorted(imap.stored()).equals(sorted(wanted))).toBe(true);
}

/** The next run ends well and leaves everything there once; so does the one after it. */
async function expectNextRun(args?: readonly string[]): Promise<void> {
  const ended = await rig.sync(list, args);
  expect(ended.status).toBe(0);
  expectReport(ended);
  expectStored();
  const again = await rig.sync(list, args);
  expect(again.account.messages).toMatchObject({ known: pop.behaviour.messages!.length, appended: 0, duplicate: 0 });
  expectStored();
  await expectScriptedUntouched(pop);
}

function expectProblem(ended: Ended, codes: readonly string[]): void {
  expect(ended.status).toBe(3);
  expectFailed(expectReport(ended).accounts[0]!, codes);
}

function expectFailed({ state, problems }: AccountReport, codes: readonly string[]): void {
  expect(state).toBe('failed');
  expect(problems.map(({ code }) => code).filter((code) => codes.includes(code))).toHaveLength(1);
}

/** A run, the next one, and the one after that, of accounts that all have a fault. */
interface Runs {
  readonly lanes: FaultLanes;
  readonly runs: readonly Awaited<ReturnType<FaultLanes['haul']>>[];
}

/** Faults that last are over after the first run, unless they are to be `kept`. */
async function threeRuns(faults: Readonly<Record<string, Fault>>, settings: object, kept = false): Promise<Runs> {
  rig = await HaulRig.make();
  await rig.settings({ ...settings });
  const lanes = await FaultLanes.start(rig, faults, mail(40));
  const first = await lanes.haul();
  if (!kept) {
    lanes.heal();
    await rig.settings({});
  }
  return { lanes, runs: [first, await lanes.haul(), await lanes.haul()] };
}

describe('a fault that a run gets over by itself', () => {
  let dropped = 0;
  const drop = (when: 'literal' | 'before-storing' | 'after-storing'): Fault => ({
    imap: {
      drop: ({ number }) => {
        if (number !== 12) return undefined;
        dropped += 1;
        return when;
      },
    },
  });
  const cut = (afterBytes: number): Fault => ({
    pop: { cut: { at: 'RETR 17', afterBytes }, firstConnectionOnly: true },
  });
  const faults = {
    // A server that does not know CAPA is asked no more.
    'a source that hangs at CAPA': { pop: { hangAt: 'CAPA', capabilities: ['USER', 'UIDL', 'PIPELINING'] } },
    'a source that closes in mid-message once, after 0 bytes': cut(0),
    'a source that closes in mid-message once, after 3 bytes': cut(3),
    'a source that closes in mid-message once, after 60 bytes': cut(60),
    'a destination that drops the connection in the middle of a message': drop('literal'),
    'a destination that drops it after the closing bytes, without having stored': drop('before-storing'),
    'a destination that drops it after the closing bytes, having stored': drop('after-storing'),
  };
  let all: Runs;

  beforeAll(async () => {
    all = await threeRuns(faults, { popCapaTimeoutMs: '200' });
    return () => rig.end();
  });

  test.each(Object.keys(faults))('%s', async (name) => {
    const [first, next, again] = all.runs.map(({ of }) => of.get(name)!);
    expect(first!.account.state).toBe('complete');
    expect(first!.account.messages).toMatchObject({ appended: 40, duplicate: 0 });
    all.lanes.expectStored(name, first!);
    await all.lanes.expectCarried(name, next!, again!);
  });

  test('does not show in the status', () => {
    expect(all.runs.map(({ ended }) => ended.status)).toEqual([0, 0, 0]);
    expect(dropped).toBeGreaterThanOrEqual(3);
  });
});

describe('a fault that lasts for a whole run', () => {
  const capabilities = ['USER', 'UIDL', 'PIPELINING'];
  const fifth = mail(40)[4]!.bytes;
  const oneMessage: Record<string, [PopBehaviour, RegExp]> = {
    'answers nothing to': [{ hangAt: 'RETR 5' }, /stopped answering/],
    'hangs in the middle of': [{ stall: { at: 'RETR 5', afterBytes: 60 } }, /stopped answering/],
    'closes in the middle of': [{ cut: { at: 'RETR 5', afterBytes: 60 } }, /in the middle of a message/],
    // Exchange 2000 put the dot right behind the last character.
    'lacks the CRLF at the end of': [{ replies: { 'RETR 5': '+OK\r\nSubject: 4\r\n\r\nx.\r\n' } }, /stopped answering/],
    // An unstuffed lone dot: what is behind it must not be lost.
    'stuffs no dots of': [
      { replies: { 'RETR 5': Buffer.concat([Buffer.from('+OK\r\n.\r\n'), fifth, Buffer.from('.\r\n')]) } },
      /broke the protocol/,
    ],
  };
  const whole: Record<string, [Fault, string[]]> = {
    'a source that hangs at USER': [{ pop: { hangAt: 'USER', capabilities } }, ['server-silent']],
    'a source that hangs at LIST': [{ pop: { hangAt: 'LIST', capabilities } }, ['server-silent']],
    'a source that hangs at UIDL': [{ pop: { hangAt: 'UIDL', capabilities } }, ['server-silent']],
    'a source that lets nobody connect': [{ pop: { greeting: '' } }, ['greeting-missing', 'connect-timeout']],
    'a destination that drops every connection before storing': [
      { imap: { drop: () => 'before-storing' } },
      ['append-in-doubt', 'connection-lost'],
    ],
    'a destination that hangs after the closing bytes': [
      { imap: { hang: () => true } },
      ['server-silent', 'append-in-doubt'],
    ],
  };
  const refused = 'a source that refuses one message';
  const stored = 'a destination that drops every connection after storing';
  const full = 'a destination that is full';
  let all: Runs;

  const outcomes = (name: string) => all.runs.map(({ of }) => of.get(name)!) as [Outcome, Outcome, Outcome];

  beforeAll(async () => {
    const quick = { popLoginTimeoutMs: '300', popCommandTimeoutMs: '300', popReadTimeoutMs: '300' };
    all = await threeRuns(
      {
        ...Object.fromEntries(Object.entries(oneMessage).map(([name, [pop]]) => [name, { pop }])),
        ...Object.fromEntries(Object.entries(whole).map(([name, [fault]]) => [name, fault])),
        [refused]: { pop: { replies: { 'RETR 9': '-ERR [SYS/TEMP] not now\r\n' } } },
        [stored]: { imap: { drop: () => 'after-storing' } },
        [full]: { imap: { refuse: () => 'NO [OVERQUOTA] mailbox is full' } },
      },
      { ...quick, popConnectTimeoutMs: '300', imapCommandTimeoutMs: '400', batchMaxMessages: '7' },
    );
    return () => rig.end();
  });

  test('shows in the status', () => {
    expect(all.runs.map(({ ended }) => ended.status)).toEqual([3, 0, 0]);
  });

  test.each(Object.keys(oneMessage))(
    'a source that always %s one message: the others arrive, and the next run tries it again',
    async (name) => {
      const [first, next, again] = outcomes(name);
      expect(first.account.messages).toMatchObject({ listed: 40, appended: 39, failed: 1, pending: 0 });
      const told = first.account.problems.find(({ code }) => code === 'message-unreadable');
      expect(told).toMatchObject({ stops: 'message', count: 1 });
      expect(told!.text).toMatch(oneMessage[name]![1]);
      all.lanes.expectStored(name, first, [4]);
      expect(first.asked.filter((line) => line === 'RETR 5').length).toBeLessThanOrEqual(4);
      await all.lanes.expectCarried(name, next, again);
    },
  );

  test(`${refused}: the others arrive, and the next run tries it again`, async () => {
    const [first, next, again] = outcomes(refused);
    expect(first.account.messages).toMatchObject({ appended: 39, failed: 1, pending: 0 });
    expect(first.account.problems).toMatchObject([{ code: 'message-unreadable', count: 1 }]);
    all.lanes.expectStored(refused, first, [8]);
    await all.lanes.expectCarried(refused, next, again);
  });

  test.each(Object.keys(whole))('%s: the account fails, and the next run carries it', async (name) => {
    const [first, next, again] = outcomes(name);
    expectFailed(first.account, whole[name]![1]);
    expect(first.stored).toEqual([]);
    await all.lanes.expectCarried(name, next, again);
  });

  test(stored, async () => {
    const [, next, again] = outcomes(stored);
    await all.lanes.expectCarried(stored, next, again);
  });

  test(`${full}: the account stops, and carries on when there is room`, async () => {
    const [first, next, again] = outcomes(full);
    expect(first.account).toMatchObject({ state: 'incomplete', problems: [{ code: 'mailbox-full', count: 1 }] });
    expect(first.account.messages).toMatchObject({ listed: 40, appended: 0, refused: 0, pending: 40 });
    await all.lanes.expectCarried(full, next, again);
  });
});

describe('a message that is refused in this run and in every later one, while the others arrive', () => {
  const empty = 'because it is empty';
  const cannot = 'by the destination, as one of a MULTIAPPEND';
  const bad = (message: AppendedMessage) => message.bytes.includes('Subject: 23\r\n');
  const faults = {
    [empty]: { pop: { messages: mail(5).map((one, at) => (at === 2 ? { ...one, bytes: Buffer.alloc(0) } : one)) } },
    [cannot]: { imap: { refuse: (message: AppendedMessage) => (bad(message) ? 'NO [CANNOT] a virus' : undefined) } },
  };
  let all: Runs;

  beforeAll(async () => {
    all = await threeRuns(faults, {}, true);
    return () => rig.end();
  });

  test.each([
    [empty, { listed: 5, refused: 1 }, 4, { code: 'message-empty', stops: 'message', count: 1 }, /empty/, 2],
    [cannot, { listed: 40, refused: 1, failed: 0 }, 39, { code: 'append-refused', count: 1 }, /a virus/, 23],
  ] as const)('%s', async (name, counts, good, problem, why, at) => {
    for (const [run, { ended, of }] of all.runs.entries()) {
      const outcome = of.get(name)!;
      const { account } = outcome;
      expect(ended.status).toBe(3);
      const carried = run === 0 ? { appended: good, known: 0 } : { appended: 0, known: good };
      expect(account.messages).toMatchObject({ ...counts, ...carried, pending: 0 });
      expect(account.state).toBe('incomplete');
      expect(account.problems).toMatchObject([problem]);
      expect(account.problems[0]!.text).toMatch(why);
      all.lanes.expectStored(name, outcome, [at]);
    }
    await all.lanes.expectUntouched(name);
  });
});

describe('Redis that goes away in mid-run', () => {
  beforeEach(async () => {
    rig = await HaulRig.make();
  });

  afterEach(() => rig.end());

  const inMidRun = { batchMaxMessages: '5', redisLostAfterMs: '5000', redisStartTimeoutMs: '5000' };

  async function startRun(more: Readonly<Record<string, string>> = {}) {
    await rig.settings({ ...inMidRun, ...more });
    await servers({ messages: mail(1500) });
    const redis = await rig.redis();
    const args = ['--json', '--redis', redis.url];
    const haul = rig.startSync(list, args);
    await rig.reaches(() => imap.stored().length > 60, haul);
    return { redis, args, haul };
  }

  test('and is back at once: the run goes on, or says so, and nothing is doubled', async () => {
    const { redis, args, haul } = await startRun();
    await redis.kill();
    await redis.restart();
    const ended = await haul.ended;
    expect([0, 1]).toContain(ended.status);
    if (ended.status === 0) expectStored();
    else expect(ended.stderr).toMatch(/redis-unreachable/);
    await expectNextRun(args);
  });

  test('and stays away: the run ends with 1, and the next one carries on', async () => {
    const { redis, args, haul } = await startRun({ redisLostAfterMs: '700' });
    await redis.kill();
    const ended = await haul.ended;
    expect(ended).toMatchObject({ status: 1, stdout: '' });
    expect(ended.stderr).toMatch(/mailhaul: redis-unreachable: .+\n {2}→ .+\n/);
    await redis.restart();
    await expectNextRun(args);
  });

  test('and comes back empty: nothing is doubled', async () => {
    const { redis, args, haul } = await startRun();
    await redisSay(redis, 'FLUSHALL');
    const ended = await haul.ended;
    expect(ended.status).not.toBeNull();
    const next = await rig.sync(list, args);
    expect(next.status).toBe(0);
    expectStored();
    await expectNextRun(args);
  });
});

describe('a disk that is full', () => {
  beforeEach(async () => {
    rig = await HaulRig.make();
  });

  afterEach(() => rig.end());

  const mounts = canMount();

  test.skipIf(!mounts)('stops the run with a remedy; with room again the next run carries everything', async () => {
    const redis = await rig.redis();
    const disk = join(rig.directory, 'disk');
    mkdirSync(disk);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', disk]);
    rig.atEnd(() => execFileSync('umount', [disk]));
    await servers({
      messages: [...mail(5), { bytes: Buffer.from(`Subject: x\r\n\r\n${'y'.repeat(3e6)}\r\n`), uidl: 'x' }],
    });
    const args = ['--json', '--redis', redis.url, '--data-dir', join(disk, 'data')];
    const ended = await rig.sync(list, args);
    expectProblem(ended, ['spool-full']);
    expect(ended.account.problems.at(-1)!.remedy).toContain('Free disk space');
    expect(ended.account.messages).toMatchObject({ listed: 6, appended: 5, pending: 1 });
    expectStored([5]);
    execFileSync('mount', ['-o', 'remount,size=64m', disk]);
    await expectNextRun(args);
  });
});

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    execFileSync('unshare', ['--mount', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}
