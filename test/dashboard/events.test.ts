import { type IncomingMessage, request } from 'node:http';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { globalKeys } from '../../src/ground/keys.ts';
import type { Live, LiveEvent } from '../../src/operations/live.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { logIn } from './browser-rig.ts';
import { openRig } from './dashboard-rig.ts';

const redis = useRedis();

/** Tells what the test says, and who listens. */
class Board implements Live {
  readonly listeners = new Set<(event: LiveEvent) => void>();

  subscribe(listener: (event: LiveEvent) => void): () => void {
    this.listeners.add(listener);
    listener({ name: 'overview', data: '{"first":true}' });
    return () => this.listeners.delete(listener);
  }

  say(event: LiveEvent): void {
    for (const listener of this.listeners) listener(event);
  }
}

const open = async (settings = {}) => {
  const live = new Board();
  return { live, ...(await openRig(await redis.another(), [], { settings, parts: { live } })) };
};

interface Stream {
  readonly response: IncomingMessage;
  readonly text: () => string;
  readonly ended: () => boolean;
}

/** Watches; `headers` say who. */
function watch(url: string, headers: Record<string, string>): Promise<Stream> {
  return new Promise((resolve, reject) => {
    const sent = request(`${url}/api/events`, { headers, agent: false }, (response) => {
      let text = '';
      let ended = false;
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('close', () => {
        ended = true;
      });
      response.on('error', () => {});
      resolve({ response, text: () => text, ended: () => ended });
    });
    sent.once('error', reject).end();
    onTestFinished(() => void sent.destroy());
  });
}

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const until = (check: () => void) => vi.waitFor(check, { timeout: 10_000, interval: 10 });

describe('the events', () => {
  it('begin with the latest overview, and all who watch are told the same', async () => {
    const { dashboard, live, token, lookToken } = await open();
    const streams = [await watch(dashboard.url, bearer(token)), await watch(dashboard.url, bearer(lookToken))];
    for (const { text } of streams) {
      await until(() => expect(text()).toBe('retry: 3000\n\nevent: overview\ndata: {"first":true}\n\n'));
    }
    live.say({ name: 'rows', data: '{"rows":["ä"]}' });
    live.say({ name: 'overview', data: '{}' });
    for (const { text, response } of streams) {
      await until(() =>
        expect(text()).toMatch(/event: rows\ndata: {"rows":\["ä"\]}\n\nevent: overview\ndata: {}\n\n$/),
      );
      expect(response.headers).toMatchObject({
        'content-type': 'text/event-stream; charset=utf-8',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no',
        'x-content-type-options': 'nosniff',
      });
    }
  });

  it('have signs of life between them, and no time limit of the service ends them', async () => {
    const { dashboard, token } = await open({ eventsKeepAliveMs: 800, apiTimeoutMs: 500 });
    const { text, ended } = await watch(dashboard.url, bearer(token));
    await until(() => expect(text()).toMatch(/(:\n\n){2}$/));
    expect(ended()).toBe(false);
  });

  it('end for who goes, and nobody is told any more', async () => {
    const { dashboard, live, token } = await open();
    const { response } = await watch(dashboard.url, bearer(token));
    await until(() => expect(live.listeners.size).toBe(1));
    response.destroy();
    await until(() => expect(live.listeners.size).toBe(0));
  });

  it('end for a login when it logs out, and for no other', async () => {
    const it = await open();
    const [one, other] = [await logIn(it), await logIn(it)];
    const streams: Stream[] = [];
    for (const { cookie } of [one, other]) streams.push(await watch(it.dashboard.url, { cookie }));
    await one.ask('/logout', { method: 'POST' });
    await until(() => expect(streams.map(({ ended }) => ended())).toEqual([true, false]));
    expect(it.live.listeners.size).toBe(1);
  });

  it('end for a login that ended elsewhere or lapsed, and use it as long as they last', async () => {
    const it = await open({ eventsKeepAliveMs: 50 });
    const { cookie } = await logIn(it);
    const { ended, text } = await watch(it.dashboard.url, { cookie });
    const [key] = (await redis.client.keys(globalKeys.login('*'))).filter((one) => one !== globalKeys.logins('steer'));
    await redis.client.pexpire(key!, 30_000);
    await until(async () => expect(await redis.client.pttl(key!)).toBeGreaterThan(30_000));
    await until(() => expect(text()).toContain(':\n\n'));
    expect(ended()).toBe(false);
    await redis.client.del(key!);
    await until(() => expect(ended()).toBe(true));
  });

  it('are dropped for a viewer that takes nothing, whatever the others do', async () => {
    const { dashboard, live, token } = await open({ eventsBufferMaxBytes: 100_000 });
    const slow = await watch(dashboard.url, bearer(token));
    slow.response.pause();
    const quick = await watch(dashboard.url, bearer(token));
    const event: LiveEvent = { name: 'rows', data: JSON.stringify('x'.repeat(50_000)) };
    let told = 0;
    await until(() => {
      live.say(event);
      told += 1;
      expect(live.listeners.size).toBe(1);
    });
    // It was given what the system takes for it, and then not much more.
    expect(told).toBeGreaterThan(2);
    await until(() => expect(quick.text().split('event: rows').length - 1).toBe(told));
    expect(quick.ended()).toBe(false);
  });

  it('are refused to one viewer too many, until another goes', async () => {
    const { dashboard, ask, token, live } = await open({ eventsViewersMax: 2 });
    const first = await watch(dashboard.url, bearer(token));
    await watch(dashboard.url, bearer(token));
    const { status, json } = await ask('/api/events');
    expect([status, json['code']]).toEqual([503, 'viewers-too-many']);
    first.response.destroy();
    await until(() => expect(live.listeners.size).toBe(1));
    expect((await watch(dashboard.url, bearer(token))).response.statusCode).toBe(200);
  });

  it('end at once when the service ends', async () => {
    const { dashboard, token, live } = await open();
    const { ended } = await watch(dashboard.url, bearer(token));
    await dashboard.close();
    await until(() => expect(ended()).toBe(true));
    expect(live.listeners.size).toBe(0);
  });
});
