/** The built command on Redis by sentinels: a failover in mid-run, with and without writes that the new master lacks. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { SentinelSet } from '../servers/sentinel.ts';
import { compareMailboxes, mailboxContents, popContents, popList } from '../servers/witness.ts';
import { dovecotRow, expectReport, type Haul, HaulRig } from './haul-rig.ts';

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let set: SentinelSet;

beforeEach(async () => {
  rig = await HaulRig.make();
  set = await SentinelSet.start({ directory: await rig.folder() });
  rig.atEnd(() => set.end());
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
  await rig.settings({ ...sentinels(), sessionMaxBytes: '400000' });
});

afterEach(() => rig.end());

function sentinels(): Record<string, string> {
  return {
    redisSentinels: JSON.stringify(set.places),
    redisSentinelName: set.name,
    batchMaxMessages: '5',
    retryWaitsMs: '[100, 300, 1000, 2000, 5000]',
  };
}

const users = ['u0', 'u1', 'u2', 'u3'];
const each = 300;

async function fill(user: string): Promise<void> {
  const line = `${'x'.repeat(70)}\n`;
  const message = (i: number) =>
    Buffer.from(`Message-ID: <${user}.${i}@x>\nSubject: ${user} ${i}\n\n${line.repeat(1 + ((i * 37) % 400))}`);
  await deliver(
    { server: source, user },
    Array.from({ length: each }, (_, i) => ({ bytes: message(i) })),
  );
}

async function expectEqual(): Promise<void> {
  for (const user of users) {
    const from = popContents({ port: source.popPort, user, password: 'pw' });
    const arrived = mailboxContents({ port: destination.imapPort, user, password: 'pw' });
    const compared = await compareMailboxes(from, arrived);
    expect(compared).toMatchObject({ source: each, missing: 0, extra: 0, doubled: 0 });
    expect((await popList({ port: source.popPort, user, password: 'pw' })).count).toBe(each);
  }
}

/** Messages that were settled so far, by the lines of progress. */
function settledSoFar(haul: Haul): number {
  return Number([...haul.text.stderr.matchAll(/^total \S+ +(\d+)\//gm)].at(-1)?.[1] ?? 0);
}

async function startedHaul(): Promise<{ haul: Haul; master: number }> {
  for (const user of users) await fill(user);
  const list = await rig.list(users.map((user) => dovecotRow(source, destination, user)));
  const haul = rig.startSync(list, ['--json'], { MAILHAUL_PROGRESS_LOG_MS: '20', MAILHAUL_PROGRESS_MS: '20' });
  await rig.reaches(() => settledSoFar(haul) >= 20, haul);
  return { haul, master: await set.master() };
}

describe('a failover in mid-run', () => {
  test('a master that is killed: the run goes on with the new one, and a re-run finds nothing to do', async () => {
    const { haul, master } = await startedHaul();
    await set.signal(master, 'SIGKILL');
    const next = await set.failedOver(master);
    expect(haul.child.exitCode).toBeNull();
    const ended = await haul.ended;
    const { messages } = expectReport(ended).totals;
    expect(messages).toMatchObject({ listed: users.length * each, refused: 0, failed: 0, pending: 0, vanished: 0 });
    expect(ended.status).toBe(0);
    await expectEqual();
    // The one that was killed comes back as the master it was, and is made a replica under our connections.
    set.revive(master);
    const again = await rig.sync(`${rig.directory}/accounts.csv`);
    expect(again.status).toBe(0);
    expect(expectReport(again).totals.messages).toMatchObject({
      known: users.length * each,
      appended: 0,
      duplicate: 0,
    });
    await set.until(master, 'INFO replication', /role:slave/);
    expect(await set.master()).toBe(next);
    await expectEqual();
  });

  test('a master that only slept and is demoted when it wakes up: what it refuses goes to the new one', async () => {
    const { haul, master } = await startedHaul();
    await set.signal(master, 'SIGSTOP');
    await set.failedOver(master);
    expect(haul.child.exitCode).toBeNull();
    await set.signal(master, 'SIGCONT');
    const ended = await haul.ended;
    expect(expectReport(ended).totals.messages).toMatchObject({ listed: users.length * each, failed: 0, pending: 0 });
    expect(ended.status).toBe(0);
    await expectEqual();
  });

  test('a new master that never heard of the last writes: nothing is lost and nothing doubled', async () => {
    // Leases that outlive the failover: what their holders know must not count any more.
    await rig.settings({ ...sentinels(), leaseMs: '8000' });
    const { haul, master } = await startedHaul();
    const known = settledSoFar(haul);
    await set.deafen(master);
    await rig.reaches(() => settledSoFar(haul) >= known + 60, haul);
    await set.signal(master, 'SIGKILL');
    await set.failedOver(master);
    expect(haul.child.exitCode).toBeNull();
    const ended = await haul.ended;
    const { totals } = expectReport(ended);
    expect(totals.messages).toMatchObject({ listed: users.length * each, refused: 0, failed: 0 });
    // What was forgotten may need another run; never another copy.
    const again = await rig.sync(`${rig.directory}/accounts.csv`);
    expect(again.status).toBe(0);
    // A batch whose registration was forgotten is adopted by the next start: its messages were reported as pending.
    const { pending: appended } = totals.messages;
    expect(expectReport(again).totals.messages).toMatchObject({ appended, failed: 0, pending: 0 });
    await expectEqual();
  });
});
