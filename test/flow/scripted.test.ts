import { createHash } from 'node:crypto';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AccountReport } from '../../src/report/report.ts';
import { hugeMessage, type MadeMessage, madeMail } from '../servers/made-mail.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { compareMailboxes, mailboxContents } from '../servers/witness.ts';
import { expectReport, expectScriptedUntouched, HaulRig, scriptedRow, side } from './haul-rig.ts';

const user = 'user@example.com';
const base = ['IMAP4rev1', 'AUTH=PLAIN', 'NAMESPACE', 'SPECIAL-USE', 'UIDPLUS'];

/** Copies of the message before them: they are found at the destination. */
const copies = ['no-message-id-equal-b', 'identical-b'];
let rig: HaulRig;

/** Only CRLF.CRLF ends an answer of POP3 (RFC 1939 §3), so a message there ends in CRLF. */
function asRetrieved({ name, bytes }: MadeMessage): { name: string; bytes: Buffer } {
  const whole = bytes.length === 0 || bytes.subarray(-2).toString('latin1') === '\r\n';
  return { name, bytes: whole ? bytes : Buffer.concat([bytes, Buffer.from('\r\n')]) };
}

function made(): { name: string; bytes: Buffer }[] {
  return [...madeMail(user), hugeMessage()].map(asRetrieved);
}

