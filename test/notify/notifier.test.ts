import { afterEach, beforeEach, expect, test } from 'vitest';
import { globalKeys, loginKeys } from '../../src/ground/keys.ts';
import type { LoadedSettings } from '../../src/ground/settings-load.ts';
import type { NotifyTarget } from '../../src/ground/settings-notify.ts';
import { readProgress } from '../../src/notify/progress.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { SmtpReceiver } from '../servers/smtp-receiver.ts';
import { type Received, WebhookReceiver } from '../servers/webhook-receiver.ts';
import { NotifyRig, secretA, settingsFor, targetOf, webhookTo } from './notify-rig.ts';

const redis = useRedis();
let server: WebhookReceiver;
let ops: NotifyTarget;

beforeEach(async () => {
  server = await WebhookReceiver.start({ secrets: [secretA] });
  ops = webhookTo(server.url);
});

afterEach(() => server.close());

async function rig(targets: Record<string, NotifyTarget> = { ops }, more: Partial<LoadedSettings> = {}) {
  const made = new NotifyRig(redis.client, settingsFor(targets, more));
  await made.notifier.register();
  return made;
}

const data = ({ notification }: Received) => notification.data;
const ids = () => server.received.map(({ id }) => id);

/** Another process, after this one was killed: its lease has lapsed. */
async function afterKill(dead: NotifyRig, targets: Record<string, NotifyTarget> = { ops }): Promise<NotifyRig> {
  await redis.client.del(loginKeys.lease(globalKeys.notifier));
  return new NotifyRig(redis.client, settingsFor(targets), { now: dead.now });
}

test('500 accounts are one webhook and one mail, with the first twenty by name', async () => {
  const smtp = await SmtpReceiver.start('none', { login: false });
  const email = { kind: 'email', host: '127.0.0.1', port: smtp.port, security: 'none', from: 'm@x.example' };
  const made = await rig({ ops, mail: targetOf({ ...email, to: ['ops@x.example'] }) });
  const refused = { state: 'failed', code: 'credentials-refused' };
  for (let i = 0; i < 500; i += 1) await made.ended(`u${i}`, i < 3 ? refused : {});
  await made.outbox.finished({ what: 'finished', at: made.now, group: null, within: false });
  await lookOnce(made);
  expect([...server.received, ...smtp.received]).toEqual([]);
  await lookOnce(made, 300_000);
  expect(server.received).toHaveLength(1);
  expect(server.received[0]!.verified).toEqual([secretA]);
  const told = data(server.received[0]!);
  expect(told['account-finished']).toMatchObject({ count: 500, states: { complete: 497, failed: 3 } });
  expect(told['account-finished'].messages).toMatchObject({ listed: 1500, appended: 1500, pending: 0 });
  expect(told['account-finished'].first.map(({ account }) => account)).toEqual(
    [...Array(20).keys()].map((i) => `u${i}`),
  );
  expect(told['account-needs-person']).toMatchObject({ count: 3, codes: { 'credentials-refused': 3 } });
  expect(told['run-finished'].first).toMatchObject([{ group: null, accounts: { complete: 497, failed: 3 } }]);
  expect(smtp.received).toHaveLength(1);
  expect(smtp.received[0]!.text).toContain('and 480 more');
  await smtp.close();
  // What everybody has been told takes no room.
  await made.notifier.close();
  expect(await redis.client.xlen(globalKeys.outbox)).toBe(0);
});

test('a message waits for more until its time has come, or so many events wait', async () => {
  const made = await rig({ ops }, { notifyBatchMs: 60_000, notifyMaxEvents: 3 });
  const look = () => lookOnce(made);
  await made.ended('a');
  made.pass(59_999);
  await made.ended('b');
  await look();
  expect(server.received).toEqual([]);
  made.pass(1);
  await look();
  expect(data(server.received[0]!)['account-finished'].count).toBe(2);
  for (const name of ['c', 'd', 'e', 'f']) await made.ended(name);
  await look();
  expect(data(server.received[1]!)['account-finished'].count).toBe(3);
  await look();
  expect(server.received).toHaveLength(2);
});

test('a receiver that was down is told once, by the same id, after growing waits', async () => {
  const made = await rig();
  await made.ended('a');
  server.answers.push(503, 503);
  await lookOnce(made, 300_000);
  await made.ended('b');
  for (const [passMs, tries] of [
    [4999, 1],
    [1, 2],
    [29_999, 2],
    [1, 3],
  ] as const) {
    await lookOnce(made, passMs);
    expect(ids(), `${passMs}`).toHaveLength(tries);
  }
  await lookOnce(made, 300_000);
  expect(server.received).toHaveLength(4);
  expect(new Set(ids().slice(0, 3)).size).toBe(1);
  expect(server.received.slice(0, 3).every(({ body }) => body === server.received[0]!.body)).toBe(true);
  expect(data(server.received[3]!)['account-finished'].first.map(({ account }) => account)).toEqual(['b']);
  expect(made.logged.filter((line) => line.includes('notification-failed'))).toHaveLength(2);
});

test('the end of a command tries at once what failed before it, and waits for no try that would come too late', async () => {
  const made = await rig();
  await made.ended('a');
  server.answers.push(503, 503);
  await made.tellAll();
  await made.tellAll();
  expect(ids()).toHaveLength(2);
  await made.tellAll();
  expect(new Set(ids()).size).toBe(1);
  expect(await readProgress(redis.client, 'ops')).toMatchObject({ number: 1 });
});

