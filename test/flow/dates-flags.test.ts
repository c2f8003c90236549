/** The date and the flags that messages have at the destination, after one haul of many shapes (docs/dates-and-flags.md). */
import { ImapFlow } from 'imapflow';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import { dovecotRow, type Ended, expectReport, expectUntouched, HaulRig, side } from './haul-rig.ts';

interface Shape {
  header: string[];
  /** ISO 8601; undefined for the moment of the haul. */
  date: string | undefined;
  flags?: string[];
}

const received = (day: string, words = 'from a by b with ESMTP') => `Received: ${words}; ${day}`;
const someDay = 'Date: Tue, 4 Mar 2014 10:20:30 +0100';
const thatDay = '2014-03-04T09:20:30.000Z';

const shapes: Record<string, Shape> = {
  'Received before Date': {
    header: [received('5 Mar 2014 10:00:00 -0500'), someDay],
    date: '2014-03-05T15:00:00.000Z',
  },
  'a fetcher above': {
    header: [
      received('9 Sep 2019 10:00:00 +0000', 'from pop.example.com by localhost with POP3 (fetchmail-6.3.9)'),
      received('5 Mar 2014 10:00:00 +0000'),
      someDay,
    ],
    date: '2014-03-05T10:00:00.000Z',
  },
  'a clock that lost its time': {
    header: [received('1 Jan 2003 00:10:00 +0000'), received('5 Mar 2014 10:00:00 +0000'), someDay],
    date: '2014-03-05T10:00:00.000Z',
  },
  'Date alone': { header: [someDay], date: thatDay },
  'a broken form': { header: ['Date: Di, 4. M\xc3\xa4rz 2014 10.20.30 GMT+0100'], date: thatDay },
  'east of Greenwich': { header: ['Date: 4 Mar 2014 23:20:30 +1400'], date: thatDay },
  'west of Greenwich': { header: ['Date: 3 Mar 2014 21:20:30 -1200'], date: '2014-03-04T09:20:30.000Z' },
  'a leap second': { header: ['Date: 31 Dec 2016 23:59:60 +0000'], date: '2017-01-01T00:00:00.000Z' },
  'the day 24 hours long': { header: ['Date: 31 Dec 2016 24:00:00 +0000'], date: '2017-01-01T00:00:00.000Z' },
  'before 1970': { header: ['Date: 1 Jan 1904 00:00:00 +0000'], date: '1970-01-01T00:00:00.000Z' },
  'in the first hours of 1970': { header: ['Date: 1 Jan 1970 05:00:00 +0000'], date: '1970-01-01T05:00:00.000Z' },
  'in the future': { header: ['Date: 19 Jan 2038 03:14:08 +0000'], date: undefined },
  'two dates in one': { header: ['Date: 05/06/2003 10:20:30'], date: undefined },
  'no date': { header: [], date: undefined },
  'not read': { header: [someDay, 'Status: O'], date: thatDay, flags: [] },
  'an empty Status': { header: [someDay, 'Status: '], date: thatDay },
  'answered, flagged, a draft': {
    header: [someDay, 'Status: RO', 'X-Status: AFT'],
    date: thatDay,
    flags: ['\\Answered', '\\Draft', '\\Flagged', '\\Seen'],
  },
  'deleted at the source': { header: [someDay, 'Status: RO', 'X-Status: D'], date: thatDay },
  'of Thunderbird': {
    header: [someDay, 'X-Mozilla-Status: 100e', `X-Mozilla-Keys: $label1${' '.repeat(60)}`],
    date: thatDay,
    flags: ['$Forwarded', '$label1', '\\Answered', '\\Flagged'],
  },
  keywords: { header: [someDay, 'X-Keywords: Work \\Deleted b{d'], date: thatDay, flags: ['Work', '\\Seen'] },
};
const names = Object.keys(shapes);
const storages = ['maildir', 'mdbox'] as const;
const users = { maildir: 'ann@example.com', mdbox: 'cem@example.com', scripted: 'bob@example.com' };

/** What is there of a message. */
interface Arrived {
  uid: number;
  name: string;
  date: Date;
  flags: string[];
}

