import { describe, expect, it } from 'vitest';
import { toldRefusal } from '../../src/ground/told-refusal.ts';

describe('a refusal that tells its reason', () => {
  it.each([
    ['Your account is not enabled for POP access. Please visit your settings page', 'pop-disabled'],
    ['You are yet to enable POP for your account. Please contact your administrator.', 'pop-disabled'],
    ['POP3 access is disabled for this mailbox', 'pop-disabled'],
    ['POP3/IMAP access has been deactivated', 'pop-disabled'],
    ['mailbox is not POP3-enabled', 'pop-disabled'],
    ['Application-specific password required: https://support.example/185833', 'app-password-needed'],
    ['Please generate and use an app password to sign in', 'app-password-needed'],
    ['NEOBHODIM parol prilozheniya', 'app-password-needed'],
    ['Authentication unsuccessful, basic authentication is disabled.', 'oauth-needed'],
    ['LogonDenied-BasicAuthBlocked', 'oauth-needed'],
    ['Web login required: https://support.example/78754', 'web-login-needed'],
    ['Please log in via your web browser', 'web-login-needed'],
    ['You must sign in once on the web before you can use POP', 'web-login-needed'],
    ['Your password has expired', 'password-expired'],
    ['Please use your full email address to log in', 'user-form-wrong'],
    ['give the user name without the domain', 'user-form-wrong'],
    ['User is disabled.', 'account-disabled'],
    ['Account has been suspended', 'account-disabled'],
    ['LogonDenied-AccountDisabled', 'account-disabled'],
  ])('%s', (text, code) => {
    expect(toldRefusal(`-ERR [AUTH] ${text}`, 'pop')).toBe(code);
  });

  it.each([
    'Username and password not accepted.',
    'Logon failure: unknown user name or bad password.',
    'login failure or POP3 disabled, try later',
    'Invalid login or password or POP3 disabled',
    'POP3 access is temporarily disabled',
    'Your account is locked',
    'unknown user name or bad password for the app',
    'IMAP access is disabled for your domain.',
    '',
  ])('is not guessed from: %s', (text) => {
    expect(toldRefusal(`-ERR ${text}`, 'pop')).toBeUndefined();
  });

  it('speaks of the protocol that was used', () => {
    expect(toldRefusal('Your account is not enabled for IMAP use.', 'imap')).toBe('imap-disabled');
    expect(toldRefusal('IMAP access is disabled for your domain.', 'imap')).toBe('imap-disabled');
    expect(toldRefusal('POP3/IMAP access is switched off', 'imap')).toBe('imap-disabled');
    expect(toldRefusal('POP3/IMAP access is switched off', 'pop')).toBe('pop-disabled');
  });
});
