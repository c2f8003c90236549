import { createServer, type Socket } from 'node:net';
import { beforeAll, describe, expect, it } from 'vitest';
import { PopClient } from '../../src/pop3/client.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import { caught, connect, endpoint, options, serve, until } from './sessions.ts';

let certificates: Certificates;
let strangers: Certificates;
let otherName: Certificates;

beforeAll(() => {
  certificates = makeCertificates();
  strangers = makeCertificates();
  otherName = makeCertificates('DNS:other.example');
});

const plainResponse = Buffer.from('\0user\0secret').toString('base64');

describe('logging in', () => {
  it('uses SASL PLAIN where it is listed and asks CAPA on both sides of the login', async () => {
    const server = await serve({
      capabilities: ({ loggedIn }) => (loggedIn ? ['pipelining', 'EXPIRE 0'] : ['SASL GSSAPI PLAIN']),
    });
    const client = await connect(server);
    expect(server.transcript).toEqual(['CAPA', `AUTH PLAIN ${plainResponse}`, 'CAPA']);
    expect([...client.capabilities]).toEqual([
      ['PIPELINING', ''],
      ['EXPIRE', '0'],
    ]);
    expect(client.pipelining).toBe(true);
  });

  it('uses USER and PASS where PLAIN is not listed, or is not wanted', async () => {
    const old = await serve({ capabilities: ['USER'] });
    expect((await connect(old)).pipelining).toBe(false);
    expect(old.transcript).toEqual(['CAPA', 'USER user', 'PASS secret', 'CAPA']);
    const good = await serve();
    await connect(good, {}, { auth: 'user' });
    expect(good.seen('AUTH')).toEqual([]);
  });

  it('sends one command at a time when told so', async () => {
    expect((await connect(await serve(), { oneAtATime: true })).pipelining).toBe(false);
  });

  it('opens the maildrop of another user with PLAIN only', async () => {
    const server = await serve();
    await connect(server, {}, { authzUser: 'other' });
    expect(server.transcript[1]).toBe(`AUTH PLAIN ${Buffer.from('other\0user\0secret').toString('base64')}`);
    const old = await serve({ capabilities: ['USER'] });
    const error = await caught(connect(old, {}, { authzUser: 'other' }));
    expect(error.code).toBe('login-mechanism');
    expect(error.message).toContain('offered USER');
    expect((await caught(connect(server, {}, { auth: 'user', authzUser: 'other' }))).code).toBe('login-mechanism');
    expect(old.transcript).toEqual(['CAPA']);
  });

  it('answers a server that ignores the first response, and one that says +OK for +', async () => {
    for (const ask of ['+ \r\n', '+\r\n']) {
      const server = await serve({ replies: { [`AUTH PLAIN ${plainResponse}`]: ask, [plainResponse]: '+OK\r\n' } });
      await connect(server);
      expect(server.transcript.slice(1, 3)).toEqual([`AUTH PLAIN ${plainResponse}`, plainResponse]);
    }
    const password = 'x'.repeat(300);
    const long = Buffer.from(`\0user\0${password}`).toString('base64');
    for (const ask of ['+ \r\n', '+OK\r\n']) {
      const server = await serve({ replies: { 'AUTH PLAIN': ask, [long]: '+OK\r\n' } });
      await connect(server, {}, { password });
      expect(server.transcript.slice(1, 3)).toEqual(['AUTH PLAIN', long]);
    }
  });

  it('sends a password with spaces and beyond ASCII as it is', async () => {
    const server = await serve({ capabilities: ['USER'], password: ' pässword  x ' });
    await connect(server, {}, { password: ' pässword  x ' });
    expect(server.seen('PASS')).toEqual(['PASS  pässword  x ']);
  });

  it.each(['apop', 'cram-md5', 'oauth2:google', 'plain'])(
    'names what the server offers when %s cannot be used',
    async (auth) => {
      const server = await serve({ capabilities: ['USER', 'SASL LOGIN'] });
      const error = await caught(connect(server, {}, { auth }));
      expect(error.code).toBe('login-mechanism');
      expect(error.message).toContain('offered USER, SASL LOGIN');
    },
  );

  it.each([{ user: 'a\r\nDELE 1' }, { password: 'a\nb' }, { password: 'a\0b' }, { authzUser: 'a\r' }])(
    'does not send what would be another command: %j',
    async (where) => {
      const server = await serve();
      const error = await caught(connect(server, {}, where));
      expect(error.code).toBe('credentials-unsafe');
      expect(server.connections).toBe(0);
    },
  );

  it.each([
    [{ PASS: '-ERR [AUTH] no\r\n' }, 'credentials-refused'],
    [{ PASS: '-ERR no\r\n' }, 'credentials-refused'],
    [{ USER: '-ERR no such user\r\n' }, 'credentials-refused'],
    [{ PASS: '-ERR [IN-USE] x\r\n' }, 'account-busy'],
    [{ PASS: '-ERR [SYS/TEMP] x\r\n' }, 'server-unavailable'],
    [{ PASS: '+ERR wrong password\r\n' }, 'credentials-refused'],
    [{ PASS: '+ERR [IN-USE] x\r\n' }, 'account-busy'],
    [{ PASS: 'what?\r\n' }, 'protocol-error'],
    [{ PASS: '+ go on\r\n' }, 'protocol-error'],
  ] as const)('says what a refusal means: %j', async (replies, code) => {
    const server = await serve({ capabilities: ['USER'], replies });
    expect((await caught(connect(server))).code).toBe(code);
    expect(server.seen('PASS').length).toBe('USER' in replies ? 0 : 1);
    await until(() => server.open === 0);
  });

  it.each([
    [{}, undefined],
    [{ USER: '-ERR no such user\r\n', PASS: '-ERR [SYS/TEMP] who?\r\n' }, 'credentials-refused'],
    [{ PASS: '-ERR [IN-USE] x\r\n' }, 'account-busy'],
  ] as const)('sends PASS along with USER where commands may be sent at once: %j', async (replies, code) => {
    const server = await serve({
      capabilities: ['USER', 'PIPELINING'],
      holdUntil: { verb: 'USER', waiting: 2 },
      replies,
    });
    const logIn = connect(server);
    expect(code === undefined ? (await logIn).pipelining : (await caught(logIn)).code).toBe(code ?? true);
    expect(server.seen('PASS')).toHaveLength(1);
  });

  it('is done again, one command at a time, where a server mixes up those it was sent at once', async () => {
    const server = await serve({ capabilities: ['USER', 'PIPELINING'], oneCommandPerRead: true });
    let told = 0;
    const onPipeliningBroken = () => {
      told += 1;
    };
    const client = await connect(server, { popLoginTimeoutMs: 60, onPipeliningBroken });
    expect([client.pipelining, (await client.list()).length, server.connections, told]).toEqual([false, 0, 2, 1]);
  });

  it('does not blame the password where the server marks every refused credential', async () => {
    const server = await serve({ replies: { AUTH: '-ERR no\r\n' } });
    expect((await caught(connect(server))).code).toBe('server-unavailable');
  });

  it.each([
    ['-ERR too many connections, wait\r\n', 'account-busy'],
    ['-ERR no service\r\n', 'server-unavailable'],
    ['220 smtp.example ESMTP\r\n', 'protocol-error'],
  ])('says what a greeting means: %j', async (greeting, code) => {
    expect((await caught(connect(await serve({ greeting })))).code).toBe(code);
  });

  it('never repeats a password, even if the server does', async () => {
    const replies = {
      PASS: '-ERR unknown command PASS s3cr3t-word\r\n',
      AUTH: `-ERR bad response ${Buffer.from('\0user\0s3cr3t-word').toString('base64')} (s3cr3t-word)\r\n`,
    };
    for (const auth of ['user', 'plain']) {
      const error = await caught(connect(await serve({ replies }), {}, { auth, password: 's3cr3t-word' }));
      const everything = JSON.stringify([error.message, error.details, error.stack, String(error.cause)]);
      expect(everything).not.toMatch(/s3cr3t|czNjcjN0/);
      expect(everything).toContain('***');
    }
  });
});

