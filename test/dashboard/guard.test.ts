import { chmod, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { openDashboard } from '../../src/dashboard/server.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { accountOf, canary, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const accounts = [accountOf('ann')];
const rig = async (settings = {}) => openRig(await redis.another(), accounts, { settings });

const closed = ['/', '/api/status', '/api/accounts', '/api/accounts/ann', '/api/audit', '/nowhere', '/queues'];
const deeds = ['/api/pause', '/api/accept', '/api/accounts/import', '/api/accounts/remove'];

describe('the token', () => {
  it('is made at the first start with mode 0600 and 256 bits, and kept', async () => {
    const { settings, token } = await rig();
    expect((await stat(join(settings.dataDir, 'token'))).mode & 0o777).toBe(0o600);
    expect(Buffer.from(token, 'base64url')).toHaveLength(32);
    expect(await readdir(settings.dataDir)).toEqual(['token', 'token-look']);
  });

  it.each(closed)('is asked for by %s: missing or wrong, nothing is told', async (path) => {
    const { ask, token } = await rig();
    for (const wrong of [null, 'wrong', `${token}x`, token.slice(1)]) {
      const answer = await ask(path, { token: wrong });
      expect(answer.status).toBe(401);
      expect(answer.json).toMatchObject({ code: 'token-refused' });
      expect(answer.headers['www-authenticate']).toBe('Bearer');
      expect(answer.text).not.toContain('ann');
    }
  });

  it.each(deeds)('is asked for by POST %s, before the body is looked at', async (path) => {
    const { ask } = await rig();
    expect((await ask(path, { token: null, raw: '{' })).status).toBe(401);
    expect((await ask(path, { token: null, headers: { authorization: 'Basic eDp5' }, body: {} })).status).toBe(401);
  });

  it.each(['/healthz', '/readyz', '/metrics'])('is not asked for by %s', async (path) => {
    const { ask } = await rig();
    expect([200, 503]).toContain((await ask(path, { token: null })).status);
  });

  it('may be guessed at a few times a minute only, and the right one is taken all the same', async () => {
    const { ask } = await rig({ apiFailuresPerMinute: 3 });
    const statuses = [];
    for (let i = 0; i < 5; i += 1) statuses.push((await ask('/api/status', { token: `guess-${i}` })).status);
    expect(statuses).toEqual([401, 401, 401, 429, 429]);
    expect((await ask('/api/status')).status).toBe(200);
  });

  it('that others may read, or that is no token, is not used', async () => {
    const { settings, steering, control } = await rig();
    const path = join(settings.dataDir, 'token');
    const parts = { redis: redis.client, settings, log: undefined, book: { all: () => [] }, steering, control };
    const open = () => openDashboard(parts as unknown as Parameters<typeof openDashboard>[0]);
    await chmod(path, 0o640);
    await expect(open()).rejects.toMatchObject({ code: 'token-unusable' });
    await chmod(path, 0o600);
    await writeFile(path, 'short\n');
    await expect(open()).rejects.toMatchObject({ code: 'token-unusable' });
    await writeFile(path, await readFile(join(settings.dataDir, 'token-look')));
    // With one text for both, who is given the one to look would steer.
    await expect(open()).rejects.toMatchObject({
      code: 'token-unusable',
      details: { reason: expect.stringContaining('the same as token') },
    });
  });
});

describe('hostile requests', () => {
  it.each(['evil.example', 'evil.example:8080', '127.0.0.1.evil.example', 'localhost.evil.example', '10.0.0.1'])(
    'for the host %s are refused on loopback (DNS rebinding), health included',
    async (host) => {
      const { ask } = await rig();
      for (const path of ['/api/status', '/healthz', '/metrics']) {
        const answer = await ask(path, { headers: { host } });
        expect(answer.status).toBe(400);
        expect(answer.json['code']).toBe('request-refused');
      }
    },
  );

  it.each(['localhost', 'LOCALHOST:1', '127.0.0.1:9', '[::1]:80'])('for the host %s are answered', async (host) => {
    const { ask } = await rig();
    expect((await ask('/healthz', { headers: { host } })).status).toBe(200);
  });

  it.each([
    ['broken JSON', { raw: '{"all":' }, 400],
    ['a body that is no object', { raw: '[1]' }, 400],
    ['no body', { raw: '' }, 400],
    ['another content type', { raw: 'all=true', headers: { 'content-type': 'text/plain' } }, 415],
    ['an unknown field', { body: { all: true, everything: 1 } }, 400],
    ['a prototype', { raw: '{"all":true,"__proto__":{"x":1}}' }, 400],
    ['nobody', { body: {} }, 400],
    ['two selections', { body: { all: true, group: 'wave-1' } }, 400],
    ['all: false', { body: { all: false } }, 400],
    ['ids that are no texts', { body: { account: [{ $ne: 1 }] } }, 400],
    ['an endless id', { body: { account: ['x'.repeat(501)] } }, 400],
    ['an unknown account', { body: { account: ['ann', 'nobody'] } }, 404],
    ['an unknown group', { body: { group: 'wave-9' } }, 404],
    ['a huge body', { body: { all: true, reason: 'x'.repeat(70_000) } }, 413],
  ])('with %s are refused with code, text and remedy, and nothing is done', async (_, how, status) => {
    const { ask, steering } = await rig({ apiMaxBytes: 60_000 });
    const answer = await ask('/api/pause', { method: 'POST', ...how });
    expect(answer.status).toBe(status);
    expect(Object.keys(answer.json).sort()).toEqual(['code', 'remedy', 'text']);
    expect(steering.pauses()).toEqual([]);
  });

  it.each([
    '/api/status?x=1',
    '/api/accounts?limit=0',
    '/api/accounts?limit=all',
    '/api/accounts?state=odd',
    '/api/audit?limit=1e9',
    '/api/accounts?group=wave-1&group=x',
  ])('with the query %s are refused', async (path) => {
    expect((await (await rig()).ask(path)).status).toBe(400);
  });

  it('for what is not there are told so', async () => {
    const { ask } = await rig();
    for (const [path, method] of [
      ['/api/nothing', 'GET'],
      ['/api/pause', 'GET'],
      ['/api/accounts/ann', 'DELETE'],
      ['/../token', 'GET'],
    ]) {
      const answer = await ask(path!, { method: method! });
      expect(answer.status).toBe(404);
      expect(answer.json['code']).toBe('request-refused');
    }
    expect((await ask('/api/accounts/%00nobody')).json['code']).toBe('account-unknown');
  });

  it('get headers that let no browser use what it is told, and none that open it to other origins', async () => {
    const { ask } = await rig();
    const { headers } = await ask('/api/status', { headers: { origin: 'https://evil.example' } });
    expect(headers).toMatchObject({
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
      'content-security-policy': expect.stringContaining("default-src 'none'"),
    });
    expect(Object.keys(headers).filter((name) => name.startsWith('access-control'))).toEqual([]);
    expect((await ask('/api/status', { method: 'OPTIONS' })).status).toBe(404);
  });

  it('never bring out a password', async () => {
    const { ask } = await rig();
    for (const path of [...closed, '/metrics']) expect((await ask(path)).text).not.toContain(canary);
  });
});

describe('listening', () => {
  it('on a port that is taken ends with a clear error', async () => {
    const { dashboard, settings } = await rig();
    const { host } = new URL(dashboard.url);
    await expect(rig({ listen: host })).rejects.toMatchObject({ code: 'listen-failed', details: { where: host } });
    expect(settings.listen).toBe('127.0.0.1:0');
  });
});
