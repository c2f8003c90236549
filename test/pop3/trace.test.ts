import { describe, expect, it } from 'vitest';
import { tracing } from '../ground/log-rig.ts';
import type { PopBehaviour } from '../servers/scripted-pop3.ts';
import { caught, connect, KeepingSink, serve, wanted } from './sessions.ts';

const password = 'cAnArY pässword "1"';
const token = 'eyJ0.cAnArY-token';
const base64 = (text: string) => Buffer.from(text).toString('base64');
const messages = [
  { bytes: Buffer.from('Subject: private words\r\n\r\nmore private words\r\n'), uidl: 'one' },
  { bytes: Buffer.from('Subject: private words\r\n\r\n'), uidl: 'two' },
];

/** Logs in and lists, whatever comes of it, and gives what the trace has. */
async function traced(behaviour: PopBehaviour, where: { auth?: string; accessToken?: string } = {}) {
  const server = await serve({ messages, password, ...behaviour });
  const { trace, text, talk } = tracing('source');
  const client = await connect(server, {}, { password, ...where, trace }).catch(() => undefined);
  return { client, text, talk, server };
}

/** What of the secrets a text has, in any form. */
function leaks(text: string): string[] {
  const forms = [
    password,
    token,
    base64(password),
    base64(`\0user\0${password}`),
    'cAnArY',
    'canary',
    base64('cAnArY'),
  ];
  return [...forms, base64(token).slice(0, -4)].filter((form) => text.toLowerCase().includes(form.toLowerCase()));
}

describe('the trace of a POP3 session', () => {
  it('has all commands and answers in their order, and of mail its size', async () => {
    const { client, talk, text, server } = await traced({ capabilities: ['USER', 'UIDL'] });
    await client!.list();
    await client!.fetch(wanted([1, 2]), new KeepingSink());
    await client!.quit();
    const said = talk();
    expect(said.filter((line) => line.startsWith('>'))).toEqual(
      server.transcript.map((line) => `> ${line.replace(/^PASS .*/, 'PASS ***')}`),
    );
    expect(server.transcript).toContain('RETR 2');
    expect(said[0]).toMatch(/^< \+OK/);
    expect(said.slice(said.indexOf('> RETR 1'), said.indexOf('> RETR 2'))).toEqual([
      '> RETR 1',
      expect.stringMatching(/^< \+OK/),
      `< (${messages[0]!.bytes.length} octets)`,
    ]);
    expect(said).toContainEqual(expect.stringMatching(/^< USER, UIDL \(\d+ octets\)$/));
    expect(text()).not.toContain('private');
  });

  it('says of which account, run, side, host and connection each line is', async () => {
    const server = await serve({ messages, password });
    const { trace, lines } = tracing('source');
    await connect(server, {}, { password, trace });
    const whose = { account: 'ann', run: 'r1', side: 'source', host: 'mail.example', protocol: 'pop3' };
    for (const line of lines()) {
      expect(line).toMatchObject({ ...whose, connection: expect.any(Number), level: 10, msg: 'protocol' });
    }
  });

  const apopStamp = '<1.2@pop.example>';
  const logins: [string, PopBehaviour, { auth: string; accessToken?: string }][] = [
    ['USER', {}, { auth: 'USER' }],
    ['PLAIN', { capabilities: ['SASL PLAIN', 'UIDL'] }, { auth: 'PLAIN' }],
    ['LOGIN', { capabilities: ['SASL LOGIN', 'UIDL'] }, { auth: 'LOGIN' }],
    ['CRAM-MD5', { capabilities: ['SASL CRAM-MD5', 'UIDL'] }, { auth: 'CRAM-MD5' }],
    ['SCRAM-SHA-256', { capabilities: ['SASL SCRAM-SHA-256', 'UIDL'] }, { auth: 'SCRAM-SHA-256' }],
    ['XOAUTH2', { capabilities: ['SASL XOAUTH2', 'UIDL'] }, { auth: 'XOAUTH2', accessToken: token }],
    ['OAUTHBEARER', { capabilities: ['SASL OAUTHBEARER', 'UIDL'] }, { auth: 'OAUTHBEARER', accessToken: token }],
    ['APOP', { greeting: `+OK ready ${apopStamp}\r\n` }, { auth: 'APOP' }],
  ];
  it.each(logins)(
    'shows the login by %s without its secret, also where the server repeats what it was sent',
    async (name, behaviour, where) => {
      let proof = '';
      const echo = (_mechanism: string, lines: readonly (string | undefined)[]) => {
        proof = lines.find((line) => line !== undefined) ?? proof;
        if (
          lines.every((line) => line === undefined) ||
          (/LOGIN|CRAM|SCRAM/.test(name) && lines.filter(Boolean).length < 2)
        )
          return '+ \r\n';
        const said = lines.filter((line) => line !== undefined).map((line) => `${line} ${base64(line!)}`);
        return `-ERR [AUTH] what is ${said.join(' and ')} ${password} ${password.toUpperCase()}?\r\n`;
      };
      const replies = {
        PASS: `-ERR [AUTH] PASS ${password}, ${base64(password)}?\r\n`,
        APOP: `-ERR APOP ${password}\r\n`,
      };
      const { talk, text } = await traced(
        { ...behaviour, replies, ...(name in { USER: 1, APOP: 1 } ? {} : { sasl: echo }) },
        where,
      );
      const said = talk();
      expect(said.filter((line) => /^> (?:AUTH|PASS|APOP)/.test(line)).length).toBeGreaterThan(0);
      expect(said.at(-1)).toMatch(/^< -ERR.*\*\*\*/);
      expect(leaks(text())).toEqual([]);
      const plain = /^> (?:CAPA|USER user|PASS \*{3}|APOP user \*{3}|AUTH [\w-]+(?: \*{3})?|\*{3})$/;
      for (const line of said.filter((line) => line.startsWith('>'))) expect(line).toMatch(plain);
      for (const part of proof.split(/[ ,]/)) if (part.length > 20) expect(text()).not.toContain(part);
    },
  );

  it('has nothing that a terminal would obey, and no line without end', async () => {
    const server = await serve({ messages, password, greeting: `+OK \u001b[2J\u009b1m ${'x'.repeat(3000)}\r\n` });
    const { trace, talk, text } = tracing('source', 100);
    await connect(server, {}, { password, trace });
    expect(talk()[0]).toMatch(/^< \+OK +\[2J .{80,120}… \(\d+ more\)$/);
    expect(text()).not.toMatch(/[\u001b\u009b]/);
  });

  it('costs no connection its work when nobody wants it', async () => {
    const server = await serve({ messages, password });
    expect(await caught(connect(server, {}, { password: 'wrong', trace: undefined }))).toMatchObject({
      code: 'credentials-refused',
    });
  });
});
