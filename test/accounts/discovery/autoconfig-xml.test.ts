import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readAutoconfig } from '../../../src/accounts/discovery/autoconfig-xml.ts';
import { autoconfigFile } from './world.ts';

const from = {
  domain: 'example.com',
  asked: 'postmaster@example.com',
  source: 'https://x.test/',
  origin: 'autoconfig',
  candidates: 3,
} as const;
const read = (text: string) => readAutoconfig(text, from);
const imap = { type: 'imap', host: 'imap.example.com', port: 993, socket: 'SSL' };

describe('an autoconfig file', () => {
  it('names servers in its order, with kinds of login and the form of user names', () => {
    const text = autoconfigFile(
      [
        { ...imap, auth: ['OAuth2', 'password-cleartext', 'password-encrypted', 'something-new'] },
        { ...imap, host: 'IMAP2.%EMAILDOMAIN%', port: 143, socket: 'STARTTLS', user: '%EMAILLOCALPART%' },
        {
          ...imap,
          type: 'pop3',
          host: 'pop.example.com',
          port: 110,
          socket: 'plain',
          user: 'x-%EMAILLOCALPART%-%EMAILDOMAIN%',
        },
        { ...imap, type: 'smtp', host: 'smtp.example.com' },
      ],
      '<outgoingServer type="smtp"><hostname>smtp.example.com</hostname></outgoingServer>',
    );
    const { candidates, remarks } = read(text)!;
    expect(remarks).toEqual([]);
    expect(
      candidates.map(({ protocol, host, port, security, user, logins }) => [
        protocol,
        host,
        port,
        security,
        user,
        logins,
      ]),
    ).toEqual([
      ['pop3', 'pop.example.com', 110, 'none', 'x-{local}-{domain}', ['password']],
      ['imap', 'imap.example.com', 993, 'tls', '{address}', ['oauth2', 'password', 'encrypted password']],
      ['imap', 'imap2.example.com', 143, 'starttls', '{local}', ['password']],
    ]);
  });

  it('may answer with the address it was asked for, or with a user name that means nothing to others', () => {
    const users = ['Postmaster@example.com', 'postmaster', 'fixed-name', '%REALNAME%', '%EMAILADDRESS% %X%', ''].concat(
      ['=1+%EMAILADDRESS%', '@%EMAILADDRESS%', '%EMAILADDRESS%"'],
    );
    const forms = users.map((user) => read(autoconfigFile([{ ...imap, user }]))!.candidates[0]!.user);
    expect(forms).toEqual(['{address}', '{local}', ...Array(7).fill(undefined)]);
  });

  it('may say what must be switched on first; addresses that are not https are left out', () => {
    const enable = (url: string, text: string) =>
      `<enable visiturl="${url}"><instruction>${text}</instruction></enable>`;
    const text = autoconfigFile(
      [imap],
      enable('https://x.test/?a=1&amp;b=2', 'Switch &lt;IMAP&gt; on\u001b[31m') +
        enable('javascript:alert(1)', '') +
        enable('http://x.test/', 'Do it'),
    );
    expect(read(text)!.advice).toEqual(['Switch <IMAP> on [31m: https://x.test/?a=1&b=2', 'Do it']);
  });

  it('may have comments, CDATA, several hosts and providers', () => {
    const text =
      '\ufeff<?xml version="1.0"?><!-- a --><clientConfig><emailProvider><incomingServer type="imap"><hostname><![CDATA[a.example.com]]></hostname>' +
      '<hostname>b.example.com</hostname><port> 993 </port><socketType>SSL</socketType></incomingServer></emailProvider>' +
      '<emailProvider><incomingServer type="imap"><hostname>c.example.com</hostname><port>993</port><socketType>SSL</socketType></incomingServer></emailProvider></clientConfig>';
    expect(read(text)!.candidates.map(({ host }) => host)).toEqual(['a.example.com', 'c.example.com']);
  });
});

