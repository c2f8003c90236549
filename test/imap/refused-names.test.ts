/** Servers that do not take every name for a mailbox (imap-quirks §2.1, §2.2). */
import { afterEach, describe, expect, test } from 'vitest';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, errorOf, mail, quick } from './imap-rig.ts';

const ends: (() => Promise<void>)[] = [];

async function rig(behaviour: ImapBehaviour = {}, mailboxes: Record<string, string[]> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  for (const [name, attributes] of Object.entries(mailboxes)) imap.addMailbox(name, attributes);
  const connect = async () => {
    const client = await MailboxClient.connect(endpoint(imap.port), quick);
    ends.push(async () => client.destroy());
    return client;
  };
  ends.unshift(() => imap.stop());
  const commands = (verb: string) =>
    imap.connections.flatMap((one) => one.commands).filter((text) => text.split(' ')[1] === verb);
  return { imap, client: await connect(), connect, commands };
}

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** The mailbox that serves for a name, and again on another connection, where nothing but the listing is known. */
async function twice(behaviour: ImapBehaviour, name: string, mailboxes = {}) {
  const { imap, client, connect, commands } = await rig(behaviour, mailboxes);
  const path = await client.ensure(name, 'levels');
  const tried = commands('CREATE').length;
  const later = await connect();
  expect(await later.find(name, 'levels')).toBe(path);
  expect(await later.ensure(name, 'levels')).toBe(path);
  expect(await later.ensure(path)).toBe(path);
  expect(commands('CREATE')).toHaveLength(tried);
  expect([...later.renamed]).toEqual([...client.renamed]);
  return { path, tried, imap, renamed: client.renamed, commands };
}

const levelsOf = (name: string) => name.split('/').length;

