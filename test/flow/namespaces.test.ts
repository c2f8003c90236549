/** Destinations that arrange their mailboxes in other ways: namespaces, delimiters, storage, and what they hide. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot, DovecotOptions } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { decodeModifiedUtf7 } from '../../src/imap/mailbox-name.ts';
import { all, mailboxContents } from '../servers/witness.ts';
import { dovecotRow, type Ended, expectReport, expectUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

interface Place {
  name: string;
  server: Omit<DovecotOptions, 'directory' | 'protocols'>;
  imapMailbox?: string;
  /** Where received and sent mail is afterwards. */
  received: string;
  sent: string;
  renamed?: RegExp;
}

/** No SPECIAL-USE, UIDPLUS, MULTIAPPEND, LITERAL+, LIST-EXTENDED: an old server. */
const hidden = { imapCapability: 'IMAP4rev1 NAMESPACE' };

const places: readonly Place[] = [
  {
    name: 'prefix INBOX. and delimiter ., Maildir',
    server: { namespace: { prefix: 'INBOX.', separator: '.' } },
    imapMailbox: 'Old mail/Größe & 2004',
    received: 'INBOX.Old mail.Größe & 2004',
    sent: 'INBOX.Sent',
  },
  {
    name: 'prefix INBOX/ and delimiter /, mdbox, hidden capabilities, names without attributes',
    server: {
      ...hidden,
      storage: 'mdbox',
      namespace: { prefix: 'INBOX/', separator: '/' },
      specialUse: ['Trash'],
      mailboxes: ['Gesendete Objekte', 'Papierkorb', 'Kunden/Sent'],
    },
    received: 'INBOX',
    sent: 'INBOX/Gesendete Objekte',
  },
  {
    name: 'no prefix and delimiter /, Maildir, which refuses dots; nothing made beforehand',
    server: { namespace: { prefix: '', separator: '/' }, specialUse: [] },
    imapMailbox: 'Lists/dev.example.com',
    received: 'Lists/dev_example_com',
    sent: 'Sent',
    renamed: /"Lists\/dev\.example\.com" is "Lists\/dev_example_com"/,
  },
  {
    name: 'prefix INBOX. and delimiter ., mdbox, hidden capabilities, an attribute on another name',
    server: {
      ...hidden,
      storage: 'mdbox',
      namespace: { prefix: 'INBOX.', separator: '.' },
      specialUse: ['Junk'],
      mailboxes: ['Sent'],
      extra: 'namespace inbox {\n  mailbox Отправлено {\n    special_use = \\Sent\n    auto = create\n  }\n}',
    },
    imapMailbox: 'INBOX',
    received: 'INBOX',
    sent: 'INBOX.Отправлено',
  },
];

const user = (n: number) => `user${n}@example.com`;

/** Mail of two people in turn, the user and somebody else. */
function conversation(owner: string): { own: boolean; bytes: Buffer }[] {
  return Array.from({ length: 30 }, (_, n) => {
    const own = n % 3 === 2;
    const [from, to] = own ? [owner, 'you@example.net'] : ['you@example.net', owner];
    const date = `Mon, ${String((n % 28) + 1).padStart(2, '0')} Mar 2004 10:00:00 +0100`;
    const head = `Message-ID: <${n}.${owner}>\r\nDate: ${date}\r\nFrom: ${from}\r\nTo: ${to}\r\nSubject: ${n}`;
    return { own, bytes: Buffer.from(`${head}\r\n\r\n${'Ärger mit Umlauten\r\n'.repeat(n + 1)}`, 'utf8') };
  });
}

