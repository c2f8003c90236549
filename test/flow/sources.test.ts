/** Sources that list in parts, hide what was fetched, rename their mail or give no unique ids (pop3-quirks §1.1, §1.4). */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

const count = 120;

/** Fresh messages, all different; a renamed source has others of the same bytes. */
function mail(prefix = 'u'): NonNullable<PopBehaviour['messages']> {
  return Array.from({ length: count }, (_, i) => ({
    uidl: `${prefix}${i}`,
    bytes: Buffer.from(`Message-ID: <${i}@x>\r\nSubject: ${i}\r\n\r\n${'body\r\n'.repeat(i)}`),
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
  // Where the scripted source neither hides nor refuses, an independent client must still list everything.
  if (!pop.behaviour.hides && !pop.behaviour.replies && pop.behaviour.messages?.every(({ uidl }) => uidl)) {
    await expectScriptedUntouched(pop);
  }
  await rig.end();
});

async function servers(behaviour: PopBehaviour): Promise<void> {
  pop = await rig.pop({ messages: mail(), ...behaviour });
  imap = await rig.imap();
  list = await rig.list([scriptedRow(pop, imap)]);
}

async function haul(args?: string[], env?: NodeJS.ProcessEnv): Promise<Ended> {
  const ended = await rig.sync(list, args, env);
  expectReport(ended);
  return ended;
}

/** Each message once, in the order of the source. */
function expectStored(messages = mail()): void {
  expect(imap.stored().map(String)).toEqual(messages.map(({ bytes }) => String(bytes)));
}

function codes(ended: Ended): string[] {
  return ended.account.problems.map(({ code }) => code);
}

describe('a source that lists in parts and hides what was fetched', () => {
  test('is drained by further sessions until one lists nothing new', async () => {
    await servers({ hides: { atMost: 25 } });
    const ended = await haul();
    expect(ended.account.problems).toEqual([]);
    expect(ended.account.messages).toMatchObject({ listed: count, appended: count, pending: 0 });
    expect(ended.status).toBe(0);
    expectStored();
    expect(pop.seen('QUIT')).toHaveLength(6);
    expect((await haul()).account.messages).toMatchObject({ listed: 0, appended: 0 });
  });

  test.each(['mid-retr:10', 'after-fsync', 'after-register', 'before-quit'])(
    'loses nothing when the program dies at %s',
    async (step) => {
      await rig.settings({ batchMaxMessages: '7' });
      await servers({ hides: { atMost: 25 } });
      expect((await rig.sync(list, ['--json'], { MAILHAUL_CRASH_AT: step })).status).toBe(null);
      expect(pop.hidden.size).toBe(0);
      const ended = await haul();
      expect(ended.account.problems).toEqual([]);
      expect(ended.status).toBe(0);
      // What was settled before the crash and then hidden is not listed any more.
      expect(ended.account.messages).toMatchObject({ pending: 0, failed: 0, duplicate: 0 });
      expectStored();
    },
  );
});

describe('unique ids', () => {
  test('that are all new at the next run: mail is downloaded again and none of it carried again', async () => {
    await servers({});
    await haul();
    pop.behaviour.messages = mail('renamed');
    const ended = await haul();
    expect(ended.status).toBe(0);
    expect(ended.account.messages).toMatchObject({ listed: count, appended: 0, duplicate: count });
    expect(codes(ended)).toEqual(['uidl-reset']);
    expectStored();
    expect((await haul()).account.messages).toMatchObject({ known: count, duplicate: 0 });
  });

  test('that the source does not give: every run downloads, none appends twice', async () => {
    await servers({ replies: { UIDL: '-ERR unknown command\r\n' } });
    const first = await haul();
    expect(first.account.messages).toMatchObject({ listed: count, appended: count });
    expect(codes(first)).toEqual(['uidl-missing']);
    expectStored();
    const second = await haul();
    expect(second.account.messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0 });
    expectStored();
  });

  test('that the source refuses for a while: nothing is fetched again, and what was deleted does not come back', async () => {
    await servers({});
    await haul();
    imap.mailboxes.get('INBOX')!.messages.splice(10, 5);
    pop.behaviour.replies = { UIDL: '-ERR try again\r\n' };
    const fetched = pop.seen('RETR').length;
    const ended = await haul();
    expect(codes(ended)).toEqual(['server-unavailable']);
    expect(ended.account.problems[0]!.text).toContain('it refuses UIDL, which it answered before');
    delete pop.behaviour.replies;
    expect((await haul()).account.messages).toMatchObject({ listed: count, known: count });
    expect(pop.seen('RETR')).toHaveLength(fetched);
    expect(imap.stored()).toHaveLength(count - 5);
  });

  test('that several messages share, or that are blank: those are compared by content', async () => {
    const messages = mail().map((message, i) => ({ ...message, uidl: i < 10 ? 'same' : i < 15 ? '' : message.uidl }));
    await servers({ messages });
    const first = await haul();
    expect(first.account.messages).toMatchObject({ listed: count, appended: count });
    expect(codes(first)).toEqual(['uidl-shared']);
    const second = await haul();
    expect(second.account.messages).toMatchObject({ listed: count, known: count, appended: 0 });
    expectStored();
  });

  test('that are longer than RFC 1939 allows are ids like others', async () => {
    await servers({ messages: mail('x'.repeat(200)) });
    expect((await haul()).account.messages).toMatchObject({ appended: count });
    expect((await haul()).account.messages).toMatchObject({ known: count });
    expectStored();
  });
});

test('a source that says EXPIRE 0 and deletes what was fetched at QUIT: nothing is lost, and the report says so', async () => {
  await rig.settings({ batchMaxMessages: '7' });
  await servers({ capabilities: ['UIDL', 'SASL PLAIN', 'EXPIRE 0'], hides: { atMost: count } });
  expect((await rig.sync(list, ['--json'], { MAILHAUL_CRASH_AT: 'before-quit' })).status).toBe(null);
  expect(pop.hidden.size).toBe(0);
  const ended = await haul();
  expect(ended.account.messages).toMatchObject({ pending: 0, failed: 0, duplicate: 0 });
  expect(codes(ended)).toEqual(['source-may-expire']);
  expect(ended.status).toBe(0);
  expectStored();
});

test('sizes that are far from the truth change nothing', async () => {
  const sizes = [-1, 0, 1, 5_000_000_000_000, '', 'many'];
  await servers({ messages: mail().map((message, i) => ({ ...message, octets: sizes[i % sizes.length]! })) });
  const ended = await haul();
  expect(ended.account.messages).toMatchObject({ listed: count, appended: count });
  expect(ended.status).toBe(0);
  expectStored();
});

describe('a message that the source does not hand out', () => {
  test('and still lists is failed; the next run gets it', async () => {
    await servers({ replies: { 'RETR 3': '-ERR cannot read it\r\n' } });
    const first = await haul();
    expect(first.status).toBe(3);
    expect(first.account.messages).toMatchObject({ listed: count, appended: count - 1, failed: 1, pending: 0 });
    expect(codes(first)).toEqual(['message-unreadable']);
    pop.behaviour.replies = {};
    const second = await haul();
    expect(second.account.messages).toMatchObject({ listed: count, known: count - 1, appended: 1, failed: 0 });
    expect(second.status).toBe(0);
  });

  test('and says that it was deleted has vanished', async () => {
    await servers({ replies: { 'RETR 3': '-ERR message expunged\r\n' } });
    const ended = await haul();
    expect(ended.account.messages).toMatchObject({ appended: count - 1, vanished: 1, failed: 0 });
    expect(ended.status).toBe(0);
  });

  test('and says so as it hangs up is gone from the next listing, and the run goes on with that', async () => {
    const gone = '-ERR Message 3 expunged.\r\n';
    await servers({ replies: { 'RETR 3': gone }, cut: { at: 'RETR 3', afterBytes: gone.length } });
    const hauling = rig.startSync(list);
    await rig.reaches(() => pop.seen('RETR').includes('RETR 3'), hauling);
    pop.behaviour.messages!.splice(2, 1);
    delete pop.behaviour.cut;
    delete pop.behaviour.replies;
    const ended = await hauling.ended;
    expectReport(ended);
    expect(ended.account.messages).toMatchObject({ appended: count - 1, failed: 0, pending: 0 });
    expect(ended.status).toBe(0);
  });

  test('and lists no more in the next session has vanished too', async () => {
    await servers({
      replies: { 'RETR 3': '-ERR internal error\r\n' },
      afterQuit: () => void pop.behaviour.messages?.splice(2, 1),
    });
    const ended = await haul();
    expect(ended.account.messages).toMatchObject({ listed: count, appended: count - 1, vanished: 1, failed: 0 });
    expect(ended.status).toBe(0);
  });
});

test('a mailbox that was replaced and lacks mail stops the account until somebody has looked', async () => {
  await servers({});
  await haul();
  const inbox = imap.mailboxes.get('INBOX')!;
  inbox.uidValidity += 1;
  inbox.messages.splice(10, 2);
  pop.behaviour.messages!.push({ uidl: 'new', bytes: Buffer.from('Message-ID: <new@x>\r\n\r\nnew\r\n') });
  for (const _ of [1, 2]) {
    const ended = await haul();
    expect(ended.status).toBe(3);
    expect(codes(ended)).toEqual(['uidvalidity-changed']);
    expect(ended.account.messages).toMatchObject({ known: count, appended: 0, pending: 1 });
  }
  const looked = await haul(['--json', '--recheck']);
  expect(looked.account.messages).toMatchObject({ known: count, appended: 1, pending: 0 });
  // What is gone was deleted by somebody there: it does not come back.
  expect(imap.stored()).toHaveLength(count - 1);
});

test('a mailbox that was replaced and lacks nothing goes on', async () => {
  await servers({});
  await haul();
  imap.mailboxes.get('INBOX')!.uidValidity += 1;
  pop.behaviour.messages!.push({ uidl: 'new', bytes: Buffer.from('Message-ID: <new@x>\r\n\r\nnew\r\n') });
  expect((await haul()).account.messages).toMatchObject({ known: count, appended: 1 });
  expect(imap.stored()).toHaveLength(count + 1);
});

test('after a flush headers are held against the destination, and only what they leave in doubt is fetched', async () => {
  const twins = [1, 2].map((n) => ({ uidl: `twin${n}`, bytes: Buffer.from(`Subject: no id\r\n\r\nbody ${n}\r\n`) }));
  const redis = await rig.redis();
  await servers({ messages: [...mail(), ...twins] });
  const args = ['--json', '--redis', redis.url];
  expect((await haul(args)).account.messages).toMatchObject({ appended: count + 2 });
  const fetched = pop.seen('RETR').length;
  await redis.stop();
  const empty = await rig.redis();
  const ended = await haul(['--json', '--redis', empty.url]);
  expect(ended.account.messages).toMatchObject({ listed: count + 2, appended: 0, duplicate: count + 2 });
  expect(pop.seen('TOP')).toHaveLength(count + 2);
  expect(pop.seen('RETR').length - fetched).toBe(twins.length);
  expect(imap.stored()).toHaveLength(count + 2);
});
