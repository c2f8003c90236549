import { chmod, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Dovecot } from '../../src/demo/dovecot.ts';
import { deliver } from '../../src/demo/maildir.ts';
import type { DiscoverReport } from '../../src/operations/answers/discover-report.ts';
import { autoconfigFile } from '../accounts/discovery/world.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { type HttpsServer, startHttps } from '../servers/https-server.ts';
import { NameServer } from '../servers/name-server.ts';
import { ProxyServer } from '../servers/proxy.ts';
import { type Ended, expectReport, HaulRig } from './haul-rig.ts';

let rig: HaulRig;
let source: Dovecot;
let destination: Dovecot;
let names: NameServer;
let database: HttpsServer;
let caFile: string;

const pages = new Map<string, string>();

beforeAll(async () => {
  rig = await HaulRig.make();
  const hosts = ['localhost', 'pop.old.test', 'imap.new.test', 'mail.guess.test', 'db.test'];
  const certificates = makeCertificates(hosts.map((name) => `DNS:${name}`).join(','));
  caFile = await rig.file('ca.pem', certificates.ca);
  const tls = {
    certFile: await rig.file('cert.pem', certificates.cert),
    keyFile: await rig.file('key.pem', certificates.key),
  };
  source = await rig.dovecot({ protocols: ['pop3'], tls });
  destination = await rig.dovecot({ protocols: ['imap'], tls });
  database = await startHttps(certificates, (request, response) => {
    const page = pages.get(request.url!);
    response.statusCode = page === undefined ? 404 : 200;
    response.end(page ?? 'no');
  });
  rig.atEnd(() => database.close());
  const here = ['127.0.0.1'];
  names = await NameServer.start({
    a: { localhost: here, 'pop.old.test': here, 'imap.new.test': here, 'db.test': here, 'mail.guess.test': here },
    silent: ['_pop3s._tcp.silent.test'],
    srv: {
      '_pop3s._tcp.old.test': [{ name: 'pop.old.test', port: source.popsPort }],
      '_imap._tcp.new.test': [
        { name: 'imap.missing.test', port: 143, priority: 1 },
        { name: 'imap.new.test', port: destination.imapPort, priority: 2 },
      ],
      '_pop3s._tcp.here.test': [{ name: 'localhost', port: source.popsPort }],
      '_imaps._tcp.here.test': [{ name: 'localhost', port: destination.imapsPort }],
    },
  });
  rig.atEnd(() => names.close());
  const page = { type: 'imap', host: 'imap.new.test', socket: 'SSL', user: '%EMAILLOCALPART%' };
  pages.set('/v1.1/listed.test', autoconfigFile([{ ...page, port: destination.imapsPort }]));
  await rig.settings({
    discoverDnsServers: `[${names.address}]`,
    discoverIspdbUrl: `https://db.test:${database.port}/v1.1/`,
  });
}, 120_000);

afterAll(() => rig?.end());

/** Runs `mailhaul discover …` in the world of the test. */
function run(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  const settings = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  return rig.haul(['discover', ...args, ...settings], { NODE_EXTRA_CA_CERTS: caFile, ...env }).ended;
}

const reportOf = (ended: Ended) => ended.report as unknown as DiscoverReport;