test('who is killed between delivery and saving it tells the same again by the same id, whatever came since', async () => {
  const made = await rig();
  await made.ended('a');
  server.answers.push(0);
  // The receiver has it, and this process never learns so.
  const telling = made.tellAll();
  while (server.received.length === 0) await redis.client.ping();
  const next = await afterKill(made);
  await next.ended('b');
  await next.tellAll();
  expect(ids()[1]).toBe(ids()[0]);
  expect(server.received[1]!.body).toBe(server.received[0]!.body);
  expect(data(server.received[2]!)['account-finished'].first.map(({ account }) => account)).toEqual(['b']);
  server.close();
  await telling;
});

test('what could not be delivered for too long is dropped, and the next message says how many events that were', async () => {
  const made = await rig();
  server.answers.push(500, 500);
  await made.ended('a', { state: 'failed', code: 'credentials-refused' });
  await made.tellAll();
  made.pass(86_400_000);
  await made.tellAll();
  expect(made.logged.filter((line) => line.includes('notification-dropped'))).toHaveLength(1);
  await made.ended('b');
  await made.tellAll();
  expect(server.received).toHaveLength(3);
  expect(data(server.received[2]!)).toMatchObject({ notTold: 2, 'account-finished': { count: 1 } });
  await made.ended('c');
  await made.tellAll();
  expect(data(server.received[3]!).notTold).toBe(0);
});

test('events that newer ones pushed out of the stream are counted as not told', async () => {
  const made = await rig({ ops }, { notifyOutboxMax: 100 });
  for (let i = 0; i < 450; i += 1) await made.ended(`u${i}`);
  await made.tellAll();
  const { notTold, ...told } = data(server.received[0]!);
  expect(notTold).toBeGreaterThan(100);
  expect(notTold + told['account-finished'].count).toBe(450);
});

test('a target gets its kinds of events and groups; one that wants none of them gets no message', async () => {
  const other = await WebhookReceiver.start({ secrets: [secretA] });
  const events = ['run-finished', 'account-needs-person'];
  const made = await rig({ ops, few: webhookTo(other.url, { events, groups: ['wave-2'] }) });
  await made.ended('a');
  await made.tellAll();
  expect(other.received).toEqual([]);
  await made.ended('b', { group: 'wave-2', state: 'failed', code: 'imap-disabled' });
  await made.outbox.finished({ what: 'finished', at: made.now, group: 'wave-2', within: true });
  await made.outbox.finished({ what: 'finished', at: made.now, group: null, within: false });
  await made.tellAll();
  const few = data(other.received[0]!);
  expect(few['account-finished'].count).toBe(0);
  expect(few['account-needs-person'].first).toMatchObject([{ account: 'b', code: 'imap-disabled' }]);
  expect(few['run-finished'].first).toMatchObject([{ group: 'wave-2', accounts: { failed: 1 } }]);
  expect(data(server.received[1]!)['run-finished'].first).toMatchObject([{ group: null }]);
  other.close();
});

test('a target that is new, or was away from the settings, is told of what happens from now on', async () => {
  const before = await rig({ ops });
  await before.ended('a');
  await before.tellAll();
  await before.notifier.close();
  await before.ended('b');
  const made = await rig({ ops, more: webhookTo(server.url) });
  await made.tellAll();
  expect(server.received.map((one) => data(one).target)).toEqual(['ops', 'ops']);
  await made.ended('c');
  await made.tellAll();
  expect(
    server.received
      .slice(2)
      .map((one) => data(one).target)
      .sort(),
  ).toEqual(['more', 'ops']);
});

test('after a flush it goes on by itself', async () => {
  const made = await rig();
  await made.ended('a');
  await made.tellAll();
  await redis.client.flushall();
  await made.ended('b');
  // The first look finds the lease gone.
  await lookOnce(made, 300_000);
  await lookOnce(made);
  expect(server.received.map((one) => [data(one).notTold, data(one)['account-finished'].count])).toEqual([
    [0, 1],
    [0, 1],
  ]);
});

test('a target that takes its time keeps no other waiting, and gets nothing twice', async () => {
  const other = await WebhookReceiver.start({ secrets: [secretA] });
  const made = await rig({ ops, other: webhookTo(other.url) });
  await made.ended('a');
  server.answers.push(0);
  const looks = [lookOnce(made, 300_000)];
  while (server.received.length + other.received.length < 2) await redis.client.ping();
  await made.ended('b');
  while ((await readProgress(redis.client, 'other'))?.number !== 1) await redis.client.ping();
  looks.push(lookOnce(made, 300_000));
  while (other.received.length < 2) await redis.client.ping();
  expect(server.received).toHaveLength(1);
  server.close();
  await Promise.all(looks);
  other.close();
});

test('one process notifies at a time', async () => {
  const [one, two] = [await rig(), await rig()];
  await one.ended('a');
  await one.tellAll();
  await two.ended('b');
  const late = AbortSignal.timeout(300);
  await two.notifier.tellAll(two.now, late);
  expect(server.received).toHaveLength(1);
  await one.notifier.close();
  await two.tellAll();
  expect(server.received).toHaveLength(2);
  expect(await readProgress(redis.client, 'ops')).toMatchObject({ number: 2, missed: 0 });
});

/** One look of the notifier, as its process makes it again and again while the scheduler leads. */
async function lookOnce(made: NotifyRig, passMs = 0): Promise<void> {
  made.pass(passMs);
  await made.notifier.look({ leads: true, groupsAtWork: () => undefined });
}
