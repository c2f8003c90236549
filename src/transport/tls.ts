/** TLS: what is asked of a server, and what is made of it when it falls short. */
import { constants } from 'node:crypto';
import { isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, TLSSocket } from 'node:tls';
import { type ErrorCode, MailhaulError, printable } from '../ground/errors.ts';
import type { Target, Transport } from './transport.ts';

/**
 * What Node is to ask of a host. Its certificate is always verified: against the authorities (`tlsCa` as PEM text, else
 * those of Node.js) and the name, or against the pin. The pin is not for Node to check: see `assertPeer`.
 */
export function tlsOptions(host: string, transport: Transport, tlsCa: string | undefined): ConnectionOptions {
  const { minTlsVersion, serverName, clientCertificate, tlsPin } = transport;
  const name = serverName ?? host;
  return {
    // RFC 6066 §3: no address literal in the name indication.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_hostname, certificate) => checkServerIdentity(name, certificate),
    rejectUnauthorized: tlsPin === undefined,
    minVersion: minTlsVersion,
    ...(isOld(minTlsVersion) ? oldOptions : {}),
    ...(tlsCa === undefined ? {} : { ca: tlsCa }),
    ...(clientCertificate === undefined ? {} : { cert: clientCertificate.cert, key: clientCertificate.key }),
  };
}

function isOld(version: string): boolean {
  return version === 'TLSv1' || version === 'TLSv1.1';
}

// OpenSSL 3 has TLS 1.0 and 1.1, and the keys and digests of their time, at security level 0 only
// (https://docs.openssl.org/3.0/man3/SSL_CTX_set_security_level/); RFC 5746 is younger than they are.
const oldOptions: ConnectionOptions = {
  ciphers: 'DEFAULT@SECLEVEL=0',
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
};

/**
 * The last look before a credential is sent: the connection is in TLS, and its certificate is the pinned one where
 * there is a pin.
 * @throws MailhaulError `tls-pin-mismatch`, with the fingerprint that was seen; `starttls-missing` for plain text
 */
export function assertPeer(socket: Socket, { host, port }: Target, { tlsPin }: Transport): void {
  if (!(socket instanceof TLSSocket)) throw new MailhaulError('starttls-missing', { host, port });
  if (tlsPin === undefined) return;
  const fingerprint = socket.getPeerX509Certificate()?.fingerprint256 ?? 'none at all';
  if (plainDigits(fingerprint) === tlsPin) return;
  throw new MailhaulError('tls-pin-mismatch', { host, port, fingerprint });
}

/** A fingerprint as `Transport` has it: without colons, in lower case. */
export function plainDigits(fingerprint: string): string {
  return fingerprint.replaceAll(':', '').toLowerCase();
}

// The verification codes of OpenSSL as Node names them, and Node's own
const certificateCode =
  /^(?:CERT_|CRL_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/;
const tooOldCode =
  /UNSUPPORTED_PROTOCOL|PROTOCOL_VERSION|VERSION_TOO_LOW|KEY_TOO_SMALL|MD_TOO_WEAK|UNSAFE_LEGACY_RENEGOTIATION|SSL_VERSION_ON/;
const otherTalkCode =
  /^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|UNEXPECTED_MESSAGE|INVALID_RECORD)/;
const clientCode =
  /ALERT_(?:CERTIFICATE_|BAD_CERTIFICATE|UNKNOWN_CA|UNSUPPORTED_CERTIFICATE|NO_CERTIFICATE|ACCESS_DENIED)/;

/** Whether an error is about TLS at all. */
export function isTlsCode(code: string): boolean {
  return certificateCode.test(code) || tooOldCode.test(code) || /^(?:ERR_SSL|ERR_TLS|EPROTO|UNSPECIFIED)/.test(code);
}

/**
 * What an error of a handshake means.
 * @param afterPlain whether plain text went before it: STARTTLS
 */
export function tlsError(target: Target, thrown: unknown, afterPlain = false): MailhaulError {
  const { code = '', message = '' } = (thrown ?? {}) as { code?: unknown; message?: string };
  const { host, port } = target;
  const found = codeOf(String(code), message);
  // More plain text where the server's part of the handshake should be: late, but injected all the same.
  const meaning = afterPlain && found === 'tls-not-spoken' ? 'starttls-injected' : found;
  return new MailhaulError(meaning, { host, port, reason: reasonOf(String(code), message) });
}

function codeOf(code: string, message: string): ErrorCode {
  // Node has no name for what is wrong with a certificate whose key or digest is too weak.
  if (code === 'UNSPECIFIED') return /too weak/.test(message) ? 'tls-too-old' : 'tls-unverified';
  if (certificateCode.test(code)) return 'tls-unverified';
  if (tooOldCode.test(code)) return 'tls-too-old';
  if (otherTalkCode.test(code)) return 'tls-not-spoken';
  if (clientCode.test(code)) return 'tls-client-refused';
  return 'tls-failed';
}

/** `wrong version number`, of OpenSSL's `40A7…:error:0A00010B:SSL routines:ssl3_get_record:wrong version number:../deps/…:`. */
function reasonOf(code: string, message: string): string {
  const said = /:error:[0-9A-F]+:[^:]*:[^:]*:([^:]+)/.exec(message)?.[1];
  return printable(said ?? message) || code || 'no reason given';
}
