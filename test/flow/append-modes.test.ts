/** Every kind of IMAP server gets the same mail: the table of capabilities (design §7). */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { madeMail } from '../servers/made-mail.ts';
import type { ImapBehaviour } from '../servers/scripted-imap.ts';
import { type Fault, FaultLanes, type LaneRun } from './fault-lanes.ts';
import { HaulRig } from './haul-rig.ts';

const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE'];

/** Made mail that has no twin among itself, as RETR gives it, and enough plain mail for several commands. */
const messagesOf = (user: string) =>
  [
    ...madeMail(user).filter(({ name, bytes }) => bytes.length > 0 && !/identical|no-message-id-equal/.test(name)),
    ...Array.from({ length: 120 }, (_, i) => ({
      name: `many-${i}`,
      bytes: Buffer.from(`Message-ID: <many-${i}@x>\r\nSubject: ${i}\r\n\r\n${'line\r\n'.repeat(i * 13)}`),
    })),
  ].map(({ name, bytes }) => ({
    uidl: name,
    bytes: bytes.subarray(-2).toString('latin1') === '\r\n' ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]),
  }));
const count = messagesOf('user@example.com').length;

/** The line of a user who wrote some of the mail, and whose id says so. */
function faultOf(imap: ImapBehaviour, at = 0): Fault {
  const id = `user${at}@example.com`;
  return { imap, pop: { messages: messagesOf(id) }, row: { id }, healedRow: { id } };
}

let rig: HaulRig;

/** Two runs of accounts between servers of their own: the first carries everything, and the second nothing more. */
async function haulTwice(behaviours: Readonly<Record<string, ImapBehaviour>>): Promise<FaultLanes> {
  const entries = Object.entries(behaviours);
  const faults = Object.fromEntries(entries.map(([name, imap], at) => [name, faultOf(imap, at)]));
  const lanes = await FaultLanes.start(rig, faults, []);
  const runs = [await lanes.haul(), await lanes.haul()];
  for (const { ended } of runs) expect(ended.status).toBe(0);
  const [first, second] = runs.map(({ of }) => of);
  for (const name of Object.keys(behaviours)) {
    expect(first!.get(name)!.account.messages, name).toMatchObject({ listed: count, appended: count });
    lanes.expectStored(name, first!.get(name)!);
    await lanes.expectCarried(name, first!.get(name)!, second!.get(name)!);
  }
  return lanes;
}

const offers = { MULTIAPPEND: ['MULTIAPPEND'], 'single APPEND': [] };
const literals = { 'LITERAL+': ['LITERAL+'], 'LITERAL-': ['LITERAL-'], 'no free literals': [] };
const others = {
  'UIDPLUS and SPECIAL-USE': ['UIDPLUS', 'SPECIAL-USE'],
  'no UIDPLUS': ['SPECIAL-USE'],
  'no SPECIAL-USE': ['UIDPLUS'],
  BINARY: ['UIDPLUS', 'BINARY'],
};

const table = Object.entries(offers).flatMap(([offer, a]) =>
  Object.entries(literals).flatMap(([literal, b]) =>
    Object.entries(others).map(([other, c]) => ({ name: `${offer}, ${literal}, ${other}`, more: [...a, ...b, ...c] })),
  ),
);

describe('with the sums agreeing and bytes equal ends', () => {
  const offered = [
    'MULTIAPPEND',
    'LITERAL+',
    'UIDPLUS',
    'COMPRESS=DEFLATE',
    'UTF8=ACCEPT',
    'IMAP4rev2',
    'ENABLE',
    'IDLE',
    'ESEARCH',
  ];
  let lanes: FaultLanes;

  beforeAll(async () => {
    rig = await HaulRig.make();
    lanes = await haulTwice({
      ...Object.fromEntries(table.map(({ name, more }) => [name, { capabilities: [...base, ...more] }])),
      'more than is needed': { capabilities: [...base, ...offered] },
      'one connection': { capabilities: [...base, 'UIDPLUS', 'LITERAL+'] },
    });
    return () => rig.end();
  });

  test.each(table)('$name', ({ name, more }) => {
    const { connections } = lanes.imap(name);
    const forms = connections.flatMap(({ appends }) => appends.flatMap((append) => append.literals));
    const small = forms.filter(({ size }) => size <= 4096);
    const large = forms.filter(({ size }) => size > 4096);
    const free = (list: typeof forms) => list.every(({ form }) => form.endsWith('{+}'));
    // RFC 7888 §5: LITERAL- frees literals of up to 4096 bytes; LITERAL+ all, of which the largest still ask.
    expect(free(small)).toBe(more.includes('LITERAL+') || more.includes('LITERAL-'));
    expect(large.some(({ form }) => form.endsWith('{+}'))).toBe(more.includes('LITERAL+'));
    expect(forms.some(({ form }) => form.startsWith('~'))).toBe(more.includes('BINARY'));
    const several = connections.some(({ appends }) => appends.some((append) => append.literals.length > 1));
    expect(several).toBe(more.includes('MULTIAPPEND'));
  });

  test('a server that offers what is not needed, and it is not negotiated', () => {
    const commands = lanes.imap('more than is needed').connections.flatMap((connection) => connection.commands);
    expect(commands.length).toBeGreaterThan(0);
    expect(commands.filter((command) => /\b(?:COMPRESS|ENABLE|IDLE|SEARCH)\b/i.test(command))).toEqual([]);
  });

  test('a server that forces no round trip on each message, and it gets one connection', () => {
    const { connections } = lanes.imap('one connection');
    expect(connections.filter(({ appends }) => appends.length > 0)).toHaveLength(1);
  });
});

