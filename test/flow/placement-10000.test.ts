/**
 * 10,000 messages, most of them real, placed by the three presets: each in the mailbox that its rule says, in the order of
 * the source, and sorted by arrival in the same order where the source's dates ascend.
 */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { BareSocket } from '../../src/demo/bare-socket.ts';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { realMail } from '../../src/demo/real-mail.ts';
import { mailboxContents } from '../servers/witness.ts';
import { dovecotRow, expectReport, expectUntouched, HaulRig } from './haul-rig.ts';

const user = 'ann@old.example';
const total = 10_000;
const thisYear = new Date().getUTCFullYear();
/** The field by which a message is known again; the bytes below it are those of the corpus. */
const mark = 'X-Place-In-Source';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

interface Sent {
  readonly bytes: Buffer;
  readonly mailbox: string;
}

/** Real mail with a Received line of its own on top, so that its arrival is known, and some of it marked as spam. */
async function* corpus(): AsyncGenerator<Sent> {
  let place = 0;
  for await (const { bytes, name } of realMail()) {
    const spam = name.startsWith('spam') || isMarked(bytes);
    const year = place % 3 === 0 ? thisYear : 2005 + (place % 15);
    const lines = [received(year, place), `${mark}: ${place}`, ...(spam ? ['X-Spam-Flag: YES'] : [])];
    yield { bytes: below(lines, bytes), mailbox: spam ? 'Junk' : archive(year) };
    place += 1;
  }
}

/** Some of it was marked by the filters of its time. */
function isMarked(bytes: Buffer): boolean {
  const header = bytes.toString('latin1').split(/\r?\n\r?\n/, 1)[0]!;
  return /^X-Spam(?:-Flag|-Status)?: *(?:Yes|spam)\b/im.test(header);
}

/** Made mail: of the user, spam by other filters, and mail of many years; all presets meet in some of it. */
function made(place: number): Sent {
  const kind = place % 5;
  const year = place % 2 === 0 ? thisYear : 1995 + (place % 30);
  const own = kind === 0;
  const spam = kind === 1 || (own && place % 4 === 0);
  const lines = [
    received(year, place),
    `${mark}: ${place}`,
    `Message-ID: <${place}@made.example>`,
    `Subject: made ${place}`,
    own ? `From: Ann <${user}>` : 'From: you@example.net',
    own ? 'To: you@example.net' : `To: ${user}`,
    ...(spam ? ['X-Spam-Status: Yes, score=9.1'] : []),
  ];
  const mailbox = own ? 'Sent' : spam ? 'Junk' : archive(year);
  return { bytes: below(lines, Buffer.from(`\nbody ${place}\n`)), mailbox };
}

function archive(year: number): string {
  return year < thisYear ? `Archive/${year}` : 'INBOX';
}

/** Within a year dates ascend with the place; the years alternate. */
function received(year: number, place: number): string {
  const date = new Date(Date.UTC(year, 0, 1) + place * 1000).toUTCString().replace('GMT', '+0000');
  return `Received: from a.example by b.example; ${date}`;
}

function below(lines: readonly string[], bytes: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${lines.join('\n')}\n`), bytes]);
}

async function* everything(expected: string[]): AsyncGenerator<{ bytes: Buffer }> {
  for await (const message of corpus()) {
    expected.push(message.mailbox);
    yield message;
  }
  while (expected.length < total) {
    const message = made(expected.length);
    expected.push(message.mailbox);
    yield message;
  }
}

/** The UIDs of a mailbox by UID SORT (ARRIVAL) (RFC 5256). */
async function byArrival(server: Dovecot, mailbox: string): Promise<number[]> {
  const socket = await BareSocket.connect(server.imapPort);
  const found: number[] = [];
  try {
    await socket.line();
    for (const command of [`LOGIN "${user}" pw`, `EXAMINE "${mailbox}"`, 'UID SORT (ARRIVAL) UTF-8 ALL']) {
      socket.write(`s ${command}\r\n`);
      for (let line = await socket.line(); !line.startsWith('s '); line = await socket.line()) {
        const uids = /^\* SORT (.+)$/.exec(line)?.[1];
        if (uids !== undefined) found.push(...uids.split(' ').map(Number));
      }
    }
    return found;
  } finally {
    socket.close();
  }
}

test('10,000 messages stand where the presets say, in the order of the source', { timeout: 240_000 }, async () => {
  const source = await rig.dovecot({ protocols: ['pop3'] });
  const specialUse = ['Sent', 'Junk', 'Archive'] as const;
  const destination = await rig.dovecot({ protocols: ['imap'], storage: 'mdbox', specialUse });
  const expected: string[] = [];
  expect(await deliver({ server: source, user }, everything(expected))).toBe(total);
  const rules = { default: ['own-mail-to-sent', 'spam-to-junk', 'archive-by-year'] };
  await rig.settings({ rules: JSON.stringify(rules) });
  const ended = await rig.sync(await rig.list([dovecotRow(source, destination, user, { id: user })]));
  expect(ended.status, ended.stderr).toBe(0);
  const [account] = expectReport(ended).accounts;
  expect(account!.messages).toMatchObject({ listed: total, appended: total });

  const arrived = new Map<string, { uid: number; place: number }[]>();
  let count = 0;
  for await (const { mailbox, uid, bytes } of mailboxContents({ port: destination.imapPort, user, password: 'pw' })) {
    const place = Number(new RegExp(`^${mark}: (\\d+)\\r$`, 'm').exec(bytes.toString('latin1'))![1]);
    expect(mailbox, `message ${place}`).toBe(expected[place]);
    arrived.set(mailbox, [...(arrived.get(mailbox) ?? []), { uid, place }]);
    count += 1;
  }
  expect(count).toBe(total);
  expect([...arrived.keys()].sort()).toEqual([...new Set(expected)].sort());
  for (const [mailbox, messages] of arrived) {
    const inOrder = messages.sort((a, b) => a.uid - b.uid);
    const places = inOrder.map(({ place }) => place);
    expect(places, mailbox).toEqual([...places].sort((a, b) => a - b));
  }
  // Of these the source's dates ascend: one year each.
  for (const mailbox of [...arrived.keys()].filter((name) => /^(?:INBOX|Archive\/\d+)$/.test(name))) {
    const uids = arrived.get(mailbox)!.map(({ uid }) => uid);
    expect(await byArrival(destination, mailbox), mailbox).toEqual(uids);
  }
  await expectUntouched({ port: source.popPort, user, password: 'pw' }, total);
});
