/** What only a scripted destination does on demand: it stores or does not, in part or late, and then falls silent. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { AppendedMessage } from '../servers/scripted-imap.ts';
import { CrashRig, forms, type ScriptedLane, scriptedLane } from './crash-rig.ts';

const seed = Number(process.env['MAILHAUL_TEST_SEED'] ?? Date.now() % 1_000_000);
const endings = ['before-storing', 'after-storing'] as const;

let rig: CrashRig;

beforeEach(async () => {
  rig = await CrashRig.make({ retryWaitsMs: '[10, 20, 50, 100, 100, 100]' });
});

afterEach(() => rig.end());

/** A lane for each form of destination. */
function lanesOf(name: string, among = forms): Promise<ScriptedLane[]> {
  return Promise.all(among.map((form, at) => scriptedLane(rig.haul, form, name, seed + at)));
}

function listOf(lanes: readonly ScriptedLane[]): Promise<string> {
  return rig.haul.list(lanes.map(({ row }) => row));
}

/** True once the whole of a message has come, not only its announcement. */
function isWhole({ bytes }: AppendedMessage): boolean {
  return bytes.length > 0;
}

describe(`the connection ends behind the closing bytes (seed ${seed})`, () => {
  test('and the run goes on by itself', async () => {
    const lanes: ScriptedLane[] = [];
    let ended = 0;
    for (const ending of endings) {
      for (const lane of await lanesOf(ending)) {
        lanes.push(lane);
        let done = false;
        lane.imap.behaviour.drop = (message) => {
          if (done || !isWhole(message) || message.number < 9) return undefined;
          done = true;
          ended += 1;
          return ending;
        };
      }
    }
    await rig.finishes(await listOf(lanes), lanes);
    expect(ended).toBe(lanes.length);
  });

  test.each(endings)('%s, and the program dies with it', async (ending) => {
    const lanes = await lanesOf(ending);
    const list = await listOf(lanes);
    for (const { imap, id } of lanes) {
      const haul = rig.startSync(list, ['--account', id]);
      imap.behaviour.drop = (message) => {
        if (!isWhole(message) || message.number < 9) return undefined;
        haul.child.kill('SIGKILL');
        return ending;
      };
      expect((await haul.ended).status).toBeNull();
      delete imap.behaviour.drop;
    }
    await rig.finishes(list, lanes);
  });
});

describe('a MULTIAPPEND that is not atomic: a part of it is stored, and the connection ends', () => {
  const multi = forms.filter(({ multiAppend }) => multiAppend);
  const parts: [string, (index: number) => boolean][] = [
    ['first', (index) => index === 0],
    ['last', (index) => index === 5],
    ['all but first', (index) => index > 0],
    ['every second', (index) => index % 2 === 1],
  ];

  /** The first command that comes, and the first of a later session, are stored in part. */
  function storePart({ imap }: ScriptedLane, isStored: (index: number) => boolean): () => number {
    const known = new Set<string>();
    let parted = 0;
    imap.behaviour.drop = (message) => {
      const text = message.bytes.toString('latin1');
      if (!isWhole(message) || parted >= 12 || known.has(text)) return undefined;
      known.add(text);
      parted += 1;
      if (isStored(message.index)) imap.store(message.mailbox, message.bytes);
      return 'before-storing';
    };
    return () => parted;
  }

  test('whichever part it is: first, last, all but the first, every second', async () => {
    const lanes: ScriptedLane[] = [];
    const counts: (() => number)[] = [];
    for (const [name, isStored] of parts) {
      for (const lane of await lanesOf(name, multi)) {
        lanes.push(lane);
        counts.push(storePart(lane, isStored));
      }
    }
    await rig.finishes(await listOf(lanes), lanes);
    for (const count of counts) expect(count()).toBeGreaterThanOrEqual(12);
  });
});

