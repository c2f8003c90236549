/** What is one message and what is two (design §8). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow, side } from './haul-rig.ts';

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

interface Parts {
  id?: string;
  date?: string;
  from?: string;
  subject?: string;
  received?: string;
  body?: string;
}

/** A message; what is not given is the same in all. An empty id leaves the line out. */
function message({
  id = '<same@x>',
  date = '10:20:30',
  from = 'a',
  subject = 's',
  received,
  body = 'body',
}: Parts): Buffer {
  const lines = [
    ...(received ? [`Received: from ${received}; Tue, 4 Mar 2014 10:25:30 +0100`] : []),
    ...(id ? [`Message-ID: ${id}`] : []),
    `Date: Tue, 4 Mar 2014 ${date} +0100`,
    `From: ${from}@x`,
    `Subject: ${subject}`,
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}\r\n`);
}

interface Case {
  source: Parts[];
  destination?: Parts[];
  appended: number;
  duplicate: number;
}

const cases: Record<string, Case> = {
  'same Message-ID, other Date: both arrive': { source: [{}, { date: '11:11:11' }], appended: 2, duplicate: 0 },
  'same Message-ID, other From: both arrive': { source: [{}, { from: 'b' }], appended: 2, duplicate: 0 },
  'same Message-ID, other Subject: both arrive': { source: [{}, { subject: 't' }], appended: 2, duplicate: 0 },
  'all four equal, other body, both in the maildrop: both arrive': {
    source: [{}, { body: 'other' }],
    appended: 2,
    duplicate: 0,
  },
  'identical copies in the maildrop: one arrives': { source: [{}, {}, {}], appended: 1, duplicate: 2 },
  'no Message-ID, once: arrives': { source: [{ id: '' }], appended: 1, duplicate: 0 },
  'no Message-ID, other bodies: all arrive': {
    source: [{ id: '' }, { id: '', body: 'other' }, { id: '', body: 'third' }],
    appended: 3,
    duplicate: 0,
  },
  'no Message-ID, identical: one arrives': { source: [{ id: '' }, { id: '' }], appended: 1, duplicate: 1 },
  'delivered to both servers, with other Received lines: a duplicate': {
    source: [{ received: 'old.example' }],
    destination: [{ received: 'new.example' }],
    appended: 0,
    duplicate: 1,
  },
  'two of the source, one of them at the destination: only the other arrives': {
    source: [{}, { body: 'other' }],
    destination: [{ body: 'other' }],
    appended: 1,
    duplicate: 1,
  },
  'the copy at the destination has another body: both stay': {
    source: [{}],
    destination: [{ body: 'other' }],
    appended: 1,
    duplicate: 0,
  },
  'two copies on each side: each is one other’s twin': {
    source: [{}, {}],
    destination: [{}, {}],
    appended: 0,
    duplicate: 2,
  },
};

const servers = {
  'with UIDPLUS and MULTIAPPEND': ['UIDPLUS', 'MULTIAPPEND', 'LITERAL+'],
  'without UIDPLUS': ['LITERAL+'],
};

describe.each(Object.entries(servers))('%s', (_, capabilities) => {
  test.each(Object.entries(cases))('%s', async (_name, { source, destination = [], appended, duplicate }) => {
    const pop = await rig.pop({ messages: source.map((parts, i) => ({ uidl: `u${i}`, bytes: message(parts) })) });
    const imap = await rig.imap({ capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', ...capabilities] });
    for (const parts of destination) imap.store('INBOX', message(parts));
    const list = await rig.list([scriptedRow(pop, imap)]);
    const first = await rig.sync(list);
    expectReport(first);
    expect(first.account.messages).toMatchObject({ listed: source.length, appended, duplicate, pending: 0 });
    expect(imap.stored()).toHaveLength(destination.length + appended);
    // Every body of the source is there.
    const bodies = new Set(imap.stored().map((bytes) => String(bytes).split('\r\n\r\n')[1]));
    for (const parts of source) expect(bodies).toContain(`${parts.body ?? 'body'}\r\n`);
    const second = await rig.sync(list);
    expect(second.account.messages).toMatchObject({ known: source.length, appended: 0 });
    expect(imap.stored()).toHaveLength(destination.length + appended);
    await expectScriptedUntouched(pop);
  });
});

test('several accounts that feed one mailbox with overlapping mail: what is equal arrives once', async () => {
  const shared = [1, 2, 3].map((n) => message({ id: `<shared${n}@x>` }));
  const own = (user: string) => message({ id: `<${user}@x>` });
  const imap = await rig.imap({});
  const rows = [];
  for (const user of ['p', 'q', 'r']) {
    const messages = [...shared, own(user)].map((bytes, i) => ({ uidl: `u${i}`, bytes }));
    const pop = await rig.pop({ messages, user });
    rows.push({ id: user, ...side('pop', pop.port, user, 'secret'), ...side('imap', imap.port, 'ann', 'pw') });
  }
  const list = await rig.list(rows);
  const ended = await rig.sync(list);
  expect(expectReport(ended).totals.messages).toMatchObject({ listed: 12, appended: 6, duplicate: 6 });
  const stored = imap.stored().map(String).sort();
  expect(stored).toEqual([...shared, own('p'), own('q'), own('r')].map(String).sort());
  expect((await rig.sync(list)).report.totals.messages).toMatchObject({ known: 12, appended: 0 });
});
