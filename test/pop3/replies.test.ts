import { describe, expect, it } from 'vitest';
import {
  classifyLogin,
  classifyRefusal,
  hintDetails,
  type Refusal,
  responseCode,
  saysUnsupported,
} from '../../src/pop3/replies.ts';

// reply, meaning, meaning where CAPA lists AUTH-RESP-CODE
const logins: [string, Refusal, Refusal][] = [
  ['-ERR', 'credentials-refused', 'server-unavailable'],
  ['-ERR Invalid login', 'credentials-refused', 'server-unavailable'],
  ['-ERR authentication failed, please try again', 'credentials-refused', 'server-unavailable'],
  ['-ERR [AUTH] Username and password not accepted.', 'credentials-refused', 'credentials-refused'],
  ['-ERR [AUTH] Your account is locked', 'credentials-refused', 'credentials-refused'],
  ['-ERR [auth] no', 'credentials-refused', 'credentials-refused'],
  ['-ERR [IN-USE] Do you have another POP session running?', 'account-busy', 'account-busy'],
  ['-ERR [LOGIN-DELAY] minimum time between mail checks violation', 'account-busy', 'account-busy'],
  ['-ERR [LOGIN-DELAY 60] later', 'account-busy', 'account-busy'],
  ['-ERR maildrop already locked', 'account-busy', 'account-busy'],
  ["-ERR can't get lock. Mailbox in use", 'account-busy', 'account-busy'],
  ['-ERR server busy', 'account-busy', 'account-busy'],
  ['-ERR please wait 5 minutes', 'account-busy', 'account-busy'],
  ['-ERR [SYS/TEMP] Failed to create POP3 session lock', 'server-unavailable', 'server-unavailable'],
  ['-ERR [SYS/PERM] Fatal error', 'server-unavailable', 'server-unavailable'],
  ['-ERR Temporary authentication failure', 'server-unavailable', 'server-unavailable'],
  ['-ERR service unavailable', 'server-unavailable', 'server-unavailable'],
  ['-ERR [SYS/PERM] Your account is not enabled for POP access.', 'pop-disabled', 'pop-disabled'],
  ['-ERR [AUTH] Application-specific password required', 'app-password-needed', 'app-password-needed'],
  ['-ERR [SYS/TEMP] Your account is not enabled for POP access.', 'server-unavailable', 'server-unavailable'],
  ['-ERR [IN-USE] POP3 access is blocked', 'account-busy', 'account-busy'],
  ['-ERR [X-UNKNOWN] no', 'credentials-refused', 'server-unavailable'],
];

describe('what a refused login means', () => {
  it.each(logins)('%s', (reply, plain, marked) => {
    expect(classifyLogin(reply, false)).toBe(plain);
    expect(classifyLogin(reply, true)).toBe(marked);
  });

  it('reads a code only where RFC 2449 puts it', () => {
    expect(responseCode('-ERR [IN-USE] x')).toBe('IN-USE');
    expect(responseCode('-ERR text [IN-USE]')).toBe('');
    expect(responseCode('-ERR')).toBe('');
    expect(responseCode('+ERR [AUTH] x')).toBe('AUTH');
  });

  it('never takes a refused greeting or listing for a wrong password', () => {
    expect(classifyRefusal('-ERR go away')).toBe('server-unavailable');
    expect(classifyRefusal('-ERR too busy')).toBe('account-busy');
    expect(classifyRefusal('-ERR [SYS/PERM] Your account is not enabled for POP access.')).toBe('pop-disabled');
  });
});

describe('what a refusal asks for', () => {
  it.each([
    ['-ERR [LOGIN-DELAY 60] later', 0, { hint: 'login-delay', retryAfterMs: 60_000 }],
    [
      '-ERR [LOGIN-DELAY] minimum time between mail checks violation',
      30,
      { hint: 'login-delay', retryAfterMs: 30_000 },
    ],
    ['-ERR [LOGIN-DELAY] wait', 0, { hint: 'login-delay' }],
    ['-ERR Suggested Backoff Time: 299961 milliseconds', 0, { hint: 'throttled', retryAfterMs: 299_961 }],
    ['-ERR too many connections, wait', 0, { hint: 'throttled' }],
    ['-ERR Request is throttled', 0, { hint: 'throttled' }],
    ['-ERR [IN-USE] Do you have another POP session running?', 0, { hint: 'in-use' }],
    ['-ERR [SYS/TEMP] not now', 30, {}],
  ])('%s', (reply, delay, hint) => {
    expect(hintDetails(reply, delay)).toEqual(hint);
  });
});

describe('saysUnsupported', () => {
  it.each([
    '-ERR Unsupported authentication mechanism.',
    '-ERR unrecognized authentication type',
    '-ERR Unknown SASL mechanism',
    '-ERR unknown command',
    '-ERR Command not implemented',
    '-ERR Mechanism CRAM-MD5 not supported',
    '-ERR authentication method is disabled',
    '-ERR [AUTH] Plaintext authentication disallowed on non-secure (SSL/TLS) connections.',
  ])('%s is about the mechanism', (reply) => {
    expect(saysUnsupported(reply)).toBe(true);
  });

  it.each([
    '-ERR',
    '-ERR Invalid login',
    '-ERR authentication failed',
    '-ERR invalid authentication credentials',
    '-ERR Logon failure: unknown user name or bad password.',
    '-ERR [AUTH] unknown method of payment',
    '-ERR [SYS/TEMP] Unsupported authentication mechanism.',
    '-ERR authentication method temporarily unavailable',
    '-ERR unknown command of a locked maildrop',
  ])('%s is not', (reply) => {
    expect(saysUnsupported(reply)).toBe(false);
  });
});
