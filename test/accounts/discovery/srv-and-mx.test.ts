import { describe, expect, it } from 'vitest';
import { askMx } from '../../../src/accounts/discovery/mx.ts';
import type { MxRecord, ProviderFacts, SrvRecord } from '../../../src/accounts/discovery/seams.ts';
import { askSrv } from '../../../src/accounts/discovery/srv.ts';
import { autoconfigFile, madeWorld, srv } from './world.ts';

async function servers(records: SrvRecord[], secure: SrvRecord[] = []) {
  const { world } = madeWorld({ srv: { '_imap._tcp.example.co.uk': records, '_imaps._tcp.example.co.uk': secure } });
  const answer = await askSrv('example.co.uk', 'imap', world);
  return { ...answer, hosts: answer.candidates.map(({ host, port, security }) => `${security} ${host}:${port}`) };
}

describe('SRV records', () => {
  it('come in the order of priority, then weight, then name; TLS at once first', async () => {
    const records = [
      srv('d.example.co.uk', 143, 20, 99),
      srv('c.example.co.uk', 143, 10, 1),
      srv('b.example.co.uk', 143, 10, 5),
    ];
    const { hosts } = await servers(
      [...records, srv('a.example.co.uk', 1143, 10, 1)],
      [srv('z.example.co.uk', 993, 99)],
    );
    expect(hosts).toEqual([
      'tls z.example.co.uk:993',
      'starttls b.example.co.uk:143',
      'starttls a.example.co.uk:1143',
      'starttls c.example.co.uk:143',
      'starttls d.example.co.uk:143',
    ]);
  });

  it('may point to another domain, or to their own, and then a person should look', async () => {
    const targets = [
      'example.co.uk',
      'imap.example.co.uk',
      'other.co.uk',
      'example.co.uk.evil.test',
      'evilexample.co.uk',
    ];
    const { candidates } = await servers(
      [],
      targets.slice(0, 4).map((name) => srv(name, 993)),
    );
    expect(new Map(candidates.map(({ host, dnsOnly }) => [host, dnsOnly]))).toEqual(
      new Map([
        ['example.co.uk', false],
        ['imap.example.co.uk', false],
        ['other.co.uk', true],
        ['example.co.uk.evil.test', true],
      ]),
    );
    expect((await servers([srv(targets[4]!, 143)])).candidates[0]!.dnsOnly).toBe(true);
  });

  it('with targets that are no host names are passed over', async () => {
    const wrong = [
      'evil\u001b[2J.example',
      'a b',
      'x\\000.example',
      '-',
      '10.0.0.256',
      `${'x'.repeat(64)}.example`,
      'a..b',
    ];
    const { hosts, remarks } = await servers([
      ...wrong.map((name) => srv(name, 143)),
      srv('ok.example.co.uk', 0),
      srv('ok.example.co.uk', 143),
    ]);
    expect(hosts).toEqual(['starttls ok.example.co.uk:143']);
    expect(remarks).toEqual([
      'SRV record _imap._tcp.example.co.uk: 8 target(s) are no host names with a port and were passed over',
    ]);
  });

  it('are taken up to the limit', async () => {
    const { hosts } = await servers(Array.from({ length: 500 }, (_, n) => srv(`h${n}.example.co.uk`, 143)));
    expect(hosts).toHaveLength(4);
  });

  it('with "." beside another target say nothing about being offered', async () => {
    const { hosts, notOffered } = await servers([srv('.', 0), srv('ok.example.co.uk', 143)], [srv('.', 0)]);
    expect(hosts).toEqual(['starttls ok.example.co.uk:143']);
    expect(notOffered).toEqual([]);
  });
});

const mx = (exchange: string, priority = 10): MxRecord => ({ exchange, priority });
const facts: ProviderFacts = {
  name: 'big',
  servers: [
    { protocol: 'imap', host: 'imap.big.test', port: 993, security: 'tls', logins: ['oauth2'], user: '{address}' },
  ],
  notOffered: ['pop3'],
  advice: ['read'],
};

describe('MX records', () => {
  it('lead to the profile of a provider, which a person should look at', async () => {
    const made = {
      mx: { 'example.com': [mx('last.test', 20), mx('MX1.mail.big.test.', 5)] },
      mxProfiles: { 'mx1.mail.big.test': facts },
    };
    const { world, asked } = madeWorld(made);
    const answer = await askMx('example.com', ['pop3', 'imap'], world);
    expect(answer.candidates).toMatchObject([
      {
        host: 'imap.big.test',
        origin: 'mx',
        dnsOnly: true,
        source: 'provider profile big, by the MX record mx1.mail.big.test',
      },
    ]);
    expect(answer).toMatchObject({ notOffered: ['pop3'], advice: ['read'] });
    expect(asked).toEqual(['mx example.com']);
  });

  it('lead to the autoconfig and the database of the provider, without any address', async () => {
    const page = autoconfigFile([{ type: 'imap', host: 'imap.hoster.co.uk', port: 993, socket: 'SSL' }]);
    const { world, asked } = madeWorld({
      mx: { 'example.com': [mx('mx.eu.hoster.co.uk')] },
      pages: { 'https://ispdb.test/v1.1/hoster.co.uk': page },
    });
    const { candidates } = await askMx('example.com', ['imap'], world);
    expect(candidates).toMatchObject([{ host: 'imap.hoster.co.uk', origin: 'mx', dnsOnly: true, user: '{address}' }]);
    expect(asked).toEqual([
      'mx example.com',
      ...['eu.hoster.co.uk', 'hoster.co.uk'].flatMap((site) => [
        `get https://autoconfig.${site}/mail/config-v1.1.xml`,
        `get https://${site}/.well-known/autoconfig/mail/config-v1.1.xml`,
        `get https://ispdb.test/v1.1/${site}`,
      ]),
    ]);
  });

  it.each([
    ['none', []],
    ['the null MX', [mx('', 0)]],
    ['no host name', [mx('evil\u0007.test')]],
    ['an address', [mx('192.0.2.1')]],
    ['the domain itself', [mx('mail.example.com')]],
    ['a public suffix', [mx('co.uk')]],
  ])('that are %s lead nowhere', async (_, records) => {
    const { world, asked } = madeWorld({ mx: { 'example.com': records } });
    expect((await askMx('example.com', ['imap'], world)).candidates).toEqual([]);
    expect(asked).toEqual(['mx example.com']);
  });
});
