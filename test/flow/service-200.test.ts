/**
 * The service at work: 200 accounts in five processes on one Redis, between real servers. Processes are killed, a group
 * is paused, the list changes, and in the end every account is where it should be.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import { compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { dovecotRow, type Haul, HaulRig, type Row } from './haul-rig.ts';
import {
  expectComplete,
  expectEqual,
  killAtOnce,
  lines,
  mailOf,
  ServiceRig,
  type StatusDocument,
  stopAll,
  sum,
} from './service-rig.ts';

const users = Array.from({ length: 200 }, (_, at) => `u${String(at).padStart(3, '0')}`);
/** The wave that is paused: its source gives 12 messages a second, so that it is still under way when the pause comes. */
const wave = users.slice(0, 6);
const [removed, typing, added] = [wave[3]!, users[199]!, 'u200'];

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let service: ServiceRig;
const counts = new Map<string, number>();

beforeEach(async () => {
  rig = await HaulRig.make();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
  service = await ServiceRig.make(rig, (await rig.redis()).url);
  for (const [at, user] of [...users, added].entries()) {
    const sizes = sizesOf(user, at);
    counts.set(user, await deliver({ server: source, user }, mailOf(user, sizes)));
  }
});

afterEach(() => rig.end());

/** One message, three, a dozen or forty; a few of them large. */
function sizesOf(user: string, at: number): number[] {
  if (wave.includes(user)) return Array.from({ length: 40 }, (_, n) => 300 + n * 17);
  const sizes = Array.from({ length: at % 10 === 0 ? 12 : 1 + (at % 3) }, (_, n) => (n * 977) % 4000);
  if (at % 40 === 7) sizes.push(300_000);
  return at === 150 ? [...sizes, 3_000_000] : sizes;
}

const row = (user: string, more: Row = {}): Row => dovecotRow(source, destination, user, { id: user, ...more });
const inWave = (user: string) => row(user, { group: 'wave', pop_host: 'localhost' });
const rowOf = (user: string) => (wave.includes(user) ? inWave(user) : row(user));

/** How often the wave has logged in on either side, and how many of these sessions go on, as the servers' logs say. */
async function sessions(): Promise<{ logins: number; open: number }> {
  const logs = await Promise.all(
    [source, destination].map((one) => readFile(join(one.directory, 'dovecot.log'), 'utf8')),
  );
  const count = (pattern: RegExp) => logs.reduce((total, log) => total + [...log.matchAll(pattern)].length, 0);
  const names = wave.join('|');
  const logins = count(new RegExp(`Login: user=<(?:${names})>`, 'g'));
  const ends = count(new RegExp(`(?:pop3|imap)\\((?:${names})\\).*: (?:Disconnected|Logged out)`, 'g'));
  return { logins, open: logins - ends };
}

async function arrived(user: string) {
  const login = { user, password: 'pw' };
  const [from, to] = [
    popContents({ ...login, port: source.popPort }),
    mailboxContents({ ...login, port: destination.imapPort }),
  ];
  return compareMailboxes(from, to);
}

const ofWave = (accounts: readonly AccountStatus[]) => accounts.filter(({ id }) => wave.includes(id));
const others = (accounts: readonly AccountStatus[]) => accounts.filter(({ id }) => !wave.includes(id));
const complete = ({ state }: AccountStatus) => state === 'complete';

test('200 accounts in five processes end with their sums agreeing and their bytes equal, whatever happens', {
  timeout: 240_000,
}, async () => {
  await rig.settings({
    schedules: '{default: {when: once}, groups: {wave: {priority: 5}}}',
    budgets: '{hosts: {localhost: {messagesPerSecond: 12}}}',
    batchMaxMessages: '5',
    popPipelineCommands: '5',
    listSettleMs: '50',
    rollCallMs: '500',
    metricsMs: '100',
    logLevel: 'debug',
  });
  const wrong = row(typing, { imap_password: 'mistyped' });
  const first = [...users.slice(0, -1).map(rowOf), wrong];
  const list = await rig.list(first, 'followed.csv');
  const control = await service.control(list);
  const spool = join(rig.directory, 'spool-host');
  const worker = (role: string) => service.start(role, spool);
  const [pop, popKilled, imap, imapKilled] = await Promise.all(['pop', 'pop', 'imap', 'imap'].map(worker));

  // One of each dies with work in its hands. The download worker is replaced, the other has to do alone.
  await rig.reaches(() => lines(popKilled!, 'listed').length > 2, popKilled!);
  await rig.reaches(() => lines(imapKilled!, 'batch sent').length > 2, imapKilled!);
  await Promise.all([popKilled!, imapKilled!].map(killAtOnce));
  expect((await service.api<{ openRuns: number }>('status')).openRuns).toBeGreaterThan(0);
  const popAgain = await worker('pop');
  const parts = [control, pop!, imap!, popAgain];

  const still = await pauseInMidRun(parts);
  await changeList(control, list);
  const standing = await service.until(
    (accounts) => accounts.length === 200 && others(accounts).every(complete),
    ...parts,
  );
  // All others have come to their end; the wave is where it was.
  const stands = ({ id, state, messages }: AccountStatus) => ({ id, state, messages });
  expect(ofWave(standing).map(stands)).toEqual(still.accounts.filter(({ id }) => id !== removed).map(stands));
  expect(await sessions()).toEqual({ logins: still.logins, open: 0 });
  await service.client('resume', '--group', 'wave');
  await service.until((accounts) => accounts.every(complete), ...parts);

  await expectAccounts(await service.status(), parts);
  await expectSaid();
  await stopAll(parts);
  const kept = new Map([...counts].filter(([user]) => user !== removed));
  await expectEqual(source, destination, kept);
  // What the removed account had given by then stays, once.
  expect(await arrived(removed)).toMatchObject({ extra: 0, doubled: 0 });
});

