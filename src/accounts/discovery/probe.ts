/** Looking at a real server: TLS with a certificate that verifies, and what it offers. Nobody is logged in. */
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { type ErrorDetails, MailhaulError } from '../../ground/errors.ts';
import { Lines } from './lines.ts';
import type { Dns, Probe, ProbeTarget, Proof } from './seams.ts';
import { askForTls, askMechanisms, greet } from './talk.ts';

/** How servers are looked at. */
export interface ProbeOptions {
  readonly dns: Pick<Dns, 'addresses'>;
  /** For all of it: connection, TLS and the few answers. */
  readonly timeoutMs: number;
  /** Authorities that are trusted instead of those of Node.js, as PEM text. */
  readonly ca?: string;
}

/** What is under way in one look, so that all of it ends together. */
interface Look {
  readonly target: ProbeTarget;
  readonly peer: ErrorDetails;
  readonly sockets: Socket[];
  /** What is waited for: it decides what being late means. */
  during: 'connection' | 'TLS' | 'greeting';
}

/**
 * A probe that connects. Throws `host-unknown`, `connection-refused`, `connect-timeout`, `tls-unverified`, `tls-failed`,
 * `starttls-missing`, `starttls-injected`, `server-silent`, `connection-lost` or `protocol-error`.
 */
export function networkProbe(options: ProbeOptions): Probe {
  return {
    look: async (target) => {
      const { host, port } = target;
      const look: Look = { target, peer: { host, port }, sockets: [], during: 'connection' };
      let timer: NodeJS.Timeout | undefined;
      const late = new Promise<never>((_, reject) => {
        timer = setTimeout(() => reject(lateError(look, options.timeoutMs / 1000)), options.timeoutMs);
      });
      try {
        return await Promise.race([proofOf(look, options), late]);
      } finally {
        clearTimeout(timer);
        for (const socket of look.sockets) socket.destroy();
      }
    },
  };
}

function lateError({ peer, during }: Look, seconds: number): MailhaulError {
  if (during === 'connection') return new MailhaulError('connect-timeout', { ...peer, seconds });
  if (during === 'TLS') return new MailhaulError('tls-failed', { ...peer, reason: `no answer within ${seconds} s` });
  return new MailhaulError('server-silent', { ...peer, seconds, during });
}

async function proofOf(look: Look, { dns, ca }: ProbeOptions): Promise<Proof> {
  const { target, peer } = look;
  const { host, protocol } = target;
  const addresses = await dns.addresses(host).catch((cause: unknown) => {
    throw new MailhaulError('host-unknown', peer, cause);
  });
  if (addresses.length === 0) throw new MailhaulError('host-unknown', peer);
  const tcp = await openTcp(look, addresses);
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

function openTcp({ target, peer, sockets }: Look, addresses: readonly string[]): Promise<Socket> {
  const all = addresses.map((address) => ({ address, family: isIP(address) }));
  const lookup: LookupFunction = (_, options, done) => {
    if (options.all) done(null, all);
    else done(null, all[0]!.address, all[0]!.family);
  };
  const socket = connectTcp({ host: target.host, port: target.port, lookup, autoSelectFamilyAttemptTimeout: 1000 });
  sockets.push(socket.on('error', () => {}));
  return new Promise((resolve, reject) => {
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => {
      reject(new MailhaulError('connection-refused', { ...peer, reason: error.code ?? 'failed' }, error));
    });
  });
}

function openTls({ target, peer, sockets }: Look, tcp: Socket, ca: string | undefined) {
  const { host, domain } = target;
  let certificateName = host;
  const socket: TLSSocket = connectTls({
    socket: tcp,
    host,
    // RFC 6066 §3: no address literal in the name indication.
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(ca === undefined ? {} : { ca }),
    rejectUnauthorized: true,
    checkServerIdentity: (_, certificate) => {
      const wrong = checkServerIdentity(host, certificate);
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
