/**
 * The attacks on STARTTLS (https://nostarttls.secvuln.info; CVE-2011-0411, CVE-2021-39272 and their kin), on both sides:
 * whatever a server or a man in the middle does, no credential leaves in the clear.
 */
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { openDoor } from '../../src/imap/door.ts';
import { PopClient } from '../../src/pop3/client.ts';
import { plainDigits } from '../../src/transport/tls.ts';
import { directTransport } from '../../src/transport/transport.ts';
import { endpoint as imapEndpoint, quick } from '../imap/imap-rig.ts';
import { options, endpoint as popEndpoint } from '../pop3/sessions.ts';
import { type Attack, AttackingServer } from '../servers/attacking-server.ts';
import { fingerprintOf, makeCertificates } from '../servers/certificates.ts';

const certificates = makeCertificates();
const stranger = makeCertificates();
const login = { user: 'ann.smith@example.com', password: 'S3cr3t pässword "x\\' };
const sides = ['pop', 'imap'] as const;
type Side = (typeof sides)[number];
const auths = { pop: ['auto', 'plain', 'user'], imap: ['auto', 'plain', 'login'] } as const;

const ends: (() => unknown)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

interface Client {
  auth?: string;
  security?: 'tls' | 'starttls';
  authzUser?: string | undefined;
  pin?: boolean;
  timeoutMs?: number;
}

/** How a login by such a client ends; undefined where it worked. */
async function attempt(side: Side, server: AttackingServer, client: Client): Promise<MailhaulError | undefined> {
  const { auth = 'auto', security = 'starttls', authzUser, pin, timeoutMs = 10_000 } = client;
  const trust = pin
    ? { transport: { ...directTransport, tlsPin: plainDigits(fingerprintOf(certificates)) } }
    : { tlsCa: certificates.ca };
  const where = { ...login, ...trust, auth, security, authzUser };
  try {
    if (side === 'imap') {
      const limits = { ...quick, imapConnectTimeoutMs: timeoutMs, imapLoginTimeoutMs: timeoutMs };
      (await openDoor(imapEndpoint(server.port, where), limits)).client.close();
    } else {
      const limits = options({
        popConnectTimeoutMs: timeoutMs,
        popCapaTimeoutMs: timeoutMs,
        popLoginTimeoutMs: timeoutMs,
      });
      (await PopClient.connect(popEndpoint(server, where), limits)).destroy();
    }
    return undefined;
  } catch (error) {
    expect(error).toBeInstanceOf(MailhaulError);
    return error as MailhaulError;
  }
}

async function attacked(side: Side, attack: Attack, client: Client = {}) {
  const server = await AttackingServer.start(side, attack, certificates);
  try {
    return { error: await attempt(side, server, client), clear: server.clear, inside: server.inside };
  } finally {
    await server.close();
  }
}

/** Everything that a text says, by itself or in base64, at whatever offset. */
function readings(text: string): string {
  const decoded = (text.match(/[A-Za-z0-9+/=]{4,}/g) ?? []).flatMap((word) =>
    [0, 1, 2, 3].map((skip) => Buffer.from(word.slice(skip), 'base64').toString('latin1')),
  );
  return [text, ...decoded].join('\n');
}

const latin1 = (text: string) => Buffer.from(text).toString('latin1');

/** Nothing of user name or password, and no command that would carry them. */
function expectNothingSecret(clear: string): void {
  const said = readings(clear);
  expect(said).not.toContain(latin1(login.user));
  expect(said).not.toContain('S3cr3t');
  expect(clear).not.toMatch(/\b(?:USER|PASS|AUTH|APOP|LOGIN|AUTHENTICATE)\b/i);
}

function expectLoggedIn(inside: string): void {
  // A quoted string or literal has its own form of the password; its beginning is the same in all.
  expect(readings(inside)).toContain('S3cr3t');
}

describe.each(sides)('%s: an honest server', (side) => {
  it.each(auths[side])('gets the login by %s after TLS, and nothing before', async (auth) => {
    for (const pin of [false, true]) {
      const { error, clear, inside } = await attacked(side, {}, { auth, pin });
      expect(error).toBeUndefined();
      expectNothingSecret(clear);
      expectLoggedIn(inside);
    }
  });

  it('is told apart from one with another certificate', async () => {
    const server = await AttackingServer.start(side, {}, stranger);
    ends.push(() => server.close());
    expect((await attempt(side, server, {}))?.code).toBe('tls-unverified');
    expect((await attempt(side, server, { pin: true }))?.code).toBe('tls-pin-mismatch');
    expectNothingSecret(server.clear + server.inside);
  });
});

const injections = {
  pop: ['+OK injected\r\n', '+OK\r\nUSER\r\n.\r\n', '+', '\r\n', '-ERR\r\n'],
  imap: ['* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN]\r\n', '* PREAUTH in\r\n', '* BYE\r\n', '2 OK done\r\n', '\r\n', 'x'],
};

describe.each(sides)('%s: plain text', (side) => {
  it.each(injections[side])('behind the answer to STARTTLS is refused: %j', async (text) => {
    for (const auth of auths[side]) {
      const { error, clear, inside } = await attacked(side, { tail: text }, { auth });
      expect(error?.code).toBe('starttls-injected');
      expectNothingSecret(clear + inside);
    }
  });

  it.each(injections[side])('in a packet of its own is refused: %j', async (text) => {
    const { error, clear, inside } = await attacked(side, { late: text });
    // Short text is no record of TLS yet: then the server's own handshake is what does not fit.
    expect(['starttls-injected', 'tls-failed']).toContain(error?.code);
    expectNothingSecret(clear + inside);
  });
});

