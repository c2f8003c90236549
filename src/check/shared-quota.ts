/** Several accounts of a list that deliver into one quota: what is to come is held against it together. Pure. */
import { type Account, ownerOf } from '../accounts/account.ts';
import { MailhaulError } from '../ground/errors.ts';
import { freeBytes } from '../imap/mailbox-quota.ts';
import { amount } from '../limits/budgets.ts';
import type { CheckedAccount } from './account.ts';
import type { Finding } from './findings.ts';

/** One account of the list, and what was found out about it. */
export interface Member {
  readonly account: Account;
  readonly checked: CheckedAccount;
}

/**
 * The accounts again, in their order. Where several share a quota that is too small for what comes from all of them, each
 * that brings anything has a finding that says so, in the place of one about itself.
 */
export function withSharedQuotas(members: readonly Member[]): Member[] {
  const sharers = new Map<string, Member[]>();
  for (const member of members) {
    const key = quotaKey(member);
    if (key === undefined || member.checked.fitting === 0) continue;
    const group = sharers.get(key);
    if (group) group.push(member);
    else sharers.set(key, [member]);
  }
  const shared = new Map([...sharers.values()].flatMap((group) => group.map((member) => [member, group] as const)));
  return members.map((member) => withFinding(member, shared.get(member) ?? []));
}

/** Owner and root: a user may have several, and two users never share the name of one. */
function quotaKey({ account: { destination }, checked }: Member): string | undefined {
  const quota = checked.destination.look?.quota;
  return quota && JSON.stringify([destination.host, ownerOf(destination), quota.root]);
}

function withFinding(member: Member, group: readonly Member[]): Member {
  if (group.length < 2) return member;
  const { account, checked } = member;
  const bytes = group.reduce((sum, one) => sum + one.checked.fitting, 0);
  // They were looked at one after the other, and mail may have come in between.
  const free = Math.min(
    ...group.map((one) => freeBytes(one.checked.destination.look?.quota) ?? Number.POSITIVE_INFINITY),
  );
  if (bytes <= free) return member;
  const { host, user } = account.destination;
  const incoming = `${amount(bytes)} of ${group.length} accounts`;
  const error = new MailhaulError('quota-too-small', { host, user, incoming, free: amount(free) });
  const others = checked.findings.filter((finding) => finding.error.code !== error.code);
  const finding: Finding = { error, count: 1, side: 'destination' };
  return { account, checked: { ...checked, findings: [...others, finding] } };
}
