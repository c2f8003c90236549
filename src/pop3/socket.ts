/** TCP and TLS to a POP3 server. */
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { MailhaulError } from '../ground/errors.ts';
import { settled } from '../transport/settled.ts';
import { openTcp } from '../transport/tcp.ts';
import { assertPeer, tlsError, tlsOptions } from '../transport/tls.ts';
import { directTransport, type Opening } from '../transport/transport.ts';
import { type PopEndpoint, type PopOptions, seconds } from './endpoint.ts';

type Limits = Pick<PopOptions, 'popConnectTimeoutMs' | 'signal'>;

/**
 * Connects, with TLS where the endpoint says `tls`.
 * @throws MailhaulError what `openTcp` and `startTls` throw
 */
export async function openSocket(endpoint: PopEndpoint, limits: Limits): Promise<Socket> {
  const began = performance.now();
  const socket = await openTcp(endpoint, endpoint.transport ?? directTransport, openingOf(limits));
  return endpoint.security === 'tls' ? startTls(socket, endpoint, limits, performance.now() - began) : socket;
}

/**
 * Speaks TLS over a connected socket. The certificate is always verified, or held against the pin.
 * @throws MailhaulError `tls-unverified`, `tls-pin-mismatch`, `tls-too-old`, `tls-not-spoken`, `tls-client-refused`,
 * `tls-failed`
 * @param goneMs how much of the time to connect is used up
 */
export async function startTls(socket: Socket, endpoint: PopEndpoint, limits: Limits, goneMs = 0): Promise<TLSSocket> {
  const { host, port, tlsCa, transport = directTransport } = endpoint;
  let secure: TLSSocket;
  try {
    secure = connectTls({ socket, host, ...tlsOptions(host, transport, tlsCa) });
  } catch (error) {
    socket.destroy();
    throw tlsError(endpoint, error);
  }
  const reason = `no answer within ${seconds(limits.popConnectTimeoutMs)} s`;
  const late = () => new MailhaulError('tls-failed', { host, port, reason });
  const afterPlain = endpoint.security === 'starttls';
  await settled(secure, 'secureConnect', openingOf(limits, goneMs), late, (error) =>
    tlsError(endpoint, error, afterPlain),
  );
  try {
    assertPeer(secure, endpoint, transport);
  } catch (error) {
    secure.on('error', () => {}).destroy();
    throw error;
  }
  return secure;
}

function openingOf({ popConnectTimeoutMs, signal }: Limits, goneMs = 0): Opening {
  return { timeoutMs: Math.max(1, popConnectTimeoutMs - goneMs), signal };
}
