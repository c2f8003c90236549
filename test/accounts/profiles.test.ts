import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Profiles, profilesOf, readProfiles } from '../../src/accounts/profiles.ts';
import { MailhaulError } from '../../src/ground/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-profiles-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(text: string): string {
  const path = join(folder, `own-${files++}.yaml`);
  writeFileSync(path, text);
  return path;
}

function reasons(text: string): string[] {
  try {
    readProfiles(fileOf(text));
  } catch (error) {
    expect(error).toBeInstanceOf(MailhaulError);
    expect((error as MailhaulError).code).toBe('settings-invalid');
    return String((error as MailhaulError).details['reason'])
      .replaceAll(/\S*own-\d+\.yaml/g, 'OWN')
      .split(';\n');
  }
  return [];
}

const profiles = readProfiles();
/** The providers that must be there, by the names of their profiles. */
const wanted =
  'microsoft365 outlook gmail yahoo aol icloud godaddy siteground hostgator opensrs zoho fastmail ionos ovh strato gmx webde mailru yandex rackspace zimbra cpanel plesk';

describe('config/providers.yaml', () => {
  it('has a profile of every provider that the design asks for', () => {
    expect(profiles.all.map(({ name }) => name)).toEqual(wanted.split(' '));
  });

  it('gives a source and a date with every fact', () => {
    let facts = 0;
    const look = (value: unknown, path: string): void => {
      if (typeof value !== 'object' || value === null) return;
      const keys = Object.keys(value);
      const isFact = ['names', 'value', 'text', 'auth'].some((key) => keys.includes(key));
      if (isFact) {
        facts += 1;
        expect(value, path).toMatchObject({
          source: expect.stringMatching(/\w{3}/),
          date: expect.stringMatching(/^20\d\d/),
        });
        return;
      }
      for (const [key, inner] of Object.entries(value)) look(inner, `${path}.${key}`);
    };
    for (const profile of profiles.all) look(profile, profile.name);
    expect(facts).toBeGreaterThan(100);
  });

  it('knows every host of its own by one profile only', () => {
    for (const kind of ['hosts', 'domains', 'mx'] as const) {
      const patterns = profiles.all.flatMap((profile) =>
        (profile[kind]?.names ?? []).map((name) => [name, profile.name]),
      );
      expect(new Set(patterns.map(([pattern]) => pattern)).size, kind).toBe(patterns.length);
      for (const [pattern = '', name] of patterns) {
        const host = pattern.replace('*', 'any');
        const found = { hosts: profiles.forHost(host), domains: profiles.forDomain(host), mx: profiles.forMx(host) }[
          kind
        ];
        expect(found?.name, `${kind} ${pattern}`).toBe(name);
      }
    }
    for (const { name, pop, imap } of profiles.all) {
      for (const host of [pop?.host, imap?.host]) {
        // Outlook.com shares the host of Microsoft 365, where the domain of the user decides; {domain} is nobody's.
        if (host === undefined || host.includes('{')) continue;
        expect(profiles.forHost(host)?.name, host).toBe(name === 'outlook' ? 'microsoft365' : name);
      }
    }
  });

  it('has advice where people stumble', () => {
    const { microsoft365, gmail, icloud } = Object.fromEntries(profiles.all.map((one) => [one.name, one]));
    expect(microsoft365!.quirks.oauthOnly?.text).toContain('OAuth2');
    expect(gmail!.quirks.appPasswordNeeded?.text).toContain('app password');
    expect(icloud!.pop).toBeUndefined();
    expect(gmail!.limits.downloadBytesPerDay?.value).toBe(1_250_000_000);
    expect(gmail!.limits.uploadBytesPerDay?.value).toBe(500_000_000);
    expect(gmail!.limits.connectionsPerAccount?.value).toBe(15);
    expect(microsoft365!.limits.messagesPerSecondPerAccount?.value).toBe(4);
  });
});

describe('a profile is chosen', () => {
  it.each([
    ['pop.gmail.com', '', 'gmail'],
    ['POP.Gmail.com', '', 'gmail'],
    ['gator1234.hostgator.com', '', 'hostgator'],
    ['hostgator.com', '', undefined],
    ['pop.gmail.com.example.net', '', undefined],
    ['notgmail.com', '', undefined],
    ['outlook.office365.com', 'ann@corp.example', 'microsoft365'],
    ['outlook.office365.com', 'ann@hotmail.com', 'outlook'],
    ['pop.example.com', 'ann@hotmail.com', undefined],
  ])('by the host %s of the user "%s": %s', (host, user, name) => {
    expect(profiles.forHost(host, user)?.name).toBe(name);
  });

  it.each([
    ['aspmx.l.google.com.', 'gmail'],
    ['corp-example.mail.protection.outlook.com', 'microsoft365'],
    ['hotmail-com.olc.protection.outlook.com', 'outlook'],
    ['mta5.am0.yahoodns.net', 'yahoo'],
    ['mx-aol.mail.gm0.yahoodns.net', 'aol'],
    ['mx.example.com', undefined],
  ])('by the MX %s: %s', (host, name) => {
    expect(profiles.forMx(host)?.name).toBe(name);
  });

  it('by its name before the host, and by the domain of an address', () => {
    expect(profiles.of({ provider: 'cpanel', host: 'pop.gmail.com', user: 'a' })?.name).toBe('cpanel');
    expect(profiles.of({ host: 'pop.gmail.com', user: 'a' })?.name).toBe('gmail');
    // One that was removed from the file since the list was imported does not count.
    expect(profiles.of({ provider: 'gone', host: 'pop.gmail.com', user: 'a' })?.name).toBe('gmail');
    expect(profiles.forDomain('Web.de')?.name).toBe('webde');
    expect(profiles.named('GMAIL')?.name).toBe('gmail');
    expect(new Profiles([]).forDomain('web.de')).toBeUndefined();
  });
});