describe('a server that is odd about UIDs', () => {
  test('UIDVALIDITY 0 in APPENDUID, and a death', async () => {
    const lanes = await lanesOf('zero');
    const list = await listOf(lanes);
    for (const { id, imap } of lanes) {
      imap.behaviour.appendUid = (_, uids) => `APPENDUID 0 ${uids.join(',')}`;
      await rig.dies(list, id, 'after-ok', 2);
    }
    await rig.finishes(list, lanes);
  });

  test('UIDVALIDITY changes after a death, and every UID with it', async () => {
    const lanes = await lanesOf('changed');
    const list = await listOf(lanes);
    for (const { id, imap } of lanes) {
      await rig.dies(list, id, 'after-ok', 2);
      const mailbox = imap.mailboxes.get('INBOX')!;
      expect(mailbox.messages.length).toBeGreaterThan(0);
      mailbox.uidValidity += 1;
      mailbox.messages.reverse().forEach((message, at) => {
        message.uid = at + 1;
      });
      mailbox.uidNext = mailbox.messages.length + 1;
    }
    await rig.finishes(list, lanes);
  });

  test('others deliver into the mailbox all the while', async () => {
    const lanes = await lanesOf('others');
    const list = await listOf(lanes);
    for (const { id, imap, foreign } of lanes) {
      const deliver = () => {
        const bytes = Buffer.from(`Message-ID: <f${foreign.length}@x>\r\n\r\n${foreign.length}\r\n`);
        foreign.push({ bytes, uidl: '' });
        imap.store('INBOX', bytes);
      };
      let drops = 0;
      imap.behaviour.drop = (message) => {
        if (!isWhole(message)) return undefined;
        deliver();
        drops += 1;
        return [3, 9].includes(drops) ? 'after-storing' : undefined;
      };
      await rig.dies(list, id, 'after-closing', 2);
    }
    await rig.finishes(list, lanes);
    for (const { foreign } of lanes) expect(foreign.length).toBeGreaterThan(5);
  });
});

describe('mail of others that looks like ours', () => {
  test('does not pass for a message without Message-ID that was under way', async () => {
    const lanes = await lanesOf('alike');
    const list = await listOf(lanes);
    for (const { id, imap, messages, foreign } of lanes) {
      await rig.dies(list, id, 'after-intent', 1);
      expect(imap.stored()).toEqual([]);
      for (const { bytes } of messages.slice(0, 6)) {
        const header = bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4);
        const other = Buffer.concat([header, Buffer.from('what others wrote\r\n')]);
        if (header.includes('Message-ID') || foreign.some(({ bytes: one }) => one.equals(other))) continue;
        foreign.push({ bytes: other, uidl: '' });
        imap.store('INBOX', other);
      }
      expect(foreign.length).toBeGreaterThan(0);
    }
    await rig.finishes(list, lanes);
  });
});

describe('a server that stores late', () => {
  test('after the first look for what is in doubt, before the last', async () => {
    await rig.haul.settings({ batchMaxMessages: '6', inDoubtWaitsMs: '[0, 1500]' });
    const lanes = await lanesOf('late');
    const stored = lanes.map(storeLate);
    await rig.finishes(await listOf(lanes), lanes);
    expect(stored.map((count) => count() > 0)).toEqual(lanes.map(() => true));
  });

  /** One command is stored when the client has looked for it in vain once. */
  function storeLate({ imap }: ScriptedLane): () => number {
    let late: AppendedMessage[] = [];
    let stored = 0;
    imap.behaviour.drop = (message) => {
      const begins = message.index === 0;
      if (!isWhole(message) || stored > 0 || message.number < 9 || begins === late.length > 0) return undefined;
      late.push(message);
      return 'before-storing';
    };
    // The look is a STATUS; what is late arrives right behind the answer to it.
    imap.behaviour.before = (command) => {
      if (!/ STATUS /.test(command) || late.length === 0) return undefined;
      const waiting = late;
      late = [];
      stored = waiting.length;
      setImmediate(() => {
        for (const { mailbox, bytes } of waiting) imap.store(mailbox, bytes);
      });
      return undefined;
    };
    return () => stored;
  }
});
