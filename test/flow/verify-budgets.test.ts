/** `verify` and `sync --dry-run` beside others: they keep the budgets of the hosts, wait for their turn and say so. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import type { HostBudget } from '../../src/limits/budgets.ts';
import { Slots } from '../../src/limits/slots.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, type Haul, HaulRig, type Row, side } from './haul-rig.ts';

/** Two names of this machine, so that source and destination have budgets of their own. */
const source = 'localhost';
const destination = '127.0.0.1';
const users = Array.from({ length: 6 }, (_, at) => `user${at}`);
const mail = Array.from({ length: 4 }, (_, at) => ({
  uidl: `u${at}`,
  bytes: Buffer.from(`Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\n${'text '.repeat(100)}\r\n`),
}));

let rig: HaulRig;
let redis: RedisServer;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  pop = await rig.pop({ messages: mail, anyUser: true });
  imap = await rig.imap();
  list = await rig.list(users.map((user) => ({ id: user, ...sides(user) })));
});

afterEach(() => rig.end());

function sides(user: string): Row {
  return { ...side('pop', pop.port, user, 'secret'), pop_host: source, ...side('imap', imap.port, user, 'pw') };
}

async function budgets(
  hosts: Readonly<Record<string, Partial<HostBudget>>>,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  // All have one mailbox there: of two sessions at once both would deliver what is in none.
  await rig.settings({ budgets: JSON.stringify({ hosts }), imapSessions: '1', ...more });
}

function run(name: string, ...args: string[]): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url, '--data-dir', rig.dataDir];
  return rig.haul([name, list, ...fixed, '--json', ...args]);
}

/** The budget of a host is in use, as by a service beside; returns how to give it back. */
async function use(host: string, connections: number): Promise<() => Promise<void>> {
  const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 });
  rig.atEnd(close);
  const day = 86_400_000;
  const request = { host, login: 'of a service', count: connections, connections, connectionsPerAccount: 0 };
  const slots = await Slots.take(client, { ...request, raiseMs: day, ttlMs: day, fairShareMs: day }, Date.now());
  if (!(slots instanceof Slots)) throw new Error(slots.because);
  return () => slots.release();
}

async function copy(): Promise<void> {
  const { status, stderr } = await run('sync').ended;
  expect(status, stderr).toBe(0);
  [pop.mostOpen, imap.mostOpen] = [0, 0];
}

function codes({ report }: Ended): string[] {
  return report.accounts.flatMap(({ problems }) => problems.map(({ code }) => code));
}

test.each([
  ['verify', ['--deep'], source],
  ['verify', [], destination],
  ['sync', ['--dry-run'], source],
])('%s %j waits while %s has no connection for it, says so, and goes on', async (name, options, host) => {
  await budgets({ [host]: { connections: 2 } });
  if (name === 'verify') await copy();
  const release = await use(host, 2);
  const before = [pop.connections, imap.connections.length];
  const waiting = run(name, ...options);
  await rig.reaches(() => users.some((user) => waiting.text.stderr.includes(`${user}: waiting until `)), waiting);
  expect(waiting.text.stderr).toContain(`because ${host} allows 2 connection(s) at once`);
  expect(host === source ? pop.connections : imap.connections.length).toBe(before[host === source ? 0 : 1]);
  await release();
  const ended = await waiting.ended;
  expect(ended.status, ended.stderr).toBe(name === 'verify' ? 0 : 3);
  expect(codes(ended)).toEqual([]);
  expect(expectReport(ended).totals.messages).toMatchObject({ listed: 24 });
  expect(host === source ? pop.mostOpen : imap.mostOpen).toBeLessThanOrEqual(2);
});

test('no more than one connection of two on one host is wanted by who has the other', async () => {
  const name = 'localhost';
  await budgets({ [name]: { connections: 2, connectionsPerAccount: 2 } });
  const rows = users.slice(3).map((user) => ({ id: user, ...sides(user), pop_host: name, imap_host: name }));
  list = await rig.list(rows);
  await copy();
  const ended = await run('verify', '--deep').ended;
  expect(ended.status, ended.stderr).toBe(0);
  expect(codes(ended)).toEqual([]);
  expect(pop.mostOpen).toBeLessThanOrEqual(2);
  // Its second connection is kept for the source.
  expect(imap.mostOpen).toBe(1);
});

test('a wait that is longer than syncWaitMaxMs ends the account, with the time', async () => {
  await budgets({ [source]: { connections: 2 } }, { syncWaitMaxMs: '500' });
  await use(source, 2);
  for (const [name, ...options] of [['verify'], ['sync', '--dry-run']] as const) {
    const ended = await run(name, ...options).ended;
    expect(ended.status, ended.stderr).toBe(3);
    expect(codes(ended)).toEqual(users.map(() => 'budget-waits'));
  }
  expect(pop.connections).toBe(0);
});

test('logins and bytes are those that the budgets allow', async () => {
  await budgets({});
  await copy();
  await budgets({ [source]: { loginsPerSecond: 5, downloadBytesPerDay: mail[0]!.bytes.length * 2 + 10 } });
  const before = pop.transcript.length;
  const dry = await run('sync', '--dry-run').ended;
  expect(dry.status, dry.stderr).toBe(0);
  const logins = pop.times.filter((_, at) => at >= before && /^(?:AUTH|USER) /.test(pop.transcript[at]!));
  expect(logins).toHaveLength(users.length);
  // What a busy machine delays comes closer to the next one.
  expect(Math.max(...logins) - Math.min(...logins)).toBeGreaterThan(5 * 200 - 150);
  const deep = await run('verify', '--deep').ended;
  expect(codes(deep)).toEqual(users.map(() => 'budget-waits'));
  expect(deep.report.accounts[0]!.problems[0]!.text).toContain('because localhost allows 1.08 kB a day');
  expect(pop.seen('RETR')).toHaveLength(2 * users.length + mail.length * users.length);
});