describe('CAPA', () => {
  it('may be refused', async () => {
    const server = await serve({ capabilities: false });
    const client = await connect(server);
    expect(client.capabilities.size).toBe(0);
    expect(server.transcript).toEqual(['CAPA', 'USER user', 'PASS secret', 'CAPA']);
  });

  it.each([{ hangAt: 'CAPA' }, { dropAt: 'CAPA' }, { replies: { CAPA: 'eh?\r\n' } }])(
    'is left out on a second connection after %j',
    async (behaviour) => {
      const server = await serve(behaviour);
      const client = await connect(server, { popCapaTimeoutMs: 30 });
      expect(client.capabilities.size).toBe(0);
      expect(client.pipelining).toBe(false);
      expect(server.transcript).toEqual(['CAPA', 'USER user', 'PASS secret']);
    },
  );

  it.each([{ hangAt: 'CAPA' }, { dropAt: 'CAPA' }])(
    'is told to be of no use by %j, and is left out at once then',
    async (more) => {
      let told = 0;
      const onCapaUnusable = () => {
        told += 1;
      };
      const server = await serve(more);
      await connect(server, { popCapaTimeoutMs: 30, onCapaUnusable });
      expect([told, server.connections]).toEqual([1, 2]);
      await connect(server, { popCapaTimeoutMs: 30, onCapaUnusable, withoutCapa: true });
      expect([told, server.connections]).toEqual([1, 3]);
      expect(server.transcript.slice(-2)).toEqual(['USER user', 'PASS secret']);
      // Where not even that helps, CAPA is not to blame.
      await caught(connect(await serve({ hangAt: 'CAPA', dropAt: 'USER' }), { popCapaTimeoutMs: 30, onCapaUnusable }));
      expect(told).toBe(1);
    },
  );

  it('has every line up to a lone dot, whatever a line begins with', async () => {
    const server = await serve({ replies: { CAPA: '+OK\r\nUSER\r\n..X-DOT\r\nUIDL\r\n.\r\n' } });
    expect([...(await connect(server)).capabilities.keys()]).toEqual(['USER', '.X-DOT', 'UIDL']);
  });

  it('is forgotten where it is refused behind the login', async () => {
    const server = await serve({ capabilities: ({ loggedIn }) => (loggedIn ? false : ['USER', 'PIPELINING']) });
    const client = await connect(server);
    expect([client.capabilities.size, client.pipelining]).toEqual([0, false]);
  });

  it('is not waited for without end', async () => {
    const server = await serve({ replies: { CAPA: `+OK\r\n${'X-MORE\r\n'.repeat(1000)}.\r\n` } });
    expect((await connect(server, { popStatusLineMaxBytes: 100 })).capabilities.size).toBe(0);
    expect(server.connections).toBe(2);
  });
});

