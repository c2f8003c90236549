import { describe, expect, it } from 'vitest';
import { useRedis } from '../ledger/redis-rig.ts';
import { type Login, logIn, sendForm } from './browser-rig.ts';
import { openRig } from './dashboard-rig.ts';

const redis = useRedis();
const open = async (settings = {}) => openRig(await redis.another(), [], { settings });
const pauseAll = ({ ask }: Login, headers: Record<string, string>) =>
  ask('/api/pause', { body: { all: true }, headers });

describe('the sender of a request', () => {
  it('of the form is a page of this service, or none', async () => {
    const rig = await open();
    const cases: [Record<string, string>, number][] = [
      [{}, 303],
      [{ origin: 'OWN', 'sec-fetch-site': 'same-origin' }, 303],
      [{ 'sec-fetch-site': 'none' }, 303],
      [{ origin: 'http://localhost:9000', host: 'localhost:9000' }, 303],
      [{ origin: 'http://[::1]:9000', host: '[::1]:9000' }, 303],
      [{ origin: 'http://localhost', host: 'localhost:80' }, 303],
      [{ origin: 'http://localhost:9000', host: 'localhost:9001' }, 403],
      [{ origin: 'http://127.0.0.1:9000' }, 403],
      [{ origin: 'https://evil.example' }, 403],
      [{ origin: 'null' }, 403],
      [{ origin: 'file://' }, 403],
      [{ origin: 'OWN.evil.example' }, 403],
      [{ origin: 'OWN', 'sec-fetch-site': 'cross-site' }, 403],
      [{ origin: 'OWN', 'sec-fetch-site': 'same-site' }, 403],
      [{ 'sec-fetch-site': 'same-site' }, 403],
    ];
    for (const [headers, status] of cases) {
      const own = Object.entries(headers).map(([name, value]) => [name, value.replace('OWN', rig.dashboard.url)]);
      const answer = await sendForm(rig, { token: rig.token }, Object.fromEntries(own));
      expect(answer.status, JSON.stringify(headers)).toBe(status);
      // A login that somebody else wished for is one that he knows.
      if (status === 403) expect(answer.headers['set-cookie']).toBeUndefined();
    }
  });

  it('that only reads may be a link on another page, and nothing else of it', async () => {
    const { ask } = await logIn(await open());
    const from = (site: string, mode: string) =>
      ask('/api/session', { headers: { 'sec-fetch-site': site, 'sec-fetch-mode': mode } });
    expect((await from('same-origin', 'cors')).status).toBe(200);
    expect((await from('cross-site', 'navigate')).status).toBe(200);
    for (const mode of ['cors', 'no-cors', 'websocket']) expect((await from('same-site', mode)).status).toBe(403);
  });

  it('is no matter to who shows a token: no browser sends that by itself', async () => {
    const { ask } = await open();
    const headers = { origin: 'https://tools.example', 'sec-fetch-site': 'cross-site' };
    expect((await ask('/api/resume', { body: { all: true }, headers })).status).toBe(200);
  });
});

describe('behind a proxy', () => {
  const publicUrl = 'https://mail.example.com:8443/mailhaul/';
  const host = 'mail.example.com:8443';

  it('the host of publicUrl is answered to, with and without its port, and no other', async () => {
    const { ask } = await open({ publicUrl });
    for (const name of [host, 'Mail.Example.com', 'localhost']) {
      expect((await ask('/healthz', { headers: { host: name } })).status).toBe(200);
    }
    for (const name of ['example.com', 'mail.example.com.evil.example', 'xmail.example.com']) {
      expect((await ask('/healthz', { headers: { host: name } })).status).toBe(400);
    }
    expect((await (await open()).ask('/healthz', { headers: { host } })).status).toBe(400);
  });

  it('a page of publicUrl may ask, and of the names of this machine each its own', async () => {
    const login = await logIn(await open({ publicUrl }));
    const cases: [string, string, number][] = [
      ['https://mail.example.com:8443', host, 200],
      ['https://mail.example.com:8443', 'mail.example.com', 200],
      // A proxy that hands on no host asks for this machine.
      ['https://mail.example.com:8443', '127.0.0.1:8080', 200],
      ['http://localhost:9000', 'localhost:9000', 200],
      ['http://mail.example.com:8443', host, 403],
      ['https://mail.example.com', 'mail.example.com', 403],
      ['https://mail.example.com', host, 403],
      ['https://evil.example', host, 403],
    ];
    for (const [origin, name, status] of cases) {
      expect((await pauseAll(login, { origin, host: name })).status, `${origin} ${name}`).toBe(status);
    }
  });

  it('the last address of X-Forwarded-For is who asks, and without publicUrl nobody believes it', async () => {
    const by = async (settings: object, forwarded: string) => {
      const login = await logIn(await open(settings));
      await pauseAll(login, { 'x-forwarded-for': forwarded });
      const [{ by: who }] = (await login.ask('/api/audit')).json['entries'] as [{ by: string }];
      return who.split(' from ')[1];
    };
    expect(await by({ publicUrl }, '203.0.113.9')).toBe('203.0.113.9');
    // What stands before the last was said by who asks, and could be anything.
    expect(await by({ publicUrl }, '127.0.0.1, 198.51.100.1, 203.0.113.9')).toBe('203.0.113.9');
    expect(await by({ publicUrl }, '198.51.100.1, 127.0.0.1')).toBe('127.0.0.1');
    expect(await by({}, '203.0.113.9')).toBe('127.0.0.1');
  });

  it('wrong tokens are counted by that address', async () => {
    const { ask } = await open({ publicUrl, apiFailuresPerMinute: 1 });
    const guess = async (last: string, first: string) =>
      (await ask('/api/status', { token: 'wrong', headers: { 'x-forwarded-for': `${first}, ${last}` } })).status;
    expect([await guess('203.0.113.9', '1.1.1.1'), await guess('203.0.113.9', '1.1.1.2')]).toEqual([401, 429]);
    expect(await guess('203.0.113.10', '1.1.1.1')).toBe(401);
  });
});
