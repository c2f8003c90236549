import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { openReport } from '../../src/operations/full-report.ts';
import { VerificationKeeper } from '../../src/operations/verification-keeper.ts';
import { readVerifyDocument, VerificationRecords } from '../../src/operations/verification-records.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const key = 'a'.repeat(32);
const other = 'b'.repeat(32);
const accounts = [
  { key, id: 'ann', group: '' },
  { key: other, id: 'bob', group: '' },
];

let dataDir: string;
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), 'mailhaul-test-'));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

const settings = () => ({ dataDir, reportMessagesMax: 10, throughputStepMs: 60_000 });
const chosen = { compared: 1, of: 2 };

async function keep(
  account: string,
  state: 'complete' | 'incomplete',
  more: Partial<Parameters<typeof VerificationKeeper.open>[0]> = {},
) {
  const keeper = await VerificationKeeper.open({ redis: redis.client, settings: settings(), depth: 'doubts', ...more });
  const problems = [
    { code: 'verify-missing', stops: 'message', count: 2, text: 'secret subject', remedy: '' } as const,
  ];
  await keeper.keep(await keeper.begin(account), { state, verdicts: { present: 3, missing: 0 }, problems, chosen });
}

const proofs = async (verificationFile?: string) => {
  const { full } = await openReport({
    redis: redis.client,
    settings: settings(),
    accounts,
    scope: 'all',
    verificationFile,
  });
  return full.verification.proofs;
};

describe('records of verifications', () => {
  it('are one file an account, for its owner alone, the newest in the place of the one before', async () => {
    await keep(key, 'incomplete');
    await keep(key, 'complete', { depth: { size: { percent: 5 }, seed: 7 } });
    const folder = join(dataDir, 'verification');
    expect(readdirSync(folder)).toEqual([`${key}.json`]);
    const path = join(folder, `${key}.json`);
    expect([statSync(path).mode & 0o777, statSync(folder).mode & 0o777]).toEqual([0o600, 0o700]);
    const text = readFileSync(path, 'utf8');
    expect(JSON.parse(text)).toMatchObject({
      version: 1,
      depth: 'sample',
      sample: { size: '5%', seed: 7, compared: 1, of: 2 },
      state: 'complete',
      verdicts: { present: 3 },
      problems: [{ code: 'verify-missing', count: 2 }],
      delivered: 0,
    });
    // Whose mail it is and what it is about stay out of it.
    expect(text).not.toContain('subject');
    expect((await proofs()).map(({ state }) => state)).toEqual(['proved', 'none']);
  });

  it('are stale when more was delivered since they were begun', async () => {
    await startRun(redis.client, key, 'r1', 1000, false);
    await updateRun(redis.client, key, 'r1', { listed: 3, appended: 2, duplicate: 1 });
    await keep(key, 'complete');
    expect((await proofs())[0]).toMatchObject({ state: 'proved', record: { delivered: 3 } });
    await startRun(redis.client, key, 'r2', 2000, false);
    expect((await proofs())[0]!.state).toBe('proved');
    await updateRun(redis.client, key, 'r2', { listed: 5, appended: 1 });
    expect((await proofs())[0]!.state).toBe('stale');
  });

  it('that are no records are none', async () => {
    await keep(key, 'complete');
    await keep(other, 'complete');
    writeFileSync(join(dataDir, 'verification', `${key}.json`), '{"version":1,"state":"complete"');
    writeFileSync(join(dataDir, 'verification', `${other}.json`), '{"version":1,"state":"complete"}');
    expect((await new VerificationRecords(dataDir).read([key, other])).size).toBe(0);
  });

  it('cannot be kept where the folder cannot be', async () => {
    writeFileSync(join(dataDir, 'verification'), '');
    const opened = VerificationKeeper.open({ redis: redis.client, settings: settings(), depth: 'all' });
    expect(await codeOf(opened)).toBe('verification-file');
  });

  it('made elsewhere count where they are newer', async () => {
    await keep(other, 'incomplete');
    const account = { state: 'complete', problems: [], group: '', messages: {} };
    const run = { id: 'verify', startedAt: '2020-01-01T00:00:00.000Z', finishedAt: '2020-01-01T00:01:00.000Z' };
    const document = {
      version: 1,
      run,
      accounts: [
        { ...account, id: 'ann' },
        { ...account, id: 'bob' },
      ],
      totals: {},
    };
    const path = join(dataDir, 'verify.json');
    writeFileSync(path, JSON.stringify(document));
    expect((await proofs(path)).map(({ state }) => state)).toEqual(['proved', 'faulty']);
    writeFileSync(path, JSON.stringify({ ...document, run: { ...run, startedAt: '2099-01-01T00:00:00.000Z' } }));
    expect((await proofs(path)).map(({ state }) => state)).toEqual(['proved', 'proved']);
    writeFileSync(path, JSON.stringify({ ...document, run: { ...run, id: 'sync' } }));
    expect(await codeOf(readVerifyDocument(path))).toBe('verification-file');
    expect(await codeOf(readVerifyDocument(join(dataDir, 'nothing')))).toBe('verification-file');
  });
});