function digest(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** Names of what arrived, by its exact bytes; what the source does not have is `unknown`. */
function namesOf(imap: ScriptedImap, mailbox: string, messages: readonly { name: string; bytes: Buffer }[]): string[] {
  const names = new Map(
    messages.filter(({ name }) => !copies.includes(name)).map((one) => [digest(one.bytes), one.name]),
  );
  return imap.stored(mailbox).map((bytes) => names.get(digest(bytes)) ?? `unknown, ${bytes.length} bytes`);
}

interface Form {
  capabilities: string[];
  small: '{+}' | '{}';
  multi: boolean;
  /** Whether messages with a NUL go as literal8. */
  binary: boolean;
}

const forms: Record<string, Form> = {
  'MULTIAPPEND and LITERAL+': { capabilities: ['MULTIAPPEND', 'LITERAL+'], small: '{+}', multi: true, binary: false },
  'LITERAL+ alone': { capabilities: ['LITERAL+'], small: '{+}', multi: false, binary: false },
  'neither: synchronising literals, one a command': { capabilities: [], small: '{}', multi: false, binary: false },
  'BINARY too': { capabilities: ['MULTIAPPEND', 'LITERAL+', 'BINARY'], small: '{+}', multi: true, binary: true },
};

describe('the made messages and one of 60 MB are sent with exactly the bytes of RETR', () => {
  beforeEach(async () => {
    rig = await HaulRig.make();
  });

  afterEach(() => rig.end());

  test.each(Object.entries(forms))('where the server offers %s', async (_, { capabilities, small, multi, binary }) => {
    const messages = made();
    const pop = await rig.pop({ messages: messages.map(({ name, bytes }) => ({ bytes, uidl: name })) });
    const imap = await rig.imap({ capabilities: [...base, ...capabilities] });
    const list = await rig.list([scriptedRow(pop, imap, { id: user })]);

    const ended = await rig.sync(list);
    expectReport(ended);
    expect(ended.status).toBe(3);
    const { account } = ended;
    const arrives = messages.filter(({ name, bytes }) => bytes.length > 0 && !copies.includes(name));
    expect(account.messages).toMatchObject({
      listed: messages.length,
      appended: arrives.length,
      duplicate: copies.length,
      refused: 1,
    });
    expect(account.problems).toMatchObject([{ code: 'message-empty', stops: 'message', count: 1 }]);
    expect(account.bytes.appended).toBe(arrives.reduce((sum, { bytes }) => sum + bytes.length, 0));

    const sent = ['own-mail', 'own-mail-other-case'];
    expect(namesOf(imap, 'Sent', messages).sort()).toEqual(sent);
    const wanted = arrives.map(({ name }) => name).filter((name) => !sent.includes(name));
    const arrived = namesOf(imap, 'INBOX', messages);
    expect([...arrived].sort()).toEqual([...wanted].sort());
    // Where each message costs a round trip several connections share the work, and may overtake each other.
    if (small === '{+}') expect([...arrived, ...namesOf(imap, 'Sent', messages)]).toEqual([...wanted, ...sent]);

    const literals = imap.connections.flatMap(({ appends }) => appends.map((append) => append.literals));
    const withNul = binary ? arrives.filter(({ bytes }) => bytes.includes(0)).length : 0;
    expect(literals.flat().filter(({ form }) => form.startsWith('~'))).toHaveLength(withNul);
    const asking = literals.flat().filter(({ form }) => form.endsWith('{}'));
    if (small === '{}') expect(asking).toHaveLength(arrives.length);
    else
      expect(asking.map(({ size }) => size)).toEqual(
        arrives.map(({ bytes }) => bytes.length).filter((n) => n > 2 ** 20),
      );
    expect(literals.some((command) => command.length > 1)).toBe(multi);
    await expectScriptedUntouched(pop);

    const again = await rig.sync(list);
    expect(again.status).toBe(3);
    expect(again.account.messages).toMatchObject({ known: arrives.length + copies.length, appended: 0, refused: 1 });
    expect(namesOf(imap, 'INBOX', messages)).toEqual(arrived);
  });

  test('flags and the date with its zone are sent along', async () => {
    const messages = madeMail(user).filter(({ name }) => ['plain', 'date-comment', 'date-missing'].includes(name));
    const pop = await rig.pop({ messages: messages.map(({ name, bytes }) => ({ bytes, uidl: name })) });
    const imap = await rig.imap();
    const list = await rig.list([scriptedRow(pop, imap)]);
    expect((await rig.sync(list)).status).toBe(0);
    pop.behaviour.messages?.push({ bytes: Buffer.from('Message-ID: <next@x>\r\n\r\nnext\r\n'), uidl: 'next' });
    expect((await rig.sync(list)).status).toBe(0);
    const facts = imap.mailboxes.get('INBOX')!.messages.map(({ flags, date }) => [flags, date?.trim()]);
    expect(facts).toEqual([
      ['(\\Seen)', '04-Mar-2014 10:25:30 +0100'],
      ['(\\Seen)', undefined],
      ['(\\Seen)', '04-Mar-2014 10:20:30 +0100'],
      ['()', undefined],
    ]);
    expect(imap.stored().slice(0, 3)).toEqual(messages.map(({ bytes }) => bytes));
    await expectScriptedUntouched(pop);
  });
});

describe('Dovecot that hides what it can do gets the same mail', () => {
  const kinds = {
    'neither MULTIAPPEND nor LITERAL+': 'IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS',
    'no MULTIAPPEND': 'IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS LITERAL+',
    'no LITERAL+': 'IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS MULTIAPPEND',
    'LITERAL- instead': 'IMAP4rev1 NAMESPACE SPECIAL-USE UIDPLUS MULTIAPPEND LITERAL-',
    'no UIDPLUS': 'IMAP4rev1 NAMESPACE SPECIAL-USE MULTIAPPEND LITERAL+',
    nothing: 'IMAP4rev1',
  };
  interface Lane {
    readonly id: string;
    readonly pop: ScriptedPop3;
    readonly arrives: readonly { bytes: Buffer }[];
    readonly accounts: AccountReport[];
    readonly compared: Awaited<ReturnType<typeof compareMailboxes>>[];
  }
  const lanes = new Map<string, Lane>();
  const statuses: (number | null)[] = [];

  // Two runs for all of them: each has servers of its own.
  beforeAll(async () => {
    rig = await HaulRig.make();
    const rows = [];
    const logins = [];
    for (const [name, imapCapability] of Object.entries(kinds)) {
      const id = `user${lanes.size}@example.com`;
      const messages = madeMail(id).map(asRetrieved);
      const pop = await rig.pop({ user: id, messages: messages.map((one) => ({ bytes: one.bytes, uidl: one.name })) });
      const { imapPort: port } = await rig.dovecot({ protocols: ['imap'], imapCapability });
      rows.push({ id, ...side('pop', pop.port, id, 'secret'), ...side('imap', port, id, 'pw') });
      logins.push({ port, user: id, password: 'pw' });
      const arrives = messages.filter((one) => one.bytes.length > 0 && !copies.includes(one.name));
      lanes.set(name, { id, pop, arrives, accounts: [], compared: [] });
    }
    const list = await rig.list(rows);
    for (const _ of [1, 2]) {
      const ended = await rig.sync(list);
      statuses.push(ended.status);
      const { accounts } = expectReport(ended);
      for (const [at, lane] of [...lanes.values()].entries()) {
        lane.accounts.push(accounts.find(({ id }) => id === lane.id)!);
        lane.compared.push(await compareMailboxes(lane.arrives, mailboxContents(logins[at]!)));
      }
    }
    return () => rig.end();
  });

  test.each(Object.keys(kinds))('%s', async (name) => {
    const { pop, arrives, accounts, compared } = lanes.get(name)!;
    expect(statuses).toEqual([3, 3]);
    const [ended, again] = accounts;
    expect(ended!.problems.map(({ code }) => code)).toEqual(['message-empty']);
    const exact = { source: arrives.length, destination: arrives.length, exact: arrives.length };
    expect(compared).toHaveLength(2);
    for (const one of compared) expect(one).toMatchObject({ ...exact, missing: 0, extra: 0, doubled: 0 });
    expect(again!.messages).toMatchObject({ appended: 0, refused: 1 });
    await expectScriptedUntouched(pop);
  });
});
