import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { afterEach, describe, expect, test } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { type ImapEndpoint, type ImapOptions, openDoor } from '../../src/imap/door.ts';
import { plainDigits } from '../../src/transport/tls.ts';
import { directTransport } from '../../src/transport/transport.ts';
import { fingerprintOf, makeCertificates } from '../servers/certificates.ts';
import { type ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import { endpoint, errorOf, quick } from './imap-rig.ts';

const certificates = makeCertificates();
const { ca, key, cert } = certificates;
const servers: ScriptedImap[] = [];

async function open(behaviour: ImapBehaviour, more: Partial<ImapEndpoint> = {}, options: Partial<ImapOptions> = {}) {
  const imap = await ScriptedImap.start(behaviour);
  servers.push(imap);
  const door = await openDoor(endpoint(imap.port, more), { ...quick, ...options });
  door.client.close();
  return { door, imap, transcript: imap.connections[0]! };
}

afterEach(async () => {
  for (const imap of servers.splice(0)) await imap.stop();
});

describe('the login', () => {
  const taken = (user: string, password: string) =>
    user === 'ann' && password === 'pw-se"cr\\et' ? undefined : 'NO wrong';

  test('takes PLAIN where it is offered, LOGIN where not', async () => {
    const plain = await open({ login: taken });
    expect(plain.transcript.commands.some((text) => / AUTHENTICATE PLAIN/.test(text))).toBe(true);
    const login = await open({ login: taken, capabilities: ['IMAP4rev1'] });
    expect(login.transcript.commands.some((text) => / LOGIN /.test(text))).toBe(true);
    const named = await open({ login: taken }, { auth: 'login' });
    expect(named.transcript.commands.some((text) => / LOGIN /.test(text))).toBe(true);
  });

  test('carries a password that is not ASCII, either way', async () => {
    const password = 'pä"ß☺';
    const login = (_: string, given: string) =>
      given === Buffer.from(password).toString('latin1') ? undefined : 'NO wrong';
    await open({ login }, { password });
    await open({ login, capabilities: ['IMAP4rev1'] }, { password });
    await open({ login, capabilities: ['IMAP4rev1', 'LITERAL-'] }, { password });
  });

  test('neither compresses nor enables anything', async () => {
    const offered = [
      'IMAP4rev1',
      'AUTH=PLAIN',
      'COMPRESS=DEFLATE',
      'ENABLE',
      'UTF8=ACCEPT',
      'CONDSTORE',
      'IDLE',
      'APPENDLIMIT=500',
    ];
    const { transcript, door } = await open({ capabilities: offered });
    expect(transcript.commands.join('\n')).not.toMatch(/COMPRESS|ENABLE|IDLE/);
    expect([...door.capabilities].sort()).toEqual(offered.map((name) => name.toUpperCase()).sort());
  });

  test('says who it is once, behind the login; who only appends says it with the first command and asks no names', async () => {
    const behaviour = { login: taken, capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'SASL-IR', 'ID', 'NAMESPACE'] };
    const verbs = async (onlyAppends: boolean) =>
      (await open(behaviour, {}, { onlyAppends })).transcript.commands.map((text) => text.split(' ')[1]);
    expect(await verbs(false)).toEqual(['AUTHENTICATE', 'ID', 'NAMESPACE']);
    expect(await verbs(true)).toEqual(['AUTHENTICATE']);
  });

  test('knows the capabilities after the login, not those before it', async () => {
    const { door } = await open({
      capabilitiesBefore: ['IMAP4rev1', 'AUTH=PLAIN'],
      capabilities: ['IMAP4rev1', 'MULTIAPPEND'],
    });
    expect(door.capabilities.has('MULTIAPPEND')).toBe(true);
  });

  test('tells what was listed before it, though it is refused', async () => {
    const listed: string[][] = [];
    const onCapabilities = (capabilities: ReadonlySet<string>) => listed.push([...capabilities]);
    const behaviour = { capabilitiesBefore: ['IMAP4rev1', 'AUTH=PLAIN', 'STARTTLS'], capabilities: ['IMAP4rev1'] };
    await open(behaviour, {}, { onCapabilities });
    await errorOf(open({ ...behaviour, login: () => 'NO wrong' }, {}, { onCapabilities }));
    const before = ['IMAP4REV1', 'AUTH=PLAIN', 'STARTTLS'];
    expect(listed).toEqual([before, before]);
  });

  test('sends an authorization identity with PLAIN or not at all', async () => {
    await open({ login: taken }, { authzUser: 'bob' });
    const error = await errorOf(open({ capabilities: ['IMAP4rev1'] }, { authzUser: 'bob' }));
    expect(error).toMatchObject({ code: 'login-mechanism' });
    expect(await errorOf(open({}, { authzUser: 'bob', auth: 'login' }))).toMatchObject({ code: 'login-mechanism' });
  });

  test.each([
    ['NO [AUTHENTICATIONFAILED] no', 'credentials-refused'],
    ['NO [UNAVAILABLE] Temporary authentication failure.', 'server-unavailable'],
    ['NO [ALERT] Too many simultaneous connections. (Failure)', 'account-busy'],
  ])('%s is %s', async (refusal, code) => {
    const login = () => `${refusal} for pw-se"cr\\et`;
    for (const capabilities of [['IMAP4rev1', 'AUTH=PLAIN'], ['IMAP4rev1']]) {
      const error = await errorOf(open({ login, capabilities }));
      expect(error).toMatchObject({ code });
      expect(JSON.stringify([error.message, error.details, error.stack, error.cause])).not.toContain('cr\\\\et');
    }
  });

  test('a request to back off is handed on', async () => {
    const login = () => 'BAD Request is throttled. Suggested Backoff Time: 92415 milliseconds';
    const error = await errorOf(open({ login }, {}, { imapLoginTimeoutMs: 400 }));
    expect(error).toMatchObject({ code: 'server-unavailable', details: { retryAfterMs: 92_415 } });
  });

  test('an unknown mechanism, a disabled login, an unsafe password', async () => {
    expect(await errorOf(open({}, { auth: 'cram-md5' }))).toMatchObject({ code: 'login-mechanism' });
    expect(await errorOf(open({ capabilities: ['IMAP4rev1', 'LOGINDISABLED'] }))).toMatchObject({
      code: 'login-mechanism',
    });
    expect(await errorOf(open({}, { password: 'a\r\nb' }))).toMatchObject({ code: 'credentials-unsafe' });
  });

  test('a server that says BYE, says nothing, or hangs up', async () => {
    expect(await errorOf(open({ greeting: '* BYE Too many connections' }))).toMatchObject({ code: 'account-busy' });
    const silent = { answer: (text: string) => (/AUTHENTICATE/.test(text) ? '' : undefined) };
    expect(await errorOf(open(silent, {}, { imapLoginTimeoutMs: 100 }))).toMatchObject({ code: 'server-silent' });
    const server = createServer((socket) => socket.destroy()).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as { port: number };
    expect(await errorOf(openDoor(endpoint(port), quick))).toMatchObject({ code: 'connection-lost' });
    server.close();
    expect(await errorOf(openDoor(endpoint(port), quick))).toMatchObject({ code: 'connection-refused' });
  });

  test('a namespace that is NIL does not stop it', async () => {
    const { door } = await open({ namespace: 'NIL NIL NIL' });
    expect(door.capabilities.has('IMAP4REV1')).toBe(true);
  });

  test('ends with the signal, before and during', async () => {
    const reason = new MailhaulError('lease-lost', { what: 'ann' });
    expect(await errorOf(open({}, {}, { signal: AbortSignal.abort(reason) }))).toBe(reason);
    const stop = new AbortController();
    const answer = (text: string) => {
      if (!/AUTHENTICATE/.test(text)) return undefined;
      stop.abort(reason);
      return '';
    };
    expect(await errorOf(open({ answer }, {}, { signal: stop.signal }))).toBe(reason);
  });
});

