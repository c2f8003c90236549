/** Sources whose listing changed between two runs, and one whose mail was fetched, hidden, and lost with the spool. */
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

const count = 60;

function mail(): NonNullable<PopBehaviour['messages']> {
  return Array.from({ length: count }, (_, i) => ({
    uidl: `u${i}`,
    // Every third has no Message-ID.
    bytes: Buffer.from(`${i % 3 === 0 ? '' : `Message-ID: <${i}@x>\r\n`}Subject: ${i % 6}\r\n\r\nbody ${i}\r\n`),
  }));
}

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;
let list: string;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(async () => {
  if (!pop.behaviour.hides) await expectScriptedUntouched(pop);
  await rig.end();
});

async function servers(behaviour: PopBehaviour = {}): Promise<void> {
  pop = await rig.pop({ messages: mail(), ...behaviour });
  imap = await rig.imap();
  list = await rig.list([scriptedRow(pop, imap)]);
}

async function haul(): Promise<Ended> {
  const ended = await rig.sync(list);
  expectReport(ended);
  return ended;
}

const texts = (messages: readonly Buffer[]) => messages.map(String);
const codes = ({ account }: Ended) => account.problems.map(({ code, count }) => `${code} ${count}`);

/** Each message once, in the order of the first listing. */
function expectStored(): void {
  expect(texts(imap.stored())).toEqual(texts(mail().map(({ bytes }) => bytes)));
}

describe('unique ids that stay', () => {
  test('in another order, under other numbers: nothing is fetched again', async () => {
    await servers();
    await haul();
    pop.behaviour.messages!.reverse();
    pop.transcript.length = 0;
    const reversed = await haul();
    expect(reversed.account.messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0 });
    expect(reversed.account.problems).toEqual([]);
    // Somebody else deleted at the source: the numbers of all others move.
    pop.behaviour.messages!.splice(0, 5);
    pop.behaviour.messages!.splice(20, 1);
    const fewer = await haul();
    expect(fewer.account.messages).toMatchObject({ listed: count - 6, known: count - 6, appended: 0 });
    expect(fewer.status).toBe(0);
    expect(pop.seen('RETR')).toEqual([]);
    expect(pop.seen('TOP')).toEqual([]);
    expectStored();
  });

  test('among which new mail appears first: it alone is fetched', async () => {
    await servers();
    await haul();
    const bytes = Buffer.from('Message-ID: <new@x>\r\n\r\nnew\r\n');
    pop.behaviour.messages!.unshift({ uidl: 'new', bytes });
    pop.transcript.length = 0;
    expect((await haul()).account.messages).toMatchObject({ listed: count + 1, known: count, appended: 1 });
    expect(pop.seen('RETR')).toEqual(['RETR 1']);
    expect(texts(imap.stored()).at(-1)).toBe(String(bytes));
    expect(imap.stored()).toHaveLength(count + 1);
  });
});

describe('unique ids of which some changed at the same count', () => {
  function rename(from: number, to: number): void {
    for (const [at, message] of pop.behaviour.messages!.entries()) {
      if (at >= from && at < to) message.uidl = `renamed${at}`;
    }
  }

  test.each([
    ['a few', 10, []],
    ['most', 40, ['uidl-reset 1']],
  ])('%s: they are fetched and recognised, and the report says how', async (_, changed, told) => {
    await servers();
    await haul();
    rename(5, 5 + changed);
    pop.transcript.length = 0;
    const ended = await haul();
    expect(ended.status).toBe(0);
    const known = count - changed;
    expect(ended.account.messages).toMatchObject({ listed: count, known, appended: 0, duplicate: changed });
    expect(codes(ended)).toEqual(told);
    expect(pop.seen('RETR')).toHaveLength(changed);
    expectStored();
    expect((await haul()).account.messages).toMatchObject({ listed: count, known: count, duplicate: 0 });
    expectStored();
  });

  test('while the user deleted some of them at the destination: those of a renamed source stay deleted', async () => {
    await servers();
    await haul();
    imap.mailboxes.get('INBOX')!.messages.splice(20, 10);
    rename(5, 45);
    const ended = await haul();
    expect(ended.account.messages).toMatchObject({ listed: count, known: 20, appended: 0, duplicate: 40 });
    expect(codes(ended)).toEqual(['uidl-reset 1']);
    expect(imap.stored()).toHaveLength(count - 10);
  });

  test('and new mail came with them: it arrives', async () => {
    await servers();
    await haul();
    rename(0, 50);
    const bytes = Buffer.from('Subject: 1\r\n\r\nbody of another\r\n');
    pop.behaviour.messages!.push({ uidl: 'new', bytes });
    const ended = await haul();
    expect(ended.account.messages).toMatchObject({ listed: count + 1, known: 10, appended: 1, duplicate: 50 });
    expect(codes(ended)).toEqual(['uidl-reset 1']);
    expect(texts(imap.stored())).toEqual([...texts(mail().map((one) => one.bytes)), String(bytes)]);
  });
});

describe('a source that hides what was fetched, and a spool that is lost behind its QUIT', () => {
  const batchFiles = async (spool: string) => (await readdir(spool)).filter((name) => name.endsWith('.batch'));

  test.each(['its batch files', 'the whole directory'])('%s: each message is counted as failed', async (what) => {
    await rig.settings({ batchMaxMessages: '8', spoolLostAfterMs: '1000' });
    await servers({ hides: { atMost: 25 } });
    imap.behaviour.login = () => 'NO [UNAVAILABLE] not today';
    const first = await haul();
    expect(first.status).toBe(3);
    expect(first.account.messages).toMatchObject({ listed: count, appended: 0, pending: count });
    expect(pop.hidden.size).toBe(count);
    const spool = join(rig.dataDir, 'spool');
    const files = await batchFiles(spool);
    expect(files.length).toBeGreaterThan(6);
    if (what === 'the whole directory') await rm(spool, { recursive: true });
    else for (const name of files) await rm(join(spool, name));

    delete imap.behaviour.login;
    pop.behaviour.messages!.push({ uidl: 'new', bytes: Buffer.from('Message-ID: <new@x>\r\n\r\nnew\r\n') });
    const found = await haul();
    expect(found.status).toBe(3);
    const { failed, pending, ...rest } = found.account.messages;
    // A batch that is found to be lost after the last listing is left to the next run.
    expect(failed + pending).toBe(count);
    expect(rest).toMatchObject({ vanished: 0, appended: 1, known: 0 });
    const next = await haul();
    expect(next.status).toBe(3);
    expect(next.account.messages).toMatchObject({ failed: count, pending: 0, vanished: 0, appended: 0 });
    const hidden = next.account.problems.find(({ code }) => code === 'message-hidden');
    expect(hidden).toMatchObject({ count, stops: 'message' });
    expect(texts(imap.stored())).toEqual(['Message-ID: <new@x>\r\n\r\nnew\r\n']);
    // Somebody offers them again: now they arrive, and nothing is failed any more.
    pop.hidden.clear();
    const offered = await haul();
    expect(offered.account.messages).toMatchObject({ appended: count, failed: 0, pending: 0 });
    expect(offered.status).toBe(0);
    expect(imap.stored()).toHaveLength(count + 1);
  });
});
