import { describe, expect, it } from 'vitest';
import { type ErrorCode, MailhaulError } from '../../src/ground/errors.ts';
import { countedLogin, countRefusedLogin, forgetRefusedLogins, mayTryLogin } from '../../src/limits/credentials.ts';
import { isOneAtATime, rememberOneAtATime } from '../../src/limits/hosts.ts';
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

it('a host that mixes up its answers is remembered, by port', async () => {
  expect(await isOneAtATime(redis.client, 'mail.example.com', 995)).toBe(false);
  await rememberOneAtATime(redis.client, 'mail.example.com', 995);
  expect(await isOneAtATime(redis.client, 'mail.example.com', 995)).toBe(true);
  expect(await isOneAtATime(redis.client, 'mail.example.com', 110)).toBe(false);
});
