import { afterEach, describe, expect, test } from 'vitest';
import type { ImapOptions } from '../../src/imap/door.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, errorOf, expectBytes, mail, quick } from './imap-rig.ts';

const ends: (() => Promise<void>)[] = [];

async function rig(behaviour: ImapBehaviour = {}, options: Partial<ImapOptions> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  const client = await MailboxClient.connect(endpoint(imap.port), { ...quick, ...options });
  ends.push(async () => {
    client.destroy();
    await imap.stop();
  });
  const verbs = () => imap.connections[0]!.commands.map((text) => text.split(' ').slice(1).join(' '));
  return { imap, client, verbs };
}

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('list', () => {
  test('gives names, attributes and what can hold mail; it never guesses a use from a name', async () => {
    const { imap, client } = await rig();
    imap.addMailbox('Gesendet', ['\\Sent']);
    imap.addMailbox('Sent');
    imap.addMailbox('Entw&APw-rfe', ['\\Drafts', '\\HasNoChildren']);
    imap.addMailbox('Top', ['\\Noselect']);
    const listed = await client.list();
    expect(listed.sort((a, b) => (a.path < b.path ? -1 : 1))).toEqual([
      { path: 'Entwürfe', delimiter: '/', specialUse: '\\Drafts', selectable: true },
      { path: 'Gesendet', delimiter: '/', specialUse: '\\Sent', selectable: true },
      { path: 'INBOX', delimiter: '/', specialUse: undefined, selectable: true },
      { path: 'Sent', delimiter: '/', specialUse: undefined, selectable: true },
      { path: 'Top', delimiter: '/', specialUse: undefined, selectable: false },
    ]);
  });
});

describe('ensure', () => {
  test('creates and subscribes what is missing, and leaves alone what is there', async () => {
    const { imap, client, verbs } = await rig();
    expect(await client.ensure('inbox')).toBe('INBOX');
    expect(await client.ensure('Alte Mail/Entwürfe & mehr')).toBe('Alte Mail/Entwürfe & mehr');
    expect(imap.mailboxes.get('Alte Mail/Entw&APw-rfe &- mehr')).toMatchObject({ subscribed: true });
    expect(await client.ensure('Alte Mail/Entwürfe & mehr')).toBe('Alte Mail/Entwürfe & mehr');
    expect(verbs().filter((text) => text.startsWith('CREATE'))).toHaveLength(1);
  });

  test('adds the prefix of the namespace and its delimiter', async () => {
    const { imap, client } = await rig({ namespace: '(("INBOX." ".")) NIL NIL', delimiter: '.' });
    expect(await client.ensure('Old/Mail')).toBe('INBOX.Old.Mail');
    expect(await client.ensure('INBOX.Old.Mail')).toBe('INBOX.Old.Mail');
    expect([...imap.mailboxes.keys()]).toEqual(['INBOX', 'INBOX.Old.Mail']);
  });

  test('is content when another client was faster', async () => {
    let created = false;
    const answer = (text: string) => {
      if (!/ CREATE /.test(text)) return undefined;
      created = true;
      return 'TAG NO Mailbox exists\r\n';
    };
    const { imap, client } = await rig({ answer });
    const before = imap.behaviour.answer!;
    imap.behaviour.answer = (text) => {
      if (/ CREATE /.test(text)) imap.addMailbox('Fast');
      return before(text);
    };
    expect(await client.ensure('Fast')).toBe('Fast');
    expect(created).toBe(true);
  });

  test('says what the server says', async () => {
    const { client } = await rig({
      answer: (text) => (/ CREATE /.test(text) ? 'TAG NO [CANNOT] reserved name\r\n' : undefined),
    });
    expect(await errorOf(client.ensure('Files'))).toMatchObject({
      code: 'mailbox-refused',
      details: { mailbox: 'Files', reply: 'NO [CANNOT] reserved name' },
    });
    expect(await errorOf(client.ensure('a\r\nb'))).toMatchObject({ code: 'mailbox-refused' });
  });
});

