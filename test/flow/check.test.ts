import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import type { CheckReport } from '../../src/report/check-report.ts';
import type { AccountReport } from '../../src/report/report.ts';
import type { RedisServer } from '../servers/redis.ts';
import { type CheckServers, perFault, startCheckServers, users } from './check-rig.ts';
import { type Ended, expectReport, HaulRig, type Row, side } from './haul-rig.ts';

/** What a look needs: no message is fetched, no mailbox opened or made. */
const harmless =
  /^(?:CAPA|USER .*|PASS .*|AUTH .*|LIST|UIDL|QUIT|\S+ (?:CAPABILITY|LOGIN|AUTHENTICATE|ID|NAMESPACE|LIST|LSUB|STATUS|GETQUOTAROOT|GETQUOTA|LOGOUT)\b.*)$/s;

/** What every command that logs in leaves in Redis for a while, of hosts and logins; nothing of an account. */
const passingKey =
  /^mh:(?:version|processes|\{host:[^}]*\}:\w+(?:[:-]\w+)*|\{[0-9a-f]{32}\}:(?:refused-logins|not-before|lease))$/;

let rig: HaulRig;
let redis: RedisServer;
let servers: CheckServers;

beforeAll(async () => {
  rig = await HaulRig.make();
  redis = await rig.redis();
  servers = await startCheckServers(rig);
  await rig.settings({ popConnectTimeoutMs: '12000' });
}, 60_000);

afterAll(() => rig.end());

function check(list: string, ...args: string[]): Promise<Ended> {
  return rig.haul(['check', list, ...fixed(), ...args]).ended;
}

function fixed(): string[] {
  return ['--config', `${rig.directory}/settings.yaml`, '--data-dir', rig.dataDir, '--redis', redis.url];
}

const codesOf = ({ problems }: Pick<AccountReport, 'problems'>) => problems.map(({ code }) => code);
const plainPop = (port: number, user: string) => ({ ...side('pop', port, user, 'secret'), pop_tls_ca: '' });
const plainImap = (port: number, user: string) => ({ ...side('imap', port, user, 'pw'), imap_tls_ca: '' });

/** The same accounts, states and problems as in the JSON document, and each cause once. */
function expectTable(text: string, { accounts, causes }: CheckReport): void {
  const words = { complete: 'ready', incomplete: 'partly', failed: 'blocked' } as Record<string, string>;
  const lines = text.split('\n');
  for (const { id, state, problems } of accounts) {
    const codes = problems.map(({ code }) => code).join(', ') || '-';
    const row = lines.find((line) => line.startsWith(`${id} `));
    expect(row?.split(/ {2,}/).slice(0, 3), id).toEqual([id, words[state], codes]);
  }
  for (const { code, accounts: ids, remedy } of causes) {
    const at = lines.findIndex(
      (line) => line.startsWith(`${code}`) && line.includes(`: ${ids.length} accounts: ${ids[0]}`),
    );
    expect(at, `${code}: ${ids[0]}`).toBeGreaterThan(0);
    expect(lines[at + 2]).toBe(`  → ${remedy}`);
  }
}

/** The design's shape, and what a check adds to it. */
function expectCheckReport(ended: Ended): CheckReport {
  const whole = ended.report as unknown as CheckReport;
  const { causes, estimate, notes, problems, ...rest } = whole;
  expect([causes, notes, problems].every(Array.isArray)).toBe(true);
  expect(Object.keys(estimate).sort()).toEqual(['because', 'days', 'seconds']);
  const accounts = rest.accounts.map(({ check: added, ...account }) => {
    expect(Object.keys(added).sort()).toEqual(['destination', 'estimate', 'incoming', 'source']);
    return account;
  });
  const { status, stdout, stderr } = ended;
  expectReport({ status, stdout, stderr, report: { ...rest, accounts }, account: accounts[0]! });
  return whole;
}

async function redisKeys(): Promise<string[]> {
  const handle = await connectRedis(redis.url, { redisStartTimeoutMs: 5000, redisLostAfterMs: 5000 });
  try {
    return await handle.client.keys('*');
  } finally {
    await handle.close();
  }
}

