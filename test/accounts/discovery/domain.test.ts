import { describe, expect, it } from 'vitest';
import type { Candidate } from '../../../src/accounts/discovery/candidate.ts';
import { type DomainQuestion, discoverDomain } from '../../../src/accounts/discovery/domain.ts';
import type { ProviderFacts } from '../../../src/accounts/discovery/seams.ts';
import { MailhaulError } from '../../../src/ground/errors.ts';
import { autoconfigFile, autoconfigUrls, type MadeWorld, madeWorld, srv } from './world.ts';

const domain = 'example.com';
const [hostUrl, wellKnownUrl] = autoconfigUrls(domain);
const ispdbUrl = `https://ispdb.test/v1.1/${domain}`;

/** Discovers both sides; `shown` says of each what was chosen, in short. */
async function found(made: MadeWorld, question: Partial<DomainQuestion> = {}) {
  const { world, asked } = madeWorld(made);
  const all = { domain, wanted: ['pop3', 'imap'], explicit: [], all: false, ...question } as const;
  const findings = await discoverDomain(all, world);
  const shown = Object.fromEntries(
    findings.findings.map(({ protocol, state, chosen }) => [
      protocol,
      chosen
        ? `${chosen.origin} ${chosen.security} ${chosen.host}:${chosen.port}${state === 'found' ? '' : ` ${state}`}`
        : state,
    ]),
  );
  return { ...findings, shown, asked };
}

/** The same pair of servers as each place would name it, on ports that tell the places apart. */
const both = (name: string, port: number) => [
  { type: 'pop3', host: `${name}.${domain}`, port, socket: 'SSL' },
  { type: 'imap', host: `${name}.${domain}`, port: port + 1, socket: 'SSL' },
];
const facts = (name: string, port: number): ProviderFacts => ({
  name,
  servers: (['pop3', 'imap'] as const).map((protocol, at) => ({
    protocol,
    host: `${name}.${domain}`,
    port: port + at,
    security: 'tls',
    logins: ['password'],
    user: '{address}',
  })),
  notOffered: [],
  advice: [`read this of ${name}`],
});
const works = (...places: [string, number][]) =>
  Object.fromEntries(
    places.flatMap(([name, port]) => [
      [`pop3 tls ${name}.${domain}:${port}`, true as const],
      [`imap tls ${name}.${domain}:${port + 1}`, true as const],
    ]),
  );

const explicit: Candidate[] = (['pop3', 'imap'] as const).map((protocol, at) => ({
  protocol,
  host: `list.${domain}`,
  port: 1000 + at,
  security: 'tls',
  logins: [],
  user: undefined,
  origin: 'list',
  source: 'line 2 of accounts.csv',
  dnsOnly: false,
}));

/** The places in their order: how each is made, and what is chosen by it. */
const places: [string, MadeWorld, Partial<DomainQuestion>, string][] = [
  ['list', {}, { explicit }, 'list tls list.example.com:1000'],
  ['profile', { domainProfiles: { [domain]: facts('profile', 2000) } }, {}, 'profile tls profile.example.com:2000'],
  [
    'srv',
    {
      srv: {
        [`_pop3s._tcp.${domain}`]: [srv(`srv.${domain}`, 3000)],
        [`_imaps._tcp.${domain}`]: [srv(`srv.${domain}`, 3001)],
      },
    },
    {},
    'srv tls srv.example.com:3000',
  ],
  [
    'autoconfig',
    { pages: { [hostUrl]: autoconfigFile(both('auto', 4000)) } },
    {},
    'autoconfig tls auto.example.com:4000',
  ],
  [
    'well-known',
    { pages: { [wellKnownUrl]: autoconfigFile(both('well', 5000)) } },
    {},
    'autoconfig tls well.example.com:5000',
  ],
  ['ispdb', { pages: { [ispdbUrl]: autoconfigFile(both('ispdb', 6000)) } }, {}, 'ispdb tls ispdb.example.com:6000'],
  [
    'mx',
    {
      mx: { [domain]: [{ exchange: 'mx.example.net', priority: 1 }] },
      mxProfiles: { 'mx.example.net': facts('mx', 7000) },
    },
    {},
    'mx tls mx.example.com:7000',
  ],
];
const servers = {
  ...works(
    ['list', 1000],
    ['profile', 2000],
    ['srv', 3000],
    ['auto', 4000],
    ['well', 5000],
    ['ispdb', 6000],
    ['mx', 7000],
  ),
  'pop3 tls pop.example.com:995': true as const,
  'imap tls imap.example.com:993': true as const,
};

