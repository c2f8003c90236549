import { beforeAll, describe, expect, it } from 'vitest';
import { apopDigest, apopTimestamp } from '../../src/pop3/challenge-login.ts';
import { PopConnection } from '../../src/pop3/connection.ts';
import { awaitGreeting } from '../../src/pop3/opening.ts';
import { wantsTwoLines, xoauth2 } from '../../src/pop3/sasl-bearer.ts';
import { exchange } from '../../src/pop3/sasl-exchange.ts';
import { saslPrep } from '../../src/pop3/sasl-prep.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { scram } from '../servers/scram.ts';
import type { PopBehaviour } from '../servers/scripted-pop3.ts';
import { caught, connect, endpoint, options, serve } from './sessions.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const ask = (text: string) => `+ ${base64(text)}\r\n`;
let certificates: Certificates;

beforeAll(() => {
  certificates = makeCertificates();
});

type Sasl = NonNullable<PopBehaviour['sasl']>;

describe('CRAM-MD5', () => {
  it('answers as the example of RFC 2195 §2 does', async () => {
    const challenge = '<1896.697170952@postoffice.reston.mci.net>';
    const said: unknown[] = [];
    const sasl: Sasl = (_, lines) => {
      said.push(...lines);
      return lines.length === 1 ? ask(challenge) : '+OK\r\n';
    };
    const server = await serve({ capabilities: ['SASL CRAM-MD5'], sasl });
    await connect(server, {}, { user: 'tim', password: 'tanstaaftanstaaf' });
    expect(said.at(-1)).toBe('tim b913a602c7eda7a495b4e6e7334d3890');
  });
});

describe('LOGIN', () => {
  it('gives user name and password when asked, whatever the questions are', async () => {
    for (const questions of [
      ['Username:', 'Password:'],
      ['', ''],
      ['User Name\0', 'Kennwort'],
    ]) {
      for (const plus of ['+ ', '+OK ']) {
        const asks = questions.map((question) => `${plus}${base64(question)}\r\n`);
        const replies = { 'AUTH LOGIN': asks[0]!, [base64('user')]: asks[1]!, [base64('secret')]: '+OK\r\n' };
        const server = await serve({ capabilities: ['SASL LOGIN'], replies });
        await connect(server);
        expect(server.transcript.slice(1, 4)).toEqual(['AUTH LOGIN', base64('user'), base64('secret')]);
      }
    }
  });

  it('ends with a server that asks without end', async () => {
    const server = await serve({ capabilities: ['SASL LOGIN'], sasl: () => '+ \r\n' });
    expect((await caught(connect(server))).code).toBe('protocol-error');
    expect(server.transcript.length).toBeLessThan(15);
  });
});

describe('SCRAM', () => {
  it.each([
    ['SCRAM-SHA-1', 'sha1'],
    ['SCRAM-SHA-256', 'sha256'],
  ] as const)('%s proves and is proven to', async (name, hash) => {
    const server = await serve({ capabilities: [`SASL ${name}`], sasl: scram(hash) });
    await connect(server);
    expect(server.transcript).toHaveLength(5);
    const error = await caught(connect(server, {}, { password: 'wrong' }));
    expect(error.code).toBe('credentials-refused');
  });

  it('says whose maildrop it is, and writes commas and equals signs as they must be', async () => {
    const server = await serve({ capabilities: ['SASL SCRAM-SHA-256'], sasl: scram('sha256') });
    await connect(server, {}, { user: 'a=b,c', authzUser: 'x,y' });
    const first = Buffer.from(server.transcript[1]!.split(' ')[2]!, 'base64').toString();
    expect(first).toMatch(/^n,a=x=2Cy,n=a=3Db=2Cc,r=/);
  });

  it.each([
    [{ proof: base64('x'.repeat(32)) }, 'server-unproven'],
    [{ proof: base64('x') }, 'server-unproven'],
    [{ early: true }, 'server-unproven'],
    [{ nonce: 'of-another-login' }, 'server-unproven'],
    [{ rounds: 20_001 }, 'protocol-error'],
    [{ rounds: 0 }, 'protocol-error'],
    [{ salt: '!' }, 'protocol-error'],
  ])('is not taken in by a server with %j', async (fault, code) => {
    const server = await serve({ capabilities: ['SASL SCRAM-SHA-256 PLAIN'], sasl: scram('sha256', fault) });
    const error = await caught(connect(server));
    expect(error.code).toBe(code);
    expect(error.message).toContain('SCRAM-SHA-256');
    expect(server.seen('USER')).toEqual([]);
    expect(server.seen('AUTH')).toHaveLength(1);
  });

  it('prepares what is not ASCII (RFC 4013 §3)', () => {
    const examples = { 'I\u00adX': 'IX', user: 'user', USER: 'USER', '\u00aa': 'a', '\u2168': 'IX', 'a\u00a0b': 'a b' };
    for (const [text, prepared] of Object.entries(examples)) expect(saslPrep(text)).toBe(prepared);
    expect(saslPrep('\u0007')).toBe('\u0007');
    expect(saslPrep('\u00ad')).toBe('\u00ad');
  });
});

