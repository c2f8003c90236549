/** Servers, disks and Redis that fail while mail is on its way: nothing is lost, nothing is doubled. */
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppendedMessage, ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, redisSay, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

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
  const account = expectReport(ended).accounts[0]!;
  expect(account.state).toBe('failed');
  expect(account.problems.map(({ code }) => code).filter((code) => codes.includes(code))).toHaveLength(1);
}

describe('a source that fails', () => {
  const quick = { popLoginTimeoutMs: '300', popCommandTimeoutMs: '300', popReadTimeoutMs: '300' };

  test.each(['CAPA', 'USER', 'LIST', 'UIDL'])('hangs at %s', async (hangAt) => {
    await rig.settings({ ...quick, popCapaTimeoutMs: '200' });
    await servers({ hangAt, capabilities: ['USER', 'UIDL', 'PIPELINING'] });
    const ended = await rig.sync(list);
    // A server that does not know CAPA is asked no more.
    if (hangAt === 'CAPA') expect(ended.status).toBe(0);
    else expectProblem(ended, ['server-silent']);
    delete pop.behaviour.hangAt;
    await expectNextRun();
  });

  const fifth = mail(40)[4]!.bytes;
  const bad: [string, PopBehaviour, RegExp][] = [
    ['answers nothing to', { hangAt: 'RETR 5' }, /stopped answering/],
    ['hangs in the middle of', { stall: { at: 'RETR 5', afterBytes: 60 } }, /stopped answering/],
    ['closes in the middle of', { cut: { at: 'RETR 5', afterBytes: 60 } }, /in the middle of a message/],
    // Exchange 2000 put the dot right behind the last character.
    ['lacks the CRLF at the end of', { replies: { 'RETR 5': '+OK\r\nSubject: 4\r\n\r\nx.\r\n' } }, /stopped answering/],
    // An unstuffed lone dot: what is behind it must not be lost.
    [
      'stuffs no dots of',
      { replies: { 'RETR 5': Buffer.concat([Buffer.from('+OK\r\n.\r\n'), fifth, Buffer.from('.\r\n')]) } },
      /broke the protocol/,
    ],
  ];

  test.each(bad)(
    'always %s one message: the others arrive, and the next run tries it again',
    async (_, behaviour, why) => {
      await rig.settings(quick);
      await servers(behaviour);
      const ended = await rig.sync(list);
      expect(ended.status).toBe(3);
      expectReport(ended);
      expect(ended.account.messages).toMatchObject({ listed: 40, appended: 39, failed: 1, pending: 0 });
      const told = ended.account.problems.find(({ code }) => code === 'message-unreadable');
      expect(told).toMatchObject({ stops: 'message', count: 1 });
      expect(told!.text).toMatch(why);
      expectStored([4]);
      expect(pop.seen('RETR').filter((line) => line === 'RETR 5').length).toBeLessThanOrEqual(4);
      for (const name of ['hangAt', 'stall', 'cut', 'replies'] as const) delete pop.behaviour[name];
      await expectNextRun();
    },
  );

  test('never lets anybody connect', async () => {
    await rig.settings({ popConnectTimeoutMs: '300' });
    await servers({ greeting: '' });
    expectProblem(await rig.sync(list), ['greeting-missing', 'connect-timeout']);
    delete pop.behaviour.greeting;
    await expectNextRun();
  });

  test.each([0, 3, 60])('closes in mid-message once, after %i bytes: the same run completes', async (afterBytes) => {
    await servers({ cut: { at: 'RETR 17', afterBytes }, firstConnectionOnly: true });
    const ended = await rig.sync(list);
    expect(ended.status).toBe(0);
    expect(expectReport(ended).totals.messages).toMatchObject({ appended: 40, duplicate: 0 });
    expectStored();
    await expectNextRun();
  });

  test('refuses one message: the others arrive, and the next run tries it again', async () => {
    await servers({ replies: { 'RETR 9': '-ERR [SYS/TEMP] not now\r\n' } });
    const ended = await rig.sync(list);
    expect(ended.status).toBe(3);
    expect(expectReport(ended).totals.messages).toMatchObject({ appended: 39, failed: 1, pending: 0 });
    expect(ended.account.problems).toMatchObject([{ code: 'message-unreadable', count: 1 }]);
    expectStored([8]);
    delete pop.behaviour.replies;
    await expectNextRun();
  });

  test('has an empty message: it is refused in every run, and the others arrive', async () => {
    const messages = mail(5);
    messages[2]!.bytes = Buffer.alloc(0);
    await servers({ messages });
    for (const counts of [
      { appended: 4, known: 0 },
      { appended: 0, known: 4 },
      { appended: 0, known: 4 },
    ]) {
      const ended = await rig.sync(list);
      expect(ended.status).toBe(3);
      expect(expectReport(ended).totals.messages).toMatchObject({ listed: 5, refused: 1, pending: 0, ...counts });
      expect(ended.account.state).toBe('incomplete');
      expect(ended.account.problems).toMatchObject([{ code: 'message-empty', stops: 'message', count: 1 }]);
      expectStored([2]);
    }
    await expectScriptedUntouched(pop);
  });
});