describe('mailhaul check', () => {
  test('finds every fault of 200 accounts in one run, explains each, and writes nothing anywhere', async () => {
    const { faults, good, snapshot, commands } = servers;
    expect(faults.length).toBeGreaterThanOrEqual(20);
    const idsOf = (name: string) => Array.from({ length: perFault }, (_, n) => `${name} ${n}`);
    const rows: Row[] = [
      ...users.map((user) => ({ id: user, ...good(user) })),
      ...faults.flatMap(({ name, line }) => idsOf(name).map((id, n) => ({ id, ...line(n) }))),
    ];
    expect(rows.length).toBeGreaterThanOrEqual(200);
    const list = await rig.list(rows);
    const before = await snapshot();
    const ended = await check(list, '--json');
    expect(ended.status, ended.stderr).toBe(3);
    const report = expectCheckReport(ended);
    const byId = new Map(report.accounts.map((account) => [account.id, account]));
    for (const user of users) {
      expect(byId.get(user)).toMatchObject({ state: 'complete', problems: [], messages: { listed: 2, pending: 2 } });
      expect(byId.get(user)!.check).toMatchObject({
        source: { tls: { issuer: 'the authority', name: 'good' }, uniqueIds: 'good' },
        destination: { messages: 1 },
      });
    }
    for (const { name, code, state, remedy } of faults) {
      for (const id of idsOf(name)) {
        const { problems, ...account } = byId.get(id)!;
        expect(
          problems.map((problem) => problem.code),
          `${id}: ${problems[0]?.text}`,
        ).toEqual([code]);
        expect(problems[0]!.remedy, id).toMatch(remedy);
        expect(account.state, id).toBe(state);
      }
      const [cause, ...others] = report.causes.filter(({ accounts }) =>
        idsOf(name).some((id) => accounts.includes(id)),
      );
      expect(others, name).toEqual([]);
      expect(cause, name).toMatchObject({ code, accounts: idsOf(name) });
    }
    const text = await check(list);
    expectTable(text.stdout, report);

    expect(await snapshot()).toEqual(before);
    expect(commands().filter((line) => !harmless.test(line))).toEqual([]);
    expect(commands()).toContainEqual(expect.stringMatching(/^\S+ GETQUOTAROOT/));
    const keys = await redisKeys();
    expect(keys.filter((key) => !passingKey.test(key))).toEqual([]);
    expect(keys).toContain('mh:version');
  }, 150_000);
});

