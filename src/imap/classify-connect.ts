/** What a connection that did not come up means in the table of errors. */
import { MailhaulError, printable } from '../ground/errors.ts';
import { byeError, loginError, type Peer, withoutSecrets } from './classify.ts';

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
}

/** How long each step was allowed to take, for the texts. */
export interface ConnectLimits {
  imapConnectTimeoutMs: number;
  imapLoginTimeoutMs: number;
}

// The verification codes of OpenSSL as Node names them, and Node's own
const certificateCode =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;

/** What imapflow calls the end of the connection. */
export const connectionGone = /^(?:NoConnection|EConnectionClosed|StateLogout|ClosedAfterConnect)/;

/** Any error of imapflow's connect(). `secrets` are struck out; the error thrown is not kept, it may hold the login. */
export function connectError(
  peer: Peer,
  thrown: unknown,
  limits: ConnectLimits,
  secrets: readonly string[],
): MailhaulError {
  if (thrown instanceof MailhaulError) return thrown;
  const failure = (typeof thrown === 'object' && thrown !== null ? thrown : {}) as ConnectFailure;
  const { code = '' } = failure;
  const message = withoutSecrets(peer, failure.message ?? '');
  const reason = printable(message);
  if (failure.responseStatus === 'NO' || failure.responseStatus === 'BAD') {
    const refusal = {
      reply: failure.responseStatus,
      responseCode: failure.serverResponseCode,
      text: failure.responseText ?? '',
    } as const;
    return loginError(peer, refusal, secrets);
  }
  // Node's own errors have a `reason` of another kind
  if (failure.reason && connectionGone.test(code)) return byeError(peer, failure.reason, 'login');
  if (code === 'STARTTLS_INJECTION') return new MailhaulError('starttls-injected', { ...peer });
  if (certificateCode.test(code)) return new MailhaulError('tls-unverified', { ...peer, reason });
  if (code === 'CONNECT_TIMEOUT' || code === 'ETIMEDOUT')
    return new MailhaulError('connect-timeout', { ...peer, seconds: limits.imapConnectTimeoutMs / 1000 });
  if (code === 'GREETING_TIMEOUT' || code === 'ETIMEOUT') return silent(peer, limits);
  if (failure.tlsFailed === true && /does not support STARTTLS/.test(message))
    return new MailhaulError('starttls-missing', { ...peer });
  // OpenSSL met text where the first record of TLS should be
  if (/^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code))
    return new MailhaulError('tls-not-spoken', { ...peer, reason });
  if (
    failure.tlsFailed === true ||
    /^(?:ERR_SSL|ERR_TLS|EPROTO)/.test(code) ||
    /before secure TLS connection/.test(message)
  ) {
    return new MailhaulError('tls-failed', { ...peer, reason });
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

/** Failures of a login that no tagged answer explains. */
function withoutRefusal(
  peer: Peer,
  { message = '', response, authenticationFailed, code }: ConnectFailure,
): MailhaulError {
  // Exchange answers NAMESPACE like this where the login was good and the mailbox is out of reach (imap-quirks §2.1)
  if (typeof response === 'string' && /authenticated but not connected/i.test(response)) {
    return new MailhaulError('server-unavailable', { ...peer, reply: printable(response) });
  }
  if (code === undefined && (authenticationFailed === true || /authentication mechanism/i.test(message))) {
    return new MailhaulError('login-mechanism', { ...peer, wanted: 'a password', offered: printable(message) });
  }
  return new MailhaulError('connection-lost', { ...peer, during: 'login' });
}

function silent(peer: Peer, { imapLoginTimeoutMs }: ConnectLimits): MailhaulError {
  return new MailhaulError('server-silent', { ...peer, seconds: imapLoginTimeoutMs / 1000, during: 'login' });
}
