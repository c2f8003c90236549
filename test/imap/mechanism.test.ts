import { afterEach, describe, expect, test } from 'vitest';
import { type ImapEndpoint, openDoor } from '../../src/imap/door.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, errorOf, quick } from './imap-rig.ts';

const servers: ScriptedImap[] = [];
const token = 'ya29.t0ken-of-ann';

async function open(behaviour: ImapBehaviour, more: Partial<ImapEndpoint> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  servers.push(imap);
  const door = await openDoor(endpoint(imap.port, more), quick);
  door.client.close();
  return imap.connections[0]!.commands.filter((text) => /AUTHENTICATE|LOGIN/.test(text)).map((text) => text.slice(2));
}

/** What a server was sent in a login. */
const sent = () =>
  servers
    .flatMap(({ connections }) => connections.flatMap(({ commands }) => commands))
    .filter((text) => !/CAPABILITY/.test(text));

afterEach(async () => {
  for (const imap of servers.splice(0)) await imap.stop();
});

describe('the choice', () => {
  const refuse = { login: () => 'NO [AUTHENTICATIONFAILED] no' };

  test.each([
    [['AUTH=PLAIN', 'AUTH=LOGIN'], {}, 'AUTHENTICATE PLAIN'],
    [['AUTH=LOGIN'], {}, 'LOGIN "ann"'],
    [['AUTH=PLAIN', 'LOGINDISABLED'], {}, 'AUTHENTICATE PLAIN'],
    [['AUTH=PLAIN'], { auth: 'login' }, 'LOGIN "ann"'],
    [['AUTH=LOGIN', 'LOGINDISABLED'], {}, 'AUTHENTICATE LOGIN'],
    [['AUTH=PLAIN'], { user: 'FIRM\\ann' }, 'LOGIN "FIRM\\\\ann"'],
    [['AUTH=PLAIN', 'LOGINDISABLED'], { user: 'FIRM\\ann' }, 'AUTHENTICATE PLAIN'],
    [['AUTH=PLAIN'], { authzUser: 'bob', auth: 'PLAIN' }, 'AUTHENTICATE PLAIN'],
    [['AUTH=PLAIN'], { authzUser: '' }, 'AUTHENTICATE PLAIN'],
  ])('with %j and %j is %s', async (listed, more, expected) => {
    const [used = ''] = await open({ capabilities: ['IMAP4rev1', ...listed] }, more);
    expect(used.startsWith(expected)).toBe(true);
  });

  test('of PLAIN is said in one line where the server takes that, and to one that asks all the same once more', async () => {
    const plain = Buffer.from('bob\0ann\0pw-se"cr\\et').toString('base64');
    const capabilities = ['IMAP4rev1', 'AUTH=PLAIN', 'SASL-IR'];
    expect(await open({ capabilities }, { authzUser: 'bob' })).toEqual([`AUTHENTICATE PLAIN ${plain}`]);
    // imapflow's first tag
    const answers = ['+ \r\n', '1 OK [CAPABILITY IMAP4rev1] in\r\n'];
    const imap = await ScriptedImap.start({ capabilities, answer: () => answers.shift() });
    servers.push(imap);
    (await openDoor(endpoint(imap.port, { authzUser: 'bob' }), quick)).client.close();
    const [, again] = imap.connections[0]!.commands;
    expect(again).toBe(plain);
  });

  test.each([
    [['AUTH=PLAIN'], { auth: 'CRAM-MD5' }, 'wanted CRAM-MD5, offered AUTH=PLAIN, LOGIN; Mailhaul has PLAIN'],
    [['AUTH=CRAM-MD5'], { auth: 'plain' }, 'wanted plain, offered AUTH=CRAM-MD5, LOGIN'],
    [['LOGINDISABLED'], {}, 'wanted auto, offered nothing'],
    [['AUTH=PLAIN'], { auth: 'login', authzUser: 'bob' }, 'wanted login for another user'],
    [['AUTH=LOGIN'], { authzUser: 'bob' }, 'wanted auto for another user, offered AUTH=LOGIN, LOGIN'],
    [['AUTH=PLAIN'], { accessToken: token }, 'wanted XOAUTH2 or OAUTHBEARER, offered AUTH=PLAIN, LOGIN'],
    [['AUTH=OAUTHBEARER'], { auth: 'xoauth2' }, 'wanted xoauth2, offered AUTH=OAUTHBEARER'],
  ])('with %j and %j is none, and nothing is sent', async (listed, more, expected) => {
    const error = await errorOf(open({ capabilities: ['IMAP4rev1', ...listed] }, more));
    expect(error.code).toBe('login-mechanism');
    expect(error.message).toContain(expected);
    expect(sent()).toEqual([]);
  });

  test.each(['plain', 'login'])('a refusal of %s says so', async (auth) => {
    const error = await errorOf(open(refuse, { auth }));
    expect(error).toMatchObject({ code: 'credentials-refused', details: { mechanism: auth.toUpperCase() } });
    expect(error.message).toContain(`login by ${auth.toUpperCase()}`);
  });

  test('a mechanism that is listed and then refused as unknown is no refused password', async () => {
    const error = await errorOf(open({ login: () => 'NO Unsupported authentication mechanism.' }));
    expect(error.code).toBe('login-mechanism');
    expect(error.message).toContain('wanted PLAIN, offered AUTH=PLAIN, LOGIN; it answers NO Unsupported');
  });
});

