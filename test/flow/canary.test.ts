/** Promise 8: secrets stay secret, in runs that fail in every way. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import { globalKeys } from '../../src/ground/keys.ts';
import { connectRedis, type RedisHandle } from '../../src/ground/redis.ts';
import { makeCertificates } from '../servers/certificates.ts';
import { madeMail } from '../servers/made-mail.ts';
import type { RedisServer } from '../servers/redis.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { HaulRig, type Row, side } from './haul-rig.ts';
import { LeakSearch } from './leaks.ts';

const secret = (name: string) => `cAnArY-${name}-${randomBytes(9).toString('base64url')}`;
const names = ['literal', 'env', 'file', 'command', 'master', 'wrong', 'stderr'] as const;
const canaries = Object.fromEntries(names.map((name) => [name, secret(name)])) as Record<
  (typeof names)[number],
  string
>;
const sealKey = randomBytes(32);
/** Files that hold secrets by their nature. */
const holders = ['.csv', '.secret', 'seal.key'];
const messages = madeMail()
  .slice(0, 6)
  .map(({ bytes }, i) => ({ bytes, uidl: `u${i}` }));

let rig: HaulRig;
let redis: RedisServer;
let search: LeakSearch;
let rows: Row[];

beforeEach(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  search = new LeakSearch({ ...canaries, 'seal key': sealKey });
  rows = [];
});

afterEach(() => rig.end());

const env = { CANARY_ENV: canaries.env, MAILHAUL_SEAL_KEY: sealKey.toString('base64') };

/** A server that lets this password in, or refuses it with its own words. */
async function popFor(user: string, password: string, refusal?: string): Promise<ScriptedPop3> {
  const replies =
    refusal === undefined ? {} : { PASS: `-ERR [AUTH] ${refusal}\r\n`, AUTH: `-ERR [AUTH] ${refusal}\r\n` };
  const capabilities = user.startsWith('sasl') ? undefined : ['USER', 'UIDL', 'RESP-CODES', 'AUTH-RESP-CODE'];
  return rig.pop({ messages, user, password, replies, ...(capabilities ? { capabilities } : {}) });
}

/** Failures that are waits come soon, and all that can be logged is, each account's in its own file, too. */
const quick = {
  logAccountFiles: 'true',
  retryWaitsMs: '[20]',
  popConnectTimeoutMs: '1000',
  popLoginTimeoutMs: '2000',
  popCommandTimeoutMs: '2000',
  imapConnectTimeoutMs: '1000',
  imapLoginTimeoutMs: '2000',
  imapCommandTimeoutMs: '2000',
};

/** Accounts that fail in every way there is, each with a secret of some kind, and one that does not. */
async function plant(): Promise<void> {
  await rig.settings(quick);
  const [nobody = 0] = await freePorts(1);
  await rig.file('file.secret', `${canaries.file}\n`);
  await rig.file('command.secret', canaries.command);
  await rig.file('fail.secret', `echo '${canaries.stderr}' >&2; exit 1`);
  const good = await rig.imap();
  const wrong = canaries.wrong;
  const add = (user: string, pop: { port: number }, imap: { port: number }, more: Row) =>
    rows.push({
      id: user,
      ...side('pop', pop.port, user, canaries.literal),
      ...side('imap', imap.port, user, canaries.literal),
      ...more,
    });
  const basic = (user: string, password: string) => Buffer.from(`\0${user}\0${password}`).toString('base64');
  const { literal } = canaries;
  add('good', await popFor('good', literal), good, { imap_password: 'env:CANARY_ENV' });
  add('refused', await popFor('refused', literal), good, { pop_password: wrong });
  add('echo', await popFor('echo', wrong, `PASS ${wrong} is wrong`), good, { pop_password: wrong });
  add('sasl-echo', await popFor('sasl-echo', '', `AUTH PLAIN ${basic('sasl-echo', canaries.env)}?`), good, {
    pop_password: 'env:CANARY_ENV',
  });
  const master = Buffer.from(`boss\0sasl-master\0${canaries.master}`).toString('base64');
  add('sasl-master', await popFor('sasl-master', '', `${master}? ${canaries.master}!`), good, {
    pop_password: canaries.master,
    pop_authz_user: 'boss',
  });
  const echo = await rig.imap({ login: (user, password) => `NO [AUTHENTICATIONFAILED] ${user} ${password} is wrong` });
  add('imap-echo', await popFor('imap-echo', canaries.file), echo, {
    pop_password: 'file:file.secret',
    imap_password: 'command:cat command.secret',
  });
  const plainEcho = await rig.imap({
    login: (user, password) => `NO ${basic(user, password)} ${Buffer.from(password).toString('base64')}`,
  });
  add('imap-plain', await popFor('imap-plain', literal), plainEcho, { imap_auth: 'PLAIN', imap_password: wrong });
  const bye = await rig.imapThatEnds(`* BYE ${canaries.file} is no good`);
  add('imap-bye', await popFor('imap-bye', literal), bye, { imap_auth: 'LOGIN', imap_password: 'file:file.secret' });
  add('down', { port: nobody }, good, { pop_password: 'command:cat command.secret' });
  add('imap-down', await popFor('imap-down', literal), { port: nobody }, { imap_password: 'env:CANARY_ENV' });
  const tls = makeCertificates();
  const strange = await rig.pop({ messages, user: 'strange', password: literal, tls, implicitTls: true });
  add('strange', strange, good, { pop_security: 'tls' });
  add('plain', await popFor('plain', literal), good, { pop_security: 'tls', imap_security: 'tls' });
  add('no-variable', await popFor('no-variable', literal), good, { pop_password: 'env:NOT_SET' });
  add('bad-command', await popFor('bad-command', literal), good, { pop_password: 'command:sh fail.secret' });
  const later = await rig.pop({ messages, user: 'later', password: literal, replies: { UIDL: `-ERR ${literal}\r\n` } });
  add('later', later, good, {});
  const echoes = { RETR: `-ERR what is ${literal}?\r\n` };
  add('retr-echo', await rig.pop({ messages, user: 'retr-echo', password: literal, replies: echoes }), good, {});
  const append = await rig.imap({ refuse: () => `NO [LIMIT] too big, ${wrong}` });
  add('append-echo', await popFor('append-echo', literal), append, { imap_password: wrong });
  const select = await rig.imap({
    answer: (said) => (/SELECT/.test(said) ? `TAG NO not with ${wrong}\r\n` : undefined),
  });
  add('select-echo', await popFor('select-echo', literal), select, { imap_password: wrong });
}