describe('a server of its own kind', () => {
  beforeEach(async () => {
    rig = await HaulRig.make();
  });

  afterEach(() => rig.end());

  test('that forces a round trip on each message gets several connections, within the limit', async () => {
    await rig.settings({ appendConnectionsPerAccount: '3' });
    const lanes = await haulTwice({ crawls: { capabilities: [...base, 'UIDPLUS'], crawl: true } });
    const appending = lanes.imap('crawls').connections.filter(({ appends }) => appends.length > 0);
    expect(appending.length).toBeGreaterThan(1);
    expect(appending.length).toBeLessThanOrEqual(3);
  });
});

describe('a refused message costs only itself', () => {
  const poison = 'Message-ID: <many-77@x>';
  const isPoison = ({ bytes }: { bytes: Buffer }) => bytes.includes(poison);
  const refuse: ImapBehaviour['refuse'] = (message) => (isPoison(message) ? 'NO [CANNOT] not this one' : undefined);
  const offered: [string, string[]][] = [
    ['in a MULTIAPPEND', ['MULTIAPPEND', 'LITERAL+', 'UIDPLUS']],
    ['in a MULTIAPPEND whose literals ask', ['MULTIAPPEND', 'UIDPLUS']],
    ['among pipelined commands', ['LITERAL+', 'UIDPLUS']],
    ['among commands that ask', ['UIDPLUS']],
  ];
  const limit = 1200;
  const tooLarge = 'before it is sent, where it is too large for its mailbox, and each has a limit of its own';
  let lanes: FaultLanes;
  let run: LaneRun;

  beforeAll(async () => {
    rig = await HaulRig.make();
    const faults = offered.map(([name, more], at) => [name, faultOf({ capabilities: [...base, ...more], refuse }, at)]);
    const capabilities = [...base, 'LITERAL+', 'UIDPLUS', 'APPENDLIMIT'];
    const limited = faultOf({ capabilities, appendLimits: { INBOX: limit } });
    // Without an address of its own as its id, an account has all its mail in INBOX.
    const id = { id: 'limited' };
    const last = [tooLarge, { ...limited, row: id, healedRow: id }];
    lanes = await FaultLanes.start(rig, Object.fromEntries([...faults, last]), []);
    run = await lanes.haul();
    return () => rig.end();
  });

  test('and shows in the status', () => expect(run.ended.status).toBe(3));

  test.each(offered)('%s', async (name) => {
    const outcome = run.of.get(name)!;
    expect(outcome.account.messages).toMatchObject({ appended: count - 1, refused: 1, pending: 0 });
    expect(outcome.account.problems).toMatchObject([{ code: 'append-refused', count: 1 }]);
    lanes.expectStored(name, outcome, [messagesOf('').findIndex(isPoison)]);
    await lanes.expectUntouched(name);
  });

  test(tooLarge, async () => {
    const outcome = run.of.get(tooLarge)!;
    const large = messagesOf('user0@example.com').flatMap(({ bytes }, at) => (bytes.length > limit ? [at] : []));
    expect(large.length).toBeGreaterThan(10);
    const fitting = count - large.length;
    expect(outcome.account.messages).toMatchObject({ appended: fitting, refused: large.length, pending: 0 });
    expect(outcome.account.problems).toMatchObject([{ code: 'message-too-big', count: large.length }]);
    lanes.expectStored(tooLarge, outcome, large);
    const { connections } = lanes.imap(tooLarge);
    const sent = connections.flatMap(({ appends }) => appends.flatMap(({ literals: each }) => each));
    expect(Math.max(...sent.map(({ size }) => size))).toBeLessThanOrEqual(limit);
    await lanes.expectUntouched(tooLarge);
  });
});
