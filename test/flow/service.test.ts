/** The service: it begins runs by itself, carries what is new, and ends in order. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { dovecotRow, expectUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let redis: RedisServer;

beforeEach(async () => {
  rig = await HaulRig.make();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
  redis = await rig.redis();
});

afterEach(() => rig.end());

async function put(user: string, ...names: string[]): Promise<void> {
  const mail = (name: string) => ({ bytes: Buffer.from(`Message-ID: <${name}@x>\nSubject: ${name}\n\n${name}\n`) });
  await deliver({ server: source, user }, names.map(mail));
}

/** What a scripted source holds. */
function messages(...names: string[]) {
  const bytes = (name: string) => Buffer.from(`Message-ID: <${name}@x>\r\nSubject: ${name}\r\n\r\n${name}\r\n`);
  return names.map((name) => ({ uidl: name, bytes: bytes(name) }));
}

function start(list: string, more: readonly string[] = []): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url, '--data-dir', rig.dataDir];
  return rig.haul(['start', list, ...fixed, ...more]);
}

/** The lines of the log with this message, as objects. */
function lines({ text }: Haul, msg: string): Record<string, unknown>[] {
  return text.stderr
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line))
    .filter((line) => line.msg === msg);
}

async function expectEqual(user: string, count: number): Promise<void> {
  const from = popContents({ port: source.popPort, user, password: 'pw' });
  const arrived = mailboxContents({ port: destination.imapPort, user, password: 'pw' });
  expect(await compareMailboxes(from, arrived)).toMatchObject({ source: count, missing: 0, extra: 0, doubled: 0 });
  await expectUntouched({ port: source.popPort, user, password: 'pw' }, count);
}

async function stop(service: Haul): Promise<void> {
  service.child.kill('SIGTERM');
  const ended = await service.ended;
  expect(ended.status, ended.stderr).toBe(0);
  expect(ended.stdout).toBe('');
}

test('new mail is carried by the next run, and a restarted service goes on', async () => {
  await rig.settings({ schedules: '{default: {when: every 1s}, groups: {late: {when: cron 0 0 1 1 *}}}' });
  for (const user of ['u0', 'u1', 'u2']) await put(user, 'a', 'b');
  const late = dovecotRow(source, destination, 'u2', { group: 'late' });
  const list = await rig.list([...['u0', 'u1'].map((user) => dovecotRow(source, destination, user)), late]);
  const service = start(list);
  await rig.reaches(() => lines(service, 'run ended').length >= 2, service);
  await put('u0', 'c', 'd');
  // The listing that shows them is of a run that began after they came; its end is the next line of this account.
  const clean = () => lines(service, 'run ended').filter((line) => line['account'] === 'u0@127.0.0.1');
  await rig.reaches(() => clean().filter((line) => line['clean'] === false).length >= 2, service);
  await expectEqual('u0', 4);
  await expectEqual('u1', 2);
  const sync = await rig.sync(list, ['--redis', redis.url]);
  expect(sync.status).toBe(11);
  expect(sync.stderr).toContain('another Mailhaul works on');
  await stop(service);
  expect(lines(service, 'run begins').map((line) => line['account'])).not.toContain('u2@127.0.0.1');
  await put('u1', 'e');
  const again = start(list);
  await rig.reaches(() => lines(again, 'run ended').some((line) => line['clean'] === false), again);
  await stop(again);
  await expectEqual('u1', 3);
});

test('a scheduler in a process of its own gives work to workers in theirs', async () => {
  await rig.settings({ schedules: '{default: {when: once}}' });
  await put('u0', 'a', 'b', 'c');
  const list = await rig.list([dovecotRow(source, destination, 'u0')]);
  const parts = ['scheduler', 'pop', 'imap'].map((role) => start(list, ['--roles', role]));
  const [scheduler] = parts;
  await rig.reaches(() => lines(scheduler!, 'run ended').length === 1, scheduler!);
  for (const part of parts) await stop(part);
  expect(lines(scheduler!, 'run begins')).toHaveLength(1);
  await expectEqual('u0', 3);
});

