/** What a connection that did not come up means in the table of errors. */
import { MailhaulError, printable } from '../ground/errors.ts';
import { isTlsCode, tlsError } from '../transport/tls.ts';
import { byeError, loginError, type Peer, withoutSecrets } from './classify.ts';
import type { ImapLogin } from './mechanism.ts';

/** What imapflow and Node put on the errors they throw. */
interface ConnectFailure {
  message?: string;
  code?: string;
  /** The text of the server's BYE, on imapflow's errors. */
  reason?: string;
  tlsFailed?: boolean;
  authenticationFailed?: boolean;
  responseStatus?: string;
  responseText?: string;
  serverResponseCode?: string;
  response?: unknown;
  /** What the server said of a refused token, in a challenge (RFC 7628 §3.2.2). */
  oauthError?: unknown;
}

/** What the login was done with. */
export interface TriedLogin {
  secrets: readonly string[];
  /** Undefined where it never came to a login. */
  login?: ImapLogin | undefined;
}

/** How long each step was allowed to take, for the texts. */
export interface ConnectLimits {
  imapConnectTimeoutMs: number;
  imapLoginTimeoutMs: number;
  /** Whether the connection begins in plain text. */
  plain?: boolean;
  /** Whether the server has said a word. */
  greeted?: boolean;
}

/** What imapflow calls the end of the connection. */
export const connectionGone = /^(?:NoConnection|EConnectionClosed|StateLogout|ClosedAfterConnect)/;

/** Any error of imapflow's connect(). The secrets are struck out; the error thrown is not kept, it may hold the login. */
export function connectError(
  peer: Peer,
  thrown: unknown,
  limits: ConnectLimits,
  { secrets, login }: TriedLogin,
): MailhaulError {
  if (thrown instanceof MailhaulError) return thrown;
  const failure = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as ConnectFailure;
  const { code = '' } = failure;
  const message = withoutSecrets(peer, failure.message ?? '');
  const reason = printable(message);
  // RFC 7628 §3.2.2 has the words of HTTP in `status`, and some have its numbers
  const said = withoutSecrets(peer, oauthText(failure.oauthError));
  if (/status 5\d\d\b/.test(said)) return new MailhaulError('server-unavailable', { ...peer, reply: printable(said) });
  if (failure.responseStatus === 'NO' || failure.responseStatus === 'BAD') {
    const refusal = {
      reply: failure.responseStatus,
      responseCode: failure.serverResponseCode,
      text: `${failure.responseText ?? ''}${said}`,
    } as const;
    return loginError(peer, refusal, { secrets, mechanism: login?.mechanism ?? 'none', offered: login?.offered ?? '' });
  }
  // Node's own errors have a `reason` of another kind
  if (failure.reason && connectionGone.test(code)) return byeError(peer, failure.reason, 'login');
  if (code === 'STARTTLS_INJECTION') return new MailhaulError('starttls-injected', { ...peer });
  if (code === 'CONNECT_TIMEOUT' || code === 'ETIMEDOUT')
    return new MailhaulError('connect-timeout', { ...peer, seconds: limits.imapConnectTimeoutMs / 1000 });
  const silence = code === 'GREETING_TIMEOUT' || code === 'ETIMEOUT';
  if (silence && limits.plain === true && limits.greeted === false) {
    return new MailhaulError('greeting-missing', { ...peer, seconds: limits.imapLoginTimeoutMs / 1000 });
  }
  if (silence) return silent(peer, limits);
  if (failure.tlsFailed === true && /does not support STARTTLS/.test(message))
    return new MailhaulError('starttls-missing', { ...peer });
  if (failure.tlsFailed === true || isTlsCode(code) || /before secure TLS connection/.test(message)) {
    return tlsError(peer, { code, message }, limits.plain);
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'EAI_NONAME')
    return new MailhaulError('host-unknown', { ...peer });
  if (/^(?:ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|EADDRNOTAVAIL|EACCES|EPERM)$/.test(code)) {
    return new MailhaulError('connection-refused', { ...peer, reason: code });
  }
  if (
    /^(?:LineTooLarge|LiteralTooLarge|ResponseTooLarge|ParserError|UnexpectedTag|InvalidResponse|ResponseProcessingFailed)/.test(
      code,
    )
  ) {
    return new MailhaulError('protocol-error', { ...peer, during: 'login', reply: reason });
  }
  return withoutRefusal(peer, { ...failure, message });
}

/** ` (status 400, scope …)`, or nothing. */
function oauthText(said: unknown): string {
  if (typeof said !== 'object' || said === null) return '';
  const words = Object.entries(said).map(([name, value]) => `${name} ${String(value)}`);
  return ` (${words.join(', ')})`;
}

/** Failures of a login that no tagged answer explains. */
function withoutRefusal(
  peer: Peer,
  { message = '', response, authenticationFailed, code }: ConnectFailure,
): MailhaulError {
  // Exchange answers NAMESPACE like this where the login was good and the mailbox is out of reach (imap-quirks §2.1)
  if (typeof response === 'string' && /authenticated but not connected/i.test(response)) {
    return new MailhaulError('server-unavailable', { ...peer, reply: printable(withoutSecrets(peer, response)) });
  }
  if (code === undefined && (authenticationFailed === true || /authentication mechanism/i.test(message))) {
    return new MailhaulError('login-mechanism', { ...peer, wanted: 'a password', offered: printable(message) });
  }
  return new MailhaulError('connection-lost', { ...peer, during: 'login' });
}

function silent(peer: Peer, { imapLoginTimeoutMs }: ConnectLimits): MailhaulError {
  return new MailhaulError('server-silent', { ...peer, seconds: imapLoginTimeoutMs / 1000, during: 'login' });
}
