import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { openLogin } from '../../src/accounts/login.ts';
import { Problems } from '../../src/accounts/problems.ts';
import { readProfiles } from '../../src/accounts/profiles.ts';
import { accountOf as accountOfRow } from '../../src/accounts/row.ts';
import { Seal } from '../../src/accounts/seal.ts';
import { resolveSecret } from '../../src/accounts/secret.ts';
import { fromStored, sameAccount, toStored } from '../../src/accounts/stored-account.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { loadSettings } from '../../src/ground/settings-load.ts';
import { accountOf } from './account-rig.ts';

const digits = '0123456789abcdef'.repeat(4);
const colons = digits.toUpperCase().match(/../g)!.join(':');
const seal = new Seal(randomBytes(32));

function reasonOf(problems: Problems): string {
  try {
    problems.throwIfAny('list');
    return '';
  } catch (error) {
    return String((error as MailhaulError).details['reason']);
  }
}

function read(columns: Readonly<Record<string, string>>): { account: Account | undefined; problems: string } {
  const problems = new Problems();
  const values = new Map(
    Object.entries({
      pop_host: 'pop.example.com',
      pop_user: 'ann',
      pop_password: 'x',
      imap_host: 'imap.example.com',
      imap_user: 'ann',
      imap_password: 'y',
      ...columns,
    }),
  );
  const profiles = readProfiles();
  const context = { defaults: new Map(), folder: '/', problems, authorities: new Map(), oauthNames: [], profiles };
  const account = accountOfRow({ line: 1, values }, context);
  return { account, problems: reasonOf(problems) };
}

describe('a pin in the list', () => {
  it.each([digits, colons, digits.toUpperCase(), `sha256 Fingerprint=${colons}`, `SHA256 Fingerprint=${colons}`])(
    'may be written as %s',
    (pin) => {
      const { account, problems } = read({ pop_tls_pin: pin, imap_tls_pin: pin });
      expect(problems).toBe('');
      expect([account?.source.tlsPin, account?.destination.tlsPin]).toEqual([digits, digits]);
    },
  );

  it.each([digits.slice(1), `${digits}0`, colons.slice(0, 59), 'AB:CD', `SHA1 Fingerprint=${colons}`, 'gg'.repeat(32)])(
    'is wrong as %s',
    (pin) => {
      expect(read({ imap_tls_pin: pin }).problems).toContain('expected a SHA-256 fingerprint of 64 hexadecimal digits');
    },
  );

  it('is for TLS', () => {
    expect(read({ pop_tls_pin: digits, pop_security: 'none' }).problems).toBe(
      'line 1: pop_tls_pin is for TLS, and pop_security is none',
    );
    expect(read({ pop_tls_pin: digits, pop_security: 'starttls' }).problems).toBe('');
  });
});

describe('a pin in Redis', () => {
  const pinned = accountOf('ann', { from: { tlsPin: digits } });
  const stored = toStored({ account: pinned, origin: '' }, seal);

  it('comes back, and reaches the login', async () => {
    const { account } = fromStored(pinned.key, stored, seal);
    expect(account.source.tlsPin).toBe(digits);
    expect(account.destination).not.toHaveProperty('tlsPin');
    const context = { env: {}, settings: loadSettings({ env: {}, options: {} }) };
    expect((await openLogin(account, 'source', context)).transport).toMatchObject({ tlsPin: digits });
    expect((await openLogin(account, 'destination', context)).transport.tlsPin).toBeUndefined();
  });

  it.each([[''], [`"tlsPin":"${'f'.repeat(64)}"`]])('cannot be changed to %j beside the password', async (other) => {
    const changed = stored.replace(`"tlsPin":"${digits}"`, other).replace(',}', '}').replace(/,,/g, ',');
    const { account } = fromStored(pinned.key, changed, seal);
    const error = await resolveSecret(account.source.password, 'ann', {}).catch((thrown) => thrown);
    expect(error).toBeInstanceOf(MailhaulError);
    expect(error.code).toBe('seal-broken');
  });

  it('makes another line of it', () => {
    const unpinned = { account: accountOf('ann'), origin: '' };
    expect(sameAccount({ account: pinned, origin: '' }, unpinned)).toBe(false);
  });

  it('is no part of what was sealed before there were pins', async () => {
    const purpose = JSON.stringify(['pop.example.com', 995, 'tls', 'auto', '']);
    const place = { account: pinned.key, column: 'pop_password', purpose };
    const before = JSON.parse(toStored({ account: accountOf('ann'), origin: '' }, seal));
    before.source.password = seal.seal(accountOf('ann').source.password.stored(), place);
    const { account } = fromStored(pinned.key, JSON.stringify(before), seal);
    expect(await resolveSecret(account.source.password, 'ann', {})).toBe('pw-of-ann');
  });
});
