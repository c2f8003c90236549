/** Sources that list in parts, hide what was fetched, rename their mail or give no unique ids (pop3-quirks §1.1, §1.4). */
import { join } from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { FaultLanes, type LaneRun, type Outcome } from './fault-lanes.ts';
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

describe('runs of sources that are odd for good', () => {
  interface Oddity {
    readonly pop?: PopBehaviour;
    /** What happens behind the first run, and behind the second. */
    readonly afterFirst?: (pop: ScriptedPop3, imap: ScriptedImap) => void;
    readonly afterSecond?: (pop: ScriptedPop3) => void;
  }
  const ids = (number: number) => (number < 10 ? 'same' : number < 15 ? '' : `u${number}`);
  const sizes = [-1, 0, 1, 5_000_000_000_000, '', 'many'];
  const replaced = (gone: number) => (from: ScriptedPop3, to: ScriptedImap) => {
    const inbox = to.mailboxes.get('INBOX')!;
    inbox.uidValidity += 1;
    inbox.messages.splice(10, gone);
    from.behaviour.messages!.push({ uidl: 'new', bytes: Buffer.from('Message-ID: <new@x>\r\n\r\nnew\r\n') });
  };
  const oddities = {
    parts: { pop: { hides: { atMost: 25 } } },
    renamed: {
      afterFirst: (from) => {
        from.behaviour.messages = mail('renamed');
      },
    },
    'no ids': { pop: { replies: { UIDL: '-ERR unknown command\r\n' } } },
    'no ids for a while': {
      afterFirst: (from, to) => {
        to.mailboxes.get('INBOX')!.messages.splice(10, 5);
        from.behaviour.replies = { UIDL: '-ERR try again\r\n' };
      },
      afterSecond: (from) => {
        delete from.behaviour.replies;
      },
    },
    'shared ids': { pop: { messages: mail().map((message, i) => ({ ...message, uidl: ids(i) })) } },
    'long ids': { pop: { messages: mail('x'.repeat(200)) } },
    sizes: { pop: { messages: mail().map((message, i) => ({ ...message, octets: sizes[i % sizes.length]! })) } },
    unreadable: {
      pop: { replies: { 'RETR 3': '-ERR cannot read it\r\n' } },
      afterFirst: (from) => {
        from.behaviour.replies = {};
      },
    },
    expunged: { pop: { replies: { 'RETR 3': '-ERR message expunged\r\n' } } },
    unlisted: {
      pop: { replies: { 'RETR 3': '-ERR internal error\r\n' } },
      afterFirst: (from) => {
        delete from.behaviour.afterQuit;
      },
    },
    'replaced, and lacks mail': { afterFirst: replaced(2) },
    'replaced, and lacks nothing': { afterFirst: replaced(0) },
  } satisfies Record<string, Oddity>;
  type Name = keyof typeof oddities;
  let lanes: FaultLanes;
  let runs: LaneRun[];

  const outcomes = (name: Name) => runs.map(({ of }) => of.get(name)!) as [Outcome, Outcome, Outcome, Outcome];
  const problems = ({ account }: Outcome) => account.problems.map(({ code }) => code);
  const retrieved = ({ asked }: Outcome) => asked.filter((line) => line.startsWith('RETR')).length;
  /** Each message once, in the order of the source. */
  const expectAll = ({ stored }: Outcome) =>
    expect(stored.map(String)).toEqual(mail().map(({ bytes }) => String(bytes)));

  beforeAll(async () => {
    rig = await HaulRig.make();
    const all: [string, Oddity][] = Object.entries(oddities);
    const faults = all.map(([name, { pop: more }]) => [name, { pop: { messages: mail(), ...more } }]);
    lanes = await FaultLanes.start(rig, Object.fromEntries(faults), []);
    const unlisted = lanes.pop('unlisted').behaviour;
    unlisted.afterQuit = () => void unlisted.messages?.splice(2, 1);
    runs = [await lanes.haul()];
    for (const [name, { afterFirst }] of all) afterFirst?.(lanes.pop(name), lanes.imap(name));
    runs.push(await lanes.haul());
    for (const [name, { afterSecond }] of all) afterSecond?.(lanes.pop(name));
    runs.push(await lanes.haul());
    runs.push(await lanes.haul({}, ['--recheck']));
    return () => rig.end();
  });

  test('leave the sources as they were', async () => {
    for (const name of Object.keys(oddities)) {
      // Where the scripted source neither hides nor refuses, an independent client must still list everything.
      const { hides, replies, messages } = lanes.pop(name).behaviour;
      if (!hides && !replies && messages?.every(({ uidl }) => uidl)) await lanes.expectUntouched(name);
    }
  });

  test('a source that lists in parts and hides what was fetched is drained by further sessions until one lists nothing new', () => {
    const [first, second] = outcomes('parts');
    expect(first.account).toMatchObject({ problems: [], state: 'complete' });
    expect(first.account.messages).toMatchObject({ listed: count, appended: count, pending: 0 });
    expectAll(first);
    expect(first.asked.filter((line) => line === 'QUIT')).toHaveLength(6);
    expect(second.account.messages).toMatchObject({ listed: 0, appended: 0 });
  });

  test('unique ids that are all new at the next run: mail is downloaded again and none of it carried again', () => {
    const [, second, third] = outcomes('renamed');
    expect(second.account.state).toBe('complete');
    expect(second.account.messages).toMatchObject({ listed: count, appended: 0, duplicate: count });
    expect(problems(second)).toEqual(['uidl-reset']);
    expectAll(second);
    expect(third.account.messages).toMatchObject({ known: count, duplicate: 0 });
  });

  test('unique ids that the source does not give: every run downloads, none appends twice', () => {
    const [first, second] = outcomes('no ids');
    expect(first.account.messages).toMatchObject({ listed: count, appended: count });
    expect(problems(first)).toEqual(['uidl-missing']);
    expectAll(first);
    expect(second.account.messages).toMatchObject({ listed: count, known: count, appended: 0, duplicate: 0 });
    expectAll(second);
  });

  test('unique ids that the source refuses for a while: nothing is fetched again, and what was deleted does not come back', () => {
    const [first, second, third] = outcomes('no ids for a while');
    expect(problems(second)).toEqual(['server-unavailable']);
    expect(second.account.problems[0]!.text).toContain('it refuses UIDL, which it answered before');
    expect(third.account.messages).toMatchObject({ listed: count, known: count });
    expect(retrieved(third)).toBe(retrieved(first));
    expect(third.stored).toHaveLength(count - 5);
  });

  test('unique ids that several messages share, or that are blank: those are compared by content', () => {
    const [first, second] = outcomes('shared ids');
    expect(first.account.messages).toMatchObject({ listed: count, appended: count });
    expect(problems(first)).toEqual(['uidl-shared']);
    expect(second.account.messages).toMatchObject({ listed: count, known: count, appended: 0 });
    expectAll(second);
  });

  test('unique ids that are longer than RFC 1939 allows are ids like others', () => {
    const [first, second] = outcomes('long ids');
    expect(first.account.messages).toMatchObject({ appended: count });
    expect(second.account.messages).toMatchObject({ known: count });
    expectAll(second);
  });

  test('sizes that are far from the truth change nothing', () => {
    const [{ account, ...first }] = outcomes('sizes');
    expect(account.messages).toMatchObject({ listed: count, appended: count });
    expect(account.state).toBe('complete');
    expectAll({ account, ...first });
  });

  test('a message that the source does not hand out, and still lists, is failed; the next run gets it', () => {
    const [first, second] = outcomes('unreadable');
    expect(first.account.state).toBe('incomplete');
    expect(first.account.messages).toMatchObject({ listed: count, appended: count - 1, failed: 1, pending: 0 });
    expect(problems(first)).toEqual(['message-unreadable']);
    expect(second.account.messages).toMatchObject({ listed: count, known: count - 1, appended: 1, failed: 0 });
    expect(second.account.state).toBe('complete');
  });

  test.each(['expunged', 'unlisted'] as const)('a message that is %s has vanished', (name) => {
    const [{ account }] = outcomes(name);
    expect(account.messages).toMatchObject({ listed: count, appended: count - 1, vanished: 1, failed: 0 });
    expect(account.state).toBe('complete');
  });

  test('a mailbox that was replaced and lacks mail stops the account until somebody has looked', () => {
    const [, second, third, looked] = outcomes('replaced, and lacks mail');
    for (const { account } of [second, third]) {
      expect(account.state).not.toBe('complete');
      expect(account.problems.map(({ code }) => code)).toEqual(['uidvalidity-changed']);
      expect(account.messages).toMatchObject({ known: count, appended: 0, pending: 1 });
    }
    expect(looked.account.messages).toMatchObject({ known: count, appended: 1, pending: 0 });
    // What is gone was deleted by somebody there: it does not come back.
    expect(looked.stored).toHaveLength(count - 1);
  });

  test('a mailbox that was replaced and lacks nothing goes on', () => {
    const [, second] = outcomes('replaced, and lacks nothing');
    expect(second.account.messages).toMatchObject({ known: count, appended: 1 });
    expect(second.stored).toHaveLength(count + 1);
  });

  test('that are not through show in the status', () => {
    expect(runs.map(({ ended }) => ended.status)).toEqual([3, 3, 3, 0]);
  });
});

