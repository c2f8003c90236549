/** Bad input that stops a run or an account before any mail moves: one clear error, and the next run carries on. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import { makeCertificates } from '../servers/certificates.ts';
import type { ImapBehaviour, ScriptedImap } from '../servers/scripted-imap.ts';
import type { PopBehaviour, ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, type Row, scriptedRow } from './haul-rig.ts';

const messages = Array.from({ length: 7 }, (_, at) => ({
  bytes: Buffer.from(`Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\nbody \xff\r\n.${at}\r\n`, 'latin1'),
  uidl: `u${at}`,
}));

let rig: HaulRig;
let pop: ScriptedPop3;
let imap: ScriptedImap;

beforeEach(async () => {
  rig = await HaulRig.make();
});

afterEach(() => rig.end());

async function servers(popMore: PopBehaviour = {}, imapMore: ImapBehaviour = {}): Promise<void> {
  pop = await rig.pop({ messages, ...popMore });
  imap = await rig.imap(imapMore);
}

/** The run after the fault carries everything, once. */
async function expectNextRun(row: Row = scriptedRow(pop, imap), env: NodeJS.ProcessEnv = {}): Promise<void> {
  const ended = await rig.sync(await rig.list([row]), ['--json'], env);
  expect(ended.status).toBe(0);
  expectReport(ended);
  expect(imap.stored()).toEqual(messages.map(({ bytes }) => bytes));
  const again = await rig.sync(await rig.list([row]), ['--json'], env);
  expect(again.account.messages).toMatchObject({ known: messages.length, appended: 0 });
  expect(imap.stored()).toHaveLength(messages.length);
}

/** A run that ends with one error on standard error. */
function expectStopped(ended: Ended, status: number, code: string): void {
  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toMatch(new RegExp(`^mailhaul: ${code}: .+\\n`));
  expect(ended.stderr).toMatch(/\n {2}→ \S.+\n$/);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
}

/** A run whose only account has this one problem. */
function expectProblem(ended: Ended, code: string, status = 3): void {
  expect(ended.status).toBe(status);
  const [account] = expectReport(ended).accounts;
  expect(account!.state).toBe('failed');
  expect(account!.problems).toMatchObject([{ code }]);
}

describe('the list and the command line', () => {
  test('a list that cannot be read: 10', async () => {
    await servers();
    expectStopped(await rig.sync(`${rig.directory}/missing.csv`), 10, 'list-unreadable');
    expectStopped(await rig.sync(rig.directory), 10, 'list-unreadable');
    expect(pop.connections).toBe(0);
    await expectNextRun();
  });

  test('wrong columns and values: 10, with every bad line named', async () => {
    await servers();
    const good = scriptedRow(pop, imap);
    const rows = [good, { ...good, id: 'two', pop_port: 'x' }, { ...good, id: 'three' }];
    const ended = await rig.sync(await rig.list([...rows, { ...good, id: 'four', imap_security: 'maybe' }]));
    expectStopped(ended, 10, 'list-invalid');
    for (const line of [3, 4, 5]) expect(ended.stderr).toMatch(new RegExp(`line ${line}\\b`));
    const column = await rig.sync(await rig.list([{ ...good, pop_pasword: 'typo' }]));
    expectStopped(column, 10, 'list-invalid');
    expect(column.stderr).toContain('pop_pasword');
    expect(column.stderr).toContain('pop_password');
    expect(pop.connections).toBe(0);
    await expectNextRun();
  });

  test('wrong settings: 10, each named', async () => {
    await servers();
    const list = await rig.list([scriptedRow(pop, imap)]);
    await rig.settings({ popSessions: '-3', noSuchSetting: '1' });
    const ended = await rig.sync(list);
    expectStopped(ended, 10, 'settings-invalid');
    expect(ended.stderr).toContain('popSessions');
    expect(ended.stderr).toContain('noSuchSetting');
    await rig.settings({});
    await expectNextRun();
  });

  test.each([['sync'], ['sync', 'LIST', '--no-such-option'], ['no-such-command']])(
    'usage: 2 (%s %s %s)',
    async (...args) => {
      const ended = await rig.haul(args.filter((arg) => arg !== undefined)).ended;
      expect(ended).toMatchObject({ status: 2, stdout: '' });
      expect(ended.stderr).toContain('--help');
    },
  );

  test('a Redis that does not answer: 1', async () => {
    await servers();
    const [port] = await freePorts(1);
    await rig.settings({ redisStartTimeoutMs: '500' });
    const list = await rig.list([scriptedRow(pop, imap)]);
    expectStopped(await rig.sync(list, ['--json', '--redis', `redis://127.0.0.1:${port}`]), 1, 'redis-unreachable');
    expectStopped(await rig.sync(list, ['--json', '--redis', 'http://127.0.0.1']), 10, 'settings-invalid');
    await rig.settings({});
    await expectNextRun();
  });

  test('a second run on the same data directory: 11, and the first is not disturbed', async () => {
    const held = { messages, holdUntil: { verb: 'RETR', waiting: 1_000_000 } };
    await servers(held);
    const list = await rig.list([scriptedRow(pop, imap)]);
    const first = rig.startSync(list);
    await rig.reaches(() => pop.seen('RETR').length > 0, first);
    expectStopped(await rig.sync(list), 11, 'instance-running');
    pop.release();
    expect((await first.ended).status).toBe(0);
    await expectNextRun();
  });
});