describe('one haul of many shapes', () => {
  let rig: HaulRig;
  let ended: Ended;
  let began: number;
  const arrived = new Map<string, Arrived[]>();
  let popPort: number;
  /** The flags of each message that a destination got which keeps `\Seen` alone. */
  let seenAlone: string[];

  beforeAll(async () => {
    rig = await HaulRig.make();
    await rig.settings({ seen: 'status', flagsFromHeaders: 'true' });
    const source = await rig.dovecot({ protocols: ['pop3'] });
    const destinations = new Map<string, Dovecot>();
    for (const storage of storages) destinations.set(storage, await rig.dovecot({ protocols: ['imap'], storage }));
    popPort = source.popPort;
    const select = ['* FLAGS (\\Seen \\Flagged)', '* OK [PERMANENTFLAGS (\\Seen)] x', '* 0 EXISTS'];
    const answer = ['* OK [UIDVALIDITY 1001] v', '* OK [UIDNEXT 1] n', 'TAG OK [READ-WRITE] done', ''];
    const poor = await rig.imap({
      answer: (command) => (/ SELECT /.test(command) ? [...select, ...answer].join('\r\n') : undefined),
    });
    const mail = Object.entries(shapes).map(([name, { header }], i) => {
      const lines = [`Message-ID: <${i}@example.net>`, 'From: b@example.net', `Subject: ${name}`, ...header];
      return { bytes: Buffer.from(`${lines.join('\r\n')}\r\n\r\nbody ${i}\r\n`, 'latin1') };
    });
    for (const user of Object.values(users)) await deliver({ server: source, user }, mail);
    const list = await rig.list([
      ...storages.map((id) => dovecotRow(source, destinations.get(id)!, users[id], { id })),
      {
        id: 'scripted',
        ...side('pop', source.popPort, users.scripted, 'pw'),
        ...side('imap', poor.port, 'bob', 'pw'),
      },
    ]);
    began = Date.now();
    ended = await rig.sync(list);
    const stored = poor.mailboxes.get('INBOX')!.messages;
    seenAlone = stored.map(({ flags }) => flags);
    for (const [id, { imapPort }] of destinations) arrived.set(id, await readBack(imapPort, users[id as 'mdbox']));
  }, 120_000);

  afterAll(() => rig.end());

  async function readBack(port: number, user: string): Promise<Arrived[]> {
    const client = new ImapFlow({
      ...{ host: '127.0.0.1', port, secure: false, doSTARTTLS: false },
      auth: { user, pass: 'pw' },
      logger: false,
    });
    await client.connect();
    try {
      await client.mailboxOpen('INBOX', { readOnly: true });
      const found: Arrived[] = [];
      for await (const one of client.fetch('1:*', { uid: true, envelope: true, internalDate: true, flags: true })) {
        const flags = [...one.flags!].filter((flag) => flag !== '\\Recent').sort();
        found.push({ uid: one.uid, name: one.envelope!.subject!, date: new Date(one.internalDate!), flags });
      }
      return found.sort((a, b) => a.uid - b.uid);
    } finally {
      client.close();
    }
  }

  test('all of it arrives in the order of the source', async () => {
    const report = expectReport(ended);
    expect(ended.status).toBe(0);
    expect(report.totals.messages).toMatchObject({ listed: names.length * 3, appended: names.length * 3 });
    for (const id of storages) expect(arrived.get(id)!.map(({ name }) => name)).toEqual(names);
    await expectUntouched({ port: popPort, user: users.maildir, password: 'pw' }, names.length);
  });

  test.each(storages.flatMap((id) => names.map((name) => [id, name] as const)))('in %s: %s', (id, name) => {
    const { date, flags } = arrived.get(id)!.find((one) => one.name === name)!;
    const expected = shapes[name]!;
    expect(flags).toEqual(expected.flags ?? ['\\Seen']);
    if (expected.date !== undefined) return expect(date.toISOString()).toBe(expected.date);
    // What Dovecot shows has no fractions of a second.
    expect(date.getTime()).toBeGreaterThanOrEqual(began - 1000);
    expect(date.getTime()).toBeLessThanOrEqual(Date.now() + 1000);
  });

  test('what a mailbox does not keep is not sent, and told once', () => {
    const problems = (id: string) => ended.report.accounts.find((account) => account.id === id)!.problems;
    for (const id of storages) expect(problems(id)).toEqual([]);
    expect(seenAlone).toEqual(
      names.map((name) => ((shapes[name]!.flags ?? ['\\Seen']).includes('\\Seen') ? '(\\Seen)' : '()')),
    );
    expect(problems('scripted')).toMatchObject([{ code: 'flags-dropped', stops: 'none', count: 3 }]);
    expect(problems('scripted')[0]!.text).toContain('INBOX: \\Answered \\Flagged \\Draft $Forwarded $label1 Work');
  });
});
