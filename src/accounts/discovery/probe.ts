/** Looking at a real server: TLS with a certificate that verifies, and what it offers. Nobody is logged in. */
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { type ErrorDetails, MailhaulError } from '../../ground/errors.ts';
import { lateConnection, openTcp } from '../../transport/tcp.ts';
import { tlsOptions } from '../../transport/tls.ts';
import { resolvesHere, type Transport } from '../../transport/transport.ts';
import { Lines } from './lines.ts';
import type { Dns, Probe, ProbeTarget, Proof } from './seams.ts';
import { askForTls, askMechanisms, greet } from './talk.ts';

/** How servers are looked at. */
export interface ProbeOptions {
  readonly dns: Pick<Dns, 'addresses'>;
  /** How a host is reached. */
  readonly transportOf: (host: string) => Promise<Transport>;
  /** For all of it: connection, TLS and the few answers. */
  readonly timeoutMs: number;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string;
}

/** What is under way in one look, so that all of it ends together. */
interface Look {
  readonly target: ProbeTarget;
  readonly peer: ErrorDetails;
  readonly transport: Transport;
  readonly sockets: Socket[];
  /** Ends a connection that is not there yet. */
  readonly end: AbortController;
  /** What is waited for: it decides what being late means. */
  during: 'connection' | 'TLS' | 'greeting';
}

/**
 * A probe that connects. Throws `host-unknown`, `connection-refused`, `connect-timeout`, `tls-unverified`, `tls-failed`,
 * `starttls-missing`, `starttls-injected`, `server-silent`, `connection-lost` or `protocol-error`; where the settings name
 * a way there, `proxy-unreachable`, `proxy-refused`, `source-address` or `connection-file` besides.
 */
export function networkProbe(options: ProbeOptions): Probe {
  return {
    look: async (target) => {
      const { host, port } = target;
      const transport = await options.transportOf(host);
      const end = new AbortController();
      const look: Look = { target, peer: { host, port }, transport, sockets: [], end, during: 'connection' };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(lateError(look, options.timeoutMs)), options.timeoutMs);
      });
      try {
        return await Promise.race([proofOf(look, options), late]);
      } finally {
        clearTimeout(timer);
        end.abort();
        for (const socket of look.sockets) socket.destroy();
      }
    },
  };
}

function lateError({ target, peer, transport, during }: Look, timeoutMs: number): MailhaulError {
  const seconds = timeoutMs / 1000;
  if (during === 'connection') return lateConnection(target, transport, timeoutMs);
  if (during === 'TLS') return new MailhaulError('tls-failed', { ...peer, reason: `no answer within ${seconds} s` });
  return new MailhaulError('server-silent', { ...peer, seconds, during });
}

async function proofOf(look: Look, { dns, ca, timeoutMs }: ProbeOptions): Promise<Proof> {
  const { target } = look;
  const { host, protocol } = target;
  const addresses = await addressesOf(look, dns);
  const tcp = await openTcp(target, look.transport, { timeoutMs, signal: look.end.signal, addresses });
  look.sockets.push(tcp.on('error', () => {}));
  // It may have come in the very moment in which all of it ended.
  if (look.end.signal.aborted) tcp.destroy();
  if (target.security === 'starttls') await startTls(look, tcp);
  look.during = 'TLS';
  const { socket, certificateName } = await openTls(look, tcp, ca);
  look.during = 'greeting';
  const lines = new Lines(socket, host);
  // After STARTTLS there is no second greeting (RFC 2595 §3.1, §4).
  const { apop, refused } = target.security === 'tls' ? await greet(lines, protocol) : { apop: false, refused: false };
  const mechanisms = refused ? [] : await askMechanisms(lines, protocol, apop);
  return { certificateName, mechanisms };
}

async function startTls(look: Look, tcp: Socket): Promise<void> {
  const { target, peer } = look;
  look.during = 'greeting';
  const lines = new Lines(tcp, target.host);
  const { refused } = await greet(lines, target.protocol);
  if (refused || !(await askForTls(lines, target.protocol))) throw new MailhaulError('starttls-missing', peer);
  // CVE-2011-0411: what came in the clear together with the answer must not count as said under TLS.
  if (lines.rest !== '') throw new MailhaulError('starttls-injected', peer);
  lines.leave();
}

/** Undefined where the proxy looks names up. */
async function addressesOf({ target, peer, transport }: Look, dns: ProbeOptions['dns']) {
  const { host } = target;
  if (!resolvesHere(transport) && isIP(host) === 0) return undefined;
  const addresses = await dns.addresses(host).catch((cause: unknown) => {
    throw new MailhaulError('host-unknown', peer, cause);
  });
  if (addresses.length === 0) throw new MailhaulError('host-unknown', peer);
  return addresses;
}

function openTls({ target, peer, transport, sockets }: Look, tcp: Socket, ca: string | undefined) {
  const { host, domain } = target;
  const options = tlsOptions(host, transport, ca);
  let certificateName = host;
  const socket: TLSSocket = connectTls({
    socket: tcp,
    host,
    ...options,
    checkServerIdentity: (name, certificate) => {
      const wrong = options.checkServerIdentity!(name, certificate);
      if (wrong === undefined || domain === undefined || checkServerIdentity(domain, certificate)) return wrong;
      certificateName = domain;
      return undefined;
    },
  });
  sockets.push(socket.on('error', () => {}));
  return new Promise<{ socket: TLSSocket; certificateName: string }>((resolve, reject) => {
    socket.once('secureConnect', () => resolve({ socket, certificateName }));
    const fail = (error: Error) => {
      const code = socket.authorizationError ? 'tls-unverified' : 'tls-failed';
      reject(new MailhaulError(code, { ...peer, reason: error.message || 'failed' }, error));
    };
    socket.once('error', fail);
    socket.once('close', () => fail(new Error('the connection was closed')));
  });
}
