import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Account } from '../../src/accounts/account.ts';
import { loadAccountList } from '../../src/accounts/list.ts';
import { isTemplate, userNameOf } from '../../src/accounts/user-name.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { loginKey } from '../../src/limits/lease.ts';

const hosts = { pop_host: 'pop.example.com', imap_host: 'imap.example.com', pop_password: 'p', imap_password: 'p' };
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'mailhaul-user-names-'));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

function load(csv: string, defaults: Record<string, string>): Promise<Account[]> {
  const path = join(folder, 'accounts.csv');
  writeFileSync(path, csv);
  return loadAccountList(path, { ...hosts, ...defaults });
}

const sides = ({ id, source, destination }: Account) => [
  id,
  source.user,
  source.authzUser,
  destination.user,
  destination.authzUser,
];

describe('a user name', () => {
  it.each([
    ['{address}*master', 'a@b.example*master'],
    ['{local}', 'a'],
    ['{local}%{domain}', 'a%b.example'],
    ['{domain}/{local}@{domain}', 'b.example/a@b.example'],
    ['{{local}}', '{local}'],
    ['{{local}', '{a'],
    ['{local}}', 'a}'],
    ['{Local}{user}{}{', '{Local}{user}{}{'],
  ])('%s stands for %s', (text, name) => {
    expect(userNameOf(text, 'a@b.example')).toBe(name);
  });

  it('stands for itself without a placeholder, whatever is in it', () => {
    const text = fc.string({ unit: fc.constantFrom('{', '}', 'local', 'address', '$&', '$1', 'a', '@') });
    fc.assert(
      fc.property(text, fc.option(fc.constant('a$&b@x$1.example'), { nil: undefined }), (given, address) => {
        const name = userNameOf(given, address);
        if (!isTemplate(given)) expect(name).toBe(given.replace(/\{\{(local|address|domain)\}\}/g, '{$1}'));
        else if (address === undefined) expect(name).toBeUndefined();
        else expect(name).not.toBe(undefined);
      }),
    );
    expect(userNameOf('{address}', 'a$&b@x$1.example')).toBe('a$&b@x$1.example');
    expect(userNameOf('{local}', '"a@b"@c.example')).toBe('"a@b"');
  });
});

describe('the list', () => {
  it('makes user names from the id, or from whose mailbox the other side is', async () => {
    const defaults = { pop_user: '{address}*master' };
    const [first, second, third, fourth] = await load(
      'id,imap_user,imap_authz_user\na@x.example,new1,\n,b@y.example,\nlabel,c@z.example,\n,m@z.example,d@z.example\n',
      defaults,
    );
    expect(sides(first!)).toEqual(['a@x.example', 'a@x.example*master', undefined, 'new1', undefined]);
    expect(sides(second!)).toEqual(['b@y.example', 'b@y.example*master', undefined, 'b@y.example', undefined]);
    expect(sides(third!)).toEqual(['label', 'c@z.example*master', undefined, 'c@z.example', undefined]);
    expect(sides(fourth!).slice(0, 2)).toEqual(['d@z.example', 'd@z.example*master']);
  });

  it('gives a master user every mailbox of the list, each with a key, a login and an index of its own', async () => {
    const defaults = {
      pop_user: 'popmaster',
      pop_authz_user: '{local}',
      imap_user: 'master@x.example',
      imap_authz_user: '{address}',
    };
    const accounts = await load('id\na@x.example\nb@x.example\n', defaults);
    expect(accounts.map(sides)).toEqual([
      ['a@x.example', 'popmaster', 'a', 'master@x.example', 'a@x.example'],
      ['b@x.example', 'popmaster', 'b', 'master@x.example', 'b@x.example'],
    ]);
    const [a, b] = accounts;
    expect(a!.key).not.toBe(b!.key);
    expect(loginKey('imap', a!.destination)).not.toBe(loginKey('imap', b!.destination));
    // The mailbox is the same, whoever opens it.
    const [own] = await load('pop_user,imap_user\na,a@x.example\n', {});
    expect(own!.key).toBe(a!.key);
    expect(loginKey('imap', own!.destination)).toBe(loginKey('imap', a!.destination));
  });

  it('has one line for a mailbox, whoever opens it', async () => {
    const twice = 'id,pop_user,pop_authz_user,imap_user\none,a,,b\ntwo,master,a,b\n';
    await expect(load(twice, {})).rejects.toThrow('line 3: source and destination are also those of line 2');
  });

  it('says where an address is missing', async () => {
    const wrong = await load('id,imap_user\nlabel,carol\n,dave@x.example\n', { pop_user: '{local}' }).catch(
      (error) => error,
    );
    expect(wrong).toBeInstanceOf(MailhaulError);
    expect(wrong.details['reason']).toBe(
      'line 2: pop_user is "{local}", expected an address to make it from: in id, imap_user or imap_authz_user',
    );
    // A template makes no other one's address.
    const both = { pop_user: '{local}', imap_user: '{local}@{domain}' };
    await expect(load('id\nlabel\n', both)).rejects.toThrow(/pop_user is .*; line 2: imap_user is/);
  });
});