function run(words: readonly string[]) {
  const fixed = ['--config', join(rig.directory, 'settings.yaml'), '--data-dir', rig.dataDir];
  return rig.haul([...words, ...fixed, '--redis', redis.url, '--log-level', 'trace', '--trace'], env);
}

async function said(haul: ReturnType<HaulRig['haul']>): Promise<number | null> {
  const ended = await haul.ended;
  search.bytes('output', 'standard output', ended.stdout);
  search.bytes('output', 'standard error', ended.stderr);
  return ended.status;
}

async function connected(): Promise<RedisHandle> {
  const handle = await connectRedis(redis.url, { redisStartTimeoutMs: 20_000, redisLostAfterMs: 20_000 });
  rig.atEnd(() => handle.close());
  return handle;
}

/** Everything that is left, and a snapshot as a backup would be. */
async function searchAll(): Promise<void> {
  await search.endLooking();
  const { client } = await connected();
  await search.redis(client);
  await client.config('SET', 'rdbcompression', 'no');
  await client.save();
  await search.files('files', rig.directory, holders);
}

/** Both protocols of this account were traced, to its own file as well: there was something to search. */
async function expectTraced(account: string): Promise<void> {
  const own = await readFile(join(rig.dataDir, 'logs', `${account}.log`), 'utf8');
  for (const said of ['"protocol":"pop3"', '"protocol":"imap"', 'PASS ***', 'APPEND']) expect(own).toContain(said);
}

function expectNothing(...kinds: readonly string[]): void {
  expect([...search.found]).toEqual([]);
  for (const kind of ['output', 'redis', 'files', ...kinds])
    expect(search.searched[kind] ?? 0, kind).toBeGreaterThan(100);
}

