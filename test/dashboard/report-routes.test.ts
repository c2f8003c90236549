import { EventEmitter, once } from 'node:events';
import { describe, expect, it, vi } from 'vitest';
import { noteOwed } from '../../src/ledger/owed.ts';
import { startRun, updateRun } from '../../src/ledger/run.ts';
import { finishRunIfDone } from '../../src/ledger/run-end.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, canary, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const [ann, bob, cyd] = [accountOf('ann'), accountOf('=bob'), accountOf('cyd', 'wave-2')];
const accounts = [cyd, ann, bob, { ...accountOf('left-out'), enabled: false }];

async function rig() {
  for (const { key } of [ann, bob, cyd]) {
    await startRun(redis.client, key, 'run-1', Date.parse('2026-03-01T20:00:00Z'), false);
    await updateRun(redis.client, key, 'run-1', { listed: 3, known: 2, failed: 1, download: 'done' });
    await noteOwed(redis.client, key, ['0123456789abcdef0123'], 'spool-lost');
    await finishRunIfDone(redis.client, key, 'run-1', Date.parse('2026-03-01T20:01:00Z'));
  }
  return openRig(await redis.another(), accounts);
}

describe('GET /api/report', () => {
  it('is a file in each format, also for who may look only', async () => {
    const { ask, lookToken } = await rig();
    for (const [format, type, part] of [
      ['html', 'text/html', 'listed 9 = known 6'],
      ['text', 'text/plain', 'listed 9 = known 6'],
      ['json', 'application/json', '"undelivered": ['],
      ['csv', 'text/csv', "'=bob,wave-1,incomplete,3,2,"],
      ['csv&messages=true', 'text/csv', "'=bob,wave-1,hidden,"],
    ]) {
      const answer = await ask(`/api/report?format=${format}`, { token: lookToken });
      expect(answer.status).toBe(200);
      expect(answer.headers['content-type']).toBe(`${type}; charset=utf-8`);
      expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="mailhaul-report-[\d-]+\.\w+"$/);
      expect(answer.text).toContain(part);
      expect(answer.text).not.toContain(canary);
      expect(answer.text).not.toContain('left-out');
    }
  });

  it('is about a group or single accounts, and says what is not there', async () => {
    const { ask } = await rig();
    const idsOf = async (query: string) => {
      const { json } = await ask(`/api/report?format=json&${query}`);
      return (json['accounts'] as { id: string }[]).map(({ id }) => id);
    };
    expect(await idsOf('')).toEqual(['=bob', 'ann', 'cyd']);
    const scopeOf = async (query: string) => (await ask(`/api/report?format=json&${query}`)).json['made'];
    expect(await scopeOf('')).toMatchObject({ scope: 'all accounts of the service, without 1 switched off' });
    expect(await scopeOf('group=wave-2')).toMatchObject({ scope: 'group wave-2 of the service' });
    expect(await idsOf('group=wave-2')).toEqual(['cyd']);
    expect(await idsOf('id=ann&id=cyd')).toEqual(['ann', 'cyd']);
    expect((await ask('/api/report?group=nobody')).status).toBe(404);
    expect((await ask('/api/report?format=pdf')).status).toBe(400);
    expect((await ask('/api/report', { token: null })).status).toBe(401);
  });

  it('is made for so many at a time as exports are: who may look cannot have the service hold many', async () => {
    const gate = new EventEmitter();
    const opened = once(gate, 'open');
    let held = false;
    const all = async () => {
      if (held) await opened;
      return accounts;
    };
    const rig = await openRig(await redis.another(), accounts, {
      settings: { apiExportsAtOnce: 2 },
      parts: { book: { all } },
    });
    held = true;
    const codes: unknown[] = [];
    const asked = Array.from({ length: 8 }, async () => {
      const { status, text } = await rig.ask('/api/report?format=json', { token: rig.lookToken });
      codes.push(status === 200 ? status : [status, JSON.parse(text).code]);
    });
    await vi.waitFor(() => expect(codes).toEqual(Array(6).fill([429, 'exports-full'])), { timeout: 60_000 });
    gate.emit('open');
    await Promise.all(asked);
    expect(codes.slice(6)).toEqual([200, 200]);
    await vi.waitFor(async () => expect((await rig.ask('/api/report')).status).toBe(200), { timeout: 60_000 });
  });
});
