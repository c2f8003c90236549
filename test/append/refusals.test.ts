import { describe, expect, it } from 'vitest';
import { accountKeys } from '../../src/ground/keys.ts';
import { readRepairs } from '../../src/ledger/repairs.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import type { AppendedMessage, ImapBehaviour } from '../servers/scripted-imap.ts';
import { account, mail, SessionRig, sha256 } from './session-rig.ts';

const redis = useRedis();
const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS'];
const single = [...base, 'LITERAL+'];
const many = [...single, 'MULTIAPPEND'];
const isBad = ({ bytes }: AppendedMessage) => bytes.includes('bad');

/** Refuses the bad message with these answers, one after the other, and with the last for ever. `OK` takes it. */
function answers(...texts: string[]): (message: AppendedMessage) => string | undefined {
  let at = 0;
  return (message) => {
    if (!isBad(message)) return undefined;
    const text = texts[Math.min(at++, texts.length - 1)]!;
    return text === 'OK' ? undefined : text;
  };
}

interface Row {
  readonly texts: readonly string[];
  /** `appended`, `refused`, or how the session ended. */
  readonly ends: 'appended' | 'refused' | string;
  /** How often the bad message was sent. */
  readonly sent: number;
  /** APPEND commands by connection; not given where the other messages make it depend on the moment. */
  readonly appends?: readonly number[];
  readonly text?: RegExp;
  readonly problems?: readonly string[];
}

const exchange = /sent 3 time\(s\); \d+ bytes; longest line \d+ bytes/;
const rows: Record<string, Row> = {
  'plain NO for ever': { texts: ['NO no'], ends: 'refused', sent: 3, appends: [3, 1, 1], text: exchange },
  'plain NO once': { texts: ['NO no', 'OK'], ends: 'appended', sent: 2, appends: [3, 1] },
  'plain BAD for ever': { texts: ['BAD what'], ends: 'refused', sent: 3, text: exchange },
  'SERVERBUG for ever': { texts: ['NO [SERVERBUG] oops'], ends: 'refused', sent: 3, appends: [3, 1, 1] },
  'SERVERBUG twice': { texts: ['NO [SERVERBUG] oops', 'NO [SERVERBUG] oops', 'OK'], ends: 'appended', sent: 3 },
  'Exchange 11': { texts: ['BAD Command Argument Error. 11'], ends: 'refused', sent: 3, text: exchange },
  'Exchange 10': { texts: ['BAD Command Error. 10'], ends: 'refused', sent: 3, text: exchange },
  'Exchange 15': { texts: ['NO Server Unavailable. 15'], ends: 'refused', sent: 3, text: exchange },
  CANNOT: { texts: ['NO [CANNOT] never'], ends: 'refused', sent: 1, appends: [3], text: /NO \[CANNOT\] never$/ },
  virus: { texts: ['NO Message refused because it contains a virus'], ends: 'refused', sent: 1, appends: [3] },
  'header limit': { texts: ['NO header limit reached'], ends: 'refused', sent: 1, appends: [3] },
  TOOBIG: { texts: ['NO [TOOBIG] no'], ends: 'refused', sent: 1, appends: [3], text: /takes less/ },
  LIMIT: { texts: ['NO [LIMIT] too much'], ends: 'refused', sent: 2 },
  'LIMIT of flags': { texts: ['NO [LIMIT] flags', 'OK'], ends: 'appended', sent: 2, problems: ['flags-refused'] },
  'a flag that is refused': { texts: ['NO bad flag', 'OK'], ends: 'appended', sent: 2, problems: ['flags-refused'] },
  'Yahoo: Deleted': {
    texts: ['NO [CANNOT] APPEND Contains Deleted flag', 'OK'],
    ends: 'appended',
    sent: 2,
    problems: ['flags-refused'],
  },
  'a long line': { texts: ['NO [CANNOT] line too long'], ends: 'refused', sent: 1, text: /longest line 19 bytes; to/ },
  'CLIENTBUG, and nothing to repair': {
    texts: ['NO [CLIENTBUG] Additional arguments found after last expected argument', 'OK'],
    ends: 'appended',
    sent: 2,
    appends: [3, 1],
  },
  THROTTLED: { texts: ['NO [THROTTLED] slow'], ends: 'server-unavailable', sent: 1 },
  'Exchange throttles': {
    texts: ['BAD Request is throttled. Suggested Backoff Time: 1000 milliseconds'],
    ends: 'server-unavailable',
    sent: 1,
  },
  UNAVAILABLE: { texts: ['NO [UNAVAILABLE] later'], ends: 'server-unavailable', sent: 1 },
  INUSE: { texts: ['NO [INUSE] busy'], ends: 'account-busy', sent: 1 },
  'not connected': { texts: ['BAD User is authenticated but not connected'], ends: 'server-unavailable', sent: 1 },
  NOPERM: { texts: ['NO [NOPERM] no'], ends: 'mailbox-refused', sent: 1 },
  OVERQUOTA: { texts: ['NO [OVERQUOTA] full'], ends: 'wait', sent: 1 },
};