test('status and quota', async () => {
  const { imap, client } = await rig({ capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'QUOTA'] });
  imap.store('INBOX', mail(1));
  expect(await client.status('INBOX')).toEqual({ uidValidity: 1000, uidNext: 2, messages: 1 });
  expect(await errorOf(client.status('Nowhere'))).toMatchObject({ code: 'mailbox-refused' });
  expect(await client.quotas('INBOX')).toEqual([{ root: '', usedBytes: 10_240, limitBytes: 524_288 }]);
  const other = await rig();
  expect(await other.client.quotas('INBOX')).toEqual([]);
});

describe('the largest message that a mailbox takes', () => {
  const base = ['IMAP4rev1', 'AUTH=PLAIN'];
  const limitIn = async (more: string, appendLimits?: Record<string, number>) => {
    const { imap, client, verbs } = await rig({ capabilities: [...base, more], ...(appendLimits && { appendLimits }) });
    imap.addMailbox('Entw&APw-rfe');
    const limits = [await client.appendLimit('INBOX'), await client.appendLimit('Entwürfe')];
    return { limits, asked: verbs().filter((text) => text.startsWith('STATUS')).length };
  };

  test('is asked for where each mailbox has one of its own', async () => {
    const own = { INBOX: 1000, 'Entw&APw-rfe': 2_000_000_000_000 };
    expect(await limitIn('APPENDLIMIT', own)).toEqual({ limits: [1000, 2_000_000_000_000], asked: 2 });
    expect(await limitIn('APPENDLIMIT', { INBOX: 0 })).toEqual({ limits: [undefined, undefined], asked: 2 });
  });

  test('is that of the server where it says one for all', async () => {
    expect(await limitIn('APPENDLIMIT=500', { INBOX: 1 })).toEqual({ limits: [500, 500], asked: 0 });
    expect(await limitIn('UIDPLUS', { INBOX: 1 })).toEqual({ limits: [undefined, undefined], asked: 0 });
  });

  test('is unknown where the server does not answer what it announces, and the connection goes on', async () => {
    const { client } = await rig({ capabilities: [...base, 'APPENDLIMIT'] });
    expect(await client.appendLimit('INBOX')).toBeUndefined();
    expect(await client.appendLimit('Nowhere')).toBeUndefined();
    expect(await client.status('INBOX')).toMatchObject({ messages: 0 });
  });
});

