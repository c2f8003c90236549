import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { columnNames } from '../../src/accounts/columns.ts';
import { loadAccountList } from '../../src/accounts/list.ts';
import { resolveSecret } from '../../src/accounts/secret.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import { packageRoot } from '../../src/ground/package-root.ts';

const folder = mkdtempSync(join(tmpdir(), 'mailhaul-list-'));
afterAll(() => rmSync(folder, { recursive: true }));
let files = 0;

function fileOf(text: string | Buffer, extension = '.csv'): string {
  const path = join(folder, `list-${files++}${extension}`);
  writeFileSync(path, text);
  return path;
}

const hosts = { pop_host: 'pop.example.com', imap_host: 'imap.example.com' };
const header = 'pop_user,pop_password,imap_user,imap_password';

async function failure(path: string, defaults: Parameters<typeof loadAccountList>[1] = hosts): Promise<MailhaulError> {
  try {
    await loadAccountList(path, defaults);
  } catch (error) {
    expect(error).toBeInstanceOf(MailhaulError);
    return error as MailhaulError;
  }
  throw new Error('the list was accepted');
}

async function reasons(text: string, defaults?: Parameters<typeof loadAccountList>[1], extension?: string) {
  const error = await failure(fileOf(text, extension), defaults);
  expect(error.code).toBe('list-invalid');
  return String(error.details['reason']).split(';\n');
}

/** What is wrong with a line that would be fine without these columns. */
async function reasonsWith(cells: Record<string, string>): Promise<string[]> {
  const all = { ...hosts, pop_user: 'a', pop_password: 'p1', imap_user: 'b', imap_password: 'p2', ...cells };
  return reasons(JSON.stringify([all]), {}, '.json');
}

describe('an account', () => {
  it('needs only user names and passwords where the defaults have the hosts', async () => {
    const [account, ...more] = await loadAccountList(fileOf(`${header}\nann,p1,ann2,p2\n`), hosts);
    expect(more).toEqual([]);
    expect(account).toMatchObject({
      id: 'ann@pop.example.com',
      group: 'default',
      enabled: true,
      mailbox: 'INBOX',
      line: 2,
    });
    expect(account!.source).toMatchObject({
      host: 'pop.example.com',
      port: 995,
      security: 'tls',
      auth: 'auto',
      user: 'ann',
    });
    expect(account!.destination).toMatchObject({ host: 'imap.example.com', port: 993, user: 'ann2' });
    expect(Object.keys(account!.source)).not.toContain('authzUser');
    expect(await resolveSecret(account!.source.password, 'ann', {})).toBe('p1');
    expect(await resolveSecret(account!.destination.password, 'ann', {})).toBe('p2');
  });

  it('has an id of its own, its address, or user and host', async () => {
    const text = `id,${header}\nx,u1,p,v1,p\n,u2@example.org,p,v2,p\n,u3,p,v3,p\n`;
    const accounts = await loadAccountList(fileOf(text), hosts);
    expect(accounts.map((account) => account.id)).toEqual(['x', 'u2@example.org', 'u3@pop.example.com']);
  });

  it('has a key of hosts and users alone, whatever the case of the hosts', async () => {
    const keyOf = async (more: Record<string, unknown>) => {
      const row = { pop_user: 'a', pop_password: 'p', imap_user: 'b', imap_password: 'p', ...hosts, ...more };
      return (await loadAccountList(fileOf(JSON.stringify([row]), '.json'), {}))[0]!.key;
    };
    const key = await keyOf({});
    expect(key).toMatch(/^[0-9a-f]{32}$/);
    expect(await keyOf({ pop_host: 'POP.Example.com', pop_port: 1995, pop_password: 'q', id: 'other' })).toBe(key);
    for (const more of [{ pop_user: 'A' }, { imap_user: 'B' }, { pop_host: 'p.example' }, { imap_host: 'i.example' }]) {
      expect(await keyOf(more)).not.toBe(key);
    }
  });

  it('has the ports of its security', async () => {
    for (const [security, pop, imap] of [
      ['tls', 995, 993],
      ['starttls', 110, 143],
      ['None', 110, 143],
    ] as const) {
      const text = `${header},pop_security,imap_security\na,p,b,p,${security},${security}\n`;
      const [account] = await loadAccountList(fileOf(text), hosts);
      expect([account!.source.port, account!.destination.port]).toEqual([pop, imap]);
      expect(account!.source.security).toBe(security.toLowerCase());
    }
  });

  it('takes hosts as names, addresses and IPv6 in brackets or bare', async () => {
    const wanted: Record<string, string> = {
      '[2001:DB8::1]': '2001:db8::1',
      '2001:db8::2': '2001:db8::2',
      '192.0.2.1': '192.0.2.1',
      'Mail.Example.COM.': 'mail.example.com',
      'bücher.example': 'xn--bcher-kva.example',
      localhost: 'localhost',
    };
    for (const [given, host] of Object.entries(wanted)) {
      const [account] = await loadAccountList(fileOf(`${header},pop_host\na,p,b,p,${given}\n`), hosts);
      expect(account!.source.host).toBe(host);
    }
    for (const wrong of [
      '[192.0.2.1]',
      '10.0.0.256',
      'pop.example.com:995',
      'pops://pop.example.com',
      'a..b',
      '-a.example',
      'a b',
    ]) {
      expect(await reasonsWith({ pop_host: wrong })).toEqual([
        `line 1: pop_host is ${JSON.stringify(wrong)}, expected a host name or an IP address`,
      ]);
    }
  });

  it('takes every column', async () => {
    const pem = join(folder, 'ca.pem');
    writeFileSync(pem, '-----BEGIN CERTIFICATE-----\nMA==\n-----END CERTIFICATE-----\n');
    const text = `${header},id,group,enabled,pop_port,pop_auth,pop_authz_user,imap_tls_ca,imap_mailbox,x_note
a,p,b,p,i,g,No,1110,plain,boss,ca.pem,Old mail,ignored
c,p,d,p,j,,1,,AUTO,,,inbox,`;
    const [first, second] = await loadAccountList(fileOf(text), hosts);
    expect(first).toMatchObject({ id: 'i', group: 'g', enabled: false, mailbox: 'Old mail' });
    expect(first!.source).toMatchObject({ port: 1110, auth: 'PLAIN', authzUser: 'boss' });
    expect(first!.destination.tlsCaFile).toBe(pem);
    expect(second).toMatchObject({ enabled: true, mailbox: 'INBOX', source: { auth: 'auto' } });
  });
});