describe('a name that is refused', () => {
  test.each<[string, ImapBehaviour, string, string | RegExp, number]>([
    [
      'with more words than are looked at',
      { refuseCreate: (name) => (name.includes('.') ? `NO ${'x'.repeat(1000)} permission denied` : undefined) },
      'a.b',
      'a_b',
      2,
    ],
    [
      'for its white space, by Gmail',
      { refuseCreate: (name) => (/ {2}|^ | $|\/ | \//.test(name) ? 'NO [CANNOT] Invalid folder name' : undefined) },
      'Old  mail / of 2004 ',
      'Old mail/of 2004',
      2,
    ],
    [
      'for a dot, by Dovecot over Maildir++',
      {
        refuseCreate: (name) =>
          name.includes('.') ? "NO [CANNOT] Character not allowed in mailbox name: '.'" : undefined,
      },
      'Lists/dev.example.com',
      'Lists/dev_example_com',
      2,
    ],
    [
      'because it is reserved, by Exchange',
      { refuseCreate: (name) => (name === 'Files' ? 'NO CREATE failed. Reserved name.' : undefined) },
      'Files',
      /^Files_[0-9a-f]{8}$/,
      2,
    ],
    [
      'with no more than BAD',
      { refuseCreate: (name) => (/[%*#]/.test(name) ? 'BAD Command Argument Error. 11' : undefined) },
      '#1 100%',
      /^_1 100__[0-9a-f]{8}$/,
      2,
    ],
    [
      'because INBOX has no children, by Domino',
      { refuseCreate: (name) => (name.startsWith('INBOX/') ? 'NO INBOX cannot have children' : undefined) },
      'INBOX/Old',
      /^INBOX_Old_[0-9a-f]{8}$/,
      3,
    ],
    [
      'for its depth',
      { refuseCreate: (name) => (levelsOf(name) > 2 ? 'NO [CANNOT] too many levels' : undefined) },
      'a/b/c/d',
      /^a\/b_c_d_[0-9a-f]{8}$/,
      3,
    ],
    [
      'for its length',
      { refuseCreate: (name) => (name.length > 200 ? 'NO Mailbox name too long' : undefined) },
      'x'.repeat(300),
      /^x{150,191}_[0-9a-f]{8}$/,
      2,
    ],
    [
      'for its letters',
      { refuseCreate: (name) => (name.includes('&') ? 'NO [CANNOT] bad name' : undefined) },
      'Счета',
      /^mail_[0-9a-f]{8}$/,
      3,
    ],
  ])('%s, is mapped, and to the same mailbox ever after', async (_, behaviour, name, expected, tries) => {
    const { path, tried, imap, renamed } = await twice(behaviour, name);
    expect(path).toEqual(expect.stringMatching(typeof expected === 'string' ? `^${expected}$` : expected));
    expect(tried).toBe(tries);
    expect(imap.mailboxes.get(path)).toMatchObject({ subscribed: true });
    expect([...renamed]).toEqual([[name, path]]);
  });

  test('for lack of levels is made flat', async () => {
    const { path, renamed } = await twice({ delimiter: '' }, 'Archive/2004');
    expect(path).toBe('Archive_2004');
    expect([...renamed]).toEqual([['Archive/2004', 'Archive_2004']]);
  });

  test('never separates levels by a delimiter that stands inside one', async () => {
    const behaviour = { delimiter: '.', namespace: '(("INBOX." ".")) NIL NIL' };
    const { path, imap } = await twice(behaviour, 'Lists/dev.example.com');
    expect(path).toBe('INBOX.Lists.dev_example_com');
    expect([...imap.mailboxes.keys()]).toEqual(['INBOX', path]);
  });

  test('and has the delimiter of the listing where NAMESPACE is refused, as by Exchange', async () => {
    const answer = (text: string) => (/ NAMESPACE$/.test(text) ? 'TAG BAD Command Error. 12\r\n' : undefined);
    expect((await twice({ answer, delimiter: '.' }, 'a/b')).path).toBe('a.b');
  });

  test('is told as the server refused it where no other is taken either', async () => {
    const { client, commands } = await rig({ refuseCreate: () => 'NO [CANNOT] not here' });
    expect(await errorOf(client.ensure('a/b/c'))).toMatchObject({
      code: 'mailbox-refused',
      details: { mailbox: 'a/b/c', reply: 'NO [CANNOT] not here' },
    });
    expect(commands('CREATE').length).toBeLessThanOrEqual(7);
  });
});

describe('what is no matter of the name is not answered with another one', () => {
  test.each([
    ['NO [OVERQUOTA] Quota exceeded', 'mailbox-full'],
    ['NO Quota exceeded', 'mailbox-full'],
    ['NO [NOPERM] Permission denied', 'mailbox-refused'],
    ['NO Permission denied', 'mailbox-refused'],
    ['NO [LIMIT] Too many mailboxes', 'mailbox-refused'],
    ['NO [UNAVAILABLE] try later', 'server-unavailable'],
    ['NO [INUSE] locked', 'account-busy'],
    ['NO [THROTTLED] slower', 'server-unavailable'],
  ])('%s', async (refusal, code) => {
    const { client, commands } = await rig({ refuseCreate: () => refusal });
    expect(await errorOf(client.ensure('Files/50%'))).toMatchObject({ code });
    expect(commands('CREATE')).toHaveLength(1);
  });

  test('a lost connection', async () => {
    const { imap, client, commands } = await rig();
    imap.behaviour.answer = (text) => {
      if (!/ CREATE /.test(text)) return undefined;
      setImmediate(() => void imap.stop());
      return '';
    };
    expect(await errorOf(client.ensure('Files'))).toMatchObject({ code: 'connection-lost' });
    expect(commands('CREATE')).toHaveLength(1);
    ends.pop();
    ends.shift();
  });
});

describe('a mailbox that is there under a name that looks alike', () => {
  test('is taken where the server knows one case only', async () => {
    const exists = (name: string) => (/^archive$/i.test(name) ? 'NO [ALREADYEXISTS] exists' : undefined);
    const { client, connect } = await rig({ refuseCreate: exists }, { archive: [] });
    for (const one of [client, await connect()]) {
      expect(await one.ensure('Archive')).toBe('archive');
      expect(one.renamed.size).toBe(0);
    }
  });

  test('is another one where the server tells them apart', async () => {
    const { client } = await rig({}, { archive: [] });
    expect(await client.ensure('Archive')).toBe('Archive');
  });

  test('is taken where its characters are composed otherwise', async () => {
    const { client, commands } = await rig({}, { 'Entwu&AwgA-rfe': [] });
    expect(await client.ensure('Entw\u00fcrfe')).toBe('Entwu\u0308rfe');
    expect(commands('CREATE')).toHaveLength(0);
  });

  test('is taken where the server made another name of it than it was asked for', async () => {
    const { imap, client } = await rig();
    imap.behaviour.answer = (text) => {
      if (!/ CREATE /.test(text)) return undefined;
      imap.addMailbox('Old mail');
      return 'TAG OK done\r\n';
    };
    expect(await client.ensure('Old mail ')).toBe('Old mail');
  });

  test('is none where it cannot hold mail', async () => {
    const { client } = await rig({}, { Top: ['\\NoSelect'] });
    expect(await client.ensure('Top')).toMatch(/^Top_[0-9a-f]{8}$/);
  });
});

test('a server that wants the mailboxes above first gets them', async () => {
  const { imap, client } = await rig();
  imap.behaviour.refuseCreate = (name) => {
    const above = name.split('/').slice(0, -1).join('/');
    return above === '' || imap.mailboxes.has(above) ? undefined : 'NO [NONEXISTENT] no parent';
  };
  expect(await client.ensure('a/b/c')).toBe('a/b/c');
  expect([...imap.mailboxes.keys()]).toEqual(['INBOX', 'a', 'a/b', 'a/b/c']);
});

test('a mailbox that went away in between is made again', async () => {
  const { imap, client } = await rig();
  for (const name of ['One', 'Two']) expect(await client.ensure(name)).toBe(name);
  imap.mailboxes.delete('One');
  expect(await client.ensure('One')).toBe('One');
  expect(imap.mailboxes.has('One')).toBe(true);
});

test('many new mailboxes are not each paid for with the whole listing', async () => {
  const { client, commands } = await rig();
  for (let n = 0; n < 10; n += 1) await client.ensure(`Lists/${n}`, 'levels');
  const whole = commands('LIST').filter((text) => /"\*"|\*$/.test(text));
  expect(whole).toHaveLength(1);
});

test('a name that is taken is the same to every command', async () => {
  const { imap, client } = await rig();
  const names = [
    '50% *off*',
    'a "b" \\c',
    'Größe & mehr',
    '(x)',
    'x {5}',
    '+x]',
    '#1',
    '~joe',
    'NIL',
    '日本語',
    'a&-b',
    '&AGE-',
  ];
  for (const [n, name] of names.entries()) {
    expect(await client.ensure(name)).toBe(name);
    imap.store([...imap.mailboxes.keys()].at(-1)!, mail(n));
    expect([name, await client.status(name)]).toMatchObject([name, { messages: 1, uidNext: 2 }]);
    const found: number[] = [];
    for await (const { size } of client.headers(name, 1, '*', 1000)) found.push(size);
    expect(found).toEqual([mail(n).length]);
    expect(await client.find(name)).toBe(name);
  }
  expect(imap.mailboxes.size).toBe(names.length + 1);
});
