import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { PopClient } from '../../src/pop3/client.ts';
import type { PopEndpoint } from '../../src/pop3/endpoint.ts';
import { saslPrep } from '../../src/pop3/sasl-prep.ts';
import { nastyCredential } from '../servers/nasty-text.ts';
import { scram } from '../servers/scram.ts';
import { type PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { endpoint, options } from './sessions.ts';

const greeting = '+OK <1.2@example.com>\r\n';
let server: ScriptedPop3;
let password = '';

const sasl: NonNullable<PopBehaviour['sasl']> = (mechanism, said) => {
  const given = said.filter((text) => text !== undefined);
  const wanted = { LOGIN: 2, 'CRAM-MD5': 1 }[mechanism] ?? 1;
  if (mechanism.startsWith('SCRAM')) {
    return given.length === 0 ? '+ \r\n' : scram('sha1', { password: saslPrep(password), rounds: 1 })(mechanism, given);
  }
  if (given.length >= wanted) return '+OK\r\n';
  return `+ ${mechanism === 'CRAM-MD5' ? Buffer.from('<1@b>').toString('base64') : ''}\r\n`;
};

beforeAll(async () => {
  server = await ScriptedPop3.start({
    greeting,
    capabilities: ['USER', 'SASL PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 XOAUTH2 OAUTHBEARER'],
    sasl,
    replies: { USER: '+OK\r\n', PASS: '+OK\r\n', APOP: '+OK\r\n' },
  });
});
afterAll(() => server.close());

const decoded = (line: string) => Buffer.from(line, 'base64').toString();

/** What a mechanism must have said, from the lines between the two CAPAs: nothing more, and nothing else. */
function expectSaid(lines: string[], auth: string, where: PopEndpoint): void {
  const { user, password: secret } = where;
  const apop = `APOP ${user} `;
  if (auth === 'USER') expect(lines).toEqual([`USER ${user}`, `PASS ${secret}`]);
  else if (auth === 'APOP') {
    expect(lines.map((line) => line.slice(0, apop.length))).toEqual([apop]);
    expect(lines[0]!.slice(apop.length)).toMatch(/^[0-9a-f]{32}$/);
  } else {
    const [verb, name, ...inline] = lines[0]!.split(' ');
    expect([verb, name]).toEqual(['AUTH', auth]);
    const encoded = [...inline, ...lines.slice(1)];
    for (const line of encoded) expect(line).toMatch(/^[A-Za-z0-9+/]*={0,2}$/);
    expectResponses(encoded.map(decoded), auth, where);
  }
}

function expectResponses(said: string[], auth: string, { user, password: secret, authzUser = '' }: PopEndpoint): void {
  const owner = authzUser || user;
  if (auth === 'PLAIN') expect(said).toEqual([`${authzUser}\0${user}\0${secret}`]);
  if (auth === 'LOGIN') expect(said).toEqual([user, secret]);
  if (auth === 'CRAM-MD5') expect(said.map((text) => text.slice(0, -32))).toEqual([`${user} `]);
  if (auth === 'XOAUTH2') expect(said).toEqual([`user=${owner}\x01auth=Bearer ${secret}\x01\x01`]);
  if (auth === 'OAUTHBEARER') {
    expect(said).toHaveLength(1);
    const [header = '', ...fields] = said[0]!.split('\x01');
    expect(fields).toEqual(['host=127.0.0.1', `port=${server.port}`, `auth=Bearer ${secret}`, '', '']);
    expect(header.split(',')).toHaveLength(3);
  }
  if (auth === 'SCRAM-SHA-1') {
    expect(said).toHaveLength(3);
    // Commas and equals signs of a name are written as others, so that no field is more than one.
    expect(said[0]).toMatch(/^n,(?:a=(?:[^,=]|=2C|=3D)*)?,n=(?:[^,=]|=2C|=3D)*,r=[^,]*$/);
    expect(said[1]).toMatch(/^c=[^,]*,r=[^,]*,p=[^,]*$/);
  }
}

describe('whatever stands in a user name, a password and an authorization identity', () => {
  it.each(['USER', 'APOP', 'PLAIN', 'LOGIN', 'CRAM-MD5', 'SCRAM-SHA-1', 'XOAUTH2', 'OAUTHBEARER'])(
    '%s sends its own lines and no others, or nothing',
    async (auth) => {
      const carriesOther = ['PLAIN', 'SCRAM-SHA-1', 'XOAUTH2', 'OAUTHBEARER'].includes(auth);
      const other = carriesOther ? fc.option(nastyCredential, { nil: undefined }) : fc.constant(undefined);
      let sent = 0;
      await fc.assert(
        fc.asyncProperty(nastyCredential, nastyCredential, other, async (user, secret, authzUser) => {
          password = secret;
          const at = server.transcript.length;
          const where = endpoint(server, { auth, user, password: secret, authzUser });
          const unsafe = [user, secret, authzUser ?? ''].some((text) =>
            (/OAU/.test(auth) ? /[\r\n\0\x01]/ : /[\r\n\0]/).test(text),
          );
          try {
            const client = await PopClient.connect(where, options());
            client.destroy();
          } catch (error) {
            if (!(error instanceof MailhaulError)) throw error;
            expect(error.code).toBe(unsafe ? 'credentials-unsafe' : 'login-mechanism');
            // Nothing but the question what the server can.
            expect(server.transcript.slice(at).filter((line) => line !== 'CAPA')).toEqual([]);
            return;
          }
          expect(unsafe).toBe(false);
          const lines = server.transcript.slice(at);
          for (const line of lines) expect(line).not.toMatch(/[\r\n\0]/);
          expect([lines[0], lines.at(-1)]).toEqual(['CAPA', 'CAPA']);
          expectSaid(lines.slice(1, -1), auth, where);
          sent += 1;
        }),
        { numRuns: 80 },
      );
      expect(sent).toBeGreaterThan(0);
    },
  );
});