describe('the list as CSV', () => {
  it('may have a byte order mark, semicolons or tabs, CRLF, comments, blank lines and no final line end', async () => {
    for (const delimiter of [',', ';', '\t']) {
      const record = (...values: string[]) => values.join(delimiter);
      const inside = delimiter === '\t' ? '' : delimiter;
      const ann = record('ann', `"p${inside}""1""${'"'}`, 'b', '#p');
      const names = record(...header.split(','));
      const lines = [
        '\ufeff# by hand',
        '',
        names,
        '# ann',
        ann,
        record('', '', '', ''),
        '',
        record('bob', 'p', 'c', 'p'),
      ];
      const accounts = await loadAccountList(fileOf(lines.join('\r\n')), hosts);
      expect(accounts.map(({ source, line }) => [source.user, line])).toEqual([
        ['ann', 5],
        ['bob', 8],
      ]);
      expect(await resolveSecret(accounts[0]!.source.password, 'ann', {})).toBe(`p${inside}"1"`);
      expect(await resolveSecret(accounts[0]!.destination.password, 'ann', {})).toBe('#p');
    }
  });

  it('keeps blanks in passwords and drops them elsewhere', async () => {
    const [account] = await loadAccountList(fileOf(`${header}\n ann , p , b , q \n`), hosts);
    expect(account!.source.user).toBe('ann');
    expect(await resolveSecret(account!.source.password, 'ann', {})).toBe(' p ');
  });

  it('reports every wrong line at once, with its number', async () => {
    const text = `${header},pop_port,imap_security,enabled
a,p,b,p,abc,tls,yes
c,p,d,p,70000,ssl,maybe

# a comment
,p,,p,,,
e,,f,p,,,
g,p,h,p
i,p,j,p,,,
`;
    const error = await failure(fileOf(text));
    expect(String(error.details['reason']).split(';\n')).toEqual([
      'line 2: pop_port is "abc", expected 1 to 65535',
      'line 3: pop_port is "70000", expected 1 to 65535',
      'line 3: imap_security is "ssl", expected tls, starttls or none',
      'line 3: enabled is "maybe", expected yes or no',
      'line 6: pop_user is missing',
      'line 6: imap_user is missing',
      'line 7: pop_password is missing',
      'line 8: has 4 values where the header has 7 columns',
    ]);
    expect(error.details['count']).toBe(5);
  });

  it('names 50 mistakes and counts all', async () => {
    const text = `${header}\n${Array.from({ length: 70 }, (_, at) => `u${at},p,v${at},\n`).join('')}`;
    const error = await failure(fileOf(text));
    const lines = String(error.details['reason']).split(';\n');
    expect(error.details['count']).toBe(70);
    expect(lines).toHaveLength(51);
    expect(lines[49]).toBe('line 51: imap_password is missing');
    expect(lines[50]).toBe('and 20 more');
  });

  it('goes on after wrong quotation marks', async () => {
    const text = `${header}\na,"p" x,b,p\nc,p"q,d,p\ne,"open,f,p\ng,p,h,\n`;
    expect(await reasons(text)).toEqual([
      expect.stringMatching(/^line 2: a quotation mark stands inside a value/),
      expect.stringMatching(/^line 3: a quotation mark stands inside a value/),
      'line 4: a quotation mark is not closed',
      'line 5: imap_password is missing',
    ]);
  });

  it('takes line breaks in columns that are ignored and in no other', async () => {
    const [account, next] = await loadAccountList(fileOf(`${header},x_note\na,p,b,p,"one\ntwo"\nc,p,d,p,\n`), hosts);
    expect([account!.line, next!.line]).toEqual([2, 4]);
    expect(await reasons(`${header}\n"a\nDELE 1",p,b,p\n`)).toEqual(['line 2: pop_user contains a control character']);
  });

  it('knows its columns', async () => {
    expect(await reasons(`${header},pop_hots,pop_user,x_mine,,colour\na,p,b,p,h,a,1,2,3\n`)).toEqual([
      'line 1: there is no column pop_hots; did you mean pop_host?',
      'line 1: the column pop_user stands twice',
      'line 1: column 8 has no name',
      'line 1: there is no column colour',
    ]);
    expect(await reasons(`${header}\na,p,b,p\n`, { ...hosts, pop_prt: 1, id: 'x' })).toEqual([
      'defaults: there is no column pop_prt; did you mean pop_port?',
      'defaults: id cannot be the same for all accounts',
    ]);
  });

  it('must be UTF-8', async () => {
    const latin = await failure(fileOf(Buffer.from(`${header}\nJ\xf6rg,p,b,p\n`, 'latin1')));
    expect(latin.details['reason']).toBe('line 2: pop_user is not UTF-8; save the list as UTF-8');
    const utf16 = await failure(fileOf(Buffer.from(`\ufeff${header}\na,p,b,p\n`, 'utf16le')));
    expect(utf16.details['reason']).toMatch(/^line 1: the list is not UTF-8/);
  });

  it('loads 100,000 lines', async () => {
    const lines = Array.from(
      { length: 100_000 },
      (_, at) => `user${at}@example.com,env:P${at},user${at},file:p${at}\n`,
    );
    const accounts = await loadAccountList(fileOf(`${header}\n${lines.join('')}`), hosts);
    expect(accounts[99_999]).toMatchObject({ id: 'user99999@example.com', line: 100_001 });
  });

  it('has an example with every column', async () => {
    const folderOfExample = join(folder, 'example');
    mkdirSync(folderOfExample);
    const path = join(folderOfExample, 'accounts.example.csv');
    copyFileSync(join(packageRoot(), 'config', 'accounts.example.csv'), path);
    const accounts = await loadAccountList(path, {});
    expect(accounts.map((account) => account.id)).toEqual(['alice', 'bob', 'carol@example.com']);
    expect(accounts[2]).toMatchObject({ enabled: false, destination: { authzUser: 'carol@example.com' } });
    const headerLine = readFileSync(path, 'utf8')
      .split('\n')
      .find((line) => !line.startsWith('#'))!;
    expect(headerLine.split(',').filter((name) => !name.startsWith('x_'))).toEqual(columnNames);
  });
});

