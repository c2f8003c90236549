import { describe, expect, it } from 'vitest';
import { addressInUser, mailAddress } from '../../../src/accounts/discovery/address.ts';
import { AtOnce, boundedWorld } from '../../../src/accounts/discovery/at-once.ts';
import { isSameSite } from '../../../src/accounts/discovery/candidate.ts';
import { knownProviders, profileAnswer } from '../../../src/accounts/discovery/profile.ts';
import { madeWorld } from './world.ts';

describe('an address', () => {
  it.each([
    ['ann@Old.Example', 'ann', 'old.example'],
    ['"a@b"@old.example.', '"a@b"', 'old.example'],
    ['old.example', undefined, 'old.example'],
    ['ann@bücher.example', 'ann', 'xn--bcher-kva.example'],
  ])('%s is read', (text, local, domain) => {
    expect(mailAddress(text)).toEqual({ text, local, domain });
  });

  it.each([
    '',
    '@',
    'ann@',
    '@old.example',
    'ann@old..example',
    'a b@old.example',
    'a\u202eb@old.example',
    'ann@[192.0.2.1]',
    '::1',
    'ann@old.example/x',
  ])('%j is none', (text) => {
    expect(mailAddress(text)).toBeUndefined();
  });

  it('is found in user names that have more', () => {
    const domains = [
      'recent:ann@old.example',
      'ann@old.example*master@admin',
      'ann@old.example*master',
      'ann',
      '{address}',
      'old.example',
    ];
    expect(domains.map((user) => addressInUser(user)?.domain)).toEqual([
      'old.example',
      'old.example',
      'old.example',
      undefined,
      undefined,
      undefined,
    ]);
    expect(addressInUser('recent:ann@old.example')?.text).toBe('ann@old.example');
  });
});

it('a host is of the same site below the domain, and below its registrable one', () => {
  expect(isSameSite('imap.example.co.uk', 'mail.example.co.uk')).toBe(true);
  expect(isSameSite('example.co.uk', 'other.co.uk')).toBe(false);
  expect(isSameSite('co.uk', 'example.co.uk')).toBe(false);
  expect(isSameSite('mail.corp', 'corp')).toBe(true);
  expect(isSameSite('notcorp', 'corp')).toBe(false);
});

describe('a provider profile', () => {
  const door = { auth: ['app-password', 'oauth2'], user: 'local' } as const;
  const book = {
    forDomain: (domain: string) =>
      domain === 'cloud.test'
        ? {
            name: 'cloud',
            imap: { ...door, host: 'imap.cloud.test' },
            quirks: { appPasswordNeeded: { text: 'make one' }, rewritesMail: { text: 'no' } },
            advice: [{ text: 'read' }],
          }
        : undefined,
    forMx: () => ({
      name: 'panel',
      pop: { ...door, host: 'mail.{domain}', security: 'starttls' as const },
      imap: door,
      quirks: {},
      advice: [],
    }),
  };

  it('names its servers, says what it does not offer, and what is to be done before', () => {
    const cloud = profileAnswer(knownProviders(book).forDomain('cloud.test'));
    expect(cloud).toMatchObject({
      candidates: [
        {
          protocol: 'imap',
          host: 'imap.cloud.test',
          port: 993,
          security: 'tls',
          logins: ['app password', 'oauth2'],
          user: '{local}',
          origin: 'profile',
        },
      ],
      notOffered: ['pop3'],
      advice: ['make one', 'read'],
    });
    expect(profileAnswer(knownProviders(book).forDomain('other.test'))).toEqual({ candidates: [] });
  });

  it('may have hosts in the domain of the address, or none', () => {
    const panel = profileAnswer(knownProviders(book).forMx('mx.panel.test', 'old.example'));
    expect(panel.candidates.map(({ protocol, host, port }) => [protocol, host, port])).toEqual([
      ['pop3', 'mail.old.example', 110],
    ]);
    expect(panel.notOffered).toEqual([]);
  });
});

describe('what is done at once', () => {
  it('is never more than allowed, and all of it is done, whatever fails', async () => {
    const gate = new AtOnce(2);
    let running = 0;
    let most = 0;
    const work = Array.from({ length: 9 }, (_, n) =>
      gate.run(async () => {
        running += 1;
        most = Math.max(most, running);
        await new Promise((resolve) => setImmediate(resolve));
        running -= 1;
        if (n % 2 === 0) throw new Error(String(n));
        return n;
      }),
    );
    const ended = await Promise.allSettled(work);
    expect(most).toBe(2);
    expect(ended.map(({ status }) => status)).toEqual(
      Array.from({ length: 9 }, (_, n) => (n % 2 === 0 ? 'rejected' : 'fulfilled')),
    );
  });

  it('looks at a server once, however many domains name it', async () => {
    const { world, asked } = madeWorld({ servers: { 'imap tls imap.test:993': true } });
    const bounded = boundedWorld(world, 3);
    const target = { protocol: 'imap', host: 'imap.test', port: 993, security: 'tls', domain: undefined } as const;
    await Promise.all([
      bounded.probe.look(target),
      bounded.probe.look({ ...target }),
      bounded.probe.look({ ...target }),
    ]);
    await bounded.probe.look(target);
    expect(asked).toEqual(['look imap tls imap.test:993']);
  });
});