describe('each row of the table of refusals', () => {
  it.each(Object.entries(rows))('%s', async (_, { texts, ends, sent, appends, text, problems = [] }) => {
    const seen: Buffer[] = [];
    const refuse = answers(...texts);
    const behaviour = {
      capabilities: single,
      refuse: (message: AppendedMessage) => {
        if (isBad(message)) seen.push(message.bytes);
        return refuse(message);
      },
    };
    const rig = await SessionRig.make(redis, behaviour);
    const messages = { first: mail('first'), bad: mail('bad'), last: mail('last') };
    await rig.spool(messages);
    const ended = await rig.session();
    expect(seen).toHaveLength(sent);
    expect(seen.every((bytes) => bytes.equals(messages.bad))).toBe(true);
    if (appends) expect(rig.appends).toEqual(appends);
    const settled = ends === 'appended' || ends === 'refused';
    expect(ended.end).toBe(settled ? 'done' : ends);
    if (!settled) {
      expect(ended.refusals.size).toBe(0);
      expect(ended.run.refused).toBe(0);
      return;
    }
    const refused = ends === 'refused' ? 1 : 0;
    expect(ended.run).toMatchObject({ appended: 3 - refused, refused, duplicate: 0 });
    expect(rig.imap.stored().map(sha256).sort()).toEqual(
      Object.values(messages)
        .filter((one) => refused === 0 || one !== messages.bad)
        .map(sha256)
        .sort(),
    );
    const codes = ended.problems.filter(({ stops }) => stops === 'none').map(({ code }) => code);
    expect(codes).toEqual(problems);
    if (refused === 1) {
      expect(ended.refusals.get('bad')).toMatchObject({ tries: sent });
      expect(ended.refusals.get('bad')?.text).toMatch(text ?? /refuses/);
    }
    expect(await redis.client.hlen(accountKeys.intents(account))).toBe(0);
  });
});

