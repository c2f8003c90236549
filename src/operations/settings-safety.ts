/** Whether a settings file, or a key file that it names, gives secrets away. */
import { readFileSync, statSync } from 'node:fs';
import { parse } from 'yaml';
import { SecretRef } from '../accounts/secret.ts';
import { MailhaulError, printable } from '../ground/errors.ts';
import type { Settings } from '../ground/settings.ts';

/** Settings that may be secrets, as a file that nobody has checked yet has them. */
interface WrittenSecrets {
  readonly oauth?: Record<string, { clientSecret?: unknown }>;
  readonly notifications?: Record<string, { password?: unknown; secrets?: unknown }>;
}

/** Read permission of the group and of others. */
const readableByOthers = 0o044;

/**
 * `settings-secrets-readable` when others can read the file and a client secret, or one of notifications, stands in it; undefined otherwise.
 * Never throws: what is wrong with a settings file is found elsewhere.
 */
export function settingsWarning(path: string): MailhaulError | undefined {
  try {
    const mode = modeOf(path);
    if ((mode & readableByOthers) === 0) return undefined;
    const { oauth = {}, notifications = {} } = parse(readFileSync(path, 'utf8')) as WrittenSecrets;
    const secrets = [
      ...Object.values(oauth).map(({ clientSecret }) => clientSecret),
      ...Object.values(notifications).flatMap((target) => [target.password, target.secrets].flat()),
    ];
    if (!secrets.some(isLiteral)) return undefined;
    return new MailhaulError('settings-secrets-readable', { path: printable(path), mode: mode.toString(8) });
  } catch {
    return undefined;
  }
}

/** `oauth-key-readable` for each private key under `oauth` that others can read. Never throws. */
export function keyWarnings({ oauth }: Pick<Settings, 'oauth'>): MailhaulError[] {
  const warnings: MailhaulError[] = [];
  for (const [name, { keyFile, clientKeyFile }] of Object.entries(oauth)) {
    const path = clientKeyFile ?? keyFile;
    const mode = path === undefined ? 0 : modeOf(path);
    if (path === undefined || (mode & readableByOthers) === 0) continue;
    warnings.push(new MailhaulError('oauth-key-readable', { path: printable(path), name, mode: mode.toString(8) }));
  }
  return warnings;
}

/** Permissions of a file; none where there is none, which is found elsewhere. */
function modeOf(path: string): number {
  try {
    return statSync(path).mode & 0o777;
  } catch {
    return 0;
  }
}

function isLiteral(text: unknown): boolean {
  if (typeof text !== 'string') return false;
  const secret = SecretRef.parse(text, '');
  return secret instanceof SecretRef && secret.isLiteral;
}