describe('mailhaul discover ADDRESS', () => {
  test('finds servers by SRV, with a certificate that verifies; what failed stands beside them', async () => {
    const ended = await run(['ann@old.test', 'New.TEST', 'ben@old.test', '--json']);
    const [old, fresh] = reportOf(ended).domains;
    expect(old).toMatchObject({
      domain: 'old.test',
      addresses: ['ann@old.test', 'ben@old.test'],
      pop3: {
        state: 'found',
        server: { host: 'pop.old.test', port: source.popsPort, security: 'tls', origin: 'srv', confirm: false },
      },
      imap: { state: 'not-found', server: null },
    });
    expect(old!.pop3!.server!.mechanisms).toContain('PLAIN');
    expect(fresh).toMatchObject({
      domain: 'new.test',
      imap: { state: 'found', server: { host: 'imap.new.test', port: destination.imapPort, security: 'starttls' } },
    });
    expect(fresh!.others).toContainEqual(
      expect.objectContaining({ host: 'imap.missing.test', lost: 'the host name imap.missing.test is not known' }),
    );
    expect(ended.status).toBe(3);
    // Once per domain, and nobody learns who has a mailbox there.
    expect(names.asked.filter((line) => line === 'SRV _pop3s._tcp.old.test')).toHaveLength(1);
    expect(database.requests.filter((line) => /ann|ben/.test(line))).toEqual([]);
    expect(database.requests.filter((line) => line.endsWith('/v1.1/old.test'))).toHaveLength(1);
  });

  test('prints a paragraph for each domain, and ends with 0 when all was found', async () => {
    const ended = await run(['old.test', '--protocol', 'pop3']);
    expect(ended).toMatchObject({ status: 0, stderr: '' });
    expect(ended.stdout).toMatch(
      new RegExp(
        `^old\\.test\\n  POP3  pop\\.old\\.test port ${source.popsPort} tls, found by SRV record _pop3s\\._tcp\\.old\\.test\\n        user name: nobody says.*PLAIN`,
      ),
    );
  });

  test('finds servers in the database, with the form of user names', async () => {
    const ended = await run(['ann@listed.test', '--protocol', 'imap', '--json']);
    expect(ended.status).toBe(0);
    expect(reportOf(ended).domains[0]!.imap!.server).toMatchObject({
      host: 'imap.new.test',
      origin: 'ispdb',
      user: '{local}',
      logins: ['password'],
    });
  });

  test('does not trust a certificate of an unknown authority', async () => {
    const ended = await run(['old.test', '--protocol', 'pop3', '--json'], { NODE_EXTRA_CA_CERTS: '' });
    expect(ended.status).toBe(3);
    const { pop3, others } = reportOf(ended).domains[0]!;
    expect(pop3).toMatchObject({ state: 'not-found', server: null });
    expect(others).toContainEqual(
      expect.objectContaining({ host: 'pop.old.test', problem: expect.objectContaining({ code: 'tls-unverified' }) }),
    );
  });

  test('goes through a proxy, and looks no host up by itself', async () => {
    const known = ['db.test', 'imap.new.test', 'listed.test', 'autoconfig.listed.test'];
    const here = Object.fromEntries(known.map((name) => [name, '127.0.0.1']));
    const login = { user: 'mailhaul', password: 'pass' };
    const proxy = await ProxyServer.start({ kind: 'http', names: here, login });
    rig.atEnd(() => proxy.close());
    const text = await readFile(join(rig.directory, 'settings.yaml'), 'utf8');
    const access = `{ proxy: "http://127.0.0.1:${proxy.port}", proxyUser: mailhaul, proxyPassword: env:PROXY_PW }`;
    const config = await rig.file('proxied.yaml', `${text}connections: { default: ${access} }\n`);
    const asked = names.asked.length;
    const find = (env: NodeJS.ProcessEnv, ...args: string[]) =>
      rig.haul(['discover', 'listed.test', ...args, '--config', config, '--data-dir', rig.dataDir], {
        NODE_EXTRA_CA_CERTS: caFile,
        ...env,
      }).ended;
    const found = await find({ PROXY_PW: 'pass' }, '--protocol', 'imap', '--json');
    expect(found.status).toBe(0);
    expect(reportOf(found).domains[0]!.imap!.server).toMatchObject({ host: 'imap.new.test', origin: 'ispdb' });
    expect(proxy.targets).toContain(`db.test:${database.port}`);
    expect(proxy.targets).toContain(`imap.new.test:${destination.imapsPort}`);
    const refused = await find({ PROXY_PW: 'wrong' });
    expect(refused.status).toBe(3);
    expect(refused.stdout).toContain(`does not connect to db.test:${database.port}: it refuses user name and password`);
    expect(refused.stdout).toMatch(/\d+ guesses of usual names and ports met no server/);
    expect(names.asked.slice(asked).filter((line) => !/^(?:SRV|MX) /.test(line))).toEqual([]);
  });

  test('ends with 130 when it is interrupted', async () => {
    const haul = rig.haul(['discover', 'silent.test', '--config', join(rig.directory, 'settings.yaml')]);
    await rig.reaches(() => names.asked.some((line) => line.endsWith('silent.test')), haul);
    haul.child.kill('SIGINT');
    expect(await haul.ended).toMatchObject({ status: 130, stdout: '' });
  });

  test('says that a server of another domain needs looking at', async () => {
    const ended = await run(['here.test']);
    expect(ended.status).toBe(0);
    expect(ended.stdout.match(/look at this: only DNS/g)).toHaveLength(2);
  });

  test.each([
    [['@old.test']],
    [['ann@']],
    [['a b']],
    [['192.0.2.1']],
    [['evil\u001b[2J.test']],
    [[]],
    [['old.test', '--protocol', 'smtp']],
    [['old.test', '--trust-dns']],
    [['--list', 'a.csv', '--write', 'b.csv']],
  ])('does not understand %j: 2', async (args) => {
    const ended = await run(args);
    expect(ended).toMatchObject({ status: 2, stdout: '' });
    expect(ended.stderr).toContain('mailhaul: usage');
    expect(ended.stderr).not.toContain('\u001b');
  });
});