test('no session works on a run whose window has closed, and it goes on when it opens', async () => {
  await rig.settings({ schedules: '{default: {when: once}}' });
  await put('u0', 'a', 'b', 'c');
  const list = await rig.list([dovecotRow(source, destination, 'u0')]);
  const scheduler = start(list, ['--roles', 'scheduler']);
  await rig.reaches(() => lines(scheduler, 'run begins').length === 1, scheduler);
  const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  rig.atEnd(close);
  const [schedule = '', run = ''] = [(await client.keys('mh:*:schedule'))[0], (await client.keys('mh:*:run'))[0]];
  await client.hset(schedule, 'closesAt', Date.now() - 1);
  const worker = start(list, ['--roles', 'pop,imap']);
  while (Number(await client.hget(run, 'jobs')) < 3) await client.ping();
  expect(lines(worker, 'listed')).toEqual([]);
  await client.hset(schedule, 'closesAt', Date.now() + 3_600_000);
  await rig.reaches(() => lines(scheduler, 'run ended').length === 1, scheduler);
  for (const part of [scheduler, worker]) await stop(part);
  await expectEqual('u0', 3);
});

test('a session ends between two messages when the window closes, and the next one goes on', async () => {
  await rig.settings({ schedules: '{default: {when: once}}' });
  const held = { verb: 'RETR', waiting: 1_000_000 };
  const capabilities = ['UIDL', 'USER', 'TOP'];
  const pop = await rig.pop({ messages: messages('a', 'b', 'c'), holdUntil: held, capabilities });
  const list = await rig.list([scriptedRow(pop, await rig.imap())]);
  const scheduler = start(list, ['--roles', 'scheduler']);
  await rig.reaches(() => lines(scheduler, 'run begins').length === 1, scheduler);
  const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  rig.atEnd(close);
  const [schedule = ''] = await client.keys('mh:*:schedule');
  const closeIn = (ms: number) => client.hset(schedule, 'closesAt', Date.now() + ms);
  await closeIn(5000);
  const worker = start(list, ['--roles', 'pop,imap']);
  while (pop.seen('RETR').length === 0) {
    // On a busy machine the worker may come too late for the window.
    if (Number(await client.hget(schedule, 'closesAt')) < Date.now()) await closeIn(5000);
  }
  // The worker's timer may be late on a busy machine.
  while (Number(await client.hget(schedule, 'closesAt')) + 2000 >= Date.now()) await client.ping();
  pop.release();
  while (pop.seen('QUIT').length === 0) await client.ping();
  expect(pop.seen('RETR')).toEqual(['RETR 1']);
  await closeIn(3_600_000);
  await rig.reaches(() => lines(scheduler, 'run ended').length === 1, scheduler);
  for (const part of [scheduler, worker]) await stop(part);
  expect(pop.seen('RETR')).toEqual(['RETR 1', 'RETR 2', 'RETR 3']);
});

test('the newest messages come first where the schedule of an account says so', async () => {
  await rig.settings({ schedules: '{accounts: {one: {order: newest}}}' });
  const pop = await rig.pop({ messages: messages('a', 'b', 'c') });
  const imap = await rig.imap();
  expect((await rig.sync(await rig.list([scriptedRow(pop, imap)]))).status).toBe(0);
  expect(pop.seen('RETR')).toEqual(['RETR 3', 'RETR 2', 'RETR 1']);
});

test('the service needs settings that are right', async () => {
  await rig.settings({ schedules: '{default: {when: sometimes, zone: Mars/Base}, groups: {a: {windows: ["9-17"]}}}' });
  const wrong = await start(await rig.list([dovecotRow(source, destination, 'u0')])).ended;
  expect(wrong.status).toBe(10);
  for (const name of ['default.when', 'default.zone', 'groups.a.windows.0']) expect(wrong.stderr).toContain(name);
});
