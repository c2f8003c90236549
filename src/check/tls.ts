/** What a certificate that verified tells, and whether a port speaks TLS at all. */
import { connect, type PeerCertificate, type TLSSocket } from 'node:tls';
import { printable } from '../ground/errors.ts';

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
export function speaksTls(host: string, port: number, withinMs: number, signal: AbortSignal): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host, port, rejectUnauthorized: false });
    const end = (speaks: boolean) => {
      clearTimeout(timer);
      signal.removeEventListener('abort', onAbort);
      socket.destroy();
      resolve(speaks);
    };
    const onAbort = () => end(false);
    const timer = setTimeout(onAbort, withinMs);
    signal.addEventListener('abort', onAbort, { once: true });
    socket.once('secureConnect', () => end(true));
    socket.on('error', () => end(false)).once('close', () => end(false));
  });
}