function merged(worlds: readonly MadeWorld[]): MadeWorld {
  const pages = Object.assign({}, ...worlds.map((one) => one.pages));
  return Object.assign({}, ...worlds, { servers, pages });
}

describe('the order of the places', () => {
  it.each(places)('%s wins over all that come after it', async (name, _, question, chosen) => {
    const from = places.findIndex(([each]) => each === name);
    const { shown } = await found(merged(places.slice(from).map(([, made]) => made)), question);
    expect(shown['pop3']).toBe(chosen);
    expect(shown['imap']).toBe(chosen.replace(/0$/, '1'));
  });

  it('ends with guesses, which are asked only where nothing else was found', async () => {
    const guessed = await found({ servers });
    expect(guessed.shown).toEqual({ pop3: 'guess tls pop.example.com:995', imap: 'guess tls imap.example.com:993' });
    const named = await found(merged(places.map(([, made]) => made)), { all: true });
    expect(named.asked.filter((line) => line.startsWith('look') && /:(?:110|143|993|995)$/.test(line))).toEqual([]);
  });

  it('ends with the first place that suffices, unless all are asked', async () => {
    const everything = merged(places.map(([, made]) => made));
    const { asked, shown } = await found(everything);
    expect(shown['pop3']).toMatch(/^profile/);
    expect(asked.filter((line) => !line.startsWith('look'))).toEqual([]);
    const all = await found(everything, { all: true });
    expect(all.shown).toEqual(shown);
    expect(all.others.map(({ origin }) => origin).sort()).toEqual(
      ['srv', 'srv', 'autoconfig', 'autoconfig', 'autoconfig', 'autoconfig', 'ispdb', 'ispdb', 'mx', 'mx'].sort(),
    );
  });

  it('goes on for the protocol that is still missing', async () => {
    const made = {
      srv: { [`_imaps._tcp.${domain}`]: [srv(`srv.${domain}`, 3001)] },
      pages: { [hostUrl]: autoconfigFile(both('auto', 4000)) },
    };
    const { shown } = await found({ ...made, servers });
    expect(shown).toEqual({ pop3: 'autoconfig tls auto.example.com:4000', imap: 'srv tls srv.example.com:3001' });
  });

  it('asks for one protocol alone where one is wanted', async () => {
    const { findings, asked } = await found({ servers }, { wanted: ['imap'] });
    expect(findings.map(({ protocol }) => protocol)).toEqual(['imap']);
    expect(asked.filter((line) => /look pop3|_pop3/.test(line))).toEqual([]);
  });
});

