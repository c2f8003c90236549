/** Whether a settings file gives client secrets away. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { SecretRef } from '../accounts/secret.ts';
import { MailhaulError, printable } from '../ground/errors.ts';

/** Read permission of the group and of others. */
const readableByOthers = 0o044;

/**
 * `settings-secrets-readable` when others can read the file and a client secret stands in it; undefined otherwise.
 * Never throws: what is wrong with a settings file is found elsewhere.
 */
export function settingsWarning(path: string): MailhaulError | undefined {
  try {
    const mode = statSync(path).mode & 0o777;
    if ((mode & readableByOthers) === 0) return undefined;
    const { oauth = {} } = parse(readFileSync(path, 'utf8')) as { oauth?: Record<string, { clientSecret?: unknown }> };
    if (!Object.values(oauth).some(({ clientSecret }) => isLiteral(clientSecret))) return undefined;
    return new MailhaulError('settings-secrets-readable', { path: printable(path), mode: mode.toString(8) });
  } catch {
    return undefined;
  }
}

function isLiteral(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  const secret = SecretRef.parse(text, '');
  return secret instanceof SecretRef && secret.isLiteral;
}