describe('what mailhaul check says and how it ends', () => {
  test('0 where nothing is wrong, whatever it remarks', async () => {
    const policies = ['UIDL', 'EXPIRE 30', 'LOGIN-DELAY 5'];
    // As Dovecot does: what only helps before the login is listed before it.
    const capabilities = ({ loggedIn }: { loggedIn: boolean }) => (loggedIn ? policies : [...policies, 'STLS']);
    const pop = await rig.pop({ anyUser: true, capabilities });
    const remarked = { ...servers.good('user-1'), ...plainPop(pop.port, 'ann') };
    // Dovecot lists STARTTLS before the login alone.
    const behind = ['IMAP4rev1', 'NAMESPACE', 'UIDPLUS'];
    const imap = await rig.imap({ capabilitiesBefore: [...behind, 'STARTTLS'], capabilities: behind });
    const list = await rig.list(
      [
        { id: 'ann', ...remarked, ...plainImap(imap.port, 'ann') },
        { id: 'good', ...servers.good('user-2') },
      ],
      'remarks.csv',
    );
    const ended = await check(list, '--json');
    expect(ended.status, ended.stderr).toBe(0);
    const { accounts } = expectCheckReport(ended);
    expect(codesOf(accounts[0]!)).toEqual(['tls-unused', 'tls-unused', 'source-expires-later', 'source-login-delay']);
    expect(accounts.map(({ state }) => state)).toEqual(['complete', 'complete']);
    expect(accounts[0]!.check.source.capabilities).toEqual(policies);
    expect(accounts[0]!.check.destination.capabilities).toEqual(behind.map((name) => name.toUpperCase()));
    // The next run waits as long as the server wants.
    expect((await redisKeys()).filter((key) => key.endsWith(':not-before'))).toHaveLength(1);
    const soon = await check(list, '--account', 'good');
    expect(soon.stdout).not.toContain('tls-ends-soon');
    const sooner = await rig.haul(['check', list, ...fixed(), '--account', 'good'], { MAILHAUL_CHECK_TLS_DAYS: '365' })
      .ended;
    expect(sooner.status).toBe(0);
    expect(sooner.stdout).toMatch(/the certificate of 127\.0\.0\.1:\d+ ends in 8\d day\(s\), on 20\d\d-/);
  }, 60_000);

  test('10 where lines of the list are wrong, and the other accounts are checked in the same run', async () => {
    const wrong = { ...servers.good('user-4'), pop_port: 'abc' };
    const twice = { id: 'fine', ...servers.good('user-5') };
    const rows = [{ id: 'fine', ...servers.good('user-3') }, { id: 'wrong', ...wrong }, twice];
    const list = await rig.list(rows, 'wrong.csv');
    const ended = await check(list, '--json');
    expect(ended.status, ended.stderr).toBe(10);
    const { accounts, problems } = expectCheckReport(ended);
    expect(accounts).toMatchObject([{ id: 'fine', state: 'complete', messages: { listed: 2 } }]);
    expect(problems).toMatchObject([{ code: 'list-invalid', stops: 'run', count: 2 }]);
    expect(problems[0]!.text).toMatch(/line 3: pop_port is "abc".*line 4: the id fine is also that of line 2/);
    const text = await check(list);
    expect(text.status).toBe(10);
    expect(text.stdout).toMatch(/2 wrong line\(s\):\n {2}line 3: .*\n {2}line 4: /);
    expect(text.stdout).toMatch(/^fine +ready/m);
    const nothing = await check(
      await rig.list([{ id: 'wrong', ...wrong }], 'none.csv'),
      '--account',
      'wrong',
      '--json',
    );
    expect(nothing.status).toBe(10);
    expect(expectCheckReport(nothing).accounts).toEqual([]);
  }, 60_000);

  test('12 where every password is refused, and a login that accounts share is tried no more than it may be', async () => {
    const capabilitiesBefore = ['IMAP4rev1', 'AUTH=PLAIN'];
    const imap = await rig.imap({ capabilitiesBefore, login: () => 'NO [AUTHENTICATIONFAILED] no' });
    const shared = { ...plainImap(imap.port, 'shared') };
    const rows = [6, 7, 8, 9].map((n) => ({ id: `refused-${n}`, ...servers.good(`user-${n}`), ...shared }));
    const ended = await check(await rig.list(rows, 'refused.csv'), '--json');
    expect(ended.status, ended.stderr).toBe(12);
    const { accounts } = expectCheckReport(ended);
    expect(accounts.map(codesOf)).toEqual(rows.map(() => ['credentials-refused']));
    expect(accounts[0]!.check.source.tls).toMatchObject({ name: 'good' });
    // What was seen before the refusal is told; who is not tried any more has seen nothing.
    const listed = accounts.map(({ check: { destination } }) => destination.capabilities);
    const seen = ['IMAP4REV1', 'AUTH=PLAIN'];
    expect(listed.filter((capabilities) => capabilities !== null)).toEqual([seen, seen]);
    const logins = imap.connections
      .flatMap(({ commands }) => commands)
      .filter((line) => /LOGIN|AUTHENTICATE/.test(line));
    expect(logins).toHaveLength(2);
  }, 60_000);

  test('2 where an account is asked for that is not in the list', async () => {
    const list = await rig.list([{ id: 'good', ...servers.good('user-2') }], 'usage.csv');
    expect((await check(list, '--account', 'nobody')).status).toBe(2);
  }, 60_000);

  test('130 where a person ends it: accounts that are not through have failed, and the report is whole', async () => {
    const pop = await rig.pop({ anyUser: true, hangAt: 'LIST' });
    const rows = [
      { id: 'hangs', ...servers.good('user-1'), ...plainPop(pop.port, 'hangs') },
      { id: 'good', ...servers.good('user-2') },
    ];
    const list = await rig.list(rows, 'hangs.csv');
    const haul = rig.haul(['check', list, ...fixed(), '--json']);
    await rig.reaches(() => pop.seen('LIST').length > 0 && haul.text.stderr.includes('good: ready'), haul);
    haul.child.kill('SIGINT');
    const ended = await haul.ended;
    expect(ended.status, ended.stderr).toBe(130);
    expect(expectCheckReport(ended).accounts.map(({ state }) => state)).toEqual(['failed', 'complete']);
  }, 60_000);

  test('asks no host for more than its budget, and says over how many days a daily limit stretches the mail', async () => {
    const messages = ['a', 'b'].map((uidl) => ({ bytes: Buffer.alloc(1000, 'x'), uidl }));
    const pop = await rig.pop({ anyUser: true, messages });
    const rows = Array.from({ length: 8 }, (_, n) => ({
      id: `budget-${n}`,
      ...servers.good('user-1'),
      ...plainPop(pop.port, `budget-${n}`),
      pop_host: 'localhost',
    }));
    await rig.settings({ budgets: '{ hosts: { localhost: { connections: 2, downloadBytesPerDay: 500 } } }' });
    const ended = await check(await rig.list(rows, 'budgets.csv'), '--json');
    await rig.settings({ popConnectTimeoutMs: '12000' });
    expect(ended.status, ended.stderr).toBe(0);
    expect(pop.mostOpen).toBeLessThanOrEqual(2);
    const { accounts, estimate } = expectCheckReport(ended);
    expect(accounts.map((account) => account.check.estimate?.days)).toEqual(rows.map(() => 4));
    const because = 'localhost allows 500 bytes of download a day for each account: 8 account(s) need up to 4 days';
    expect(estimate).toMatchObject({ days: 4, because: [because] });
  }, 60_000);

  test('counts as to come only what no run has carried', async () => {
    const list = await rig.list([{ id: 'carried', ...servers.good('user-10') }], 'carried.csv');
    const synced = await rig.sync(list, ['--json', '--redis', redis.url]);
    expect(synced.status, synced.stderr).toBe(0);
    const { accounts, estimate } = expectCheckReport(await check(list, '--json'));
    expect(accounts).toMatchObject([
      { messages: { listed: 2, known: 2, pending: 0 }, check: { incoming: { messages: 0 } } },
    ]);
    expect(estimate).toEqual({ seconds: 0, days: 0, because: [] });
  }, 60_000);
});
