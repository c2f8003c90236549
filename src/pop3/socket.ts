/** TCP and TLS to a POP3 server, with what can go wrong there classified. */
import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { type ErrorCode, MailhaulError } from '../ground/errors.ts';
import { type PopEndpoint, type PopOptions, seconds } from './endpoint.ts';

type Opening = Pick<PopOptions, 'popConnectTimeoutMs' | 'signal' | 'onSecure'>;

/**
 * Connects, with TLS where the endpoint says `tls`.
 * @throws MailhaulError `host-unknown`, `connection-refused`, `connect-timeout`, `tls-unverified`, `tls-failed`
 */
export async function openSocket(endpoint: PopEndpoint, options: Opening): Promise<Socket> {
  const { host, port } = endpoint;
  const socket = connectTcp({
    host,
    port,
    // Node's own 250 ms an address is short for a distant server with several addresses.
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.min(2500, Math.floor(options.popConnectTimeoutMs / 4))),
  });
  socket.setNoDelay(true);
  const began = performance.now();
  const late = () =>
    new MailhaulError('connect-timeout', { host, port, seconds: seconds(options.popConnectTimeoutMs) });
  await settled(socket, 'connect', options, late, (error) => connectError(endpoint, error, performance.now() - began));
  return endpoint.security === 'tls' ? startTls(socket, endpoint, options) : socket;
}

/**
 * Speaks TLS over a connected socket. The certificate is always verified.
 * @throws MailhaulError `tls-unverified`, `tls-failed`
 */
export async function startTls(socket: Socket, endpoint: PopEndpoint, options: Opening): Promise<TLSSocket> {
  const { host, port, tlsCa } = endpoint;
  const failed = (reason: string, cause?: unknown) => new MailhaulError('tls-failed', { host, port, reason }, cause);
  let secure: TLSSocket;
  try {
    secure = connectTls({
      socket,
      host,
      // RFC 6066 §3: no address literal in the name indication.
      ...(isIP(host) === 0 ? { servername: host } : {}),
      ...(tlsCa === undefined ? {} : { ca: tlsCa }),
      rejectUnauthorized: true,
    });
  } catch (error) {
    socket.destroy();
    throw failed(reasonOf(error), error);
  }
  const late = () => failed(`no answer within ${seconds(options.popConnectTimeoutMs)} s`);
  await settled(secure, 'secureConnect', options, late, (error) => {
    // OpenSSL met text where the first record of TLS should be.
    const { code = '' } = error as NodeJS.ErrnoException;
    if (/^ERR_SSL_(?:WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$/.test(code)) {
      return new MailhaulError('tls-not-spoken', { host, port, reason: reasonOf(error) }, error);
    }
    if (!secure.authorizationError) return failed(reasonOf(error), error);
    return new MailhaulError('tls-unverified', { host, port, reason: reasonOf(error) }, error);
  });
  options.onSecure?.(secure);
  return secure;
}

// Waits for the event that ends an opening; anything else destroys the socket.
function settled(
  socket: Socket,
  event: 'connect' | 'secureConnect',
  options: Opening,
  late: () => MailhaulError,
  classify: (error: Error) => MailhaulError,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const { signal } = options;
    const leave = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      socket.off(event, onOpen).off('error', onError).off('close', onClose);
    };
    const fail = (error: unknown) => {
      leave();
      // A socket that is being torn down may still report errors of its own; nobody waits for them.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const onOpen = () => {
      leave();
      resolve();
    };
    const onError = (error: Error) => fail(classify(error));
    const onClose = () => fail(classify(new Error('the connection was closed')));
    const onAbort = () => fail(signal?.reason);
    const timer = setTimeout(() => fail(late()), options.popConnectTimeoutMs);
    socket.once(event, onOpen).once('error', onError).once('close', onClose);
    if (signal?.aborted) onAbort();
    else signal?.addEventListener('abort', onAbort, { once: true });
  });
}

function connectError({ host, port }: PopEndpoint, error: Error, elapsedMs: number): MailhaulError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  let found: ErrorCode = 'connection-refused';
  if (code === 'ENOTFOUND' || code.startsWith('EAI_')) found = 'host-unknown';
  if (code === 'ETIMEDOUT') found = 'connect-timeout';
  return new MailhaulError(
    found,
    { host, port, reason: reasonOf(error), seconds: Math.round(elapsedMs / 1000) },
    error,
  );
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // An AggregateError, one entry for each address of a host, has no message of its own.
  const code = (error as NodeJS.ErrnoException).code;
  return error.message || code || error.name;
}