describe('what makes a server usable', () => {
  const bad = new MailhaulError('tls-unverified', { host: 'srv.example.com', port: 3000, reason: 'expired' });

  it('is a certificate that verifies: a host without one loses to a later place, and the reason is kept', async () => {
    const made = merged([places[2]![1], places[5]![1]]);
    const { shown, others } = await found({ ...made, servers: { ...servers, 'pop3 tls srv.example.com:3000': bad } });
    expect(shown).toEqual({ pop3: 'ispdb tls ispdb.example.com:6000', imap: 'srv tls srv.example.com:3001' });
    expect(others[0]).toMatchObject({ host: 'srv.example.com', port: 3000, fault: { code: 'tls-unverified' } });
  });

  it('may be for the domain whose SRV record led there, but for that of no other place', async () => {
    const proof = { certificateName: domain, mechanisms: [] };
    const servers = { 'imap tls host.test:993': proof };
    const srvWorld = { srv: { [`_imaps._tcp.${domain}`]: [srv('host.test', 993)] }, servers };
    const bySrv = await found(srvWorld, { wanted: ['imap'] });
    expect(bySrv.findings[0]).toMatchObject({ state: 'found', chosen: { dnsOnly: true, proof } });
    const page = autoconfigFile([{ type: 'imap', host: 'host.test', port: 993, socket: 'SSL' }]);
    const byPage = await found({ pages: { [hostUrl]: page }, servers }, { wanted: ['imap'] });
    expect(byPage.shown).toEqual({ imap: 'not-found' });
  });

  it('a profile or a person is not overruled: their server is shown with what is wrong', async () => {
    for (const [name, made, question] of places.slice(0, 2)) {
      const { shown, findings, asked } = await found({ ...made, servers: {} }, question);
      expect(shown['pop3']).toMatch(new RegExp(`^${name} .* unusable$`));
      expect(findings[0]!.chosen!.fault?.code).toBe('host-unknown');
      expect(asked.filter((line) => /^(?:srv|get|mx)/.test(line))).toEqual([]);
    }
  });

  it('plain text is never used, guessed or connected to', async () => {
    const plain = [
      { type: 'pop3', host: 'pop.example.com', port: 110, socket: 'plain' },
      { type: 'imap', host: 'imap.example.com', port: 143, socket: 'plain' },
    ];
    const { shown, others, asked } = await found({ pages: { [hostUrl]: autoconfigFile(plain) } });
    expect(shown).toEqual({ pop3: 'not-found', imap: 'not-found' });
    expect(others.filter(({ fault }) => fault?.code === 'discovery-plain')).toHaveLength(2);
    expect(asked.filter((line) => line.includes(' none '))).toEqual([]);
  });

  it('guesses TLS on every name before STARTTLS on any', async () => {
    const { shown, asked } = await found({
      servers: {
        'pop3 tls example.com:995': true,
        'pop3 starttls pop.example.com:110': true,
        'imap starttls mail.example.com:143': true,
      },
    });
    expect(shown).toEqual({ pop3: 'guess tls example.com:995', imap: 'guess starttls mail.example.com:143' });
    const looks = asked.filter((line) => line.startsWith('look'));
    expect(looks.slice(0, 5)).toEqual(
      ['pop.', 'pop3.', 'imap.', 'mail.', ''].map((prefix) => `look pop3 tls ${prefix}example.com:995`),
    );
    expect(looks.filter((line) => line.includes('pop3 starttls'))).toEqual([]);
  });

  it('never throws, whatever does not answer', async () => {
    const broken = new MailhaulError('discovery-source', { source: 'it', reason: 'ESERVFAIL' });
    const world = { srv: { [`_imaps._tcp.${domain}`]: broken }, pages: { [hostUrl]: broken, [ispdbUrl]: '<html>' } };
    const { shown, remarks } = await found(world);
    expect(shown).toEqual({ pop3: 'not-found', imap: 'not-found' });
    expect(remarks).toEqual([
      'it gave no answer that can be used: ESERVFAIL',
      `${ispdbUrl}: what is there is no autoconfig file`,
    ]);
  });
});

describe('a protocol that is not offered', () => {
  const refused = [srv('.', 0)];

  it('is one that both SRV names refuse; nobody else is asked', async () => {
    const { shown, asked } = await found(
      { srv: { [`_pop3s._tcp.${domain}`]: refused, [`_pop3._tcp.${domain}`]: refused, ...places[2]![1].srv }, servers },
      { wanted: ['imap'] },
    );
    expect(shown).toEqual({ imap: 'srv tls srv.example.com:3001' });
    const pop = await found(
      { srv: { [`_pop3s._tcp.${domain}`]: refused, [`_pop3._tcp.${domain}`]: [srv('', 0)] }, servers },
      { wanted: ['pop3'] },
    );
    expect(pop.shown).toEqual({ pop3: 'not-offered' });
    expect(pop.asked.filter((line) => /^(?:get|mx|look)/.test(line))).toEqual([]);
    expect(asked).toContain(`srv _imap._tcp.${domain}`);
  });

  it('is not one of which one name is refused: the search goes on', async () => {
    const { shown } = await found({ srv: { [`_pop3._tcp.${domain}`]: refused }, servers }, { wanted: ['pop3'] });
    expect(shown).toEqual({ pop3: 'guess tls pop.example.com:995' });
  });

  it('may be said by a profile', async () => {
    const cloud: ProviderFacts = {
      ...facts('profile', 2000),
      servers: facts('profile', 2000).servers.slice(1),
      notOffered: ['pop3'],
    };
    const { shown, advice } = await found({ domainProfiles: { [domain]: cloud }, servers });
    expect(shown).toEqual({ pop3: 'not-offered', imap: 'profile tls profile.example.com:2001' });
    expect(advice).toEqual(['read this of profile']);
  });
});
