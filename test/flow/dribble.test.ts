/** Source and destination whose every byte comes alone, and goes alone: nothing depends on where a packet ends. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { UnkindLine } from '../servers/unkind-line.ts';
import { compareMailboxes, mailboxContents } from '../servers/witness.ts';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

/** Few bytes, with every kind of dot and line end that a cut could spoil. */
const messages = [
  'Message-ID: <1@x>\r\n\r\n.\r\n..\r\n.a\r\n..b\r\n',
  'Subject: b\r\n\r\n\r\n\r.\n.\r\n',
  '\r\n.\r\n',
].map((text, at) => ({ uidl: `u${at}`, bytes: Buffer.from(text) }));
const count = messages.length;
const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE'];

let rig: HaulRig;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

async function dribbling(port: number): Promise<UnkindLine> {
  const line = await UnkindLine.start(port, { dribbles: true });
  rig.atEnd(() => line.close());
  return line;
}

async function expectHauled(list: string): Promise<void> {
  const ended = await rig.sync(list);
  expect(expectReport(ended).totals.messages).toMatchObject({
    listed: count,
    appended: count,
  });
  expect(ended.account.problems).toEqual([]);
  expect(ended.status).toBe(0);
  expect((await rig.sync(list)).account.messages).toMatchObject({ known: count, appended: 0 });
}

describe('one byte at a time, in both directions and on both sides', () => {
  test.each([
    ['MULTIAPPEND, UIDPLUS', ['LITERAL+', 'MULTIAPPEND', 'UIDPLUS']],
    ['neither, and synchronising literals', []],
  ])('to a server with %s', async (_, more) => {
    const pop = await rig.pop({ messages: [...messages] });
    const imap = await rig.imap({ capabilities: [...base, ...more] });
    const [from, to] = [await dribbling(pop.port), await dribbling(imap.port)];
    await expectHauled(await rig.list([scriptedRow(from, to)]));
    expect(imap.stored().map(String).sort()).toEqual(messages.map(({ bytes }) => String(bytes)).sort());
    const size = messages.reduce((sum, { bytes }) => sum + bytes.length, 0);
    expect(from.carried.down).toBeGreaterThan(size);
    expect(to.carried.up).toBeGreaterThan(size);
    await expectScriptedUntouched(pop);
  });

  test('to Dovecot', async () => {
    const pop = await rig.pop({ messages: [...messages] });
    const destination = await rig.dovecot({ protocols: ['imap'] });
    const [from, to] = [await dribbling(pop.port), await dribbling(destination.imapPort)];
    await expectHauled(await rig.list([scriptedRow(from, to)]));
    const there = mailboxContents({ port: destination.imapPort, user: 'ann', password: 'pw' });
    expect(await compareMailboxes(messages, there)).toMatchObject({ exact: count, missing: 0, extra: 0, doubled: 0 });
  });
});