describe('headers', () => {
  test('come for the range asked for, cut at the limit, from a mailbox opened for reading only', async () => {
    const { imap, client, verbs } = await rig();
    for (let id = 1; id <= 5; id++) imap.store('INBOX', mail(id));
    const found = await all(client.headers('INBOX', 2, 4, 1000));
    expect(found.map(({ uid, size }) => [uid, size])).toEqual([2, 3, 4].map((id) => [id, mail(id).length]));
    expectBytes([found[0]!.header], [mail(2).subarray(0, mail(2).indexOf('\r\n\r\n') + 4)]);
    const cut = await all(client.headers('INBOX', 5, '*', 10));
    expectBytes(
      cut.map(({ header }) => header),
      [mail(5).subarray(0, 10)],
    );
    expect(verbs().join('\n')).not.toMatch(/SELECT|BODY\[/);
  });

  test('n:* beyond the end is nothing, although the server sends the last message', async () => {
    const { imap, client, verbs } = await rig();
    expect(await all(client.headers('INBOX', 1, '*', 100))).toEqual([]);
    imap.store('INBOX', mail(1));
    expect(await all(client.headers('INBOX', 2, '*', 100))).toEqual([]);
    expect(verbs()).toContainEqual(expect.stringMatching(/^UID FETCH 2:\* /));
    expect(await all(client.headers('INBOX', 5, 4, 100))).toEqual([]);
  });

  test('a server that ignores the limit is held to it', async () => {
    const { imap, client } = await rig({ ignorePartial: true });
    imap.store('INBOX', mail(1));
    expect((await all(client.headers('INBOX', 1, '*', 10)))[0]!.header).toHaveLength(10);
  });

  test('a missing mailbox, a line that cannot be read, a lost connection are errors', async () => {
    const { imap, client } = await rig();
    imap.store('INBOX', mail(1));
    expect(await errorOf(all(client.headers('Nowhere', 1, '*', 100)))).toMatchObject({ code: 'mailbox-refused' });
    imap.behaviour.before = (text) => (/UID FETCH/.test(text) ? '* 7 FETCH (UID 7 BODY[HEADER] "x\r\n' : undefined);
    expect(await errorOf(all(client.headers('INBOX', 1, '*', 100)))).toMatchObject({ code: 'protocol-error' });
    imap.behaviour.answer = (text) => (/UID FETCH/.test(text) ? '* BYE Session expired\r\n' : undefined);
    setImmediate(() => void imap.stop());
    expect(await errorOf(all(client.headers('INBOX', 1, '*', 100)))).toMatchObject({ code: 'connection-lost' });
    ends.pop();
  });

  test('nothing else may be asked while they are being read, and all may once that ended early', async () => {
    const { imap, client } = await rig();
    for (let id = 1; id <= 3; id++) imap.store('INBOX', mail(id));
    for await (const { uid } of client.headers('INBOX', 1, '*', 100)) {
      expect(uid).toBe(1);
      expect((await errorOf(client.status('INBOX'))).message).toMatch(/while headers are being read/);
      break;
    }
    expect(await client.status('INBOX')).toMatchObject({ messages: 3 });
  });
});

describe('message', () => {
  test.each([false, true])('comes byte for byte, in pieces (server ignores <partial>: %s)', async (ignorePartial) => {
    const { imap, client } = await rig({ ignorePartial });
    const mails = [
      mail(1),
      mail(2, 3_000_000),
      Buffer.from('a: b\r\n\r\n\0\x80\r\n'),
      Buffer.alloc(2 * 1024 * 1024, 'x'),
    ];
    if (ignorePartial) mails.pop();
    for (const bytes of mails) imap.store('INBOX', bytes);
    for (const [index, bytes] of mails.entries()) {
      expectBytes([Buffer.concat(await all((await client.message('INBOX', index + 1))!))], [bytes]);
    }
    expect(await client.message('INBOX', 99)).toBeUndefined();
  });

  test('is found although it came after the mailbox was opened', async () => {
    const { imap, client } = await rig();
    imap.addMailbox('Other');
    expect(await client.message('INBOX', 1)).toBeUndefined();
    imap.store('INBOX', mail(1));
    expectBytes([Buffer.concat(await all((await client.message('INBOX', 1))!))], [mail(1)]);
    expect(await client.message('Other', 1)).toBeUndefined();
  });
});

test('a server that falls silent is given up', async () => {
  const { imap, client } = await rig({}, { imapCommandTimeoutMs: 200 });
  imap.behaviour.answer = (text) => (/STATUS/.test(text) ? '' : undefined);
  expect(await errorOf(client.status('INBOX'))).toMatchObject({ code: 'server-silent', details: { during: 'STATUS' } });
});

test('the signal ends what is under way; close says LOGOUT and never throws', async () => {
  const stop = new AbortController();
  const { imap, client } = await rig({}, { signal: stop.signal });
  imap.behaviour.answer = (text) => {
    if (!/STATUS/.test(text)) return undefined;
    stop.abort();
    return '';
  };
  expect(await errorOf(client.status('INBOX'))).toMatchObject({ code: 'connection-lost' });
  await client.close();
  const other = await rig();
  await other.client.close();
  await other.client.close();
  expect(other.verbs().at(-1)).toBe('LOGOUT');
});
