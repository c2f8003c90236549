/** Many hosts on one Redis, made of network namespaces: one is cut off in mid-run, and comes back. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { connectRedis, type RedisClient } from '../../src/ground/redis.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import { HostNetwork, whyNoHosts } from '../servers/hosts.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { dovecotRow, type Haul, HaulRig } from './haul-rig.ts';
import { expectComplete, expectEqual, lines, mailOf, ServiceRig, stopAll, sum } from './service-rig.ts';

const refusal = whyNoHosts();
const perAccount = 20;
/** Those who are cut off live on: Redis may be away for longer than the test takes. */
const settings = {
  schedules: '{default: {when: once}}',
  batchMaxMessages: '5',
  popPipelineCommands: '5',
  rollCallMs: '500',
  spoolLostAfterMs: '3000',
  redisLostAfterMs: '100000',
  logLevel: 'debug',
  popSessions: '8',
  imapSessions: '8',
};

let rig: HaulRig;
let network: HostNetwork;
let source: Dovecot;
let destination: Dovecot;
let redis: RedisServer;
let service: ServiceRig;
let counts: Map<string, number>;

beforeEach(async () => {
  if (refusal !== undefined) return;
  rig = await HaulRig.make();
  network = await HostNetwork.make(2);
  rig.atEnd(() => network.end());
  const [near, far] = network.addresses;
  source = await rig.dovecot({ protocols: ['pop3'], extra: `listen = 127.0.0.1, ${near}` });
  destination = await rig.dovecot({ protocols: ['imap'], extra: `listen = 127.0.0.1, ${far}` });
  const args = ['--bind', '127.0.0.1', near, '--protected-mode', 'no'];
  redis = await startRedis({ directory: await rig.folder(), args });
  rig.atEnd(() => redis.kill());
  service = await ServiceRig.make(rig, redis.url);
  counts = new Map();
});

afterEach(() => rig?.end());

/** The list of so many accounts, whose mail is delivered. */
async function listOf(accounts: number): Promise<string> {
  const users = Array.from({ length: accounts }, (_, at) => `u${String(at).padStart(2, '0')}`);
  for (const user of users) {
    const sizes = Array.from({ length: perAccount }, (_, at) => 100 + at * 137);
    counts.set(user, await deliver({ server: source, user }, mailOf(user, sizes)));
  }
  const [pop_host, imap_host] = network.addresses;
  return rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user, pop_host, imap_host })));
}

const spoolOf = (at: number) => join(rig.directory, `host-${at}`);

/** Both kinds of workers on a host, with a spool of their own. */
function worker(at: number): Promise<Haul> {
  const redisUrl = `redis://${network.addresses[0]}:${redis.port}`;
  return service.start('pop,imap', spoolOf(at), { redisUrl, within: [...network.hosts[at]!.within] });
}

const batchesIn = async (at: number) =>
  (await readdir(join(spoolOf(at), 'spool'))).filter((name) => name.endsWith('.batch'));
const allComplete = (accounts: readonly AccountStatus[]) => accounts.every(({ state }) => state === 'complete');

function expectAllComplete(accounts: readonly AccountStatus[]): void {
  expect(accounts.map(({ id }) => id)).toEqual([...counts.keys()]);
  for (const account of accounts) expectComplete(account, counts.get(account.id)!);
}

/** Waits until as many processes say that they are alive. */
async function alive(count: number): Promise<void> {
  while ((await service.api<{ processes: unknown[] }>('status')).processes.length !== count);
}

describe('a host that is cut off in mid-run', { timeout: 240_000 }, () => {
  test('is replaced by the others, and does no harm when it comes back', async (context) => {
    context.skip(refusal !== undefined, refusal);
    const budgets = `{hosts: {"${network.addresses[0]}": {messagesPerSecond: 60}}}`;
    await rig.settings({ ...settings, budgets });
    const control = await service.control(await listOf(16));
    const [cut, other] = await Promise.all([worker(0), worker(1)]);
    await rig.reaches(() => [cut, other].every((one) => lines(one, 'batch sent').length > 2), cut);
    // Cut off with mail in its spool, so that somebody has to fetch it once more.
    while ((await batchesIn(0)).length === 0);
    await network.hosts[0]!.cut();
    const before = await service.accounts();
    expect(before.some(({ state }) => state === 'running')).toBe(true);
    expect(sum(before, 'pending')).toBeGreaterThan(0);

    expectAllComplete(await service.until(allComplete, control, other));
    await expectEqual(source, destination, counts);
    await alive(2);

    await network.hosts[0]!.mend();
    await alive(3);
    expectAllComplete(await service.until(allComplete, control, other, cut));
    // It works again. Whatever its spool still holds is adopted by its next start, and is known.
    await service.client('run', '--all');
    const again = await service.until(
      (accounts) => accounts.every(({ messages }) => messages.known === messages.listed) && allComplete(accounts),
      control,
      other,
      cut,
    );
    expectAllComplete(again);
    await stopAll([cut]);
    const left = await batchesIn(0);
    const back = await worker(0);
    expect(lines(back, 'batch adopted')).toHaveLength(left.length);
    await service.client('run', '--all');
    while ((await batchesIn(0)).length > 0) await service.accounts();
    await service.until(allComplete, control, other, back);
    await stopAll([control, other, back]);
    await expectEqual(source, destination, counts);
  });

  test('does not send the end of a message when it comes back, after another has sent it', async (context) => {
    context.skip(refusal !== undefined, refusal);
    const [host, near, far] = [network.hosts[0]!, ...network.addresses];
    // Slow enough that the append session is there when the next batch comes.
    const budgets = `{hosts: {"${near}": {messagesPerSecond: 15}}}`;
    await rig.settings({ ...settings, budgets, appendIdleMs: '10000' });
    const { client, close } = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
    rig.atEnd(close);
    const control = await service.control(await listOf(3));
    const cut = await worker(0);
    await rig.reaches(() => lines(cut, 'batch sent').length > 0, cut);
    // The destination is lost first: what is sent to it stays in the host.
    await host.lose(far);
    await unansweredAppend(client, far);
    await host.cut();
    const other = await worker(1);
    expectAllComplete(await service.until(allComplete, control, other));
    await host.find(far);
    await host.mend();
    await alive(3);
    while ((await host.unsent(far)).some((bytes) => bytes > 0));
    await expectEqual(source, destination, counts);
    await stopAll([control, cut, other]);
  });
});

/** Waits until the closing bytes of an APPEND have been written, and are still in the host. */
async function unansweredAppend(client: RedisClient, far: string): Promise<void> {
  const look = async () => ({
    intents: (await client.keys('mh:{*}:intents')).length,
    unsent: Math.max(0, ...(await network.hosts[0]!.unsent(far))),
  });
  for (let last = await look(); ; ) {
    const now = await look();
    if (now.intents > 0 && now.unsent > 0 && now.unsent === last.unsent && now.intents === last.intents) return;
    last = now;
  }
}
