import { describe, expect, it } from 'vitest';
import { useRedis } from '../ledger/redis-rig.ts';
import { logIn } from './browser-rig.ts';
import { type Answer, type Ask, accountOf, openRig } from './dashboard-rig.ts';

const redis = useRedis();
/** Nobody here is told to wait. */
const settings = { apiFailuresPerMinute: 10_000 };
const live = { subscribe: () => () => {} };
const open = async () => openRig(await redis.another(), [accountOf('ann')], { parts: { live }, settings });

/** What asks for no token, each with what it answers without one. A route that comes in here must be meant to. */
const openRoutes = new Map([
  ['GET /healthz', [200]],
  ['HEAD /healthz', [200]],
  ['GET /readyz', [200, 503]],
  ['HEAD /readyz', [200, 503]],
  ['GET /metrics', [200]],
  ['HEAD /metrics', [200]],
  ['POST /login', [401]],
]);
/** What may be done by who looks, though it is no GET. */
const looking = ['POST /logout'];

const split = (route: string) => {
  const [method = '', pattern = ''] = route.split(' ');
  return { method, path: pattern.replace(/:\w+/g, 'ann').replace('*', 'app.js') };
};
const reads = (route: string) => /^(GET|HEAD) /.test(route);
const code = ({ text, json }: Answer) => (text === '' ? '' : json['code']);

describe('every route', () => {
  it('is known to this test', async () => {
    const { dashboard } = await open();
    expect(dashboard.routes.length).toBeGreaterThan(25);
    for (const route of ['GET /', 'POST /api/pause', 'GET /api/events', 'GET /assets/*']) {
      expect(dashboard.routes).toContain(route);
    }
    for (const route of [...openRoutes.keys(), ...looking]) expect(dashboard.routes).toContain(route);
  });

  it('asks for a token or a login, and tells nothing without', async () => {
    const { dashboard, ask, token } = await open();
    const none: readonly Ask[] = [
      { token: null },
      { token: `${token.slice(1)}x` },
      { token: null, headers: { authorization: `Basic ${token}` } },
      { token: null, headers: { cookie: `mailhaul=${token}` } },
    ];
    for (const route of dashboard.routes) {
      const { method, path } = split(route);
      for (const how of none) {
        const answer = await ask(path, { method, ...how });
        expect(openRoutes.get(route) ?? [401], route).toContain(answer.status);
        if (!openRoutes.has(route) && method !== 'HEAD') expect(code(answer), route).toBe('token-refused');
      }
    }
  }, 20_000);

  it('that is no GET asks for more than looking, by token and by login', async () => {
    const rig = await open();
    const login = await logIn(rig, { steer: false });
    const changing = rig.dashboard.routes.filter((route) => !reads(route) && !openRoutes.has(route));
    expect(changing.length).toBeGreaterThan(5);
    for (const route of changing) {
      const { method, path } = split(route);
      const byToken = await rig.ask(path, { method, token: rig.lookToken });
      const byLogin = looking.includes(route) ? undefined : await login.ask(path, { method });
      for (const answer of byLogin ? [byToken, byLogin] : [byToken]) {
        if (looking.includes(route)) expect(answer.status, route).toBeLessThan(300);
        else expect([answer.status, code(answer)], route).toEqual([403, 'look-only']);
      }
    }
    // What may only look is shown what there is.
    expect((await rig.ask('/api/status', { token: rig.lookToken })).status).toBe(200);
  }, 20_000);

  it('that is no GET refuses a login without the token against forged requests, and one from another page', async () => {
    const rig = await open();
    const { cookie, csrf, ask } = await logIn(rig);
    const forged: readonly Record<string, string>[] = [
      {},
      { 'x-csrf-token': '' },
      { 'x-csrf-token': csrf.slice(1) },
      { 'x-csrf-token': csrf, origin: 'https://evil.example' },
      { 'x-csrf-token': csrf, origin: 'null' },
      { 'x-csrf-token': csrf, 'sec-fetch-site': 'cross-site' },
      { 'x-csrf-token': csrf, 'sec-fetch-site': 'same-site' },
    ];
    for (const route of rig.dashboard.routes.filter((one) => !reads(one) && !openRoutes.has(one))) {
      const { method, path } = split(route);
      for (const headers of forged) {
        const answer = await rig.ask(path, { method, token: null, headers: { cookie, ...headers } });
        expect([answer.status, code(answer)], route).toEqual([403, 'forged-request']);
      }
    }
    expect((await ask('/api/session')).status).toBe(200);
  }, 20_000);

  it('answers with headers that let no browser guess, frame, keep or hand on what it is told', async () => {
    const { dashboard, ask } = await open();
    for (const route of dashboard.routes.filter((one) => one !== 'GET /api/events')) {
      const { method, path } = split(route);
      const { headers } = await ask(path, { method });
      expect(headers, route).toMatchObject({
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'cross-origin-resource-policy': 'same-origin',
        'cross-origin-opener-policy': 'same-origin',
        'cache-control': 'no-store',
        'content-security-policy': expect.stringMatching(/^default-src 'none';.*frame-ancestors 'none'/),
      });
    }
  }, 20_000);
});

describe('what is no route', () => {
  it('asks for the token as well, whatever the method', async () => {
    const { ask, lookToken } = await open();
    for (const method of ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']) {
      expect((await ask('/api/nothing', { method, token: null })).status).toBe(401);
      expect((await ask('/api/nothing', { method, token: lookToken })).status).toBe(method === 'GET' ? 404 : 403);
      expect((await ask('/api/nothing', { method })).status).toBe(404);
    }
    // A path that only looks like an open one is not open.
    for (const path of ['/healthz/', '/healthz/..', '//healthz', '/HEALTHZ', '/login/']) {
      expect((await ask(path, { token: null })).status).toBe(401);
    }
  });
});
