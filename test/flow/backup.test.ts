/** A backup that is taken in the middle of a run and restored after its end (docs/backup.md): nothing lost, nothing doubled. */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { copyFile, cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { type RedisServer, startRedis } from '../servers/redis.ts';
import { all, compareMailboxes, mailboxContents, popContents } from '../servers/witness.ts';
import { dovecotRow, expectReport, expectUntouched, HaulRig } from './haul-rig.ts';

const users = ['ann@example.com', 'bob@example.com'] as const;
const count = 240;
const note = (user: string, n: number) =>
  Buffer.from(`Message-ID: <${n}.${user}>\nSubject: note ${n}\n\n${`line of ${n}\n`.repeat(1 + ((n * 7) % 90))}`);

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let redis: RedisServer;
let redisDirectory: string;
let backup: string;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
  redisDirectory = await rig.folder();
  redis = await startRedis({ directory: redisDirectory });
  rig.atEnd(() => redis.kill());
  backup = await rig.folder();
  for (const user of users) {
    await deliver(
      { server: source, user },
      Array.from({ length: count }, (_, n) => ({ bytes: note(user, n) })),
    );
  }
  list = await rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user })));
});

afterEach(() => rig.end());

const spool = () => join(rig.dataDir, 'spool');
const sync = () => rig.startSync(list, ['--json', '--redis', redis.url]);

function arrived(user: string): number {
  const maildir = join(destination.mailRoot, user, 'Maildir');
  const files = (name: string) => (existsSync(join(maildir, name)) ? readdirSync(join(maildir, name)).length : 0);
  return files('new') + files('cur');
}

/** What docs/backup.md does: Redis first, then the spool. */
async function save(): Promise<void> {
  const { status, stderr } = spawnSync('redis-cli', ['-p', String(redis.port), '--rdb', join(backup, 'redis.rdb')], {
    encoding: 'utf8',
  });
  expect(status, stderr).toBe(0);
  await cp(spool(), join(backup, 'spool'), { recursive: true });
}

/** The same backwards; files of the spool that are still there stay. */
async function restore(what: 'all' | 'redis' = 'all'): Promise<void> {
  await redis.stop();
  await rm(join(redisDirectory, 'appendonlydir'), { recursive: true });
  await copyFile(join(backup, 'redis.rdb'), join(redisDirectory, 'appendonly.aof'));
  await redis.restart();
  if (what === 'redis') return;
  await cp(join(backup, 'spool'), spool(), { recursive: true, force: false });
}

/** Starts a run and takes a backup while both accounts are half through and their spool holds mail. */
async function haulWithBackup(more: Readonly<Record<string, string>> = {}): Promise<void> {
  // Little in flight, so that little arrives while the process stands still.
  const small = {
    batchMaxMessages: '10',
    appendMaxMessages: '5',
    appendPipelineCommands: '2',
    spoolMaxBytes: '200000',
  };
  await rig.settings({ ...small, ...more });
  const run = sync();
  const batches = () => (existsSync(spool()) ? readdirSync(spool()).filter((name) => name.endsWith('.batch')) : []);
  await rig.reaches(() => users.every((user) => arrived(user) > 40) && batches().length > 0, run);
  run.child.kill('SIGSTOP');
  await save();
  expect(Math.max(...users.map(arrived))).toBeLessThan(count);
  run.child.kill('SIGCONT');
  const ended = await run.ended;
  expect(ended.status).toBe(0);
  expect(expectReport(ended).totals.messages).toMatchObject({ listed: 2 * count, appended: 2 * count });
}

async function subjects(user: string): Promise<string[]> {
  const messages = await all(mailboxContents({ port: destination.imapPort, user, password: 'pw' }));
  return messages.map(({ bytes }) => /^Subject: (.*?)\r?$/m.exec(bytes.toString('latin1'))?.[1] ?? '');
}

async function expectEqual(user: string): Promise<void> {
  const there = mailboxContents({ port: destination.imapPort, user, password: 'pw' });
  const compared = await compareMailboxes(popContents({ port: source.popPort, user, password: 'pw' }), there);
  expect(compared).toMatchObject({ missing: 0, extra: 0, doubled: 0 });
  await expectUntouched({ port: source.popPort, user, password: 'pw' }, compared.source);
}

test('an older Redis and an older spool are brought up to date, and new mail arrives', async () => {
  await haulWithBackup();
  await restore();
  await deliver({ server: source, user: users[0] }, [{ bytes: note(users[0], count) }]);
  const ended = await sync().ended;
  for (const user of users) await expectEqual(user);
  expect(ended.status).toBe(0);
  const { messages } = expectReport(ended).totals;
  // What the backup knew to be on its way, and is found, counts as appended; what it did not know as duplicate.
  expect(messages).toMatchObject({ listed: 2 * count + 1, failed: 0, pending: 0 });
  // The backup was one of a run under way: it knew some of the mail, and not all.
  expect(messages.known).toBeGreaterThan(0);
  expect(messages.duplicate).toBeGreaterThan(0);
  for (const user of users) await expectEqual(user);
  expect(readdirSync(spool()).filter((name) => name.includes('.batch'))).toEqual([]);
  const again = await sync().ended;
  expect(again.report.totals.messages).toMatchObject({ known: 2 * count + 1, appended: 0 });
});

test('what was deleted comes back only if its settlement is younger than the backup', async () => {
  await haulWithBackup();
  const [ann] = users;
  for (const gone of ['note 1', `note ${count - 1}`])
    await destination.doveadm(['expunge', '-u', ann, 'mailbox', 'INBOX', 'header', 'Subject', gone]);
  // doveadm's search is for a part of the header.
  const before = await subjects(ann);
  expect(before).not.toContain('note 1');
  await restore();
  const ended = await sync().ended;
  expect(ended.status).toBe(0);
  const after = await subjects(ann);
  expect(after).not.toContain('note 1');
  expect(after).toContain(`note ${count - 1}`);
  expect(after).toHaveLength(new Set(after).size);
});

test.each([
  ['the spool as it is now', false],
  ['a spool that is gone', true],
])('a backup of Redis alone is enough where the source shows its mail again: %s', async (_, gone) => {
  await haulWithBackup({ spoolLostAfterMs: '2500' });
  await restore('redis');
  if (gone) await rm(spool(), { recursive: true });
  const ended = await sync().ended;
  expect(expectReport(ended).totals.messages).toMatchObject({ listed: 2 * count, failed: 0, pending: 0 });
  expect(ended.status).toBe(0);
  for (const user of users) await expectEqual(user);
});
