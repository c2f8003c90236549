/** Every kind of IMAP server gets the same mail: the table of capabilities (design §7). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { madeMail } from '../servers/made-mail.ts';
import type { ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE'];
const user = 'user@example.com';

/** Made mail that has no twin among itself, as RETR gives it, and enough plain mail for several commands. */
const messages = [
  ...madeMail(user).filter(({ name, bytes }) => bytes.length > 0 && !/identical|no-message-id-equal/.test(name)),
  ...Array.from({ length: 120 }, (_, i) => ({
    name: `many-${i}`,
    bytes: Buffer.from(`Message-ID: <many-${i}@x>\r\nSubject: ${i}\r\n\r\n${'line\r\n'.repeat(i * 13)}`),
  })),
].map(({ name, bytes }) => ({
  uidl: name,
  bytes: bytes.subarray(-2).toString('latin1') === '\r\n' ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]),
}));

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

/** Exactly the bytes of RETR, each once, over all mailboxes. */
function expectStored(imap: ScriptedImap, expected: readonly { bytes: Buffer }[]): void {
  const stored = [...imap.mailboxes.keys()].flatMap((name) => imap.stored(name));
  const sorted = (buffers: Buffer[]) => buffers.sort(Buffer.compare).map((bytes) => bytes.toString('latin1'));
  expect(sorted(stored)).toEqual(sorted(expected.map(({ bytes }) => bytes)));
}

async function haul(behaviour: ImapBehaviour): Promise<{ imap: ScriptedImap; list: string }> {
  const pop = await rig.pop({ messages });
  const imap = await rig.imap(behaviour);
  const list = await rig.list([scriptedRow(pop, imap, { id: user })]);
  const first = await rig.sync(list);
  expectReport(first);
  expect(first.status).toBe(0);
  expect(first.account.messages).toMatchObject({ listed: messages.length, appended: messages.length });
  expectStored(imap, messages);
  const second = await rig.sync(list);
  expect(second.account.messages).toMatchObject({ known: messages.length, appended: 0, duplicate: 0 });
  expectStored(imap, messages);
  await expectScriptedUntouched(pop);
  return { imap, list };
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

describe('each combination ends with the sums agreeing and bytes equal', () => {
  test.each(table)('$name', async ({ more }) => {
    const { imap } = await haul({ capabilities: [...base, ...more] });
    const forms = imap.connections.flatMap(({ appends }) => appends.flatMap((append) => append.literals));
    const small = forms.filter(({ size }) => size <= 4096);
    const large = forms.filter(({ size }) => size > 4096);
    const free = (list: typeof forms) => list.every(({ form }) => form.endsWith('{+}'));
    // RFC 7888 §5: LITERAL- frees literals of up to 4096 bytes; LITERAL+ all, of which the largest still ask.
    expect(free(small)).toBe(more.includes('LITERAL+') || more.includes('LITERAL-'));
    expect(large.some(({ form }) => form.endsWith('{+}'))).toBe(more.includes('LITERAL+'));
    expect(forms.some(({ form }) => form.startsWith('~'))).toBe(more.includes('BINARY'));
    const several = imap.connections.some(({ appends }) => appends.some((append) => append.literals.length > 1));
    expect(several).toBe(more.includes('MULTIAPPEND'));
  });
});

test('what is offered and not needed is not negotiated', async () => {
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
  const { imap } = await haul({ capabilities: [...base, ...offered] });
  const commands = imap.connections.flatMap((connection) => connection.commands);
  expect(commands.filter((command) => /\b(?:COMPRESS|ENABLE|IDLE|SEARCH)\b/i.test(command))).toEqual([]);
});

test('a server that forces a round trip on each message gets several connections, within the limit', async () => {
  await rig.settings({ appendConnectionsPerAccount: '3' });
  const { imap } = await haul({ capabilities: [...base, 'UIDPLUS'], crawl: true });
  const appending = imap.connections.filter(({ appends }) => appends.length > 0);
  expect(appending.length).toBeGreaterThan(1);
  expect(appending.length).toBeLessThanOrEqual(3);
});

test('a server that does not gets one', async () => {
  const { imap } = await haul({ capabilities: [...base, 'UIDPLUS', 'LITERAL+'] });
  expect(imap.connections.filter(({ appends }) => appends.length > 0)).toHaveLength(1);
});

describe('a refused message costs only itself', () => {
  test.each([
    ['in a MULTIAPPEND', ['MULTIAPPEND', 'LITERAL+', 'UIDPLUS']],
    ['in a MULTIAPPEND whose literals ask', ['MULTIAPPEND', 'UIDPLUS']],
    ['among pipelined commands', ['LITERAL+', 'UIDPLUS']],
    ['among commands that ask', ['UIDPLUS']],
  ])('%s', async (_, more) => {
    const poison = 'Message-ID: <many-77@x>';
    const isPoison = ({ bytes }: { bytes: Buffer }) => bytes.includes(poison);
    const pop = await rig.pop({ messages });
    const imap = await rig.imap({
      capabilities: [...base, ...more],
      refuse: (message) => (isPoison(message) ? 'NO [CANNOT] not this one' : undefined),
    });
    const list = await rig.list([scriptedRow(pop, imap, { id: user })]);
    const ended = await rig.sync(list);
    expectReport(ended);
    expect(ended.status).toBe(3);
    expect(ended.account.messages).toMatchObject({ appended: messages.length - 1, refused: 1, pending: 0 });
    expect(ended.account.problems).toMatchObject([{ code: 'append-refused', count: 1 }]);
    expectStored(
      imap,
      messages.filter((message) => !isPoison(message)),
    );
    await expectScriptedUntouched(pop);
  });
});

test('a message that is too large for its mailbox is refused before it is sent, where each has a limit of its own', async () => {
  const limit = 1200;
  const pop = await rig.pop({ messages });
  const appendLimits = { INBOX: limit };
  const imap = await rig.imap({ capabilities: [...base, 'LITERAL+', 'UIDPLUS', 'APPENDLIMIT'], appendLimits });
  const ended = await rig.sync(await rig.list([scriptedRow(pop, imap)]));
  expectReport(ended);
  const fitting = messages.filter(({ bytes }) => bytes.length <= limit);
  const large = messages.length - fitting.length;
  expect(large).toBeGreaterThan(10);
  expect(ended.account.messages).toMatchObject({ appended: fitting.length, refused: large, pending: 0 });
  expect(ended.account.problems).toMatchObject([{ code: 'message-too-big', count: large }]);
  expectStored(imap, fitting);
  const sent = imap.connections.flatMap(({ appends }) => appends.flatMap(({ literals: each }) => each));
  expect(Math.max(...sent.map(({ size }) => size))).toBeLessThanOrEqual(limit);
  await expectScriptedUntouched(pop);
});