describe('access tokens', () => {
  const both = ['IMAP4rev1', 'AUTH=OAUTHBEARER', 'AUTH=XOAUTH2', 'SASL-IR'];
  const opened = async (more: Partial<ImapEndpoint>, capabilities = both) => {
    const heard: string[] = [];
    await open({ capabilities, token: (response, name) => void heard.push(`${name} ${response}`) }, more);
    return heard;
  };

  test('go by XOAUTH2, or OAUTHBEARER where that is listed alone or wanted', async () => {
    const xoauth2 = `XOAUTH2 user=ann\x01auth=Bearer ${token}\x01\x01`;
    expect(await opened({ accessToken: token })).toEqual([xoauth2]);
    expect(await opened({ auth: 'XOAUTH2', password: token })).toEqual([xoauth2]);
    for (const [more, listed] of [
      [{ accessToken: token }, ['IMAP4rev1', 'AUTH=OAUTHBEARER']],
      [{ auth: 'oauthbearer', password: token }, both],
    ] as const) {
      const [heard = ''] = await opened(more, [...listed]);
      expect(heard).toMatch(
        new RegExp(`^OAUTHBEARER n,a=ann,\x01host=127.0.0.1\x01port=\\d+\x01auth=Bearer ${token}\x01\x01$`),
      );
    }
  });

  test('open the mailbox of another user; a comma in his name ends nothing', async () => {
    expect(await opened({ accessToken: token, authzUser: 'shared' })).toEqual([
      `XOAUTH2 user=shared\x01auth=Bearer ${token}\x01\x01`,
    ]);
    const [heard = ''] = await opened({ auth: 'oauthbearer', accessToken: token, user: 'a,b=c' });
    expect(heard).toContain('n,a=a=2Cb=3Dc,\x01');
  });

  test.each([
    ['xoauth2', ''],
    ['oauthbearer', 'AQ=='],
  ])('%s: the description of an error is answered as it must be and handed on', async (auth, answer) => {
    const refusal = JSON.stringify({ status: '400', schemes: 'Bearer', scope: `of ${token}` });
    const error = await errorOf(open({ capabilities: both, token: () => refusal }, { auth, accessToken: token }));
    expect(error).toMatchObject({ code: 'credentials-refused' });
    expect(error.message).toContain('status 400, schemes Bearer, scope of …');
    expect(error.message).toContain(auth.toUpperCase());
    expect(sent().at(-1)).toBe(answer);
    // A server that blames itself may repeat the token as well.
    const trouble = JSON.stringify({ status: '503', scope: `of ${token}` });
    const busy = await errorOf(open({ capabilities: both, token: () => trouble }, { auth, accessToken: token }));
    expect(busy).toMatchObject({ code: 'server-unavailable' });
    expect(busy.message).toContain('status 503, scope of …');
  });

  test('are never in an error, even if the server repeats the whole command', async () => {
    for (const auth of ['xoauth2', 'oauthbearer']) {
      const answer = (text: string) => (/AUTHENTICATE/.test(text) ? `TAG NO what is ${text}?\r\n` : undefined);
      const error = await errorOf(open({ capabilities: both, answer }, { auth, accessToken: token }));
      const sentToken = sent().at(-1)!.split(' ').at(-1)!;
      const everything = JSON.stringify([error.message, error.details, error.stack, String(error.cause)]);
      expect(everything).not.toContain(token);
      expect(Buffer.from(sentToken, 'base64').toString()).toContain(token);
      // The token is in the middle of what wraps it.
      const from = Math.ceil((Buffer.from(sentToken, 'base64').indexOf(token) / 3) * 4);
      expect(everything).not.toContain(sentToken.slice(from + 2, from + 14));
    }
  });

  test('a %x01 in what is sent would end a field: it is not sent', async () => {
    for (const more of [
      { accessToken: 'a\x01b' },
      { accessToken: token, user: 'a\x01b' },
      { auth: 'xoauth2', password: '\x01' },
    ]) {
      expect(await errorOf(open({ capabilities: both }, more))).toMatchObject({ code: 'credentials-unsafe' });
    }
    expect(sent()).toEqual([]);
  });
});
