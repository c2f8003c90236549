import { createHash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it, vi } from 'vitest';
import { globalKeys } from '../../src/ground/keys.ts';
import { accountLog } from '../ground/log-rig.ts';
import { useRedis } from '../ledger/redis-rig.ts';
import { type Login, logIn, sendForm } from './browser-rig.ts';
import { accountOf, type DashboardRig, openRig } from './dashboard-rig.ts';

const redis = useRedis();
const accounts = [accountOf('ann')];
const rig = async (settings = {}, dataDir?: string): Promise<DashboardRig> =>
  openRig(await redis.another(), accounts, { settings, ...(dataDir !== undefined && { dataDir }) });

const html = { accept: 'text/html,application/xhtml+xml' };
const pause = { body: { all: true } };
const statusOf = async ({ ask }: Pick<Login, 'ask'>) => (await ask('/api/session')).status;

describe('the login form', () => {
  it('is what a browser without a login gets, at the page and at the queues, and works without a script', async () => {
    const { ask } = await rig();
    for (const [path, action] of [
      ['/', 'login'],
      ['/?x=1', 'login'],
      ['/queues/', '../login'],
      ['/queues/queue/download', '../../login'],
    ]) {
      const { status, headers, text } = await ask(path!, { token: null, headers: html });
      expect(status).toBe(401);
      expect(headers['content-type']).toBe('text/html; charset=utf-8');
      expect(text).toContain(`<form method="post" action="${action}">`);
      expect(text).not.toMatch(/<script|<p role/);
      expect(text).toContain(`name="next" type="hidden" value="${path!.startsWith('/queues') ? 'queues' : ''}"`);
    }
  });

  it('is sent with a policy that allows its own style and nothing else', async () => {
    const { text, headers } = await (await rig()).ask('/', { token: null, headers: html });
    const style = /<style>(.*?)<\/style>/s.exec(text)![1]!;
    const hash = createHash('sha256').update(style).digest('base64');
    const policy = String(headers['content-security-policy']);
    expect(policy.split('; ')).toEqual([
      "default-src 'none'",
      `style-src 'sha256-${hash}'`,
      'img-src data:',
      "form-action 'self'",
      "frame-ancestors 'none'",
      "base-uri 'none'",
    ]);
    expect(headers).toMatchObject({ 'referrer-policy': 'same-origin', 'cache-control': 'no-store' });
  });

  it('is not what a program gets, nor a script of the page', async () => {
    const { ask } = await rig();
    for (const path of ['/', '/queues/']) expect((await ask(path, { token: null })).json['code']).toBe('token-refused');
    expect((await ask('/api/session', { token: null, headers: html })).json['code']).toBe('token-refused');
  });

  it('goes on to where somebody wanted to go, at the second try too', async () => {
    const it = await rig();
    const { text } = await sendForm(it, { token: 'wrong', next: 'queues' });
    expect(text).toContain('name="next" type="hidden" value="queues"');
    for (const [next, location] of [
      ['queues', 'queues/'],
      ['', './'],
    ]) {
      expect((await sendForm(it, { token: it.token, next: next! })).headers['location']).toBe(location);
    }
  });

  it('says that a token is wrong, repeats nothing of it, and counts how often', async () => {
    const it = await rig({ apiFailuresPerMinute: 2 });
    const statuses = [];
    for (const token of ['"><script>alert(1)</script>', '', 'wrong', 'wrong']) {
      const { status, text, headers } = await sendForm(it, { token, steer: 'on' });
      statuses.push(status);
      expect(text).toContain('role="alert"');
      expect(text).not.toContain('script');
      expect(headers['set-cookie']).toBeUndefined();
    }
    expect(statuses).toEqual([401, 401, 429, 429]);
    // One count for all that show tokens: what was guessed at the form counts at the API.
    expect((await it.ask('/api/status', { token: 'wrong' })).status).toBe(429);
    expect((await sendForm(it, { token: it.token })).status).toBe(303);
  });

  it('is read in one form only, and holds nothing that nobody asked for', async () => {
    const { ask } = await rig();
    const cases: [string, Record<string, string>, string, number][] = [
      [
        'a field that nobody asked for',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'token=x&next=&all=true',
        400,
      ],
      [
        'another place to go on to',
        { 'content-type': 'application/x-www-form-urlencoded' },
        'token=x&next=//evil',
        400,
      ],
      ['JSON', { 'content-type': 'application/json' }, '{"token":"x"}', 415],
      ['plain text', { 'content-type': 'text/plain' }, 'token=x', 415],
      ['a form of several parts', { 'content-type': 'multipart/form-data; boundary=b' }, '--b--', 415],
      ['a long form', { 'content-type': 'application/x-www-form-urlencoded' }, `token=${'x'.repeat(3000)}`, 413],
    ];
    for (const [what, headers, raw, status] of cases) {
      expect((await ask('/login', { token: null, raw, headers })).status, what).toBe(status);
    }
  });
});

