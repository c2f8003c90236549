/** Destinations that keep one of several messages, or change what they keep: counted, told, and no reason to stop. */
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

const mail = (id: string, body: string) =>
  Buffer.from(`Message-ID: <${id}@x>\r\nFrom: a@x\r\nSubject: ${body}\r\n\r\n${body}\r\n`);
const messages = [
  mail('a', 'first'),
  mail('b', 'second'),
  mail('a', 'third'),
  mail('old', 'fourth'),
  mail('c', 'last'),
];
const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'LITERAL+', 'UIDPLUS'];

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
  pop = await rig.pop({ messages: messages.map((bytes, n) => ({ uidl: `u${n}`, bytes })) });
});

afterEach(() => rig.end());

async function sync(...args: string[]): Promise<Ended> {
  const ended = await rig.sync(list, ['--json', ...args]);
  expectReport(ended);
  return ended;
}

function verify(...args: string[]): Promise<Ended> {
  const config = join(rig.directory, 'settings.yaml');
  return rig.haul(['verify', list, '--json', '--config', config, '--data-dir', rig.dataDir, ...args]).ended;
}

test('what was merged is a duplicate of what was kept, in every run and for verify', async () => {
  imap = await rig.imap({ capabilities, merges: true });
  imap.store('INBOX', mail('old', 'another'));
  list = await rig.list([scriptedRow(pop, imap)]);
  const { account, status } = await sync();
  expect(account).toMatchObject({ state: 'complete', messages: { appended: 3, duplicate: 2, pending: 0 } });
  expect(account.problems).toMatchObject([{ code: 'merged-by-destination', stops: 'none', count: 2 }]);
  expect(status).toBe(0);
  expect(imap.stored()).toHaveLength(4);
  // Several messages of the source with one at the destination: nothing is missing.
  for (const depth of [[], ['--deep']]) {
    const proof = (await verify(...depth)).account;
    expect(proof).toMatchObject({ state: 'complete', problems: [], messages: { known: 5 } });
  }
  expect((await sync('--recheck')).account.messages).toMatchObject({ known: 5, appended: 0 });
  await expectScriptedUntouched(pop);
});

test('what a profile says is rewritten is counted, and what it leaves alone is not', async () => {
  imap = await rig.imap({ rewrite: (bytes) => Buffer.concat([Buffer.from('X-Seen-By: us\r\n'), bytes]) });
  list = await rig.list([scriptedRow(pop, imap)]);
  const facts = 'source: our own, date: 2026';
  const profile = `cellar:
  title: The server in the cellar
  hosts: { names: [127.0.0.1], ${facts} }
  pop: { auth: [password], user: address, ${facts} }
  imap: { auth: [password], user: address, ${facts} }
  quirks: { rewritesMail: { text: It adds lines., ${facts} } }
`;
  await rig.settings({ providersFile: await rig.file('own.yaml', profile) });
  const { account, status } = await sync();
  expect(account).toMatchObject({ state: 'complete', rewritten: 5, messages: { appended: 5 } });
  expect(account.problems).toMatchObject([{ code: 'rewritten-by-destination', stops: 'none', count: 5 }]);
  expect(status).toBe(0);
  const again = (await sync()).account;
  expect(again).toMatchObject({ rewritten: 0, problems: [], messages: { known: 5 } });
  // What verify counts is what it sees.
  expect((await verify('--deep')).account).toMatchObject({ state: 'complete', rewritten: 5 });
});