const noStartTls = {
  pop: ['USER', 'SASL PLAIN LOGIN'],
  imap: ['IMAP4rev1', 'AUTH=PLAIN', 'AUTH=LOGIN', 'SASL-IR'],
};
const refusals = {
  pop: ['-ERR no\r\n', '-ERR [SYS/TEMP] TLS not available\r\n'],
  imap: ['TAG NO no\r\n', 'TAG BAD what\r\n', '* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\nTAG NO no\r\n'],
};

describe.each(sides)('%s: a STARTTLS that is taken away', (side) => {
  it('from the capabilities', async () => {
    for (const auth of auths[side]) {
      const { error, clear } = await attacked(side, { before: noStartTls[side] }, { auth });
      expect(error?.code).toBe('starttls-missing');
      expectNothingSecret(clear);
      expect(clear).not.toContain('STLS');
    }
  });

  it.each(refusals[side])('by a refusal: %j', async (answer) => {
    const { error, clear } = await attacked(side, { answer });
    expect(error?.code).toBe('starttls-missing');
    expectNothingSecret(clear);
  });

  it('by one who says yes and goes on in plain text', async () => {
    const { error, clear } = await attacked(side, { pretends: true, late: 'x'.repeat(40) });
    expect(error?.code).toBe('starttls-injected');
    expectNothingSecret(clear);
  });
});

const greetings = {
  pop: ['+OK hello <1.2@x>\r\n', '+OK\r\n+OK\r\n', '+OK logged in as ann\r\n', '-ERR no\r\n'],
  imap: [
    '* PREAUTH in\r\n',
    '* PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] in\r\n',
    '* BYE no\r\n',
    '* OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] x\r\n',
  ],
};

describe('imap: PREAUTH', () => {
  it.each(greetings.imap.slice(0, 2))('is no way around TLS: %j', async (greeting) => {
    for (const before of [undefined, noStartTls.imap]) {
      const { error, clear } = await attacked('imap', { greeting, ...(before && { before }) });
      expect(['login-mechanism', 'starttls-missing']).toContain(error?.code);
      expectNothingSecret(clear);
    }
  });
});

describe('after TLS', () => {
  it('imap: what was said before is forgotten, even by the answer itself', async () => {
    const answer = 'TAG OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] begin\r\n';
    const { error, clear, inside } = await attacked('imap', { answer, inside: ['IMAP4rev1', 'LOGINDISABLED'] });
    expect(error?.code).toBe('login-mechanism');
    expect(inside).toMatch(/CAPABILITY/);
    expectNothingSecret(clear + inside);
  });

  it('pop: what was said before is forgotten', async () => {
    const { error, clear, inside } = await attacked('pop', { inside: ['UIDL'] }, { auth: 'plain' });
    expect(error?.code).toBe('login-mechanism');
    expect(inside).toBe('CAPA\r\n');
    expectNothingSecret(clear + inside);
  });

  it.each(sides)('%s: it does not begin again', async (side) => {
    const { error, inside } = await attacked(side, {});
    expect(error).toBeUndefined();
    expect(inside).not.toMatch(/STLS|STARTTLS/);
  });
});

const lists = (side: Side) => {
  const names = [...noStartTls[side], side === 'pop' ? 'STLS' : 'STARTTLS', 'LOGINDISABLED', 'ID', 'X-OTHER'];
  return fc.oneof(fc.constant(false as const), fc.subarray(names), fc.shuffledSubarray([...names].reverse()));
};

const text = fc.oneof(fc.constant(''), fc.string({ maxLength: 40 }), fc.constant('\x15\x03\x01\x00\x02\x02\x28'));

const attackOn = (side: Side) =>
  fc.record<Attack>(
    {
      greeting: fc.constantFrom(...greetings[side], side === 'pop' ? '+OK\r\n' : '* OK\r\n'),
      before: lists(side),
      inside: lists(side),
      answer: fc.constantFrom(
        ...refusals[side],
        side === 'pop' ? '+OK\r\n' : 'TAG OK\r\n',
        'TAG OK x\r\n+OK x\r\n',
        '+\r\n',
      ),
      tail: fc.oneof(fc.constantFrom(...injections[side]), text),
      late: fc.oneof(fc.constantFrom(...injections[side]), text),
      pretends: fc.boolean(),
    },
    { requiredKeys: [] },
  );

describe.each(sides)('%s: any mixture of these', (side) => {
  it('sees no credential in the clear', { timeout: 120_000 }, async () => {
    const client = fc.record({
      auth: fc.constantFrom(...auths[side]),
      security: fc.constantFrom('starttls', 'starttls', 'tls'),
      authzUser: fc.constantFrom(undefined, 'bob'),
      pin: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(attackOn(side), client, async (attack, how) => {
        // Some of these servers say nothing more: the wait for them is short, and cannot make the test fail.
        const { clear, inside, error } = await attacked(side, attack, { ...how, timeoutMs: 150 } as Client);
        expectNothingSecret(clear);
        if (error === undefined) expectLoggedIn(inside);
      }),
      { numRuns: 150 },
    );
  });
});