describe('access tokens', () => {
  const token = 'ya29.t0ken';
  const failure = JSON.stringify({ status: '400', schemes: 'Bearer', scope: 'https://mail.example/' });

  it('go by XOAUTH2 on one line, as the documentation of Google has it', async () => {
    const server = await serve({ capabilities: ['SASL PLAIN OAUTHBEARER XOAUTH2'], sasl: () => '+OK\r\n' });
    await connect(server, {}, { accessToken: token, password: '' });
    const response = base64(`user=user\x01auth=Bearer ${token}\x01\x01`);
    expect(server.transcript).toEqual(['CAPA', `AUTH XOAUTH2 ${response}`, 'CAPA']);
  });

  it('go on a line of their own where they are long, and to Microsoft always', async () => {
    const accessToken = 'x'.repeat(2000);
    const sasl: Sasl = (_, said) => (said.length === 1 ? '+ \r\n' : '+OK\r\n');
    const server = await serve({ capabilities: ['SASL XOAUTH2'], sasl });
    await connect(server, {}, { accessToken });
    const response = base64(`user=user\x01auth=Bearer ${accessToken}\x01\x01`);
    expect(server.transcript.slice(1, 3)).toEqual(['AUTH XOAUTH2', response]);
    const short = await PopConnection.open(endpoint(server), options());
    await awaitGreeting(short);
    const dialogue = xoauth2({ ...endpoint(server), host: 'outlook.office365.com', accessToken: token });
    expect(await exchange(short, dialogue)).toMatchObject({ status: { kind: 'ok' }, nothingShown: false });
    short.fail(new Error('done'));
    expect(server.transcript.slice(-2)).toEqual(['AUTH XOAUTH2', base64(`user=user\x01auth=Bearer ${token}\x01\x01`)]);
    for (const host of ['outlook.office365.com', 'Outlook.com', 'pop-mail.outlook.com', 'outlook.office365.com.'])
      expect(wantsTwoLines(host)).toBe(true);
    for (const host of ['pop.gmail.com', 'notoutlook.com', 'outlook.com.example'])
      expect(wantsTwoLines(host)).toBe(false);
  });

  it('go by OAUTHBEARER as RFC 7628 §3.1 has it; and the password is one where a mechanism of tokens is named', async () => {
    const server = await serve({ capabilities: ['SASL OAUTHBEARER'], sasl: () => '+OK\r\n' });
    await connect(server, {}, { auth: 'oauthbearer', user: 'a,b', password: token });
    await connect(server, {}, { accessToken: token, authzUser: 'shared' });
    const tail = `\x01host=127.0.0.1\x01port=${server.port}\x01auth=Bearer ${token}\x01\x01`;
    const seen = server.seen('AUTH').map((line) => Buffer.from(line.split(' ')[2]!, 'base64').toString());
    expect(seen).toEqual([`n,a=a=2Cb,${tail}`, `n,a=shared,${tail}`]);
  });

  it.each([
    ['xoauth2', ''],
    ['oauthbearer', base64('\x01')],
  ])('%s answers the description of an error as it must, and hands it on', async (auth, answer) => {
    const sasl: Sasl = (_, said) => (said.length === 1 ? ask(failure) : `-ERR no ${token}\r\n`);
    const server = await serve({ capabilities: [`SASL ${auth}`, 'AUTH-RESP-CODE'], sasl });
    const error = await caught(connect(server, {}, { auth, accessToken: token }));
    expect(server.transcript.slice(2)).toEqual([answer]);
    expect(error.code).toBe('credentials-refused');
    expect(error.message).toContain('status 400');
    expect(error.message).toContain('https://mail.example/');
    expect(error.message).toContain(auth.toUpperCase());
    expect(JSON.stringify([error.message, error.details])).not.toContain(token);
  });

  it('are not blamed where the server says that it failed itself, or is busy', async () => {
    const broken: Sasl = (_, said) => (said.length === 1 ? ask('{"status":"503"}') : '-ERR no\r\n');
    const server = await serve({ capabilities: ['SASL XOAUTH2'], sasl: broken });
    expect((await caught(connect(server, {}, { accessToken: token }))).code).toBe('server-unavailable');
    const busy = await serve({ capabilities: ['SASL XOAUTH2'], sasl: () => '-ERR [IN-USE] locked\r\n' });
    expect((await caught(connect(busy, {}, { accessToken: token }))).code).toBe('account-busy');
  });

  it('are not shown to a server without a mechanism for them, nor sent with a %x01 in them', async () => {
    const server = await serve();
    const error = await caught(connect(server, {}, { accessToken: token }));
    expect(error.code).toBe('login-mechanism');
    expect(error.message).toContain('wanted XOAUTH2 or OAUTHBEARER, offered USER, SASL PLAIN');
    expect(server.transcript).toEqual(['CAPA']);
    for (const where of [{ accessToken: 'a\x01b' }, { accessToken: token, user: 'a\x01auth=Bearer b' }]) {
      expect((await caught(connect(server, {}, where))).code).toBe('credentials-unsafe');
    }
  });
});

