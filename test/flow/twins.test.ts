/** What is one message and what is two (design §8). */
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { FaultLanes, type LaneRun, type Outcome } from './fault-lanes.ts';
import { expectReport, HaulRig, side } from './haul-rig.ts';

let rig: HaulRig;

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

describe('between servers of its own', () => {
  const table = Object.entries(servers).flatMap(([server, capabilities]) =>
    Object.entries(cases).map(([name, one]) => ({ ...one, name: `${server}: ${name}`, capabilities })),
  );
  let lanes: FaultLanes;
  let runs: LaneRun[];

  beforeAll(async () => {
    rig = await HaulRig.make();
    const faults = table.map(({ name, source, capabilities }) => {
      const pop = { messages: source.map((parts, i) => ({ uidl: `u${i}`, bytes: message(parts) })) };
      return [name, { pop, imap: { capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', ...capabilities] } }];
    });
    lanes = await FaultLanes.start(rig, Object.fromEntries(faults), []);
    for (const { name, destination = [] } of table) {
      for (const parts of destination) lanes.imap(name).store('INBOX', message(parts));
    }
    runs = [await lanes.haul(), await lanes.haul()];
    return () => rig.end();
  });

  test.each(table)('$name', async ({ name, source, destination = [], appended, duplicate }) => {
    const [first, second] = runs.map(({ of }) => of.get(name)!) as [Outcome, Outcome];
    expect(first.account.messages).toMatchObject({ listed: source.length, appended, duplicate, pending: 0 });
    expect(first.stored).toHaveLength(destination.length + appended);
    // Every body of the source is there.
    const bodies = new Set(first.stored.map((bytes) => String(bytes).split('\r\n\r\n')[1]));
    for (const parts of source) expect(bodies).toContain(`${parts.body ?? 'body'}\r\n`);
    expect(second.account.messages).toMatchObject({ known: source.length, appended: 0 });
    expect(second.stored).toHaveLength(destination.length + appended);
    await lanes.expectUntouched(name);
  });
});

test('several accounts that feed one mailbox with overlapping mail: what is equal arrives once', async () => {
  rig = await HaulRig.make();
  onTestFinished(() => rig.end());
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
