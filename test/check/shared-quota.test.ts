import { describe, expect, it } from 'vitest';
import type { Account, Endpoint } from '../../src/accounts/account.ts';
import { SecretRef } from '../../src/accounts/secret.ts';
import type { CheckedAccount } from '../../src/check/account.ts';
import { type Member, withSharedQuotas } from '../../src/check/shared-quota.ts';
import { MailhaulError } from '../../src/ground/errors.ts';
import type { Quota } from '../../src/imap/mailbox-quota.ts';

const password = SecretRef.parse('pw', '/') as SecretRef;
const endpoint = (host: string, user: string): Endpoint => ({
  ...{ host, port: 993, security: 'tls', auth: 'auto', user, password },
});

/** An account that brings so many bytes; of 1000 in the quota 400 are free unless told. */
function member(fitting: number, to: Partial<Endpoint> = {}, quota: Partial<Quota> | 'none' = {}): Member {
  const destination = { ...endpoint('imap.test', 'box'), ...to };
  const source = endpoint('pop.test', 'ann');
  const account: Account = {
    ...{ id: 'a', key: 'k', group: 'default', enabled: true, mailbox: 'INBOX', line: 2, source, destination },
  };
  const unseen = { look: undefined, tls: undefined, capabilities: undefined };
  const whole = quota === 'none' ? undefined : { root: '', usedBytes: 600, limitBytes: 1000, ...quota };
  const look = { capabilities: new Set<string>(), appendLimit: undefined, quota: whole, messages: 0 };
  const findings: CheckedAccount['findings'] = [];
  return { account, checked: { source: unseen, destination: { ...unseen, look }, fitting, findings } };
}

const findingsOf = (...members: Member[]) =>
  withSharedQuotas(members).map(({ checked }) => checked.findings.map(({ error }) => error.message));

const shared = (incoming: string, count: number) => [
  `${incoming} of ${count} accounts will come to the mailbox of box at imap.test, and its quota leaves 400 bytes`,
];

describe('a quota that several accounts share', () => {
  it('is held against what comes from all of them', () => {
    expect(findingsOf(member(200), member(200))).toEqual([[], []]);
    expect(findingsOf(member(200), member(201))).toEqual([shared('401 bytes', 2), shared('401 bytes', 2)]);
  });

  it('is the business of those only who bring something', () => {
    expect(findingsOf(member(300), member(0), member(200))).toEqual([
      shared('500 bytes', 2),
      [],
      shared('500 bytes', 2),
    ]);
    expect(findingsOf(member(500), member(0))).toEqual([[], []]);
  });

  it('is told by its owner, host and root, and by nothing else', () => {
    expect(findingsOf(member(300), member(300, { host: 'other.test' }))).toEqual([[], []]);
    expect(findingsOf(member(300), member(300, { user: 'other' }))).toEqual([[], []]);
    expect(findingsOf(member(300), member(300, {}, { root: 'archive' }))).toEqual([[], []]);
    const master = { user: 'master', authzUser: 'box' };
    expect(findingsOf(member(300), member(300, master)).map(({ length }) => length)).toEqual([1, 1]);
    // Two mailboxes that one master user opens are not one.
    const others = [member(300, { user: 'master', authzUser: 'a' }), member(300, { user: 'master', authzUser: 'b' })];
    expect(findingsOf(...others)).toEqual([[], []]);
  });

  it('is not there, or has no end', () => {
    expect(findingsOf(member(300, {}, 'none'), member(300, {}, 'none'))).toEqual([[], []]);
    expect(findingsOf(member(300, {}, { limitBytes: 0 }), member(300, {}, { limitBytes: 0 }))).toEqual([[], []]);
  });

  it('takes the place of what was said of an account alone, and of nothing else', () => {
    const [first, second] = [member(500), member(100)];
    const own = new MailhaulError('quota-too-small', { host: 'imap.test', user: 'box', incoming: '500', free: '400' });
    const other = new MailhaulError('uidl-missing', { host: 'pop.test' });
    const findings = [own, other].map((error) => ({ error, count: 1, side: 'source' as const }));
    const one = { ...first, checked: { ...first.checked, findings } };
    expect(findingsOf(one, second)).toEqual([[other.message, ...shared('600 bytes', 2)], shared('600 bytes', 2)]);
  });
});