describe('a list', () => {
  const lines = [
    '\ufeffid;pop_user;pop_password;"imap_user";imap_password;pop_host',
    '# wave one',
    'ann;ann@here.test;"p;w";ann@here.test;pw;""',
    'ben@old.test;;pw;ben@new.test;pw;',
    'cem;cem@old.test;pw;cem;pw;pop.given.test',
  ];
  const text = `${lines.join('\r\n')}\r\n`;

  test('says what its lines lack, and nothing is written', async () => {
    const path = await rig.file('accounts.csv', text);
    const ended = await run(['--list', path, '--json']);
    expect(ended.status).toBe(3);
    expect(reportOf(ended).list!.lines.map(({ line, side, state }) => `${line} ${side} ${state}`)).toEqual([
      '3 pop confirm',
      '3 imap confirm',
      '4 pop unknown',
      '4 imap ready',
      '5 imap unknown',
    ]);
    expect(await readFile(path, 'utf8')).toBe(text);
  });

  test('is filled where it is empty, byte for byte, and what is in doubt is left', async () => {
    const path = await rig.file('accounts.csv', text);
    await chmod(path, 0o640);
    const ended = await run(['--write', path]);
    expect(ended.status).toBe(3);
    expect(ended.stdout).toContain('1 written, 0 found, 2 to be looked at, 2 unknown');
    const port = destination.imapPort;
    expect((await readFile(path, 'utf8')).split('\r\n')).toEqual([
      `${lines[0]};imap_host;imap_security;imap_port`,
      lines[1],
      `${lines[2]};;;`,
      `${lines[3]};imap.new.test;starttls;${port}`,
      `${lines[4]};;;`,
      '',
    ]);
    expect((await stat(path)).mode & 0o777).toBe(0o640);
  });

  test('that was filled is one that sync works with', async () => {
    await deliver({ server: source, user: 'ann@here.test' }, [{ bytes: Buffer.from('Subject: hello\n\nworld\n') }]);
    const path = await rig.file(
      'accounts.csv',
      'pop_user,pop_password,imap_user,imap_password\nann@here.test,pw,ann@here.test,pw\n',
    );
    const ended = await run(['--write', path, '--trust-dns', '--json']);
    expect(ended.status).toBe(0);
    expect(reportOf(ended).list!.lines.map(({ state }) => state)).toEqual(['written', 'written']);
    const again = await run(['--write', path, '--json']);
    expect(reportOf(again)).toMatchObject({ domains: [], list: { lines: [] } });
    const synced = await rig.sync(path, ['--json'], { NODE_EXTRA_CA_CERTS: caFile });
    expect(expectReport(synced).accounts[0]).toMatchObject({ state: 'complete', messages: { appended: 1 } });
  });

  test('is filled only for the addresses that are named', async () => {
    const path = await rig.file(
      'some.csv',
      'id,pop_user,imap_user,pop_host\na,ann@old.test,ann@x.test,\nb,ben@old.test,ben@x.test,\n',
    );
    const ended = await run(['Ben@old.test', '--write', path, '--json']);
    expect(ended.status).toBe(0);
    expect(await readFile(path, 'utf8')).toBe(
      `id,pop_user,imap_user,pop_host,pop_port\na,ann@old.test,ann@x.test,,\nb,ben@old.test,ben@x.test,pop.old.test,${source.popsPort}\n`,
    );
  });

  test('may make its user names from placeholders', async () => {
    const path = await rig.file('made.csv', 'id,pop_user,imap_user,pop_host\nann@new.test,u,{address}*master,p\n');
    const ended = await run(['--list', path, '--json']);
    expect(ended.status).toBe(0);
    expect(reportOf(ended).list!.lines).toMatchObject([
      { side: 'imap', address: 'ann@new.test', state: 'ready', values: { imap_host: 'imap.new.test' } },
    ]);
  });

  test('that disagrees with what was found keeps what it says', async () => {
    const wrong = 'pop_user,pop_port,pop_security,imap_host\nann@old.test,110,starttls,i.test\n';
    const path = await rig.file('wrong.csv', wrong);
    const ended = await run(['--write', path, '--json']);
    expect(ended.status).toBe(3);
    expect(reportOf(ended).list!.lines[0]).toMatchObject({
      state: 'unknown',
      text: 'pop_security is starttls there, tls was found',
    });
    expect(await readFile(path, 'utf8')).toBe(wrong);
  });

  test('whose other lines have decided is followed', async () => {
    const row = `pop.old.test,${source.popsPort},`;
    const path = await rig.file(
      'decided.csv',
      `pop_host,pop_port,id,pop_user,imap_host\n${row},x@quiet.test,i\n,,y@quiet.test,,i\n`,
    );
    const ended = await run(['--list', path, '--json']);
    expect(reportOf(ended).domains[0]!.pop3).toMatchObject({
      state: 'found',
      source: 'line 2 of decided.csv',
      server: { origin: 'list' },
    });
    expect(reportOf(ended).list!.lines).toMatchObject([
      { line: 3, state: 'unknown', text: expect.stringContaining('pop_user is empty') },
    ]);
  });

  test('that is wrong, or no CSV, ends with its own status', async () => {
    const wrong = await rig.file('bad.csv', 'id,pop_hots\nann,x\n');
    expect(await run(['--list', wrong])).toMatchObject({
      status: 10,
      stderr: expect.stringContaining('did you mean pop_host'),
    });
    expect(await run(['--list', join(rig.directory, 'missing.csv')])).toMatchObject({ status: 10 });
    const yaml = await rig.file('list.yaml', '- { id: ann, pop_user: ann@old.test, imap_host: i }\n');
    expect(await run(['--write', yaml])).toMatchObject({
      status: 2,
      stderr: expect.stringContaining('CSV lists only'),
    });
    const read = await run(['--list', yaml, '--json']);
    expect(reportOf(read).list!.lines).toMatchObject([
      { line: 1, side: 'pop', state: 'ready', values: { pop_host: 'pop.old.test' } },
    ]);
  });
});

test('nobody was logged in, and no password left this machine', async () => {
  const path = await rig.file('secret.csv', 'pop_user,pop_password,imap_host\nann@old.test,s3cret-word,i\n');
  const before = (await readFile(join(source.directory, 'dovecot.log'), 'utf8')).match(/Login:/g)?.length ?? 0;
  const ended = await run(['--list', path, '--json']);
  expect(ended.status).toBe(0);
  expect(ended.stdout + ended.stderr).not.toContain('s3cret-word');
  const log = await readFile(join(source.directory, 'dovecot.log'), 'utf8');
  expect(log.match(/Login:/g)?.length ?? 0).toBe(before);
  expect(log).not.toMatch(/auth failed/);
  await writeFile(path, '');
});
