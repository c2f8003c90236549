/** Roles in processes of their own, on one spool and on two; and what limits do to sessions (design §3). */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { connectRedis } from '../../src/ground/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import { compareMailboxes, mailboxContents, popContents, popList } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, type Haul, HaulRig } from './haul-rig.ts';

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

/** Mail of a user; sizes in bytes, one message each. */
async function fill(user: string, sizes: readonly number[]): Promise<void> {
  const line = `${'x'.repeat(70)}\n`;
  const bytes = (size: number, i: number) =>
    Buffer.from(`Message-ID: <${user}.${i}@x>\nSubject: ${user} ${i}\n\n${line.repeat(Math.ceil(size / line.length))}`);
  await deliver(
    { server: source, user },
    sizes.map((size, i) => ({ bytes: bytes(size, i) })),
  );
}

/** Starts `mailhaul start` with roles of its own and a data directory of its own. */
function start(list: string, roles: string, dataDir: string): Haul {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--redis', redis.url];
  return rig.haul(['start', list, '--roles', roles, '--data-dir', dataDir, ...fixed]);
}

/** Ends a worker as an administrator does; what it leaves unfinished must be nothing. */
async function stop(worker: Haul): Promise<Ended> {
  worker.child.kill('SIGTERM');
  const ended = await worker.ended;
  expect(ended.status).toBe(0);
  return ended;
}

function schedule(list: string): Haul {
  return rig.startSync(list, ['--json', '--roles', 'scheduler', '--redis', redis.url]);
}

/** Everything is there once, and an independent client still lists it at the source. */
async function expectEqual(users: readonly string[], to: (user: string) => string = (user) => user): Promise<void> {
  const there = new Map(users.map((user) => [to(user), [] as string[]]));
  for (const user of users) there.get(to(user))!.push(user);
  for (const [owner, feeders] of there) {
    const from = (async function* () {
      for (const user of feeders) yield* popContents({ port: source.popPort, user, password: 'pw' });
    })();
    const arrived = mailboxContents({ port: destination.imapPort, user: owner, password: 'pw' });
    const compared = await compareMailboxes(from, arrived);
    expect(compared).toMatchObject({ missing: 0, extra: 0, doubled: 0 });
    let listed = 0;
    for (const user of feeders) listed += (await popList({ port: source.popPort, user, password: 'pw' })).count;
    expect(listed).toBe(compared.source);
  }
}

async function spooledFiles(dataDir: string): Promise<string[]> {
  return (await readdir(join(dataDir, 'spool'))).filter((name) => name.includes('.batch'));
}

const users = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5'];
const sizes = Array.from({ length: 40 }, (_, i) => 500 + i * 997);

describe('roles in processes of their own', () => {
  test('a POP host and an IMAP host on one spool directory carry what the scheduler queues', async () => {
    for (const user of users) await fill(user, sizes);
    const list = await rig.list(users.map((user) => dovecotRow(source, destination, user)));
    const shared = join(rig.directory, 'shared');
    const workers = [start(list, 'pop', shared), start(list, 'imap', shared)];
    const ended = await schedule(list).ended;
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: 240, appended: 240 });
    expect(ended.status).toBe(0);
    for (const worker of workers) await stop(worker);
    await expectEqual(users);
    expect(await spooledFiles(shared)).toEqual([]);
  });

  test('two hosts with a spool each append what they downloaded', async () => {
    await rig.settings({ popSessions: '1', imapSessions: '1' });
    for (const user of users) await fill(user, sizes);
    const list = await rig.list(users.map((user) => dovecotRow(source, destination, user)));
    const dirs = ['host-a', 'host-b'].map((name) => join(rig.directory, name));
    const workers = dirs.map((dir) => start(list, 'pop,imap', dir));
    const ended = await schedule(list).ended;
    expect(expectReport(ended).totals.messages).toMatchObject({ appended: 240, duplicate: 0, pending: 0 });
    const logs = [];
    for (const worker of workers) logs.push((await stop(worker)).stderr);
    await expectEqual(users);
    for (const dir of dirs) expect(await spooledFiles(dir)).toEqual([]);
    // Each account was fetched by one host or the other, and by one only; a second look finds nothing new.
    const fetched = /"wanted":40,"msg":"listed"/;
    const listed = logs.map((log) => log.split('\n').filter((line) => fetched.test(line)).length);
    expect(listed[0]! + listed[1]!).toBe(users.length);
  });

  test('no download starts while nobody appends what it would spool', async () => {
    await fill('u0', sizes);
    const list = await rig.list([dovecotRow(source, destination, 'u0')]);
    const shared = join(rig.directory, 'shared');
    const pop = start(list, 'pop', shared);
    await rig.reaches(() => readyIn(pop), pop);
    const scheduler = schedule(list);
    // The job was taken and put back a few times: the worker would have begun by now if it were to.
    await triedTimes(3);
    expect(pop.text.stderr).not.toContain('"msg":"listed"');
    const imap = start(list, 'imap', shared);
    const ended = await scheduler.ended;
    expect(ended.report.totals.messages.appended).toBe(sizes.length);
    for (const worker of [pop, imap]) await stop(worker);
    await expectEqual(['u0']);
  });
});

