import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { connectRedis } from '../../src/ground/redis.ts';
import type { CheckReport } from '../../src/report/check-report.ts';
import type { RedisServer } from '../servers/redis.ts';
import { type CheckServers, perFault, startCheckServers, users } from './check-rig.ts';
import { type Ended, expectReport, HaulRig, type Row } from './haul-rig.ts';

/** What a look needs: no message is fetched, no mailbox opened or made. */
const harmless =
  /^(?:CAPA|USER .*|PASS .*|AUTH .*|LIST|UIDL|QUIT|\S+ (?:CAPABILITY|LOGIN|AUTHENTICATE|ID|LOGOUT)\b.*)$/s;

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
  await rig.settings({ popConnectTimeoutMs: '6000' });
}, 60_000);

afterAll(() => rig.end());

function check(list: string, ...args: string[]): Promise<Ended> {
  const fixed = ['--config', `${rig.directory}/settings.yaml`, '--data-dir', rig.dataDir];
  return rig.haul(['check', list, ...fixed, '--redis', redis.url, ...args]).ended;
}

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
    const keys = await redisKeys();
    expect(keys.filter((key) => !passingKey.test(key))).toEqual([]);
    expect(keys).toContain('mh:version');
  }, 150_000);
});