it.each(['PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-256', 'XOAUTH2', 'OAUTHBEARER'])(
  'no error repeats what %s said, even if the server does',
  async (auth) => {
    // Asks as long as there is something to be heard, then gives all of it back.
    const sasl: Sasl = (name, said) => {
      if (name === 'CRAM-MD5' && said.length === 1) return ask('<1@b>');
      if (name === 'LOGIN' && said.length < 3) return ask('Password:');
      if (name.startsWith('SCRAM') && said.length === 1) return scram('sha256')(name, said);
      return `-ERR what is ${said.map((text) => base64(text ?? '')).join(' ')} ?\r\n`;
    };
    const server = await serve({ capabilities: [`SASL ${auth}`], sasl });
    const error = await caught(connect(server, {}, { auth, user: 'ab', password: 's3cr3t-w0rd' }));
    expect(error.code).toBe('credentials-refused');
    const everything = JSON.stringify([error.message, error.details, error.stack, String(error.cause)]);
    const said = server.transcript.slice(1).flatMap((line) => line.split(' ').slice(line.startsWith('AUTH') ? 2 : 0));
    expect(said.length).toBeGreaterThan(0);
    for (const line of [...said, 's3cr3t']) expect(everything).not.toContain(line);
    expect(everything).toContain('***');
  },
);

it('no error has the beginning of a token where it cuts short what a server says', async () => {
  const token = 'ya29.t0ken';
  const long = JSON.stringify({ status: '400', scope: `${'x'.repeat(275)} ${token}` });
  const sasl: Sasl = (_, said) => (said.length === 1 ? ask(long) : '-ERR [AUTH] no\r\n');
  const server = await serve({ capabilities: ['SASL XOAUTH2'], sasl });
  const error = await caught(connect(server, {}, { accessToken: token }));
  expect(error.message).toContain('xxxx');
  expect(JSON.stringify([error.message, error.details])).not.toContain(token.slice(0, 4));
});