describe('a refused message', () => {
  it('of a command of many is found, and tried again alone on a fresh connection', async () => {
    const rig = await SessionRig.make(redis, { capabilities: many, refuse: answers('NO no') });
    const names = Array.from({ length: 40 }, (_, n) => (n % 13 === 5 ? `bad${n}` : `m${n}`));
    await rig.spool(Object.fromEntries(names.map((name) => [name, mail(name)])));
    const { run, refusals, end } = await rig.session();
    expect(end).toBe('done');
    expect(run).toMatchObject({ appended: 37, refused: 3 });
    expect([...refusals.keys()].sort()).toEqual(names.filter((name) => name.startsWith('bad')).sort());
    // One round for each wait, whatever the number of messages is
    expect(rig.appends.slice(1)).toEqual([3, 3]);
    const [, ...later] = rig.imap.connections.filter(({ appends }) => appends.length > 0);
    const alone = later.flatMap(({ appends }) => appends.map(({ literals }) => literals.length));
    expect(alone.every((count) => count === 1)).toBe(true);
  });

  it('costs a connection with each BAD, so that no server counts to three', async () => {
    const refuse = (message: AppendedMessage) => (isBad(message) ? 'BAD Command Argument Error. 11' : undefined);
    const rig = await SessionRig.make(redis, { capabilities: single, badsUntilBye: 3, refuse });
    const names = ['bad1', 'a', 'bad2', 'bad3', 'b', 'c'];
    await rig.spool(Object.fromEntries(names.map((name) => [name, mail(name)])));
    // What is under way when the first BAD comes may hold two more, and then the next session knows the server.
    const first = await rig.session();
    const { end, run, refusals } = first.end === 'done' ? first : await rig.session();
    expect(end).toBe('done');
    expect(run).toMatchObject({ appended: 3, refused: 3 });
    expect([...refusals.values()].every(({ tries }) => tries === 3)).toBe(true);
    expect(rig.imap.stored()).toHaveLength(3);
    const bads = rig.imap.connections.filter(({ appends }) => appends.length > 0).map((one) => one.bads);
    expect(Math.max(...bads.slice(1))).toBe(1);
  });

  it('that is stored all the same is found before it is sent again', async () => {
    let rig: SessionRig;
    const stored = new Set<string>();
    const refuse = (message: AppendedMessage) => {
      if (!isBad(message)) return undefined;
      if (!stored.has(sha256(message.bytes))) rig.imap.store(message.mailbox, message.bytes);
      stored.add(sha256(message.bytes));
      return 'NO Server Unavailable. 15';
    };
    rig = await SessionRig.make(redis, { capabilities: single, refuse });
    await rig.spool({ a: mail('a'), bad: mail('bad'), b: mail('b') });
    expect((await rig.session()).run).toMatchObject({ appended: 3, duplicate: 0, refused: 0 });
    expect(rig.imap.stored()).toHaveLength(3);
  });

  it('that its last try stored is found before it is given up', async () => {
    let rig: SessionRig;
    let tries = 0;
    const refuse = (message: AppendedMessage) => {
      if (!isBad(message)) return undefined;
      tries += 1;
      if (tries === 3) rig.imap.store(message.mailbox, message.bytes);
      return 'NO [SERVERBUG] oops';
    };
    rig = await SessionRig.make(redis, { capabilities: single, refuse });
    await rig.spool({ bad: mail('bad') });
    expect((await rig.session()).run).toMatchObject({ appended: 1, refused: 0 });
    expect(rig.imap.stored()).toHaveLength(1);
  });

  it('that is held when its session ends is looked for and tried by the next', async () => {
    let rig: SessionRig;
    let ends = true;
    const refuse = (message: AppendedMessage) => {
      if (message.bytes.includes('<end@x>') && ends) return 'NO [NOPERM] not now';
      if (message.bytes.includes('bad-stored') && ends) rig.imap.store(message.mailbox, message.bytes);
      return isBad(message) && ends ? 'NO Server Unavailable. 15' : undefined;
    };
    rig = await SessionRig.make(redis, { capabilities: single, refuse });
    const names = ['bad-stored', 'bad-lost', 'a', 'end'];
    await rig.spool(Object.fromEntries(names.map((name) => [name, mail(name)])));
    expect((await rig.session()).end).toBe('mailbox-refused');
    ends = false;
    const { end, run } = await rig.session();
    expect(end).toBe('done');
    expect(run.appended + run.duplicate).toBe(4);
    expect(run.refused).toBe(0);
    expect(rig.imap.stored().map(sha256).sort()).toEqual(names.map((name) => sha256(mail(name))).sort());
  });

  it('does not stop other mail while it waits', async () => {
    let taken = false;
    let rig: SessionRig;
    const refuse = (message: AppendedMessage) => {
      if (!isBad(message)) return undefined;
      const now = rig.imap.stored().length === 300;
      taken ||= now;
      return now ? undefined : 'NO not yet';
    };
    rig = await SessionRig.make(redis, { capabilities: many, refuse }, { refusalWaitsMs: [0] });
    await rig.spool({ bad: mail('bad') });
    for (let batch = 0; batch < 3; batch += 1) {
      const names = Array.from({ length: 100 }, (_, n) => `m${batch}-${n}`);
      await rig.spool(Object.fromEntries(names.map((name) => [name, mail(name)])));
    }
    expect((await rig.session()).run).toMatchObject({ appended: 301, refused: 0 });
    expect(taken).toBe(true);
  });
});

