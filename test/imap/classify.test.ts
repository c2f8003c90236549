import { describe, expect, test } from 'vitest';
import { MailhaulError } from '../../src/ground/errors.ts';
import { byeError, hintDetails, loginError, mailboxError, saysMissing } from '../../src/imap/classify.ts';
import { backoffMs, classifyRefusal } from '../../src/imap/classify-append.ts';
import { connectError } from '../../src/imap/classify-connect.ts';

const peer = { host: 'imap.example', port: 993, user: 'ann' };
const throttled = 'Request is throttled. Suggested Backoff Time: 299961 milliseconds';

describe('classifyRefusal, after the table of responses', () => {
  test.each([
    ['NO', 'TRYCREATE', '', 'create', 'mailbox-refused'],
    ['NO', 'NONEXISTENT', '', 'create', 'mailbox-refused'],
    ['NO', 'TOOBIG', '', 'message', 'message-too-big'],
    ['BAD', 'TOOBIG', '', 'message', 'message-too-big'],
    ['NO', 'OVERQUOTA', 'Quota exceeded (mailbox for user is full)', 'account-full', 'mailbox-full'],
    ['NO', 'OVERQUOTA', 'Account exceeded command or bandwidth limits', 'wait', 'server-unavailable'],
    ['NO', 'LIMIT', 'too many keywords', 'flags', 'append-refused'],
    ['NO', 'THROTTLED', '', 'wait', 'server-unavailable'],
    ['NO', 'UNAVAILABLE', '', 'wait', 'server-unavailable'],
    ['NO', 'SERVERBUG', '', 'again', 'server-unavailable'],
    ['NO', 'TEMPFAIL', '', 'wait', 'server-unavailable'],
    ['NO', 'INUSE', '', 'wait', 'account-busy'],
    ['BAD', undefined, throttled, 'wait', 'server-unavailable'],
    ['NO', undefined, 'Server Unavailable. 15', 'again', 'server-unavailable'],
    ['BAD', undefined, 'User is authenticated but not connected.', 'wait', 'server-unavailable'],
    ['NO', undefined, 'APPEND The 1500 MB storage limit has been reached', 'account-full', 'mailbox-full'],
    ['NO', 'NOPERM', '', 'account', 'mailbox-refused'],
    ['NO', 'CONTACTADMIN', '', 'account', 'mailbox-refused'],
    ['NO', 'AUTHENTICATIONFAILED', '', 'account', 'mailbox-refused'],
    ['NO', 'EXPIRED', '', 'account', 'mailbox-refused'],
    ['NO', 'CANNOT', 'APPEND Contains Deleted flag', 'flags', 'append-refused'],
    ['NO', 'CLIENTBUG', '', 'again', 'append-refused'],
    ['BAD', undefined, 'Command Argument Error. 11', 'again', 'append-refused'],
    ['NO', undefined, 'Message refused because it contains a virus', 'message', 'append-refused'],
    ['NO', undefined, 'Message contains NUL characters', 'message', 'append-refused'],
    ['NO', undefined, '', 'again', 'append-refused'],
  ] as const)('%s [%s] %s: %s, %s', (reply, responseCode, text, action, code) => {
    expect(classifyRefusal({ reply, responseCode, text })).toMatchObject({ action, code });
  });

  test('a hint how long to wait is handed on in full', () => {
    expect(classifyRefusal({ reply: 'BAD', responseCode: undefined, text: throttled }).waitMs).toBe(299_961);
    expect(backoffMs('try later')).toBeUndefined();
  });
});

const tried = (...secrets: string[]) => ({ secrets, mechanism: 'PLAIN', offered: 'AUTH=PLAIN' });

