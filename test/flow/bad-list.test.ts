/** Bad input that stops a run or an account before any mail moves: one clear error, and the next run carries on. */
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { freePorts } from '../../src/demo/free-ports.ts';
import { type Certificates, makeCertificates } from '../servers/certificates.ts';
import type { ScriptedImap } from '../servers/scripted-imap.ts';
import type { ScriptedPop3 } from '../servers/scripted-pop3.ts';
import { type Fault, FaultLanes, type Outcome } from './fault-lanes.ts';
import { type Ended, expectReport, expectScriptedUntouched, HaulRig, scriptedRow } from './haul-rig.ts';

const messages = Array.from({ length: 7 }, (_, at) => ({
  bytes: Buffer.from(`Message-ID: <${at}@x>\r\nSubject: ${at}\r\n\r\nbody \xff\r\n.${at}\r\n`, 'latin1'),
  uidl: `u${at}`,
}));

let rig: HaulRig;

/** A run that ends with one error on standard error. */
function expectStopped(ended: Ended, status: number, code: string): void {
  expect(ended).toMatchObject({ status, stdout: '' });
  expect(ended.stderr).toMatch(new RegExp(`^mailhaul: ${code}: .+\\n`));
  expect(ended.stderr).toMatch(/\n {2}→ \S.+\n$/);
  expect(ended.stderr).not.toMatch(/\n\s+at /);
}

describe('the list and the command line', () => {
  let pop: ScriptedPop3;
  let imap: ScriptedImap;

  beforeAll(async () => {
    rig = await HaulRig.make();
    pop = await rig.pop({ messages });
    imap = await rig.imap();
    return () => rig.end();
  });

  test('a list that cannot be read: 10', async () => {
    expectStopped(await rig.sync(`${rig.directory}/missing.csv`), 10, 'list-unreadable');
    expectStopped(await rig.sync(rig.directory), 10, 'list-unreadable');
    expect(pop.connections).toBe(0);
  });

  test('wrong columns and values: 10, with every bad line named', async () => {
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
  });

  test('wrong settings: 10, each named', async () => {
    const list = await rig.list([scriptedRow(pop, imap)]);
    await rig.settings({ popSessions: '-3', noSuchSetting: '1' });
    const ended = await rig.sync(list);
    expectStopped(ended, 10, 'settings-invalid');
    expect(ended.stderr).toContain('popSessions');
    expect(ended.stderr).toContain('noSuchSetting');
    await rig.settings({});
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
    const [port] = await freePorts(1);
    await rig.settings({ redisStartTimeoutMs: '500' });
    const list = await rig.list([scriptedRow(pop, imap)]);
    expectStopped(await rig.sync(list, ['--json', '--redis', `redis://127.0.0.1:${port}`]), 1, 'redis-unreachable');
    expectStopped(await rig.sync(list, ['--json', '--redis', 'http://127.0.0.1']), 10, 'settings-invalid');
    await rig.settings({});
    expect(pop.connections).toBe(0);
  });

  test('a second run on the same data directory: 11; the first, and the next after all that, carry everything', async () => {
    pop.behaviour.holdUntil = { verb: 'RETR', waiting: 1_000_000 };
    const list = await rig.list([scriptedRow(pop, imap)]);
    const first = rig.startSync(list);
    await rig.reaches(() => pop.seen('RETR').length > 0, first);
    expectStopped(await rig.sync(list), 11, 'instance-running');
    pop.release();
    const ended = await first.ended;
    expect(ended.status).toBe(0);
    expectReport(ended);
    expect(imap.stored()).toEqual(messages.map(({ bytes }) => bytes));
    const again = await rig.sync(list);
    expect(again.account.messages).toMatchObject({ known: messages.length, appended: 0 });
    expect(imap.stored()).toHaveLength(messages.length);
    await expectScriptedUntouched(pop);
  });
});

/** A run with the faults, one without them, and one more. */
interface Runs {
  readonly lanes: FaultLanes;
  readonly runs: readonly Awaited<ReturnType<FaultLanes['haul']>>[];
}

async function threeRuns(faults: Readonly<Record<string, Fault>>, env: NodeJS.ProcessEnv = {}): Promise<Runs> {
  const lanes = await FaultLanes.start(rig, faults, messages);
  const first = await lanes.haul();
  lanes.heal();
  return { lanes, runs: [first, await lanes.haul(env), await lanes.haul(env)] };
}

/** The account failed by this one problem, and nothing was stored; then the next run carried it. */
async function expectOneProblem({ lanes, runs }: Runs, name: string, code: string): Promise<Outcome> {
  const [first, next, again] = runs.map(({ of }) => of.get(name)!) as [Outcome, Outcome, Outcome];
  expectProblem(first, code);
  await lanes.expectCarried(name, next, again);
  return first;
}

function expectProblem({ account, stored }: Outcome, code: string): void {
  expect(account.state).toBe('failed');
  expect(account.problems).toMatchObject([{ code }]);
  expect(stored).toEqual([]);
}

const logins = (asked: readonly string[]) => asked.filter((line) => /^(USER|PASS|AUTH)/.test(line));
const prefixes = ['pop', 'imap'] as const;
const sides = [
  ['pop', 'tls'],
  ['pop', 'starttls'],
  ['imap', 'tls'],
  ['imap', 'starttls'],
] as const;