describe('a file of the administrator', () => {
  const own = `gmail:
  limits:
    uploadBytesPerDay: { value: 1000, source: our contract, date: 2026-01 }
    downloadBytesPerDay: null
  quirks:
    drainSessions: null
our-hoster:
  title: Our hoster
  hosts: { names: [imap.gmail.com, '*.hoster.example'], source: its help, date: 2026-01-31 }
  imap: { port: 994, auth: [password], user: local, source: its help, date: 2026 }
`;

  it('adds profiles, and changes limits and quirks one by one', () => {
    const mine = readProfiles(fileOf(own));
    expect(mine.all).toHaveLength(profiles.all.length + 1);
    const gmail = mine.named('gmail')!;
    expect(gmail.limits.uploadBytesPerDay?.value).toBe(1000);
    expect(gmail.limits.downloadBytesPerDay).toBeUndefined();
    expect(gmail.limits.connectionsPerAccount?.value).toBe(15);
    expect(gmail.quirks.drainSessions).toBeUndefined();
    expect(gmail.quirks.hidesFetched).toBeDefined();
    expect(gmail.title).toBe(profiles.named('gmail')!.title);
  });

  it('wins where a host is that of two', () => {
    const mine = readProfiles(fileOf(own));
    expect(mine.forHost('imap.gmail.com')?.name).toBe('our-hoster');
    expect(mine.forHost('a.hoster.example')?.name).toBe('our-hoster');
    expect(mine.forHost('pop.gmail.com')?.name).toBe('gmail');
  });

  it('is read once in a process', () => {
    const providersFile = fileOf(own);
    expect(profilesOf({ providersFile })).toBe(profilesOf({ providersFile }));
    expect(profilesOf({ providersFile: null }).named('our-hoster')).toBeUndefined();
  });

  it('has all its mistakes named at once, each with its line', () => {
    const wrong = `a-hoster:
  title: A
  pop: { auth: [secret], user: address, source: x, date: 2026 }
gmail:
  limits:
    connections: { value: 1.5, source: help, date: soon }
    conections: { value: 1, source: help, date: 2026 }
  quirks: { oauthOnly: { text: only OAuth2 here, date: 2026 } }
B: {}
c-hoster: { title: Hoster C }
d-hoster:
  title: Hoster D
  hosts: { names: [h.example, H.example], source: help, date: 2026 }
  pop: { auth: [password], security: none, user: address, source: help, date: 2026 }
e-hoster:
  title: Hoster E
  hosts: { names: [h.example], source: help, date: 2026 }
  pop: { auth: [password], user: address, source: help, date: 2026 }
f-hoster:
  title: Hoster F
  hosts: { names: [h.example], source: help, date: 2026 }
  pop: { auth: [password], user: address, source: help, date: 2026 }
`;
    const found = reasons(wrong);
    const expected = [
      /^OWN line 2: a-hoster.title: /,
      /^OWN line 3: a-hoster.pop.auth.0: /,
      /^OWN line 3: a-hoster.pop.source: /,
      /^OWN line 6: gmail.limits.connections.value: must be a whole number$/,
      /^OWN line 6: gmail.limits.connections.date: must be a year/,
      /^OWN line 7: gmail.limits.conections: /,
      /^OWN line 8: gmail.quirks.oauthOnly.source: /,
      /^OWN line 9: the name of a profile is "B", expected/,
      /^OWN line 10: c-hoster: must have pop or imap$/,
      /^OWN line 13: d-hoster.hosts.names.1: must be a name/,
      /^OWN line 14: d-hoster.pop.security: /,
      /^OWN line 21: f-hoster.hosts: h.example is also that of e-hoster$/,
    ];
    for (const one of expected)
      expect(
        found.filter((reason) => one.test(reason)),
        String(one),
      ).toHaveLength(1);
    expect(found).toHaveLength(expected.length);
  });

  it.each([
    ['- gmail', /^OWN must have the names of profiles/],
    ['gmail: [', /^OWN line 1: the YAML is malformed$/],
    ['gmail: 5', /^OWN line 1: gmail: /],
  ])('that is %s is refused', (text, reason) => {
    expect(reasons(text)[0]).toMatch(reason);
  });

  it('must be readable', () => {
    expect(() => readProfiles(join(folder, 'none.yaml'))).toThrow(/none\.yaml cannot be read: ENOENT/);
  });
});