describe('the list as YAML or JSON', () => {
  const row = {
    pop_user: 'a',
    pop_password: '0123',
    imap_user: 'b',
    imap_password: 'p',
    enabled: false,
    pop_port: 1995,
  };

  it('is a list, or accounts with one, by extension or by how it begins', async () => {
    const texts = [
      ['.json', JSON.stringify([row])],
      ['.json', JSON.stringify({ accounts: [row] }, null, '\t')],
      ['.list', JSON.stringify([row])],
      [
        '.yaml',
        '# c\n- {pop_user: a, pop_password: 0123, imap_user: b, imap_password: p, enabled: no, pop_port: 1995}\n',
      ],
      [
        '.list',
        '# c\n\naccounts:\n- pop_user: a\n  pop_password: 0123\n  imap_user: b\n  imap_password: p\n  enabled: false\n  pop_port: 1995\n',
      ],
    ] as const;
    for (const [extension, text] of texts) {
      const [account] = await loadAccountList(fileOf(text, extension), hosts);
      expect(account).toMatchObject({ enabled: false, source: { user: 'a', port: 1995 } });
      expect(await resolveSecret(account!.source.password, 'a', {})).toBe('0123');
    }
    const [csv] = await loadAccountList(fileOf(`# c\n${header}\na,p,b,p\n`, '.list'), hosts);
    expect(csv!.source.user).toBe('a');
  });

  it('reports every wrong account at once, with its line', async () => {
    const text = `- pop_user: a
  pop_password: p
  imap_user: [b]
  imap_password: p
- pop_user: c
  pop_pasword: hunter2
  imap_user: d
  imap_password: p
- hunter2
`;
    const found = await reasons(text, hosts, '.yaml');
    expect(found).toEqual([
      'line 1: imap_user must be one value',
      'line 1: imap_user is missing',
      'line 5: there is no column pop_pasword; did you mean pop_password?',
      'line 5: pop_password is missing',
      'line 9: expected an account: column names with their values',
    ]);
    expect(found.join()).not.toContain('hunter2');
  });

  it('names the line of malformed text and quotes nothing of it', async () => {
    const found = await reasons('- pop_user: a\n  pop_password: "hunter2" "hunter2"\n', hosts, '.yaml');
    expect(found[0]).toMatch(/^line 2: the YAML or JSON is malformed/);
    expect(found.join()).not.toContain('hunter2');
    expect(await reasons('a: 1\n', hosts, '.yaml')).toEqual(['line 1: expected a list of accounts']);
    expect(await reasons('more: 1\naccounts: []\n', hosts, '.yaml')).toContain('line 1: more stands beside accounts');
  });
});

