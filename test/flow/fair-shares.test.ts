/** Fair shares: huge mailboxes do not keep small ones waiting, however few connections a host allows. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { dovecotRow, HaulRig } from './haul-rig.ts';
import { expectComplete, expectEqual, mailOf, ServiceRig, stopAll } from './service-rig.ts';

/** As many as the host allows connections: they could have all of them to themselves. */
const huge = ['huge0', 'huge1'];
const small = Array.from({ length: 30 }, (_, at) => `small${at}`);
let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;

beforeEach(async () => {
  rig = await HaulRig.make();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
});

afterEach(() => rig.end());

test('30 small mailboxes are complete before two huge ones that have all connections when they come', {
  timeout: 240_000,
}, async () => {
  await rig.settings({
    schedules: '{default: {when: once}, accounts: {huge0: {priority: 9}, huge1: {priority: 9}}}',
    budgets: '{hosts: {localhost: {connections: 2, messagesPerSecond: 400}}}',
    // A session may keep its connection for this long while others wait; the huge ones take six seconds at least.
    fairShareMs: '100',
  });
  const counts = new Map<string, number>();
  const sizes = Array.from({ length: 1200 }, (_, at) => at % 200);
  for (const user of huge) counts.set(user, await deliver({ server: source, user }, mailOf(user, sizes)));
  for (const user of small) counts.set(user, await deliver({ server: source, user }, mailOf(user, [10, 900, 3000])));
  const rows = [...counts.keys()].map((user) =>
    dovecotRow(source, destination, user, { id: user, pop_host: 'localhost' }),
  );
  const service = await ServiceRig.make(rig, (await rig.redis()).url);
  const all = await service.start('scheduler,pop,imap,dashboard', service.controlDir, { list: await rig.list(rows) });
  const accounts = await service.until((them) => them.every(({ state }) => state === 'complete'), all);
  expect(accounts).toHaveLength(32);
  for (const account of accounts) expectComplete(account, counts.get(account.id)!);
  const times = (ids: readonly string[], which: 'startedAt' | 'finishedAt') =>
    accounts.filter(({ id }) => ids.includes(id)).map(({ run }) => Date.parse(run![which]!));
  expect(Math.max(...times(huge, 'startedAt'))).toBeLessThanOrEqual(Math.min(...times(small, 'startedAt')));
  expect(Math.max(...times(small, 'finishedAt'))).toBeLessThan(Math.min(...times(huge, 'finishedAt')));
  await stopAll([all]);
  await expectEqual(source, destination, counts);
});
