import { beforeEach, describe, expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { readProblems } from '../../src/ledger/problems.ts';
import { type Outcome, uidlKey } from '../../src/ledger/record.ts';
import { acceptRefused, countRefused, readAcceptances, reopenRefused } from '../../src/ledger/refusals.ts';
import { readRun, startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { type Settlement, settle } from '../../src/ledger/settle.ts';
import { readRunStandings, totalsOf } from '../../src/ledger/standing.ts';
import { LedgerTable } from '../../src/ledger/table.ts';
import { messageCounts } from '../../src/report/report.ts';
import { readStandings } from '../../src/report/standing.ts';
import { accountFaults } from '../../src/report/sums.ts';
import { registerBatch } from '../../src/spool/registry.ts';
import { useRedis } from './redis-rig.ts';

const redis = useRedis();
const account = 'd'.repeat(32);
const keyOf = (name: string) => uidlKey(Buffer.from(name));
const acceptance = { by: 'ops', reason: 'spam', at: 1234 };

/** A run that lists five messages, of which `refused` are refused and the others appended, and ends. */
async function runOf(number: number, names: readonly string[], refused: readonly string[]): Promise<void> {
  const { client } = redis;
  await startRun(client, account, `r${number}`, 1000, false);
  await client.set(accountKeys.fence(account), 'mine');
  const messages = names.map((uidl) => ({
    key: keyOf(uidl).toString('hex'),
    uidl,
    offset: 0,
    size: 10,
    headerBytes: 1,
    sha256: '',
    fingerprint: '',
    hasMessageId: true,
    hasNul: false,
  }));
  const batch = `b${number}`;
  const kind = 'messages' as const;
  await registerBatch(client, 's', { version: 1, batch, account, id: 'x', kind, firstRun: true, bytes: 1, messages });
  const ends = names.map((name, index): Settlement => {
    const outcome: Outcome = refused.includes(name) ? 'refused' : 'appended';
    const record = { key: keyOf(name), outcome, mailbox: 1, uid: 1, size: 10, content: Buffer.alloc(8), run: number };
    const refusal = outcome === 'refused' ? JSON.stringify({ code: 'append-refused', text: `no to ${name}` }) : '';
    return { index, outcome, record, mailbox: 'INBOX', refusal };
  });
  await settle(client, { account, spool: 's', batch, token: 'mine', command: '' }, ends);
  await updateRun(client, account, `r${number}`, { listed: names.length, download: 'done' });
  expect(await finishRunIfDone(client, account, `r${number}`, 2000)).toBe('ended');
}

const counts = async () => messageCounts((await readRun(redis.client, account))!);
const state = async () => (await readRun(redis.client, account))!.state;
const outcomeOf = async (name: string) => (await LedgerTable.load(redis.client, account)).get(keyOf(name))?.outcome;

describe('refused messages', () => {
  beforeEach(() => runOf(1, ['a', 'b', 'c'], ['b', 'c']));

  it('that are accepted are known, and the account is complete', async () => {
    expect(await state()).toBe('incomplete');
    expect(await acceptRefused(redis.client, account, acceptance)).toBe(2);
    expect(await counts()).toMatchObject({ listed: 3, appended: 1, known: 2, refused: 0, pending: 0 });
    expect(await state()).toBe('complete');
    expect(await outcomeOf('b')).toBe('accepted');
    expect(await countRefused(redis.client, account)).toBe(0);
    expect(await readProblems(redis.client, account)).toEqual([]);
  });

  it.each([
    ['accepted', () => acceptRefused(redis.client, account, acceptance)],
    ['reopened', () => reopenRefused(redis.client, account)],
  ])('that are %s while a run goes on that has listed them already are no fault of its sums', async (_, decide) => {
    const listed = { listed: 3, known: 1, refusedBefore: 2, download: 'done' };
    await startRun(redis.client, account, 'r2', 3000, false);
    await updateRun(redis.client, account, 'r2', listed);
    expect(await decide()).toBe(2);
    expect(await finishRunIfDone(redis.client, account, 'r2', 4000)).toBe('ended');
    const [standing] = await readStandings(redis.client, [{ key: account, id: 'ann', group: '' }]);
    expect(standing!.report.messages).toMatchObject({ listed: 3, refused: 2 });
    expect(accountFaults(standing!)).toEqual([]);
  });

  it('are kept with who accepted them, when, why, and what the refusal was', async () => {
    await acceptRefused(redis.client, account, acceptance);
    const texts = (await readAcceptances(redis.client, account)).map(({ refusal }) => refusal.text).sort();
    expect(texts).toEqual(['no to b', 'no to c']);
    expect((await readAcceptances(redis.client, account))[0]!.acceptance).toEqual(acceptance);
  });

  it('are accepted once', async () => {
    await acceptRefused(redis.client, account, acceptance);
    expect(await acceptRefused(redis.client, account, acceptance)).toBe(0);
    expect(await counts()).toMatchObject({ known: 2, refused: 0 });
  });

  it('that are reopened are pending, and a listing sees them as new', async () => {
    expect(await reopenRefused(redis.client, account)).toBe(2);
    expect(await counts()).toMatchObject({ listed: 3, appended: 1, refused: 0, pending: 2 });
    expect(await state()).toBe('incomplete');
    expect(await outcomeOf('c')).toBe('vanished');
    expect(await readAcceptances(redis.client, account)).toEqual([]);
  });

  it('of an earlier run are mended where that run counts them', async () => {
    await runOf(2, ['d'], []);
    await redis.client.hset(accountKeys.run(account), { listed: 4, known: 1, refusedBefore: 2, state: 'incomplete' });
    await acceptRefused(redis.client, account, acceptance);
    expect(await readRun(redis.client, account)).toMatchObject({ known: 3, refusedBefore: 0, state: 'complete' });
  });

  it('leave the counts of a run that goes on alone: its sessions count by what they read', async () => {
    await startRun(redis.client, account, 'r2', 3000, false);
    await updateRun(redis.client, account, 'r2', { listed: 3, known: 1, refusedBefore: 2 });
    expect(await acceptRefused(redis.client, account, acceptance)).toBe(2);
    expect(await counts()).toMatchObject({ listed: 3, known: 1, refused: 2, pending: 0 });
    expect(await outcomeOf('b')).toBe('accepted');
  });

  it('never make a total fall, nor does a new run', async () => {
    const totals = async () => totalsOf((await readRunStandings(redis.client, [account]))[0]!);
    expect(await totals()).toMatchObject({ appended: 1, refused: 2 });
    await acceptRefused(redis.client, account, acceptance);
    expect(await totals()).toMatchObject({ appended: 1, refused: 2 });
    await runOf(2, ['d', 'e'], []);
    expect(await totals()).toMatchObject({ appended: 3, refused: 2 });
  });
});
