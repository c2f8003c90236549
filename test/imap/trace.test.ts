import { afterEach, describe, expect, it } from 'vitest';
import { AppendChannel } from '../../src/imap/append-channel.ts';
import type { ImapEndpoint } from '../../src/imap/door.ts';
import { MailboxClient } from '../../src/imap/mailboxes.ts';
import { tracing } from '../ground/log-rig.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { command, endpoint, errorOf, message, quick } from './imap-rig.ts';

const password = 'cAnArY "pässword" \\ 1';
const token = 'eyJ0.cAnArY-token';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

async function serve(behaviour: ImapBehaviour): Promise<ScriptedImap> {
  const imap = await ScriptedImap.start(behaviour);
  ends.push(() => imap.stop());
  return imap;
}

/** What of the secrets a text has, in any form that a server may have made of them. */
function leaks(text: string): string[] {
  const forms = ['canary', 'pässword', Buffer.from('pässword').toString('latin1'), base64('cAnArY'), base64(password)];
  const shifted = [`\0ann\0${password}`, `n${password}`, `user=ann\x01auth=Bearer ${token}`].map(base64);
  const all = [...forms, ...shifted, ...shifted.map((one) => one.slice(12, -4))];
  return all.filter((form) => text.toLowerCase().includes(form.toLowerCase()));
}

describe('the trace of an append channel', () => {
  it('has imapflow’s commands and ours with their answers in order, and of mail its size', async () => {
    const imap = await serve({ capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'UIDPLUS', 'LITERAL+'] });
    const { trace, talk, text } = tracing('destination');
    const channel = await AppendChannel.open(endpoint(imap.port, { trace, password }), quick);
    ends.push(() => channel.destroy());
    await channel.select('INBOX');
    const bytes = Buffer.from('Subject: private words\r\n\r\nmore private words\r\n');
    await channel.append(command([message(bytes, { flags: ['\\Seen'] })])).done;
    await channel.close();
    const said = talk();
    const sent = said.filter((line) => line.startsWith('>')).map((line) => line.replace(/^> \S+ ?/, ''));
    const login = sent.indexOf('AUTHENTICATE PLAIN');
    expect(sent.slice(login)).toEqual([
      'AUTHENTICATE PLAIN',
      '',
      ...sent.slice(login + 2, sent.indexOf('SELECT "INBOX"')),
      'SELECT "INBOX"',
      `APPEND "INBOX" (\\Seen) {${bytes.length}+}`,
      'LOGOUT',
    ]);
    expect(said).toContain('> ***');
    const at = said.findIndex((line) => line.includes('APPEND'));
    const tag = said[at]!.split(' ')[1];
    const answer = said.slice(at).find((line) => line.startsWith(`< ${tag} `));
    expect(answer).toMatch(/ OK \[APPENDUID \d+ 1\]/);
    expect(text()).not.toContain('private');
    expect(leaks(text())).toEqual([]);
  });
});

describe('the trace of look-ups', () => {
  it('has of messages their numbers and sizes', async () => {
    const imap = await serve({});
    imap.mailboxes.get('INBOX')!.messages.push({
      uid: 7,
      bytes: Buffer.from('Subject: private\r\n\r\nprivate\r\n'),
      flags: '()',
      date: undefined,
    });
    const { trace, talk, text } = tracing('destination');
    const client = await MailboxClient.connect(endpoint(imap.port, { trace }), quick);
    ends.push(() => client.destroy());
    const found = [];
    for await (const one of client.headers('INBOX', 1, '*', 1000)) found.push(one);
    expect(found).toHaveLength(1);
    expect(talk()).toContainEqual(expect.stringMatching(/^< \* 1 FETCH \((?:UID 7 |RFC822\.SIZE \d+ ){2}…\)$/));
    expect(text()).not.toContain('private');
  });
});

describe('the trace of a login', () => {
  const capabilities = (...more: string[]) => ['IMAP4rev1', ...more];
  const echo = (user: string, secret: string) =>
    `NO what is ${secret}, ${base64(secret)}, ${base64(`\0${user}\0${secret}`)}, ${secret.toUpperCase()}?`;
  const tokenEcho = (response: string) => `NO ${response} ${base64(response)}`;
  const ways: [string, ImapBehaviour, Partial<ImapEndpoint>, string][] = [
    ['LOGIN', { capabilities: capabilities(), login: echo }, {}, 'LOGIN "ann" ***'],
    ['PLAIN', { capabilities: capabilities('AUTH=PLAIN'), login: echo }, { auth: 'PLAIN' }, 'AUTHENTICATE PLAIN'],
    [
      'PLAIN in one line',
      { capabilities: capabilities('AUTH=PLAIN', 'SASL-IR'), login: echo },
      {},
      'AUTHENTICATE PLAIN ***',
    ],
    [
      'LOGIN by SASL',
      { capabilities: capabilities('AUTH=LOGIN', 'LOGINDISABLED'), login: echo },
      { auth: 'LOGIN' },
      'AUTHENTICATE LOGIN',
    ],
    [
      'XOAUTH2',
      { capabilities: capabilities('AUTH=XOAUTH2', 'SASL-IR'), token: tokenEcho },
      { accessToken: token },
      'AUTHENTICATE XOAUTH2 ***',
    ],
    [
      'OAUTHBEARER',
      { capabilities: capabilities('AUTH=OAUTHBEARER', 'SASL-IR'), token: tokenEcho },
      { accessToken: token },
      'AUTHENTICATE OAUTHBEARER ***',
    ],
  ];
  it.each(ways)('by %s has no secret, not even where the server repeats it', async (_name, behaviour, more, shown) => {
    const imap = await serve(behaviour);
    const { trace, talk, text } = tracing('destination', 5000);
    await errorOf(MailboxClient.connect(endpoint(imap.port, { trace, password, ...more }), quick));
    const said = talk();
    expect(said).toContainEqual(expect.stringMatching(/^< \S+ NO .*\*\*\*/));
    expect(said.map((line) => line.replace(/^(> )\S+ /, '$1'))).toContain(`> ${shown}`);
    expect(leaks(text())).toEqual([]);
  });
});
