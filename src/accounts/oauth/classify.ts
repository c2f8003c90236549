/** What goes wrong at a provider of tokens, as codes of the error table. No token and no secret gets through. */
import { MailhaulError, printable } from '../../ground/errors.ts';
import type { OAuthKind } from '../../ground/settings-oauth.ts';

/** Whose token was asked for, where. */
export interface TokenFor {
  /** The name under `oauth` in the settings. */
  readonly provider: string;
  readonly kind: OAuthKind;
  readonly user: string;
}

/** RFC 6749 §5.2 and OpenID Connect Core §3.1.2.6: the person has to come back. */
const needsPerson: ReadonlySet<string> = new Set([
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
]);
const passes: ReadonlySet<string> = new Set(['temporarily_unavailable', 'server_error', 'slow_down']);

/** What of a connection passes. Faults of the way there (a proxy) are no fault of the provider, and stay what they are. */
const away: ReadonlySet<string> = new Set(['host-unknown', 'connection-refused', 'connect-timeout', 'tls-failed']);

/** What the errors of the library and of fetch have in common. */
interface Thrown {
  readonly message?: string;
  readonly code?: string;
  readonly status?: number;
  readonly error?: string;
  readonly error_description?: string;
  readonly cause?: unknown;
}

/** The error of the table; whatever is in `secrets` is taken out of its text. */
export function tokenError(thrown: unknown, asked: TokenFor, secrets: readonly string[]): MailhaulError {
  const { provider, kind, user } = asked;
  const error = thrown as Thrown;
  const fail = (code: ConstructorParameters<typeof MailhaulError>[0], reason: string) =>
    new MailhaulError(code, { provider: `oauth2:${provider}`, user, reason: withoutSecrets(reason, secrets) });
  const ours = ourError(thrown);
  if (ours !== undefined) {
    if (away.has(ours.code)) return fail('oauth-unavailable', ours.message);
    return ours.code.startsWith('tls-') ? fail('oauth-unusable', ours.message) : ours;
  }
  if (typeof error.error === 'string') {
    const reason = [error.error, error.error_description].filter(Boolean).join(': ');
    if (passes.has(error.error) || isPassing(error.status)) return fail('oauth-unavailable', reason);
    const person = kind === 'refresh-token' && needsPerson.has(error.error);
    return fail(person ? 'oauth-consent-revoked' : 'oauth-client-refused', reason);
  }
  const status = error.cause instanceof Response ? error.cause.status : error.status;
  if (status !== undefined) {
    return fail(isPassing(status) ? 'oauth-unavailable' : 'oauth-unusable', `it answered with HTTP status ${status}`);
  }
  if (error.code === 'OAUTH_TIMEOUT' || error.code === 'OAUTH_ABORT') {
    return fail('oauth-unavailable', 'it did not answer in time');
  }
  const network = networkCode(error);
  if (network !== undefined) return fail(isNotTrusted(network) ? 'oauth-unusable' : 'oauth-unavailable', network);
  return fail('oauth-unusable', printable(error.message ?? 'it gave no answer that can be understood'));
}

function isPassing(status: number | undefined): boolean {
  return status !== undefined && (status >= 500 || status === 429);
}

/** An error with those below it: the library says only that something failed. */
function* chain(error: unknown): Generator<Error> {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth += 1) yield at;
}

function ourError(error: unknown): MailhaulError | undefined {
  for (const at of chain(error)) if (at instanceof MailhaulError) return at;
  return undefined;
}

function networkCode(error: unknown): string | undefined {
  for (const at of chain(error)) {
    const { code } = at as NodeJS.ErrnoException;
    if (typeof code === 'string' && /^[A-Z][A-Z0-9_]+$/.test(code) && !code.startsWith('OAUTH_')) return code;
  }
  return undefined;
}

function isNotTrusted(code: string): boolean {
  return /CERT|SELF_SIGNED|TLS|SSL|ISSUER|UNABLE_TO_VERIFY/.test(code);
}

/** Text of a provider without what it was sent, and without anything that looks like a signed token. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  let clean = text;
  for (const secret of secrets) if (secret.length > 3) clean = clean.replaceAll(secret, '[secret]');
  clean = clean.replace(/\beyJ[\w-]{8,}(?:\.[\w-]*){1,4}/g, '[secret]');
  return printable(clean, 600);
}