describe('loginError', () => {
  test.each([
    ['NO', 'AUTHENTICATIONFAILED', 'Authentication failed, try again', 'credentials-refused'],
    ['NO', undefined, 'LOGIN failed.', 'credentials-refused'],
    ['NO', 'ALERT', 'Your account is not enabled for IMAP use.', 'imap-disabled'],
    ['NO', 'WEBALERT', 'Web login required.', 'web-login-needed'],
    ['NO', 'AUTHENTICATIONFAILED', 'User is disabled.', 'account-disabled'],
    ['NO', 'UNAVAILABLE', 'IMAP is not available', 'server-unavailable'],
    ['NO', 'ALERT', 'Application-specific password required', 'app-password-needed'],
    ['NO', 'ALERT', 'Too many simultaneous connections. (Failure)', 'account-busy'],
    ['NO', 'EXPIRED', '', 'credentials-refused'],
    ['NO', 'UNAVAILABLE', 'Temporary authentication failure.', 'server-unavailable'],
    ['NO', 'INUSE', '', 'account-busy'],
    ['NO', 'LIMIT', 'LOGIN Rate limit hit', 'account-busy'],
    ['NO', 'SERVERBUG', '', 'server-unavailable'],
    ['NO', undefined, 'Maximum number of connections from user+IP exceeded', 'account-busy'],
    ['NO', undefined, 'Server error - Please try again later', 'server-unavailable'],
    ['NO', 'PRIVACYREQUIRED', '', 'login-mechanism'],
    ['NO', undefined, 'Unsupported authentication mechanism', 'login-mechanism'],
    ['BAD', undefined, 'Command Argument Error. 12', 'credentials-refused'],
    ['BAD', undefined, 'Unknown command', 'login-mechanism'],
    ['BAD', undefined, throttled, 'server-unavailable'],
  ] as const)('%s [%s] %s: %s', (reply, responseCode, text, code) => {
    expect(loginError(peer, { reply, responseCode, text }, tried()).code).toBe(code);
  });

  test('strikes the password out of what the server says', () => {
    const error = loginError(
      peer,
      { reply: 'NO', responseCode: undefined, text: 'ann hunter22 failed' },
      tried('hunter22'),
    );
    expect(error.message).not.toContain('hunter22');
    expect(error.message).toContain('ann … failed');
  });

  test('hands the wait on', () => {
    expect(
      loginError(peer, { reply: 'BAD', responseCode: undefined, text: throttled }, tried()).details['retryAfterMs'],
    ).toBe(299_961);
  });
});

