/** A pause that is lifted while the sessions which it ends are still ending, in other processes: the run goes on. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { Random } from '../bench/random.ts';
import { dovecotRow, HaulRig } from './haul-rig.ts';
import { expectComplete, expectEqual, lines, mailOf, ServiceRig, stopAll } from './service-rig.ts';

const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);
const users = ['u0', 'u1', 'u2', 'u3', 'u4', 'u5'];
const perAccount = 200;
let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;

beforeEach(async () => {
  rig = await HaulRig.make();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
});

afterEach(() => rig.end());

test(`runs end, however quickly they are paused and resumed (seed ${seed})`, { timeout: 240_000 }, async () => {
  await rig.settings({
    schedules: '{default: {when: once}}',
    budgets: '{hosts: {localhost: {messagesPerSecond: 300}}}',
    batchMaxMessages: '5',
    popPipelineCommands: '5',
    // No reconciler comes to the rescue.
    reconcileMs: '600000',
    popSessions: '3',
    imapSessions: '3',
  });
  const counts = new Map<string, number>();
  const sizes = Array.from({ length: perAccount }, (_, at) => at % 300);
  for (const user of users) counts.set(user, await deliver({ server: source, user }, mailOf(user, sizes)));
  const rows = users.map((user) => dovecotRow(source, destination, user, { id: user, pop_host: 'localhost' }));
  const service = await ServiceRig.make(rig, (await rig.redis()).url);
  const control = await service.control(await rig.list(rows));
  const worker = () => service.start('pop,imap', `${rig.directory}/spool-host`);
  const parts = [control, ...(await Promise.all([worker(), worker()]))];
  await rig.reaches(() => parts.some((part) => lines(part, 'listed').length > 0), control);

  const random = new Random(seed);
  for (let turn = 0; turn < 40; turn += 1) {
    const what = random.pick([{ all: true }, { account: users }, { account: [random.pick(users)] }]);
    await service.deed('pause', what);
    // Not a word is waited for: sessions are about to end, ending, or have just ended.
    for (let looks = random.between(0, 3); looks > 0; looks -= 1) await service.accounts();
    await service.deed('resume', what);
  }
  const accounts = await service.until((them) => them.every(({ state }) => state === 'complete'), ...parts);
  expect(accounts).toHaveLength(users.length);
  for (const account of accounts) expectComplete(account, perAccount);
  await stopAll(parts);
  await expectEqual(source, destination, counts);
});
