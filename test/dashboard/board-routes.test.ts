import { describe, expect, it } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { accountKeys, globalKeys, hostKeys } from '../../src/ground/keys.ts';
import { packRefusal } from '../../src/ledger/registry.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { countSessionFailure } from '../../src/limits/roll-call.ts';
import { noteWait, readWaits } from '../../src/limits/waits.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const [ann, bob, cyd] = [accountOf('ann'), accountOf('bob'), accountOf('cyd', 'wave-2')];
const rig = async (settings = {}) => openRig(await redis.another(), [cyd, ann, bob], { settings });

async function rows({ ask }: DashboardRig, query: string): Promise<string[]> {
  const { json } = await ask(`/api/table${query}`);
  return (json['rows'] as { id: string }[]).map(({ id }) => id);
}

it('shows the table and the overview of the same accounts', async () => {
  const it = await rig();
  await startRun(redis.client, bob.key, 'r1', 1000, false);
  await updateRun(redis.client, bob.key, 'r1', { listed: 5, appended: 2, state: 'running' });
  expect(await rows(it, '?sort=listed&order=desc&limit=1')).toEqual(['bob']);
  expect(await rows(it, '?host=imap.wave-2')).toEqual(['cyd']);
  expect((await it.ask('/api/overview')).json).toMatchObject({
    total: 3,
    openRuns: 1,
    accounts: { running: 1, queued: 2 },
    messages: { listed: 5, pending: 3 },
    groups: ['wave-1', 'wave-2'],
  });
  expect((await it.ask('/api/table?sort=password')).status).toBe(400);
});

it('shows hosts with budgets, waits, failures and what they took, the busiest first', async () => {
  const now = Date.now();
  await startRun(redis.client, ann.key, 'r1', now, false);
  await updateRun(redis.client, ann.key, 'r1', { appended: 4, bytesAppended: 44, downloaded: 55, state: 'waiting' });
  await noteWait(redis.client, ann.key, { side: 'destination', untilMs: now + 60_000, because: 'of its budget' });
  await redis.client.zadd(hostKeys.connections('pop.wave-2'), now + 60_000, 'token');
  await countSessionFailure(redis.client, 'connection-lost', 'imap.wave-1');
  const budgets = { default: {}, hosts: { 'imap.wave-1': { connections: 7 } } };
  const it = await openRig(await redis.another(), [cyd, ann, bob], {
    settings: { budgets },
    parts: { readWaits: (keys, at) => readWaits(redis.client, keys, at) },
  });
  const hosts = (await it.ask('/api/hosts')).json['hosts'] as Record<string, unknown>[];
  expect(hosts.map(({ host }) => host)).toEqual(['pop.wave-2', 'imap.wave-1', 'pop.wave-1', 'imap.wave-2']);
  expect(hosts[0]).toMatchObject({ connections: 1, sources: 1, destinations: 0, waits: 0, nextAt: null });
  expect(hosts[1]).toMatchObject({
    destinations: 2,
    limit: 7,
    budget: { connections: 7, loginsPerSecond: 0 },
    waits: 1,
    nextAt: new Date(now + 60_000).toISOString(),
    appended: 4,
    uploadedBytes: 44,
    failures: { 'connection-lost': 1 },
  });
  expect(hosts[2]).toMatchObject({ downloadedBytes: 55, failures: {} });
});

it('shows the throughput since a time', async () => {
  for (const step of [60_000, 120_000]) {
    await redis.client.xadd(globalKeys.throughput, `${step}-0`, 'm', step / 1000, 'b', 7, 'M', 1, 'B', 2);
  }
  const { ask } = await rig();
  const sample = { at: '1970-01-01T00:02:00.000Z', messages: 120, bytes: 7 };
  const all = (await ask('/api/throughput')).json as { stepMs: number; samples: unknown[] };
  expect(all).toMatchObject({ stepMs: 60_000, samples: [{ messages: 60 }, sample] });
  expect((await ask('/api/throughput?since=1970-01-01T00:02:00Z')).json['samples']).toEqual([sample]);
  expect((await ask('/api/throughput?since=yesterday')).status).toBe(400);
});

describe('one account', () => {
  it('has its runs, the newest first, each once', async () => {
    const it = await rig({ runHistoryMax: 2 });
    for (const [at, id] of ['r1', 'r2', 'r3', 'r4'].entries()) {
      await it.control.start(ann.key, id);
      await updateRun(redis.client, ann.key, id, { listed: 2, appended: at, download: 'done' });
      if (id !== 'r4') await finishRunIfDone(redis.client, ann.key, id, Date.now());
    }
    const runs = (await it.ask('/api/accounts/ann/runs')).json['runs'] as Record<string, unknown>[];
    expect(runs.map(({ id, number, state }) => [id, number, state])).toEqual([
      ['r4', 4, 'queued'],
      ['r3', 3, 'complete'],
      ['r2', 2, 'incomplete'],
    ]);
    expect(runs[2]).toMatchObject({ messages: { listed: 2, appended: 1, pending: 1 } });
    expect((await it.ask('/api/accounts/bob/runs')).json).toEqual({ runs: [] });
    expect((await it.ask('/api/accounts/dan/runs')).status).toBe(404);
  });

  it('has the messages that did not arrive, in pages, each with its remedy', async () => {
    const { remedy } = new MailhaulError('append-refused');
    for (let at = 1; at <= 3; at += 1) {
      const more = { uidl: `u${at}`, size: at, sha256: 'ab', subject: '<b>hello</b>', at };
      const refusal = packRefusal({ code: 'append-refused', text: 'no', reply: 'NO way', ...more });
      await redis.client.hset(accountKeys.refusals(ann.key), Buffer.alloc(10, at), refusal);
    }
    const { ask } = await rig();
    const { json } = await ask('/api/accounts/ann/undelivered?offset=1&limit=1');
    expect(json).toMatchObject({ total: 3 });
    expect(json['messages']).toMatchObject([
      { uidl: 'u2', fate: 'refused', reply: 'NO way', remedy, subject: '<b>hello</b>' },
    ]);
    expect((await ask('/api/accounts/bob/undelivered')).json).toEqual({ total: 0, messages: [] });
    expect((await ask('/api/accounts/dan/undelivered')).status).toBe(404);
  });
});