describe('mail lands in the right mailbox', () => {
  let rig: HaulRig;
  let source: Dovecot;
  let list: string;
  let first: Ended;
  const destinations: Dovecot[] = [];

  beforeAll(async () => {
    rig = await HaulRig.make();
    const servers = places.map(({ server }) => rig.dovecot({ protocols: ['imap'], ...server }));
    source = await rig.dovecot({ protocols: ['pop3'] });
    destinations.push(...(await Promise.all(servers)));
    for (const n of places.keys()) await deliver({ server: source, user: user(n) }, conversation(user(n)));
    list = await rig.list(
      places.map(({ imapMailbox = '' }, n) =>
        dovecotRow(source, destinations[n]!, user(n), { id: user(n), imap_mailbox: imapMailbox }),
      ),
    );
    first = await rig.sync(list);
  }, 120_000);

  afterAll(() => rig.end());

  /** Bytes by mailbox, of those that hold any. */
  async function stored(n: number): Promise<Record<string, string[]>> {
    const found: Record<string, string[]> = {};
    const login = { port: destinations[n]!.imapPort, user: user(n), password: 'pw' };
    for (const { mailbox, bytes } of await all(mailboxContents(login))) {
      const name = decodeModifiedUtf7(mailbox);
      found[name] = [...(found[name] ?? []), bytes.toString('utf8')];
    }
    return found;
  }

  async function expectStored(n: number): Promise<void> {
    const { received, sent } = places[n]!;
    const texts = (own: boolean) =>
      conversation(user(n))
        .filter((message) => message.own === own)
        .map(({ bytes }) => bytes.toString('utf8'))
        .sort();
    // Where a server forces a round trip on each message, several connections append, in no order
    const found = Object.entries(await stored(n)).map(([mailbox, each]) => [mailbox, each.sort()]);
    expect(Object.fromEntries(found)).toEqual({ [received]: texts(false), [sent]: texts(true) });
  }

  test('the sums agree and nothing is left over', async () => {
    expectReport(first);
    expect([first.status, first.stderr.match(/error/i)]).toEqual([0, null]);
    for (const { messages } of first.report.accounts) expect(messages).toMatchObject({ listed: 30, appended: 30 });
    for (const n of places.keys()) await expectUntouched({ port: source.popPort, user: user(n), password: 'pw' }, 30);
  });

  test.each(places.map((place, n) => ({ ...place, n })))('$name', async ({ n, received, sent, renamed }) => {
    await expectStored(n);
    const account = first.report.accounts.find(({ id }) => id === user(n))!;
    expect(account.mailboxes).toEqual({ [received]: 20, [sent]: 10 });
    const told = account.problems.map(({ code, stops, text }) => `${code} ${stops} ${text}`);
    expect(told).toEqual(renamed ? [expect.stringMatching(renamed)] : []);
    expect(told.every((text) => text.startsWith('mailbox-renamed none '))).toBe(true);
  });

  test('a mailbox that was made is subscribed', async () => {
    const subscribed = async (n: number) =>
      (await destinations[n]!.doveadm(['mailbox', 'list', '-u', user(n), '-s'])).split('\n');
    expect(await subscribed(0)).toContain(places[0]!.received);
    expect(await subscribed(2)).toEqual(expect.arrayContaining(['Lists/dev_example_com', 'Sent']));
  });

  test('a re-run appends nothing, nor does one that has forgotten everything, and verify finds all', async () => {
    const second = await rig.sync(list);
    expect([second.status, second.report.totals.messages]).toMatchObject([0, { known: 120, appended: 0 }]);
    const forgotten = await rig.sync(list, ['--json', '--data-dir', `${rig.dataDir}-2`]);
    expectReport(forgotten);
    expect([forgotten.status, forgotten.report.totals.messages]).toMatchObject([0, { duplicate: 120, appended: 0 }]);
    const config = ['--config', `${rig.directory}/settings.yaml`, '--data-dir', rig.dataDir];
    const proof = await rig.haul(['verify', list, ...config, '--json']).ended;
    expect([proof.status, proof.stderr.match(/error/i)]).toEqual([0, null]);
    for (const n of places.keys()) await expectStored(n);
  }, 60_000);
});

test('names that a server refuses are told, and a mailbox that goes away in the middle is made again', async () => {
  const rig = await HaulRig.make();
  try {
    const owner = user(9);
    const messages = conversation(owner).map(({ bytes }, n) => ({ uidl: `u${n}`, bytes }));
    const reserved = (name: string) => (/^(?:Sent|Files)$/.test(name) ? 'NO [CANNOT] Reserved name.' : undefined);
    const imap = await rig.imap({ refuseCreate: reserved });
    let gone = 0;
    imap.behaviour.refuse = ({ mailbox }) => {
      if (gone > 0 || !mailbox.startsWith('Files')) return undefined;
      gone += 1;
      imap.mailboxes.delete(mailbox);
      return 'NO [TRYCREATE] No such mailbox.';
    };
    const pop = await rig.pop({ messages });
    const list = await rig.list([scriptedRow(pop, imap, { id: owner, imap_mailbox: 'Files' })]);
    const ended = await rig.sync(list);
    expectReport(ended);
    expect([ended.status, gone, ended.account.messages]).toMatchObject([0, 1, { listed: 30, appended: 30 }]);
    const [files, inbox, sent] = [...imap.mailboxes.keys()].sort();
    expect(inbox).toBe('INBOX');
    expect(files).toMatch(/^Files_[0-9a-f]{8}$/);
    expect(sent).toMatch(/^Sent_[0-9a-f]{8}$/);
    expect(ended.account.mailboxes).toEqual({ [files!]: 20, [sent!]: 10 });
    expect([imap.stored(files).length, imap.stored(sent).length]).toEqual([20, 10]);
    const told = ended.account.problems.filter(({ code }) => code === 'mailbox-renamed');
    expect(told).toMatchObject([{ stops: 'none', count: 2 }]);
    for (const pair of [`"Files" is "${files}"`, `"Sent" is "${sent}"`]) expect(told[0]!.text).toContain(pair);
    const forgotten = await rig.sync(list, ['--json', '--data-dir', `${rig.dataDir}-2`]);
    expect([forgotten.status, forgotten.account.messages]).toMatchObject([0, { duplicate: 30, appended: 0 }]);
    expect(imap.mailboxes.size).toBe(3);
  } finally {
    await rig.end();
  }
}, 60_000);
