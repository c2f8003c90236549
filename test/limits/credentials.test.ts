import { describe, expect, it } from 'vitest';
import { type ErrorCode, errorRow, errorRows, isRefusedCredential, MailhaulError } from '../../src/ground/errors.ts';
import {
  countedLogin,
  countRefusedLogin,
  forgetRefusals,
  forgetRefusedLogins,
  masterLogin,
  mayTryLogin,
} from '../../src/limits/credentials.ts';
import { popHabits, rememberOneAtATime, rememberWithoutCapa } from '../../src/limits/hosts.ts';
import { codeOf, useRedis } from '../ledger/redis-rig.ts';

const redis = useRedis();
const attempt = { login: '4'.repeat(32), host: 'mail.example.com', user: 'alice', secret: 'correct horse' };
const may = (other = {}) => mayTryLogin(redis.client, { ...attempt, ...other }, 2);
const refuse = (other = {}) => countRefusedLogin(redis.client, { ...attempt, ...other });

describe('a refused login', () => {
  it('is tried as often as allowed and then no more', async () => {
    await may();
    expect(await refuse()).toBe(1);
    await may();
    expect(await refuse()).toBe(2);
    expect(await codeOf(may())).toBe('credentials-refused');
  });

  it('is tried again with another password', async () => {
    for (let i = 0; i < 2; i += 1) await refuse();
    await may({ secret: 'battery staple' });
    expect(await codeOf(may())).toBe('credentials-refused');
  });

  it('does not count for another login', async () => {
    for (let i = 0; i < 2; i += 1) await refuse();
    await may({ login: '5'.repeat(32) });
  });

  it('is forgotten when the password works', async () => {
    for (let i = 0; i < 2; i += 1) await refuse();
    await forgetRefusedLogins(redis.client, attempt);
    await may();
  });

  it('is remembered for weeks, not for ever', async () => {
    await refuse();
    const [key = ''] = await redis.client.keys('*');
    const days = (await redis.client.pttl(key)) / 86_400_000;
    expect(days).toBeGreaterThan(7);
    expect(days).toBeLessThanOrEqual(31);
  });

  it('counts every refusal of the credential, and none of the mailbox behind it', async () => {
    const { login, host, user, secret } = attempt;
    const fail = (code: ErrorCode) =>
      codeOf(
        countedLogin(redis.client, login, { host, user, password: secret }, 2, () =>
          Promise.reject(new MailhaulError(code, { host, user })),
        ),
      );
    for (const code of ['pop-disabled', 'web-login-needed', 'account-busy', 'account-disabled'] as const) {
      expect(await fail(code)).toBe(code);
    }
    expect(await fail('app-password-needed')).toBe('app-password-needed');
    expect(await fail('user-form-wrong')).toBe('user-form-wrong');
    expect(await fail('pop-disabled')).toBe('credentials-refused');
  });

  it('leaves no password in Redis, and too little of a digest to guess it', async () => {
    await refuse();
    const keys = await redis.client.keys('*');
    expect(keys.join()).not.toContain(attempt.secret);
    expect(keys).toHaveLength(1);
    expect(await redis.client.hkeys(keys[0]!)).toEqual([expect.stringMatching(/^[0-9a-f]{4}$/)]);
  });

  it('says so without the password', async () => {
    for (let i = 0; i < 2; i += 1) await refuse();
    const error = await may().catch((reason: unknown) => reason as Error);
    expect(String(error)).toContain('alice');
    expect(JSON.stringify(error) + String(error)).not.toContain(attempt.secret);
  });
});

describe('a master user', () => {
  const master = { host: 'mail.example.com', user: 'master', password: 'pw' };
  let asked = 0;
  const logIn = (mailbox: string, works: boolean) =>
    countedLogin(redis.client, mailbox.repeat(32), { ...master, authzUser: mailbox }, 2, async () => {
      asked += 1;
      if (!works) throw new MailhaulError('credentials-refused', { ...master, reply: 'no' });
    });

  it('is not tried at every mailbox with a secret that never worked, until someone says retry', async () => {
    asked = 0;
    for (const mailbox of ['1', '2', '3', '4']) expect(await codeOf(logIn(mailbox, false))).toBe('credentials-refused');
    expect(asked).toBe(2);
    expect(await forgetRefusals(redis.client, masterLogin(master))).toBe(true);
    await logIn('3', true);
  });

  it('is not kept out of all mailboxes by some, once the secret worked', async () => {
    asked = 0;
    await logIn('1', true);
    for (const mailbox of ['2', '2', '2', '3', '3', '3']) await codeOf(logIn(mailbox, false));
    await logIn('4', true);
    expect(asked).toBe(6);
    expect(await forgetRefusals(redis.client, masterLogin(master))).toBe(false);
  });
});