describe('TLS', () => {
  it('is verified against the authority that the account names', async () => {
    const server = await serve({ tls: certificates, implicitTls: true });
    for (const host of ['127.0.0.1', 'localhost']) {
      await (await connect(server, {}, { security: 'tls', host, tlsCa: certificates.ca })).quit();
    }
    expect(server.seen('QUIT')).toHaveLength(2);
  });

  it('is refused with an unknown authority or another name, before anything is sent', async () => {
    const server = await serve({ tls: certificates, implicitTls: true });
    const misnamed = await serve({ tls: otherName, implicitTls: true });
    const security = 'tls';
    expect((await caught(connect(server, {}, { security }))).code).toBe('tls-unverified');
    expect((await caught(connect(server, {}, { security, tlsCa: strangers.ca }))).code).toBe('tls-unverified');
    expect((await caught(connect(misnamed, {}, { security, tlsCa: otherName.ca }))).code).toBe('tls-unverified');
    expect([...server.transcript, ...misnamed.transcript]).toEqual([]);
  });

  it('says when the port speaks no TLS, and when it says nothing', async () => {
    expect((await caught(connect(await serve(), {}, { security: 'tls' }))).code).toBe('tls-not-spoken');
    const silent = await serve({ greeting: '' });
    const error = await caught(connect(silent, { popConnectTimeoutMs: 30 }, { security: 'tls' }));
    expect(error.code).toBe('tls-failed');
    expect(error.message).toContain('no answer within 0.03 s');
  });
});

describe('STLS', () => {
  const starttls = () => ({ security: 'starttls' as const, tlsCa: certificates.ca });

  it('comes before the login, and what was listed before it is forgotten', async () => {
    const server = await serve({
      tls: certificates,
      capabilities: ({ tls }) => (tls ? ['USER'] : ['STLS', 'SASL PLAIN', 'PIPELINING']),
    });
    const client = await connect(server, {}, starttls());
    expect(server.transcript).toEqual(['CAPA', 'STLS', 'CAPA', 'USER user', 'PASS secret', 'CAPA']);
    expect([...client.capabilities.keys()]).toEqual(['USER']);
    expect((await client.list()).length).toBe(0);
  });

  it('is tried where CAPA is refused or hangs', async () => {
    await connect(await serve({ tls: certificates, capabilities: false }), {}, starttls());
    const server = await serve({ tls: certificates, hangAt: 'CAPA' });
    await connect(server, { popCapaTimeoutMs: 30 }, starttls());
    expect(server.transcript).toEqual(['CAPA', 'STLS', 'USER user', 'PASS secret']);
  });

  it('is required: nothing else is sent when it is not listed or refused', async () => {
    const unlisted = await serve({ tls: certificates });
    expect((await caught(connect(unlisted, {}, starttls()))).code).toBe('starttls-missing');
    expect(unlisted.transcript).toEqual(['CAPA']);
    const refused = await serve({ capabilities: ['STLS'] });
    expect((await caught(connect(refused, {}, starttls()))).code).toBe('starttls-missing');
    expect(refused.transcript).toEqual(['CAPA', 'STLS']);
  });

  it.each(['+OK injected\r\n', '+', '\r\n'])('is refused when plain text follows its answer: %j', async (injected) => {
    const server = await serve({ tls: certificates, capabilities: ['STLS'], injectAfterStls: injected });
    expect((await caught(connect(server, {}, starttls()))).code).toBe('starttls-injected');
    expect(server.transcript).toEqual(['CAPA', 'STLS']);
  });

  it.each([
    ['silence', undefined, 'tls-failed'],
    ['another answer', '-ERR sorry\r\n', 'starttls-injected'],
    ['no TLS', 'hello, this is plain text\r\n', 'starttls-injected'],
  ])('that is claimed and broken ends before a password is sent: %s behind +OK', async (_, later, code) => {
    const server = createServer((socket) => {
      heard.push(socket);
      socket.on('error', () => {}).write('+OK hello\r\n');
      socket.on('data', (data) => {
        said += data.toString('latin1');
        if (String(data) === 'CAPA\r\n') socket.write('+OK\r\nSTLS\r\nUSER\r\n.\r\n');
        else if (String(data) === 'STLS\r\n') socket.write('+OK begin\r\n');
        else if (later !== undefined) socket.write(later);
      });
    }).listen(0, '127.0.0.1');
    const heard: Socket[] = [];
    let said = '';
    await new Promise((resolve) => server.once('listening', resolve));
    const where = endpoint(server.address() as { port: number }, starttls());
    const error = await caught(PopClient.connect(where, options({ popConnectTimeoutMs: 300 })));
    for (const socket of heard) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
    expect(error.code).toBe(code);
    expect(said).not.toMatch(/USER|PASS|AUTH|secret/);
  });

  it('verifies the certificate', async () => {
    const server = await serve({ tls: certificates, capabilities: ['STLS'] });
    expect((await caught(connect(server, {}, { security: 'starttls' }))).code).toBe('tls-unverified');
    expect(server.transcript).toEqual(['CAPA', 'STLS']);
  });
});

