import { describe, expect, it } from 'vitest';
import { RollCall } from '../../src/limits/roll-call.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { logIn } from './browser-rig.ts';
import { accountOf, canary, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const ann = accountOf('ann');
const open = async () => {
  const it = await openRig(await redis.another(), [ann]);
  await it.control.start(ann.key, 'r1');
  return it;
};
const look = async () => logIn(await open(), { steer: false });
interface Shown {
  readonly name: string;
  readonly readOnlyMode: boolean;
  readonly counts: Readonly<Record<string, number>>;
  readonly jobs: readonly { readonly id: string; readonly data: object }[];
}
const queuesOf = async ({ ask }: Pick<Awaited<ReturnType<typeof look>>, 'ask'>, query = '') =>
  (await ask(`/queues/api/queues?${query}`)).json['queues'] as Shown[];

describe('the page of the queues', () => {
  it('is bull-board with nothing in it that its policy forbids', async () => {
    const { ask } = await look();
    for (const path of ['/queues/', '/queues/queue/download', '/queues/queue/download/1', '/queues/job-schedulers']) {
      const { status, headers, text } = await ask(path, { headers: { accept: 'text/html' } });
      expect(status).toBe(200);
      expect(headers['content-security-policy']).toMatch(/^default-src 'none'; script-src 'self'; style-src 'self';/);
      expect(text).toContain('<base href="/queues/">');
      expect(text).not.toMatch(/style=|<style|https?:|<%/);
      const loaded = [...text.matchAll(/(?:src|href)="(static\/[^"]+)"/g)].map((match) => match[1]!);
      expect(loaded.length).toBeGreaterThan(4);
      for (const file of loaded) expect((await ask(`/queues/${file}`)).status, file).toBe(200);
    }
    expect((await ask('/queues/static/locales/en-GB/messages.json')).status).toBe(200);
    const { status, headers } = await ask('/queues');
    expect([status, headers['location']]).toEqual([302, 'queues/']);
  });

  it('has the base that a proxy gives it', async () => {
    const { ask } = await openRig(await redis.another(), [], {
      settings: { publicUrl: 'https://mail.example.com/mail"haul/' },
    });
    const base = async (host: string) =>
      /<base href="([^"]*)">/.exec((await ask('/queues/', { headers: { host } })).text)?.[1];
    expect(await base('mail.example.com')).toBe('/mail%22haul/queues/');
    expect(await base('localhost:8080')).toBe('/queues/');
  });

  it('shows every queue to who may look, its jobs by ids, and no secret', async () => {
    const it = await open();
    const session = await logIn(it, { steer: false });
    const [download, ...others] = await queuesOf(session, 'activeQueue=download&status=latest&page=1&jobsPerPage=10');
    expect([download!.name, others.map(({ name }) => name)]).toEqual(['download', ['plan']]);
    expect(download!.counts['waiting']).toBe(1);
    expect(download!.jobs.map(({ data }) => data)).toEqual([
      { account: ann.key, run: 'r1', tries: 0, mark: 0, spool: '' },
    ]);
    const { text, json } = await session.ask(`/queues/api/queues/download/${download!.jobs[0]!.id}`);
    expect(json).toMatchObject({ status: 'waiting', job: { id: download!.jobs[0]!.id } });
    expect(text).not.toContain(canary);
    for (const path of [
      'download/workers',
      'download/default-job-options',
      'download/metrics',
      `download/${download!.jobs[0]!.id}/logs`,
    ]) {
      expect((await session.ask(`/queues/api/queues/${path}`)).status, path).toBe(200);
    }
    for (const path of ['job-schedulers', `queues/download/${download!.jobs[0]!.id}/flow`]) {
      expect((await session.ask(`/queues/api/${path}`)).status, path).toBe(200);
    }
    expect((await session.ask('/queues/api/queues/nothing/workers')).status).toBe(404);
    expect((await session.ask('/queues/api/queues?activeQueue=%25E0')).status).toBe(400);
  });

  it('learns of spools that appear, and keeps those that go', async () => {
    const session = await logIn(await open());
    const names = async () => (await queuesOf(session)).map(({ name }) => name);
    expect(await names()).toEqual(['download', 'plan']);
    const present = (spool: string) =>
      RollCall.begin(redis.client, 60_000, () => ({ roles: ['imap'], spool, spoolBytes: 0, tickedAt: 0 }));
    const calls = [await present('zeta'), await present('alpha')];
    expect(await names()).toEqual(['download', 'append-alpha', 'append-zeta', 'plan']);
    for (const call of calls) await call.end();
    expect(await names()).toEqual(['download', 'append-alpha', 'append-zeta', 'plan']);
  });

  it('changes nothing: what would is not there, by any method, for whoever asks', async () => {
    const it = await open();
    const steer = await logIn(it);
    const looking = await logIn(it, { steer: false });
    const [{ jobs }] = (await queuesOf(steer, 'activeQueue=download')) as [Shown];
    const before = await stateOf();
    const job = encodeURIComponent(jobs[0]!.id);
    const deeds = [
      ['PUT', 'pause'],
      ['PUT', 'resume'],
      ['PUT', 'download/pause'],
      ['PUT', 'download/empty'],
      ['PUT', 'download/obliterate'],
      ['PUT', 'download/promote'],
      ['PUT', 'download/retry/failed'],
      ['PUT', 'download/clean/waiting'],
      ['PUT', 'download/concurrency'],
      ['PUT', 'download/rate-limit'],
      ['POST', 'download/add'],
      ['PUT', `download/${job}/clean`],
      ['PUT', `download/${job}/retry`],
      ['PUT', `download/${job}/promote`],
      ['PATCH', `download/${job}/update-data`],
      ['PATCH', `download/${job}/priority`],
      ['PUT', 'plan/job-schedulers/plan/remove'],
      ['PUT', 'plan/job-schedulers/plan/run'],
      ['DELETE', 'download'],
    ];
    for (const [method, path] of deeds) {
      const url = `/queues/api/queues/${path}`;
      const body = method === 'DELETE' ? {} : { body: { name: 'x', data: {}, force: true } };
      const how = { method: method!, ...body };
      const refused = await steer.ask(url, how);
      expect([refused.status, refused.headers['allow']], path).toEqual([405, 'GET, HEAD']);
      expect((await it.ask(url, how)).status, path).toBe(405);
      expect((await looking.ask(url, how)).status, path).toBe(403);
      expect([200, 404], path).toContain((await steer.ask(url)).status);
    }
    expect(await stateOf()).toEqual(before);
  });
});

/** Everything that BullMQ keeps. */
async function stateOf(): Promise<unknown[]> {
  const keys = (await redis.client.keys('mh-queue:*')).sort();
  return Promise.all(keys.map(async (key) => [key, (await redis.client.dumpBuffer(key))?.toString('hex')]));
}
