/** What users did at the destination since the last run stays as they left it, and verify tells what it finds. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { RedisServer } from '../servers/redis.ts';
import { all, mailboxContents } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, expectUntouched, HaulRig } from './haul-rig.ts';

const note = (n: number) => Buffer.from(`Message-ID: <note-${n}@x>\r\nSubject: note ${n}\r\n\r\ntext of note ${n}\r\n`);
const count = 12;

let rig: HaulRig;
let redis: RedisServer;
let source: Dovecot;
let destination: Dovecot;
let user: string;
let list: string;

beforeAll(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  source = await rig.dovecot({ protocols: ['pop3'] });
  destination = await rig.dovecot({ protocols: ['imap'] });
});

afterAll(() => rig.end());

let users = 0;

beforeEach(async () => {
  users += 1;
  user = `user${users}@example.com`;
});

async function haulFirst(more: Readonly<Record<string, string>> = {}): Promise<void> {
  await arrives(...Array.from({ length: count }, (_, n) => n));
  list = await rig.list([dovecotRow(source, destination, user, { id: user, ...more })]);
  expect((await sync()).account.messages).toMatchObject({ listed: count, appended: count });
}

async function arrives(...numbers: number[]): Promise<void> {
  await deliver(
    { server: source, user },
    numbers.map((n) => ({ bytes: note(n) })),
  );
}

async function sync(...args: string[]): Promise<Ended> {
  const ended = await rig.sync(list, ['--json', '--redis', redis.url, ...args]);
  expectReport(ended);
  return ended;
}

async function verify(...args: string[]): Promise<Ended> {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir, '--redis', redis.url];
  const ended = await rig.haul(['verify', list, '--json', ...fixed, ...args]).ended;
  expectReport(ended);
  return ended;
}

const doveadm = (...words: [string, ...string[]]) => {
  const [command, ...rest] = words;
  return destination.doveadm([...command.split(' '), '-u', user, ...rest]);
};
const byNote = (n: number) => ['header', 'Message-ID', `<note-${n}@x>`] as const;
const codesOf = ({ account }: Ended) => account.problems.map(({ code, count }) => `${code} ${count}`);

/** What stands at the destination, as `mailbox: number of the note`, sorted. */
async function there(): Promise<string[]> {
  const messages = await all(mailboxContents({ port: destination.imapPort, user, password: 'pw' }));
  return messages.map(({ mailbox, bytes }) => `${mailbox}: ${/^Subject: note (\d+)/m.exec(String(bytes))?.[1]}`).sort();
}

const expected = (...lines: string[]) => lines.sort();
const inbox = (...but: number[]) =>
  Array.from({ length: count }, (_, n) => n)
    .filter((n) => !but.includes(n))
    .map((n) => `INBOX: ${n}`);

describe('mail that the user deleted or moved at the destination', () => {
  test('does not come back: only what is new is appended, and verify names what is gone', async () => {
    await haulFirst();
    await doveadm('mailbox create', 'Kept');
    await doveadm('expunge', 'mailbox', 'INBOX', ...byNote(3));
    await doveadm('move', 'Kept', 'mailbox', 'INBOX', ...byNote(5));
    const left = [...inbox(3, 5), 'Kept: 5'];
    expect(await there()).toEqual(expected(...left));

    await arrives(100);
    expect((await sync()).account.messages).toMatchObject({
      listed: count + 1,
      known: count,
      appended: 1,
      duplicate: 0,
    });
    expect(await there()).toEqual(expected(...left, 'INBOX: 100'));
    const rechecked = await sync('--recheck');
    expect(rechecked.account).toMatchObject({ state: 'complete', problems: [] });
    expect(rechecked.account.messages).toMatchObject({
      listed: count + 1,
      known: count + 1,
      appended: 0,
      duplicate: 0,
    });
    await arrives(101);
    expect((await sync('--recheck')).account.messages).toMatchObject({ known: count + 1, appended: 1, duplicate: 0 });
    expect(await there()).toEqual(expected(...left, 'INBOX: 100', 'INBOX: 101'));

    const rows = join(rig.directory, 'rows.csv');
    const verified = await verify('--messages', rows);
    expect(verified.status).toBe(3);
    expect(codesOf(verified)).toEqual(['verify-missing 1']);
    expect(verified.account.problems[0]!.text).toContain('Message-ID <note-3@x>');
    const lines = readFileSync(rows, 'utf8').split('\r\n');
    const verdicts = lines.slice(1, -1).map((line) => line.split(',')[6]);
    expect(verdicts.filter((verdict) => verdict === 'present')).toHaveLength(count);
    expect(lines.filter((line) => line.includes('<note-3@x>'))[0]).toContain(',missing,');
    expect(lines.filter((line) => line.includes('<note-5@x>'))[0]).toContain(',Kept,');
    await expectUntouched({ port: source.popPort, user, password: 'pw' }, count + 2);
  });
});

describe('a destination mailbox that was made anew, with other UIDs and another UIDVALIDITY', () => {
  /** Other UIDs, too: what comes last in the old mailbox is moved first. */
  async function makeAnew(numbers: readonly number[]): Promise<void> {
    await doveadm('mailbox rename', 'Mail', 'Old');
    await doveadm('mailbox create', 'Mail');
    for (const n of [...numbers].reverse()) await doveadm('move', 'Mail', 'mailbox', 'Old', ...byNote(n));
    await doveadm('mailbox delete', '-r', 'Old');
  }

  test('verifies when all of it is there again', async () => {
    await haulFirst({ imap_mailbox: 'Mail' });
    await makeAnew(Array.from({ length: count }, (_, n) => n));
    for (const args of [[], ['--deep']]) {
      const ended = await verify(...args);
      expect(codesOf(ended)).toEqual([]);
      expect(ended.account).toMatchObject({ state: 'complete', messages: { listed: count, known: count } });
      expect(ended.status).toBe(0);
    }
  });

  test('is told what it lacks', async () => {
    await haulFirst({ imap_mailbox: 'Mail' });
    await makeAnew([0, 1, 2, 3, 4, 5, 6, 8, 9, 10]);
    const ended = await verify();
    expect(ended.status).toBe(3);
    expect(codesOf(ended)).toEqual(['verify-missing 2']);
    const { text } = ended.account.problems[0]!;
    for (const n of [7, 11]) expect(text).toContain(`<note-${n}@x>`);
    expect(text).not.toContain('<note-6@x>');
  });

  test('and is empty: all is missing, nothing is taken for another, and sync carries nothing again', async () => {
    await haulFirst({ imap_mailbox: 'Mail' });
    await makeAnew([]);
    const ended = await verify();
    expect(codesOf(ended)).toEqual([`verify-missing ${count}`]);
    await arrives(100);
    const synced = await sync();
    expect(codesOf(synced)).toEqual(['uidvalidity-changed 1']);
    expect(synced.account.messages).toMatchObject({ known: count, appended: 0, pending: 1 });
    expect(await there()).toEqual([]);
  });
});