describe('more than a message', () => {
  it('is wrong where so many are given up in a row: the account stops, and no more is settled', async () => {
    const settings = { refusalsInARow: 5, refusalWaitsMs: [] };
    const rig = await SessionRig.make(redis, { capabilities: single, refuse: () => 'NO no' }, settings);
    await rig.spool(Object.fromEntries(Array.from({ length: 20 }, (_, n) => [`m${n}`, mail(`m${n}`)])));
    const { end, run } = await rig.session();
    expect(end).toBe('refusals-in-a-row');
    expect(run).toMatchObject({ appended: 0, refused: 4 });
  });

  it('is not where the server takes others', async () => {
    const settings = { refusalsInARow: 2, refusalWaitsMs: [0] };
    const rig = await SessionRig.make(redis, { capabilities: single, refuse: answers('NO no') }, settings);
    const names = ['bad1', 'a', 'bad2', 'b', 'bad3', 'c'];
    await rig.spool(Object.fromEntries(names.map((name) => [name, mail(name)])));
    expect(await rig.session()).toMatchObject({ end: 'done', run: { appended: 3, refused: 3 } });
  });

  it('is gone: the mailbox is made again, once', async () => {
    let rig: SessionRig;
    let deleted = false;
    rig = await SessionRig.make(redis, {
      capabilities: single,
      refuse: () => {
        // Somebody deletes it between SELECT and APPEND.
        if (deleted) return undefined;
        deleted = true;
        rig.imap.mailboxes.delete('Mail');
        return undefined;
      },
    });
    await rig.spool({ a: mail('a'), b: mail('b'), c: mail('c') });
    const { end, run } = await rig.session('Mail');
    expect(end).toBe('done');
    expect(run).toMatchObject({ appended: 3 });
    expect(rig.imap.stored('Mail')).toHaveLength(3);
    expect(rig.imap.mailboxes.get('Mail')?.subscribed).toBe(true);
  });

  it('is gone again: the account stops', async () => {
    const rig = await SessionRig.make(redis, { capabilities: single, refuse: () => 'NO [TRYCREATE] none' });
    await rig.spool({ a: mail('a'), b: mail('b') });
    expect(await rig.session()).toMatchObject({ end: 'mailbox-refused', run: { appended: 0, refused: 0 } });
  });

  it('is said: alerts and a quota that is near stand in the report', async () => {
    const appendUid = (uidValidity: number, [uid]: readonly number[]) =>
      uid === 1 ? 'OVERQUOTA' : `APPENDUID ${uidValidity} ${uid}`;
    const before = (command: string) => (/ SELECT /.test(command) ? '* OK [ALERT] going down at noon\r\n' : undefined);
    const rig = await SessionRig.make(redis, { capabilities: single, appendUid, before });
    await rig.spool({ a: mail('a'), b: mail('b') });
    const { run, problems } = await rig.session();
    expect(run).toMatchObject({ appended: 2 });
    expect(problems).toMatchObject([{ code: 'server-alert', stops: 'none', count: 2 }]);
  });
});