describe('a run of its own', () => {
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

  test.each(['mid-retr:10', 'before-register', 'after-register', 'before-quit'])(
    'of a source that lists in parts loses nothing when the program dies at %s',
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

  test('of a source that lists in parts leaves there what another host has in its spool', async () => {
    await rig.settings({ batchMaxMessages: '7', leaseMs: '1000', spoolLostAfterMs: '5000' });
    await servers({ hides: { atMost: 25 } });
    const { url } = await rig.redis();
    const on = (host: string) => ['--json', '--redis', url, '--data-dir', join(rig.directory, host)];
    imap.behaviour.login = () => 'NO [UNAVAILABLE] not today';
    expect((await rig.sync(list, on('one'), { MAILHAUL_CRASH_AT: 'before-quit' })).status).toBe(null);
    delete imap.behaviour.login;
    // The first session of the other host finds nothing new, and could have the source go on.
    const hidden: number[] = [];
    pop.behaviour.afterQuit = () => hidden.push(pop.hidden.size);
    const ended = await rig.sync(list, on('other'));
    expect(hidden[0]).toBe(0);
    // The first host does not come back: what it had is fetched once more, and hidden as all else.
    expect(hidden.at(-1)).toBe(count);
    expect(ended.account.messages).toMatchObject({ pending: 0, failed: 0 });
    expectStored();
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

  test('of a source that says that a message is expunged as it hangs up: it is gone from the next listing, and the run goes on with that', async () => {
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
});
