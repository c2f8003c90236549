import { mkdir, mkdtemp, readdir, readFile, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { loginKeys } from '../../src/ground/keys.ts';
import { noteProblem, problemOf } from '../../src/ledger/problems.ts';
import { readRun, updateRun } from '../../src/ledger/run.ts';
import { countRefusedLogin, mayTryLogin } from '../../src/limits/credentials.ts';
import { loginKey } from '../../src/limits/lease.ts';
import { countSessionFailure, RollCall } from '../../src/limits/roll-call.ts';
import type { AccountStatus } from '../../src/operations/answers/account-status.ts';
import type { DeskParts } from '../../src/operations/desk.ts';
import type { AccountReport } from '../../src/report/report.ts';
import { askRun, claimRun } from '../../src/schedule/state.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, canary, type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const ann = accountOf('ann');
const accounts = [accountOf('cyd', 'wave-2'), ann, accountOf('bob')];

const rig = async (parts: Partial<DeskParts> = {}, settings = {}) =>
  openRig(await redis.another(), accounts, { parts, settings });

async function statesOf({ ask }: DashboardRig): Promise<Record<string, string>> {
  const { json } = await ask('/api/accounts');
  return Object.fromEntries((json['accounts'] as AccountStatus[]).map(({ id, state }) => [id, state]));
}

const jobsOf = async (key: string) => (await redis.client.keys(`mh-queue:*:*.${key}.*`)).length;

describe('status', () => {
  it('shows all accounts in the order of their ids, with counts that agree', async () => {
    const it = await rig();
    await it.control.start(ann.key, 'r1');
    await updateRun(redis.client, ann.key, 'r1', { listed: 9, known: 2, appended: 3, state: 'running' });
    const { json } = await it.ask('/api/accounts');
    const [first, ...rest] = json['accounts'] as AccountStatus[];
    expect(first).toMatchObject({ id: 'ann', state: 'running', paused: null, waiting: [], run: { id: 'r1' } });
    expect(first!.messages).toMatchObject({ listed: 9, known: 2, appended: 3, pending: 4 });
    expect(rest.map(({ id, state }) => [id, state])).toEqual([
      ['bob', 'queued'],
      ['cyd', 'queued'],
    ]);
    const status = (await it.ask('/api/status')).json;
    expect(status).toMatchObject({ openRuns: 1, accounts: { running: 1, queued: 2, complete: 0 }, ready: false });
    expect(status['messages']).toMatchObject({ listed: 9, pending: 4 });
  });

  it('comes in pages that hold each account once, whatever the filter', async () => {
    const many = Array.from({ length: 1203 }, (_, i) => accountOf(`u${i}`, i % 2 ? 'odd' : 'even'));
    const { ask } = await openRig(await redis.another(), many, { settings: { apiPageAccounts: 100 } });
    for (const [query, count] of [
      ['', 1203],
      ['group=odd&', 601],
      ['state=queued&limit=77&', 1203],
      ['state=failed&', 0],
    ]) {
      const ids: string[] = [];
      for (let after: unknown = ''; after !== null; ) {
        const page = (await ask(`/api/accounts?${query}${after === '' ? '' : `after=${after}`}`)).json;
        const shown = page['accounts'] as AccountStatus[];
        expect(shown.length).toBeLessThanOrEqual(100);
        ids.push(...shown.map(({ id }) => id));
        after = page['next'];
      }
      expect(ids).toHaveLength(Number(count));
      expect(new Set(ids).size).toBe(ids.length);
    }
  });

  it('says what is under way: asked for, claimed or begun, and not paused or switched off', async () => {
    const off = { ...accountOf('off'), enabled: false };
    const many = [...['asked', 'claimed', 'open', 'over', 'idle', 'paused'].map((id) => accountOf(id)), off];
    const it = await openRig(await redis.another(), many, {
      parts: { askRun: (key, at) => askRun(redis.client, key, at) },
    });
    const key = (id: string) => many.find((one) => one.id === id)!.key;
    await it.ask('/api/run', { body: { account: ['asked', 'paused', 'off'] } });
    await it.ask('/api/pause', { body: { account: ['paused'] } });
    const claim = { run: 'r2', reason: 'asked', closesAt: 0, startedAt: 1, instead: '' } as const;
    await claimRun(redis.client, key('claimed'), claim);
    for (const id of ['open', 'over']) await it.control.start(key(id), 'r1');
    await updateRun(redis.client, key('over'), 'r1', { state: 'complete', finishedAt: 5 });
    const shown = (await it.ask('/api/accounts?underWay=true')).json['accounts'] as AccountStatus[];
    expect(shown.map(({ id }) => id)).toEqual(['asked', 'claimed', 'open']);
    expect((await it.ask('/api/accounts?underWay=false')).status).toBe(400);
  });

  it('has the reports of the last runs, page by page, of accounts that are switched on', async () => {
    const many = ['a', 'b', 'c', 'd'].map((id) => ({ ...accountOf(id), enabled: id !== 'b' }));
    const { ask, control } = await openRig(await redis.another(), many);
    await control.start(many[2]!.key, 'r1');
    await updateRun(redis.client, many[2]!.key, 'r1', { listed: 9, appended: 3, state: 'running' });
    const error = new MailhaulError('credentials-refused', { host: 'h', user: 'u' });
    await noteProblem(redis.client, many[2]!.key, problemOf(error));
    const first = (await ask('/api/reports?group=wave-1&limit=2')).json;
    expect(first).toMatchObject({
      next: 'c',
      accounts: [
        { id: 'a', state: 'queued' },
        { id: 'c', state: 'running' },
      ],
    });
    expect((first['accounts'] as AccountReport[])[1]!.messages).toMatchObject({ listed: 9, appended: 3, pending: 6 });
    expect((first['accounts'] as AccountReport[])[1]!.problems[0]!.code).toBe('credentials-refused');
    expect((await ask('/api/reports?limit=2&after=c')).json).toMatchObject({ next: null, accounts: [{ id: 'd' }] });
    expect((await ask('/api/reports?id=nobody')).status).toBe(404);
    expect((await ask('/api/reports?state=failed')).status).toBe(400);
  });

  it('says until when an account waits, and why', async () => {
    const wait = { side: 'source' as const, untilMs: Date.UTC(2030, 0, 1), because: 'pop.wave-1 asks for 5 minutes' };
    const { ask } = await rig({ readWaits: async () => new Map([[ann.key, [wait]]]) });
    const { json } = await ask('/api/accounts/ann');
    expect(json['waiting']).toEqual([{ side: 'source', until: '2030-01-01T00:00:00.000Z', because: wait.because }]);
  });

  it('shows an account with the longest id that a list may have', async () => {
    const id = '\u4e16'.repeat(500);
    const { ask } = await openRig(await redis.another(), [accountOf(id)]);
    expect((await ask(`/api/accounts/${encodeURIComponent(id)}`)).json).toMatchObject({ id });
  });

  it('shows one account with its problems and both sides, and no password', async () => {
    const { ask, control } = await rig();
    await control.start(ann.key, 'r1');
    const problem = { code: 'mailbox-full' as const, stops: 'account' as const, count: 1, text: 'full', remedy: '' };
    await noteProblem(redis.client, ann.key, problem);
    const answer = await ask('/api/accounts/ann');
    expect(answer.json).toMatchObject({ id: 'ann', source: { host: 'pop.wave-1', user: 'ann-user' } });
    expect(answer.json['problems']).toMatchObject([{ code: 'mailbox-full', text: 'full' }]);
    expect(answer.text).not.toContain(canary);
  });
});

describe('pause and resume', () => {
  it('hold a group and let it go on: its open run is queued again', async () => {
    const it = await rig();
    await it.control.start(ann.key, 'r1');
    expect((await it.ask('/api/pause', { body: { group: 'wave-1', reason: 'backup' } })).json).toMatchObject({
      accounts: 2,
      text: 'paused',
    });
    expect(await statesOf(it)).toEqual({ ann: 'paused', bob: 'paused', cyd: 'queued' });
    await redis.client.del(...(await redis.client.keys('mh-queue:*')));
    await it.control.reconcile(ann.key, 'r1');
    expect([await jobsOf(ann.key), (await readRun(redis.client, ann.key))!.state]).toEqual([0, 'paused']);
    expect((await it.ask('/api/resume', { body: { group: 'wave-1' } })).json).toMatchObject({ text: 'resumed' });
    expect([await jobsOf(ann.key), (await readRun(redis.client, ann.key))!.state]).toEqual([1, 'queued']);
  });

  it('start no session of a run that begins while its account is paused', async () => {
    const it = await rig();
    await it.ask('/api/pause', { body: { account: ['ann'] } });
    await it.ask('/api/run', { body: { all: true } });
    expect([await jobsOf(ann.key), await jobsOf(accounts[2]!.key)]).toEqual([0, 1]);
    await it.ask('/api/resume', { body: { account: ['ann'] } });
    expect(await jobsOf(ann.key)).toBe(1);
  });

  it('say what another pause still holds', async () => {
    const it = await rig();
    await it.ask('/api/pause', { body: { all: true } });
    await it.ask('/api/pause', { body: { account: ['ann'] } });
    const { json } = await it.ask('/api/resume', { body: { account: ['ann'] } });
    expect(json).toMatchObject({ text: 'resumed', stillPaused: ['ann'], stillPausedCount: 1 });
  });
});

describe('retry, run and accept', () => {
  it('retry tries refused logins of both sides again, and runs what failed', async () => {
    const it = await rig();
    const login = loginKey('imap', ann.destination);
    const attempt = { login, host: 'h', user: 'u', secret: canary };
    await countRefusedLogin(redis.client, attempt);
    await expect(mayTryLogin(redis.client, attempt, 1)).rejects.toMatchObject({ code: 'credentials-refused' });
    const { json } = await it.ask('/api/retry', { body: { all: true } });
    expect(json['text']).toContain('1 account(s) run again');
    await mayTryLogin(redis.client, attempt, 1);
    expect(await redis.client.exists(loginKeys.refusedLogins(login))).toBe(0);
    expect([await jobsOf(ann.key), await jobsOf(accounts[2]!.key)]).toEqual([1, 0]);
  });

  it('run asks for a run of each account, once', async () => {
    const asked: string[] = [];
    const it = await rig({ askRun: async (key) => void asked.push(key) });
    await it.ask('/api/run', { body: { account: ['ann', 'ann', 'bob'] } });
    expect(asked.sort()).toEqual([ann.key, accounts[2]!.key].sort());
  });

  it('run leaves a run alone that goes on', async () => {
    const it = await rig();
    await it.control.start(ann.key, 'r1');
    await it.ask('/api/run', { body: { account: ['ann'] } });
    expect((await readRun(redis.client, ann.key))!.id).toBe('r1');
  });

  it('accept wants a reason and something to accept', async () => {
    const { ask } = await rig();
    for (const body of [{ account: ['ann'] }, { account: ['ann'], reason: '' }]) {
      expect((await ask('/api/accept', { body })).status).toBe(400);
    }
    expect((await ask('/api/accept', { body: { account: ['ann'], reason: '  ' } })).status).toBe(400);
    const answer = await ask('/api/accept', { body: { account: ['ann'], reason: 'spam' } });
    expect([answer.status, answer.json['code']]).toEqual([409, 'nothing-refused']);
  });
});

describe('the account list', () => {
  it('of a fixed service is not changed', async () => {
    const { ask } = await rig();
    const answer = await ask('/api/accounts/import', { body: { name: 'a.csv', text: 'id' } });
    expect([answer.status, answer.json['code']]).toEqual([409, 'accounts-fixed']);
  });

  it('is handed to whoever keeps it, and its text never to the audit log', async () => {
    const got: unknown[] = [];
    const admin: DeskParts['admin'] & object = {
      importList: async (...all) => {
        got.push(all);
        return { added: ['x'], changed: [], removed: [], unchanged: 2 };
      },
      remove: async (ids) => ({ removed: ids, unknown: [] }),
    };
    const { ask, settings } = await rig({ admin }, { apiMaxBytes: 1000, apiImportMaxBytes: 9000 });
    const text = `id,pop_password\nx,${canary}\n${'#'.repeat(5000)}`;
    const { json } = await ask('/api/accounts/import', { body: { name: 'a.csv', text, prune: true } });
    expect(json).toMatchObject({ added: ['x'], unchanged: 2, text: '1 added, 0 changed, 0 removed, 2 unchanged' });
    expect(got).toEqual([['a.csv', text, { prune: true }]]);
    expect((await ask('/api/accounts/remove', { body: { account: ['nobody'] } })).status).toBe(404);
    expect((await ask('/api/accounts/remove', { body: { account: ['bob'] } })).json).toMatchObject({
      removed: ['bob'],
    });
    expect(await readFile(join(settings.dataDir, 'audit.jsonl'), 'utf8')).not.toContain(canary);
    expect((await ask('/api/accounts/import', { body: { name: 'a', text: 'x'.repeat(9000) } })).status).toBe(413);
  });
});

describe('the audit log', () => {
  it('has who, what, which, why, when and the result, in Redis and in a file that only its owner reads', async () => {
    const { ask, settings } = await rig();
    await ask('/api/pause', { body: { group: 'wave-2', reason: 'a\nb' }, headers: { 'mailhaul-user': 'ops' } });
    await ask('/api/resume', { body: { account: ['nobody'] }, headers: { 'mailhaul-user': 'a b\u00e4' } });
    const { entries } = (await ask('/api/audit?limit=5')).json as { entries: Record<string, string>[] };
    expect(entries).toMatchObject([
      { by: 'token from 127.0.0.1', action: 'resume', scope: 'account nobody', result: 'refused: account-unknown' },
      { by: 'ops from 127.0.0.1', action: 'pause', scope: 'group wave-2', reason: 'a b', result: 'paused' },
    ]);
    const path = join(settings.dataDir, 'audit.jsonl');
    const lines = (await readFile(path, 'utf8'))
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line));
    expect(lines).toEqual([...entries].reverse());
    expect(Math.abs(Date.parse(lines[0].at) - Date.now())).toBeLessThan(60_000);
    expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('is bounded in both places', async () => {
    const { ask, settings } = await rig({}, { auditFileMaxBytes: 2000, auditMaxEntries: 10 });
    for (let i = 0; i < 120; i += 1) await ask('/api/pause', { body: { all: true, reason: `${i}` } });
    expect(await redis.client.xlen('mh:audit')).toBeLessThan(115);
    const size = async (name: string) => (await stat(join(settings.dataDir, name))).size;
    expect(await size('audit.jsonl')).toBeLessThan(2300);
    expect(await size('audit.1.jsonl')).toBeLessThan(2300);
    expect(await readFile(join(settings.dataDir, 'audit.jsonl'), 'utf8')).toContain('"119"');
  });
});

describe('health and metrics', () => {
  it('is ready when Redis answers, both workers run and the scheduler has looked lately', async () => {
    const { ask } = await rig({}, { schedulerLateMs: 5000 });
    expect((await ask('/readyz')).json).toEqual({
      ready: false,
      redis: true,
      pop: false,
      imap: false,
      scheduler: false,
    });
    let tickedAt = Date.now();
    const say =
      (...roles: string[]) =>
      () => ({ roles, spool: '', spoolBytes: 0, tickedAt });
    const calls = [await RollCall.begin(redis.client, 60_000, say('pop', 'imap'))];
    calls.push(await RollCall.begin(redis.client, 60_000, say('scheduler')));
    expect((await ask('/readyz')).status).toBe(200);
    await calls.pop()!.end();
    tickedAt -= 10_000;
    calls.push(await RollCall.begin(redis.client, 60_000, say('scheduler')));
    const late = await ask('/readyz');
    expect([late.status, late.json['scheduler']]).toEqual([503, false]);
    for (const call of calls) await call.end();
  });

  it('counts by host and outcome, and never tells an account, a user or a secret', async () => {
    const it = await rig();
    await it.control.start(ann.key, 'r1');
    const counts = { listed: 9, appended: 3, refused: 1, downloaded: 500, bytesAppended: 300, state: 'running' };
    await updateRun(redis.client, ann.key, 'r1', counts);
    await countSessionFailure(redis.client, 'credentials-refused', 'imap.wave-1');
    await countSessionFailure(redis.client, 'lease-lost', 'imap.wave-1');
    await RollCall.begin(redis.client, 60_000, () => ({ roles: ['imap'], spool: 's', spoolBytes: 77, tickedAt: 0 }));
    const { text, headers } = await it.ask('/metrics', { token: null });
    expect(headers['content-type']).toContain('text/plain');
    for (const line of [
      'mailhaul_messages_total{host="imap.wave-1",outcome="appended"} 3',
      'mailhaul_message_bytes_total{host="pop.wave-1",direction="download"} 500',
      'mailhaul_message_bytes_total{host="imap.wave-1",direction="upload"} 300',
      'mailhaul_accounts{state="running"} 1',
      'mailhaul_queue_jobs{kind="download",state="waiting"} 1',
      'mailhaul_refused_logins_total{host="imap.wave-1"} 1',
      'mailhaul_lease_losses_total 1',
      'mailhaul_pending_messages 5',
      'mailhaul_spool_bytes 77',
      'mailhaul_redis_up 1',
    ]) {
      expect(text.split('\n')).toContain(line);
    }
    expect(text).toMatch(/^mailhaul_nodejs_eventloop_lag_seconds /m);
    for (const { id, key } of accounts)
      for (const word of [`${id}-user`, `"${id}"`, key, canary]) expect(text).not.toContain(word);
  });

  it('has counters that never fall: not with a new run, and not with a flushed Redis', async () => {
    const it = await rig();
    const appended = async () =>
      Number(
        /messages_total\{host="imap.wave-1",outcome="appended"\} (\d+)/.exec((await it.ask('/metrics')).text)?.[1],
      );
    await it.control.start(ann.key, 'r1');
    await updateRun(redis.client, ann.key, 'r1', { appended: 3 });
    expect(await appended()).toBe(3);
    await it.control.start(ann.key, 'r2');
    expect(await appended()).toBe(3);
    await updateRun(redis.client, ann.key, 'r2', { appended: 2 });
    expect(await appended()).toBe(5);
    await redis.client.flushall();
    expect(await appended()).toBe(5);
  });

  it('shows the plain page to who has the token', async () => {
    const { text, headers } = await (await rig()).ask('/');
    expect(headers['content-type']).toContain('text/plain');
    expect(text).toMatch(/^Mailhaul: not ready; 0 process/);
    expect(text).toContain('/api/status');
  });

  it('begins without the account lists of a process that was killed', async () => {
    const dataDir = await mkdtemp(join(tmpdir(), 'mailhaul-left-'));
    await mkdir(join(dataDir, 'upload-aB3dE6'));
    await openRig(await redis.another(), accounts, { dataDir });
    expect(await readdir(dataDir)).not.toContain('upload-aB3dE6');
  });
});
