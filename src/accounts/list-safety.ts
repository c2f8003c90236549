/** Whether a list file gives its passwords away. */
import { stat } from 'node:fs/promises';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Account } from './account.ts';
import { SecretRef } from './secret.ts';

/** Read permission of the group and of others. */
const readableByOthers = 0o044;

/**
 * `list-secrets-readable` when others can read the list and a password stands in it; undefined otherwise. Passwords
 * that come from the settings' `defaults` stand elsewhere. Never throws.
 */
export async function listWarning(
  path: string,
  accounts: readonly Account[],
  defaults: Readonly<Record<string, string | number | boolean>>,
): Promise<MailhaulError | undefined> {
  const mode = await stat(path).then(
    (found) => found.mode & 0o777,
    () => 0,
  );
  if ((mode & readableByOthers) === 0) return undefined;
  const given = (column: string) => {
    const secret = SecretRef.parse(String(defaults[column] ?? ''), '');
    return secret instanceof SecretRef ? secret : undefined;
  };
  const [pop, imap] = [given('pop_password'), given('imap_password')];
  const inList = (secret: SecretRef, otherwise: SecretRef | undefined) =>
    secret.isLiteral && !(otherwise && secret.equals(otherwise));
  const holds = accounts.some(
    ({ source, destination }) => inList(source.password, pop) || inList(destination.password, imap),
  );
  if (!holds) return undefined;
  return new MailhaulError('list-secrets-readable', { path: printable(path), mode: mode.toString(8) });
}
