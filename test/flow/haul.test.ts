import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { type Delivery, deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import type { AccountReport } from '../../src/report/report.ts';
import { madeMail } from '../servers/made-mail.ts';
import type { RedisServer } from '../servers/redis.ts';
import { all, canonical, type ImapMessage, mailboxContents, popContents } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, expectUntouched, HaulRig, redisSay } from './haul-rig.ts';

const realUsers = ['ann@example.com', 'bob@example.com', 'cem@example.com', 'dia@example.com'];
const madeUser = 'user@example.com';
const users = [...realUsers, madeUser];

/** What tells messages apart: four fields, which nominate, and the body, which decides. */
function identityOf(bytes: Buffer): string {
  const text = canonical(bytes).toString('latin1');
  const gap = text.startsWith('\r\n') ? 0 : text.indexOf('\r\n\r\n');
  const header = gap === -1 ? text : text.slice(0, gap);
  // Without an empty line nobody can tell header from body: the whole counts.
  const body = gap === -1 ? text : text.slice(gap + 4);
  const lines = header.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const field = (name: string) => lines.find((line) => line.toLowerCase().startsWith(`${name}:`))?.replace(/\s+/g, ' ');
  return digestOf([...['message-id', 'date', 'from', 'subject'].map(field), body].join('\n'));
}

function digestOf(bytes: Buffer | string): string {
  return createHash('sha256').update(bytes).digest('base64');
}

/** The messages of a maildrop in its order. */
interface Side {
  digests: string[];
  identities: string[];
}

interface Arrived {
  digest: string;
  identity: string;
  mailbox: string;
  uid: number;
  flags: string[];
  internalDate: string;
  subject: string;
}