describe('a login at which the server hangs up', () => {
  const { host, user, login } = attempt;
  const cut = () => Promise.reject(new MailhaulError('login-cut', { host, user, during: 'PASS' }));
  const tryIt = (password = 'correct horse') =>
    codeOf(countedLogin(redis.client, login, { host, user, password }, 2, cut));

  it('may have been lost by chance once, and is a refusal when it happens again', async () => {
    expect(errorRow(String(await tryIt()) as ErrorCode)).toMatchObject({ code: 'connection-lost', retry: 'soon' });
    for (let i = 0; i < 2; i += 1) {
      expect(errorRow(String(await tryIt()) as ErrorCode)).toMatchObject({ code: 'login-cut', retry: 'next-run' });
    }
    // It is never said that the password is wrong: nobody but a person can tell.
    await may();
  });

  it('is counted anew with another password, and when the login has worked', async () => {
    for (let i = 0; i < 2; i += 1) await tryIt();
    expect(await tryIt('battery staple')).toBe('connection-lost');
    await countedLogin(redis.client, login, { host, user, password: 'correct horse' }, 2, async () => 'in');
    expect(await tryIt()).toBe('connection-lost');
  });
});

it('a host that mixes up its answers, or does not bear CAPA, is remembered, by port', async () => {
  const habits = (port: number) => popHabits(redis.client, 'mail.example.com', port);
  expect(await habits(995)).toEqual({ oneAtATime: false, withoutCapa: false });
  await rememberOneAtATime(redis.client, 'mail.example.com', 995);
  expect(await habits(995)).toEqual({ oneAtATime: true, withoutCapa: false });
  await rememberWithoutCapa(redis.client, 'mail.example.com', 995);
  expect(await habits(995)).toEqual({ oneAtATime: true, withoutCapa: true });
  expect(await habits(110)).toEqual({ oneAtATime: false, withoutCapa: false });
});

describe('a login with access tokens', () => {
  const { host, user, login } = attempt;
  /** Tokens t1, t2 … of one login; `seen` gets those that were shown to the server, which takes those of `good`. */
  const tokenLogin = (good: readonly string[], code: ErrorCode = 'credentials-refused') => {
    let number = 1;
    const renew = async () => `t${++number}`;
    const tokens = { identity: 'one login', get: async () => `t${number}`, renew };
    const seen: (string | undefined)[] = [];
    const endpoint: { host: string; user: string; password: string; accessToken?: string; tokens: typeof tokens } = {
      host,
      user,
      password: '',
      tokens,
    };
    const connect = async ({ accessToken }: { accessToken?: string | undefined }) => {
      seen.push(accessToken);
      if (!good.includes(accessToken ?? '')) throw new MailhaulError(code, { host, user, reply: 'no' });
      return 'in';
    };
    return { seen, tryIt: () => countedLogin(redis.client, login, endpoint, 2, connect) };
  };

  it('is tried once more with another token, and counts nothing when that one is good', async () => {
    const { seen, tryIt } = tokenLogin(['t2']);
    for (let i = 0; i < 3; i += 1) expect(await tryIt()).toBe('in');
    expect(seen).toEqual(['t1', 't2', 't2', 't2']);
  });

  it.each(errorRows.filter(({ code }) => isRefusedCredential(code)))(
    'is tried once more after $code',
    async ({ code }) => {
      const { seen, tryIt } = tokenLogin(['t2'], code);
      expect(await tryIt()).toBe('in');
      expect(seen).toEqual(['t1', 't2']);
    },
  );

  it('counts once for two refused tokens, and goes on counting whatever the tokens are', async () => {
    const { seen, tryIt } = tokenLogin([]);
    for (let i = 0; i < 4; i += 1) expect(await codeOf(tryIt())).toBe('credentials-refused');
    expect(seen).toEqual(['t1', 't2', 't2', 't3']);
  });
});