describe('APOP', () => {
  it('answers as the example of RFC 1939 §7 does', () => {
    expect(apopDigest('<1896.697170952@dbc.mtview.ca.us>', 'tanstaaf')).toBe('c4c9334bac560ecc979e58001b3e22fb');
  });

  it('is used when it is asked for, and never else', async () => {
    const greeting = '+OK ready <1.2@example.com>\r\n';
    const server = await serve({ greeting, capabilities: ['USER'], replies: { APOP: '+OK\r\n' } });
    await connect(server, {}, { auth: 'apop' });
    await connect(server);
    const digest = apopDigest('<1.2@example.com>', 'secret');
    expect(server.transcript).toEqual([
      'CAPA',
      `APOP user ${digest}`,
      'CAPA',
      'CAPA',
      'USER user',
      'PASS secret',
      'CAPA',
    ]);
    const wrong = await serve({ greeting, replies: { APOP: `-ERR [AUTH] not ${digest}\r\n` } });
    const error = await caught(connect(wrong, {}, { auth: 'apop' }));
    expect([error.code, error.message.includes(digest)]).toEqual(['credentials-refused', false]);
  });

  it('is not used for a user name that it cannot carry', async () => {
    const server = await serve({ greeting: '+OK ready <1.2@example.com>\r\n' });
    expect((await caught(connect(server, {}, { auth: 'apop', user: 'a b' }))).code).toBe('login-mechanism');
    expect(server.transcript).toEqual(['CAPA']);
  });

  it('takes no timestamp but that of a msg-id (CVE-2007-1558)', async () => {
    const greets = (text: string) => apopTimestamp(Buffer.from(`+OK ${text}`, 'latin1'));
    expect(greets('Dovecot ready. <1a2b.3.5f.Zz/+==@mail.example.com>')).toBe('<1a2b.3.5f.Zz/+==@mail.example.com>');
    expect(greets('<1@[127.0.0.1]> hello')).toBe('<1@[127.0.0.1]>');
    for (const bad of [
      '',
      '<>',
      '<@>',
      '<1.2>',
      '<a@b@c>',
      '<a b@c>',
      '<a@b\xe9>',
      '<a\x01@b>',
      '<<a@b>',
      '<a@b>>',
      '<a@b><c@d>',
    ])
      expect(greets(bad)).toBeUndefined();
    const server = await serve({ greeting: '+OK <\xe9\x80@b>\r\n' });
    const error = await caught(connect(server, {}, { auth: 'apop' }));
    expect(error.code).toBe('login-mechanism');
    expect(server.transcript).toEqual(['CAPA']);
  });
});

describe('the choice', () => {
  const offered = ['USER', 'SASL CRAM-MD5 LOGIN PLAIN SCRAM-SHA-1 SCRAM-SHA-256'];

  it('is PLAIN under TLS, and in the clear what does not show the password', async () => {
    const secure = await serve({ capabilities: offered, tls: certificates, implicitTls: true });
    await connect(secure, {}, { security: 'tls', tlsCa: certificates.ca });
    expect(secure.seen('AUTH')).toEqual([`AUTH PLAIN ${base64('\0user\0secret')}`]);
    const clear = await serve({ capabilities: offered, sasl: scram('sha256') });
    await connect(clear);
    expect(clear.seen('AUTH')[0]).toMatch(/^AUTH SCRAM-SHA-256 /);
  });

  it('goes on to the next where one is listed and not there, as long as nothing was shown', async () => {
    const answers: string[] = [];
    const sasl: Sasl = (name, said) => {
      answers.push(name);
      if (name === 'CRAM-MD5') return said.length === 1 ? ask('<1@b>') : '+OK\r\n';
      return '-ERR Unsupported authentication mechanism.\r\n';
    };
    const server = await serve({ capabilities: offered, sasl });
    await connect(server);
    expect(answers).toEqual(['SCRAM-SHA-256', 'SCRAM-SHA-1', 'CRAM-MD5', 'CRAM-MD5']);
  });

  it('ends where the password was shown; that is no refused password', async () => {
    const server = await serve({ capabilities: offered, sasl: () => '-ERR unknown auth mechanism\r\n' });
    const error = await caught(connect(server));
    expect(error.code).toBe('login-mechanism');
    expect(error.message).toMatch(/offered USER, SASL CRAM-MD5 .*; it answers PLAIN with -ERR unknown/);
    expect(server.seen('AUTH').map((line) => line.split(' ')[1])).toEqual([
      'SCRAM-SHA-256',
      'SCRAM-SHA-1',
      'CRAM-MD5',
      'PLAIN',
    ]);
    expect([...server.seen('USER'), ...server.seen('PASS')]).toEqual([]);
  });

  it('does not go on after a refused password, and says what was used', async () => {
    const server = await serve({ capabilities: offered, sasl: scram('sha256', { password: 'other' }) });
    const error = await caught(connect(server));
    expect(error.code).toBe('credentials-refused');
    expect(error.message).toContain('login by SCRAM-SHA-256: invalid-proof');
    expect(server.seen('AUTH')).toHaveLength(1);
  });
});