describe('a destination that fails', () => {
  const once = (at: number) => (message: AppendedMessage) => message.number === at;

  test.each([
    ['in the middle of a message', 'literal'],
    ['after the closing bytes, without having stored', 'before-storing'],
    ['after the closing bytes, having stored', 'after-storing'],
  ] as const)('drops the connection %s', async (_, when) => {
    let dropped = 0;
    const drop = (message: AppendedMessage) => {
      if (!once(12)(message)) return undefined;
      dropped += 1;
      return when;
    };
    await servers({}, { drop });
    const ended = await rig.sync(list);
    expectReport(ended);
    expect(ended.status).toBe(0);
    expect(dropped).toBeGreaterThan(0);
    expect(ended.account.messages).toMatchObject({ appended: 40, duplicate: 0 });
    expectStored();
    await expectNextRun();
  });

  test.each(['before-storing', 'after-storing'] as const)(
    'drops every connection, %s, for a whole run',
    async (when) => {
      await rig.settings({ batchMaxMessages: '7' });
      await servers({}, { drop: () => when });
      const ended = await rig.sync(list);
      expectReport(ended);
      if (when === 'before-storing') {
        expectProblem(ended, ['append-in-doubt', 'connection-lost']);
        expect(imap.stored()).toEqual([]);
      }
      delete imap.behaviour.drop;
      await expectNextRun();
    },
  );

  test('hangs after the closing bytes', async () => {
    await rig.settings({ imapCommandTimeoutMs: '400', batchMaxMessages: '10' });
    await servers({}, { hang: () => true });
    expectProblem(await rig.sync(list), ['server-silent', 'append-in-doubt']);
    delete imap.behaviour.hang;
    await expectNextRun();
  });

  test('refuses one message of a MULTIAPPEND: only that one, in this run and every later one', async () => {
    const bad = (message: AppendedMessage) => message.bytes.includes('Subject: 23\r\n');
    await servers({}, { refuse: (message) => (bad(message) ? 'NO [CANNOT] a virus' : undefined) });
    for (const counts of [
      { appended: 39, known: 0 },
      { appended: 0, known: 39 },
      { appended: 0, known: 39 },
    ]) {
      const ended = await rig.sync(list);
      expect(ended.status).toBe(3);
      expect(expectReport(ended).totals.messages).toMatchObject({ refused: 1, pending: 0, failed: 0, ...counts });
      expect(ended.account.problems).toMatchObject([{ code: 'append-refused', count: 1 }]);
      expect(ended.account.problems[0]!.text).toContain('a virus');
      expectStored([23]);
    }
    await expectScriptedUntouched(pop);
  });

  test('is full: the account stops, and carries on when there is room', async () => {
    await servers({}, { refuse: () => 'NO [OVERQUOTA] mailbox is full' });
    const ended = await rig.sync(list);
    expect(ended.status).toBe(3);
    expectReport(ended);
    expect(ended.account).toMatchObject({ state: 'incomplete', problems: [{ code: 'mailbox-full', count: 1 }] });
    expect(ended.account.messages).toMatchObject({ listed: 40, appended: 0, refused: 0, pending: 40 });
    delete imap.behaviour.refuse;
    await expectNextRun();
  });
});

describe('Redis that goes away in mid-run', () => {
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
