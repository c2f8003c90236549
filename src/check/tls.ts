/** What a certificate that verified tells, and whether a port speaks TLS at all. */
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { MailhaulError, printable } from '../ground/errors.ts';
import { settled } from '../transport/settled.ts';
import { openTcp } from '../transport/tcp.ts';
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
  const socket = await openTcp(target, transport, opening).catch(() => undefined);
  if (!socket) return false;
  const secure = connect({ socket, rejectUnauthorized: false });
  const said = await settled(secure, 'secureConnect', opening, notSpoken, notSpoken).then(
    () => true,
    () => false,
  );
  secure.on('error', () => {}).destroy();
  return said;
}

const notSpoken = () => new MailhaulError('tls-not-spoken');