describe('all real mail and the made messages, from Dovecot to Dovecot', () => {
  let rig: HaulRig;
  let source: Dovecot;
  let destination: Dovecot;
  let redis: RedisServer;
  let list: string;
  let first: Ended;
  const listed = new Map<string, number>();

  beforeAll(async () => {
    rig = await HaulRig.make();
    source = await rig.dovecot({ protocols: ['pop3'] });
    destination = await rig.dovecot({ protocols: ['imap'] });
    redis = await rig.redis();
    const shares = new Map<string, Delivery[]>(realUsers.map((user) => [user, []]));
    let count = 0;
    for await (const { bytes } of realMail()) shares.get(realUsers[count++ % realUsers.length]!)!.push({ bytes });
    expect(count).toBeGreaterThan(6000);
    shares.set(
      madeUser,
      madeMail(madeUser).map(({ bytes }) => ({ bytes })),
    );
    for (const [user, messages] of shares) listed.set(user, await deliver({ server: source, user }, messages));
    list = await rig.list(users.map((user) => dovecotRow(source, destination, user, { id: user })));
    first = await sync();
  }, 240_000);

  afterAll(() => rig.end());

  function sync(...args: string[]): Promise<Ended> {
    return rig.sync(list, ['--json', '--redis', redis.url, ...args]);
  }

  function part(ended: Ended, user: string): AccountReport {
    return ended.report.accounts.find(({ id }) => id === user)!;
  }

  const sourceLogin = (user: string) => ({ port: source.popPort, user, password: 'pw' });
  const destinationLogin = (user: string) => ({ port: destination.imapPort, user, password: 'pw' });

  async function atSource(user: string): Promise<Side> {
    const here: Side = { digests: [], identities: [] };
    for await (const { bytes } of popContents(sourceLogin(user))) {
      here.digests.push(digestOf(canonical(bytes)));
      here.identities.push(identityOf(bytes));
    }
    return here;
  }

  async function atDestination(user: string): Promise<Arrived[]> {
    const there: Arrived[] = [];
    for await (const { bytes, ...rest } of mailboxContents(destinationLogin(user))) {
      const subject = /^Subject: (.*)\r?$/m.exec(bytes.subarray(0, 4096).toString('latin1'))?.[1] ?? '';
      there.push({ ...rest, subject, digest: digestOf(canonical(bytes)), identity: identityOf(bytes) });
    }
    return there;
  }

  test('the report has the documented shape and its sums agree', () => {
    const report = expectReport(first);
    expect(report.accounts.map(({ id }) => id)).toEqual(users);
    for (const user of users) expect(part(first, user).messages.listed).toBe(listed.get(user));
    const { listed: all, appended, duplicate, refused, pending, failed } = report.totals.messages;
    expect(all).toBeGreaterThan(6000);
    expect({ refused, pending, failed }).toEqual({ refused: 0, pending: 0, failed: 0 });
    expect(appended + duplicate).toBe(all);
    // Dovecot hands out an empty message as one line end; scripted servers show what becomes of one of no bytes.
    for (const account of report.accounts) expect(account).toMatchObject({ state: 'complete', problems: [] });
    expect(first.status).toBe(0);
  });

  test.each(users)('%s: every message arrived once, the same in the canonical form', async (user) => {
    const [here, there] = [await atSource(user), await atDestination(user)];
    const wanted = new Set(here.identities);
    const arrived = there.map(({ identity }) => identity);
    expect(arrived.filter((identity) => !wanted.has(identity))).toEqual([]);
    const counts = new Map<string, number>();
    for (const identity of arrived) counts.set(identity, (counts.get(identity) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > 1)).toEqual([]);
    expect([...wanted].filter((identity) => !counts.has(identity))).toEqual([]);
    // What arrived is byte for byte what the source has.
    const known = new Set(here.digests);
    expect(there.filter(({ digest }) => !known.has(digest))).toEqual([]);
    const { appended, duplicate } = part(first, user).messages;
    expect(appended).toBe(there.length);
    expect(appended + duplicate).toBe(here.digests.length);
  });

  test.each(users)('%s: within a mailbox the order is that of the source, and all is read', async (user) => {
    const [here, there] = [await atSource(user), await atDestination(user)];
    const places = new Map<string, number>();
    for (const [at, identity] of here.identities.entries()) if (!places.has(identity)) places.set(identity, at);
    for (const mailbox of new Set(there.map((message) => message.mailbox))) {
      const inside = there.filter((message) => message.mailbox === mailbox);
      const order = inside.sort((a, b) => a.uid - b.uid).map(({ identity }) => places.get(identity)!);
      expect(order).toEqual([...order].sort((a, b) => a - b));
    }
    expect(there.filter(({ flags }) => !flags.includes('\\Seen'))).toEqual([]);
  });

  test('own mail is in the mailbox marked \\Sent, and nothing else is', async () => {
    const there = await atDestination(madeUser);
    const sent = there.filter(({ mailbox }) => mailbox === 'Sent').map(({ subject }) => subject);
    expect(sent).toEqual(['own-mail', 'own-mail-other-case']);
    expect(part(first, madeUser).mailboxes['Sent']).toBe(2);
  });

  test('INTERNALDATE is that of the newest Received, else of Date', async () => {
    const there = await atDestination(madeUser);
    // Maildir keeps the moment and not its zone.
    const date = (subject: string) =>
      new Date(there.find((message) => message.subject === subject)!.internalDate).toISOString();
    expect(date('plain')).toBe('2014-03-04T09:25:30.000Z');
    expect(date('date-comment')).toBe('2014-03-04T09:20:30.000Z');
    expect(Date.now() - Date.parse(date('date-missing'))).toBeLessThan(600_000);
  });

  test('a second run appends nothing and does not open the destination, which is not even there', async () => {
    await destination.stop();
    try {
      const again = await sync();
      expect(again.status).toBe(0);
      const { messages, bytes } = expectReport(again).totals;
      expect(messages).toMatchObject({ appended: 0, duplicate: 0, pending: 0, failed: 0, refused: 0 });
      expect(messages.known).toBe(messages.listed);
      expect(bytes).toMatchObject({ downloaded: 0, appended: 0 });
      const text = await rig.sync(list, ['--redis', redis.url]);
      expect(text.status).toBe(0);
      expect(text.stdout).toContain('The destination was not opened.');
      expect(text.stdout).toMatch(/listed ([\d,]+) = known \1 \+ appended 0 \+/);
    } finally {
      await destination.restart();
    }
  });

  test('what is new since then arrives alone, and unread', async () => {
    const user = realUsers[0]!;
    const before = await atDestination(user);
    const bytes = Buffer.from(
      'Message-ID: <new@example.net>\r\nFrom: x@example.net\r\nSubject: new\r\n\r\n.\r\nnew\r\n',
    );
    await deliver({ server: source, user }, [{ bytes }]);
    listed.set(user, listed.get(user)! + 1);
    const ended = await sync();
    expect(expectReport(ended).totals.messages).toMatchObject({ appended: 1, duplicate: 0 });
    const after = await all(mailboxContents(destinationLogin(user)));
    expect(after).toHaveLength(before.length + 1);
    const old = new Set(before.map(({ mailbox, uid }) => `${mailbox} ${uid}`));
    const fresh = after.filter(({ mailbox, uid }: ImapMessage) => !old.has(`${mailbox} ${uid}`));
    expect(fresh).toHaveLength(1);
    expect(canonical(fresh[0]!.bytes).equals(canonical(bytes))).toBe(true);
    expect(fresh[0]!.flags.includes('\\Seen')).toBe(false);
  });

  test('a run after FLUSHALL appends nothing', async () => {
    const before = await Promise.all(users.map(atDestination));
    await redisSay(redis, 'FLUSHALL');
    const ended = await sync();
    const { messages } = expectReport(ended).totals;
    expect(messages).toMatchObject({ appended: 0, refused: 0, pending: 0, failed: 0, known: 0 });
    expect(messages.duplicate).toBe(messages.listed);
    expect(await Promise.all(users.map(atDestination))).toEqual(before);
    const settled = await sync();
    expect(settled.report.totals.messages.known).toBe(messages.listed);
  });

  test.each(users)('%s: the source still lists everything', async (user) => {
    await expectUntouched(sourceLogin(user), listed.get(user)!);
  });
});
