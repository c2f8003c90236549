import { beforeEach, expect, test } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { readRun, startRun, updateRun } from '../../src/ledger/run.ts';
import type { Wait } from '../../src/limits/waits.ts';
import { tellFinished } from '../../src/notify/notifier.ts';
import { Outbox } from '../../src/notify/outbox.ts';
import { Teller } from '../../src/notify/teller.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { quiet } from './notify-rig.ts';

const redis = useRedis();
const alice = { key: 'a'.repeat(32), id: 'alice', group: 'wave-1' };
const bob = { key: 'b'.repeat(32), id: 'bob', group: 'wave-2' };
const full = new MailhaulError('mailbox-full', { host: 'imap.example', user: 'alice', reply: 'NO subject of mail' });
let outbox: Outbox;
let teller: Teller;

beforeEach(() => {
  outbox = new Outbox(redis.client, 100);
  const accountOf = async (key: string) => [alice, bob].find((account) => account.key === key);
  teller = new Teller({ redis: redis.client, outbox, settings: { budgetDayMs: 60_000 }, log: quiet, accountOf });
});

/** A run of an account that ended so, with these problems. */
async function ended(
  { key }: typeof alice,
  state: string,
  { run = 'r1', problems = [] as MailhaulError[], counts = {} } = {},
) {
  await startRun(redis.client, key, run, 1000, false);
  for (const problem of problems) await noteProblem(redis.client, key, problemOf(problem));
  await updateRun(redis.client, key, run, { ...counts, state, finishedAt: 5000 });
  return (await readRun(redis.client, key))!;
}

const told = async () =>
  (await outbox.after('0-0', 100)).map(({ event, code, states }) => ({ ...event, code, states }));
const refused = new MailhaulError('credentials-refused', { host: 'pop.example', user: 'alice', reply: 'no cAnArY' });

test('the end of a run is told once, with its counts and its codes and no words of a server', async () => {
  const run = await ended(alice, 'failed', { problems: [refused], counts: { listed: 3, known: 1 } });
  await teller.ended(alice, run);
  await teller.ended(alice, run);
  expect(await told()).toMatchObject([
    {
      what: 'ended',
      at: 5000,
      account: 'alice',
      group: 'wave-1',
      run: 'r1',
      state: 'failed',
      code: 'credentials-refused',
    },
  ]);
  expect((await told())[0]).toMatchObject({ messages: { listed: 3, known: 1, pending: 2 } });
  expect(JSON.stringify(await redis.client.xrange(globalKeys.outbox, '-', '+'))).not.toContain('cAnArY');
});

test('that an account needs a person is told when it begins, changes, or begins again', async () => {
  const codes: string[] = [];
  const problems = [[refused], [refused], [new MailhaulError('imap-disabled', {})], [], [refused]];
  for (const [at, some] of problems.entries()) {
    const state = some.length > 0 ? 'failed' : 'complete';
    await teller.ended(alice, await ended(alice, state, { run: `r${at}`, problems: some }));
    codes.push((await told()).at(-1)!.code);
  }
  expect(codes).toEqual(['credentials-refused', '', 'imap-disabled', '', 'credentials-refused']);
});

test('what stops the whole account is told before what stops a message, and a schedule without a further run counts', async () => {
  const ofMessages = [
    'message-hidden',
    'message-too-big',
    'message-empty',
    'append-refused',
    'message-unreadable',
  ] as const;
  const problems = [...ofMessages.map((code) => new MailhaulError(code, {})), refused];
  await teller.ended(alice, await ended(alice, 'failed', { problems }));
  const away = new MailhaulError('connection-refused', { host: 'pop.example', port: 110, reason: 'x' });
  await teller.ended(bob, await ended(bob, 'failed', { problems: [away] }), true);
  await teller.ended(bob, await ended(bob, 'failed', { run: 'r2', problems: [away] }), false);
  expect((await told()).map(({ code }) => code)).toEqual(['credentials-refused', '', 'connection-refused']);
});

test('a budget that is used up is told once for a host, side and group; another wait is not', async () => {
  await startRun(redis.client, alice.key, 'r1', 1000, false);
  await startRun(redis.client, bob.key, 'r1', 1000, false);
  const wait: Wait = { side: 'source', untilMs: 9000, because: 'x', spent: 'pop.example' };
  for (const key of [alice.key, alice.key, bob.key]) await teller.waits(key, wait, 2000);
  await teller.waits(alice.key, { ...wait, side: 'destination' }, 2000);
  await teller.waits(alice.key, { side: 'source', untilMs: 9000, because: 'its turn' }, 2000);
  await teller.waits('c'.repeat(32), wait, 2000);
  const spent = { what: 'spent', host: 'pop.example', side: 'source', until: 9000 };
  expect(await told()).toMatchObject([
    { ...spent, group: 'wave-1' },
    { ...spent, group: 'wave-2' },
    { ...spent, side: 'destination' },
  ]);
});

test('a full mailbox needs a person while the run waits, and its end does not say so again', async () => {
  await startRun(redis.client, alice.key, 'r1', 1000, false);
  const wait: Wait = { side: 'destination', untilMs: 9000, because: 'x', error: full };
  for (let i = 0; i < 3; i += 1) await teller.waits(alice.key, wait, 2000 + i);
  await teller.ended(alice, await ended(alice, 'incomplete', { run: 'r1', problems: [full] }));
  expect(await told()).toMatchObject([
    { what: 'needs', at: 2000, account: 'alice', run: 'r1', code: 'mailbox-full' },
    { what: 'ended', code: '' },
  ]);
});

test('runs are finished once none of the group, or of all, is at work', async () => {
  await teller.ended(alice, await ended(alice, 'complete'));
  const look = (...atWork: string[]) => tellFinished(outbox, { groupsAtWork: () => new Set(atWork) }, 7000);
  await look('wave-1', 'wave-2');
  expect(await told()).toHaveLength(1);
  await look('wave-2');
  await look('wave-2');
  await teller.ended(bob, await ended(bob, 'failed'));
  await tellFinished(outbox, { groupsAtWork: () => undefined }, 7000);
  await look();
  await look();
  expect((await told()).filter(({ what }) => what === 'finished')).toMatchObject([
    { group: 'wave-1', within: false, states: { complete: 1 } },
    { group: 'wave-2', within: true, states: { failed: 1 } },
    { group: null, within: false, states: { complete: 1, failed: 1 } },
  ]);
});

test('a Redis that fails is no failure of the run', async () => {
  await redis.client.set(globalKeys.outbox, 'no stream');
  await teller.ended(alice, await ended(alice, 'complete'));
  expect((await readRun(redis.client, alice.key))?.state).toBe('complete');
});
