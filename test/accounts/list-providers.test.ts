/** What a line of the account list gets from the profile of its provider. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { loadAccountList } from '../../src/accounts/list.ts';
import { readProfiles } from '../../src/accounts/profiles.ts';
import type { MailhaulError } from '../../src/ground/errors.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-list-'));
afterAll(() => rmSync(folder, { recursive: true }));

const own = `our-hoster:
  title: Our hoster
  hosts: { names: ['*.hoster.example'], source: its help, date: 2026 }
  pop: { host: 'pop.{domain}', port: 1100, security: starttls, auth: [password], mechanism: cram-md5, user: local, source: its help, date: 2026 }
  imap: { auth: [password], user: address, source: its help, date: 2026 }
only-pop:
  title: Only POP
  hosts: { names: [one.example], source: its help, date: 2026 }
  pop: { auth: [password], user: address, source: its help, date: 2026 }
`;
writeFileSync(join(folder, 'own.yaml'), own);
const profiles = readProfiles(join(folder, 'own.yaml'));

type Cells = Record<string, string | number>;

async function load(cells: Cells, defaults: Cells = {}): Promise<Account> {
  const path = join(folder, 'list.json');
  const rest = { pop_password: 'p', imap_password: 'q' };
  writeFileSync(path, JSON.stringify([{ ...rest, ...cells }]));
  return (await loadAccountList(path, defaults, { profiles }))[0]!;
}

async function reasons(cells: Cells): Promise<string[]> {
  const failed = await load(cells).then(
    () => Promise.reject(new Error('the list was accepted')),
    (error: MailhaulError) => error,
  );
  expect(failed.code).toBe('list-invalid');
  return String(failed.details['reason']).split(';\n');
}

describe('a line that names a provider', () => {
  it('needs an address and passwords only', async () => {
    const { source, destination, id } = await load({
      id: 'ann@web.de',
      pop_provider: 'webde',
      imap_provider: 'microsoft365',
    });
    expect(id).toBe('ann@web.de');
    expect(source).toMatchObject({ host: 'pop3.web.de', port: 995, security: 'tls', auth: 'auto', user: 'ann' });
    expect(destination).toMatchObject({
      host: 'outlook.office365.com',
      port: 993,
      security: 'tls',
      user: 'ann@web.de',
      provider: 'microsoft365',
    });
  });

  it('gets everything that a profile may have, in whatever case it names it', async () => {
    const { source, destination } = await load({
      pop_provider: 'Our-Hoster',
      id: 'ann@corp.Example',
      imap_host: 'imap.hoster.example',
    });
    expect(source).toMatchObject({
      host: 'pop.corp.example',
      port: 1100,
      security: 'starttls',
      auth: 'CRAM-MD5',
      user: 'ann',
      provider: 'our-hoster',
    });
    expect(destination).toMatchObject({
      host: 'imap.hoster.example',
      port: 993,
      security: 'tls',
      user: 'ann@corp.Example',
    });
    expect(destination).not.toHaveProperty('provider');
  });

  it('may leave the provider to the host', async () => {
    const { source, destination } = await load({
      id: 'ann@web.de',
      pop_host: 'POP3.web.de.',
      imap_host: 'imap.mail.me.com',
    });
    expect(source).toMatchObject({ host: 'pop3.web.de', port: 995, user: 'ann' });
    expect(destination).toMatchObject({ host: 'imap.mail.me.com', user: 'ann' });
  });

  it('keeps every value of its own, and of the defaults', async () => {
    const line = {
      pop_provider: 'our-hoster',
      pop_host: 'other.example',
      pop_port: 1995,
      pop_security: 'tls',
      pop_auth: 'plain',
      pop_user: 'ann@corp.example',
      imap_provider: 'gmail',
      imap_user: 'ann',
    };
    const { source, destination } = await load(line, { imap_host: 'proxy.example', imap_port: 1993 });
    expect(source).toMatchObject({
      host: 'other.example',
      port: 1995,
      security: 'tls',
      auth: 'PLAIN',
      user: 'ann@corp.example',
    });
    expect(destination).toMatchObject({ host: 'proxy.example', port: 1993, user: 'ann' });
  });

  it('gets no port with another security than the port is for', async () => {
    const line = { id: 'ann@corp.example', pop_provider: 'our-hoster', imap_host: 'imap.hoster.example' };
    expect((await load({ ...line, pop_security: 'tls' })).source).toMatchObject({ security: 'tls', port: 995 });
    expect((await load({ ...line, pop_security: 'none' })).source).toMatchObject({ security: 'none', port: 110 });
  });
});

describe('an error of the list', () => {
  const line = { id: 'ann@corp.example', pop_provider: 'gmail', imap_provider: 'gmail' };

  it('is a provider that nobody knows, with those that are known and the nearest', async () => {
    const [reason] = await reasons({ ...line, pop_provider: 'gmial' });
    expect(reason).toMatch(
      /^line 1: pop_provider is "gmial", expected one of aol, cpanel, .*, our-hoster, .*; did you mean gmail\?$/,
    );
    expect((await reasons({ ...line, imap_provider: 'xxxxxxxx' }))[0]).toMatch(/^line 1: imap_provider .* zoho$/);
  });

  it('is a source at a provider that can be a destination only', async () => {
    expect(await reasons({ ...line, pop_provider: 'icloud', pop_host: 'h.example', pop_user: 'a' })).toEqual([
      'line 1: pop_provider is that of iCloud Mail (destination only), which has no POP3: the provider icloud can be a destination only',
    ]);
    expect(
      await reasons({ id: 'a@b.example', imap_provider: 'gmail', pop_host: 'imap.mail.me.com', pop_user: 'a' }),
    ).toEqual([
      'line 1: pop_host is that of iCloud Mail (destination only), which has no POP3: the provider icloud can be a destination only',
    ]);
  });

  it('is a destination at a provider of whom only POP3 is known, where the line names him', async () => {
    const line = { id: 'ann@corp.example', pop_provider: 'gmail', imap_host: 'one.example', imap_user: 'ann' };
    expect((await load(line)).destination.host).toBe('one.example');
    expect(await reasons({ ...line, imap_provider: 'only-pop' })).toEqual([
      'line 1: imap_provider is that of Only POP, which has no IMAP: the provider only-pop can be a source only',
    ]);
  });

  it('is what the profile does not know either', async () => {
    expect(await reasons({ ...line, pop_provider: 'zimbra' })).toEqual(['line 1: pop_host is missing']);
    expect(await reasons({ ...line, id: 'ann' })).toEqual([
      'line 1: pop_user is missing',
      'line 1: imap_user is missing',
    ]);
    expect(await reasons({ ...line, id: 'ann', pop_provider: 'cpanel', pop_user: 'ann', imap_user: 'a' })).toEqual([
      'line 1: pop_host is missing',
    ]);
  });
});
