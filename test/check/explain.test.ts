import { describe, expect, it } from 'vitest';
import { notesOf } from '../../src/accounts/advice.ts';
import { type Profile, profileSchema } from '../../src/accounts/profile-schema.ts';
import { remedyFor, type Subject } from '../../src/check/explain.ts';
import { type ErrorCode, errorRow, MailhaulError } from '../../src/ground/errors.ts';

const cited = { source: 'a test', date: '2026' };
const said = (text: string) => ({ text, ...cited });
const profile: Profile = {
  name: 'example',
  ...profileSchema.parse({
    title: 'Example Mail',
    pop: { auth: ['password'], user: 'local', ...cited },
    imap: { auth: ['password'], user: 'address', ...cited },
    quirks: {
      appPasswordNeeded: said('It wants an app password.'),
      popMustBeEnabled: said('POP is off at first.'),
      imapMustBeEnabled: said('IMAP is off at first.'),
      mergesDuplicates: said('It merges mail.'),
      hidesFetched: said('It hides mail.'),
    },
    advice: [said('Begin early.')],
  }),
};

function remedy(code: ErrorCode, details: Record<string, string>, subject: Partial<Subject> = {}): string {
  const whole = { side: 'source', user: 'ann@x.test', profile: undefined, ...subject } as const;
  return remedyFor(new MailhaulError(code, { host: 'h', ...details }), whole);
}

describe('a refusal that tells nothing', () => {
  it('is explained by what is likely', () => {
    expect(remedy('credentials-refused', { reply: '-ERR no' })).toMatch(/only the part before the @ as user name/);
    expect(remedy('credentials-refused', { reply: '-ERR no' }, { user: 'ann' })).toMatch(/whole address as user name/);
  });

  it('is explained by what Exchange and Yandex mean by it', () => {
    const exchange = { reply: '-ERR Logon failure: unknown user name or bad password.' };
    expect(remedy('credentials-refused', exchange)).toMatch(/POP is switched off.*never signed in on the web/);
    expect(remedy('credentials-refused', exchange, { side: 'destination' })).toMatch(/IMAP is switched off/);
    const yandex = { reply: '-ERR [AUTH] login failure or POP3 disabled' };
    expect(remedy('credentials-refused', yandex)).toMatch(/leaves open whether POP is switched off/);
  });

  it('is explained by the profile of the provider, its form of the user name first', () => {
    const text = remedy('credentials-refused', { reply: '-ERR no' }, { profile });
    expect(text).toMatch(/^At Example Mail the user name is the part before the @/);
    expect(text).toContain('Example Mail: It wants an app password. POP is off at first.');
    expect(text).not.toContain('IMAP is off');
    const right = remedy('credentials-refused', { reply: 'NO' }, { profile, side: 'destination' });
    expect(right).toMatch(/^Correct user name/);
    expect(right).toContain('IMAP is off at first.');
    const short = remedy('credentials-refused', { reply: 'NO' }, { profile, side: 'destination', user: 'ann' });
    expect(short).toMatch(/^At Example Mail the user name is the whole address/);
  });
});

describe('other explanations', () => {
  it('add what the profile says of a refusal that tells its reason', () => {
    expect(remedy('pop-disabled', { reply: '' }, { profile })).toMatch(/Example Mail: POP is off at first\.$/);
    expect(remedy('pop-disabled', { reply: '' })).toBe(errorRow('pop-disabled').remedy);
  });

  it.each([
    ['certificate has expired', /must renew it/],
    ['certificate is not yet valid', /clock/],
    ["Hostname/IP does not match certificate's altnames: Host: a", /as pop_host/],
    ['self-signed certificate', /pop_tls_ca/],
    ['unable to verify the first certificate', /pop_tls_ca/],
    ['something else', /pop_tls_ca/],
  ])('of a certificate: %s', (reason, expected) => {
    expect(remedy('tls-unverified', { reason })).toMatch(expected);
    expect(remedy('tls-unverified', { reason }, { side: 'destination' })).not.toMatch(/pop_/);
  });

  it('let a certificate be pinned when people have compared it, and tell what was seen', () => {
    const reason = 'self-signed certificate';
    const unseen = remedy('tls-unverified', { reason });
    expect(unseen).toMatch(
      /with pop_tls_pin; docs\/transport\.md says how .* Compare it with the server's administrator/,
    );
    const seen = remedy('tls-unverified', { reason, fingerprint: 'AB:CD' }, { side: 'destination' });
    expect(seen).toMatch(/with imap_tls_pin; .* was seen is AB:CD\. Compare it with the server's administrator/);
    expect(remedy('tls-unverified', { reason: "Hostname/IP does not match certificate's altnames" })).toMatch(
      /as serverName of this host under connections/,
    );
    expect(remedy('tls-unverified', { reason: 'certificate is not yet valid' })).not.toContain('pin');
  });

  it('do not say of a check that it tries again', () => {
    expect(remedy('account-busy', { reply: '-ERR [IN-USE]' })).toMatch(/^The password was not the matter.*check again/);
    expect(remedy('server-silent', {})).toMatch(/^Check again/);
  });

  it('are those of the table for everything else', () => {
    expect(remedy('host-unknown', {}, { profile })).toBe(errorRow('host-unknown').remedy);
  });

  it('leave to notes what is no reason of a refusal, each for its side', () => {
    expect(notesOf(profile, 'source')).toEqual(['Example Mail: It hides mail.', 'Example Mail: Begin early.']);
    expect(notesOf(profile, 'destination')).toEqual(['Example Mail: It merges mail.', 'Example Mail: Begin early.']);
    expect(notesOf(undefined, 'source')).toEqual([]);
  });

  it('and notes leave out no quirk that there is', () => {
    const text = (name: string) => `What ${name} means.`;
    const names = Object.keys(profileSchema.shape.quirks.unwrap().shape);
    expect(names.length).toBeGreaterThan(10);
    for (const name of names) {
      const one = { ...profile, quirks: { [name]: said(text(name)) }, advice: [] };
      const told = (['source', 'destination'] as const).flatMap((side) => [
        ...notesOf(one, side),
        remedy('credentials-refused', { reply: 'NO' }, { profile: one, side }),
      ]);
      expect(told.join(' '), name).toContain(text(name));
    }
  });
});