/** A server of one side that speaks TLS with these certificates, and what its line in the list has. */
function tlsFault(prefix: 'pop' | 'imap', security: 'tls' | 'starttls', { key, cert }: Certificates): Fault {
  const implicit = security === 'tls';
  const row = { [`${prefix}_security`]: security };
  if (prefix === 'pop')
    return { row, pop: { tls: { key, cert }, implicitTls: implicit, capabilities: ['USER', 'UIDL', 'STLS'] } };
  return { row, imap: { tls: { key, cert, implicit }, capabilitiesBefore: ['IMAP4rev1', 'STARTTLS', 'AUTH=PLAIN'] } };
}

describe('one side of an account', () => {
  const certificates = makeCertificates();
  let all: Runs;
  let closed = 0;

  beforeAll(async () => {
    rig = await HaulRig.make();
    [closed = 0] = await freePorts(1);
    const ca = await rig.file('authority.pem', certificates.ca);
    const faults: Record<string, Fault> = {};
    for (const prefix of prefixes) {
      const password = { [`${prefix}_password`]: `env:NOT_SET_YET_${prefix}` };
      faults[`${prefix} password`] = { row: password, healedRow: password };
      faults[`${prefix} host`] = { row: { [`${prefix}_host`]: 'mail.example.invalid' } };
      faults[`${prefix} port`] = { row: { [`${prefix}_port`]: closed } };
      faults[`${prefix} starttls-missing`] = { row: { [`${prefix}_security`]: 'starttls' } };
    }
    for (const [prefix, security] of sides) {
      const fault = tlsFault(prefix, security, certificates);
      faults[`${prefix} ${security}`] = { ...fault, healedRow: { ...fault.row, [`${prefix}_tls_ca`]: ca } };
    }
    all = await threeRuns(faults, { NOT_SET_YET_pop: 'secret', NOT_SET_YET_imap: 'pw' });
    return () => rig.end();
  });

  test('shows in the status', () => {
    expect(all.runs.map(({ ended }) => ended.status)).toEqual([3, 0, 0]);
  });

  test.each(prefixes)('a missing password variable (%s)', async (prefix) => {
    const { account } = await expectOneProblem(all, `${prefix} password`, 'secret-missing');
    expect(account.problems[0]!.text).toContain(`NOT_SET_YET_${prefix}`);
  });

  test.each(prefixes)('an unknown host (%s)', async (prefix) => {
    const { account } = await expectOneProblem(all, `${prefix} host`, 'host-unknown');
    expect(account.problems[0]!.text).toContain('mail.example.invalid');
  });

  test.each(prefixes)('a closed port (%s)', async (prefix) => {
    const { account } = await expectOneProblem(all, `${prefix} port`, 'connection-refused');
    expect(account.problems[0]!.text).toContain(String(closed));
  });

  test.each(sides)(
    '%s with %s: a certificate that does not verify, then the authority is named',
    async (prefix, security) => {
      const { account, asked } = await expectOneProblem(all, `${prefix} ${security}`, 'tls-unverified');
      expect(account.problems[0]!.remedy).toContain(`${prefix}_tls_ca`);
      if (prefix === 'pop') expect(logins(asked)).toEqual([]);
    },
  );

  test.each(prefixes)('%s: a server without STARTTLS is told no password', async (prefix) => {
    const { asked, told } = await expectOneProblem(all, `${prefix} starttls-missing`, 'starttls-missing');
    if (prefix === 'pop') expect(logins(asked)).toEqual([]);
    else expect(told.join('\n')).not.toMatch(/LOGIN|AUTHENTICATE/);
  });
});

describe('where all accounts of a run have the same fault', () => {
  beforeEach(async () => {
    rig = await HaulRig.make();
  });

  afterEach(() => rig.end());

  test('refused credentials: 12', async () => {
    const login = (_: string, password: string) => (password === 'pw' ? undefined : 'NO [AUTHENTICATIONFAILED] no');
    const faults = prefixes.map((prefix) => [prefix, { imap: { login }, row: { [`${prefix}_password`]: 'wrong' } }]);
    const all = await threeRuns(Object.fromEntries(faults));
    expect(all.runs.map(({ ended }) => ended.status)).toEqual([12, 0, 0]);
    for (const prefix of prefixes) await expectOneProblem(all, prefix, 'credentials-refused');
  });

  test('a certificate for another name', async () => {
    const strange = makeCertificates('DNS:elsewhere.example');
    const ca = await rig.file('authority.pem', strange.ca);
    const faults = sides.map(([prefix, security]) => {
      const fault = tlsFault(prefix, security, strange);
      return [`${prefix} ${security}`, { ...fault, row: { ...fault.row, [`${prefix}_tls_ca`]: ca } }];
    });
    const { ended, of } = await (await FaultLanes.start(rig, Object.fromEntries(faults), messages)).haul();
    expect(ended.status).toBe(3);
    expect(of.size).toBe(sides.length);
    for (const outcome of of.values()) expectProblem(outcome, 'tls-unverified');
  });
});
