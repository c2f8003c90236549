/** What a certificate that verified tells, and whether a port speaks TLS at all. */
import type { Socket } from 'node:net';
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { Lines } from '../accounts/discovery/lines.ts';
import { askForTls, greet } from '../accounts/discovery/talk.ts';
import { MailhaulError, printable } from '../ground/errors.ts';
import { settled } from '../transport/settled.ts';
import { openTcp } from '../transport/tcp.ts';
import { tlsOptions } from '../transport/tls.ts';
import type { Opening, Target, Transport } from '../transport/transport.ts';

/** The TLS of one connection. */
export interface TlsFacts {
  /** `TLSv1.3`. */
  readonly protocol: string;
  /** The name in the certificate. */
  readonly name: string;
  readonly issuer: string;
  /** When the certificate ends, in milliseconds since 1970. */
  readonly endsAt: number;
}

/** Reads them off a connection; undefined where it shows no certificate. */
export function tlsFacts(socket: TLSSocket): TlsFacts | undefined {
  const certificate: Partial<PeerCertificate> = socket.getPeerCertificate();
  if (certificate.valid_to === undefined) return undefined;
  const { subject, issuer, subjectaltname = '' } = certificate;
  const firstName = /^DNS:([^,]+)/.exec(subjectaltname)?.[1];
  return {
    protocol: socket.getProtocol() ?? '',
    name: shown(subject?.CN ?? firstName),
    issuer: shown(issuer?.O ?? issuer?.CN),
    endsAt: Date.parse(certificate.valid_to),
  };
}

/** Whole days until the certificate ends; negative when it has. */
export function daysLeft({ endsAt }: TlsFacts, now: number): number {
  return Math.floor((endsAt - now) / 86_400_000);
}

function shown(text: string | readonly string[] | undefined): string {
  return printable([text ?? ''].flat().join(', '), 200);
}

/**
 * Whether a server answers a TLS handshake at once. Only asked of a server that did not greet in plain text; nothing but
 * the handshake is sent, so whom the certificate names is of no matter here. Never rejects.
 */
export async function speaksTls(target: Target, transport: Transport, opening: Opening): Promise<boolean> {
  return (await shownFingerprint({ ...target, security: 'tls' }, 'pop3', transport, opening)) !== undefined;
}

/**
 * The SHA-256 fingerprint of the certificate that a server shows, verified or not: for a person to compare, and to be
 * trusted by nobody. Nothing is sent but what leads to the handshake. Undefined where it comes to none; never rejects.
 */
export async function shownFingerprint(
  target: Target & { readonly security: 'tls' | 'starttls' | 'none' },
  protocol: 'pop3' | 'imap',
  transport: Transport,
  opening: Opening,
): Promise<string | undefined> {
  const { host, security } = target;
  const socket = await openTcp(target, transport, opening).catch(() => undefined);
  if (!socket) return undefined;
  try {
    if (security === 'starttls')
      await settled(socket, plainStart(socket, host, protocol), opening, notSpoken, notSpoken);
    const secure = connect({ socket, ...tlsOptions(host, transport, undefined), rejectUnauthorized: false });
    await settled(secure, 'secureConnect', opening, notSpoken, notSpoken);
    const fingerprint = secure.getPeerX509Certificate()?.fingerprint256;
    secure.on('error', () => {}).destroy();
    return fingerprint;
  } catch {
    return undefined;
  } finally {
    socket.on('error', () => {}).destroy();
  }
}

/** The greeting, and the word for TLS (RFC 2595 §3.1, §4). */
async function plainStart(socket: Socket, host: string, protocol: 'pop3' | 'imap'): Promise<void> {
  const lines = new Lines(socket, host);
  await greet(lines, protocol);
  if (!(await askForTls(lines, protocol))) throw notSpoken();
  lines.leave();
}

const notSpoken = () => new MailhaulError('tls-not-spoken');