test.each([
  [{ code: 'ENOTFOUND' }, 'host-unknown'],
  [{ code: 'EAI_AGAIN' }, 'host-unknown'],
  [{ code: 'ECONNREFUSED' }, 'connection-refused'],
  [{ code: 'EHOSTUNREACH' }, 'connection-refused'],
  [{ code: 'CONNECT_TIMEOUT' }, 'connect-timeout'],
  [{ code: 'ETIMEDOUT' }, 'connect-timeout'],
  [{ code: 'GREETING_TIMEOUT' }, 'server-silent'],
  [{ code: 'CERT_HAS_EXPIRED', tlsFailed: true }, 'tls-unverified'],
  [{ code: 'DEPTH_ZERO_SELF_SIGNED_CERT' }, 'tls-unverified'],
  [{ code: 'UNABLE_TO_VERIFY_LEAF_SIGNATURE' }, 'tls-unverified'],
  [{ code: 'ERR_TLS_CERT_ALTNAME_INVALID' }, 'tls-unverified'],
  [{ code: 'ERR_SSL_WRONG_VERSION_NUMBER' }, 'tls-not-spoken'],
  [{ code: 'ERR_SSL_UNSUPPORTED_PROTOCOL' }, 'tls-too-old'],
  [{ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' }, 'tls-too-old'],
  [{ code: 'ERR_SSL_DH_KEY_TOO_SMALL' }, 'tls-too-old'],
  [{ code: 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED' }, 'tls-client-refused'],
  [{ code: 'ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE' }, 'tls-failed'],
  [{ code: 'EPROTO' }, 'tls-failed'],
  [{ code: 'UPGRADE_TIMEOUT', tlsFailed: true }, 'tls-failed'],
  [{ code: 'STARTTLS_INJECTION', tlsFailed: true }, 'starttls-injected'],
  [{ message: 'Server does not support STARTTLS', tlsFailed: true }, 'starttls-missing'],
  [{ code: 'ClosedAfterConnectTLS', reason: 'Too many connections' }, 'account-busy'],
  [{ code: 'NoConnection', reason: 'Server shutting down' }, 'server-unavailable'],
  [{ code: 'ClosedAfterConnectText' }, 'connection-lost'],
  [{ code: 'NoConnection', authenticationFailed: true }, 'connection-lost'],
  [{ message: 'Login is disabled', authenticationFailed: true }, 'login-mechanism'],
  [{ code: 'LineTooLarge' }, 'protocol-error'],
  [{ responseStatus: 'NO', oauthError: { status: '503' } }, 'server-unavailable'],
  [{ responseStatus: 'NO', oauthError: { status: '400' } }, 'credentials-refused'],
] as const)('connectError of %j is %s', (failure, code) => {
  const error = connectError(
    peer,
    Object.assign(new Error(), failure),
    { imapConnectTimeoutMs: 1000, imapLoginTimeoutMs: 1000 },
    { secrets: [] },
  );
  expect(error).toBeInstanceOf(MailhaulError);
  expect(error.code).toBe(code);
  expect(error.message).not.toMatch(/\{\w+\}/);
  expect(error.cause).toBeUndefined();
});

test('mailboxError, byeError and saysMissing', () => {
  expect(mailboxError(peer, 'Sent', { reply: 'NO', responseCode: 'CANNOT', text: 'bad name' })).toMatchObject({
    code: 'mailbox-refused',
    details: { mailbox: 'Sent', reply: 'NO [CANNOT] bad name' },
  });
  expect(mailboxError(peer, 'Sent', { reply: 'NO', responseCode: 'INUSE', text: '' }).code).toBe('account-busy');
  expect(byeError(peer, 'Session expired', 'APPEND').code).toBe('connection-lost');
  expect(saysMissing({ reply: 'NO', responseCode: undefined, text: "Mailbox doesn't exist: x" })).toBe(true);
  expect(saysMissing({ reply: 'NO', responseCode: 'NOPERM', text: 'not found for you' })).toBe(false);
  expect(saysMissing({ reply: 'BAD', responseCode: undefined, text: 'not found' })).toBe(false);
});

describe('what a server asks for', () => {
  test.each([
    ['THROTTLED', '', { hint: 'throttled' }],
    [undefined, throttled, { hint: 'throttled', retryAfterMs: 299_961 }],
    ['OVERQUOTA', 'Account exceeded command or bandwidth limits', { hint: 'throttled' }],
    ['OVERQUOTA', 'Quota exceeded', {}],
    ['UNAVAILABLE', 'temporary', {}],
  ])('in answer to APPEND: [%s] %s', (responseCode, text, details) => {
    expect(hintDetails(classifyRefusal({ reply: 'NO', responseCode, text }))).toEqual(details);
  });

  test.each([
    ['ALERT', 'Too many simultaneous connections. (Failure)', { hint: 'throttled' }],
    ['INUSE', 'locked', { hint: 'in-use' }],
    ['LIMIT', '', { hint: 'throttled' }],
    [undefined, throttled, { hint: 'throttled', retryAfterMs: 299_961 }],
  ])('in answer to LOGIN: [%s] %s', (responseCode, text, details) => {
    expect(loginError(peer, { reply: 'NO', responseCode, text }, tried()).details).toMatchObject(details);
  });

  test('in its farewell', () => {
    expect(byeError(peer, 'Too many connections', 'login').details).toMatchObject({ hint: 'throttled' });
    expect(byeError(peer, 'Autologout', 'login').details).not.toHaveProperty('hint');
  });
});

describe('a line of a megabyte', () => {
  test.each([
    ['login', (text: string) => loginError(peer, { reply: 'NO', responseCode: undefined, text }, tried())],
    ['farewell', (text: string) => byeError(peer, text, 'login')],
    ['SELECT', (text: string) => mailboxError(peer, 'INBOX', { reply: 'NO', responseCode: undefined, text })],
  ])('is looked at in its first words: %s', (_, errorOf) => {
    // Minutes go by where the patterns get all of it
    expect(errorOf('imap '.repeat(200_000)).code).toBe(errorOf('imap').code);
    expect(errorOf(`${'x'.repeat(1000)} too many connections, throttled`).code).toBe(errorOf('x').code);
  });
});