describe('a list as a whole', () => {
  it('has no id and no pair of mailboxes twice', async () => {
    const text = `id,${header}\nx,a,p,b,p\nx,c,p,d,p\ny,a,q,b,q\nz,A,p,b,p\n`;
    expect(await reasons(text)).toEqual([
      'line 3: the id x is also that of line 2',
      'line 4: source and destination are also those of line 2',
    ]);
  });

  it('is not empty', async () => {
    for (const [text, extension] of [
      [`${header}\n`, '.csv'],
      ['', '.csv'],
      ['[]', '.json'],
      ['# x\n', '.yaml'],
    ] as const) {
      expect(await reasons(text, hosts, extension)).toEqual(['no account is in it']);
    }
  });

  it('must be readable', async () => {
    const missing = await failure(join(folder, 'none.csv'));
    expect(missing.code).toBe('list-unreadable');
    expect(missing.details['reason']).toBe('it does not exist');
    expect((await failure(folder)).details['reason']).toBe('it is a directory');
  });

  it('says what is planned and what is wrong', async () => {
    expect(await reasonsWith({ pop_auth: 'best one' })).toEqual([
      'line 1: pop_auth is "best one", expected auto, the name of a mechanism or oauth2:NAME',
    ]);
    expect((await reasonsWith({ pop_tls_ca: 'none.pem' }))[0]).toMatch(
      /^line 1: pop_tls_ca is "none.pem", .*: ENOENT$/,
    );
    expect(await reasonsWith({ imap_mailbox: 'a\0b' })).toEqual(['line 1: imap_mailbox contains a control character']);
    const tooLong = ['line 1: pop_user is longer than 4096 characters'];
    expect(await reasonsWith({ pop_user: 'a'.repeat(5000) })).toEqual(tooLong);
    expect(await reasonsWith({ id: '..' })).toEqual(['line 1: the id must not be ..']);
    const long = 'a'.repeat(501);
    expect(await reasonsWith({ id: long, group: long })).toEqual(['line 1: group is longer than 500 characters']);
    for (const longId of [{ id: long }, { pop_user: long }]) {
      expect(await reasonsWith(longId)).toEqual(['line 1: the id is longer than 500 characters; give a shorter one']);
    }
  });
});

describe('a password', () => {
  it('never stands in an error', async () => {
    const secret = 'hunter2';
    const texts = [
      `${header},pop_port\na,${secret},b,${secret},${secret}\n`,
      `${header}\na,${secret},b\n`,
      `${header}\na,"${secret}" x,b,"${secret}\n`,
      `${header}\na,env:${secret}!,b,command:"${secret}\n`,
      `${header}\na,${secret}\x07,b,${secret}\n`,
      `a,${secret},b,${secret}\nc,${secret},d,${secret}\n`,
      `${header}\na,${secret},b,\n`,
    ];
    for (const text of texts) {
      const error = await failure(fileOf(text));
      expect(error.code).toBe('list-invalid');
      expect(`${error.stack} ${JSON.stringify(error.details)} ${String(error.cause)}`).not.toContain(secret);
    }
  });
});