describe('reaching the server', () => {
  it('says when nobody listens there', async () => {
    const server = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as { port: number };
    await new Promise((resolve) => server.close(resolve));
    expect((await caught(PopClient.connect(endpoint({ port }), options()))).code).toBe('connection-refused');
  });

  it('says when the host has no address', async () => {
    const error = await caught(PopClient.connect(endpoint({ port: 1 }, { host: 'no-such-host.invalid' }), options()));
    expect(error.code).toBe('host-unknown');
  });

  it.each([
    ['USER', { hangAt: 'USER', capabilities: ['USER'] }, { popLoginTimeoutMs: 60 }, {}],
    ['USER and PASS', { hangAt: 'USER' }, { popLoginTimeoutMs: 60 }, { auth: 'user' }],
    ['AUTH PLAIN', { hangAt: 'AUTH' }, { popLoginTimeoutMs: 60 }, {}],
  ])('says that the server is silent during %s', async (during, behaviour, limits, where) => {
    const error = await caught(connect(await serve(behaviour), limits, where));
    expect([error.code, error.details['during'], error.details['seconds']]).toEqual(['server-silent', during, 0.06]);
  });

  it('says that there was no greeting, since the port may want TLS at once', async () => {
    const error = await caught(connect(await serve({ greeting: '' }), { popConnectTimeoutMs: 300 }));
    expect([error.code, error.details['seconds']]).toEqual(['greeting-missing', 0.3]);
    expect(error.remedy).toContain('security tls');
  });

  it.each([
    ['connection-lost', 'USER', 'user'],
    ['login-cut', 'PASS', 'user'],
    ['login-cut', 'AUTH', 'plain'],
    ['login-cut', 'AUTH', 'login'],
  ])('says by %s that the server hangs up at %s (%s)', async (code, dropAt, auth) => {
    const server = await serve({ dropAt, capabilities: ['USER', 'SASL PLAIN LOGIN'] });
    const error = await caught(connect(server, {}, { auth }));
    expect([error.code, String(error.details['during']).split(' ')[0]]).toEqual([code, dropAt]);
  });

  it('gives PASS the time of a login, not that of a connection or another command', async () => {
    const server = await serve({ holdUntil: { verb: 'PASS', waiting: 9 }, capabilities: ['USER'] });
    const short = { popConnectTimeoutMs: 2000, popCapaTimeoutMs: 2000, popCommandTimeoutMs: 20, popReadTimeoutMs: 20 };
    const connecting = connect(server, short);
    await until(() => server.seen('PASS').length === 1);
    const began = performance.now();
    await until(() => performance.now() - began > 100);
    server.release();
    expect((await connecting).pipelining).toBe(false);
  });

  it('stops with the reason of the signal, whenever it fires', async () => {
    const reason = new Error('stop');
    const before = AbortSignal.abort(reason);
    const server = await serve({ hangAt: 'AUTH' });
    await expect(connect(server, { signal: before })).rejects.toBe(reason);
    const controller = new AbortController();
    const connecting = connect(server, { signal: controller.signal });
    setImmediate(() => controller.abort(reason));
    await expect(connecting).rejects.toBe(reason);
  });
});