describe('limits', () => {
  test('accounts that feed one destination login through a tiny spool cannot wait in a circle', async () => {
    await rig.settings({
      spoolMaxBytes: '60000',
      batchMaxBytes: '20000',
      popHoldMs: '300',
      appendIdleMs: '100',
      imapSessions: '2',
    });
    // One message of each is larger than the whole spool.
    for (const user of users) await fill(user, [...sizes.slice(0, 12), 200_000, ...sizes.slice(0, 6)]);
    const list = await rig.list(
      users.map((user) => ({ ...dovecotRow(source, destination, user), imap_user: 'everybody', id: user })),
    );
    const ended = await rig.sync(list, ['--json', '--redis', redis.url]);
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: 19 * 6, appended: 19 * 6, pending: 0 });
    expect(ended.status).toBe(0);
    await expectEqual(users, () => 'everybody');
  });

  test('a session that used up its bytes ends at a batch boundary, and the next one goes on', async () => {
    await rig.settings({ sessionMaxBytes: '50000', batchMaxBytes: '20000' });
    await fill('u0', sizes);
    const list = await rig.list([dovecotRow(source, destination, 'u0')]);
    const ended = await rig.sync(list, ['--json', '--redis', redis.url]);
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: 40, known: 0, appended: 40, duplicate: 0 });
    await expectEqual(['u0']);
    const log = await rig.log();
    expect(log.split('\n').filter((line) => line.includes('"msg":"listed"')).length).toBeGreaterThan(5);
  });

  test('an account whose destination hangs does not keep the spool from another', async () => {
    await rig.settings({
      spoolMaxBytes: '60000',
      batchMaxBytes: '20000',
      popHoldMs: '200',
      imapCommandTimeoutMs: '3000',
      retryWaitsMs: '[100]',
    });
    const hanging = await rig.imap({ hang: () => true });
    for (const user of ['u0', 'u1']) await fill(user, sizes);
    const list = await rig.list([
      { ...dovecotRow(source, destination, 'u0'), imap_port: hanging.port, imap_host: 'localhost' },
      dovecotRow(source, destination, 'u1'),
    ]);
    const ended = await rig.sync(list, ['--json', '--redis', redis.url]);
    const report = expectReport(ended);
    expect(ended.status).toBe(3);
    expect(report.accounts.map(({ state }) => state)).toEqual(['failed', 'complete']);
    expect(report.accounts[0]!.messages).toMatchObject({ listed: 40, appended: 0, pending: 40 });
    expect(report.accounts[0]!.problems.map(({ code }) => code)).toContain('append-in-doubt');
    await expectEqual(['u1']);
  });
});

function readyIn(worker: Haul): boolean {
  return worker.text.stderr.includes('"msg":"ready"');
}

/** Waits until the one run there is has queued so many jobs. */
async function triedTimes(jobs: number): Promise<void> {
  const handle = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  try {
    for (;;) {
      const [run] = await handle.client.keys('mh:*:run');
      if (run !== undefined && Number(await handle.client.hget(run, 'jobs')) >= jobs) return;
    }
  } finally {
    await handle.close();
  }
}