describe('passwords and hosts', () => {
  test.each(['pop', 'imap'])('a missing password variable (%s)', async (prefix) => {
    await servers();
    const row = { ...scriptedRow(pop, imap), [`${prefix}_password`]: 'env:NOT_SET_YET' };
    const ended = await rig.sync(await rig.list([row]));
    expectProblem(ended, 'secret-missing');
    expect(ended.account.problems[0]!.text).toContain('NOT_SET_YET');
    await expectNextRun(row, { NOT_SET_YET: prefix === 'pop' ? 'secret' : 'pw' });
    await expectScriptedUntouched(pop);
  });

  test.each(['pop', 'imap'])('an unknown host (%s)', async (prefix) => {
    await servers();
    const ended = await rig.sync(
      await rig.list([{ ...scriptedRow(pop, imap), [`${prefix}_host`]: 'mail.example.invalid' }]),
    );
    expectProblem(ended, 'host-unknown');
    expect(ended.account.problems[0]!.text).toContain('mail.example.invalid');
    await expectNextRun();
    await expectScriptedUntouched(pop);
  });

  test.each(['pop', 'imap'])('a closed port (%s)', async (prefix) => {
    await servers();
    const [port = 0] = await freePorts(1);
    const ended = await rig.sync(await rig.list([{ ...scriptedRow(pop, imap), [`${prefix}_port`]: port }]));
    expectProblem(ended, 'connection-refused');
    expect(ended.account.problems[0]!.text).toContain(String(port));
    await expectNextRun();
    await expectScriptedUntouched(pop);
  });

  test.each(['pop', 'imap'])('refused credentials (%s)', async (prefix) => {
    await servers({}, { login: (_, password) => (password === 'pw' ? undefined : 'NO [AUTHENTICATIONFAILED] no') });
    const ended = await rig.sync(await rig.list([{ ...scriptedRow(pop, imap), [`${prefix}_password`]: 'wrong' }]));
    expectProblem(ended, 'credentials-refused', 12);
    await expectNextRun();
    await expectScriptedUntouched(pop);
  });
});

describe('TLS', () => {
  const certificates = makeCertificates();
  const strange = makeCertificates('DNS:elsewhere.example');

  const sides = [
    ['pop', 'tls'],
    ['pop', 'starttls'],
    ['imap', 'tls'],
    ['imap', 'starttls'],
  ] as const;

  async function tlsServers(prefix: 'pop' | 'imap', security: 'tls' | 'starttls', { key, cert } = certificates) {
    const implicit = security === 'tls';
    if (prefix === 'pop')
      await servers({ tls: { key, cert }, implicitTls: implicit, capabilities: ['USER', 'UIDL', 'STLS'] });
    else
      await servers({}, { tls: { key, cert, implicit }, capabilitiesBefore: ['IMAP4rev1', 'STARTTLS', 'AUTH=PLAIN'] });
    return { ...scriptedRow(pop, imap), [`${prefix}_security`]: security };
  }

  test.each(sides)(
    '%s with %s: a certificate that does not verify, then the authority is named',
    async (prefix, security) => {
      const row = await tlsServers(prefix, security);
      const ended = await rig.sync(await rig.list([row]));
      expectProblem(ended, 'tls-unverified');
      expect(ended.account.problems[0]!.remedy).toContain(`${prefix}_tls_ca`);
      expect(pop.transcript.filter((line) => prefix === 'pop' && /^(USER|PASS|AUTH)/.test(line))).toEqual([]);
      expect(imap.stored()).toEqual([]);
      const ca = await rig.file('authority.pem', certificates.ca);
      await expectNextRun({ ...row, [`${prefix}_tls_ca`]: ca });
    },
  );

  test.each(sides)('%s with %s: a certificate for another name', async (prefix, security) => {
    const row = await tlsServers(prefix, security, strange);
    const ca = await rig.file('authority.pem', strange.ca);
    const ended = await rig.sync(await rig.list([{ ...row, [`${prefix}_tls_ca`]: ca }]));
    expectProblem(ended, 'tls-unverified');
  });

  test.each(['pop', 'imap'])('%s: a server without STARTTLS is told no password', async (prefix) => {
    await servers();
    const ended = await rig.sync(await rig.list([{ ...scriptedRow(pop, imap), [`${prefix}_security`]: 'starttls' }]));
    expectProblem(ended, 'starttls-missing');
    if (prefix === 'pop') expect(pop.transcript.filter((line) => /^(USER|PASS|AUTH)/.test(line))).toEqual([]);
    else expect(imap.connections.flatMap(({ commands }) => commands).join('\n')).not.toMatch(/LOGIN|AUTHENTICATE/);
    await expectNextRun();
    await expectScriptedUntouched(pop);
  });
});