describe('a repair', () => {
  const faults: Record<string, [bytes: Buffer, text: string, fixed: Buffer]> = {
    nul: [mail('n', 'a\0b'), 'NO Message contains NUL characters', mail('n', 'a\x80b')],
    'line-ends': [
      Buffer.from('Message-ID: <n@x>\r\n\r\na\nb\rc\r\n'),
      'NO Message contains bare newlines',
      Buffer.from('Message-ID: <n@x>\r\n\r\na\r\nb\r\nc\r\n'),
    ],
    'header-8bit': [
      Buffer.from('Message-ID: <n@x>\r\nSubject: \xfc\r\n\r\na\r\n', 'latin1'),
      'NO Message contains non-ASCII characters in headers',
      Buffer.from('Message-ID: <n@x>\r\nSubject: =?unknown-8bit?B?/A==?=\r\n\r\na\r\n'),
    ],
    separator: [
      Buffer.from('Message-ID: <n@x>\r\nbody\r\n'),
      'NO Message has no header/body separator',
      Buffer.from('Message-ID: <n@x>\r\n\r\nbody\r\n'),
    ],
    'mbox-from': [
      Buffer.from('From n Mon\r\nMessage-ID: <n@x>\r\n\r\na\r\n'),
      'NO Message contains invalid header',
      Buffer.from('Message-ID: <n@x>\r\n\r\na\r\n'),
    ],
    'final-crlf': [
      Buffer.from('Message-ID: <n@x>\r\n\r\na'),
      'NO [CLIENTBUG] Additional arguments found after last expected argument',
      Buffer.from('Message-ID: <n@x>\r\n\r\na\r\n'),
    ],
  };
  /** Refuses the faulty form and takes the other. */
  const refusing = ([bytes, text]: [Buffer, string, Buffer]): ImapBehaviour => ({
    capabilities: many,
    refuse: (message) => (message.bytes.equals(bytes) ? text : undefined),
  });

  it.each(Object.entries(faults))('%s is made, recorded and counted', async (name, fault) => {
    const [bytes, , fixed] = fault;
    const rig = await SessionRig.make(redis, refusing(fault));
    await rig.spool({ a: mail('a'), faulty: bytes, b: mail('b') });
    const { end, run, problems, refusals } = await rig.session();
    expect([end, [...refusals]]).toEqual(['done', []]);
    expect(run).toMatchObject({ appended: 3, refused: 0, repaired: 1 });
    expect(rig.imap.stored().map(sha256)).toContain(sha256(fixed));
    expect(rig.imap.stored()).toHaveLength(3);
    expect(problems).toMatchObject([{ code: 'message-repaired', stops: 'none', count: 1 }]);
    const [repair] = (await readRepairs(redis.client, account)).values();
    expect(repair).toMatchObject({ uidl: 'faulty', repairs: [name], before: sha256(bytes), after: sha256(fixed) });

    // Redis is flushed: the message is there, in its repaired form.
    await redis.client.flushall();
    const again = await SessionRig.again(redis, rig);
    await again.spool({ faulty: bytes });
    expect((await again.session()).run).toMatchObject({ appended: 0, duplicate: 1, refused: 0, repaired: 0 });
    expect(rig.imap.stored()).toHaveLength(3);
  });

  it.each(Object.entries(faults))('%s is not made where the settings do not allow it', async (name, fault) => {
    const rig = await SessionRig.make(redis, refusing(fault), { repairs: [] });
    await rig.spool({ faulty: fault[0] });
    const { run, refusals } = await rig.session();
    expect(run).toMatchObject({ appended: 0, refused: 1, repaired: 0 });
    expect(refusals.get('faulty')).toMatchObject({ tries: name === 'final-crlf' ? 3 : 1 });
  });

  it('is told where the repaired form was stored, whatever the answer to it said', async () => {
    let lied = false;
    const refuse = (message: AppendedMessage) => {
      if (message.bytes.includes(0)) return 'NO Message contains NUL characters';
      if (!message.bytes.includes('a\x80', 0, 'latin1') || lied) return undefined;
      lied = true;
      rig.imap.store('INBOX', message.bytes);
      return 'NO Server Unavailable. 15';
    };
    const rig: SessionRig = await SessionRig.make(redis, { capabilities: single, refuse });
    await rig.spool({ n: mail('n', 'a\0b') });
    const { run, problems } = await rig.session();
    expect(run).toMatchObject({ appended: 1, repaired: 1 });
    expect(problems.map(({ code }) => code)).toContain('message-repaired');
    expect(rig.imap.stored()).toHaveLength(1);
  });

  it('follows another where the destination names a second fault', async () => {
    const bytes = mail('n', 'a\0b\nc');
    const refuse = (message: AppendedMessage) => {
      if (message.bytes.includes(0)) return 'NO Message contains NUL characters';
      return /(?<!\r)\n/.test(message.bytes.toString('latin1')) ? 'NO Message contains bare newlines' : undefined;
    };
    const rig = await SessionRig.make(redis, { capabilities: single, refuse });
    await rig.spool({ n: bytes });
    expect((await rig.session()).run).toMatchObject({ appended: 1, repaired: 1 });
    expect(rig.imap.stored()).toEqual([mail('n', 'a\x80b\r\nc')]);
  });
});