describe('TLS', () => {
  test('at once, and by STARTTLS', async () => {
    await open({ tls: { key, cert, implicit: true } }, { security: 'tls', tlsCa: ca });
    await open({ tls: { key, cert, implicit: true } }, { security: 'tls', tlsCa: ca, host: 'localhost' });
    const capabilitiesBefore = ['IMAP4rev1', 'STARTTLS', 'LOGINDISABLED'];
    const { transcript } = await open(
      { tls: { key, cert, implicit: false }, capabilitiesBefore },
      { security: 'starttls', tlsCa: ca },
    );
    expect(transcript.commands.map((text) => text.split(' ')[1]).slice(0, 3)).toContain('STARTTLS');
  });

  test('is verified', async () => {
    expect(await errorOf(open({ tls: { key, cert, implicit: true } }, { security: 'tls' }))).toMatchObject({
      code: 'tls-unverified',
    });
    const other = makeCertificates('DNS:other.example');
    const named = { key: other.key, cert: other.cert };
    for (const implicit of [true, false]) {
      const behaviour = { tls: { ...named, implicit }, capabilitiesBefore: ['IMAP4rev1', 'STARTTLS'] };
      const error = await errorOf(open(behaviour, { security: implicit ? 'tls' : 'starttls', tlsCa: other.ca }));
      expect(error).toMatchObject({ code: 'tls-unverified' });
    }
  });

  test('is told of a pinned certificate, though the login is refused', async () => {
    const seen: boolean[] = [];
    const onSecure = (socket: TLSSocket) => seen.push(socket.authorized);
    const behaviour = { tls: { key, cert, implicit: true }, login: () => 'NO wrong' };
    const pin = (tlsPin: string) => ({ security: 'tls', transport: { ...directTransport, tlsPin } }) as const;
    const right = plainDigits(fingerprintOf({ cert }));
    expect(await errorOf(open(behaviour, pin(right), { onSecure }))).toMatchObject({ code: 'credentials-refused' });
    expect(await errorOf(open(behaviour, pin('00'), { onSecure }))).toMatchObject({ code: 'tls-pin-mismatch' });
    expect(seen).toEqual([false]);
  });

  test('is never left out: no STARTTLS, a refused one, PREAUTH, injected text', async () => {
    const starttls = { security: 'starttls', tlsCa: ca } as const;
    const offered = ['IMAP4rev1', 'AUTH=PLAIN', 'STARTTLS'];
    expect(await errorOf(open({ capabilities: ['IMAP4rev1', 'AUTH=PLAIN'] }, starttls))).toMatchObject({
      code: 'starttls-missing',
    });
    expect(await errorOf(open({ capabilities: offered }, starttls))).toMatchObject({ code: 'starttls-missing' });
    const greeting = '* PREAUTH welcome';
    expect(await errorOf(open({ greeting, capabilities: ['IMAP4rev1'] }, starttls))).toMatchObject({
      code: 'starttls-missing',
    });
    const behaviour = { greeting, tls: { key, cert, implicit: true } };
    expect(await errorOf(open(behaviour, { security: 'tls', tlsCa: ca }))).toMatchObject({ code: 'login-mechanism' });
    const injecting = {
      tls: { key, cert, implicit: false },
      capabilitiesBefore: offered,
      injectAfterStartTls: '* OK [CAPABILITY IMAP4rev1]\r\n',
    };
    expect(await errorOf(open(injecting, starttls))).toMatchObject({ code: 'starttls-injected' });
    for (const imap of servers) {
      expect(imap.connections.flatMap(({ commands }) => commands).join('\n')).not.toMatch(/AUTHENTICATE|LOGIN /);
    }
  });

  test('is left alone where the line says none', async () => {
    const { transcript } = await open({
      tls: { key, cert, implicit: false },
      capabilities: ['IMAP4rev1', 'AUTH=PLAIN', 'STARTTLS'],
    });
    expect(transcript.commands.join('\n')).not.toContain('STARTTLS');
  });

  test('against a port that does not speak it', async () => {
    expect(await errorOf(open({}, { security: 'tls' }))).toMatchObject({ code: 'tls-not-spoken' });
    const silent = createServer().listen(0, '127.0.0.1');
    await once(silent, 'listening');
    const { port } = silent.address() as { port: number };
    const error = await errorOf(openDoor(endpoint(port, { security: 'tls' }), { ...quick, imapConnectTimeoutMs: 100 }));
    expect(error).toMatchObject({ code: 'connect-timeout' });
    silent.close();
    connect(port).on('error', () => {});
  });
});
