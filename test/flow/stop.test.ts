/** The built command asked to end: in order, within its deadline, and at once; what it held can be taken over. */
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { expectReport, expectScriptedUntouched, type Haul, HaulRig, scriptedRow } from './haul-rig.ts';

const count = 12;
const never = '600000';
let rig: HaulRig;
let redis: RedisServer;
let handle: RedisHandle;

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  handle = await connectRedis(redis.url, { redisStartTimeoutMs: 10_000, redisLostAfterMs: 10_000 });
  rig.atEnd(() => handle.close());
});

afterEach(() => rig.end());

function mail(): { uidl: string; bytes: Buffer }[] {
  return Array.from({ length: count }, (_, i) => ({
    uidl: `u${i}`,
    bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\n${`${'y'.repeat(60)}\r\n`.repeat(i + 1)}`),
  }));
}

async function servers(pop: PopBehaviour = {}): Promise<{ pop: ScriptedPop3; imap: ScriptedImap; list: string }> {
  const capabilities = ['UIDL', 'USER', 'PIPELINING'];
  const source = await rig.pop({ messages: mail(), capabilities, ...pop });
  const imap = await rig.imap();
  return { pop: source, imap, list: await rig.list([scriptedRow(source, imap)]) };
}

const onRedis = () => ['--json', '--redis', redis.url];
const started = (haul: Haul) => haul.text.stderr.includes('"msg":"ready"');

/** The subjects that arrived, in their order, each once. */
function subjects(imap: ScriptedImap): number[] {
  const stored = imap.mailboxes.get('INBOX')!.messages;
  return stored.map(({ bytes }) => Number(/Subject: (\d+)/.exec(bytes.toString('latin1'))?.[1])).sort((a, b) => a - b);
}

/** Nobody holds anything any more: neither logins nor jobs, and nobody counts as at work. */
async function expectReleased(): Promise<void> {
  expect(await handle.client.keys('mh:*:lease')).toEqual([]);
  expect(await handle.client.keys('mh-queue:*:lock')).toEqual([]);
  expect(await handle.client.exists('mh:processes')).toBe(0);
}

async function expectComplete(list: string, imap: ScriptedImap, pop: ScriptedPop3): Promise<void> {
  const again = await rig.sync(list, onRedis());
  const { known, appended, duplicate, pending } = expectReport(again).totals.messages;
  expect([known + appended + duplicate, pending, again.status]).toEqual([count, 0, 0]);
  expect(subjects(imap)).toEqual(Array.from({ length: count }, (_, i) => i));
  const bytes = new Map(mail().map((message, i) => [i, message.bytes]));
  for (const stored of imap.mailboxes.get('INBOX')!.messages) {
    const subject = Number(/Subject: (\d+)/.exec(stored.bytes.toString('latin1'))?.[1]);
    expect(stored.bytes.equals(bytes.get(subject)!)).toBe(true);
  }
  await expectScriptedUntouched(pop);
}

/** A process that waits for jobs. */
async function startWorker(list: string): Promise<Haul> {
  const config = ['--config', `${rig.directory}/settings.yaml`];
  const worker = rig.haul(['start', list, '--roles', 'pop,imap', ...config, ...serving()]);
  await rig.reaches(() => started(worker), worker);
  return worker;
}

describe('at the deadline connections are dropped, however long a server would be waited for', () => {
  test.each(['PASS', 'UIDL', 'RETR 7', 'QUIT'])('a source that hangs at %s', async (hangAt) => {
    await rig.settings({ stopWithinMs: '200', popCapaTimeoutMs: never, popReadTimeoutMs: never });
    const { pop, imap, list } = await servers({ hangAt, firstConnectionOnly: true });
    const haul = rig.startSync(list, onRedis());
    await rig.reaches(() => pop.transcript.some((line) => line.startsWith(hangAt)), haul);
    haul.child.kill('SIGINT');
    const ended = await haul.ended;
    expect(ended.status).toBe(130);
    expectReport(ended);
    await expectReleased();
    await expectComplete(list, imap, pop);
  });

  test('a destination that hangs at an APPEND: it stays in doubt, and the next run looks before it sends', async () => {
    await rig.settings({ stopWithinMs: '200', imapCommandTimeoutMs: never });
    const { pop, imap, list } = await servers();
    const took: Buffer[] = [];
    imap.behaviour = { capabilities: ['IMAP4rev1', 'LITERAL+', 'UIDPLUS'], hang: ({ bytes }) => took.push(bytes) > 0 };
    const worker = await startWorker(list);
    const scheduler = rig.startSync(list, [...onRedis(), '--roles', 'scheduler']);
    await rig.reaches(() => took.length > 0, worker);
    worker.child.kill('SIGTERM');
    const ended = await worker.ended;
    expect(ended.stderr).not.toContain('"level":50');
    expect(ended.status).toBe(0);
    scheduler.child.kill('SIGINT');
    expect((await scheduler.ended).status).toBe(130);
    await expectReleased();
    const [intents = ''] = await handle.client.keys('mh:*:intents');
    expect(await handle.client.hlen(intents)).toBeGreaterThan(0);
    // What it took it may have stored, after all.
    imap.behaviour = {};
    const inbox = imap.mailboxes.get('INBOX')!;
    inbox.messages.push({ uid: inbox.uidNext, bytes: took[0]!, flags: '', date: undefined });
    inbox.uidNext += 1;
    await expectComplete(list, imap, pop);
  });

  test('the next batch boundary, where it comes in time, leaves nothing in doubt', async () => {
    await rig.settings({ stopWithinMs: never, batchMaxMessages: '2' });
    const { pop, imap, list } = await servers();
    imap.behaviour = { hang: () => subjects(imap).length >= count };
    const haul = rig.startSync(list, onRedis());
    await rig.reaches(() => subjects(imap).length > 0, haul);
    haul.child.kill('SIGTERM');
    const ended = await haul.ended;
    expect([0, 130]).toContain(ended.status);
    expectReport(ended);
    await expectReleased();
    for (const key of await handle.client.keys('mh:*:intents')) expect(await handle.client.hlen(key)).toBe(0);
    await expectComplete(list, imap, pop);
  });
});

describe('a Redis that came back only now', () => {
  test('does not hold the end up', async () => {
    const { list } = await servers();
    for (let round = 0; round < 3; round += 1) {
      const worker = await startWorker(list);
      await redis.restart();
      worker.child.kill('SIGTERM');
      expect((await worker.ended).status).toBe(0);
    }
  });
});

describe('a second signal', () => {
  test('ends at once, and loses nothing', async () => {
    await rig.settings({ stopWithinMs: never, popReadTimeoutMs: never });
    const { pop, imap, list } = await servers({ hangAt: 'RETR 7', firstConnectionOnly: true });
    const haul = rig.startSync(list, onRedis());
    await rig.reaches(() => pop.transcript.includes('RETR 7'), haul);
    haul.child.kill('SIGINT');
    haul.child.kill('SIGTERM');
    expect((await haul.ended).status).toBe(130);
    await expectComplete(list, imap, pop);
    expect(await spooled(rig.dataDir)).toEqual([]);
  });
});

function serving(): string[] {
  return ['--data-dir', rig.dataDir, '--redis', redis.url];
}

async function spooled(dataDir: string): Promise<string[]> {
  return (await readdir(join(dataDir, 'spool'))).filter((name) => name.includes('.batch'));
}