describe('no secret is anywhere', () => {
  test('after a check, a sync, a report, a dry run and a verify of accounts that fail in every way', async () => {
    await plant();
    const list = await rig.list(rows);
    search.beginLooking();
    expect(await said(run(['check', list, '--json']))).toBe(3);
    expect(await said(run(['check', list]))).toBe(3);
    const report = run(['sync', list, '--json']);
    expect(await said(report)).toBe(3);
    const { accounts } = (await report.ended).report;
    const codes = new Set(accounts.flatMap(({ problems }) => problems.map(({ code }) => code)));
    const expected = [
      'credentials-refused',
      'connection-refused',
      'tls-unverified',
      'tls-not-spoken',
      'secret-missing',
    ];
    expect([...codes]).toEqual(expect.arrayContaining(expected));
    expect(accounts.find(({ id }) => id === 'good')).toMatchObject({ state: 'complete', messages: { appended: 6 } });
    expect(await said(run(['sync', list]))).toBe(3);
    expect(await said(run(['sync', list, '--dry-run']))).toBe(3);
    expect(await said(run(['verify', list, '--deep', '--messages', join(rig.directory, 'rows')]))).toBe(3);
    await searchAll();
    expectNothing('command lines');
    await expectTraced('good');
  }, 200_000);

  test('after the service imported them, was told of a change, and worked for a scheduler', async () => {
    await plant();
    const followed = await rig.list(rows, 'followed.csv');
    const list = await rig.list(rows);
    search.beginLooking();
    const service = run(['start', followed, '--roles', 'pop,imap']);
    await rig.reaches(() => service.text.stderr.includes('"msg":"ready"'), service);
    expect(await said(run(['sync', list, '--json', '--roles', 'scheduler']))).toBe(3);
    await rig.list([...rows.slice(1), { ...rows[0], imap_password: canaries.wrong }], 'followed.csv');
    await rig.reaches(() => service.text.stderr.split('account list imported').length === 3, service);
    await rig.file('followed.csv', `id,pop_host\n${canaries.literal},${canaries.wrong},${canaries.master}\n`);
    await rig.reaches(() => service.text.stderr.includes('list-invalid'), service);
    expect(await said(run(['sync', list, '--roles', 'scheduler']))).toBe(3);
    service.child.kill('SIGTERM');
    expect(await said(service)).toBe(0);
    await searchAll();
    expectNothing('command lines');
    // The imported accounts were in what was searched.
    expect(await (await connected()).client.hlen(globalKeys.accounts)).toBe(rows.length);
  }, 200_000);

  test('when the spool is full, and when Redis is killed in mid-run', async () => {
    await rig.settings({ spoolMaxBytes: '2000', popHoldMs: '100', redisLostAfterMs: '500', batchMaxMessages: '2' });
    const imap = await rig.imap({ login: (_user, password) => `NO [UNAVAILABLE] not now, ${password}` });
    const pop = await popFor('full', canaries.literal);
    const held = await rig.pop({
      messages,
      user: 'held',
      password: canaries.literal,
      holdUntil: { verb: 'RETR', waiting: 1000 },
    });
    const password = { pop_password: canaries.literal, imap_password: canaries.wrong };
    const full = {
      id: 'full',
      ...side('pop', pop.port, 'full', ''),
      ...side('imap', imap.port, 'full', ''),
      ...password,
    };
    expect(await said(run(['sync', await rig.list([full]), '--json']))).toBe(3);
    const good = await rig.imap();
    const cut = {
      id: 'held',
      ...side('pop', held.port, 'held', ''),
      ...side('imap', good.port, 'held', ''),
      ...password,
    };
    const sync = run(['sync', await rig.list([cut], 'held.csv'), '--json']);
    await rig.reaches(() => held.seen('RETR').length > 0, sync);
    await redis.kill();
    held.release();
    expect(await said(sync)).toBe(1);
    await redis.restart();
    await searchAll();
    // Batches of the first run lie in the spool still.
    expectNothing();
  });

  test('and a service with a wrong key, or one that others can read, says nothing of it either', async () => {
    await rig.settings({});
    const list = await rig.list([{ id: 'a', ...side('pop', 1, 'a', canaries.literal), ...side('imap', 1, 'a', 'pw') }]);
    const first = run(['start', list]);
    await rig.reaches(() => first.text.stderr.includes('"msg":"ready"'), first);
    first.child.kill('SIGTERM');
    expect(await said(first)).toBe(0);
    const start = (key: string) =>
      rig.haul(['start', list, '--redis', redis.url, '--data-dir', rig.dataDir], { MAILHAUL_SEAL_KEY: key });
    const other = start(canaries.wrong.padEnd(43, 'x').slice(0, 43).replaceAll('_', '-'));
    expect(await said(other)).toBe(10);
    expect((await other.ended).stderr).toContain('mailhaul: seal-key-wrong: ');
    const bad = start(`${canaries.wrong} `);
    expect(await said(bad)).toBe(10);
    expect((await bad.ended).stderr).toContain('mailhaul: seal-key-invalid: ');
    await searchAll();
    expectNothing();
  });
});

describe('the search itself', () => {
  test('finds what is planted, in every place and form', async () => {
    const { client } = await connected();
    const base64 = Buffer.from(`\0user\0${canaries.env}`).toString('base64');
    await client.set('string', canaries.literal);
    await client.hset('hash', 'field', base64);
    await client.rpush('list', `x${canaries.file}`);
    await client.zadd('set', 1, Buffer.from(canaries.command).toString('hex'));
    await client.xadd('stream', '*', 'data', canaries.wrong);
    await client.set(`name:${canaries.master}`, '');
    await client.set('bytes', sealKey);
    search.bytes('output', 'standard output', `{"text":"${canaries.stderr}"}`);
    await mkdir(join(rig.dataDir, 'spool'), { recursive: true });
    await rig.file('data/spool/batch', `${'x'.repeat(1e5)}${sealKey.toString('base64')}`);
    search.beginLooking(1);
    const child = spawn('sh', ['-c', 'echo; read line', canaries.literal], { stdio: ['pipe', 'pipe', 'ignore'] });
    await once(child.stdout, 'data');
    await search.commandLines();
    child.stdin.end('\n');
    await searchAll();
    const places = [...search.found].map((text) => text.replace(/^(.*?) \(.*?\) in (?:part-\d+.)?/, '$1: '));
    expect(
      new Set(places.map((place) => place.replace(/appendonlydir.*/, 'AOF').replace(canaries.master, '…'))),
    ).toEqual(
      new Set([
        'literal: Redis string',
        'env: Redis hash',
        'file: Redis list',
        'command: Redis set',
        'wrong: Redis stream',
        'master: a key of Redis: name:…',
        'seal key: Redis bytes',
        'stderr: standard output',
        'seal key: data/spool/batch',
        'literal: a command line',
        ...['literal', 'env', 'file', 'command', 'wrong', 'master', 'seal key'].flatMap((name) => [
          `${name}: AOF`,
          `${name}: dump.rdb`,
        ]),
      ]),
    );
  });
});
