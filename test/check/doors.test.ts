import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../../src/accounts/account.ts';
import { SecretRef } from '../../src/accounts/secret.ts';
import { Doors } from '../../src/check/doors.ts';
import { MailhaulError } from '../../src/ground/errors.ts';

const password = SecretRef.parse('pw', '/') as SecretRef;
const endpoint = (more: Partial<Endpoint> = {}): Endpoint => ({
  host: 'h.test',
  port: 995,
  security: 'tls',
  auth: 'auto',
  user: 'ann',
  password,
  ...more,
});
const unknown = new MailhaulError('host-unknown', { host: 'h.test' });

describe('a server that lets nobody in', () => {
  it('is known to all who come to the same door, whoever they are', () => {
    const doors = new Doors();
    doors.note('source', endpoint(), unknown);
    expect(doors.closed('source', endpoint({ user: 'bob', auth: 'PLAIN' }))).toBe(unknown);
  });

  it('has one failure, the first, where several came there at once', () => {
    const doors = new Doors();
    const [first, second] = [1, 2].map((n) => new MailhaulError('tls-unverified', { host: 'h.test', fingerprint: n }));
    expect(doors.note('source', endpoint(), first!)).toBe(first);
    expect(doors.note('source', endpoint({ user: 'bob' }), second!)).toBe(first);
    expect(doors.note('source', endpoint(), unknown)).toBe(unknown);
    const own = new MailhaulError('credentials-refused', { host: 'h.test', user: 'ann' });
    expect(doors.note('source', endpoint(), own)).toBe(own);
  });

  it('is another door with another port, security, authority or side', () => {
    const doors = new Doors();
    doors.note('source', endpoint(), unknown);
    const others = [{ port: 110 }, { security: 'none' as const }, { tlsCaFile: '/ca.pem' }, { host: 'other.test' }];
    for (const other of others) expect(doors.closed('source', endpoint(other))).toBeUndefined();
    expect(doors.closed('destination', endpoint())).toBeUndefined();
  });

  it('is not one whose accounts get no token from somewhere else', () => {
    const doors = new Doors();
    const proxy = { proxy: 'http://proxy.test:3128', port: 443, reason: 'gone' };
    doors.note('source', endpoint(), new MailhaulError('proxy-unreachable', { host: 'login.test', ...proxy }));
    expect(doors.closed('source', endpoint())).toBeUndefined();
    doors.note('source', endpoint(), new MailhaulError('proxy-unreachable', { host: 'h.test', ...proxy }));
    expect(doors.closed('source', endpoint())).toBeDefined();
  });

  it('is not one that refuses an account', () => {
    const doors = new Doors();
    doors.note('source', endpoint(), new MailhaulError('credentials-refused', { host: 'h.test', user: 'ann' }));
    expect(doors.closed('source', endpoint())).toBeUndefined();
  });
});