describe('a hostile file', () => {
  const entities = (what: string) =>
    `<!DOCTYPE x [${what}]><clientConfig><emailProvider><incomingServer type="imap"><hostname>&a;.example.com</hostname><port>993</port><socketType>SSL</socketType></incomingServer></emailProvider></clientConfig>`;

  it.each([
    ['an entity', entities('<!ENTITY a "evil">')],
    ['an external entity', entities('<!ENTITY a SYSTEM "file:///etc/passwd">')],
    [
      'a bomb',
      entities(
        Array.from({ length: 20 }, (_, n) => `<!ENTITY ${n ? `a${n}` : 'a'} "${`&a${n + 1};`.repeat(10)}">`).join(''),
      ),
    ],
    ['an external definition', '<!doctype x SYSTEM "https://evil.test/x.dtd"><clientConfig/>'],
    ['nesting', `${'<a>'.repeat(50_000)}`],
    ['nesting inside', `<clientConfig>${'<a>'.repeat(30)}${'</a>'.repeat(30)}</clientConfig>`],
    ['names of prototypes', '<clientConfig><__proto__><polluted>1</polluted></__proto__></clientConfig>'],
    ['a page for people', '<html><body>Welcome</body></html>'],
    ['nothing', ''],
    ['something else', '{"clientConfig": {}}'],
  ])('with %s is none', (_, text) => {
    expect(read(text)).toBeUndefined();
    expect(({} as Record<string, unknown>)['polluted']).toBeUndefined();
  });

  it.each([
    ['host', { host: 'evil\u001b[2J.example.com' }],
    ['host', { host: 'a b' }],
    ['host', { host: 'imap.example.com/path' }],
    ['host', { host: '10.0.0.256' }],
    ['host', { host: '' }],
    ['host', { host: 'x'.repeat(300) }],
    ['host', { host: '&a;.example.com' }],
    ['port', { port: 0 }],
    ['port', { port: 65536 }],
    ['port', { port: '993\n110' }],
    ['port', { port: '0x3e1' }],
    ['socket', { socket: 'toString' }],
    ['socket', { socket: '' }],
  ])('with a wrong %s has no such server, and says so', (_, wrong) => {
    const { candidates, remarks } = read(autoconfigFile([{ ...imap, ...wrong }, imap]))!;
    expect(candidates.map(({ host }) => host)).toEqual(['imap.example.com']);
    expect(remarks).toEqual(['https://x.test/: 1 server(s) in it make no sense and were passed over']);
  });

  it('with very many servers is read as far as the limit', () => {
    const { candidates } = read(
      autoconfigFile(Array.from({ length: 1000 }, (_, n) => ({ ...imap, host: `h${n}.example.com` }))),
    )!;
    expect(candidates.map(({ host }) => host)).toEqual(['h0.example.com', 'h1.example.com', 'h2.example.com']);
  });
});

describe('any text', () => {
  const safe = /^[\x21-\x7e]+$/;
  const check = (text: string) => {
    const answer = read(text);
    for (const { host, port, user = 'x', logins } of answer?.candidates ?? []) {
      expect(host).toMatch(/^[a-z0-9_.:-]{1,253}$/);
      expect(Number.isInteger(port) && port >= 1 && port <= 65535).toBe(true);
      expect(user).toMatch(safe);
      expect(logins.length).toBeLessThanOrEqual(6);
    }
    expect(answer?.candidates.length ?? 0).toBeLessThanOrEqual(2 * from.candidates);
    for (const advice of answer?.advice ?? []) expect(advice).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  };

  it('is read without an exception', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary', maxLength: 400 }), check));
  });

  it('that looks like a file is, too', () => {
    const word = fc.oneof(
      fc.constantFrom(
        '<',
        '>',
        '/',
        '"',
        '&',
        '<!--',
        ']]>',
        '<![CDATA[',
        'SSL',
        '993',
        '%EMAILADDRESS%',
        '\u0000',
        '\u202e',
      ),
      fc.constantFrom(
        '<incomingServer type="imap">',
        '</incomingServer>',
        '<hostname>',
        '</hostname>',
        '<port>',
        '</port>',
      ),
      fc.string({ unit: 'grapheme', maxLength: 6 }),
    );
    const value = fc.array(word, { maxLength: 6 }).map((words) => words.join(''));
    fc.assert(
      fc.property(value, value, value, value, (host, port, socket, user) => {
        check(
          autoconfigFile(
            [{ type: 'imap', host, port, socket, user }, imap],
            `<enable visiturl="https://${host}"><instruction>${user}</instruction></enable>`,
          ),
        );
      }),
    );
  });
});