/** Pauses the wave when some of its mail has arrived, and waits until it stands still. */
async function pauseInMidRun(parts: readonly Haul[]) {
  await service.until((accounts) => ofWave(accounts).some(({ messages }) => messages.appended > 0), ...parts);
  await service.client('pause', '--group', 'wave', '--reason', 'backup of the old server');
  const states = ['paused', 'complete'];
  await service.until((all) => ofWave(all).every(({ state }) => states.includes(state)), ...parts);
  for (let { open } = await sessions(); open > 0; { open } = await sessions()) await service.accounts();
  const { logins } = await sessions();
  const accounts = ofWave(await service.accounts());
  expect(sum(accounts, 'pending')).toBeGreaterThan(0);
  for (const { paused } of accounts) expect(paused).toMatchObject({ scope: 'group wave' });
  return { accounts, logins };
}

/** A line goes, one comes, and one gets the right password. */
async function changeList(control: Haul, list: string): Promise<void> {
  const failed = (accounts: readonly AccountStatus[]) =>
    accounts.some(({ id, state }) => id === typing && state === 'failed');
  await service.until(failed, control);
  const rows = [...users, added].filter((user) => user !== removed).map(rowOf);
  expect(await rig.list(rows, 'followed.csv')).toBe(list);
  const imported = () => lines(control, 'account list imported');
  await rig.reaches(() => imported().length > 1, control);
  expect(imported().at(-1)).toMatchObject({ added: 1, changed: 1, removed: 1 });
  await service.client('retry', typing);
}

async function expectAccounts(status: StatusDocument, parts: readonly Haul[]): Promise<void> {
  const { service: whole, accounts } = status;
  expect(accounts.map(({ id }) => id)).toEqual([...users, added].filter((user) => user !== removed));
  for (const account of accounts) expectComplete(account, counts.get(account.id)!);
  expect(whole).toMatchObject({ ready: true, openRuns: 0, pauses: [] });
  expect(whole.processes.map(({ pid }) => pid).sort()).toEqual(parts.map(({ child }) => child.pid).sort());
}

/** Health, metrics and the audit log say what happened. */
async function expectSaid(): Promise<void> {
  expect((await service.open('/readyz')).status).toBe(200);
  const { text } = await service.open('/metrics');
  const metric = (name: string) =>
    text
      .split('\n')
      .filter((line) => line.startsWith(`mailhaul_${name}`))
      .reduce((total, line) => total + Number(line.split(' ').at(-1)), 0);
  const total = [...counts.values()].reduce((all, count) => all + count, 0);
  const settled = metric('messages_total{host="127.0.0.1"') + metric('messages_total{host="localhost"');
  expect(settled).toBeGreaterThanOrEqual(total - counts.get(removed)!);
  expect(settled).toBeLessThanOrEqual(total);
  expect(metric('open_runs')).toBe(0);
  expect(metric('pending_messages')).toBe(0);
  expect(metric('redis_up')).toBe(1);
  expect(metric('accounts{state="complete"}')).toBe(200);
  expect(metric('processes{role="pop"}')).toBe(2);
  expect(metric('processes{role="imap"}')).toBe(1);
  for (const user of users) expect(text).not.toContain(user);
  const { entries } = await service.api<{ entries: { action: string; scope: string; reason: string }[] }>('audit');
  const said = entries.map(({ action, scope, reason }) => `${action} ${scope} ${reason}`);
  const written = (await readFile(join(service.controlDir, 'audit.jsonl'), 'utf8')).trim().split('\n');
  expect(written.map((line) => JSON.parse(line).action)).toEqual(['pause', 'retry', 'resume']);
  expect(said.reverse()).toEqual([
    'pause group wave backup of the old server',
    `retry account ${typing} `,
    'resume group wave ',
  ]);
}