describe('a login', () => {
  it('looks only, unless steering was ticked', async () => {
    const it = await rig();
    const look = await logIn(it, { steer: false });
    expect((await look.ask('/api/session')).json).toMatchObject({ role: 'look', csrf: look.csrf });
    expect((await look.ask('/api/status')).status).toBe(200);
    const refused = await look.ask('/api/pause', pause);
    expect([refused.status, refused.json['code']]).toEqual([403, 'look-only']);
    expect(it.steering.pauses()).toEqual([]);
    const steer = await logIn(it);
    expect((await steer.ask('/api/session')).json).toEqual({ role: 'steer', csrf: steer.csrf, version: '0.1.0' });
    expect((await steer.ask('/api/pause', pause)).status).toBe(200);
    expect(it.steering.pauses()).toHaveLength(1);
  });

  it('by the token that looks cannot steer', async () => {
    const it = await rig();
    const { status, text } = await sendForm(it, { token: it.lookToken, steer: 'on' });
    expect(status).toBe(403);
    expect(text).toContain('This token may look, and change nothing');
    const look = await logIn(it, { steer: false, token: it.lookToken });
    expect((await look.ask('/api/pause', pause)).json['code']).toBe('look-only');
  });

  it('is named in the audit log by the beginning of its mark, whatever its browser says', async () => {
    const it = await rig();
    const { cookie, ask } = await logIn(it);
    await ask('/api/pause', { ...pause, headers: { 'mailhaul-user': 'root' } });
    const [{ by }] = (await ask('/api/audit')).json['entries'] as [{ by: string }];
    expect(by).toMatch(/^session-[0-9a-f]{8} from 127\.0\.0\.1$/);
    expect(cookie).not.toContain(by.slice(8, 16));
  });

  it('stands in the log, as does its end and each wrong token, with where it came from and no secret', async () => {
    const { log, lines, text } = accountLog();
    const it = await openRig(await redis.another(), accounts, {
      parts: { log },
      settings: { apiFailuresPerMinute: 2 },
    });
    for (const token of ['wrong-1', 'wrong-2', 'wrong-3']) await sendForm(it, { token });
    const { cookie, csrf, ask } = await logIn(it);
    const [{ by }] = ((await ask('/api/pause', pause)) && (await ask('/api/audit')).json['entries']) as [
      { by: string },
    ];
    await ask('/logout', { method: 'POST' });
    await vi.waitFor(() => expect(text()).toContain('logged out'));
    const from = '127.0.0.1';
    expect(lines().filter(({ msg }) => /token|logged/.test(String(msg)))).toMatchObject([
      { msg: 'wrong token', from, failures: 1 },
      { msg: 'wrong token', from, failures: 2 },
      { msg: 'logged in', by, role: 'steer' },
      { msg: 'logged out', by },
    ]);
    for (const secret of [it.token, it.lookToken, cookie.split('=')[1]!, csrf, 'wrong-'])
      expect(text()).not.toContain(secret);
  });

  it('is nowhere in Redis as the browser has it, and ends there by itself', async () => {
    const it = await rig({ loginIdleMs: 5000, loginMaxMs: 9000 });
    const { cookie, csrf } = await logIn(it);
    const keys = await redis.client.keys('mh:{logins}:*');
    expect(keys).toHaveLength(2);
    const secrets = [cookie.split('=')[1]!, csrf, it.token];
    for (const key of keys) {
      const value =
        key === globalKeys.logins('steer') ? await redis.client.zrange(key, 0, '-1') : await redis.client.get(key);
      for (const secret of secrets) expect(`${key} ${value}`).not.toContain(secret);
      if (key !== globalKeys.logins('steer')) expect(await redis.client.pttl(key)).toBeGreaterThan(0);
      if (key !== globalKeys.logins('steer')) expect(await redis.client.pttl(key)).toBeLessThanOrEqual(5000);
    }
  });

  it('ends when nobody uses it, and after its time however much it is used', async () => {
    const idle = await logIn(await rig({ loginIdleMs: 400 }));
    const kept = await logIn(await rig());
    const used = await logIn(await rig({ loginMaxMs: 400 }));
    // Redis lets the first lapse by itself; the last is asked for all the time.
    await vi.waitFor(async () => expect(await statusOf(used)).toBe(401), 20_000);
    await vi.waitFor(async () => expect(await redis.client.keys(globalKeys.login('*'))).toHaveLength(2), 20_000);
    expect([await statusOf(idle), await statusOf(kept)]).toEqual([401, 200]);
  });

  it('lasts longer when it is used', async () => {
    const { ask } = await logIn(await rig({ loginIdleMs: 100_000 }));
    const [key] = (await redis.client.keys('mh:{logins}:*')).filter((one) => one !== globalKeys.logins('steer'));
    await redis.client.pexpire(key!, 50_000);
    await ask('/api/status');
    expect(await redis.client.pttl(key!)).toBeGreaterThan(50_000);
  });

  it('ends at the logout, which works for who may only look, and takes the cookie back', async () => {
    const it = await rig();
    const [one, other] = [await logIn(it, { steer: false }), await logIn(it)];
    const { status, headers } = await one.ask('/logout', { method: 'POST' });
    expect(status).toBe(204);
    expect(String(headers['set-cookie'])).toMatch(
      /=; Max-Age=0; Path=\/; Expires=[^;]* 1970 [^;]*; HttpOnly; SameSite=Strict$/,
    );
    expect([await statusOf(one), await statusOf(other)]).toEqual([401, 200]);
    expect(await redis.client.zcard(globalKeys.logins('steer'))).toBe(1);
  });

  it('outlives a restart of the service, and no other token', async () => {
    const it = await rig();
    const login = await logIn(it);
    const again = (dataDir?: string) => rig({}, dataDir).then(({ ask }) => ask('/api/session', login_(login)));
    expect((await again(it.settings.dataDir)).status).toBe(200);
    // Another data directory has another cookie; with this one's name it must not do either.
    const other = await rig();
    const name = (await logIn(other)).cookie.split('=')[0]!;
    const stolen = { cookie: `${name}=${login.cookie.split('=')[1]}` };
    expect((await other.ask('/api/session', { token: null, headers: stolen })).status).toBe(401);
    await writeFile(join(it.settings.dataDir, 'token-look'), `${'x'.repeat(40)}\n`);
    expect((await again(it.settings.dataDir)).status).toBe(401);
  });

  it('takes the place of the oldest where there are too many', async () => {
    const it = await rig({ loginsMax: 2 });
    const logins = [await logIn(it)];
    // Which is the oldest is told by the millisecond.
    const before = Date.now();
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(before));
    logins.push(await logIn(it), await logIn(it));
    expect(await Promise.all(logins.map(statusOf))).toEqual([401, 200, 200]);
    expect(await redis.client.zcard(globalKeys.logins('steer'))).toBe(2);
    const looking = await Promise.all([1, 2, 3].map(() => logIn(it, { token: it.lookToken, steer: false })));
    expect(await Promise.all(logins.slice(1).map(statusOf))).toEqual([200, 200]);
    expect((await Promise.all(looking.map(statusOf))).sort()).toEqual([200, 200, 401]);
  });

  it('has a cookie that no script reads and no other site sends, and that travels by https where there is https', async () => {
    const plain = await logIn(await rig());
    expect(plain.setCookie).toMatch(/^mailhaul-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const open = await logIn(await rig({ publicUrl: 'http://mail.example.com' }));
    expect(open.setCookie).toMatch(/^mailhaul-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const secure = await logIn(await rig({ publicUrl: 'https://mail.example.com' }));
    expect(secure.setCookie).toMatch(
      /^__Host-mailhaul-[0-9a-f]{8}=[\w-]{43}; Path=\/; HttpOnly; Secure; SameSite=Strict$/,
    );
    expect(plain.setCookie.split('=')[0]).not.toBe(open.setCookie.split('=')[0]);
  });

  it('is not what another cookie stands for', async () => {
    const it = await rig();
    const name = (await logIn(it)).cookie.split('=')[0];
    for (const value of ['', 'x', 'A'.repeat(43), `${'A'.repeat(42)}%00`, '../../token', '"quoted"']) {
      const answer = await it.ask('/api/session', { token: null, headers: { cookie: `${name}=${value}` } });
      expect(answer.status, value).toBe(401);
    }
  });

  it('does not make up for a wrong token', async () => {
    const it = await rig();
    const { cookie } = await logIn(it);
    expect((await it.ask('/api/session', { token: 'wrong', headers: { cookie } })).status).toBe(401);
  });
});

function login_({ cookie }: Login) {
  return { token: null, headers: { cookie } };
}
