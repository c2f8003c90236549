/** Runs that end before their time: by Ctrl-C, and by the death of the whole program. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { all, compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import {
  dovecotRow,
  expectReport,
  expectScriptedUntouched,
  expectUntouched,
  HaulRig,
  scriptedRow,
} from './haul-rig.ts';

const count = 1500;
const messages = Array.from({ length: count }, (_, at) => ({
  bytes: Buffer.from(`Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\n${'..\r\n\xfe'.repeat(at % 50)}\r\n`, 'latin1'),
  uidl: `u${at}`,
}));

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  await rig.settings({ batchMaxMessages: '10' });
});

afterEach(() => rig.end());

async function servers(): Promise<void> {
  pop = await rig.pop({ messages });
  imap = await rig.imap();
  list = await rig.list([scriptedRow(pop, imap)]);
}

/** Everything is there once; order may differ where a run was cut off. */
function expectStored(): void {
  expect(imap.stored()).toHaveLength(count);
  const sorted = (buffers: Buffer[]) => Buffer.concat([...buffers].sort(Buffer.compare));
  expect(sorted(imap.stored()).equals(sorted(messages.map(({ bytes }) => bytes)))).toBe(true);
}

async function expectNextRun(): Promise<void> {
  const ended = await rig.sync(list);
  expect(ended.status).toBe(0);
  expectReport(ended);
  expectStored();
  const again = await rig.sync(list);
  expect(again.account.messages).toMatchObject({ known: count, appended: 0, duplicate: 0 });
  await expectScriptedUntouched(pop);
}

/** The process of the own Redis, as the data directory tells it. */
function ownRedis(): number {
  return Number(JSON.parse(readFileSync(join(rig.dataDir, 'redis', 'server.json'), 'utf8')).pid);
}

function lives(pid: number): boolean {
  try {
    return process.kill(pid, 0) && !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'latin1'));
  } catch {
    return false;
  }
}

describe('an interrupted run', () => {
  test.each(['SIGINT', 'SIGTERM'] as const)(
    '%s: 130, a report whose sums agree, and the next run completes',
    async (signal) => {
      await servers();
      const haul = rig.startSync(list);
      await rig.reaches(() => imap.stored().length > 50, haul);
      const redis = ownRedis();
      haul.child.kill(signal);
      const ended = await haul.ended;
      expect(ended.status).toBe(130);
      const { messages: counts } = expectReport(ended).totals;
      expect(counts.appended).toBe(imap.stored().length);
      expect(counts.appended).toBeLessThan(count);
      expect(lives(redis)).toBe(false);
      await expectNextRun();
    },
  );

  test('while the source hangs: a second SIGINT does not wait', async () => {
    await servers();
    pop.behaviour.hangAt = 'RETR 700';
    const haul = rig.startSync(list);
    await rig.reaches(() => imap.stored().length >= 690, haul);
    // Two signals that come at once are one signal: it is sent until it has told.
    await rig.reaches(() => haul.child.exitCode !== null || !haul.child.kill('SIGINT'), haul);
    expect((await haul.ended).status).toBe(130);
    delete pop.behaviour.hangAt;
    await expectNextRun();
  });
});

describe('a program that is killed', () => {
  test.each([Math.random(), Math.random()])('at a random place (%f): nothing is lost or doubled', async (place) => {
    await servers();
    const haul = rig.startSync(list);
    await rig.reaches(() => imap.stored().length > place * (count - 200), haul);
    haul.child.kill('SIGKILL');
    expect((await haul.ended).status).toBeNull();
    const redis = ownRedis();
    expect(lives(redis)).toBe(true);
    // The Redis that was left behind is taken over, and ended at the end.
    const next = rig.startSync(list);
    const before = imap.connections.length;
    await rig.reaches(() => imap.connections.length > before, next);
    expect(ownRedis()).toBe(redis);
    expect((await next.ended).status).toBe(0);
    expectReport(await next.ended);
    expectStored();
    expect(lives(redis)).toBe(false);
    await expectNextRun();
  });

  test('while it hauls real mail from Dovecot to Dovecot', async () => {
    const users = ['ann', 'bob', 'cem'];
    const source = await rig.dovecot({ protocols: ['pop3'] });
    const destination = await rig.dovecot({ protocols: ['imap'] });
    const mail = await all(realMail({ limit: 1500 }));
    for (const user of users) await deliver({ server: source, user }, mail.splice(0, 500));
    const both = await rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user })));
    const haul = rig.startSync(both, []);
    await rig.reaches(() => /"msg":"listed"/.test(logText()), haul);
    haul.child.kill('SIGKILL');
    expect((await haul.ended).status).toBeNull();
    const ended = await rig.sync(both);
    expect(ended.status).toBe(0);
    expectReport(ended);
    for (const user of users) {
      const from = { port: source.popPort, user, password: 'pw' };
      const to = { port: destination.imapPort, user, password: 'pw' };
      const sides = await compareMailboxes(popContents(from), mailboxContents(to));
      expect(sides).toMatchObject({ source: 500, absent: 0, extra: 0, doubled: 0 });
      await expectUntouched(from, 500);
    }
  });
});

function logText(): string {
  try {
    return readFileSync(join(rig.dataDir, 'mailhaul.log'), 'utf8');
  } catch {
    return '';
  }
}
